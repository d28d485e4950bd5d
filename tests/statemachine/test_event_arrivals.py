"""EventsArriving in virtual time, for the operator's own identity: what its metric and its log say."""

import logging
from collections.abc import Iterator

import pytest

from tests.statemachine.aws import REGIONS
from tests.statemachine.event_bus import event
from tests.statemachine.test_events import ARN, KEY, SPEC, Watched
from tests.unit.test_metrics import of

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Watched]:
    """A world whose trail has recorded for twenty minutes."""
    caplog.set_level(logging.INFO)
    result = Watched(monkeypatch)
    result.begin()
    result.stage.wait(20 * MINUTE)
    yield result
    result.stage.close()


def arriving(world: Watched) -> float | None:
    return of(world.stage.life.metrics, "events_arriving", "")


def change(world: Watched, prefix: str) -> None:
    """Have the operator change the trail."""
    world.stage.replace_spec(KEY, SPEC | {"s3KeyPrefix": prefix})
    world.stage.wait(MINUTE)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message.split(": ")[1] for record in caplog.records if record.message.startswith("events of")]


def test_own_events_prove_for_a_day_that_events_arrive(world: Watched, caplog: pytest.LogCaptureFixture) -> None:
    change(world, "one")
    assert arriving(world) == 1
    world.stage.wait(25 * HOUR)
    assert arriving(world) is None
    assert logged(caplog)[-2:] == ["EventsReceived", "NoTraffic"]


def test_a_write_that_does_not_come_back_says_that_events_are_missing(
    world: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    change(world, "one")
    world.bus.lost = 1.0
    change(world, "two")
    world.stage.wait(13 * MINUTE)
    assert arriving(world) == 1
    world.stage.wait(2 * MINUTE)
    assert arriving(world) == 0
    world.stage.wait(2 * HOUR)
    assert logged(caplog)[-1] == "EventsMissing"
    world.bus.put(event(world.stage.time, REGIONS[0], "StopLogging", {"Name": ARN}))
    world.stage.wait(MINUTE)
    assert arriving(world) == 1
    assert logged(caplog)[-1] == "EventsReceived"


def test_where_no_trail_records_nothing_is_missing(world: Watched) -> None:
    world.stage.replace_spec(KEY, SPEC | {"isLogging": False})
    world.stage.wait(2 * HOUR)
    world.bus.lost = 1.0
    change(world, "one")
    world.stage.wait(25 * HOUR)
    assert arriving(world) is None


def test_a_forged_event_of_another_region_proves_nothing(world: Watched) -> None:
    world.stage.wait(25 * HOUR)
    world.bus.put(event(world.stage.time, REGIONS[1], "StopLogging", {"Name": "alpha"}))
    world.stage.wait(MINUTE)
    assert arriving(world) is None


def test_without_a_queue_nothing_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = Watched(monkeypatch, event_queue="")
    world.begin()
    world.stage.wait(20 * MINUTE)
    change(world, "one")
    world.stage.wait(2 * HOUR)
    assert arriving(world) is None
    assert logged(caplog) == []
    world.stage.close()
