"""Which events reach which trail, by its selectors and its regions, and what of them reaches EventBridge."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, COSTS, GUIDE, SLOW, case, fact
from tests.conformance.test_delivery import keys, logging, marked, recorded, records

pytestmark = [COSTS, SLOW]

MANAGEMENT = f"{GUIDE}/logging-management-events-with-cloudtrail.html"
DATA = f"{GUIDE}/logging-data-events-with-cloudtrail.html"
PUT = f"{API}/API_PutEventSelectors.html"
BASIC = f"{API}/API_EventSelector.html"
RESOURCE = f"{API}/API_DataResource.html"
ADVANCED = f"{API}/API_AdvancedFieldSelector.html"
GLOBAL = f"{GUIDE}/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events"
STS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html"
EVENTBRIDGE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html"

Selectors = dict[str, list[dict[str, Any]]]


def basic(**members: Any) -> Selectors:
    return {"EventSelectors": [members]}


def advanced(*selectors: Mapping[str, list[str] | dict[str, list[str]]]) -> Selectors:
    """Advanced selectors, where a list of values is for Equals."""
    return {
        "AdvancedEventSelectors": [
            {
                "FieldSelectors": [
                    {"Field": field.replace("_", "."), **(values if isinstance(values, dict) else {"Equals": values})}
                    for field, values in selector.items()
                ]
            }
            for selector in selectors
        ]
    }


def selecting(aws: Account, selectors: Selectors, **parameters: Any) -> Trail:
    """A trail that logs what is selected."""
    trail = aws.trail(**parameters)
    aws.cloudtrail.put_event_selectors(TrailName=trail.name, **selectors)
    aws.cloudtrail.start_logging(Name=trail.name)
    return trail


def names(aws: Account, trail: Trail) -> set[str]:
    """The names of the events that were delivered."""
    return {record["eventName"] for record in records(aws, trail)}


WRITES = {"eventCategory": ["Management"], "readOnly": ["false"]}


@pytest.mark.parametrize(
    ("selectors", "selected", "left_out"),
    [
        case("writes", BASIC, basic(ReadWriteType="WriteOnly"), "CreateTopic", "ListTopics"),
        case("reads", BASIC, basic(ReadWriteType="ReadOnly"), "ListTopics", "CreateTopic"),
        case("writes, by a field", ADVANCED, advanced(WRITES), "CreateTopic", "ListTopics"),
        case(
            "reads, by a field",
            ADVANCED,
            advanced({"eventCategory": ["Management"], "readOnly": ["true"]}),
            "ListTopics",
            "CreateTopic",
        ),
        case(
            "all but KMS",
            BASIC,
            basic(ExcludeManagementEventSources=["kms.amazonaws.com"]),
            "ListTopics",
            "ListKeys",
        ),
        case(
            "all but KMS, by a field",
            ADVANCED,
            advanced({"eventCategory": ["Management"], "eventSource": {"NotEquals": ["kms.amazonaws.com"]}}),
            "ListTopics",
            "ListKeys",
        ),
    ],
)
def test_a_trail_selects(aws: Account, selectors: Selectors, selected: str, left_out: str) -> None:
    trail = selecting(aws, selectors)
    topic = aws.name("topic")
    calls: dict[str, Any] = {
        "CreateTopic": lambda: aws.client("sns").create_topic(Name=topic),
        "ListTopics": lambda: aws.client("sns").list_topics(),
        "ListKeys": lambda: aws.client("kms").list_keys(),
    }
    calls[left_out]()
    calls[selected]()
    aws.delivered(lambda: names(aws, trail), lambda found: selected in found)
    assert left_out not in names(aws, trail)


@fact(BASIC)
def test_management_events_are_selected_by_default(aws: Account) -> None:
    trail = logging(aws)
    aws.client("sns").list_topics()
    marked(aws, trail)
    assert {"ListTopics", "CreateTopic"} <= names(aws, trail)


@fact(DATA)
def test_data_events_are_not_selected_by_default(aws: Account) -> None:
    trail, bucket = logging(aws), aws.empty_bucket()
    aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"")
    marked(aws, trail)
    assert "PutObject" not in names(aws, trail)


def objects(*values: str, **members: Any) -> Selectors:
    return basic(DataResources=[{"Type": "AWS::S3::Object", "Values": list(values)}], **members)


@fact(RESOURCE)
def test_data_events_are_selected_by_bucket(aws: Account) -> None:
    bucket, other = aws.empty_bucket(), aws.empty_bucket()
    trail = selecting(aws, objects(f"arn:aws:s3:::{bucket}/", ReadWriteType="WriteOnly"))
    for name in (other, bucket):
        aws.client("s3").put_object(Bucket=name, Key="a", Body=b"")
    record = recorded(aws, trail, "PutObject", bucket)
    assert (record["eventCategory"], record["managementEvent"]) == ("Data", False)
    assert record["requestParameters"]["bucketName"] == bucket
    assert not [one for one in records(aws, trail) if one["eventName"] == "PutObject" and other in json.dumps(one)]


@fact(RESOURCE)
def test_data_events_are_selected_by_prefix(aws: Account) -> None:
    bucket = aws.empty_bucket()
    trail = selecting(aws, objects(f"arn:aws:s3:::{bucket}/in/", ReadWriteType="WriteOnly"))
    for key in ("out/a", "in/a"):
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    recorded(aws, trail, "PutObject", "in/a")
    puts = [one["requestParameters"]["key"] for one in records(aws, trail) if one["eventName"] == "PutObject"]
    assert set(puts) == {"in/a"}


@fact(RESOURCE)
def test_data_events_of_a_bucket_alone(aws: Account) -> None:
    bucket = aws.empty_bucket()
    trail = selecting(aws, objects(f"arn:aws:s3:::{bucket}/", IncludeManagementEvents=False))
    aws.client("sns").list_topics()
    aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"")
    recorded(aws, trail, "PutObject", bucket)
    assert names(aws, trail) == {"PutObject"}


@pytest.mark.parametrize(
    ("fields", "selected", "left_out"),
    [
        case("their name", ADVANCED, {"eventName": ["DeleteObject"]}, "DeleteObject", "PutObject"),
        case(
            "what their name is not", ADVANCED, {"eventName": {"NotEquals": ["PutObject"]}}, "DeleteObject", "PutObject"
        ),
        case("how their name begins", ADVANCED, {"eventName": {"StartsWith": ["Del"]}}, "DeleteObject", "PutObject"),
        case("that they write", ADVANCED, {"readOnly": ["false"]}, "PutObject", "GetObject"),
        case("that they read", ADVANCED, {"readOnly": ["true"]}, "GetObject", "PutObject"),
    ],
)
def test_data_events_are_selected_by(aws: Account, fields: dict[str, Any], selected: str, left_out: str) -> None:
    bucket = aws.empty_bucket()
    arn = {"resources_ARN": {"StartsWith": [f"arn:aws:s3:::{bucket}/"]}}
    trail = selecting(aws, advanced({"eventCategory": ["Data"], "resources_type": ["AWS::S3::Object"]} | arn | fields))
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    s3.get_object(Bucket=bucket, Key="a")
    s3.delete_object(Bucket=bucket, Key="a")
    aws.delivered(lambda: names(aws, trail), lambda found: selected in found)
    assert left_out not in names(aws, trail)


@fact(f"{API}/API_CreateTrail.html")
def test_without_recursive_logging_a_trails_own_deliveries_are_left_out(aws: Account) -> None:
    name = aws.name("trail")
    bucket = aws.bucket(aws.trail_arn(name))
    everything = objects(f"arn:aws:s3:::{bucket}/", ReadWriteType="WriteOnly")
    trail = selecting(aws, everything, Name=name, S3BucketName=bucket, RecursiveLogging=False)
    marked(aws, trail)
    aws.client("s3").put_object(Bucket=bucket, Key="by-hand", Body=b"")
    recorded(aws, trail, "PutObject", "by-hand")
    puts = [one["requestParameters"]["key"] for one in records(aws, trail) if one["eventName"] == "PutObject"]
    assert puts == ["by-hand"]


@fact(f"{API}/API_CreateTrail.html")
def test_a_trails_own_deliveries_are_recorded_by_default(aws: Account) -> None:
    name = aws.name("trail")
    bucket = aws.bucket(aws.trail_arn(name))
    trail = selecting(
        aws, objects(f"arn:aws:s3:::{bucket}/", ReadWriteType="WriteOnly"), Name=name, S3BucketName=bucket
    )
    marked(aws, trail)
    record = recorded(aws, trail, "PutObject", "AWSLogs/")
    assert record["userIdentity"]["invokedBy"] == "cloudtrail.amazonaws.com"


# Regions and global services.


@fact(f"{GUIDE}/cloudtrail-multi-region-trails.html")
def test_a_multi_region_trail_records_other_regions(aws: Account, elsewhere: str) -> None:
    trail, name = logging(aws, IsMultiRegionTrail=True), aws.name("topic")
    aws.eventually(lambda: aws.client("cloudtrail", elsewhere).get_trail_status(Name=trail.arn)["IsLogging"], bool)
    aws.client("sns", elsewhere).create_topic(Name=name)
    assert recorded(aws, trail, "CreateTopic", name)["awsRegion"] == elsewhere
    assert [key for key in keys(aws, trail, "CloudTrail") if f"/CloudTrail/{elsewhere}/" in key]


@fact(f"{GUIDE}/cloudtrail-multi-region-trails.html")
def test_a_single_region_trail_records_its_region_only(aws: Account, elsewhere: str) -> None:
    trail, name = logging(aws), aws.name("topic")
    aws.client("sns", elsewhere).create_topic(Name=name)
    marked(aws, trail)
    assert name not in json.dumps(records(aws, trail))


def made_role(aws: Account) -> str:
    """The name of a role that was made: an event of IAM, which is in us-east-1."""
    name = aws.name("role")
    document = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [document]})
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)
    return name


@fact(GLOBAL)
def test_a_multi_region_trail_records_iam_once_in_us_east_1(aws: Account) -> None:
    trail = logging(aws, IsMultiRegionTrail=True)
    aws.eventually(lambda: aws.client("cloudtrail", "us-east-1").get_trail_status(Name=trail.arn)["IsLogging"], bool)
    name = made_role(aws)
    assert recorded(aws, trail, "CreateRole", name)["awsRegion"] == "us-east-1"
    marked(aws, trail)
    assert len([one for one in records(aws, trail) if name in json.dumps(one["requestParameters"])]) == 1


@fact(GLOBAL)
def test_a_single_region_trail_elsewhere_records_no_iam(aws: Account) -> None:
    trail = logging(aws, IncludeGlobalServiceEvents=True)
    made_role(aws)
    marked(aws, trail)
    assert "CreateRole" not in names(aws, trail)


@fact(GLOBAL)
def test_a_single_region_trail_in_us_east_1_records_iam_if_it_includes_global_events(main_region: Account) -> None:
    trail = logging(main_region)
    recorded(main_region, trail, "CreateRole", made_role(main_region))


@fact(GLOBAL)
def test_a_single_region_trail_in_us_east_1_leaves_out_iam_if_told_to(main_region: Account) -> None:
    trail = logging(main_region, IncludeGlobalServiceEvents=False)
    made_role(main_region)
    marked(main_region, trail)
    assert "CreateRole" not in names(main_region, trail)


@fact(f"{GUIDE}/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events")
def test_two_trails_that_include_global_events_record_them_twice(aws: Account, main_region: Account) -> None:
    multi, single = logging(aws, IsMultiRegionTrail=True), logging(main_region)
    aws.eventually(lambda: main_region.cloudtrail.get_trail_status(Name=multi.arn)["IsLogging"], bool)
    name = made_role(aws)
    first = recorded(aws, multi, "CreateRole", name)
    second = recorded(main_region, single, "CreateRole", name)
    assert first["eventID"] == second["eventID"]


@fact(STS)
def test_sts_in_a_region_is_recorded_in_that_region(aws: Account) -> None:
    trail = logging(aws)
    aws.client("sts").get_caller_identity()
    aws.delivered(lambda: names(aws, trail), lambda found: "GetCallerIdentity" in found)


# EventBridge.


@fact(EVENTBRIDGE)
def test_a_write_that_a_trail_logs_reaches_eventbridge(aws: Account) -> None:
    trail, rule, (queue, queue_arn) = logging(aws), aws.name("rule"), aws.queue()
    pattern = {
        "source": ["aws.cloudtrail"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventName": ["AddTags"]},
    }
    events = aws.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue_arn}])
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "team"}])
    event = aws.delivered(lambda: aws.received(queue))[0]
    assert (event["account"], event["region"], event["detail-type"]) == (
        aws.number,
        aws.region,
        "AWS API Call via CloudTrail",
    )
    assert event["detail"]["eventSource"] == "cloudtrail.amazonaws.com"
    assert event["detail"]["requestParameters"]["resourceId"] == trail.arn
    assert event["detail"]["userIdentity"]["accountId"] == aws.number


@fact(EVENTBRIDGE)
def test_a_read_does_not_reach_eventbridge(aws: Account) -> None:
    trail, rule, (queue, queue_arn) = logging(aws), aws.name("rule"), aws.queue()
    events = aws.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["aws.cloudtrail"]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue_arn}])
    aws.cloudtrail.get_trail(Name=trail.name)
    aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "team"}])
    received: list[str] = []

    def read() -> list[str]:
        received.extend(event["detail"]["eventName"] for event in aws.received(queue))
        return received

    aws.delivered(read, lambda found: "AddTags" in found)
    assert "GetTrail" not in received
