"""Writes manifests as YAML that every parser reads as the same strings: kubectl's differs from Python's."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from trail_operator.domain.texts import MESSAGE, clean

# Anything else is quoted. Python reads 1e3 and 0o7 as strings, kubectl as numbers.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_/.:*-]*", re.ASCII)
_NOT_STRINGS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Quotes strings that another parser might read as something else, and uses no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return that no value is written as a reference to another one."""
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists, as in the project's examples."""
        del indentless
        super().increase_indent(flow, False)


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _NOT_STRINGS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')


_Dumper.add_representer(str, _represent)


def commented(body: dict[str, Any] | None, comments: Iterable[str]) -> str:
    """Return a manifest that nobody applies by mistake: all of it is a comment."""
    text = document(body, ()) if body is not None else ""
    lines = [*(clean(comment, MESSAGE) for comment in comments), *text.splitlines()]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def document(body: dict[str, Any], comments: Iterable[str]) -> str:
    """Return a manifest after its comments."""
    lines = "".join(f"# {clean(comment, MESSAGE)}".rstrip() + "\n" for comment in comments)
    text: str = yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return lines + text
