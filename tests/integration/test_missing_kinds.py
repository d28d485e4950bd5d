"""Definitions and permissions that an upgrade did not bring, on a sandbox of its own: definitions are shared.

With `crds.enabled: false`, or after a rollback, the definitions are older than the operator, or one is missing.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from kubernetes import client, config

from tests.integration.aws import Account
from tests.integration.conftest import ROOT, established, kubectl
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set, trail
from tests.integration.process import Operator
from tests.integration.service_account import ServiceAccount
from tests.integration.test_metrics import Scraped
from tests.patience import eventually, evidence, resync
from trail_sandbox.sandbox import Sandbox

pytestmark = pytest.mark.long

TRAILS, ALARM_SETS = "trails.trail-operator.dev", "trailalarmsets.trail-operator.dev"
# Seconds until the operator looks for the kind again, and some more for what follows.
_PICKED_UP = 45
_SET = {"alarms": [{"name": "Deletions", "filterPattern": "{$.eventName=Delete*}"}]}


@pytest.fixture(scope="module")
def own(worker_id: str) -> Iterator[Sandbox]:
    sandbox = Sandbox(f"test-kinds-{worker_id}-{os.getpid()}")
    sandbox.up(background=False)
    for kind in ("trails", "awsaccounts"):
        kubectl(sandbox, "apply", "--server-side", "-f", str(definition(kind)))
        established(sandbox, f"{kind}.trail-operator.dev")
    yield sandbox
    sandbox.down()


@pytest.fixture(scope="module")
def own_api(own: Sandbox) -> client.ApiClient:
    return config.new_client_from_config(str(own.kubeconfig))


def definition(kind: str) -> Path:
    """The file with the definition of a kind."""
    return ROOT / "crds" / f"trail-operator.dev_{kind}.yaml"


class World:
    """An operator in a namespace and an account of the test's own, on that sandbox."""

    def __init__(self, sandbox: Sandbox, api: client.ApiClient, number: str, directory: Path) -> None:
        self.sandbox = sandbox
        self.account = Account(sandbox.aws_endpoint, number)
        client.CoreV1Api(api).create_namespace({"metadata": {"name": f"test-{number}"}})
        self.trails = Trails(api, f"test-{number}")
        self.alarm_sets = AlarmSets(api, f"test-{number}")
        self.identity = ServiceAccount(sandbox, api, f"operator-{number}", directory)
        environment = {**os.environ, **sandbox.environment(), **self.identity.environment, **self.account.environment}
        arguments = ["--namespace", f"test-{number}", "--health-port", "0", "--resync", resync(2)]
        self.operator = Operator(environment, directory / "operator.log", [*arguments, "--cluster-name", "test"])

    def lines(self, text: str) -> list[str]:
        """The operator's log lines with this text, since it was last started."""
        log = self.operator.log.read_text()
        return [line for line in log[log.rindex("health endpoints") :].splitlines() if text in line]

    def metric(self, name: str, kind: str) -> float | None:
        return Scraped(self.operator, self.trails.namespace).value(name, kind=kind)

    def is_ready(self) -> bool:
        """Whether the readiness probe succeeds."""
        url = Scraped(self.operator, "")._url.replace("/metrics", "/readyz")
        return requests.get(url, timeout=10).status_code == 200

    def restart(self) -> None:
        self.operator.stop()
        self.operator.log.unlink()  # the port is another
        self.operator.start()


@pytest.fixture
def world(own: Sandbox, own_api: client.ApiClient, number: str, tmp_path: Path) -> Iterator[World]:
    result = World(own, own_api, number, tmp_path)
    with ExitStack() as witnesses:
        for witness in (result.operator.evidence, result.trails.evidence):
            witnesses.enter_context(evidence(witness))
        yield result
    for name in result.trails.names():
        result.trails.delete(name)
        result.trails.release(name)
    if result.operator.running:
        result.operator.stop()


def without_alarm_sets(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules of the role before there was the kind."""
    return [rule for rule in rules if not any("trailalarmsets" in name for name in rule["resources"])]


def test_trail_alarm_sets_are_picked_up_when_they_can_be_and_trails_always_work(world: World) -> None:
    account, trails, alarm_sets = world.account, world.trails, world.alarm_sets
    rules = world.identity.rules
    world.identity.grant(without_alarm_sets(rules))
    world.operator.start()
    group = account.log_group("events")
    role = account.role("logs", group)
    more = {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": role, "deletionPolicy": "Delete"}
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit"), **more))
    trails.wait_ready("audit")
    # Neither definition nor permission.
    assert world.metric("kind_available", "TrailAlarmSet") == 0
    eventually("ready", world.is_ready)
    (line,) = world.lines("TrailAlarmSets are not handled")
    assert "apply its CustomResourceDefinition" in line

    def picked_up(what: str, available: int) -> None:
        eventually(what, lambda: world.metric("kind_available", "TrailAlarmSet") == available, _PICKED_UP)

    # The definition, without the permission.
    kubectl(world.sandbox, "apply", "--server-side", "-f", str(definition("trailalarmsets")))
    established(world.sandbox, ALARM_SETS)
    alarm_sets.create(alarm_set("cis", "audit", **_SET))
    eventually("the permission is missed", lambda: len(world.lines("TrailAlarmSets are not handled")) == 2, _PICKED_UP)
    assert "lacks permission" in world.lines("TrailAlarmSets are not handled")[1]
    # The permission.
    world.identity.grant(rules)
    picked_up("the kind is available", 1)
    alarm_sets.wait_ready("cis")
    assert set(account.filters(group)) == {f"test/{alarm_sets.namespace}/cis/Deletions"}
    alarm_sets.create(alarm_set("other", "audit", **_SET))
    alarm_sets.wait_ready("other")
    # The definition is deleted, with all objects, while the operator runs.
    kubectl(world.sandbox, "delete", "crd", ALARM_SETS, "--timeout=60s")
    picked_up("the definition has gone", 0)
    assert account.filters(group) == {}
    assert len(world.lines("TrailAlarmSets are not handled")) == 3
    account.cloudtrail.stop_logging(Name="audit")
    eventually("corrected", lambda: account.cloudtrail.get_trail_status(Name="audit")["IsLogging"])
    eventually("ready", world.is_ready)
    # It comes back.
    kubectl(world.sandbox, "apply", "--server-side", "-f", str(definition("trailalarmsets")))
    established(world.sandbox, ALARM_SETS)
    alarm_sets.create(alarm_set("cis", "audit", **_SET))
    picked_up("the definition is back", 1)
    alarm_sets.wait_ready("cis")
    # The permission is taken away; a watch that has begun goes on for minutes, a new process has none.
    world.identity.grant(without_alarm_sets(rules))
    world.restart()
    picked_up("the permission has gone", 0)
    eventually("ready", world.is_ready)
    world.identity.grant(rules)
    picked_up("the permission is back", 1)
    alarm_sets.delete("cis")
    alarm_sets.wait_gone("cis")
    assert world.lines("ERROR") == world.lines("Traceback") == []


class Older:
    """Changes the definition of Trails."""

    def __init__(self, sandbox: Sandbox, number: str) -> None:
        self._sandbox = sandbox
        self._number = number

    def without(self, *fields: str) -> None:
        """Apply the definition without these fields of the status."""
        body = yaml.safe_load(definition("trails").read_text())
        schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for name in fields:
            del schema["properties"]["status"]["properties"][name]
        rules = schema.pop("x-kubernetes-validations", [])
        kept = [rule for rule in rules if not any(f"status.{name}" in rule["rule"] for name in fields)]
        schema["x-kubernetes-validations"] = kept
        text = json.dumps(body)
        kubectl(self._sandbox, "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)
        eventually("the schema is in use", lambda: self._drops(fields))

    def _drops(self, fields: tuple[str, ...]) -> bool:
        """Whether the API server validates with the new schema: it follows a change within a second."""
        probe = {**trail("probe", "bucket-1")}
        probe["metadata"] = {"name": "probe", "namespace": "default"}
        kubectl(self._sandbox, "apply", "-f", "-", text=json.dumps(probe))
        values = {
            "arn": "arn:aws:cloudtrail:us-east-1:111111111111:trail/probe",
            "accountID": "111111111111",
            "ownerTag": "test/default/probe",
        }
        patch = f"--patch={json.dumps({'status': values})}"
        where = ("ctrail", "probe", "--namespace=default")
        stored = kubectl(self._sandbox, "patch", *where, "--subresource=status", "--type=merge", patch, "--output=json")
        kubectl(self._sandbox, "delete", *where)
        kept: dict[str, str] = json.loads(stored)["status"]
        return values.keys() - kept.keys() == values.keys() & set(fields)


@pytest.fixture
def older(own: Sandbox, number: str) -> Iterator[Callable[..., None]]:
    result = Older(own, number)
    yield result.without
    result.without()


def test_an_older_definition_of_trails_is_said_once_and_nothing_is_repeated(
    world: World, older: Callable[..., None]
) -> None:
    older("arn", "ownerTag", "lastDrift", "refusals")
    account, trails = world.account, world.trails
    world.operator.start()
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit"), deletionPolicy="Delete"))
    trails.wait_ready("audit")
    account.cloudtrail.stop_logging(Name="audit")
    eventually("corrected", lambda: account.cloudtrail.get_trail_status(Name="audit")["IsLogging"])
    trails.wait_evaluated("audit")
    eventually("said", lambda: world.metric("definition_outdated", "Trail") == 1)

    def version_after_three_resyncs() -> str:
        seen = len(account.calls())
        eventually("three resyncs", lambda: len(account.calls()) > seen + 18, 60)
        body = trails.get("audit")
        assert body is not None
        return str(body["metadata"]["resourceVersion"])

    version_after_three_resyncs()
    assert version_after_three_resyncs() == version_after_three_resyncs()
    lines = world.lines("is older than the operator")
    assert 1 <= len(lines) <= 2, "one more where another field is missed first"
    assert all(f"status.{name}" in lines[-1] for name in ("arn", "ownerTag", "lastDrift"))
    # A new process finds the trail again, and deletes it.
    world.restart()
    trails.wait_ready("audit")
    version_after_three_resyncs()
    creations = [call for call in account.writes() if call["operation"] == "CreateTrail"]
    assert len(creations) == 1
    trails.delete("audit")
    trails.wait_gone("audit")
    assert account.trails() == []


def test_nothing_is_created_that_an_older_definition_cannot_record(world: World, older: Callable[..., None]) -> None:
    older("accountID")
    account, trails = world.account, world.trails
    world.operator.start()
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit")))
    body = trails.wait_reason("audit", "DefinitionOutdated")
    assert "accountID" not in body["status"]
    assert account.writes() == []
    older()
    world.restart()
    trails.wait_ready("audit")
    assert world.metric("definition_outdated", "Trail") == 0
