"""The informer of a kind that the cluster may not have. No API server: the client's answers are scripted."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import pytest
from kubernetes.aio.client.exceptions import ApiException

from tests.refusals import refused
from trail_operator.kube.answers import OddAnswerError
from trail_operator.kube.client import ALARM_SETS, Resource
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.informer import Informer, OptionalKind
from trail_operator.kube.watch_client import ObjectList, WatchClient
from trail_operator.runtime.clock import Clock

NOT_SERVED = OddAnswerError("404 with text of 19 bytes, not from the API server", 404)
FORBIDDEN = refused(403, "Forbidden")


def body(name: str, version: int = 1) -> dict[str, Any]:
    created = "2026-01-01T00:00:00Z"
    metadata = {"namespace": "default", "name": name, "uid": name, "creationTimestamp": created}
    return {"metadata": {**metadata, "resourceVersion": str(version), "generation": version}}


class Cluster:
    """Answers lists, watches and discovery, and records what the informer passes on, waits for and says."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.error: Exception | None = None
        self.served = True
        self.version = 1
        self.watched_from: list[tuple[str, str]] = []
        self.events: asyncio.Queue[dict[str, Any] | Exception | None] = asyncio.Queue()
        """What the watch says next: an event, an error, or None for its end."""
        self.known: dict[str, int] = {}
        """What the handler has been given, by name and generation."""
        self.starts = 0
        self.missed: object | None = None
        self.available: list[bool] = []
        self.waits: list[float] = []
        self.lists = 0

    async def list_objects(self, _: Resource, namespace: str = "") -> ObjectList:  # noqa: ARG002
        self.lists += 1
        if self.error:
            raise self.error
        return ObjectList(list(self.objects.values()), str(self.version))

    async def is_served(self, _: Resource) -> bool:
        return self.served

    async def watch(self, _: Resource, namespace: str, version: str) -> AsyncGenerator[dict[str, Any]]:
        self.watched_from.append((namespace, version))
        while (event := await self.events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def start(self, _: list[dict[str, Any]]) -> None:
        self.starts += 1

    def on_update(self, body: dict[str, Any]) -> None:
        if body["metadata"]["name"] == "odd":
            raise ValueError("odd")
        self.known[body["metadata"]["name"]] = body["metadata"]["generation"]

    def on_delete(self, body: dict[str, Any]) -> None:
        del self.known[body["metadata"]["name"]]

    def on_list(self, bodies: list[dict[str, Any]], _: float) -> object | None:
        names = {body["metadata"]["name"] for body in bodies}
        self.known = {name: known for name, known in self.known.items() if name in names}
        return self.missed

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


Scenario = Callable[[Cluster, Informer], Awaitable[None]]


def run(scenario: Scenario, *namespaces: str) -> Cluster:
    cluster = Cluster()

    async def main() -> None:
        kind = OptionalKind("TrailAlarmSet", ALARM_SETS, namespaces)
        clock = Clock(sleep=cluster.sleep, random=lambda: 1.0)
        informer = Informer(cast(WatchClient, cluster), kind, cluster, cluster.available.append, clock)
        task = asyncio.create_task(informer.run())
        await settle()
        await scenario(cluster, informer)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    return cluster


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def test_events_of_the_watch_are_passed_on() -> None:
    async def scenario(cluster: Cluster, _: Informer) -> None:
        for kind, name, version in (("ADDED", "a", 2), ("ADDED", "b", 3), ("MODIFIED", "a", 4), ("DELETED", "b", 5)):
            await cluster.events.put({"type": kind, "object": body(name, version)})
        await settle()
        assert cluster.known == {"a": 4}
        await cluster.events.put({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})
        await cluster.events.put(None)
        await settle()
        assert cluster.watched_from == [("", "1"), ("", "9")], "it continues where it ended"
        assert (cluster.lists, cluster.starts, cluster.available) == (1, 1, [True])

    run(scenario)


def test_an_odd_object_does_not_block_others(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(cluster: Cluster, _: Informer) -> None:
        for event in (body("odd", 2), {"metadata": {"name": "malformed"}}, body("a", 3)):
            await cluster.events.put({"type": "ADDED", "object": event})
        await settle()
        assert cluster.known == {"a": 3}

    run(scenario)
    assert "failed to handle a TrailAlarmSet" in caplog.text
    assert "its object is malformed" in caplog.text


@pytest.mark.parametrize(
    ("error", "served", "cause"),
    [
        (NOT_SERVED, False, "apply its CustomResourceDefinition"),
        (FORBIDDEN, False, "apply its CustomResourceDefinition"),
        (FORBIDDEN, True, "the service account lacks permission"),
    ],
)
def test_a_missing_kind_is_said_once_and_picked_up_when_it_appears(
    error: Exception, served: bool, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(cluster: Cluster, _: Informer) -> None:
        cluster.error, cluster.served, cluster.objects = error, served, {"a": body("a")}
        await cluster.events.put(OddAnswerError("the watch ended"))
        await settle()
        assert cluster.known == {}, "its objects must not be acted on"
        assert cluster.waits[1:] == [30.0] * len(cluster.waits[1:])
        assert len(cluster.waits) > 3
        cluster.error, cluster.served = None, True
        await settle()
        assert cluster.known == {"a": 1}
        assert (cluster.starts, cluster.available) == (1, [True, False, True])

    with caplog.at_level(logging.INFO):
        run(scenario)
    lines = [record.message for record in caplog.records]
    assert [cause in line for line in lines] == [False, True, False], lines
    assert lines[0] == "watching TrailAlarmSets in all namespaces; 0 found"
    assert lines[-1] == "watching TrailAlarmSets in all namespaces; 1 found"


def test_a_kind_that_is_missing_at_the_start_starts_when_it_appears(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster()
    cluster.error, cluster.served = NOT_SERVED, False

    async def main() -> None:
        kind = OptionalKind("TrailAlarmSet", ALARM_SETS, ("team-a", "team-b"))
        informer = Informer(
            cast(WatchClient, cluster), kind, cluster, cluster.available.append, Clock(sleep=cluster.sleep)
        )
        task = asyncio.create_task(informer.run())
        await settle()
        assert (cluster.starts, cluster.available) == (0, [False])
        await informer.check()
        cluster.error = None
        await settle()
        assert (cluster.starts, cluster.available) == (1, [False, True])
        assert cluster.watched_from == [("team-a", "1"), ("team-b", "1")]
        task.cancel()

    asyncio.run(main())
    assert caplog.text.count("TrailAlarmSets are not handled") == 1


@pytest.mark.parametrize("error", [NOT_SERVED, refused(404, "NotFound"), refused(500, "InternalError"), TimeoutError()])
def test_an_answer_that_proves_nothing_forgets_no_object(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(cluster: Cluster, _: Informer) -> None:
        await cluster.events.put({"type": "ADDED", "object": body("a", 2)})
        await settle()
        cluster.error = error
        await cluster.events.put(TimeoutError())
        await settle()
        assert cluster.known == {"a": 2}
        assert cluster.waits[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
        assert cluster.available == [True]

    run(scenario)
    assert caplog.text.count("failed to watch TrailAlarmSets") == 1


def test_a_version_that_is_too_old_leads_to_a_new_list(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(cluster: Cluster, _: Informer) -> None:
        await cluster.events.put({"type": "ADDED", "object": body("gone", 2)})
        await settle()
        cluster.objects, cluster.version = {"new": body("new", 7)}, 8
        await cluster.events.put(ApiException(status=410, reason="Expired"))
        await settle()
        assert cluster.known == {"new": 7}
        assert cluster.watched_from == [("", "1"), ("", "8")]

    run(scenario)
    assert "failed" not in caplog.text


def test_a_list_that_shows_what_the_watch_missed_starts_it_again() -> None:
    async def scenario(cluster: Cluster, informer: Informer) -> None:
        await informer.check()
        await settle()
        assert cluster.watched_from == [("", "1")]
        cluster.missed = "default/a"
        await informer.check()
        cluster.missed = None
        await settle()
        assert cluster.watched_from == [("", "1"), ("", "1")]

    run(scenario)


def test_a_watch_that_ends_at_once_is_not_repeated_in_a_loop() -> None:
    async def scenario(cluster: Cluster, _: Informer) -> None:
        for _number in range(3):
            await cluster.events.put(None)
        await settle()
        assert cluster.waits == [1.0, 1.0, 1.0]
        assert cluster.lists == 1

    run(scenario)


class Connection:
    """A connection that answers with what is given."""

    def __init__(self, answer: dict[str, Any] | None = None, *lines: bytes) -> None:
        self.answer = answer or {}
        self.asked: list[str] = []
        self._lines = lines

    async def request(self, _: str, path: str) -> dict[str, Any]:
        self.asked.append(path)
        return self.answer

    async def lines(self, path: str, _: float) -> AsyncGenerator[bytes]:
        self.asked.append(path)
        for line in self._lines:
            yield line


def client(connection: Connection) -> WatchClient:
    return WatchClient(cast(ApiConnection, connection))


def test_discovery_says_whether_a_version_is_served() -> None:
    for versions, expected in ((["v1beta1"], False), (["v1beta1", "v1alpha1"], True)):
        connection = Connection({"kind": "APIGroup", "versions": [{"version": version} for version in versions]})
        assert asyncio.run(client(connection).is_served(ALARM_SETS)) is expected
        assert connection.asked == ["/apis/trail-operator.dev"]
    with pytest.raises(OddAnswerError):
        asyncio.run(client(Connection({"kind": "Status"})).is_served(ALARM_SETS))


@pytest.mark.parametrize(
    ("line", "raised"),
    [
        (json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old"}}).encode(), ApiException),
        (b"<html>", OddAnswerError),
        (b'{"type": "ADDED"}', OddAnswerError),
    ],
)
def test_a_watch_that_says_something_else_than_events_ends(line: bytes, raised: type[Exception]) -> None:
    event = {"type": "ADDED", "object": body("a")}
    connection = Connection(None, json.dumps(event).encode(), line)
    found: list[dict[str, Any]] = []

    async def watch() -> None:
        async for one in client(connection).watch(ALARM_SETS, "team", "7"):
            found.append(one)  # noqa: PERF401 - not in one step: an error ends it

    with pytest.raises(raised):
        asyncio.run(watch())
    assert found == [event]
    assert connection.asked == [
        "/apis/trail-operator.dev/v1alpha1/namespaces/team/trailalarmsets"
        "?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300"
    ]
