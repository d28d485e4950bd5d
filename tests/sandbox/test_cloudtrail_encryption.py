"""The emulator's checks of the bucket's default key and the topic's key: its setting, and codes that are unverified.

Facts about AWS: tests/conformance/test_dependencies.py.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused, create, put_settings

SERVICE = {"Service": "cloudtrail.amazonaws.com"}
BAD_TOPIC = "SNS Topic does not exist or the topic policy is incorrect!"


def put_policy(aws: Account, key: str, actions: Sequence[str], condition: dict[str, Any] | None = None) -> None:
    root = {"AWS": f"arn:aws:iam::{aws.number}:root"}
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}]
    if actions:
        statement = {"Effect": "Allow", "Principal": SERVICE, "Action": list(actions), "Resource": "*"}
        statements.append(statement | ({"Condition": condition} if condition else {}))
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


def key_for(aws: Account, *actions: str, condition: dict[str, Any] | None = None) -> str:
    """A key that CloudTrail may do this with; its ARN."""
    arn: str = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    put_policy(aws, arn, actions, condition)
    return arn


def encrypt(
    aws: Account, bucket: str, key: str | None, *, algorithm: str = "aws:kms", bucket_key: bool = False
) -> None:
    """Set a bucket's default encryption."""
    by_default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": bucket_key}
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


@pytest.fixture(params=[False, True], ids=["without Decrypt", "with Decrypt"])
def needs_decrypt(request: pytest.FixtureRequest, endpoint: str) -> Iterator[bool]:
    """Whether the bucket's default key needs Decrypt as well: no source tells, so it is a setting."""
    put_settings(endpoint, default_encryption_needs_decrypt=request.param)
    yield request.param
    put_settings(endpoint, default_encryption_needs_decrypt=False)


# The bucket's default key.


def test_a_default_key_of_nobody_but_the_account(
    aws: Account, bucket: str, refused: Refused, needs_decrypt: bool
) -> None:
    encrypt(aws, bucket, key_for(aws))
    # AWS names no key here: https://github.com/trussworks/terraform-aws-cloudtrail/issues/186
    with refused(
        "InsufficientEncryptionPolicyException",
        f"Insufficient permissions to access S3 bucket {bucket} or KMS key None",
    ):
        create(aws, bucket)


def test_a_default_key_that_lets_cloudtrail_make_data_keys(
    aws: Account, bucket: str, refused: Refused, needs_decrypt: bool
) -> None:
    key = key_for(aws, "kms:GenerateDataKey*")
    encrypt(aws, bucket, key)
    if needs_decrypt:
        with refused("InsufficientEncryptionPolicyException"):
            create(aws, bucket)
        put_policy(aws, key, ["kms:GenerateDataKey*", "kms:Decrypt"])
    create(aws, bucket)


def test_a_default_key_with_a_bucket_key_needs_decrypt(
    aws: Account, bucket: str, refused: Refused, needs_decrypt: bool
) -> None:
    key = key_for(aws, "kms:GenerateDataKey*")
    encrypt(aws, bucket, key, bucket_key=True)
    with refused("InsufficientEncryptionPolicyException"):
        create(aws, bucket)
    put_policy(aws, key, ["kms:GenerateDataKey*", "kms:Decrypt"])
    create(aws, bucket)


def test_a_default_key_is_not_asked_for_in_cloudtrails_encryption_context(
    aws: Account, bucket: str, refused: Refused, needs_decrypt: bool
) -> None:
    """It is S3 that encrypts: the context is the object's."""
    trails = {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{aws.number}:trail/*"}}
    key = key_for(aws, "kms:GenerateDataKey*", "kms:Decrypt", condition=trails)
    encrypt(aws, bucket, key)
    with refused("InsufficientEncryptionPolicyException"):
        create(aws, bucket)
    objects = {"StringLike": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}*"}}
    put_policy(aws, key, ["kms:GenerateDataKey*", "kms:Decrypt"], objects)
    create(aws, bucket)


def test_the_trails_own_key_goes_before_the_default_one(aws: Account, bucket: str, needs_decrypt: bool) -> None:
    encrypt(aws, bucket, key_for(aws))
    create(aws, bucket, KmsKeyId=aws.key("trail"))


@pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
@pytest.mark.parametrize("named", [False, True])
def test_a_default_key_that_aws_manages(
    aws: Account, bucket: str, refused: Refused, algorithm: str, named: bool
) -> None:
    """Without a key's name the default is that of S3."""
    encrypt(aws, bucket, "alias/aws/s3" if named else None, algorithm=algorithm)
    with refused("InsufficientEncryptionPolicyException"):
        create(aws, bucket)
    encrypt(aws, bucket, None, algorithm="AES256")
    create(aws, bucket)


def test_a_default_key_that_is_disabled(aws: Account, bucket: str, refused: Refused) -> None:
    key = key_for(aws, "kms:GenerateDataKey*", "kms:Decrypt")
    encrypt(aws, bucket, key)
    aws.client("kms").disable_key(KeyId=key)
    with refused("KmsException"):
        create(aws, bucket)


def test_a_default_key_that_refuses_later_stops_deliveries(aws: Account, bucket: str) -> None:
    key = key_for(aws, "kms:GenerateDataKey*", "kms:Decrypt")
    encrypt(aws, bucket, key)
    create(aws, bucket)
    aws.cloudtrail.start_logging(Name="trail")
    put_policy(aws, key, [])
    aws.client("sqs").list_queues()
    aws.deliver()
    assert aws.cloudtrail.get_trail_status(Name="trail")["LatestDeliveryError"] == "AccessDenied"


# The topic's key.


def topic_with(aws: Account, key: str) -> str:
    arn = aws.topic("notify", "trail")
    aws.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=key)
    return arn


@pytest.mark.parametrize("actions", [(), ("kms:GenerateDataKey*",), ("kms:Decrypt",)])
def test_a_topics_key_needs_both(aws: Account, bucket: str, refused: Refused, actions: Sequence[str]) -> None:
    key = key_for(aws, *actions)
    topic = topic_with(aws, key)
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName=topic)
    put_policy(aws, key, ["kms:GenerateDataKey*", "kms:Decrypt"])
    create(aws, bucket, SnsTopicName=topic)


def test_a_topics_key_is_not_asked_for_in_cloudtrails_encryption_context(
    aws: Account, bucket: str, refused: Refused
) -> None:
    trails = {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "*"}}
    key = key_for(aws, "kms:GenerateDataKey*", "kms:Decrypt", condition=trails)
    topic = topic_with(aws, key)
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName=topic)
    put_policy(
        aws,
        key,
        ["kms:GenerateDataKey*", "kms:Decrypt"],
        {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic}},
    )
    create(aws, bucket, SnsTopicName=topic)


def test_a_topic_with_the_arn_of_the_key_that_aws_manages(aws: Account, bucket: str, refused: Refused) -> None:
    managed = aws.client("kms").describe_key(KeyId="alias/aws/sns")["KeyMetadata"]["Arn"]
    topic = topic_with(aws, managed)
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName=topic)


def test_a_topics_key_that_is_disabled(aws: Account, bucket: str, refused: Refused) -> None:
    key = key_for(aws, "kms:GenerateDataKey*", "kms:Decrypt")
    topic = topic_with(aws, key)
    aws.client("kms").disable_key(KeyId=key)
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName=topic)
    aws.client("kms").enable_key(KeyId=key)
    create(aws, bucket, SnsTopicName=topic)


@pytest.mark.parametrize("trouble", ["KMSAccessDenied", "KMSDisabled", "KMSNotFound"])
def test_a_topics_key_that_refuses_later_stops_notifications(aws: Account, bucket: str, trouble: str) -> None:
    """https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors."""
    key = key_for(aws, "kms:GenerateDataKey*", "kms:Decrypt")
    topic = topic_with(aws, key)
    create(aws, bucket, SnsTopicName=topic)
    aws.cloudtrail.start_logging(Name="trail")
    if trouble == "KMSAccessDenied":
        put_policy(aws, key, [])
    elif trouble == "KMSDisabled":
        aws.client("kms").disable_key(KeyId=key)
    else:
        attribute = {"AttributeName": "KmsMasterKeyId", "AttributeValue": "alias/none"}
        aws.client("sns").set_topic_attributes(TopicArn=topic, **attribute)
    aws.client("sqs").list_queues()
    aws.deliver()
    status = aws.cloudtrail.get_trail_status(Name="trail")
    assert status["LatestNotificationError"] == trouble
    assert "LatestDeliveryError" not in status


# Requester Pays.


def pays(aws: Account, bucket: str, payer: str) -> None:
    aws.client("s3").put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": payer})


def test_who_pays_for_requests_can_be_set_and_read(aws: Account, bucket: str, refused: Refused) -> None:
    s3 = aws.client("s3")
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    for payer in ("Requester", "BucketOwner"):
        pays(aws, bucket, payer)
        assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == payer
    with refused("MalformedXML"):
        pays(aws, bucket, "Nobody")
    with refused("NoSuchBucket"):
        s3.get_bucket_request_payment(Bucket=f"none-{aws.number}")
    assert s3.get_bucket_location(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_bucket_for_which_requesters_pay_later_stops_deliveries(aws: Account, bucket: str) -> None:
    create(aws, bucket)
    aws.cloudtrail.start_logging(Name="trail")
    pays(aws, bucket, "Requester")
    aws.client("sqs").list_queues()
    aws.deliver()
    assert aws.cloudtrail.get_trail_status(Name="trail")["LatestDeliveryError"] == "AccessDenied"


def test_who_pays_goes_with_the_bucket(aws: Account) -> None:
    name, s3 = f"again-{aws.number}", aws.client("s3")
    s3.create_bucket(Bucket=name)
    pays(aws, name, "Requester")
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    assert s3.get_bucket_request_payment(Bucket=name)["Payer"] == "BucketOwner"
