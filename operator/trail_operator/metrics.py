"""What Prometheus is told: every family of metrics in one table, and what counts happenings.

What is a state (of Trails, of AWSAccounts) is not kept here: it is read where it is when Prometheus asks, so nothing is
left of what has gone. No label has values without bound but the names of Trails and AWSAccounts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Literal

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from trail_operator.aws.errors import NO_ANSWER, OK, THROTTLED, counted
from trail_operator.aws.operations import Internal, Operation, Read, Write
from trail_operator.domain.diff import FIELDS

# What the operator calls itself. What botocore sends unasked is counted only where it fails.
OPERATIONS: tuple[Operation, ...] = tuple(sorted((*Read, *Write, Internal.AssumeRole), key=str))
_PASS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25)


class Result(StrEnum):
    """How a pass over a Trail ended."""

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


@dataclass(frozen=True)
class Family:
    """A family of metrics, as the documentation tells of it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


_TRAIL = ("trail_namespace", "trail")  # `namespace` would be taken for the operator's own, which Prometheus adds
_ACCOUNT = ("account",)

BUILD_INFO = Family("trail_operator_build_info", "gauge", ("version",), "Always 1; the operator's version.")
LEADER = Family(
    "trail_operator_leader",
    "gauge",
    (),
    "Whether this process is the one that works: 1 once it may act and has read all Trails, else 0.",
)
RECONCILES = Family("trail_operator_reconciles_total", "counter", ("result",), "Passes over Trails, by how they ended.")
PASS_SECONDS = Family("trail_operator_reconcile_duration_seconds", "histogram", (), "How long passes took.")
CALLS = Family(
    "trail_operator_aws_calls_total",
    "counter",
    ("service", "operation", "code"),
    "Calls to AWS, by AWS's error code; ok, no-answer, or other for a code that the operator does not know.",
)
CALL_SECONDS = Family(
    "trail_operator_aws_call_duration_seconds",
    "histogram",
    ("service", "operation"),
    "How long calls to AWS took, without the waiting for the operator's own rates.",
)
THROTTLES = Family(
    "trail_operator_aws_throttles_total", "counter", ("service",), "Calls that AWS answered by throttling."
)
WAITED = Family(
    "trail_operator_aws_rate_wait_seconds_total",
    "counter",
    ("kind",),
    "Seconds for which calls (read or write) were held back by the operator's own rates, lest AWS throttles.",
)
RESTARTS = Family(
    "trail_operator_task_restarts_total",
    "counter",
    (),
    "Tasks of Trails and AWSAccounts that ended unexpectedly or made no progress, and were restarted.",
)
UNATTENDED = Family(
    "trail_operator_unattended_trails",
    "gauge",
    (),
    "Trails without a task, or without a pass for two resyncs that are neither paused nor waiting for a rate.",
)
DRIFT = Family(
    "trail_operator_drift_total",
    "counter",
    ("field",),
    "Changes made in AWS that the operator found, by field of the spec; trail where the whole trail was gone.",
)
TRAIL_READY = Family("trail_operator_trail_ready", "gauge", _TRAIL, "Whether the Trail is Ready: 1, else 0.")
TRAIL_REASON = Family(
    "trail_operator_trail_reason", "gauge", (*_TRAIL, "reason"), "Always 1; the present reason of the condition Ready."
)
TRAIL_LOGGING = Family(
    "trail_operator_trail_logging",
    "gauge",
    _TRAIL,
    "Whether AWS says that the trail is logging: 1 or 0; absent where that is not known. In Conflict it is about the "
    "trail that has the name.",
)
TRAIL_LOGGING_DESIRED = Family(
    "trail_operator_trail_logging_desired", "gauge", _TRAIL, "Whether the spec says that the trail is to log: 1 or 0."
)
TRAIL_DELIVERED = Family(
    "trail_operator_trail_last_delivery_timestamp_seconds",
    "gauge",
    (*_TRAIL, "destination"),
    "When AWS last delivered to the destination, in the home region; absent before the first delivery.",
)
TRAIL_FAILING = Family(
    "trail_operator_trail_delivery_failing",
    "gauge",
    (*_TRAIL, "destination"),
    "Whether AWS reports a delivery error for the destination: 1 or 0; absent where that is not known.",
)
TRAIL_DRIFT = Family(
    "trail_operator_trail_drift_total",
    "counter",
    _TRAIL,
    "How often the operator, since its start, found the trail changed in AWS.",
)
ACCOUNT_READY = Family("trail_operator_account_ready", "gauge", _ACCOUNT, "Whether the AWSAccount is Ready: 1, else 0.")
ACCOUNT_REASON = Family(
    "trail_operator_account_reason",
    "gauge",
    (*_ACCOUNT, "reason"),
    "Always 1; the present reason of the AWSAccount's condition Ready.",
)
ACCOUNT_TRAILS = Family("trail_operator_account_trails", "gauge", _ACCOUNT, "How many trails the account has.")
ACCOUNT_UNMANAGED = Family(
    "trail_operator_account_unmanaged_trails", "gauge", _ACCOUNT, "How many of them no operator manages."
)
UNREPORTABLE = Family(
    "trail_operator_unreportable_objects",
    "gauge",
    ("kind",),
    "Trails and AWSAccounts that the API server refuses to write, so that they have no condition: see their Events.",
)

FAMILIES = (
    *(BUILD_INFO, LEADER, RECONCILES, PASS_SECONDS, CALLS, CALL_SECONDS, THROTTLES, WAITED),
    *(RESTARTS, UNATTENDED, DRIFT),
    *(TRAIL_READY, TRAIL_REASON, TRAIL_LOGGING, TRAIL_LOGGING_DESIRED, TRAIL_DELIVERED, TRAIL_FAILING, TRAIL_DRIFT),
    *(ACCOUNT_READY, ACCOUNT_REASON, ACCOUNT_TRAILS, ACCOUNT_UNMANAGED, UNREPORTABLE),
)


class Metrics:
    """All that counts happenings, each at zero from the start where its labels are known."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        """What /metrics answers from; whoever has states registers with it."""
        ProcessCollector(registry=self.registry)
        self._gauge(BUILD_INFO).labels(version("trail-operator")).set(1)
        self.leader = self._gauge(LEADER)
        self._reconciles = self._counter(RECONCILES)
        self._pass_seconds = self._histogram(PASS_SECONDS, _PASS_SECONDS)
        self._calls = self._counter(CALLS)
        self._call_seconds = self._histogram(CALL_SECONDS, _CALL_SECONDS)
        self._throttles = self._counter(THROTTLES)
        self._waited = self._counter(WAITED)
        self._restarts = self._counter(RESTARTS)
        self._drift = self._counter(DRIFT)
        for result in Result:
            self._reconciles.labels(result)
        for operation in OPERATIONS:
            self._throttles.labels(operation.service)
            self._calls.labels(operation.service, operation.name, OK)
            self._calls.labels(operation.service, operation.name, NO_ANSWER)
            self._call_seconds.labels(operation.service, operation.name)
        for kind in ("read", "write"):
            self._waited.labels(kind)
        for field in FIELDS:
            self._drift.labels(field)

    def reconciled(self, result: Result, seconds: float) -> None:
        """A pass has ended."""
        self._reconciles.labels(result).inc()
        self._pass_seconds.observe(seconds)

    def called(self, service: str, operation: str, code: str, seconds: float) -> None:
        """A call to AWS has ended."""
        self._calls.labels(service, operation, counted(code)).inc()
        self._call_seconds.labels(service, operation).observe(seconds)
        if code in THROTTLED:
            self._throttles.labels(service).inc()

    def waited(self, kind: str, seconds: float) -> None:
        """A call was held back."""
        self._waited.labels(kind).inc(seconds)

    def task_restarted(self) -> None:
        """The task of a Trail or an AWSAccount was restarted."""
        self._restarts.inc()

    def drifted(self, fields: Iterable[str]) -> None:
        """A trail was found changed in AWS."""
        for field in fields:
            self._drift.labels(field).inc()

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.meaning, family.labels, registry=self.registry)

    def _gauge(self, family: Family) -> Gauge:
        return Gauge(family.name, family.meaning, family.labels, registry=self.registry)

    def _histogram(self, family: Family, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(family.name, family.meaning, family.labels, registry=self.registry, buckets=buckets)
