"""The walk on real processes: some hundred steps, with kill -9 and the time that things take."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from hypothesis.strategies._internal.featureflags import FeatureFlags
from kubernetes import client

from tests.integration.conftest import api, cluster, kubectl, service_account
from tests.integration.service_account import ServiceAccount
from tests.sandbox.conftest import started
from tests.statemachine import machine
from tests.statemachine.machine import Walk
from tests.statemachine.processes import NAMESPACES, Aws, ProcessStage
from trail_sandbox.sandbox import Sandbox

__all__ = ["api", "cluster", "service_account"]

STEPS = int(os.environ.get("STEPS_ON_PROCESSES", "200"))
_IN_A_WALK = 50


@pytest.fixture
def namespaces(cluster: Sandbox) -> Iterator[None]:
    """The namespaces of the walk's Trails."""
    for name in NAMESPACES:
        kubectl(cluster, "create", "namespace", name)
    yield
    for name in NAMESPACES:
        kubectl(cluster, "delete", "namespace", name, "--wait=false")


@pytest.mark.long
@pytest.mark.usefixtures("namespaces")
def test_whatever_happens_on_processes(
    cluster: Sandbox,
    service_account: ServiceAccount,
    api: client.ApiClient,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nthe same steps again, though not at the same moments: SEED={seed}")
    log = tmp_path / "operator.log"
    machine.steps.clear()
    machine.states.clear()
    with started(tmp_path / "aws.log") as (url, _):
        aws = Aws(url)

        class OnProcesses(Walk):
            def make_stage(self, _: int) -> ProcessStage:
                environment = {**os.environ, **cluster.environment(), **service_account.environment}
                return ProcessStage(api, environment, aws, log)

        walks = settings(
            max_examples=-(-STEPS // _IN_A_WALK),
            stateful_step_count=_IN_A_WALK,
            backend="fresh",
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        try:
            # So few steps are to go by all rules: hypothesis leaves some out in each walk.
            with mock.patch.object(FeatureFlags, "is_enabled", return_value=True):
                run_state_machine_as_test(hypothesis.seed(seed)(OnProcesses), settings=walks)
        finally:
            reached = f"{machine.steps.total()} steps, {len(machine.states)} states reached"
            record_property("figures", f"{reached}; SEED={seed}")
            print(dict(machine.steps))
            print(f"--- the operator's log\n{log.read_text()}")
