"""Objects that the API server refuses to write: not retried until they change; an Event reports them."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.object_state import ObjectState, ReconcileContext
from trail_operator.kube.unreportable import Unreportable

S = TypeVar("S", bound=ObjectState)


class UnwritableObjects(Generic[S]):
    """Applies what `Unreportable` decides to the objects of one kind."""

    def __init__(self, unreportable: Unreportable, refresh: Callable[[S], Awaitable[bool]]) -> None:
        """`refresh`: reads an object again, and returns False if it is gone."""
        self._unreportable = unreportable
        self._refresh = refresh

    async def is_blocked(self, state: S) -> bool:
        """Whether it is too soon to retry an object whose write was refused."""
        return await self._unreportable.is_left_alone(state.body, state.refused, state.requested_state)

    def seconds_left(self, state: S) -> float:
        """Return the seconds until the next attempt."""
        return self._unreportable.seconds_left(state.refused, state.requested_state)

    async def report(self, state: S, context: ReconcileContext, error: ApiException) -> float | None:
        """Report a refused write; return the seconds until the next attempt: 0 if the object has changed since."""
        if not await self.refresh(state):
            return None
        if state.requested_state == context.requested_state:
            state.refused = await self._unreportable.report(state.body, state.requested_state, error, state.refused)
        return self.seconds_left(state)

    async def refresh(self, state: S) -> bool:
        """Read the object again; return False if it is gone."""
        try:
            return await self._refresh(state)
        except (ApiException, *NO_ANSWER):
            return True  # the next reconcile meets the same error, and backs off
