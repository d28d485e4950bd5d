"""Resolves a Trail's spec: account, location, organization and KMS key. Runs in every reconcile."""

from dataclasses import dataclass, replace

from pydantic import ValidationError

from trail_operator.api.reasons import Reason
from trail_operator.api.schema import problems
from trail_operator.api.trail import TrailSpec
from trail_operator.domain.account_policy import check_resources, check_spec, key_not_resolved
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, desired_trail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.trail.location import Locator
from trail_operator.trail.state import TrailState


@dataclass(frozen=True)
class ResolvedSpec:
    """A resolved spec. `key_failure`: why spec.kmsKeyID could not be resolved."""

    client: AccountClient
    spec: TrailSpec
    name: str
    location: Location
    management_account: str | None = None
    key_arn: str | None = None
    key_failure: Failure | None = None

    @property
    def arn(self) -> str:
        """The ARN of the trail."""
        return self.location.trail_arn(self.name, self.management_account)

    @property
    def limits_keys(self) -> bool:
        """Whether the account allows only some KMS keys, so that the key must be resolved."""
        account = self.client.spec
        return account is not None and account.allowed_key_arns is not None and bool(self.spec.kms_key_id)


class SpecResolver:
    """Resolves specs."""

    def __init__(self, accounts: AccountRegistry, locator: Locator, ignored_tags: tuple[str, ...]) -> None:
        self._accounts = accounts
        self._locator = locator
        self._ignored_tags = ignored_tags

    def client_for(self, state: TrailState) -> AccountClient:
        """Return the client of the Trail's account. Raises FailureError if the Trail may use none."""
        return self._accounts.client_for(state)

    async def resolve(self, state: TrailState) -> ResolvedSpec:
        """Resolve the spec of a Trail. Raises FailureError if it is invalid, or if AWS does not answer."""
        spec = _spec(state)
        client = self._accounts.client_for(state)
        region = self._locator.region(state, client, spec.region)
        name = spec.name or state.key.name
        if client.spec and (refusal := check_spec(client.spec, str(client.name), spec, name, region)):
            raise FailureError(refusal)
        location = await self._locator.location(state, client, region)
        resolved = await self._resolve_owner_account(state, ResolvedSpec(client, spec, name, location))
        with_key = await self.resolve_kms_key(resolved) if resolved.limits_keys or not state.observe_only else resolved
        _check_limits(with_key)
        # The home of a trail that is only observed, and so the meaning of names, is unknown until it is found.
        return resolved if state.observe_only else with_key

    async def _resolve_owner_account(self, state: TrailState, resolved: ResolvedSpec) -> ResolvedSpec:
        client, location, recorded = resolved.client, resolved.location, state.recorded_arn
        if recorded and state.has_finalizer:
            # The owner account does not change with the spec: isOrganizationTrail changes the same trail.
            owner = Arn.parse(recorded).account
            if await self._locator.can_own(client, location, owner):
                return replace(resolved, management_account=owner if owner != location.account else None)
        # A trail that is only observed is found by its name.
        return resolved if state.observe_only else await self.resolve_organization(resolved)

    async def resolve_organization(self, resolved: ResolvedSpec) -> ResolvedSpec:
        """Resolve the owner account by the spec alone. Raises FailureError if AWS does not answer."""
        management = None
        if resolved.spec.is_organization_trail:
            management = await self._locator.management_account(resolved.client, resolved.location)
        return replace(resolved, management_account=management)

    async def resolve_kms_key(self, resolved: ResolvedSpec) -> ResolvedSpec:
        """Resolve spec.kmsKeyID. A failure becomes part of the result."""
        if not resolved.spec.kms_key_id:
            return resolved
        try:
            key_arn = await resolved.client.cloudtrail.key_arn(
                resolved.spec.kms_key_id, resolved.location, verified=resolved.limits_keys
            )
        except FailureError as error:
            return replace(resolved, key_arn=None, key_failure=error.failure)
        return replace(resolved, key_arn=key_arn, key_failure=None)

    def desired(self, state: TrailState, resolved: ResolvedSpec, observed: ObservedTrail | None) -> DesiredTrail:
        """Return the desired trail. An unresolved key is no difference, so that all other settings can be corrected."""
        desired = desired_trail(
            resolved.spec,
            name=resolved.name,
            location=resolved.location,
            owner=(owner := self._locator.owner(state)),
            former_owners=self._locator.owners(state) - {owner},
            kms_key_arn=resolved.key_arn,
            ignored_tags=self._ignored_tags,
            management_account=resolved.management_account,
        )
        if resolved.key_failure and observed:
            key = observed.configuration.kms_key_id
            return replace(desired, configuration=replace(desired.configuration, kms_key_id=key))
        return desired


def _check_limits(resolved: ResolvedSpec) -> None:
    """Raise FailureError if the account does not allow the topic, key or log group of the spec."""
    account, name, spec, location = resolved.client.spec, str(resolved.client.name), resolved.spec, resolved.location
    if account is None:
        return
    if resolved.limits_keys and (failure := resolved.key_failure):
        raise FailureError(key_not_resolved(name, spec.kms_key_id, failure))
    refusal = check_resources(
        account,
        name,
        topic=location.topic_arn(spec.sns_topic_name) if spec.sns_topic_name else None,
        key=resolved.key_arn,
        log_group=spec.cloud_watch_logs_log_group_arn.removesuffix(":*") or None,
    )
    if refusal:
        raise FailureError(refusal)


def _spec(state: TrailState) -> TrailSpec:
    try:
        return state.spec
    except ValidationError as error:
        message = f"spec: {problems(error)}"
        raise FailureError(Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, message)) from None
