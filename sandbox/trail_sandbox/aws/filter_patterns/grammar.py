"""Reads a pattern. What AWS is not known to accept is refused.

Patterns for events that are not JSON (terms, `[...]`, a regular expression alone) are not known here.
"""

import re

from trail_sandbox.aws.filter_patterns.expressions import (
    MISSING,
    Everything,
    Expression,
    Junction,
    NumberComparison,
    Selector,
    State,
    TextComparison,
)

_MOST_REGEXES = 2
_SPACE = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"""\.([A-Za-z0-9_-]+)|\.?\['([^']+)'\]|\[([0-9]+)\]""")
_STATE = re.compile(r"(NOT[ ]+EXISTS|IS[ ]+NULL|IS[ ]+TRUE|IS[ ]+FALSE)(?![A-Za-z0-9_])")
_OPERATOR = re.compile(r"!=|<=|>=|=|<|>")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_REGEX = re.compile(r"%([^%]+)%")
# AWS's own pages print `kms.amazonaws.com` and `123.123.*` without quotes.
_BARE = re.compile(r"[A-Za-z0-9_.*+-]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_REGEX_CHARACTERS = re.compile(r"[A-Za-z0-9:_#=@/;,^$?\[\]{}|\\*+.-]+")
_STATES: dict[str, object] = {"NOT EXISTS": MISSING, "IS NULL": None, "IS TRUE": True, "IS FALSE": False}


class PatternError(Exception):
    """What is wrong with a pattern, and where."""


def parse(pattern: str) -> Expression:
    """Read a pattern, or raise PatternError; NotImplementedError for one that is not for JSON."""
    text = pattern.strip()
    if not text:
        return Everything()
    if not text.startswith("{"):
        raise NotImplementedError("a filter pattern for events that are not JSON")
    expression = _Parser(text).parse()
    if expression.regexes() > _MOST_REGEXES:
        raise PatternError(f"more than {_MOST_REGEXES} regular expressions")
    return expression


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> Expression:
        """Read all of it."""
        self._expect("{")
        expression = self._alternatives()
        self._expect("}")
        if self._at != len(self._text):
            raise self._error("the end")
        return expression

    def _alternatives(self) -> Expression:
        """`&&` binds more closely than `||`."""
        terms = [self._conjunction()]
        while self._take("||"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Junction(False, tuple(terms))

    def _conjunction(self) -> Expression:
        terms = [self._term()]
        while self._take("&&"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Junction(True, tuple(terms))

    def _term(self) -> Expression:
        if not self._take("("):
            return self._condition()
        expression = self._alternatives()
        self._expect(")")
        return expression

    def _condition(self) -> Expression:
        selector = self._selector()
        state = self._match(_STATE)
        if state:
            return State(selector, _STATES[" ".join(state[1].split())])
        operator = self._match(_OPERATOR)
        if not operator:
            raise self._error("an operator")
        return self._comparison(selector, operator[0])

    def _comparison(self, selector: Selector, operator: str) -> Expression:
        if quoted := self._match(_QUOTED):
            return self._with_text(selector, operator, re.sub(r"\\(.)", r"\1", quoted[1]))
        if regex := self._match(_REGEX):
            return self._with_regex(selector, operator, regex[1])
        bare = self._match(_BARE)
        if not bare:
            raise self._error("a value")
        if _NUMBER.fullmatch(bare[0]):
            return NumberComparison(selector, operator, float(bare[0]))
        return self._with_text(selector, operator, bare[0])

    def _with_text(self, selector: Selector, operator: str, text: str) -> Expression:
        pattern = ".*".join(re.escape(part) for part in text.split("*"))
        return TextComparison(selector, self._is_equality(operator), re.compile(pattern, re.DOTALL), False)

    def _with_regex(self, selector: Selector, operator: str, regex: str) -> Expression:
        if not _REGEX_CHARACTERS.fullmatch(regex):
            raise PatternError(f"%{regex}% has a character that regular expressions must not have")
        try:
            pattern = re.compile(regex)
        except re.error as error:
            raise PatternError(f"%{regex}%: {error}") from error
        return TextComparison(selector, self._is_equality(operator), pattern, True)

    def _is_equality(self, operator: str) -> bool:
        if operator not in ("=", "!="):
            raise self._error(f"a number after {operator}")
        return operator == "="

    def _selector(self) -> Selector:
        self._expect("$")
        start, steps = self._at - 1, list[str | int]()
        while step := _STEP.match(self._text, self._at):
            self._at = step.end()
            steps.append(int(step[3]) if step[3] else step[1] or step[2])
        if not steps:
            raise self._error("a selector")
        return Selector(self._text[start : self._at], tuple(steps))

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self._skip()
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found

    def _take(self, word: str) -> bool:
        self._skip()
        if not self._text.startswith(word, self._at):
            return False
        self._at += len(word)
        return True

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._error(repr(word))

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _error(self, expected: str) -> PatternError:
        return PatternError(f"expected {expected} at character {self._at + 1}")
