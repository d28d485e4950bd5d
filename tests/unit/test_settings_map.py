"""The settings that the leader publishes: written once, by the leader only, and read back as they were."""

import asyncio
import logging
from typing import Any, cast

import pytest
from pydantic import ValidationError

from tests.refusals import not_found, refused
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.leader_election import LeaderFence, NotLeadingError, without_lease
from trail_operator.kube.settings_map import SettingsMap
from trail_operator.runtime.clock import Clock
from trail_operator.settings import PLANNING, Settings, published_texts, read_published

PATH = "/api/v1/namespaces/operators/configmaps"


class Server:
    """An API server with at most this ConfigMap; refuses so many requests first."""

    def __init__(self, body: dict[str, Any] | None = None, refusals: int = 0) -> None:
        self.body = body
        self.refusals = refusals
        self.writes: list[str] = []

    async def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if self.refusals:
            self.refusals -= 1
            raise refused(403, "Forbidden", "not allowed")
        if method == "GET":
            assert path == f"{PATH}/lease-settings"
            if self.body is None:
                raise not_found("lease-settings")
            return self.body
        assert body is not None
        self.writes.append(f"{method} {path}")
        server = {"uid": "1", "resourceVersion": "1", "creationTimestamp": "2026-03-04T05:06:07Z"}
        self.body = {**body, "metadata": {"namespace": "operators", **server, **body["metadata"]}}
        return self.body


def publish(server: Server, data: dict[str, str], fence: LeaderFence | None = None) -> None:
    async def no_sleep(_: float) -> None:
        """The next attempt is at once."""

    clock = Clock(sleep=no_sleep)
    connection = cast(ApiConnection, server)
    published = SettingsMap(connection, "operators", "lease", fence or without_lease(clock.monotonic), clock)
    asyncio.run(published.publish(data))


def test_settings_are_created_updated_and_left_alone() -> None:
    server = Server()
    publish(server, {"region": "a"})
    assert server.writes == [f"POST {PATH}"]
    publish(server, {"region": "a"})
    publish(server, {"region": "b"})
    assert server.writes == [f"POST {PATH}", f"PUT {PATH}/lease-settings"]
    assert server.body is not None
    assert server.body["data"] == {"region": "b"}
    assert server.body["metadata"]["labels"] == {"trail-operator.dev/settings": "true"}


def test_a_label_that_was_removed_is_restored() -> None:
    server = Server()
    publish(server, {"region": "a"})
    assert server.body is not None
    server.body["metadata"]["labels"] = {"team": "platform"}
    publish(server, {"region": "a"})
    assert server.body["metadata"]["labels"] == {"team": "platform", "trail-operator.dev/settings": "true"}


def test_a_refusal_is_logged_once_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "trail_operator")
    server = Server(refusals=3)
    publish(server, {"region": "a"})
    assert server.writes == [f"POST {PATH}"]
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("failed to publish the settings in the ConfigMap operators/lease-settings")


def test_nothing_is_published_by_a_process_that_no_longer_leads() -> None:
    server = Server()
    with pytest.raises(NotLeadingError):
        publish(server, {"region": "a"}, LeaderFence(Clock().monotonic, 0.0))
    assert server.writes == []


def test_published_settings_are_read_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAIL_OPERATOR_REGION", "eu-west-1")
    settings = Settings(
        namespace=["a", "b"],
        ignore_tags=["cost,*", "x?"],
        own_identity=False,
        allowed_adoption="IfUnowned",
        allowed_action_arns=["arn:aws:sns:*:111111111111:alarms"],
        region=None,
        default_account="audit",
    )
    texts = published_texts(settings, cluster_name="prod", former_cluster_names=["old"])
    found = read_published(texts)
    assert found == {name: getattr(settings, name) for name in PLANNING} | {
        "cluster_name": "prod",
        "former_cluster_names": ["old"],
    }
    assert set(texts) == {name.replace("_", "-") for name in PLANNING}
    assert read_published({"region": "eu-central-1"}) == {"region": "eu-central-1"}
    assert read_published(published_texts(Settings(), region=None))["region"] is None


def test_published_settings_that_are_invalid_are_refused() -> None:
    with pytest.raises(ValidationError):
        read_published({"allowed-adoption": "Sometimes"})
