"""Adds statements to the text of a policy, and leaves every character that is there as it is."""

import json
import re
from collections.abc import Sequence
from typing import Any

from trail_operator.domain.iam_policy.document import MalformedPolicyError
from trail_operator.domain.iam_policy.prescribed import Statement

_SPACE = re.compile(r"\s*")


def insert(policy: str, statements: Sequence[Statement]) -> str:
    """Return the text of a policy with these statements at the end of its list. Raises MalformedPolicyError."""
    start, end = _statement_span(policy)
    if not statements:
        return policy
    found = policy[start:end]
    opening, inner, closing = ("", found[:-1], "]") if found.startswith("[") else ("[", found, "]")
    kept = inner.rstrip()
    indent = _indent(policy, start) if "\n" in policy else None
    separator = "" if kept == "[" else ","
    added = ",".join(_rendered(statement, indent) for statement in statements)
    return f"{policy[:start]}{opening}{kept}{separator}{added}{inner[len(kept) :]}{closing}{policy[end:]}"


def _rendered(statement: Statement, indent: str | None) -> str:
    if indent is None:
        return json.dumps(statement, separators=(",", ":"))
    lines = json.dumps(statement, indent=2).replace("\n", f"\n{indent}")
    return f"\n{indent}{lines}"


def _indent(policy: str, start: int) -> str:
    """Return the spaces before the first statement."""
    found = re.compile(r"\[\s*\n([ \t]*)\{").match(policy, start)
    return found[1] if found else "    "


def _statement_span(policy: str) -> tuple[int, int]:
    """Return where the value of Statement begins and ends."""
    decoder = json.JSONDecoder(object_pairs_hook=_without_duplicates)
    try:
        content = decoder.decode(policy)
    except (ValueError, RecursionError) as error:
        raise MalformedPolicyError(f"it is not valid JSON: {error}") from error
    if not isinstance(content, dict) or "Statement" not in content:
        raise MalformedPolicyError("it is not an object with a Statement")
    at = _after_space(policy, 0) + 1
    while True:
        name, at = decoder.raw_decode(policy, _after_space(policy, at))
        start = _after_space(policy, _after_space(policy, at) + 1)
        _, end = decoder.raw_decode(policy, start)
        if name == "Statement":
            return start, end
        at = _after_space(policy, end) + 1


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. AWS rejects one in which a name occurs twice."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} occurs twice in one object")
    return dict(pairs)
