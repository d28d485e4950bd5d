"""The trails of each account: warnings depend on them, and the status of an AWSAccount lists them.

All trails of an account are read once per resync, in the background. In between, the snapshot follows what reconciles
read and write: a trail that the operator creates, changes or deletes causes no read of the others. The account is read
again before the next resync if more may have changed. No reconcile waits for a read.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import FailureError
from trail_operator.domain.inventory_snapshot import InventorySnapshot, PeerTrail
from trail_operator.domain.trail import ObservedTrail
from trail_operator.domain.warnings import ABOUT_OTHER_TRAILS, Advice, AdviceBasis, advise
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.trail_object import TrailObject
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.concurrency import ConcurrencyLimiter, acting_for
from trail_operator.runtime.logs import logger

# Seconds between a change and the update that follows it: changes often come several at a time.
_PAUSE = 2.0
# Seconds within which a reconcile usually reads what it has written. Shorter than the pause.
_SECONDS_TO_RECORD = 1.5
# Accounts that are read at a time: reconciles should not wait for the reads of hundreds of accounts.
_ACCOUNTS_AT_ONCE = 4
# A read that has taken this many seconds no longer counts: AWS does not answer.
_SECONDS_AN_ACCOUNT = 2.0

OnUpdate = Callable[[str | None, bool], None]
"""Called with the name of the AWSAccount, and whether its snapshot has changed."""


@dataclass
class _CachedAccount:
    """What is known about the trails of an account."""

    snapshot: InventorySnapshot = field(default_factory=InventorySnapshot)
    location: Location | None = None
    """Where it was read last, or is to be read."""
    read_at: float | None = None
    is_stale: bool = False
    """Whether trails may have changed that no reconcile has read."""
    written: dict[str, float] = field(default_factory=dict)
    """When trails were written whose present state is not recorded yet, by ARN."""
    recorded: dict[str, PeerTrail | None] | None = None
    """What was recorded since the read under way began; None if the account is not being read."""
    has_changed: bool = False
    """Whether subscribers do not know the snapshot yet."""
    task: asyncio.Task[None] | None = None


class AccountInventory:
    """Keeps a snapshot of the trails of each account."""

    def __init__(
        self,
        current: Callable[[str | None], AccountClient | None],
        resync: float,
        clock: Clock,
        *,
        shared: bool = False,
    ) -> None:
        """`current`: the client of an account as it is now.

        `shared`: whether other operators may write to the same accounts, so that each write requires a read.
        """
        self._current = current
        self._resync = resync
        self._clock = clock
        self._shared = shared
        self._slots = ConcurrencyLimiter(_ACCOUNTS_AT_ONCE, _SECONDS_AN_ACCOUNT)
        self._accounts: dict[str | None, _CachedAccount] = {}
        self._subscribers: list[OnUpdate] = []

    def subscribe(self, on_update: OnUpdate) -> None:
        """Have this called after each update."""
        self._subscribers.append(on_update)

    # Questions.

    def snapshot(self, client: AccountClient, location: Location) -> InventorySnapshot:
        """Return the trails of an account; nothing while they must be read, which this starts."""
        account = self._account(client.name)
        self._start_update(account, client, location)
        return InventorySnapshot() if self._must_read(account) else account.snapshot

    def advice(self, trail: TrailObject, basis: AdviceBasis) -> tuple[Advice, ...] | None:
        """Return the warnings of a Trail; None if too little is known, which keeps the earlier ones."""
        snapshot = self._account(basis.account).snapshot
        if snapshot.trails is not None:
            return (*advise(basis.desired, snapshot.trails, exists=basis.exists), *basis.found)
        if not snapshot.access_errors:
            return None
        # AWS refuses to show the other trails. Earlier warnings about them cannot be checked, so they stay, also behind
        # a warning about annotations. Warnings about the trail itself are known.
        advice = advise(basis.desired, (), exists=basis.exists)
        before = trail.status.condition(ConditionType.ADVISORY)
        if not advice and before and before.reason in (*ABOUT_OTHER_TRAILS, Reason.ANNOTATION_IGNORED):
            return None
        return (*advice, *basis.found)

    def known_trails(self, name: str | None) -> tuple[str, tuple[PeerTrail, ...]] | None:
        """Return the ID of an account and its trails as last read; None if they could not be read."""
        account = self._accounts.get(name)
        if account is None or account.location is None or account.snapshot.trails is None:
            return None
        return account.location.account, account.snapshot.trails

    # Changes.

    def record(self, client: AccountClient, location: Location, arn: str, observed: ObservedTrail | None) -> None:
        """Take what a reconcile has read of a trail into the snapshot. `observed`: None if there is no such trail."""
        account = self._account(client.name)
        peer = PeerTrail.of(observed) if observed else None
        # What this account is shown of another account's trail is less than its owner is shown.
        is_own = Arn.parse(arn).account == location.account
        updated = account.snapshot.with_trail(arn, peer) if is_own and not self._shared else None
        if updated is not None:
            account.written.pop(arn, None)
            account.has_changed = account.has_changed or updated != account.snapshot
            account.snapshot = updated
            if account.recorded is not None:
                account.recorded[arn] = peer
        self._start_update(account, client, location)

    def on_write(self, client: AccountClient, location: Location, arn: str) -> None:
        """Note that a trail was written. Unless its new state is recorded soon, the account is read again."""
        account = self._account(client.name)
        account.written[arn] = self._clock.monotonic()
        self._start_update(account, client, location)

    def on_list(self, client: AccountClient, location: Location, arns: Collection[str]) -> None:
        """Compare the snapshot with a list of the account's trails: if others were created or deleted, read again."""
        account = self._account(client.name)
        if account.snapshot.trails is None or account.snapshot.count is None:
            return
        known = {trail.arn for trail in account.snapshot.trails}
        unknown = set(arns) - known - account.written.keys()
        missing = known - set(arns) - account.written.keys()
        is_missing = any(Arn.parse(arn).account == location.account for arn in missing)
        if is_missing or len(unknown) > account.snapshot.count - len(known):
            account.is_stale = True
            self._start_update(account, client, location)

    def mark_stale(self, client: AccountClient) -> None:
        """Have an account read again when it is next asked for."""
        account = self._account(client.name)
        account.is_stale = True

    def refresh(self, name: str | None) -> None:
        """Read an account again whose trails were read before."""
        account, client = self._accounts.get(name), self._current(name)
        if account and account.location and client:
            account.is_stale = True
            self._start_update(account, client, account.location)

    def forget(self, name: str) -> None:
        """Forget an AWSAccount that was deleted."""
        account = self._accounts.pop(name, None)
        if account and account.task:
            account.task.cancel()

    def close(self) -> None:
        """Stop all reads."""
        for account in self._accounts.values():
            if account.task:
                account.task.cancel()

    # Updates.

    def _account(self, name: str | None) -> _CachedAccount:
        return self._accounts.setdefault(name, _CachedAccount())

    def _must_read(self, account: _CachedAccount) -> bool:
        """Whether the trails have to be read, or are being read."""
        now = self._clock.monotonic()
        is_old = account.read_at is None or now - account.read_at > self._resync
        is_unrecorded = any(now - at >= _SECONDS_TO_RECORD for at in account.written.values())
        return is_old or is_unrecorded or account.is_stale or account.recorded is not None

    def _start_update(self, account: _CachedAccount, client: AccountClient, location: Location) -> None:
        account.location = location
        if account.task is None and (self._must_read(account) or account.written or account.has_changed):
            with acting_for(""):  # the update is for all, not for the Trail that happens to cause it
                account.task = asyncio.create_task(self._update(account, client.name, location))

    async def _update(self, account: _CachedAccount, name: str | None, location: Location) -> None:
        """Read the account if necessary, and notify the subscribers, until nothing more has changed."""
        try:
            while self._must_read(account) or account.written or account.has_changed:
                await self._clock.sleep(_PAUSE)
                if self._must_read(account):
                    client = await self._read(account, name, location)
                    if client is None:
                        return
                    if client is not self._current(name):  # it may have been allowed to read less
                        account.is_stale = True
                        continue
                has_changed, account.has_changed = account.has_changed, False
                for on_update in self._subscribers:
                    on_update(name, has_changed)
        finally:
            account.task = None

    async def _read(self, account: _CachedAccount, name: str | None, location: Location) -> AccountClient | None:
        """Read all trails of an account; return the client that was used, None if the account can no longer be used."""
        release = await self._slots.acquire()
        began, recorded = self._clock.monotonic(), dict[str, PeerTrail | None]()
        account.is_stale, account.recorded = False, recorded
        try:
            client = self._current(name)
            if client is None:
                return None
            found = await self._list(client, location, account.snapshot)
        finally:
            account.recorded = None
            release()
        if client is self._current(name):
            for arn, trail in recorded.items():  # the list may have been read before
                updated = found.with_trail(arn, trail)
                account.is_stale = account.is_stale or updated is None
                found = updated or found
            account.has_changed = account.has_changed or found != account.snapshot
            account.snapshot, account.read_at = found, self._clock.monotonic()
            account.written = {arn: at for arn, at in account.written.items() if at >= began}
        return client

    async def _list(self, client: AccountClient, location: Location, known: InventorySnapshot) -> InventorySnapshot:
        """Return what AWS shows of an account's trails; what was known if it shows nothing."""
        try:
            snapshot = await client.lister.of(location)
        except ClosedError:
            return known  # the account has another client, which reads again
        except FailureError as error:
            logger.warning(f"failed to read the trails of account {location.account}: {error.failure.message}")
            return known
        if snapshot.access_errors:
            logger.warning(
                f"not all trails of account {location.account} can be read: {'; '.join(snapshot.access_errors)}"
            )
        return replace(known, access_errors=snapshot.access_errors) if snapshot.trails is None else snapshot
