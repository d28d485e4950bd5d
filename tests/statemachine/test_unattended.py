"""A task that waits or ends hides nothing: Ready does not stay True for long, and no AWSAccount is left unattended."""

import asyncio
import logging

import pytest

from tests.statemachine import raw
from tests.statemachine.aws import Call
from tests.statemachine.stage import RESYNC, VirtualStage
from trail_operator.inventory.registry import Account
from trail_operator.kube.unreportable import Unreportable

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}
SILENT = 3 * RESYNC
# What a pass may take before it is said that AWS does not answer; and a moment for the status to be written.
PATIENCE = 5.0 + 0.5
NAME = "somebody"
"""An AWSAccount."""


@pytest.fixture
def stage(empty: VirtualStage) -> VirtualStage:
    """A world in which one Trail is Ready."""
    empty.create(KEY, SPEC)
    empty.wait(20.0)
    assert ready(empty)[:2] == ("True", "Recording")
    return empty


def ready(stage: VirtualStage) -> tuple[str, str, str]:
    conditions = stage.objects[KEY]["status"]["conditions"]
    return next((one["status"], one["reason"], one["message"]) for one in conditions if one["type"] == "Ready")


class Silence:
    """From when it is made on, AWS does not answer an operation: each call waits until its deadline."""

    def __init__(self, stage: VirtualStage, operation: str) -> None:
        self.observed = stage.time
        """When the operation was last answered."""
        self._stage = stage
        self._operation = operation
        stage.aws.garble = self._garble
        self.silent = False
        self.odd = False
        """Whether the operation is answered at once, but by no answer."""

    def _garble(self, call: Call, sent: raw.Raw) -> raw.Raw | None:
        if call.operation != self._operation:
            return sent
        if self.silent:
            return None
        if self.odd:
            return raw.Raw(b"<html>")
        if call.by is not None:  # else it is read for the list of the account's trails
            self.observed = self._stage.time
        return sent


# Whenever the silence begins, some pass waits when three resyncs have passed.
@pytest.mark.parametrize("after", [9.0 * step for step in range(7)])
@pytest.mark.parametrize("operation", ["GetTrail", "GetTrailStatus"])
def test_ready_does_not_stay_true_while_a_pass_waits(stage: VirtualStage, operation: str, after: float) -> None:
    silence = Silence(stage, operation)
    stage.wait(RESYNC + after)
    silence.silent = True
    while stage.time < silence.observed + SILENT:
        assert ready(stage)[:2] == ("True", "Recording")
        stage.wait(1.0)
    stage.wait(silence.observed + SILENT + PATIENCE - stage.time)
    assert ready(stage)[:2] == ("Unknown", "AWSUnreachable")
    silence.silent = False
    stage.wait(100.0)
    assert ready(stage)[:2] == ("True", "Recording")


def test_ready_does_not_stay_true_where_a_pass_begins_as_three_resyncs_end(stage: VirtualStage) -> None:
    silence = Silence(stage, "GetTrail")
    stage.wait(RESYNC)
    silence.odd = True  # passes fail at once, and the last retry is due when three resyncs have passed
    stage.wait(silence.observed + SILENT - 1.0 - stage.time)
    assert ready(stage)[:2] == ("True", "Recording")
    silence.silent = True
    stage.wait(1.0 + PATIENCE)
    assert ready(stage)[:2] == ("Unknown", "AWSUnreachable")


def test_a_trail_that_is_paused_while_a_pass_waits_stays_so(stage: VirtualStage) -> None:
    silence = Silence(stage, "GetTrail")
    stage.wait(RESYNC)
    silence.silent = True
    while not stage.aws.asked["GetTrail"] or stage.time < silence.observed + SILENT - 10.0:
        stage.wait(1.0)
    stage.annotate(KEY, "trail-operator.dev/paused", "true")
    stage.wait(60.0)
    assert ready(stage)[:2] == ("Unknown", "Paused")


@pytest.fixture
def attended(empty: VirtualStage) -> VirtualStage:
    """A world with an AWSAccount, whose operator has its watchdog."""
    empty.put_account(NAME)
    empty.wait(20.0)
    empty.watch_over()
    return empty


def account(stage: VirtualStage) -> Account:
    assert stage.life.controllers is not None
    found = stage.life.controllers.accounts.registry.get(NAME)
    assert found is not None
    return found


def task_of(stage: VirtualStage) -> asyncio.Task[None] | None:
    assert stage.life.controllers is not None
    return stage.life.controllers.accounts._queue._items[account(stage).uid].task


def restarts(stage: VirtualStage) -> float:
    return stage.life.metrics.registry.get_sample_value("trail_operator_task_restarts_total") or 0.0


def is_attended(stage: VirtualStage, region: str) -> bool:
    """Whether a change of the AWSAccount is seen."""
    stage.put_account(NAME, region=region)
    stage.wait(10.0)
    body = stage.server.accounts[NAME]
    return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])


def test_an_account_s_task_that_has_ended_is_logged_counted_and_restarted(
    attended: VirtualStage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "trail_operator")
    assert is_attended(attended, "eu-west-1")
    task = task_of(attended)
    assert task is not None
    task.cancel()
    attended.wait(6.0)
    assert task_of(attended) not in (None, task)
    assert restarts(attended) == 1
    (line,) = (record for record in caplog.records if "unattended" in record.message)
    assert (line.levelno, f"AWSAccount {NAME}" in str(vars(line))) == (logging.ERROR, True)
    assert is_attended(attended, "us-east-1")
    attended.wait(60.0)
    assert restarts(attended) == 1, "one that runs is let alone"


def test_an_account_s_task_that_an_error_ends_is_logged_counted_and_restarted(
    attended: VirtualStage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> float:
        raise KeyError("a fault of ours")

    caplog.set_level(logging.ERROR, "trail_operator")
    assert attended.life.controllers is not None
    with monkeypatch.context() as broken:
        broken.setattr(Unreportable, "seconds_left", fault)
        attended.life.controllers.accounts.enqueue(NAME)
        attended.wait(1.0)
    assert restarts(attended) == 1
    assert "the task ended unexpectedly and is restarted" in caplog.text
    assert is_attended(attended, "eu-west-1")
    assert restarts(attended) == 1
