"""Whether a write that was decided on is still to be made: asked when its turn has come, which may be minutes later.

AWS allows one write of each kind a second, so of many Trails the last waits long. Meanwhile users change their minds,
and trails their owners.
"""

from trail_operator.api.constants import OWNER_TAG
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import FailureError, NotSentError, passing
from trail_operator.inventory.registry import AccountClient
from trail_operator.runtime.clock import Clock
from trail_operator.trail.consistency_window import ConsistencyWindow
from trail_operator.trail.state import ReconcileContext, TrailState

# What was seen so many seconds ago is taken to hold.
_HOLDS = 2.0


class StaleDecisionError(NotSentError):
    """Raised in place of a write that was not sent: the next pass decides anew."""


class WriteGuard:
    """Holds decisions against the time that they have waited."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    def precondition(
        self,
        state: TrailState,
        context: ReconcileContext,
        access: AccountClient,
        arn: str,
        owner: str | None,
        seen: float,
    ) -> Precondition:
        """A question to ask right before a write, which raises StaleDecisionError where the write must not be made.

        `owner`: whose the trail was, `seen`: when that was read.
        """

        def still_wanted() -> None:
            if state.requested_state != context.requested_state:
                raise StaleDecisionError(passing("the Trail has changed meanwhile"))

        async def ask() -> None:
            still_wanted()
            if self._clock.monotonic() - seen < _HOLDS or self._window.is_open(state):
                return
            try:
                tags = await access.cloudtrail.tags(arn, Arn.parse(arn).region)
            except FailureError as error:
                raise StaleDecisionError(error.failure) from None
            if (tags or {}).get(OWNER_TAG) != owner:
                raise StaleDecisionError(passing("the trail has another owner by now"))
            still_wanted()

        return ask
