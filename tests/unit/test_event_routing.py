"""What an event causes: the pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from trail_operator.domain.cloudtrail_event import Actor, CloudTrailEvent, Rejection
from trail_operator.domain.event_routing import SECONDS_A_READ_MAY_MISS, Outcome, is_older, refusal

EVENT = CloudTrailEvent(
    account="123456789012",
    region="us-east-1",
    event_source="cloudtrail.amazonaws.com",
    event_name="StopLogging",
    event_time=datetime(2026, 1, 1, tzinfo=UTC),
    event_id="1",
    request_id="2",
    error_code="",
    resources=frozenset(),
    actor=Actor("", "", "", "", ""),
)
FAILED = replace(EVENT, error_code="AccessDenied")


@pytest.mark.parametrize(
    ("event", "is_own", "is_known_account", "outcome"),
    [
        (EVENT, False, True, None),
        (EVENT, True, True, Outcome.OWN),
        (EVENT, True, False, Outcome.OWN),
        (FAILED, False, True, Outcome.FAILED),
        (FAILED, True, True, Outcome.OWN),
        (FAILED, False, False, Outcome.FAILED),
        (EVENT, False, False, Outcome.UNKNOWN_ACCOUNT),
    ],
)
def test_own_and_failed_calls_and_unknown_accounts_cause_no_call(
    event: CloudTrailEvent, is_own: bool, is_known_account: bool, outcome: Outcome | None
) -> None:
    assert refusal(event, is_own=is_own, is_known_account=is_known_account) is outcome


@pytest.mark.parametrize(
    ("read_began", "expected"),
    [
        (None, False),
        (99.0, False),
        (100.0, False),
        (100.0 + SECONDS_A_READ_MAY_MISS - 0.1, False),
        (100.0 + SECONDS_A_READ_MAY_MISS, True),
        (1000.0, True),
    ],
)
def test_an_event_is_older_only_than_a_read_that_must_show_the_call(read_began: float | None, expected: bool) -> None:
    assert is_older(100.0, read_began) is expected


def test_an_outcome_is_not_the_name_of_a_rejection() -> None:
    assert not {*Outcome} & {*Rejection}
