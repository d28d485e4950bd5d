"""SQS as AWS has it where moto has it otherwise: what happens at the same time, waiting for messages, policies.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

_listeners: dict[str, list[Callable[[], object]]] = {}
"""Who waits for a message, by the ARN of the queue."""


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    Queue.add_message = _announcing(Queue.add_message)  # type: ignore[method-assign, assignment]
    Queue.delete_message = _alone(Queue.delete_message)  # type: ignore[method-assign, assignment]
    Queue._set_attributes = _keeping_policy(Queue._set_attributes)  # type: ignore[method-assign]
    SQSBackend.receive_message = _at_once(SQSBackend.receive_message)  # type: ignore[method-assign]


def find_queue(account: str, region: str, name: str) -> Queue | None:
    """Find a queue."""
    # Unlike [], get() makes no backend where there is none.
    backends = sqs_backends.get(account)
    backend = backends.get(region) if backends is not None else None
    return backend.queues.get(name) if backend is not None else None


def seconds_to_message(queue: Queue, unknown: float) -> float:
    """Say in how many seconds a message can be received (0: now), at most `unknown`, if none comes until then."""
    now = time.time() * 1000
    moments = [max(message.visible_at, message.delayed_until) for message in list(queue._messages)]
    # moto takes a message for visible in the millisecond after.
    return min([unknown, *((moment - now + 1) / 1000 if moment >= now else 0.0 for moment in moments)])


@contextmanager
def listening(queue: Queue, notify: Callable[[], object]) -> Iterator[None]:
    """Call back, in whatever thread, whenever a message is put into a queue."""
    listeners = _listeners.setdefault(queue.queue_arn, [])
    listeners.append(notify)
    try:
        yield
    finally:
        listeners.remove(notify)


def _announcing(method: Callable[[Queue, Message], None]) -> Callable[[Queue, Message], None]:
    def add_message(queue: Queue, message: Message) -> None:
        method(queue, message)
        for notify in list(_listeners.get(queue.queue_arn, ())):
            notify()

    return add_message


def _alone(method: Callable[[Queue, str], None]) -> Callable[[Queue, str], None]:
    """Hold the queue's lock: moto would lose a message that is put while it makes the list without the deleted one."""

    def delete_message(queue: Queue, receipt_handle: str) -> None:
        with queue._messages_lock:
            method(queue, receipt_handle)

    return delete_message


def _at_once(method: Callable[..., Any]) -> Callable[..., Any]:
    """Receive what is there. Waiting is done before, since a wait of moto's takes a thread and outlives its client."""

    def receive_message(sqs: SQSBackend, queue_name: str, count: int, _: int, *arguments: Any, **more: Any) -> Any:
        with sqs.get_queue(queue_name)._messages_lock:
            return method(sqs, queue_name, count, 0, *arguments, **more)

    return receive_message


def _keeping_policy(method: Callable[..., None]) -> Callable[..., None]:
    """Keep the policy when other attributes are set: moto would forget it."""

    def set_attributes(queue: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
        policy = getattr(queue, "_policy_json", None)
        method(queue, attributes, now)
        if "Policy" not in attributes and policy is not None:
            queue._policy_json = policy

    return set_attributes
