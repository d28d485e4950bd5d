"""kubectl finds our kinds by their short names where another controller has a kind of the same name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import established, kubectl
from tests.integration.kubernetes import Accounts, AlarmSets, Trails, alarm_set, trail
from tests.patience import eventually
from trail_sandbox.sandbox import Sandbox

# Of ACK: kubectl takes the groups in alphabetical order, and this one is before ours.
THEIR_GROUP = "cloudtrail.services.k8s.aws"
THEIR_DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"trails.{THEIR_GROUP}"},
    "spec": {
        "group": THEIR_GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Trail", "listKind": "TrailList", "plural": "trails", "singular": "trail"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def their_trail(cluster: Sandbox, trails: Trails) -> Iterator[str]:
    """A Trail of the other kind, in the test's namespace; its name."""
    name = "theirs"
    body = {"apiVersion": f"{THEIR_GROUP}/v1alpha1", "kind": "Trail", "metadata": {"name": name}}
    kubectl(cluster, "apply", "-f", "-", text=yaml.safe_dump(THEIR_DEFINITION))
    try:
        established(cluster, f"trails.{THEIR_GROUP}")
        eventually("it is served", lambda: THEIR_GROUP in kubectl(cluster, "get", "--raw", "/apis"))
        kubectl(cluster, "apply", "-n", trails.namespace, "-f", "-", text=yaml.safe_dump(body))
        yield name
    finally:
        kubectl(cluster, "delete", "crd", f"trails.{THEIR_GROUP}")


def test_short_names_select_our_kinds_beside_another_controller(
    cluster: Sandbox, trails: Trails, alarm_sets: AlarmSets, accounts: Accounts, their_trail: str, tmp_path: Path
) -> None:
    trails.create(trail("ours", "some-bucket"))
    account = accounts.create("team", "123456789012")

    def names(*what: str) -> list[str]:
        command = ("get", *what, "-n", trails.namespace, "-o", "name", f"--cache-dir={tmp_path}")
        return kubectl(cluster, *command).split()

    assert names("trails") == [f"trail.{THEIR_GROUP}/{their_trail}"], "why documentation writes ctrail"
    ours = ["trail.trail-operator.dev/ours"]
    assert names("ctrail") == names("ctrail/ours") == names("trails.trail-operator.dev") == ours
    alarm_sets.create(alarm_set("alarms", "ours", presets=["CIS"]))
    assert names("tas") == names("trailalarmsets") == ["trailalarmset.trail-operator.dev/alarms"]
    found = [f"awsaccount.trail-operator.dev/{account}"]
    assert names("awsacc", account) == names("awsaccounts.trail-operator.dev", account) == found
