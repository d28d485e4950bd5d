"""What happens to a message on its way: AWS may lose an event, and deliver one twice or out of order.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html (best effort)
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-what-is-how-it-works-concepts.html (at least once)
Decides only; nothing is sent here.
"""

from dataclasses import dataclass
from random import Random

from trail_sandbox.aws.settings import EventDelivery


@dataclass(frozen=True)
class Fate:
    """How often a message arrives (0: it is lost), and whether it arrives after the next message of its queue."""

    copies: int
    is_held: bool


class Fates:
    """The decisions for each queue: with one seed always the same, whatever comes into other queues."""

    def __init__(self) -> None:
        self._setting: EventDelivery | None = None
        self._randoms: dict[str, Random] = {}

    def next(self, setting: EventDelivery, queue: str) -> Fate:
        """Decide on the next message of a queue, which is known by its name. A changed setting begins again."""
        if setting != self._setting:
            self._setting = setting
            self._randoms.clear()
        random = self._randoms.setdefault(queue, Random(f"{setting.seed}/{queue}"))  # noqa: S311 - to be repeatable
        # Three draws for every message, so that one share does not change what the others hit.
        drop, double, reorder = random.random(), random.random(), random.random()
        copies = 0 if drop < setting.drop else 2 if double < setting.double else 1
        return Fate(copies, is_held=reorder < setting.reorder)
