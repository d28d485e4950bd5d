"""A case for each bound of a schema, derived from the schema: an example at the bound, and one beyond it.

By hand is only where a value of a certain length stands, so that nothing but its bound can be wrong with it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.integration.admission.cases import Case, Parts

Schema = Mapping[str, Any]

# What the API server says, and in which direction the bound is exceeded.
_KEYWORDS = {
    "minLength": ("should be at least {} chars long", -1),
    "maxLength": ("may not be more than {} bytes", 1),
    "minItems": ("should have at least {} items", -1),
    "maxItems": ("must have at most {} item", 1),
    "minimum": ("should be greater than or equal to {}", -1),
    "maximum": ("should be less than or equal to {}", 1),
}


@dataclass(frozen=True)
class Bounds:
    """What the examples for a kind are made of, by paths of its schema."""

    sized: Mapping[str, Callable[[int], Parts]]
    """An object in which the value at the path has so many characters or members, or is that number."""
    chosen: Mapping[str, Callable[[str], Parts]]
    """An object with that value of an enumeration."""
    besides: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What is refused besides, where a bound cannot be exceeded alone."""
    one_less: frozenset[str] = frozenset()
    """Lists that cannot be as long as their maxItems, because of another rule."""


def bounds(nodes: Mapping[str, Schema], of: Bounds) -> Iterator[Case]:
    """Return a case for each bound of a schema, which is given by its paths."""
    for path, schema in nodes.items():
        yield from (_bound(path, keyword, schema[keyword], of) for keyword in _KEYWORDS if keyword in schema)
        if "enum" in schema:
            yield _enumeration(path, schema["enum"], of)


def _bound(path: str, keyword: str, bound: int, of: Bounds) -> Case:
    says, beyond = _KEYWORDS[keyword]
    sized = of.sized[path]
    at_bound = bound - 1 if path in of.one_less and keyword == "maxItems" else bound
    return Case(
        path,
        keyword,
        accepted=[sized(at_bound)],
        refused=[sized(bound + beyond)],
        says=says.format(bound),
        besides=of.besides.get(path, frozenset()),
    )


def _enumeration(path: str, values: list[str], of: Bounds) -> Case:
    chosen = of.chosen[path]
    supported = ", ".join(f'"{value}"' for value in values)
    return Case(
        path,
        "enum",
        accepted=[chosen(value) for value in values],
        refused=[chosen(value) for value in (values[0].swapcase(), f"{values[0]}s", "")],
        says=f"supported values: {supported}",
    )
