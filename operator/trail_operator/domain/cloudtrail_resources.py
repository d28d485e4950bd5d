"""Reads which resources a record of CloudTrail names, by name or ARN, in every spelling that occurs.

A record is not trusted: a resource is taken only if its name is one that AWS allows. Nothing here raises.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trail_operator.domain.arns import Arn, is_arn, topic_of
from trail_operator.domain.cloudtrail_calls import Kind, Named

# A call names one or two resources, but DeleteAlarms up to 100. A forged record must not make work without bound.
_MOST_RESOURCES = 10
_MOST_ALARMS = 100
_LONGEST = 2048
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,8}(-[a-z]{1,16}){1,3}-[0-9]{1,2}")
_NAMES = {
    Kind.TRAIL: re.compile(r"[A-Za-z0-9._-]{1,128}"),
    Kind.BUCKET: re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}"),
    Kind.KEY: re.compile(r"[A-Za-z0-9-]{1,128}"),
    Kind.ALIAS: re.compile(r"alias/[A-Za-z0-9/_-]{1,250}"),
    Kind.TOPIC: re.compile(r"[A-Za-z0-9_-]{1,256}(\.fifo)?"),
    Kind.LOG_GROUP: re.compile(r"[A-Za-z0-9._/#-]{1,512}"),
    Kind.ROLE: re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}"),
    Kind.POLICY: re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}"),
    Kind.METRIC_FILTER: re.compile(r"[A-Za-z0-9._/#-]{1,512}:[^:*\x00-\x1f\x7f]{1,512}"),
    Kind.ALARM: re.compile(r"[^\x00-\x1f\x7f]{1,255}"),
}
# Service and resource type in the ARN; topics and buckets have no type.
_ARNS = {
    Kind.TRAIL: ("cloudtrail", "trail"),
    Kind.BUCKET: ("s3", ""),
    Kind.KEY: ("kms", "key"),
    Kind.ALIAS: ("kms", "alias"),
    Kind.TOPIC: ("sns", ""),
    Kind.LOG_GROUP: ("logs", "log-group"),
    Kind.ROLE: ("iam", "role"),
    Kind.POLICY: ("iam", "policy"),
    Kind.ALARM: ("cloudwatch", "alarm"),
}
# arn:aws:sns:REGION:ACCOUNT:TOPIC:ID
# The name of a bucket is unique in its partition, that of a role in its account.
_WITHOUT_ACCOUNT = frozenset({Kind.BUCKET})
_WITHOUT_REGION = frozenset({Kind.BUCKET, Kind.ROLE, Kind.POLICY, Kind.ORGANIZATION})
# `bucket.s3.amazonaws.com`, `bucket.s3.REGION.amazonaws.com`, `bucket.s3-REGION.amazonaws.com`, dual-stack as well:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*?)\.s3[.-](?:[a-z0-9.-]*\.)?amazonaws\.com(?:\.cn)?(?::[0-9]{1,5})?")
_LONGEST_HOST = 320


@dataclass(frozen=True)
class ResourceRef:
    """A resource of AWS.

    `account` and `region` are empty if the name is unique without them: buckets have neither, roles no region.
    """

    kind: Kind
    account: str
    region: str
    name: str
    """Name of a trail, bucket, topic, log group, role (without its path), policy or alarm; ID of a key; `alias/…`.

    Of a metric filter: `LOG_GROUP:NAME`.
    """

    @staticmethod
    def of_filter(account: str, region: str, log_group: str, name: str) -> "ResourceRef":
        """Return a metric filter. Neither of its names contains a colon."""
        return ResourceRef(Kind.METRIC_FILTER, account, region, f"{log_group}:{name}")

    @property
    def log_group(self) -> "ResourceRef | None":
        """The log group of a metric filter."""
        if self.kind is not Kind.METRIC_FILTER:
            return None
        return ResourceRef(Kind.LOG_GROUP, self.account, self.region, self.name[: self.name.index(":")])


def is_account(text: object) -> bool:
    """Whether a value is the number of an account."""
    return isinstance(text, str) and _ACCOUNT.fullmatch(text) is not None


def is_region(text: object) -> bool:
    """Whether a value has the form of the name of a region."""
    return isinstance(text, str) and _REGION.fullmatch(text) is not None


def resources_of(
    record: Mapping[str, Any], named: Iterable[Named], account: str, region: str
) -> frozenset[ResourceRef]:
    """Return the resources that a record names. `account`, `region`: where a name without an ARN is looked up.

    The most precise of three places counts: the list `resources`, the answer, the request.
    """
    found: set[ResourceRef] = set()
    listed = [*_listed(record.get("resources"))]
    for one in named:
        if one.kind is Kind.ORGANIZATION:
            found.add(ResourceRef(one.kind, account, "", ""))
            continue
        if one.kind is Kind.METRIC_FILTER:
            found |= {*_filters(record.get("requestParameters"), one, account, region)}
            continue
        most = _MOST_ALARMS if one.kind is Kind.ALARM else _MOST_RESOURCES
        places = (
            listed,
            [*_texts(record.get("responseElements"), one.answered, most)],
            [*_texts(record.get("requestParameters"), one.requested, most)],
        )
        references = ({*_references(one.kind, texts, account, region)} for texts in places)
        found |= next(filter(None, references), set())
    return frozenset(found)


def _listed(resources: Any) -> Iterator[str]:
    """Yield the ARNs of `resources`, whose member is `ARN`, in some samples `arn`."""
    for entry in resources[:_MOST_RESOURCES] if isinstance(resources, list) else ():
        if isinstance(entry, dict):
            arn = entry.get("ARN", entry.get("arn"))
            if isinstance(arn, str) and is_arn(arn):
                yield arn


def _filters(members: Any, named: Named, account: str, region: str) -> Iterator[ResourceRef]:
    """Yield metric filters: their names are unique in a log group, which is in another member."""
    for group in [*_references(Kind.LOG_GROUP, _texts(members, named.within), account, region)][:1]:
        for text in _texts(members, named.requested):
            found = ResourceRef.of_filter(group.account, group.region, group.name, text)
            if len(text) <= _LONGEST and _NAMES[Kind.METRIC_FILTER].fullmatch(found.name):
                yield found


def _texts(members: Any, names: Iterable[str], most: int = _MOST_RESOURCES) -> Iterator[str]:
    """Yield the values of members: texts, or lists of texts as in the raw parameters of S3."""
    if not isinstance(members, dict):
        return
    for name in names:
        value = members.get(name)
        for text in value[:most] if isinstance(value, list) else (value,):
            if isinstance(text, str):
                yield _bucket_of_host(text) if name in ("host", "Host") else text


def _bucket_of_host(host: str) -> str:
    found = _HOST.fullmatch(host) if len(host) <= _LONGEST_HOST else None
    return found[1] if found else ""


def _references(kind: Kind, texts: Iterable[str], account: str, region: str) -> Iterator[ResourceRef]:
    for text in texts:
        reference = _reference(kind, text, account, region) if len(text) <= _LONGEST else None
        if reference is not None and _NAMES[kind].fullmatch(reference.name):
            yield reference


def _reference(kind: Kind, text: str, account: str, region: str) -> ResourceRef | None:
    name = text
    if is_arn(text):
        arn = _arn_of(kind, topic_of(text) if kind is Kind.TOPIC else text)
        if arn is None:
            return None
        name, account, region = _name_in(kind, arn), arn.account, arn.region
    account = "" if kind in _WITHOUT_ACCOUNT else account
    return ResourceRef(kind, account, "" if kind in _WITHOUT_REGION else region, name)


def _arn_of(kind: Kind, text: str) -> Arn | None:
    """Return a valid ARN of this kind of resource, or None."""
    arn = Arn.try_parse(text)
    if arn is None or (arn.service, arn.resource_type) != _ARNS[kind]:
        return None
    has_account = is_account(arn.account) or (kind in _WITHOUT_ACCOUNT and not arn.account)
    has_region = is_region(arn.region) or (kind in _WITHOUT_REGION and not arn.region)
    return arn if has_account and has_region else None


def _name_in(kind: Kind, arn: Arn) -> str:
    if kind is Kind.ALIAS:
        return arn.resource
    if kind is Kind.LOG_GROUP:
        return arn.resource_id.removesuffix(":*")
    return arn.name if kind in (Kind.ROLE, Kind.POLICY) else arn.resource_id
