"""Whether events of an account arrive: what proves it, what disproves it, and what proves nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trail_operator.api.reasons import Reason
from trail_operator.domain.event_arrival import RegionEvents, events_arriving, records_writes
from trail_operator.domain.inventory_snapshot import PeerTrail

MINUTE, HOUR = 60.0, 3600.0
REGION = "eu-central-1"
TRAIL = PeerTrail(
    arn=f"arn:aws:cloudtrail:{REGION}:123456789012:trail/audit",
    home_region=REGION,
    is_multi_region_trail=False,
    include_global_service_events=False,
    is_organization_trail=False,
    management_events=frozenset({"Read", "Write"}),
    is_logging=True,
)
RECORDING = RegionEvents().on_recording(recording=True, now=0.0)


def verdict(region: RegionEvents, now: float) -> tuple[bool | None, str]:
    state = events_arriving({REGION: region}, now)
    return state.status, state.reason


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (0.0, (True, Reason.EVENTS_RECEIVED)),
        (24 * HOUR, (True, Reason.EVENTS_RECEIVED)),
        (24 * HOUR + 1, (None, Reason.NO_TRAFFIC)),
    ],
)
def test_a_message_counts_for_a_day(after: float, expected: tuple[bool | None, str]) -> None:
    assert verdict(RECORDING.on_message(10.0), 10.0 + after) == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [(15 * MINUTE - 1, (None, Reason.NO_TRAFFIC)), (15 * MINUTE, (False, Reason.EVENTS_MISSING))],
)
def test_a_write_without_a_message_is_missing_after_fifteen_minutes(
    after: float, expected: tuple[bool | None, str]
) -> None:
    assert verdict(RECORDING.on_write(15 * MINUTE), 15 * MINUTE + after) == expected


def test_a_write_is_missing_even_where_an_earlier_message_is_less_than_a_day_old() -> None:
    region = RECORDING.on_message(HOUR).on_write(2 * HOUR)
    assert verdict(region, 2 * HOUR + 15 * MINUTE) == (False, Reason.EVENTS_MISSING)


def test_the_first_write_that_is_missing_counts_not_the_last() -> None:
    region = RECORDING.on_write(HOUR).on_write(HOUR + 14 * MINUTE)
    assert verdict(region, HOUR + 15 * MINUTE) == (False, Reason.EVENTS_MISSING)


def test_a_message_after_a_missing_write_ends_the_alarm() -> None:
    region = RECORDING.on_write(HOUR).on_message(HOUR + 20 * MINUTE)
    assert verdict(region, HOUR + 21 * MINUTE) == (True, Reason.EVENTS_RECEIVED)


@pytest.mark.parametrize("recorded_for", [0.0, 15 * MINUTE - 1])
def test_a_write_is_not_expected_back_before_a_trail_has_recorded_for_fifteen_minutes(recorded_for: float) -> None:
    assert RECORDING.on_write(recorded_for) == RECORDING


def test_a_write_is_not_expected_back_where_no_trail_records() -> None:
    region = RECORDING.on_recording(recording=False, now=HOUR).on_write(2 * HOUR)
    assert verdict(region, 3 * HOUR) == (None, Reason.NOT_LOGGING)


def test_recording_counts_from_its_last_beginning() -> None:
    region = RECORDING.on_recording(recording=True, now=HOUR)
    assert region.recording_since == 0.0
    again = region.on_recording(recording=False, now=HOUR).on_recording(recording=True, now=2 * HOUR)
    assert again.recording_since == 2 * HOUR


def test_over_the_regions_false_wins_and_names_them_then_unknown() -> None:
    fine = RECORDING.on_message(HOUR)
    missing = RECORDING.on_write(HOUR)
    quiet, dark = RECORDING, RegionEvents()
    now = 2 * HOUR
    found = events_arriving({"a-1": fine, "b-1": missing, "c-1": quiet, "d-1": dark}, now)
    assert (found.status, found.reason) == (False, Reason.EVENTS_MISSING)
    assert "made in b-1 have" in found.message
    found = events_arriving({"a-1": fine, "c-1": quiet, "d-1": dark}, now)
    assert (found.status, found.reason) == (None, Reason.NOT_LOGGING)
    assert "in d-1," in found.message
    found = events_arriving({"a-1": fine, "c-1": quiet}, now)
    assert (found.status, found.reason) == (None, Reason.NO_TRAFFIC)
    assert "of c-1 has" in found.message
    found = events_arriving({"a-1": fine}, now)
    assert (found.status, found.reason) == (True, Reason.EVENTS_RECEIVED)


def test_an_account_without_trails_proves_nothing() -> None:
    found = events_arriving({}, 0.0)
    assert (found.status, found.reason) == (None, Reason.NO_TRAFFIC)


@pytest.mark.parametrize(
    ("trail", "expected"),
    [
        (TRAIL, True),
        (replace(TRAIL, home_region="us-east-1"), False),
        (replace(TRAIL, home_region="us-east-1", is_multi_region_trail=True), True),
        (replace(TRAIL, management_events=frozenset({"Write"})), True),
        (replace(TRAIL, management_events=frozenset({"Read"})), False),
        (replace(TRAIL, management_events=frozenset()), False),
        (replace(TRAIL, management_events=None), False),
        (replace(TRAIL, is_logging=False), False),
        (replace(TRAIL, is_logging=None), False),
    ],
)
def test_only_a_logging_trail_with_write_management_events_of_the_region_causes_events(
    trail: PeerTrail, expected: bool
) -> None:
    assert records_writes([trail], REGION) is expected
    assert records_writes([], REGION) is False


_STEPS = st.lists(
    st.tuples(st.sampled_from(["message", "write", "records", "records not"]), st.floats(0.0, 2 * HOUR)), max_size=30
)


@given(_STEPS)
def test_false_needs_a_write_that_no_message_followed(steps: list[tuple[str, float]]) -> None:
    now, last_message, last_write, region = 0.0, -1.0, -1.0, RegionEvents()
    for step, after in steps:
        now += after
        if step == "message":
            region, last_message = region.on_message(now), now
        elif step == "write":
            region, last_write = region.on_write(now), now
        else:
            region = region.on_recording(recording=step == "records", now=now)
        status, _ = verdict(region, now)
        if status is False:
            assert last_write > last_message
        if status is True:
            assert now - last_message <= 24 * HOUR
