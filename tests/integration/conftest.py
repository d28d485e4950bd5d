"""Fixtures: an AWS account and a namespace for each test, and the operator, as a chart or as a process."""

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kubernetes import client, config

from tests.integration.alarm_world import AlarmWorld
from tests.integration.aws import Account
from tests.integration.kubernetes import Accounts, AlarmSets, Trails
from tests.integration.process import Operator
from tests.integration.service_account import ServiceAccount
from tests.integration.whole import World
from tests.patience import eventually, evidence, resync
from trail_sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
_numbers = itertools.count(1)


def kubectl(sandbox: Sandbox, *arguments: str, text: str | None = None) -> str:
    """Run kubectl as the administrator; fails with what it says."""
    done = subprocess.run(
        ["kubectl", *arguments],
        env={**os.environ, **sandbox.environment()},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def established(sandbox: Sandbox, definition: str) -> None:
    """Wait until a definition is served and discovery lists it, which is a little later.

    `kubectl wait` would fail where it has no conditions at all yet.
    """

    def conditions() -> set[tuple[str, str]]:
        status = json.loads(kubectl(sandbox, "get", "crd", definition, "-o", "json")).get("status") or {}
        return {(entry["type"], entry["status"]) for entry in status.get("conditions") or ()}

    def is_listed() -> bool:
        _, _, group = definition.partition(".")
        return definition in kubectl(sandbox, "api-resources", f"--api-group={group}", "--output=name").split()

    eventually(f"{definition} established", lambda: ("Established", "True") in conditions())
    eventually(f"{definition} listed", is_listed)


@pytest.fixture(scope="session")
def cluster(sandbox: Sandbox) -> Sandbox:
    """The sandbox with the CustomResourceDefinitions applied."""
    kubectl(sandbox, "apply", "--server-side", "-f", str(ROOT / "crds"))
    established(sandbox, "trails.trail-operator.dev")
    established(sandbox, "awsaccounts.trail-operator.dev")
    established(sandbox, "trailalarmsets.trail-operator.dev")
    return sandbox


@pytest.fixture(scope="session")
def api(cluster: Sandbox) -> client.ApiClient:
    """The administrator's API client."""
    return config.new_client_from_config(str(cluster.kubeconfig))


@pytest.fixture(scope="session")
def service_account(
    cluster: Sandbox, api: client.ApiClient, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> ServiceAccount:
    """The identity of every operator that a test runs as a process: so each proves that the chart's role is enough."""
    # Fixtures that another package of tests imports are made once more in the same worker.
    name = f"operator-{worker_id}-{uuid4().hex[:6]}"
    return ServiceAccount(cluster, api, name, tmp_path_factory.mktemp("identity"))


@pytest.fixture
def number(worker_id: str) -> str:
    """A number that no other test of the run has, as an AWS account id."""
    worker = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 0
    return f"{worker:03d}{next(_numbers):09d}"


@pytest.fixture
def account(cluster: Sandbox, number: str) -> Account:
    """An AWS account of the test's own."""
    return Account(cluster.aws_endpoint, number)


@pytest.fixture
def trails(api: client.ApiClient, number: str) -> Iterator[Trails]:
    """The Trails of a namespace of the test's own."""
    core = client.CoreV1Api(api)
    name = f"test-{number}"
    core.create_namespace({"metadata": {"name": name}})
    result = Trails(api, name)
    with evidence(result.evidence):
        yield result
    # The namespace stays until the sandbox goes: to delete it takes the API server over a hundred requests.
    for trail in result.names():
        result.discard(trail)


@pytest.fixture
def alarm_sets(api: client.ApiClient, trails: Trails) -> Iterator[AlarmSets]:
    """The TrailAlarmSets of the test's namespace."""
    result = AlarmSets(api, trails.namespace)
    with evidence(result.evidence):
        yield result
    for name in result.names():
        result.discard(name)


@pytest.fixture
def accounts(api: client.ApiClient, number: str) -> Iterator[Accounts]:
    result = Accounts(api, f"a{number}")
    with evidence(result.evidence):
        yield result
    result.clean()


@pytest.fixture
def other(cluster: Sandbox, number: str) -> Account:
    """Another AWS account, with a bucket for any trail of it."""
    result = Account(cluster.aws_endpoint, f"7{number[1:]}")
    result.open_bucket(f"logs-{result.number}")
    return result


OperatorFactory = Callable[..., Operator]


@pytest.fixture
def operator_process(
    cluster: Sandbox, service_account: ServiceAccount, account: Account, trails: Trails, tmp_path: Path
) -> Iterator[OperatorFactory]:
    """Makes operators for the test's namespace and account; all are ended, and their logs shown, after the test."""
    made: list[Operator] = []
    witnesses = ExitStack()
    identity = {**service_account.environment, **account.environment}

    def make(
        *arguments: str,
        start: bool = True,
        namespace: str = trails.namespace,
        adoption: str | None = "Always",
        cluster_name: str | None = "test",
        **environment: str,
    ) -> Operator:
        defaults = ["--namespace", namespace, "--health-port", "0", "--resync", resync(2)]
        defaults += ["--cluster-name", cluster_name] if cluster_name else []
        defaults += ["--account-selector", f"test={account.number}"]
        defaults += ["--allowed-adoption", adoption] if adoption else []
        operator = Operator(
            {**os.environ, **cluster.environment(), **identity, **environment},
            tmp_path / f"operator-{len(made)}.log",
            [*defaults, *arguments],
        )
        made.append(operator)
        witnesses.enter_context(evidence(operator.evidence))
        return operator.start() if start else operator

    with witnesses:
        yield make
    for trail in trails.names():
        trails.delete(trail)
    for operator in made:
        if operator.running:
            operator.stop()
        print(f"--- {operator.log.name}\n{operator.log.read_text()}")


@pytest.fixture
def operator(operator_process: OperatorFactory) -> Operator:
    """An operator that compares with AWS every two seconds."""
    return operator_process()


def owner(trails: Trails, name: str) -> dict[str, str]:
    """The owner tag of a Trail's trail."""
    return {"trail-operator.dev/owner": f"test/{trails.namespace}/{name}"}


def calls_of(account: Account, *operations: str) -> list[dict[str, Any]]:
    """The CloudTrail requests of these operations made in the account."""
    return [call for call in account.calls() if call["service"] == "cloudtrail" and call["operation"] in operations]


@pytest.fixture
def world(account: Account) -> World:
    """Everything in the account that a trail can depend on."""
    return World(account)


@pytest.fixture
def alarm_world(account: Account, trails: Trails) -> AlarmWorld:
    """What a TrailAlarmSet works in."""
    return AlarmWorld(account, trails)
