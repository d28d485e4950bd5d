"""Injected faults: calls that fail, wait or lose their answer."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from trail_sandbox.aws.http import HttpAnswer

When = Literal["before", "after"]
_ANY = "*"


class BadRequest(Exception):  # noqa: N818 - what HTTP calls it
    """An invalid request to the control API, and why."""


@dataclass(eq=False)
class Fault:
    """One fault; calls decrease `skip` and `count`. Without a count it lasts until it is ended."""

    service: str
    operation: str
    error: str | None
    message: str
    when: When
    delay: float
    drop: bool
    skip: int
    count: int | None
    account: str | None
    region: str | None
    answer: HttpAnswer | None = None
    """Sent in place of AWS's answer."""
    _ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def concerns(self, service: str, operation: str, account: str | None, region: str) -> bool:
        """Whether the fault applies to such a call."""
        return (
            self.service in (_ANY, service)
            and self.operation in (_ANY, operation)
            and self.account in (None, account)
            and self.region in (None, region)
        )

    def is_due(self) -> bool:
        """Count a call that the fault applies to; return whether the fault hits it."""
        if self.skip:
            self.skip -= 1
            return False
        return self.count is None or self.count > 0

    async def hold(self) -> None:
        """Delay a call, at most until the fault is ended."""
        if self.delay:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self.delay)

    def end(self) -> None:
        """Release the calls that it delays."""
        self._ended.set()


class Faults:
    """All faults, oldest first: the first that is due hits a call."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._used_up: list[Fault] = []
        """They hit no further call, but may still delay one."""

    def add(self, fault: Fault) -> None:
        """Inject a fault."""
        self._faults.append(fault)

    def clear(self, account: str | None = None) -> None:
        """End all faults, or those of an account; the calls that they delay continue at once."""
        for one in (*self._faults, *self._used_up):
            if account in (None, one.account):
                one.end()
        self._faults = [one for one in self._faults if account not in (None, one.account)]
        self._used_up = [one for one in self._used_up if account not in (None, one.account)]

    def hit(self, service: str, operation: str, account: str | None, region: str) -> Fault | None:
        """Return the fault that hits a call, if any."""
        concerned = [one for one in self._faults if one.concerns(service, operation, account, region)]
        # Each of them counts the call, also when an older one hits it.
        due = [one for one in concerned if one.is_due()]
        if not due:
            return None
        hit = due[0]
        if hit.count is not None:
            hit.count -= 1
            if not hit.count:
                self._faults.remove(hit)
                self._used_up.append(hit)
        return hit


def parse_fault(body: object) -> Fault:
    """Parse the body of POST /_sandbox/faults."""
    if not isinstance(body, dict):
        raise BadRequest("a fault is a JSON object")
    unknown = sorted(body.keys() - _FIELDS.keys())
    if unknown:
        raise BadRequest(f"unknown: {', '.join(unknown)}; a fault has {', '.join(_FIELDS)}")
    given = {name: one for name, one in body.items() if one is not None}
    for name, (what, fits) in _FIELDS.items():
        if name in given and not fits(given[name]):
            raise BadRequest(f"{name} must be {what}, not {given[name]!r}")
    _check_sense(given)
    return Fault(
        service=given["service"],
        operation=given.get("operation", _ANY),
        error=given.get("error"),
        message=given.get("message", "A fault that was asked for."),
        when=given.get("when", "before"),
        delay=float(given.get("delay", 0)),
        drop=given.get("drop", False),
        skip=given.get("skip", 0),
        count=given.get("count"),
        account=given.get("account"),
        region=given.get("region"),
        answer=_answer(given),
    )


def _answer(given: Mapping[str, Any]) -> HttpAnswer | None:
    if not _ANSWER.intersection(given):
        return None
    headers = [("Content-Type", given.get("contentType", "text/html"))]
    return HttpAnswer(given.get("status", 200), headers, given.get("body", "").encode())


def _check_sense(given: Mapping[str, Any]) -> None:
    if "service" not in given:
        raise BadRequest("service is missing: name a service, such as cloudtrail, or *")
    if given.get("error") and given.get("drop"):
        raise BadRequest("error and drop exclude each other: a dropped connection has no answer")
    answers = sorted(_ANSWER.intersection(given))
    if answers and (given.get("error") or given.get("drop")):
        raise BadRequest(f"{', '.join(answers)} and {'error' if given.get('error') else 'drop'} exclude each other")
    if not given.get("error") and not given.get("drop") and not given.get("delay") and not answers:
        raise BadRequest("a fault needs an error, an answer (status, contentType, body), a delay or drop")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_ANSWER = frozenset({"status", "contentType", "body"})
_FIELDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "service": ("the name of a service, or *", _is_text),
    "operation": ("the name of an operation, or *", _is_text),
    "error": ("the code of an error", _is_text),
    "message": ("text", lambda value: isinstance(value, str)),
    "status": ("an HTTP status from 200 to 599", lambda value: _is_count(value) and 200 <= int(str(value)) <= 599),
    "contentType": ("a media type", lambda value: _is_text(value) and str(value).isprintable()),
    "body": ("text", lambda value: isinstance(value, str)),
    "when": ("before or after", lambda value: value in ("before", "after")),
    "delay": ("a number of seconds", _is_number),
    "drop": ("true or false", lambda value: isinstance(value, bool)),
    "skip": ("a number of calls", _is_count),
    "count": ("a number of calls, at least 1", lambda value: _is_count(value) and value != 0),
    "account": ("12 digits", lambda value: isinstance(value, str) and len(value) == 12 and value.isdigit()),
    "region": ("the name of a region", _is_text),
}
