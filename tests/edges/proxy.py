"""A man in the middle: a reverse proxy over HTTP or TLS that garbles, drips, cuts, delays or drops what it is asked to.

It stands before the emulated AWS as well as before the API server, and passes streams (watches) on as they come.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from trail_sandbox.kubernetes.pki import KeyPair

_TIMEOUT = 300.0  # of a watch without an event
_PIECE = 65536
# What each end of a connection says for itself.
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Request:
    """What the operator asks."""

    method: str
    path: str
    """With the query."""
    target: str
    """The operation, with AWS's JSON protocol."""
    agent: str
    body: bytes

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.path


@dataclass(frozen=True)
class Twist:
    """What becomes of an answer. Without `status` and `body` they are those of the real one."""

    status: int | None = None
    body: bytes | Callable[[bytes], bytes] | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    done: bool = True
    """Whether the request is passed on at all."""
    seconds: float = 0.0
    """Before the first byte."""
    seconds_a_byte: float = 0.0
    """Before each byte of the body."""
    share: float = 1.0
    """How much of the body is sent before the connection is cut."""
    drops: bool = False
    """Nothing is answered: the connection is cut."""


@dataclass
class Rule:
    """A twist for requests of a kind, so many times."""

    concerns: Callable[[Request], bool]
    twist: Twist
    count: float
    hits: int = 0
    last: float = 0.0
    """When it last came to pass; on the monotonic clock."""


@dataclass
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class _State:
    rules: list[Rule] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    connections: set[socket.socket] = field(default_factory=set)
    asked: list[tuple[float, Request]] = field(default_factory=list)


class Proxy:
    """The proxy, listening until it is closed."""

    def __init__(self, upstream: str, authority: Path | None = None, shows: KeyPair | None = None) -> None:
        """`authority`: what signs the certificate of an https `upstream`; `shows`: the proxy's own certificate."""
        self._state = state = _State()
        where = urlsplit(upstream)
        trusts = ssl.create_default_context(cafile=str(authority)) if authority else None

        def connect() -> HTTPConnection:
            assert where.hostname
            if trusts:
                return HTTPSConnection(where.hostname, where.port, context=trusts, timeout=_TIMEOUT)
            return HTTPConnection(where.hostname, where.port, timeout=_TIMEOUT)

        self._server = _Server(connect, state, shows)
        self.port: int = self._server.server_port
        self.url = f"{'https' if shows else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self.cut()
        self._server.server_close()

    def twist(self, concerns: Callable[[Request], bool], twist: Twist, count: float = float("inf")) -> Rule:
        """Twist the answers to the next `count` requests of a kind."""
        rule = Rule(concerns, twist, count)
        with self._state.lock:
            self._state.rules.append(rule)
        return rule

    def end(self, rule: Rule) -> None:
        """Pass on as it is what a rule has twisted."""
        with self._state.lock:
            if rule in self._state.rules:
                self._state.rules.remove(rule)

    def last(self, concerns: Callable[[Request], bool]) -> float:
        """When a request of a kind was last made."""
        with self._state.lock:
            return max((moment for moment, request in self._state.asked if concerns(request)), default=0.0)

    def cut(self) -> None:
        """Cut all connections: watches begin anew."""
        with self._state.lock:
            connections = list(self._state.connections)
        for connection in connections:
            _shut(connection)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, connect: Callable[[], HTTPConnection], state: _State, shows: KeyPair | None) -> None:
        self.connect = connect
        self.state = state
        self._context: ssl.SSLContext | None = None
        if shows:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(shows.certificate, shows.key)
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = self.socket.accept()
        if self._context:  # the handshake is the thread's: one that is slow holds up no other
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: what the operator hangs up on is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    _upstream: HTTPConnection | None = None

    def setup(self) -> None:
        with self.server.state.lock:
            self.server.state.connections.add(self.request)
        super().setup()

    def finish(self) -> None:
        with self.server.state.lock:
            self.server.state.connections.discard(self.request)
        if self._upstream:
            self._upstream.close()
        super().finish()

    def pass_on(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = self.rfile.read(length) if length else b""
        request = Request(self.command, self.path, target, self.headers.get("User-Agent", ""), body)
        twist = self._twist_for(request)
        if twist is None:
            self._relay(request)
            return
        answer = self._answer(request, twist)
        time.sleep(twist.seconds)
        if twist.drops:
            self._hang_up()
            return
        self._send(answer, twist)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        pass

    def _twist_for(self, request: Request) -> Twist | None:
        now = time.monotonic()
        with self.server.state.lock:
            self.server.state.asked.append((now, request))
            for rule in self.server.state.rules:
                if rule.hits < rule.count and rule.concerns(request):
                    rule.hits += 1
                    rule.last = now
                    return rule.twist
        return None

    def _ask(self, request: Request) -> HTTPResponse:
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP - {"content-length"}
        }
        for is_last in (False, True):
            fresh = self._upstream is None
            self._upstream = upstream = self._upstream or self.server.connect()
            try:
                upstream.request(request.method, request.path, request.body or None, headers)
                return upstream.getresponse()
            except (HTTPException, OSError):  # a connection that was kept may have been closed meanwhile
                upstream.close()
                self._upstream = None
                if fresh or is_last:
                    raise
        raise AssertionError

    def _relay(self, request: Request) -> None:
        answer = self._ask(request)
        sized = answer.headers.get("Content-Length")
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP_BY_HOP - {"content-length"}:
                self.send_header(name, value)
        bodiless = request.method == "HEAD" or answer.status in (204, 304)
        if sized is None and not bodiless:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not bodiless and (piece := answer.read1(_PIECE)):
            self.wfile.write(piece if sized is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
        if sized is None and not bodiless:
            self.wfile.write(b"0\r\n\r\n")
        answer.read()

    def _answer(self, request: Request, twist: Twist) -> _Answer:
        """What is to be sent; of a watch that is passed on, nothing is known."""
        real = _Answer(200, [("Content-Type", twist.content_type)], b"")
        if twist.done and not request.is_watch:
            answer = self._ask(request)
            headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
            real = _Answer(answer.status, headers, answer.read())
        if twist.status is not None or isinstance(twist.body, bytes):
            real.headers = [("Content-Type", twist.content_type)]
        body = twist.body(real.body) if callable(twist.body) else real.body if twist.body is None else twist.body
        status = twist.status or (200 if isinstance(twist.body, bytes) else real.status)
        return _Answer(status, [*real.headers, *twist.headers], body)

    def _send(self, answer: _Answer, twist: Twist) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        body = answer.body[: int(len(answer.body) * twist.share)]
        if twist.seconds_a_byte:
            for place in range(len(body)):
                time.sleep(twist.seconds_a_byte)
                self.wfile.write(body[place : place + 1])
        else:
            self.wfile.write(body)
        if twist.share < 1.0:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        _shut(self.request)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
