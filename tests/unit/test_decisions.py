"""Small pure decisions: whose a trail is, when to look again."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.builders import OWNER, observed
from trail_operator.api.names import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.core.backoff import resync_delay, retry_delay
from trail_operator.core.failure import FailureClass
from trail_operator.core.ownership import Claim, Claimant, foreign, outranked

OURS = Claimant(OWNER, AdoptionPolicy.NEVER, has_held=False)
OLD = datetime(2026, 1, 1, tzinfo=UTC)


def claim(name: str, created: datetime = OLD, uid: str = "u") -> Claim:
    return Claim(created, uid, f"default/{name}", "eu-central-1", "audit")


def test_a_trail_with_our_tag_is_ours() -> None:
    assert foreign(observed(), OURS, owner_is_alive=False) is None


@pytest.mark.parametrize("other", ["cluster/default/other", "elsewhere/default/audit", ""])
def test_a_trail_with_another_tag_is_not(other: str) -> None:
    found = observed()
    failure = foreign(type(found)(**{**found.__dict__, "tags": {OWNER_TAG: other}}), OURS, owner_is_alive=False)
    assert failure is not None
    assert failure.reason is Reason.CONFLICT
    assert other == "" or other not in failure.message  # whose it is, is not ours to tell


def test_a_trail_without_tag_is_not_ours_and_the_message_says_how_to_mend_it() -> None:
    found = observed()
    failure = foreign(type(found)(**{**found.__dict__, "tags": {}}), OURS, owner_is_alive=False)
    assert failure is not None
    assert f"{OWNER_TAG}={OWNER}" in failure.message


def test_of_two_claims_the_older_wins() -> None:
    older, younger = claim("older"), claim("younger", OLD + timedelta(seconds=1))
    assert outranked(older, [younger]) is None
    failure = outranked(younger, [older])
    assert failure is not None
    assert failure.reason is Reason.CONFLICT
    assert "default/older" in failure.message


def test_claims_of_one_second_are_decided_by_uid() -> None:
    one, two = claim("one", uid="1"), claim("two", uid="2")
    assert outranked(one, [two]) is None
    assert outranked(two, [one]) is not None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FailureClass.TRANSIENT, [1, 2, 4, 8, 16, 32, 60, 60]),
        (FailureClass.DEPENDENCY, [15, 30, 45, 45]),
        (FailureClass.AUTHORITY, [5, 10, 20, 40, 45]),
    ],
)
def test_delays_double_up_to_a_bound(kind: FailureClass, expected: list[float]) -> None:
    assert [retry_delay(kind, count + 1, 0.5) for count in range(len(expected))] == expected


@pytest.mark.parametrize(("random", "factor"), [(0.0, 0.8), (0.5, 1.0), (0.9999999, 1.2)])
def test_delays_are_spread(random: float, factor: float) -> None:
    assert resync_delay(600, random) == pytest.approx(600 * factor, rel=1e-3)
    assert retry_delay(FailureClass.DEPENDENCY, 99, random) == pytest.approx(45 * factor, rel=1e-3)


def test_a_mended_dependency_is_noticed_within_a_minute() -> None:
    assert retry_delay(FailureClass.DEPENDENCY, 10**6, 0.9999999) < 60
