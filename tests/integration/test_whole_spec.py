"""All that a trail can be: from any spec to any other, with the fewest writes, and back."""

from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.conftest import Operator, owner
from tests.integration.kubernetes import Trails, eventually, trail

DEFAULT_SELECTOR = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
MINIMAL_RECORDING = {
    "EventSelectors": [DEFAULT_SELECTOR],
    "AdvancedEventSelectors": [],
    "InsightSelectors": [],
    "AggregationConfigurations": [],
}


class World:
    """What the maximal specs need, and the specs."""

    def __init__(self, account: Account) -> None:
        name = "whole"
        self.name = name
        self.bucket = account.bucket(f"logs-{account.number}", name, "*")
        self.other_bucket = account.bucket(f"more-{account.number}", name, "*")
        group, more = account.log_group("events"), account.log_group("more-events")
        self.minimal: dict[str, Any] = {"name": name, "s3BucketName": self.bucket}
        self.basic: dict[str, Any] = {
            "name": name,
            "region": REGION,
            "s3BucketName": self.bucket,
            "s3KeyPrefix": "one",
            "snsTopicName": account.topic("one", name),
            "cloudWatchLogsLogGroupARN": group,
            "cloudWatchLogsRoleARN": account.role("one", group),
            "kmsKeyID": account.key(name),
            "isMultiRegionTrail": True,
            "includeGlobalServiceEvents": True,
            "enableLogFileValidation": True,
            "isOrganizationTrail": False,
            "isLogging": True,
            "recursiveLogging": False,
            "eventSelectors": [
                {
                    "readWriteType": "WriteOnly",
                    "includeManagementEvents": True,
                    "excludeManagementEventSources": ["kms.amazonaws.com", "rdsdata.amazonaws.com"],
                },
                {
                    "readWriteType": "All",
                    "includeManagementEvents": False,
                    "dataResources": [
                        {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::bucket-b/", "arn:aws:s3:::bucket-a/x"]},
                        {"type": "AWS::Lambda::Function", "values": ["arn:aws:lambda"]},
                    ],
                },
            ],
            "insightSelectors": [
                {"insightType": "ApiCallRateInsight", "eventCategories": ["Management", "Data"]},
                {"insightType": "ApiErrorRateInsight"},
            ],
            "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["RESOURCE_ACCESS", "API_ACTIVITY"]}],
            "tags": [{"key": "team", "value": "security"}, {"key": "flag"}],
            "deletionPolicy": "Delete",
            "adoptionPolicy": "Never",
            "managementPolicy": "Manage",
        }
        self.advanced: dict[str, Any] = {
            "name": name,
            "s3BucketName": self.other_bucket,
            "s3KeyPrefix": "two",
            "snsTopicName": account.topic("two", name).rsplit(":", 1)[1],
            "cloudWatchLogsLogGroupARN": f"{more}:*",
            "cloudWatchLogsRoleARN": account.role("two", more),
            "kmsKeyID": "alias/two",
            "isMultiRegionTrail": False,
            "includeGlobalServiceEvents": False,
            "enableLogFileValidation": False,
            "recursiveLogging": True,
            "advancedEventSelectors": [
                {
                    "name": "management",
                    "fieldSelectors": [
                        {"field": "eventCategory", "equals": ["Management"]},
                        {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]},
                    ],
                },
                {
                    "fieldSelectors": [
                        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                        {"field": "eventCategory", "equals": ["Data"]},
                        {"field": "readOnly", "equals": ["false"]},
                        {"field": "resources.ARN", "startsWith": ["arn:aws:s3:::bucket-z/", "arn:aws:s3:::bucket-y/"]},
                    ]
                },
                {
                    "name": "network",
                    "fieldSelectors": [
                        {"field": "eventCategory", "equals": ["NetworkActivity"]},
                        {"field": "eventSource", "equals": ["ec2.amazonaws.com"]},
                        {"field": "errorCode", "equals": ["VpceAccessDenied"]},
                    ],
                },
            ],
            "insightSelectors": [{"insightType": "ApiErrorRateInsight", "eventCategories": ["Data"]}],
            "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["USER_ACTIONS"]}],
            "tags": [{"key": "team", "value": "audit"}, {"key": "cost", "value": "1"}],
        }
        account.key(name, alias="two")


@pytest.fixture
def world(account: Account) -> World:
    return World(account)


def everything(account: Account, name: str) -> Any:
    """The whole trail as AWS tells of it, without what identifies it, sets in order."""
    found = account.trail(name)
    assert found is not None
    shown = {key: value for key, value in found.items() if key not in ("TrailARN", "SnsTopicName")}
    return _ordered(shown | account.recorded(name))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(member) for key, member in value.items()}
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return sorted(value)
    if isinstance(value, list):
        ordered = [_ordered(member) for member in value]
        keyed = [member for member in ordered if {"Field", "Type", "InsightType"} & member.keys()]
        return sorted(ordered, key=str) if len(keyed) == len(ordered) else ordered
    return value


def operations_since(account: Account, mark: int) -> list[str]:
    return [call["operation"] for call in account.writes()[mark:] if call["error"] is None]


def test_the_way_does_not_matter_and_the_writes_are_the_fewest(
    operator: Operator, account: Account, trails: Trails, world: World
) -> None:
    """A walk through specs: each ends in the same trail as from nothing, by the writes of the table."""
    walk: list[tuple[str, dict[str, Any], list[str]]] = [
        (
            "basic from nothing",
            world.basic,
            ["CreateTrail", "PutEventSelectors", "PutInsightSelectors", "PutEventConfiguration", "StartLogging"],
        ),
        ("the same, spelt otherwise", _respelt(world.basic), []),
        (
            "advanced from basic",
            world.advanced,
            [
                "RemoveTags",
                "AddTags",
                "UpdateTrail",
                "PutEventSelectors",
                "PutInsightSelectors",
                "PutEventConfiguration",
            ],
        ),
        (
            "minimal from advanced",
            world.minimal,
            ["RemoveTags", "PutInsightSelectors", "PutEventConfiguration", "PutEventSelectors", "UpdateTrail"],
        ),
        (
            "basic from minimal",
            world.basic,
            ["AddTags", "UpdateTrail", "PutEventSelectors", "PutInsightSelectors", "PutEventConfiguration"],
        ),
        (
            "minimal from basic",
            world.minimal,
            ["RemoveTags", "UpdateTrail", "PutInsightSelectors", "PutEventConfiguration", "PutEventSelectors"],
        ),
    ]
    states: dict[str, list[Any]] = {}
    trails.create({**trail("whole", "unused-bucket"), "spec": world.basic})
    for step, spec, operations in walk:
        mark = len(account.writes()) if states else 0
        if states:
            trails.replace_spec("whole", **spec)
        body = trails.wait_ready("whole", 60)
        assert operations_since(account, mark) == operations, step
        status = {key: body["status"].get(key) for key in ("arn", "accountID", "homeRegion", "isLogging", "drift")}
        kind = (
            next(key for key in ("basic", "advanced", "minimal") if spec is not None and step.startswith(key))
            if (step != "the same, spelt otherwise")
            else "basic"
        )
        states.setdefault(kind, []).append((everything(account, world.name), status))

    for kind, found in states.items():
        assert all(state == found[0] for state in found), kind
    ((minimal, _), *_) = states["minimal"]
    assert {key: minimal[key] for key in MINIMAL_RECORDING} == MINIMAL_RECORDING
    cleared = {"S3KeyPrefix", "SnsTopicARN", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "KmsKeyId"}
    assert not cleared & minimal.keys()
    assert minimal["Tags"] == owner(trails, "whole")
    assert (minimal["IsMultiRegionTrail"], minimal["RecursiveLogging"], minimal["IsLogging"]) == (True, True, True)


def _respelt(spec: dict[str, Any]) -> dict[str, Any]:
    """The same spec in another spelling."""
    first, second = spec["eventSelectors"]
    objects, functions = second["dataResources"]
    return {
        **spec,
        "snsTopicName": spec["snsTopicName"].rsplit(":", 1)[1],
        "cloudWatchLogsLogGroupARN": f"{spec['cloudWatchLogsLogGroupARN']}:*",
        "kmsKeyID": spec["kmsKeyID"].rsplit("/", 1)[1],
        "eventSelectors": [
            {
                "readWriteType": "WriteOnly",
                "excludeManagementEventSources": list(reversed(first["excludeManagementEventSources"])),
            },
            {
                "includeManagementEvents": False,
                "dataResources": [functions, {**objects, "values": list(reversed(objects["values"]))}],
            },
        ],
        "insightSelectors": list(reversed(spec["insightSelectors"])),
        "tags": list(reversed(spec["tags"])),
    }


def test_each_spec_from_nothing_is_what_it_is_from_another(
    operator: Operator, account: Account, trails: Trails, world: World
) -> None:
    found: dict[str, Any] = {}
    for first, then in (("minimal", "advanced"), ("advanced", "minimal"), ("basic", "advanced")):
        trails.create({**trail("whole", "unused-bucket"), "spec": getattr(world, first)})
        trails.wait_ready("whole", 60)
        found.setdefault(first, everything(account, world.name))
        assert everything(account, world.name) == found[first]
        trails.replace_spec("whole", **getattr(world, then))
        trails.wait_ready("whole", 60)
        found.setdefault(then, everything(account, world.name))
        assert everything(account, world.name) == found[then]
        trails.delete("whole")
        trails.wait_gone("whole")


def test_an_ack_manifest_is_accepted_and_ready(operator: Operator, account: Account, trails: Trails) -> None:
    """ACK's own example with nothing but its apiVersion changed."""
    bucket = account.bucket(f"logs-{account.number}", "ack-trail")
    trails.create(
        {
            "apiVersion": "trail-operator.dev/v1beta1",
            "kind": "Trail",
            "metadata": {"name": "ack-trail"},
            "spec": {
                "name": "ack-trail",
                "s3BucketName": bucket,
                "includeGlobalServiceEvents": True,
                "isMultiRegionTrail": True,
                "isOrganizationTrail": False,
                "enableLogFileValidation": True,
                "tags": [{"key": "k", "value": "v"}],
            },
        }
    )
    trails.wait_ready("ack-trail")
    found = account.trail("ack-trail")
    assert found is not None
    assert found["IsLogging"] is True


def test_selectors_that_aws_refuses_are_said_and_nothing_else_is_left_undone(
    operator: Operator, account: Account, trails: Trails
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "refused")
    trails.create(trail("refused", bucket))
    trails.wait_ready("refused")
    unknown = {
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::S3::Object"]},
            {"field": "weather", "equals": ["fine"]},
        ]
    }
    trails.change("refused", advancedEventSelectors=[unknown], tags=[{"key": "a", "value": "b"}])
    ready = trails.wait_reason("refused", "InvalidSpec")
    assert ready["status"] == "False"
    assert "PutEventSelectors" in ready["message"]
    assert trails.condition("refused", "Stalled")["status"] == "True"
    eventually("a warning", lambda: "field weather" in trails.condition("refused", "Advisory").get("message", ""))
    found = account.trail("refused")
    assert found is not None
    assert found["Tags"]["a"] == "b"
    assert found["IsLogging"] is True
    refusals = [call for call in account.writes() if call["operation"] == "PutEventSelectors"]
    assert len(refusals) == 1, "what AWS refuses for good is not asked again"

    account.cloudtrail.stop_logging(Name="refused")
    eventually("it logs again, whatever else is wrong", lambda: (account.trail("refused") or {}).get("IsLogging"))
    trails.change("refused", advancedEventSelectors=None)
    trails.wait_ready("refused")


def test_a_new_trail_with_refused_selectors_records_nothing(
    operator: Operator, account: Account, trails: Trails
) -> None:
    """It would record what nobody asked for."""
    bucket = account.bucket(f"logs-{account.number}", "never")
    selector = {
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::S3::Object"]},
            {"field": "weather", "equals": ["fine"]},
        ]
    }
    trails.create(trail("never", bucket, advancedEventSelectors=[selector]))
    trails.wait_reason("never", "InvalidSpec")
    assert trails.condition("never", "Logging")["status"] == "False"
    mark = len(account.calls())
    eventually("two more looks", lambda: [c["operation"] for c in account.calls()[mark:]].count("GetTrail") >= 2)
    found = account.trail("never")
    assert found is not None
    assert found["IsLogging"] is False


def test_what_is_no_longer_recorded_is_told(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "less")
    trails.create(trail("less", bucket))
    trails.wait_ready("less")
    steps: list[tuple[dict[str, Any], str]] = [
        ({"eventSelectors": [{"readWriteType": "WriteOnly"}]}, "management events (read) are no longer recorded"),
        ({"isMultiRegionTrail": False}, f"events of regions other than {REGION} are no longer recorded"),
        ({"enableLogFileValidation": False}, "digest files are no longer written"),
        ({"isLogging": False}, "nothing is recorded any more"),
    ]
    for spec, told in steps:
        trails.change("less", **spec)
        eventually(told, lambda: told in " ".join(event.message for event in trails.events("less", "RecordsLess")))  # noqa: B023
    assert {event.type for event in trails.events("less", "RecordsLess")} == {"Warning"}
