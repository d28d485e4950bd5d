"""What the rest of the emulator asks: may this request go ahead, and may its caller do this as well."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from trail_sandbox.aws.access.arns import other_needs
from trail_sandbox.aws.access.attached import Attached, attached_to
from trail_sandbox.aws.access.grants import Grants, grants_of
from trail_sandbox.aws.access.guardrails import guardrails_of
from trail_sandbox.aws.access.judgement import Policies, Refusal, judge
from trail_sandbox.aws.access.keys import global_keys
from trail_sandbox.aws.access.needs import Ask, Keys, Need
from trail_sandbox.aws.access.refusals import refused
from trail_sandbox.aws.access.s3 import s3_needs
from trail_sandbox.aws.access.trails import trail_needs
from trail_sandbox.aws.arrival import Arrival
from trail_sandbox.aws.cloudtrail.shapes import service_model
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.policy import Principal, Request
from trail_sandbox.aws.trails import TrailStore
from trail_sandbox.aws.world import World

_NEEDS_NOTHING = frozenset({"GetCallerIdentity", "GetSessionToken", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})
_CLOUDTRAIL = "cloudtrail"
_BUCKET_POLICY_OPERATIONS = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})
# Root can always open a bucket or a queue again that a policy has closed to everybody:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html
_ALWAYS_OPEN_TO_ROOT = frozenset(
    {*(f"s3:{name}" for name in _BUCKET_POLICY_OPERATIONS), "sqs:GetQueueAttributes", "sqs:SetQueueAttributes"}
)


class Permissions:
    """What the caller of one request may do."""

    def __init__(self, world: World, arrival: Arrival, caller: Caller) -> None:
        self._world = world
        self._arrival = arrival
        self.caller = caller
        self._guardrails = guardrails_of(caller.account)

    @property
    def are_unlimited(self) -> bool:
        """Say whether the caller may do everything in its account: the root user, unless an organization is above."""
        return self.caller.is_root and not self._guardrails

    def allow(self, action: str, resource: str = "*", keys: Keys | None = None) -> bool:
        """Say whether the caller may do this, with such condition keys beside the global ones."""
        need = Need(action, resource, keys or {})
        return self.refusal(need, attached_to(self._world, need, self.caller.account)) is None

    def require(self, need: Need, attached: Attached | None) -> None:
        """Refuse what the caller may not, in the words of the service that was called."""
        refusal = self.refusal(need, attached)
        if refusal is not None:
            service = self._arrival.scope.service
            raise refused(service, self.caller, need, refusal, is_foreign=self._is_foreign(attached))

    def refusal(self, need: Need, attached: Attached | None) -> Refusal | None:
        """Judge one need by all policies that bind the caller."""
        is_foreign = self._is_foreign(attached)
        if self.caller.is_root and attached and not is_foreign:
            attached = _for_owner(attached, need)
        if self.are_unlimited and attached is None:
            return None
        return judge(
            self._request(need, attached), Policies(self._guardrails, self._grants, attached, is_foreign=is_foreign)
        )

    def _is_foreign(self, attached: Attached | None) -> bool:
        return attached is not None and attached.account != self.caller.account

    def _request(self, need: Need, attached: Attached | None) -> Request:
        owner = {"aws:ResourceAccount": attached.account if attached else self.caller.account}
        keys = {**owner, **self._global_keys, **need.keys}
        return Request(Principal.arn(self.caller.arn), need.action, need.resource, keys)

    @cached_property
    def _grants(self) -> Grants | None:
        return None if self.caller.is_root else grants_of(self.caller)

    @cached_property
    def _global_keys(self) -> Keys:
        return global_keys(self._world, self.caller, self._arrival, self._grants.tags if self._grants else {})


class Authorizer:
    """Holds every request to the policies that bind its caller."""

    def __init__(self, world: World, trails: TrailStore) -> None:
        self._world = world
        self._trails = trails

    def permissions(self, arrival: Arrival, caller: Caller) -> Permissions:
        """What a caller may do in a request."""
        return Permissions(self._world, arrival, caller)

    def check(self, arrival: Arrival, permissions: Permissions) -> str:
        """Refuse a request that may not go ahead, or give the account whose resources it is about."""
        caller, service, operation = permissions.caller, arrival.scope.service, arrival.operation
        ask = Ask(service, operation, caller, arrival.scope.region)
        account = caller.account
        if operation.name in _NEEDS_NOTHING or (service == _CLOUDTRAIL and permissions.are_unlimited):
            return account
        if service == _CLOUDTRAIL and operation.name not in service_model().operation_names:
            return account
        for need in self._needs(ask):
            attached = attached_to(self._world, need, caller.account)
            if attached and ask.text("ExpectedBucketOwner") not in ("", attached.account):
                raise AwsError("AccessDenied", "Access Denied", 403)
            permissions.require(need, attached)
            if attached and attached.account != caller.account:
                _check_from_abroad(operation.name)
                # All buckets are in one place for moto, keys and topics are in their accounts.
                account = caller.account if service == "s3" else attached.account
        return account

    def _needs(self, ask: Ask) -> Iterable[Need]:
        if ask.service == _CLOUDTRAIL:
            return trail_needs(ask, self._trails)
        return s3_needs(ask) if ask.service == "s3" else other_needs(self._world, ask)


def _for_owner(attached: Attached, need: Need) -> Attached | None:
    """Leave of a policy what binds the root user of its account: usually what it denies."""
    if attached.must_name_root:
        return attached
    if attached.policy is None or need.action in _ALWAYS_OPEN_TO_ROOT:
        return None
    return replace(attached, is_sole=False)


def _check_from_abroad(operation: str) -> None:
    """Keep a bucket's policy from all other accounts.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
    """
    if operation in _BUCKET_POLICY_OPERATIONS:
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
