"""Ends an HTTP call from another thread: a socket's timeout restarts with each byte, so a slow response never ends."""

import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

_this_thread = threading.local()

T = TypeVar("T")


class Exchange:
    """A function that makes HTTP requests, and can be ended while it waits for a response."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self._is_over = False

    def run(self, function: Callable[[], T]) -> T:
        """Call the function in this thread."""
        _this_thread.exchange = self
        try:
            return function()
        finally:
            _this_thread.exchange = None
            with self._lock:
                self._is_over = True

    def end(self) -> None:
        """Close the connection that the function waits for, and prevent further ones."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            if sock := getattr(self._connection, "sock", None):
                try:
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # for TLS, that of the socket below
                except OSError:
                    return  # it was closed already

    def use(self, connection: Any) -> None:
        """Record the connection that the function uses now."""
        with self._lock:
            if self._is_over:
                raise TimeoutError
            self._connection = connection


def _record(connection: Any) -> None:
    """Record a connection for the exchange of this thread, if there is one."""
    exchange: Exchange | None = getattr(_this_thread, "exchange", None)
    if exchange is not None:
        exchange.use(connection)


class _HTTPConnection(AWSHTTPConnection):
    def connect(self) -> None:
        _record(self)
        super().connect()
        _record(self)  # the exchange may have ended when there was no socket yet

    def request(self, *arguments: Any, **more: Any) -> Any:
        _record(self)
        return super().request(*arguments, **more)


class _HTTPSConnection(AWSHTTPSConnection):
    def connect(self) -> None:
        _record(self)
        super().connect()
        _record(self)  # the exchange may have ended when there was no socket yet

    def request(self, *arguments: Any, **more: Any) -> Any:
        _record(self)
        return super().request(*arguments, **more)


# For all clients, including those with which botocore gets credentials.
AWSHTTPConnectionPool.ConnectionCls = _HTTPConnection
AWSHTTPSConnectionPool.ConnectionCls = _HTTPSConnection
