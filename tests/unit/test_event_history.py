"""What event history answers: pages, records that are none, and calls of other services with the same name."""

import asyncio
import json
from typing import Any, cast

import pytest

from tests.unit.test_attribution import NOW, seconds
from tests.unit.test_cloudtrail_event import REGION, record
from trail_operator.aws.client import AWSClient
from trail_operator.aws.event_history import EventHistory, RecordedCalls
from trail_operator.aws.operations import Read

NAMES = ("StopLogging", "CreateTrail")


def entry(name: str = "StopLogging", number: int = 1, **more: Any) -> dict[str, Any]:
    text = json.dumps(record(name=name, eventID=f"event-{number}"))
    return {"EventId": f"event-{number}", "EventName": name, "CloudTrailEvent": text} | more


class Client:
    """AWS, which answers a page for each name."""

    def __init__(self, **pages: Any) -> None:
        self._pages = pages
        self.calls: list[dict[str, Any]] = []
        self.in_progress = 0

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        assert (operation, region, self.in_progress) == (Read.LookupEvents, REGION, 0)
        self.in_progress += 1
        await asyncio.sleep(0)
        self.in_progress -= 1
        self.calls.append(parameters)
        (attribute,) = parameters["LookupAttributes"]
        assert attribute["AttributeKey"] == "EventName"
        return {"Events": [], **self._pages.get(attribute["AttributeValue"], {})}


def found(client: Client) -> RecordedCalls:
    history = EventHistory(cast(AWSClient, client))
    return asyncio.run(history.calls(NAMES, REGION, NOW - seconds(60), NOW))


def test_each_name_is_asked_for_once_within_the_time() -> None:
    client = Client(StopLogging={"Events": [entry()]}, CreateTrail={"Events": [entry("CreateTrail", 2)]})
    answer = found(client)
    assert [one["LookupAttributes"][0]["AttributeValue"] for one in client.calls] == ["CreateTrail", "StopLogging"]
    assert {(one["StartTime"], one["EndTime"]) for one in client.calls} == {(NOW - seconds(60), NOW)}
    assert [event.event_id for event in answer.events] == ["event-2", "event-1"]
    assert answer.is_complete


def test_nothing_is_a_complete_answer() -> None:
    assert found(Client()) == RecordedCalls((), is_complete=True)


@pytest.mark.parametrize(
    "page",
    [
        {"Events": [entry()], "NextToken": "more"},
        {"Events": [entry(), entry(number=2, CloudTrailEvent="{}")]},
        {"Events": [entry(), entry(number=2, EventId="another")]},
        {"Events": [entry(), entry(number=2, CloudTrailEvent=json.dumps(record(requestParameters=None)))]},
    ],
    ids=["more pages", "no record", "the record of another event", "no trail"],
)
def test_an_answer_that_does_not_show_all_is_incomplete(page: dict[str, Any]) -> None:
    answer = found(Client(StopLogging=page))
    assert [event.event_id for event in answer.events] == ["event-1"]
    assert not answer.is_complete


def test_a_call_of_another_service_with_the_same_name_does_not_count() -> None:
    other = entry(number=2, EventSource="elasticmapreduce.amazonaws.com", CloudTrailEvent="{}")
    answer = found(Client(StopLogging={"Events": [entry(EventSource="cloudtrail.amazonaws.com"), other]}))
    assert [event.event_id for event in answer.events] == ["event-1"]
    assert answer.is_complete


def test_lookups_of_one_account_are_made_one_by_one() -> None:
    async def both() -> None:
        history = EventHistory(cast(AWSClient, Client()))
        await asyncio.gather(*(history.calls(NAMES, REGION, NOW, NOW) for _ in range(3)))

    asyncio.run(both())
