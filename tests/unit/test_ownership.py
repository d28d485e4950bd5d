"""Whose a trail is: the whole table, and of two claims the older."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tests.unit.builders import OWNER, observed
from trail_operator.api.names import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.core.failure import FailureClass
from trail_operator.core.ownership import Claim, Claimant, adoption, foreign, outranked
from trail_operator.core.trail import ObservedTrail

NEVER, IF_UNOWNED, ALWAYS = AdoptionPolicy.NEVER, AdoptionPolicy.IF_UNOWNED, AdoptionPolicy.ALWAYS
ELSEWHERE = "elsewhere/default/audit"
OLD = datetime(2026, 1, 1, tzinfo=UTC)


def tagged(owner: str | None) -> ObservedTrail:
    return replace(observed(), tags={"team": "a"} | ({} if owner is None else {OWNER_TAG: owner}))


# All in which a trail may be taken: whose tag it has, the policy, whether it was held before, whether its owner lives.
MAY_BE_TAKEN = {
    *product([OWNER], AdoptionPolicy, [False, True], [False, True]),
    *product([None], [IF_UNOWNED, ALWAYS], [False, True], [False, True]),
    (ELSEWHERE, ALWAYS, False, False),
    ("", ALWAYS, False, False),
}


@pytest.mark.parametrize(
    ("owner", "policy", "has_held", "alive"),
    list(product([OWNER, None, ELSEWHERE, ""], AdoptionPolicy, [False, True], [False, True])),
)
def test_whose_a_trail_is(owner: str | None, policy: AdoptionPolicy, has_held: bool, alive: bool) -> None:
    failure = foreign(tagged(owner), Claimant(OWNER, policy, has_held), owner_is_alive=alive)
    if (owner, policy, has_held, alive) in MAY_BE_TAKEN:
        assert failure is None
        return
    assert failure is not None
    assert (failure.kind, failure.reason) == (FailureClass.TERMINAL, Reason.CONFLICT)
    assert not owner or owner not in failure.message  # whose it is, is not ours to tell


@pytest.mark.parametrize(
    ("owner", "policy", "has_held", "alive", "remedy"),
    [
        (None, NEVER, False, False, "set adoptionPolicy: IfUnowned"),
        (None, NEVER, True, False, f"put back its tag {OWNER_TAG}={OWNER}"),
        (ELSEWHERE, NEVER, False, False, "set adoptionPolicy: Always"),
        (ELSEWHERE, IF_UNOWNED, False, False, "set adoptionPolicy: Always"),
        (ELSEWHERE, ALWAYS, True, False, f"put back its tag {OWNER_TAG}={OWNER}"),
        (ELSEWHERE, ALWAYS, False, True, "deletionPolicy: Retain first"),
    ],
)
def test_a_conflict_says_how_to_mend_it(
    owner: str | None, policy: AdoptionPolicy, has_held: bool, alive: bool, remedy: str
) -> None:
    failure = foreign(tagged(owner), Claimant(OWNER, policy, has_held), owner_is_alive=alive)
    assert failure is not None
    assert remedy in failure.message


@pytest.mark.parametrize(
    ("owner", "has_held", "needed"),
    [
        (OWNER, False, NEVER),
        (OWNER, True, NEVER),
        (None, False, IF_UNOWNED),
        (None, True, NEVER),
        (ELSEWHERE, False, ALWAYS),
        ("", False, ALWAYS),
    ],
)
def test_only_the_taking_is_an_adoption(owner: str | None, has_held: bool, needed: AdoptionPolicy) -> None:
    """What carries this Trail's tag, or is on record as its own and has lost the tag, is taken from nobody."""
    for policy in AdoptionPolicy:
        assert adoption(tagged(owner), Claimant(OWNER, policy, has_held)) is needed


def claim(name: str, created: datetime = OLD, uid: str = "u") -> Claim:
    return Claim(created, uid, f"default/{name}", "eu-central-1", "audit")


def test_of_two_claims_the_older_wins() -> None:
    older, younger = claim("older"), claim("younger", OLD + timedelta(seconds=1))
    assert outranked(older, [younger]) is None
    failure = outranked(younger, [older])
    assert failure is not None
    assert failure.reason is Reason.CONFLICT
    assert "an older Trail claims the same trail audit in eu-central-1" in failure.message
    assert "default/older" not in failure.message  # whose it is, is not ours to tell


def test_claims_of_one_second_are_decided_by_uid() -> None:
    one, two = claim("one", uid="1"), claim("two", uid="2")
    assert outranked(one, [two]) is None
    assert outranked(two, [one]) is not None
