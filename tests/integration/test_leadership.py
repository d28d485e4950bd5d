"""Two operators and one Lease: one works, the other stands by, and never do both write."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.integration.service_account import ServiceAccount
from tests.patience import eventually, resync, seconds
from tests.recorder import Recorder
from tests.sandbox.buses import OF_CLOUDTRAIL, Bus
from tests.sandbox.identities import allow, user
from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.sandbox import Sandbox

NAME = "watched"
TAKE_OVER = 15.0


class LogPipe:
    """What a process logs goes through it into a file, until it is blocked: then the process stands still."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._flows = threading.Event()
        self._flows.set()
        self._out, self.into = os.pipe()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def block(self) -> None:
        """Pass nothing on, and fill what there is to hold it."""
        self._flows.clear()
        # Opened anew, so that only this end does not wait: /proc makes another description of the same pipe.
        end = os.open(f"/proc/self/fd/{self.into}", os.O_WRONLY | os.O_NONBLOCK)
        quiet = 0
        while quiet < 3:  # one more buffer may just have been taken
            try:
                os.write(end, b"\n")
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.1)  # full only if nothing reads for a while
        os.close(end)

    def unblock(self) -> None:
        self._flows.set()

    def _pass_on(self) -> None:
        with self._log.open("ab", buffering=0) as file:
            while data := os.read(self._out, 65536):
                self._flows.wait()
                file.write(data.lstrip(b"\n"))


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
        return self.fit(who, self.make(who, **environment).start(wait=False))

    def make(self, who: str, **environment: str) -> Operator:
        """One more operator, not started."""
        keys = user(self.account, allow("*"), name=who)
        environment = {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            **environment,
        }
        operator = self._make(
            *("--leader-election", "true", "--lease-name", self._name, "--lease-namespace", self._name),
            *("--resync", resync(1)),
            start=False,
            **environment,
        )
        self.made.append(operator)
        return operator

    def fit(self, who: str, operator: Operator) -> Operator:
        """The operator, once it is fit."""
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
        return bool(where) and requests.get(f"http://127.0.0.1:{where}/readyz", timeout=seconds(5)).ok
    return False


def leads(operator: Operator) -> bool:
    text = requests.get(f"http://127.0.0.1:{port(operator)}/metrics", timeout=seconds(5)).text
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

    killed = time.monotonic()
    first.kill()
    heals = contenders.heals()
    eventually("the second heals", heals, killed + TAKE_OVER - time.monotonic())
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


def test_only_the_leader_receives_events(contenders: Contenders, trails: Trails, account: Account) -> None:
    Bus(account).rule("events", OF_CLOUDTRAIL)
    queue = {"TRAIL_OPERATOR_EVENT_QUEUE": "events", "TRAIL_OPERATOR_RESYNC": "10m"}
    contenders.start("first", **queue)
    contenders.start("second", **queue)
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    eventually("the first heals", contenders.heals())
    receivers = {call["caller"].rpartition("/")[2] for call in account.calls() if call["operation"] == "ReceiveMessage"}
    assert receivers == {"first"}


def test_a_clean_stop_waits_for_a_look_that_is_under_way(
    contenders: Contenders, trails: Trails, account: Account
) -> None:
    one = contenders.start("one")
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)

    def looks() -> int:
        return [call["operation"] for call in contenders.calls("one")].count("ListTrails")

    eventually("it looks at the trails of the account", looks)
    account.fault(service="cloudtrail", operation="ListTrails", delay=600, count=1)
    seen = looks()
    eventually("it looks again", lambda: looks() > seen)
    assert one.process is not None
    one.process.terminate()
    eventually("it begins to stop", lambda: not ready(one))
    account.no_faults()  # AWS answers
    assert one.process.wait() == 0
    assert contenders.holder == "", "nobody is waited for"
    contenders.start("another")  # lets the Trail go


def test_a_process_that_stood_still_does_nothing_more(contenders: Contenders, trails: Trails, account: Account) -> None:
    """It is stopped while AWS answers its question whether the trail is there: what it would do next is create it."""
    bucket = account.bucket(f"logs-{account.number}", NAME)
    first = contenders.start("first")
    second = contenders.start("second")
    account.fault(service="cloudtrail", operation="GetTrail", delay=600, count=1)
    trails.create(trail(NAME, bucket))
    eventually("the first asks", lambda: len(contenders.calls("first")) == 2)
    assert first.process is not None
    os.kill(first.process.pid, signal.SIGSTOP)
    account.no_faults()  # AWS answers
    trails.wait_ready(NAME, 60)
    before = contenders.calls("first")
    assert sorted(call["operation"] for call in before) == ["GetTrail", "ListTrails"], "they are sent together"
    heals = contenders.heals()
    os.kill(first.process.pid, signal.SIGCONT)
    assert first.process.wait(seconds(20)) == 1
    assert "leader election lost" in first.log.read_text()
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
    assert first.process.wait(seconds(20)) == 1
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


def test_who_may_no_longer_read_the_lease_is_not_fit(contenders: Contenders, service_account: ServiceAccount) -> None:
    first = contenders.start("first")
    second = contenders.start("second")
    service_account.grant_lease([])
    try:
        eventually("it is not fit", lambda: not ready(second))
        assert first.process is not None
        assert first.process.wait(seconds(20)) == 1
        assert second.running
        assert "standing by" in second.log.read_text()
    finally:
        service_account.grant_lease(service_account.lease_rules)
    eventually("it is fit", lambda: ready(second))
    eventually("it leads", lambda: leads(second))


def test_who_has_the_lease_and_may_read_nothing_is_seen_to_be_of_no_use(
    contenders: Contenders, trails: Trails, account: Account, service_account: ServiceAccount
) -> None:
    first = contenders.start("first")
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    second = contenders.start("second")
    held = contenders.holder
    service_account.grant([])
    try:
        first.kill()
        eventually("the second has the Lease", lambda: contenders.holder != held)
        eventually("it waits", lambda: "waiting to read" in second.log.read_text())
        assert not ready(second)
        assert not leads(second), "TrailOperatorWithoutLeader is to fire: there are no metrics of Trails"
    finally:
        service_account.grant(service_account.rules)
    eventually("the second heals", contenders.heals())
    assert leads(second)
    eventually("it is ready: all that it reads is read, too", lambda: ready(second))


def test_what_waits_in_a_thread_while_the_term_ends_is_not_sent(
    contenders: Contenders, trails: Trails, account: Account, tmp_path: Path
) -> None:
    """The first reads the token of its service account, and stands still: nothing can end it, but its threads go on."""
    token = tmp_path / "token"
    os.mkfifo(token)
    sts = Recorder()
    operator = contenders.make(
        "first",
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_ROLE_ARN=f"arn:aws:iam::{account.number}:role/r",
        AWS_ENDPOINT_URL_STS=sts.url,
    )
    log = LogPipe(operator.log)
    first = contenders.fit("first", operator.start(wait=False, to=log.into))
    second = contenders.start("second")
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    begun = eventually("it reads its token", lambda: _writer(token))
    log.block()
    trails.create(trail("another", "bucket", accountRef={"name": "none"}))  # that is told without a call to AWS
    trails.wait_ready(NAME, 60)
    assert leads(second)
    os.write(begun, b"token")
    os.close(begun)
    time.sleep(2)  # what must not be sent would be by now
    assert first.running
    assert sts.requests == []
    log.unblock()
    assert first.process is not None
    assert first.process.wait(seconds(20)) == 1
    assert sts.requests == []
    sts.close()


def _writer(fifo: Path) -> int | None:
    """Its end to write to, once somebody reads it."""
    with suppress(OSError):
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    return None


def test_leader_election_needs_a_namespace(operator_process: OperatorFactory) -> None:
    operator = operator_process("--leader-election", "true", start=False).start(wait=False)
    assert operator.process is not None
    assert operator.process.wait(seconds(20)) == 1
    assert "--leader-election needs --lease-namespace" in operator.log.read_text()
    assert "Traceback" not in operator.log.read_text()
