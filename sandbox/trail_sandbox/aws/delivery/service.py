"""Delivery as the rest of the emulator uses it: tell it of each request, and let it deliver from time to time."""

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Lock

from trail_sandbox.aws.delivery import rounds
from trail_sandbox.aws.delivery.recorder import Recorder
from trail_sandbox.aws.delivery.rounds import Round
from trail_sandbox.aws.delivery.signing import PublicKey, SigningKeys
from trail_sandbox.aws.events import ApiEvent
from trail_sandbox.aws.trails import TrailStore
from trail_sandbox.aws.world import World

logger = logging.getLogger(__name__)


class Delivery:
    """Delivers, for each trail that logs, what happens in its account. What it writes itself makes no events."""

    def __init__(self, trails: TrailStore, world: World, clock: Callable[[], datetime]) -> None:
        self._recorder = Recorder(trails)
        self._world = world
        self._clock = clock
        self._keys = SigningKeys()
        self._one_round_at_a_time = Lock()

    def record(self, event: ApiEvent) -> None:
        """Take note of a finished request; cheap enough for the path of every request."""
        self._recorder.record(event)

    def run_round(self, *, was_asked_for: bool = False) -> None:
        """Deliver all that waits. A round that was asked for writes digests also where no log file is new."""
        with self._one_round_at_a_time:
            for account in self._recorder.accounts():
                self._run_for(account, was_asked_for=was_asked_for)

    def public_keys(self, region: str) -> list[PublicKey]:
        """The keys that a region's digests are signed with, as ListPublicKeys tells them."""
        return [self._keys.of_region(region, self._clock()).public]

    def clear(self) -> None:
        """Forget all events and chains; the keys stay."""
        with self._one_round_at_a_time:
            self._recorder.clear()

    def _run_for(self, account: str, *, was_asked_for: bool) -> None:
        collected = self._recorder.collect(account)
        this = Round(self._world, self._keys, self._clock(), was_asked_for, collected.events)
        for trail, progress, spans in collected.trails:
            try:
                rounds.deliver(this, trail, progress, spans)
            except Exception:
                # The other trails' events of this round are taken already: they must not be lost with this one's.
                logger.exception("delivery for %s failed", trail.arn)
        self._recorder.tidy(account)
