"""An API server in memory: objects with versions, generations, finalizers, status, conflicts and a watch; accounts."""

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from tests.refusals import not_found, refused

GROUP, VERSION, PLURAL, ACCOUNTS = "trail-operator.dev", "v1beta1", "trails", "awsaccounts"

Manifest = dict[str, Any]
Watcher = Callable[[str, Manifest], None]


@dataclass
class ApiServer:
    """All objects of a kind. Every change is told to the watchers, with the object as it is then."""

    clock: Callable[[], datetime]
    kind: str = "Trail"
    version: str = VERSION
    plural: str = PLURAL
    other: "ApiServer | None" = None
    """The objects of another kind, if the cluster has it."""
    objects: dict[str, Manifest] = field(default_factory=dict)
    """By namespace/name."""
    accounts: dict[str, Manifest] = field(default_factory=dict)
    """The AWSAccounts by name. Nobody is told of their changes."""
    specs: dict[tuple[str, int], Manifest] = field(default_factory=dict)
    """Every spec that there was, by UID and generation."""
    watchers: list[Watcher] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    """Reason and note of each Event."""
    writes: int = 0
    """How many writes of the operator changed something, Events included."""
    unwritable: set[str] = field(default_factory=set)
    """Trails that the operator cannot write: stored when the definition was looser."""
    refusals: int = 0
    """How often that was tried."""
    refuses_events: bool = False
    dropped: set[str] = field(default_factory=set)
    """Fields of the status that the definition does not have."""
    status_patches: int = 0
    """How often the operator has sent a status."""
    wrote_status: Callable[[Manifest, Manifest], None] = lambda *_: None
    """Called with each object before and after the operator has written its status."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    """UIDs and versions: those of all kinds differ."""

    # What users do.

    def create(self, key: str, spec: Manifest) -> None:
        """Create a Trail."""
        namespace, _, name = key.partition("/")
        assert key not in self.objects
        number = next(self.numbers)
        body: Manifest = {
            "apiVersion": f"{GROUP}/{self.version}",
            "kind": self.kind,
            "metadata": {
                "namespace": namespace,
                "name": name,
                "uid": f"{number:08d}-0000-4000-8000-000000000000",
                "generation": 1,
                "resourceVersion": str(number),
                "creationTimestamp": self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "spec": copy.deepcopy(spec),
        }
        self.objects[key] = body
        self.specs[body["metadata"]["uid"], 1] = body["spec"]
        self._tell("ADDED", body)

    def replace_spec(self, key: str, spec: Manifest) -> None:
        """Put another spec in place of the whole spec."""
        body = copy.deepcopy(self.objects[key])
        if body["spec"] == spec:
            return
        body["spec"] = copy.deepcopy(spec)
        body["metadata"]["generation"] += 1
        self._put(key, body)

    def annotate(self, key: str, name: str, value: str | None) -> None:
        """Set an annotation, or take it away."""
        self._patch(key, {"metadata": {"annotations": {name: value}}})

    def write_status(self, key: str, status: Manifest) -> None:
        """Patch the status, as whoever may write trails/status can."""
        self._patch(key, {"status": status})

    def put_finalizer(self, key: str, name: str) -> None:
        """Put a finalizer on by hand."""
        finalizers = self.objects[key]["metadata"].get("finalizers", [])
        self._patch(key, {"metadata": {"finalizers": [*finalizers, name]}})

    def delete(self, key: str) -> None:
        """Ask for deletion: finalizers hold the Trail."""
        body = copy.deepcopy(self.objects[key])
        if "deletionTimestamp" in body["metadata"]:
            return
        body["metadata"]["deletionTimestamp"] = self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        body["metadata"]["generation"] += 1
        self._put(key, body)

    def put_account(self, name: str, spec: Manifest) -> Manifest:
        """Create an AWSAccount, or put another spec in place of its own; the AWSAccount as it then is."""
        number = next(self.numbers)
        created = self.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        uid = f"{number:08d}-0000-4000-8000-000000000000"
        metadata = {"name": name, "uid": uid, "generation": 0, "creationTimestamp": created}
        body = self.accounts.get(name) or {"metadata": metadata}
        changed = {"resourceVersion": str(number), "generation": body["metadata"]["generation"] + 1}
        self.accounts[name] = body | {"metadata": body["metadata"] | changed, "spec": copy.deepcopy(spec)}
        return copy.deepcopy(self.accounts[name])

    # What the operator does.

    def answer(self, method: str, path: str, body: Manifest | None) -> Manifest:
        """Answer a request. Raises ApiException."""
        if path.startswith("/apis/events.k8s.io/"):
            if self.refuses_events:
                raise refused(500, "InternalError", "no Event can be stored now")
            self.writes += 1
            if body and "note" in body:
                self.events.append((body["reason"], body["note"]))
            namespace = path.split("/")[5]
            made = {"uid": "event", "creationTimestamp": "2026-03-04T05:06:07Z", "resourceVersion": "1"}
            name = body["metadata"]["name"] if method == "POST" and body else unquote(path.split("/")[-1])
            return {"metadata": {"namespace": namespace, "name": name, **made}}
        if self.other and f"/{self.other.plural}" in path:
            return self._answer_about_other(self.other, method, path, body)
        root = f"/apis/{GROUP}/{self.version}"
        if method == "GET" and path == f"{root}/{self.plural}":
            items = copy.deepcopy(list(self.objects.values()))
            return {"kind": f"{self.kind}List", "metadata": {"resourceVersion": "1"}, "items": items}
        if path.startswith(f"{root}/{ACCOUNTS}/"):
            return self._answer_about_account(path.split("/")[5], method, body)
        namespace, _, rest = path.removeprefix(f"{root}/namespaces/").partition(f"/{self.plural}/")
        name, _, subresource = rest.partition("/")
        key = f"{namespace}/{name}"
        if key not in self.objects:
            raise not_found(name)
        if method == "GET":
            return copy.deepcopy(self.objects[key])
        assert method == "PATCH"
        assert body is not None
        if key in self.unwritable:
            self.refusals += 1
            raise refused(422, "Invalid", f'{self.plural}.{GROUP} "{name}" is invalid: spec: Required value')
        before = self.objects[key]
        if subresource == "status":
            self.status_patches += 1
            status = {name: value for name, value in body["status"].items() if name not in self.dropped}
            after = self._patch(key, {"status": status})
            self.wrote_status(before, after)
        else:
            after = self._patch(key, {name: value for name, value in body.items() if name != "status"})
        self.writes += after is not before
        return copy.deepcopy(after)

    def _answer_about_other(self, other: "ApiServer", method: str, path: str, body: Manifest | None) -> Manifest:
        before = other.writes
        try:
            return other.answer(method, path, body)
        finally:
            self.writes += other.writes - before

    def _answer_about_account(self, name: str, method: str, patch: Manifest | None) -> Manifest:
        assert method == "PATCH"
        before = self.accounts[name]
        after = _merged(before, {part: value for part, value in (patch or {}).items() if part != "metadata"})
        if finalizers := (patch or {}).get("metadata", {}).get("finalizers"):
            after["metadata"]["finalizers"] = finalizers
        if after != before:
            self.writes += 1
            after["metadata"]["resourceVersion"] = str(next(self.numbers))
            self.accounts[name] = after
        return copy.deepcopy(self.accounts[name])

    def _patch(self, key: str, patch: Manifest) -> Manifest:
        """A merge patch: https://datatracker.ietf.org/doc/html/rfc7386."""
        before = self.objects[key]
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in (None, before["metadata"]["resourceVersion"]):
            raise refused(409, "Conflict", "the object has been modified")
        after = _merged(before, patch)
        new = set(after["metadata"].get("finalizers", ())) - set(before["metadata"].get("finalizers", ()))
        if new and "deletionTimestamp" in before["metadata"]:
            raise refused(422, "Invalid", "no new finalizers can be added if the object is being deleted")
        return before if after == before else self._put(key, after)

    def _put(self, key: str, body: Manifest) -> Manifest:
        metadata = body["metadata"]
        metadata["resourceVersion"] = str(next(self.numbers))
        self.specs[metadata["uid"], metadata["generation"]] = body["spec"]
        if "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            del self.objects[key]
            self._tell("DELETED", body)
        else:
            self.objects[key] = body
            self._tell("MODIFIED", body)
        return body

    def _tell(self, event: str, body: Manifest) -> None:
        for watcher in self.watchers:
            watcher(event, copy.deepcopy(body))


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(value) if isinstance(value, dict) else {}
    for name, member in patch.items():
        if member is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), member)
    return result


def at(seconds: float) -> datetime:
    """The time of day of a moment of virtual time."""
    return datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC) + timedelta(seconds=seconds)
