"""Log lines, as text or JSON: one per action, with the Trail, its generation, and the request id of AWS.

Parts of a line come from others: users, AWS, clients of the endpoints. So control characters are escaped, because they
could forge lines, and lines are rate-limited, because they could fill the disk.
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
# Characters of a failure that are shown.
_MAX_FAILURE = 500
# Characters of a line. More than any policy in a message, which has at most 20 KB.
_MAX_LINE = 32_768

# Lines at once and lines per second: from one place in the code about one Trail, and in total.
_BURST, _PER_SECOND = 20, 1.0
_TOTAL_BURST, _TOTAL_PER_SECOND = 5000, 100.0
_MAX_BUCKETS = 4096

# Control characters, other line breaks, and characters that change the direction of writing.
_ESCAPES = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}


def configure(log_format: str, level: str) -> None:
    """Log the operator's lines, and the warnings of libraries, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONFormatter() if log_format == "json" else _TextFormatter())
    handler.addFilter(RateLimit(time.monotonic))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    # Logs a traceback for each role that cannot be assumed, which conditions and the operator's own lines report.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    # Quotes headers that it cannot parse, which may be the body of a malformed response.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def about(trail: str, **fields: Any) -> dict[str, Any]:
    """Return the `extra` of a log line: the Trail (namespace/name) that it is about, and other fields if not empty."""
    return {"trail": trail, "fields": {name: value for name, value in fields.items() if value != ""}}


class LastFailure(logging.Handler):
    """Remembers the last exception that a library has logged, which may be the only report of why it ended."""

    def __init__(self, library: str) -> None:
        super().__init__(logging.ERROR)
        self._text = ""
        logging.getLogger(library).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the exception of a record."""
        if record.exc_info and record.exc_info[1]:
            self._text = f"{record.getMessage()} ({type(record.exc_info[1]).__name__})"

    def __str__(self) -> str:
        """The exception in one line, truncated."""
        return ascii(self._text[:_MAX_FAILURE])[1:-1] or "no reason was logged"


def escaped(text: str) -> str:
    r"""Return the text with control characters escaped, a line break as `\n`, and truncated if it is too long."""
    shown = text[:_MAX_LINE].translate(_ESCAPES)
    return shown if len(text) <= _MAX_LINE else f"{shown}... ({len(text)} characters)"


class RateLimit(logging.Filter):
    """Drops lines that come too often. The next line from the same place says how many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._total = _TokenBucket(_TOTAL_BURST, _TOTAL_PER_SECOND, clock())
        self._buckets: OrderedDict[tuple[str, int, str], _TokenBucket] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write the line."""
        now = self._clock()
        # By place, not by text, which others can vary.
        key = (record.pathname, record.lineno, getattr(record, "trail", ""))
        bucket = self._buckets.pop(key, None) or _TokenBucket(_BURST, _PER_SECOND, now)
        self._buckets[key] = bucket
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        if not (bucket.take(now) and self._total.take(now)):
            bucket.dropped += 1
            return False
        if bucket.dropped:
            record.msg, record.args = f"{record.getMessage()} ({bucket.dropped} similar lines were dropped)", None
            bucket.dropped = 0
        return True


class _TokenBucket:
    """Limits a rate: a token bucket that starts full."""

    def __init__(self, burst: int, per_second: float, now: float) -> None:
        self._burst, self._per_second = float(burst), per_second
        self._tokens, self._updated = self._burst, now
        self.dropped = 0

    def take(self, now: float) -> bool:
        """Take a token, if there is one; return whether there was."""
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._per_second)
        self._updated = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Formatter(logging.Formatter):
    def exception_of(self, record: logging.LogRecord) -> str:
        """Return the traceback, or "". Its line breaks are the only ones that are not escaped."""
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
        # Indented, so that it cannot look like another log line.
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
