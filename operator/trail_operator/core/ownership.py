"""Whose a trail is. The rules are those of docs/trail.md; nothing is ever written to a trail that is not ours."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trail_operator.api.names import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.core.failure import Failure, FailureClass
from trail_operator.core.trail import ObservedTrail


@dataclass(frozen=True)
class Claim:
    """A Trail resource's claim on a trail's name in a region of its account; the older claim comes first."""

    created: datetime
    uid: str
    resource: str
    region: str
    name: str

    def precedes(self, other: "Claim") -> bool:
        """Whether this claim is the older; the UID decides between claims of one second."""
        return (self.created, self.uid) < (other.created, other.uid)


@dataclass(frozen=True)
class Claimant:
    """A Trail resource that finds a trail of its name."""

    owner: str
    policy: AdoptionPolicy
    has_held: bool
    """Whether the trail of that name was ever this resource's."""


def foreign(observed: ObservedTrail, claimant: Claimant, *, owner_is_alive: bool) -> Failure | None:
    """Why the observed trail may not be touched, or None if it is the claimant's or may be taken.

    `owner_is_alive`: whether the trail's owner is, or may be, a living Trail of this cluster. A trail that another
    owner has taken from us is never taken back, so that two clusters can't play ping-pong.
    """
    if observed.owner == claimant.owner:
        return None
    if observed.owner is None:
        if claimant.policy is not AdoptionPolicy.NEVER:
            return None
        return _conflict(
            f"trail {observed.arn} exists and has no owner tag; nothing was written to it. To take it over, set "
            "adoptionPolicy: IfUnowned; else choose another spec.name or delete that trail. If it is this resource's "
            f"own, put back its tag {OWNER_TAG}={claimant.owner}"
        )
    what = f"trail {observed.arn} exists and belongs to another owner"
    if claimant.policy is not AdoptionPolicy.ALWAYS:
        return _conflict(
            f"{what}; nothing was written to it. Choose another spec.name or delete that trail; to take it from its "
            f"owner, set adoptionPolicy: Always. If it is this resource's own, put back its tag "
            f"{OWNER_TAG}={claimant.owner}"
        )
    if claimant.has_held:
        return _conflict(
            f"{what}, who has taken it after this resource had it: it is not taken back, so that two owners don't "
            f"fight over it. If it is this resource's, put back its tag {OWNER_TAG}={claimant.owner}"
        )
    if owner_is_alive:
        return _conflict(
            f"{what}, a Trail that lives in this cluster: it is not taken from it. Delete that Trail with "
            "deletionPolicy: Retain first, or choose another spec.name"
        )
    return None


def adoption(observed: ObservedTrail, claimant: Claimant) -> AdoptionPolicy:
    """What managing the observed trail takes: the least policy that allows it.

    Nothing (Never) where the trail carries the claimant's tag, or is on record as the claimant's and has lost it.
    """
    if observed.owner == claimant.owner or (observed.owner is None and claimant.has_held):
        return AdoptionPolicy.NEVER
    return AdoptionPolicy.IF_UNOWNED if observed.owner is None else AdoptionPolicy.ALWAYS


def outranked(claim: Claim, others: Iterable[Claim]) -> Failure | None:
    """Why a trail that is nobody's yet may not be made or taken for `claim`: an older Trail claims the same name."""
    if not any(other.precedes(claim) for other in others):
        return None
    # Not which: it may be another team's.
    return _conflict(
        f"an older Trail claims the same trail {claim.name} in {claim.region}: choose another spec.name, or delete one "
        "of the two"
    )


def _conflict(message: str) -> Failure:
    return Failure(FailureClass.TERMINAL, Reason.CONFLICT, message)
