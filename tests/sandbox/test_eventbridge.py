"""What trails log arrives on EventBridge's default bus, and rules with a queue as target deliver it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.aws import REGION, Account
from tests.sandbox.buses import OF_CLOUDTRAIL, Bus, logging_trail

ABROAD = "eu-west-1"


@pytest.fixture
def bus(aws: Account) -> Bus:
    return Bus(aws)


def test_a_write_to_cloudtrail_arrives_with_its_record(aws: Account, bus: Bus) -> None:
    bus.rule("calls", OF_CLOUDTRAIL)
    logging_trail(aws)
    made = aws.cloudtrail.update_trail(Name="trail", S3KeyPrefix="")
    started, updated = bus.next("calls"), bus.next("calls")
    assert started["detail"]["eventName"] == "StartLogging"
    assert list(updated) == [
        *("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")
    ]
    detail = updated.pop("detail")
    assert str(uuid.UUID(updated.pop("id")))
    assert updated == {
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.cloudtrail",
        "account": aws.number,
        "time": detail["eventTime"],
        "region": REGION,
        "resources": [],
    }
    assert detail["eventName"] == "UpdateTrail"
    assert detail["requestParameters"] == {"name": "trail", "s3KeyPrefix": ""}
    assert detail["responseElements"]["trailARN"] == made["TrailARN"]
    assert detail["userIdentity"]["arn"] == f"arn:aws:iam::{aws.number}:root"
    assert detail["sourceIPAddress"] == "127.0.0.1"


def test_the_event_has_the_id_that_the_log_file_and_the_history_tell(aws: Account, bus: Bus) -> None:
    bus.rule("calls", OF_CLOUDTRAIL)
    logging_trail(aws)
    [told] = aws.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "StartLogging"}]
    )["Events"]
    event = bus.next("calls")
    assert event["detail"]["eventID"] == told["EventId"]
    assert event["detail"] == json.loads(told["CloudTrailEvent"])


def test_only_what_a_trail_logs_arrives(aws: Account, bus: Bus) -> None:
    bus.rule("calls", OF_CLOUDTRAIL)
    bucket = aws.bucket(f"b-{aws.number}", "trail")
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    aws.cloudtrail.update_trail(Name="trail", S3KeyPrefix="")
    aws.cloudtrail.start_logging(Name="trail")
    aws.cloudtrail.stop_logging(Name="trail")
    aws.cloudtrail.update_trail(Name="trail", S3KeyPrefix="")
    aws.cloudtrail.start_logging(Name="trail")
    aws.cloudtrail.delete_trail(Name="trail")
    names = ["StartLogging", "StopLogging", "StartLogging", "DeleteTrail"]
    assert bus.names("calls", "DeleteTrail") == names


def test_refused_writes_arrive_with_their_error(aws: Account, bus: Bus) -> None:
    logging_trail(aws)
    bus.rule("calls", OF_CLOUDTRAIL)
    with pytest.raises(aws.cloudtrail.exceptions.TrailNotFoundException):
        aws.cloudtrail.delete_trail(Name="another")
    assert bus.next("calls")["detail"]["errorCode"] == "TrailNotFoundException"


def test_writes_to_other_services_arrive_from_their_source(aws: Account, bus: Bus) -> None:
    bus.rule("keys", {"detail": {"eventSource": ["kms.amazonaws.com"], "eventName": ["CreateKey"]}})
    bus.rule("roles", {"source": ["aws.iam"]})
    logging_trail(aws)
    aws.client("kms").create_key(Description="k")
    aws.client("iam", ABROAD).create_user(UserName="u")
    assert bus.next("keys")["source"] == "aws.kms"
    user = bus.next("roles")
    assert (user["region"], user["detail"]["awsRegion"]) == ("us-east-1", "us-east-1")


def test_reads_arrive_at_rules_for_all_management_events_alone(aws: Account, bus: Bus) -> None:
    bus.rule("writes", OF_CLOUDTRAIL)
    bus.rule("all", OF_CLOUDTRAIL, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    logging_trail(aws)
    aws.cloudtrail.get_trail(Name="trail")
    aws.cloudtrail.lookup_events()
    aws.cloudtrail.stop_logging(Name="trail")
    assert bus.names("all", "StopLogging") == ["StartLogging", "GetTrail", "LookupEvents", "StopLogging"]
    assert bus.names("writes", "StopLogging") == ["StartLogging", "LookupEvents", "StopLogging"], (
        "reads of other names than Describe…, Get… and List… always arrive"
    )


def test_a_disabled_rule_and_a_schedule_get_nothing(aws: Account, bus: Bus) -> None:
    bus.rule("off", OF_CLOUDTRAIL, "DISABLED")
    bus.rule("daily")
    bus.rule("calls", OF_CLOUDTRAIL)
    logging_trail(aws)
    assert bus.next("calls")
    assert bus.is_empty("off")
    assert bus.is_empty("daily")


def test_each_region_has_its_bus(aws: Account, bus: Bus) -> None:
    abroad = Bus(aws, ABROAD)
    for one in (bus, abroad):
        one.rule("keys", {"source": ["aws.kms"]})
    logging_trail(aws)
    aws.client("kms", ABROAD).create_key(Description="before")
    aws.cloudtrail.update_trail(Name="trail", IsMultiRegionTrail=True)
    aws.client("kms", ABROAD).create_key(Description="after")
    event = abroad.next("keys")
    assert (event["region"], event["detail"]["requestParameters"]) == (ABROAD, {"description": "after"})
    assert bus.is_empty("keys")


def test_a_target_gets_a_constant_or_a_part_if_it_asks(aws: Account, bus: Bus) -> None:
    bus.rule("constant", OF_CLOUDTRAIL, Input='{"wake": "up"}')
    bus.rule("part", OF_CLOUDTRAIL, InputPath="$.detail.eventName")
    transformer = {"InputPathsMap": {"name": "$.detail.eventName"}, "InputTemplate": '{"call": "<name>"}'}
    bus.rule("made", OF_CLOUDTRAIL, InputTransformer=transformer)
    logging_trail(aws)
    assert bus.next("constant") == {"wake": "up"}
    assert bus.next("part") == "StartLogging"
    assert bus.next("made") == {"call": "StartLogging"}


def test_events_that_are_put_arrive_whatever_the_other_targets_are(aws: Account, bus: Bus) -> None:
    bus.rule("calls", {"source": ["test"]})
    bus.rule("off", {"source": ["test"]}, "DISABLED")
    bus.target("calls", "function", f"arn:aws:lambda:{REGION}:{aws.number}:function:f")
    bus.target("calls", "gone", f"arn:aws:sqs:{REGION}:{aws.number}:gone")
    bus.target("calls", "again", f"arn:aws:sqs:{REGION}:{aws.number}:off")
    assert bus.put(Detail='{"a": 1}')["FailedEntryCount"] == 0
    event = bus.next("calls")
    assert (event["account"], event["region"], event["detail"]) == (aws.number, REGION, {"a": 1})
    assert event["time"].endswith("Z")
    assert bus.next("off") == event, "by the rule that is on, and not by the one that is off"
    assert bus.is_empty("off")


def test_a_queue_gets_events_of_the_rules_that_its_policy_names_alone(bus: Bus) -> None:
    for name in ("closed", "open", "witness"):
        bus.rule(name, {"source": ["test"]})
    bus.allow("closed", "another")
    bus.allow("open", "open")
    bus.put()
    assert bus.next("witness") == bus.next("open")
    assert bus.is_empty("closed")


def test_what_the_selectors_leave_out_does_not_arrive_and_data_events_do(aws: Account, bus: Bus) -> None:
    bus.rule("calls", {"detail-type": ["AWS API Call via CloudTrail"]})
    logging_trail(aws)
    objects = {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::photos-{aws.number}/"]}
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": [objects]}
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", EventSelectors=[selector])
    aws.client("s3").create_bucket(Bucket=f"photos-{aws.number}")
    aws.client("s3").put_object(Bucket=f"photos-{aws.number}", Key="cat", Body=b"x")
    aws.client("s3").get_object(Bucket=f"photos-{aws.number}", Key="cat")
    assert bus.names("calls", "PutEventSelectors") == ["StartLogging", "PutEventSelectors"]
    put, get = bus.next("calls"), bus.next("calls")
    assert (put["source"], put["detail"]["eventName"]) == ("aws.s3", "PutObject")
    assert (get["detail"]["eventName"], get["detail"]["eventCategory"]) == ("GetObject", "Data")


def test_a_record_of_more_than_256_kilobytes_does_not_arrive(aws: Account, bus: Bus) -> None:
    bus.rule("keys", {"source": ["aws.kms"]})
    logging_trail(aws)
    kms = aws.client("kms")
    for length in (256 * 1024, 255 * 1024):
        kms.create_key(Description="x" * length)
    assert len(bus.next("keys")["detail"]["requestParameters"]["description"]) == 255 * 1024
    assert bus.is_empty("keys")


def test_a_trail_of_one_region_leaves_the_others_dark(aws: Account, bus: Bus) -> None:
    abroad = Bus(aws, ABROAD)
    abroad.rule("keys", {"source": ["aws.kms"]})
    logging_trail(aws, IsMultiRegionTrail=True)
    aws.client("kms", ABROAD).create_key(Description="while it is multi-region")
    aws.cloudtrail.update_trail(Name="trail", IsMultiRegionTrail=False)
    aws.client("kms", ABROAD).create_key(Description="dark")
    assert abroad.next("keys")["detail"]["requestParameters"] == {"description": "while it is multi-region"}
    assert abroad.has_sent()
    assert abroad.is_empty("keys")


@pytest.mark.parametrize(
    ("selector", "arrives"),
    [
        ({"ReadWriteType": "WriteOnly"}, True),
        ({"ReadWriteType": "ReadOnly"}, False),
        ({"ExcludeManagementEventSources": ["kms.amazonaws.com"]}, False),
    ],
)
def test_selectors_decide_what_arrives(aws: Account, bus: Bus, selector: dict[str, Any], arrives: bool) -> None:
    logging_trail(aws)
    given = {"IncludeManagementEvents": True} | selector
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", EventSelectors=[given])
    bus.rule("keys", {"source": ["aws.kms"]})
    aws.client("kms").create_key()
    assert bus.has_sent()
    assert bus.is_empty("keys") is not arrives


def test_events_of_iam_and_organizations_are_on_the_bus_of_the_main_region(aws: Account, bus: Bus) -> None:
    abroad = Bus(aws, ABROAD)
    for one in (bus, abroad):
        one.rule("global", {"source": ["aws.iam", "aws.organizations"]})
    logging_trail(aws, IsMultiRegionTrail=True)
    aws.client("organizations", ABROAD).create_organization()
    aws.client("iam", ABROAD).create_user(UserName="u")
    assert [bus.next("global")["source"] for _ in range(2)] == ["aws.organizations", "aws.iam"]
    assert abroad.has_sent()
    assert abroad.is_empty("global")


def test_the_record_has_the_request_id_of_the_answer(aws: Account, bus: Bus) -> None:
    everything = {"detail-type": ["AWS API Call via CloudTrail"]}
    bus.rule("calls", everything)
    logging_trail(aws)
    answers = [
        aws.client("cloudtrail").update_trail(Name="trail", S3KeyPrefix=""),
        aws.client("s3").create_bucket(Bucket=f"another-{aws.number}"),
        aws.client("kms").create_key(),
        aws.client("sns").create_topic(Name="t"),
        aws.client("sqs").create_queue(QueueName="q"),
        aws.client("logs").create_log_group(logGroupName="g"),
        aws.client("iam").create_user(UserName="u"),
        aws.client("organizations").create_organization(),
    ]
    assert bus.next("calls")["detail"]["eventName"] == "StartLogging"
    recorded = [bus.next("calls")["detail"]["requestID"] for _ in answers]
    assert recorded == [one["ResponseMetadata"]["RequestId"] for one in answers]


def test_the_record_of_a_refused_call_has_the_request_id_of_the_error(aws: Account, bus: Bus) -> None:
    bus.rule("calls", {"source": ["aws.s3", "aws.iam", "aws.kms"]})
    logging_trail(aws)
    calls: list[Callable[[], object]] = [
        lambda: aws.client("s3").delete_bucket(Bucket=f"nothing-{aws.number}"),
        lambda: aws.client("iam").delete_role(RoleName="nothing"),
        lambda: aws.client("kms").disable_key(KeyId="11111111-2222-3333-4444-555555555555"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as caught:
            call()
        detail = bus.next("calls")["detail"]
        assert detail["requestID"] == caught.value.response["ResponseMetadata"]["RequestId"], detail
        assert detail["errorCode"]
