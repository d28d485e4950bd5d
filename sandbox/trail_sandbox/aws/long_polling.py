"""Waiting for a message of a queue, without a thread: ReceiveMessage with WaitTimeSeconds answers when one comes.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from moto.sqs.models import Queue

from trail_sandbox.aws.http import HttpAnswer
from trail_sandbox.aws.moto_sqs import find_queue, listening, seconds_to_message

_LONGEST_WAIT = 20
_CHECKS_SECONDS = 1.0
"""After this long it is checked again whether the client and the queue are still there."""


class Wait:
    """What one request waits for: a message of its queue, at most for the seconds that it gives."""

    def __init__(self, account: str, region: str, parameters: Mapping[str, Any], is_gone: Callable[[], bool]) -> None:
        self._place = (account, region, str(parameters.get("QueueUrl", "")).rpartition("/")[2])
        self._is_gone = is_gone
        self._clock = asyncio.get_running_loop().time
        self._deadline = self._clock() + _seconds(parameters, find_queue(*self._place))

    @property
    def is_over(self) -> bool:
        """Say whether there is nobody or nothing more to wait for."""
        return self._is_gone() or self._clock() >= self._deadline

    async def for_message(self) -> bool:
        """Wait until there is a message, or nothing to wait for; the answer is whether the client is still there.

        Who has gone gets no message: it would be invisible to the next receiver for its visibility timeout.
        """
        queue = find_queue(*self._place)
        if queue is None:
            return True
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        with listening(queue, lambda: loop.call_soon_threadsafe(arrived.set)):
            while not self.is_over and find_queue(*self._place) is queue:
                arrived.clear()
                pause = seconds_to_message(queue, _CHECKS_SECONDS)
                if not pause:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(arrived.wait(), min(pause, max(self._deadline - self._clock(), 0)))
        return not self._is_gone()


def has_message(answer: HttpAnswer) -> bool:
    """Say whether an answer to ReceiveMessage has messages, in either protocol."""
    return b'"Messages"' in answer.body or b"<Message>" in answer.body


def _seconds(parameters: Mapping[str, Any], queue: Queue | None) -> int:
    """Read how long to wait, where that is allowed; what is not, moto refuses."""
    given = parameters.get("WaitTimeSeconds")
    if given is None and queue is not None:
        given = queue.receive_message_wait_time_seconds  # type: ignore[attr-defined]
    try:
        seconds = int(given or 0)
    except (TypeError, ValueError):
        return 0
    return seconds if 0 <= seconds <= _LONGEST_WAIT else 0
