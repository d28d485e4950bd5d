"""Which Trails claim which trail name. All claims are known before any write: no two Trails create the same trail."""

from collections import defaultdict
from collections.abc import Callable, Collection

from trail_operator.domain.arns import Arn
from trail_operator.domain.ownership import Claim
from trail_operator.trail.state import TrailState


class NameClaims:
    """The claims of all watched Trails."""

    def __init__(
        self,
        trail_scope: Callable[[TrailState], tuple[str, str]],
        namespaces: Collection[str] = (),
        admits: Callable[[TrailState], bool] = lambda _: True,
    ) -> None:
        """`trail_scope`: returns the account ID and the default region of a Trail's account.

        `admits`: whether a Trail may use that account for a trail of its name.
        """
        self._trail_scope = trail_scope
        self._admits = admits
        self._namespaces = namespaces
        # By region and name. Accounts are compared when needed: the operator's own account is known only later.
        self._by_name: dict[tuple[str, str], dict[str, Claim]] = defaultdict(dict)
        self._by_uid: dict[str, Claim] = {}
        self._claimants: dict[str, TrailState] = {}
        self._resources: dict[str, str] = {}

    def upsert(self, state: TrailState) -> Claim:
        """Record the claim of a Trail, replacing its earlier one."""
        _, default_region = self._trail_scope(state)
        # Without a finalizer, status only records what was observed.
        arn, pinned = (state.recorded_arn, state.status.home_region) if state.has_finalizer else (None, None)
        region = state.text("region") or pinned or default_region
        claim = Claim(
            created=state.created,
            uid=state.uid,
            resource=str(state.key),
            region=Arn.parse(arn).region if arn else region,
            name=state.trail_name,
            adoption_policy=state.text("adoptionPolicy"),
        )
        self.withdraw(state.uid)
        self._resources[claim.uid] = claim.resource
        if state.observe_only or not self._admits(state):
            return claim  # it competes with no other Trail
        self._by_uid[claim.uid] = claim
        self._claimants[claim.uid] = state
        self._by_name[claim.region, claim.name][claim.uid] = claim
        return claim

    def update(self, state: TrailState) -> list[str]:
        """Record the present claim of a Trail; return the UIDs of Trails that the earlier claim may have blocked."""
        former = self._by_uid.get(state.uid)
        competitors = self.withdraw(state.uid)
        self.upsert(state)
        return competitors if former != self._by_uid.get(state.uid) else []

    def withdraw(self, uid: str) -> list[str]:
        """Remove a claim; return the UIDs of Trails that it may have blocked."""
        self._resources.pop(uid, None)
        claim = self._by_uid.pop(uid, None)
        if claim is None:
            return []
        competitors = [other.uid for other in self.competitors(claim)]
        del self._claimants[uid]
        named = self._by_name[claim.region, claim.name]
        del named[uid]
        if not named:
            del self._by_name[claim.region, claim.name]
        return competitors

    def may_exist(self, resource: str) -> bool:
        """Whether a Trail `namespace/name` exists, or may exist in a namespace that is not watched."""
        namespace, _, _ = resource.partition("/")
        is_watched = not self._namespaces or namespace in self._namespaces
        return not is_watched or resource in self._resources.values()

    def competitors(self, claim: Claim) -> list[Claim]:
        """Return all other claims to the same trail; none if the claim itself is not recorded."""
        if claim.uid not in self._claimants:
            return []
        account = self._account(claim)
        named = self._by_name.get((claim.region, claim.name), {}).values()
        return [other for other in named if other.uid != claim.uid and self._account(other) == account]

    def claimant(self, claim: Claim) -> TrailState:
        """Return the Trail of a recorded claim."""
        return self._claimants[claim.uid]

    def claimants(self, claim: Claim) -> list[TrailState]:
        """Return the Trails of all other claims to the same trail."""
        return [self.claimant(other) for other in self.competitors(claim)]

    def _account(self, claim: Claim) -> str:
        return self._trail_scope(self._claimants[claim.uid])[0]
