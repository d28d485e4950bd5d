"""What a trail depends on: CreateTrail refuses what could not deliver, with AWS's code for each thing.

Policies that AWS prescribes: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/ (create-s3-bucket-policy-for-
cloudtrail, cloudtrail-permissions-for-sns-notifications, create-kms-key-policy-for-cloudtrail,
cloudtrail-required-policy-for-cloudwatch-logs).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws import Account, trust
from tests.sandbox.conftest import Refused, create

SERVICE = {"Service": "cloudtrail.amazonaws.com"}
BAD_TOPIC = "SNS Topic does not exist or the topic policy is incorrect!"
NOT_TRUSTED = "Access denied. Check the trust relationships for your role."
NOT_PERMITTED = "Access denied. Check the permissions for your role."
BAD_LOG_GROUP = "Check the log group ARN: CloudTrail can't validate it"

Policy = dict[str, Any]
Change = Callable[[Policy], object]


# The bucket.


def test_a_missing_bucket(aws: Account, refused: Refused) -> None:
    name = f"none-{aws.number}"
    with refused("S3BucketDoesNotExistException", f"S3 bucket {name} does not exist!"):
        create(aws, name)


def test_a_bucket_without_policy(aws: Account, refused: Refused) -> None:
    name = f"bare-{aws.number}"
    aws.client("s3").create_bucket(Bucket=name)
    with refused("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {name}"):
        create(aws, name)


def acl(policy: Policy) -> dict[str, Any]:
    statement: dict[str, Any] = policy["Statement"][0]
    return statement


def write(policy: Policy) -> dict[str, Any]:
    statement: dict[str, Any] = policy["Statement"][1]
    return statement


def deny(**members: Any) -> Change:
    """Add a Deny for everybody, of everything in the bucket."""

    def change(policy: Policy) -> None:
        bucket = acl(policy)["Resource"]
        everything = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [bucket, f"{bucket}/*"]}
        policy["Statement"].append(everything | members)

    return change


BROKEN: dict[str, Change] = {
    "no GetBucketAcl": lambda p: p["Statement"].pop(0),
    "no PutObject": lambda p: p["Statement"].pop(1),
    "another prefix": lambda p: write(p).update(Resource=write(p)["Resource"].replace("/AWSLogs", "/other/AWSLogs")),
    "another account": lambda p: write(p).update(Resource=write(p)["Resource"].rpartition("/")[0] + "0/*"),
    "another trail": lambda p: write(p)["Condition"]["StringEquals"].update({"aws:SourceArn": "arn:aws:cloudtrail:x"}),
    "another region's trail": lambda p: acl(p)["Condition"]["StringEquals"].update(
        {"aws:SourceArn": acl(p)["Condition"]["StringEquals"]["aws:SourceArn"].replace("us-east-1", "us-east-2")}
    ),
    "another source account": lambda p: acl(p).update(Condition={"StringEquals": {"aws:SourceAccount": "1" * 12}}),
    "another acl": lambda p: write(p)["Condition"]["StringEquals"].update({"s3:x-amz-acl": "private"}),
    "another principal": lambda p: write(p).update(Principal={"Service": "config.amazonaws.com"}),
    "an account as principal": lambda p: acl(p).update(Principal={"AWS": "arn:aws:iam::111122223333:root"}),
    "an organization's": lambda p: write(p).update(Condition={"StringEquals": {"aws:SourceOrgID": "o-abcdefghij"}}),
    "denied": deny(),
    "denied to the service": deny(Principal=SERVICE, Action="s3:PutObject"),
    "denied without a KMS key": deny(
        Action="s3:PutObject", Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    ),
    "denied to other accounts": deny(Condition={"StringNotEquals": {"aws:SourceAccount": "1" * 12}}),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_policies_that_do_not_let_cloudtrail_in(aws: Account, bucket: str, refused: Refused, change: Change) -> None:
    policy = aws.bucket_document(bucket, "trail")
    change(policy)
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    with refused("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"):
        create(aws, bucket)
    aws.bucket_policy(bucket, "trail")
    create(aws, bucket)


FINE: dict[str, Change] = {
    "no conditions but the acl": lambda p: [
        acl(p).pop("Condition"),
        write(p).update(Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),
    ],
    "no conditions at all": lambda p: [acl(p).pop("Condition"), write(p).pop("Condition")],
    "any trail": lambda p: write(p).update(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:*:trail/*"}}),
    "several trails": lambda p: write(p)["Condition"]["StringEquals"].update(
        {"aws:SourceArn": ["arn:aws:cloudtrail:x", write(p)["Condition"]["StringEquals"]["aws:SourceArn"]]}
    ),
    "the whole bucket": lambda p: write(p).update(Resource=acl(p)["Resource"] + "/*"),
    "all actions": lambda p: p.update(Statement=[write(p) | {"Action": "s3:*"}, acl(p) | {"Action": ["s3:Get*"]}]),
    "denied over plain HTTP": deny(Condition={"Bool": {"aws:SecureTransport": "false"}}),
    "denied to all but services": deny(Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}),
    "denied without encryption": deny(
        Action="s3:PutObject", Condition={"Null": {"s3:x-amz-server-side-encryption": "true"}}
    ),
    "denied to strangers": deny(
        NotPrincipal={"Service": ["cloudtrail.amazonaws.com"]}, Principal=None, Action="s3:DeleteObject"
    ),
    "denied elsewhere": lambda p: deny(Resource=acl(p)["Resource"] + "/private/*")(p),
}


@pytest.mark.parametrize("change", FINE.values(), ids=FINE)
def test_policies_that_let_cloudtrail_in(aws: Account, bucket: str, change: Change) -> None:
    policy = aws.bucket_document(bucket, "trail")
    change(policy)
    for statement in policy["Statement"]:
        if statement.get("Principal", "") is None:
            del statement["Principal"]
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    create(aws, bucket)


def test_the_prefix_is_part_of_what_the_policy_must_allow(aws: Account, bucket: str, refused: Refused) -> None:
    with refused("InsufficientS3BucketPolicyException"):
        create(aws, bucket, S3KeyPrefix="audit")
    aws.bucket_policy(bucket, "trail", prefix="audit")
    create(aws, bucket, S3KeyPrefix="audit")


def test_a_bucket_of_another_account_and_region(aws: Account, another: Account) -> None:
    name = f"central-{another.number}"
    another.bucket(name, "unused", region="eu-west-1")
    policy = aws.bucket_document(name, "trail")
    another.client("s3", "eu-west-1").put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    create(aws, name)


# The topic.


def test_a_missing_topic(aws: Account, bucket: str, refused: Refused) -> None:
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName="none")
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName=f"arn:aws:sns:us-east-1:{aws.number}:none")


def test_a_topic_with_the_policy_that_sns_gives_it(aws: Account, bucket: str, refused: Refused) -> None:
    aws.client("sns").create_topic(Name="plain")
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName="plain")


def test_a_topic_for_another_trail(aws: Account, bucket: str, refused: Refused) -> None:
    aws.topic("notify", "another")
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName="notify")


@pytest.mark.parametrize("by_arn", [False, True])
def test_a_topic_by_name_and_by_arn(aws: Account, bucket: str, by_arn: bool) -> None:
    arn = aws.topic("notify", "trail")
    answer = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, SnsTopicName=arn if by_arn else "notify")
    assert answer["SnsTopicARN"] == arn


def test_an_encrypted_topic_needs_its_key(aws: Account, bucket: str, refused: Refused) -> None:
    arn, key = aws.topic("notify", "trail"), aws.key("trail")
    aws.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=key)
    with refused("InsufficientSnsTopicPolicyException", BAD_TOPIC):
        create(aws, bucket, SnsTopicName="notify")
    put_key_policy(aws, key, "kms:GenerateDataKey*", "kms:Decrypt")
    create(aws, bucket, SnsTopicName="notify")


# The key.


def put_key_policy(aws: Account, key: str, *actions: str, **members: Any) -> None:
    root = {"AWS": f"arn:aws:iam::{aws.number}:root"}
    statements = [
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": SERVICE, "Action": list(actions), "Resource": "*"} | members,
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)


NO_KEYS = [
    "alias/none",
    "2f9f1b0e-3b1c-4f0e-9d56-6a0e6f2f1a11",
    "arn:aws:kms:us-east-1:{account}:key/2f9f1b0e-3b1c-4f0e-9d56-6a0e6f2f1a11",
    "arn:aws:kms:us-east-1:{account}:alias/none",
]


@pytest.mark.parametrize("key", NO_KEYS)
def test_a_missing_key(aws: Account, bucket: str, refused: Refused, key: str) -> None:
    with refused("KmsKeyNotFoundException"):
        create(aws, bucket, KmsKeyId=key.format(account=aws.number))


def test_a_key_in_another_region_than_the_bucket(aws: Account, bucket: str, refused: Refused) -> None:
    with refused("KmsKeyNotFoundException"):
        create(aws, bucket, KmsKeyId=aws.key("trail", region="eu-west-1"))


def test_the_key_is_where_the_bucket_is_and_not_where_the_trail_is(aws: Account, refused: Refused) -> None:
    name = aws.bucket(f"west-{aws.number}", "trail", region="eu-west-1")
    with refused("KmsKeyNotFoundException"):
        create(aws, name, KmsKeyId=aws.key("trail"))
    create(aws, name, KmsKeyId=aws.key("trail", region="eu-west-1"))


def test_a_disabled_key(aws: Account, bucket: str, refused: Refused) -> None:
    key = aws.key("trail")
    aws.client("kms").disable_key(KeyId=key)
    with refused("KmsException"):
        create(aws, bucket, KmsKeyId=key)
    aws.client("kms").enable_key(KeyId=key)
    create(aws, bucket, KmsKeyId=key)


def test_a_key_that_is_to_be_deleted(aws: Account, bucket: str, refused: Refused) -> None:
    key = aws.key("trail")
    aws.client("kms").schedule_key_deletion(KeyId=key)
    with refused("KmsException"):
        create(aws, bucket, KmsKeyId=key)


def test_an_asymmetric_key(aws: Account, bucket: str, refused: Refused) -> None:
    key = aws.client("kms").create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="RSA_2048")["KeyMetadata"]["Arn"]
    with refused("KmsException"):
        create(aws, bucket, KmsKeyId=key)


BAD_KEY_POLICIES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "no GenerateDataKey": (("kms:DescribeKey",), {}),
    "no DescribeKey": (("kms:GenerateDataKey*",), {}),
    "another context": (
        ("kms:GenerateDataKey*", "kms:DescribeKey"),
        {"Condition": {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:1:trail/*"}}},
    ),
    "another trail": (
        ("kms:GenerateDataKey*", "kms:DescribeKey"),
        {"Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:us-east-1:1:trail/x"}}},
    ),
    "another service": (("kms:GenerateDataKey*", "kms:DescribeKey"), {"Principal": {"Service": "s3.amazonaws.com"}}),
}


@pytest.mark.parametrize(("actions", "members"), BAD_KEY_POLICIES.values(), ids=BAD_KEY_POLICIES)
def test_key_policies_that_do_not_let_cloudtrail_in(
    aws: Account, bucket: str, refused: Refused, actions: tuple[str, ...], members: dict[str, Any]
) -> None:
    key = aws.key("trail")
    put_key_policy(aws, key, *actions, **members)
    message = f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key}"
    with refused("InsufficientEncryptionPolicyException", message):
        create(aws, bucket, KmsKeyId=key)


def test_a_bucket_with_bucket_keys_needs_decrypt(aws: Account, bucket: str, refused: Refused) -> None:
    key = aws.key("trail")
    put_key_policy(aws, key, "kms:GenerateDataKey*", "kms:DescribeKey")
    encrypt_bucket(aws, bucket, key, bucket_key=True)
    with refused("InsufficientEncryptionPolicyException"):
        create(aws, bucket, KmsKeyId=key)
    put_key_policy(aws, key, "kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt")
    create(aws, bucket, KmsKeyId=key)


def encrypt_bucket(aws: Account, bucket: str, key: str, *, bucket_key: bool) -> None:
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": bucket_key}
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


@pytest.mark.parametrize("spelling", ["alias", "alias ARN", "id", "ARN"])
def test_a_key_however_spelt_is_its_arn(aws: Account, bucket: str, spelling: str) -> None:
    arn = aws.key("trail", alias="logs")
    spelt = {
        "alias": "alias/logs",
        "alias ARN": f"arn:aws:kms:us-east-1:{aws.number}:alias/logs",
        "id": arn.rpartition("/")[2],
        "ARN": arn,
    }[spelling]
    answer = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, KmsKeyId=spelt)
    assert answer["KmsKeyId"] == arn
    assert aws.cloudtrail.get_trail(Name="trail")["Trail"]["KmsKeyId"] == arn


def test_a_key_of_another_account(aws: Account, another: Account, bucket: str) -> None:
    key = another.key("trail")
    another.client("kms").put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=json.dumps(
            {"Statement": [{"Effect": "Allow", "Principal": SERVICE, "Action": "kms:*", "Resource": "*"}]}
        ),
    )
    create(aws, bucket, KmsKeyId=key)


# The log group and its role.


def create_with_logs(aws: Account, bucket: str, group: str, role: str) -> None:
    create(aws, bucket, CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=role)


def test_a_role_and_a_log_group_come_together(aws: Account, bucket: str, refused: Refused) -> None:
    group = aws.log_group("events")
    role = aws.role("deliver", group)
    with refused("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group."):
        create(aws, bucket, CloudWatchLogsLogGroupArn=f"{group}:*")
    with refused("InvalidCloudWatchLogsLogGroupArnException"):
        create(aws, bucket, CloudWatchLogsRoleArn=role)
    create_with_logs(aws, bucket, f"{group}:*", role)


BAD_LOG_GROUPS = [
    "arn:aws:logs:us-east-1:{account}:log-group:events",
    "arn:aws:logs:us-east-1:{account}:log-group:events:*:*",
    "arn:aws:logs:us-east-1:{account}:log-group:none:*",
    "arn:aws:logs:us-east-1:111111111111:log-group:events:*",
    "events",
]


def test_a_log_group_of_another_region(aws: Account, bucket: str, refused: Refused) -> None:
    role = aws.role("deliver", aws.log_group("events"))
    aws.client("logs", "eu-west-1").create_log_group(logGroupName="events")
    with refused(
        "InvalidCloudWatchLogsLogGroupArnException", "You must specify a log group that is in the current region."
    ):
        create_with_logs(aws, bucket, f"arn:aws:logs:eu-west-1:{aws.number}:log-group:events:*", role)


@pytest.mark.parametrize("group", BAD_LOG_GROUPS)
def test_log_groups_that_cloudtrail_cannot_validate(aws: Account, bucket: str, refused: Refused, group: str) -> None:
    role = aws.role("deliver", aws.log_group("events"))
    with refused("InvalidCloudWatchLogsLogGroupArnException", BAD_LOG_GROUP):
        create_with_logs(aws, bucket, group.format(account=aws.number), role)


def test_a_missing_role_and_one_that_trusts_another_are_answered_alike(
    aws: Account, bucket: str, refused: Refused
) -> None:
    group = aws.log_group("events")
    role = f"arn:aws:iam::{aws.number}:role/deliver"
    with refused("InvalidCloudWatchLogsRoleArnException", NOT_TRUSTED):
        create_with_logs(aws, bucket, f"{group}:*", role)
    aws.role("deliver", group)
    other = json.dumps(trust("config.amazonaws.com"))
    aws.client("iam").update_assume_role_policy(RoleName="deliver", PolicyDocument=other)
    with refused("InvalidCloudWatchLogsRoleArnException", NOT_TRUSTED):
        create_with_logs(aws, bucket, f"{group}:*", role)
    aws.client("iam").update_assume_role_policy(RoleName="deliver", PolicyDocument=json.dumps(trust()))
    create_with_logs(aws, bucket, f"{group}:*", role)


def test_a_trust_policy_may_not_ask_for_the_source(aws: Account, bucket: str, refused: Refused) -> None:
    group = aws.log_group("events")
    role = aws.role("deliver", group)
    asking = trust()
    asking["Statement"][0]["Condition"] = {"StringEquals": {"aws:SourceAccount": aws.number}}
    aws.client("iam").update_assume_role_policy(RoleName="deliver", PolicyDocument=json.dumps(asking))
    with refused("InvalidCloudWatchLogsRoleArnException", NOT_TRUSTED):
        create_with_logs(aws, bucket, f"{group}:*", role)


BAD_ROLE_POLICIES: dict[str, dict[str, Any]] = {
    "no CreateLogStream": {"Action": "logs:PutLogEvents", "Resource": "*"},
    "no PutLogEvents": {"Action": "logs:CreateLogStream", "Resource": "*"},
    "another group": {"Action": "logs:*", "Resource": "arn:aws:logs:us-east-1:*:log-group:other:*"},
    "another region": {"Action": "logs:*", "Resource": "arn:aws:logs:eu-west-1:*:log-group:events:*"},
    "another stream": {"Action": "logs:*", "Resource": "arn:aws:logs:*:*:log-group:events:log-stream:other"},
    "denied": {"Effect": "Deny", "Action": "logs:*", "Resource": "*"},
}


@pytest.mark.parametrize("members", BAD_ROLE_POLICIES.values(), ids=BAD_ROLE_POLICIES)
def test_a_role_without_permission(aws: Account, bucket: str, refused: Refused, members: dict[str, Any]) -> None:
    group = aws.log_group("events")
    role = aws.role("deliver", group)
    put_role_policy(aws, members)
    with refused("InvalidCloudWatchLogsLogGroupArnException", NOT_PERMITTED):
        create_with_logs(aws, bucket, f"{group}:*", role)
    put_role_policy(aws, {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{group}:*"})
    create_with_logs(aws, bucket, f"{group}:*", role)


def put_role_policy(aws: Account, members: dict[str, Any]) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow"} | members})
    aws.client("iam").put_role_policy(RoleName="deliver", PolicyName="logs", PolicyDocument=policy)


def test_permissions_by_a_managed_policy_and_a_role_with_a_path(aws: Account, bucket: str) -> None:
    group = aws.log_group("events")
    iam = aws.client("iam")
    role = iam.create_role(RoleName="deliver", Path="/audit/", AssumeRolePolicyDocument=json.dumps(trust()))["Role"]
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}
    policy = iam.create_policy(PolicyName="logs", PolicyDocument=json.dumps(document))["Policy"]
    iam.attach_role_policy(RoleName="deliver", PolicyArn=policy["Arn"])
    create_with_logs(aws, bucket, f"{group}:*", role["Arn"])
