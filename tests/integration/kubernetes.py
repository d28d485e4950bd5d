"""The Kubernetes API as the tests use it: Trails in one namespace, judged by what the API server says."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.patience import eventually

GROUP, VERSION, PLURAL = "trail-operator.dev", "v1beta1", "trails"


def trail(name: str, bucket: str, /, **spec: Any) -> dict[str, Any]:
    """A Trail manifest."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Trail",
        "metadata": {"name": name},
        "spec": {"s3BucketName": bucket, **spec},
    }


def alarm_set(name: str, trail_name: str, /, **spec: Any) -> dict[str, Any]:
    """A TrailAlarmSet manifest."""
    return {
        "apiVersion": f"{GROUP}/{AlarmSets.version}",
        "kind": AlarmSets.kind,
        "metadata": {"name": name},
        "spec": {"trailRef": {"name": trail_name}, **spec},
    }


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        if error.status != 404:
            raise


def _dry(wanted: bool) -> dict[str, str]:
    return {"dry_run": "All"} if wanted else {}


def _described(body: dict[str, Any]) -> str:
    shown = {"metadata": {**body["metadata"], "managedFields": None}, **{k: body.get(k) for k in ("spec", "status")}}
    return f"--- {body['kind']} {body['metadata']['name']}\n{json.dumps(shown)}"


def _condition(body: dict[str, Any], kind: str) -> dict[str, Any]:
    status = body.get("status", {})
    if status.get("observedGeneration") != body.get("metadata", {}).get("generation"):
        return {}
    return next((entry for entry in status.get("conditions", []) if entry["type"] == kind), {})


class Objects:
    """The objects of one kind in one namespace."""

    kind, version, plural = "", "", ""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self.core = client.CoreV1Api(api)
        self._objects = client.CustomObjectsApi(api)

    def create(self, manifest: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
        """Create an object; raises ApiException where the API server refuses it."""
        return self._objects.create_namespaced_custom_object(  # type: ignore[no-any-return]
            GROUP, self.version, self.namespace, self.plural, manifest, **_dry(dry_run)
        )

    def get(self, name: str) -> dict[str, Any] | None:
        """The object, None if there is none."""
        try:
            return self._objects.get_namespaced_custom_object(GROUP, self.version, self.namespace, self.plural, name)  # type: ignore[no-any-return]
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def replace_spec(self, name: str, /, **spec: Any) -> dict[str, Any]:
        """Put another spec in place of the whole spec, as `kubectl apply` does with fields it had set."""
        patch = [{"op": "replace", "path": "/spec", "value": spec}]
        return self._patch(name, patch, "application/json-patch+json")

    def change(self, name: str, /, **spec: Any) -> dict[str, Any]:
        """Change fields of the spec; None takes a field away."""
        return self._patch(name, {"spec": spec})

    def annotate(self, name: str, annotations: Mapping[str, str | None]) -> dict[str, Any]:
        """Put annotations on; None takes one off."""
        return self._patch(name, {"metadata": {"annotations": annotations}})

    def would_take(self, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Ask what would come of a merge patch; raises ApiException where the API server would refuse it."""
        return self._patch(name, patch, dry_run=True)

    def delete(self, name: str, propagation: str = "Background", dry_run: bool = False) -> None:
        """Ask for deletion; the operator's finalizer may hold the object."""
        self._objects.delete_namespaced_custom_object(
            GROUP, self.version, self.namespace, self.plural, name, propagation_policy=propagation, **_dry(dry_run)
        )

    def release(self, name: str) -> None:
        """Take all finalizers off: what a test leaves behind when no operator runs any more."""
        with _gone_is_fine():
            self._patch(name, {"metadata": {"finalizers": None}})

    def discard(self, name: str) -> None:
        """Delete an object without the operator, which may be doing so already."""
        with _gone_is_fine():
            self.delete(name)
        self.release(name)

    def all(self) -> list[dict[str, Any]]:
        """All objects of the namespace, by one request."""
        answer = self._objects.list_namespaced_custom_object(GROUP, self.version, self.namespace, self.plural)
        return list(answer["items"])

    def names(self) -> list[str]:
        """The names of all objects of the namespace."""
        return [body["metadata"]["name"] for body in self.all()]

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any]:
        """A condition of the object that is about its present spec, {} if there is none yet."""
        return _condition(self.get(name) or {}, kind)

    def ready(self) -> set[str]:
        """The names of the objects that are Ready for their present spec, by one request."""
        return {body["metadata"]["name"] for body in self.all() if _condition(body, "Ready").get("status") == "True"}

    def wait_ready(self, name: str, seconds: float = 30) -> dict[str, Any]:
        """The object, once Ready is True for its present spec."""
        eventually(f"{name} Ready", lambda: self.condition(name).get("status") == "True", seconds)
        body = self.get(name)
        assert body is not None
        return body

    def wait_reason(self, name: str, reason: str, seconds: float = 30) -> dict[str, Any]:
        """The Ready condition, once it has that reason for the present spec."""

        def check() -> dict[str, Any] | None:
            condition = self.condition(name)
            return condition if condition.get("reason") == reason else None

        result: dict[str, Any] = eventually(f"{name} {reason}", check, seconds)
        return result

    def wait_gone(self, name: str, seconds: float = 30) -> None:
        """Wait until the object is no more."""
        eventually(f"{name} gone", lambda: self.get(name) is None, seconds)

    def events(self, name: str, reason: str | None = None) -> list[Any]:
        """The Events about an object."""
        found = self.core.list_namespaced_event(
            self.namespace, field_selector=f"involvedObject.kind={self.kind},involvedObject.name={name}"
        ).items
        return [event for event in found if reason is None or event.reason == reason]

    def evidence(self) -> str:
        """Every object of the namespace, as a test that gives up shows it."""
        return "\n".join(_described(body) for body in self.all())

    def _patch(
        self, name: str, patch: Any, kind: str = "application/merge-patch+json", *, dry_run: bool = False
    ) -> dict[str, Any]:
        return self._objects.patch_namespaced_custom_object(  # type: ignore[no-any-return]
            GROUP, self.version, self.namespace, self.plural, name, patch, _content_type=kind, **_dry(dry_run)
        )


class Trails(Objects):
    """The Trails of one namespace."""

    kind, version, plural = "Trail", VERSION, PLURAL

    def wait_evaluated(self, name: str, seconds: float = 30) -> dict[str, Any]:
        """The Trail, once its dependencies have been evaluated: this is written after Ready."""
        eventually(f"{name} evaluated", lambda: self.condition(name, "DependenciesReady"), seconds)
        body = self.get(name)
        assert body is not None
        return body


class AlarmSets(Objects):
    """The TrailAlarmSets of one namespace."""

    kind, version, plural = "TrailAlarmSet", "v1alpha1", "trailalarmsets"


class Accounts:
    """AWSAccounts, whose names begin with the test's own."""

    def __init__(self, api: client.ApiClient, prefix: str) -> None:
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self.prefix = prefix
        self._made: list[str] = []

    def create(self, name: str, number: str, /, *, shard: str = "", **spec: Any) -> str:
        """Create an AWSAccount; its name in the cluster. `shard`: of which of the test's operators it is."""
        name = f"{self.prefix}-{name}"
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "AWSAccount",
            "metadata": {"name": name},
            "spec": {"accountID": number, **spec},
        }
        return self.add(body, shard)

    def add(self, manifest: dict[str, Any], shard: str = "") -> str:
        """Create an AWSAccount, with the label that the test's operator looks for; its name."""
        manifest["metadata"]["labels"] = self._labels(shard)
        name: str = manifest["metadata"]["name"]
        self._objects.create_cluster_custom_object(GROUP, VERSION, "awsaccounts", manifest)
        self._made.append(name)
        return name

    def get(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._objects.get_cluster_custom_object(GROUP, VERSION, "awsaccounts", name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return found

    def change(self, name: str, /, **spec: Any) -> None:
        self._objects.patch_cluster_custom_object(GROUP, VERSION, "awsaccounts", name, {"spec": spec})

    def hand_over(self, name: str, shard: str) -> None:
        """Make an AWSAccount another operator's."""
        patch = {"metadata": {"labels": self._labels(shard)}}
        self._objects.patch_cluster_custom_object(GROUP, VERSION, "awsaccounts", name, patch)

    def _labels(self, shard: str) -> dict[str, str]:
        return {"test": self.prefix.removeprefix("a") + shard}

    def delete(self, name: str) -> None:
        self._objects.delete_cluster_custom_object(GROUP, VERSION, "awsaccounts", name)

    def events(self, name: str, reason: str) -> list[Any]:
        """The Events about an AWSAccount with that reason."""
        about = f"involvedObject.kind=AWSAccount,involvedObject.name={name},reason={reason}"
        return list(self._core.list_namespaced_event("default", field_selector=about).items)

    def ready(self, name: str) -> dict[str, Any]:
        body = self.get(name) or {}
        status = body.get("status", {})
        if status.get("observedGeneration") != body.get("metadata", {}).get("generation"):
            return {}
        return next(iter(status.get("conditions", [])), {})

    def wait_reason(self, name: str, reason: str) -> dict[str, Any]:
        def check() -> dict[str, Any] | None:
            condition = self.ready(name)
            return condition if condition.get("reason") == reason else None

        result: dict[str, Any] = eventually(f"{name} {reason}", check)
        return result

    def evidence(self) -> str:
        """Every AWSAccount of the test, as a test that gives up shows it."""
        return "\n".join(_described(body) for body in map(self.get, self._made) if body)

    def clean(self) -> None:
        for name in self._made:
            if self.get(name):
                self._objects.patch_cluster_custom_object(
                    GROUP, VERSION, "awsaccounts", name, {"metadata": {"finalizers": None}}
                )
                if self.get(name):
                    self.delete(name)
