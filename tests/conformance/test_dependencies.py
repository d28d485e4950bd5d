"""The topic, the key, the log group and its role: CreateTrail refuses those by which it could not deliver."""

import json
import re
from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.documents import (
    CLOUDTRAIL,
    Policy,
    allow,
    key_policy,
    log_permissions,
    permissions,
    topic_policy,
    trust,
)
from tests.conformance.facts import API, COSTS, GUIDE, IAM, case, fact, refused, unverified

BAD_TOPIC = "SNS Topic does not exist or the topic policy is incorrect!"
NOT_TRUSTED = "Access denied. Check the trust relationships for your role."
NOT_PERMITTED = "Access denied. Check the permissions for your role."
BAD_LOG_GROUP = "Check the log group ARN: CloudTrail can't validate it"
ELSEWHERE = "You must specify a log group that is in the current region"
NO_ROLE = "You must specify a role ARN as well as a log group."

TOPICS = f"{GUIDE}/cloudtrail-permissions-for-sns-notifications.html"
TOPIC_WORDS = "https://github.com/ministryofjustice/modernisation-platform-terraform-baselines/pull/63"
KEYS = f"{GUIDE}/create-kms-key-policy-for-cloudtrail.html"
KEY_WORDS = "https://github.com/trussworks/terraform-aws-cloudtrail/issues/186"
LOGS = f"{GUIDE}/cloudtrail-required-policy-for-cloudwatch-logs.html"
PAIR = "https://github.com/pulumi/docs/issues/5117"
TRUST_WORDS = "https://github.com/cloudposse/terraform-aws-cloudtrail-cloudwatch-alarms/issues/2"
PERMISSION_WORDS = "https://github.com/aws/aws-cli/issues/5098"
GROUP_WORDS = "https://github.com/hashicorp/terraform-provider-aws/issues/18038"
REGION_WORDS = "https://github.com/badmintoncryer/cdk-preflight"
EVALUATION = f"{IAM}/UserGuide/reference_policies_evaluation-logic.html"
CREATE = f"{API}/API_CreateTrail.html"
MULTI_REGION = "https://docs.aws.amazon.com/kms/latest/developerguide/mrk-how-it-works.html"
SYMMETRIC = f"{GUIDE}/encrypting-cloudtrail-log-files-with-aws-kms.html"

# A statement of a key that is about somebody else.
OTHERS = allow({"Service": "config.amazonaws.com"}, "kms:DescribeKey", "*")


class Draft:
    """A trail that can be created, but for what a fact adds to it."""

    def __init__(self, aws: Account) -> None:
        self.aws = aws
        self.name = aws.name("trail")
        self.arn = aws.trail_arn(self.name)
        self.bucket = aws.bucket(self.arn)

    def create(self, **parameters: Any) -> Any:
        """Create it, patiently."""
        return self.aws.create_trail(Name=self.name, S3BucketName=self.bucket, **parameters)

    def is_refused(self, code: str, message: str | None = None, **parameters: Any) -> None:
        """Hold AWS to refusing it."""
        with refused(code, message):
            self.aws.cloudtrail.create_trail(Name=self.name, S3BucketName=self.bucket, **parameters)


@pytest.fixture
def draft(aws: Account) -> Draft:
    return Draft(aws)


# The topic.


@fact(TOPIC_WORDS)
def test_a_missing_topic_is_refused(aws: Account, draft: Draft) -> None:
    draft.is_refused("InsufficientSnsTopicPolicyException", BAD_TOPIC, SnsTopicName=aws.name("none"))


@fact(TOPIC_WORDS)
def test_a_missing_topic_is_refused_by_arn(aws: Account, draft: Draft) -> None:
    arn = f"arn:aws:sns:{aws.region}:{aws.number}:{aws.name('none')}"
    draft.is_refused("InsufficientSnsTopicPolicyException", BAD_TOPIC, SnsTopicName=arn)


@fact(TOPICS)
def test_a_topic_with_the_policy_that_sns_gives_it_is_refused(aws: Account, draft: Draft) -> None:
    topic = aws.client("sns").create_topic(Name=aws.name("notify"))["TopicArn"]
    draft.is_refused("InsufficientSnsTopicPolicyException", BAD_TOPIC, SnsTopicName=topic)


@fact(TOPICS)
def test_a_topic_for_another_trail_is_refused(aws: Account, draft: Draft) -> None:
    topic = aws.topic(aws.trail_arn("another"))
    draft.is_refused("InsufficientSnsTopicPolicyException", BAD_TOPIC, SnsTopicName=topic)


@fact(CREATE)
def test_a_topic_is_named_by_its_arn(aws: Account, draft: Draft) -> None:
    topic = aws.topic(draft.arn)
    assert draft.create(SnsTopicName=topic)["SnsTopicARN"] == topic


@fact(CREATE)
def test_a_topic_is_named_by_its_name(aws: Account, draft: Draft) -> None:
    topic = aws.topic(draft.arn)
    assert draft.create(SnsTopicName=topic.rpartition(":")[2])["SnsTopicARN"] == topic


@fact("https://github.com/aws/aws-cdk/issues/9013")
def test_a_topic_of_another_account_will_do(aws: Account, another: Account, draft: Draft) -> None:
    topic = another.topic(draft.arn)
    assert draft.create(SnsTopicName=topic)["SnsTopicARN"] == topic


@pytest.mark.parametrize(
    "name",
    [
        case("of 257 characters", CREATE, "t" * 257),
        case("with a space", "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html", "my topic"),
        case("that is a queue's ARN", CREATE, "arn:aws:sqs:us-east-1:123456789012:queue"),
    ],
)
def test_a_topic_name_is_refused(draft: Draft, name: str) -> None:
    draft.is_refused("InvalidSnsTopicNameException", SnsTopicName=name)


@COSTS
@fact(TOPICS)
def test_an_encrypted_topic_needs_its_key(aws: Account, draft: Draft) -> None:
    topic, key = aws.topic(draft.arn), aws.key(draft.arn)
    aws.put_key_policy(key, key_policy(draft.arn, allow(CLOUDTRAIL, "kms:DescribeKey", "*")))
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=key)
    draft.is_refused("InsufficientSnsTopicPolicyException", SnsTopicName=topic)
    aws.put_key_policy(key, key_policy(draft.arn, allow(CLOUDTRAIL, ["kms:GenerateDataKey*", "kms:Decrypt"], "*")))
    draft.create(SnsTopicName=topic)


# The key.


@pytest.mark.parametrize(
    "key",
    [
        case("by alias", CREATE, "alias/no-such-key"),
        case("by ID", CREATE, "2f9f1b0e-3b1c-4f0e-9d56-6a0e6f2f1a11"),
        case("by ARN", CREATE, "arn:aws:kms:{region}:{account}:key/2f9f1b0e-3b1c-4f0e-9d56-6a0e6f2f1a11"),
        case("by the ARN of an alias", CREATE, "arn:aws:kms:{region}:{account}:alias/no-such-key"),
    ],
)
def test_a_missing_key_is_refused(aws: Account, draft: Draft, key: str) -> None:
    draft.is_refused("KmsKeyNotFoundException", KmsKeyId=key.format(region=aws.region, account=aws.number))


@pytest.mark.parametrize(
    "key",
    [
        case("that is a plain name", CREATE, "my-key"),
        case("that is a bucket's ARN", CREATE, "arn:aws:s3:::logs"),
    ],
)
def test_a_key_id_is_refused(draft: Draft, key: str) -> None:
    draft.is_refused("InvalidKmsKeyIdException", KmsKeyId=key)


@COSTS
@pytest.mark.parametrize("spelling", [case(name, CREATE, name) for name in ("alias", "alias ARN", "ID", "ARN")])
def test_a_key_however_spelt_is_told_by_its_arn(aws: Account, draft: Draft, spelling: str) -> None:
    arn, alias = aws.key(draft.arn), f"alias/{aws.name('key')}"
    aws.client("kms").create_alias(AliasName=alias, TargetKeyId=arn)
    prefix = arn.partition(":key/")[0]
    given = {"alias": alias, "alias ARN": f"{prefix}:{alias}", "ID": arn.rpartition("/")[2], "ARN": arn}[spelling]
    assert draft.create(KmsKeyId=given)["KmsKeyId"] == arn


@COSTS
@fact(CREATE)
def test_a_key_of_another_region_than_the_buckets_is_refused(aws: Account, elsewhere: str, draft: Draft) -> None:
    draft.is_refused("KmsKeyNotFoundException", KmsKeyId=aws.key(draft.arn, elsewhere))


@COSTS
@fact(KEYS)
def test_the_key_is_in_the_region_of_the_bucket_not_of_the_trail(aws: Account, elsewhere: str, draft: Draft) -> None:
    draft.bucket = aws.bucket(draft.arn, region=elsewhere)
    draft.is_refused("KmsKeyNotFoundException", KmsKeyId=aws.key(draft.arn))
    draft.create(KmsKeyId=aws.key(draft.arn, elsewhere))


@COSTS
@fact(f"{API}/API_CreateTrail.html#API_CreateTrail_Errors")
def test_a_disabled_key_is_refused(aws: Account, draft: Draft) -> None:
    key = aws.key(draft.arn)
    aws.client("kms").disable_key(KeyId=key)
    draft.is_refused("KmsException", KmsKeyId=key)


@COSTS
@fact(f"{API}/API_CreateTrail.html#API_CreateTrail_Errors")
def test_a_key_that_is_to_be_deleted_is_refused(aws: Account, draft: Draft) -> None:
    key = aws.key(draft.arn)
    aws.client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    draft.is_refused("KmsException", KmsKeyId=key)


@COSTS
@pytest.mark.parametrize(
    "statements",
    [
        case("without GenerateDataKey", KEYS, [allow(CLOUDTRAIL, "kms:DescribeKey", "*")]),
        case("without DescribeKey", KEYS, [allow(CLOUDTRAIL, "kms:GenerateDataKey*", "*")]),
        case("for another service", KEYS, [allow({"Service": "s3.amazonaws.com"}, "kms:*", "*")]),
        case(
            "for another encryption context",
            KEYS,
            [
                allow(
                    CLOUDTRAIL,
                    ["kms:GenerateDataKey*", "kms:DescribeKey"],
                    "*",
                    {"StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*:1111:*"}},
                )
            ],
        ),
        case(
            "for another trail",
            KEYS,
            [
                allow(
                    CLOUDTRAIL,
                    ["kms:GenerateDataKey*", "kms:DescribeKey"],
                    "*",
                    {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:us-east-1:111122223333:trail/x1"}},
                )
            ],
        ),
    ],
)
def test_a_key_policy_is_refused(aws: Account, draft: Draft, statements: list[Any]) -> None:
    key = aws.key(draft.arn)
    aws.put_key_policy(key, key_policy(draft.arn, *statements))
    draft.is_refused("InsufficientEncryptionPolicyException", KmsKeyId=key)


@COSTS
@fact(KEY_WORDS)
def test_a_key_that_refuses_is_named_with_the_bucket(aws: Account, draft: Draft) -> None:
    key = aws.key(draft.arn)
    aws.put_key_policy(key, key_policy(draft.arn, allow(CLOUDTRAIL, "kms:DescribeKey", "*")))
    message = f"Insufficient permissions to access S3 bucket {draft.bucket} or KMS key {key}"
    with pytest.raises(aws.cloudtrail.exceptions.InsufficientEncryptionPolicyException) as caught:
        aws.cloudtrail.create_trail(Name=draft.name, S3BucketName=draft.bucket, KmsKeyId=key)
    # Reported with a full stop at the end and without one.
    assert caught.value.response["Error"]["Message"].rstrip(".") == message


@COSTS
@fact(f"{KEYS}#create-kms-key-policy-for-cloudtrail-decrypt")
def test_a_bucket_with_a_bucket_key_needs_decrypt(aws: Account, draft: Draft) -> None:
    key = aws.key(draft.arn)
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": True,
    }
    aws.client("s3").put_bucket_encryption(Bucket=draft.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    draft.is_refused("InsufficientEncryptionPolicyException", KmsKeyId=key)
    actions = ["kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt"]
    aws.put_key_policy(key, key_policy(draft.arn, allow(CLOUDTRAIL, actions, "*")))
    draft.create(KmsKeyId=key)


@fact(f"{CREATE}#API_CreateTrail_RequestSyntax")
def test_a_key_of_another_account_will_do_by_its_arn(aws: Account, another: Account, draft: Draft) -> None:
    key = another.key(another.trail_arn("unused"))
    another.put_key_policy(
        key,
        key_policy(another.trail_arn("unused"), allow(CLOUDTRAIL, ["kms:GenerateDataKey*", "kms:DescribeKey"], "*")),
    )
    assert draft.create(KmsKeyId=key)["KmsKeyId"] == key


# The log group and its role.


@fact(PAIR)
def test_a_log_group_needs_a_role(aws: Account, draft: Draft) -> None:
    group = f"{aws.log_group()}:*"
    draft.is_refused("InvalidCloudWatchLogsRoleArnException", NO_ROLE, CloudWatchLogsLogGroupArn=group)


@unverified("that half a pair is refused is documented; with which of the two codes for this half is not")
@fact(CREATE)
def test_a_role_needs_a_log_group(aws: Account, draft: Draft) -> None:
    role = f"arn:aws:iam::{aws.number}:role/{aws.name('role')}"
    draft.is_refused("InvalidCloudWatchLogsLogGroupArnException", CloudWatchLogsRoleArn=role)


@fact(LOGS)
def test_a_log_group_and_a_role_as_prescribed(aws: Account, draft: Draft) -> None:
    group = aws.log_group()
    role = aws.role(trust(), log_permissions(group, draft.arn))
    answer = draft.create(CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=role)
    assert (answer["CloudWatchLogsLogGroupArn"], answer["CloudWatchLogsRoleArn"]) == (f"{group}:*", role)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        case("without its ending", GROUP_WORDS, "arn:aws:logs:{region}:{account}:log-group:{name}", BAD_LOG_GROUP),
        case(
            "with its ending twice", GROUP_WORDS, "arn:aws:logs:{region}:{account}:log-group:{name}:*:*", BAD_LOG_GROUP
        ),
        case("that is a plain name", CREATE, "{name}", BAD_LOG_GROUP),
        case("that is not there", CREATE, "arn:aws:logs:{region}:{account}:log-group:{name}-none:*", BAD_LOG_GROUP),
        case("of another region", REGION_WORDS, "arn:aws:logs:us-east-1:{account}:log-group:{name}:*", ELSEWHERE),
        case("of another account", LOGS, "arn:aws:logs:{region}:111122223333:log-group:{name}:*", BAD_LOG_GROUP),
    ],
)
def test_a_log_group_is_refused(aws: Account, draft: Draft, group: str, message: str) -> None:
    arn = aws.log_group()
    role = aws.role(trust(), permissions(["logs:CreateLogStream", "logs:PutLogEvents"]))
    given = group.format(region=aws.region, account=aws.number, name=arn.rpartition(":")[2])
    with pytest.raises(aws.cloudtrail.exceptions.InvalidCloudWatchLogsLogGroupArnException) as caught:
        aws.cloudtrail.create_trail(
            Name=draft.name, S3BucketName=draft.bucket, CloudWatchLogsLogGroupArn=given, CloudWatchLogsRoleArn=role
        )
    assert caught.value.response["Error"]["Message"].rstrip(".") == message


@pytest.mark.parametrize(
    "policy",
    [
        case("that trusts another service", TRUST_WORDS, trust({"Service": "config.amazonaws.com"})),
        case(
            "that asks for the source account, which is not told",
            f"{LOGS}#cloudtrail-required-policy-for-cloudwatch-logs",
            trust(condition={"Null": {"aws:SourceAccount": "false"}}),
        ),
    ],
)
def test_a_role_is_refused(aws: Account, draft: Draft, policy: Policy) -> None:
    group = aws.log_group()
    role = aws.role(policy, log_permissions(group, draft.arn))
    draft.is_refused(
        "InvalidCloudWatchLogsRoleArnException",
        NOT_TRUSTED,
        CloudWatchLogsLogGroupArn=f"{group}:*",
        CloudWatchLogsRoleArn=role,
    )


@fact(TRUST_WORDS)
def test_a_missing_role_is_answered_like_one_that_does_not_trust(aws: Account, draft: Draft) -> None:
    draft.is_refused(
        "InvalidCloudWatchLogsRoleArnException",
        NOT_TRUSTED,
        CloudWatchLogsLogGroupArn=f"{aws.log_group()}:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{aws.number}:role/{aws.name('none')}",
    )


@pytest.mark.parametrize(
    "policy",
    [
        case("without CreateLogStream", LOGS, permissions("logs:PutLogEvents")),
        case("without PutLogEvents", LOGS, permissions("logs:CreateLogStream")),
        case("for another group", LOGS, permissions("logs:*", "arn:aws:logs:*:*:log-group:other:*")),
        case("for another stream", LOGS, permissions("logs:*", "arn:aws:logs:*:*:log-group:*:log-stream:other")),
        case(
            "that denies it",
            f"{IAM}/UserGuide/reference_policies_evaluation-logic.html",
            permissions("*", effect="Deny"),
        ),
    ],
)
def test_the_permissions_of_a_role_are_refused(aws: Account, draft: Draft, policy: Policy) -> None:
    draft.is_refused(
        "InvalidCloudWatchLogsLogGroupArnException",
        NOT_PERMITTED,
        CloudWatchLogsLogGroupArn=f"{aws.log_group()}:*",
        CloudWatchLogsRoleArn=aws.role(trust(), policy),
    )


@fact(PERMISSION_WORDS)
def test_a_role_without_permissions_is_refused(aws: Account, draft: Draft) -> None:
    draft.is_refused(
        "InvalidCloudWatchLogsLogGroupArnException",
        NOT_PERMITTED,
        CloudWatchLogsLogGroupArn=f"{aws.log_group()}:*",
        CloudWatchLogsRoleArn=aws.role(trust()),
    )


@fact(f"{IAM}/UserGuide/access_policies_managed-vs-inline.html")
def test_permissions_can_be_a_managed_policy(aws: Account, draft: Draft) -> None:
    group, role, iam = aws.log_group(), aws.role(trust()), aws.client("iam")
    document = json.dumps(log_permissions(group, draft.arn))
    policy = iam.create_policy(PolicyName=aws.name("policy"), PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=policy)
    draft.create(CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=role)


@fact(f"{IAM}/UserGuide/reference_identifiers.html")
def test_a_role_may_have_a_path(aws: Account, draft: Draft) -> None:
    group, iam, name = aws.log_group(), aws.client("iam"), aws.name("role")
    made = iam.create_role(RoleName=name, Path="/audit/", AssumeRolePolicyDocument=json.dumps(trust()))["Role"]
    policy = json.dumps(log_permissions(group, draft.arn))
    iam.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=policy)
    draft.create(CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=made["Arn"])


@fact(TOPICS)
def test_a_topic_policy_that_denies_is_refused(aws: Account, draft: Draft) -> None:
    topic = aws.topic(draft.arn)
    policy = topic_policy(topic, draft.arn)
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "SNS:Publish", "Resource": topic})
    aws.put_topic_policy(topic, policy)
    draft.is_refused("InsufficientSnsTopicPolicyException", BAD_TOPIC, SnsTopicName=topic)


@fact("https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html")
def test_a_boundary_cuts_down_what_a_role_may(aws: Account, draft: Draft) -> None:
    iam, group = aws.client("iam"), aws.log_group()
    document = json.dumps(permissions("s3:*"))
    boundary = iam.create_policy(PolicyName=aws.name("boundary"), PolicyDocument=document)["Policy"]["Arn"]
    role = aws.role(trust(), log_permissions(group, draft.arn))
    iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=boundary)
    draft.is_refused(
        "InvalidCloudWatchLogsLogGroupArnException",
        NOT_PERMITTED,
        CloudWatchLogsLogGroupArn=f"{group}:*",
        CloudWatchLogsRoleArn=role,
    )


# Keys of other kinds.


@COSTS
@pytest.mark.parametrize("spelling", [case(name, MULTI_REGION, name) for name in ("KeyId", "Arn")])
def test_a_multi_region_key(aws: Account, draft: Draft, spelling: str) -> None:
    policy = json.dumps(key_policy(draft.arn))
    key = aws.client("kms").create_key(MultiRegion=True, Policy=policy)["KeyMetadata"]
    assert re.fullmatch("mrk-[0-9a-f]{32}", key["KeyId"])
    assert draft.create(KmsKeyId=key[spelling])["KmsKeyId"] == key["Arn"]


@COSTS
@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        case("an HMAC key", SYMMETRIC, "HMAC_256", "GENERATE_VERIFY_MAC"),
        case("an RSA key", SYMMETRIC, "RSA_2048", "ENCRYPT_DECRYPT"),
    ],
)
@unverified(
    "that CloudTrail needs a symmetric encryption key is documented; with which error others are refused is not"
)
def test_log_files_are_not_encrypted_with(aws: Account, draft: Draft, spec: str, usage: str) -> None:
    policy = json.dumps(key_policy(draft.arn))
    key = aws.client("kms").create_key(KeySpec=spec, KeyUsage=usage, Policy=policy)["KeyMetadata"]
    draft.is_refused("KmsException", KmsKeyId=key["Arn"])


@fact("https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key")
def test_a_key_that_aws_manages_says_so(aws: Account) -> None:
    assert aws.client("kms").describe_key(KeyId="alias/aws/sns")["KeyMetadata"]["KeyManager"] == "AWS"


@fact("https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying.html")
@unverified("that only the policies of customer managed keys can be changed is documented; the error is not")
def test_the_policy_of_a_key_that_aws_manages_cannot_be_changed(aws: Account) -> None:
    kms = aws.client("kms")
    arn = kms.describe_key(KeyId="alias/aws/sns")["KeyMetadata"]["Arn"]
    policy = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    with refused("AccessDeniedException"):
        kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=policy)


@fact("https://github.com/nozaq/terraform-aws-secure-baseline/issues/182")
@unverified("reported without AWS's words")
def test_log_files_are_not_encrypted_with_a_key_that_aws_manages(draft: Draft) -> None:
    draft.is_refused("InsufficientEncryptionPolicyException", KmsKeyId="alias/aws/s3")


@fact(f"{TOPICS}#kms-key-policy")
@unverified(
    "that the key's policy has to let CloudTrail in is documented, that of alias/aws/sns cannot; the error is not"
)
def test_a_topic_with_the_key_that_aws_manages_is_refused(aws: Account, draft: Draft) -> None:
    topic = aws.topic(draft.arn)
    aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns"
    )
    draft.is_refused("InsufficientSnsTopicPolicyException", BAD_TOPIC, SnsTopicName=topic)


# The bucket's default key, where the trail has none.


def default_key(aws: Account, draft: Draft, *actions: str, bucket_key: bool = False) -> None:
    """Encrypt the draft's bucket by default with a key with which CloudTrail may do this."""
    key = aws.key(draft.arn)
    aws.put_key_policy(key, key_policy(draft.arn, *([allow(CLOUDTRAIL, list(actions), "*")] if actions else [OTHERS])))
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": bucket_key}
    aws.client("s3").put_bucket_encryption(Bucket=draft.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


@COSTS
@fact("https://github.com/trussworks/terraform-aws-cloudtrail/issues/186")
def test_the_key_of_the_buckets_default_encryption_can_refuse(aws: Account, draft: Draft) -> None:
    default_key(aws, draft)
    draft.is_refused("InsufficientEncryptionPolicyException")


@COSTS
@fact("https://github.com/trussworks/terraform-aws-cloudtrail/issues/186")
@unverified("which actions the bucket's default key has to allow is not documented")
@pytest.mark.parametrize("bucket_key", [False, True])
def test_a_default_key_that_makes_data_keys_and_decrypts(aws: Account, draft: Draft, bucket_key: bool) -> None:
    default_key(aws, draft, "kms:GenerateDataKey*", "kms:Decrypt", bucket_key=bucket_key)
    draft.create()


@COSTS
@fact("https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html")
@unverified(
    "S3 needs GenerateDataKey alone of whoever puts an object; whether CloudTrail asks for more is not documented"
)
def test_a_default_key_that_makes_data_keys_alone(aws: Account, draft: Draft) -> None:
    default_key(aws, draft, "kms:GenerateDataKey*")
    draft.create()


# Whether anybody is told of what a topic gets.

ATTRIBUTES = "https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html"
SUBSCRIBE = "https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html"


def subscriptions(aws: Account, topic: str) -> tuple[str, str]:
    """How many are confirmed, and how many are not."""
    attributes = aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    return attributes["SubscriptionsConfirmed"], attributes["SubscriptionsPending"]


@fact(ATTRIBUTES)
def test_a_new_topic_has_no_subscription(aws: Account) -> None:
    topic = aws.client("sns").create_topic(Name=aws.name("notify"))["TopicArn"]
    assert subscriptions(aws, topic) == ("0", "0")


@fact(ATTRIBUTES)
def test_a_subscribed_queue_of_the_account_is_confirmed(aws: Account) -> None:
    topic = aws.client("sns").create_topic(Name=aws.name("notify"))["TopicArn"]
    name = aws.name("queue")
    aws.client("sqs").create_queue(QueueName=name)
    queue = f"arn:aws:sqs:{aws.region}:{aws.number}:{name}"
    made = aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    assert aws.eventually(lambda: subscriptions(aws, topic), lambda found: found != ("0", "0")) == ("1", "0")
    aws.client("sns").unsubscribe(SubscriptionArn=made)
    assert aws.eventually(lambda: subscriptions(aws, topic), lambda found: found[0] == "0") == ("0", "0")


@fact(SUBSCRIBE)
def test_a_subscription_by_mail_awaits_its_confirmation(aws: Account) -> None:
    topic = aws.client("sns").create_topic(Name=aws.name("notify"))["TopicArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="nobody@example.com")
    assert aws.eventually(lambda: subscriptions(aws, topic), lambda found: found != ("0", "0")) == ("0", "1")
