"""One run over an AWSAccount: verifies its identity, reports it and the account's trails. Writes nothing to AWS."""

from kubernetes.aio.client.exceptions import ApiException

from trail_operator.account.identity import verify_identity
from trail_operator.account.status_writer import AccountStatusWriter
from trail_operator.api.reasons import Reason
from trail_operator.domain.backoff import resync_delay, retry_delay
from trail_operator.domain.failure import Failure, FailureClass, internal
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import Account, AccountRegistry
from trail_operator.kube.answers import NO_ANSWER
from trail_operator.kube.unreportable import Unreportable, is_refusal
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import logger


class AccountReconciler:
    """Keeps the status and the finalizers of AWSAccounts."""

    def __init__(
        self,
        registry: AccountRegistry,
        inventory: AccountInventory,
        writer: AccountStatusWriter,
        unreportable: Unreportable,
        resync: float,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._inventory = inventory
        self._writer = writer
        self._unreportable = unreportable
        self._resync = resync
        self._clock = clock

    async def reconcile(self, account: Account) -> float:
        """Reconcile once; return the seconds until the next run."""
        failure = await self._guarded(account)
        account.failures = account.failures + 1 if failure else 0
        random = self._clock.random()
        left = self._unreportable.seconds_left(account.refused, account.requested_state)
        if left > 0.0:
            return left
        return retry_delay(failure, account.failures, random) if failure else resync_delay(self._resync, random)

    async def _guarded(self, account: Account) -> FailureClass | None:
        """Reconcile; return the class of what went wrong."""
        if await self._unreportable.is_left_alone(account.body, account.refused, account.requested_state):
            return None
        try:
            failure = await self._sync(account)
        except ApiException as error:
            if is_refusal(error):
                requested = account.requested_state
                account.refused = await self._unreportable.report(account.body, requested, error, account.refused)
                return None
            logger.warning(f"Kubernetes: {error.status} {error.reason}", extra=account.about())
        except NO_ANSWER as error:
            logger.warning(f"no answer from Kubernetes: {type(error).__name__}", extra=account.about())
        except Exception as error:  # noqa: BLE001 - a bug must not end the AWSAccount's task; it is reported
            logger.exception("internal error", extra=account.about())
            await self._report_fault(account, error)
        else:
            account.refused = None
            return failure
        return FailureClass.TRANSIENT

    async def _sync(self, account: Account) -> FailureClass | None:
        users = await self._writer.sync_finalizers(account, deleting=account.deleting)
        if not account.deleting:
            return await self._verify(account)
        if users:
            await self._writer.write_in_use(account, users)
        return None

    async def _verify(self, account: Account) -> FailureClass | None:
        if account.problem:
            invalid = Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"spec: {account.problem}")
            await self._writer.write_result(account, invalid, unreachable=self._is_unreachable(account))
            return None
        client = account.client
        failure, location = await verify_identity(client, self._registry.own)
        if client is not account.client:  # the spec changed during the call, so the answer is about the earlier one
            return FailureClass.TRANSIENT
        if failure is None or failure.kind is not FailureClass.TRANSIENT:
            account.answered = self._clock.monotonic()
        snapshot = self._inventory.snapshot(client, location) if location else None
        await self._writer.write_result(account, failure, snapshot, unreachable=self._is_unreachable(account))
        return failure.kind if failure else None

    def _is_unreachable(self, account: Account) -> bool:
        """Whether AWS has not answered for three resyncs."""
        return self._clock.monotonic() - account.answered > 3 * self._resync

    async def _report_fault(self, account: Account, error: Exception) -> None:
        try:
            await self._writer.write_result(account, internal(error), unreachable=self._is_unreachable(account))
        except Exception:  # noqa: BLE001 - already reporting a fault: the log has both
            logger.exception("failed to report an internal error", extra=account.about())
