"""Decides which call caused a drift, from the records of CloudTrail that are known. Pure, and never a guess.

The cause is unknown unless exactly one call can have produced the drift. An attribution is only reported: no write to
AWS follows from one.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trail_operator.api.trail_status import AttributionSource, ChangedBy, Difference, LastDrift
from trail_operator.domain.arns import Arn
from trail_operator.domain.cloudtrail_calls import CALLS, Kind, service_of
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.domain.diff import field_of_path
from trail_operator.domain.drift_causes import Causes

# AWS may show the effect of a call some time after the call.
MARGIN = timedelta(seconds=60)
_SECOND = timedelta(seconds=1)
_ALARM = re.compile(r"alarms\[.*?\]")
_WORDS: Mapping[str, str] = {
    AttributionSource.EVENT_HISTORY: "event history",
    AttributionSource.QUEUE: "event queue, not verified",
}

IsOwn = Callable[[str], bool]
"""Whether a request ID is that of a request of this process."""


class AttributionMode(StrEnum):
    """What status and Events show of the caller who caused a drift."""

    NONE = "None"
    PRINCIPAL = "Principal"
    """Not the address and the user agent."""
    FULL = "Full"


@dataclass(frozen=True)
class DetectedDrift:
    """A drift, as the read that showed it found it."""

    resources: frozenset[ResourceRef]
    """What differs, as records name it, all in one region: a trail, or filters and alarms. Never empty."""
    paths: tuple[str, ...]
    causes: Causes | None
    """None if calls that have no record about the trail can have produced it."""
    since: datetime | None
    """The earliest time of a call that can have produced it; None if no earlier read was in sync."""
    detected_at: datetime

    @property
    def account(self) -> str:
        """The account of what differs."""
        return next(iter(self.resources)).account

    @property
    def region(self) -> str:
        """The region of what differs."""
        return next(iter(self.resources)).region

    def is_candidate(self, event: CloudTrailEvent) -> bool:
        """Whether a call may have produced the drift, or a part of it."""
        if self.causes is None or self.since is None or event.error_code:
            return False
        # CloudTrail records whole seconds, rounded down.
        return (
            event.event_name in self.causes.all
            and (service_of(event.event_source), event.event_name) in CALLS
            and any(_changed(event, resource) for resource in self.resources)
            and self.since <= event.event_time <= self.detected_at
        )

    def is_produced_by(self, event: CloudTrailEvent) -> bool:
        """Whether a candidate can have produced all of the drift."""
        is_producing = self.causes is not None and event.event_name in self.causes.producing
        return is_producing and all(_changed(event, resource) for resource in self.resources)


def _changed(event: CloudTrailEvent, resource: ResourceRef) -> bool:
    """Whether a call has changed a resource: metric filters are deleted with their log group."""
    if resource in event.resources:
        return True
    return event.event_name == "DeleteLogGroup" and resource.log_group in event.resources


@dataclass(frozen=True)
class HistoryAnswer:
    """What event history returned about a drift, in the account and region that it was asked in."""

    account: str
    region: str
    events: tuple[CloudTrailEvent, ...]
    complete: bool
    """Whether no page was truncated, every record was readable, and no earlier call is yet to be shown."""
    final: bool
    """Whether it is not asked again."""

    def refutes(self, event: CloudTrailEvent) -> bool:
        """Whether an event of the queue should be among the events, and is not."""
        is_covered = (event.account, event.region) == (self.account, self.region)
        return is_covered and self.complete and self.final and event not in self.events


@dataclass(frozen=True)
class Attribution:
    """The call that caused a drift, and how it is known."""

    event: CloudTrailEvent
    source: AttributionSource

    def changed_by(self, *, full: bool) -> ChangedBy:
        """Return what status shows of the caller. `full`: also the address and the user agent."""
        event, actor = self.event, self.event.actor
        return ChangedBy(
            principal=actor.principal,
            source_identity=actor.source_identity or None,
            on_behalf_of=actor.on_behalf_of or None,
            source_ip_address=(actor.source_ip_address or None) if full else None,
            user_agent=(actor.user_agent or None) if full else None,
            event_name=event.event_name,
            event_time=event.event_time.replace(microsecond=0),
            event_id=event.event_id,
            source=self.source,
        )


def sentence(changed_by: ChangedBy | None) -> str:
    """Return who caused a drift in words, without time and ID, so that repeated Events are counted as one."""
    if changed_by is None:
        return ""
    words = _WORDS.get(changed_by.source, changed_by.source)
    return f"{changed_by.event_name} was called by {changed_by.principal} ({words})."


def newly_attributed(before: LastDrift | None, after: LastDrift | None) -> ChangedBy | None:
    """Return who caused the last drift, if that has become known after the drift was reported."""
    if before is None or after is None or after.changed_by == before.changed_by:
        return None
    is_same = (before.detection_time, before.paths) == (after.detection_time, after.paths)
    return after.changed_by if is_same else None


def trail_ref(arn: str) -> ResourceRef:
    """Return the trail of an ARN as records name it."""
    parts = Arn.parse(arn)
    return ResourceRef(Kind.TRAIL, parts.account, parts.region, parts.name)


def window_start(
    in_sync_at: datetime | None, differences: Iterable[Difference], previous: DetectedDrift | None
) -> datetime | None:
    """Return the earliest time of a call that can have produced a drift, None if it is unknown.

    `in_sync_at`: when the last read was in sync. `previous`: the drift before. The calls that produced it were made
    before its detection. They cannot have produced another drift of the same fields, which were in sync in between.
    """
    if in_sync_at is None:
        return None
    earliest = in_sync_at - MARGIN
    if previous is None or {_part(entry.path) for entry in differences}.isdisjoint(map(_part, previous.paths)):
        return earliest
    return max(earliest, previous.detected_at + _SECOND)


def _part(path: str) -> str:
    """Return what a path is about: a field of a trail, or one alarm of a set."""
    found = _ALARM.match(path)
    return found[0] if found else field_of_path(path)


@dataclass(frozen=True)
class Attributor:
    """Attributes drift as far as the settings allow."""

    mode: AttributionMode
    is_own: IsOwn

    @property
    def is_enabled(self) -> bool:
        """Whether the caller of anything may be named."""
        return self.mode is not AttributionMode.NONE

    def attribute(
        self, drift: DetectedDrift, queued: Collection[CloudTrailEvent], answer: HistoryAnswer | None = None
    ) -> Attribution | None:
        """Return the call that caused a drift, or None if it is unknown or may not be named."""
        return attribute(drift, queued, answer, self.is_own) if self.is_enabled else None

    def changed_by(self, attribution: Attribution | None) -> ChangedBy | None:
        """Return what status shows of the caller."""
        return attribution.changed_by(full=self.mode is AttributionMode.FULL) if attribution else None


def attribute(
    drift: DetectedDrift, queued: Collection[CloudTrailEvent], answer: HistoryAnswer | None, is_own: IsOwn
) -> Attribution | None:
    """Return the call that caused a drift, or None if it is unknown.

    `queued`: events of the queue, of which each may be forged, and any may be missing. `answer`: of event history,
    None if it has not answered. Only an event that a complete answer contains counts as one of event history.
    """
    listed = answer.events if answer else ()
    ids = {event.event_id for event in listed}
    cause = _only_cause(drift, [*(event for event in queued if event.event_id not in ids), *listed], is_own)
    if cause is None or answer is None:
        return Attribution(cause, AttributionSource.QUEUE) if cause else None
    if cause in listed and answer.complete:
        return Attribution(cause, AttributionSource.EVENT_HISTORY)
    was_delivered = any(event.event_id == cause.event_id for event in queued)
    return Attribution(cause, AttributionSource.QUEUE) if was_delivered and not answer.refutes(cause) else None


def _only_cause(drift: DetectedDrift, events: Iterable[CloudTrailEvent], is_own: IsOwn) -> CloudTrailEvent | None:
    """Return the call that can have produced all of the drift, if no other candidate was made."""
    candidates = {_call(event): event for event in events if drift.is_candidate(event) and not is_own(event.request_id)}
    if len(candidates) != 1:
        return None
    (cause,) = candidates.values()
    return cause if drift.is_produced_by(cause) and cause.actor.principal else None


def _call(event: CloudTrailEvent) -> tuple[object, ...]:
    """Return what identifies a call: AWS records a call that concerns two accounts in both, with another event ID."""
    return event.request_id or event.event_id, event.event_name, event.event_time, event.actor
