"""Letting a Trail go: what becomes of its trail in AWS, and when the resource may vanish."""

import asyncio
from collections.abc import Callable

from trail_operator.api.names import OWNER_TAG
from trail_operator.api.trail import DeletionPolicy
from trail_operator.aws.client import ClosedError
from trail_operator.aws.errors import NOT_FOUND, AWSError, failure_of
from trail_operator.aws.limits import Ask
from trail_operator.controller.accounts import Access, Accounts
from trail_operator.controller.decisions import Decisions, NoLongerDueError
from trail_operator.controller.events import Events
from trail_operator.controller.location import Locator
from trail_operator.controller.subject import Subject
from trail_operator.controller.surroundings import Surroundings
from trail_operator.core.failure import FailureError
from trail_operator.core.plan import Action, deletion, disowning
from trail_operator.core.trail import Location

# Retain tries to take the owner tag off, but must not hold the object.
_RETAIN_PATIENCE = 5.0


class Deletion:
    """Deletes or disowns trails, if they are ours."""

    def __init__(
        self,
        accounts: Accounts,
        locator: Locator,
        decisions: Decisions,
        surroundings: Surroundings,
        events: Events,
        default: DeletionPolicy,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._locator = locator
        self._decisions = decisions
        self._surroundings = surroundings
        self._events = events
        self._clock = clock
        self._default = default

    async def let_go(self, subject: Subject) -> str | None:
        """Do what the deletion policy says; return what became of the trail, None if that will show in a moment.

        Raises FailureError where AWS stands in the way.
        """
        status = subject.status
        if subject.observing:
            return "its trail was only looked at"
        if status.account_id is None or status.home_region is None:
            # Where a trail is to be is on record before it is made: this one never was.
            return "no trail was ever made for it"
        # Not through the model: whatever else is wrong with the spec must not hold the resource.
        policy = subject.body["spec"].get("deletionPolicy", self._default)
        try:
            if policy == DeletionPolicy.RETAIN:
                return await self._retain(subject, status.home_region)
            return await self._remove(subject, status.home_region)
        except (ClosedError, NoLongerDueError):
            return None

    async def _arn(self, subject: Subject, access: Access, location: Location) -> str:
        """The trail's ARN: on record, or where one that was made without our learning it would be."""
        if subject.status.arn:
            return subject.status.arn
        name = subject.body["spec"].get("name") or subject.key.name
        owner = None
        if subject.body["spec"].get("isOrganizationTrail"):
            owner = await self._locator.management_account(access, location)
        return location.trail_arn(name, owner)

    async def _remove(self, subject: Subject, region: str) -> str | None:
        access = self._accounts.access_for(subject)
        location = await self._locator.location(subject, access, region)
        arn = await self._arn(subject, access, location)
        still_due = self._still_due(subject, access, arn)
        tags = await access.cloudtrail.tags(arn, region)
        if tags is None or tags.get(OWNER_TAG) != self._locator.owner(subject):
            if self._locator.may_lag(subject):  # before this resource's trail there may have been another of its name
                return None
            return "the trail was already gone" if tags is None else _not_ours(arn)
        try:
            await self._apply(deletion(arn), access, location, still_due)
        except AWSError as error:
            if error.code not in NOT_FOUND:
                raise FailureError(failure_of(error)) from None
        return f"deleted trail {arn}; its log files stay in the bucket"

    async def _retain(self, subject: Subject, region: str) -> str:
        arn = subject.status.arn or f"of {subject.key}"
        try:
            async with asyncio.timeout(_RETAIN_PATIENCE) as patience:
                access = self._accounts.access_for(subject)
                location = await self._locator.location(subject, access, region)
                arn = await self._arn(subject, access, location)
                return await self._disown(subject, access, arn, location, patience)
        except (ClosedError, NoLongerDueError):
            raise
        except FailureError as error:
            problem = error.failure.message
        except AWSError as error:
            problem = failure_of(error).message
        except TimeoutError:
            problem = "AWS did not answer in time"
        owner = self._locator.owner(subject)
        note = f"trail {arn} is kept, but its tag {OWNER_TAG}={owner} was not taken off: {problem}"
        await self._events.write(subject.body, "Warning", "OwnerTagStayed", "RemoveTags", note)
        return f"trail {arn} is kept, its owner tag too"

    async def _disown(
        self, subject: Subject, access: Access, arn: str, location: Location, patience: asyncio.Timeout
    ) -> str:
        still_due = self._still_due(subject, access, arn)

        async def its_turn() -> None:
            patience.reschedule(asyncio.get_running_loop().time() + _RETAIN_PATIENCE)
            await still_due()

        tags = await access.cloudtrail.tags(arn, location.region)
        if tags is None:
            return "the trail was already gone"
        if tags.get(OWNER_TAG) != self._locator.owner(subject):
            return _not_ours(arn)
        patience.reschedule(None)  # many that go at once wait for each other, which is no fault of AWS
        await self._apply(disowning(arn, OWNER_TAG), access, location, its_turn)
        return f"trail {arn} is kept, without the owner tag"

    def _still_due(self, subject: Subject, access: Access, arn: str) -> Ask:
        return self._decisions.still_due(subject, access, arn, self._locator.owner(subject), self._clock())

    async def _apply(self, action: Action, access: Access, location: Location, still_due: Ask) -> None:
        try:
            await access.cloudtrail.apply(action, location.account, location.region, still_due)
        finally:  # also where its answer was lost
            self._surroundings.changed(access)
            self._surroundings.trails(access, location)  # has them read: no pass of this Trail will


def _not_ours(arn: str) -> str:
    return f"trail {arn} was left as it is: it is not this resource's"
