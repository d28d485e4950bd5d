"""An HTTP proxy on loopback: it tunnels to one server, whatever name it is asked for, and remembers for what it was."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread


class Proxy:
    """Answers CONNECT, and requests for http URLs."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.asked: list[str] = []
        """The host and port of each CONNECT, and the URL of each other request."""
        self.heads: list[bytes] = []
        """All headers that were sent to the proxy itself."""
        self.refuses = ""
        """What it answers instead, such as "502 Bad Gateway"; tunnels that are open then end."""
        self._to = to
        self._tunnels: set[socket.socket] = set()
        outer = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                outer.serve(self)

        class Server(ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def refuse(self, answer: str) -> None:
        """Tunnel no more: "502 Bad Gateway". "" to tunnel again."""
        self.refuses = answer
        for tunnel in list(self._tunnels) if answer else ():
            with suppress(OSError):
                tunnel.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.refuse("503 Gone")
        self._server.shutdown()
        self._server.server_close()

    def serve(self, client: StreamRequestHandler) -> None:
        request = client.rfile.readline()
        head = b""
        while (line := client.rfile.readline()) not in (b"\r\n", b""):
            head += line
        if not request:
            return
        method, target, _ = request.decode().split(" ", 2)
        self.asked.append(target)
        self.heads += [head] if method == "CONNECT" else []
        if self.refuses:
            client.wfile.write(f"HTTP/1.1 {self.refuses}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        with socket.create_connection(self._to) as server:
            if method == "CONNECT":
                client.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(request + head + b"\r\n")
            self._tunnels |= {client.connection, server}
            back = Thread(target=_copy, args=(server, client.connection), daemon=True)
            back.start()
            with suppress(OSError, ValueError):
                while data := client.rfile.read1(65536):  # what was read ahead comes first
                    server.sendall(data)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join()
            self._tunnels -= {client.connection, server}


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxying(host: str, port: int) -> Iterator[Proxy]:
    """A proxy to a server."""
    proxy = Proxy((host, port))
    try:
        yield proxy
    finally:
        proxy.close()
