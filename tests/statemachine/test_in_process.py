"""The walk in one process: thousands of steps, with a time that jumps."""

import gc
import itertools
import logging
import os
import random
import time
import warnings
from collections.abc import Callable

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.statemachine import machine
from tests.statemachine.alarm_walk import AlarmMachine
from tests.statemachine.walk import EventMachine, Machine

STEPS = int(os.environ.get("STEPS", "10000"))
# Shortening a failure takes minutes: QUICK=1 leaves it out.
PHASES = [Phase.generate] if os.environ.get("QUICK") else [Phase.generate, Phase.shrink]
_IN_A_WALK = 50
WALKS = {"": (Machine, STEPS), "with events": (EventMachine, STEPS // 4), "with alarms": (AlarmMachine, STEPS // 2)}


@pytest.fixture
def seed() -> int:
    """The seed of the run: another one each time, unless SEED names it."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nto do this run again: make statemachine STEPS={STEPS} SEED={seed}")
    return seed


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize(("walk", "steps"), WALKS.values(), ids=WALKS)
def test_whatever_happens(
    seed: int,
    caplog: pytest.LogCaptureFixture,
    record_property: Callable[[str, object], None],
    walk: type[Machine],
    steps: int,
) -> None:
    caplog.set_level(logging.CRITICAL, "trail_operator")
    machine.steps.clear()
    machine.states.clear()
    started = time.monotonic()
    for number in itertools.count():
        remaining = steps - machine.steps.total()
        if remaining <= 0:
            break
        walks = settings(
            max_examples=-(-remaining // _IN_A_WALK),
            stateful_step_count=_IN_A_WALK,
            backend="fresh",
            deadline=None,
            database=None,
            phases=PHASES,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        )
        run_state_machine_as_test(hypothesis.seed(seed + number)(walk), settings=walks)
    with warnings.catch_warnings(action="ignore"):  # lives that were ended had calls that had not begun
        gc.collect()
    taken, done = time.monotonic() - started, machine.steps.total()
    record_property("figures", f"{done} steps in {taken:.0f} s, {len(machine.states)} states reached; SEED={seed}")
    print(dict(machine.steps.most_common()))
