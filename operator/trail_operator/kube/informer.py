"""An informer for a kind that the cluster may not have: its definition or its permissions may come later, or go.

kopf watches the other kinds. It ignores a kind that is missing at the start for ever, and ends the process for one that
may not be read.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.kube.answers import NO_ANSWER, OddAnswerError, is_whole
from trail_operator.kube.client import FORBIDDEN, NOT_FOUND, Resource
from trail_operator.kube.watch_client import ObjectList, WatchClient
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import about, logger

# Seconds until the next attempt: while the kind is missing, and after the first and later failures.
_MISSING_RETRY = 30.0
_FIRST_RETRY = 1.0
_LAST_RETRY = 30.0
# Failures in a row from which on they are logged.
_LASTING = 4


class EventHandler(Protocol):
    """Handles the events of one kind of object."""

    def on_update(self, body: dict[str, Any]) -> None:
        """Handle an object that exists, as listed, added or modified."""

    def on_delete(self, body: dict[str, Any]) -> None:
        """Handle the deletion of an object."""


class ObjectHandler(EventHandler, Protocol):
    """Also handles lists."""

    def start(self, bodies: list[dict[str, Any]]) -> None:
        """Handle the objects that exist at the start."""

    def on_list(self, bodies: list[dict[str, Any]], requested: float) -> object | None:
        """Handle a list of all objects. Returns one that the watch should have reported and has not."""


@dataclass(frozen=True)
class OptionalKind:
    """A kind that the cluster may not have, and the namespaces to watch it in, none for all."""

    name: str
    resource: Resource
    namespaces: Sequence[str] = ()


class _MissingError(Exception):
    """The cluster does not have the kind, or the operator may not read it. The message says why, and what to do."""


class Informer:
    """Lists and watches the objects of one kind. While that is not possible there are none, and it tries again."""

    def __init__(
        self,
        client: WatchClient,
        kind: OptionalKind,
        handler: ObjectHandler,
        on_available: Callable[[bool], None],
        clock: Clock,
    ) -> None:
        """`on_available`: called with whether the kind is available, when that is known and when it changes."""
        self._client = client
        self._kind = kind
        self._handler = handler
        self._on_available = on_available
        self._clock = clock
        self._has_started = False
        self._available: bool | None = None
        self._failures = 0
        """Failures in a row."""
        self._logged = ""
        self._relist = asyncio.Event()

    async def run(self) -> None:
        """Follow the kind for ever."""
        while True:
            await self._clock.sleep(await self._follow())

    async def check(self) -> None:
        """List all objects, if the kind is available: this makes up for what the watch has missed."""
        if not self._available:
            return
        requested = self._clock.monotonic()
        try:
            bodies = _bodies(await self._list())
        except (ApiException, *NO_ANSWER):
            return  # the watch meets the same error
        if self._handler.on_list(bodies, requested) is not None:
            logger.warning(f"the watch of {self._kind.name}s does not run: it begins again")
            self._relist.set()

    async def _follow(self) -> float:
        """List and watch until that fails; return the seconds until the next attempt."""
        self._relist.clear()
        try:
            requested = self._clock.monotonic()
            lists = await self._list_or_missing()
            self._deliver(_bodies(lists), requested)
            await self._watch({namespace: found.version for namespace, found in lists.items()})
        except _MissingError as error:
            self._withdraw(str(error))
            return _MISSING_RETRY
        except (ApiException, *NO_ANSWER) as error:
            return self._back_off(error)
        return 0.0

    async def _list(self) -> dict[str, ObjectList]:
        """Return the lists of all namespaces."""
        namespaces = self._kind.namespaces or ("",)
        return {name: await self._client.list_objects(self._kind.resource, name) for name in namespaces}

    async def _list_or_missing(self) -> dict[str, ObjectList]:
        """Raise _MissingError if discovery confirms that the kind is missing: a proxy answers 404 as well."""
        try:
            return await self._list()
        except (ApiException, OddAnswerError) as error:
            if error.status not in (FORBIDDEN, NOT_FOUND):
                raise
            # Permissions are checked first: a kind that is missing may also be forbidden.
            if not await self._client.is_served(self._kind.resource):
                raise _MissingError(
                    "the API server does not serve this kind: apply its CustomResourceDefinition"
                ) from error
            if isinstance(error, ApiException) and error.status == FORBIDDEN:
                raise _MissingError(
                    f"the service account lacks permission ({error.status} {error.reason}): add it to its role"
                ) from error
            raise

    def _deliver(self, bodies: list[dict[str, Any]], requested: float) -> None:
        """Pass on what was listed. An object that the list lacks is gone."""
        if not self._has_started:
            self._has_started = True
            self._handler.start(bodies)
        for body in bodies:
            self._pass_on({"type": "ADDED", "object": body})
        self._handler.on_list(bodies, requested)
        if not self._available:
            where = ", ".join(self._kind.namespaces) or "all namespaces"
            logger.info(f"watching {self._kind.name}s in {where}; {len(bodies)} found")
            self._logged = ""
        self._set_available(True)

    def _withdraw(self, problem: str) -> None:
        """The kind is missing: its objects are gone, or must not be acted on as they were last."""
        if self._has_started:
            self._handler.on_list([], self._clock.monotonic())
        self._failures = 0
        self._log(f"{self._kind.name}s are not handled: {problem}")
        self._set_available(False)

    async def _watch(self, versions: Mapping[str, str]) -> None:
        """Watch all namespaces until a new list is requested. Raises what a watch raises."""
        tasks = [asyncio.create_task(self._watch_one(*scope)) for scope in versions.items()]
        tasks.append(asyncio.create_task(self._wait_for_relist()))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_for_relist(self) -> None:
        await self._relist.wait()

    async def _watch_one(self, namespace: str, version: str) -> None:
        """Watch one namespace, again from where the last watch ended."""
        while True:
            started = self._clock.monotonic()
            async with aclosing(self._client.watch(self._kind.resource, namespace, version)) as events:
                async for event in events:
                    version = self._pass_on(event) or version
                    self._failures, self._logged = 0, ""
            if self._clock.monotonic() - started < _FIRST_RETRY:
                await self._clock.sleep(_FIRST_RETRY)

    def _pass_on(self, event: Mapping[str, Any]) -> str | None:
        """Pass on an event, unless it is a bookmark; return the version that it brings."""
        body: dict[str, Any] = event["object"]
        version = body.get("metadata", {}).get("resourceVersion")
        if event["type"] != "BOOKMARK":
            try:
                dispatch(event, self._handler)
            except Exception:  # noqa: BLE001 - one odd object must not block others
                logger.exception(f"failed to handle a {self._kind.name}", extra=about(f"{self._kind.name} {version}"))
        return version if isinstance(version, str) else None

    def _back_off(self, error: Exception) -> float:
        """Log an error that lasts; return the seconds until the next attempt."""
        self._failures += 1
        if self._failures >= _LASTING:
            self._log(f"failed to watch {self._kind.name}s: {_described(error)}")
        delay = min(_FIRST_RETRY * 2.0 ** min(self._failures - 1, 16), _LAST_RETRY)
        return delay * (0.5 + 0.5 * self._clock.random())

    def _set_available(self, available: bool) -> None:
        if available is not self._available:
            self._available = available
            self._on_available(available)

    def _log(self, problem: str) -> None:
        """Log a problem once, when it begins."""
        if problem != self._logged:
            logger.warning(problem)
            self._logged = problem


def dispatch(event: Mapping[str, Any], handler: EventHandler) -> None:
    """Pass an event of a watch on, unless its object is malformed."""
    body: dict[str, Any] = dict(event["object"])
    if not is_whole(body):
        logger.warning("ignored an event of the watch: its object is malformed")
    elif event["type"] == "DELETED":
        handler.on_delete(body)
    else:
        handler.on_update(body)


def _bodies(lists: Mapping[str, ObjectList]) -> list[dict[str, Any]]:
    return [body for found in lists.values() for body in found.items]


def _described(error: Exception) -> str:
    if isinstance(error, ApiException):
        return f"{error.status} {error.reason}"
    return str(error) if isinstance(error, OddAnswerError) else type(error).__name__
