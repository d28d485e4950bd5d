"""Wildcards and policy variables: whether a pattern matches a string, or all strings with a common prefix.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import prod

from trail_operator.domain.iam_policy.ternary import Truth, unanimous

# The possible values of a request's key; None: the request may lack the key; empty: nothing is known.
Values = tuple[str | None, ...]
# What is known of a request, by key in lower case, because AWS ignores case. A final `*` matches any suffix.
Context = Mapping[str, Values]


def possible_values(key: str, context: Context) -> Values:
    """Return the possible values of a key."""
    key = key.lower()
    if key in context:
        return context[key]
    return next((context[name] for name in context if name.endswith("*") and key.startswith(name[:-1])), ())


class Wildcard(Enum):
    """The two wildcards of policies."""

    ANY = "*"
    ONE = "?"


Token = str | Wildcard  # a single character or a wildcard
Pattern = tuple[Token, ...]

_VARIABLE = re.compile(r"\$\{([^{},]+)(?:,\s*'([^']*)'\s*)?\}")
_ESCAPES = ("*", "?", "$")  # `${*}` is a literal star
_MOST_CASES = 64


@dataclass(frozen=True)
class _Variable:
    """A variable in a string, such as `${aws:username, 'nobody'}`."""

    name: str
    default: str | None

    @property
    def key(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Target:
    """A string, or with `open_ended` all strings that begin with it."""

    text: str
    open_ended: bool = False


def matches(pattern: Pattern, target: Target) -> Truth:
    """Return whether the pattern matches the target; UNKNOWN if it matches only part of an open-ended one.

    Policies are untrusted input: each piece between stars is searched once, so that no pattern takes long.
    """
    pieces = _between_stars(pattern)
    if not target.open_ended:
        return Truth.of(_match(pieces, target.text))
    if not _begins(pieces, target.text):
        return Truth.FALSE
    covered = pattern[-1:] == (Wildcard.ANY,) and _match(pieces, target.text)
    return Truth.TRUE if covered else Truth.UNKNOWN


def _between_stars(pattern: Pattern) -> list[Pattern]:
    """Split a pattern at its stars."""
    pieces: list[list[Token]] = [[]]
    for token in pattern:
        if token is Wildcard.ANY:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [tuple(piece) for piece in pieces]


def _match(pieces: Sequence[Pattern], text: str) -> bool:
    """Return whether the whole text consists of these pieces in order, with anything between them."""
    head, *middle = pieces
    if not middle:
        return len(head) == len(text) and _equal(head, text)
    tail = middle.pop()
    start, end = len(head), len(text) - len(tail)
    if start > end or not _equal(head, text) or not _equal(tail, text[end:]):
        return False
    between = text[:end]
    for piece in middle:  # the first occurrence leaves the most room for the next pieces
        at = _find(piece, between, start)
        if at < 0:
            return False
        start = at + len(piece)
    return True


def _begins(pieces: Sequence[Pattern], text: str) -> bool:
    """Return whether some string that the pieces match begins with the text."""
    head, *others = pieces
    return _equal(head, text) and (bool(others) or len(head) >= len(text))


def _equal(piece: Pattern, text: str) -> bool:
    """Return whether the two are equal up to the length of the shorter."""
    return all(token is Wildcard.ONE or token == character for token, character in zip(piece, text, strict=False))


def _find(piece: Pattern, text: str, start: int) -> int:
    """Return the first position of the piece in the text from `start` on, or -1."""
    if Wildcard.ONE not in piece:
        return text.find("".join(map(str, piece)), start)
    expression = "".join("." if token is Wildcard.ONE else re.escape(str(token)) for token in piece)
    found = re.compile(expression, re.DOTALL).search(text, start)
    return found.start() if found else -1


def tokens(text: str, *, wildcards: bool = True) -> Pattern:
    """Parse a string without variables into a pattern."""
    if not wildcards:
        return tuple(text)
    return tuple(Wildcard(character) if character in "*?" else character for character in text)


def text_matches(text: str, target: Target, context: Context, *, variables: bool, wildcards: bool = True) -> Truth:
    """Return whether a string of a policy matches the target, after its variables (if any) are replaced."""
    if not variables:
        return matches(tokens(text, wildcards=wildcards), target)
    patterns = _substituted(text, context, wildcards)
    return unanimous(Truth.FALSE if pattern is None else matches(pattern, target) for pattern in patterns)


def _substituted(text: str, context: Context, wildcards: bool) -> Iterable[Pattern | None]:
    """Return each possible pattern of the string; None if the request lacks the key of a variable.

    Empty if that is not known: nothing is known of a variable, or there are too many cases.
    """
    pieces: list[Pattern | _Variable] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        pieces += [tokens(text[end : found.start()], wildcards=wildcards), _Variable(found[1].strip(), found[2])]
        end = found.end()
    pieces.append(tokens(text[end:], wildcards=wildcards))
    if "${" in _VARIABLE.sub("", text):
        return ()  # AWS does not document an incomplete variable
    # A key has one value in a request, however often the string names it.
    keys = {piece.key for piece in pieces if isinstance(piece, _Variable) and piece.name not in _ESCAPES}
    possible = {key: possible_values(key, context) for key in sorted(keys)}
    if prod(map(len, possible.values())) > _MOST_CASES:
        return ()
    cases = (dict(zip(possible, values, strict=True)) for values in product(*possible.values()))
    return (_joined([_value(piece, case) for piece in pieces]) for case in cases)


def _value(piece: "Pattern | _Variable", case: Mapping[str, str | None]) -> Pattern | None:
    """Return a piece of a string as a pattern; values of variables contain no wildcards."""
    if not isinstance(piece, _Variable):
        return piece
    if piece.name in _ESCAPES:
        return (piece.name,)
    value = case[piece.key]
    chosen = piece.default if value is None else value
    return None if chosen is None else tuple(chosen)


def _joined(pieces: Sequence[Pattern | None]) -> Pattern | None:
    joined: list[Token] = []
    for piece in pieces:
        if piece is None:
            return None
        joined.extend(piece)
    return tuple(joined)
