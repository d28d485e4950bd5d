"""Checks, right before a write is sent, that the decision to send it is still valid.

That may be minutes after it was planned: AWS allows one write of each operation a second, so the writes of many Trails
wait for each other. In the meantime users change Trails, and trails change their owner.
"""

from trail_operator.api.constants import OWNER_TAG
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.arns import Arn
from trail_operator.domain.failure import FailureError, NotSentError, transient
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.runtime.clock import Clock
from trail_operator.trail.state import TrailState

# Seconds for which the owner of a trail counts as known.
_READ_TTL = 2.0


class StaleDecisionError(NotSentError):
    """Raised instead of sending a write that is no longer due. The next reconcile decides again."""


class WriteGuard:
    """Guards writes to trails."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    def precondition(
        self,
        state: TrailState,
        context: ReconcileContext,
        client: AccountClient,
        arn: str,
        owner: str | None,
        read_at: float,
    ) -> Precondition:
        """Return a check to run right before a write; it raises StaleDecisionError if the write is no longer due.

        `owner`: the owner tag that the decision is based on; `read_at`: when AWS returned it.
        """

        def check_requested_state() -> None:
            if state.requested_state != context.requested_state:
                raise StaleDecisionError(transient("The Trail changed while a write waited"))

        async def check() -> None:
            check_requested_state()
            if self._clock.monotonic() - read_at < _READ_TTL or self._window.is_open(state):
                return
            try:
                tags = await client.cloudtrail.tags(arn, Arn.parse(arn).region)
            except FailureError as error:
                raise StaleDecisionError(error.failure) from None
            if (tags or {}).get(OWNER_TAG) != owner:
                raise StaleDecisionError(transient("The owner of the trail changed while a write waited"))
            check_requested_state()

        return check
