"""What is planned: a manifest as it is once it was applied, with what the API server has of that Trail already."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trail_operator.api.constants import FINALIZER
from trail_operator.trail.state import TrailState

_IDENTITY = ("arn", "accountID", "homeRegion", "ownerTag")


def planned_trail(manifest: Mapping[str, Any], live: Mapping[str, Any] | None, number: int = 0) -> TrailState:
    """Return the Trail as the operator finds it after the manifest was applied.

    `live`: the object that the API server has; None if it has none, or was not asked. `number`: orders new Trails, of
    which the first claims a name.
    """
    given = manifest["metadata"]
    if live is None:
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # A UID of the API server has no tilde: it sorts before, as older Trails do.
        metadata = {"uid": f"~{number:09}", "generation": 1, "resourceVersion": "0", "creationTimestamp": created}
        return trail_state({**manifest, "metadata": metadata | given})
    has_changed = live.get("spec") != manifest["spec"]
    metadata = {
        **live["metadata"],
        "generation": live["metadata"]["generation"] + has_changed,
        "annotations": {**(live["metadata"].get("annotations") or {}), **(given.get("annotations") or {})},
    }
    return trail_state({**live, "metadata": metadata, "spec": manifest["spec"]})


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


async def forget_identity(state: TrailState) -> None:
    """Clear what status records about the trail, of this state only."""
    _clear_identity(state)


def _clear_identity(state: TrailState) -> None:
    status = state.body.get("status")
    if isinstance(status, dict):
        state.update(state.body | {"status": {name: one for name, one in status.items() if name not in _IDENTITY}})
