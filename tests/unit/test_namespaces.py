"""What the labels of a namespace open, from the watch to the way into an account."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.test_metrics import state
from trail_operator import main
from trail_operator.api.reasons import Reason
from trail_operator.domain.failure import FailureError
from trail_operator.domain.ownership import Cluster
from trail_operator.kube.client import KubeClient
from trail_operator.kube.leader_election import without_lease
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.settings import Settings
from trail_operator.wiring import build_controllers


class Watch:
    """A controller that is told of namespaces as kopf tells of them."""

    def __init__(self, selector: dict[str, Any]) -> None:
        settings = Settings(region="eu-central-1", cluster_name="test", default_account="prod")
        kubernetes, fence = cast(KubeClient, None), without_lease(time.monotonic)
        self._controllers = build_controllers(settings, Metrics(), Clock(), kubernetes, fence, Cluster("test"))
        spec = {"accountID": "111111111111", "allowedNamespaces": {"selector": selector}}
        self._controllers.accounts.registry.upsert({"metadata": {"name": "prod"}, "spec": spec})

    def tells(self, event: str, **labels: str) -> None:
        namespace = state("audit").key.namespace
        made = {"uid": "1", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
        told = {"type": event, "object": {"metadata": {"name": namespace, "labels": labels, **made}}}
        memo = SimpleNamespace(manager=SimpleNamespace(controllers=self._controllers))
        handler: Any = main.on_namespace_event
        asyncio.run(handler(event=told, memo=memo))

    def opens(self) -> bool:
        try:
            self._controllers.accounts.registry.client_for(state("audit"))
        except FailureError as error:
            return error.failure.reason is not Reason.NAMESPACE_NOT_ALLOWED
        return True


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ({"matchLabels": {"trails": "open"}}, {"trails": "open"}),
        ({"matchExpressions": [{"key": "closed", "operator": "DoesNotExist"}]}, {}),
        ({}, {}),
    ],
)
def test_a_namespace_that_has_gone_leaves_nothing_open_to_the_next_of_its_name(
    selector: dict[str, Any], labels: dict[str, str]
) -> None:
    watch = Watch(selector)
    assert not watch.opens()
    watch.tells("ADDED", **labels)
    assert watch.opens()
    watch.tells("DELETED", **labels)
    assert not watch.opens()
    watch.tells("ADDED", **labels)
    assert watch.opens()
