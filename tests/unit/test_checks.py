"""The checks before a write, each alone, and their order."""

from dataclasses import replace
from typing import Any, cast

import pytest

from tests.unit.builders import ARN, LOCATION, OWNER, desired, observed
from tests.unit.test_trail_controller import body
from trail_operator.api.constants import FINALIZER, OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.trail import ObservedTrail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.runtime.clock import Clock
from trail_operator.trail.checks import WriteChecks
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.location import Locator
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.resolve import ResolvedSpec, SpecResolver
from trail_operator.trail.state import TrailState

NOW = 1000.0
_NONE: Any = None
ACCESS = AccountClient(None, None, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, AdoptionPolicy.ALWAYS)


class Resolver:
    """The one method of SpecResolver that checks call."""

    def client_for(self, _: TrailState) -> AccountClient:
        return ACCESS


class Fixture:
    """Checks of a cluster with the Trail `audit`, the younger, and others that claim the same trail."""

    def __init__(self) -> None:
        self.claims = NameClaims(lambda _: (LOCATION.account, LOCATION.region))
        clock = Clock(monotonic=lambda: NOW)
        locator = Locator(Cluster("cluster"))
        self.checks = WriteChecks(locator, cast(SpecResolver, Resolver()), self.claims, clock)
        self.state = self.trail("audit", uid="30")

    def trail(self, name: str, uid: str, **spec: Any) -> TrailState:
        """A Trail that claims the trail; it was seen long ago, so that no former process may have written just now."""
        manifest = body(name, uid=uid, **{"name": "audit", **spec})
        manifest["metadata"]["finalizers"] = [FINALIZER]
        state = TrailState(manifest)
        self.claims.upsert(state)
        return state

    def comparison(self, found: ObservedTrail | None, home_elsewhere: str | None = None) -> Comparison:
        context = ReconcileContext(self.state.generation, self.state.requested_state)
        resolved = ResolvedSpec(ACCESS, self.state.spec, "audit", LOCATION)
        return Comparison(self.state, context, resolved, desired(), found, home_elsewhere)


@pytest.fixture
def trails() -> Fixture:
    return Fixture()


def owned_by(owner: str | None) -> ObservedTrail:
    return replace(observed(), tags={} if owner is None else {OWNER_TAG: owner})


def reason(result: SyncResult | None) -> Reason | None:
    assert result is None or result.failure is not None
    return result.failure.reason if result and result.failure else None


def test_checks_are_evaluated_in_this_order(trails: Fixture) -> None:
    assert [check.__name__ for check in trails.checks.chain] == [
        "lives_in_other_region",
        "belongs_to_other_owner",
        "loses_to_older_claim",
        "may_belong_to_other_trail",
    ]


def test_evaluate_returns_the_first_result(trails: Fixture) -> None:
    trails.trail("older", uid="1")
    assert reason(trails.checks.evaluate(trails.comparison(None, "us-east-1"))) is Reason.WRONG_HOME_REGION
    assert reason(trails.checks.evaluate(trails.comparison(None))) is Reason.CONFLICT


@pytest.mark.parametrize("found", [None, observed()], ids=["absent", "own"])
def test_evaluate_passes_a_trail_that_nobody_else_claims(trails: Fixture, found: ObservedTrail | None) -> None:
    assert trails.checks.evaluate(trails.comparison(found)) is None


def test_lives_in_other_region(trails: Fixture) -> None:
    result = trails.checks.lives_in_other_region(trails.comparison(None, "us-east-1"))
    assert result is not None
    assert (reason(result), result.known) == (Reason.WRONG_HOME_REGION, False)
    assert trails.checks.lives_in_other_region(trails.comparison(None)) is None


def test_belongs_to_other_owner_reports_the_trail_it_found(trails: Fixture) -> None:
    found = owned_by("elsewhere/team/other")
    result = trails.checks.belongs_to_other_owner(trails.comparison(found))
    assert result is not None
    assert (reason(result), result.known, result.observed, result.found) == (Reason.CONFLICT, True, None, found)


def test_belongs_to_other_owner_reports_nothing_of_unread_logging(trails: Fixture) -> None:
    found = replace(owned_by("elsewhere/team/other"), unreadable=frozenset({"isLogging"}))
    result = trails.checks.belongs_to_other_owner(trails.comparison(found))
    assert result is not None
    assert result.found is None


@pytest.mark.parametrize("found", [None, observed()], ids=["absent", "own"])
def test_belongs_to_other_owner_passes_own_and_absent_trails(trails: Fixture, found: ObservedTrail | None) -> None:
    assert trails.checks.belongs_to_other_owner(trails.comparison(found)) is None


def test_belongs_to_other_owner_waits_for_the_consistency_window(trails: Fixture) -> None:
    trails.state.writes.last_at = NOW - 9.0
    result = trails.checks.belongs_to_other_owner(trails.comparison(owned_by("elsewhere/team/other")))
    assert result is not None
    assert (reason(result), result.known) == (Reason.PROGRESSING, False)


def test_loses_to_older_claim_for_an_absent_trail(trails: Fixture) -> None:
    assert trails.checks.loses_to_older_claim(trails.comparison(None)) is None
    trails.trail("younger", uid="40")
    assert trails.checks.loses_to_older_claim(trails.comparison(None)) is None
    trails.trail("older", uid="1")
    assert reason(trails.checks.loses_to_older_claim(trails.comparison(None))) is Reason.CONFLICT


def test_loses_to_older_claim_passes_an_own_trail(trails: Fixture) -> None:
    trails.trail("older", uid="1")
    assert trails.checks.loses_to_older_claim(trails.comparison(observed())) is None


@pytest.mark.parametrize(("policy", "blocks"), [("Never", None), ("IfUnowned", Reason.CONFLICT)])
def test_loses_to_older_claim_counts_only_trails_that_may_adopt(
    trails: Fixture, policy: str, blocks: Reason | None
) -> None:
    trails.trail("older", uid="1", adoptionPolicy=policy)
    assert reason(trails.checks.loses_to_older_claim(trails.comparison(owned_by(None)))) is blocks


def test_may_belong_to_other_trail_within_the_others_window(trails: Fixture) -> None:
    assert trails.checks.may_belong_to_other_trail(trails.comparison(observed())) is None
    other = trails.trail("other", uid="1")
    assert trails.checks.may_belong_to_other_trail(trails.comparison(observed())) is None
    other.writes.last_at = NOW - 9.0
    result = trails.checks.may_belong_to_other_trail(trails.comparison(observed()))
    assert result is not None
    assert (reason(result), result.known) == (Reason.PROGRESSING, False)
    assert trails.checks.may_belong_to_other_trail(trails.comparison(None)) is None


def test_may_belong_to_other_trail_after_a_restart(trails: Fixture) -> None:
    """A former process may have written just before: a trail that status does not record may be another's."""
    trails.trail("other", uid="1")
    trails.state.started = NOW - 1.0
    assert reason(trails.checks.may_belong_to_other_trail(trails.comparison(observed()))) is Reason.PROGRESSING
    status = {"arn": ARN, "ownerTag": OWNER}
    trails.state.body = trails.state.body | {"status": status}
    trails.state._parsed = None
    assert trails.checks.may_belong_to_other_trail(trails.comparison(observed())) is None
