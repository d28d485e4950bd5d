"""What is an answer of the API server, and what is none: by the HTTP client, from a server that answers anything."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException

from tests.local_server import LocalServer
from tests.unit.test_metrics import state
from trail_operator.kube.answers import OddAnswerError
from trail_operator.kube.client import AWS_ACCOUNTS, NAMESPACES, TRAILS, Key, KubeClient
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.leader_election import LeaderElector
from trail_operator.kube.route import in_pod
from trail_operator.runtime.clock import Clock

KEY = Key("team", "audit")
ACCOUNT = Key("", "audit")
Answer = tuple[int, str, bytes]


class Server(LocalServer):
    """Answers everything with `answer`: status, content type and body."""

    answer: Answer = (200, "application/json", b"{}")

    def respond(self, request: BaseHTTPRequestHandler, _: bytes) -> None:
        status, content_type, body = self.answer
        request.send_response(status)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    result = Server()
    yield result
    result.close()


def made(name: str = "audit", namespace: str | None = "team", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": "1", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {}), **more}, "spec": {}}


def status(code: int, reason: str, **details: str) -> Answer:
    body = {"kind": "Status", "code": code, "reason": reason, "message": "in its own words", "details": details}
    return code, "application/json", json.dumps(body).encode()


def whole(body: object) -> Answer:
    return 200, "application/json", json.dumps(body).encode()


Ask = Callable[[KubeClient], Awaitable[object]]


def results(server: Server, asks: Iterable[Ask], answer: Answer) -> list[object]:
    """What becomes of each request: its result, or the error."""
    server.answer = answer

    async def scenario() -> list[object]:
        configuration = Configuration()
        configuration.host = server.url
        connection = ApiConnection(ApiClient(configuration), in_pod())
        kubernetes = KubeClient(connection, "pod_1", lambda: None)
        try:
            return await asyncio.gather(*(ask(kubernetes) for ask in asks), return_exceptions=True)
        finally:
            await connection.close()

    return asyncio.run(scenario())


BODY = {**state().body, "metadata": {**state().body["metadata"], "uid": "1"}}
OBJECTS: dict[str, Ask] = {
    "get": lambda kubernetes: kubernetes.get(TRAILS, KEY),
    "status": lambda kubernetes: kubernetes.patch_status(TRAILS, KEY, {}),
    "finalizers": lambda kubernetes: kubernetes.patch_finalizers(TRAILS, KEY, [], "1"),
    "event again": lambda kubernetes: kubernetes.repeat_event("/apis/events.k8s.io/v1/namespaces/team/events/audit", 2),
}
OF_CLUSTER: dict[str, Ask] = {
    "account status": lambda kubernetes: kubernetes.patch_status(AWS_ACCOUNTS, ACCOUNT, {}),
    "account finalizers": lambda kubernetes: kubernetes.patch_finalizers(AWS_ACCOUNTS, ACCOUNT, [], "1"),
}
LISTS: dict[str, Ask] = {
    "trails": lambda kubernetes: kubernetes.list_objects(TRAILS),
    "trails of namespaces": lambda kubernetes: kubernetes.list_objects(TRAILS, ["team", "other"]),
    "accounts": lambda kubernetes: kubernetes.list_objects(AWS_ACCOUNTS),
    "account": lambda kubernetes: kubernetes.find(AWS_ACCOUNTS, ACCOUNT),
    "namespaces": lambda kubernetes: kubernetes.list_objects(NAMESPACES),
}
OTHERS: dict[str, Ask] = {
    "uid": lambda kubernetes: kubernetes.namespace_uid("kube-system"),
    "event": lambda kubernetes: kubernetes.write_event(BODY, "Normal", "Created", "CreateTrail", "made"),
    "lease": lambda kubernetes: LeaderElector(kubernetes._connection, "team", "audit", "me", Clock()).read(),
}
ALL = OBJECTS | OF_CLUSTER | LISTS | OTHERS
ODD: dict[str, Answer] = {
    "html": (200, "text/html", b"<html>welcome</html>"),
    "nothing": (200, "application/json", b""),
    "no content": (204, "application/json", b""),
    "half": (200, "application/json", b'{"metadata": {"na'),
    "no text": (200, "application/json", b"\xff\xfe\x00{"),
    "empty object": whole({}),
    "list": whole([]),
    "null": whole(None),
    "text": whole("audit"),
    "success": whole({"kind": "Status", "status": "Success"}),
    "other object": whole(made("other")),
    "other namespace": whole(made(namespace="other", name="other")),
    "no uid": whole({"metadata": {**made()["metadata"], "uid": None}}),
    "no version": whole({"metadata": {**made()["metadata"], "resourceVersion": ""}}),
    "metadata is text": whole({"metadata": "audit"}),
    "null items": whole({"kind": "TrailList", "metadata": {"resourceVersion": "1"}, "items": None}),
    "items without metadata": whole({"metadata": {"resourceVersion": "1"}, "items": [{}]}),
    "items without version": whole({"metadata": {}, "items": []}),
    "first page": whole({"metadata": {"resourceVersion": "1", "continue": "x"}, "items": []}),
    "404 html": (404, "text/html", b"default backend - 404"),
    "404 plain": (404, "text/plain", b"404 page not found\n"),
    "404 empty object": (404, "application/json", b"{}"),
    "404 of another kind": (404, "application/json", b'{"kind": "Error", "reason": "NotFound"}'),
    "403 html": (403, "text/html", b"<html>log in</html>"),
    "409 html": (409, "text/html", b"<html>"),
    "500 html": (500, "text/html", b"<html>"),
    "503 nothing": (503, "text/plain", b""),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_an_odd_answer_is_none(server: Server, answer: Answer) -> None:
    for what, result in zip(ALL, results(server, ALL.values(), answer), strict=True):
        assert isinstance(result, OddAnswerError), what


def test_an_object_is_gone_only_where_the_api_server_says_so_of_it(server: Server) -> None:
    asks = (OBJECTS | OF_CLUSTER).values()
    assert not any(results(server, asks, status(404, "NotFound", name="audit", kind="trails")))
    for other in (
        status(404, "NotFound"),  # "the server could not find the requested resource": it serves no such kind
        status(404, "NotFound", name="team", kind="namespaces"),
        status(404, "Unknown", name="audit"),
        status(410, "Gone", name="audit"),
    ):
        assert all(isinstance(result, ApiException) for result in results(server, asks, other))


def test_an_error_of_the_api_server_is_told_in_its_own_words(server: Server) -> None:
    for error in results(server, ALL.values(), status(403, "Forbidden", name="audit")):
        assert isinstance(error, ApiException)
        assert (error.status, error.reason) == (403, "in its own words")


def test_whole_answers_are_used(server: Server) -> None:
    assert all(result for result in results(server, OBJECTS.values(), whole(made())))
    assert results(server, OF_CLUSTER.values(), whole(made(namespace=None))) == [made(namespace=None)] * 2
    *lists, account, namespaces = results(
        server, LISTS.values(), whole({"metadata": {"resourceVersion": "1"}, "items": [made()]})
    )
    assert [lists, account, namespaces] == [[[made()], [made()] * 2, [made()]], made(), [made()]]


def test_what_came_instead_is_shown_short_and_without_control_characters(server: Server) -> None:
    answer = (200, "text/html", b"<html>\x1b[31m\nForged line " + b"x" * 1000)
    (error,) = results(server, [OBJECTS["get"]], answer)
    assert isinstance(error, OddAnswerError)
    assert str(error).isprintable()
    assert len(str(error)) < 200


def test_a_proxy_that_echoes_the_request_gives_no_token_away(server: Server) -> None:
    echo = b"GET /apis HTTP/1.1\r\nAuthorization: Bearer secret-token\r\n\r\n"
    for answer in ((400, "text/plain", echo), (200, "text/html", b"<pre>" + echo), (200, "application/json", b'"x"')):
        (error,) = results(server, [OBJECTS["get"]], answer)
        assert isinstance(error, OddAnswerError)
        assert "secret-token" not in str(error)
