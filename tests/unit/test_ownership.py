"""Whose a trail is: the whole table, and of two claims the older."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tests.unit.builders import observed
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.domain.failure import FailureClass
from trail_operator.domain.ownership import (
    Adopter,
    Claim,
    Cluster,
    check_ownership,
    is_cluster_name,
    loses_to_older_claim,
    required_adoption,
)
from trail_operator.domain.trail import ObservedTrail

NEVER, IF_UNOWNED, ALWAYS = AdoptionPolicy.NEVER, AdoptionPolicy.IF_UNOWNED, AdoptionPolicy.ALWAYS
RESOURCE = "default/audit"
CLUSTER = Cluster("new", frozenset({"old", "0d5b3a1e-7c1f-4f0e-9a55-4b7f1f0c2a11"}))
PRESENT, FORMER, BY_UID = f"new/{RESOURCE}", f"old/{RESOURCE}", f"0d5b3a1e-7c1f-4f0e-9a55-4b7f1f0c2a11/{RESOURCE}"
ELSEWHERE, NAMESAKE = "elsewhere/team/theirs", f"elsewhere/{RESOURCE}"
NEIGHBOUR, FORMER_NEIGHBOUR = "new/team/other", "old/team/other"
TAGS = [PRESENT, FORMER, BY_UID, None, "", ELSEWHERE, NAMESAKE, NEIGHBOUR, FORMER_NEIGHBOUR]
OLD = datetime(2026, 1, 1, tzinfo=UTC)


def tagged(owner: str | None) -> ObservedTrail:
    return replace(observed(), tags={"team": "a"} | ({} if owner is None else {OWNER_TAG: owner}))


def claimant(
    policy: AdoptionPolicy = NEVER,
    *,
    allowed: AdoptionPolicy = ALWAYS,
    recorded: str | None = None,
    has_held: bool = False,
) -> Adopter:
    return Adopter(CLUSTER, RESOURCE, policy, allowed, recorded, has_held)


def conflict(owner: str | None, who: Adopter, *, alive: bool = False) -> str:
    failure = check_ownership(tagged(owner), who, owner_is_alive=alive)
    assert failure is not None
    assert (failure.kind, failure.reason) == (FailureClass.TERMINAL, Reason.CONFLICT)
    return failure.message


# All in which a trail may be taken: whose tag it has, the policy, whether its owner lives, the tag on record and
# whether the trail of that name was held before.
MAY_BE_TAKEN = {
    *product([PRESENT], AdoptionPolicy, [False, True], [None, FORMER, PRESENT], [False, True]),
    *product([FORMER, BY_UID], AdoptionPolicy, [False, True], [None, FORMER], [False, True]),
    *product([None], [IF_UNOWNED, ALWAYS], [False, True], [None, FORMER, PRESENT], [False, True]),
    *product(
        ["", ELSEWHERE, NAMESAKE, NEIGHBOUR, FORMER_NEIGHBOUR],
        [ALWAYS],
        [False],
        [None, FORMER, PRESENT],
        [False],
    ),
}


@pytest.mark.parametrize("owner", TAGS)
def test_whose_a_trail_is(owner: str | None) -> None:
    states = product(AdoptionPolicy, [False, True], [None, FORMER, PRESENT], [False, True])
    for policy, alive, recorded, has_held in states:
        who = claimant(policy, recorded=recorded, has_held=has_held)
        if (owner, policy, alive, recorded, has_held) in MAY_BE_TAKEN:
            assert check_ownership(tagged(owner), who, owner_is_alive=alive) is None
            continue
        message = conflict(owner, who, alive=alive)
        names_us = owner in (FORMER, BY_UID, NAMESAKE)
        assert bool(owner) and str(owner) in message if names_us else not owner or owner not in message


@pytest.mark.parametrize("owner", TAGS)
def test_a_conflict_offers_what_would_be_taken(owner: str | None) -> None:
    """It names an adoptionPolicy where, and only where, that one would take the trail and be allowed to."""
    states = product(AdoptionPolicy, AdoptionPolicy, [False, True], [None, FORMER, PRESENT], [False, True])
    for policy, allowed, alive, recorded, has_held in states:
        who = claimant(policy, allowed=allowed, recorded=recorded, has_held=has_held)
        failure = check_ownership(tagged(owner), who, owner_is_alive=alive)
        if failure is None:
            continue
        message = failure.message
        assert "set managementPolicy: Observe" in message
        assert "nothing was written to it" in message
        would_take = [
            better
            for better in (IF_UNOWNED, ALWAYS)
            if check_ownership(tagged(owner), replace(who, policy=better), owner_is_alive=alive) is None
            and allowed.includes(required_adoption(tagged(owner), who))
        ]
        offered = [better for better in (IF_UNOWNED, ALWAYS) if f"set adoptionPolicy: {better}" in message]
        assert offered == would_take[:1], message
        if offered:
            assert message.index("Observe") < message.index("adoptionPolicy")
            assert "the spec then replaces its settings and tags" in message


@pytest.mark.parametrize(
    ("owner", "recorded", "has_held", "alive", "remedy"),
    [
        (None, PRESENT, True, False, f"restore its tag {OWNER_TAG}={PRESENT}"),
        (ELSEWHERE, PRESENT, True, False, f"restore its tag {OWNER_TAG}={PRESENT}"),
        (ELSEWHERE, PRESENT, True, False, "The operator does not take it back"),
        (NEIGHBOUR, None, False, True, "deletionPolicy: Retain first"),
        (NAMESAKE, None, False, False, f"owner tag {NAMESAKE} differs from this resource's, {PRESENT}, only in"),
        (NAMESAKE, None, False, False, "add it to --former-cluster-names (chart value formerClusterNames)"),
        (NAMESAKE, NAMESAKE, True, False, "add it to --former-cluster-names (chart value formerClusterNames)"),
        (NAMESAKE, PRESENT, True, False, "--former-cluster-names (chart value formerClusterNames) does not apply"),
        (FORMER, PRESENT, True, True, "--former-cluster-names (chart value formerClusterNames) does not apply"),
        (FORMER, PRESENT, True, True, "find the operator that runs with cluster name old"),
    ],
)
def test_a_conflict_says_how_to_solve_it(
    owner: str | None, recorded: str | None, has_held: bool, alive: bool, remedy: str
) -> None:
    assert remedy in conflict(owner, claimant(recorded=recorded, has_held=has_held), alive=alive)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", "a" * 61, "a\n"])
def test_what_cannot_be_a_cluster_s_name_is_not_proposed_as_one(name: str) -> None:
    assert not is_cluster_name(name)
    assert "--former-cluster-names" not in conflict(f"{name}/{RESOURCE}", claimant())


@pytest.mark.parametrize("owner", TAGS)
@pytest.mark.parametrize("recorded", [None, FORMER, PRESENT])
@pytest.mark.parametrize("has_held", [False, True])
def test_only_the_taking_is_an_adoption(owner: str | None, recorded: str | None, has_held: bool) -> None:
    """What carries this Trail's tag, or is on record as its own and has lost the tag, is taken from nobody."""
    is_own = owner == PRESENT or (owner in (FORMER, BY_UID) and recorded != PRESENT) or (owner is None and has_held)
    needed = NEVER if is_own else IF_UNOWNED if owner is None else ALWAYS
    for policy in AdoptionPolicy:
        assert required_adoption(tagged(owner), claimant(policy, recorded=recorded, has_held=has_held)) is needed


@pytest.mark.parametrize(
    ("owner", "resource"),
    [
        (PRESENT, RESOURCE),
        (FORMER, RESOURCE),
        (BY_UID, RESOURCE),
        (FORMER_NEIGHBOUR, "team/other"),
        (NAMESAKE, None),
        ("", None),
        ("new", None),
        ("new/", None),
        ("newer/default/audit", None),
        (None, None),
    ],
)
def test_which_trail_of_this_cluster_an_owner_tag_names(owner: str | None, resource: str | None) -> None:
    assert CLUSTER.resource_of(owner) == resource


def test_two_clusters_with_each_other_s_former_name_never_rewrite_a_tag_in_turns() -> None:
    """Each reads the tag, rewrites it if it is its own, and records what it wrote; however they take turns."""
    one, two = Cluster("one", frozenset({"two"})), Cluster("two", frozenset({"one"}))
    for turns in product([one, two], repeat=8):
        tag, recorded, writes = one.owner_tag(RESOURCE), dict[str, str](), 0
        for cluster in turns:
            if tag in cluster.owner_tags(RESOURCE, recorded.get(cluster.name)):
                writes += tag != cluster.owner_tag(RESOURCE)
                tag = recorded[cluster.name] = cluster.owner_tag(RESOURCE)
        assert writes <= 2


def claim(name: str, created: datetime = OLD, uid: str = "u") -> Claim:
    return Claim(created, uid, f"default/{name}", "eu-central-1", "audit", None)


def test_of_two_claims_the_older_wins() -> None:
    older, younger = claim("older"), claim("younger", OLD + timedelta(seconds=1))
    assert loses_to_older_claim(older, [younger]) is None
    failure = loses_to_older_claim(younger, [older])
    assert failure is not None
    assert failure.reason is Reason.CONFLICT
    assert "An older Trail claims the same trail audit in eu-central-1" in failure.message
    assert "default/older" not in failure.message  # whose it is, is not ours to tell


def test_claims_of_one_second_are_decided_by_uid() -> None:
    one, two = claim("one", uid="1"), claim("two", uid="2")
    assert loses_to_older_claim(one, [two]) is None
    assert loses_to_older_claim(two, [one]) is not None
