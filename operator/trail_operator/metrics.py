"""The Prometheus metrics: one table of all metric families, and the counters.

The state of Trails and AWSAccounts is not stored here: each scrape reads it from the objects, so their metrics end with
them. The values of every label are bounded, except the names of Trails and AWSAccounts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Literal

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from trail_operator.aws.error_codes import NO_ANSWER, OK, THROTTLED, code_label
from trail_operator.aws.operations import Internal, Operation, Read, Write
from trail_operator.domain.diff import FIELDS

# Those that the operator itself calls. Calls that botocore makes on its own are counted only if they fail.
OPERATIONS: tuple[Operation, ...] = tuple(sorted((*Read, *Write, Internal.AssumeRole), key=str))
_RECONCILE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CALL_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)


class Result(StrEnum):
    """How a reconcile of a Trail ended."""

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


@dataclass(frozen=True)
class Family:
    """A metric family. `docs/metrics.md` lists each."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


_TRAIL = ("trail_namespace", "trail")  # `namespace` is the operator's own, which Prometheus adds
_ACCOUNT = ("account",)

BUILD_INFO = Family("trail_operator_build_info", "gauge", ("version",), "Always 1; the operator's version.")
LEADER = Family(
    "trail_operator_leader",
    "gauge",
    (),
    "1 if this process leads and has read all Trails, otherwise 0.",
)
RECONCILES = Family("trail_operator_reconciles_total", "counter", ("result",), "Reconciles of Trails, by result.")
RECONCILE_SECONDS = Family("trail_operator_reconcile_duration_seconds", "histogram", (), "Duration of reconciles.")
CALLS = Family(
    "trail_operator_aws_calls_total",
    "counter",
    ("service", "operation", "code"),
    "Calls to AWS, by AWS's error code, or ok, no-answer, or other for a code that the operator does not know.",
)
CALL_SECONDS = Family(
    "trail_operator_aws_call_duration_seconds",
    "histogram",
    ("service", "operation"),
    "Duration of calls to AWS, without the wait for client-side rate limits.",
)
THROTTLES = Family("trail_operator_aws_throttles_total", "counter", ("service",), "Calls that AWS throttled.")
RATE_WAIT_SECONDS = Family(
    "trail_operator_aws_rate_wait_seconds_total",
    "counter",
    ("kind",),
    "Seconds that calls (read or write) waited for client-side rate limits, which prevent throttling.",
)
RESTARTS = Family(
    "trail_operator_task_restarts_total",
    "counter",
    (),
    "Tasks of Trails and AWSAccounts that were restarted because they ended unexpectedly or made no progress.",
)
UNATTENDED = Family(
    "trail_operator_unattended_trails",
    "gauge",
    (),
    "Trails without a task, or without a reconcile for two resync periods unless paused or waiting for a rate limit.",
)
DRIFT = Family(
    "trail_operator_drift_total",
    "counter",
    ("field",),
    "Changes made in AWS that the operator found, by field of the spec, or trail if the whole trail was deleted.",
)
LOOKUPS = Family(
    "trail_operator_drift_lookups_total",
    "counter",
    ("result",),
    "Questions to event history about who caused a drift, by result: complete, incomplete (too many events, or not all "
    "shown yet), denied (`cloudtrail:LookupEvents` is not allowed) or failed.",
)
TRAIL_READY = Family("trail_operator_trail_ready", "gauge", _TRAIL, "1 if the Trail is Ready, otherwise 0.")
TRAIL_REASON = Family(
    "trail_operator_trail_reason", "gauge", (*_TRAIL, "reason"), "Always 1; the current reason of the condition Ready."
)
TRAIL_LOGGING = Family(
    "trail_operator_trail_logging",
    "gauge",
    _TRAIL,
    "1 if AWS reports that the trail is logging, 0 if not; absent if unknown. In Conflict this is about the trail that "
    "has the name.",
)
TRAIL_LOGGING_DESIRED = Family(
    "trail_operator_trail_logging_desired", "gauge", _TRAIL, "1 if the spec requires the trail to log, otherwise 0."
)
TRAIL_DELIVERED = Family(
    "trail_operator_trail_last_delivery_timestamp_seconds",
    "gauge",
    (*_TRAIL, "destination"),
    "Time of AWS's last delivery to the destination, in the home region; absent before the first delivery.",
)
TRAIL_FAILING = Family(
    "trail_operator_trail_delivery_failing",
    "gauge",
    (*_TRAIL, "destination"),
    "1 if AWS reports a delivery error for the destination, 0 if not; absent if unknown.",
)
TRAIL_DRIFT = Family(
    "trail_operator_trail_drift_total",
    "counter",
    _TRAIL,
    "How often the operator has found the trail changed in AWS since it started.",
)
ACCOUNT_READY = Family("trail_operator_account_ready", "gauge", _ACCOUNT, "1 if the AWSAccount is Ready, otherwise 0.")
ACCOUNT_REASON = Family(
    "trail_operator_account_reason",
    "gauge",
    (*_ACCOUNT, "reason"),
    "Always 1; the current reason of the AWSAccount's condition Ready.",
)
ACCOUNT_TRAILS = Family("trail_operator_account_trails", "gauge", _ACCOUNT, "Number of trails in the account.")
ACCOUNT_UNMANAGED = Family(
    "trail_operator_account_unmanaged_trails",
    "gauge",
    _ACCOUNT,
    "Number of trails in the account that no operator manages.",
)
UNREPORTABLE = Family(
    "trail_operator_unreportable_objects",
    "gauge",
    ("kind",),
    "Trails and AWSAccounts whose status or finalizers the API server refuses to write: see their Events.",
)

FAMILIES = (
    BUILD_INFO,
    LEADER,
    RECONCILES,
    RECONCILE_SECONDS,
    CALLS,
    CALL_SECONDS,
    THROTTLES,
    RATE_WAIT_SECONDS,
    RESTARTS,
    UNATTENDED,
    DRIFT,
    LOOKUPS,
    TRAIL_READY,
    TRAIL_REASON,
    TRAIL_LOGGING,
    TRAIL_LOGGING_DESIRED,
    TRAIL_DELIVERED,
    TRAIL_FAILING,
    TRAIL_DRIFT,
    ACCOUNT_READY,
    ACCOUNT_REASON,
    ACCOUNT_TRAILS,
    ACCOUNT_UNMANAGED,
    UNREPORTABLE,
)


class Metrics:
    """The counters. Each series whose labels are known in advance starts at 0."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        """What /metrics serves. Collectors of state register here."""
        ProcessCollector(registry=self.registry)
        self._gauge(BUILD_INFO).labels(version("trail-operator")).set(1)
        self.leader = self._gauge(LEADER)
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
        for result in Result:
            self._reconciles.labels(result)
        for operation in OPERATIONS:
            self._throttles.labels(operation.service)
            self._calls.labels(operation.service, operation.name, OK)
            self._calls.labels(operation.service, operation.name, NO_ANSWER)
            self._call_seconds.labels(operation.service, operation.name)
        for kind in ("read", "write"):
            self._rate_wait.labels(kind)
        for field in FIELDS:
            self._drift.labels(field)

    def record_reconcile(self, result: Result, seconds: float) -> None:
        """Count a reconcile that has ended."""
        self._reconciles.labels(result).inc()
        self._reconcile_seconds.observe(seconds)

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

    def record_drift(self, fields: Iterable[str]) -> None:
        """Count the fields of a trail that were found changed in AWS."""
        for field in fields:
            self._drift.labels(field).inc()

    def record_lookup(self, result: LookupResult) -> None:
        """Count a question to event history about a drift."""
        self._lookups.labels(result).inc()

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.meaning, family.labels, registry=self.registry)

    def _gauge(self, family: Family) -> Gauge:
        return Gauge(family.name, family.meaning, family.labels, registry=self.registry)

    def _histogram(self, family: Family, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(family.name, family.meaning, family.labels, registry=self.registry, buckets=buckets)
