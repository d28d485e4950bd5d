"""The objects that exist, by key, and who is to know when one comes or goes. Knows nothing of what they are."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Store(Generic[K, T]):
    """Objects by key, with subscriptions."""

    def __init__(self) -> None:
        self._objects: dict[K, T] = {}
        self._on_add: list[Callable[[T], None]] = []
        self._on_delete: list[Callable[[T], None]] = []

    def subscribe(self, *, on_add: Callable[[T], None] | None = None, on_delete: Callable[[T], None]) -> None:
        """Have these called after each addition and each deletion."""
        if on_add:
            self._on_add.append(on_add)
        self._on_delete.append(on_delete)

    def get(self, key: K) -> T | None:
        """The object of that key."""
        return self._objects.get(key)

    def values(self) -> list[T]:
        """All objects: a copy, as other threads list them while objects come and go."""
        return list(self._objects.values())

    def add(self, key: K, value: T) -> None:
        """Put an object in."""
        self._objects[key] = value
        for notify in self._on_add:
            notify(value)

    def delete(self, key: K, value: T) -> bool:
        """Take this object out; False if another or none has the key."""
        if self._objects.get(key) is not value:
            return False
        del self._objects[key]
        for notify in self._on_delete:
            notify(value)
        return True
