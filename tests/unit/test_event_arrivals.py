"""EventArrivals: messages, writes and trails that it is given, and the condition that follows."""

import asyncio
import logging
from dataclasses import replace

import pytest

from tests.unit.test_event_arrival import REGION, TRAIL
from trail_operator.api.reasons import Reason
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.domain.ownership import Cluster
from trail_operator.inventory.event_arrivals import EventArrivals
from trail_operator.runtime.clock import Clock

ACCOUNT = "123456789012"
OURS = replace(TRAIL, owner="test/team/audit")
MINUTE, DAY = 60.0, 86_400.0


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.clock = Clock(monotonic=lambda: self.now)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def arrivals(time: Time) -> EventArrivals:
    found = EventArrivals(Cluster("test"), time.clock)
    found.on_inventory(ACCOUNT, [OURS])
    time.now = 20 * MINUTE
    return found


def test_subscribers_learn_when_events_begin_to_arrive_and_not_of_each_one(arrivals: EventArrivals, time: Time) -> None:
    changed: list[str] = []
    arrivals.subscribe(changed.append)
    arrivals.on_message(ACCOUNT, REGION)
    assert changed == [ACCOUNT]
    assert arrivals.state(ACCOUNT).reason == Reason.EVENTS_RECEIVED
    arrivals.on_message(ACCOUNT, REGION)
    assert changed == [ACCOUNT]
    arrivals.on_write(ACCOUNT, REGION)
    time.now += 15 * MINUTE
    assert arrivals.state(ACCOUNT).reason == Reason.EVENTS_MISSING
    arrivals.on_message(ACCOUNT, REGION)
    assert changed == [ACCOUNT, ACCOUNT]
    time.now += 2 * DAY
    arrivals.on_message(ACCOUNT, REGION)
    assert changed == [ACCOUNT, ACCOUNT, ACCOUNT]


def test_a_message_of_another_account_or_region_proves_nothing_and_is_not_kept(arrivals: EventArrivals) -> None:
    changed: list[str] = []
    arrivals.subscribe(changed.append)
    arrivals.on_message(ACCOUNT, "us-east-1")
    arrivals.on_message("999999999999", REGION)
    assert changed == []
    assert arrivals.state(ACCOUNT).reason == Reason.NO_TRAFFIC
    assert arrivals.state("999999999999").reason == Reason.NO_TRAFFIC
    arrivals.on_inventory(ACCOUNT, [OURS, replace(OURS, home_region="us-east-1")])
    arrivals.on_message(ACCOUNT, REGION)
    assert "of us-east-1 has" in arrivals.state(ACCOUNT).message


def test_only_home_regions_of_this_cluster_s_trails_count(arrivals: EventArrivals) -> None:
    others = [replace(OURS, home_region="us-east-1", owner=owner) for owner in (None, "other/team/audit")]
    arrivals.on_inventory(ACCOUNT, [OURS, *others])
    arrivals.on_message(ACCOUNT, REGION)
    assert arrivals.state(ACCOUNT).status is True


def test_a_region_that_no_trail_is_in_any_more_raises_no_alarm(arrivals: EventArrivals, time: Time) -> None:
    arrivals.on_write(ACCOUNT, REGION)
    time.now += DAY
    assert arrivals.state(ACCOUNT).status is False
    arrivals.on_inventory(ACCOUNT, [])
    assert arrivals.state(ACCOUNT).status is None


def test_each_change_is_logged_once_as_a_warning_if_events_are_missing(
    arrivals: EventArrivals, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    arrivals.on_write(ACCOUNT, REGION)
    time.now += 15 * MINUTE
    for _ in range(3):
        arrivals.on_inventory(ACCOUNT, [OURS])
    for _ in range(3):
        arrivals.on_message(ACCOUNT, REGION)
    assert [(record.levelname, record.message.split(": ")[1]) for record in caplog.records] == [
        ("WARNING", "EventsMissing"),
        ("INFO", "EventsReceived"),
    ]


def test_a_write_counts_when_aws_has_accepted_it() -> None:
    written: list[tuple[str, str]] = []
    requests = OwnRequests()
    requests.subscribe(lambda account, region: written.append((account, region)))

    async def answer() -> dict[str, dict[str, str]]:
        return {"ResponseMetadata": {"RequestId": "1"}}

    async def refused() -> dict[str, dict[str, str]]:
        raise TimeoutError

    async def scenario() -> None:
        await requests.tracked(ACCOUNT, REGION, answer())
        with pytest.raises(TimeoutError):
            await requests.tracked(ACCOUNT, "us-east-1", refused())

    asyncio.run(scenario())
    assert written == [(ACCOUNT, REGION)]
