"""What an AWSAccount lets a Trail do. Says what is allowed instead, and nothing of other teams' Trails or accounts."""

from fnmatch import fnmatchcase

from trail_operator.api.account import AWSAccountSpec
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import TrailSpec
from trail_operator.core.failure import Failure, FailureClass


def barred(account: AWSAccountSpec, name: str, namespace: str, labels: dict[str, str] | None) -> Failure | None:
    """Why Trails of a namespace may not use the AWSAccount `name`; None if they may. `labels`: None if not known."""
    if account.allowed_namespaces.allows(namespace, labels):
        return None
    return _refusal(
        Reason.NAMESPACE_NOT_ALLOWED,
        f"AWSAccount {name} does not allow Trails of namespace {namespace}: ask for it in its allowedNamespaces",
    )


def forbidden(account: AWSAccountSpec, name: str, spec: TrailSpec, region: str) -> Failure | None:
    """What of a Trail's spec the AWSAccount `name` does not allow; None if all of it is."""
    if account.allowed_regions and region not in account.allowed_regions:
        return _refusal(
            Reason.REGION_NOT_ALLOWED,
            f"AWSAccount {name} does not allow trails homed in {region}: choose one of "
            f"{', '.join(sorted(account.allowed_regions))}",
        )
    if account.allowed_buckets is not None and not _matches(spec.s3_bucket_name, account.allowed_buckets):
        return _refusal(
            Reason.BUCKET_NOT_ALLOWED,
            f"AWSAccount {name} does not allow bucket {spec.s3_bucket_name}: choose one of "
            f"{_listed(account.allowed_buckets)}",
        )
    role = spec.cloud_watch_logs_role_arn
    if role and account.allowed_log_role_arns is not None and not _matches(role, account.allowed_log_role_arns):
        return _refusal(
            Reason.LOG_ROLE_NOT_ALLOWED,
            f"AWSAccount {name} does not allow role {role} for log groups: choose one of "
            f"{_listed(account.allowed_log_role_arns)}",
        )
    if spec.is_organization_trail and not account.allow_organization_trails:
        return _refusal(
            Reason.ORGANIZATION_TRAIL_NOT_ALLOWED,
            f"AWSAccount {name} does not allow organization trails: take isOrganizationTrail away",
        )
    return None


def _matches(value: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value, pattern.replace("[", "[[]")) for pattern in patterns)


def _listed(patterns: tuple[str, ...]) -> str:
    return ", ".join(sorted(patterns)) or "none: it allows no trail that names one"


def _refusal(reason: Reason, message: str) -> Failure:
    return Failure(FailureClass.AUTHORITY, reason, message)
