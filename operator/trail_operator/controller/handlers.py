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

from trail_operator.api.names import GROUP, PLURAL, VERSION
from trail_operator.api.trail import DeletionPolicy
from trail_operator.aws.client import AWS
from trail_operator.aws.cloudtrail import CloudTrail
from trail_operator.aws.diagnosis import Diagnosis
from trail_operator.aws.limits import RateLimiter
from trail_operator.aws.neighbours import Neighbours
from trail_operator.controller.claims import Claims
from trail_operator.controller.convergence import Convergence
from trail_operator.controller.deletion import Deletion
from trail_operator.controller.events import Events
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

_SHUTDOWN_PATIENCE = 6.0
_START_POLL = 2.0

T = TypeVar("T")


class Controller:
    """All parts of the running operator, put together."""

    def __init__(
        self, kubernetes: Kubernetes, aws: AWS, loop: Loop, surroundings: Surroundings, health: Health
    ) -> None:
        self.kubernetes = kubernetes
        self.aws = aws
        self.loop = loop
        self.surroundings = surroundings
        self.health = health

    @classmethod
    async def start(cls, settings: Settings) -> "Controller":
        """Connect, and take up every Trail that exists: before the first write, all claims are known."""
        health = Health()
        port = await health.serve(settings.health_host, settings.health_port)
        logger.info(f"health endpoints on {settings.health_host}:{port}")
        kubernetes = await Kubernetes.connect()
        aws = AWS(settings.region, RateLimiter(time.monotonic, asyncio.sleep))
        claims = Claims(aws.default_region, settings.namespace)
        owner_prefix = await _owner_prefix(kubernetes, settings)
        surroundings = Surroundings(
            Neighbours(aws), resync=settings.resync.total_seconds(), clock=time.monotonic, sleep=asyncio.sleep
        )
        reconciler = _reconciler(kubernetes, aws, claims, surroundings, owner_prefix, settings)
        loop = Loop(kubernetes, claims, reconciler.reconcile, time.monotonic)
        surroundings.noticed = lambda: loop.wake(surroundings.is_news)
        trails = await _patiently("Trails", lambda: kubernetes.trails(settings.namespace))
        for body in trails:
            loop.seen(body)
        health.ready = True
        scope = ", ".join(settings.namespace) or "all namespaces"
        logger.info(f"watching Trails in {scope} as owner {owner_prefix}; {len(trails)} found")
        return cls(kubernetes, aws, loop, surroundings, health)

    async def stop(self) -> None:
        """Finish what is under way, if it does not take long. An AWS call that is cut off counts as a lost answer."""
        await self.health.close()
        await self.loop.stop(_SHUTDOWN_PATIENCE)
        self.surroundings.close()
        self.aws.close()
        await self.kubernetes.close()


def _reconciler(
    kubernetes: Kubernetes,
    aws: AWS,
    claims: Claims,
    surroundings: Surroundings,
    owner_prefix: str,
    settings: Settings,
) -> Reconciler:
    resync = settings.resync.total_seconds()
    cloudtrail = CloudTrail(aws)
    events = Events(kubernetes)
    writer = Writer(kubernetes, events, now=lambda: datetime.now(UTC).replace(microsecond=0))
    locator = Locator(aws, owner_prefix, time.monotonic)
    diagnosis = Diagnosis(aws)
    targets = Targets(cloudtrail, locator, tuple(settings.ignore_tags))
    convergence = Convergence(
        cloudtrail,
        diagnosis,
        locator,
        targets,
        Observation(cloudtrail, diagnosis, targets),
        surroundings,
        claims,
        writer,
        events,
        resync=resync,
        clock=time.monotonic,
    )
    deletion = Deletion(cloudtrail, locator, events, DeletionPolicy(settings.default_deletion_policy))
    return Reconciler(convergence, deletion, writer, events, resync=resync, random=random.random)


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
                FORBIDDEN: "the operator's service account is not allowed to: is its role bound?",
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
