"""What is changed in AWS by hand: found, told field by field, and put right in one pass, or only told under Observe."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.integration.whole import World, everything
from tests.patience import eventually

Change = Callable[[Account, str], Any]


def update(**parameters: Any) -> Change:
    return lambda account, arn: account.cloudtrail.update_trail(Name=arn, **parameters)


def selectors(**parameters: Any) -> Change:
    return lambda account, arn: account.cloudtrail.put_event_selectors(TrailName=arn, **parameters)


MANAGEMENT = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
DATA = {
    "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]
}
OBJECTS = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bucket-a/x"]}
NARROW = [
    {"ReadWriteType": "WriteOnly", "ExcludeManagementEventSources": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]},
    {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False, "DataResources": [OBJECTS]},
]

# What somebody does in AWS, and the paths that must be told.
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "logging stopped": (lambda account, arn: account.cloudtrail.stop_logging(Name=arn), {"isLogging"}),
    "selectors emptied": (
        selectors(EventSelectors=[{"DataResources": [OBJECTS]}]),
        {"eventSelectors"},
    ),
    "selectors narrowed": (
        selectors(EventSelectors=NARROW),
        {"eventSelectors[1].readWriteType", "eventSelectors[1].dataResources"},
    ),
    "selectors of the other kind": (
        selectors(AdvancedEventSelectors=[MANAGEMENT, DATA]),
        {"eventSelectors", "advancedEventSelectors"},
    ),
    "another bucket": (
        lambda account, arn: account.cloudtrail.update_trail(Name=arn, S3BucketName=f"more-{account.number}"),
        {"s3BucketName"},
    ),
    "no prefix": (update(S3KeyPrefix=""), {"s3KeyPrefix"}),
    "no key": (update(KmsKeyId=""), {"kmsKeyID"}),
    "no topic": (update(SnsTopicName=""), {"snsTopicName"}),
    "no log group": (
        update(CloudWatchLogsLogGroupArn="", CloudWatchLogsRoleArn=""),
        {"cloudWatchLogsLogGroupARN", "cloudWatchLogsRoleARN"},
    ),
    "one region": (update(IsMultiRegionTrail=False), {"isMultiRegionTrail"}),
    "no validation": (update(EnableLogFileValidation=False), {"enableLogFileValidation"}),
    "recursive": (update(RecursiveLogging=True), {"recursiveLogging"}),
    "insights off": (
        lambda account, arn: account.cloudtrail.put_insight_selectors(TrailName=arn, InsightSelectors=[]),
        {"insightSelectors"},
    ),
    "no aggregation": (
        lambda account, arn: account.cloudtrail.put_event_configuration(TrailName=arn, AggregationConfigurations=[]),
        {"aggregationConfigurations"},
    ),
    "a tag less": (
        lambda account, arn: account.cloudtrail.remove_tags(ResourceId=arn, TagsList=[{"Key": "team"}]),
        {"tags[team]"},
    ),
    "a tag more, another changed": (
        lambda account, arn: account.cloudtrail.add_tags(
            ResourceId=arn, TagsList=[{"Key": "extra", "Value": "x"}, {"Key": "team", "Value": "theirs"}]
        ),
        {"tags[extra]", "tags[team]"},
    ),
}


def told_of(trails: Trails) -> str:
    return " ".join(event.message for event in trails.events("whole", "DriftCorrected"))


def drift_of(trails: Trails) -> dict[str, dict[str, str]]:
    return {entry["path"]: entry for entry in (trails.get("whole") or {}).get("status", {}).get("drift", [])}


@pytest.mark.long
def test_one_at_a_time(operator: Operator, account: Account, trails: Trails, world: World) -> None:
    trails.create({**trail("whole", "unused-bucket"), "spec": world.basic})
    trails.wait_ready("whole", 60)
    wanted = everything(account, world.name)
    for what, (change, paths) in CHANGES.items():
        before = told_of(trails)
        change(account, account.trail_arn(world.name))
        eventually(f"{what}: put right", lambda: everything(account, world.name) == wanted)

        def all_told(before: str = before, paths: set[str] = paths) -> bool:
            return all(told_of(trails).count(f"{path} ") > before.count(f"{path} ") for path in paths)

        eventually(f"{what}: told", all_told)
        trails.wait_ready("whole")
    account.cloudtrail.delete_trail(Name=world.name)
    eventually("made again", lambda: account.trail(world.name) and everything(account, world.name) == wanted)
    assert account.trails() == [account.trail_arn(world.name)]


def everything_else_than(account: Account, world: World) -> set[str]:
    """Change all at once; the paths that differ then."""
    arn = account.trail_arn(world.name)
    at_once = ("insights off", "no aggregation", "logging stopped", "selectors emptied", "a tag more, another changed")
    for what in at_once:
        CHANGES[what][0](account, arn)
    account.cloudtrail.update_trail(
        Name=arn,
        S3BucketName=world.other_bucket,
        S3KeyPrefix="",
        KmsKeyId="",
        SnsTopicName="",
        CloudWatchLogsLogGroupArn="",
        CloudWatchLogsRoleArn="",
        IsMultiRegionTrail=False,
        EnableLogFileValidation=False,
        RecursiveLogging=True,
    )
    not_now = {"selectors narrowed", "selectors of the other kind", "a tag less"}
    return {path for what, (_, paths) in CHANGES.items() if what not in not_now for path in paths}


def test_all_at_once_in_one_pass(operator: Operator, account: Account, trails: Trails, world: World) -> None:
    trails.create({**trail("whole", "unused-bucket"), "spec": world.basic})
    trails.wait_ready("whole", 60)
    wanted = everything(account, world.name)
    operator.stop()
    paths = everything_else_than(account, world)
    mark = len(account.writes())
    operator.start()
    eventually("put right", lambda: everything(account, world.name) == wanted)
    trails.wait_ready("whole")
    assert {path for path in paths if path not in told_of(trails)} == set()
    # The hands above have used up the second's write of the same kind, so AWS may throttle one and the rest of its
    # chain waits. StartLogging waits for nothing.
    writes = [call["operation"] for call in account.writes()[mark:] if call["error"] != "ThrottlingException"]
    assert writes.count("StartLogging") == 1
    assert [operation for operation in writes if operation != "StartLogging"] == [
        *("RemoveTags", "AddTags", "UpdateTrail", "PutEventSelectors", "UpdateTrail"),
        *("PutInsightSelectors", "PutEventConfiguration"),
    ]


def test_observe_tells_and_writes_nothing(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World
) -> None:
    operator = operator_process()
    trails.create({**trail("whole", "unused-bucket"), "spec": world.basic})
    trails.wait_ready("whole", 60)
    trails.change("whole", managementPolicy="Observe")
    trails.wait_reason("whole", "Observed")
    mark = len(account.writes())
    for what in ("logging stopped", "selectors narrowed", "no prefix", "insights off", "a tag less"):
        change, paths = CHANGES[what]
        change(account, account.trail_arn(world.name))
        eventually(f"{what}: told", lambda paths=paths: paths <= drift_of(trails).keys())  # type: ignore[misc]
    operator.stop()
    paths = everything_else_than(account, world)
    by_hand = len(account.writes())
    operator.start()
    eventually("all told", lambda: paths <= drift_of(trails).keys())
    assert trails.wait_reason("whole", "Drifted")["status"] == "False"
    assert drift_of(trails)["isLogging"]["observed"] == "false"
    account.cloudtrail.delete_trail(Name=world.name)
    trails.wait_reason("whole", "TrailNotFound")
    assert len(account.writes()) == by_hand + 1
    assert mark < by_hand, "all of them by hand"
