"""The AWSAccounts that the operator knows: which of them a Trail uses, whether it may, and the way into each."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.reasons import Reason
from trail_operator.api.schema import problems
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.client import AWSClient
from trail_operator.aws.cloudtrail import CloudTrail
from trail_operator.aws.credentials import ClientPool, Role
from trail_operator.aws.diagnosis import Diagnosis
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.rate_limit import RateLimiter
from trail_operator.aws.regions import leading_region, partition_of
from trail_operator.aws.trail_lister import TrailLister
from trail_operator.domain.account_policy import allows_name, check_namespace
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.kube.client import resource_version
from trail_operator.kube.trail_object import TrailObject
from trail_operator.kube.unreportable import Refused

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_SESSION_NAME_LENGTH = 64
_CLUSTER_LENGTH = _SESSION_NAME_LENGTH - len("trail-operator@") - len("@123456789012")
# In place of one that cannot be read: it lets nobody in, and its way in is closed.
_UNREADABLE = AWSAccountSpec.model_construct(account_id="")


@dataclass(frozen=True)
class AccountClient:
    """The way into one account. `name` and `spec` are None for the operator's own identity."""

    name: str | None
    spec: AWSAccountSpec | None
    aws: AWSClient
    cloudtrail: CloudTrail
    diagnosis: Diagnosis
    neighbours: TrailLister
    allowed_adoption: AdoptionPolicy
    """Which existing trails may be taken over."""

    @property
    def default_region(self) -> str | None:
        """The region of trails that name none."""
        return self.aws.default_region

    @property
    def sts_region(self) -> str:
        """Where STS is asked who we are."""
        return self.default_region or leading_region(self.spec.role_arn if self.spec else "")


@dataclass
class Account:
    """An AWSAccount as the controller holds it."""

    body: dict[str, Any]
    spec: AWSAccountSpec
    access: AccountClient
    answered: float
    """When AWS last answered who we are; on the monotonic clock."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    problem: str = ""
    """What is wrong with the spec, so that it cannot be read."""
    refused: Refused | None = None
    """That the API server refuses to write the object."""

    def take(self, body: dict[str, Any] | None) -> None:
        """The answer to a write of ours; the watch may have told of a newer state meanwhile."""
        if body is not None and resource_version(body) >= resource_version(self.body):
            self.body = body

    @property
    def name(self) -> str:
        """The AWSAccount's name."""
        return str(self.body["metadata"]["name"])


class AccountRegistry:
    """All AWSAccounts, and the operator's own identity."""

    def __init__(
        self,
        sessions: ClientPool,
        *,
        default: str | None,
        own_identity: bool,
        allowed_adoption: AdoptionPolicy,
        cluster: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Any],
        called: Callable[[str, str, str, float], None],
        waited: Callable[[str, float], None],
    ) -> None:
        self._sessions = sessions
        self._default = default
        self._own_identity = own_identity
        self._allowed_adoption = allowed_adoption
        self._cluster = cluster
        self._clock = clock
        self._called = called
        self._threads = CallExecutor()
        # AWS counts calls by account, however many AWSAccounts lead into it.
        self._limiters = defaultdict[str, RateLimiter](lambda: RateLimiter(clock, sleep, waited))
        self._accounts: dict[str, Account] = {}
        self._labels: dict[str, dict[str, str]] = {}
        # The AWSAccounts that are there, but another operator's.
        self._others: set[str] = set()
        self.own = self._access(None, None)

    # What is told of the cluster.

    def seen(self, body: dict[str, Any]) -> Account:
        """An AWSAccount as the API server has it now. One whose spec cannot be read lets nobody in."""
        name = body["metadata"]["name"]
        self._others.discard(name)
        spec, problem = _UNREADABLE, ""
        try:
            spec = AWSAccountSpec.model_validate(body.get("spec"))
        except ValidationError as error:
            problem = problems(error)
        known = self._accounts.get(name)
        if known and resource_version(body) < resource_version(known.body):
            return known  # an event that was overtaken by the answer to our own write
        if known is None:
            known = self._accounts[name] = Account(body, spec, self._access(name, spec), self._clock())
        else:
            if _way_in(spec) != _way_in(known.spec):
                known.access.aws.close()
                known.access = self._access(name, spec)
            elif spec != known.spec:
                known.access = _renewed(known.access, spec)
            known.body, known.spec = body, spec
        known.problem = problem
        if problem:
            known.access.aws.close()
        return known

    def seen_of_others(self, name: str) -> bool:
        """An AWSAccount that is another operator's; whether that is new."""
        is_new = name not in self._others
        self.gone(name)
        self._others.add(name)
        return is_new

    def gone(self, name: str) -> Account | None:
        """An AWSAccount that the API server no longer has."""
        self._others.discard(name)
        account = self._accounts.pop(name, None)
        if account:
            account.access.aws.close()
        return account

    def labelled(self, namespace: str, labels: dict[str, str]) -> bool:
        """A namespace as the API server has it now; whether its labels are others."""
        before = self._labels.get(namespace)
        self._labels[namespace] = labels
        if before == labels:
            return False
        for account in self._accounts.values():
            allows = account.spec.allowed_namespaces.allows
            if allows(namespace, before or {}) and not allows(namespace, labels):
                account.access = _renewed(account.access, account.spec)
        return True

    def current(self, name: str | None) -> AccountClient | None:
        """The way into an AWSAccount as it is now; of None, the operator's own identity."""
        if name is None:
            return self.own
        account = self._accounts.get(name)
        return account.access if account and not account.problem else None

    def unlabelled(self, namespace: str) -> None:
        """A namespace that the API server no longer has."""
        self._labels.pop(namespace, None)

    def get(self, name: str) -> Account | None:
        """The AWSAccount of that name."""
        return self._accounts.get(name)

    def all(self) -> list[Account]:
        """All AWSAccounts."""
        return list(self._accounts.values())

    # Which account a Trail uses.

    def name_for(self, trail: TrailObject) -> str | None:
        """The name of the AWSAccount that a Trail uses; None for the operator's own identity."""
        return trail.account_name or self._default

    def knows(self, name: str) -> bool:
        """Whether there is an AWSAccount of that name, be it another operator's."""
        return name in self._accounts or name in self._others

    def managed_elsewhere(self, trail: TrailObject) -> bool:
        """Whether a Trail is another operator's: its AWSAccount is."""
        return self.name_for(trail) in self._others

    def trail_scope(self, trail: TrailObject) -> tuple[str, str]:
        """The AWS account that a Trail's trail is in ("" while STS has not told the operator's own), and its region."""
        name = self.name_for(trail)
        if name is None:
            pinned = trail.status.account_id if trail.has_finalizer else None
            return pinned or self.own.aws.account, self.own.default_region or ""
        account = self._accounts.get(name)
        if account is None:
            return name, ""  # whichever that is: none that another Trail is in
        return account.spec.account_id, account.access.default_region or ""

    def access_for(self, trail: TrailObject) -> AccountClient:
        """The way into the account that a Trail uses. Raises FailureError where there is none for it."""
        if trail.manifest.get("accountRef") is not None and not trail.account_name:
            raise FailureError(_refusal(Reason.INVALID_SPEC, "spec.accountRef does not name an AWSAccount"))
        name = self.name_for(trail)
        if name is None:
            if self._own_identity:
                return self.own
            raise FailureError(
                _refusal(
                    Reason.ACCOUNT_NOT_FOUND,
                    "this operator needs spec.accountRef: name the AWSAccount that the trail is to be in",
                )
            )
        account = self._accounts.get(name)
        if account is None:
            remedy = (
                "delete this Trail and make it again with another spec.accountRef, which cannot be changed"
                if trail.account_name
                else "correct --default-account"
            )
            message = f"there is no AWSAccount {name}: have it made, or {remedy}"
            raise FailureError(_refusal(Reason.ACCOUNT_NOT_FOUND, message))
        if account.problem:
            message = f"the spec of AWSAccount {name} is invalid: see its conditions"
            raise FailureError(_refusal(Reason.ACCOUNT_NOT_FOUND, message))
        namespace = trail.key.namespace
        if refusal := check_namespace(account.spec, name, namespace, self._labels.get(namespace)):
            raise FailureError(refusal)
        return account.access

    def admits(self, trail: TrailObject) -> bool:
        """Whether a Trail may use its account, and for a trail of its name."""
        try:
            access = self.access_for(trail)
        except FailureError:
            return False
        return access.spec is None or allows_name(access.spec, trail.trail_name)

    async def close(self, seconds: float) -> bool:
        """Let no further call begin; those under way get some seconds. Whether all have ended."""
        return await self._threads.close(seconds)

    # The ways in.

    def _access(self, name: str | None, spec: AWSAccountSpec | None) -> AccountClient:
        endpoint_url = (spec.endpoint_url if spec else "") or None
        region = (spec.region if spec else "") or self._sessions.default_region
        identity = self._sessions.own
        if spec and spec.role_arn:
            role = Role(spec.role_arn, spec.external_id, session_name(self._cluster, spec.account_id))
            identity = self._sessions.assuming(role, region or leading_region(spec.role_arn), endpoint_url)
        aws = AWSClient(
            self._sessions,
            identity,
            self._limiters.__getitem__,
            self._threads,
            self._clock,
            default_region=region,
            named_regions=spec.allowed_regions if spec else (),
            endpoint_url=endpoint_url,
            called=self._called,
        )
        allowed = spec.allowed_adoption if spec else self._allowed_adoption
        return AccountClient(name, spec, aws, CloudTrail(aws), Diagnosis(aws), TrailLister(aws), allowed)


def session_name(cluster: str, account: str) -> str:
    """The name of role sessions: in CloudTrail's records it tells which cluster did something, in which account.

    Only letters, digits and +=,.@_- are allowed. A cluster's UID has room, a longer name is cut off.
    """
    cluster = re.sub(r"[^\w+=,.@-]", "-", cluster[:_CLUSTER_LENGTH], flags=re.ASCII)
    return f"trail-operator@{cluster}@{account}"


def _way_in(spec: AWSAccountSpec) -> tuple[str, ...]:
    """All by which calls go where they go: of the regions those that only the AWSAccount says there are."""
    own_regions = (region for region in spec.allowed_regions if partition_of(region) is None)
    return spec.account_id, spec.role_arn, spec.external_id, spec.region, spec.endpoint_url, *own_regions


def _renewed(access: AccountClient, spec: AWSAccountSpec) -> AccountClient:
    """The same way in. What is under way by the former asks anew whether it may."""
    aws = access.aws.renewed()
    parts = CloudTrail(aws), Diagnosis(aws), TrailLister(aws)
    return AccountClient(access.name, spec, aws, *parts, spec.allowed_adoption)


def _refusal(reason: Reason, message: str) -> Failure:
    return Failure(FailureClass.AUTHORITY, reason, message)
