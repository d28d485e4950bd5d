"""The Prometheus metrics: the counters. `metric_families.py` lists all metric families.

The state of objects is not stored here: each scrape reads it from them, so that their metrics end with them. The values
of every label are bounded, except the names of objects.
"""

from collections.abc import Iterable
from enum import StrEnum
from importlib.metadata import version

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from trail_operator.api.constants import ALARM_SET_KIND, KIND
from trail_operator.aws.error_codes import NO_ANSWER, OK, THROTTLED, code_label
from trail_operator.aws.operations import Internal, Operation, Queue, Read, Write
from trail_operator.domain.alarms.diff import DRIFT_FIELDS
from trail_operator.domain.cloudtrail_event import Rejection
from trail_operator.domain.diff import FIELDS
from trail_operator.domain.event_routing import Outcome
from trail_operator.metric_families import (
    BUILD_INFO,
    CALL_SECONDS,
    CALLS,
    DEFINITION_OUTDATED,
    DRIFT,
    EVENT_QUEUE_MESSAGE_AGE,
    EVENT_QUEUE_MESSAGES,
    EVENT_QUEUE_UP,
    KIND_AVAILABLE,
    LEADER,
    LOOKUPS,
    RATE_WAIT_SECONDS,
    RECONCILE_SECONDS,
    RECONCILES,
    RESTARTS,
    THROTTLES,
    TIME_TO_CORRECT,
    Family,
)

# Those that the operator itself calls. Calls that botocore makes on its own are counted only if they fail.
OPERATIONS: tuple[Operation, ...] = tuple(sorted((*Read, *Write, *Queue, Internal.AssumeRole), key=str))
_RECONCILE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CALL_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)
_EVENT_BUCKETS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400)


class Result(StrEnum):
    """How a reconcile ended."""

    OK = "ok"
    SETTLING = "settling"
    TRANSIENT = "transient"
    DEPENDENCY = "dependency"
    AUTHORITY = "authority"
    TERMINAL = "terminal"
    PAUSED = "paused"
    GONE = "gone"
    KUBERNETES = "kubernetes"
    INTERNAL = "internal"


class LookupResult(StrEnum):
    """What event history answered about a drift."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """A page was truncated, or event history did not show the operator's own correction yet."""
    DENIED = "denied"
    FAILED = "failed"


class Metrics:
    """The counters. Each series whose labels are known in advance starts at 0."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        """What /metrics serves. Collectors of state register here."""
        ProcessCollector(registry=self.registry)
        self._gauge(BUILD_INFO).labels(version("trail-operator")).set(1)
        self.leader = self._gauge(LEADER)
        self._kind_available = self._gauge(KIND_AVAILABLE)
        self._definition_outdated = self._gauge(DEFINITION_OUTDATED)
        self._reconciles = self._counter(RECONCILES)
        self._reconcile_seconds = self._histogram(RECONCILE_SECONDS, _RECONCILE_BUCKETS)
        self._calls = self._counter(CALLS)
        self._call_seconds = self._histogram(CALL_SECONDS, _CALL_BUCKETS)
        self._throttles = self._counter(THROTTLES)
        self._rate_wait = self._counter(RATE_WAIT_SECONDS)
        self._restarts = self._counter(RESTARTS)
        self._drift = self._counter(DRIFT)
        self._lookups = self._counter(LOOKUPS)
        for lookup in LookupResult:
            self._lookups.labels(lookup)
        self._messages = self._counter(EVENT_QUEUE_MESSAGES)
        self._message_age = self._histogram(EVENT_QUEUE_MESSAGE_AGE, _EVENT_BUCKETS)
        self._time_to_correct = self._histogram(TIME_TO_CORRECT, _EVENT_BUCKETS)
        for kind in (KIND, ALARM_SET_KIND):
            self._reconcile_seconds.labels(kind)
            for result in Result:
                self._reconciles.labels(kind, result)
        for operation in OPERATIONS:
            self._throttles.labels(operation.prefix)
            self._calls.labels(operation.prefix, operation.name, OK)
            self._calls.labels(operation.prefix, operation.name, NO_ANSWER)
            self._call_seconds.labels(operation.prefix, operation.name)
        for calls in ("read", "write"):
            self._rate_wait.labels(calls)
        for kind, fields in ((KIND, FIELDS), (ALARM_SET_KIND, DRIFT_FIELDS)):
            for field in fields:
                self._drift.labels(kind, field)
        for outcome in (*Rejection, *Outcome):
            self._messages.labels(outcome)

    def record_available(self, kind: str, available: bool) -> None:
        """Record whether a kind that the cluster may not have is available."""
        self._kind_available.labels(kind).set(available)

    def record_outdated(self, kind: str, outdated: bool) -> None:
        """Record whether the API server drops fields of a kind's status."""
        self._definition_outdated.labels(kind).set(outdated)

    def record_reconcile(self, kind: str, result: Result, seconds: float) -> None:
        """Count a reconcile of an object of this kind that has ended."""
        self._reconciles.labels(kind, result).inc()
        self._reconcile_seconds.labels(kind).observe(seconds)

    def record_call(self, service: str, operation: str, code: str, seconds: float) -> None:
        """Count a call to AWS that has ended."""
        self._calls.labels(service, operation, code_label(code)).inc()
        self._call_seconds.labels(service, operation).observe(seconds)
        if code in THROTTLED:
            self._throttles.labels(service).inc()

    def record_wait(self, kind: str, seconds: float) -> None:
        """Count the wait of a call for a rate limit."""
        self._rate_wait.labels(kind).inc(seconds)

    def record_restart(self) -> None:
        """Count a restart of a task."""
        self._restarts.inc()

    def record_drift(self, kind: str, fields: Iterable[str]) -> None:
        """Count the fields of an object of this kind that were found changed in AWS."""
        for field in fields:
            self._drift.labels(kind, field).inc()

    def record_lookup(self, result: LookupResult) -> None:
        """Count a question to event history about a drift."""
        self._lookups.labels(result).inc()

    def event_queue_up(self) -> Gauge:
        """Return the gauge of the event queue, which exists only after this call."""
        return self._gauge(EVENT_QUEUE_UP)

    def record_message(self, outcome: Outcome | Rejection) -> None:
        """Count a message of the event queue."""
        self._messages.labels(outcome).inc()

    def record_message_age(self, seconds: float) -> None:
        """Record how long a message was in the event queue."""
        self._message_age.observe(seconds)

    def record_correction(self, seconds: float) -> None:
        """Record how long after the call that changed a trail it was corrected."""
        self._time_to_correct.observe(seconds)

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.meaning, family.labels, registry=self.registry)

    def _gauge(self, family: Family) -> Gauge:
        return Gauge(family.name, family.meaning, family.labels, registry=self.registry)

    def _histogram(self, family: Family, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(family.name, family.meaning, family.labels, registry=self.registry, buckets=buckets)
