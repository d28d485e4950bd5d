"""What happened in which account since the last round of delivery, and which trails logged meanwhile.

Recording an event stands in the path of every request, so it only appends to one list for all trails of the account.
Which trails log, and what, is looked up when a request may have changed that, which CloudTrail's own events and those
of Organizations tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from trail_sandbox.aws.delivery.digest import Digest, LogFile
from trail_sandbox.aws.delivery.entry import Entry
from trail_sandbox.aws.delivery.selection import Selection
from trail_sandbox.aws.organizations import organization_of, trails_in
from trail_sandbox.aws.trails import Trail, TrailStore

_CHANGES_OF_LOGGING = frozenset({"StartLogging", "StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"})


@dataclass(frozen=True)
class Span:
    """Events that one trail logged, by their positions, and what of them it selects."""

    start: int
    stop: int
    selection: Selection


Spans = tuple[Span, ...]


@dataclass
class Chain:
    """The digests of one trail about one region, as far as they matter for the next one."""

    start: datetime
    previous: Digest | None = None
    log_files: list[LogFile] = field(default_factory=list)


@dataclass
class Progress:
    """How far one trail has got. Destinations fail independently, so each has its own refused events, by region."""

    created: datetime
    logging: tuple[int, Selection] | None = None
    """Since which event, and what it selects."""
    spans: list[Span] = field(default_factory=list)
    refused_by_bucket: dict[str, Sequence[Entry]] = field(default_factory=dict)
    refused_by_log_group: dict[str, Sequence[Entry]] = field(default_factory=dict)
    chains: dict[str, Chain] = field(default_factory=dict)
    last_round: datetime | None = None

    def log(self, number: int, selection: Selection | None) -> None:
        """Log what this selects from this event on; None is nothing."""
        if self.logging:
            self.spans.append(Span(self.logging[0], number, self.logging[1]))
        self.logging = (number, selection) if selection else None

    def take(self, end: int) -> Spans:
        """Give the spans of events logged since the last round, and begin a new one."""
        if self.logging:
            self.log(end, self.logging[1])
            self.logging = (0, self.logging[1])
        spans, self.spans = self.spans, []
        return tuple(span for span in spans if span.start < span.stop)

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is to come for this trail."""
        waits = self.spans or self.refused_by_bucket or self.refused_by_log_group or self.chains
        return self.logging is None and not waits


@dataclass
class Collected:
    """What one round has to deliver for an account: the spans are of positions in the events."""

    events: list[Entry]
    trails: list[tuple[Trail, Progress, Spans]]


@dataclass
class _Account:
    events: list[Entry] = field(default_factory=list)
    trails: dict[str, Progress] = field(default_factory=dict)


class Recorder:
    """The events of all accounts in which a trail logs. Requests and rounds may use it from different threads."""

    def __init__(self, trails: TrailStore) -> None:
        self._trails = trails
        self._accounts: dict[str, _Account] = {}
        self._lock = Lock()

    def record(self, entry: Entry) -> None:
        """Keep an event for the next round, if it is of an account in which a trail logs."""
        account = entry.account
        changes_logging = _changes_logging(entry)
        if not changes_logging and account not in self._accounts:
            return
        with self._lock:
            events = self._accounts.setdefault(account, _Account()).events
            events.append(entry)
            if changes_logging:
                # The event that starts or stops logging is itself recorded.
                self._notice(account, started_at=len(events) - 1, stopped_at=len(events))
                self._notice_elsewhere(entry)

    def logged_by(self, entry: Entry) -> list[Trail]:
        """The trails that log when an event of their account happens: as they were before it, or as it starts them."""
        trails = {trail.arn: trail for trail in self._trails_of(entry.account) if trail.is_logging}
        if _changes_logging(entry):
            before = trails_in(self._trails, entry.account, as_of=entry.event.time)
            trails |= {trail.arn: trail for trail in before if trail.is_logging}
        return list(trails.values())

    def accounts(self) -> list[str]:
        """The accounts in which something may be to deliver."""
        with self._lock:
            return list(self._accounts)

    def collect(self, account: str) -> Collected:
        """Take what has happened in an account since the last round."""
        with self._lock:
            known = self._accounts.setdefault(account, _Account())
            self._notice(account, started_at=len(known.events), stopped_at=len(known.events))
            events, known.events = known.events, []
            collected = Collected(events, [])
            for arn, progress in known.trails.items():
                if trail := self._logged(arn, account):
                    collected.trails.append((trail, progress, progress.take(len(events))))
            return collected

    def tidy(self, account: str) -> None:
        """Drop the trails that nothing is to come for, and the account with its last one."""
        with self._lock:
            known = self._accounts[account]
            known.trails = {arn: progress for arn, progress in known.trails.items() if not progress.is_idle}
            if not known.trails:
                del self._accounts[account]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._accounts.clear()

    def _trails_of(self, account: str) -> list[Trail]:
        """The trails that may log an account's events."""
        return trails_in(self._trails, account)

    def _logged(self, arn: str, account: str) -> Trail | None:
        """A trail that logs an account's events, or did so before the account left the trail's organization."""
        trail = self._trails.get(arn)
        return trail if trail and (trail.account == account or trail.is_organization_trail) else None

    def _notice_elsewhere(self, entry: Entry) -> None:
        """Find out which trails log now in the other accounts of an organization, and in those that have left one."""
        organization = organization_of(entry.account)
        others = set(organization.accounts) if organization else set()
        if entry.event.service == "organizations":
            others |= set(self._accounts)
        for account in others - {entry.account}:
            number = len(self._accounts.setdefault(account, _Account()).events)
            self._notice(account, started_at=number, stopped_at=number)

    def _notice(self, account: str, *, started_at: int, stopped_at: int) -> None:
        """Find out what trails log now: those that start do from `started_at` on, all others change at `stopped_at`."""
        known = self._accounts[account].trails
        current = {trail.arn: trail for trail in self._trails_of(account)}
        for arn in list(known):
            trail = self._logged(arn, account)
            if trail is None or trail.created != known[arn].created:
                del known[arn]
            elif arn not in current and known[arn].logging:
                known[arn].log(stopped_at, None)
        for arn, trail in current.items():
            selection = Selection.of(trail) if trail.is_logging else None
            logged = known[arn].logging if arn in known else None
            if selection and not logged:
                known.setdefault(arn, Progress(trail.created)).log(started_at, selection)
            elif logged and logged[1] != selection:
                known[arn].log(stopped_at, selection)


def _changes_logging(entry: Entry) -> bool:
    service, operation = entry.event.service, entry.event.operation
    if service == "organizations":
        return not operation.startswith(("Describe", "List"))
    return service == "cloudtrail" and operation in _CHANGES_OF_LOGGING
