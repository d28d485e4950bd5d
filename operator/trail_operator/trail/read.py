"""Resolves a Trail's spec and reads its trail from AWS. Decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Difference
from trail_operator.aws.cloudtrail import NotShownError, PartlyReadError
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.diff import MISSING
from trail_operator.domain.failure import Failure, FailureClass, FailureError, transient
from trail_operator.domain.trail import ObservedTrail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.runtime.clock import Clock
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.location import Locator
from trail_operator.trail.resolve import ResolvedSpec, SpecResolver
from trail_operator.trail.state import TrailState


@dataclass(frozen=True)
class Reading:
    """What was read. `failure`: why the trail was read only in part."""

    comparison: Comparison
    failure: Failure | None = None


@dataclass(frozen=True)
class ReadFailure:
    """Why the trail was not read. `drift`: differences that are certain even so."""

    failure: Failure
    drift: tuple[Difference, ...] = ()


class TrailReader:
    """Reads trails."""

    def __init__(
        self,
        locator: Locator,
        resolver: SpecResolver,
        on_list: Callable[[AccountClient, Location, Collection[str]], None],
        clear_identity: Callable[[TrailState], Awaitable[object]],
        clock: Clock,
    ) -> None:
        """`on_list`: called with the ARNs of all trails of an account, after each list.

        `clear_identity`: clears what status records about a trail.
        """
        self._locator = locator
        self._resolver = resolver
        self._on_list = on_list
        self._clear_identity = clear_identity
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    async def read(self, state: TrailState, context: ReconcileContext) -> Reading | ReadFailure:
        """Resolve the spec and read its trail."""
        drift: tuple[Difference, ...] = ()
        resolved: ResolvedSpec | None = None
        try:
            resolved = await self._resolver.resolve(state)
            if state.status.arn is None:
                observed, home = await self._observe_or_find(state, resolved)
                return Reading(self._compare(state, context, resolved, observed, home))
            observed = await self._observe(state, resolved)
            if observed is None:
                drift = MISSING  # known, even if a later read fails
                if (by_spec := await self._resolver.resolve_organization(resolved)) != resolved:
                    resolved, observed = by_spec, await self._observe(state, by_spec)
            return Reading(self._compare(state, context, resolved, observed))
        except FailureError as error:
            if isinstance(error, PartlyReadError) and resolved and not drift:
                return Reading(self._compare(state, context, resolved, error.observed), error.failure)
            return await self.read_failure(state, error, drift)

    async def read_again(self, comparison: Comparison) -> Reading | ReadFailure:
        """Resolve the KMS key and read the trail again, after writes."""
        state, context = comparison.state, comparison.context
        try:
            resolved = await self._resolver.resolve_kms_key(comparison.resolved)
            observed = await self._observe(state, resolved, expected=True)
        except PartlyReadError as error:
            return Reading(self._compare(state, context, comparison.resolved, error.observed), error.failure)
        except FailureError as error:
            return ReadFailure(error.failure)
        return Reading(self._compare(state, context, resolved, observed))

    async def read_failure(
        self, state: TrailState, error: FailureError, drift: tuple[Difference, ...] = ()
    ) -> ReadFailure:
        """Return why a trail was not read. Clears a recorded location that AWS refutes."""
        if error.failure.reason is Reason.WRONG_HOME_REGION and await self._is_record_wrong(state):
            await self._clear_identity(state)
            return ReadFailure(
                transient("status.arn does not name a trail of this resource: searching for the trail again")
            )
        if isinstance(error, NotShownError) and state.status.arn is not None:
            return ReadFailure(error.failure, MISSING)
        return ReadFailure(error.failure, drift)

    def record_answer(self, state: TrailState) -> None:
        """Record that AWS has just answered every read of a trail."""
        state.reads.record_answer(self._clock.monotonic())

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
        observed = await resolved.client.cloudtrail.observe(resolved.arn, resolved.location.region, expected=expected)
        self.record_answer(state)
        return observed

    async def _is_record_wrong(self, state: TrailState) -> bool:
        """Whether AWS shows no trail of this resource at the recorded ARN: status can be forged."""
        arn = state.recorded_arn
        if arn is None or self._window.may_be_open(state):
            return False
        try:
            tags = await self._resolver.client_for(state).cloudtrail.tags(arn, Arn.parse(arn).region)
        except FailureError as error:
            return error.failure.kind is FailureClass.TERMINAL  # no such region, or no such ARN
        return not self._locator.owns(state, tags)

    async def _observe_or_find(
        self, state: TrailState, resolved: ResolvedSpec
    ) -> tuple[ObservedTrail | None, str | None]:
        """Read a trail that status does not record. If there is none, return the other region that has it.

        Spec and settings may have changed since this resource's trail was created, and status may not record its ARN:
        in a rebuilt cluster, or because the answer to CreateTrail was lost. It must not be created twice.
        """
        if state.reads.checked_absent_arn == resolved.arn:
            return await self._observe(state, resolved), None
        region, former = resolved.location.region, state.status.home_region
        if former not in (None, region) and self._window.may_be_open(state):
            if observed := await self._observe(state, resolved):
                return observed, None
            raise FailureError(transient(f"Waiting for AWS to show what was created in {former}"))
        # Sent together, because most trails without a record do not exist. No error of the search matters if one does.
        search = asyncio.create_task(resolved.client.cloudtrail.list_arns(region))
        try:
            if observed := await self._observe(state, resolved):
                return observed, None
            arns = await search
            self._on_list(resolved.client, resolved.location, arns)
            return None, await self._find_own(state, resolved, arns)
        finally:
            search.cancel()
            await asyncio.gather(search, return_exceptions=True)

    async def _find_own(self, state: TrailState, resolved: ResolvedSpec, arns: list[str]) -> str | None:
        """Return the region of the first of these trails that is this resource's and has its name."""
        for arn in arns:
            home = Arn.parse(arn)
            # AWS does not show the tags of another account's trail, and it cannot be this resource's.
            if home.name != resolved.name or arn == resolved.arn or home.account != resolved.location.account:
                continue
            if self._locator.owns(state, await resolved.client.cloudtrail.tags(arn, home.region)):
                return home.region
        return None
