"""The kopf handlers, for `trail-operator run` and `kopf run -m trail_operator.main`.

kopf only watches: it passes on each event, and the work queues decide when to reconcile. There are no create, update,
resume or delete handlers and no daemons, so kopf writes nothing to the objects: docs/architecture.md gives the reasons.
"""

from functools import partial
from typing import Any

import kopf

from trail_operator import watch
from trail_operator.api.constants import ACCOUNTS, GROUP, PLURAL, VERSION
from trail_operator.kube.informer import dispatch
from trail_operator.manager import Manager, StartError
from trail_operator.settings import Settings
from trail_operator.wiring import build_manager


@kopf.on.startup(errors=kopf.ErrorsMode.PERMANENT)
async def startup(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Start the manager. kopf watches only after this has ended: only the leader watches."""
    watch.configure(settings)
    if "stop" in memo:
        await watch.stop_on_signals(memo.stop)
    memo.manager = build_manager(memo.get("settings") or Settings(), partial(watch.end, memo))
    try:
        await memo.manager.start()
    except StartError as error:
        memo.problem = str(error)
    if "problem" in memo:
        raise kopf.PermanentError(memo.problem)


@kopf.on.login()
async def login(memo: kopf.Memo, **more: Any) -> kopf.AiohttpSession | None:
    """Return the session for kopf's requests, which take the route of the operator's own."""
    manager: Manager = memo.manager
    return await watch.log_in(manager.route.proxy, manager.watches, **more)


@kopf.on.event(GROUP, VERSION, PLURAL)
async def on_trail_event(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A Trail was listed, added, modified or deleted."""
    dispatch(event, memo.manager.controllers.trails)


@kopf.on.event(GROUP, VERSION, ACCOUNTS)
async def on_account_event(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """An AWSAccount was listed, added, modified or deleted."""
    dispatch(event, memo.manager.controllers.accounts)


@kopf.on.event("", "v1", "namespaces")
async def on_namespace_event(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A namespace was listed, added, modified or deleted."""
    dispatch(event, memo.manager.controllers.namespaces)


@kopf.on.cleanup()
async def cleanup(memo: kopf.Memo, **_: Any) -> None:
    """Stop the manager, and leave the process if the command asks for it."""
    if "manager" in memo:
        await memo.manager.stop()
    if "leave" in memo:  # kopf may wait for the end of a watch: 5 s, or forever for one that was answered 401
        memo.leave()
