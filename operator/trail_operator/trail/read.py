"""Reads what a Trail refers to and its trail in AWS, before anything is decided."""

from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.aws.cloudtrail import NotShownError, PartlyReadError
from trail_operator.domain.arns import Arn
from trail_operator.domain.diff import MISSING
from trail_operator.domain.failure import Failure, FailureClass, FailureError, passing
from trail_operator.domain.trail import ObservedTrail
from trail_operator.runtime.clock import Clock
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.consistency_window import ConsistencyWindow
from trail_operator.trail.location import Locator
from trail_operator.trail.resolve import ResolvedSpec, SpecResolver
from trail_operator.trail.state import ReconcileContext, TrailState
from trail_operator.trail.status_writer import StatusWriter


@dataclass(frozen=True)
class Reading:
    """What was read. `failure`: why not all of the trail was."""

    comparison: Comparison
    failure: Failure | None = None


@dataclass(frozen=True)
class ReadFailure:
    """Why nothing can be said about the trail. `drift`: what is known to differ all the same."""

    failure: Failure
    drift: tuple[Difference, ...] = ()


class TrailReader:
    """Reads trails."""

    def __init__(self, locator: Locator, resolver: SpecResolver, writer: StatusWriter, clock: Clock) -> None:
        self._locator = locator
        self._resolver = resolver
        self._writer = writer
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    async def read(self, state: TrailState, context: ReconcileContext) -> Reading | ReadFailure:
        """Resolve the spec and read the trail that it means."""
        drift: tuple[Difference, ...] = ()
        resolved: ResolvedSpec | None = None
        try:
            resolved = await self._resolver.resolve(state)
            observed = await self._observe(state, resolved)
            if observed is None and state.status.arn is not None:
                drift = MISSING  # known, whatever else can't be asked
            if observed is None and (anew := await self._resolver.resolve_organization(resolved)) != resolved:
                resolved, observed = anew, await self._observe(state, anew)
            home = await self._elsewhere(state, resolved) if observed is None else None
            return Reading(self._compare(state, context, resolved, observed, home))
        except FailureError as error:
            if isinstance(error, PartlyReadError) and resolved and not drift:
                return Reading(self._compare(state, context, resolved, error.observed), error.failure)
            return await self.failed(state, error, drift)

    async def read_again(self, comparison: Comparison) -> Reading | ReadFailure:
        """What the trail is, and is to be, after writes."""
        state, context = comparison.state, comparison.context
        try:
            resolved = await self._resolver.resolve_kms_key(comparison.resolved)
            observed = await self._observe(state, resolved, expected=True)
        except PartlyReadError as error:
            return Reading(self._compare(state, context, comparison.resolved, error.observed), error.failure)
        except FailureError as error:
            return ReadFailure(error.failure)
        return Reading(self._compare(state, context, resolved, observed))

    async def failed(self, state: TrailState, error: FailureError, drift: tuple[Difference, ...] = ()) -> ReadFailure:
        """Why a trail could not be read. Takes a record off the status that AWS refutes."""
        if error.failure.reason is Reason.WRONG_HOME_REGION and await self._is_refuted(state):
            await self._writer.clear_identity(state)
            return ReadFailure(passing("status.arn names no trail of this resource: looking for it anew"))
        if isinstance(error, NotShownError) and state.status.arn is not None:
            return ReadFailure(error.failure, MISSING)
        return ReadFailure(error.failure, drift)

    def answered(self, state: TrailState) -> None:
        """AWS has answered what the trail is."""
        state.reads.last_at = self._clock.monotonic()

    def _compare(
        self,
        state: TrailState,
        context: ReconcileContext,
        resolved: ResolvedSpec,
        observed: ObservedTrail | None,
        home_elsewhere: str | None = None,
    ) -> Comparison:
        desired = self._resolver.desired(state, resolved, observed)
        return Comparison(state, context, resolved, desired, observed, home_elsewhere)

    async def _observe(
        self, state: TrailState, resolved: ResolvedSpec, *, expected: bool = False
    ) -> ObservedTrail | None:
        expected = expected or (state.status.observed_generation >= 0 and state.status.arn == resolved.arn)
        observed = await resolved.access.cloudtrail.observe(resolved.arn, resolved.location.region, expected=expected)
        self.answered(state)
        return observed

    async def _is_refuted(self, state: TrailState) -> bool:
        """Whether AWS has no trail of this resource where the record says: a status can be forged."""
        arn = state.recorded_arn
        if arn is None or self._window.may_be_open(state):
            return False
        try:
            tags = await self._resolver.access_for(state).cloudtrail.tags(arn, Arn.parse(arn).region)
        except FailureError as error:
            return error.failure.kind is FailureClass.TERMINAL  # there is no such region, or no such ARN
        return not self._locator.owns(state, tags)

    async def _elsewhere(self, state: TrailState, resolved: ResolvedSpec) -> str | None:
        """In which other region this resource's trail is, before it would be made a second time.

        Spec and settings may lead elsewhere than when it was made, and its ARN not be on record: in a cluster that was
        built anew, or because the answer to CreateTrail was lost. Raises FailureError where AWS does not tell.
        """
        if state.status.arn is not None or state.reads.checked_absent_arn == resolved.arn:
            return None
        location, former = resolved.location, state.status.home_region
        if former not in (None, location.region) and self._window.may_be_open(state):
            raise FailureError(passing(f"AWS may not show yet what was made in {former}"))
        for arn in await resolved.access.cloudtrail.named(resolved.name, location.region):
            there = Arn.parse(arn)
            # The tags of another account's trail are not shown: it is not ours.
            if arn == resolved.arn or there.account != location.account:
                continue
            tags = await resolved.access.cloudtrail.tags(arn, there.region)
            if self._locator.owns(state, tags):
                return there.region
        return None
