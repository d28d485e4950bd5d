"""Measures whether AWSAccounts delay each other, and how soon a change of one takes effect; from outside."""

import statistics
import time
from typing import Any

import requests
from kubernetes import client, config

from benchmarks.scale import ROLE, Fleet
from benchmarks.stage import GROUP, NAMESPACE, PLURAL, VERSION, Operator, is_ready, until
from trail_sandbox.sandbox import Sandbox

ACCOUNTS = 20
ROUNDS = 10
IN_THE_SILENT_ONE = 10
HANG = 60.0


class Teams:
    """Twenty accounts, and Trails in them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._objects = client.CustomObjectsApi(config.new_client_from_config(str(sandbox.kubeconfig)))
        self._aws = sandbox.aws_endpoint
        self.fleet = Fleet(sandbox, ACCOUNTS, ACCOUNTS)

    def prepare(self) -> None:
        """Create all AWSAccounts and wait until they are Ready."""
        self.fleet.prepare()
        self.fleet.apply_accounts(self.fleet.numbers)
        until(self.fleet.accounts_ready, "all AWSAccounts Ready", 120)

    def round(self, name: str) -> float:
        """Create a Trail in each account but the first; return the seconds until all are Ready."""
        begin = time.monotonic()
        names = [self.create(f"{name}-{number}", number) for number in self.fleet.numbers[1:]]
        until(lambda: all(is_ready(self.get(each)) for each in names), "all Ready", 300)
        seconds = time.monotonic() - begin
        for each in names:
            self._objects.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, each)
        until(lambda: not any(each["metadata"]["name"] in names for each in self.all()), "all gone", 300)
        return seconds

    def silence(self) -> None:
        """Let the first account answer nothing for a minute, while Trails wait for it."""
        fault: dict[str, Any] = {"account": str(self.fleet.numbers[0]), "service": "*", "operation": "*", "delay": HANG}
        requests.post(f"{self._aws}/_sandbox/faults", json=fault, timeout=10).raise_for_status()
        for index in range(IN_THE_SILENT_ONE):
            self.create(f"silent-{index}", self.fleet.numbers[0])

    def create(self, name: str, number: int) -> str:
        """Create a Trail in an account; return its name."""
        spec = {"accountRef": {"name": f"a{number}"}, "s3BucketName": f"logs-{number}", "region": "us-east-1"}
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Trail",
            "metadata": {"name": name},
            "spec": {**spec, "isMultiRegionTrail": False},
        }
        self._objects.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, manifest)
        return name

    def get(self, name: str) -> dict[str, Any]:
        """Return a Trail."""
        found: dict[str, Any] = self._objects.get_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name)
        return found

    def all(self) -> list[dict[str, Any]]:
        """Return all Trails."""
        return list(self._objects.list_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL)["items"])

    def change(self, number: int, **spec: Any) -> None:
        """Change an AWSAccount's spec."""
        self._objects.patch_cluster_custom_object(GROUP, VERSION, "awsaccounts", f"a{number}", {"spec": spec})

    def reason(self, name: str) -> str:
        """Return the reason of a Trail's condition Ready."""
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return next((str(entry["reason"]) for entry in conditions if entry["type"] == "Ready"), "")


def isolation(teams: Teams) -> None:
    """Print apply to Ready in nineteen accounts, with and without a twentieth that does not answer."""
    teams.round("warm")
    fine = [teams.round(f"fine-{index}") for index in range(ROUNDS)]
    teams.silence()
    beside = [teams.round(f"beside-{index}") for index in range(ROUNDS)]
    before, after = statistics.median(fine), statistics.median(beside)
    print(
        f"apply to Ready of one Trail in each of {ACCOUNTS - 1} accounts, {ROUNDS} times: median {before:.2f} s; with "
        f"{IN_THE_SILENT_ONE} Trails in one more account that takes {HANG:.0f} s to answer: {after:.2f} s, "
        f"{after / before:.2f} times"
    )


def edits(teams: Teams) -> None:
    """Print the seconds until a change of an AWSAccount shows in its Trail's status."""
    number = teams.fleet.numbers[1]
    name = teams.create("edited", number)
    until(lambda: teams.reason(name) == "Recording", "Recording")
    right = f"arn:aws:iam::{number}:role/{ROLE}"
    changes: dict[str, list[tuple[dict[str, Any], str]]] = {
        "roleARN": [({"roleARN": f"{right}-gone"}, "AssumeRoleDenied"), ({"roleARN": right}, "Recording")],
        "allowedNamespaces": [
            ({"allowedNamespaces": {"names": ["another"]}}, "NamespaceNotAllowed"),
            ({"allowedNamespaces": {"names": [NAMESPACE]}}, "Recording"),
        ],
    }
    for what, both in changes.items():
        seconds = [_seconds(teams, number, name, change, reason) for change, reason in both * 5]
        print(
            f"a change of an AWSAccount's {what} shows in its Trail's status after: "
            f"median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s of {len(seconds)}"
        )


def _seconds(teams: Teams, number: int, name: str, change: dict[str, Any], reason: str) -> float:
    begin = time.monotonic()
    teams.change(number, **change)
    until(lambda: teams.reason(name) == reason, reason)
    return time.monotonic() - begin


def measure(sandbox: Sandbox) -> None:
    """Print all figures about AWSAccounts."""
    with Operator(sandbox):
        teams = Teams(sandbox)
        teams.prepare()
        edits(teams)
        isolation(teams)
