"""What trails log arrives on EventBridge's default bus, and rules with a queue as target deliver it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

import json
import uuid
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.patience import eventually

ABROAD = "eu-west-1"
OF_CLOUDTRAIL = {"source": ["aws.cloudtrail"], "detail-type": ["AWS API Call via CloudTrail"]}


class Bus:
    """A default bus with rules that each put what they match into a queue of their own."""

    def __init__(self, aws: Account, region: str = REGION) -> None:
        self._aws = aws
        self._events = aws.client("events", region)
        self._sqs = aws.client("sqs", region)
        self._region = region
        self._queues: dict[str, str] = {}

    def rule(self, name: str, pattern: dict[str, Any] | None = None, state: str = "ENABLED", **target: Any) -> None:
        self._queues[name] = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.allow(name, "*")
        given = {"EventPattern": json.dumps(pattern)} if pattern else {"ScheduleExpression": "rate(1 day)"}
        self._events.put_rule(Name=name, State=state, **given)
        self._events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": self._arn(name), **target}])

    def allow(self, queue: str, rule: str) -> None:
        """Let a rule put events into a queue, and no other."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self._arn(queue),
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:events:{self._region}:{self._aws.number}:rule/{rule}"}
            },
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._queues[queue], Attributes={"Policy": policy})

    def _arn(self, queue: str) -> str:
        return f"arn:aws:sqs:{self._region}:{self._aws.number}:{queue}"

    def target(self, rule: str, target_id: str, arn: str) -> None:
        self._events.put_targets(Rule=rule, Targets=[{"Id": target_id, "Arn": arn}])

    def put(self, **members: Any) -> dict[str, Any]:
        entry = {"Source": "test", "DetailType": "test", "Detail": "{}", **members}
        answer: dict[str, Any] = self._events.put_events(Entries=[entry])
        return answer

    def next(self, name: str) -> Any:
        """The next message of a rule's queue, as soon as it is there."""
        url = self._queues[name]
        [message] = eventually(
            f"a message in {name}",
            lambda: self._sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10).get("Messages"),
        )
        self._sqs.delete_message(QueueUrl=self._queues[name], ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    def names(self, name: str, last: str) -> list[str]:
        """The names of the events in a rule's queue, until one of this name."""
        found = [self.next(name)["detail"]["eventName"]]
        while found[-1] != last:
            found.append(self.next(name)["detail"]["eventName"])
        return found

    def is_empty(self, name: str) -> bool:
        return not self._sqs.receive_message(QueueUrl=self._queues[name]).get("Messages")


@pytest.fixture
def bus(aws: Account) -> Bus:
    return Bus(aws)


def logging_trail(aws: Account, name: str = "trail", **members: Any) -> None:
    bucket = aws.bucket(f"{name}-{aws.number}", name)
    aws.cloudtrail.create_trail(Name=name, S3BucketName=bucket, **members)
    aws.cloudtrail.start_logging(Name=name)


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
