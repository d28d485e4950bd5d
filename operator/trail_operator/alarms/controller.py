"""The TrailAlarmSet controller: which TrailAlarmSets exist, and when each is reconciled."""

from collections.abc import Awaitable, Callable

from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.constants import ALARM_SET_KIND
from trail_operator.kube.client import ALARM_SETS, Key, KubeClient
from trail_operator.kube.object_controller import ObjectController, ObjectKind
from trail_operator.runtime.store import Store
from trail_operator.runtime.work_queue import WorkQueue

AlarmSetStore = Store[Key, AlarmSetState]


class AlarmSetController(ObjectController[AlarmSetState]):
    """Keeps store and work queue in step with the TrailAlarmSets that the API server has."""

    def __init__(
        self,
        kubernetes: KubeClient,
        alarm_sets: AlarmSetStore,
        queue: WorkQueue,
        reconcile: Callable[[AlarmSetState], Awaitable[float | None]],
        clock: Callable[[], float],
    ) -> None:
        kind = ObjectKind(ALARM_SET_KIND, ALARM_SETS, lambda body, started: AlarmSetState(body, started=started))
        super().__init__(kind, kubernetes, alarm_sets, queue, reconcile, clock)
