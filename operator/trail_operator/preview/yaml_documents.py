"""Parses YAML or JSON of any origin as kubectl does: strictly, and never into anything but plain values."""

from collections.abc import Hashable, Iterator
from itertools import chain
from types import NoneType
from typing import Any, ClassVar

import yaml

# The C parser is several times faster, but overflows the stack on deep nesting, which `_check_depth` refuses.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 100
_OF_JSON = (dict, list, str, int, float, NoneType)
_MOST_VALUES = 100_000
"""In one manifest. The API server stores nothing of that size; aliases can make a short text larger than memory."""


class YamlError(Exception):
    """The text cannot be used; the message says why, on one line."""


class _StrictLoader(_Loader):  # type: ignore[valid-type, misc]
    """Reads dates as strings, as kubectl does, and refuses a key that occurs twice."""

    yaml_implicit_resolvers: ClassVar = {
        first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:timestamp"]
        for first, entries in _Loader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping. A key that merges another mapping (`<<`) may be overridden."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} occurs twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def parse_documents(content: bytes) -> list[Any]:
    """Return the values of all documents. Raises YamlError."""
    try:
        _check_depth(content)
        return list(yaml.load_all(content, Loader=_StrictLoader))
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise YamlError(f"not YAML: {place}{error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(f"not YAML: {' '.join(str(error).split())}") from None


def _check_depth(content: bytes) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise YamlError(f"nested more than {_DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def check_values(value: Any) -> None:
    """Raise YamlError if a value is too large, also one that contains itself, or has what JSON cannot express."""
    for count, one in enumerate(_values(value)):
        if count >= _MOST_VALUES:
            raise YamlError(f"more than {_MOST_VALUES:,} values in one manifest")
        if not isinstance(one, _OF_JSON):
            raise YamlError(f"a value that JSON cannot express ({type(one).__name__})")


def _values(value: Any) -> Iterator[Any]:
    """Yield the value and all keys and values in it, as often as it contains them."""
    pending: list[Iterator[Any]] = [iter([value])]
    while pending:
        if len(pending) > _DEEPEST + 1:  # by aliases
            raise YamlError(f"nested more than {_DEEPEST} levels deep")
        for one in pending[-1]:
            yield one
            if isinstance(one, dict):
                pending.append(chain(one.keys(), one.values()))
            elif isinstance(one, list):
                pending.append(iter(one))
            else:
                continue
            break
        else:
            pending.pop()
