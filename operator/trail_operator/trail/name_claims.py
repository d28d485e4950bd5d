"""Which Trail resources claim which trail: known before AWS is asked, so that two Trails never make one trail twice."""

from collections import defaultdict
from collections.abc import Callable, Collection

from trail_operator.domain.arns import Arn
from trail_operator.domain.ownership import Claim
from trail_operator.trail.state import TrailState


class NameClaims:
    """The claims of all Trails that the operator watches."""

    def __init__(
        self,
        place: Callable[[TrailState], tuple[str, str]],
        namespaces: Collection[str] = (),
        admits: Callable[[TrailState], bool] = lambda _: True,
    ) -> None:
        """`place`: the number and the default region of the account that a Trail uses.

        `admits`: whether it may use that account for a trail of its name.
        """
        self._place = place
        self._admits = admits
        self._namespaces = namespaces
        # By region and name. The account is compared when it matters: AWS tells only meanwhile who the own identity is.
        self._by_name: dict[tuple[str, str], dict[str, Claim]] = defaultdict(dict)
        self._by_uid: dict[str, Claim] = {}
        self._claimants: dict[str, TrailState] = {}
        self._resources: dict[str, str] = {}

    def enter(self, state: TrailState) -> Claim:
        """Record the claim of a Trail, in place of its former one."""
        _, default_region = self._place(state)
        # On record of a Trail that is not held is only where a trail was that it looked at.
        arn, pinned = (state.recorded_arn, state.status.home_region) if state.has_finalizer else (None, None)
        region = state.text("region") or pinned or default_region
        claim = Claim(
            created=state.created,
            uid=state.uid,
            resource=str(state.key),
            region=Arn.parse(arn).region if arn else region,
            name=state.trail_name,
        )
        self.withdraw(state.uid)
        self._resources[claim.uid] = claim.resource
        if state.observe_only or not self._admits(state):
            return claim  # it wants nothing, or nothing that it may have: it is in nobody's way
        self._by_uid[claim.uid] = claim
        self._claimants[claim.uid] = state
        self._by_name[claim.region, claim.name][claim.uid] = claim
        return claim

    def update(self, state: TrailState) -> list[str]:
        """Record the claim of a Trail as it is now; return the UIDs of those that may take the place of its former."""
        before = self._by_uid.get(state.uid)
        competitors = self.withdraw(state.uid)
        self.enter(state)
        return competitors if before != self._by_uid.get(state.uid) else []

    def withdraw(self, uid: str) -> list[str]:
        """Forget a claim; return the UIDs of those that may now take its place."""
        self._resources.pop(uid, None)
        claim = self._by_uid.pop(uid, None)
        if claim is None:
            return []
        competitors = [rival.uid for rival in self.competitors(claim)]
        del self._claimants[uid]
        named = self._by_name[claim.region, claim.name]
        del named[uid]
        if not named:
            del self._by_name[claim.region, claim.name]
        return competitors

    def may_exist(self, resource: str) -> bool:
        """Whether there is a Trail `namespace/name`, or may be one in a namespace that is not watched."""
        namespace, _, _ = resource.partition("/")
        is_watched = not self._namespaces or namespace in self._namespaces
        return not is_watched or resource in self._resources.values()

    def competitors(self, claim: Claim) -> list[Claim]:
        """All other claims to the same trail; none for one that is not on record."""
        if claim.uid not in self._claimants:
            return []
        account = self._account(claim)
        named = self._by_name.get((claim.region, claim.name), {}).values()
        return [other for other in named if other.uid != claim.uid and self._account(other) == account]

    def claimant(self, claim: Claim) -> TrailState:
        """The Trail that a claim on record is of."""
        return self._claimants[claim.uid]

    def claimants(self, claim: Claim) -> list[TrailState]:
        """The Trails that all other claims to the same trail are of."""
        return [self.claimant(other) for other in self.competitors(claim)]

    def _account(self, claim: Claim) -> str:
        return self._place(self._claimants[claim.uid])[0]
