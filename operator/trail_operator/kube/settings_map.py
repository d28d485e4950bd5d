"""Publishes the leader's settings in a ConfigMap beside its Lease: `trail-operator plan` reads them there."""

from collections.abc import Mapping
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.constants import SETTINGS_LABEL
from trail_operator.kube.answers import NO_ANSWER, is_not_found, whole_object
from trail_operator.kube.client import CONFIG_MAPS, Key
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.leader_election import LeaderFence
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger

_LABELS = {SETTINGS_LABEL: "true"}
_RETRY_PERIOD = 60.0


class SettingsMap:
    """The ConfigMap of one Lease."""

    def __init__(self, connection: ApiConnection, namespace: str, lease: str, fence: LeaderFence, clock: Clock) -> None:
        self._connection = connection
        self._key = Key(namespace, f"{lease}-settings")
        self._fence = fence
        self._clock = clock

    async def publish(self, data: Mapping[str, str]) -> None:
        """Write the settings, if they are not there already; retry until that succeeds. Logs each problem once."""
        logged = ""
        while True:
            try:
                await self._write(data)
            except ApiException as error:
                problem = f"the API server answers {error.status} {error.reason}"
            except NO_ANSWER as error:
                problem = f"no answer from the API server ({type(error).__name__})"
            else:
                return
            if problem != logged:
                logger.warning(f"failed to publish the settings in the ConfigMap {self._key}: {problem}")
                logged = problem
            await self._clock.sleep(_RETRY_PERIOD)

    async def _write(self, data: Mapping[str, str]) -> None:
        found = await self._read()
        metadata: dict[str, Any] = found["metadata"] if found else {"name": self._key.name}
        labels = metadata.get("labels") or {}
        if found and found.get("data") == data and _LABELS.items() <= labels.items():
            return
        self._fence.check()
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {**metadata, "labels": labels | _LABELS},
            "data": dict(data),
        }
        if found:
            await self._connection.request("PUT", CONFIG_MAPS.path(self._key), body)
        else:
            await self._connection.request("POST", CONFIG_MAPS.collection(self._key.namespace), body)

    async def _read(self) -> dict[str, Any] | None:
        try:
            answer = await self._connection.request("GET", CONFIG_MAPS.path(self._key))
        except ApiException as error:
            if is_not_found(error, self._key.name):
                return None
            raise
        return whole_object(answer, self._key.name, self._key.namespace)
