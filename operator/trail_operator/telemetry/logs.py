"""Log lines, as text or JSON: one an action, with the Trail, its generation, and the id that AWS gave the request."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger("trail_operator")
# So much of a failure is shown.
_SHOWN = 500


def configure(log_format: str, level: str) -> None:
    """Send the operator's lines, and the warnings of the libraries it stands on, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONFormatter() if log_format == "json" else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    # It logs a traceback for each role that can't be assumed; conditions and our own lines tell it in words.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)


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


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        trail, fields = getattr(record, "trail", ""), getattr(record, "fields", {})
        if trail and "generation" in fields:
            trail = f"{trail}@{fields['generation']}"
        request = f" (request {fields['requestID']})" if "requestID" in fields else ""
        line = f"{moment}Z {record.levelname:7} {trail + ' ' if trail else ''}{record.getMessage()}{request}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if trail := getattr(record, "trail", ""):
            entry["trail"] = trail
        entry |= getattr(record, "fields", {})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)
