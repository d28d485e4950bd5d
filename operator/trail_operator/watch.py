"""The kopf handlers. kopf watches the Trails and tells of every change; what to do about it is the loop's.

Neither create, update, resume and delete handlers nor daemons are used, so kopf writes nothing to the objects:
docs/architecture.md gives the reasons. It watches once `startup` has ended, so only in the process that leads.
"""

import asyncio
import signal
from typing import Any

import kopf
from kubernetes.aio.config import ConfigException

from trail_operator.api.constants import ACCOUNTS, GROUP, PLURAL, VERSION
from trail_operator.controllers import Controllers
from trail_operator.kube.answers import is_whole
from trail_operator.kube.route import RouteError
from trail_operator.kube.watch_session import watching_session
from trail_operator.manager import ClusterNameError, Manager
from trail_operator.runtime.logs import logger
from trail_operator.settings import Settings


@kopf.on.startup(errors=kopf.ErrorsMode.PERMANENT)
async def startup(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Set kopf up to watch only, and start the process."""
    # kopf's own finalizer keeps its own name: kopf takes off what it thinks is its, since no handler of it needs one.
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    wanted: Settings = memo.get("settings") or Settings()
    if "stop" in memo:
        await _end_on_signals(memo.stop)

    def end(problem: str) -> None:
        memo.problem = problem
        signal.raise_signal(signal.SIGTERM)  # kopf ends everything

    process = memo.process = Manager(wanted, end)
    try:
        await process.start()
    except asyncio.CancelledError:
        await process.stop()  # kopf cleans up only after a start that was completed
        raise
    except (ConfigException, RouteError) as error:
        memo.problem = f"no access to Kubernetes: {error}"
    except OSError as error:
        where = f"{wanted.health_host}:{wanted.health_port}"
        memo.problem = f"no health endpoints on {where} ({error.strerror}): set another --health-port"
    except ClusterNameError as error:
        memo.problem = str(error)
    if "problem" in memo:
        raise kopf.PermanentError(memo.problem)


@kopf.on.login()
async def login(memo: kopf.Memo, **more: Any) -> kopf.AiohttpSession | None:
    """Whose credentials kopf watches with, as it finds them itself; the way is that of the operator's own requests."""
    found = await asyncio.to_thread(kopf.login_via_client, **more)
    if found is None:
        return None
    process: Manager = memo.process
    return kopf.AiohttpSession(
        server=found.server,
        priority=found.priority,
        default_namespace=found.default_namespace,
        aiohttp_session=watching_session(found, process.route.proxy, process.watches),
    )


@kopf.on.event(GROUP, VERSION, PLURAL)
async def changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A Trail was listed, added, modified or has gone."""
    body: dict[str, Any] = dict(event["object"])
    if not _is_whole(body):
        return
    if event["type"] == "DELETED":
        _controllers(memo).trails.on_delete(body)
    else:
        _controllers(memo).trails.on_update(body)


@kopf.on.event(GROUP, VERSION, ACCOUNTS)
async def account_changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """An AWSAccount was listed, added, modified or has gone."""
    body: dict[str, Any] = dict(event["object"])
    if not _is_whole(body):
        return
    if event["type"] == "DELETED":
        _controllers(memo).accounts.on_delete(body)
    else:
        _controllers(memo).accounts.on_update(body)


@kopf.on.event("", "v1", "namespaces")
async def namespace_changed(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A namespace was listed, added, modified or has gone."""
    body: dict[str, Any] = dict(event["object"])
    if not _is_whole(body):
        return
    if event["type"] == "DELETED":
        _controllers(memo).namespaces.on_delete(body)
    else:
        _controllers(memo).namespaces.on_update(body)


@kopf.on.cleanup()
async def cleanup(memo: kopf.Memo, **_: Any) -> None:
    """Stop the process."""
    if "process" in memo:
        await memo.process.stop()
    if "leave" in memo:  # kopf may wait for what is left of a watch: 5 s, or for ever where one was answered 401
        memo.leave()


async def _end_on_signals(stop: asyncio.Event) -> None:
    """Have signals end kopf by this: it does not tell its own end by a signal from that by a failure."""
    await asyncio.sleep(0)  # by now kopf has its own handlers of signals, in whose place these come
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


def _is_whole(body: dict[str, Any]) -> bool:
    if is_whole(body):
        return True
    logger.warning("the watch has told of something that is no object: ignored")
    return False


def _controllers(memo: kopf.Memo) -> Controllers:
    process: Manager = memo.process
    return process.controllers
