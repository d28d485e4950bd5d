"""Objects that the API server holds though no definition of today would let them in: judged, never a fault."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import ValidationError

from tests.odd import SPEC, STATUS, TEXTS, places, put
from tests.unit.builders import LOCATION, desired_of
from tests.unit.test_trail_controller import body
from trail_operator.api.aws_account import AWSAccountStatus
from trail_operator.api.trail import TrailSpec
from trail_operator.api.trail_status import TrailStatus
from trail_operator.domain.plan import plan
from trail_operator.trail.collector import StateCollector
from trail_operator.trail.state import TrailState

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)
ODD = st.sampled_from(TEXTS) | JSON


def garbled(value: Any) -> st.SearchStrategy[Any]:
    """A value with something odd at one or two places."""
    places_of = [*places(value)]
    once = st.builds(lambda path, odd: put(value, path, odd), st.sampled_from(places_of), ODD)
    top = [path for path in places_of if len(path) == 1]
    if not top:
        return once
    twice = st.builds(
        lambda first, one, second, two: put(put(value, first, one), second, two),
        st.sampled_from(top),
        ODD,
        st.sampled_from(top),
        ODD,
    )
    return once | twice


@settings(max_examples=1000, deadline=None)
@given(garbled(SPEC))
def test_a_spec_is_refused_or_can_be_worked_with(spec: Any) -> None:
    try:
        parsed = TrailSpec.model_validate(spec)
    except ValidationError:
        return
    key = LOCATION.key_arn(parsed.kms_key_id) if parsed.kms_key_id else None
    assert key is None or len(key.split(":")) > 5
    desired = desired_of(parsed, name=parsed.name or "audit", kms_key_arn=key)
    assert plan(desired, None)


@settings(max_examples=1000, deadline=None)
@given(garbled(STATUS) | JSON)
def test_any_status_is_read(status: Any) -> None:
    parsed = TrailStatus.parse(status)
    assert parsed.arn is None or len(parsed.arn.split(":")) == 6
    AWSAccountStatus.parse(status)
    json.dumps(parsed.model_dump(mode="json", by_alias=True))


@settings(max_examples=500, deadline=None)
@given(garbled(SPEC), garbled(STATUS))
def test_no_object_spoils_the_metrics_of_the_others(spec: Any, status: Any) -> None:
    odd = TrailState({**body("odd", uid="1"), "spec": spec, "status": status}, started=0.0)
    well = TrailState(body("well", uid="2", version=2), started=0.0)
    registry = CollectorRegistry()
    registry.register(StateCollector(lambda: [odd, well], list, lambda: 0, lambda: None))
    assert b'trail="well"' in generate_latest(registry)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kmsKeyID", "arn:x:alias/"),
        ("kmsKeyID", "alias/"),
        ("cloudWatchLogsLogGroupARN", "x"),
        ("cloudWatchLogsRoleARN", "x"),
        ("snsTopicName", "arn:aws:sns:x"),
        ("region", "evil.invalid#"),
        ("name", "../x"),
        ("name", "audit\n"),
        ("isLogging", {"a": 1}),
        ("isLogging", "false"),
        ("isMultiRegionTrail", 1),
    ],
)
def test_an_odd_field_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TrailSpec.model_validate(SPEC | {field: value})
    assert {entry["loc"][0] for entry in caught.value.errors()} == {field}


def test_what_is_no_place_in_aws_is_not_on_record() -> None:
    parsed = TrailStatus.parse(STATUS | {"arn": "x", "accountID": "me", "homeRegion": "nowhere"})
    assert (parsed.arn, parsed.account_id, parsed.home_region, parsed.observed_generation) == (None, None, None, -1)
    assert parsed.conditions[0].last_transition_time == datetime(2026, 1, 31, 12, tzinfo=UTC)
