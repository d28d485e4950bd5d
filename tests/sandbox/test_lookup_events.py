"""LookupEvents and ListPublicKeys: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.integration.aws import REGION, Account
from tests.outcomes import outcome
from tests.patience import eventually
from tests.sandbox.conftest import Refused, put_settings
from tests.sandbox.emulation import HOME, Emulated
from trail_sandbox.aws.cloudtrail import Call, CloudTrail
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.world import World

ABROAD = "eu-west-1"
_ALLOW_ALL = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


def looked_up(aws: Account, region: str = REGION, **attributes: str) -> list[dict[str, Any]]:
    """What LookupEvents tells, of one attribute if it is given."""
    given = [{"AttributeKey": key, "AttributeValue": value} for key, value in attributes.items()]
    return list(aws.client("cloudtrail", region).lookup_events(LookupAttributes=given)["Events"])


def test_management_events_are_told_newest_first_without_any_trail(aws: Account) -> None:
    begin = datetime.now(UTC).replace(microsecond=0)
    aws.client("kms").create_key(Description="k")
    aws.client("kms").list_keys()
    latest, before = looked_up(aws)
    assert (latest["EventName"], latest["ReadOnly"], latest["EventSource"]) == ("ListKeys", "true", "kms.amazonaws.com")
    assert (before["EventName"], before["ReadOnly"]) == ("CreateKey", "false")
    assert before["Username"] == "root"
    assert before["AccessKeyId"] == aws.number
    assert begin <= before["EventTime"] <= datetime.now(UTC)
    record = json.loads(before["CloudTrailEvent"])
    assert record["eventID"] == before["EventId"]
    assert record["requestParameters"] == {"description": "k"}


def test_data_events_and_other_regions_and_accounts_are_not_told(aws: Account, another: Account) -> None:
    aws.client("s3").create_bucket(Bucket=f"b-{aws.number}")
    aws.client("s3").put_object(Bucket=f"b-{aws.number}", Key="k")
    aws.client("kms", ABROAD).list_keys()
    another.client("kms").list_aliases()
    aws.client("iam", ABROAD).list_roles()
    assert [one["EventName"] for one in looked_up(aws)] == ["ListRoles", "CreateBucket"]
    assert [one["EventName"] for one in looked_up(aws, ABROAD)] == ["ListKeys"]


def test_each_attribute_selects(aws: Account, trail: str, bucket: str) -> None:
    aws.cloudtrail.get_trail(Name="trail")
    [event_id] = [one["EventId"] for one in looked_up(aws, EventName="GetTrail")]
    assert [one["EventName"] for one in looked_up(aws, EventId=event_id)] == ["GetTrail"]
    assert {one["EventName"] for one in looked_up(aws, ReadOnly="false")} == {
        *("CreateBucket", "PutBucketPolicy", "CreateTrail")
    }
    assert {one["EventSource"] for one in looked_up(aws, EventSource="s3.amazonaws.com")} == {"s3.amazonaws.com"}
    assert {one["EventName"] for one in looked_up(aws, ResourceName="trail")} == {"CreateTrail", "GetTrail"}
    assert {one["EventName"] for one in looked_up(aws, ResourceName=bucket)} == {
        *("CreateBucket", "PutBucketPolicy", "CreateTrail")
    }
    [made] = looked_up(aws, EventName="CreateTrail")
    assert {(one["ResourceType"], one["ResourceName"]) for one in made["Resources"]} == {
        ("AWS::CloudTrail::Trail", "trail"),
        ("AWS::S3::Bucket", bucket),
    }
    assert made in looked_up(aws, ResourceType="AWS::CloudTrail::Trail")
    assert looked_up(aws, Username="root")
    assert looked_up(aws, AccessKeyId=aws.number)
    assert looked_up(aws, Username="nobody") == []
    assert looked_up(aws, AccessKeyId="AKIANOBODY") == []


def test_a_users_events_are_told_by_name_and_key(aws: Account) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="all", PolicyDocument=_ALLOW_ALL)
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    session.client("kms", endpoint_url=aws.endpoint).list_keys()
    [told] = looked_up(aws, Username="alice")
    assert (told["EventName"], told["AccessKeyId"]) == ("ListKeys", key["AccessKeyId"])
    assert looked_up(aws, AccessKeyId=key["AccessKeyId"]) == [told]
    assert {one["EventName"] for one in looked_up(aws, ResourceName="alice")} == {
        *("CreateUser", "PutUserPolicy", "CreateAccessKey")
    }


def test_times_bound_the_answer_at_both_ends(aws: Account) -> None:
    aws.client("kms").list_keys()
    [told] = looked_up(aws)
    at = told["EventTime"]
    second = timedelta(seconds=1)

    def is_told(**times: datetime) -> bool:
        return told in aws.client("cloudtrail").lookup_events(**times)["Events"]

    assert is_told(StartTime=at, EndTime=at)
    assert not is_told(StartTime=at - second, EndTime=at - second)
    assert not is_told(StartTime=at + second, EndTime=at + 9 * second)


def test_an_event_is_shown_only_after_the_lag(aws: Account, endpoint: str) -> None:
    aws.client("kms").list_keys()
    put_settings(endpoint, lookup_lag=3600)
    try:
        assert looked_up(aws) == []
        put_settings(endpoint, lookup_lag=1)
        [event] = eventually("the event", lambda: looked_up(aws, EventName="ListKeys"))
    finally:
        put_settings(endpoint, lookup_lag=0)
    assert datetime.now(UTC) - event["EventTime"] >= timedelta(seconds=1)


def test_the_main_region_tells_of_iam_and_each_region_of_its_own(aws: Account) -> None:
    aws.client("iam", ABROAD).create_user(UserName="u")
    aws.client("kms", ABROAD).create_key()
    assert [one["EventName"] for one in looked_up(aws, ReadOnly="false")] == ["CreateUser"]
    assert [one["EventName"] for one in looked_up(aws, ABROAD, ReadOnly="false")] == ["CreateKey"]


def test_a_page_has_50_events_unless_fewer_are_asked_for(aws: Account) -> None:
    for _ in range(51):
        aws.client("kms").list_keys()
    first = aws.client("cloudtrail").lookup_events()
    assert len(first["Events"]) == 50
    rest = aws.client("cloudtrail").lookup_events(NextToken=first["NextToken"])["Events"]
    assert [one["EventName"] for one in rest] == ["ListKeys"]


def test_two_lookups_a_second_are_answered(aws: Account, endpoint: str) -> None:
    impatient = boto3.client(
        "cloudtrail",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=aws.number,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    put_settings(endpoint, rates=True)
    try:
        outcomes = [outcome(impatient.lookup_events) for _ in range(20)]
    finally:
        put_settings(endpoint, rates=False)
    assert outcomes[:2] == ["ok", "ok"]
    assert "ThrottlingException" in outcomes


def test_an_event_is_told_for_90_days() -> None:
    emulated = Emulated()
    cloudtrail = CloudTrail(emulated.trails, World(), Settings(rates=False), emulated.delivery, emulated.clock)
    emulated.happens(service="kms", operation="CreateKey")

    def shown() -> list[str]:
        body = {"StartTime": 0}
        call = Call("LookupEvents", emulated.account, HOME, body, allowed=lambda *_: True)
        return [one["EventName"] for one in cloudtrail.answer(call)["Events"]]

    emulated.clock.move(days=90)
    assert shown() == ["CreateKey"]
    emulated.clock.move(seconds=1)
    assert shown() == []


def test_pages_follow_each_other_whatever_happens_meanwhile(aws: Account) -> None:
    for number in range(5):
        aws.client("kms").create_key(Description=str(number))
    pages = (
        aws.client("cloudtrail")
        .get_paginator("lookup_events")
        .paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateKey"}],
            PaginationConfig={"PageSize": 2},
        )
    )
    sizes, told = [], []
    for page in pages:
        aws.client("kms").create_key(Description="meanwhile")
        sizes.append(len(page["Events"]))
        told += [json.loads(one["CloudTrailEvent"])["requestParameters"]["description"] for one in page["Events"]]
    assert sizes == [2, 2, 1]
    assert told == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"LookupAttributes": [{"AttributeKey": "Colour", "AttributeValue": "x"}]}, "InvalidLookupAttributesException"),
        (
            {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": "x"} for key in ("EventId", "EventName")]},
            "InvalidLookupAttributesException",
        ),
        (
            {
                "LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "x"}],
                "EventCategory": "insight",
            },
            "InvalidLookupAttributesException",
        ),
        ({"StartTime": datetime(2026, 1, 2), "EndTime": datetime(2026, 1, 1)}, "InvalidTimeRangeException"),
        ({"NextToken": "x"}, "InvalidNextTokenException"),
        ({"EventCategory": "management"}, "InvalidEventCategoryException"),
    ],
)
def test_what_is_refused(aws: Account, refused: Refused, given: dict[str, Any], code: str) -> None:
    with refused(code):
        aws.client("cloudtrail").lookup_events(**given)


@pytest.mark.parametrize("most", [0, 51])
def test_a_page_has_1_to_50_events(aws: Account, refused: Refused, most: int) -> None:
    client = aws.client("cloudtrail")
    client.meta.events.register("before-call.cloudtrail.LookupEvents", lambda params, **_: _set_most(params, most))
    with refused("InvalidMaxResultsException"):
        client.lookup_events()


def _set_most(params: dict[str, Any], most: int) -> None:
    params["body"] = json.dumps({"MaxResults": most}).encode()


def test_a_token_is_for_the_same_request_alone(aws: Account, refused: Refused) -> None:
    for _ in range(2):
        aws.client("kms").list_keys()
    token = aws.cloudtrail.lookup_events(MaxResults=1)["NextToken"]
    assert aws.cloudtrail.lookup_events(MaxResults=1, NextToken=token)["Events"]
    with refused("InvalidNextTokenException"):
        aws.cloudtrail.lookup_events(
            NextToken=token, LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListKeys"}]
        )


def test_there_are_no_insights_events(aws: Account) -> None:
    aws.client("kms").list_keys()
    assert aws.cloudtrail.lookup_events(EventCategory="insight")["Events"] == []


def test_public_keys_are_told_by_region_and_time(aws: Account, refused: Refused) -> None:
    [key] = aws.cloudtrail.list_public_keys()["PublicKeyList"]
    assert key["ValidityStartTime"] < datetime.now(UTC) < key["ValidityEndTime"]
    assert aws.cloudtrail.list_public_keys()["PublicKeyList"] == [key]
    [abroad] = aws.client("cloudtrail", ABROAD).list_public_keys()["PublicKeyList"]
    assert abroad["Fingerprint"] != key["Fingerprint"]
    long_ago = datetime.now(UTC) - timedelta(days=9)
    told = aws.cloudtrail.list_public_keys(StartTime=long_ago, EndTime=long_ago + timedelta(days=1))
    assert told["PublicKeyList"] == []
    with refused("InvalidTimeRangeException"):
        aws.cloudtrail.list_public_keys(StartTime=datetime.now(UTC), EndTime=long_ago)


def test_public_keys_are_der_of_pkcs_1(aws: Account) -> None:
    [key] = aws.cloudtrail.list_public_keys()["PublicKeyList"]
    assert isinstance(load_der_public_key(key["Value"]), RSAPublicKey)
    assert key["Value"][:2] == b"\x30\x82"
    assert len(key["Fingerprint"]) == 32
