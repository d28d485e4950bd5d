"""Reports, while a reconcile runs, that AWS has not answered for long: Ready may not stay True until it has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.conditions import Condition
from trail_operator.domain.failure import Failure, transient
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.object_state import ObjectState

# Seconds that a reconcile may take before its object reports that AWS does not answer.
_TIMEOUT = 5.0


async def report_silence(
    state: ObjectState,
    unreachable_in: Callable[[], float],
    ready: Callable[[], Condition | None],
    report: Callable[[Failure], Awaitable[None]],
) -> None:
    """Wait until AWS has not answered for three resyncs, and report that.

    `unreachable_in`: returns the seconds until then; `ready`: returns the condition Ready.
    """
    seconds = max(unreachable_in(), _TIMEOUT)
    while seconds > 0.0:
        await asyncio.sleep(seconds)
        seconds = unreachable_in()
    condition = ready()
    if state.paused or (condition is not None and condition.status == "Unknown"):
        return
    with suppress(ApiException, *NO_ANSWER):  # the reconcile meets the same error
        await report(transient("AWS has not answered yet"))
