"""Writes to alarms: what is read right before each, so that no alarm of somebody else is ever replaced."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest

from trail_operator.alarms.scope import AlarmScope
from trail_operator.alarms.state import AlarmSetState
from trail_operator.alarms.write import AlarmWriter
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import FailureError, NotSentError
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.runtime.clock import Clock

NAME, OWNER = "prod/team/cis/RootUsage", "prod/team/cis"
ARN = f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{NAME}"
LOCATION = Location("aws", "123456789012", "eu-central-1")
CREATION = AlarmAction(
    "PutMetricAlarm", {"AlarmName": NAME, "Tags": [{"Key": OWNER_TAG, "Value": OWNER}]}, ("RootUsage",)
)
CHANGE = AlarmAction("PutMetricAlarm", {"AlarmName": NAME}, ("RootUsage",), existing_alarms={NAME: ARN})


class Alarms:
    """CloudWatch as AlarmWriter sees it: the alarm has these tags, or does not exist."""

    def __init__(self, tags: Mapping[str, str] | None) -> None:
        self._tags = tags
        self.sent: list[AlarmAction] = []

    async def tags(self, arn: str, region: str) -> Mapping[str, str] | None:
        assert (arn, region) == (ARN, "eu-central-1")
        return self._tags

    async def apply(self, action: AlarmAction, _: Location, precondition: Callable[[], Awaitable[None]]) -> str:
        await precondition()
        self.sent.append(action)
        return "request"


class Client:
    """The one part of AccountClient that writes use."""

    def __init__(self, alarms: Alarms) -> None:
        self.alarms = alarms


def state() -> AlarmSetState:
    metadata = {"namespace": "team", "name": "cis", "uid": "1", "generation": 1, "resourceVersion": "1"}
    return AlarmSetState({"metadata": metadata, "spec": {"trailRef": {"name": "audit"}}})


def send(alarms: Alarms, action: AlarmAction, written: AlarmSetState) -> Any:
    scope = AlarmScope(cast(AccountClient, Client(alarms)), LOCATION, f"{OWNER}/", OWNER, frozenset({OWNER}))
    context = ReconcileContext(written.generation, written.requested_state)
    return asyncio.run(AlarmWriter(Clock()).send(written, context, scope, action))


@pytest.mark.parametrize("action", [CREATION, CHANGE], ids=["creation", "change"])
@pytest.mark.parametrize("tags", [{}, {OWNER_TAG: "other/team/cis"}], ids=["none", "others"])
def test_an_alarm_of_another_owner_is_not_replaced(action: AlarmAction, tags: Mapping[str, str]) -> None:
    alarms = Alarms(tags)
    with pytest.raises(NotSentError) as raised:
        send(alarms, action, state())
    assert raised.value.failure.reason is Reason.CONFLICT
    assert alarms.sent == []


def test_an_alarm_that_is_absent_is_created_and_its_tags_are_known() -> None:
    alarms, written = Alarms(None), state()
    assert send(alarms, CREATION, written) is None
    assert alarms.sent == [CREATION]
    assert written.cache.tags[ARN].value == {OWNER_TAG: OWNER}


def test_the_tags_of_an_own_alarm_that_was_not_shown_are_those_that_it_has() -> None:
    alarms, written = Alarms({OWNER_TAG: OWNER, "team": "x"}), state()
    assert send(alarms, CREATION, written) is None
    assert written.cache.tags[ARN].value == {OWNER_TAG: OWNER, "team": "x"}, "AWS ignores the tags of an update"


def test_an_alarm_that_was_just_deleted_is_not_created_without_tags() -> None:
    alarms = Alarms(None)
    with pytest.raises(FailureError):
        send(alarms, CHANGE, state())
    assert alarms.sent == []
