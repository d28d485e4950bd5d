"""One asyncio task a Trail: a pass when the Trail changes, when a retry is due, and at every resync.

Level-triggered: a pass never knows why it runs. Changes of a Trail that arrive during a pass cause one more pass.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.aws.turns import Turns
from trail_operator.controller.claims import Claims
from trail_operator.controller.kube import Key, Kubernetes
from trail_operator.controller.subject import Subject
from trail_operator.telemetry.logs import about, logger

# At the start so many Trails are looked at together that need no more than that: enough to wait for AWS's answers side
# by side, few enough that what is new is not held up by all the others.
_LOOKS_AT_ONCE = 24
# A look that has taken so long no longer counts: AWS does not answer.
_SECONDS_A_LOOK = 2.0
_SECONDS_UNREADABLE = 60.0

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
        self._taking_up: asyncio.Task[None] | None = None
        self._stopping = False
        self.entered: Callable[[Subject], None] = lambda _: None
        """Called with each Trail that has come."""
        self.forgotten: Callable[[Subject], None] = lambda _: None
        """Called with each Trail that has gone."""

    def take_up(self, bodies: list[dict[str, Any]]) -> None:
        """All Trails that there are at the start: what was changed last comes first, what needs only a look last.

        A look costs some 10 ms of CPU. Those that need no more begin one after the other, so that nothing that is new
        waits behind them, and so that they stay apart ever after.
        """
        settled = sorted((body for body in bodies if _is_settled(body)), key=_created, reverse=True)
        # All claims are known before the first write.
        subjects = [subject for body in settled if (subject := self._enter(body))]
        for body in bodies:
            if not _is_settled(body):
                self.seen(body)
        self._taking_up = asyncio.create_task(self._begin_in_turn(subjects))

    def seen(self, body: dict[str, Any]) -> None:
        """A Trail as the API server has it now."""
        if self._stopping:
            return
        key = _key(body)
        subject = self._subjects.get(key)
        if subject is not None and subject.uid == body["metadata"]["uid"]:
            if subject.replace(body):
                subject.failures = 0  # another spec may well succeed: it does not inherit the wait
                self._wake_heirs(self._claims.update(subject))
                subject.wake.set()
                self._begin(subject)
            return
        if subject is not None:
            self._forget(subject)
        if entered := self._enter(body):
            self._begin(entered)

    def gone(self, body: dict[str, Any]) -> None:
        """A Trail that the API server no longer has."""
        subject = self._subjects.get(_key(body))
        if subject is not None and subject.uid == body["metadata"]["uid"]:
            self._forget(subject)

    def subjects(self) -> list[Subject]:
        """All Trails that are known."""
        return list(self._subjects.values())

    def wake(self, concerns: Callable[[Subject], bool]) -> None:
        """Look again at the Trails that something outside them concerns."""
        for subject in self._subjects.values():
            if concerns(subject):
                subject.failures = 0  # what has changed may well be what stood in the way
                subject.wake.set()

    async def stop(self, seconds: float) -> None:
        """End all tasks; those in a pass get some seconds to finish it."""
        self._stopping = True
        if self._taking_up:
            self._taking_up.cancel()
        busy = []
        for subject in self._subjects.values():
            if subject.busy and subject.task:
                busy.append(subject.task)
            elif subject.task:
                subject.task.cancel()
        if busy:
            _, late = await asyncio.wait(busy, timeout=seconds)
            for task in late:
                task.cancel()

    def _enter(self, body: dict[str, Any]) -> Subject | None:
        """None for an object that can't be read, which the API server should not have let in: it stops no other."""
        try:
            subject = Subject(body, started=self._clock())
            self._claims.enter(subject)
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            logger.exception("can't be read", extra=about(str(_key(body))))
            return None
        self._subjects[subject.key] = subject
        self.entered(subject)
        return subject

    def _begin(self, subject: Subject, looked: Callable[[], None] = lambda: None) -> None:
        """Begin with its passes, unless that was done. `looked`: called after the first."""
        if subject.task is None and self._is_known(subject):
            subject.task = asyncio.create_task(self._run(subject, looked), name=f"trail {subject.key}")
        else:
            looked()

    async def _begin_in_turn(self, subjects: list[Subject]) -> None:
        turns = Turns(_LOOKS_AT_ONCE, _SECONDS_A_LOOK)
        for subject in subjects:
            self._begin(subject, await turns.begin())

    async def _run(self, subject: Subject, looked: Callable[[], None]) -> None:
        while not self._stopping and self._is_known(subject):
            subject.wake.clear()
            subject.busy = True
            delay = await self._pass(subject)
            subject.busy = False
            looked()
            if delay is None:
                self._forget(subject)
            elif self._is_known(subject) and not self._stopping and not await _woken(subject.wake, delay):
                await self._refresh(subject)
        if not self._is_known(subject):  # the last pass may have entered its claim again
            self._wake_heirs(self._claims.withdraw(subject.uid))

    async def _pass(self, subject: Subject) -> float | None:
        try:
            self._wake_heirs(self._claims.update(subject))  # the watch may have missed what a read has shown
        except Exception:  # noqa: BLE001 - as when it is entered; another state of it may be readable
            logger.exception("can't be read", extra=about(str(subject.key)))
            return _SECONDS_UNREADABLE
        return await self._reconcile(subject)

    async def _refresh(self, subject: Subject) -> None:
        """What a watch missed, a timer finds: a pass that no event asked for begins with a fresh read."""
        try:
            body = await self._kubernetes.trail(subject.key)
        except ApiException as error:
            logger.warning(f"not read anew: {error.status} {error.reason}", extra=about(str(subject.key)))
            return  # the pass goes on with what is known
        except (ClientError, TimeoutError, OSError):
            return  # its own writes meet the same fault
        if body is None or body["metadata"]["uid"] != subject.uid:
            self._forget(subject)
        else:
            subject.replace(body)

    def _is_known(self, subject: Subject) -> bool:
        return self._subjects.get(subject.key) is subject

    def _forget(self, subject: Subject) -> None:
        if self._is_known(subject):
            del self._subjects[subject.key]
            self.forgotten(subject)
        if subject.task and not subject.busy and subject.task is not asyncio.current_task():
            subject.task.cancel()  # one in a pass ends by itself after it
        self._wake_heirs(self._claims.withdraw(subject.uid))

    def _wake_heirs(self, heirs: Collection[str]) -> None:
        """Look again at the Trails that waited for another to let go of what they claim."""
        for other in self._subjects.values() if heirs else ():
            if other.uid in heirs:
                other.wake.set()


def _is_settled(body: dict[str, Any]) -> bool:
    """Whether a Trail's spec was seen to, so that it needs no more than a look."""
    metadata = body["metadata"]
    is_observed = (body.get("status") or {}).get("observedGeneration") == metadata["generation"]
    return is_observed and "deletionTimestamp" not in metadata


def _created(body: dict[str, Any]) -> str:
    return str(body["metadata"]["creationTimestamp"])


def _key(body: dict[str, Any]) -> Key:
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
