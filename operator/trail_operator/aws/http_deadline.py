"""Ends a call over HTTP from another thread: a socket's timeout is for each byte, so a dripping answer outlives it."""

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
    """A function that makes HTTP requests, and may be ended while it waits for an answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self._is_over = False

    def carry(self, function: Callable[[], T]) -> T:
        """Call the function in this thread."""
        _this_thread.exchange = self
        try:
            return function()
        finally:
            _this_thread.exchange = None
            with self._lock:
                self._is_over = True

    def end(self) -> None:
        """Break the connection that the function waits for, and let it open no other."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            if sock := getattr(self._connection, "sock", None):
                try:
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # of TLS, too, what is beneath
                except OSError:
                    return  # it has ended by itself

    def use(self, connection: Any) -> None:
        """Note the connection that the function uses now."""
        with self._lock:
            if self._is_over:
                raise TimeoutError
            self._connection = connection


def _note(connection: Any) -> None:
    """Tell the exchange of this thread, if there is one, that it uses a connection."""
    exchange: Exchange | None = getattr(_this_thread, "exchange", None)
    if exchange is not None:
        exchange.use(connection)


class _HTTPConnection(AWSHTTPConnection):
    def connect(self) -> None:
        _note(self)
        super().connect()

    def request(self, *arguments: Any, **more: Any) -> Any:
        _note(self)
        return super().request(*arguments, **more)


class _HTTPSConnection(AWSHTTPSConnection):
    def connect(self) -> None:
        _note(self)
        super().connect()

    def request(self, *arguments: Any, **more: Any) -> Any:
        _note(self)
        return super().request(*arguments, **more)


# Of all clients, those too by which botocore finds credentials.
AWSHTTPConnectionPool.ConnectionCls = _HTTPConnection
AWSHTTPSConnectionPool.ConnectionCls = _HTTPSConnection
