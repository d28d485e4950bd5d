"""Whose a trail is. The rules are those of docs/trail.md; nothing is ever written to a trail that is not ours."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trail_operator.api.names import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.core.failure import Failure, FailureClass
from trail_operator.core.trail import ObservedTrail


@dataclass(frozen=True)
class Claim:
    """A Trail resource's claim on a trail's name in a region; the older claim comes first."""

    created: datetime
    uid: str
    resource: str
    region: str
    name: str

    def precedes(self, other: "Claim") -> bool:
        """Whether this claim is the older; the UID decides between claims of one second."""
        return (self.created, self.uid) < (other.created, other.uid)


def foreign(observed: ObservedTrail, owner: str) -> Failure | None:
    """Why the observed trail may not be touched by `owner`, or None if it is the owner's."""
    if observed.owner == owner:
        return None
    whose = "has no owner tag" if observed.owner is None else "belongs to another owner"
    return _conflict(
        f"trail {observed.arn} exists and {whose}; nothing was written to it. Choose another spec.name or delete that "
        f"trail; if it is this resource's own, put back its tag {OWNER_TAG}={owner}"
    )


def outranked(claim: Claim, others: Iterable[Claim]) -> Failure | None:
    """Why a trail that does not exist yet may not be made for `claim`: an older Trail claims the same name."""
    rival = next((other for other in others if other.precedes(claim)), None)
    if rival is None:
        return None
    return _conflict(
        f"Trail {rival.resource} is older and claims the same trail {claim.name} in {claim.region}: "
        "choose another spec.name, or delete one of the two"
    )


def _conflict(message: str) -> Failure:
    return Failure(FailureClass.TERMINAL, Reason.CONFLICT, message)
