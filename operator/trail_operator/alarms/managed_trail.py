"""The trail that a Trail manages, as AWS reports it: what a TrailAlarmSet of that Trail works on."""

from typing import Protocol

from trail_operator.alarms.state import AlarmSetState, Cached
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.domain.account_policy import TRAIL_REFUSALS
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import Failure, FailureClass, FailureError, transient
from trail_operator.domain.trail import ObservedTrail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.runtime.clock import Clock
from trail_operator.trail.location import Locator
from trail_operator.trail.state import TrailState


class TrailSource(Protocol):
    """Where the trail of a Trail comes from."""

    async def observed(self, state: AlarmSetState, trail: TrailState, client: AccountClient) -> ObservedTrail:
        """Return the trail of a set's Trail. Raises FailureError unless it is the Trail's own."""


class ManagedTrails:
    """Trails as the last complete read of their Trail has shown them."""

    def __init__(self, locator: Locator, clock: Clock, *, resync: float) -> None:
        self._locator = locator
        self._clock = clock
        self._resync = resync

    async def observed(self, state: AlarmSetState, trail: TrailState, client: AccountClient) -> ObservedTrail:
        """Return the trail of a set's Trail. Raises FailureError unless it is the Trail's own."""
        ready = trail.status.condition(ConditionType.READY)
        if ready and ready.reason in TRAIL_REFUSALS:
            raise FailureError(trail_not_managed(trail.key.name, str(ready.reason)))
        observed = trail.reads.observed or await self._read(state, trail, client)
        if observed is not None and observed.owner in self._locator.owners(trail):
            return observed
        is_reported = trail.status.observed_generation == trail.generation and trail.reads.drift.began_at is not None
        if not is_reported or ready is None or ready.reason == Reason.PROGRESSING:
            raise FailureError(transient(f"Waiting for Trail {trail.key.name}"))
        raise FailureError(trail_not_managed(trail.key.name, str(ready.reason)))

    async def _read(self, state: AlarmSetState, trail: TrailState, client: AccountClient) -> ObservedTrail | None:
        """Read the recorded trail of a Trail that itself reads none, as its spec is invalid."""
        arn = trail.recorded_arn
        has_begun = trail.reads.drift.began_at is not None and trail.reads.last_at is None
        if arn is None or not has_begun:
            return None
        known, now = state.cache.trail, self._clock.monotonic()
        if known is None or known.value.arn != arn or now - known.read_at > self._resync:
            region = Arn.parse(arn).region
            await self._locator.location(trail, client, region)  # the credentials may be for another account
            shown = await client.cloudtrail.observe(arn, region, expected=True, read_only=True)
            known = state.cache.trail = Cached(shown, now) if shown else None
        return known.value if known else None


def trail_not_managed(name: str, reason: str) -> Failure:
    """Return why nothing is written for a Trail that manages no trail. `reason`: that of the Trail."""
    if reason in TRAIL_REFUSALS:
        what = f"Trail {name} is not allowed by its AWSAccount ({reason}); nothing was written"
    else:
        what = f"Trail {name} manages no trail in AWS ({reason}), so there is no log group to use; nothing was written"
    message = f"{what}. See the conditions of the Trail"
    return Failure(FailureClass.DEPENDENCY, Reason.TRAIL_NOT_MANAGED, message)
