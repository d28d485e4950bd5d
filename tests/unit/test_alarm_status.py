"""The status of a TrailAlarmSet: a pure function of the previous status and the result of a reconcile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.alarm_builders import (
    GROUP,
    OLD_GROUP,
    OTHERS,
    OWNER,
    PREFIX,
    desired_alarm,
    desired_set,
    filter_settings,
    observed_alarm,
)
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_alarm_set_status import TrailAlarmSetStatus
from trail_operator.api.trail_status import Difference, LastDrift
from trail_operator.domain.alarms.alarm import FilterKey, ObservedAlarmSet
from trail_operator.domain.alarms.result import AlarmSetIdentity, AlarmSyncResult, count_own, filters_to_record
from trail_operator.domain.alarms.status import (
    compute_status,
    paused,
    pinned_status,
    recorded_filters,
    transitions,
)
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.warnings import Advice

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
A, B, OLD = FilterKey(GROUP, f"{PREFIX}A"), FilterKey(GROUP, f"{PREFIX}B"), FilterKey(OLD_GROUP, f"{PREFIX}A")
IDENTITY = AlarmSetIdentity("123456789012", "prod", "eu-central-1", PREFIX, OWNER)
TRANSIENT = Failure(FailureClass.TRANSIENT, Reason.THROTTLED, "throttled")
DEPENDENCY = Failure(FailureClass.DEPENDENCY, Reason.LOG_GROUP_NOT_CONFIGURED, "no log group")
AUTHORITY = Failure(FailureClass.AUTHORITY, Reason.ACTION_NOT_ALLOWED, "not allowed")
TERMINAL = Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, "invalid")
CONFLICT = Failure(FailureClass.TERMINAL, Reason.CONFLICT, "alarm of others")
TRAIL_PAUSED = Failure(FailureClass.DEPENDENCY, Reason.PAUSED, "Trail audit is paused")
DRIFT = (Difference(path="alarms[A].threshold", desired="1", observed="5"),)
NO_ACTION = Advice(Reason.NO_ACTION, "nobody")


def result(**more: Any) -> AlarmSyncResult:
    given = {"generation": 1, "known": True, "alarm_count": 14, "identity": IDENTITY, "filters": frozenset({A})}
    return AlarmSyncResult(**{**given, **more})


def failed(failure: Failure, **more: Any) -> AlarmSyncResult:
    return AlarmSyncResult(**{"generation": 1, "known": False, "failure": failure, "advice": None, **more})


def computed(found: AlarmSyncResult, previous: TrailAlarmSetStatus | None = None) -> TrailAlarmSetStatus:
    return compute_status(previous or TrailAlarmSetStatus(), found, LATER)


def shown(status: TrailAlarmSetStatus) -> dict[str, str]:
    return {entry.type: f"{entry.status} {entry.reason}" for entry in status.conditions}


READY = compute_status(TrailAlarmSetStatus(), result(), NOW)


def both(text: str) -> dict[str, str]:
    return {"Ready": text, "Synced": text}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (result(), both("True InSync")),
        (result(advice=(NO_ACTION,)), {**both("True InSync"), "Advisory": "True NoAction"}),
        (result(drift=DRIFT), {**both("False Progressing"), "Reconciling": "True Progressing"}),
        (result(observe_only=True), both("True Observed")),
        (result(observe_only=True, drift=DRIFT), both("False Drifted")),
        (result(conflicts=(CONFLICT,)), {**both("False Conflict"), "Stalled": "True Conflict"}),
        (result(conflicts=(CONFLICT,), drift=DRIFT), {**both("False Conflict"), "Stalled": "True Conflict"}),
        (result(failure=AUTHORITY), both("False ActionNotAllowed")),
        (failed(DEPENDENCY), both("False LogGroupNotConfigured")),
        (failed(TERMINAL), {**both("False InvalidSpec"), "Stalled": "True InvalidSpec"}),
        (failed(TRAIL_PAUSED), both("Unknown Paused")),
        (failed(TRANSIENT, unreachable=True), both("Unknown AWSUnreachable")),
        (
            failed(TRANSIENT),
            {"Ready": "False Throttled", "Synced": "Unknown Throttled", "Reconciling": "True Throttled"},
        ),
        (
            result(failure=TRANSIENT, refused={"PutMetricFilter": TERMINAL}),
            {**both("False Throttled"), "Reconciling": "True Throttled", "Stalled": "True InvalidSpec"},
        ),
        (
            result(failure=AUTHORITY, conflicts=(CONFLICT,)),
            {**both("False ActionNotAllowed"), "Stalled": "True Conflict"},
        ),
    ],
)
def test_conditions_say_what_the_reconcile_found(found: AlarmSyncResult, expected: dict[str, str]) -> None:
    assert shown(computed(found)) == expected


def test_conditions_are_in_the_order_of_their_types() -> None:
    found = computed(result(failure=TRANSIENT, conflicts=(CONFLICT,), advice=(NO_ACTION,)))
    assert [entry.type for entry in found.conditions] == ["Ready", "Synced", "Reconciling", "Stalled", "Advisory"]


def test_all_problems_are_in_the_message() -> None:
    ready = computed(result(failure=AUTHORITY, conflicts=(CONFLICT,))).condition(ConditionType.READY)
    assert ready is not None
    assert ready.message == "not allowed. alarm of others"


def test_status_records_where_everything_is() -> None:
    assert (READY.account_id, READY.account_name, READY.region) == ("123456789012", "prod", "eu-central-1")
    assert (READY.name_prefix, READY.owner_tag, READY.alarm_count) == (PREFIX, OWNER, 14)
    assert recorded_filters(READY) == {A}
    kept = computed(failed(DEPENDENCY), READY)
    assert recorded_filters(kept) == {A}
    assert (kept.account_id, kept.name_prefix, kept.owner_tag, kept.alarm_count) == ("123456789012", PREFIX, OWNER, 14)


def test_the_owner_tag_stays_on_record_while_it_is_not_seen() -> None:
    unseen = AlarmSetIdentity("123456789012", None, "eu-central-1", PREFIX)
    found = computed(result(identity=unseen), READY)
    assert (found.owner_tag, found.account_name) == (OWNER, None)


def test_drift_is_replaced_only_by_a_complete_read() -> None:
    drifted = computed(result(drift=DRIFT * 200), READY)
    assert drifted.drift == DRIFT * 128, "the limit of the CRD"
    assert computed(failed(DEPENDENCY), drifted).drift == drifted.drift
    assert computed(result(), drifted).drift == ()


def test_last_drift_stays() -> None:
    last = LastDrift(detection_time=NOW, paths=("alarms[A].threshold",))
    before = READY.model_copy(update={"last_drift": last})
    assert computed(result(generation=2), before).last_drift == last


def test_a_transient_failure_keeps_the_status_of_an_unchanged_spec() -> None:
    assert computed(failed(TRANSIENT), READY) == READY
    assert shown(computed(failed(TRANSIENT, generation=2), READY))["Ready"] == "False Throttled"
    assert shown(computed(failed(TRANSIENT, has_written=True), READY))["Ready"] == "False Throttled"
    assert shown(computed(failed(TRANSIENT, drift=DRIFT), READY))["Ready"] == "False Throttled"
    assert shown(computed(failed(TRANSIENT, unreachable=True), READY))["Ready"] == "Unknown AWSUnreachable"


def test_a_reconcile_that_finds_the_same_changes_nothing() -> None:
    for found in (result(), result(conflicts=(CONFLICT,)), failed(DEPENDENCY), result(observe_only=True, drift=DRIFT)):
        once = computed(found)
        assert compute_status(once, found, LATER + timedelta(hours=1)) == once


def test_a_filter_that_is_no_longer_recorded_is_news_even_with_a_transient_failure() -> None:
    found = computed(failed(TRANSIENT, filters=frozenset()), READY)
    assert recorded_filters(found) == frozenset()


def test_unknown_warnings_keep_the_earlier_ones() -> None:
    warned = computed(result(advice=(NO_ACTION,)))
    assert shown(computed(failed(DEPENDENCY), warned))["Advisory"] == "True NoAction"
    assert "Advisory" not in shown(computed(result(), warned))


def test_refusals_are_recorded_for_the_generation_that_aws_refused() -> None:
    refused = computed(result(failure=TERMINAL, refused={"PutMetricFilter": TERMINAL, "TagResource": AUTHORITY}))
    assert [(entry.operation, entry.message) for entry in refused.refusals] == [("PutMetricFilter", "invalid")]
    assert computed(failed(DEPENDENCY), refused).refusals == refused.refusals
    assert computed(failed(DEPENDENCY, generation=2), refused).refusals == ()
    assert computed(result(), refused).refusals == ()


def test_the_first_write_is_preceded_by_a_record_of_account_names_and_filters() -> None:
    found = pinned_status(TrailAlarmSetStatus(), 1, IDENTITY, {A, B}, NOW)
    assert recorded_filters(found) == {A, B}
    assert (found.account_id, found.region, found.name_prefix) == ("123456789012", "eu-central-1", PREFIX)
    assert shown(found) == {**both("False Progressing"), "Reconciling": "True Progressing"}
    assert found.observed_generation == -1
    assert found.conditions[0].message == "Metric filters and alarms are being created"


def test_further_filters_are_recorded_beside_the_earlier_ones() -> None:
    found = pinned_status(READY, 2, IDENTITY, {OLD}, LATER)
    assert recorded_filters(found) == {A, OLD}
    assert found.conditions[0].message == "Metric filters and alarms are being updated"
    same_spec = pinned_status(READY, 1, IDENTITY, {B}, LATER)
    assert same_spec.conditions == READY.conditions, "Ready keeps its value for an unchanged generation"
    assert recorded_filters(same_spec) == {A, B}


def test_a_paused_set_knows_nothing_but_what_is_recorded() -> None:
    found = paused(computed(result(drift=DRIFT, advice=(NO_ACTION,)), READY), 2, LATER)
    assert shown(found) == both("Unknown Paused")
    assert (found.alarm_count, found.drift, found.observed_generation) == (None, (), 2)
    assert recorded_filters(found) == {A}
    assert found.name_prefix == PREFIX
    assert paused(found, 2, LATER + timedelta(hours=1)) == found
    resumed = computed(failed(TRANSIENT, generation=2), found)
    assert shown(resumed)["Ready"] == "False Throttled"


def test_transitions_are_ready_and_warnings_each_reason_once() -> None:
    def reported(before: TrailAlarmSetStatus, after: TrailAlarmSetStatus) -> list[str]:
        return [f"{entry.type} {entry.reason}" for entry in transitions(before, after)]

    assert reported(TrailAlarmSetStatus(), READY) == ["Ready InSync"]
    assert reported(READY, READY) == []
    assert reported(READY, computed(failed(DEPENDENCY), READY)) == ["Ready LogGroupNotConfigured"]
    assert reported(READY, computed(result(advice=(NO_ACTION,)), READY)) == ["Advisory NoAction"]
    assert reported(READY, computed(result(conflicts=(CONFLICT,)), READY)) == ["Ready Conflict"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (None, "Metric filters and alarms are in sync with the spec"),
        (1, "1 alarm and its metric filter are in sync with the spec"),
        (15, "15 alarms and their metric filters are in sync with the spec"),
    ],
)
def test_ready_says_how_many_alarms_there_are(count: int | None, expected: str) -> None:
    assert computed(result(alarm_count=count)).conditions[0].message == expected


def test_a_result_is_settling_while_aws_does_not_show_what_was_written() -> None:
    assert result(drift=DRIFT, is_pending=True).is_settling
    assert not result().is_settling
    assert not result(drift=DRIFT).is_settling, "of a conflict"
    assert not result(drift=DRIFT, is_pending=True, observe_only=True).is_settling
    assert not result(drift=DRIFT, is_pending=True, failure=TRANSIENT).is_settling
    assert not failed(TRANSIENT, drift=DRIFT).is_settling


def test_only_alarms_with_the_owner_tag_are_counted() -> None:
    found = [
        observed_alarm("A"),
        observed_alarm("B"),
        observed_alarm("C", owner=OTHERS),
        observed_alarm("D", owner=None),
    ]
    observed = ObservedAlarmSet({}, {alarm.name: alarm for alarm in found})
    assert count_own(observed, desired_set().owns) == 2


def test_a_filter_stays_on_record_until_it_is_known_to_be_gone() -> None:
    desired, observed = desired_set(desired_alarm("A")), ObservedAlarmSet({OLD: filter_settings()}, {})
    pinned = {A, B, OLD}
    assert filters_to_record(pinned, desired, observed, is_settled=True) == {A, OLD}, "A is wanted, OLD is there"
    assert filters_to_record(pinned, desired, observed, is_settled=False) == pinned
