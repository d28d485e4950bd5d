"""The inventory of an account's trails when AWS refuses some of the reads, for good or for a moment."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.builders import ARN, LOCATION, MINIMAL, OWNER, desired
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.aws.cloudtrail import CloudTrail
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.aws.trail_lister import TrailLister
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.inventory_snapshot import InventorySnapshot, PeerTrail
from trail_operator.domain.warnings import Advice, AdviceBasis
from trail_operator.inventory.inventory import AccountInventory
from trail_operator.runtime.clock import Clock

WEST = Location("aws", LOCATION.account, "eu-west-1")
DENIED, BUSY, GONE = "AccessDeniedException", "ThrottlingException", "TrailNotFoundException"


def arn(name: str, region: str, account: str = LOCATION.account) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


OWN, OTHER = ARN, arn("other", "eu-west-1")


@dataclass
class Account:
    """An AWS account: its trails by ARN, with whether each is multi-region, and what AWS refuses, with which code."""

    trails: dict[str, bool] = field(default_factory=lambda: {OWN: True, OTHER: False})
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    """By operation, and region or ARN."""
    failure: Failure | None = None
    """The failure of every call."""

    def refuse(self, operation: str, *where: str, code: str = DENIED) -> None:
        self.refused |= {(operation, place): code for place in where}

    def refuse_all(self) -> None:
        for operation in ("ListTrails", "DescribeTrails"):
            self.refuse(operation, "eu-central-1", "eu-west-1")

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        if self.failure:
            raise FailureError(self.failure)
        named = parameters.get("ResourceIdList") or [parameters.get("Name") or parameters.get("TrailName")]
        for place in (region, *named):
            if code := self.refused.get((operation.name, place)):
                raise AWSError(str(operation), region, code, f"of {place}", 400)
        return self._answer(region, operation.name, named)

    def _answer(self, region: str, operation: str, named: list[str]) -> dict[str, Any]:
        homes = {trail: trail.split(":")[3] for trail in self.trails}
        match operation:
            case "ListTrails":
                return {"Trails": [{"TrailARN": trail, "HomeRegion": home} for trail, home in homes.items()]}
            case "DescribeTrails":
                shown = [trail for trail, is_multi in self.trails.items() if is_multi or homes[trail] == region]
                return {"trailList": [self._describe(one, homes[one]) for one in shown]}
            case "GetTrail":
                return {"Trail": self._describe(named[0], homes[named[0]])}
            case "ListTags":
                tags = {OWN: [{"Key": OWNER_TAG, "Value": OWNER}]}
                return {"ResourceTagList": [{"ResourceId": one, "TagsList": tags.get(one, [])} for one in named]}
            case "GetTrailStatus":
                return {"IsLogging": True}
        return {}  # AWS's default selectors

    def _describe(self, trail: str, home: str) -> dict[str, Any]:
        flags = {"IncludeGlobalServiceEvents": True, "IsOrganizationTrail": False}
        return {"TrailARN": trail, "HomeRegion": home, "IsMultiRegionTrail": self.trails[trail]} | flags


def take(account: Account, *locations: Location) -> InventorySnapshot:
    """Return the snapshot for the last of the locations, after those for the others."""

    async def run() -> InventorySnapshot:
        lister, snapshot = TrailLister(cast(Any, account)), InventorySnapshot()
        for location in locations or (LOCATION,):
            snapshot = await lister.of(location)
        return snapshot

    return asyncio.run(run())


def trails_of(snapshot: InventorySnapshot) -> dict[str, PeerTrail]:
    return {trail.arn: trail for trail in snapshot.trails or ()}


def test_all_of_an_account() -> None:
    snapshot = take(Account())
    assert list(trails_of(snapshot)) == [OWN, OTHER]
    assert (snapshot.count, snapshot.access_errors) == (2, ())
    assert [(trail.owner, trail.is_owner_known) for trail in trails_of(snapshot).values()] == [
        (OWNER, True),
        (None, True),
    ]


def test_a_refused_region_hides_only_the_trails_that_no_other_region_shows() -> None:
    account = Account()
    account.refuse("DescribeTrails", "eu-west-1")
    snapshot = take(account)
    assert list(trails_of(snapshot)) == [OWN]
    assert snapshot.count == 2
    (why,) = snapshot.access_errors
    assert "not allowed to perform cloudtrail:DescribeTrails in eu-west-1" in why


@dataclass
class Paged(Account):
    """An account whose list of trails has this number of pages."""

    pages: int = 2
    asked: list[str | None] = field(default_factory=list)
    """By which token each page was asked for."""

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        answer = await super().call(operation, region, **parameters)
        if operation is not Read.ListTrails:
            return answer
        self.asked.append(parameters.get("NextToken"))
        number = len(self.asked)
        trails = answer["Trails"][number - 1 : number]
        return {"Trails": trails} | ({"NextToken": f"page {number + 1}"} if number < self.pages else {})


def test_trails_are_listed_page_by_page() -> None:
    account = Paged()
    assert list(trails_of(take(account))) == [OWN, OTHER]
    assert account.asked == [None, "page 2"]


def test_an_endless_list_of_trails_is_a_transient_failure() -> None:
    account = Paged(pages=10**9)
    with pytest.raises(FailureError) as raised:
        take(account)
    assert raised.value.failure.kind is FailureClass.TRANSIENT
    assert len(account.asked) == 100


def test_what_is_not_listed_is_not_counted() -> None:
    account = Account()
    account.refuse("ListTrails", "eu-central-1", "eu-west-1")
    assert list(trails_of(take(account))) == [OWN]
    assert take(account).count is None
    # A region is read for every caller once a caller has named it.
    assert (
        list(trails_of(take(account, WEST, LOCATION))) == [OWN, OTHER] == list(trails_of(take(account, LOCATION, WEST)))
    )


def test_a_region_that_refuses_the_list_hides_nothing_if_another_returns_it() -> None:
    account = Account()
    account.refuse("ListTrails", "eu-central-1")
    snapshot = take(account, LOCATION, WEST)
    assert (list(trails_of(snapshot)), snapshot.count, snapshot.access_errors) == ([OWN, OTHER], 2, ())


def test_where_nothing_can_be_read_nothing_is_known() -> None:
    account = Account()
    account.refuse_all()
    snapshot = take(account)
    assert (snapshot.trails, snapshot.count) == (None, None)
    assert snapshot.access_errors


def test_where_the_operator_has_no_credentials_nothing_is_known() -> None:
    failure = Failure(FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE, "none")
    assert take(Account(failure=failure)) == InventorySnapshot(access_errors=("none",))


def test_whether_one_trail_logs_may_be_refused() -> None:
    account = Account()
    account.refuse("GetTrailStatus", OTHER)
    snapshot = take(account)
    other = trails_of(snapshot)[OTHER]
    assert (other.is_logging, other.management_events, snapshot.count) == (None, None, 2)
    assert "cloudtrail:GetTrailStatus" in snapshot.access_errors[0]
    assert trails_of(snapshot)[OWN].is_logging


def test_the_owner_of_one_trail_may_be_refused() -> None:
    account = Account({OWN: True, arn("dark", "eu-central-1"): True})
    account.refuse("ListTags", arn("dark", "eu-central-1"))
    snapshot = take(account)
    assert [trail.is_owner_known for trail in trails_of(snapshot).values()] == [True, False]
    assert trails_of(snapshot)[OWN].owner == OWNER
    assert len(snapshot.access_errors) == 1


@pytest.mark.parametrize("code", [DENIED, GONE])
def test_selectors_that_are_not_shown_are_not_aws_s_default(code: str) -> None:
    account = Account()
    account.refuse("GetEventSelectors", OTHER, code=code)
    snapshot = take(account)
    assert trails_of(snapshot)[OTHER].management_events is None
    assert trails_of(snapshot)[OTHER].is_logging
    assert snapshot.access_errors == ()  # an AWSAccount does not report selectors


def test_a_trail_that_is_deleted_during_the_read_is_not_counted() -> None:
    account = Account()
    account.refuse("ListTags", OTHER, code=GONE)
    account.refuse("GetTrailStatus", OTHER, code=GONE)
    assert take(account).count == 1


@pytest.mark.parametrize(
    ("operation", "where"),
    [("ListTrails", "eu-central-1"), ("DescribeTrails", "eu-west-1"), ("ListTags", OTHER), ("GetTrailStatus", OTHER)],
)
def test_a_transient_error_fails_the_whole_read(operation: str, where: str) -> None:
    account = Account()
    account.refuse(operation, where, code=BUSY)
    with pytest.raises(AWSError):
        take(account)


def test_a_reconcile_sees_the_same_as_a_read_of_the_account() -> None:
    account = Account()

    async def observe(arn: str) -> PeerTrail:
        trail = await CloudTrail(cast(Any, account)).observe(arn, arn.split(":")[3], expected=True)
        assert trail
        return PeerTrail.of(trail)

    for trail, listed in trails_of(take(account)).items():
        assert asyncio.run(observe(trail)) == listed


# -- warnings


COPY = [Reason.DUPLICATE_GLOBAL_EVENTS, Reason.DUPLICATE_MANAGEMENT_EVENTS]


def warnings(
    account: Account, *, before: Reason | None = None, then: Callable[[], None] = lambda: None
) -> list[Reason] | None:
    """Return the warnings of a Trail with the warning `before`, after one read before `then` and one after it."""

    async def run() -> tuple[Advice, ...] | None:
        condition = SimpleNamespace(reason=before) if before else None
        state: Any = SimpleNamespace(uid="1", status=SimpleNamespace(condition=lambda _: condition))
        client: Any = SimpleNamespace(name=None, lister=TrailLister(cast(Any, account)))
        inventory = AccountInventory(lambda _: client, 1.0, Clock(lambda: 0.0, sleep=lambda _: asyncio.sleep(0)))
        inventory.snapshot(client, LOCATION)
        await asyncio.sleep(0.01)
        then()
        inventory.mark_stale(client)
        inventory.snapshot(client, LOCATION)
        await asyncio.sleep(0.01)
        return inventory.advice(state, AdviceBasis(None, desired(MINIMAL), exists=True))

    found = asyncio.run(run())
    return None if found is None else [advice.reason for advice in found]


def test_a_refusal_for_one_trail_keeps_the_warnings_about_the_others() -> None:
    account = Account({OWN: True, arn("seen", "us-east-1"): True, OTHER: False})
    account.refuse("DescribeTrails", "eu-west-1")
    account.refuse("GetTrailStatus", OTHER)
    assert warnings(account) == COPY


def test_warnings_stay_when_nothing_can_be_read_any_longer() -> None:
    account = Account({OWN: True, OTHER: True})
    assert warnings(account, then=account.refuse_all) == COPY


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, []),
        (Reason.DUPLICATE_MANAGEMENT_EVENTS, None),
        (Reason.DUPLICATE_GLOBAL_EVENTS, None),
        (Reason.LOGS_OWN_DELIVERY, []),
    ],
)
def test_warnings_about_others_stay_if_nothing_was_ever_read(
    before: Reason | None, expected: list[Reason] | None
) -> None:
    account = Account()
    account.refuse_all()
    assert warnings(account, before=before) == expected
