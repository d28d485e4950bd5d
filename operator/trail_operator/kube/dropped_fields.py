"""The fields of a status that the API server drops, as their definition does not have them: it is an older version's.

They are not sent again and again: a write that would change nothing else is left out, except every ten minutes, in case
the definition was updated. The API server stores nothing for such a write.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from trail_operator.domain.texts import listed
from trail_operator.runtime.logs import logger

_SECONDS = 600.0

Status = dict[str, Any]


class DroppedFields:
    """What the answers to writes show, by kind. A path in a list has no index: `drift[].path`."""

    def __init__(self, clock: Callable[[], float], on_change: Callable[[str, bool], None]) -> None:
        """`on_change`: called with the kind, and whether any field of its status is dropped."""
        self._clock = clock
        self._on_change = on_change
        self._dropped: dict[str, dict[str, float]] = {}
        """By kind and path: until when it is known."""

    def of(self, kind: str) -> frozenset[str]:
        """Return the paths of the fields that are dropped."""
        return frozenset(self._dropped.get(kind, ()))

    def known(self, kind: str) -> frozenset[str]:
        """Return the paths of which that is known for certain: a write has shown it lately."""
        return frozenset(path for path, until in self._dropped.get(kind, {}).items() if self._clock() < until)

    def learn(self, kind: str, sent: Status, stored: object) -> None:
        """Compare a status as it was sent with the status as it was stored. Logs a change once."""
        before = self._dropped.get(kind)
        paths = dict(before or {})
        found = list(_compared(sent, stored, ""))
        paths |= {path: self._clock() + _SECONDS for path, is_kept in found if not is_kept}
        for path, is_kept in found:
            if is_kept:
                paths.pop(path, None)
        self._dropped[kind] = paths
        if before is not None and before.keys() == paths.keys():
            return
        if paths:
            logger.warning(
                f"the CustomResourceDefinition of {kind} is older than the operator: the API server drops "
                f"{listed([f'status.{path}' for path in sorted(paths)])}. Apply the definitions of this version"
            )
        elif before:
            logger.info(f"the CustomResourceDefinition of {kind} has all fields of the status now")
        self._on_change(kind, bool(paths))

    def is_all_of(self, kind: str, patch: Status, stored: object) -> bool:
        """Whether a merge patch of this status would change only fields that are known to be dropped."""
        paths = self.known(kind)
        return bool(paths) and not _changes(_without(patch, paths, ""), stored if isinstance(stored, dict) else {})


def _compared(sent: object, stored: object, path: str) -> Iterator[tuple[str, bool]]:
    """Yield the path of each field that was sent, and whether it was stored."""
    if isinstance(sent, dict) and isinstance(stored, dict):
        for name, value in sent.items():
            if value is not None:
                yield _joined(path, name), name in stored
                if name in stored:
                    yield from _compared(value, stored[name], _joined(path, name))
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for entry, other in zip(sent, stored, strict=True):
            yield from _compared(entry, other, f"{path}[]")


def _without(value: Any, paths: Collection[str], path: str) -> Any:
    """Return a value without the fields of these paths."""
    if isinstance(value, dict):
        return {
            name: _without(member, paths, _joined(path, name))
            for name, member in value.items()
            if _joined(path, name) not in paths
        }
    if isinstance(value, list):
        return [_without(entry, paths, f"{path}[]") for entry in value]
    return value


def _changes(patch: Status, stored: Status) -> bool:
    """Whether a merge patch changes an object."""
    for name, value in patch.items():
        present = stored.get(name)
        if isinstance(value, dict) and isinstance(present, dict):
            if _changes(value, present):
                return True
        elif _without_nulls(value) != _without_nulls(present):
            return True
    return False


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(entry) for entry in value] if isinstance(value, list) else value


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
