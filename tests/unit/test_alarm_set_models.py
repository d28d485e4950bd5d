"""A TrailAlarmSet as it is parsed, whichever version of the operator or of the schema stored it."""

from typing import Any

import pytest
from pydantic import ValidationError

from trail_operator.api.reasons import ConditionType
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.api.trail_alarm_set_status import RecordedFilter, TrailAlarmSetStatus

PINNED: dict[str, Any] = {
    "observedGeneration": 3,
    "accountID": "123456789012",
    "region": "us-east-1",
    "namePrefix": "prod/security/alarms/",
    "filters": [{"logGroup": "/aws/cloudtrail#1", "name": "prod/security/alarms/RootUsage"}],
}
FIRST = RecordedFilter(log_group="/aws/cloudtrail#1", name="prod/security/alarms/RootUsage")
CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "InSync",
    "message": "",
    "lastTransitionTime": "2026-01-31T12:00:00Z",
    "observedGeneration": 3,
}


def test_status_is_read() -> None:
    status = TrailAlarmSetStatus.parse({**PINNED, "conditions": [CONDITION], "newer": 1})
    assert (status.account_id, status.region, status.account_name) == ("123456789012", "us-east-1", None)
    assert (status.name_prefix, status.filters, status.alarm_count) == ("prod/security/alarms/", (FIRST,), None)
    ready = status.condition(ConditionType.READY)
    assert ready is not None
    assert ready.reason == "InSync"
    assert status.condition(ConditionType.STALLED) is None


@pytest.mark.parametrize("entry", [{"logGroup": "a*b", "name": "x"}, {"logGroup": "a"}, "text", None])
def test_an_invalid_filter_loses_no_other(entry: object) -> None:
    status = TrailAlarmSetStatus.parse({**PINNED, "filters": [entry, *PINNED["filters"]]})
    assert (status.filters, status.observed_generation) == ((FIRST,), -1)
    assert status.name_prefix == "prod/security/alarms/"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accountID", "12"),
        ("region", "everywhere"),
        *(("namePrefix", value) for value in ("", "prod/", "prod/security/alarms", "a*/b/c/", "/b/c/", "p/s/a/\n")),
    ],
)
def test_a_pin_that_the_operator_cannot_have_written_is_not_used(field: str, value: str) -> None:
    status = TrailAlarmSetStatus.parse({**PINNED, field: value})
    shown = status.model_dump(by_alias=True)
    assert shown[field] is None
    assert (status.filters, status.observed_generation) == ((FIRST,), -1)


@pytest.mark.parametrize(
    "spec",
    [
        {"presets": ["PCI"]},
        {"exclude": ["a/b"]},
        {"alarms": [{"name": "a:b", "filterPattern": "x"}]},
        {"alarms": [{"name": "a", "filterPattern": "x", "metricValue": "one"}]},
        {"actions": {"alarm": ["arn:aws:lambda:us-east-1:123456789012:function:f"]}},
    ],
)
def test_a_spec_that_the_schema_refuses_is_not_read(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrailAlarmSetSpec.model_validate({"trailRef": {"name": "audit"}, **spec})
