"""What is in the cluster, as far as it was read, with the manifests that are to be applied to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trail_operator.alarms.state import AlarmSetState
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.preview.manifests import Manifest, Manifests
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.trail_input import alarm_set_state, planned_alarm_set, planned_trail, trail_state
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.state import TrailState

Bodies = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class ClusterObjects:
    """The objects of the cluster by name; None where they were not read."""

    trails: Bodies | None = None
    """By namespace/name."""
    accounts: Bodies | None = None
    namespaces: Bodies | None = None
    unread: tuple[str, ...] = field(default=())
    """Why something was not read, for users."""
    alarm_sets: Bodies | None = None
    """By namespace/name."""


def fill_registry(
    registry: AccountRegistry, cluster: ClusterObjects, accounts: Iterable[Manifest], settings: OperatorSettings
) -> None:
    """Add the AWSAccounts of manifests and cluster, and the labels of namespaces."""
    bodies = dict(cluster.accounts or {})
    for manifest in accounts:
        bodies[manifest.name] = _applied_account(manifest, bodies.get(manifest.name))
    labels = dict(entry.split("=", 1) for entry in settings.values.account_selector.split(",") if entry)
    for name, body in bodies.items():
        if labels.items() <= (body["metadata"].get("labels") or {}).items():
            registry.upsert(body)
        else:
            registry.exclude(name)
    for name, body in (cluster.namespaces or {}).items():
        registry.update_namespace(name, dict(body["metadata"].get("labels") or {}))


def planned_trails(
    cluster: ClusterObjects, manifests: Iterable[Manifest], claims: NameClaims, now: datetime
) -> tuple[list[TrailState], list[TrailState]]:
    """Return the Trails of manifests, and the others of the cluster. All of both claim their names."""
    live = cluster.trails or {}
    given = {
        key: planned_trail(one, live.get(key), now, number)
        for number, (key, one) in enumerate((f"{one.namespace}/{one.name}", one) for one in manifests)
    }
    others = [trail_state(body) for key, body in live.items() if key not in given]
    for state in (*given.values(), *others):
        claims.upsert(state)
    return list(given.values()), others


def planned_alarm_sets(cluster: ClusterObjects, manifests: Manifests, now: datetime) -> list[AlarmSetState]:
    """Return the TrailAlarmSets of manifests; without any manifest, those of the cluster."""
    live = cluster.alarm_sets or {}
    if not manifests:
        return [alarm_set_state(body) for body in live.values()]
    return [
        planned_alarm_set(one, live.get(f"{one.namespace}/{one.name}"), now, number)
        for number, one in enumerate(manifests.alarm_sets)
    ]


def _applied_account(manifest: Manifest, live: dict[str, Any] | None) -> dict[str, Any]:
    given = manifest.texts("labels")
    if live is None:
        metadata = {"name": manifest.name, "uid": manifest.name, "generation": 1, "resourceVersion": "0"}
        return {**manifest.body, "metadata": metadata | {"labels": given}}
    labels = {**(live["metadata"].get("labels") or {}), **given}
    return {**live, "metadata": live["metadata"] | {"labels": labels}, "spec": manifest.spec}
