"""The objects that exist, by key. Subscribers are notified of additions and deletions."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Store(Generic[K, T]):
    """Objects of any type, by key."""

    def __init__(self) -> None:
        self._objects: dict[K, T] = {}
        self._on_add: list[Callable[[T], None]] = []
        self._on_delete: list[Callable[[T], None]] = []
        self._on_complete: list[Callable[[], None]] = []
        self.is_complete = False
        """Whether all objects that exist have been added at least once."""

    def subscribe(self, *, on_add: Callable[[T], None] | None = None, on_delete: Callable[[T], None]) -> None:
        """Call `on_add` after each addition and `on_delete` after each deletion."""
        if on_add:
            self._on_add.append(on_add)
        self._on_delete.append(on_delete)

    def subscribe_complete(self, on_complete: Callable[[], None]) -> None:
        """Call this once all objects that exist have been added."""
        self._on_complete.append(on_complete)

    def complete(self) -> None:
        """Record that all objects that exist have been added."""
        if not self.is_complete:
            self.is_complete = True
            for notify in self._on_complete:
                notify()

    def get(self, key: K) -> T | None:
        """Return the object with that key, or None."""
        return self._objects.get(key)

    def values(self) -> list[T]:
        """Return a copy of all objects: other threads list them while objects are added and deleted."""
        return list(self._objects.values())

    def add(self, key: K, value: T) -> None:
        """Add an object."""
        self._objects[key] = value
        for notify in self._on_add:
            notify(value)

    def delete(self, key: K, value: T) -> bool:
        """Delete this object; return False if another or none has the key."""
        if self._objects.get(key) is not value:
            return False
        del self._objects[key]
        for notify in self._on_delete:
            notify(value)
        return True
