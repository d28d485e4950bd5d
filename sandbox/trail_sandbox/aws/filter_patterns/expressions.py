"""Expressions of a pattern, and which events they match."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


class _Missing:
    """What a selector finds where there is nothing; JSON's null is something."""


MISSING = _Missing()


@dataclass(frozen=True)
class Selector:
    """Names a value of an event: `$.requestParameters.names[0]`."""

    text: str
    steps: tuple[str | int, ...]

    def find(self, event: Any) -> Any:
        """Return what is there, or MISSING."""
        value = event
        for step in self.steps:
            is_there = step in value if isinstance(value, dict) else isinstance(value, list) and _is_within(step, value)
            if not is_there:
                return MISSING
            value = value[step]
        return value


def _is_within(step: str | int, value: list[Any]) -> bool:
    return isinstance(step, int) and step < len(value)


class Expression(Protocol):
    """Part of a pattern."""

    def matches(self, event: Any) -> bool:
        """Say whether an event, as JSON was read, meets it."""

    def selectors(self) -> Iterator[Selector]:
        """Give the selectors in it."""

    def regexes(self) -> int:
        """Count the regular expressions in it."""


@dataclass(frozen=True)
class Everything:
    """The empty pattern."""

    def matches(self, event: Any) -> bool:  # noqa: ARG002
        """Match."""
        return True

    def selectors(self) -> Iterator[Selector]:
        """None."""
        return iter(())

    def regexes(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True)
class Junction:
    """Terms that are joined by `&&` (all) or by `||`."""

    all: bool
    terms: tuple[Expression, ...]

    def matches(self, event: Any) -> bool:
        """Match as all terms do, or one of them."""
        return (all if self.all else any)(term.matches(event) for term in self.terms)

    def selectors(self) -> Iterator[Selector]:
        """Those of the terms."""
        for term in self.terms:
            yield from term.selectors()

    def regexes(self) -> int:
        """Those of the terms."""
        return sum(term.regexes() for term in self.terms)


@dataclass(frozen=True)
class State:
    """`NOT EXISTS`, `IS NULL`, `IS TRUE` or `IS FALSE`."""

    selector: Selector
    value: object

    def matches(self, event: Any) -> bool:
        """Match the value itself: neither a text nor a number is true."""
        return self.selector.find(event) is self.value

    def selectors(self) -> Iterator[Selector]:
        """The one."""
        yield self.selector

    def regexes(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True)
class TextComparison:
    """`=` or `!=` with a text, in which `*` stands for anything, or with a regular expression.

    Not verified: that neither holds for a field that is missing, and neither for what is not a text.
    """

    selector: Selector
    equal: bool
    pattern: re.Pattern[str]
    is_regex: bool

    def matches(self, event: Any) -> bool:
        """Compare: with case, and a regular expression with any part of the value."""
        value = self.selector.find(event)
        if not isinstance(value, str):
            return False
        found = self.pattern.search(value) if self.is_regex else self.pattern.fullmatch(value)
        return (found is not None) == self.equal

    def selectors(self) -> Iterator[Selector]:
        """The one."""
        yield self.selector

    def regexes(self) -> int:
        """One, or none."""
        return int(self.is_regex)


@dataclass(frozen=True)
class NumberComparison:
    """A comparison with a number, which only a number meets (not verified of numbers in texts)."""

    selector: Selector
    operator: str
    number: float

    def matches(self, event: Any) -> bool:
        """Compare."""
        value = self.selector.find(event)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return {
            "=": value == self.number,
            "!=": value != self.number,
            "<": value < self.number,
            "<=": value <= self.number,
            ">": value > self.number,
            ">=": value >= self.number,
        }[self.operator]

    def selectors(self) -> Iterator[Selector]:
        """The one."""
        yield self.selector

    def regexes(self) -> int:
        """None."""
        return 0
