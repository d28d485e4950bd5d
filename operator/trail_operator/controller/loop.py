"""One asyncio task a Trail: a pass when the Trail changes, when a retry is due, and at every resync.

Level-triggered: a pass never knows why it runs. Changes of a Trail that arrive during a pass cause one more pass.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from trail_operator.controller.claims import Claims
from trail_operator.controller.kube import Key, Kubernetes
from trail_operator.controller.subject import Subject

Reconcile = Callable[[Subject], Awaitable[float | None]]


class Loop:
    """Runs the passes of all Trails."""

    def __init__(
        self, kubernetes: Kubernetes, claims: Claims, reconcile: Reconcile, clock: Callable[[], float]
    ) -> None:
        self._kubernetes = kubernetes
        self._claims = claims
        self._reconcile = reconcile
        self._clock = clock
        self._subjects: dict[Key, Subject] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._stopping = False

    def seen(self, body: dict[str, Any]) -> None:
        """A Trail as the API server has it now."""
        if self._stopping:
            return
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        subject = self._subjects.get(key)
        if subject is not None and subject.uid == body["metadata"]["uid"]:
            if subject.replace(body):
                self._claims.enter(subject)
                subject.wake.set()
            return
        if subject is not None:
            self.gone(subject.body)
        subject = Subject(body, started=self._clock())
        self._subjects[key] = subject
        self._claims.enter(subject)
        self._tasks[key] = asyncio.create_task(self._run(subject), name=f"trail {key}")

    def gone(self, body: dict[str, Any]) -> None:
        """A Trail that the API server no longer has."""
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        subject = self._subjects.get(key)
        if subject is None or subject.uid != body["metadata"]["uid"]:
            return
        task = self._tasks.pop(key)
        if not subject.busy:  # else it ends by itself after the pass
            task.cancel()
        self._forget(subject)

    async def stop(self, seconds: float) -> None:
        """End all tasks; those in a pass get some seconds to finish it."""
        self._stopping = True
        for key, subject in self._subjects.items():
            if not subject.busy:
                self._tasks[key].cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=seconds)
            for task in late:
                task.cancel()

    async def _run(self, subject: Subject) -> None:
        while not self._stopping and self._subjects.get(subject.key) is subject:
            subject.wake.clear()
            subject.busy = True
            try:
                delay = await self._reconcile(subject)
            finally:
                subject.busy = False
            if delay is None:
                self._forget(subject)
                self._tasks.pop(subject.key, None)
                return
            if self._stopping or await _woken(subject.wake, delay):
                continue
            await self._refresh(subject)

    async def _refresh(self, subject: Subject) -> None:
        """What a watch missed, a timer finds: a pass that no event asked for begins with a fresh read."""
        try:
            body = await self._kubernetes.trail(subject.key)
        except Exception:  # noqa: BLE001 - the pass goes on with what is known, and its own writes meet the same fault
            return
        if body is None or body["metadata"]["uid"] != subject.uid:
            self._forget(subject)
        else:
            subject.replace(body)

    def _forget(self, subject: Subject) -> None:
        if self._subjects.get(subject.key) is subject:
            del self._subjects[subject.key]
        heirs = set(self._claims.withdraw(subject.uid))
        for other in self._subjects.values():
            if other.uid in heirs:
                other.wake.set()


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
