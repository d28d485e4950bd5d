"""A server that shows what was sent to it."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.local_server import LocalServer

ANSWER: dict[str, Any] = {"metadata": {"resourceVersion": "1"}, "items": [], "Trails": []}
"""Whole for the API server and for AWS."""


class Recorder(LocalServer):
    """Answers every request, and remembers each."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        """Method and path of each, and with AWS the operation."""
        super().__init__()

    def respond(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Remember the request, and give ANSWER."""
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2] or body.decode().partition("&")[0]
        self.requests.append(" ".join([request.command, request.path, *filter(None, [operation])]))
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.end_headers()
        request.wfile.write(json.dumps(ANSWER).encode())
