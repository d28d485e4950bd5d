"""A Pod's status, made from what its containers are doing. Pure.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from trail_sandbox.kubernetes.node.api import Object

KILLED_EXIT_CODE = 128 + 9


def timestamp(moment: datetime.datetime) -> str:
    """A time as the API spells it."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ContainerRecord:
    """The observed state of one container."""

    name: str
    image: str
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: Object = field(default_factory=dict)
    restarts: int = 0
    started: bool = False
    ready: bool = False

    def resume(self, earlier: Object) -> None:
        """Take over from an earlier life of the node, which ended with the container's."""
        if "running" in earlier["state"] or "terminated" in earlier["state"]:
            self.restarts = earlier["restartCount"] + 1
            self.last_state = {"terminated": {"exitCode": KILLED_EXIT_CODE, "reason": "Error"}}

    def restarts_now(self) -> None:
        """It is about to live again. In one step: who sees the higher count also sees how the last life ended."""
        self._remember_the_end()
        self.restarts += 1

    def waiting(self, reason: str, message: str) -> None:
        """It is not running, and why."""
        self._remember_the_end()
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.started = self.ready = False

    def running(self, now: datetime.datetime) -> None:
        """Its process lives."""
        self.state = {"running": {"startedAt": timestamp(now)}}

    def terminated(self, exit_code: int, reason: str, message: str, now: datetime.datetime) -> None:
        """Its process has ended."""
        started = self.state.get("running", {}).get("startedAt", timestamp(now))
        ended = {"exitCode": exit_code, "reason": reason, "startedAt": started, "finishedAt": timestamp(now)}
        self.state = {"terminated": {**ended, "message": message} if message else ended}
        self.started = self.ready = False

    def _remember_the_end(self) -> None:
        if "terminated" in self.state:
            self.last_state = self.state

    @property
    def exit_code(self) -> int | None:
        """Of a container that has ended."""
        code: int | None = self.state.get("terminated", {}).get("exitCode")
        return code

    def as_status(self) -> Object:
        """The entry in the Pod's containerStatuses."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "state": self.state,
            "lastState": self.last_state,
            "restartCount": self.restarts,
            "ready": self.ready,
            "started": self.started,
        }


def phase(records: Sequence[ContainerRecord], initialized: bool, over: bool) -> str:
    """The Pod's phase; `over` means that nothing will be started any more."""
    if over:
        codes = [record.exit_code for record in records]
        return "Succeeded" if all(code == 0 for code in codes) else "Failed"
    begun = any(r.restarts or "running" in r.state or "terminated" in r.state for r in records)
    return "Running" if initialized and begun else "Pending"


def conditions(
    records: Sequence[ContainerRecord],
    initialized: bool,
    pod_phase: str,
    previous: Sequence[Object],
    now: datetime.datetime,
) -> list[Object]:
    """The Pod's conditions; the time of one changes with its status only."""
    unready = [record.name for record in records if not record.ready]
    if pod_phase in ("Succeeded", "Failed"):
        readiness = _condition("False", "PodCompleted" if pod_phase == "Succeeded" else "PodFailed")
    elif unready:
        readiness = _condition("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    else:
        readiness = _condition("True")
    wanted = {
        "PodReadyToStartContainers": _condition("True"),
        "Initialized": _condition("True") if initialized else _condition("False", "ContainersNotInitialized"),
        "Ready": readiness,
        "ContainersReady": readiness,
        "PodScheduled": _condition("True"),
    }
    before = {condition["type"]: condition for condition in previous}
    result = []
    for kind, condition in wanted.items():
        old = before.get(kind, {})
        same = old.get("status") == condition["status"]
        since = old["lastTransitionTime"] if same else timestamp(now)
        result.append({"type": kind, **condition, "lastTransitionTime": since})
    return result


def _condition(status: str, reason: str | None = None, message: str | None = None) -> Object:
    optional = {"reason": reason, "message": message}
    return {"status": status, **{key: value for key, value in optional.items() if value}}
