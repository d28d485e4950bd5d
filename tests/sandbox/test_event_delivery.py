"""What the setting `event_delivery` does to EventBridge's messages: lost, doubled, out of order, late; repeatably."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.events.models import events_backends

from tests.integration.aws import Account
from tests.patience import eventually
from tests.sandbox.buses import OF_TESTS, Bus
from tests.sandbox.conftest import put_settings
from trail_sandbox.aws.eventbridge import EventBridge
from trail_sandbox.aws.eventbridge.courier import LONGEST_HOLD_SECONDS, Courier, Message
from trail_sandbox.aws.eventbridge.fates import Fates
from trail_sandbox.aws.eventbridge.routing import Router
from trail_sandbox.aws.settings import EventDelivery, Settings


class Sent:
    """A courier, and what it has put into queues."""

    def __init__(self, **setting: float) -> None:
        self.put: list[Message] = []
        self.times: list[float] = []
        self.settings = Settings(event_delivery=EventDelivery(**setting))  # type: ignore[arg-type]  # of several types
        self.courier = Courier(self.settings, self._note)

    def _note(self, message: Message) -> None:
        self.put.append(message)
        self.times.append(time.monotonic())

    def send(self, *bodies: str, queue: str = "q") -> None:
        for body in bodies:
            self.courier.send(Message("111122223333", "us-east-1", queue, body))

    def bodies(self, count: int, queue: str = "q") -> list[str]:
        """The bodies in a queue, once there are as many."""
        eventually(f"{count} messages", lambda: len(self._in(queue)) >= count)
        return self._in(queue)

    def _in(self, queue: str) -> list[str]:
        return [message.body for message in list(self.put) if message.queue == queue]


NUMBERS = [str(number) for number in range(300)]


def test_by_default_messages_are_put_at_once_and_in_order() -> None:
    sent = Sent()
    sent.send("a", "b")
    assert [message.body for message in sent.put] == ["a", "b"]


def test_a_share_is_lost() -> None:
    sent = Sent(drop=0.3)
    sent.send(*NUMBERS)
    sent.settings.event_delivery = EventDelivery()
    sent.send("last")
    lost = 300 - len([fate for fate in fates(EventDelivery(drop=0.3)) if fate])
    assert 60 < lost < 120
    found = sent.bodies(301 - lost)
    assert len(found) == 301 - lost
    assert len(set(found)) == len(found)


def test_all_are_lost_or_doubled_at_a_share_of_1() -> None:
    lost = Sent(drop=1)
    lost.send(*NUMBERS)
    doubled = Sent(double=1)
    doubled.send("a", "b")
    assert doubled.bodies(4) == ["a", "a", "b", "b"]
    assert lost.put == []


def test_a_share_comes_twice() -> None:
    sent = Sent(double=0.3)
    sent.send(*NUMBERS)
    copies = fates(EventDelivery(double=0.3))
    found = Counter(sent.bodies(sum(copies)))
    assert [found[number] for number in NUMBERS] == copies
    assert 60 < copies.count(2) < 120


def test_a_share_comes_after_the_next_message_and_nothing_is_lost() -> None:
    sent = Sent(reorder=0.3)
    sent.send(*NUMBERS)
    found = sent.bodies(300)
    assert sorted(found, key=int) == NUMBERS
    assert found != NUMBERS
    assert max(abs(int(number) - place) for place, number in enumerate(found)) < 10


def test_a_message_without_a_next_one_comes_all_the_same() -> None:
    sent = Sent(reorder=1)
    begin = time.monotonic()
    sent.send("a")
    assert sent.bodies(1) == ["a"]
    assert sent.times[0] - begin >= LONGEST_HOLD_SECONDS


def test_messages_wait_for_the_next_one_of_their_own_queue() -> None:
    sent = Sent(reorder=0.5)
    for number in NUMBERS:
        sent.send(number, queue=f"q{int(number) % 2}")
    for queue in ("q0", "q1"):
        assert len(sent.bodies(150, queue)) == 150


def test_a_delay_keeps_the_order() -> None:
    sent = Sent(delay=0.2)
    begin = time.monotonic()
    sent.send(*NUMBERS)
    assert sent.bodies(300) == NUMBERS
    assert sent.times[0] - begin >= 0.2


def test_a_seed_decides_what_is_hit_whatever_other_queues_get() -> None:
    setting = EventDelivery(drop=0.2, double=0.2, reorder=0.2)
    assert fates(setting) == fates(setting)
    assert fates(setting) == fates(setting, others=True)
    assert fates(setting) != fates(EventDelivery(drop=0.2, double=0.2, reorder=0.2, seed=1))


def test_what_is_lost_does_not_depend_on_the_other_shares() -> None:
    alone = [not copies for copies in fates(EventDelivery(drop=0.3))]
    with_others = [not copies for copies in fates(EventDelivery(drop=0.3, double=0.5, reorder=0.5))]
    assert alone == with_others


def test_a_changed_setting_begins_again() -> None:
    deciding, setting = Fates(), EventDelivery(drop=0.5)
    first = [deciding.next(setting, "q") for _ in NUMBERS]
    deciding.next(EventDelivery(), "q")
    assert [deciding.next(setting, "q") for _ in NUMBERS] == first


def test_a_queue_that_is_gone_stops_no_message() -> None:
    sent = Sent(delay=0.01)
    broken: list[str] = []

    def put(message: Message) -> None:
        if message.body == "broken":
            broken.append(message.body)
            raise KeyError(message.queue)
        sent._note(message)

    sent.courier = Courier(sent.settings, put)
    sent.send("broken", "a")
    assert sent.bodies(1) == ["a"]
    assert broken


def test_clearing_forgets_what_waits() -> None:
    sent = Sent(delay=0.2)
    sent.send("a")
    sent.courier.clear()
    sent.send("b")
    assert sent.bodies(1) == ["b"]


def fates(setting: EventDelivery, *, others: bool = False) -> list[int]:
    """How often each of 300 messages of a queue comes."""
    deciding, found = Fates(), []
    for _ in NUMBERS:
        found.append(deciding.next(setting, "q").copies)
        if others:
            deciding.next(setting, "another")
    return found


def test_a_change_of_settings_waits_for_the_events_of_earlier_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go = threading.Event()
    sent: list[object] = []

    def publish(_: Router, bus: object, event: object) -> None:
        may_go.wait()
        sent.append(event)

    monkeypatch.setattr(Router, "publish", publish)
    bridge = EventBridge()
    assert events_backends["111122223333"]["us-east-1"]  # which has a default bus from then on
    entry = {"Source": "test", "DetailType": "test", "Detail": "{}"}
    assert bridge.put("111122223333", "us-east-1", [entry] * 3)["FailedEntryCount"] == 0
    with ThreadPoolExecutor(1) as thread:
        settled = thread.submit(bridge.settle)
        assert not settled.done()
        may_go.set()
        settled.result()
    assert len(sent) == 3


# On the emulator.


@pytest.fixture
def undisturbed(endpoint: str) -> Iterator[str]:
    """The endpoint; what a test sets is off again after it."""
    yield endpoint
    put_settings(endpoint, event_delivery=None, lookup_lag=0)


def test_events_are_lost_or_come_twice_on_their_way_into_a_queue(aws: Account, undisturbed: str) -> None:
    bus = Bus(aws)
    bus.rule("all", OF_TESTS)
    put_settings(undisturbed, event_delivery={"double": 1})
    bus.put()
    assert bus.next("all") == bus.next("all")
    put_settings(undisturbed, event_delivery={"drop": 1})
    bus.put()
    put_settings(undisturbed, event_delivery=None)
    assert bus.has_sent()
    assert bus.is_empty("all")


def test_an_event_comes_late_and_the_queue_says_when(aws: Account, undisturbed: str) -> None:
    bus = Bus(aws)
    bus.rule("all", OF_TESTS)
    put_settings(undisturbed, event_delivery={"delay": 1.5})
    begin = time.time()
    bus.put()
    [message] = eventually("a message", lambda: bus.receive("all", WaitTimeSeconds=5, AttributeNames=["SentTimestamp"]))
    assert int(message["Attributes"]["SentTimestamp"]) / 1000 >= begin + 1.4
