"""One Pod on this node: its credentials, its containers in their order, its status, its end.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

import asyncio
import contextlib
import datetime
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trail_sandbox.kubernetes.node import environment, status
from trail_sandbox.kubernetes.node.api import Api, ApiError, Object
from trail_sandbox.kubernetes.node.container import Container, Surroundings
from trail_sandbox.kubernetes.node.credentials import Credentials
from trail_sandbox.kubernetes.node.environment import Command, ConfigError

_LOG = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_DEFAULT_GRACE = 30
_NOT_FOUND, _CONFLICT = 404, 409


def path(pod: Object) -> str:
    """The Pod's path in the API."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


async def let_go(api: Api, pod: Object) -> None:
    """Remove the object of a Pod that is being deleted and has no process any more."""
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": pod["metadata"]["uid"]},
    }
    while True:
        try:
            await api.delete(path(pod), options)
        except ApiError as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
        return


@dataclass(frozen=True)
class NodeContext:
    """What all Pods of the node share."""

    api: Api
    directory: Path
    """Logs and Pods' own directories."""
    variables: Mapping[str, str]
    """Environment of every container, before the Pod's own."""


class Pod:
    """One Pod, from its binding to its removal."""

    def __init__(self, pod: Object, ip: str, context: NodeContext) -> None:
        self._pod = pod
        self.ip = ip
        self._context = context
        self._directory = context.directory / pod["metadata"]["uid"]
        self._credentials = Credentials(context.api, pod, self._directory)
        self._changed = asyncio.Event()
        self._delete = asyncio.Event()
        self._removed = False
        self._initialized = False
        self._over = False
        self._written: Object = {}
        self._conditions: list[Object] = (pod.get("status") or {}).get("conditions") or []
        self._started_at = (pod.get("status") or {}).get("startTime") or status.timestamp(_now())
        self._init_containers = [self._container(spec, init=True) for spec in pod["spec"].get("initContainers") or []]
        self.containers = [self._container(spec) for spec in pod["spec"]["containers"]]

    # What the node tells it.

    def update(self, pod: Object) -> None:
        """The Pod's object has changed."""
        self._pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._delete.set()
        self._changed.set()

    def gone(self) -> None:
        """The Pod's object is no more: nothing is to be written, and nothing may live on."""
        self._removed = True
        self.kill()
        self._delete.set()

    def kill(self) -> None:
        """Kill all containers now."""
        for container in self._all_containers:
            container.kill()

    def container(self, name: str) -> Container | None:
        """The container of that name."""
        return next((c for c in self._all_containers if c.spec["name"] == name), None)

    def log(self, container: str) -> Path:
        """The file that a container writes to."""
        return self._context.directory / f"{self._namespace}_{self._name}_{container}.log"

    # Its life.

    async def run(self) -> None:
        """Live until the Pod's object is gone."""
        _LOG.info("%s/%s: begins at %s", self._namespace, self._name, self.ip)
        (self._directory / "tmp").mkdir(parents=True, exist_ok=True)
        writer = asyncio.create_task(self._keep_status())
        work = asyncio.create_task(self._work())
        work.add_done_callback(self._report)
        try:
            await self._delete.wait()
            await self._stop()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        finally:
            self.kill()
            work.cancel()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        await self._finish()
        shutil.rmtree(self._directory, ignore_errors=True)
        _LOG.info("%s/%s: is gone", self._namespace, self._name)

    async def _work(self) -> None:
        """Run the containers in their order, to the end if they have one."""
        async with asyncio.TaskGroup() as group:
            renewal = await self._first_token()
            renewing = group.create_task(self._credentials.keep(renewal))
            if await self._initialize(group):
                self._initialized = True
                self._changed.set()
                async with asyncio.TaskGroup() as containers:
                    for container in self.containers:
                        containers.create_task(container.run())
            for sidecar in self._init_containers:
                await sidecar.stop(self._grace)
            renewing.cancel()
        self._over = not self._delete.is_set()
        self._changed.set()

    async def _first_token(self) -> datetime.datetime:
        while True:
            try:
                return await self._credentials.renew()
            except ApiError as error:
                for container in self._all_containers:
                    container.record.waiting("ContainerCreating", f"no token: {error}")
                self._changed.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _initialize(self, group: asyncio.TaskGroup) -> bool:
        """Run the init containers one after the other; whether all succeeded."""
        for container in self._init_containers:
            if container.spec.get("restartPolicy") == "Always":  # a sidecar: it only has to have started
                group.create_task(container.run())
                await container.has_started.wait()
                continue
            await container.run()
            container.record.ready = container.record.exit_code == 0
            self._changed.set()
            if not container.record.ready:
                return False
        return True

    async def _stop(self) -> None:
        grace = 0.0 if self._removed else self._grace
        await asyncio.gather(*(container.stop(grace) for container in self.containers))
        await asyncio.gather(*(container.stop(grace) for container in self._init_containers))

    async def _finish(self) -> None:
        """Tell the API server how it ended and let the object go."""
        if not self._removed:
            with contextlib.suppress(ApiError):  # the object goes either way
                await self._write_status()
            await let_go(self._context.api, self._pod)

    def _report(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()):
            _LOG.error("%s/%s: given up", self._namespace, self._name, exc_info=error)

    # Its status.

    async def _keep_status(self) -> None:
        """Write the status whenever it is another one than was written last."""
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._write_status()
            except ApiError as error:
                _LOG.warning("%s/%s: status not written: %s", self._namespace, self._name, error)
                await asyncio.sleep(_RETRY_SECONDS)
                self._changed.set()

    async def _write_status(self) -> None:
        wanted = self._status()
        if wanted == self._written:
            return
        try:
            # The uid makes the API server refuse to write it to a later Pod of the same name.
            uid = self._pod["metadata"]["uid"]
            await self._context.api.patch(f"{path(self._pod)}/status", {"metadata": {"uid": uid}, "status": wanted})
        except ApiError as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise
        self._written = wanted
        self._conditions = wanted["conditions"]

    def _status(self) -> Object:
        records = [container.record for container in self.containers]
        init_records = [container.record for container in self._init_containers]
        over = self._over or (self._delete.is_set() and all(r.exit_code is not None for r in records))
        pod_phase = status.phase(records, self._initialized, over)
        return {
            "observedGeneration": self._pod["metadata"].get("generation"),
            "phase": pod_phase,
            "conditions": status.conditions(records, self._initialized, pod_phase, self._conditions, _now()),
            "hostIP": "127.0.0.1",
            "hostIPs": [{"ip": "127.0.0.1"}],
            "podIP": self.ip,
            "podIPs": [{"ip": self.ip}],
            "startTime": self._started_at,
            "qosClass": (self._pod.get("status") or {}).get("qosClass"),
            "initContainerStatuses": [record.as_status() for record in init_records],
            "containerStatuses": [record.as_status() for record in records],
        }

    # What its containers have.

    def _container(self, spec: Object, init: bool = False) -> Container:
        record = status.ContainerRecord(spec["name"], spec["image"])
        statuses = "initContainerStatuses" if init else "containerStatuses"
        for earlier in (self._pod.get("status") or {}).get(statuses) or []:
            if earlier["name"] == spec["name"]:
                record.resume(earlier)
        policy = spec.get("restartPolicy") or self._pod["spec"].get("restartPolicy") or "Always"
        if init and policy == "Always" and "restartPolicy" not in spec:
            policy = "OnFailure"  # an init container is done when it has succeeded
        surroundings = Surroundings(
            pod=f"{self._namespace}/{self._name}",
            ip=self.ip,
            directory=self._directory,
            log=self.log(spec["name"]),
            grace=self._grace,
            command=self._command,
            changed=self._changed.set,
        )
        return Container(spec, policy, record, surroundings)

    async def _command(self, spec: Object) -> Command:
        data: dict[tuple[str, str], Object] = {}
        for source in environment.sources(spec):
            resource = "configmaps" if source.kind == "ConfigMap" else "secrets"
            try:
                found = await self._context.api.get(f"/api/v1/namespaces/{self._namespace}/{resource}/{source.name}")
            except ApiError as error:
                if error.status != _NOT_FOUND:
                    raise
                if not source.optional:
                    raise ConfigError(f"{source.kind} {source.name} not found") from error
            else:
                data[source.kind, source.name] = found
        return environment.command(spec, self._pod, self.ip, data, self._variables())

    def _variables(self) -> dict[str, str]:
        return {
            # What a checkout's images hold is in its virtual environment, whose Python runs this.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "LANG": "C.UTF-8",
            "HOME": str(self._directory),
            "TMPDIR": str(self._directory / "tmp"),
            "HOSTNAME": self._name,
            **self._context.variables,
            "KUBECONFIG": str(self._credentials.kubeconfig),
        }

    @property
    def _all_containers(self) -> list[Container]:
        return [*self._init_containers, *self.containers]

    @property
    def name(self) -> tuple[str, str]:
        """Namespace and name."""
        return self._namespace, self._name

    @property
    def _name(self) -> str:
        return str(self._pod["metadata"]["name"])

    @property
    def _namespace(self) -> str:
        return str(self._pod["metadata"]["namespace"])

    @property
    def _grace(self) -> float:
        """How long the containers may take to end."""
        for value in (
            self._pod["metadata"].get("deletionGracePeriodSeconds"),
            self._pod["spec"].get("terminationGracePeriodSeconds"),
        ):
            if value is not None:
                return float(value)
        return _DEFAULT_GRACE


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
