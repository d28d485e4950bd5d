"""What commands ask of the API server: reads and dry runs only, and what becomes of its refusals."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import ServerDisconnectedError
from yarl import URL

from tests.refusals import not_found, refused
from trail_operator.domain.object_plan import Admission, Answer
from trail_operator.kube.answers import OddAnswerError
from trail_operator.kube.connection import ApiConnection
from trail_operator.preview.cluster import ClusterError, ClusterReader
from trail_operator.preview.cluster_objects import ClusterObjects
from trail_operator.preview.manifests import Manifest, Manifests

ROOT = "/apis/trail-operator.dev/v1beta1"
FORBIDDEN = refused(403, "Forbidden", "not allowed")


class Server:
    """Answers what a test says, by method and path without the query."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.requests: list[tuple[str, str]] = []
        self.body: dict[str, Any] | None = None
        self.busy = 0
        """How many requests are answered 429 first."""

    async def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        assert method == "GET" or "dryRun=All" in path, f"{method} {path} writes"
        self.requests.append((method, path))
        self.body = body
        self.busy -= 1
        if self.busy >= 0:
            raise refused(429, "TooManyRequests", "storage is (re)initializing")
        plural = path.partition("?")[0].rsplit("/", 1)[-1]
        answer = self.answers.get(plural, FORBIDDEN)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, dict) else {"metadata": {"resourceVersion": "1"}, "items": answer}


def stored(name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": "1", "resourceVersion": "7", "creationTimestamp": "2026-03-04T05:06:07Z"}
    return {"metadata": {**metadata, **({"namespace": namespace} if namespace else {})}, **more}


MANIFEST = Manifest("it", {"kind": "Trail", "metadata": {"name": "audit", "namespace": "team-a"}, "spec": {"a": 1}})


def reader(server: Server) -> ClusterReader:
    return ClusterReader(cast(ApiConnection, server))


def objects(server: Server) -> ClusterObjects:
    return asyncio.run(reader(server).objects(Manifests((MANIFEST,), ()), ["prod"]))


def test_all_objects_are_listed() -> None:
    server = Server(trails=[stored("audit", "team-a")], awsaccounts=[stored("prod")], namespaces=[stored("team-a")])
    found = objects(server)
    assert [list(bodies or ()) for bodies in (found.trails, found.accounts, found.namespaces)] == [
        ["team-a/audit"],
        ["prod"],
        ["team-a"],
    ]
    assert found.unread == ()
    assert {method for method, _ in server.requests} == {"GET"}


def test_what_manifests_name_is_read_where_a_list_is_forbidden() -> None:
    found = objects(Server(audit=not_found("audit"), prod=stored("prod"), **{"team-a": stored("team-a")}))
    assert (found.trails, list(found.accounts or ()), list(found.namespaces or ())) == ({}, ["prod"], ["team-a"])
    assert len(found.unread) == 3


def test_what_does_not_answer_is_unknown() -> None:
    found = objects(Server(trails=ServerDisconnectedError(), awsaccounts=[], namespaces=[]))
    assert (found.trails, found.accounts, found.namespaces) == (None, {}, {})
    assert "The trails of the cluster were not read: the API server does not answer" in found.unread[0]
    found = objects(Server(trails=OddAnswerError("404 with text", 404), awsaccounts=[], namespaces=[]))
    assert found.trails is None
    assert "its CustomResourceDefinition is missing" in found.unread[0]


ALARM_SET = Manifest(
    "it",
    {
        "kind": "TrailAlarmSet",
        "metadata": {"name": "cis", "namespace": "team-a"},
        "spec": {"trailRef": {"name": "audit"}},
    },
)


def test_alarm_sets_are_listed_only_if_they_are_planned() -> None:
    server = Server(trails=[], awsaccounts=[], namespaces=[], trailalarmsets=[stored("cis", "team-a")])
    assert objects(server).alarm_sets == {}
    of_sets = asyncio.run(reader(server).objects(Manifests((), (), (ALARM_SET,)), []))
    everything = asyncio.run(reader(server).objects(Manifests((), ()), []))
    assert list(of_sets.alarm_sets or ()) == list(everything.alarm_sets or ()) == ["team-a/cis"]


def test_the_trail_and_account_of_an_alarm_set_are_read_where_lists_are_forbidden() -> None:
    trail = stored("audit", "team-a", spec={"accountRef": {"name": "prod"}})
    cis = stored("cis", "team-a", status={"accountName": "former"})
    server = Server(audit=trail, cis=cis, prod=stored("prod"), former=stored("former"))
    found = asyncio.run(reader(server).objects(Manifests((), (), (ALARM_SET,)), []))
    assert found.trails == {"team-a/audit": trail}
    assert found.alarm_sets == {"team-a/cis": cis}
    assert set(found.accounts or ()) == {"prod", "former"}


def test_a_cluster_without_the_kind_is_said() -> None:
    missing = OddAnswerError("404 with text", 404)
    server = Server(trails=[], awsaccounts=[], namespaces=[], trailalarmsets=missing)
    found = asyncio.run(reader(server).objects(Manifests((), (), (ALARM_SET,)), []))
    assert found.alarm_sets is None
    assert "The trailalarmsets of the cluster were not read" in found.unread[0]
    assert "its CustomResourceDefinition is missing" in found.unread[0]


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (None, Answer.ACCEPTED),
        (refused(422, "Invalid", "spec.region is immutable"), Answer.REJECTED),
        (refused(400, "BadRequest", 'admission webhook "x" denied the request: no'), Answer.REJECTED),
        (refused(400, "BadRequest", 'strict decoding error: unknown field "metadata.x"'), Answer.REJECTED),
        (FORBIDDEN, Answer.UNCHECKED),
        (refused(404, "NotFound", 'namespaces "team-a" not found'), Answer.UNCHECKED),
        (refused(400, "BadRequest", 'admission webhook "x" does not support dry run'), Answer.UNCHECKED),
        (refused(409, "Conflict", "the object has been modified"), Answer.UNCHECKED),
        (refused(500, "InternalError", "failed calling webhook"), Answer.UNCHECKED),
        (ServerDisconnectedError(), Answer.UNCHECKED),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_admission_is_decided_only_by_an_answer_about_the_manifest(
    error: Exception | None, answer: Answer, exists: bool
) -> None:
    server = Server(trails=error or {}, audit=error or {})
    live = stored("audit", "team-a", spec={"a": 0}, status={"arn": "x"}) if exists else None
    found: Admission = asyncio.run(reader(server).admission(MANIFEST, live))
    assert found.answer is answer
    assert bool(found.message) is (error is not None)
    [(method, path)] = server.requests
    assert (method, path.partition("?")[0]) == (
        ("PUT", f"{ROOT}/namespaces/team-a/trails/audit") if exists else ("POST", f"{ROOT}/namespaces/team-a/trails")
    )
    assert server.body is not None
    assert server.body["spec"] == {"a": 1}
    assert not exists or server.body["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize(("busy", "answer"), [(4, Answer.ACCEPTED), (5, Answer.UNCHECKED)])
def test_a_busy_api_server_is_asked_again(monkeypatch: pytest.MonkeyPatch, busy: int, answer: Answer) -> None:
    monkeypatch.setattr("trail_operator.preview.cluster._SECONDS_BETWEEN_ATTEMPTS", 0.0)
    server = Server(trails={})
    server.busy = busy
    assert asyncio.run(reader(server).admission(MANIFEST, None)).answer is answer
    assert len(server.requests) == 5


def test_a_name_is_one_segment_of_a_path() -> None:
    server = Server()
    hostile = "../../../../api/v1/namespaces/x/services/y/proxy"
    manifest = Manifest("it", {"kind": "Trail", "metadata": {"name": hostile, "namespace": hostile}, "spec": {}})
    asyncio.run(reader(server).objects(Manifests((manifest,), ()), [hostile]))
    asyncio.run(reader(server).admission(manifest, None))
    paths = [URL(f"https://server{path}").raw_path for _, path in server.requests]
    assert all(path.startswith((ROOT, "/api/v1/namespaces")) for path in paths)
    assert len([path for path in paths if path.endswith("%2Fproxy") or "%2Fproxy/" in path]) == 4
    assert not [path for path in paths if "/proxy" in path]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_settings_are_those_of_one_config_map(count: int) -> None:
    maps = [stored(f"settings-{number}", "operators", data={"region": "eu-west-1"}) for number in range(count)]
    published = reader(Server(configmaps=maps)).published_settings("operators")
    if count == 1:
        assert asyncio.run(published) == {"region": "eu-west-1"}
    else:
        with pytest.raises(ClusterError, match="no ConfigMap" if count == 0 else "several ConfigMaps"):
            asyncio.run(published)
