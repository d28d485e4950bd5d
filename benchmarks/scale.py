"""Prints what many trails in many accounts cost: `make benchmarks-scale`. docs/scaling.md explains the figures.

The emulator enforces IAM policies and AWS's rates and quotas. It and the API server use the same CPUs.
"""

import argparse
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests
from kubernetes import client, config

from benchmarks.stage import (
    GROUP,
    NAMESPACE,
    PLURAL,
    REGIONS,
    VERSION,
    Operator,
    aws_client,
    bucket_policy,
    is_ready,
    new_sandbox,
    until,
)
from trail_sandbox.sandbox import ACCOUNT_ID, Sandbox

SIZES = ((100, 20), (1000, 200), (2000, 400))
ROLE = "trail-operator"
RESYNC = 60.0
LONG = 1800.0
# So many trails of an account are in its first region, the others in its second.
TOGETHER = 3
SETTLE = 5.0
EVERYTHING: dict[str, Any] = {
    "tags": [{"key": "team", "value": "a"}, {"key": "env", "value": "production"}],
    "insightSelectors": [{"insightType": "ApiCallRateInsight"}, {"insightType": "ApiErrorRateInsight"}],
    "advancedEventSelectors": [
        {"name": "management", "fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]},
        {
            "name": "objects",
            "fieldSelectors": [
                {"field": "eventCategory", "equals": ["Data"]},
                {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                {"field": "resources.ARN", "startsWith": ["arn:aws:s3:::payroll/"]},
            ],
        },
    ],
}


@dataclass
class Fleet:
    """A number of Trails in a number of accounts."""

    sandbox: Sandbox
    trails: int
    accounts: int
    actions: tuple[str, ...] = ("cloudtrail:*", "sts:GetCallerIdentity")
    """What the operator's role in each account may do."""
    position: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """By ARN: how often the operator has begun to read the trail."""
    requests: int = 0

    def __post_init__(self) -> None:
        self.objects = client.CustomObjectsApi(config.new_client_from_config(str(self.sandbox.kubeconfig)))

    @property
    def numbers(self) -> range:
        """The account ids."""
        return range(200_000_000_000, 200_000_000_000 + self.accounts)

    def prepare(self) -> None:
        """Create a bucket, and a role that the operator can assume, in each account."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._prepare, map(str, self.numbers)))

    def name(self, index: int) -> str:
        """Return the name of a Trail and of its trail."""
        return f"trail-{index:05d}"

    def region(self, index: int) -> str:
        """Return the region of a trail."""
        is_apart = index // self.accounts >= TOGETHER
        return REGIONS[(index % self.accounts + is_apart) % len(REGIONS)]

    def apply_accounts(self, numbers: Iterable[int]) -> None:
        """Create an AWSAccount for each id."""
        for number in numbers:
            body = {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": "AWSAccount",
                "metadata": {"name": f"a{number}"},
                "spec": {
                    "accountID": str(number),
                    "roleARN": f"arn:aws:iam::{number}:role/{ROLE}",
                    "allowedNamespaces": {"names": [NAMESPACE]},
                },
            }
            self.objects.create_cluster_custom_object(GROUP, VERSION, "awsaccounts", body)

    def apply_trails(self) -> None:
        """Create all Trails, one account after the other."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._apply, range(self.trails)))

    def change(self, share: int) -> list[str]:
        """Change the spec of every n-th Trail; return their names."""
        names = [self.name(index) for index in range(0, self.trails, share)]
        for name in names:
            patch = {"spec": {"s3KeyPrefix": "changed"}}
            self.objects.patch_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name, patch)
        return names

    def unready(self) -> set[str]:
        """Return the Trails that are not Ready for their current spec."""
        return {name for name, body in self._bodies() if not is_ready(body)}

    def accounts_ready(self) -> bool:
        """Whether all AWSAccounts are Ready."""
        return all(map(is_ready, self.objects.list_cluster_custom_object(GROUP, VERSION, "awsaccounts")["items"]))

    def listed(self) -> int:
        """Return how many trails the AWSAccounts list."""
        found = self.objects.list_cluster_custom_object(GROUP, VERSION, "awsaccounts")["items"]
        return sum(body.get("status", {}).get("trailCount", 0) for body in found)

    def read_calls(self) -> None:
        """Count the AWS calls since the last time."""
        url = f"{self.sandbox.aws_endpoint}/_sandbox/calls"
        calls = requests.get(url, params={"since": str(self.position)}, timeout=60).json()["calls"]
        self.position += len(calls)
        self.requests += len(calls)
        self.asked.update(
            f"{call['parameters']['Name']}"
            for call in calls
            if (call["operation"], call["error"]) == ("GetTrail", None)
        )

    def forget_calls(self) -> None:
        """Reset the counts."""
        requests.delete(f"{self.sandbox.aws_endpoint}/_sandbox/calls", timeout=60).raise_for_status()
        self.position, self.requests = 0, 0
        self.asked.clear()

    def kubernetes_writes(self) -> int:
        """Return the number of writes to Trails and Events so far, as the API server counts them."""
        environment = {**os.environ, **self.sandbox.environment()}
        command = ["kubectl", "get", "--raw", "/metrics"]
        text = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        return sum(
            int(float(line.rsplit(" ", 1)[1]))
            for line in text.splitlines()
            if line.startswith("apiserver_request_total{")
            and (('resource="trails"' in line and 'verb="PATCH"' in line) or _is_event(line))
        )

    def bound(self) -> float:
        """Return the seconds that AWS's rates require: one CreateTrail a second in each account and region."""
        each = Counter((index % self.accounts, self.region(index)) for index in range(self.trails))
        return max(each.values()) - 1.0

    def _prepare(self, number: str) -> None:
        iam, s3 = (aws_client(self.sandbox.aws_endpoint, service, "us-east-1", number) for service in ("iam", "s3"))
        trust = _statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, Action="sts:AssumeRole")
        rights = _statement(Action=self.actions, Resource="*")
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=ROLE, PolicyName="trails", PolicyDocument=rights)
        s3.create_bucket(Bucket=f"logs-{number}")
        s3.put_bucket_policy(Bucket=f"logs-{number}", Policy=json.dumps(bucket_policy(f"logs-{number}", number)))

    def _apply(self, index: int) -> None:
        number = self.numbers[index % self.accounts]
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Trail",
            "metadata": {"name": self.name(index)},
            "spec": {
                "accountRef": {"name": f"a{number}"},
                "s3BucketName": f"logs-{number}",
                "region": self.region(index),
                "isMultiRegionTrail": False,
                **EVERYTHING,
            },
        }
        self.objects.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, body)

    def _bodies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for body in self.objects.list_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL)["items"]:
            yield body["metadata"]["name"], body


def measure(trails: int, accounts: int) -> None:
    """Print all figures of one size, on a new sandbox."""
    with new_sandbox("benchmarks-scale") as bench:
        bench.settings(quotas=True, rates=True)
        fleet = Fleet(bench.sandbox, trails, accounts)
        fleet.prepare()
        print(f"{trails:,} trails in {accounts} accounts", flush=True)
        with Operator(bench.sandbox, "--resync", f"{LONG:.0f}s") as operator:
            _converge(fleet, operator)
        changed = set(fleet.change(20))
        fleet.forget_calls()
        begin = time.monotonic()
        with Operator(bench.sandbox, "--resync", f"{RESYNC:.0f}s") as operator:
            _restart(fleet, operator, changed, begin)
            _rest(fleet, operator)


def _converge(fleet: Fleet, operator: Operator) -> None:
    time.sleep(SETTLE)
    base = operator.rss()
    fleet.apply_accounts(fleet.numbers[:1])
    until(fleet.accounts_ready, "the first AWSAccount Ready", LONG)
    time.sleep(SETTLE)
    with_one = operator.rss()
    fleet.apply_accounts(fleet.numbers[1:])
    until(fleet.accounts_ready, "all AWSAccounts Ready", LONG)
    time.sleep(SETTLE)
    with_accounts, cpu = operator.rss(), operator.cpu()
    fleet.forget_calls()
    writes = fleet.kubernetes_writes()
    begin = time.monotonic()
    fleet.apply_trails()
    applied = time.monotonic() - begin
    until(lambda: not fleet.unready(), "all Trails Ready", LONG)
    seconds, cpu = time.monotonic() - begin, operator.cpu() - cpu
    until(lambda: fleet.listed() == fleet.trails, "the AWSAccounts list all trails", LONG)
    fleet.read_calls()
    rss, writes = operator.rss(), fleet.kubernetes_writes() - writes
    _show(
        "apply to all Ready",
        f"{seconds:.1f} s; all were applied after {applied:.1f} s, the rates allow {fleet.bound():.0f} s",
    )
    _show("operator CPU", f"{cpu:.1f} s, {cpu / fleet.trails * 1000:.1f} ms for each trail")
    _show(
        "AWS calls for each trail", f"{fleet.requests / fleet.trails:.1f}, listing the trails of each account included"
    )
    _show("Kubernetes writes for each trail", f"{writes / fleet.trails:.2f}, Events included")
    _show(
        "memory (RSS)", f"{base:.0f} MB with nothing, {with_one:.0f} MB with the first account, {rss:.0f} MB with all"
    )
    _show("memory for each further account", f"{(with_accounts - with_one) / (fleet.accounts - 1) * 1000:.0f} KB")
    _show("memory for each trail", f"{(rss - with_accounts) / fleet.trails * 1000:.0f} KB")


def _restart(fleet: Fleet, operator: Operator, changed: set[str], begin: float) -> None:
    until(lambda: not fleet.unready() & changed, "the changed Trails Ready", LONG)
    new = time.monotonic() - begin

    def is_seen() -> bool:
        fleet.read_calls()
        return len(fleet.asked) == fleet.trails

    until(is_seen, "all trails read", LONG)
    seconds, cpu = time.monotonic() - begin, operator.cpu()
    _show("after a restart, the changed", f"{len(changed)} Ready after {new:.1f} s")
    _show("after a restart, all", f"read after {seconds:.1f} s, {cpu:.1f} s CPU")


def _rest(fleet: Fleet, operator: Operator) -> None:
    time.sleep(RESYNC * 1.2)
    fleet.forget_calls()
    cpu, begin = operator.cpu(), time.monotonic()
    time.sleep(RESYNC)
    seconds, cpu = time.monotonic() - begin, operator.cpu() - cpu
    fleet.read_calls()
    passes = fleet.asked.total()
    _show(
        "at rest",
        f"{passes} reconciles in {seconds:.0f} s, {cpu / passes * 1000:.1f} ms of CPU for each, everything included",
    )
    _show("AWS calls for each reconcile", f"{fleet.requests / passes:.1f}, listing the trails of each account included")
    _show("memory (RSS) at rest", f"{operator.rss():.0f} MB")


def _statement(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _is_event(line: str) -> bool:
    return 'resource="events"' in line and 'group="events.k8s.io"' in line and 'verb="POST"' in line


def _show(what: str, figures: str) -> None:
    print(f"  {what}: {figures}", flush=True)


def main() -> None:
    """Measure the given size, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trails", type=int)
    parser.add_argument("--accounts", type=int)
    wanted = parser.parse_args()
    sizes = ((wanted.trails, wanted.accounts or max(wanted.trails // 5, 2)),) if wanted.trails else SIZES
    for trails, accounts in sizes:
        measure(trails, accounts)


if __name__ == "__main__":
    main()
