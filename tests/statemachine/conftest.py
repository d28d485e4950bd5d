"""The worlds that most tests begin with."""

import logging
from collections.abc import Iterator

import pytest

from tests.statemachine.alarm_scene import staged
from tests.statemachine.alarm_stage import AlarmStage
from tests.statemachine.stage import VirtualStage


@pytest.fixture
def empty(caplog: pytest.LogCaptureFixture) -> Iterator[VirtualStage]:
    """A world in which nothing is yet, and the operator runs."""
    caplog.set_level(logging.CRITICAL, "trail_operator")
    result = VirtualStage(0)
    yield result
    result.close()


@pytest.fixture
def alarm_stage(caplog: pytest.LogCaptureFixture) -> Iterator[AlarmStage]:
    """A world with a Trail that has a log group, and without a TrailAlarmSet."""
    caplog.set_level(logging.CRITICAL, "trail_operator")
    result = staged()
    yield result
    result.close()


@pytest.fixture
def stage(empty: VirtualStage) -> VirtualStage:
    """The world of a test; a module whose tests begin with more has its own."""
    return empty
