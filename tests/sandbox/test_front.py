"""What stands before moto: identities, bucket policies, objects as they were put, and nothing that ends in a riddle."""

import gzip
import io
import json
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from tests.integration.aws import Account
from tests.patience import seconds
from tests.sandbox.conftest import Refused
from tests.sandbox.identities import written


def with_key(aws: Account, service: str, key: str, token: str | None = None) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the types know literal names only
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


# Identities.


def test_twelve_digits_are_the_accounts_root(aws: Account) -> None:
    identity = aws.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (aws.number, f"arn:aws:iam::{aws.number}:root")
    assert identity["UserId"] == aws.number


def test_a_users_key_is_of_its_account(aws: Account) -> None:
    aws.client("iam").create_user(UserName="alice")
    key = aws.client("iam").create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    identity = with_key(aws, "sts", key).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (aws.number, f"arn:aws:iam::{aws.number}:user/alice")


def test_a_sessions_key_is_of_the_roles_account(aws: Account, another: Account, trail: str) -> None:
    trusting = {"Effect": "Allow", "Principal": {"AWS": another.number}, "Action": "sts:AssumeRole"}
    allowing = {"Effect": "Allow", "Action": "cloudtrail:ListTrails", "Resource": "*"}
    iam = aws.client("iam")
    iam.create_role(RoleName="auditor", AssumeRolePolicyDocument=written(trusting))
    iam.put_role_policy(RoleName="auditor", PolicyName="list", PolicyDocument=written(allowing))
    session = another.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{aws.number}:role/auditor", RoleSessionName="tests"
    )["Credentials"]
    key, token = session["AccessKeyId"], session["SessionToken"]
    arn = f"arn:aws:sts::{aws.number}:assumed-role/auditor/tests"
    assert with_key(aws, "sts", key, token).get_caller_identity()["Arn"] == arn
    assert [one["TrailARN"] for one in with_key(aws, "cloudtrail", key, token).list_trails()["Trails"]] == [trail]
    assert aws.calls()[-1]["caller"] == arn


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("cloudtrail", "list_trails", "UnrecognizedClientException"),
        ("kms", "list_keys", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("iam", "list_roles", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_keys_that_nobody_has(aws: Account, refused: Refused, service: str, operation: str, code: str) -> None:
    with refused(code):
        getattr(with_key(aws, service, "AKIAIOSFODNN7EXAMPLE"), operation)()


def test_unsigned_requests(endpoint: str) -> None:
    answer = requests.get(f"{endpoint}/some-bucket", timeout=seconds(30))
    assert (answer.status_code, "<Code>AccessDenied</Code>" in answer.text) == (403, True)


# Bucket policies.


def document(bucket: str, **members: Any) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | members]})


def test_a_policy_comes_back_as_it_was_put(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3")
    policy = aws.bucket_document(bucket, "trail")
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy


def test_no_policy(aws: Account, bucket: str, refused: Refused) -> None:
    s3 = aws.client("s3")
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


def test_a_deny_does_not_lock_the_administrator_out(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3")
    arn = f"arn:aws:s3:::{bucket}"
    secure = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}, "Resource": [arn, f"{arn}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=document(bucket, **secure))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "[]",
        "{}",
        json.dumps({"Version": "2012-10-17", "Statement": []}),
        json.dumps({"Version": "2020-01-01", "Statement": [{"Effect": "Allow"}]}),
        document("another-bucket"),
        document("{bucket}", Action="sns:Publish"),
        document("{bucket}", Effect="Permit"),
        document("{bucket}", Principal={"Service": 7}),
        document("{bucket}", Condition={"StringLooksLike": {"aws:SourceArn": "x"}}),
        document("{bucket}", Extra="x"),
    ],
)
def test_malformed_policies_are_refused(aws: Account, bucket: str, refused: Refused, policy: str) -> None:
    s3 = aws.client("s3")
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy.replace("{bucket}", bucket))
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == before


def test_malformed_policies_of_keys_and_topics(aws: Account, refused: Refused) -> None:
    key, topic = aws.key("trail"), aws.topic("notify", "trail")
    with refused("MalformedPolicyDocumentException"):
        aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy='{"Statement": [{}]}')
    with refused("InvalidParameter"):
        aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue="{}")


def test_a_bucket_of_another_account(aws: Account, another: Account, bucket: str, refused: Refused) -> None:
    stranger = another.client("s3")
    for call in (stranger.get_bucket_policy, stranger.head_bucket, stranger.list_objects_v2):
        with refused("403" if call.__name__ == "head_bucket" else "AccessDenied"):
            call(Bucket=bucket)
    with refused("AccessDenied"):
        stranger.delete_bucket(Bucket=bucket)


def test_a_policy_can_let_another_account_in_but_not_to_the_policy(
    aws: Account, another: Account, bucket: str, refused: Refused
) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    open_to = {"Effect": "Allow", "Principal": {"AWS": another.number}, "Resource": [arn, f"{arn}/*"]}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(bucket, **open_to))
    another.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    another.client("s3").head_bucket(Bucket=bucket)
    with refused("MethodNotAllowed"):
        another.client("s3").get_bucket_policy(Bucket=bucket)


def test_the_expected_owner(aws: Account, another: Account, bucket: str, refused: Refused) -> None:
    aws.client("s3").get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=aws.number)
    with refused("AccessDenied"):
        aws.client("s3").get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=another.number)


def test_a_key_of_another_account(aws: Account, another: Account, refused: Refused) -> None:
    key = aws.key("trail")
    kms = another.client("kms")
    for call in (kms.describe_key, kms.get_key_rotation_status, kms.get_key_policy):
        with refused("AccessDeniedException"):
            call(KeyId=key)
    everybody = {"Effect": "Allow", "Principal": {"AWS": another.number}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["AWSAccountId"] == aws.number
    with refused("AccessDeniedException"):
        kms.get_key_policy(KeyId=key)


def test_a_topic_of_another_account(aws: Account, another: Account, refused: Refused) -> None:
    topic = aws.topic("notify", "trail")
    with refused("AuthorizationError"):
        another.client("sns").get_topic_attributes(TopicArn=topic)
    reader = {"Effect": "Allow", "Principal": {"AWS": another.number}, "Action": "SNS:Get*", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [reader]})
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    assert another.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["TopicArn"] == topic


# Objects.


@pytest.mark.parametrize("key", ["plain", "a/b/c.json.gz", "ü ö/ä+b%2Fc?d=e&f", "..//x", "a=b;c,d"])
def test_keys_and_metadata_come_back(aws: Account, bucket: str, key: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=b"\x00\xff" * 100, Metadata={"under_score": "1", "dash-ed": "2"})
    found = s3.get_object(Bucket=bucket, Key=key)
    assert found["Body"].read() == b"\x00\xff" * 100
    assert found["Metadata"] == {"under_score": "1", "dash-ed": "2"}
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == 200
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_objects_that_are_stored_compressed_stay_so(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3")
    body = gzip.compress(b"text" * 100)
    s3.put_object(Bucket=bucket, Key="k", Body=body, ContentEncoding="gzip")
    found = s3.get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["ContentEncoding"]) == (body, "gzip")


def test_large_objects(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.upload_fileobj(io.BytesIO(b"x" * 20_000_000), bucket, "large")
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == 20_000_000


def test_presigned_urls(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id=aws.number,
        aws_secret_access_key="secret",
        config=Config(signature_version="s3v4"),
    ).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert requests.get(url, timeout=seconds(30)).content == b"x"


# The rest of moto.


def test_an_operation_that_moto_does_not_know(aws: Account, refused: Refused) -> None:
    with refused("NotImplemented"):
        with_key(aws, "kms", aws.number).describe_custom_key_stores()


def test_services_answer_in_their_region(aws: Account) -> None:
    aws.client("sns", "eu-west-1").create_topic(Name="west")
    assert aws.client("sns").list_topics()["Topics"] == []
    assert len(aws.client("sns", "eu-west-1").list_topics()["Topics"]) == 1


def test_a_notification_reaches_a_queue(aws: Account, bucket: str) -> None:
    topic = aws.topic("notify", "trail")
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, SnsTopicName=topic)
    aws.cloudtrail.start_logging(Name="trail")
    aws.deliver()
    message = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert json.loads(message["Message"])["s3Bucket"] == bucket


@pytest.mark.parametrize(
    ("service", "headers", "body", "status", "code"),
    [
        ("kms", {"X-Amz-Target": "TrentService.Nothing"}, "{}", 400, "UnknownOperationException"),
        ("iam", {}, "Action=Nothing&Version=2010-05-08", 400, "InvalidAction"),
        ("s3", {}, "", 405, "MethodNotAllowed"),
    ],
)
def test_operations_that_are_none(
    aws: Account, service: str, headers: dict[str, str], body: str, status: int, code: str
) -> None:
    credential = f"{aws.number}/20261123/us-east-1/{service}/aws4_request"
    content = "application/x-amz-json-1.1" if body == "{}" else "application/x-www-form-urlencoded"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"}
    method = "PATCH" if service == "s3" else "POST"
    answer = requests.request(
        method, aws.endpoint, data=body, headers={"Content-Type": content} | signed | headers, timeout=seconds(30)
    )
    assert (answer.status_code, code in answer.text) == (status, True)


def test_unsigned_requests_to_cloudtrail(endpoint: str) -> None:
    target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails"
    answer = requests.post(endpoint, data="{}", headers={"X-Amz-Target": target}, timeout=seconds(30))
    assert (answer.status_code, answer.json()["__type"]) == (400, "MissingAuthenticationTokenException")
