"""Statuses that are recorded before the first write to AWS, with a definition that does not keep them."""

import asyncio
from typing import Any, cast

import pytest

from tests.unit.test_object_controller import body
from trail_operator.alarms.state import AlarmSetState
from trail_operator.alarms.status_writer import AlarmSetStatusWriter
from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.alarm import FilterKey
from trail_operator.domain.alarms.result import AlarmSetIdentity
from trail_operator.kube.client import ALARM_SETS, Key, KubeClient, Resource
from trail_operator.kube.dropped_fields import DroppedFields
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.runtime.clock import Clock

FILTER = FilterKey("events", "test/default/alarms/Deletions")


class Server(KubeClient):
    """An API server that keeps only these fields of the status."""

    def __init__(self, *dropped: str) -> None:
        self.now = 0.0
        super().__init__(cast(Any, None), "test", lambda: None, DroppedFields(lambda: self.now, lambda *_: None))
        self.drops = set(dropped)
        self.body = body()
        self.sent: list[set[str]] = []

    async def patch_status(self, resource: Resource, key: Key, status: dict[str, Any]) -> dict[str, Any]:
        assert (resource, key) == (ALARM_SETS, Key("default", "alarms"))
        self.sent.append({name for name, value in status.items() if value is not None})
        kept = {name: value for name, value in status.items() if value is not None and name not in self.drops}
        self.body["status"] = {**self.body["status"], **kept}
        self.dropped.learn("TrailAlarmSet", status, self.body["status"])
        return self.body

    async def write_event(self, *_: object) -> str:
        return ""


@pytest.mark.parametrize("field", ["accountID", "accountName", "region", "namePrefix", "filters"])
def test_what_must_be_recorded_first_and_is_dropped_is_a_failure(field: str) -> None:
    async def scenario() -> None:
        server = Server(field)
        state = AlarmSetState(server.body)
        clock = Clock(lambda: server.now)
        writer = AlarmSetStatusWriter(server, EventRecorder(server, clock.monotonic), lambda _: None, clock)
        context = ReconcileContext(1, state.requested_state)
        identity = AlarmSetIdentity("123456789012", "team", "eu-central-1", "test/default/alarms/")

        async def pin() -> str:
            failure = await writer.pin(state, context, identity, [FILTER])
            assert failure is None or failure.reason is Reason.DEFINITION_OUTDATED
            return failure.message if failure else ""

        assert f"does not keep status.{field}. Nothing is written to AWS" in await pin()
        assert len(server.sent) == 1
        assert await pin()
        assert len(server.sent) == 1, "it is not announced again"
        server.now = 600.0
        assert await pin()
        assert "conditions" not in server.sent[-1], "only what is to be recorded is tried again"
        server.now = 1200.0
        server.drops.clear()
        assert await pin() == ""
        assert state.is_pinned(identity, [FILTER])

    asyncio.run(scenario())
