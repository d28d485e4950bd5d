"""A status that another version wrote: what can be read of it is, above all what is pinned."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trail_operator.api.aws_account import AWSAccountStatus
from trail_operator.api.trail_status import TrailStatus

PINS = {
    "accountID": "123456789012",
    "homeRegion": "eu-west-1",
    "arn": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit",
}
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Recording",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "observedGeneration": 3,
}
ERROR = {"destination": "S3", "error": "AccessDenied", "since": "2026-01-01T00:00:00Z"}
DIFFERENCE = {"path": "tags[a]", "desired": "b", "observed": "absent"}
WHOLE: dict[str, Any] = {
    **PINS,
    "observedGeneration": 3,
    "isLogging": True,
    "drift": [DIFFERENCE],
    "delivery": [ERROR],
    "conditions": [READY],
}


def without(entry: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != name}


def test_a_destination_of_a_newer_version_is_read() -> None:
    status = TrailStatus.parse(WHOLE | {"delivery": [ERROR, ERROR | {"destination": "EventBridge"}]})
    assert [entry.destination for entry in status.delivery] == ["S3", "EventBridge"]
    assert status.observed_generation == 3


@pytest.mark.parametrize(
    "odd",
    [
        {"delivery": [ERROR, without(ERROR, "since")]},
        {"conditions": [without(READY, "observedGeneration"), READY]},
        {"drift": [without(DIFFERENCE, "observed"), DIFFERENCE]},
        {"isLogging": "perhaps"},
        {"lastDrift": {"paths": ["isLogging"]}},
        {"lastDrift": "yesterday"},
    ],
)
def test_what_can_not_be_read_is_left_out_by_itself_and_written_anew(odd: dict[str, Any]) -> None:
    status, whole = TrailStatus.parse(WHOLE | odd), TrailStatus.parse(WHOLE)
    assert status.observed_generation == -1
    (name,) = odd
    alike = {"observed_generation": 3} | ({"is_logging": True} if name == "isLogging" else {})
    assert status.model_copy(update=alike) == whole


@pytest.mark.parametrize("lost", PINS)
def test_a_pin_that_can_not_be_read_takes_no_other_with_it(lost: str) -> None:
    status = TrailStatus.parse(WHOLE | {lost: 7}).model_dump(by_alias=True)
    assert {name: status[name] for name in PINS} == PINS | {lost: None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from([READY, ERROR, DIFFERENCE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WHOLE, "trails", "type"]), inner),
    max_leaves=10,
)
FIELDS = [*without(WHOLE, "accountID"), "account_id", "is_logging", "trails", "trailCount", "unmanagedCount", "new"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_stands_in_a_status_it_is_read_and_its_pins_are_kept(status: dict[str, Any]) -> None:
    assert TrailStatus.parse(status | {"accountID": "123456789012"}).account_id == "123456789012"
    AWSAccountStatus.parse(status)


@given(JSON)
def test_what_is_no_status_at_all_counts_as_none(value: Any) -> None:
    if not isinstance(value, dict):
        assert TrailStatus.parse(value) == TrailStatus()


def test_a_status_of_an_account_that_lacks_a_field_of_today_is_read() -> None:
    trails = [{"arn": "a", "name": "n", "homeRegion": "r", "owner": "o"}]
    status = AWSAccountStatus.parse({"observedGeneration": 1, "trailCount": 1, "trails": trails, "conditions": [READY]})
    assert (status.trails, status.trail_count, len(status.conditions)) == ((), 1, 1)
