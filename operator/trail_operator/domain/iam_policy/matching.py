"""Wildcards and policy variables, and whether a pattern matches a text or a whole family of texts.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import prod

from trail_operator.domain.iam_policy.ternary import Truth, agreed

# The values that a key of a request may have, None standing for a request without it; none at all: nothing is known.
Values = tuple[str | None, ...]
# What is known of a request, by key, in lower case, as AWS ignores the case of keys. `*` at the end: all that begin so.
Context = Mapping[str, Values]


def possible_values(key: str, context: Context) -> Values:
    """Return the values that a key may have."""
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
_ESCAPES = ("*", "?", "$")  # `${*}` is a star that is no wildcard
_MOST_CASES = 64


@dataclass(frozen=True)
class _Variable:
    """A variable in a text, such as `${aws:username, 'nobody'}`."""

    name: str
    default: str | None

    @property
    def key(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Target:
    """A text, or with `open_ended` all the texts that begin with it."""

    text: str
    open_ended: bool = False


def matches(pattern: Pattern, target: Target) -> Truth:
    """Tell whether the pattern matches the target; UNKNOWN: it matches only some of an open-ended one.

    The policy may be anybody's: each piece between stars is looked for once, so that no pattern takes long.
    """
    pieces = _between_stars(pattern)
    if not target.open_ended:
        return Truth.of(_match(pieces, target.text))
    if not _begins(pieces, target.text):
        return Truth.FALSE
    covered = pattern[-1:] == (Wildcard.ANY,) and _match(pieces, target.text)
    return Truth.TRUE if covered else Truth.UNKNOWN


def _between_stars(pattern: Pattern) -> list[Pattern]:
    """Return what stands before, between and after the stars of a pattern."""
    pieces: list[list[Token]] = [[]]
    for token in pattern:
        if token is Wildcard.ANY:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [tuple(piece) for piece in pieces]


def _match(pieces: Sequence[Pattern], text: str) -> bool:
    """Tell whether the whole text is these pieces in their order, with anything between them."""
    head, *middle = pieces
    if not middle:
        return len(head) == len(text) and _agree(head, text)
    tail = middle.pop()
    start, end = len(head), len(text) - len(tail)
    if start > end or not _agree(head, text) or not _agree(tail, text[end:]):
        return False
    between = text[:end]
    for piece in middle:  # where a piece stands first, there is most room for those after it
        at = _find(piece, between, start)
        if at < 0:
            return False
        start = at + len(piece)
    return True


def _begins(pieces: Sequence[Pattern], text: str) -> bool:
    """Tell whether a text that the pieces match may begin so."""
    head, *others = pieces
    return _agree(head, text) and (bool(others) or len(head) >= len(text))


def _agree(piece: Pattern, text: str) -> bool:
    """Tell whether the two are alike, as far as both reach."""
    return all(token is Wildcard.ONE or token == character for token, character in zip(piece, text, strict=False))


def _find(piece: Pattern, text: str, start: int) -> int:
    """Return where the piece stands first in the text from `start` on, -1 if nowhere."""
    if Wildcard.ONE not in piece:
        return text.find("".join(map(str, piece)), start)
    expression = "".join("." if token is Wildcard.ONE else re.escape(str(token)) for token in piece)
    found = re.compile(expression, re.DOTALL).search(text, start)
    return found.start() if found else -1


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


def _filled_in(text: str, context: Context, wildcards: bool) -> Iterable[Pattern | None]:
    """Return every pattern that the text may be; None where the request lacks the key of a variable.

    None at all where that cannot be told: nothing is known of a variable, or there are too many cases.
    """
    pieces: list[Pattern | _Variable] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        pieces += [tokens(text[end : found.start()], wildcards=wildcards), _Variable(found[1].strip(), found[2])]
        end = found.end()
    pieces.append(tokens(text[end:], wildcards=wildcards))
    if "${" in _VARIABLE.sub("", text):
        return ()  # it is not documented what half a variable means
    # A key has one value in a request, however often it is named.
    keys = {piece.key for piece in pieces if isinstance(piece, _Variable) and piece.name not in _ESCAPES}
    possible = {key: possible_values(key, context) for key in sorted(keys)}
    if prod(map(len, possible.values())) > _MOST_CASES:
        return ()
    cases = (dict(zip(possible, values, strict=True)) for values in product(*possible.values()))
    return (_joined([_value(piece, case) for piece in pieces]) for case in cases)


def _value(piece: "Pattern | _Variable", case: Mapping[str, str | None]) -> Pattern | None:
    """Return a piece of a text as a pattern; the values of variables have no wildcards."""
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
