"""What records say of the calls that a trail's dependencies are changed by, and of who made them.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import json
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.sandbox.identities import allow, assume, client, role, trusting, user

ABROAD = "eu-west-1"


def record(aws: Account, name: str, region: str = REGION) -> dict[str, Any]:
    """The record of the newest event of a name."""
    events = aws.client("cloudtrail", region).lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}]
    )["Events"]
    assert events[0]["EventName"] == name
    found: dict[str, Any] = json.loads(events[0]["CloudTrailEvent"])
    return found


def arns(found: dict[str, Any]) -> list[str]:
    return [one["ARN"] for one in found["resources"]]


def test_a_bucket_policy_is_told_as_s3_does(aws: Account) -> None:
    bucket = aws.bucket(f"b-{aws.number}", "trail")
    document = aws.bucket_document(bucket, "trail")
    assert record(aws, "PutBucketPolicy")["requestParameters"] == {
        "bucketPolicy": document,
        "bucketName": bucket,
        "Host": f"s3.{REGION}.amazonaws.com",
        "policy": "",
    }


LIFECYCLE = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
BLOCK = {"BlockPublicAcls": True}


@pytest.mark.parametrize(
    ("call", "parameters", "name"),
    [
        ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": LIFECYCLE}, "PutBucketLifecycle"),
        ("put_public_access_block", {"PublicAccessBlockConfiguration": BLOCK}, "PutBucketPublicAccessBlock"),
        ("delete_public_access_block", {}, "DeleteBucketPublicAccessBlock"),
        ("delete_bucket_policy", {}, "DeleteBucketPolicy"),
    ],
)
def test_some_of_s3s_calls_are_recorded_by_another_name(
    aws: Account, call: str, parameters: dict[str, Any], name: str
) -> None:
    bucket = f"b-{aws.number}"
    aws.client("s3").create_bucket(Bucket=bucket)
    getattr(aws.client("s3"), call)(Bucket=bucket, **parameters)
    assert record(aws, name)["requestParameters"]["bucketName"] == bucket


def test_a_deleted_bucket_is_told_in_the_region_that_it_was_in(aws: Account) -> None:
    bucket = f"b-{aws.number}"
    where = {"CreateBucketConfiguration": {"LocationConstraint": ABROAD}}
    aws.client("s3", ABROAD).create_bucket(Bucket=bucket, **where)
    aws.client("s3").delete_bucket(Bucket=bucket)
    assert record(aws, "DeleteBucket", ABROAD)["requestParameters"] == {"bucketName": bucket}


def test_calls_about_aliases_name_the_alias_and_its_key(aws: Account) -> None:
    kms = aws.client("kms")
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    alias = f"arn:aws:kms:{REGION}:{aws.number}:alias/a"
    kms.create_alias(AliasName="alias/a", TargetKeyId=first)
    assert arns(record(aws, "CreateAlias")) == [alias, first]
    kms.update_alias(AliasName="alias/a", TargetKeyId=second.rpartition("/")[2])
    assert arns(record(aws, "UpdateAlias")) == [alias, second]
    kms.delete_alias(AliasName="alias/a")
    deleted = record(aws, "DeleteAlias")
    assert arns(deleted) == [alias, second]
    assert deleted["requestParameters"] == {"aliasName": "alias/a"}


def test_calls_about_keys_name_the_key_by_its_arn(aws: Account) -> None:
    kms = aws.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=arn.rpartition("/")[2])
    disabled = record(aws, "DisableKey")
    assert disabled["requestParameters"] == {"keyId": arn.rpartition("/")[2]}
    assert arns(disabled) == [arn]
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert arns(record(aws, "ScheduleKeyDeletion")) == [arn]


def test_a_session_is_told_with_its_source_identity(aws: Account) -> None:
    trusted = trusting(aws.number, "sts:AssumeRole", "sts:SetSourceIdentity")
    arn = role(aws, allow("kms:*"), trust=trusted)
    keys = user(aws, allow("sts:*"))
    session = assume(client(aws, "sts", keys), arn, SourceIdentity="alice@example.com")
    client(aws, "kms", session).list_keys()
    identity = record(aws, "ListKeys")["userIdentity"]
    assert (identity["type"], identity["arn"].rpartition(":")[2]) == ("AssumedRole", "assumed-role/auditor/tests")
    assert identity["sessionContext"]["sourceIdentity"] == "alice@example.com"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == arn
    client(aws, "kms", assume(client(aws, "sts", keys), arn)).list_keys()
    assert "sourceIdentity" not in record(aws, "ListKeys")["userIdentity"]["sessionContext"]


def test_a_service_that_calls_for_somebody_is_told(aws: Account) -> None:
    kms = aws.client("kms")
    service = "cloudformation.amazonaws.com"

    def invoke(request: Any, **_: Any) -> None:
        request.headers["x-sandbox-invoked-by"] = service

    kms.meta.events.register("before-send.kms.ListKeys", invoke)
    kms.list_keys()
    found = record(aws, "ListKeys")
    assert (found["userIdentity"]["type"], found["userIdentity"]["invokedBy"]) == ("Root", service)
    assert (found["sourceIPAddress"], found["userAgent"]) == (service, service)
