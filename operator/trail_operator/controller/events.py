"""Kubernetes Events about a Trail: every write to AWS and every failure. One that can't be written fails nothing."""

from collections.abc import Sequence
from typing import Literal

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.controller.kube import Kubernetes
from trail_operator.controller.subject import Subject
from trail_operator.core.plan import Action
from trail_operator.telemetry.logs import about, logger


class Events:
    """Writes Events."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    async def applied(self, subject: Subject, actions: Sequence[Action], *, drift: bool) -> None:
        """Say what was written to AWS, and why: a change of the spec, or one made in AWS (drift)."""
        operations = ", ".join(action.operation for action in actions)
        changes = [entry for action in actions for entry in action.differences]
        if actions[0].operation == "CreateTrail" and not drift:
            await self.write(subject, "Normal", "Created", operations, f"made the trail: {operations}")
        elif drift:
            # All paths first: Kubernetes cuts a note off after a kilobyte.
            paths = ", ".join(entry.path for entry in changes)
            told = "; ".join(f"{entry.path} was {entry.observed}, is {entry.desired} again" for entry in changes)
            note = f"changed in AWS and put right: {paths} ({operations}). {told}"
            await self.write(subject, "Warning", "DriftCorrected", operations, note)
        else:
            told = "; ".join(f"{entry.path}: {entry.observed} -> {entry.desired}" for entry in changes)
            await self.write(subject, "Normal", "Updated", operations, f"{told} ({operations})")

    async def reduced(self, subject: Subject, lost: Sequence[str]) -> None:
        """Warn of what the trail no longer records after a change."""
        await self.write(subject, "Warning", "RecordsLess", "Reconcile", "; ".join(lost))

    async def write(
        self, subject: Subject, kind: Literal["Normal", "Warning"], reason: str, action: str, note: str
    ) -> None:
        """Write one Event."""
        try:
            await self._kubernetes.write_event(subject.body, kind, reason, action, note)
        except ApiException as error:
            if "being terminated" in str(error.reason):
                return  # no Event can be written in a namespace that is going, and nobody would miss it
            logger.warning(f"event {reason} not written: {error.status} {error.reason}", extra=about(str(subject.key)))
        except (ClientError, TimeoutError) as error:
            logger.warning(f"event {reason} not written: {type(error).__name__}", extra=about(str(subject.key)))
