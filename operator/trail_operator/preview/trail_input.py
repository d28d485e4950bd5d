"""What is planned: a manifest as it is once it was applied, with what the API server has of that object already."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trail_operator.alarms.state import AlarmSetState
from trail_operator.api import crd
from trail_operator.api.constants import FINALIZER
from trail_operator.preview.manifests import Manifest
from trail_operator.trail.state import TrailState

_SPECS = {
    definition["spec"]["names"]["kind"]: definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][
        "spec"
    ]
    for definition in crd.definitions()
}
_IDENTITY = ("arn", "accountID", "homeRegion", "ownerTag")


def planned_trail(manifest: Manifest, live: Mapping[str, Any] | None, now: datetime, number: int) -> TrailState:
    """Return the Trail as the operator finds it after the manifest was applied. Arguments as for `applied`."""
    return trail_state(applied(manifest, live, now, number))


def planned_alarm_set(manifest: Manifest, live: Mapping[str, Any] | None, now: datetime, number: int) -> AlarmSetState:
    """Return the TrailAlarmSet as the operator finds it after the manifest was applied."""
    return alarm_set_state(applied(manifest, live, now, number))


def applied(manifest: Manifest, live: Mapping[str, Any] | None, now: datetime, number: int) -> dict[str, Any]:
    """Return the object of a manifest as the API server has it once it was applied.

    `live`: the object that the API server has; None if it has none, or was not asked. `number`: orders new Trails, of
    which the first claims a name.
    """
    spec, annotations = _with_defaults(manifest.spec, _SPECS[manifest.kind]), manifest.texts("annotations")
    if live is None:
        metadata = {
            "namespace": manifest.namespace,
            "name": manifest.name,
            "annotations": annotations,
            # A UID of the API server has no tilde: it sorts before, as older Trails do.
            "uid": f"~{number:09}",
            "generation": 1,
            "resourceVersion": "0",
            "creationTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return {**manifest.body, "metadata": metadata, "spec": spec}
    has_changed = live.get("spec") != spec
    metadata = {
        **live["metadata"],
        "generation": live["metadata"]["generation"] + has_changed,
        "annotations": {**(live["metadata"].get("annotations") or {}), **annotations},
    }
    return {**live, "metadata": metadata, "spec": spec}


def trail_state(body: dict[str, Any]) -> TrailState:
    """Return a Trail as the operator has it after the first steps of a reconcile, which concern the finalizer.

    It counts as known for long: no process of the operator has written a moment ago.
    """
    state = TrailState(body, started=float("-inf"))
    if state.deleting or state.needs_finalizer == state.has_finalizer:
        return state
    others = [name for name in state.finalizers if name != FINALIZER]
    if state.needs_finalizer:
        _clear_identity(state)
        others.append(FINALIZER)
    state.update(state.body | {"metadata": state.metadata | {"finalizers": others}})
    return state


def alarm_set_state(body: dict[str, Any]) -> AlarmSetState:
    """Return a TrailAlarmSet. It counts as known for long, as a Trail."""
    return AlarmSetState(body, started=float("-inf"))


async def forget_identity(state: TrailState) -> None:
    """Clear what status records about the trail, of this state only."""
    _clear_identity(state)


def _with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value with the defaults that the API server adds.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
    """
    if isinstance(value, list) and "items" in schema:
        return [_with_defaults(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    missing = {name: one["default"] for name, one in properties.items() if "default" in one and name not in value}
    return {name: _with_defaults(one, properties.get(name, {})) for name, one in {**value, **missing}.items()}


def _clear_identity(state: TrailState) -> None:
    status = state.body.get("status")
    if isinstance(status, dict):
        state.update(state.body | {"status": {name: one for name, one in status.items() if name not in _IDENTITY}})
