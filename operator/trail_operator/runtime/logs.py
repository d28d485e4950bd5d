"""Log lines, as text or JSON: one an action, with the Trail, its generation, and the id that AWS gave the request.

Much in a line was written by somebody else: a user, AWS, whoever sent a request. So control characters are escaped, by
which a line could look like another, and no line comes more often than its rate, by which it could fill the disk.
"""

import json
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger("trail_operator")
# So much of a failure is shown.
_SHOWN = 500
# Longer than any policy that a message prints to be pasted (20 KB at most).
_LONGEST = 32_768

# Of lines from one place in the code about one Trail, and of all lines: so many at once, and so many a second.
_BURST, _A_SECOND = 20, 1.0
_BURST_OF_ALL, _A_SECOND_OF_ALL = 5000, 100.0
_MOST_REMEMBERED = 4096

# Control characters, what else ends a line, and what turns the direction of writing.
_ESCAPES = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}


def configure(log_format: str, level: str) -> None:
    """Send the operator's lines, and the warnings of the libraries it stands on, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONFormatter() if log_format == "json" else _TextFormatter())
    handler.addFilter(RateLimit(time.monotonic))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    # It logs a traceback for each role that can't be assumed; conditions and our own lines tell it in words.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    # It quotes headers that it can't parse: of a garbled answer, they may be its body.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def about(trail: str, **fields: Any) -> dict[str, Any]:
    """The `extra` of a log line: which Trail (namespace/name) it is about, and further fields but empty ones."""
    return {"trail": trail, "fields": {name: value for name, value in fields.items() if value != ""}}


class LastFailure(logging.Handler):
    """Remembers the last exception that a library has logged: what ended it, it may tell nowhere else."""

    def __init__(self, library: str) -> None:
        super().__init__(logging.ERROR)
        self._text = ""
        logging.getLogger(library).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a line."""
        if record.exc_info and record.exc_info[1]:
            self._text = f"{record.getMessage()} ({type(record.exc_info[1]).__name__})"

    def __str__(self) -> str:
        """One line, cut."""
        return ascii(self._text[:_SHOWN])[1:-1] or "no reason was logged"


def escaped(text: str) -> str:
    r"""The text with control characters and the like written out, a line break as `\n`; cut where it is too long."""
    shown = text[:_LONGEST].translate(_ESCAPES)
    return shown if len(text) <= _LONGEST else f"{shown}... ({len(text)} characters)"


class RateLimit(logging.Filter):
    """Leaves out lines that come too often; the next one of their kind says how many were left out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._all = _Budget(_BURST_OF_ALL, _A_SECOND_OF_ALL, clock())
        self._budgets: OrderedDict[tuple[str, int, str], _Budget] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        now = self._clock()
        # By place, not by text: what changes from line to line is for others to choose.
        key = (record.pathname, record.lineno, getattr(record, "trail", ""))
        budget = self._budgets.pop(key, None) or _Budget(_BURST, _A_SECOND, now)
        self._budgets[key] = budget
        if len(self._budgets) > _MOST_REMEMBERED:
            self._budgets.popitem(last=False)
        if not (budget.allows(now) and self._all.allows(now)):
            budget.left_out += 1
            return False
        if budget.left_out:
            record.msg, record.args = f"{record.getMessage()} ({budget.left_out} lines like this were left out)", None
            budget.left_out = 0
        return True


class _Budget:
    """How many lines may come (a token bucket)."""

    def __init__(self, burst: int, a_second: float, now: float) -> None:
        self._burst, self._a_second = float(burst), a_second
        self._left, self._then = self._burst, now
        self.left_out = 0

    def allows(self, now: float) -> bool:
        """Whether a line may come now; it then counts."""
        self._left = min(self._burst, self._left + (now - self._then) * self._a_second)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class _Formatter(logging.Formatter):
    def exception_of(self, record: logging.LogRecord) -> str:
        """The traceback, "" where there is none. Its lines are the only ones that are not escaped."""
        if not record.exc_info:
            return ""
        return "\n".join(map(escaped, self.formatException(record.exc_info).split("\n")))


class _TextFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        trail, fields = getattr(record, "trail", ""), getattr(record, "fields", {})
        if trail and "generation" in fields:
            trail = f"{trail}@{fields['generation']}"
        request = f" (request {fields['requestID']})" if "requestID" in fields else ""
        line = f"{moment}Z {record.levelname:7} {trail + ' ' if trail else ''}{record.getMessage()}{request}"
        # Indented, so that no line of it passes for a log line.
        traceback = self.exception_of(record).replace("\n", "\n    ")
        return f"{escaped(line)}\n    {traceback}" if traceback else escaped(line)


class _JSONFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": escaped(record.getMessage()),
        }
        if trail := getattr(record, "trail", ""):
            entry["trail"] = trail
        entry |= getattr(record, "fields", {})
        if exception := self.exception_of(record):
            entry["exception"] = exception
        entry = {
            name: escaped(value) if isinstance(value, str) and name != "exception" else value
            for name, value in entry.items()
        }
        return json.dumps(entry, default=str)
