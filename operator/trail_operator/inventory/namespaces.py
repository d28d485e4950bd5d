"""The namespace controller: labels of namespaces open accounts to their Trails."""

from collections.abc import Callable
from typing import Any

from trail_operator.inventory.registry import AccountRegistry


class NamespaceController:
    """Keeps the labels in the registry in step with the namespaces that the API server has."""

    def __init__(self, registry: AccountRegistry, enqueue_trails: Callable[[str], None]) -> None:
        """`enqueue_trails`: called with the name of a namespace whose Trails need a run."""
        self._registry = registry
        self._enqueue_trails = enqueue_trails

    def start(self, bodies: list[dict[str, Any]]) -> None:
        """Add all namespaces that exist at the start."""
        for body in bodies:
            self.on_update(body)

    def on_update(self, body: dict[str, Any]) -> None:
        """Handle a namespace that was listed, added or modified."""
        name = str(body["metadata"]["name"])
        if self._registry.update_namespace(name, dict(body["metadata"].get("labels") or {})):
            self._enqueue_trails(name)

    def on_delete(self, body: dict[str, Any]) -> None:
        """Handle a namespace that the API server no longer has."""
        self._registry.delete_namespace(str(body["metadata"]["name"]))
