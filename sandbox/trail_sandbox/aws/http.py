"""A request and an answer of HTTP, whatever server they pass through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

INVOKED_BY = "x-sandbox-invoked-by"
"""The header that names the service which makes a request for its caller, such as cloudformation.amazonaws.com."""


@dataclass(frozen=True)
class HttpRequest:
    """A request with all of its body."""

    method: str
    path: str
    """As it was sent, with its percent-encoding and without the query."""
    query: str
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes
    source_ip: str
    header_names: Sequence[str] = ()
    """As they were sent: S3's metadata keys may hold underscores."""
    is_gone: Callable[[], bool] = lambda: False
    """Whether the client no longer waits for an answer."""


@dataclass(frozen=True)
class HttpAnswer:
    """An answer."""

    status: int
    headers: Sequence[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
