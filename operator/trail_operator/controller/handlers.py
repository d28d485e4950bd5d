"""The kopf handlers. kopf watches the Trails and tells of every change; what to do about it is the loop's.

Neither create, update, resume and delete handlers nor daemons are used, so kopf writes nothing to the objects:
docs/architecture.md gives the reasons.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import kopf
from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from trail_operator.api.names import ACCOUNTS, GROUP, PLURAL, VERSION
from trail_operator.api.trail import DeletionPolicy
from trail_operator.aws.sessions import Sessions
from trail_operator.controller.account_loop import AccountLoop
from trail_operator.controller.accounts import Accounts
from trail_operator.controller.claims import Claims
from trail_operator.controller.convergence import Convergence
from trail_operator.controller.deletion import Deletion
from trail_operator.controller.events import Events
from trail_operator.controller.gauges import Gauges
from trail_operator.controller.health import Health
from trail_operator.controller.kube import FORBIDDEN, NOT_FOUND, Kubernetes
from trail_operator.controller.location import Locator
from trail_operator.controller.loop import Loop
from trail_operator.controller.observation import Observation
from trail_operator.controller.reconcile import Reconciler
from trail_operator.controller.surroundings import Surroundings
from trail_operator.controller.target import Targets
from trail_operator.controller.writer import Writer
from trail_operator.settings import Settings
from trail_operator.telemetry.logs import logger
from trail_operator.telemetry.metrics import Metrics

_SHUTDOWN_PATIENCE = 6.0
_START_POLL = 2.0

T = TypeVar("T")


class Controller:
    """All parts of the running operator, put together."""

    def __init__(self, kubernetes: Kubernetes, settings: Settings, cluster: str, metrics: Metrics) -> None:
        resync = settings.resync.total_seconds()
        events = Events(kubernetes, time.monotonic)
        writer = Writer(kubernetes, events, now=_now)
        locator = Locator(cluster, time.monotonic)
        self.kubernetes = kubernetes
        self.accounts = Accounts(
            Sessions(settings.region, time.monotonic),
            default=settings.default_account,
            own_identity=settings.own_identity,
            cluster=cluster,
            clock=time.monotonic,
            sleep=asyncio.sleep,
            called=metrics.called,
            waited=metrics.waited,
        )
        self.surroundings = Surroundings(resync=resync, clock=time.monotonic, sleep=asyncio.sleep)
        claims = Claims(self.accounts.place_of, settings.namespace)
        targets = Targets(self.accounts, locator, tuple(settings.ignore_tags))
        convergence = Convergence(
            locator,
            targets,
            Observation(targets),
            self.surroundings,
            claims,
            writer,
            events,
            resync=resync,
            clock=time.monotonic,
            drifted=metrics.drifted,
        )
        deletion = Deletion(self.accounts, locator, events, DeletionPolicy(settings.default_deletion_policy))
        reconciler = Reconciler(
            convergence,
            deletion,
            writer,
            events,
            resync=resync,
            random=random.random,
            clock=time.monotonic,
            reconciled=metrics.reconciled,
        )
        self.loop = Loop(kubernetes, claims, reconciler.reconcile, time.monotonic)
        self.account_loop = AccountLoop(
            kubernetes,
            self.accounts,
            self.surroundings,
            events,
            cluster=cluster,
            labels=dict(entry.split("=", 1) for entry in settings.account_selector.split(",") if entry),
            users=lambda name: self.loop.count(lambda subject: self.accounts.name_for(subject) == name),
            changed=lambda name: self.loop.wake(lambda subject: self.accounts.name_for(subject) == name),
            resync=resync,
            clock=time.monotonic,
            now=_now,
            random=random.random,
        )
        self.loop.forgotten = lambda subject: self.account_loop.wake(self.accounts.name_for(subject))
        self.surroundings.noticed = self._notice
        metrics.registry.register(Gauges(self.loop.subjects, self.accounts.all))

    @classmethod
    async def start(cls, settings: Settings) -> "Controller":
        """Connect, and take up every Trail that exists: before the first write, all claims are known."""
        metrics = Metrics()
        health = Health(metrics.registry)
        port = await health.serve(settings.health_host, settings.health_port)
        logger.info(f"health endpoints and metrics on {settings.health_host}:{port}")
        kubernetes = await Kubernetes.connect()
        cluster = await _owner_prefix(kubernetes, settings)
        self = cls(kubernetes, settings, cluster, metrics)
        self.health = health
        for body in await _patiently("namespaces", kubernetes.namespaces):
            self.namespace_seen(body)
        self.account_loop.take_up(await _patiently("AWSAccounts", kubernetes.accounts))
        trails = await _patiently("Trails", lambda: kubernetes.trails(settings.namespace))
        self.loop.take_up(trails)
        metrics.leader.set(1)
        health.ready = True
        scope = ", ".join(settings.namespace) or "all namespaces"
        logger.info(f"watching Trails in {scope} as owner {cluster}; {len(trails)} found")
        return self

    health: Health

    def namespace_seen(self, body: dict[str, Any]) -> None:
        """A namespace as the API server has it now: its labels may open or close an account to its Trails."""
        name = str(body["metadata"]["name"])
        if self.accounts.labelled(name, dict(body["metadata"].get("labels") or {})):
            self.loop.wake(lambda subject: subject.key.namespace == name)

    async def stop(self) -> None:
        """Finish what is under way, if it does not take long. An AWS call that is cut off counts as a lost answer."""
        await self.health.close()
        self.account_loop.stop()
        await self.loop.stop(_SHUTDOWN_PATIENCE)
        self.surroundings.close()
        self.accounts.close()
        await self.kubernetes.close()

    def _notice(self, account: str | None) -> None:
        """What is known of an account's trails has changed."""
        self.loop.wake(self.surroundings.is_news)
        self.account_loop.wake(account)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@kopf.on.startup(errors=kopf.ErrorsMode.PERMANENT)
async def startup(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Set kopf up to watch only, and start the controller."""
    # kopf's own finalizer keeps its own name: kopf takes off what it thinks is its, since no handler of it needs one.
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    wanted: Settings = memo.get("settings") or Settings()
    try:
        memo.controller = await Controller.start(wanted)
    except ConfigException as error:
        memo.problem = f"no access to Kubernetes: {error}"
    except OSError as error:
        where = f"{wanted.health_host}:{wanted.health_port}"
        memo.problem = f"no health endpoints on {where} ({error.strerror}): set another --health-port"
    if "problem" in memo:
        raise kopf.PermanentError(memo.problem)


@kopf.on.event(GROUP, VERSION, PLURAL)
async def changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A Trail was listed, added, modified or has gone."""
    body = dict(event["object"])
    if event["type"] == "DELETED":
        memo.controller.loop.gone(body)
    else:
        memo.controller.loop.seen(body)


@kopf.on.event(GROUP, VERSION, ACCOUNTS)
async def account_changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """An AWSAccount was listed, added, modified or has gone."""
    body: dict[str, Any] = dict(event["object"])
    if event["type"] == "DELETED":
        memo.controller.account_loop.gone(body["metadata"]["name"])
    else:
        memo.controller.account_loop.seen(body)


@kopf.on.event("", "v1", "namespaces")
async def namespace_changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A namespace was listed, added or modified."""
    if event["type"] != "DELETED":
        memo.controller.namespace_seen(dict(event["object"]))


@kopf.on.cleanup()
async def cleanup(memo: kopf.Memo, **_: Any) -> None:
    """Stop the controller."""
    if "controller" in memo:
        await memo.controller.stop()


async def _patiently(what: str, read: Callable[[], Awaitable[T]]) -> T:
    """The answer to a first read of the API server, however long that is not ready, not reachable or not permitting."""
    told = ""
    while True:
        try:
            return await read()
        except ApiException as error:
            problem = {
                NOT_FOUND: "the API server does not know it: is the CustomResourceDefinition applied?",
                FORBIDDEN: f"the operator's service account may not: is its role bound? {error.reason}",
            }.get(error.status, f"the API server answers {error.status} {error.reason}")
        except (ClientError, TimeoutError, OSError) as error:
            problem = f"the API server does not answer ({type(error).__name__})"
        if problem != told:
            logger.warning(f"waiting to read {what}: {problem}")
            told = problem
        await asyncio.sleep(_START_POLL)


async def _owner_prefix(kubernetes: Kubernetes, settings: Settings) -> str:
    if settings.cluster_name:
        return settings.cluster_name
    return await _patiently(
        "the UID of namespace kube-system (or set --cluster-name)", lambda: kubernetes.namespace_uid("kube-system")
    )
