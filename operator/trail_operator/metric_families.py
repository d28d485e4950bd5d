"""The table of all metric families. `metrics.py` has the counters."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Family:
    """A metric family. `docs/metrics.md` lists each."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


_TRAIL = ("trail_namespace", "trail")  # `namespace` is the operator's own, which Prometheus adds
_ACCOUNT = ("account",)
_ALARM_SET = ("alarm_set_namespace", "alarm_set")

BUILD_INFO = Family("trail_operator_build_info", "gauge", ("version",), "Always 1; the operator's version.")
LEADER = Family(
    "trail_operator_leader",
    "gauge",
    (),
    "1 if this process leads and has read all Trails, otherwise 0.",
)
KIND_AVAILABLE = Family(
    "trail_operator_kind_available",
    "gauge",
    ("kind",),
    "1 if the operator handles the kind, 0 if its CustomResourceDefinition or the permission to read it is missing; "
    "absent until that is known, and on standbys.",
)
RECONCILES = Family(
    "trail_operator_reconciles_total",
    "counter",
    ("kind", "result"),
    "Reconciles of Trails and TrailAlarmSets, by result.",
)
RECONCILE_SECONDS = Family(
    "trail_operator_reconcile_duration_seconds", "histogram", ("kind",), "Duration of these reconciles."
)
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
    "Tasks of Trails, TrailAlarmSets and AWSAccounts that were restarted because they ended unexpectedly or made no "
    "progress.",
)
UNATTENDED = Family(
    "trail_operator_unattended_trails",
    "gauge",
    (),
    "Trails without a task, or without a reconcile for two resync periods unless paused or waiting for a rate limit.",
)
UNATTENDED_ALARM_SETS = Family(
    "trail_operator_unattended_alarm_sets", "gauge", (), "TrailAlarmSets of which the same is true."
)
DRIFT = Family(
    "trail_operator_drift_total",
    "counter",
    ("kind", "field"),
    "Changes made in AWS that the operator found, by kind of the resource and field of the spec, or trail if the whole "
    "trail was deleted; of TrailAlarmSets by field of an alarm, or alarm or filter if that was deleted or created.",
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
TRAIL_DEPENDENCIES_READY = Family(
    "trail_operator_trail_dependencies_ready",
    "gauge",
    _TRAIL,
    "1 if the policies that the operator can read allow CloudTrail to deliver, 0 if one does not or a dependency is "
    "missing; absent if unknown.",
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
EVENTS_ARRIVING = Family(
    "trail_operator_events_arriving",
    "gauge",
    _ACCOUNT,
    "1 if events of the account arrive from the event queue, 0 if expected ones are missing; absent if unknown. The "
    "account is the AWSAccount's name, empty for the operator's own identity.",
)
ALARM_SET_READY = Family(
    "trail_operator_alarm_set_ready", "gauge", _ALARM_SET, "1 if the TrailAlarmSet is Ready, otherwise 0."
)
ALARM_SET_REASON = Family(
    "trail_operator_alarm_set_reason",
    "gauge",
    (*_ALARM_SET, "reason"),
    "Always 1; the current reason of the TrailAlarmSet's condition Ready.",
)
ALARM_SET_ALARMS = Family(
    "trail_operator_alarm_set_alarms",
    "gauge",
    _ALARM_SET,
    "Number of alarms in AWS that belong to the TrailAlarmSet, at the last read; absent before, and if paused.",
)
ALARM_STATE = Family(
    "trail_operator_alarm_state",
    "gauge",
    (*_ALARM_SET, "alarm", "state"),
    "Always 1; the state of an alarm at the last read: OK, ALARM or INSUFFICIENT_DATA; absent if unknown.",
)
ALARM_SET_DRIFT = Family(
    "trail_operator_alarm_set_drift_total",
    "counter",
    _ALARM_SET,
    "How often the operator has found filters or alarms changed in AWS since it started.",
)
UNREPORTABLE = Family(
    "trail_operator_unreportable_objects",
    "gauge",
    ("kind",),
    "Trails, TrailAlarmSets and AWSAccounts whose status or finalizers the API server refuses to write: see their "
    "Events.",
)
DEFINITION_OUTDATED = Family(
    "trail_operator_definition_outdated",
    "gauge",
    ("kind",),
    "1 if the API server drops fields that the operator writes into the status, because the kind's "
    "CustomResourceDefinition is older than the operator, otherwise 0; absent before the first write.",
)
EVENT_QUEUE_UP = Family(
    "trail_operator_event_queue_up",
    "gauge",
    (),
    "1 if the last call to the event queue succeeded, otherwise 0; absent without --event-queue, and on standbys.",
)
EVENT_QUEUE_MESSAGES = Family(
    "trail_operator_event_queue_messages_total",
    "counter",
    ("outcome",),
    "Messages received from the event queue, by what they caused.",
)
EVENT_QUEUE_MESSAGE_AGE = Family(
    "trail_operator_event_queue_message_age_seconds",
    "histogram",
    (),
    "Seconds from the arrival of a message in the event queue until the operator received it.",
)
TIME_TO_CORRECT = Family(
    "trail_operator_time_to_correct_seconds",
    "histogram",
    (),
    "Seconds from a call that changed a trail, a metric filter or an alarm, as its event says, until its correction.",
)

FAMILIES = (
    BUILD_INFO,
    LEADER,
    KIND_AVAILABLE,
    RECONCILES,
    RECONCILE_SECONDS,
    CALLS,
    CALL_SECONDS,
    THROTTLES,
    RATE_WAIT_SECONDS,
    RESTARTS,
    UNATTENDED,
    UNATTENDED_ALARM_SETS,
    DRIFT,
    LOOKUPS,
    TRAIL_READY,
    TRAIL_REASON,
    TRAIL_LOGGING,
    TRAIL_LOGGING_DESIRED,
    TRAIL_DEPENDENCIES_READY,
    TRAIL_DELIVERED,
    TRAIL_FAILING,
    TRAIL_DRIFT,
    ACCOUNT_READY,
    ACCOUNT_REASON,
    ACCOUNT_TRAILS,
    ACCOUNT_UNMANAGED,
    EVENTS_ARRIVING,
    ALARM_SET_READY,
    ALARM_SET_REASON,
    ALARM_SET_ALARMS,
    ALARM_STATE,
    ALARM_SET_DRIFT,
    UNREPORTABLE,
    DEFINITION_OUTDATED,
    EVENT_QUEUE_UP,
    EVENT_QUEUE_MESSAGES,
    EVENT_QUEUE_MESSAGE_AGE,
    TIME_TO_CORRECT,
)
