"""Warnings: a trail works, but may not do what its users expect, or may cost more.

They are based on known facts and reported on a separate condition that never affects Ready.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.domain.inventory_snapshot import PeerTrail
from trail_operator.domain.selectors import AdvancedSelector, management_events, may_record_object_writes
from trail_operator.domain.texts import listed
from trail_operator.domain.trail import (
    GLOBAL_REGIONS,
    DesiredTrail,
    has_global_events,
    records_global_events,
)

# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
# Other values only cause a warning.
_KNOWN_FIELDS = frozenset(
    {
        *("eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.ARN", "resources.type"),
        *("errorCode", "sessionCredentialFromConsole", "userIdentity.arn", "vpcEndpointId"),
    }
)
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_InsightSelector.html
_KNOWN_INSIGHTS = frozenset({"ApiCallRateInsight", "ApiErrorRateInsight"})
_RESOURCE_TYPE = re.compile(r"\AAWS::[A-Za-z0-9]+::?[A-Za-z0-9]+\Z")

ABOUT_OTHER_TRAILS = frozenset(
    {Reason.OWNED_ELSEWHERE, Reason.DUPLICATE_GLOBAL_EVENTS, Reason.DUPLICATE_MANAGEMENT_EVENTS}
)
"""Warnings about other trails."""


@dataclass(frozen=True)
class Advice:
    """A warning: what is wrong, and what to do."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class AdviceBasis:
    """What the warnings about a trail follow from, besides the other trails of its account."""

    account: str | None
    """The AWSAccount; None for the account of the operator's own identity."""
    desired: DesiredTrail
    exists: bool
    """Whether the trail exists yet."""
    found: tuple[Advice, ...] = ()
    """What the reconcile itself warns about, such as the policies that delivery depends on."""


def advise(desired: DesiredTrail, peers: Iterable[PeerTrail], *, exists: bool = True) -> tuple[Advice, ...]:
    """Return all warnings about a trail, the most important first. `exists`: whether the trail exists yet."""
    others = [other for other in peers if other.arn != desired.arn]
    found = (
        _own_delivery(desired, exists=exists),
        _owned_elsewhere(desired, others),
        _duplicate_global_events(desired, others, exists=exists),
        _duplicate_management_events(desired, others, exists=exists),
        _no_management_events(desired),
        _ignored_global_events(desired),
        _unknown_selectors(desired),
    )
    return tuple(advice for advice in found if advice)


def _own_delivery(desired: DesiredTrail, *, exists: bool) -> Advice | None:
    configuration, partition = desired.configuration, desired.location.partition
    if not configuration.recursive_logging or not any(
        may_record_object_writes(desired.event_selectors, partition, folder, ".json.gz") for folder in _folders(desired)
    ):
        return None
    verb = "records" if exists else "will record"
    return Advice(
        Reason.LOGS_OWN_DELIVERY,
        f"The trail {verb} data events of its bucket {configuration.s3_bucket_name}: each delivered file causes "
        f"an event for the next delivery. Set recursiveLogging: false, or exclude the bucket from the selectors",
    )


def _folders(desired: DesiredTrail) -> list[str]:
    """Return the ARN prefixes of the objects that the trail delivers.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
    """
    configuration, location = desired.configuration, desired.location
    prefix = f"{configuration.s3_key_prefix}/" if configuration.s3_key_prefix else ""
    logs = f"arn:{location.partition}:s3:::{configuration.s3_bucket_name}/{prefix}AWSLogs"
    if configuration.is_organization_trail:
        return [f"{logs}/o-"]  # the ID of the organization and its accounts are unknown
    kinds = ["CloudTrail"]
    kinds += ["CloudTrail-Digest"] if configuration.enable_log_file_validation else []
    kinds += ["CloudTrail-Insight"] if desired.insights else []
    regions = "" if configuration.is_multi_region_trail else f"{location.region}/"
    return [f"{logs}/{location.account}/{kind}/{regions}" for kind in kinds]


def _owned_elsewhere(desired: DesiredTrail, others: Sequence[PeerTrail]) -> Advice | None:
    strays = [other for other in others if desired.owns(other.owner)]
    if not strays:
        return None
    first = strays[0]
    return Advice(
        Reason.OWNED_ELSEWHERE,
        f"The owner tag of this Trail is also on {listed([stray.arn for stray in strays])}, which this Trail does not "
        f"manage. Unless another cluster has the same --cluster-name: delete it if it is not needed (aws cloudtrail "
        f"delete-trail --region {first.home_region} --name {first.name}); to keep it instead, delete this Trail and "
        f"create it again with region: {first.home_region} and name: {first.name}",
    )


def _duplicate_global_events(desired: DesiredTrail, others: Sequence[PeerTrail], *, exists: bool) -> Advice | None:
    if not records_global_events(desired.configuration, desired.location.partition, desired.location.region):
        return None
    twins = _recorded_by(
        (other for other in others if _takes_the_same_global_events(desired, other)),
        desired,
        "them",
        exists=exists,
    )
    if not twins:
        return None
    return Advice(
        Reason.DUPLICATE_GLOBAL_EVENTS,
        f"Events of global services {twins}. Set includeGlobalServiceEvents: false on a single-region trail, or keep "
        "one of them",
    )


def _duplicate_management_events(desired: DesiredTrail, others: Sequence[PeerTrail], *, exists: bool) -> Advice | None:
    is_everywhere, region = desired.configuration.is_multi_region_trail, desired.location.region
    copies = _recorded_by(
        (other for other in others if is_everywhere or other.is_multi_region_trail or other.home_region == region),
        desired,
        "some of them",
        exists=exists,
    )
    if not copies:
        return None
    return Advice(
        Reason.DUPLICATE_MANAGEMENT_EVENTS, f"Management events {copies}. AWS bills each copy after the first"
    )


def _no_management_events(desired: DesiredTrail) -> Advice | None:
    if management_events(desired.event_selectors):
        return None
    return Advice(
        Reason.NO_MANAGEMENT_EVENTS,
        "The selectors record no management events. Add a selector for them, unless another trail records them",
    )


def _ignored_global_events(desired: DesiredTrail) -> Advice | None:
    configuration, location = desired.configuration, desired.location
    if configuration.is_multi_region_trail or not configuration.include_global_service_events:
        return None
    if has_global_events(location.partition, location.region) is not False:
        return None
    region = " and ".join(GLOBAL_REGIONS[location.partition])
    return Advice(
        Reason.GLOBAL_EVENTS_IGNORED,
        f"includeGlobalServiceEvents has no effect: the events of global services (IAM, CloudFront, ...) are recorded "
        f"in {region}, by its trails and by multi-region ones. Set it to false, or isMultiRegionTrail to true",
    )


def _unknown_selectors(desired: DesiredTrail) -> Advice | None:
    advanced = [entry for entry in desired.event_selectors if isinstance(entry, AdvancedSelector)]
    unknown = {
        f"field {condition.field}"
        for entry in advanced
        for condition in entry.conditions
        if condition.field not in _KNOWN_FIELDS
    }
    for entry in desired.event_selectors:
        if isinstance(entry, AdvancedSelector):
            condition = entry.on("resources.type")
            kinds = condition.equals if condition else ()
        else:
            kinds = tuple(kind for kind, _ in entry.data_resources)
        unknown |= {f"resource type {kind}" for kind in kinds if not _RESOURCE_TYPE.match(kind)}
    unknown |= {f"insight type {kind}" for kind, _ in desired.insights if kind not in _KNOWN_INSIGHTS}
    if not unknown:
        return None
    return Advice(
        Reason.UNKNOWN_SELECTOR,
        f"The selectors have values that this version of the operator does not know: {listed(sorted(unknown))}. They "
        f"are sent to AWS unchanged; check the spelling",
    )


def _recorded_by(others: Iterable[PeerTrail], desired: DesiredTrail, what: str, *, exists: bool) -> str:
    """Return how certainly which other trails record the same events; "" if none does."""
    recorded = management_events(desired.event_selectors) if desired.is_logging else frozenset()
    if not recorded:
        return ""
    known, unknown = [], []
    for other in others:
        name = other.arn + (" (of the organization)" if other.is_organization_trail else "")
        if other.management_events is None:
            unknown.append(name)
        elif other.management_events & recorded:
            known.append(name)
    copies = [f"{listed(known)} {'records' if len(known) == 1 else 'record'} {what} too"] if known else []
    copies += (
        [f"{listed(unknown)} may record {what} too (this account cannot read what is recorded there)"]
        if unknown
        else []
    )
    certain = "are" if exists else "will be"
    verb = certain if known else "may be"
    return f"{verb} recorded more than once: {', and '.join(copies)}" if copies else ""


def _takes_the_same_global_events(desired: DesiredTrail, other: PeerTrail) -> bool:
    """Return whether both trails record some of the same global events. China's two regions have separate ones."""
    if other.is_multi_region_trail:
        return True
    in_reach = desired.configuration.is_multi_region_trail or other.home_region == desired.location.region
    has_them = has_global_events(desired.location.partition, other.home_region)
    return in_reach and bool(has_them) and other.include_global_service_events
