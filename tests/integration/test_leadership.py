"""Two operators and one Lease: one works, the other stands by, and never do both write."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.conftest import Operator, OperatorFactory
from tests.integration.kubernetes import Trails, eventually, trail
from tests.integration.service_account import ServiceAccount
from tests.sandbox.identities import allow, user
from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.sandbox import Sandbox

NAME = "watched"


class Contenders:
    """Operators that contend for a Lease, each an AWS user of its own: the emulator's records tell who did what."""

    def __init__(self, make: OperatorFactory, account: Account, leases: client.CoordinationV1Api, name: str) -> None:
        self._make = make
        self.account = account
        self._leases = leases
        self._name = name
        self.made: list[Operator] = []

    def start(self, who: str, **environment: str) -> Operator:
        """One more operator, once it is fit."""
        keys = user(self.account, allow("*"), name=who)
        operator = self._make(
            *("--leader-election", "true", "--lease-name", self._name, "--lease-namespace", self._name),
            *("--resync", "1s"),
            start=False,
            AWS_ACCESS_KEY_ID=keys["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=keys["SecretAccessKey"],
            **environment,
        ).start(wait=False)
        self.made.append(operator)
        eventually(f"{who} is fit", lambda: ready(operator))
        return operator

    @property
    def holder(self) -> str:
        """Who holds the Lease."""
        lease = self._leases.read_namespaced_lease(self._name, self._name)
        return str(lease.spec.holder_identity)

    def calls(self, who: str) -> list[dict[str, Any]]:
        """What an operator has asked of CloudTrail."""
        arn = f"arn:aws:iam::{self.account.number}:user/{who}"
        return [call for call in self.account.calls() if call["caller"] == arn and call["service"] == "cloudtrail"]

    def heals(self) -> Callable[[], bool]:
        """Stop the trail's logging by hand; whether somebody has started it again."""
        self.account.cloudtrail.stop_logging(Name=NAME)
        return lambda: bool(self.account.cloudtrail.get_trail_status(Name=NAME)["IsLogging"])


@pytest.fixture
def contenders(
    operator_process: OperatorFactory, account: Account, api: client.ApiClient, service_account: ServiceAccount
) -> Iterator[Contenders]:
    leases = client.CoordinationV1Api(api)
    result = Contenders(operator_process, account, leases, service_account.name)
    yield result
    for operator in result.made[:-1]:  # the last one lets the Trails go
        operator.kill()
    leases.delete_namespaced_lease(service_account.name, service_account.name)


def port(operator: Operator) -> str:
    text = operator.log.read_text() if operator.log.exists() else ""
    _, found, rest = text.rpartition("health endpoints and metrics on 127.0.0.1:")
    return rest.split()[0] if found else ""


def ready(operator: Operator) -> bool:
    where = port(operator)
    with suppress(requests.ConnectionError):
        return bool(where) and requests.get(f"http://127.0.0.1:{where}/readyz", timeout=5).ok
    return False


def leads(operator: Operator) -> bool:
    text = requests.get(f"http://127.0.0.1:{port(operator)}/metrics", timeout=5).text
    return "trail_operator_leader 1.0" in text.splitlines()


def test_one_works_and_the_other_takes_over(contenders: Contenders, trails: Trails, account: Account) -> None:
    first = contenders.start("first")
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    told = eventually("Events", lambda: trails.events(NAME))
    assert {event.reporting_instance for event in told} == {contenders.holder}, "by which of them"
    second = contenders.start("second")
    assert (leads(first), leads(second)) == (True, False)
    assert (ready(first), ready(second)) == (True, True), "readiness does not tell who leads"
    seen = len(contenders.calls("first"))
    eventually("the first works", lambda: len(contenders.calls("first")) > seen)
    assert contenders.calls("second") == []

    first.kill()
    eventually("the second heals", contenders.heals())
    assert leads(second)

    third = contenders.start("third")
    assert not leads(third)
    held = contenders.holder
    assert second.stop() == 0
    assert contenders.holder != held, "given back: nobody waits for it to run out"
    eventually("the third heals", contenders.heals())
    assert [call["operation"] for call in account.writes()].count("CreateTrail") == 1
    assert third.stop() == 0
    assert contenders.holder == "", "nobody is waited for"


def test_a_clean_stop_waits_for_a_look_that_is_under_way(
    contenders: Contenders, trails: Trails, account: Account
) -> None:
    one = contenders.start("one")
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)

    def looks() -> int:
        return [call["operation"] for call in contenders.calls("one")].count("ListTrails")

    eventually("it looks at the trails of the account", looks)
    account.fault(service="cloudtrail", operation="ListTrails", delay=1.5, count=1)
    seen = looks()
    eventually("it looks again", lambda: looks() > seen)
    assert one.stop() == 0
    assert contenders.holder == "", "nobody is waited for"
    contenders.start("another")  # lets the Trail go


def test_a_process_that_stood_still_does_nothing_more(contenders: Contenders, trails: Trails, account: Account) -> None:
    """It is stopped while AWS answers its question whether the trail is there: what it would do next is create it."""
    bucket = account.bucket(f"logs-{account.number}", NAME)
    first = contenders.start("first")
    second = contenders.start("second")
    account.fault(service="cloudtrail", operation="GetTrail", delay=1.5, count=1)
    trails.create(trail(NAME, bucket))
    eventually("the first asks", lambda: contenders.calls("first"))
    assert first.process is not None
    os.kill(first.process.pid, signal.SIGSTOP)
    trails.wait_ready(NAME, 60)
    before = contenders.calls("first")
    assert [call["operation"] for call in before] == ["GetTrail"]
    heals = contenders.heals()
    os.kill(first.process.pid, signal.SIGCONT)
    assert first.process.wait(timeout=20) == 1
    assert "has lost its Lease" in first.log.read_text()
    assert "Traceback" not in first.log.read_text()
    assert contenders.calls("first") == before, "nothing came of what it knew"
    eventually("the second works on", heals)
    assert [call["caller"].rsplit("/")[-1] for call in account.writes() if call["operation"] == "CreateTrail"] == [
        "second"
    ]
    assert second.running


class Proxy:
    """A way to the API server that can be made to hang."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        self._flows = threading.Event()
        self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self) -> None:
        """Hold back all that is sent, in both directions, without ending a connection."""
        self._flows.clear()

    def close(self) -> None:
        self._flows.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(self._to)
                for source, target in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError), closing(target):
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)


@pytest.fixture
def proxy(cluster: Sandbox) -> Iterator[Proxy]:
    server = kubeconfig.read(cluster.kubeconfig)["clusters"][0]["cluster"]["server"]
    host, _, number = server.removeprefix("https://").partition(":")
    result = Proxy((host, int(number)))
    yield result
    result.close()


def test_who_can_not_reach_the_api_server_stops_before_another_begins(
    contenders: Contenders,
    trails: Trails,
    account: Account,
    service_account: ServiceAccount,
    proxy: Proxy,
    tmp_path: Path,
) -> None:
    content = kubeconfig.read(service_account.kubeconfig)
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
    elsewhere = tmp_path / "by-proxy.kubeconfig"
    kubeconfig.write(elsewhere, json.dumps(content))
    first = contenders.start("first", KUBECONFIG=str(elsewhere))
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    second = contenders.start("second")

    proxy.hang()
    assert first.process is not None
    eventually("the second works", lambda: contenders.calls("second"))
    eventually("the second heals", contenders.heals())
    assert first.process.wait(timeout=20) == 1
    last, begun = contenders.calls("first")[-1], contenders.calls("second")[0]
    assert last["time"] < begun["time"], "the first had ended before"
    assert second.running
    print(json.dumps({"the last call of the first": last["time"], "the first of the second": begun["time"]}))


def test_a_lease_that_it_may_not_have_is_told(contenders: Contenders, operator_process: OperatorFactory) -> None:
    contenders.start("first")  # so that there is a Lease
    operator = operator_process(
        *("--leader-election", "true", "--lease-name", "another", "--lease-namespace", "default"), start=False
    ).start(wait=False)
    eventually("it says so", lambda: "waiting to read the Lease default/another" in operator.log.read_text())
    assert "is its role bound?" in operator.log.read_text()
    assert not ready(operator)


def test_leader_election_needs_a_namespace(operator_process: OperatorFactory) -> None:
    operator = operator_process("--leader-election", "true", start=False).start(wait=False)
    assert operator.process is not None
    assert operator.process.wait(timeout=20) == 1
    assert "--leader-election needs --lease-namespace" in operator.log.read_text()
    assert "Traceback" not in operator.log.read_text()
