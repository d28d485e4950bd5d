"""Releasing a Trail: what becomes of its trail in AWS, and when the resource may go.

Status is a memory that AWS is asked about: the place on record is looked at, and the place that the spec names.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import EventReason, Reason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.api.trail_status import Difference
from trail_operator.aws.client import ClosedError
from trail_operator.aws.errors import NOT_FOUND, AWSError
from trail_operator.aws.rate_limit import Precondition
from trail_operator.aws.regions import HOW_TO_NAME_NEW_REGIONS, UnknownRegionError
from trail_operator.domain.actions import Action, deletion, owner_tag_removal
from trail_operator.domain.annotations import unset_deletion_policy
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError, NotSentError, passing
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.inventory.registry import AccountClient, AccountRegistry
from trail_operator.kube.events import EventRecorder
from trail_operator.trail.location import CONSISTENCY_WINDOW, Locator, correction
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


@dataclass(frozen=True)
class _Place:
    """Where a trail of the resource may be."""

    arn: str
    location: Location


class TrailDeleter:
    """Deletes or disowns trails, if they are ours."""

    def __init__(
        self,
        accounts: AccountRegistry,
        locator: Locator,
        write_guard: WriteGuard,
        inventory: AccountInventory,
        events: EventRecorder,
        default: DeletionPolicy,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._locator = locator
        self._write_guard = write_guard
        self._inventory = inventory
        self._events = events
        self._default = default
        self._clock = clock
        self._now = now

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
        left = state.deletion_requested + timedelta(seconds=_PATIENCE) - self._now()
        return left.total_seconds()

    def _policy(self, state: TrailState) -> DeletionPolicy:
        """Not through the model: whatever else is wrong with the spec must not hold the resource."""
        value = state.manifest.get("deletionPolicy") or unset_deletion_policy(state.annotations, self._default)
        if value not in [*DeletionPolicy]:
            raise _invalid("deletionPolicy must be Delete or Retain")
        return DeletionPolicy(value)

    # Where the trail may be.

    async def _places(self, state: TrailState, access: AccountClient) -> AsyncIterator[_Place]:
        """The place on record and the place that the spec names. Raises FailureError where they cannot be found out.

        Whose an organization's trail is, is asked last: the account's own places are looked at in any case.
        """
        arn = state.status.arn
        named = state.text("region") or access.default_region
        recorded = Arn.parse(arn).region if arn else state.status.home_region
        region = recorded or named
        if region is None:
            raise _invalid("no home region is known: set spec.region, or give the operator --region")
        try:
            here = await self._locator.location(state, access, region)
        except UnknownRegionError:
            if region == named:
                raise
            raise FailureError(_unknown_record(state, region)) from None
        is_organization = state.manifest.get("isOrganizationTrail") is True
        if arn and not is_organization and not await self._can_be_ours(access, here, arn):
            arn = None
        if arn:
            yield _Place(arn, Location(here.partition, here.account, region))
        if (problem := state.identity_problem) is not None:
            if not arn:
                raise _invalid(problem)
            return
        name = state.trail_name
        homes = [Location(here.partition, here.account, home) for home in dict.fromkeys((recorded, named)) if home]
        for home in homes:
            if (own := home.trail_arn(name)) != arn:
                yield _Place(own, home)
        for home in homes if is_organization else ():
            owner = await self._owner_account(state, access, home)
            if (theirs := home.trail_arn(name, owner)) not in (arn, home.trail_arn(name)):
                yield _Place(theirs, home)

    async def _can_be_ours(self, access: AccountClient, here: Location, arn: str) -> bool:
        """Whether the record can be that of a trail which was made from here: it can be forged."""
        recorded = Arn.parse(arn)
        return recorded.partition == here.partition and await self._locator.can_own(access, here, recorded.account)

    async def _owner_account(self, state: TrailState, access: AccountClient, location: Location) -> str | None:
        """Whose an organization's trail is; what is on record answers that without a call."""
        if state.status.arn and (account := Arn.parse(state.status.arn).account) != location.account:
            return account
        return await self._locator.management_account(access, location)

    async def _tags(self, state: TrailState, access: AccountClient, place: _Place) -> dict[str, str] | None:
        tags = await access.cloudtrail.tags(place.arn, place.location.region)
        state.reads.last_at = self._clock()
        return tags

    def _is_ours(self, state: TrailState, tags: dict[str, str] | None) -> bool:
        return self._locator.owns(state, tags)

    def _may_lag(self, state: TrailState) -> bool:
        """Whether AWS may not show yet that a trail is this resource's: before it there may have been another."""
        return self._locator.may_lag(state) if state.is_on_record else self._locator.settling(state)

    def _may_lack_its_tag(self, state: TrailState, place: _Place, tags: dict[str, str] | None) -> bool:
        """Whether one answer shows no owner tag on a trail that is on record as ours: a second look has to agree."""
        if tags is None or _owner(tags) or not state.status.owner_tag:
            return False
        return self._clock() < state.deletion.untagged_since.setdefault(place.arn, self._clock()) + CONSISTENCY_WINDOW

    # Delete.

    async def _remove(self, state: TrailState, context: ReconcileContext) -> Released | NotYet:
        access = self._accounts.access_for(state)
        notes = []
        async for place in self._places(state, access):
            outcome = await self._remove_at(state, context, access, place)
            if isinstance(outcome, NotYet):
                return outcome
            notes.append(outcome)
        return Released("; ".join(notes))

    async def _remove_at(
        self, state: TrailState, context: ReconcileContext, access: AccountClient, place: _Place
    ) -> str | NotYet:
        """What became of a trail. DeleteTrail is believed only once AWS no longer shows the trail as ours."""
        tags = await self._tags(state, access, place)
        sent = state.deletion.sent.get(place.arn)
        if not self._is_ours(state, tags):
            if sent is None and (self._may_lag(state) or self._may_lack_its_tag(state, place, tags)):
                return NotYet(CONSISTENCY_WINDOW)
            return _told(place.arn, exists=tags is not None, deleted=sent is not None)
        now = self._clock()
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
        place: _Place,
        tags: dict[str, str] | None,
    ) -> None:
        """Send DeleteTrail, and remember that: also where no answer came, since it may have taken effect."""
        arn, now = place.arn, self._clock()
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
        state.deletion.sent[arn] = replace(sent, last=self._clock())

    async def _is_there(self, state: TrailState, access: AccountClient, place: _Place) -> bool:
        """Whether AWS still has a trail of ours there: what is no longer ours is as good as gone."""
        if not await access.cloudtrail.exists(place.arn, place.location.region):
            return False
        return self._is_ours(state, await self._tags(state, access, place))

    # Retain.

    async def _retain(self, state: TrailState, context: ReconcileContext) -> Released:
        place: _Place | None = None
        notes = []
        try:
            async with asyncio.timeout(_RETAIN_PATIENCE) as patience:
                access = self._accounts.access_for(state)
                async for place in self._places(state, access):
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
        place: _Place,
        patience: asyncio.Timeout,
    ) -> str:
        tags = await self._tags(state, access, place)
        if not self._is_ours(state, tags):
            return _told(place.arn, exists=tags is not None)
        precondition = self._still_due(state, context, access, place.arn, tags)

        async def its_turn() -> None:
            patience.reschedule(asyncio.get_running_loop().time() + _RETAIN_PATIENCE)
            await precondition()

        patience.reschedule(None)  # many that go at once wait for each other, which is no fault of AWS
        await self._apply(owner_tag_removal(place.arn, OWNER_TAG), access, place.location, its_turn)
        left = await self._tags(state, access, place)
        if not self._is_ours(state, left):
            return f"trail {place.arn} is kept, without the owner tag"
        await self._warn_of_tag(state, place.arn, _owner(left), "is still there after RemoveTags")
        return f"trail {place.arn} is kept, its owner tag too"

    async def _warn_of_tag(self, state: TrailState, arn: str, owner: str | None, problem: str) -> None:
        """`owner`: the owner tag that the trail was last seen to carry."""
        tag = f"{OWNER_TAG}={owner or self._locator.owner(state)}"
        note = f"the tag {tag} of trail {arn} {problem}. Remove it by hand if AWS still shows it"
        await self._events.record(state.body, "Warning", EventReason.OWNER_TAG_REMOVAL_FAILED, "RemoveTags", note)

    # Both.

    def _still_due(
        self, state: TrailState, context: ReconcileContext, access: AccountClient, arn: str, tags: dict[str, str] | None
    ) -> Precondition:
        return self._write_guard.precondition(state, context, access, arn, _owner(tags), self._clock())

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


def _unknown_record(state: TrailState, region: str) -> Failure:
    """The region on record is not known: nobody can look there."""
    field, fields = ("arn", ("arn", "homeRegion")) if state.status.arn else ("homeRegion", ("homeRegion",))
    return Failure(
        FailureClass.TERMINAL,
        Reason.WRONG_HOME_REGION,
        f"status.{field} says that the trail is in {region}, which is not a region that this operator knows. "
        f"{HOW_TO_NAME_NEW_REGIONS}. If the record is wrong, {correction(state, *fields)}",
    )


def _invalid(message: str) -> FailureError:
    return FailureError(Failure(FailureClass.AUTHORITY, Reason.INVALID_SPEC, message))
