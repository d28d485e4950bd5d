"""Differences as users read them: each value in one line of limited length, with the names of the spec."""

from typing import Any

from trail_operator.api.trail_status import Difference
from trail_operator.domain.texts import clean

# A status must fit into an object, and a trail may have 500 conditions of 2 KB each.
_LONGEST = 1000
_LONGEST_PATH = 512


def difference(path: str, desired: Any, observed: Any) -> Difference:
    """Return a difference. None is shown as absent."""
    return Difference(path=path_text(path), desired=_shown(desired), observed=_shown(observed))


def path_text(path: str) -> str:
    """Return a path as differences have it."""
    return clean(path, _LONGEST_PATH)


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return str(value).lower()
    text = _written(value)
    shown = clean(text[:_LONGEST], _LONGEST)
    return shown if len(text) <= _LONGEST else f"{shown}... ({len(text)} characters)"


def _written(value: Any) -> str:
    """Format a value in YAML's flow style, with the names of the spec."""
    if isinstance(value, dict):
        members = (f"{name[0].lower()}{name[1:]}: {_written(member)}" for name, member in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_written(member) for member in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
