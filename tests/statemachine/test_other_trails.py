"""Other trails of the account change the warnings of a Trail: soon, and without a read of AWS for it."""

from typing import Any

import pytest

from tests.statemachine.aws import ACCOUNT, REGIONS
from tests.statemachine.expectation import OWNER
from tests.statemachine.rest import PAUSED
from tests.statemachine.stage import RESYNC, VirtualStage
from trail_operator.domain.arns import Location
from trail_operator.domain.inventory_snapshot import InventorySnapshot

KEY, OTHER = "team-a/alpha", "team-b/other"
SPEC = {"s3BucketName": "logs-one"}
# After the reconcile that follows the consistency window, and before the resync.
SETTLED = 20.0
SOON = 4.0


def arn(name: str, region: str = REGIONS[0]) -> str:
    return f"arn:aws:cloudtrail:{region}:{ACCOUNT}:trail/{name}"


def advisory(stage: VirtualStage, key: str = KEY) -> str:
    """What a Trail is warned about."""
    conditions = stage.objects[key].get("status", {}).get("conditions", ())
    return next((one["message"] for one in conditions if one["type"] == "Advisory"), "")


def last_reconcile(stage: VirtualStage, name: str = "alpha") -> float:
    """When AWS was last called for a trail."""
    return max(call.begun for call in stage.aws.last[arn(name)].values())


def snapshot(stage: VirtualStage) -> InventorySnapshot:
    """What the operator knows of the account."""
    assert stage.life.controllers is not None
    return stage.life.controllers.inventory._accounts[None].snapshot


def read_again(stage: VirtualStage) -> InventorySnapshot:
    """What a read of the whole account returns now."""
    assert stage.life.controllers is not None
    lister = stage.life.controllers.accounts.registry.own.lister
    return stage.loop.run_until_complete(lister.of(Location("aws", ACCOUNT, REGIONS[0])))


@pytest.fixture
def settled(stage: VirtualStage) -> VirtualStage:
    """A world with one Trail, which is due at the resync only."""
    stage.create(KEY, SPEC)
    stage.wait(SETTLED)
    assert advisory(stage) == ""
    return stage


def test_another_trail_causes_a_warning_and_no_aws_call(settled: VirtualStage) -> None:
    before, asked = last_reconcile(settled), settled.aws.asked.copy()
    settled.create(OTHER, SPEC)
    settled.wait(SOON)
    assert arn("other") in advisory(settled)
    assert arn("alpha") in advisory(settled, OTHER)
    assert last_reconcile(settled) == before
    made = settled.aws.asked - asked
    assert made["DescribeTrails"] == 0, "the account was read again"
    assert made.total() == 10, f"AWS calls of one creation: {made}"
    settled.delete(OTHER)
    settled.wait(SOON)
    assert advisory(settled) == ""
    assert last_reconcile(settled) == before


def test_an_account_lists_what_the_operator_changes_without_a_read(stage: VirtualStage) -> None:
    stage.put_account("team", allowedNamespaces={"names": ["team-a", "team-b"]})
    spec = SPEC | {"accountRef": {"name": "team"}}
    stage.create(KEY, spec)
    stage.wait(SETTLED)
    asked = stage.aws.asked["DescribeTrails"]

    def listed() -> dict[str, tuple[str, bool]]:
        stage.wait(SOON)
        status = stage.server.accounts["team"]["status"]
        trails = {one["arn"]: (one["owner"], one["isLogging"]) for one in status["trails"]}
        assert (status["trailCount"], status["unmanagedCount"]) == (len(trails), 0)
        return trails

    assert listed() == {arn("alpha"): (KEY, True)}
    stage.create(OTHER, spec)
    assert listed() == {arn("alpha"): (KEY, True), arn("other"): (OTHER, True)}
    stage.replace_spec(OTHER, spec | {"isLogging": False})
    assert listed() == {arn("alpha"): (KEY, True), arn("other"): (OTHER, False)}
    stage.delete(OTHER)
    assert listed() == {arn("alpha"): (KEY, True)}
    assert stage.aws.asked["DescribeTrails"] == asked


def test_a_warning_changes_no_other_condition(settled: VirtualStage) -> None:
    before = settled.objects[KEY]["status"]
    settled.create(OTHER, SPEC)
    settled.wait(SOON)
    after = settled.objects[KEY]["status"]
    added = [one for one in after["conditions"] if one["type"] == "Advisory"]
    assert after == {**before, "conditions": [*before["conditions"], *added]}
    reconciled = after["conditions"]
    settled.wait(RESYNC)
    assert settled.objects[KEY]["status"]["conditions"] == reconciled, "a reconcile writes the same"


# The inventory notifies Trails some 2.4 s after the creation: before, during and after the reconcile.
@pytest.mark.parametrize("begin", [0.1 * step for step in range(15, 27)])
def test_a_warning_is_not_lost_during_a_reconcile(settled: VirtualStage, begin: float) -> None:
    settled.create(OTHER, SPEC)
    settled.wait(begin)
    settled.fault(operation="GetTrailStatus", delay=0.4)
    settled.annotate(KEY, "trail-operator.dev/reconcile-at", "now")
    settled.wait(SOON)
    assert arn("other") in advisory(settled)
    ready = settled.objects[KEY]["status"]["conditions"][0]
    assert (ready["type"], ready["reason"]) == ("Ready", "Recording")


def test_a_paused_trail_is_not_warned(settled: VirtualStage) -> None:
    settled.annotate(KEY, PAUSED, "true")
    settled.wait(1.0)
    settled.create(OTHER, SPEC)
    settled.wait(SOON)
    assert advisory(settled) == ""
    settled.annotate(KEY, PAUSED, None)
    settled.wait(SOON)
    assert arn("other") in advisory(settled)


def test_a_trail_that_is_only_observed_is_not_warned(settled: VirtualStage) -> None:
    settled.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    settled.wait(1.0)
    settled.create(OTHER, SPEC)
    settled.wait(SOON)
    assert advisory(settled) == ""


def test_a_trail_that_lost_its_name_to_another_owner_is_not_warned(settled: VirtualStage) -> None:
    owner = [{"Key": OWNER, "Value": "abroad/team-b/alpha"}]
    settled.by_hand(REGIONS[0], "AddTags", ResourceId=arn("alpha"), TagsList=owner)
    settled.annotate(KEY, "trail-operator.dev/reconcile-at", "now")
    settled.wait(12.0)
    settled.create(OTHER, SPEC)
    settled.wait(SOON)
    assert advisory(settled) == ""


def test_a_warning_that_kubernetes_did_not_take_is_written_by_the_next_reconcile(settled: VirtualStage) -> None:
    settled.create(OTHER, SPEC)
    settled.wait(2.0)
    settled.kubernetes_fault(2, 500, "before")
    settled.wait(SOON + 4.0)
    assert arn("other") in advisory(settled)


def test_a_trail_that_somebody_else_created_is_found_by_the_next_creation(settled: VirtualStage) -> None:
    settled.by_hand(REGIONS[1], "CreateTrail", Name="theirs", S3BucketName="logs-two", IsMultiRegionTrail=True)
    settled.by_hand(REGIONS[1], "StartLogging", Name="theirs")
    settled.create(OTHER, SPEC)
    settled.wait(SOON)
    theirs = arn("theirs", REGIONS[1])
    assert theirs in advisory(settled)
    assert theirs in advisory(settled, OTHER)


def test_a_write_whose_result_is_not_read_has_the_account_read(settled: VirtualStage) -> None:
    settled.fault(operation="GetInsightSelectors", error="ThrottlingException")
    settled.create(OTHER, SPEC)
    settled.wait(SOON)
    assert arn("other") in advisory(settled)


def test_the_snapshot_is_what_a_read_of_the_account_returns(settled: VirtualStage) -> None:
    def agrees() -> bool:
        settled.wait(SETTLED / 2)
        return snapshot(settled) == read_again(settled)

    before = settled.aws.asked["DescribeTrails"]
    settled.create(OTHER, SPEC | {"region": REGIONS[1], "isMultiRegionTrail": False})
    assert agrees()
    selectors: list[dict[str, Any]] = [{"readWriteType": "ReadOnly"}]
    settled.replace_spec(OTHER, SPEC | {"region": REGIONS[1], "eventSelectors": selectors})
    assert agrees()
    settled.replace_spec(KEY, SPEC | {"isLogging": False, "includeGlobalServiceEvents": False})
    assert agrees()
    settled.delete(OTHER)
    assert agrees()
    reads = settled.aws.asked["DescribeTrails"] - before
    assert reads <= 4 * 2 + 3, f"{reads} besides those of this test and of a resync"
