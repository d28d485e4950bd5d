"""The operator as a process: health endpoints, leader election, and the controllers while it leads."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import TypeAlias, TypeVar
from uuid import uuid4

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from trail_operator.api.constants import ALARM_SET_KIND
from trail_operator.aws.connection_errors import explain_connection_error
from trail_operator.controllers import Controllers, InitialObjects
from trail_operator.domain.ownership import Cluster
from trail_operator.kube.answers import NO_ANSWER, OddAnswerError
from trail_operator.kube.client import ALARM_SETS, AWS_ACCOUNTS, FORBIDDEN, NAMESPACES, NOT_FOUND, TRAILS, KubeClient
from trail_operator.kube.connection import ApiConnection
from trail_operator.kube.dropped_fields import DroppedFields
from trail_operator.kube.informer import Informer, OptionalKind
from trail_operator.kube.leader_election import LeaderElector, LeaderFence, without_lease
from trail_operator.kube.route import Route, RouteError
from trail_operator.kube.settings_map import SettingsMap
from trail_operator.kube.watch_client import WatchClient
from trail_operator.kube.watch_session import Watches
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.health import Health
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.tasks import supervise
from trail_operator.settings import Settings, current_and_former, published_texts
from trail_operator.watchdog import Watchdog

# Seconds.
_SHUTDOWN_TIMEOUT = 6.0
_RETRY_PERIOD = 2.0

# The namespace whose UID identifies a cluster without --cluster-name.
_KUBE_SYSTEM = "kube-system"

T = TypeVar("T")
BuildControllers: TypeAlias = Callable[[KubeClient, LeaderFence, Cluster], Controllers]


class StartError(Exception):
    """The process cannot start. The message says why, and what to do."""


class Manager:
    """Starts and stops the operator, and knows whether it is ready."""

    def __init__(
        self, settings: Settings, build: BuildControllers, metrics: Metrics, clock: Clock, end: Callable[[str], None]
    ) -> None:
        """`build`: builds the controllers, once; `end`: called with the reason when the process must end."""
        self._settings = settings
        self._build = build
        self._metrics = metrics
        self._clock = clock
        self._end = end
        # New after each start: requests that an earlier process sent may still be in flight.
        self._identity = f"{socket.gethostname()}_{uuid4().hex[:8]}"
        self._health = Health(metrics.registry, self._is_ready)
        self.watches = Watches(settings.namespace)
        """What kopf watches once the manager has started."""
        self._fence = without_lease(clock.monotonic)
        self._connection: ApiConnection | None = None
        self._elector: LeaderElector | None = None
        self._is_standby = False
        self._controllers: Controllers | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def controllers(self) -> Controllers:
        """The controllers, once the manager has started."""
        if self._controllers is None:
            raise RuntimeError("the manager has not started")
        return self._controllers

    @property
    def route(self) -> Route:
        """The route to the API server, once the manager has connected."""
        if self._connection is None:
            raise RuntimeError("the manager has not connected")
        return self._connection.route

    async def start(self) -> None:
        """Connect, wait for the Lease if there is one, and start the controllers. Raises StartError."""
        try:
            await self._serve_health()
            await self._start()
        except asyncio.CancelledError:
            await self.stop()  # kopf cleans up only after a complete start
            raise
        except (ConfigException, RouteError, OSError) as error:
            raise StartError(f"no access to Kubernetes: {error}") from error

    async def stop(self) -> None:
        """Finish what is in progress, within a few seconds, and release the Lease."""
        closing = asyncio.create_task(self._health.close())  # a client that reads slowly must not delay the rest
        for task in self._tasks:  # also the renewal: if the Lease is not released, it expires the sooner
            task.cancel()
        timeout = _SHUTDOWN_TIMEOUT if self._fence.is_leading else 0.0
        is_idle = self._controllers is None or await self._controllers.stop(timeout)
        if self._elector and is_idle:
            await self._elector.release()
        await closing
        if self._connection:
            await self._connection.close()

    async def _serve_health(self) -> None:
        host, port = self._settings.health_host, self._settings.health_port
        try:
            port = await self._health.serve(host, port)
        except OSError as error:
            problem = f"cannot serve health endpoints on {host}:{port} ({error.strerror}): set another --health-port"
            raise StartError(problem) from error
        logger.info(f"health endpoints and metrics on {host}:{port}")

    async def _start(self) -> None:
        settings = self._settings
        self._connection = connection = await ApiConnection.open()
        if settings.leader_election:
            self._elector = LeaderElector(
                connection, settings.lease_namespace, settings.lease_name, self._identity, self._clock
            )
            self._fence = self._elector.fence
            await _retry(f"the Lease {self._elector}", self._elector.read)
        dropped = DroppedFields(self._clock.monotonic, self._metrics.record_outdated)
        kubernetes = KubeClient(connection, self._identity, self._fence.check, dropped)
        # Objects first, which waits for the role to be bound. Until then the UID is forbidden, which counts as final.
        initial_objects = await _read_objects(kubernetes, settings)
        cluster = await _read_cluster(kubernetes, settings)
        if self._elector:
            await self._acquire(self._elector)
            initial_objects = await _read_objects(kubernetes, settings)
        controllers = self._build(kubernetes, self._fence, cluster)
        controllers.start(initial_objects)
        informers = self._follow_optional_kinds(controllers, connection)
        self._tasks.append(asyncio.create_task(self._watch_over(controllers, kubernetes, informers)))
        if self._elector:
            self._tasks.append(asyncio.create_task(self._publish_settings(connection, cluster, controllers)))
        # Only now it counts as the leader, and as ready: not yet while it has the Lease but cannot read the objects.
        self._controllers = controllers
        self._metrics.leader.set_function(lambda: self._fence.is_leading)
        scope = ", ".join(settings.namespace) or "all namespaces"
        logger.info(f"watching Trails in {scope} as owner {cluster.name}; {len(initial_objects.trails)} found")

    async def _acquire(self, elector: LeaderElector) -> None:
        self._is_standby = True
        await elector.acquire()
        self._is_standby = False
        self._tasks.append(asyncio.create_task(self._renew(elector)))

    async def _renew(self, elector: LeaderElector) -> None:
        try:
            await elector.renew()
        except Exception:  # noqa: BLE001 - a process that cannot renew the Lease must end, for any reason
            logger.exception(f"failed to renew the Lease {elector}")
        self._end("leader election lost: another process may lead now; this one exits, and stands by after its restart")

    async def _publish_settings(self, connection: ApiConnection, cluster: Cluster, controllers: Controllers) -> None:
        settings = self._settings
        effective = {
            "cluster_name": cluster.name,
            "former_cluster_names": sorted(cluster.former_names),
            "region": controllers.accounts.registry.own.default_region,
        }
        published = SettingsMap(connection, settings.lease_namespace, settings.lease_name, self._fence, self._clock)
        await published.publish(published_texts(settings, **effective))

    def _follow_optional_kinds(self, controllers: Controllers, connection: ApiConnection) -> list[Informer]:
        """Follow the kinds that the cluster may not have. Readiness does not depend on them."""
        alarm_sets = controllers.alarm_sets
        if alarm_sets is None:
            return []
        kind = OptionalKind(ALARM_SET_KIND, ALARM_SETS, self._settings.namespace)

        def on_available(available: bool) -> None:
            self._metrics.record_available(kind.name, available)
            alarm_sets.objects.complete()  # if the kind is missing, there are none

        informer = Informer(WatchClient(connection), kind, alarm_sets, on_available, self._clock)
        run = supervise(informer.run, self._metrics.record_restart, about(f"informer of {kind.name}s"))
        self._tasks.append(asyncio.create_task(run))
        return [informer]

    async def _watch_over(
        self, controllers: Controllers, kubernetes: KubeClient, informers: Collection[Informer]
    ) -> None:
        list_trails = partial(kubernetes.list_objects, TRAILS, self._settings.namespace)
        resync = self._settings.resync.total_seconds()
        watchdog = Watchdog(controllers, list_trails, resync, self._end, self._clock, informers)
        await supervise(watchdog.run, self._metrics.record_restart, about("watchdog"))

    def _is_ready(self) -> bool:
        """Whether this process works, or could take over. Readiness does not show which process leads."""
        if self._controllers:
            return self._fence.is_leading and self.watches.all_running
        return self._is_standby and self._elector is not None and self._elector.observed_recently


async def _read_objects(kubernetes: KubeClient, settings: Settings) -> InitialObjects:
    return InitialObjects(
        await _retry("namespaces", lambda: kubernetes.list_objects(NAMESPACES)),
        await _retry("AWSAccounts", lambda: kubernetes.list_objects(AWS_ACCOUNTS)),
        await _retry("Trails", lambda: kubernetes.list_objects(TRAILS, settings.namespace)),
    )


async def _read_cluster(kubernetes: KubeClient, settings: Settings) -> Cluster:
    """Return the cluster's names. Raises StartError if the current one is also listed as a former one."""
    former = frozenset(settings.former_cluster_names)
    what = f"the UID of namespace {_KUBE_SYSTEM}"
    if name := settings.cluster_name:
        uid = await _retry(what, lambda: _uid_if_allowed(kubernetes))
        return Cluster(name, (former | {uid} if uid else former) - {name})
    uid = await _retry(f"{what} (or set --cluster-name)", lambda: kubernetes.namespace_uid(_KUBE_SYSTEM))
    if uid in former:
        raise StartError(current_and_former(f"the UID of namespace {_KUBE_SYSTEM}, {uid},"))
    return Cluster(uid, former)


async def _uid_if_allowed(kubernetes: KubeClient) -> str | None:
    """Return the cluster's name in owner tags before --cluster-name was set, or None if reading it is forbidden."""
    try:
        return await kubernetes.namespace_uid(_KUBE_SYSTEM)
    except ApiException as error:
        if error.status != FORBIDDEN:
            raise
        logger.warning(
            f"no permission to get namespace {_KUBE_SYSTEM}: owner tags with its UID, as written before --cluster-name "
            "was set, are not recognized unless --former-cluster-names lists it"
        )
        return None


async def _retry(what: str, read: Callable[[], Awaitable[T]]) -> T:
    """Read from the API server until it answers. Logs each problem once, when it begins."""
    logged = ""
    while True:
        try:
            return await read()
        except ApiException as error:
            problem = f"the API server answers {error.status} {error.reason}"
            if error.status == FORBIDDEN:
                problem = f"the service account lacks permission ({error.status} {error.reason}): is its role bound?"
        except OddAnswerError as error:
            problem = f"the API server answers {error}"
            if error.status == NOT_FOUND:  # the API server answers plain text for a kind that it does not serve
                problem = "the API server does not serve this kind: apply its CustomResourceDefinition"
        except NO_ANSWER as error:
            why = explain_connection_error(error, "the certificate-authority of the kubeconfig")
            problem = f"the API server does not answer ({type(error).__name__}){why and ': '}{why}"
        if problem != logged:
            logger.warning(f"waiting to read {what}: {problem}")
            logged = problem
        await asyncio.sleep(_RETRY_PERIOD)
