"""Thousands of objects that want something of the API server at once: it is asked a few things at a time."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from kubernetes.aio.client import ApiClient, Configuration

from tests.local_server import LocalServer
from tests.patience import seconds
from trail_operator.kube.client import TRAILS, Key, KubeClient
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.leader_election import LeaderElector
from trail_operator.kube.route import in_pod
from trail_operator.runtime.clock import Clock

MANY = 150
METADATA = {"namespace": "team", "uid": "1", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}


class Server(LocalServer):
    """Answers nothing but questions about Leases, until it is `released`."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked = 0
        self._lock = threading.Lock()
        super().__init__()

    def respond(self, request: BaseHTTPRequestHandler, _: bytes) -> None:
        if "/leases/" not in request.path:
            with self._lock:
                self.asked += 1
            self.released.wait()
        metadata = METADATA | {"name": request.path.rpartition("/")[2]}
        body = json.dumps({"metadata": metadata}).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    result = Server()
    yield result
    result.released.set()
    result.close()


def test_the_lease_is_read_though_the_api_server_answers_nothing_else(server: Server) -> None:
    async def scenario() -> None:
        configuration = Configuration()
        configuration.host = server.url
        connection = ApiConnection(ApiClient(configuration), in_pod())
        kubernetes = KubeClient(connection, "pod_1", lambda: None)
        reads = [asyncio.create_task(kubernetes.get(TRAILS, Key("team", f"t-{number}"))) for number in range(MANY)]
        await asyncio.sleep(0)
        lease = LeaderElector(connection, "team", "lease", "me", Clock())
        async with asyncio.timeout(seconds(4.0)):
            assert await lease.read()
        assert server.asked <= MANY / 2
        server.released.set()
        found = await asyncio.gather(*reads)
        assert [body["metadata"]["name"] for body in found if body] == [f"t-{number}" for number in range(MANY)]
        await connection.close()

    asyncio.run(scenario())
