"""Whose a trail is. The rules are those of docs/trail.md; nothing is ever written to a trail that is not ours."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trail_operator.api.constants import CLUSTER_NAME_LENGTH, CLUSTER_NAME_PATTERN, OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.trail import ObservedTrail

_OBSERVE = "To observe it without writing to it, set managementPolicy: Observe"
_ADOPT = "To take it over, set adoptionPolicy: {policy}; the spec then replaces its settings and tags"
_RENAME = "Otherwise choose another spec.name, or delete that trail"


@dataclass(frozen=True)
class Cluster:
    """The names that this cluster has in owner tags, which are `<cluster>/<namespace>/<name>`."""

    name: str
    former_names: frozenset[str] = frozenset()

    def owner_tag(self, resource: str) -> str:
        """The owner tag that the trail of a Trail `namespace/name` is to carry."""
        return f"{self.name}/{resource}"

    def owner_tags(self, resource: str, recorded: str | None) -> frozenset[str]:
        """Every owner tag by which a trail is that Trail's. `recorded`: the tag last seen as its own.

        Once that is the present one, a tag with a former name is another cluster's: otherwise two clusters that list
        each other's name would rewrite it in turns.
        """
        present = self.owner_tag(resource)
        if recorded == present:
            return frozenset({present})
        return frozenset({present, *(f"{name}/{resource}" for name in self.former_names)})

    def resource_of(self, owner: str | None) -> str | None:
        """The Trail of this cluster, as `namespace/name`, that an owner tag names; None if it names none."""
        name, _, resource = (owner or "").partition("/")
        return resource if resource and name in {self.name, *self.former_names} else None


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
class Adopter:
    """A Trail resource that finds a trail of its name."""

    cluster: Cluster
    resource: str
    policy: AdoptionPolicy
    allowed: AdoptionPolicy
    """Which existing trails it may take over, whatever its policy says."""
    recorded: str | None
    """The owner tag by which a trail was last seen to be this resource's."""
    has_held: bool
    """Whether the trail of that name was ever this resource's."""

    @property
    def owner_tag(self) -> str:
        """The owner tag that its trail is to carry."""
        return self.cluster.owner_tag(self.resource)

    @property
    def put_back(self) -> str:
        """How its own trail becomes its own again, should it have lost its tag."""
        return f"If it belongs to this resource, restore its tag {OWNER_TAG}={self.owner_tag}"

    def owns(self, observed: ObservedTrail) -> bool:
        """Whether the trail carries its owner tag, be it under a former name of the cluster."""
        return observed.owner in self.cluster.owner_tags(self.resource, self.recorded)


def check_ownership(observed: ObservedTrail, adopter: Adopter, *, owner_is_alive: bool) -> Failure | None:
    """Why the observed trail may not be touched, or None if it is the adopter's or may be taken.

    `owner_is_alive`: whether the trail's owner is, or may be, a living Trail of this cluster. A trail that
    another owner has taken from us is never taken back, so that two clusters can't play ping-pong.
    """
    if adopter.owns(observed):
        return None
    if observed.owner is None:
        return _without_owner(observed, adopter) if adopter.policy is AdoptionPolicy.NEVER else None
    is_taken_from_us = adopter.has_held or adopter.cluster.resource_of(observed.owner) == adopter.resource
    can_be_taken = not is_taken_from_us and not owner_is_alive
    if can_be_taken and adopter.policy is AdoptionPolicy.ALWAYS:
        return None
    remedies = [_OBSERVE]
    if can_be_taken and adopter.allowed is AdoptionPolicy.ALWAYS:
        remedies.append(_ADOPT.format(policy=AdoptionPolicy.ALWAYS))
    what = f"Trail {observed.arn} exists and belongs to another owner; nothing was written to it"
    if told := _cluster_name_differs(observed.owner, adopter):
        return _conflict(what, told, *remedies, _RENAME, adopter.put_back)
    if owner_is_alive:
        told = "Its owner is another Trail in this cluster, so it cannot be taken over"
        return _conflict(what, told, *remedies, f"Delete that Trail with deletionPolicy: Retain first. {_RENAME}")
    if adopter.has_held:
        remedies.append("The operator does not take it back, so that two owners do not overwrite each other")
    return _conflict(what, *remedies, _RENAME, adopter.put_back)


def required_adoption(observed: ObservedTrail, adopter: Adopter) -> AdoptionPolicy:
    """What managing the observed trail takes: the least policy that allows it.

    Nothing (Never) where the trail carries the adopter's tag, or is on record as the adopter's and has lost it.
    """
    if adopter.owns(observed) or (observed.owner is None and adopter.has_held):
        return AdoptionPolicy.NEVER
    return AdoptionPolicy.IF_UNOWNED if observed.owner is None else AdoptionPolicy.ALWAYS


def loses_to_older_claim(claim: Claim, others: Iterable[Claim]) -> Failure | None:
    """Why a trail that is nobody's yet may not be made or taken for `claim`: an older Trail competes for it."""
    if not any(other.precedes(claim) for other in others):
        return None
    # Not which: it may be another team's.
    what = f"An older Trail claims the same trail {claim.name} in {claim.region}"
    return _conflict(what, _OBSERVE, "Otherwise choose another spec.name, or delete one of the two")


def _without_owner(observed: ObservedTrail, adopter: Adopter) -> Failure:
    what = f"Trail {observed.arn} exists and has no owner tag; nothing was written to it"
    remedies = [_OBSERVE]
    # Taking back what is on record as this resource's is not for allowedAdoption to judge.
    if adopter.has_held or adopter.allowed is not AdoptionPolicy.NEVER:
        remedies.append(_ADOPT.format(policy=AdoptionPolicy.IF_UNOWNED))
    return _conflict(what, *remedies, _RENAME, adopter.put_back)


def _cluster_name_differs(owner: str, adopter: Adopter) -> str:
    """What to say of an owner tag that differs from the adopter's only in the cluster's name; else nothing.

    No other owner tag is quoted: it names another team's Trail.
    """
    name, _, resource = owner.partition("/")
    if resource != adopter.resource or not is_cluster_name(name):
        return ""
    told = f"Its owner tag {owner} differs from this resource's, {adopter.owner_tag}, only in the cluster name. "
    setting = "--former-cluster-names (chart value formerClusterNames)"
    if adopter.recorded != adopter.owner_tag:
        return (
            f"{told}If {name} is a former name of this cluster, or the UID of kube-system of the cluster that it "
            f"replaced, add it to {setting}"
        )
    return (
        f"{told}This resource's trail already had the latter, so {setting} does not apply: find the operator that "
        f"runs with cluster name {name}"
    )


def is_cluster_name(text: str) -> bool:
    """Whether a cluster may have that name."""
    return len(text) <= CLUSTER_NAME_LENGTH and re.fullmatch(CLUSTER_NAME_PATTERN, text) is not None


def _conflict(*sentences: str) -> Failure:
    return Failure(FailureClass.TERMINAL, Reason.CONFLICT, ". ".join(sentences))
