"""Objects that were stored before an admission rule: each can still get its status and lose its finalizer.

Nothing is to be done for a new rule: the first example that each case of admission refuses is stored here under a
definition without rules, which then gets all of them. A rule that fails here refuses what does not change: Kubernetes
excuses an unchanged field from its rules, but neither the root nor a rule that cannot be evaluated.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.integration import test_account_admission
from tests.integration.admission import alarm_set_cases, cases
from tests.integration.kubernetes import trail
from tests.patience import eventually
from trail_operator.api.aws_account import AWSAccountStatus
from trail_operator.api.conditions import Condition, StatusWithConditions
from trail_operator.api.constants import FINALIZER
from trail_operator.api.crd import account_crd, alarm_set_crd, trail_crd
from trail_operator.api.trail_alarm_set_status import TrailAlarmSetStatus
from trail_operator.api.trail_status import TrailStatus

Parts = dict[str, Any]

GROUP = "stored-before.example.com"
NAMESPACE = "default"
# Names cannot change, and no version was released without these rules.
ALWAYS_THERE = {entry.says for entry in (*cases.NAMES, *alarm_set_cases.NAMES)}
CONDITION = Condition.model_validate(
    {
        "type": "Ready",
        "status": "False",
        "reason": "InvalidSpec",
        "message": "",
        "lastTransitionTime": "2026-01-31T12:00:00Z",
        "observedGeneration": 1,
    }
)


@dataclass(frozen=True)
class Kind:
    """A kind with what its rules refuse: an example for each, with the rule's place and message."""

    definition: Parts
    status: StatusWithConditions
    refused: list[tuple[str, Parts]]


def _trails() -> Iterator[tuple[str, Parts]]:
    for case in cases.CASES:
        if case.before is None and case.says not in ALWAYS_THERE:
            yield f"{case.path}: {case.says}", trail_of(case.refused[0])


def trail_of(parts: Parts) -> Parts:
    """A minimal Trail but for these parts."""
    minimal = trail("", "example-audit-logs")
    return minimal | {name: minimal.get(name, {}) | part for name, part in parts.items()}


def _accounts() -> Iterator[tuple[str, Parts]]:
    for case in test_account_admission.CASES:
        yield f"{case.path}: {case.what}", {"spec": {"accountID": "111111111111"} | case.refused[0]}


def _alarm_sets() -> Iterator[tuple[str, Parts]]:
    for case in alarm_set_cases.CASES:
        if case.before is None and case.says not in ALWAYS_THERE:
            minimal = alarm_set_cases.MINIMAL
            parts = {name: minimal.get(name, {}) | part for name, part in case.refused[0].items()}
            yield f"{case.path}: {case.says}", minimal | parts


KINDS = {
    "trails": Kind(trail_crd(), TrailStatus(observed_generation=1, conditions=(CONDITION,)), [*_trails()]),
    "accounts": Kind(account_crd(), AWSAccountStatus(observed_generation=1, conditions=(CONDITION,)), [*_accounts()]),
    "sets": Kind(
        alarm_set_crd(), TrailAlarmSetStatus(observed_generation=1, conditions=(CONDITION,)), [*_alarm_sets()]
    ),
}


class Store:
    """The objects of a definition of the test's own, so that no other test meets it without its rules."""

    def __init__(self, api: client.ApiClient, definition: Parts, name: str) -> None:
        self._definitions = client.ApiextensionsV1Api(api)
        self._objects = client.CustomObjectsApi(api)
        self._definition = copy.deepcopy(definition)
        spec = self._definition["spec"]
        self._plural = f"{name}s"
        self._kind = name.capitalize()
        spec |= {"group": GROUP, "names": {"kind": self._kind, "plural": self._plural, "singular": name}}
        self._definition["metadata"]["name"] = f"{self._plural}.{GROUP}"
        self._version = spec["versions"][0]["name"]
        self._place = (GROUP, self._version, NAMESPACE, self._plural)
        spec["scope"] = "Namespaced"

    def begin(self) -> None:
        """Serve the kind without any rule."""
        loose = copy.deepcopy(self._definition)
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        loose["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": anything}
        self._definitions.create_custom_resource_definition(loose)
        eventually("the kind is served", lambda: self._answers("probe", {"spec": {}}))

    def end(self) -> None:
        """Serve it no more."""
        self._definitions.delete_custom_resource_definition(self._definition["metadata"]["name"])

    def add_rules(self) -> None:
        """Serve it with all its rules."""
        self._definitions.patch_custom_resource_definition(
            self._definition["metadata"]["name"],
            [{"op": "replace", "path": "/spec/versions", "value": self._definition["spec"]["versions"]}],
        )
        eventually("the rules are there", lambda: not self._answers("probe", {"spec": {}}))

    def store(self, name: str, manifest: Parts) -> None:
        """Store an object that our finalizer holds, with the status that the manifest has."""
        self._create(name, manifest)
        if "status" in manifest:
            self._patch_status(name, manifest["status"])

    def write(self, name: str, status: Parts) -> None:
        """Write what the operator writes: the status, and at the end the finalizers. Raises ApiException."""
        written = self._patch_status(name, status)
        assert written["status"]["conditions"] == status["conditions"]
        self._objects.delete_namespaced_custom_object(*self._place, name)
        version = self._objects.get_namespaced_custom_object(*self._place, name)["metadata"]["resourceVersion"]
        metadata = {"finalizers": [], "resourceVersion": version}
        self._objects.patch_namespaced_custom_object(
            *self._place, name, {"metadata": metadata}, _content_type="application/merge-patch+json"
        )

    def _answers(self, name: str, manifest: Parts) -> bool:
        try:
            self._create(name, manifest, dry_run="All")
        except ApiException:
            return False
        return True

    def _create(self, name: str, manifest: Parts, **options: str) -> None:
        metadata = {**manifest.get("metadata", {}), "name": name, "finalizers": [FINALIZER]}
        body = {**manifest, "apiVersion": f"{GROUP}/{self._version}", "kind": self._kind, "metadata": metadata}
        self._objects.create_namespaced_custom_object(*self._place, body, **options)

    def _patch_status(self, name: str, status: Parts) -> Parts:
        answer: Parts = self._objects.patch_namespaced_custom_object_status(
            *self._place, name, {"status": status}, _content_type="application/merge-patch+json"
        )
        return answer


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_stored_before_a_rule_gets_its_status_and_loses_its_finalizer(
    api: client.ApiClient, worker_id: str, kind: str
) -> None:
    about = KINDS[kind]
    store = Store(api, about.definition, f"former{kind}{worker_id}")
    store.begin()
    try:
        for number, (_, manifest) in enumerate(about.refused):
            store.store(f"example-{number}", manifest)
        store.add_rules()
        status = about.status.model_dump(mode="json", by_alias=True)
        refused = []
        for number, (rule, _) in enumerate(about.refused):
            try:
                store.write(f"example-{number}", status)
            except ApiException as error:
                refused.append(f"{rule}\n  {error.body}")
        assert not refused, "\n".join(refused)
    finally:
        store.end()
