"""All that a trail can be: from any spec to any other, with the fewest writes, and back."""

from typing import Any

from tests.integration.aws import REGION, Account
from tests.integration.conftest import owner
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.integration.whole import MINIMAL_RECORDING, World, everything
from tests.patience import eventually


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
                # Fewer regions before the other selectors, the trail's own deliveries after them.
                *("RemoveTags", "AddTags", "UpdateTrail", "PutEventSelectors", "UpdateTrail"),
                *("PutInsightSelectors", "PutEventConfiguration"),
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
            ["RemoveTags", "PutInsightSelectors", "PutEventConfiguration", "PutEventSelectors", "UpdateTrail"],
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
        ({"isLogging": False}, "no events are recorded: logging is off"),
    ]
    for spec, told in steps:
        trails.change("less", **spec)
        eventually(told, lambda: told in " ".join(event.message for event in trails.events("less", "CoverageReduced")))  # noqa: B023
    assert {event.type for event in trails.events("less", "CoverageReduced")} == {"Warning"}
