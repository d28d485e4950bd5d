"""Releasing a Trail: what becomes of its trail in AWS, and when the resource may go.

Status is a memory that AWS is asked about: the place on record is looked at, and the place that the spec names.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import EventReason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.api.trail_status import Difference
from trail_operator.aws.client import ClosedError
from trail_operator.aws.errors import NOT_FOUND, AWSError
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.actions import Action, deletion, owner_tag_removal
from trail_operator.domain.annotations import unset_deletion_policy
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import FailureClass, FailureError, NotSentError, passing
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import AccountClient
from trail_operator.kube.events import EventRecorder
from trail_operator.runtime.clock import Clock
from trail_operator.trail.candidates import Candidate, TrailCandidates, invalid
from trail_operator.trail.consistency_window import CONSISTENCY_WINDOW, ConsistencyWindow
from trail_operator.trail.state import ReconcileContext, SentDeletion, TrailState
from trail_operator.trail.write_guard import StaleDecisionError, WriteGuard

# Retain tries to take the owner tag off, but must not hold the object.
_RETAIN_PATIENCE = 5.0
# After so many seconds a trail that is still there is reported; and a Trail of which nothing is on record is released.
_PATIENCE = 60.0

STILL_THERE = (Difference(path="trail", desired="absent", observed="present"),)
"""How a trail differs that DeleteTrail did not remove."""


@dataclass(frozen=True)
class Released:
    """The resource may go. `reason` and `note` are those of the Event that says what became of the trail."""

    note: str
    reason: EventReason = EventReason.RELEASED


@dataclass(frozen=True)
class NotYet:
    """AWS may still answer what was before: it is asked again, in so many seconds at the latest."""

    within: float


class NotConfirmedError(FailureError):
    """Raised where a trail is still there although DeleteTrail was sent again and again."""

    def __init__(self, arn: str) -> None:
        super().__init__(
            passing(
                f"DeleteTrail was sent for {arn}, and {_PATIENCE:.0f} s later AWS still shows the trail as this one's"
            )
        )


class TrailDeleter:
    """Deletes or disowns trails, if they are ours."""

    def __init__(
        self,
        candidates: TrailCandidates,
        write_guard: WriteGuard,
        inventory: AccountInventory,
        events: EventRecorder,
        default_policy: DeletionPolicy,
        clock: Clock,
    ) -> None:
        self._candidates = candidates
        self._write_guard = write_guard
        self._inventory = inventory
        self._events = events
        self._default_policy = default_policy
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    async def release(self, state: TrailState, context: ReconcileContext) -> Released | NotYet:
        """Do what the deletion policy says. Raises FailureError where AWS or the spec stands in the way."""
        if state.observe_only:
            return Released("the trail was only observed")
        try:
            policy = self._policy(state)
            return await (self._retain if policy is DeletionPolicy.RETAIN else self._remove)(state, context)
        except (ClosedError, StaleDecisionError):
            return NotYet(CONSISTENCY_WINDOW)
        except FailureError as error:
            if self.seconds_held(state) > 0.0 or error.failure.kind is FailureClass.TRANSIENT:
                raise
            return _unverified(error.failure.message)

    def seconds_held(self, state: TrailState) -> float:
        """For how long a Trail is held while AWS cannot be asked about its trail: without end if one is on record."""
        if state.is_on_record or state.deletion_requested is None:
            return float("inf")
        left = state.deletion_requested + timedelta(seconds=_PATIENCE) - self._clock.now()
        return left.total_seconds()

    def _policy(self, state: TrailState) -> DeletionPolicy:
        """Not through the model: whatever else is wrong with the spec must not hold the resource."""
        value = state.manifest.get("deletionPolicy") or unset_deletion_policy(state.annotations, self._default_policy)
        if value not in [*DeletionPolicy]:
            raise invalid("deletionPolicy must be Delete or Retain")
        return DeletionPolicy(value)

    def _may_lag(self, state: TrailState) -> bool:
        """Whether AWS may not show yet that a trail is this resource's: before it there may have been another."""
        return self._window.may_be_open(state) if state.is_on_record else self._window.is_open(state)

    def _may_lack_its_tag(self, state: TrailState, place: Candidate, tags: dict[str, str] | None) -> bool:
        """Whether one answer shows no owner tag on a trail that is on record as ours: a second look has to agree."""
        if tags is None or _owner(tags) or not state.status.owner_tag:
            return False
        return (
            self._clock.monotonic()
            < state.deletion.untagged_since.setdefault(place.arn, self._clock.monotonic()) + CONSISTENCY_WINDOW
        )

    # Delete.

    async def _remove(self, state: TrailState, context: ReconcileContext) -> Released | NotYet:
        access = self._candidates.access_for(state)
        notes = []
        async for place in self._candidates.find(state, access):
            outcome = await self._remove_at(state, context, access, place)
            if isinstance(outcome, NotYet):
                return outcome
            notes.append(outcome)
        return Released("; ".join(notes))

    async def _remove_at(
        self, state: TrailState, context: ReconcileContext, access: AccountClient, place: Candidate
    ) -> str | NotYet:
        """What became of a trail. DeleteTrail is believed only once AWS no longer shows the trail as ours."""
        tags = await self._candidates.tags(state, access, place)
        sent = state.deletion.sent.get(place.arn)
        if not self._candidates.owns(state, tags):
            if sent is None and (self._may_lag(state) or self._may_lack_its_tag(state, place, tags)):
                return NotYet(CONSISTENCY_WINDOW)
            return _told(place.arn, exists=tags is not None, deleted=sent is not None)
        now = self._clock.monotonic()
        if sent is not None and now < sent.last + CONSISTENCY_WINDOW:
            return NotYet(sent.last + CONSISTENCY_WINDOW - now)
        await self._send(state, context, access, place, tags)
        if not await self._is_there(state, access, place):
            return _told(place.arn, exists=False, deleted=True)
        if now - state.deletion.sent[place.arn].first >= _PATIENCE:
            raise NotConfirmedError(place.arn)
        return NotYet(CONSISTENCY_WINDOW)

    async def _send(
        self,
        state: TrailState,
        context: ReconcileContext,
        access: AccountClient,
        place: Candidate,
        tags: dict[str, str] | None,
    ) -> None:
        """Send DeleteTrail, and remember that: also where no answer came, since it may have taken effect."""
        arn, now = place.arn, self._clock.monotonic()
        sent = state.deletion.sent.get(arn) or SentDeletion(first=now, last=float("-inf"))
        try:
            await self._apply(deletion(arn), access, place.location, self._still_due(state, context, access, arn, tags))
        except AWSError as error:
            if error.may_have_taken_effect:
                state.deletion.sent[arn] = sent
            if error.code not in NOT_FOUND:
                raise
        except NotSentError:
            raise
        except FailureError:
            state.deletion.sent[arn] = sent
            raise
        state.deletion.sent[arn] = replace(sent, last=self._clock.monotonic())

    async def _is_there(self, state: TrailState, access: AccountClient, place: Candidate) -> bool:
        """Whether AWS still has a trail of ours there: what is no longer ours is as good as gone."""
        if not await access.cloudtrail.exists(place.arn, place.location.region):
            return False
        return self._candidates.owns(state, await self._candidates.tags(state, access, place))

    # Retain.

    async def _retain(self, state: TrailState, context: ReconcileContext) -> Released:
        place: Candidate | None = None
        notes = []
        try:
            async with asyncio.timeout(_RETAIN_PATIENCE) as patience:
                access = self._candidates.access_for(state)
                async for place in self._candidates.find(state, access):
                    notes.append(await self._disown(state, context, access, place, patience))
                return Released("; ".join(notes))
        except (ClosedError, StaleDecisionError):
            raise
        except FailureError as error:
            problem = error.failure.message
        except TimeoutError:
            problem = "AWS did not answer in time"
        if not state.is_on_record:
            return _unverified(problem)
        arn = place.arn if place else state.status.arn or f"of {state.key}"
        await self._warn_of_tag(state, arn, state.status.owner_tag, f"was not removed: {problem}")
        return Released("; ".join([*notes, f"trail {arn} was left as it is, its owner tag too"]))

    async def _disown(
        self,
        state: TrailState,
        context: ReconcileContext,
        access: AccountClient,
        place: Candidate,
        patience: asyncio.Timeout,
    ) -> str:
        tags = await self._candidates.tags(state, access, place)
        if not self._candidates.owns(state, tags):
            return _told(place.arn, exists=tags is not None)
        precondition = self._still_due(state, context, access, place.arn, tags)

        async def its_turn() -> None:
            patience.reschedule(asyncio.get_running_loop().time() + _RETAIN_PATIENCE)
            await precondition()

        patience.reschedule(None)  # many that go at once wait for each other, which is no fault of AWS
        await self._apply(owner_tag_removal(place.arn, OWNER_TAG), access, place.location, its_turn)
        left = await self._candidates.tags(state, access, place)
        if not self._candidates.owns(state, left):
            return f"trail {place.arn} is kept, without the owner tag"
        await self._warn_of_tag(state, place.arn, _owner(left), "is still there after RemoveTags")
        return f"trail {place.arn} is kept, its owner tag too"

    async def _warn_of_tag(self, state: TrailState, arn: str, owner: str | None, problem: str) -> None:
        """`owner`: the owner tag that the trail was last seen to carry."""
        tag = f"{OWNER_TAG}={owner or self._candidates.owner_tag(state)}"
        note = f"the tag {tag} of trail {arn} {problem}. Remove it by hand if AWS still shows it"
        await self._events.record(state.body, "Warning", EventReason.OWNER_TAG_REMOVAL_FAILED, "RemoveTags", note)

    # Both.

    def _still_due(
        self, state: TrailState, context: ReconcileContext, access: AccountClient, arn: str, tags: dict[str, str] | None
    ) -> Precondition:
        return self._write_guard.precondition(state, context, access, arn, _owner(tags), self._clock.monotonic())

    async def _apply(
        self, action: Action, access: AccountClient, location: Location, precondition: Precondition
    ) -> None:
        try:
            await access.cloudtrail.apply(action, location.account, location.region, precondition)
        finally:  # also where its answer was lost
            self._inventory.changed(access)
            self._inventory.trails(access, location)  # has them read: no pass of this Trail will


def _owner(tags: dict[str, str] | None) -> str | None:
    return (tags or {}).get(OWNER_TAG)


def _told(arn: str, *, exists: bool, deleted: bool = False) -> str:
    """What was read of a trail that is not, or no longer, this resource's."""
    if exists:
        return f"trail {arn} was left as it is: it is not this resource's"
    return f"deleted trail {arn}; its log files stay in the bucket" if deleted else f"there is no trail {arn}"


def _unverified(problem: str) -> Released:
    note = f"released without asking AWS whether there is a trail, which nothing on record says: {problem}"
    return Released(note, EventReason.RELEASED_UNVERIFIED)
