"""2,000 objects that only a looser definition lets in, then the strict one: each is reported, no other affected."""

import copy
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from tests.integration.aws import Account
from tests.integration.conftest import ROOT, established, kubectl
from tests.integration.kubernetes import GROUP, PLURAL, VERSION, Trails, trail
from tests.integration.process import Operator
from tests.integration.service_account import ServiceAccount
from tests.integration.test_leadership import port
from tests.odd import SPEC, STATUS, TEXTS, places, put
from tests.patience import eventually, evidence
from trail_sandbox.sandbox import Sandbox

Body = dict[str, Any]

TRAILS, ACCOUNTS = 1800, 200
# SEED=2 makes others.
SEED = int(os.environ.get("SEED") or 1)
ACCOUNT_SPEC: Body = {
    "accountID": "111111111111",
    "roleARN": "arn:aws:iam::111111111111:role/trails",
    "externalID": "external",
    "region": "eu-west-1",
    "allowedNamespaces": {"names": ["a"], "selector": {"matchLabels": {"a": "b"}}},
    "allowedRegions": ["eu-west-1"],
    "allowedBuckets": ["logs-*"],
    "allowOrganizationTrails": False,
}
VALUES: list[Any] = [
    *TEXTS[:-1],
    None,
    True,
    0,
    -1,
    2**62,
    1.5,
    [],
    {},
    [None],
    {"a": 1},
    {"name": "x"},
    [{"key": "k"}],
    ["x"],
]
_SENDERS = 6


class World:
    """A sandbox of this test's own: no other test meets the loose definitions."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        kubectl(sandbox, "apply", "--server-side", "-f", str(ROOT / "crds"))
        for plural in (PLURAL, "awsaccounts"):
            established(sandbox, f"{plural}.{GROUP}")
        self.api = config.new_client_from_config(str(sandbox.kubeconfig))
        self.objects = client.CustomObjectsApi(self.api)
        self.core = client.CoreV1Api(self.api)
        self.namespace = "odd"
        self.core.create_namespace({"metadata": {"name": self.namespace}})

    def loosen(self) -> None:
        """Let anything in."""
        for path in sorted((ROOT / "crds").glob("*.yaml")):
            definition = yaml.safe_load(path.read_text())
            anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
            definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": anything}
            kubectl(self.sandbox, "apply", "--server-side", "-f", "-", text=yaml.safe_dump(definition))
        eventually("anything is let in", lambda: all(self._lets_in(kind) for kind in ("Trail", "AWSAccount")))

    def tighten(self) -> None:
        """Have the definitions as they are."""
        kubectl(self.sandbox, "apply", "--server-side", "-f", str(ROOT / "crds"))
        eventually("nothing odd is let in", lambda: not any(self._lets_in(kind) for kind in ("Trail", "AWSAccount")))

    def store(self, kind: str, name: str, spec: Any, status: Any) -> bool:
        """Store an object; whether the API server could."""
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": {"name": name}, "spec": spec}
        try:
            self._create(kind, body)
            if status is not None:
                self._patch_status(kind, name, status)
        except ApiException:
            return False
        return True

    def all(self, kind: str) -> list[Body]:
        """All objects of a kind."""
        if kind == "Trail":
            answer = self.objects.list_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL)
        else:
            answer = self.objects.list_cluster_custom_object(GROUP, VERSION, "awsaccounts")
        return list(answer["items"])

    def refused(self) -> set[str]:
        """The names of the objects of which an Event says that they cannot be written."""
        # Not as the client's models: to make thousands of them takes longer than all else here.
        options: Body = {"field_selector": "reason=StatusRefused", "_preload_content": False}
        answers: list[Any] = [self.core.list_namespaced_event(name, **options) for name in (self.namespace, "default")]
        return {event["involvedObject"]["name"] for answer in answers for event in json.loads(answer.data)["items"]}

    def _create(self, kind: str, body: Body, **options: str) -> None:
        if kind == "Trail":
            self.objects.create_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, body, **options)
        else:
            self.objects.create_cluster_custom_object(GROUP, VERSION, "awsaccounts", body, **options)

    def _patch_status(self, kind: str, name: str, status: Any) -> None:
        patch = [{"op": "add", "path": "/status", "value": status}]
        how = {"_content_type": "application/json-patch+json"}
        if kind == "Trail":
            self.objects.patch_namespaced_custom_object_status(
                GROUP, VERSION, self.namespace, PLURAL, name, patch, **how
            )
        else:
            self.objects.patch_cluster_custom_object_status(GROUP, VERSION, "awsaccounts", name, patch, **how)

    def _lets_in(self, kind: str) -> bool:
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": {"name": "probe"}, "spec": "x"}
        try:
            self._create(kind, body, dry_run="All")
        except ApiException:
            return False
        return True


@pytest.fixture
def world() -> Iterator[World]:
    sandbox = Sandbox(f"odd-{os.getpid()}")
    try:
        sandbox.up()
        yield World(sandbox)
    finally:
        sandbox.down()


def garble(value: Any, chance: random.Random) -> Any:
    """A value with something odd at one or two places."""
    result = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 2))):
        result = put(result, chance.choice([*places(result)]), chance.choice(VALUES))
    return result


def store_all(world: World) -> Counter[str]:
    """Have all the odd objects; how many there are of each kind."""
    chance = random.Random(SEED)
    wanted = [
        *(
            ("Trail", f"odd-{number}", garble(SPEC, chance), chance.choice((None, garble(STATUS, chance))))
            for number in range(TRAILS)
        ),
        *(
            (
                "AWSAccount",
                f"odd-account-{number}",
                garble(ACCOUNT_SPEC, chance),
                chance.choice((None, garble(STATUS, chance))),
            )
            for number in range(ACCOUNTS)
        ),
    ]
    with ThreadPoolExecutor(_SENDERS) as senders:
        stored = list(senders.map(lambda one: world.store(*one), wanted))
    return Counter(kind for (kind, *_), done in zip(wanted, stored, strict=True) if done)


def unreported(world: World, refused: set[str]) -> list[str]:
    """The objects that have neither a condition about their present state nor an Event."""
    found = []
    for kind in ("Trail", "AWSAccount"):
        for body in world.all(kind):
            metadata, status = body["metadata"], body.get("status")
            status = status if isinstance(status, dict) else {}
            conditions = status.get("conditions")
            is_told = status.get("observedGeneration") == metadata["generation"] and conditions
            if not is_told and metadata["name"] not in refused:
                found.append(f"{kind} {metadata['name']}: {body.get('spec')!r}, {status!r}")
    return found


@pytest.mark.long
def test_every_odd_object_is_reported_and_none_affects_another(
    world: World, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    begun = time.monotonic()
    account = Account(world.sandbox.aws_endpoint, "123456789012")
    trails = Trails(world.api, world.namespace)
    identity = ServiceAccount(world.sandbox, world.api, "odd-operator", tmp_path)
    world.loosen()
    stored = store_all(world)
    world.tighten()
    assert sum(stored.values()) > 0.9 * (TRAILS + ACCOUNTS), stored
    operator = Operator(
        {**os.environ, **world.sandbox.environment(), **account.environment, **identity.environment},
        tmp_path / "operator.log",
        ["--cluster-name", "test", "--health-port", "0", "--resync", "60s"],
    )
    with evidence(operator.evidence):
        operator.start()
        trails.create(trail("well", account.bucket("logs-well", "well")))
        trails.wait_ready("well", 60)
        eventually("all are reported", lambda: not unreported(world, world.refused()), 240)
        refused = world.refused()
        reasons = Counter(
            condition["reason"]
            for kind in ("Trail", "AWSAccount")
            for body in world.all(kind)
            if body["metadata"]["name"] not in refused  # its status is as odd as it was stored
            for condition in body["status"]["conditions"]
            if condition["type"] == "Ready"
        )
        assert reasons["InternalError"] == 0, reasons
        text = requests.get(f"http://127.0.0.1:{port(operator)}/metrics", timeout=30).text
        counted = {
            kind: float(line.split()[-1])
            for line in text.splitlines()
            for kind in ("Trail", "AWSAccount")
            if line.startswith(f'trail_operator_unreportable_objects{{kind="{kind}"}}')
        }
        assert sum(counted.values()) == len(world.refused())
        assert 'trail_operator_trail_ready{trail="well"' in text
        account.cloudtrail.stop_logging(Name="well")
        eventually("the other trail is started again", lambda: account.trail("well")["IsLogging"], 180)  # type: ignore[index]
        assert operator.stop() == 0
        log = operator.log.read_text()
        assert "Traceback" not in log
        operator.start()
        trails.change("well", isLogging=False)
        trails.wait_reason("well", "LoggingOff", 120)
        operator.stop()
    figures = f"{dict(stored)} in {time.monotonic() - begun:.0f} s, {len(world.refused())} refused, {dict(reasons)}"
    record_property("figures", figures)
