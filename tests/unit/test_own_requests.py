"""The process knows its own requests by their ids, also those whose answers come after their events."""

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trail_operator.aws.own_requests import OwnRequests

HERE = ("123456789012", "us-east-1")


def answer(request_id: str) -> Any:
    return {"ResponseMetadata": {"RequestId": request_id}}


async def answered(response: dict[str, Any]) -> dict[str, Any]:
    return response


async def refused(request_id: str) -> dict[str, Any]:
    response: Any = {"Error": {"Code": "InternalFailure"}} | answer(request_id)
    raise ClientError(response, "StopLogging")


def test_an_id_is_known_once_the_write_is_answered_also_with_an_error() -> None:
    async def scenario() -> None:
        own = OwnRequests()
        assert "1" not in own
        assert await own.tracked(*HERE, answered(answer("1"))) == answer("1")
        with pytest.raises(ClientError):
            await own.tracked(*HERE, refused("2"))
        assert "1" in own
        assert "2" in own
        assert "" not in own

    asyncio.run(scenario())


def test_a_question_waits_for_the_answers_to_the_writes_under_way_in_that_account_and_region() -> None:
    async def scenario() -> None:
        own, asked = OwnRequests(), list[str]()
        first, second = asyncio.Future[dict[str, Any]](), asyncio.Future[dict[str, Any]]()
        writes = [asyncio.create_task(own.tracked(*HERE, one)) for one in (first, second)]
        await asyncio.sleep(0)
        own.when_answered(*HERE, lambda: asked.append("here"))
        own.when_answered("999999999999", HERE[1], lambda: asked.append("another account"))
        own.when_answered(HERE[0], "eu-west-1", lambda: asked.append("another region"))
        assert asked == ["another account", "another region"]
        first.set_result(answer("1"))
        await writes[0]
        assert len(asked) == 2
        second.set_result({})
        await writes[1]
        assert asked[2:] == ["here"]
        own.when_answered(*HERE, lambda: asked.append("later"))
        assert asked[3:] == ["later"]

    asyncio.run(scenario())


def test_a_write_that_is_given_up_ends_the_wait() -> None:
    async def scenario() -> None:
        own, asked = OwnRequests(), list[str]()
        write = asyncio.create_task(own.tracked(*HERE, asyncio.Future[dict[str, Any]]()))
        await asyncio.sleep(0)
        own.when_answered(*HERE, lambda: asked.append("here"))
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        assert asked == ["here"]

    asyncio.run(scenario())


def test_ids_and_waiting_questions_are_bounded() -> None:
    async def scenario() -> None:
        own = OwnRequests()
        for number in range(10_001):
            await own.tracked(*HERE, answered(answer(str(number))))
        assert "0" not in own
        assert "1" in own
        write = asyncio.create_task(own.tracked(*HERE, asyncio.Future[dict[str, Any]]()))
        await asyncio.sleep(0)
        asked = list[int]()
        for number in range(101):
            own.when_answered(*HERE, lambda number=number: asked.append(number))  # type: ignore[misc]
        assert asked == [100]
        write.cancel()

    asyncio.run(scenario())
