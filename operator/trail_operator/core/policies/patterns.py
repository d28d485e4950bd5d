"""Wildcards and policy variables, and whether a pattern matches a text or a whole family of texts.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product

from trail_operator.core.policies.truth import Truth, agreed

# What is known of a request: for each key (in lower case, as AWS ignores the case of keys) the values that it
# may have, None standing for a request without the key. A key not in the mapping may have any value, or none.
Context = Mapping[str, tuple[str | None, ...]]


class Wildcard(Enum):
    """The two wildcards of policies."""

    ANY = "*"
    ONE = "?"


Token = str | Wildcard  # a single character or a wildcard
Pattern = tuple[Token, ...]

_VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
_ESCAPES = {"*": "*", "?": "?", "$": "$"}  # `${*}` is a star that is no wildcard


@dataclass(frozen=True)
class Target:
    """A text, or with `open_ended` all the texts that begin with it."""

    text: str
    open_ended: bool = False


def matches(pattern: Pattern, target: Target) -> Truth:
    """Tell whether the pattern matches the target; UNKNOWN: it matches only some of an open-ended one."""
    positions = _skip_stars(pattern, {0})
    for character in target.text:
        positions = _skip_stars(pattern, _step(pattern, positions, character))
    if not target.open_ended:
        return Truth.of(len(pattern) in positions)
    if not positions:
        return Truth.FALSE
    covered = any(set(pattern[at:]) == {Wildcard.ANY} for at in positions)
    return Truth.TRUE if covered else Truth.UNKNOWN


def _step(pattern: Pattern, positions: set[int], character: str) -> set[int]:
    """Return the positions in the pattern after one more character was read."""
    after = set()
    for at in positions:
        if at == len(pattern):
            continue
        if pattern[at] is Wildcard.ANY:
            after.add(at)
        elif pattern[at] is Wildcard.ONE or pattern[at] == character:
            after.add(at + 1)
    return after


def _skip_stars(pattern: Pattern, positions: set[int]) -> set[int]:
    """Add the positions that are reached because a star may stand for nothing."""
    reached = set(positions)
    for start in positions:
        at = start
        while at < len(pattern) and pattern[at] is Wildcard.ANY:
            at += 1
            reached.add(at)
    return reached


def tokens(text: str, *, wildcards: bool = True) -> Pattern:
    """Read a text without variables as a pattern."""
    if not wildcards:
        return tuple(text)
    return tuple(Wildcard(character) if character in "*?" else character for character in text)


def text_matches(text: str, target: Target, context: Context, *, variables: bool, wildcards: bool = True) -> Truth:
    """Tell whether a text of a policy matches the target, with its variables (if they count) filled in."""
    if not variables:
        return matches(tokens(text, wildcards=wildcards), target)
    return agreed(
        Truth.FALSE if pattern is None else matches(pattern, target) for pattern in _filled_in(text, context, wildcards)
    )


def _filled_in(text: str, context: Context, wildcards: bool) -> Sequence[Pattern | None]:
    """Return every pattern that the text may be; None where the request lacks the key of a variable."""
    pieces: list[tuple[Pattern | None, ...]] = []
    end = 0
    for variable in _VARIABLE.finditer(text):
        pieces.append((tokens(text[end : variable.start()], wildcards=wildcards),))
        pieces.append(_values(variable.group(1), variable.group(2), context))
        end = variable.end()
    pieces.append((tokens(text[end:], wildcards=wildcards),))
    return [_joined(choice) for choice in product(*pieces)]


def _values(name: str, default: str | None, context: Context) -> tuple[Pattern | None, ...]:
    """Return the possible values of a variable, none if nothing is known of it; values have no wildcards."""
    if name in _ESCAPES:
        return (tuple(_ESCAPES[name]),)
    possible = context.get(name.lower(), ())
    return tuple(_or_default(value, default) for value in possible)


def _or_default(value: str | None, default: str | None) -> Pattern | None:
    chosen = default if value is None else value
    return None if chosen is None else tuple(chosen)


def _joined(pieces: Sequence[Pattern | None]) -> Pattern | None:
    joined: list[Token] = []
    for piece in pieces:
        if piece is None:
            return None
        joined.extend(piece)
    return tuple(joined)
