"""Syncs a trail under managementPolicy: Observe: finds it and compares it, and writes nothing to AWS."""

from dataclasses import dataclass, replace

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.aws.cloudtrail import PartlyReadError
from trail_operator.aws.diagnosis import DeliveryAdvice
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.dependencies import DependentTrail
from trail_operator.domain.diff import differences
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.sync_result import SyncResult, TrailIdentity
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.trail.resolve import ResolvedSpec, SpecResolver
from trail_operator.trail.state import TrailState


@dataclass(frozen=True)
class _View:
    """A trail compared with the spec, with names resolved in one account and region."""

    account: str | None
    """The AWSAccount; None for the operator's own identity."""
    observed: ObservedTrail
    desired: DesiredTrail
    drift: tuple[Difference, ...]
    failure: Failure | None

    @property
    def dependent(self) -> DependentTrail | None:
        """The trail as AWS has it, whose dependencies are to be judged; None if its settings were not read."""
        if "trail" in self.observed.unreadable:
            return None
        return DependentTrail(self.account, self.observed.arn, self.desired.location, self.observed.configuration)


class ReadOnlySync:
    """Reads trails of any owner. Raises FailureError if AWS does not answer."""

    def __init__(self, resolver: SpecResolver) -> None:
        self._resolver = resolver

    async def sync(self, state: TrailState, context: ReconcileContext) -> SyncResult:
        """Read and compare once."""
        resolved = await self._resolver.resolve(state)
        try:
            observed = await self._find(state, resolved)
        except PartlyReadError as error:
            view = await self._view(state, resolved, error.observed)
            return SyncResult(
                context.generation,
                known=False,
                observed=view.observed,
                drift=(*view.drift, *state.unread_drift(view.observed.unreadable, context.generation)),
                failure=error.failure,
                advice=None,
                observe_only=True,
                dependent=view.dependent,
            )
        if observed is None:
            where = f"Account {resolved.location.account} has no trail {resolved.name}"
            not_found = f"{where} visible in {resolved.location.region}"
            return SyncResult(context.generation, known=True, observed=None, observe_only=True, not_found=not_found)
        return await self._report(context, resolved, await self._view(state, resolved, observed))

    async def _report(self, context: ReconcileContext, resolved: ResolvedSpec, view: _View) -> SyncResult:
        observed, drift = view.observed, view.drift
        if (region := resolved.spec.region) not in (None, observed.home_region):
            drift = (Difference(path="region", desired=str(region), observed=observed.home_region), *drift)
        delivery = DeliveryAdvice()
        if observed.failing_destinations:
            delivery = await resolved.client.diagnosis.delivery_advice(view.desired, observed)
        return SyncResult(
            context.generation,
            known=True,
            observed=observed,
            drift=drift,
            failure=view.failure,
            delivery_advice=delivery.message,
            advice=delivery.advice,
            identity=TrailIdentity(resolved.location.account, observed.home_region, observed.arn),
            observe_only=True,
            dependent=view.dependent,
        )

    async def _view(self, state: TrailState, resolved: ResolvedSpec, observed: ObservedTrail) -> _View:
        """Compare the trail with the spec. Names of topics and keys are resolved where the trail lives.

        An organization trail uses names of the account that created it: the management account, which is in its ARN, or
        a delegated administrator, which this account may be. The account with fewer differences is used.
        """
        home = Arn.parse(observed.arn).location
        locations = dict.fromkeys((home, replace(home, account=resolved.location.account)))
        views = [await self._view_from(location, state, resolved, observed) for location in locations]
        return min(views, key=lambda view: (len(view.drift), len(view.observed.unreadable)))

    async def _view_from(
        self, location: Location, state: TrailState, resolved: ResolvedSpec, observed: ObservedTrail
    ) -> _View:
        localized = await self._resolver.resolve_kms_key(replace(resolved, location=location))
        failure = localized.key_failure
        if failure and not _is_certain(failure, localized, resolved.location.account, observed):
            observed = replace(observed, unreadable=observed.unreadable | {"kmsKeyID"})
        desired = self._resolver.desired(state, localized, observed)
        # The owner is not part of the spec.
        desired = replace(desired, tags={key: value for key, value in desired.tags.items() if key != OWNER_TAG})
        drift = differences(desired, observed)
        if failure and failure.kind is FailureClass.TRANSIENT and not drift:
            raise FailureError(failure)  # a retry may show whether the key differs
        return _View(
            resolved.client.name, observed, desired, drift, None if "kmsKeyID" in observed.unreadable else failure
        )

    async def _find(self, state: TrailState, resolved: ResolvedSpec) -> ObservedTrail | None:
        """Find the trail of that name: the account's own, or one with a shadow trail in the region."""
        recorded = state.status.arn
        if recorded and Arn.parse(recorded).name == resolved.name:
            observed = await _observe(resolved, recorded, expected=True)
            if observed:
                return observed
        observed = await _observe(resolved, resolved.arn, expected=False) if recorded != resolved.arn else None
        if observed or state.has_finalizer:  # the Trail has owned a trail: a shadow trail is another one
            return observed
        arn = await resolved.client.cloudtrail.home_of(resolved.name, resolved.location.region)
        return await _observe(resolved, arn, expected=True) if arn and arn not in (recorded, resolved.arn) else None


async def _observe(resolved: ResolvedSpec, arn: str, *, expected: bool) -> ObservedTrail | None:
    return await resolved.client.cloudtrail.observe(arn, Arn.parse(arn).region, expected=expected, read_only=True)


def _is_certain(failure: Failure, resolved: ResolvedSpec, account: str, observed: ObservedTrail) -> bool:
    """Whether spec.kmsKeyID certainly names no key: AWS does not show the details of other accounts' keys."""
    owners = {Arn.parse(arn).account for arn in (observed.arn, resolved.location.key_arn(resolved.spec.kms_key_id))}
    return failure.reason in (Reason.KEY_NOT_FOUND, Reason.KEY_NOT_USABLE, Reason.INVALID_SPEC) and owners == {account}
