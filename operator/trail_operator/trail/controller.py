"""The Trail controller: which Trails exist, which of them claims which trail, and when each is reconciled."""

from collections.abc import Awaitable, Callable, Collection

from trail_operator.api.constants import KIND
from trail_operator.kube.client import TRAILS, Key, KubeClient
from trail_operator.kube.object_controller import ObjectController, ObjectKind
from trail_operator.runtime.store import Store
from trail_operator.runtime.work_queue import WorkQueue
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.state import TrailState

Reconcile = Callable[[TrailState], Awaitable[float | None]]
TrailStore = Store[Key, TrailState]


class TrailController(ObjectController[TrailState]):
    """Keeps store, claims and work queue in step with the Trails that the API server has."""

    def __init__(
        self,
        kubernetes: KubeClient,
        trails: TrailStore,
        claims: NameClaims,
        queue: WorkQueue,
        reconcile: Reconcile,
        clock: Callable[[], float],
    ) -> None:
        kind = ObjectKind(KIND, TRAILS, lambda body, started: TrailState(body, started=started))
        super().__init__(kind, kubernetes, trails, queue, reconcile, clock)
        self._claims = claims

    def track(self, state: TrailState) -> Collection[str]:
        """Record the claim of a Trail; return the UIDs of Trails that waited because of its earlier claim."""
        return self._claims.update(state)

    def untrack(self, uid: str) -> Collection[str]:
        """Withdraw the claim of a Trail; return the UIDs of Trails that waited because of it."""
        return self._claims.withdraw(uid)
