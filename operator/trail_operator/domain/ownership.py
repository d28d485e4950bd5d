"""Ownership of trails, by the rules of docs/trail.md. The operator never writes to a trail of another owner."""

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
    """The names of this cluster in owner tags, which are `<cluster>/<namespace>/<name>`."""

    name: str
    former_names: frozenset[str] = frozenset()

    def owner_tag(self, resource: str) -> str:
        """Return the owner tag for the trail of a Trail `namespace/name`."""
        return f"{self.name}/{resource}"

    def owner_tags(self, resource: str, recorded: str | None) -> frozenset[str]:
        """Return every owner tag of that Trail. `recorded`: the tag last observed as its own.

        Once that is the current tag, a tag with a former name belongs to another cluster: otherwise two clusters that
        list each other's name would alternately rewrite it.
        """
        present = self.owner_tag(resource)
        if recorded == present:
            return frozenset({present})
        return frozenset({present, *(f"{name}/{resource}" for name in self.former_names)})

    def resource_of(self, owner: str | None) -> str | None:
        """Return the Trail of this cluster in an owner tag, as `namespace/name`, or None."""
        name, _, resource = (owner or "").partition("/")
        return resource if resource and name in {self.name, *self.former_names} else None


@dataclass(frozen=True)
class Claim:
    """A Trail's claim on a trail name in a region of its account. The older claim wins."""

    created: datetime
    uid: str
    resource: str
    region: str
    name: str
    adoption_policy: str | None
    """As the spec says: it decides whether the Trail competes for a trail that exists."""

    def precedes(self, other: "Claim") -> bool:
        """Return whether this claim is older. The UID decides between claims of the same second."""
        return (self.created, self.uid) < (other.created, other.uid)


@dataclass(frozen=True)
class Adopter:
    """A Trail that finds an existing trail of its name."""

    cluster: Cluster
    resource: str
    policy: AdoptionPolicy
    allowed: AdoptionPolicy
    """The upper limit for its policy."""
    recorded: str | None
    """The owner tag with which a trail last belonged to this resource."""
    has_held: bool
    """Whether the trail of that name ever belonged to this resource."""

    @property
    def owner_tag(self) -> str:
        """The owner tag for its trail."""
        return self.cluster.owner_tag(self.resource)

    @property
    def put_back(self) -> str:
        """How to restore the owner tag of this Trail's trail."""
        return f"If it belongs to this resource, restore its tag {OWNER_TAG}={self.owner_tag}"

    def owns(self, observed: ObservedTrail) -> bool:
        """Return whether the trail has its owner tag, possibly with a former name of the cluster."""
        return observed.owner in self.cluster.owner_tags(self.resource, self.recorded)


def check_ownership(observed: ObservedTrail, adopter: Adopter, *, owner_is_alive: bool) -> Failure | None:
    """Check whether the adopter owns the observed trail or may take it over.

    `owner_is_alive`: whether the trail's owner is, or may be, an existing Trail of this cluster. A trail that another
    owner took over is never taken back, so that two clusters cannot alternate.
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
    if cause := _cluster_name_differs(observed.owner, adopter):
        return _conflict(what, cause, *remedies, _RENAME, adopter.put_back)
    if owner_is_alive:
        cause = "Its owner is another Trail in this cluster, so it cannot be taken over"
        return _conflict(what, cause, *remedies, f"Delete that Trail with deletionPolicy: Retain first. {_RENAME}")
    if adopter.has_held:
        remedies.append("The operator does not take it back, so that two owners do not overwrite each other")
    return _conflict(what, *remedies, _RENAME, adopter.put_back)


def required_adoption(observed: ObservedTrail, adopter: Adopter) -> AdoptionPolicy:
    """Return the least policy that managing the observed trail requires.

    Never if the trail has the adopter's tag, or is recorded as the adopter's and lost the tag.
    """
    if adopter.owns(observed) or (observed.owner is None and adopter.has_held):
        return AdoptionPolicy.NEVER
    return AdoptionPolicy.IF_UNOWNED if observed.owner is None else AdoptionPolicy.ALWAYS


def loses_to_older_claim(claim: Claim, others: Iterable[Claim]) -> Failure | None:
    """Check whether an older Trail competes for a trail that has no owner yet."""
    if not any(other.precedes(claim) for other in others):
        return None
    # The older Trail is not named: it may belong to another team.
    what = f"An older Trail claims the same trail {claim.name} in {claim.region}"
    return _conflict(what, _OBSERVE, "Otherwise choose another spec.name, or delete one of the two")


def _without_owner(observed: ObservedTrail, adopter: Adopter) -> Failure:
    what = f"Trail {observed.arn} exists and has no owner tag; nothing was written to it"
    remedies = [_OBSERVE]
    # allowedAdoption does not apply to a trail that is recorded as this resource's.
    if adopter.has_held or adopter.allowed is not AdoptionPolicy.NEVER:
        remedies.append(_ADOPT.format(policy=AdoptionPolicy.IF_UNOWNED))
    return _conflict(what, *remedies, _RENAME, adopter.put_back)


def _cluster_name_differs(owner: str, adopter: Adopter) -> str:
    """Describe an owner tag that differs from the adopter's only in the cluster name.

    No other owner tag is quoted, because it names another team's Trail.
    """
    name, _, resource = owner.partition("/")
    if resource != adopter.resource or not is_cluster_name(name):
        return ""
    what = f"Its owner tag {owner} differs from this resource's, {adopter.owner_tag}, only in the cluster name. "
    setting = "--former-cluster-names (chart value formerClusterNames)"
    if adopter.recorded != adopter.owner_tag:
        return (
            f"{what}If {name} is a former name of this cluster, or the UID of kube-system of the cluster that it "
            f"replaced, add it to {setting}"
        )
    return (
        f"{what}This resource's trail already had the latter, so {setting} does not apply: find the operator that "
        f"runs with cluster name {name}"
    )


def is_cluster_name(text: str) -> bool:
    """Return whether a cluster may have that name."""
    return len(text) <= CLUSTER_NAME_LENGTH and re.fullmatch(CLUSTER_NAME_PATTERN, text) is not None


def _conflict(*sentences: str) -> Failure:
    return Failure(FailureClass.TERMINAL, Reason.CONFLICT, ". ".join(sentences))
