"""Every request so far, in order of arrival, until the list is emptied.

Thousands are kept: parameters are kept as JSON text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Call:
    """A request from its arrival; its outcome is added later."""

    sequence: int
    time: str
    account: str | None
    region: str
    service: str
    operation: str
    parameters: str
    caller_arn: str | None
    error: str | None = None
    answered: bool = False

    def describe(self) -> str:
        """Return its entry for GET /_sandbox/calls."""
        entry = {
            "sequence": self.sequence,
            "time": self.time,
            "account": self.account,
            "region": self.region,
            "service": self.service,
            "operation": self.operation,
            "error": self.error,
            "caller": self.caller_arn,
            "answered": self.answered,
        }
        return f'{json.dumps(entry)[:-1]}, "parameters": {self.parameters}}}'


class CallLog:
    """The list of calls. Sequence numbers continue after it is emptied."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._next = 0

    def arrive(
        self,
        *,
        time: str,
        account: str | None,
        region: str,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        caller_arn: str | None,
    ) -> Call:
        """Add a request that has just arrived."""
        text = json.dumps(parameters, separators=(",", ":"), default=str)
        call = Call(self._next, time, account, region, service, operation, text, caller_arn)
        self._calls.append(call)
        self._next += 1
        return call

    def describe(self, since: int, account: str | None = None) -> str:
        """Write, as JSON, the calls (of an account) from a sequence number on, and the number to ask from next time."""
        first = self._calls[0].sequence if self._calls else self._next
        calls = self._calls[max(since - first, 0) :]
        entries = ", ".join(call.describe() for call in calls if account in (None, call.account))
        return f'{{"calls": [{entries}], "next": {self._next}}}'

    def clear(self) -> None:
        """Empty the list."""
        self._calls.clear()
