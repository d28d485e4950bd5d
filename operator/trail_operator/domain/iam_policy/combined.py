"""The statements that many trails need of one policy: combined where that allows no trail more than it needs.

Log files are written to a folder per account, so each account has its own PutObject statement: a trail of one account
is never allowed to write into the folder of another.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.iam_policy import needs
from trail_operator.domain.iam_policy.needs import Need
from trail_operator.domain.iam_policy.prescribed import Statement
from trail_operator.domain.iam_policy.requests import ResourceLocation, Source


class Requirement(StrEnum):
    """Whether a statement can be left out."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"


@dataclass(frozen=True)
class AdvisedStatement:
    """A statement for a policy, and why it is in it."""

    statement: Statement
    requirement: Requirement
    reason: str


@dataclass(frozen=True)
class Part:
    """What one trail needs, and the statement for it."""

    needs: tuple[Need, ...]
    requirement: Requirement
    reason: str
    group: str = ""
    """Statements with the same Sid and group are combined."""

    @property
    def statement(self) -> Statement:
        """The statement for this trail alone."""
        return self.needs[0].statement


@dataclass(frozen=True)
class PolicyTrail:
    """A trail, with what its policies depend on."""

    arn: str
    location: Location
    configuration: Configuration
    organization: str | None = None
    """The organization's ID, for an organization trail."""

    @property
    def source(self) -> Source:
        """The trail as CloudTrail names it in its requests."""
        return Source(self.arn, (self.organization,) if self.organization else ())


PartsOf = Callable[[PolicyTrail], list[Part]]


def bucket_parts(trail: PolicyTrail) -> list[Part]:
    """Return what a trail needs of its bucket's policy."""
    configuration = trail.configuration
    acl, write, *organization = needs.of_bucket(
        configuration.s3_bucket_name,
        configuration.s3_key_prefix,
        ResourceLocation(),
        trail.source,
        kms_key_arn=configuration.kms_key_id,
        organization=trail.organization,
    )
    account = Arn.parse(trail.arn).account
    writes = f"CloudTrail writes the log files of account {account}"
    if organization:
        writes = (
            "AWS requires it of the bucket of an organization trail, which writes there if it becomes a trail of the "
            f"management account {account} alone"
        )
    accounts = f"CloudTrail writes the log files of all accounts of organization {trail.organization}"
    return [
        _required(acl, "CloudTrail reads the bucket's ACL before it delivers"),
        _required(write, writes, account),
        *(_required(one, accounts, f"{account}{trail.organization}") for one in organization),
    ]


def topic_parts(trail: PolicyTrail) -> list[Part]:
    """Return what a trail needs of its topic's policy."""
    [publish] = needs.of_topic(str(trail.configuration.sns_topic_name), trail.source)
    return [_required(publish, "CloudTrail publishes a notification of each log file")]


def key_parts(trail: PolicyTrail, *, bucket_key: bool) -> list[Part]:
    """Return what a trail needs of the policy of the key in kmsKeyID.

    `bucket_key`: whether the bucket is known to have an S3 Bucket Key.
    """
    encrypt, describe, decrypt = needs.of_key(str(trail.configuration.kms_key_id), trail.source, bucket_key=True)
    requirement = Requirement.REQUIRED if bucket_key else Requirement.RECOMMENDED
    use = "the bucket has" if bucket_key else "required as soon as the bucket has"
    return [
        _required(encrypt, "CloudTrail encrypts log files"),
        _required(describe, "CloudTrail checks that the key can be used"),
        Part((decrypt,), requirement, f"{use} an S3 Bucket Key, which S3 decrypts to encrypt with it"),
    ]


def topic_key_parts(key_arn: str, trail: PolicyTrail) -> list[Part]:
    """Return what a trail needs of the policy of the key that encrypts its topic."""
    reason = "SNS encrypts what CloudTrail publishes"
    return [Part(needs.of_topic_key(key_arn, trail.source), Requirement.REQUIRED, reason)]


def default_key_parts(key_arn: str, trail: PolicyTrail) -> list[Part]:
    """Return what a trail without kmsKeyID may need of the policy of its bucket's default key."""
    reason = "AWS does not document what CloudTrail requires of a bucket's default key; this is known to be enough"
    return [Part(needs.of_default_key(key_arn, trail.source), Requirement.RECOMMENDED, reason)]


def trust_parts(trail: PolicyTrail) -> list[Part]:
    """Return what a trail needs of the trust policy of its log group's role."""
    reason = "CloudTrail assumes the role; AWS does not support aws:SourceArn in its trust policy"
    return [_required(one, reason) for one in needs.of_role_trust(str(trail.configuration.cloud_watch_logs_role_arn))]


def role_parts(trail: PolicyTrail) -> list[Part]:
    """Return what a trail needs of the permissions of its log group's role."""
    role, group = trail.configuration.cloud_watch_logs_role_arn, trail.configuration.cloud_watch_logs_log_group_arn
    create, put = needs.of_role(str(role), str(group), trail.source, trail.organization)
    return [
        _required(create, "CloudTrail creates the log streams"),
        _required(put, "CloudTrail writes the events to them"),
    ]


def _required(need: Need, reason: str, group: str = "") -> Part:
    return Part((need,), Requirement.REQUIRED, reason, group)


def combine(parts: Iterable[Part]) -> list[AdvisedStatement]:
    """Return the statements for all parts, the same kind of statement together, in the order of the first trail."""
    groups: dict[tuple[str, str], dict[str, Part]] = {}
    combined: dict[tuple[str, str], Statement] = {}
    for part in parts:
        kind = str(part.statement.get("Sid"))
        found = groups.setdefault((kind, str(part.statement["Action"])), {})
        first = found.setdefault(part.group, part)
        key = (kind, part.group)
        combined[key] = _united(combined.get(key, first.statement), part.statement)
    return [
        AdvisedStatement(
            _named(combined[kind, group], group if len(found) > 1 else ""), first.requirement, first.reason
        )
        for (kind, _), found in groups.items()
        for group, first in found.items()
    ]


def _named(statement: Statement, group: str) -> Statement:
    """Return the statement with its group in its Sid, as Sids must be unique."""
    suffix = re.sub(r"[^A-Za-z0-9]", "", group)
    return statement | {"Sid": f"{statement['Sid']}Account{suffix}"} if group else statement


def _united(one: Any, other: Any) -> Any:
    """Return a statement for all values of two statements that differ only in values."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return {name: _united(value, other[name]) for name, value in one.items()}
    values = dict.fromkeys([*_values(one), *_values(other)])
    return one if len(values) == len(_values(one)) else list(values)


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
