"""The operator as a process: its signals, limits and exit. Only `trail-operator run` imports it, as it imports kopf."""

import asyncio
import logging
import os
import resource
import sys
from contextlib import suppress
from typing import NoReturn

import kopf

from trail_operator import main  # noqa: F401 - importing it registers the handlers
from trail_operator.runtime import logs
from trail_operator.settings import Settings

_OPEN_FILES = 65_536


def run(settings: Settings) -> NoReturn:
    """Run the operator until it is asked to stop, and end the process."""
    _allow_open_files()
    logs.configure(settings.log_format, settings.log_level)
    stop, failure = asyncio.Event(), logs.LastFailure("kopf._core.reactor")

    def leave() -> NoReturn:
        failed = f"a watch of the Kubernetes API has failed: {failure}"
        _leave(memo.get("problem") or (None if stop.is_set() else failed))

    memo = kopf.Memo(settings=settings, leave=leave, stop=stop)
    try:
        kopf.run(
            memo=memo,
            stop_flag=stop,
            clusterwide=not settings.namespace,
            namespaces=settings.namespace,
            standalone=True,
        )
    except Exception:
        if "problem" not in memo:
            raise
    leave()


def _allow_open_files() -> None:
    """Raise the limit of open files, which is often 1,024, as far as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def _leave(problem: str | None) -> NoReturn:
    """End the process at once, with the problem on stderr if it was not asked to stop.

    An ordinary exit would wait for AWS calls that hang in their threads. They count as lost answers.
    """
    if problem:
        print(f"trail-operator run: {problem}", file=sys.stderr, flush=True)
    logging.shutdown()
    os._exit(1 if problem else 0)
