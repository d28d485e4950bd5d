"""Metrics: the table of the documentation, zeros from the start, bounded labels, nothing left of what has gone."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from trail_operator.alarms.collector import AlarmStateCollector
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.trail_status import Destination
from trail_operator.aws.error_codes import NO_ANSWER, OK, OTHER, code_label
from trail_operator.domain.alarms.diff import DRIFT_FIELDS, drift_field
from trail_operator.domain.diff import FIELDS
from trail_operator.metric_families import FAMILIES
from trail_operator.metrics import OPERATIONS, Metrics, Result
from trail_operator.trail.collector import StateCollector
from trail_operator.trail.state import TrailState

ROOT = Path(__file__).parents[2]


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[str]], float]:
    """Every sample by its name and the values of its labels."""
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(metrics: Metrics, name: str, *labels: str) -> float | None:
    return samples(metrics).get((f"trail_operator_{name}", frozenset(labels)))


def state(name: str = "audit", *, spec: dict[str, Any] | None = None, **status: Any) -> TrailState:
    metadata = {"namespace": "team", "name": name, "uid": name, "generation": 1, "resourceVersion": "1"}
    body = {"metadata": metadata, "spec": {"s3BucketName": "bucket-1", **(spec or {})}, "status": status}
    return TrailState(body, started=0.0)


def ready(status: str, reason: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "Ready",
            "status": status,
            "reason": reason,
            "message": "told",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ]


def test_the_documentation_has_every_family_as_it_is() -> None:
    rows = [
        f"| `{family.name}` | {family.kind} | {', '.join(family.labels)} | {family.meaning} |" for family in FAMILIES
    ]
    found = re.findall(r"^\| `trail_operator_.*$", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    assert found == rows, "write these rows:\n" + "\n".join(rows)


def test_what_has_a_closed_set_of_labels_is_there_from_the_start() -> None:
    metrics = Metrics()
    for kind, fields in (("Trail", FIELDS), ("TrailAlarmSet", DRIFT_FIELDS)):
        assert [of(metrics, "reconciles_total", kind, result) for result in Result] == [0.0] * len(Result)
        assert of(metrics, "reconcile_duration_seconds_count", kind) == 0.0
        assert [of(metrics, "drift_total", kind, field) for field in fields] == [0.0] * len(fields)
    assert [of(metrics, "aws_rate_wait_seconds_total", kind) for kind in ("read", "write")] == [0.0, 0.0]
    for operation in OPERATIONS:
        assert of(metrics, "aws_throttles_total", operation.prefix) == 0.0
        for code in (OK, NO_ANSWER):
            assert of(metrics, "aws_calls_total", operation.prefix, operation.name, code) == 0.0
        assert of(metrics, "aws_call_duration_seconds_count", operation.prefix, operation.name) == 0.0
    assert of(metrics, "leader") == 0.0
    assert not [name for name, _ in samples(metrics) if name.endswith("_created")]


@pytest.mark.parametrize(
    ("code", "as_which"),
    [
        (OK, OK),
        (NO_ANSWER, NO_ANSWER),
        ("ThrottlingException", "ThrottlingException"),
        ("TrailNotFoundException", "TrailNotFoundException"),
        ("InsufficientS3BucketPolicyException", "InsufficientS3BucketPolicyException"),
        ("NoSuchBucketPolicy", "NoSuchBucketPolicy"),
        ("InventedByAWSTomorrow", OTHER),
        ("", OTHER),
    ],
)
def test_only_known_codes_are_labels(code: str, as_which: str) -> None:
    assert code_label(code) == as_which


def test_calls_are_counted_by_code_and_throttling_apart() -> None:
    metrics = Metrics()
    for code in ("ok", "ThrottlingException", "Surprise", "Surprise again"):
        metrics.record_call("cloudtrail", "GetTrail", code, 0.1)
    assert of(metrics, "aws_calls_total", "cloudtrail", "GetTrail", "ok") == 1
    assert of(metrics, "aws_calls_total", "cloudtrail", "GetTrail", "other") == 2
    assert of(metrics, "aws_throttles_total", "cloudtrail") == 1
    assert of(metrics, "aws_call_duration_seconds_count", "cloudtrail", "GetTrail") == 4


def test_a_trail_is_told_of_as_its_status_says() -> None:
    metrics = Metrics()
    failing = [{"destination": "SNS", "error": "AuthorizationError", "since": "2026-01-01T00:00:00Z"}]
    trail = state(
        spec={"snsTopicName": "topic"},
        conditions=ready("False", "DeliveryFailing"),
        isLogging=True,
        delivery=failing,
    )
    trail.facts.delivered = {Destination.S3: 1700000000.0}
    trail.drift_count = 2
    metrics.registry.register(StateCollector(lambda: [trail], list, lambda: 3, lambda: None))
    where = ("team", "audit")
    assert of(metrics, "trail_ready", *where) == 0
    assert of(metrics, "trail_reason", *where, "DeliveryFailing") == 1
    assert of(metrics, "trail_logging", *where) == 1
    assert of(metrics, "trail_logging_desired", *where) == 1
    assert of(metrics, "trail_delivery_failing", *where, "SNS") == 1
    assert of(metrics, "trail_delivery_failing", *where, "S3") == 0
    assert of(metrics, "trail_delivery_failing", *where, "Digest") == 0
    assert of(metrics, "trail_delivery_failing", *where, "CloudWatchLogs") is None
    assert of(metrics, "trail_last_delivery_timestamp_seconds", *where, "S3") == 1700000000
    assert of(metrics, "trail_drift_total", *where) == 2


def test_what_is_not_known_of_a_trail_is_not_told() -> None:
    metrics = Metrics()
    metrics.registry.register(StateCollector(lambda: [state(spec={"isLogging": False})], list, lambda: 0, lambda: None))
    assert of(metrics, "trail_ready", "team", "audit") == 0
    assert of(metrics, "trail_logging_desired", "team", "audit") == 0
    assert of(metrics, "trail_logging", "team", "audit") is None
    assert of(metrics, "trail_delivery_failing", "team", "audit", "S3") is None


def test_of_a_trail_that_is_not_this_one_s_only_the_logging_is_told() -> None:
    metrics = Metrics()
    trail = state(conditions=ready("False", "Conflict"))
    trail.facts.other_trail_is_logging = False
    metrics.registry.register(StateCollector(lambda: [trail], list, lambda: 0, lambda: None))
    assert of(metrics, "trail_logging", "team", "audit") == 0
    assert of(metrics, "trail_logging_desired", "team", "audit") == 1
    assert of(metrics, "trail_delivery_failing", "team", "audit", "S3") is None


def test_nothing_is_left_of_a_trail_that_has_gone() -> None:
    metrics = Metrics()
    trails = [state("goes", conditions=ready("True", "Recording"), isLogging=True), state("stays")]
    metrics.registry.register(StateCollector(lambda: trails, list, lambda: 0, lambda: None))
    assert b"goes" in generate_latest(metrics.registry)
    del trails[0]
    assert b"goes" not in generate_latest(metrics.registry)
    assert b"stays" in generate_latest(metrics.registry)


def alarm_set_state(name: str = "cis", **status: Any) -> AlarmSetState:
    metadata = {"namespace": "team", "name": name, "uid": name, "generation": 1, "resourceVersion": "1"}
    body = {"metadata": metadata, "spec": {"trailRef": {"name": "audit"}, "presets": ["CIS"]}, "status": status}
    return AlarmSetState(body, started=0.0)


def of_alarm_sets(*sets: AlarmSetState) -> Metrics:
    metrics = Metrics()
    metrics.registry.register(AlarmStateCollector(lambda: sets, lambda: 2))
    return metrics


def test_the_state_of_an_alarm_set_and_of_each_alarm() -> None:
    found = alarm_set_state(conditions=ready("False", "Conflict"), alarmCount=2)
    found.reads.states = {"RootUsage": "ALARM", "VPCChanges": "OK"}
    found.drift_count = 3
    metrics, where = of_alarm_sets(found), ("team", "cis")
    assert of(metrics, "alarm_set_ready", *where) == 0
    assert of(metrics, "alarm_set_reason", *where, "Conflict") == 1
    assert of(metrics, "alarm_set_alarms", *where) == 2
    assert of(metrics, "alarm_state", *where, "RootUsage", "ALARM") == 1
    assert of(metrics, "alarm_state", *where, "VPCChanges", "OK") == 1
    assert len([name for name, _ in samples(metrics) if name == "trail_operator_alarm_state"]) == 2
    assert of(metrics, "alarm_set_drift_total", *where) == 3
    assert of(metrics, "unattended_alarm_sets") == 2


@pytest.mark.parametrize("conditions", [[], ready("Unknown", "Paused"), ready("Unknown", "AWSUnreachable")])
def test_states_of_alarms_that_are_not_known_are_absent(conditions: list[dict[str, Any]]) -> None:
    found = alarm_set_state(conditions=conditions)
    found.reads.states = {"RootUsage": "OK"}
    metrics = of_alarm_sets(found)
    assert of(metrics, "alarm_set_ready", "team", "cis") == 0
    assert of(metrics, "alarm_set_alarms", "team", "cis") is None
    assert of(metrics, "alarm_state", "team", "cis", "RootUsage", "OK") is None


@pytest.mark.parametrize("status", ["x", {"conditions": 7, "alarmCount": "many"}, {"conditions": [{"type": "Ready"}]}])
def test_an_odd_alarm_set_does_not_break_the_scrape(status: Any) -> None:
    odd, well = alarm_set_state("odd"), alarm_set_state("well")
    odd = AlarmSetState({**odd.body, "spec": None, "status": status}, started=0.0)
    assert of(of_alarm_sets(odd, well), "alarm_set_ready", "team", "well") == 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("alarms[A].threshold", "threshold"),
        ("alarms[A].actions.alarm", "actions.alarm"),
        ("alarms[A].tags[x]", "tags"),
        ("alarms[A]", "alarm"),
        ("alarms[A].filter", "filter"),
        ("alarms[A].filter.defaultValue", "filter"),
        ("alarms[A].alarm.unit", "alarm"),
        ("alarms[A].filter.metricName", "filter.metricName"),
        ("alarms[a].invented].alarm", "alarm"),
    ],
)
def test_drift_of_alarms_has_a_closed_set_of_fields(path: str, field: str) -> None:
    assert drift_field(path) == field
    assert field in DRIFT_FIELDS
