"""The checks before a write to AWS, in order: the first that does not pass ends the sync with its result.

Modelled on the policy chains of cert-manager (internal/controller/certificates/policies). No check calls AWS: they
judge what the sync has read.
"""

from collections.abc import Callable

from pydantic import ValidationError

from trail_operator.api.reasons import ConditionType
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.domain.account_policy import check_adoption
from trail_operator.domain.failure import Failure, FailureError, transient
from trail_operator.domain.ownership import Adopter, Claim, check_ownership, loses_to_older_claim, required_adoption
from trail_operator.domain.sync_result import NOT_OURS, SyncResult
from trail_operator.domain.trail import ObservedTrail
from trail_operator.inventory.account_client import AccountClient
from trail_operator.reconcile.consistency_window import ConsistencyWindow
from trail_operator.runtime.clock import Clock
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.location import Locator, wrong_home
from trail_operator.trail.name_claims import NameClaims
from trail_operator.trail.resolve import SpecResolver
from trail_operator.trail.state import TrailState

Check = Callable[[Comparison], SyncResult | None]


class WriteChecks:
    """Checks Trails before writes."""

    def __init__(self, locator: Locator, resolver: SpecResolver, claims: NameClaims, clock: Clock) -> None:
        self._locator = locator
        self._resolver = resolver
        self._claims = claims
        self._window = ConsistencyWindow(clock)
        self.chain: tuple[Check, ...] = (
            self.lives_in_other_region,
            self.belongs_to_other_owner,
            self.loses_to_older_claim,
            self.may_belong_to_other_trail,
        )

    def evaluate(self, comparison: Comparison) -> SyncResult | None:
        """Return the result of the first check that forbids writing; None if all pass."""
        return next((result for check in self.chain if (result := check(comparison))), None)

    def lives_in_other_region(self, comparison: Comparison) -> SyncResult | None:
        """This resource has a trail already, in a region that is not the one of spec and settings."""
        home = comparison.home_elsewhere
        if home is None:
            return None
        failure = wrong_home(home, comparison.resolved.location.region)
        return SyncResult.incomplete(comparison.context.generation, failure)

    def belongs_to_other_owner(self, comparison: Comparison) -> SyncResult | None:
        """The trail of that name is another owner's, or this resource may not adopt it."""
        state, resolved, observed = comparison.state, comparison.resolved, comparison.observed
        if observed is None:
            return None
        refusal = self._refusal_to_manage(state, resolved.client, resolved.spec.adoption_policy, observed)
        if refusal is None:
            return None
        if self._owner_may_be_outdated(state, observed):
            failure = transient("Waiting for AWS to show the trail's owner tag")
            return SyncResult.incomplete(comparison.context.generation, failure)
        found = observed if "isLogging" not in observed.unreadable else None
        return SyncResult(comparison.context.generation, known=True, observed=None, failure=refusal, found=found)

    def loses_to_older_claim(self, comparison: Comparison) -> SyncResult | None:
        """The trail is not this resource's yet, and an older Trail claims it too."""
        state, observed = comparison.state, comparison.observed
        if comparison.identity:
            return None
        claim = self._claims.upsert(state)
        failure = loses_to_older_claim(claim, self._competitors(claim, observed))
        if failure is None:
            return None
        return SyncResult(comparison.context.generation, known=True, observed=None, failure=failure, found=observed)

    def may_belong_to_other_trail(self, comparison: Comparison) -> SyncResult | None:
        """The owner tag that AWS shows is this resource's, but may be older than another Trail's write."""
        if comparison.identity is None or not self.owner_may_be_stale(comparison):
            return None
        failure = transient("Waiting for AWS to show whether another Trail has taken over the trail")
        return SyncResult.incomplete(comparison.context.generation, failure)

    def owner_may_be_stale(self, comparison: Comparison) -> bool:
        """Whether AWS may still show the owner tag from before another Trail took over the trail."""
        state, observed = comparison.state, comparison.observed
        competitors = self._claims.claimants(self._claims.upsert(state))
        is_new = observed is not None and state.status.arn != observed.arn and self._window.may_be_open(state)
        return bool(competitors) and (is_new or any(map(self._window.is_open, competitors)))

    def is_own_as_far_as_read(self, comparison: Comparison) -> bool:
        """Whether a partly read trail is this Trail's. If its tags were not read, the last status decides."""
        state, observed = comparison.state, comparison.observed
        if observed is None:
            return False
        if "tags" in observed.unreadable:
            ready = state.status.condition(ConditionType.READY)
            return ready is None or ready.reason not in NOT_OURS
        return self._locator.owns(state, observed.tags) or state.status.arn == observed.arn

    def _refusal_to_manage(
        self, state: TrailState, client: AccountClient, policy: AdoptionPolicy, observed: ObservedTrail
    ) -> Failure | None:
        """Return why the Trail may not manage the trail: it has another owner, or the Trail may not adopt it."""
        cluster = self._locator.cluster
        has_owned = _has_owned(state, observed)
        adopter = Adopter(cluster, str(state.key), policy, client.allowed_adoption, state.status.owner_tag, has_owned)
        resource = cluster.resource_of(observed.owner)
        owner_exists = resource is not None and self._claims.may_exist(resource)
        required = required_adoption(observed, adopter)
        return check_ownership(observed, adopter, owner_is_alive=owner_exists) or check_adoption(
            observed.arn, required, client.allowed_adoption, client.name
        )

    def _competitors(self, claim: Claim, observed: ObservedTrail | None) -> list[Claim]:
        """Return the claims that compete for a trail. For one that exists, only Trails that may adopt it compete."""
        competitors = self._claims.competitors(claim)
        if observed is None:
            return competitors
        return [claim for claim in competitors if self._competes(self._claims.claimant(claim), observed)]

    def _competes(self, other: TrailState, observed: ObservedTrail) -> bool:
        """Whether another Trail may adopt a trail that exists, or owned it until it lost its tag."""
        if observed.owner is None and _has_owned(other, observed):
            return True
        try:
            client, policy = self._resolver.client_for(other), other.spec.adoption_policy
        except (FailureError, ValidationError):
            return False
        return self._refusal_to_manage(other, client, policy, observed) is None

    def _owner_may_be_outdated(self, state: TrailState, observed: ObservedTrail) -> bool:
        """Whether AWS may still show an owner tag that this process, or one before it, has replaced."""
        is_former = self._locator.cluster.resource_of(observed.owner) == str(state.key)
        return self._window.is_open(state) or (is_former and self._window.may_be_open(state))


def _has_owned(state: TrailState, observed: ObservedTrail) -> bool:
    """Whether status records the trail as owned. For a trail that was only observed it records no owner tag."""
    return state.status.arn == observed.arn and state.status.owner_tag is not None
