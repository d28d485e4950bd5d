"""Trails that the API server refuses to write: not retried until they change; an Event reports them."""

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.unreportable import Unreportable
from trail_operator.trail.state import ReconcileContext, TrailState
from trail_operator.trail.status_writer import StatusWriter


class UnwritableTrails:
    """Applies what `Unreportable` decides to Trails."""

    def __init__(self, unreportable: Unreportable, writer: StatusWriter) -> None:
        self._unreportable = unreportable
        self._writer = writer

    async def is_blocked(self, state: TrailState) -> bool:
        """Whether it is too soon to retry a Trail whose write was refused."""
        return await self._unreportable.is_left_alone(state.body, state.refused, state.requested_state)

    def seconds_left(self, state: TrailState) -> float:
        """Return the seconds until the next attempt."""
        return self._unreportable.seconds_left(state.refused, state.requested_state)

    async def report(self, state: TrailState, context: ReconcileContext, error: ApiException) -> float | None:
        """Report a refused write; return the seconds until the next attempt: 0 if the Trail has changed since."""
        if not await self.refresh(state):
            return None
        if state.requested_state == context.requested_state:
            state.refused = await self._unreportable.report(state.body, state.requested_state, error, state.refused)
        return self.seconds_left(state)

    async def refresh(self, state: TrailState) -> bool:
        """Read the Trail again; return False if it is gone."""
        try:
            return await self._writer.refresh(state)
        except (ApiException, *NO_ANSWER):
            return True  # the next reconcile meets the same error, and backs off
