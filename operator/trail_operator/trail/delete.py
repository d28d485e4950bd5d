"""Deletes or releases the trail of a Trail that is being deleted, according to its deletion policy."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import EventReason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.api.trail_status import Difference
from trail_operator.aws.cancel_scope import ClosedError
from trail_operator.aws.error_codes import NOT_FOUND
from trail_operator.aws.errors import AWSError
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.actions import Action, deletion, owner_tag_removal
from trail_operator.domain.annotations import unset_deletion_policy
from trail_operator.domain.failure import FailureClass, FailureError, NotSentError, transient
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.kube.events import EventRecorder
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.reconcile.consistency_window import CONSISTENCY_WINDOW, ConsistencyWindow
from trail_operator.reconcile.release import NotYet, Released
from trail_operator.runtime.clock import Clock
from trail_operator.trail.candidates import Candidate, TrailCandidates, invalid
from trail_operator.trail.state import SentDeletion, TrailState
from trail_operator.trail.write_guard import StaleDecisionError, WriteGuard

# Seconds for which Retain tries to remove the owner tag: it must not block the deletion of the resource.
_RETAIN_TIMEOUT = 5.0
# Seconds until a trail that still exists is reported.
_DELETION_TIMEOUT = 60.0
# Seconds until a Trail without a recorded trail is released although AWS could not be asked.
_RELEASE_TIMEOUT = 60.0

STILL_THERE = (Difference(path="trail", desired="absent", observed="present"),)
"""The drift of a trail that DeleteTrail did not remove."""


class NotConfirmedError(FailureError):
    """Raised if AWS still shows a trail long after DeleteTrail was first sent."""

    def __init__(self, arn: str) -> None:
        super().__init__(
            transient(f"DeleteTrail was sent for {arn}, but AWS still shows the trail {_DELETION_TIMEOUT:.0f} s later")
        )


class TrailDeleter:
    """Deletes trails, or removes their owner tag: only of trails with this resource's owner tag."""

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
        self._locator = candidates.locator
        self._write_guard = write_guard
        self._inventory = inventory
        self._events = events
        self._default_policy = default_policy
        self._clock = clock
        self._window = ConsistencyWindow(clock)

    async def release(self, state: TrailState, context: ReconcileContext) -> Released | NotYet:
        """Apply the deletion policy. Raises FailureError if AWS or the spec prevents that."""
        if state.observe_only:
            return Released("Observed only; nothing to delete")
        try:
            policy = deletion_policy(state, self._default_policy)
            return await (self._retain if policy is DeletionPolicy.RETAIN else self._delete)(state, context)
        except (ClosedError, StaleDecisionError):
            return NotYet(CONSISTENCY_WINDOW)
        except FailureError as error:
            if self.seconds_blocked(state) > 0.0 or error.failure.kind is FailureClass.TRANSIENT:
                raise
            return _unverified(error.failure.message)

    def seconds_blocked(self, state: TrailState) -> float:
        """Return for how long a failure blocks the deletion: infinite if status records a trail."""
        if state.is_on_record or state.deletion_requested is None:
            return float("inf")
        left = state.deletion_requested + timedelta(seconds=_RELEASE_TIMEOUT) - self._clock.now()
        return left.total_seconds()

    def _owner_may_be_outdated(self, state: TrailState) -> bool:
        """Whether AWS may not show this resource's owner tag yet."""
        return self._window.may_be_open(state) if state.is_on_record else self._window.is_open(state)

    def _is_newly_untagged(self, state: TrailState, candidate: Candidate, tags: dict[str, str] | None) -> bool:
        """Whether a recorded trail has just lost its owner tag: a second read after the consistency window decides."""
        if tags is None or _owner(tags) or not state.status.owner_tag:
            return False
        return (
            self._clock.monotonic()
            < state.deletion.untagged_since.setdefault(candidate.arn, self._clock.monotonic()) + CONSISTENCY_WINDOW
        )

    async def _delete(self, state: TrailState, context: ReconcileContext) -> Released | NotYet:
        notes = []
        async for candidate in self._candidates.find(state):
            outcome = await self._delete_one(state, context, candidate)
            if isinstance(outcome, NotYet):
                return outcome
            notes.append(outcome)
        return Released("; ".join(notes))

    async def _delete_one(self, state: TrailState, context: ReconcileContext, candidate: Candidate) -> str | NotYet:
        """Delete a trail; return what happened to it. It is deleted once AWS no longer shows it with this owner tag."""
        tags = await self._candidates.tags(state, candidate)
        if tags is None:
            self._inventory.record(candidate.client, candidate.location, candidate.arn, None)
        sent = state.deletion.sent.get(candidate.arn)
        if not self._locator.owns(state, tags):
            if sent is None and (self._owner_may_be_outdated(state) or self._is_newly_untagged(state, candidate, tags)):
                return NotYet(CONSISTENCY_WINDOW)
            return _describe(candidate.arn, exists=tags is not None, deleted=sent is not None)
        now = self._clock.monotonic()
        if sent is not None and now < sent.last + CONSISTENCY_WINDOW:
            return NotYet(sent.last + CONSISTENCY_WINDOW - now)
        await self._send(state, context, candidate, tags)
        if not await self._exists(state, candidate):
            return _describe(candidate.arn, exists=False, deleted=True)
        if now - state.deletion.sent[candidate.arn].first >= _DELETION_TIMEOUT:
            raise NotConfirmedError(candidate.arn)
        return NotYet(CONSISTENCY_WINDOW)

    async def _send(
        self, state: TrailState, context: ReconcileContext, candidate: Candidate, tags: dict[str, str] | None
    ) -> None:
        """Send DeleteTrail, and remember it: also without an answer, because it may have taken effect."""
        arn, now = candidate.arn, self._clock.monotonic()
        sent = state.deletion.sent.get(arn) or SentDeletion(first=now, last=float("-inf"))
        try:
            await self._apply(deletion(arn), candidate, self._precondition(state, context, candidate, tags))
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

    async def _exists(self, state: TrailState, candidate: Candidate) -> bool:
        """Whether AWS still shows a trail with this resource's owner tag."""
        if not await candidate.client.cloudtrail.exists(candidate.arn, candidate.location.region):
            self._inventory.record(candidate.client, candidate.location, candidate.arn, None)
            return False
        return self._locator.owns(state, await self._candidates.tags(state, candidate))

    async def _retain(self, state: TrailState, context: ReconcileContext) -> Released:
        candidate: Candidate | None = None
        notes = []
        try:
            async with asyncio.timeout(_RETAIN_TIMEOUT) as deadline:
                async for candidate in self._candidates.find(state):
                    notes.append(await self._remove_owner_tag(state, context, candidate, deadline))
                return Released("; ".join(notes))
        except (ClosedError, StaleDecisionError):
            raise
        except FailureError as error:
            problem = error.failure.message
        except TimeoutError:
            problem = "AWS did not answer in time"
        if not state.is_on_record:
            return _unverified(problem)
        arn = candidate.arn if candidate else state.status.arn or f"of {state.key}"
        await self._warn_of_tag(state, arn, state.status.owner_tag, f"was not removed: {problem}")
        return Released("; ".join([*notes, f"Kept trail {arn} with its owner tag"]))

    async def _remove_owner_tag(
        self, state: TrailState, context: ReconcileContext, candidate: Candidate, deadline: asyncio.Timeout
    ) -> str:
        tags = await self._candidates.tags(state, candidate)
        if not self._locator.owns(state, tags):
            return _describe(candidate.arn, exists=tags is not None)
        precondition = self._precondition(state, context, candidate, tags)

        async def before_sending() -> None:
            deadline.reschedule(asyncio.get_running_loop().time() + _RETAIN_TIMEOUT)
            await precondition()

        deadline.reschedule(None)  # a wait for the rate limit, behind other Trails, does not count
        await self._apply(owner_tag_removal(candidate.arn, OWNER_TAG), candidate, before_sending)
        remaining = await self._candidates.tags(state, candidate)
        if not self._locator.owns(state, remaining):
            return f"Kept trail {candidate.arn} and removed its owner tag"
        await self._warn_of_tag(state, candidate.arn, _owner(remaining), "still exists after RemoveTags")
        return f"Kept trail {candidate.arn} with its owner tag"

    async def _warn_of_tag(self, state: TrailState, arn: str, owner: str | None, problem: str) -> None:
        """Record in an Event that the owner tag remains. `owner`: the tag as last read."""
        tag = f"{OWNER_TAG}={owner or self._locator.owner(state)}"
        note = f"Tag {tag} of trail {arn} {problem}. Remove the tag manually if AWS still shows it"
        await self._events.record(state.body, "Warning", EventReason.OWNER_TAG_REMOVAL_FAILED, "RemoveTags", note)

    def _precondition(
        self, state: TrailState, context: ReconcileContext, candidate: Candidate, tags: dict[str, str] | None
    ) -> Precondition:
        client, arn, now = candidate.client, candidate.arn, self._clock.monotonic()
        return self._write_guard.precondition(state, context, client, arn, _owner(tags), now)

    async def _apply(self, action: Action, candidate: Candidate, precondition: Precondition) -> None:
        client, location = candidate.client, candidate.location
        try:
            await client.cloudtrail.apply(action, location.account, location.region, precondition)
        finally:  # also if the answer was lost
            self._inventory.on_write(client, location, candidate.arn)


def deletion_policy(state: TrailState, default: DeletionPolicy) -> DeletionPolicy:
    """Return the policy of a Trail. Not read through the model: no other invalid field may block the deletion.

    `default`: the operator's. Raises FailureError.
    """
    value = state.manifest.get("deletionPolicy") or unset_deletion_policy(state.annotations, default)
    if value not in [*DeletionPolicy]:
        raise invalid("deletionPolicy must be Delete or Retain")
    return DeletionPolicy(value)


def _owner(tags: dict[str, str] | None) -> str | None:
    return (tags or {}).get(OWNER_TAG)


def _describe(arn: str, *, exists: bool, deleted: bool = False) -> str:
    """Describe a trail without this resource's owner tag."""
    if exists:
        return f"Kept trail {arn}: it does not belong to this resource"
    return f"Deleted trail {arn}; its log files remain in the bucket" if deleted else f"Trail {arn} does not exist"


def _unverified(problem: str) -> Released:
    note = f"Released without checking AWS for a trail, as status records none: {problem}"
    return Released(note, EventReason.RELEASED_UNVERIFIED)
