"""The chart's rules for Trails, on the API server that enforces them, and its roles for users of Trails."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.integration.admission.alarm_set_cases import MINIMAL
from tests.integration.admission.server import Admission
from tests.integration.aws import Account
from tests.integration.conftest import kubectl
from tests.integration.kubernetes import Trails, trail
from tests.integration.test_chart import CHART, Install, can_i, helm, install
from tests.patience import eventually
from trail_operator.api.crd import alarm_set_crd
from trail_sandbox.sandbox import Sandbox

__all__ = ["install"]

ALLOW_NAME = "trail-operator.dev/allow-deletion"
ALLOW = {ALLOW_NAME: "true"}
FINALIZER = {"metadata": {"finalizers": ["trail-operator.dev/finalizer"]}}


def refusal(act: Callable[[], object]) -> str:
    """What the API server says against it, nothing if it lets it pass."""
    try:
        act()
    except ApiException as error:
        if error.status != 422:
            raise
        return str(json.loads(error.body)["message"])
    return ""


def rails(bucket: str) -> dict[str, Any]:
    """All rules."""
    names = (
        "denyDeletion",
        "requireLogging",
        "requireManagementEvents",
        "requireMultiRegion",
        "requireLogFileValidation",
    )
    return {**dict.fromkeys(names, True), "allowedBuckets": [bucket, "another-bucket"]}


def test_all_rules_with_the_operator_at_work(
    install: Install, account: Account, trails: Trails, api: client.ApiClient
) -> None:
    """One installation for all: what was there before, what is new, changed and deleted, and what is elsewhere."""
    scope: dict[str, Any] = {"watchNamespaces": [trails.namespace], "clusterName": "chart"}
    install(**scope)
    bucket = account.bucket(f"logs-{account.number}", "audit")
    trails.create(trail("before", bucket, isLogging=False))
    trails.create(trail("audit", bucket))
    trails.wait_ready("audit")
    install("upgrade", **scope, guardRails=rails(bucket))
    elsewhere = Trails(api, "default")

    # Deletion, first: it tells when the API server has taken the rules up.
    eventually("deletion is refused", lambda: refusal(lambda: trails.delete("audit", dry_run=True)))
    assert "allow-deletion=true first" in refusal(lambda: trails.delete("audit"))

    # What is new.
    rules: list[tuple[dict[str, Any], str]] = [
        ({"isLogging": False}, "isLogging must be true"),
        ({"isMultiRegionTrail": False}, "isMultiRegionTrail must be true"),
        ({"includeGlobalServiceEvents": False}, "isMultiRegionTrail must be true"),
        ({"enableLogFileValidation": False}, "enableLogFileValidation must be true"),
        (NO_MANAGEMENT_EVENTS[0], "requires management events"),
        ({"s3BucketName": "third-bucket"}, f"s3BucketName must be one of {bucket}, another-bucket"),
    ]
    for broken, said in rules:
        body = trail("new", bucket, **broken)
        eventually(said, lambda body=body, said=said: said in refusal(lambda: trails.create(body, dry_run=True)))  # type: ignore[misc]
        assert said in refusal(lambda broken=broken: trails.change("audit", **broken))  # type: ignore[misc]
        assert refusal(lambda body=body: elsewhere.create(body, dry_run=True)) == ""  # type: ignore[misc]
    assert refusal(lambda: trails.create(trail("new", bucket), dry_run=True)) == ""

    # What broke the rules before is let alone, also by the operator's hand, until it is changed.
    trails.annotate("before", {"note": "1"})
    assert "isLogging must be true" in refusal(lambda: trails.change("before", s3KeyPrefix="p"))
    trails.annotate("before", ALLOW)
    trails.delete("before")
    trails.wait_gone("before")

    # What may go goes, with its trail.
    trails.annotate("audit", {"trail-operator.dev/allow-deletion": "no"})
    assert "allow-deletion=true first" in refusal(lambda: trails.delete("audit"))
    trails.annotate("audit", ALLOW)
    trails.delete("audit")
    trails.wait_gone("audit")
    assert account.trails() == []


def test_what_users_may_do(cluster: Sandbox, api: client.ApiClient, trails: Trails, number: str) -> None:
    """By the cluster's own roles, which the chart's are part of."""
    name = f"users-{number}"
    only = (f"--set=fullnameOverride={name}", "--show-only=templates/rbac.yaml")
    roles = helm(cluster, "template", name, CHART, *only)
    kubectl(cluster, "apply", "-f", "-", text=roles)
    keepers = f"{name}-accounts-view"
    bindings = {role: f"{role}-{number}" for role in ("view", "edit", "admin", keepers)}
    for role, user in bindings.items():
        kubectl(cluster, "create", "clusterrolebinding", user, "--clusterrole", role, "--user", user)

    def may(role: str, verb: str, resource: str) -> bool:
        return can_i(api, verb, resource, trails.namespace, bindings[role])

    kinds, accounts = (
        ("trails.trail-operator.dev", "trailalarmsets.trail-operator.dev"),
        "awsaccounts.trail-operator.dev",
    )
    for found in kinds:
        eventually(
            "the roles are put together",
            lambda found=found: may("view", "list", found) and may("edit", "delete", found),  # type: ignore[misc]
        )
        for verb in ("get", "list", "watch"):
            assert may("view", verb, found)
            assert may("edit", verb, found)
        for verb in ("create", "update", "patch", "delete", "deletecollection"):
            assert not may("view", verb, found)
            assert may("edit", verb, found)
        assert not may("edit", "patch", f"{found}/status")
    for verb in ("create", "update", "patch", "delete", "deletecollection"):
        assert not may("admin", verb, accounts)
        assert not may(keepers, verb, accounts)
    # Accounts of others are no matter of teams, not even of those who see all namespaces.
    eventually("the keepers see accounts", lambda: may(keepers, "list", accounts))
    for verb in ("get", "list", "watch"):
        assert may(keepers, verb, accounts)
        assert [role for role in ("view", "edit", "admin") if may(role, verb, accounts)] == []
    kubectl(cluster, "delete", "clusterrolebindings", *bindings.values())
    kubectl(cluster, "delete", "-f", "-", text=roles)


@pytest.fixture
def rules(cluster: Sandbox, trails: Trails, number: str) -> Iterator[Callable[[str], None]]:
    """Puts rules up for the test's namespace, without an operator; takes them down after the test."""
    applied: list[str] = []

    def apply(values: str) -> None:
        scope = f"--set=watchNamespaces={{{trails.namespace}}},clusterName=chart,fullnameOverride=rules-{number}"
        only = "--show-only=templates/guardrails.yaml"
        applied.append(helm(cluster, "template", "rules", CHART, scope, f"--set={values}", only))
        kubectl(cluster, "apply", "-f", "-", text=applied[-1])

    yield apply
    for text in applied:
        kubectl(cluster, "delete", "-f", "-", text=text)


def test_a_namespace_with_a_trail_stays(
    cluster: Sandbox, trails: Trails, rules: Callable[[str], None], api: client.ApiClient
) -> None:
    rules("guardRails.denyDeletion=true")
    trails.create(trail("audit", "some-bucket"))
    eventually("deletion is refused", lambda: refusal(lambda: trails.delete("audit", dry_run=True)))
    kubectl(cluster, "delete", "namespace", trails.namespace, "--wait=false")

    def is_explained() -> bool:
        conditions = trails.core.read_namespace(trails.namespace).status.conditions or []
        return any("allow-deletion=true first" in condition.message for condition in conditions)

    eventually("the namespace says what holds it", is_explained, 60)
    assert "deletionTimestamp" not in (trails.get("audit") or {})["metadata"]
    trails.annotate("audit", ALLOW)
    trails.wait_gone("audit", 120)


def test_deletion_of_alarm_sets_is_refused(
    cluster: Sandbox, trails: Trails, rules: Callable[[str], None], api: client.ApiClient
) -> None:
    rules("guardRails.denyDeletion=true")
    sets = Admission(api, trails.namespace, alarm_set_crd(), MINIMAL)
    name = sets.store({})

    def kept() -> str:
        return refusal(lambda: sets.delete(name, dry_run=True))

    eventually("deletion is refused", kept)
    assert "allow-deletion=true first" in kept()
    sets.change(name, {"metadata": {"annotations": {ALLOW_NAME: "no"}}}, stored=True)
    assert "allow-deletion=true first" in refusal(lambda: sets.delete(name))
    assert sets.get(name)
    sets.change(name, {"metadata": {"annotations": ALLOW}}, stored=True)
    sets.delete(name)
    sets.wait_gone(name)


PAUSED = "trail-operator.dev/paused"
HINT = "allow-deletion=true"


def test_logging_is_not_got_round_by_looking_away(trails: Trails, rules: Callable[[str], None]) -> None:
    """What is paused or only observed is not corrected: both begin by a change that says that it is meant."""
    trails.create(trail("watched", "some-bucket", managementPolicy="Observe"))
    trails.create(trail("held", "some-bucket"))
    trails.annotate("held", {PAUSED: "true"})
    rules("guardRails.requireLogging=true")
    for name in ("audit", "meant"):
        trails.create(trail(name, "some-bucket"))

    # Newly paused: by the annotation's value alone.
    pause = {"metadata": {"annotations": {PAUSED: "true"}}}
    eventually("pausing is refused", lambda: HINT in refusal(lambda: trails.would_take("audit", pause)))
    assert "a paused Trail is not corrected" in refusal(lambda: trails.annotate("audit", {PAUSED: "true"}))
    assert refusal(lambda: trails.annotate("audit", {PAUSED: "no", "note": "1"})) == ""
    # Newly observed, also where the default is spelt out before.
    observe = {"managementPolicy": "Observe"}
    eventually("observing is refused", lambda: HINT in refusal(lambda: trails.would_take("audit", {"spec": observe})))
    assert refusal(lambda: trails.change("audit", managementPolicy="Manage")) == ""
    assert "is not corrected" in refusal(lambda: trails.change("audit", **observe))
    # Whoever says that it is meant may, before or in the same change.
    assert refusal(lambda: trails.annotate("meant", {PAUSED: "true", **ALLOW})) == ""
    assert refusal(lambda: trails.change("meant", **observe)) == ""

    # What is so already is let alone, and may be made so from the beginning.
    assert refusal(lambda: trails.annotate("held", {"note": "1"})) == ""
    assert refusal(lambda: trails.change("held", s3KeyPrefix="p")) == ""
    assert refusal(lambda: trails.change("watched", s3KeyPrefix="p")) == ""
    assert refusal(lambda: trails.create(trail("new", "some-bucket", **observe))) == ""
    # The way back is open; the way there then is not.
    assert refusal(lambda: trails.annotate("held", {PAUSED: None})) == ""
    assert HINT in refusal(lambda: trails.annotate("held", {PAUSED: "true"}))
    # The operator's own patches: of its status none is asked, and its finalizer is no matter of these rules.
    trails.annotate("audit", {PAUSED: "true", **ALLOW})
    trails.annotate("audit", {ALLOW_NAME: None})
    for name in ("audit", "watched"):
        assert refusal(lambda name=name: trails.would_take(name, FINALIZER)) == ""  # type: ignore[misc]


MANAGEMENT = {"field": "eventCategory", "equals": ["Management"]}
DATA = [{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::S3::Object"]}]
OBJECTS = [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]


def _of_sources(**conditions: list[str]) -> dict[str, Any]:
    """Selectors of management events from certain sources only."""
    return {"advancedEventSelectors": [{"fieldSelectors": [MANAGEMENT, {"field": "eventSource", **conditions}]}]}


NO_MANAGEMENT_EVENTS: list[dict[str, Any]] = [
    {"advancedEventSelectors": [{"fieldSelectors": DATA}]},
    {"eventSelectors": [{"includeManagementEvents": False, "dataResources": OBJECTS}]},
    _of_sources(equals=["ec2.amazonaws.com"], notEquals=["ec2.amazonaws.com"]),
    _of_sources(
        equals=["ec2.amazonaws.com", "eks.amazonaws.com"], notStartsWith=["ec2."], notEndsWith=["s.amazonaws.com"]
    ),
]
SOME_MANAGEMENT_EVENTS: list[dict[str, Any]] = [
    {},
    {"advancedEventSelectors": [{"fieldSelectors": DATA}, {"fieldSelectors": [MANAGEMENT]}]},
    {"advancedEventSelectors": [{"fieldSelectors": [MANAGEMENT, {"field": "readOnly", "equals": ["false"]}]}]},
    _of_sources(notEquals=["kms.amazonaws.com"]),
    _of_sources(equals=["ec2.amazonaws.com", "eks.amazonaws.com"], notEquals=["ec2.amazonaws.com"]),
    _of_sources(equals=["ec2.amazonaws.com"], startsWith=["s3"], notEquals=["ec2.amazonaws.com"]),
    {"eventSelectors": [{"readWriteType": "WriteOnly"}]},
    {"eventSelectors": [{"includeManagementEvents": False, "dataResources": OBJECTS}, {}]},
]


def test_management_events_are_recorded(trails: Trails, rules: Callable[[str], None]) -> None:
    for number, spec in enumerate(NO_MANAGEMENT_EVENTS):
        trails.create(trail(f"before-{number}", "some-bucket", **spec))
    rules("guardRails.requireManagementEvents=true")
    trails.create(trail("audit", "some-bucket"))
    said = "requires management events"
    for number, spec in enumerate(NO_MANAGEMENT_EVENTS):
        body = trail("new", "some-bucket", **spec)
        eventually(said, lambda body=body: said in refusal(lambda: trails.create(body, dry_run=True)))  # type: ignore[misc]
        assert said in refusal(lambda spec=spec: trails.change("audit", **spec))  # type: ignore[misc]
        # One that was so before is let alone until its spec changes.
        assert refusal(lambda name=f"before-{number}": trails.annotate(name, {"note": "1"})) == ""  # type: ignore[misc]
        assert said in refusal(lambda name=f"before-{number}": trails.change(name, s3KeyPrefix="p"))  # type: ignore[misc]
    for spec in SOME_MANAGEMENT_EVENTS:
        assert refusal(lambda spec=spec: trails.create(trail("new", "some-bucket", **spec), dry_run=True)) == ""  # type: ignore[misc]


@pytest.mark.parametrize("action", ["Warn", "Audit"])
def test_a_rule_on_trial_lets_pass(cluster: Sandbox, trails: Trails, rules: Callable[[str], None], action: str) -> None:
    rules(f"guardRails.requireLogging=true,guardRails.validationActions={{{action}}}")
    body = json.dumps(trail("quiet", "some-bucket", isLogging=False))

    def warnings() -> str:
        done = subprocess.run(
            ["kubectl", "create", "--dry-run=server", "-n", trails.namespace, "-f", "-"],
            env={**os.environ, **cluster.environment()},
            input=body,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    if action == "Warn":
        eventually("the warning", lambda: "isLogging must be true" in warnings())
    else:
        assert warnings() == ""
