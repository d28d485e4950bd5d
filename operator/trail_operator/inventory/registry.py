"""The AWSAccounts that the operator knows: which one a Trail uses, whether it may, and the client of each."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from trail_operator.api.aws_account import AWSAccountSpec, AWSAccountStatus
from trail_operator.api.reasons import Reason
from trail_operator.api.schema import problems
from trail_operator.domain.account_policy import allows_name, check_namespace
from trail_operator.domain.failure import FailureError, authority
from trail_operator.inventory.account_client import AccountClient, AccountClients, connection_settings, reopened
from trail_operator.kube.client import resource_version
from trail_operator.kube.trail_object import TrailObject
from trail_operator.kube.unreportable import Refused
from trail_operator.runtime.clock import Clock
from trail_operator.runtime.logs import about

# In place of a spec that cannot be parsed: no Trail may use the account, and its client is closed.
_UNREADABLE = AWSAccountSpec.model_construct(account_id="")


@dataclass
class Account:
    """An AWSAccount, in the newest version that the operator has seen."""

    body: dict[str, Any]
    spec: AWSAccountSpec
    client: AccountClient
    answered: float
    """When STS last answered; on the monotonic clock."""
    failures: int = 0
    """Failed runs in a row."""
    problem: str = ""
    """Why the spec cannot be parsed; empty if it can."""
    refused: Refused | None = None
    """The last write that the API server refused."""

    def update(self, body: dict[str, Any] | None) -> None:
        """Take the answer to a write, unless the watch has reported a newer version."""
        if body is not None and resource_version(body) >= resource_version(self.body):
            self.body = body

    def about(self, **fields: Any) -> dict[str, Any]:
        """Return the `extra` of a log line about this AWSAccount."""
        return about(f"AWSAccount {self.name}", generation=self.body["metadata"]["generation"], **fields)

    @property
    def name(self) -> str:
        """The AWSAccount's name."""
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        """The object's UID."""
        return str(self.body["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """The generation of the spec."""
        return int(self.body["metadata"]["generation"])

    @property
    def deleting(self) -> bool:
        """Whether the object is being deleted."""
        return "deletionTimestamp" in self.body["metadata"]

    @property
    def finalizers(self) -> list[str]:
        """All finalizers of the object."""
        return finalizers_of(self.body)

    @property
    def requested_state(self) -> tuple[int, bool]:
        """What users request: spec and deletion."""
        return requested_state(self.body)

    @property
    def status(self) -> AWSAccountStatus:
        """Return the status as last read."""
        return AWSAccountStatus.parse(self.body.get("status"))


class AccountRegistry:
    """All AWSAccounts, and the operator's own identity."""

    def __init__(self, clients: AccountClients, *, default: str | None, own_identity: bool, clock: Clock) -> None:
        """`default`: the AWSAccount of Trails that name none.

        `own_identity`: whether Trails use the operator's own identity if there is no default.
        """
        self._clients = clients
        self._default = default
        self._own_identity = own_identity
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._excluded: set[str] = set()
        self._labels: dict[str, dict[str, str]] = {}
        self.own = clients.create(None, None)

    # Changes that the API server reports.

    def upsert(self, body: dict[str, Any]) -> Account:
        """Add or replace an AWSAccount. No Trail may use one whose spec cannot be parsed."""
        name = body["metadata"]["name"]
        self._excluded.discard(name)
        spec, problem = _UNREADABLE, ""
        try:
            spec = AWSAccountSpec.model_validate(body.get("spec"))
        except ValidationError as error:
            problem = problems(error)
        known = self._accounts.get(name)
        if known and resource_version(body) < resource_version(known.body):
            return known  # an event that arrived after the answer to a later write
        if known is None:
            client = self._clients.create(name, spec)
            known = self._accounts[name] = Account(body, spec, client, self._clock.monotonic())
        else:
            if connection_settings(spec) != connection_settings(known.spec):
                known.client.aws.close()
                known.client = self._clients.create(name, spec)
            elif spec != known.spec:
                known.client = reopened(known.client, spec)
            known.body, known.spec = body, spec
        known.problem = problem
        if problem:
            known.client.aws.close()
        return known

    def exclude(self, name: str) -> bool:
        """Record that an AWSAccount is another operator's; return whether that is new."""
        is_new = name not in self._excluded
        self.delete(name)
        self._excluded.add(name)
        return is_new

    def delete(self, name: str) -> Account | None:
        """Remove an AWSAccount that the API server no longer has."""
        self._excluded.discard(name)
        account = self._accounts.pop(name, None)
        if account:
            account.client.aws.close()
        return account

    def update_namespace(self, name: str, labels: dict[str, str]) -> bool:
        """Replace a namespace's labels, which decide what accounts its Trails may use; return whether they changed."""
        before = self._labels.get(name)
        self._labels[name] = labels
        if before == labels:
            return False
        for account in self._accounts.values():
            allows = account.spec.allowed_namespaces.allows
            if allows(name, before or {}) and not allows(name, labels):
                account.client = reopened(account.client, account.spec)
        return True

    def delete_namespace(self, name: str) -> None:
        """Remove a namespace's labels: a new namespace of that name may have others."""
        self._labels.pop(name, None)

    # Questions.

    def current(self, name: str | None) -> AccountClient | None:
        """Return the present client of an AWSAccount, for None that of the operator's own identity."""
        if name is None:
            return self.own
        account = self._accounts.get(name)
        return account.client if account and not account.problem else None

    def get(self, name: str) -> Account | None:
        """Return the AWSAccount of that name."""
        return self._accounts.get(name)

    def all(self) -> list[Account]:
        """Return all AWSAccounts."""
        return list(self._accounts.values())

    def names_of(self, account_id: str) -> list[str | None]:
        """Return the names of the AWSAccounts of an account; None stands for the operator's own identity."""
        names: list[str | None] = [
            name for name, one in self._accounts.items() if one.spec.account_id == account_id and not one.problem
        ]
        if self._own_identity and account_id == self.own.aws.account:
            names.append(None)
        return names

    def name_for(self, trail: TrailObject) -> str | None:
        """Return the name of the AWSAccount that a Trail uses; None for the operator's own identity."""
        return trail.account_name or self._default

    def knows(self, name: str) -> bool:
        """Whether there is an AWSAccount of that name, even if it is another operator's."""
        return name in self._accounts or name in self._excluded

    def is_excluded(self, name: str | None) -> bool:
        """Whether an AWSAccount is another operator's."""
        return name in self._excluded

    def managed_elsewhere(self, trail: TrailObject) -> bool:
        """Whether a Trail is another operator's: its AWSAccount is."""
        return self.is_excluded(self.name_for(trail))

    def trail_scope(self, trail: TrailObject) -> tuple[str, str]:
        """Return the account ID and the default region of a Trail, each empty if it is unknown.

        The ID of the operator's own account is unknown until STS has answered.
        """
        name = self.name_for(trail)
        if name is None:
            pinned = trail.status.account_id if trail.has_finalizer else None
            return pinned or self.own.aws.account, self.own.default_region or ""
        account = self._accounts.get(name)
        if account is None:
            return name, ""  # no account ID: Trails with this accountRef compete only with each other
        return account.spec.account_id, account.client.default_region or ""

    def client_for(self, trail: TrailObject) -> AccountClient:
        """Return the client of the account that a Trail uses. Raises FailureError if it may use none."""
        if trail.manifest.get("accountRef") is not None and not trail.account_name:
            raise FailureError(authority(Reason.INVALID_SPEC, "spec.accountRef does not name an AWSAccount"))
        name = self.name_for(trail)
        if name is None:
            return self._own_client()
        account = self._accounts.get(name)
        if account is None:
            remedy = (
                "delete this Trail and create it again with another spec.accountRef, which is immutable"
                if trail.account_name
                else "correct --default-account"
            )
            message = f"AWSAccount {name} does not exist: create it, or {remedy}"
            raise FailureError(authority(Reason.ACCOUNT_NOT_FOUND, message))
        return self._client_in(account, trail.key.namespace)

    def client_named(self, name: str | None, namespace: str) -> AccountClient:
        """Return the client of an AWSAccount by name, for None that of the operator's own identity.

        Raises FailureError if there is none, or if objects of the namespace may not use it.
        """
        if name is None and not self._own_identity:
            message = (
                "the operator's own identity, with which they were created, may no longer be used (--own-identity): "
                "create an AWSAccount for that account"
            )
            raise FailureError(authority(Reason.ACCOUNT_NOT_FOUND, message))
        if name is None:
            return self.own
        account = self._accounts.get(name)
        if account is None:
            raise FailureError(authority(Reason.ACCOUNT_NOT_FOUND, f"AWSAccount {name} does not exist: create it"))
        return self._client_in(account, namespace)

    def _own_client(self) -> AccountClient:
        if self._own_identity:
            return self.own
        message = "spec.accountRef is required by this operator: set it to the AWSAccount for the trail"
        raise FailureError(authority(Reason.ACCOUNT_NOT_FOUND, message))

    def _client_in(self, account: Account, namespace: str) -> AccountClient:
        name = account.name
        if account.problem:
            message = f"The spec of AWSAccount {name} is invalid: see its conditions"
            raise FailureError(authority(Reason.ACCOUNT_NOT_FOUND, message))
        if refusal := check_namespace(account.spec, name, namespace, self._labels.get(namespace)):
            raise FailureError(refusal)
        return account.client

    def admits(self, trail: TrailObject) -> bool:
        """Whether a Trail may use its account, for a trail of its name."""
        try:
            client = self.client_for(trail)
        except FailureError:
            return False
        return client.spec is None or allows_name(client.spec, trail.trail_name)


def requested_state(body: dict[str, Any]) -> tuple[int, bool]:
    """Return what users request: the generation of the spec, and whether the object is being deleted."""
    return int(body["metadata"]["generation"]), "deletionTimestamp" in body["metadata"]


def finalizers_of(body: dict[str, Any]) -> list[str]:
    """Return all finalizers of an object."""
    return list(body["metadata"].get("finalizers", []))
