"""A server that shows what was sent to it."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Recorder:
    """Answers every request, and remembers each."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        """Method and path of each, and with AWS the operation."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or body.partition("&")[0]
                outer.requests.append(" ".join([self.command, self.path, *filter(None, [operation])]))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"metadata": {"resourceVersion": "1"}, "items": [], "Trails": []}')

            do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
