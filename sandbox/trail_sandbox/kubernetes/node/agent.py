"""The node itself: it registers, takes every Pod that has no node yet, and keeps a `Pod` for each that it has."""

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

from trail_sandbox.kubernetes.node.addresses import Addresses
from trail_sandbox.kubernetes.node.api import Api, ApiError, Object
from trail_sandbox.kubernetes.node.kubelet import ContainerLog
from trail_sandbox.kubernetes.node.pod import NodeContext, Pod, let_go

_LOG = logging.getLogger(__name__)

NAME = "sandbox"
_PODS = "/api/v1/pods"
_NODES = "/api/v1/nodes"
_RETRY_SECONDS = 1.0
_NOT_FOUND, _CONFLICT = 404, 409
_SCHEDULER = "default-scheduler"
_CAPACITY = {"cpu": str(os.cpu_count()), "memory": "16Gi", "pods": "250", "ephemeral-storage": "100Gi"}


class Agent:
    """What a kubelet and a scheduler are to a cluster, for one node."""

    def __init__(self, context: NodeContext, addresses: Addresses) -> None:
        self._context = context
        self._api: Api = context.api
        self._addresses = addresses
        self._pods: dict[str, Pod] = {}
        self._binding: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(self, kubelet_port: int) -> None:
        """Make the Node, ready for Pods."""
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux"}},
        }
        try:
            await self._api.post(_NODES, node)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
        # The API server gives a new Node the taint `not-ready`, which the controller that is not here would take off.
        await self._api.patch(f"{_NODES}/{NAME}", {"spec": {"taints": None}})
        await self._api.patch(f"{_NODES}/{NAME}/status", {"status": _node_status(kubelet_port)})

    async def run(self) -> None:
        """Follow all Pods until this ends, and all of their processes with it."""
        try:
            while True:
                try:
                    await self._follow(await self._list())
                except ApiError as error:
                    _LOG.warning("following Pods: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            for pod in self._pods.values():
                pod.kill()

    def log_of(self, namespace: str, pod: str, container: str) -> ContainerLog | None:
        """The log of a container that the node has."""
        for candidate in self._pods.values():
            if candidate.name == (namespace, pod) and (found := candidate.container(container)):
                running = "running" in found.record.state
                return ContainerLog(candidate.log(container), found.log_start, running)
        return None

    async def _list(self) -> str:
        """Bring the node in step with all Pods that there are; the answer is the state of the world they are of."""
        listed = await self._api.get(_PODS)
        present = set()
        for pod in listed["items"]:
            present.add(pod["metadata"]["uid"])
            await self._handle(pod)
        for uid in set(self._pods) - present:
            self._gone(uid)
        return str(listed["metadata"]["resourceVersion"])

    async def _follow(self, resource_version: str) -> None:
        """Handle changes until a watch fails in a way that requires a new list."""
        while True:
            async for event in self._api.watch(_PODS, resource_version):
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 0), event["object"].get("message", ""))
                resource_version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._gone(event["object"]["metadata"]["uid"])
                elif event["type"] != "BOOKMARK":
                    await self._handle(event["object"])

    async def _handle(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._pods:
            self._pods[uid].update(pod)
        elif pod["spec"].get("nodeName") == NAME:
            self._take(pod)
        elif _is_for_us(pod) and uid not in self._binding:
            self._binding.add(uid)
            self._spawn(self._bind(pod))

    def _take(self, pod: Object) -> None:
        """Begin a Pod's life here, unless an earlier life of the node saw its end."""
        status = pod.get("status") or {}
        if pod["metadata"].get("deletionTimestamp"):
            self._spawn(let_go(self._api, pod))
        elif status.get("phase") not in ("Succeeded", "Failed"):
            ours = Pod(pod, self._addresses.take(status.get("podIP")), self._context)
            self._pods[pod["metadata"]["uid"]] = ours
            self._spawn(self._keep(ours))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, pod: Pod) -> None:
        try:
            await pod.run()
        except Exception:  # noqa: BLE001 - one Pod's trouble must not end the node; the log has all of it
            _LOG.exception("%s/%s: given up", *pod.name)
        finally:
            self._addresses.give_back(pod.ip)

    def _gone(self, uid: str) -> None:
        if pod := self._pods.pop(uid, None):
            pod.gone()

    async def _bind(self, pod: Object) -> None:
        """Do the scheduler's work: the Pod is this node's from now on, and comes back so in the watch."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "uid": pod["metadata"]["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NAME},
        }
        try:
            while True:
                if await self._is_decided(f"/api/v1/namespaces/{namespace}/pods/{name}/binding", binding):
                    return
                await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._binding.discard(pod["metadata"]["uid"])

    async def _is_decided(self, path: str, binding: Object) -> bool:
        """Try to bind a Pod; decided is also that it is gone, or bound already."""
        try:
            await self._api.post(path, binding)
        except ApiError as error:
            _LOG.warning("%s: %s", path, error)
            return error.status in (_NOT_FOUND, _CONFLICT)
        return True


def _is_for_us(pod: Object) -> bool:
    spec = pod["spec"]
    waits = spec.get("nodeName") or spec.get("schedulingGates") or pod["metadata"].get("deletionTimestamp")
    return not waits and spec.get("schedulerName", _SCHEDULER) == _SCHEDULER


def _node_status(kubelet_port: int) -> Object:
    return {
        "addresses": [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": "localhost"},
        ],
        "capacity": _CAPACITY,
        "allocatable": _CAPACITY,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "SandboxNode",
                "message": "Pods run as processes of this machine",
            }
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
        "nodeInfo": {
            "architecture": "",
            "bootID": "",
            "containerRuntimeVersion": "processes://1",
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "kubeletVersion": "sandbox",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "this machine",
            "systemUUID": "",
        },
    }
