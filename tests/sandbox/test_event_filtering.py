"""Which events reach a trail's bucket: event selectors of both kinds, owners of resources, CloudTrail's own deliveries.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
"""

from typing import Any

import pytest
from moto.s3.models import s3_backends

from tests.sandbox.emulation import ABROAD, HOME, START, Emulated, caller, event
from trail_sandbox.aws.delivery.entry import Entry, entries_of
from trail_sandbox.aws.delivery.selection import Selection
from trail_sandbox.aws.events import ApiEvent, Caller
from trail_sandbox.aws.trails import Trail
from trail_sandbox.aws.world import World

PUT = {"service": "s3", "operation": "PutObject", "parameters": {"Bucket": "photos", "Key": "2026/cat.jpg"}}
GET = {**PUT, "operation": "GetObject"}
LIST = {"service": "s3", "operation": "ListObjectsV2", "parameters": {"Bucket": "photos"}}
INVOKE = {"service": "lambda", "operation": "Invoke", "parameters": {"FunctionName": "resize"}}
PUT_ITEM = {"service": "dynamodb", "operation": "PutItem", "parameters": {"TableName": "pets"}}
PUBLISH = {"service": "sns", "operation": "Publish", "parameters": {"TopicArn": f"arn:aws:sns:{HOME}:111122223333:t"}}
WRITE = {"operation": "UpdateTrail"}
READ = {"operation": "GetTrail"}
ENCRYPT = {"service": "kms", "operation": "Encrypt"}


def entry(**members: Any) -> Entry:
    return entries_of(event(**members), World())[0]


def selects(selectors: list[dict[str, Any]], given: dict[str, Any]) -> bool:
    """Whether a trail of these selectors delivers an event."""
    kind = "advanced_event_selectors" if "FieldSelectors" in selectors[0] else "event_selectors"
    chosen: dict[str, Any] = {"event_selectors": (), kind: tuple(selectors)}
    trail = Trail("t", "111122223333", HOME, "b", START, **chosen)
    return Selection.of(trail).selects(entry(**given))


def basic(kind: str = "All", *, management: bool = True, **members: Any) -> list[dict[str, Any]]:
    return [{"ReadWriteType": kind, "IncludeManagementEvents": management, "DataResources": [], **members}]


def data(kind: str, *values: str, **members: Any) -> list[dict[str, Any]]:
    return basic(management=False, DataResources=[{"Type": kind, "Values": list(values)}], **members)


def advanced(**fields: dict[str, list[str]]) -> list[dict[str, Any]]:
    """One selector: of a field, `eventName={"Equals": ["PutObject"]}`; `__` stands for a full stop."""
    return [{"FieldSelectors": [{"Field": name.replace("__", "."), **tests} for name, tests in fields.items()]}]


def s3(**fields: dict[str, list[str]]) -> list[dict[str, Any]]:
    kind = {"eventCategory": {"Equals": ["Data"]}, "resources__type": {"Equals": ["AWS::S3::Object"]}}
    return advanced(**kind, **fields)


def management(**fields: dict[str, list[str]]) -> list[dict[str, Any]]:
    return advanced(eventCategory={"Equals": ["Management"]}, **fields)


# --- basic selectors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selectors", "selected", "left_out"),
    [
        (basic(), [WRITE, READ, ENCRYPT], [PUT, GET, LIST, INVOKE]),
        (basic("ReadOnly"), [READ, ENCRYPT], [WRITE, GET]),
        (basic("WriteOnly"), [WRITE], [READ, ENCRYPT, PUT]),
        (basic(ExcludeManagementEventSources=["kms.amazonaws.com"]), [WRITE, READ], [ENCRYPT]),
        (data("AWS::S3::Object", "arn:aws:s3"), [PUT, GET, LIST], [WRITE, READ, INVOKE]),
        (data("AWS::S3::Object", "arn:aws:s3:::"), [PUT, GET, LIST], [WRITE, INVOKE]),
        (data("AWS::S3::Object", "arn:aws:s3:::photos/"), [PUT, GET, LIST], [WRITE]),
        (data("AWS::S3::Object", "arn:aws:s3:::photos/2026/"), [PUT, GET], [LIST]),
        (data("AWS::S3::Object", "arn:aws:s3:::photos/2025"), [], [PUT, GET]),
        (data("AWS::S3::Object", "arn:aws:s3:::other/", "arn:aws:s3:::photos/"), [PUT], []),
        (data("AWS::S3::Object", "arn:aws:s3:::photos/", ReadWriteType="ReadOnly"), [GET, LIST], [PUT]),
        (data("AWS::S3::Object", "arn:aws:s3:::photos/", ReadWriteType="WriteOnly"), [PUT], [GET, LIST]),
        (data("AWS::Lambda::Function", "arn:aws:lambda"), [INVOKE], [PUT, PUT_ITEM]),
        (data("AWS::Lambda::Function", f"arn:aws:lambda:{HOME}:111122223333:function:resize"), [INVOKE], []),
        (data("AWS::Lambda::Function", f"arn:aws:lambda:{HOME}:111122223333:function:res"), [], [INVOKE]),
        (data("AWS::DynamoDB::Table", "arn:aws:dynamodb"), [PUT_ITEM], [INVOKE]),
        (data("AWS::DynamoDB::Table", f"arn:aws:dynamodb:{HOME}:111122223333:table/pets"), [PUT_ITEM], []),
        (data("AWS::DynamoDB::Table", f"arn:aws:dynamodb:{HOME}:111122223333:table/pet"), [], [PUT_ITEM]),
        (basic("WriteOnly") + data("AWS::S3::Object", "arn:aws:s3", ReadWriteType="ReadOnly"), [WRITE, GET], [PUT]),
    ],
)
def test_basic_selectors(
    selectors: list[dict[str, Any]], selected: list[dict[str, Any]], left_out: list[dict[str, Any]]
) -> None:
    assert [one for one in selected if not selects(selectors, one)] == []
    assert [one for one in left_out if selects(selectors, one)] == []


# --- advanced selectors ------------------------------------------------------------------------------------------

ALICE = caller(resource="user/alice")


@pytest.mark.parametrize(
    ("selectors", "selected", "left_out"),
    [
        (management(), [WRITE, READ], [PUT, INVOKE]),
        (management(readOnly={"Equals": ["true"]}), [READ], [WRITE]),
        (management(readOnly={"Equals": ["false"]}), [WRITE], [READ]),
        (management(eventSource={"NotEquals": ["kms.amazonaws.com"]}), [WRITE, READ], [ENCRYPT]),
        (s3(), [PUT, GET, LIST], [WRITE, INVOKE]),
        (s3(eventName={"Equals": ["PutObject", "DeleteObject"]}), [PUT], [GET]),
        (s3(eventName={"StartsWith": ["Get"], "EndsWith": ["V2"]}), [GET, LIST], [PUT]),
        (s3(eventName={"NotEquals": ["GetObject", "PutObject"]}), [LIST], [GET, PUT]),
        (s3(eventName={"NotStartsWith": ["Put", "List"]}), [GET], [PUT, LIST]),
        (s3(eventName={"NotEndsWith": ["Object"]}), [LIST], [PUT, GET]),
        (s3(eventName={"EndsWith": ["Object"], "NotStartsWith": ["Put"]}), [GET], [PUT, LIST]),
        (s3(eventName={"Equals": ["PutObject"]}, readOnly={"Equals": ["true"]}), [], [PUT, GET]),
        (s3(readOnly={"Equals": ["false"]}), [PUT], [GET]),
        (s3(resources__ARN={"Equals": ["arn:aws:s3:::photos/2026/cat.jpg"]}), [PUT, GET], [LIST]),
        (s3(resources__ARN={"StartsWith": ["arn:aws:s3:::photos/"]}), [PUT, LIST], []),
        (s3(resources__ARN={"NotStartsWith": ["arn:aws:s3:::photos/"]}), [], [PUT, LIST]),
        (s3(resources__ARN={"NotStartsWith": ["arn:aws:s3:::logs/"]}), [PUT, LIST], []),
        (s3(resources__ARN={"Equals": ["arn:aws:s3:::photos"]}), [], [PUT, LIST]),
        (s3(resources__ARN={"NotEquals": ["arn:aws:s3:::photos/*"]}), [PUT, LIST], []),
        (s3(resources__ARN={"StartsWith": ["arn:aws:s3:::photos/*"]}), [], [PUT, LIST]),
        (s3(eventSource={"Equals": ["s3.amazonaws.com"]}), [PUT], []),
        (s3(eventSource={"NotEquals": ["s3.amazonaws.com"]}), [], [PUT]),
        (s3(eventType={"Equals": ["AwsApiCall"]}), [PUT], []),
        (s3(eventType={"Equals": ["AwsServiceEvent"]}), [], [PUT]),
        (s3(sessionCredentialFromConsole={"Equals": ["true"]}), [], [PUT]),
        (s3(sessionCredentialFromConsole={"NotEquals": ["true"]}), [PUT], []),
        (s3(userIdentity__arn={"EndsWith": ["user/alice"]}), [{**PUT, "caller": ALICE}], [PUT]),
        (s3(userIdentity__arn={"NotEndsWith": ["user/alice"]}), [PUT], [{**PUT, "caller": ALICE}]),
        (s3(eventName={"Equals": ["PutObject"]}) + management(), [PUT, READ], [GET]),
        (
            advanced(eventCategory={"Equals": ["Data"]}, resources__type={"Equals": ["AWS::SNS::Topic"]}),
            [PUBLISH],
            [PUT, WRITE],
        ),
        (
            advanced(
                eventCategory={"Equals": ["NetworkActivity"]}, eventSource={"Equals": ["cloudtrail.amazonaws.com"]}
            ),
            [],
            [WRITE, READ],
        ),
    ],
)
def test_advanced_selectors(
    selectors: list[dict[str, Any]], selected: list[dict[str, Any]], left_out: list[dict[str, Any]]
) -> None:
    assert [one for one in selected if not selects(selectors, one)] == []
    assert [one for one in left_out if selects(selectors, one)] == []


# --- records of data events --------------------------------------------------------------------------------------


@pytest.fixture
def aws_state() -> Emulated:
    return Emulated()


def in_bucket(aws_state: Emulated, operation: str, key: str | None = None, **members: Any) -> ApiEvent:
    parameters = {"Bucket": aws_state.bucket} | ({"Key": key} if key else {})
    given = {"caller": caller(aws_state.account), "time": aws_state.clock(), **members}
    return event(service="s3", operation=operation, parameters=parameters, **given)


def test_a_data_event_names_object_and_bucket(aws_state: Emulated) -> None:
    [told] = entries_of(in_bucket(aws_state, "PutObject", "a/b"), World())
    record = told.record
    assert record["resources"] == [
        {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{aws_state.bucket}/a/b"},
        {"accountId": aws_state.account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{aws_state.bucket}"},
    ]
    assert (record["managementEvent"], record["eventCategory"], record["readOnly"]) == (False, "Data", False)


def test_a_listing_names_the_beginning_of_its_objects(aws_state: Emulated) -> None:
    [told] = entries_of(in_bucket(aws_state, "ListObjectsV2"), World())
    assert told.record["resources"][0] == {
        "type": "AWS::S3::Object",
        "ARNPrefix": f"arn:aws:s3:::{aws_state.bucket}/",
    }


def test_events_of_a_bucket_are_of_its_region(aws_state: Emulated) -> None:
    [told] = entries_of(in_bucket(aws_state, "GetObject", "k", region=ABROAD), World())
    assert told.record["awsRegion"] == HOME


# --- other accounts ----------------------------------------------------------------------------------------------


def both(aws_state: Emulated, **members: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The records that the caller's account and the bucket's are told of a stranger's request."""
    stranger = caller(resource="user/bob", principal_id="AIDABOB")
    callers, owners = entries_of(in_bucket(aws_state, "GetObject", "k", caller=stranger, **members), World())
    return callers.record, owners.record


def test_caller_and_owner_of_a_bucket_are_both_told(aws_state: Emulated) -> None:
    callers, owners = both(aws_state)
    assert callers["recipientAccountId"] == "111122223333"
    assert owners["recipientAccountId"] == aws_state.account
    assert callers["sharedEventID"] == owners["sharedEventID"]
    assert callers["eventID"] != owners["eventID"]
    assert callers["userIdentity"]["userName"] == "bob"
    assert owners["userIdentity"] == {"type": "AWSAccount", "principalId": "AIDABOB", "accountId": "111122223333"}


def test_a_stranger_who_is_refused_is_not_told_whose_the_bucket_is(aws_state: Emulated) -> None:
    callers, owners = both(aws_state, error_code="AccessDenied", error_message="Access Denied")
    assert callers["resources"][1]["accountId"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert owners["resources"][1]["accountId"] == aws_state.account


def test_a_strangers_request_is_delivered_to_the_owners_trail(aws_state: Emulated) -> None:
    aws_state.start(event_selectors=tuple(data("AWS::S3::Object", "arn:aws:s3")))
    aws_state.delivery.record(in_bucket(aws_state, "GetObject", "k", caller=caller()))
    aws_state.round()
    assert aws_state.recorded() == ["GetObject"]


@pytest.mark.parametrize(("error", "told"), [(None, 2), ("AccessDenied", 1)])
def test_the_account_of_a_role_is_told_who_assumed_it(error: str | None, told: int) -> None:
    assumed = event(
        service="sts",
        operation="AssumeRole",
        parameters={"RoleArn": "arn:aws:iam::444455556666:role/audit"},
        error_code=error,
    )
    entries = entries_of(assumed, World())
    assert [one.account for one in entries] == ["111122223333", "444455556666"][:told]


# --- delivery ----------------------------------------------------------------------------------------------------


def test_a_trail_delivers_what_it_selects(aws_state: Emulated) -> None:
    aws_state.start(
        "data", event_selectors=tuple(data("AWS::S3::Object", f"arn:aws:s3:::{aws_state.bucket}/a/")), s3_key_prefix="d"
    )
    aws_state.start("writes", event_selectors=tuple(basic("WriteOnly")), s3_key_prefix="w")
    aws_state.round()
    for operation, key in (("PutObject", "a/1"), ("PutObject", "b/1"), ("PutBucketPolicy", None)):
        aws_state.delivery.record(in_bucket(aws_state, operation, key))
    aws_state.happens(operation="GetTrail")
    aws_state.round()
    delivered: dict[str, list[str]] = {"d": [], "w": []}
    for key, log in aws_state.files("CloudTrail").items():
        delivered[key[0]] += [one["eventName"] for one in log["Records"]]
    assert delivered["d"] == ["PutObject"]
    assert "PutBucketPolicy" in delivered["w"]
    assert not {"GetTrail", "PutObject"} & set(delivered["w"])


def test_events_are_held_to_the_selectors_of_their_time(aws_state: Emulated) -> None:
    trail = aws_state.start(event_selectors=tuple(basic("WriteOnly")))
    aws_state.happens(operation="GetTrail")
    aws_state.happens(operation="AddTags")
    aws_state.change(trail.arn, "PutEventSelectors", event_selectors=tuple(basic("ReadOnly")))
    aws_state.happens(operation="ListTags")
    aws_state.happens(operation="RemoveTags")
    aws_state.round()
    aws_state.happens(operation="ListTrails")
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging", "AddTags", "PutEventSelectors", "ListTags", "ListTrails"]


def test_a_trail_that_becomes_multi_region_delivers_other_regions_from_then_on(aws_state: Emulated) -> None:
    trail = aws_state.start()
    aws_state.happens(service="kms", operation="CreateKey", region=ABROAD)
    aws_state.change(trail.arn, is_multi_region_trail=True)
    aws_state.happens(service="kms", operation="ListKeys", region=ABROAD)
    aws_state.round()
    assert aws_state.recorded(region=ABROAD) == ["ListKeys"]


# --- CloudTrail's own deliveries ---------------------------------------------------------------------------------


def own_bucket(aws_state: Emulated) -> dict[str, Any]:
    values = f"arn:aws:s3:::{aws_state.bucket}/"
    return {"event_selectors": tuple(basic(DataResources=[{"Type": "AWS::S3::Object", "Values": [values]}]))}


def test_a_trail_that_records_its_own_bucket_records_its_own_deliveries(aws_state: Emulated) -> None:
    aws_state.start(**own_bucket(aws_state))
    aws_state.round()
    for rounds in range(1, 4):
        [*_, newest] = aws_state.files("CloudTrail")
        aws_state.round()
        files = aws_state.files("CloudTrail")
        assert len(files) == rounds + 1, "one file a round"
        [log] = [files[key] for key in files if files[key]["Records"][0]["requestParameters"].get("key") == newest]
        [record] = log["Records"]
        assert record["eventName"] == "PutObject"
        assert record["userIdentity"] == {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
        assert record["sourceIPAddress"] == "cloudtrail.amazonaws.com"
        assert record["resources"][1]["accountId"] == aws_state.account
        aws_state.clock.move(minutes=1)


def test_without_recursive_logging_it_does_not(aws_state: Emulated) -> None:
    aws_state.start(recursive_logging=False, **own_bucket(aws_state))
    aws_state.round()
    aws_state.delivery.record(in_bucket(aws_state, "PutObject", "of-a-user"))
    for _ in range(3):
        aws_state.round()
    assert aws_state.recorded() == ["StartLogging", "PutObject"]
    assert len(aws_state.files("CloudTrail")) == 2


def test_digests_are_deliveries_too(aws_state: Emulated) -> None:
    aws_state.start(log_file_validation_enabled=True, **own_bucket(aws_state))
    aws_state.round()
    aws_state.round()
    digest = next(iter(aws_state.files("CloudTrail-Digest")))
    put = [
        one["requestParameters"]["key"]
        for log in aws_state.files("CloudTrail").values()
        for one in log["Records"]
        if one["eventName"] == "PutObject"
    ]
    assert digest in put


def test_deliveries_are_told_to_the_owner_of_the_bucket_alone(aws_state: Emulated) -> None:
    other = Emulated()
    aws_state.set_policy(aws_state.bucket, _open_to_all(aws_state.bucket))
    other.start(s3_bucket_name=aws_state.bucket, event_selectors=tuple(data("AWS::S3::Object", "arn:aws:s3")))
    other.happens(service="s3", operation="GetObject", parameters={"Bucket": "somewhere", "Key": "k"})
    other.round()
    other.round()
    assert aws_state.recorded() == ["GetObject"]


def _open_to_all(bucket: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*"}
    return {
        "Version": "2012-10-17",
        "Statement": [statement | {"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}],
    }


@pytest.mark.parametrize(
    ("service", "operation", "by_cloudtrail", "selected"),
    [
        ("s3", "PutObject", True, False),
        ("logs", "PutLogEvents", True, False),
        ("s3", "GetObject", True, True),
        ("s3", "PutObject", False, True),
    ],
)
def test_recursive_logging_is_about_deliveries_alone(
    service: str, operation: str, by_cloudtrail: bool, selected: bool
) -> None:
    everything = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]
    service_itself = Caller("111122223333", "", "", "", service="cloudtrail.amazonaws.com")
    trail = Trail(
        "t", "111122223333", HOME, "b", START, recursive_logging=False, advanced_event_selectors=(*everything,)
    )
    made = entry(service=service, operation=operation, caller=service_itself if by_cloudtrail else caller())
    assert Selection.of(trail).selects(made) is selected


def test_the_bucket_of_another_region_tells_its_own(aws_state: Emulated) -> None:
    s3_backends[aws_state.account]["aws"].create_bucket(f"far-{aws_state.account}", ABROAD)
    aws_state.allow(f"far-{aws_state.account}")
    aws_state.start(
        s3_bucket_name=f"far-{aws_state.account}", event_selectors=tuple(data("AWS::S3::Object", "arn:aws:s3"))
    )
    aws_state.delivery.record(in_bucket(aws_state, "GetObject", "k"))
    for _ in range(3):
        aws_state.round()
    assert aws_state.recorded(f"far-{aws_state.account}") == ["GetObject"], "its own deliveries happen abroad"
