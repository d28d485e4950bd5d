"""The requests of the emulated CloudTrail: condition keys, its old accounts, boundaries of a log role.

Facts about AWS: tests/conformance/test_bucket_policies.py and test_dependencies.py.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.aws import Account, trust
from tests.sandbox.conftest import Refused, create
from tests.sandbox.identities import written
from tests.sandbox.organizations import Organization

SERVICE = {"Service": "cloudtrail.amazonaws.com"}
NOT_PERMITTED = "Access denied. Check the permissions for your role."


def allow(resource: Any, action: Any, condition: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": SERVICE, "Action": action, "Resource": resource} | members
    return statement | ({"Condition": dict(condition)} if condition else {})


def with_condition(aws: Account, bucket: str, condition: Mapping[str, Any], principal: Any = SERVICE) -> None:
    """Let CloudTrail into a bucket under a condition."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    document = written(allow(resources, ["s3:GetBucketAcl", "s3:PutObject"], condition, Principal=principal))
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document)


# Of an account without an organization.
ABSENT = ["aws:SourceOrgID", "aws:SourceOrgPaths", "aws:ResourceOrgID"]


@pytest.mark.parametrize("key", ABSENT)
def test_a_key_that_its_requests_do_not_carry(aws: Account, bucket: str, refused: Refused, key: str) -> None:
    with_condition(aws, bucket, {"Null": {key: "false"}})
    with refused("InsufficientS3BucketPolicyException"):
        create(aws, bucket)
    with_condition(aws, bucket, {"Null": {key: "true"}})
    create(aws, bucket)


def test_its_requests_ask_for_encryption(aws: Account, bucket: str) -> None:
    unencrypted = {"Null": {"s3:x-amz-server-side-encryption": "true"}}
    denial = allow(f"arn:aws:s3:::{bucket}/*", "s3:PutObject", unencrypted, Effect="Deny")
    policy = written(*aws.bucket_document(bucket, "trail")["Statement"], denial)
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    create(aws, bucket)


def test_the_region_and_account_are_those_of_the_bucket(aws: Account, another: Account) -> None:
    name = another.bucket(f"west-{another.number}", "trail", region="eu-west-1")
    condition = {"StringEquals": {"aws:RequestedRegion": "eu-west-1", "aws:ResourceAccount": another.number}}
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    document = written(allow(resources, ["s3:GetBucketAcl", "s3:PutObject"], condition))
    another.client("s3", "eu-west-1").put_bucket_policy(Bucket=name, Policy=document)
    create(aws, name)


def test_the_region_of_a_topic_and_of_keys(aws: Account, bucket: str) -> None:
    topic, key = aws.topic("notify", "trail"), aws.key("trail")
    here = {"StringEquals": {"aws:RequestedRegion": "us-east-1", "aws:ResourceAccount": aws.number}}
    aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=written(allow(topic, "SNS:Publish", here))
    )
    root = allow("*", "kms:*", Principal={"AWS": f"arn:aws:iam::{aws.number}:root"})
    document = written(root, allow("*", ["kms:GenerateDataKey*", "kms:DescribeKey"], here))
    aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=document)
    create(aws, bucket, SnsTopicName=topic, KmsKeyId=key)


def test_only_s3_has_its_own_key_for_the_resource_account(aws: Account, bucket: str, refused: Refused) -> None:
    topic = aws.topic("notify", "trail")
    document = written(allow(topic, "SNS:Publish", {"Null": {"s3:ResourceAccount": "false"}}))
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    with refused("InsufficientSnsTopicPolicyException"):
        create(aws, bucket, SnsTopicName=topic)


def test_the_requests_name_the_organization(aws: Account, bucket: str) -> None:
    organization = Organization(aws)
    path = f"{organization.id}/{organization.client.list_roots()['Roots'][0]['Id']}/"
    conditions: list[dict[str, Any]] = [
        {"StringEquals": {"aws:SourceOrgID": organization.id, "aws:ResourceOrgID": organization.id}},
        {"ForAnyValue:StringEquals": {"aws:SourceOrgPaths": path, "aws:ResourceOrgPaths": path}},
        {"Null": {"aws:PrincipalOrgID": "true", "aws:PrincipalOrgPaths": "true"}},
    ]
    for condition in conditions:
        with_condition(aws, bucket, condition)
        create(aws, bucket)
        aws.cloudtrail.delete_trail(Name="trail")


# CloudTrail's old accounts.


@pytest.mark.parametrize(
    ("region", "number"),
    [("us-east-1", "086441151436"), ("af-south-1", "525921808201"), ("me-central-1", "585772288577")],
)
def test_an_old_account_of_cloudtrails_is_of_one_region(
    aws: Account, bucket: str, refused: Refused, region: str, number: str
) -> None:
    with_condition(aws, bucket, {}, {"AWS": f"arn:aws:iam::{number}:root"})
    aws.client("cloudtrail", region).create_trail(Name="trail", S3BucketName=bucket)
    with refused("InsufficientS3BucketPolicyException"):
        aws.client("cloudtrail", "eu-west-1").create_trail(Name="other", S3BucketName=bucket)


def test_an_old_account_delivers_for_its_region_alone(aws: Account, bucket: str) -> None:
    with_condition(aws, bucket, {}, {"AWS": "arn:aws:iam::086441151436:root"})
    create(aws, bucket, IsMultiRegionTrail=True)
    aws.cloudtrail.start_logging(Name="trail")
    for region in ("us-east-1", "eu-west-1"):
        aws.client("sqs", region).list_queues()
    aws.deliver()
    arn = aws.trail_arn("trail")
    assert "LatestDeliveryError" not in aws.cloudtrail.get_trail_status(Name=arn)
    abroad = aws.client("cloudtrail", "eu-west-1").get_trail_status(Name=arn)
    assert abroad["LatestDeliveryError"] == "AccessDenied"


def test_an_old_account_in_the_policy_of_a_topic(aws: Account, bucket: str, refused: Refused) -> None:
    topic = aws.topic("notify", "trail")
    for number, is_let_in in (("859597730677", False), ("086441151436", True)):
        principal = {"AWS": f"arn:aws:iam::{number}:root"}
        document = written(allow(topic, "SNS:Publish", Principal=principal))
        aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
        if is_let_in:
            create(aws, bucket, SnsTopicName=topic)
        else:
            with refused("InsufficientSnsTopicPolicyException"):
                create(aws, bucket, SnsTopicName=topic)


# The log role.


def boundary(aws: Account, *statements: Mapping[str, Any]) -> str:
    """A managed policy; its ARN."""
    made = aws.client("iam").create_policy(PolicyName="boundary", PolicyDocument=written(*statements))
    arn: str = made["Policy"]["Arn"]
    return arn


def permit(action: Any, **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*"} | members


def logs(aws: Account) -> dict[str, str]:
    group = aws.log_group("events")
    return {"CloudWatchLogsLogGroupArn": f"{group}:*", "CloudWatchLogsRoleArn": aws.role("deliver", group)}


def test_a_boundary_can_deny_what_the_log_role_needs(aws: Account, bucket: str, refused: Refused) -> None:
    given, iam = logs(aws), aws.client("iam")
    denies = boundary(aws, permit("*"), permit("logs:PutLogEvents", Effect="Deny"))
    iam.put_role_permissions_boundary(RoleName="deliver", PermissionsBoundary=denies)
    with refused("InvalidCloudWatchLogsLogGroupArnException", NOT_PERMITTED):
        create(aws, bucket, **given)
    iam.delete_role_permissions_boundary(RoleName="deliver")
    create(aws, bucket, **given)


def test_a_boundary_grants_nothing(aws: Account, bucket: str, refused: Refused) -> None:
    given, iam = logs(aws), aws.client("iam")
    iam.delete_role_policy(RoleName="deliver", PolicyName="logs")
    iam.put_role_permissions_boundary(RoleName="deliver", PermissionsBoundary=boundary(aws, permit("*")))
    with refused("InvalidCloudWatchLogsLogGroupArnException", NOT_PERMITTED):
        create(aws, bucket, **given)


def test_a_boundary_of_awss_own(aws: Account, bucket: str) -> None:
    given = logs(aws)
    arn = "arn:aws:iam::aws:policy/CloudWatchLogsFullAccess"
    aws.client("iam").put_role_permissions_boundary(RoleName="deliver", PermissionsBoundary=arn)
    create(aws, bucket, **given)


@pytest.mark.parametrize(
    ("condition", "may"),
    [
        ({"StringEquals": {"aws:ResourceAccount": "{account}"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
        ({"Bool": {"aws:ViaAWSService": "false"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": "{account}"}}, True),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, False),
        ({"Null": {"aws:SourceAccount": "false"}}, False),
    ],
)
def test_the_keys_of_the_log_roles_requests(
    aws: Account, bucket: str, refused: Refused, condition: dict[str, Any], may: bool
) -> None:
    given = logs(aws)
    statement = permit(["logs:CreateLogStream", "logs:PutLogEvents"], Condition=condition)
    document = written(statement).replace("{account}", aws.number)
    aws.client("iam").put_role_policy(RoleName="deliver", PolicyName="logs", PolicyDocument=document)
    if may:
        create(aws, bucket, **given)
        return
    with refused("InvalidCloudWatchLogsLogGroupArnException", NOT_PERMITTED):
        create(aws, bucket, **given)


def test_the_keys_of_assuming_the_log_role(aws: Account, bucket: str) -> None:
    given, document = logs(aws), trust()
    document["Statement"][0]["Condition"] = {
        "StringEquals": {"aws:ResourceAccount": aws.number},
        "Bool": {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "true"},
    }
    aws.client("iam").update_assume_role_policy(RoleName="deliver", PolicyDocument=json.dumps(document))
    create(aws, bucket, **given)
