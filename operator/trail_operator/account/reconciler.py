"""One asyncio task an AWSAccount: who we are in it, and which trails it has, in its status. Writes nothing to AWS."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

from trail_operator.api.aws_account import EXTERNAL_ID, AWSAccountSpec, AWSAccountStatus
from trail_operator.api.constants import NAMESPACE_FINALIZERS
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.aws.errors import AWSError, is_shut_out
from trail_operator.aws.service_account import is_path_known, principal
from trail_operator.domain.account_status import account_status, finalizers, held_back
from trail_operator.domain.arns import Location
from trail_operator.domain.backoff import resync_delay, retry_delay
from trail_operator.domain.failure import Failure, FailureClass, FailureError, internal
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.warnings import InventorySnapshot
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import Account, AccountClient, AccountRegistry
from trail_operator.kube.client import AWS_ACCOUNTS, Key, KubeClient
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.trail_object import TrailObject
from trail_operator.kube.unreportable import Unreportable, is_refusal
from trail_operator.runtime.logs import about, logger
from trail_operator.runtime.tasks import restarting

# How far apart AWSAccounts begin at the start.
_SECONDS_A_LOOK = 0.05


class AccountReconciler:
    """Keeps the status of all AWSAccounts."""

    def __init__(
        self,
        kubernetes: KubeClient,
        accounts: AccountRegistry,
        inventory: AccountInventory,
        events: EventRecorder,
        unreportable: Unreportable,
        *,
        cluster: Cluster,
        labels: Mapping[str, str],
        namespaces: Collection[str],
        users: Callable[[str], Collection[str]],
        changed: Callable[[str], None],
        resync: float,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        random: Callable[[], float],
        restarted: Callable[[], None],
    ) -> None:
        """`namespaces`: those that are watched, none for all; `users`: those of the Trails that use an AWSAccount."""
        self._kubernetes = kubernetes
        self._accounts = accounts
        self._inventory = inventory
        self._events = events
        self._unreportable = unreportable
        self._cluster = cluster
        self._labels = labels
        self._namespaces = namespaces
        self._users = users
        self._changed = changed
        self._resync = resync
        self._clock = clock
        self._now = now
        self._random = random
        self._restarted = restarted
        self._stopping = False

    def start(self, bodies: list[dict[str, Any]]) -> None:
        """All AWSAccounts that there are at the start. They are looked at one after the other: Trails come first."""
        for place, body in enumerate(bodies):
            try:
                self.on_update(body, after=place * _SECONDS_A_LOOK)
            except Exception:  # noqa: BLE001 - one that can't be read stops no other
                logger.exception("can't be read", extra=about(f"AWSAccount {body['metadata']['name']}"))

    def on_update(self, body: dict[str, Any], *, after: float = 0.0) -> None:
        """An AWSAccount as the API server has it now: its Trails follow at once.

        `after`: seconds until the first look, if it is new to us.
        """
        if self._stopping:
            return
        name = body["metadata"]["name"]
        if not self._labels.items() <= (body["metadata"].get("labels") or {}).items():
            account = self._accounts.get(name)
            if self._accounts.seen_of_others(name):
                self._end(name, account)
            return
        before = self._accounts.get(name)
        if before and _uid(before.body) != _uid(body):  # its end was not seen
            self.on_delete(before.body)
            before = None
        generation, deleting = _wanted(before.body) if before else (None, None)
        holders = _finalizers(before.body) if before else []
        account = self._accounts.seen(body)
        if account.task is None:
            self._start(account, after)
        if (generation, deleting) != _wanted(body):
            self._inventory.changed(account.access)
            self._changed(name)
            if before:
                account.wake.set()
        elif deleting and holders != _finalizers(body):
            account.wake.set()  # to say who still uses it

    def on_delete(self, body: dict[str, Any]) -> None:
        """An AWSAccount that the API server no longer has."""
        name = body["metadata"]["name"]
        account = self._accounts.get(name)
        if account is None or _uid(account.body) == _uid(body):  # else the late farewell of a former one
            self._end(name, self._accounts.gone(name))

    async def managed_elsewhere(self, trail: TrailObject) -> bool:
        """Whether a Trail is another operator's: its AWSAccount is."""
        name = self._accounts.name_for(trail)
        if self._labels and name and not self._accounts.knows(name):
            # Of a Trail and its AWSAccount that are made together the watches may tell in any order.
            with suppress(ApiException, ClientError, TimeoutError, OSError):
                if body := await self._kubernetes.find(AWS_ACCOUNTS, Key("", name)):
                    self.on_update(body)
        return self._accounts.managed_elsewhere(trail)

    def on_trail_added(self, trail: TrailObject) -> None:
        """A Trail has come: from now on it holds its AWSAccount."""
        account = self._accounts.get(self._accounts.name_for(trail) or "")
        if self._namespaces and account and _finalizer(trail) not in _finalizers(account.body):
            account.wake.set()

    def enqueue(self, name: str | None) -> None:
        """Something of an account has changed: its trails, or who uses it."""
        account = self._accounts.get(name or "")
        if account:
            account.wake.set()

    def restart_stalled(self) -> None:
        """Restart the tasks that have ended: none should."""
        for account in [] if self._stopping else self._accounts.all():
            if account.task is None or account.task.done():
                logger.error("unattended: no task; its task is restarted", extra=_about(account))
                self._restarted()
                self._start(account, 0.0)

    def stop(self) -> None:
        """End all tasks: nothing of theirs needs to be finished."""
        self._stopping = True
        for account in self._accounts.all():
            if account.task:
                account.task.cancel()

    def _end(self, name: str, account: Account | None) -> None:
        if account and account.task:
            account.task.cancel()
        self._inventory.forget(name)
        self._changed(name)

    def _start(self, account: Account, after: float) -> None:
        run = restarting(lambda: self._run(account, after), self._restarted, _about(account))
        account.task = asyncio.create_task(run, name=f"account {account.name}")

    async def _run(self, account: Account, after: float) -> None:
        failures, delay = 0, after
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await account.wake.wait()
            account.wake.clear()
            failure = await self._pass(account)
            failures = failures + 1 if failure else 0
            random = self._random()
            delay = retry_delay(failure, failures, random) if failure else resync_delay(self._resync, random)
            if (left := self._unreportable.seconds_left(account.refused, _wanted(account.body))) > 0.0:
                delay = left

    async def _pass(self, account: Account) -> FailureClass | None:
        """One look; the class of what went wrong."""
        if await self._unreportable.is_left_alone(account.body, account.refused, _wanted(account.body)):
            return None
        try:
            if "deletionTimestamp" in account.body["metadata"]:
                failure = await self._let_go(account)
            else:
                await self._hold(account, deleting=False)
                failure = await self._look(account)
        except ApiException as error:
            if is_refusal(error):
                wanted = _wanted(account.body)
                account.refused = await self._unreportable.report(account.body, wanted, error, account.refused)
                return None
            logger.warning(f"Kubernetes: {error.status} {error.reason}", extra=_about(account))
        except (ClientError, TimeoutError, OSError) as error:
            problem = type(error).__name__
            logger.warning(f"no answer from Kubernetes: {problem}", extra=_about(account))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the AWSAccount's task; it is reported
            logger.exception("internal error", extra=_about(account))
            await self._report_fault(account, error)
        else:
            account.refused = None
            return failure
        return FailureClass.TRANSIENT

    async def _report_fault(self, account: Account, error: Exception) -> None:
        try:
            await self._report(account, self._status(account, internal(error), InventorySnapshot()))
        except Exception:  # noqa: BLE001 - already reporting a fault: the log has both
            logger.exception("the fault could not be reported", extra=_about(account))

    async def _look(self, account: Account) -> FailureClass | None:
        access = account.access
        if account.problem:
            invalid = Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"spec: {account.problem}")
            await self._report(account, self._status(account, invalid, InventorySnapshot()))
            return None
        failure, location = await self._enter(access)
        if access is not account.access:  # changed meanwhile: what became of the former tells nothing
            return FailureClass.TRANSIENT
        if failure is None or failure.kind is not FailureClass.TRANSIENT:
            account.answered = self._clock()
        sight = self._inventory.trails(access, location) if location else InventorySnapshot()
        await self._report(account, self._status(account, failure, sight), failure.request_id if failure else "")
        return failure.kind if failure else None

    def _status(self, account: Account, failure: Failure | None, sight: InventorySnapshot) -> AWSAccountStatus:
        return account_status(
            _status(account),
            generation=int(account.body["metadata"]["generation"]),
            failure=failure,
            unreachable=self._clock() - account.answered > 3 * self._resync,
            sight=sight,
            cluster=self._cluster,
            now=self._now(),
        )

    async def _enter(self, access: AccountClient) -> tuple[Failure | None, Location | None]:
        """Whether STS says that we are in the account, and where we are."""
        region = access.sts_region
        expected = access.spec.account_id if access.spec else ""
        try:
            identity = await access.aws.identity(region)
        except AWSError as error:
            return await self._refused(access, error), None
        except FailureError as error:
            return error.failure, None
        if identity.account != expected:
            access.aws.doubt()
            caller = principal(identity.arn)
            message = (
                f"STS says that we are in account {identity.account}, as {caller}, not in {expected}: correct "
                "accountID, or name a role of that account in roleARN. Nothing is written"
            )
            return Failure(FailureClass.AUTHORITY, Reason.IDENTITY_MISMATCH, message), None
        return None, Location(identity.partition, identity.account, region)

    async def _refused(self, access: AccountClient, error: AWSError) -> Failure:
        if not is_shut_out(error) or access.spec is None:
            return error.failure
        try:
            identity = await self._accounts.own.aws.identity(error.region or access.sts_region)
        except FailureError:
            return assume_role_denied("the operator's role", access.spec)
        return assume_role_denied(identity.arn, access.spec)

    async def _let_go(self, account: Account) -> FailureClass | None:
        users = await self._hold(account, deleting=True)
        if users:
            status = held_back(
                _status(account),
                int(account.body["metadata"]["generation"]),
                users=users,
                holders=_finalizers(account.body) if self._namespaces else (),
                now=self._now(),
            )
            await self._report(account, status)
        return None

    async def _hold(self, account: Account, *, deleting: bool) -> Collection[str]:
        """Put our finalizers on or take them off; the namespaces of the Trails that use the AWSAccount, where asked."""
        users = self._users(account.name) if deleting or self._namespaces else ()
        present = _finalizers(account.body)
        wanted = finalizers(present, watched=self._namespaces, users=users, deleting=deleting)
        if wanted != present:
            version = account.body["metadata"]["resourceVersion"]
            account.take(await self._kubernetes.patch_finalizers(AWS_ACCOUNTS, Key("", account.name), wanted, version))
        return users

    async def _report(self, account: Account, status: AWSAccountStatus, request_id: str = "") -> None:
        before = _status(account)
        if status == before:
            return
        told = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        manifest = {name: value or None for name, value in told.items()}
        manifest |= {"trailCount": status.trail_count, "unmanagedCount": status.unmanaged_count}
        account.take(await self._kubernetes.patch_status(AWS_ACCOUNTS, Key("", account.name), manifest))
        was, ready = before.condition(ConditionType.READY), status.conditions[0]
        if was is not None and (was.status, was.reason) == (ready.status, ready.reason):
            return
        # The condition may quote the external id, as the spec does; who reads logs may read neither.
        message = ready.message.replace(*_quoted(account)) if account.spec.external_id else ready.message
        logger.info(
            f"Ready={ready.status} {ready.reason}: {message}",
            extra=_about(account, ready=ready.status, reason=ready.reason, requestID=request_id),
        )
        # Who may read Events of the namespace default need not be who may read AWSAccounts.
        note = "see the conditions of the AWSAccount"
        await self._events.record_transition(account.body, ready.model_copy(update={"message": note}))


def assume_role_denied(caller: str, spec: AWSAccountSpec) -> Failure:
    """Why a caller may not assume the account's role: AWS does not tell, so all that it takes is said."""
    role = principal(caller)
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    if spec.external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": spec.external_id}}
    path = "" if is_path_known(caller) else " (with the role's path, if it has one: AWS does not tell the operator)"
    return Failure(
        FailureClass.AUTHORITY,
        Reason.ASSUME_ROLE_DENIED,
        f"AWS does not let {role} assume {spec.role_arn}. It does not tell which is wrong: the role is not there, its "
        f"trust policy does not name us, or externalID is another. The trust policy must have {json.dumps(statement)}"
        f"{path}, and {role} must be allowed sts:AssumeRole, with EKS Pod Identity also sts:TagSession, on the role",
    )


def _status(account: Account) -> AWSAccountStatus:
    return AWSAccountStatus.parse(account.body.get("status"))


def _quoted(account: Account) -> tuple[str, str]:
    """The external id as a policy quotes it, and what stands for it in logs."""
    return json.dumps(account.spec.external_id), json.dumps(EXTERNAL_ID)


def _about(account: Account, **fields: Any) -> dict[str, Any]:
    """The `extra` of a log line about an AWSAccount."""
    return about(f"AWSAccount {account.name}", generation=account.body["metadata"]["generation"], **fields)


def _uid(body: dict[str, Any]) -> str:
    return str(body["metadata"]["uid"])


def _wanted(body: dict[str, Any]) -> tuple[int, bool]:
    metadata = body["metadata"]
    return int(metadata["generation"]), "deletionTimestamp" in metadata


def _finalizers(body: dict[str, Any]) -> list[str]:
    return list(body["metadata"].get("finalizers", []))


def _finalizer(trail: TrailObject) -> str:
    return NAMESPACE_FINALIZERS + trail.key.namespace
