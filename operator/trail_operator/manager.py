"""The operator as a process: endpoints, connection, Lease, and a Controller while it leads."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.aws.connection_errors import hindrance
from trail_operator.controllers import Controllers, InitialObjects
from trail_operator.domain.ownership import Cluster
from trail_operator.kube.answers import NO_ANSWER, OddAnswerError
from trail_operator.kube.client import AWS_ACCOUNTS, FORBIDDEN, NAMESPACES, TRAILS, ApiConnection, KubeClient
from trail_operator.kube.leader_election import LeaderElector, without_lease
from trail_operator.kube.route import Route
from trail_operator.kube.watch_session import Watches
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.health import Health
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.tasks import restarting
from trail_operator.settings import Settings, current_and_former
from trail_operator.watchdog import Watchdog
from trail_operator.wiring import build_controllers

_SHUTDOWN_PATIENCE = 6.0
_START_POLL = 2.0
_NOT_FOUND = 404

# Its UID is the name of a cluster that has no other.
_NAMING = "kube-system"

T = TypeVar("T")


class ClusterNameError(Exception):
    """Raised where the cluster's present name is listed as a former one."""


class Manager:
    """From start to stop."""

    def __init__(self, settings: Settings, end: Callable[[str], None]) -> None:
        """`end`: called with the reason when this process is of no use any more, and has to end."""
        self._settings = settings
        self._end = end
        # Another one after every start: of what an earlier process has sent, something may still be under way.
        self._identity = f"{socket.gethostname()}_{uuid4().hex[:8]}"
        self._metrics = Metrics()
        self._clock = Clock()
        self._health = Health(self._metrics.registry)
        self.watches = Watches(settings.namespace)
        """What kopf watches once the process has started."""
        self._leadership = without_lease(time.monotonic)
        self._connection: ApiConnection | None = None
        self._lease: LeaderElector | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._controllers: Controllers | None = None

    @property
    def controllers(self) -> Controllers:
        """What works, once the process has started."""
        if self._controllers is None:
            raise RuntimeError("the process has not started")
        return self._controllers

    @property
    def route(self) -> Route:
        """The way to the API server, once the process has connected."""
        if self._connection is None:
            raise RuntimeError("the process has not connected")
        return self._connection.route

    async def start(self) -> None:
        """Connect, wait for the Lease if there is one, and take up every Trail that exists."""
        settings = self._settings
        port = await self._health.serve(settings.health_host, settings.health_port)
        logger.info(f"health endpoints and metrics on {settings.health_host}:{port}")
        self._connection = connection = await ApiConnection.open()
        if settings.leader_election:
            self._lease = LeaderElector(
                *(connection, settings.lease_namespace, settings.lease_name, self._identity),
                clock=time.monotonic,
                sleep=asyncio.sleep,
            )
            self._leadership = self._lease.fence
        kubernetes = KubeClient(connection, self._identity, self._leadership.check)
        # The cluster's names after the manifests: where the role is not bound yet, they would seem forbidden for good.
        if lease := self._lease:
            await _patiently(f"the Lease {lease}", lease.read)
            await _manifests(kubernetes, settings)
            cluster = await _cluster(kubernetes, settings)
            self._health.is_fit = lambda: lease.observed_recently  # to take over: readiness does not tell who leads
            await lease.acquire()
            self._health.is_fit = lambda: False
            self._keeping = asyncio.create_task(self._keep(lease))
            initial_objects = await _manifests(kubernetes, settings)
        else:
            initial_objects = await _manifests(kubernetes, settings)
            cluster = await _cluster(kubernetes, settings)
        self._controllers = build_controllers(
            settings, self._metrics, self._clock, kubernetes, self._leadership, cluster
        )
        self._controllers.start(initial_objects)
        self._watching = asyncio.create_task(self._watch_over(self._controllers, kubernetes))
        # Not before: one that has the Lease and may read nothing is of no use, and that is to be seen.
        self._metrics.leader.set_function(lambda: self._leadership.is_leading)
        self._health.is_fit = lambda: self._leadership.is_leading and self.watches.run
        scope = ", ".join(settings.namespace) or "all namespaces"
        logger.info(f"watching Trails in {scope} as owner {cluster.name}; {len(initial_objects.trails)} found")

    async def stop(self) -> None:
        """Finish what is under way, if it does not take long, and let another take over."""
        closing = asyncio.create_task(self._health.close())  # whoever reads an answer slowly holds up nothing else
        if self._keeping:  # what is left of its term is enough, and where it is not given back, another waits less
            self._keeping.cancel()
        if self._watching:
            self._watching.cancel()
        patience = _SHUTDOWN_PATIENCE if self._leadership.is_leading else 0.0
        all_is_done = self._controllers is None or await self._controllers.stop(patience)
        if self._lease and all_is_done:
            await self._lease.release()
        await closing
        if self._connection:
            await self._connection.close()

    async def _watch_over(self, controllers: Controllers, kubernetes: KubeClient) -> None:
        watchdog = Watchdog(
            controllers.trails,
            controllers.accounts,
            lambda: kubernetes.list_objects(TRAILS, self._settings.namespace),
            resync=self._settings.resync.total_seconds(),
            clock=time.monotonic,
            unheard=self._end,
        )
        await restarting(watchdog.run, self._metrics.task_restarted, about("watchdog"))

    async def _keep(self, lease: LeaderElector) -> None:
        try:
            await lease.renew()
        except Exception:  # noqa: BLE001 - whatever it is: one that does not keep the Lease must not stay
            logger.exception(f"the Lease {lease} is no longer kept")
        self._end("another may work now: this process has lost its Lease, and ends to begin anew")


async def _manifests(kubernetes: KubeClient, settings: Settings) -> InitialObjects:
    return InitialObjects(
        await _patiently("namespaces", lambda: kubernetes.list_objects(NAMESPACES)),
        await _patiently("AWSAccounts", lambda: kubernetes.list_objects(AWS_ACCOUNTS)),
        await _patiently("Trails", lambda: kubernetes.list_objects(TRAILS, settings.namespace)),
    )


async def _patiently(what: str, read: Callable[[], Awaitable[T]]) -> T:
    """The answer to a first read of the API server, however long that is not ready, not reachable or not permitting."""
    told = ""
    while True:
        try:
            return await read()
        except ApiException as error:
            problem = f"the API server answers {error.status} {error.reason}"
            if error.status == FORBIDDEN:
                problem = f"the operator's service account may not: is its role bound? {error.reason}"
        except OddAnswerError as error:
            problem = f"the API server answers {error}"
            if error.status == _NOT_FOUND:  # to whom it serves no such kind, the API server answers plain text
                problem = "the API server does not know it: is the CustomResourceDefinition applied?"
        except NO_ANSWER as error:
            why = hindrance(error, "the certificate-authority of the kubeconfig")
            problem = f"the API server does not answer ({type(error).__name__}){why and ': '}{why}"
        if problem != told:
            logger.warning(f"waiting to read {what}: {problem}")
            told = problem
        await asyncio.sleep(_START_POLL)


async def _cluster(kubernetes: KubeClient, settings: Settings) -> Cluster:
    """The cluster's names. Raises ClusterNameError where the present one is listed as a former one."""
    former = frozenset(settings.former_cluster_names)
    if name := settings.cluster_name:
        uid = await _patiently(f"the UID of namespace {_NAMING}", lambda: _uid_if_allowed(kubernetes))
        return Cluster(name, (former | {uid} if uid else former) - {name})
    uid = await _patiently(
        f"the UID of namespace {_NAMING} (or set --cluster-name)", lambda: kubernetes.namespace_uid(_NAMING)
    )
    if uid in former:
        raise ClusterNameError(current_and_former(f"the UID of namespace {_NAMING}, {uid},"))
    return Cluster(uid, former)


async def _uid_if_allowed(kubernetes: KubeClient) -> str | None:
    """The name that the cluster had in owner tags before --cluster-name was set; None where it may not be read."""
    try:
        return await kubernetes.namespace_uid(_NAMING)
    except ApiException as error:
        if error.status != FORBIDDEN:
            raise
        logger.warning(
            f"no permission to get namespace {_NAMING}: owner tags with its UID, as written before --cluster-name was "
            "set, are not recognized unless --former-cluster-names lists it"
        )
        return None
