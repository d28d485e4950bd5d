"""What an AWSAccount allows Trails and TrailAlarmSets to do.

Messages name what is allowed, never other teams' Trails or accounts.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy, TrailSpec
from trail_operator.domain.failure import Failure, FailureClass, authority
from trail_operator.domain.texts import listed

TRAIL_REFUSALS = frozenset(
    {
        *(Reason.REGION_NOT_ALLOWED, Reason.BUCKET_NOT_ALLOWED, Reason.LOG_ROLE_NOT_ALLOWED),
        *(Reason.ORGANIZATION_TRAIL_NOT_ALLOWED, Reason.RESOURCE_NOT_ALLOWED, Reason.TRAIL_NAME_NOT_ALLOWED),
    }
)
"""Why the spec of a Trail is not allowed."""


def check_namespace(
    account: AWSAccountSpec, name: str, namespace: str, labels: dict[str, str] | None
) -> Failure | None:
    """Check whether Trails of a namespace may use the AWSAccount `name`. `labels`: None if unknown."""
    if account.allowed_namespaces.allows(namespace, labels):
        return None
    return authority(
        Reason.NAMESPACE_NOT_ALLOWED,
        f"AWSAccount {name} does not allow Trails of namespace {namespace}: ask an administrator to add it to "
        f"allowedNamespaces",
    )


def check_spec(account: AWSAccountSpec, name: str, spec: TrailSpec, trail_name: str, region: str) -> Failure | None:
    """Check whether the AWSAccount `name` allows a Trail's spec."""
    if not allows_name(account, trail_name):
        return authority(
            Reason.TRAIL_NAME_NOT_ALLOWED,
            f"AWSAccount {name} does not allow trails named {trail_name}: create a Trail with another name "
            f"(spec.name, else metadata.name), one of {_listed(account.allowed_trail_names or ())}",
        )
    if account.allowed_regions and region not in account.allowed_regions:
        return authority(
            Reason.REGION_NOT_ALLOWED,
            f"AWSAccount {name} does not allow trails with home region {region}: choose one of "
            f"{', '.join(sorted(account.allowed_regions))}",
        )
    if account.allowed_buckets is not None and not _matches(spec.s3_bucket_name, account.allowed_buckets):
        return authority(
            Reason.BUCKET_NOT_ALLOWED,
            f"AWSAccount {name} does not allow bucket {spec.s3_bucket_name}: choose one of "
            f"{_listed(account.allowed_buckets)}",
        )
    role = spec.cloud_watch_logs_role_arn
    if role and account.allowed_log_role_arns is not None and not _matches(role, account.allowed_log_role_arns):
        return authority(
            Reason.LOG_ROLE_NOT_ALLOWED,
            f"AWSAccount {name} does not allow role {role} for log groups: choose one of "
            f"{_listed(account.allowed_log_role_arns)}",
        )
    if spec.is_organization_trail and not account.allow_organization_trails:
        return authority(
            Reason.ORGANIZATION_TRAIL_NOT_ALLOWED,
            f"AWSAccount {name} does not allow organization trails: remove isOrganizationTrail",
        )
    return None


def allows_name(account: AWSAccountSpec, trail_name: str) -> bool:
    """Return whether trails of the account may have that name."""
    return account.allowed_trail_names is None or _matches(trail_name, account.allowed_trail_names)


def check_resources(
    account: AWSAccountSpec, name: str, *, topic: str | None, key: str | None, log_group: str | None
) -> Failure | None:
    """Check whether the AWSAccount `name` allows a Trail's topic, key and log group.

    They are ARNs, or None if the Trail has none; a log group's has no suffix ':*'.
    """
    limits = (
        ("snsTopicName", topic, "allowedTopicARNs", account.allowed_topic_arns),
        ("kmsKeyID", key, "allowedKeyARNs", account.allowed_key_arns),
        ("cloudWatchLogsLogGroupARN", log_group, "allowedLogGroupARNs", account.allowed_log_group_arns),
    )
    for field, arn, limit, patterns in limits:
        # The ARN of a log group often has the suffix ':*', also in patterns.
        if arn and patterns is not None and not (_matches(arn, patterns) or _matches(f"{arn}:*", patterns)):
            return authority(
                Reason.RESOURCE_NOT_ALLOWED,
                f"AWSAccount {name} does not allow {field} {arn}: choose one of its {limit}, {_listed(patterns)}",
            )
    return None


def key_not_resolved(name: str, key: str, failure: Failure) -> Failure:
    """Return the failure for a key without a known ARN, if the AWSAccount `name` allows only some keys.

    Transient failures and missing credentials are returned unchanged.
    """
    if failure.kind is FailureClass.TRANSIENT or failure.reason in (
        Reason.CREDENTIALS_UNAVAILABLE,
        Reason.ASSUME_ROLE_DENIED,
    ):
        return failure
    return authority(
        Reason.RESOURCE_NOT_ALLOWED,
        f"AWSAccount {name} allows only some KMS keys (allowedKeyARNs), and kmsKeyID {key} could not be resolved to a "
        f"key ARN: {failure.message}",
    )


def check_adoption(arn: str, needed: AdoptionPolicy, allowed: AdoptionPolicy, account: str | None) -> Failure | None:
    """Check whether a trail may be taken over.

    `account`: the AWSAccount that decides; None for the operator's own setting.
    """
    if allowed.includes(needed):
        return None
    which = "without an owner tag" if needed is AdoptionPolicy.IF_UNOWNED else "of another owner"
    setting = f"allowedAdoption of AWSAccount {account}" if account else "--allowed-adoption"
    keeper = "an administrator of AWSAccounts" if account else "an administrator of the operator"
    return authority(
        Reason.ADOPTION_NOT_ALLOWED,
        f"Trail {arn} exists, and taking over trails {which} is not allowed; nothing was written to it. Ask {keeper} "
        f"to set {setting} to {needed}; or choose another spec.name, or set managementPolicy: Observe",
    )


def check_actions(arns: Iterable[str], allowed: Sequence[str], account: str | None) -> Failure | None:
    """Check whether alarms may notify topics.

    `account`: the AWSAccount whose patterns `allowed` are; None for the operator's own setting.
    """
    refused = sorted({arn for arn in arns if not _matches(arn, allowed)})
    if not refused:
        return None
    setting = f"allowedActionARNs of AWSAccount {account}" if account else "--allowed-action-arns"
    keeper = "an administrator of AWSAccounts" if account else "an administrator of the operator"
    choice = f", or use topics that match {_listed(allowed)}" if allowed else ""
    return authority(
        Reason.ACTION_NOT_ALLOWED,
        f"Alarms may not notify {listed(refused)}; nothing was written. Ask {keeper} to add "
        f"{'it' if len(refused) == 1 else 'them'} to {setting}{choice}",
    )


def _matches(value: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(value, pattern.replace("[", "[[]")) for pattern in patterns)


def _listed(patterns: Iterable[str]) -> str:
    return ", ".join(sorted(patterns)) or "none: the list is empty"
