"""Each permission that the chart gives is needed: one less, and something that the operator is for does not come about.

That all of them together are enough is shown by every other test here: their operators have no others.
"""

import copy
import itertools
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.kubernetes import Accounts, AlarmSets, Trails, alarm_set, trail
from tests.integration.process import Operator
from tests.integration.service_account import ServiceAccount
from tests.patience import eventually, resync
from trail_sandbox.sandbox import Sandbox

Permission = tuple[str, str, str]
_GROUP = "trail-operator.dev"
# Where an operator's life comes to a stand without the permission.
STANDSTILL: dict[Permission, str] = {
    ("", "namespaces", "get"): "watches",
    ("", "namespaces", "list"): "watches",
    (_GROUP, "awsaccounts", "list"): "watches",
    (_GROUP, "trails", "list"): "watches",
    (_GROUP, "awsaccounts", "watch"): "has the account",
    (_GROUP, "awsaccounts", "patch"): "holds the account",
    (_GROUP, "awsaccounts/status", "patch"): "has the account",
    (_GROUP, "trails", "watch"): "refuses the Trail",
    (_GROUP, "trails", "patch"): "refuses the Trail",
    (_GROUP, "trails/status", "patch"): "refuses the Trail",
    ("", "namespaces", "watch"): "makes the trail",
    (_GROUP, "trails", "get"): "reads the Trail anew",
    ("events.k8s.io", "events", "create"): "heals the trail",
    ("events.k8s.io", "events", "patch"): "counts what happens again",
}

# Trails do without them.
OF_ALARM_SETS: tuple[Permission, ...] = (
    *((_GROUP, "trailalarmsets", verb) for verb in ("get", "list", "watch", "patch")),
    (_GROUP, "trailalarmsets/status", "patch"),
)


def permissions(rules: list[dict[str, Any]]) -> list[Permission]:
    """Every verb on every resource that the rules allow."""
    products = (itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in rules)
    return [found for product in products for found in product]


def lives() -> list[dict[str, Permission]]:
    """Which permission each of some operators lacks at which step: in all of them together, each permission once."""
    by_step: dict[str, list[Permission]] = {}
    for permission, step in STANDSTILL.items():
        by_step.setdefault(step, []).append(permission)
    rows = itertools.zip_longest(*by_step.values())
    return [{step: one for step, one in zip(by_step, row, strict=True) if one} for row in rows]


def all_but(rules: list[dict[str, Any]], left_out: Collection[Permission]) -> list[dict[str, Any]]:
    """The rules without some permissions."""
    remaining = copy.deepcopy(rules)
    for rule in remaining:
        (group,), (resource,) = rule["apiGroups"], rule["resources"]
        rule["verbs"] = [verb for verb in rule["verbs"] if (group, resource, verb) not in left_out]
    return [rule for rule in remaining if rule["verbs"]]


@dataclass
class Life:
    """What an operator goes through, in its steps: what is done, and what it makes of it."""

    operator: Operator
    account: Account
    accounts: Accounts
    trails: Trails
    name: str = field(init=False)
    since: tuple[int, int] = (0, 0)
    """How long the log was, and how many calls had been made, when `reads the Trail anew` began."""

    def steps(self) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
        """By name, what begins a step (again) and whether it is done."""
        self.name = f"{self.accounts.prefix}-team"
        return {
            "watches": (self._start, lambda: "watching Trails" in self.log),
            "has the account": (self._account, lambda: self.accounts.ready(self.name).get("status") == "True"),
            "refuses the Trail": (self._trail, lambda: self._reason == "NamespaceNotAllowed"),
            "holds the account": (lambda: None, self._is_held),
            "makes the trail": (self._open, lambda: self._reason == "Recording"),
            "reads the Trail anew": (self._mark, self._read_anew),
            "heals the trail": (self._stop, lambda: self.trails.events("audit", "DriftCorrected")),
            "counts what happens again": (self._stop_twice, self._counted),
            "deletes the trail": (lambda: self.trails.delete("audit"), lambda: self.trails.get("audit") is None),
            "lets the account go": (
                lambda: self.accounts.delete(self.name),
                lambda: self.accounts.get(self.name) is None,
            ),
        }

    @property
    def log(self) -> str:
        """What the operator has told."""
        return self.operator.log.read_text() if self.operator.log.exists() else ""

    def refusals(self, permission: Permission) -> int:
        """How often the operator told that the API server refuses this."""
        _, resource, verb = permission
        return self.log.replace("\\", "").count(f'cannot {verb} resource "{resource}"')

    @property
    def _reason(self) -> str | None:
        return self.trails.condition("audit").get("reason")

    def _start(self) -> None:
        if not self.operator.running:
            self.operator.start(wait=False)

    def _account(self) -> None:
        if self.accounts.get(self.name) is None:
            allowed = {"selector": {"matchLabels": {"trails": "open"}}}
            self.accounts.create("team", self.account.number, allowedNamespaces=allowed)

    def _trail(self) -> None:
        if self.trails.get("audit") is None:
            bucket = self.account.bucket(f"logs-{self.account.number}", "audit")
            self.trails.create(trail("audit", bucket, accountRef={"name": self.name}))

    def _is_held(self) -> bool:
        finalizers = (self.accounts.get(self.name) or {})["metadata"].get("finalizers", [])
        return f"namespace.trail-operator.dev/{self.trails.namespace}" in finalizers

    def _open(self) -> None:
        self.trails.core.patch_namespace(self.trails.namespace, {"metadata": {"labels": {"trails": "open"}}})

    def _mark(self) -> None:
        self.since = len(self.log), len(self.account.calls())

    def _read_anew(self) -> bool:
        log, calls = self.since
        return len(self.account.calls()) > calls and "failed to refresh" not in self.log[log:]

    def _stop(self) -> None:
        self.account.cloudtrail.stop_logging(Name="audit")

    def _stop_twice(self) -> None:
        for _ in range(2):
            self._stop()
            eventually("it logs", lambda: self.account.cloudtrail.get_trail_status(Name="audit")["IsLogging"])

    def _counted(self) -> bool:
        return any(event.series and event.series.count > 1 for event in self.trails.events("audit", "DriftCorrected"))


@pytest.fixture
def identity(cluster: Sandbox, api: client.ApiClient, number: str, tmp_path: Path) -> ServiceAccount:
    """An identity whose role is the test's own to change."""
    return ServiceAccount(cluster, api, f"least-{number}", tmp_path)


@pytest.fixture
def life(
    cluster: Sandbox, identity: ServiceAccount, account: Account, accounts: Accounts, trails: Trails, tmp_path: Path
) -> Iterator[Life]:
    arguments = ["--namespace", trails.namespace, "--health-port", "0", "--resync", resync(2)]
    arguments += ["--account-selector", f"test={account.number}"]
    environment = {**os.environ, **cluster.environment(), **account.environment, **identity.environment}
    operator = Operator(environment, tmp_path / "operator.log", arguments)
    yield Life(operator, account, accounts, trails)
    operator.stop()
    print(f"--- the operator's log\n{operator.log.read_text()}")


def test_the_chart_gives_these_and_no_others(identity: ServiceAccount) -> None:
    found = permissions(identity.rules)
    assert sorted(found) == sorted([*STANDSTILL, *OF_ALARM_SETS])


@pytest.mark.long
@pytest.mark.sampled
@pytest.mark.parametrize("lacking", lives())
def test_without_it_there_is_a_standstill_and_with_it_no_more(
    life: Life, identity: ServiceAccount, lacking: dict[str, Permission]
) -> None:
    """At each step one is missing, and is given; those of later steps are missing until then."""
    missing = dict(lacking)
    identity.grant(all_but(identity.rules, missing.values()))
    for name, (begin, done) in life.steps().items():
        permission = missing.pop(name, None)
        before = life.refusals(permission) if permission else 0
        begin()
        if permission:
            eventually(f"the refusal of {permission} is told", lambda: life.refusals(permission) > before)  # noqa: B023
            assert not done()
            identity.grant(all_but(identity.rules, missing.values()))
            begin()
        eventually(f"it {name}", done, 60)
    assert not missing


@pytest.mark.long
@pytest.mark.sampled
def test_alarm_sets_need_each_permission_of_theirs_and_trails_none(
    life: Life, identity: ServiceAccount, account: Account, trails: Trails, alarm_sets: AlarmSets
) -> None:
    """Each is refused, said so, and given; the operator goes on by itself."""
    missing = set(OF_ALARM_SETS)
    identity.grant(all_but(identity.rules, missing))
    group, bucket = account.log_group("events"), account.bucket(f"logs-{account.number}", "audit")
    role = account.role("logs", group)
    trails.create(trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role))
    alarm_sets.create(alarm_set("alarms", "audit", presets=["CIS"]))
    life.operator.start()
    trails.wait_ready("audit")
    assert alarm_sets.condition("alarms") == {}
    while missing:
        given = eventually("a refusal is told", lambda: {one for one in missing if life.refusals(one)}, 60)  # noqa: B023
        missing -= given
        identity.grant(all_but(identity.rules, missing))
    alarm_sets.wait_ready("alarms", 60)
    alarm_sets.delete("alarms")
    alarm_sets.wait_gone("alarms", 60)


def test_an_operator_with_a_cluster_name_works_without_reading_kube_system(
    cluster: Sandbox, identity: ServiceAccount, account: Account, trails: Trails, tmp_path: Path
) -> None:
    """It then does not know the UID by which trails were marked before the cluster had a name, and says so."""
    identity.grant(all_but(identity.rules, [("", "namespaces", "get")]))
    arguments = [
        "--namespace",
        trails.namespace,
        "--cluster-name",
        "named",
        "--health-port",
        "0",
        "--resync",
        resync(2),
    ]
    environment = {**os.environ, **cluster.environment(), **account.environment, **identity.environment}
    operator = Operator(
        environment, tmp_path / "operator.log", [*arguments, "--account-selector", f"test={account.number}"]
    )
    operator.start()
    try:
        trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit")))
        trails.wait_ready("audit")
        trails.delete("audit")
        trails.wait_gone("audit")
        assert operator.log.read_text().count("no permission to get namespace kube-system") == 1
    finally:
        operator.stop()


@pytest.mark.sampled
@pytest.mark.parametrize("verb", ["get", "create", "update"])
def test_without_a_permission_on_the_lease_nothing_begins(
    cluster: Sandbox, identity: ServiceAccount, account: Account, trails: Trails, tmp_path: Path, verb: str
) -> None:
    assert {one for rule in identity.lease_rules for one in rule["verbs"]} == {"get", "create", "update"}
    less = [{**rule, "verbs": [one for one in rule["verbs"] if one != verb]} for rule in identity.lease_rules]
    identity.grant_lease([rule for rule in less if rule["verbs"]])
    operator = Operator(
        {**os.environ, **cluster.environment(), **account.environment, **identity.environment},
        tmp_path / "operator.log",
        [
            *("--namespace", trails.namespace, "--health-port", "0", "--account-selector", f"test={account.number}"),
            *("--leader-election", "true", "--lease-name", identity.name, "--lease-namespace", identity.name),
        ],
    ).start(wait=False)
    try:
        if verb == "update":  # needed from the first renewal on
            eventually("it ends", lambda: not operator.running)
        else:
            eventually("it says so", lambda: f'cannot {verb} resource "leases"' in operator.log.read_text())
            assert "watching Trails" not in operator.log.read_text()
        assert f'cannot {verb} resource "leases"' in operator.log.read_text()
        identity.grant_lease(identity.lease_rules)
        if not operator.running:
            operator.start(wait=False)
        eventually("it works", lambda: operator.log.read_text().count("watching Trails") == 1 + (verb == "update"))
    finally:
        operator.stop()
        print(f"--- the operator's log\n{operator.log.read_text()}")
