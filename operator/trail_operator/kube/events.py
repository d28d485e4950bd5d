"""Kubernetes Events about Trails and AWSAccounts: every write to AWS and every transition of a condition.

A repetition with the same text creates no further Event but increases the count of the first, in its `series`.
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
An Event that cannot be written does not fail anything else.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.conditions import Condition
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import Difference
from trail_operator.domain.actions import Action
from trail_operator.domain.texts import MESSAGE, clean, fitting, listed
from trail_operator.kube.answers import is_of_deleted_namespace
from trail_operator.kube.client import EVENT_NOTE, KubeClient
from trail_operator.runtime.logs import about, logger

# The API server forgets an Event an hour after its last write:
# https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (--event-ttl)
_REMEMBERED = 3600.0
_MOST_REMEMBERED = 4096
# Reasons of conditions that are not True but need no warning.
_QUIET = {Reason.PROGRESSING, Reason.THROTTLED, Reason.PAUSED, Reason.OBSERVED}


@dataclass
class _Series:
    """An Event that was written, and its number of repetitions."""

    path: str
    last: float
    count: int = 1


class EventRecorder:
    """Writes Events."""

    def __init__(self, kubernetes: KubeClient, clock: Callable[[], float]) -> None:
        self._kubernetes = kubernetes
        self._clock = clock
        self._series: OrderedDict[tuple[str, ...], _Series] = OrderedDict()

    async def record_applied(
        self, body: dict[str, Any], actions: Sequence[Action], *, drift: bool, caller: str = ""
    ) -> None:
        """Record what was written to AWS, and why: the spec changed, or AWS did (drift).

        `caller`: a sentence that names who changed it.
        """
        operations = ", ".join(action.operation for action in actions)
        changes = [entry for action in actions for entry in action.differences]
        but_owner = [entry for entry in changes if entry.path != f"tags[{OWNER_TAG}]"]
        # An owner tag with a former name of the cluster is not drift.
        drifted = (but_owner if any(action.is_renaming for action in actions) else changes) if drift else []
        if actions[0].operation == "CreateTrail" and not drift:
            await self.record(body, "Normal", "Created", operations, f"Created trail ({operations})")
        elif drifted:
            note = _fitting(f"Corrected drift: {{}} ({operations})", drifted, _changes(drifted), caller)
            await self.record(body, "Warning", "DriftCorrected", operations, note)
        elif any(action.is_adoption for action in actions):
            # Not the owner tag: its former value may name another team's Trail.
            note = f"Adopted trail ({operations}). {_changes(but_owner) or 'Only its owner tag changed'}"
            await self.record(body, "Normal", "Adopted", operations, note)
        else:
            await self.record(
                body, "Normal", "Updated", operations, f"Updated trail: {_changes(changes)} ({operations})"
            )

    async def record_drift(self, body: dict[str, Any], found: Sequence[Difference], caller: str = "") -> None:
        """Record a drift that is not corrected, because the trail is only observed. `caller`: as in record_applied."""
        values = "; ".join(f"{entry.path} is {entry.observed}, not {entry.desired}" for entry in found)
        note = _fitting("Detected drift: {}", found, values, caller)
        await self.record(body, "Warning", "DriftDetected", "Reconcile", note)

    async def record_attribution(self, body: dict[str, Any], paths: Sequence[str], caller: str) -> None:
        """Record who caused a drift that an earlier Event reports."""
        note = f"Attributed drift: {listed(paths)}. {caller}"
        await self.record(body, "Normal", "DriftAttributed", "Reconcile", note)

    async def record_transition(self, body: dict[str, Any], transition: Condition) -> None:
        """Record the new state of a condition."""
        is_well = transition.status == "True" and transition.type != ConditionType.ADVISORY
        kind: Literal["Normal", "Warning"] = "Normal" if is_well or transition.reason in _QUIET else "Warning"
        await self.record(body, kind, transition.reason, "Reconcile", transition.message)

    async def record_coverage_loss(self, body: dict[str, Any], lost: Sequence[str]) -> None:
        """Warn of what the trail no longer records after a change."""
        await self.record(body, "Warning", "CoverageReduced", "Reconcile", "; ".join(lost))

    async def record(
        self, body: dict[str, Any], kind: Literal["Normal", "Warning"], reason: str, action: str, note: str
    ) -> bool:
        """Write one Event about a Trail or an AWSAccount. Returns False if it has to be retried."""
        metadata = body["metadata"]
        try:
            await self._write(body, kind, reason, action, clean(note, MESSAGE))
        except ApiException as error:
            if is_of_deleted_namespace(error):
                return True  # a namespace that is being deleted accepts no Events
            problem = f"{error.status} {error.reason}"
        except (ClientError, TimeoutError) as error:
            problem = type(error).__name__
        else:
            return True
        name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
        logger.warning(
            f"failed to write Event {reason}: {problem}", extra=about(name, generation=metadata["generation"])
        )
        return False

    async def _write(
        self, body: dict[str, Any], kind: Literal["Normal", "Warning"], reason: str, action: str, note: str
    ) -> None:
        key = (body["metadata"]["uid"], kind, reason, action, note)
        series = self._series.pop(key, None)
        now = self._clock()
        if series is not None and now - series.last < _REMEMBERED:
            series.count, series.last = series.count + 1, now
            if await self._kubernetes.repeat_event(series.path, series.count):
                self._series[key] = series
                return
        path = await self._kubernetes.write_event(body, kind, reason, action, note)
        self._series[key] = _Series(path, now)
        if len(self._series) > _MOST_REMEMBERED:
            self._series.popitem(last=False)


def _fitting(template: str, found: Sequence[Difference], values: str, caller: str) -> str:
    """Return a note about differences. If it would be truncated, it names all fields and the caller first."""
    note = ". ".join(filter(None, (template.format(values), caller)))
    if len(note.encode()) <= EVENT_NOTE:
        return note
    room = EVENT_NOTE - len(f"{template}. {caller}".encode())
    fields = template.format(fitting([entry.path for entry in found], room))
    return " ".join(filter(None, (f"{fields}.", caller, values)))


def _changes(entries: Iterable[Difference]) -> str:
    return "; ".join(f"{entry.path} {entry.observed} -> {entry.desired}" for entry in entries)
