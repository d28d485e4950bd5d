"""Writes status and finalizers of AWSAccounts, only where something changes. All methods may raise ApiException."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

from trail_operator.api.aws_account import EXTERNAL_ID, AWSAccountStatus
from trail_operator.api.reasons import ConditionType
from trail_operator.domain.account_status import account_status, deletion_blocked, events_arriving_status, finalizers
from trail_operator.domain.failure import Failure
from trail_operator.domain.inventory_snapshot import InventorySnapshot
from trail_operator.domain.ownership import Cluster
from trail_operator.inventory.event_arrivals import EventArrivals
from trail_operator.inventory.registry import Account
from trail_operator.kube.client import AWS_ACCOUNTS, Key, KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger


@dataclass(frozen=True)
class AccountUsers:
    """Whose Trails and TrailAlarmSets use an AWSAccount."""

    watched: Collection[str]
    """The namespaces that are watched, none for all."""
    namespaces_of: Callable[[str], Collection[str]]
    """Returns the namespaces of the Trails and TrailAlarmSets that use an AWSAccount, by its name."""
    are_known: Callable[[], bool]
    """Whether all of them are known. After a start, TrailAlarmSets are listed last."""


class AccountStatusWriter:
    """What the API server answers becomes what the operator knows of the AWSAccount."""

    def __init__(
        self,
        kubernetes: KubeClient,
        events: EventRecorder,
        cluster: Cluster,
        users: AccountUsers,
        arrivals: EventArrivals | None,
        clock: Clock,
    ) -> None:
        """`arrivals`: None without an event queue."""
        self._kubernetes = kubernetes
        self._events = events
        self._cluster = cluster
        self._users = users
        self._arrivals = arrivals
        self._clock = clock

    async def sync_finalizers(self, account: Account, *, deleting: bool) -> Collection[str]:
        """Add or remove the operator's finalizers; return the namespaces of the Trails that use the AWSAccount.

        They are returned only where finalizers depend on them. None is removed before all are known.
        """
        users = self._users.namespaces_of(account.name) if deleting or self._users.watched else ()
        wanted = finalizers(account.finalizers, watched=self._users.watched, users=users, deleting=deleting)
        if not self._users.are_known():
            wanted = list(dict.fromkeys([*account.finalizers, *wanted]))
        if wanted != account.finalizers:
            key, version = Key("", account.name), account.body["metadata"]["resourceVersion"]
            account.update(await self._kubernetes.patch_finalizers(AWS_ACCOUNTS, key, wanted, version))
        return users

    async def write_result(
        self,
        account: Account,
        failure: Failure | None,
        snapshot: InventorySnapshot | None = None,
        *,
        unreachable: bool,
    ) -> None:
        """Report what a run has found. `unreachable`: whether AWS has not answered for too long."""
        now = self._clock.now()
        status = account_status(
            account.status,
            generation=account.generation,
            failure=failure,
            unreachable=unreachable,
            snapshot=snapshot or InventorySnapshot(),
            cluster=self._cluster,
            now=now,
        )
        arriving = self._arrivals.state(account.spec.account_id) if self._arrivals else None
        status = events_arriving_status(status, arriving, now)
        await self._write(account, status, failure.request_id if failure else "")

    async def write_in_use(self, account: Account, users: Collection[str]) -> None:
        """Report that Trails still use an AWSAccount that is being deleted."""
        present = account.finalizers if self._users.watched else ()
        now = self._clock.now()
        status = deletion_blocked(account.status, account.generation, users=users, present=present, now=now)
        await self._write(account, status)

    async def _write(self, account: Account, status: AWSAccountStatus, request_id: str = "") -> None:
        before = account.status
        if status == before:
            return
        dumped = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        manifest = {name: value or None for name, value in dumped.items()}
        manifest |= {"trailCount": status.trail_count, "unmanagedCount": status.unmanaged_count}
        if self._kubernetes.is_stored(account.body, manifest):
            return
        account.update(await self._kubernetes.patch_status(AWS_ACCOUNTS, Key("", account.name), manifest))
        await self._record_transition(account, before, status, request_id)

    async def _record_transition(
        self, account: Account, before: AWSAccountStatus, after: AWSAccountStatus, request_id: str
    ) -> None:
        was, ready = before.condition(ConditionType.READY), after.conditions[0]  # Ready is the first
        if was is not None and (was.status, was.reason) == (ready.status, ready.reason):
            return
        # The condition may quote the external id, as the spec does. Readers of logs may be allowed to read neither.
        quoted, placeholder = json.dumps(account.spec.external_id), json.dumps(EXTERNAL_ID)
        message = ready.message.replace(quoted, placeholder) if account.spec.external_id else ready.message
        logger.info(
            f"Ready={ready.status} {ready.reason}: {message}",
            extra=account.about(ready=ready.status, reason=ready.reason, requestID=request_id),
        )
        # Readers of Events in the namespace default need not be allowed to read AWSAccounts.
        note = "see the conditions of the AWSAccount"
        await self._events.record_transition(account.body, ready.model_copy(update={"message": note}))
