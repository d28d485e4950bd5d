"""How messages get into queues: at once, unless the setting `event_delivery` has something else happen to them."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from moto.sqs.models import sqs_backends

from trail_sandbox.aws.eventbridge.fates import Fates
from trail_sandbox.aws.settings import EventDelivery, Settings

LONGEST_HOLD_SECONDS = 1.0
"""A message that is to arrive after the next one waits for it no longer."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """A message for a queue."""

    account: str
    region: str
    queue: str
    body: str
    group: str | None = None


@dataclass(order=True)
class _Waiting:
    """A message that is due at a time; the number keeps the order of those that are due together."""

    due: float
    number: int
    message: Message = field(compare=False)


def put(message: Message) -> None:
    """Put a message into its queue."""
    backend = sqs_backends[message.account][message.region]
    backend.send_message(queue_name=message.queue, message_body=message.body, group_id=message.group)


class Courier:
    """Puts messages into queues. Those that wait are put by a thread of its own, which starts with the first one."""

    def __init__(
        self,
        settings: Settings,
        put: Callable[[Message], None] = put,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._put = put
        self._seconds = seconds
        self._fates = Fates()
        self._numbers = itertools.count()
        self._waiting: list[_Waiting] = []
        self._held: dict[tuple[str, str, str], list[_Waiting]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def send(self, message: Message) -> None:
        """Send a message; raises what moto raises if it is put at once."""
        setting = self._settings.event_delivery
        if setting == EventDelivery(seed=setting.seed):
            self._put(message)
            return
        with self._changed:
            self._schedule(setting, message)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget what waits."""
        with self._changed:
            self._waiting.clear()
            self._held.clear()

    def _schedule(self, setting: EventDelivery, message: Message) -> None:
        fate = self._fates.next(setting, message.queue)
        queue, due = (message.account, message.region, message.queue), self._seconds() + setting.delay
        hold = LONGEST_HOLD_SECONDS if fate.is_held else 0.0
        copies = [_Waiting(due + hold, next(self._numbers), message) for _ in range(fate.copies)]
        self._waiting += copies
        if fate.is_held:
            self._held.setdefault(queue, []).extend(copies)
        elif copies:
            # Who was held for this message comes right behind it. Those that waited too long have been put before.
            for one in self._held.pop(queue, ()):
                one.due, one.number = due, next(self._numbers)
        heapq.heapify(self._waiting)

    def _run(self) -> None:
        while True:
            message = self._next()
            try:
                self._put(message)
            except Exception as error:  # noqa: BLE001 - whatever moto makes of a queue that is gone
                logger.info("no message for %s: %s", message.queue, error)

    def _next(self) -> Message:
        """Wait for the next message that is due."""
        with self._changed:
            while not self._waiting or self._waiting[0].due > self._seconds():
                self._changed.wait(self._waiting[0].due - self._seconds() if self._waiting else None)
            return heapq.heappop(self._waiting).message
