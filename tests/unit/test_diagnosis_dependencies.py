"""What is said of each dependency in each of its states, and that the printed statements are what its policy lacks."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import ARN, FULL, desired, observed, policy
from tests.unit.dependency_answers import (
    ACCOUNT,
    AWS,
    BOUNDARY,
    BUCKET_POLICY,
    GROUP,
    KEY,
    PLAIN,
    ROLE,
    ROOT,
    TOPIC,
    TOPIC_POLICY,
    encrypted,
    metadata,
    role,
)
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Destination
from trail_operator.aws.diagnosis import DeliveryAdvice, Diagnosis
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.failure import Failure
from trail_operator.domain.iam_policy import prescribed

BUCKET_REFUSED = "InsufficientS3BucketPolicyException"
TOPIC_REFUSED = "InsufficientSnsTopicPolicyException"
KEY_REFUSED = "InsufficientEncryptionPolicyException"
ROLE_REFUSED = "InvalidCloudWatchLogsRoleArnException"
GROUP_REFUSED = "InvalidCloudWatchLogsLogGroupArnException"


def explained(code: str, configuration: Configuration = FULL, **changes: Any) -> Failure:
    return explained_by(AWS(**changes), code, configuration)


def explained_by(aws: AWS, code: str, configuration: Configuration = FULL) -> Failure:
    diagnosis = Diagnosis(aws)
    refusal = AWSError("cloudtrail:CreateTrail", "eu-central-1", code, "AWS's own words", 400)
    return asyncio.run(diagnosis.explain(refusal, desired(configuration)))


def advised(destination: Destination, configuration: Configuration = FULL, **changes: Any) -> DeliveryAdvice:
    failing = observed(configuration, delivery_errors={destination: "AccessDenied"})
    diagnosis = Diagnosis(AWS(**changes))
    return asyncio.run(diagnosis.delivery_advice(desired(configuration), failing))


def printed(message: str) -> list[dict[str, Any]]:
    """The statements that a message prints, by themselves or as a whole policy."""
    found, decoder, at = [], json.JSONDecoder(), 0
    while (start := message.find('{"', at)) >= 0:
        value, at = decoder.raw_decode(message, start)
        found += value.get("Statement", [value])
    return found


def test_where_all_that_can_be_read_allows_what_cannot_be_read_is_named() -> None:
    for code in (BUCKET_REFUSED, TOPIC_REFUSED, KEY_REFUSED, ROLE_REFUSED):
        message = explained(code).message
        assert message.startswith("cloudtrail:CreateTrail: AWS's own words")
        assert "resource control policies of the organization" in message
        assert "a change that has not reached CloudTrail yet" in message
        assert ("service control policies for the role" in message) is (code == ROLE_REFUSED)
    assert "resource control policies" in advised(Destination.SNS).message


# -- the trail's key


@pytest.mark.parametrize(("spec", "usage"), [("HMAC_256", "GENERATE_VERIFY_MAC"), ("RSA_2048", "ENCRYPT_DECRYPT")])
@pytest.mark.parametrize("code", ["KmsException", "KmsKeyDisabledException", KEY_REFUSED])
def test_a_key_that_cannot_encrypt_is_not_called_disabled(code: str, spec: str, usage: str) -> None:
    failure = explained(code, DescribeKey=metadata(KeySpec=spec, KeyUsage=usage))
    assert failure.reason is Reason.KEY_NOT_USABLE
    assert f"KeySpec {spec}" in failure.message
    assert "KeySpec SYMMETRIC_DEFAULT" in failure.message
    assert "isabled" not in failure.message


@pytest.mark.parametrize("code", ["KmsException", KEY_REFUSED])
def test_a_key_that_aws_manages_is_replaced_and_its_policy_is_not_to_be_changed(code: str) -> None:
    failure = explained(code, DescribeKey=metadata(KeyManager="AWS"))
    assert failure.reason is Reason.KEY_NOT_USABLE
    assert "managed by AWS, so its policy cannot be changed. Set kmsKeyID to a customer managed key" in (
        failure.message
    )
    statements = printed(failure.message)
    assert explained(KEY_REFUSED, GetKeyPolicy={"Policy": policy(*statements)}).message.startswith("cloudtrail:")


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        ("Disabled", "Enable it"),
        ("PendingDeletion", "Cancel its deletion"),
        ("PendingImport", "Import its key material"),
        ("Unavailable", "Connect its key store"),
        ("Creating", "Wait"),
    ],
)
def test_a_key_in_another_state(state: str, remedy: str) -> None:
    failure = explained("KmsException", DescribeKey=metadata(KeyState=state))
    assert failure.reason is Reason.KEY_DISABLED
    assert f"is {state}. {remedy}" in failure.message


@pytest.mark.parametrize("may_read_policy", [True, False])
def test_a_key_that_may_not_be_looked_at_is_judged_by_its_policy(*, may_read_policy: bool) -> None:
    """Without kms:DescribeKey: the statements that are missing are printed, and no key is blamed for its bucket."""
    changes: dict[str, Any] = {"DescribeKey": "AccessDeniedException"}
    read: Any = {"Policy": policy(ROOT)} if may_read_policy else "AccessDeniedException"
    failure = explained(KEY_REFUSED, **changes, GetKeyPolicy=read)
    assert failure.reason is Reason.KEY_POLICY_DENIES
    assert "the operator lacks kms:DescribeKey" in failure.message
    assert "symmetric encryption key" in failure.message
    needed = [one["Action"] for one in prescribed.key_statements(ARN)]
    assert [one["Action"] for one in printed(failure.message)] == needed
    without_bucket_policy = explained(KEY_REFUSED, **changes, GetBucketPolicy="NoSuchBucketPolicy")
    assert without_bucket_policy.reason is Reason.BUCKET_POLICY_DENIES
    assert "Bucket bucket-1 has no policy" in without_bucket_policy.message
    unusable = explained("KmsException", **changes, GetKeyPolicy=read)
    assert unusable.reason is Reason.KEY_DISABLED
    assert unusable.message.startswith("cloudtrail:CreateTrail: AWS's own words")
    assert "symmetric encryption key" in unusable.message


def test_an_s3_bucket_key_makes_decrypt_a_need() -> None:
    with_bucket_key = encrypted(bucket_key=True)
    failure = explained(KEY_REFUSED, GetBucketEncryption=with_bucket_key)
    assert failure.reason is Reason.KEY_POLICY_DENIES
    statements = printed(failure.message)
    assert [statement["Action"] for statement in statements] == ["kms:Decrypt"]
    healed = {"Policy": policy(ROOT, *prescribed.key_statements(ARN), *statements)}
    healed_failure = explained(KEY_REFUSED, GetBucketEncryption=with_bucket_key, GetKeyPolicy=healed)
    assert "All policies that the operator can read allow it" in healed_failure.message
    assert "kms:Decrypt" in advised(Destination.S3, GetBucketEncryption=with_bucket_key).message


def test_whether_there_is_an_s3_bucket_key_may_not_be_known() -> None:
    failure = explained(KEY_REFUSED, GetBucketEncryption="AccessDenied")
    assert failure.reason is Reason.KEY_POLICY_DENIES
    lacks = f"for which the policy of key {KEY} lacks a statement: the operator lacks s3:GetEncryptionConfiguration"
    assert f"whether bucket bucket-1 has an S3 Bucket Key, {lacks}" in failure.message
    assert [statement["Action"] for statement in printed(failure.message)] == ["kms:Decrypt"]


def test_with_a_key_of_its_own_the_default_key_of_the_bucket_does_not_matter() -> None:
    aws = AWS(GetBucketEncryption=encrypted("alias/other"))
    assert "All policies that the operator can read allow it" in explained_by(aws, KEY_REFUSED).message
    assert {parameters["KeyId"] for operation, _, parameters in aws.asked if operation == "DescribeKey"} == {KEY}


# -- the key that the bucket encrypts with by default


@pytest.mark.parametrize("code", [KEY_REFUSED, BUCKET_REFUSED])
@pytest.mark.parametrize("key", [KEY, KEY.rsplit("/", 1)[1], "alias/logs"])
def test_the_default_key_of_the_bucket_is_named_and_its_statement_printed(key: str, code: str) -> None:
    default: dict[str, Any] = {"GetBucketEncryption": encrypted(key)}
    failure = explained(code, PLAIN, **default)
    own = Reason.KEY_POLICY_DENIES if code == KEY_REFUSED else Reason.BUCKET_POLICY_DENIES
    assert failure.reason is own  # as AWS has it
    assert f"key {KEY}, the default encryption key of bucket bucket-1" in failure.message
    assert "Cannot determine whether" in failure.message
    assert "nverified" in failure.message
    (statement,) = printed(failure.message)
    assert statement["Action"] == ["kms:GenerateDataKey*", "kms:Decrypt"]
    assert "EncryptionContext" not in json.dumps(statement)
    healed = explained(
        code, PLAIN, **default, GetKeyPolicy={"Policy": policy(ROOT, *prescribed.key_statements(ARN), statement)}
    )
    assert "All policies that the operator can read allow it" in healed.message
    assert "KMS key None" not in failure.message
    assert "default encryption key" in advised(Destination.S3, PLAIN, **default).message


@pytest.mark.parametrize("key", [None, "alias/aws/s3"])
def test_a_bucket_that_encrypts_with_the_key_that_aws_manages(key: str | None) -> None:
    failure = explained(KEY_REFUSED, PLAIN, GetBucketEncryption=encrypted(key))
    assert failure.reason is Reason.KEY_POLICY_DENIES
    assert "Bucket bucket-1 encrypts by default with KMS key" in failure.message
    assert "managed by AWS, so its policy cannot be changed" in failure.message
    assert_undecided(failure)


def assert_undecided(failure: Failure) -> None:
    """AWS's words stand, and the key is under suspicion only: what CloudTrail needs of it is not documented."""
    assert failure.message.startswith("cloudtrail:CreateTrail: AWS's own words")
    assert "prevents CloudTrail from writing: AWS does not document" in failure.message
    assert "nverified" in failure.message


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"DescribeKey": metadata(KeyState="Disabled")}, "which is Disabled. Enable it"),
        ({"DescribeKey": metadata(KeySpec="RSA_2048")}, "which has KeySpec RSA_2048"),
        ({"DescribeKey": "NotFoundException"}, "which does not exist"),
        ({"DescribeKey": "AccessDeniedException"}, "the operator lacks kms:DescribeKey"),
        ({"GetKeyPolicy": "AccessDeniedException"}, "lacks kms:GetKeyPolicy"),
        ({"GetBucketEncryption": "AccessDenied"}, "lacks s3:GetEncryptionConfiguration"),
    ],
)
def test_the_default_key_in_other_states_leaves_aws_its_reason(changes: dict[str, Any], sentence: str) -> None:
    failure = explained(KEY_REFUSED, PLAIN, **({"GetBucketEncryption": encrypted()} | changes))
    assert failure.reason is Reason.KEY_POLICY_DENIES
    assert sentence in failure.message
    if "lacks" not in sentence:
        assert_undecided(failure)


def test_a_bucket_without_a_kms_key_is_not_suspected() -> None:
    for encryption in (
        "ServerSideEncryptionConfigurationNotFoundError",
        {
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            }
        },
    ):
        aws = AWS(GetBucketEncryption=encryption)
        assert "All policies that the operator can read allow it" in explained_by(aws, BUCKET_REFUSED, PLAIN).message
        assert "DescribeKey" not in [operation for operation, _, _ in aws.asked]


# -- the bucket


def test_a_requester_pays_bucket() -> None:
    failure = explained(BUCKET_REFUSED, GetBucketRequestPayment={"Payer": "Requester"})
    assert failure.reason is Reason.BUCKET_POLICY_DENIES
    assert "is a Requester Pays bucket, to which CloudTrail cannot deliver" in failure.message
    assert "Payer=BucketOwner" in failure.message
    unknown = explained(BUCKET_REFUSED, GetBucketRequestPayment="AccessDenied")
    assert "lacks s3:GetBucketRequestPayment" in unknown.message


def test_what_cannot_be_decided_is_said_beside_what_is_found() -> None:
    acl, write = json.loads(BUCKET_POLICY)["Statement"]
    unknown = {"StringEquals": {"aws:userid": "x"}}
    document = {"Policy": policy(acl, write | {"Condition": write["Condition"] | unknown})}
    failure = explained(BUCKET_REFUSED, GetBucketPolicy=document, GetBucketRequestPayment={"Payer": "Requester"})
    assert "is a Requester Pays bucket" in failure.message
    assert "Cannot determine whether" in failure.message
    assert "aws:userid" in failure.message


@pytest.mark.parametrize("code", ["AccessDenied", "MethodNotAllowed"])
def test_a_bucket_that_may_be_another_accounts(code: str) -> None:
    failure = explained(BUCKET_REFUSED, GetBucketPolicy=code)
    assert "the bucket is not in account 123456789012" in failure.message
    assert "Check s3BucketName" in failure.message
    assert ("lacks s3:GetBucketPolicy" in failure.message) is (code == "AccessDenied")
    assert printed(failure.message) == prescribed.bucket_statements("bucket-1", "logs", ARN)


def test_account_and_region_of_the_bucket_decide() -> None:
    def refusing(name: str, value: str) -> dict[str, Any]:
        deny = {"Sid": "DenyX", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
        statements = json.loads(BUCKET_POLICY)["Statement"]
        return {"Policy": policy(*statements, deny | {"Condition": {"StringNotEquals": {name: value}}})}

    for name, value in (("aws:ResourceAccount", ACCOUNT), ("aws:RequestedRegion", "eu-central-1")):
        assert (
            "All policies that the operator can read"
            in explained(BUCKET_REFUSED, GetBucketPolicy=refusing(name, value)).message
        )
        assert "Statement 'DenyX' of" in explained(BUCKET_REFUSED, GetBucketPolicy=refusing(name, "x")).message
    organization = refusing("aws:SourceOrgID", "o-1")
    assert "sends no aws:SourceOrgID" in explained(BUCKET_REFUSED, GetBucketPolicy=organization).message
    in_it: dict[str, Any] = {"Id": "o-1", "MasterAccountId": ACCOUNT}
    known = explained(BUCKET_REFUSED, GetBucketPolicy=organization, DescribeOrganization=in_it)
    assert "All policies that the operator can read" in known.message
    unknown = explained(BUCKET_REFUSED, GetBucketPolicy=organization, DescribeOrganization="AccessDeniedException")
    assert "Cannot determine whether" in unknown.message
    assert unknown.reason is Reason.BUCKET_POLICY_DENIES
    aws = AWS()
    explained_by(aws, BUCKET_REFUSED)
    assert "DescribeOrganization" not in [operation for operation, _, _ in aws.asked]


def test_cloudtrails_accounts_of_old_are_warned_of() -> None:
    old = {"Principal": {"AWS": "arn:aws:iam::035351147821:root"}}
    statements = [statement | old for statement in json.loads(BUCKET_POLICY)["Statement"]]
    failure = explained(BUCKET_REFUSED, GetBucketPolicy={"Policy": policy(*statements)})
    assert failure.reason is Reason.BUCKET_POLICY_DENIES
    assert "Cannot determine whether" in failure.message
    assert [advice.reason for advice in failure.advice] == [Reason.LEGACY_PRINCIPAL]
    assert "name the service principal cloudtrail.amazonaws.com" in failure.advice[0].message
    topic = {"Attributes": {"Policy": policy(prescribed.topic_statement(TOPIC, ARN) | old)}}
    delivery = advised(Destination.SNS, GetTopicAttributes=topic)
    assert [advice.reason for advice in delivery.advice] == [Reason.LEGACY_PRINCIPAL]


# -- the topic's key


def on_topic(key: str) -> dict[str, Any]:
    return {"GetTopicAttributes": {"Attributes": {"Policy": TOPIC_POLICY, "KmsMasterKeyId": key}}}


@pytest.mark.parametrize("key", [KEY, KEY.rsplit("/", 1)[1], "alias/topic"])
def test_the_key_of_a_topic_is_judged_and_named(key: str) -> None:
    failure = explained(TOPIC_REFUSED, **on_topic(key))
    assert failure.reason is Reason.KEY_POLICY_DENIES
    assert f"olicy of key {KEY}, which encrypts topic {TOPIC}" in failure.message
    (statement,) = printed(failure.message)
    assert statement["Action"] == ["kms:GenerateDataKey*", "kms:Decrypt"]
    assert "EncryptionContext" not in json.dumps(statement)
    healed: dict[str, Any] = {"GetKeyPolicy": {"Policy": policy(ROOT, *prescribed.key_statements(ARN), statement)}}
    assert (
        "All policies that the operator can read allow it"
        in explained(TOPIC_REFUSED, **on_topic(key), **healed).message
    )
    delivery = advised(Destination.SNS, **on_topic(key))
    assert printed(delivery.message) == [statement]


@pytest.mark.parametrize(
    ("key", "changes"),
    [("alias/aws/sns", {"DescribeKey": "NotFoundException"}), (KEY, {"DescribeKey": metadata(KeyManager="AWS")})],
)
def test_a_topic_encrypted_with_the_key_that_aws_manages(key: str, changes: dict[str, Any]) -> None:
    for message in (
        explained(TOPIC_REFUSED, **on_topic(key), **changes).message,
        advised(Destination.SNS, **on_topic(key), **changes).message,
    ):
        assert "managed by AWS, so its policy cannot be changed. Encrypt the topic with a customer managed key" in (
            message
        )
        assert printed(message) == [prescribed.topic_key_statement(ARN)]
        assert "seems right" not in message


@pytest.mark.parametrize(
    ("changes", "reason", "sentence"),
    [
        ({"DescribeKey": metadata(KeyState="Disabled")}, Reason.KEY_DISABLED, "which is Disabled. Enable it"),
        ({"DescribeKey": metadata(KeySpec="HMAC_256")}, Reason.KEY_NOT_USABLE, "which has KeySpec HMAC_256"),
        ({"DescribeKey": "NotFoundException"}, Reason.KEY_NOT_FOUND, "which does not exist"),
        ({"DescribeKey": "AccessDeniedException"}, Reason.TOPIC_POLICY_DENIES, "lacks kms:DescribeKey"),
        ({"GetKeyPolicy": "AccessDeniedException"}, Reason.TOPIC_POLICY_DENIES, "lacks kms:GetKeyPolicy"),
    ],
)
def test_the_key_of_a_topic_in_other_states(changes: dict[str, Any], reason: Reason, sentence: str) -> None:
    failure = explained(TOPIC_REFUSED, **on_topic(KEY), **changes)
    assert failure.reason is reason
    assert sentence in failure.message


TOPIC_KEY = "arn:aws:kms:eu-central-1:123456789012:key/of-the-topic"
TOPIC_KEY_SUBJECT = f"olicy of key {TOPIC_KEY}, which encrypts topic {TOPIC}"
REFUSING: dict[str, Any] = {"GetKeyPolicy": {"Policy": policy(ROOT)}}
either = pytest.mark.parametrize("configuration", [FULL, PLAIN], ids=["a key for the trail as well", "no key for it"])


class TwoKeys(AWS):
    """The topic has a key of its own, about which AWS has answers of its own."""

    def __init__(self, about_topic_key: Mapping[str, Any], **changes: Any) -> None:
        super().__init__(**(on_topic(TOPIC_KEY) | changes))
        self._topic_key = AWS(**{"DescribeKey": metadata(Arn=TOPIC_KEY), **about_topic_key})

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        if parameters.get("KeyId") == TOPIC_KEY:
            return await self._topic_key.call(operation, region, **parameters)
        return await super().call(operation, region, **parameters)


@either
def test_aws_may_mean_the_key_of_the_topic(configuration: Configuration) -> None:
    aws = TwoKeys({"DescribeKey": "NotFoundException"})
    failure = explained_by(aws, "KmsKeyNotFoundException", configuration)
    assert failure.reason is Reason.KEY_NOT_FOUND
    assert f"Topic {TOPIC} is encrypted with KMS key {TOPIC_KEY}, which does not exist" in failure.message


@either
def test_a_refusal_to_encrypt_may_be_that_of_the_key_of_the_topic(configuration: Configuration) -> None:
    failure = explained_by(TwoKeys(REFUSING), KEY_REFUSED, configuration)
    assert failure.reason is Reason.KEY_POLICY_DENIES
    assert TOPIC_KEY_SUBJECT in failure.message
    statements = printed(failure.message)
    assert statements == [prescribed.topic_key_statement(ARN)]
    healed = {"GetKeyPolicy": {"Policy": policy(ROOT, *statements)}}
    after = explained_by(TwoKeys(healed), KEY_REFUSED, configuration)
    assert "All policies that the operator can read allow it" in after.message
    assert TOPIC_KEY_SUBJECT in after.message


def test_all_that_refuses_to_encrypt_is_named_at_once() -> None:
    failure = explained_by(TwoKeys(REFUSING, **REFUSING), KEY_REFUSED)
    assert f"olicy of key {KEY} " in failure.message
    assert TOPIC_KEY_SUBJECT in failure.message
    assert printed(failure.message) == [*prescribed.key_statements(ARN), prescribed.topic_key_statement(ARN)]
    without_bucket = explained_by(TwoKeys(REFUSING, GetBucketPolicy="NoSuchBucket"), KEY_REFUSED)
    assert without_bucket.reason is Reason.BUCKET_NOT_FOUND
    assert TOPIC_KEY_SUBJECT in without_bucket.message


@either
@pytest.mark.parametrize(
    ("about_topic_key", "reason", "sentence"),
    [
        ({"DescribeKey": metadata(KeyState="Disabled")}, Reason.KEY_DISABLED, "which is Disabled. Enable it"),
        ({"DescribeKey": metadata(KeyManager="AWS")}, Reason.KEY_NOT_USABLE, "which is managed by AWS"),
        ({"DescribeKey": "NotFoundException"}, Reason.KEY_NOT_FOUND, "which does not exist"),
        ({"DescribeKey": "AccessDeniedException"}, Reason.KEY_POLICY_DENIES, "lacks kms:DescribeKey"),
        ({"GetKeyPolicy": "AccessDeniedException"}, Reason.KEY_POLICY_DENIES, "lacks kms:GetKeyPolicy"),
    ],
)
def test_a_refusal_to_encrypt_where_the_key_of_the_topic_is_in_other_states(
    configuration: Configuration, about_topic_key: dict[str, Any], reason: Reason, sentence: str
) -> None:
    failure = explained_by(TwoKeys(about_topic_key), KEY_REFUSED, configuration)
    assert failure.reason is reason
    assert sentence in failure.message
    assert TOPIC in failure.message


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ThrottlingException", "The cause is not known yet: sns:GetTopicAttributes failed with ThrottlingException"),
        (
            "AuthorizationError",
            f"the policy of the key (if any) that encrypts topic {TOPIC}: the operator lacks sns:GetTopicAttributes",
        ),
        ("NotFound", f"Topic {TOPIC} does not exist"),
    ],
)
def test_a_topic_that_cannot_be_seen_hides_no_other_key(code: str, sentence: str) -> None:
    failure = explained(KEY_REFUSED, GetTopicAttributes=code, **REFUSING)
    assert failure.reason is Reason.KEY_POLICY_DENIES
    assert f"olicy of key {KEY} " in failure.message
    assert sentence in failure.message


def test_log_files_do_not_depend_on_the_topic() -> None:
    assert TOPIC not in advised(Destination.S3, **on_topic(KEY), **REFUSING).message


def test_the_key_of_a_topic_elsewhere_is_looked_for_there() -> None:
    topic = "arn:aws:sns:us-west-2:123456789012:topic"
    aws = AWS(
        GetTopicAttributes={
            "Attributes": {"Policy": policy(prescribed.topic_statement(topic, ARN)), "KmsMasterKeyId": "alias/t"}
        }
    )
    explained_by(aws, TOPIC_REFUSED, replace(FULL, sns_topic_name=topic))
    ((_, region, parameters),) = [call for call in aws.asked if call[0] == "DescribeKey"]
    assert (region, parameters) == ("us-west-2", {"KeyId": "arn:aws:kms:us-west-2:123456789012:alias/t"})


# -- the role


def test_a_role_that_does_not_exist_gets_both_its_policies() -> None:
    failure = explained(ROLE_REFUSED, GetRole="NoSuchEntity")
    assert failure.reason is Reason.ROLE_NOT_FOUND
    trust, *permissions = printed(failure.message)
    assert trust == prescribed.role_trust_statement()
    assert permissions == prescribed.role_permission_statements(GROUP, ARN)


def bounded(*statements: dict[str, Any], arn: str = BOUNDARY) -> dict[str, Any]:
    return {
        "GetRole": role(PermissionsBoundary={"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}),
        "GetPolicyVersion": {"PolicyVersion": {"Document": policy(*statements)}},
    }


def test_a_permissions_boundary_is_judged_and_named() -> None:
    only_s3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    failure = explained(ROLE_REFUSED, **bounded(only_s3))
    assert failure.reason is Reason.ROLE_POLICY_DENIES
    assert f"The permissions boundary {BOUNDARY} of role {ROLE} does not allow" in failure.message
    healed = explained(ROLE_REFUSED, **bounded(only_s3, *printed(failure.message)))
    assert "All policies that the operator can read allow it" in healed.message
    assert BOUNDARY in advised(Destination.CLOUD_WATCH_LOGS, **bounded(only_s3)).message
    unread = explained(ROLE_REFUSED, **(bounded(only_s3) | {"GetPolicyVersion": "AccessDenied"}))
    assert (
        f"Cannot verify the permissions boundary {BOUNDARY} of role {ROLE}: the operator lacks iam:GetPolicyVersion"
        in unread.message
    )


def test_policies_and_boundary_that_both_refuse_are_told_together() -> None:
    only_s3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    failure = explained(GROUP_REFUSED, **bounded(only_s3), GetRolePolicy={"PolicyDocument": policy(only_s3)})
    assert f"The policies of role {ROLE} do not allow" in failure.message
    assert f"The permissions boundary {BOUNDARY}" in failure.message


def test_of_several_policies_the_one_that_denies_is_named() -> None:
    arn = "arn:aws:iam::aws:policy/AWSDenyAll"
    failure = explained(
        ROLE_REFUSED,
        ListAttachedRolePolicies={"AttachedPolicies": [{"PolicyName": "AWSDenyAll", "PolicyArn": arn}]},
        GetPolicyVersion={
            "PolicyVersion": {"Document": policy({"Effect": "Deny", "Action": "*", "Resource": "*"})},
        },
    )
    assert failure.reason is Reason.ROLE_POLICY_DENIES
    assert f"Statement 1 of policy {arn} of role {ROLE} denies" in failure.message
    assert "Detach the policy from the role" in failure.message


class Paged(AWS):
    """IAM lists in pages, of which some hold nothing."""

    def __init__(self, pages: Mapping[str, list[list[Any]]], **changes: Any) -> None:
        super().__init__(**changes)
        self._pages = pages

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        answer = await super().call(operation, region, **parameters)
        if operation.name not in self._pages:
            return answer
        pages, number = self._pages[operation.name], int(parameters.get("Marker", 0))
        (member,) = answer
        more = {"IsTruncated": True, "Marker": str(number + 1)} if number + 1 < len(pages) else {"IsTruncated": False}
        return {member: pages[number], **more}


IN_PAGES: dict[str, dict[str, list[list[Any]]]] = {
    "inline": {"ListRolePolicies": [[], ["logs"]]},
    "attached": {
        "ListRolePolicies": [[]],
        "ListAttachedRolePolicies": [[], [{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]],
    },
}


@pytest.mark.parametrize("pages", IN_PAGES.values(), ids=IN_PAGES)
def test_the_policies_of_a_role_are_listed_page_by_page(pages: dict[str, list[list[Any]]]) -> None:
    failure = explained_by(Paged(pages), ROLE_REFUSED)
    assert failure.reason is Reason.ROLE_NOT_TRUSTED
    assert "All policies that the operator can read allow it" in failure.message


@pytest.mark.parametrize("operation", ["ListRolePolicies", "ListAttachedRolePolicies"])
def test_of_policies_that_are_not_all_listed_nothing_is_said(operation: str) -> None:
    failure = explained_by(Paged({operation: [[]] * 1000}), ROLE_REFUSED)
    assert failure.message.startswith("cloudtrail:CreateTrail: AWS's own words")
    assert f"The cause is not known yet: iam:{operation}" in failure.message
    assert printed(failure.message) == []


# -- the organization


def test_what_only_the_organization_tells_is_not_called_a_passing_trouble() -> None:
    configuration = replace(FULL, is_organization_trail=True)
    failure = explained(BUCKET_REFUSED, configuration, DescribeOrganization="AccessDeniedException")
    assert failure.reason is Reason.BUCKET_POLICY_DENIES
    assert "The cause is not known: the operator lacks organizations:DescribeOrganization" in failure.message
    assert "not known yet" not in failure.message


# -- insights


def test_insight_types_are_quoted_as_they_were_written() -> None:
    diagnosis = Diagnosis(AWS())
    words = "Valid values for InsightType are ApiCallRateInsight and ApiErrorRateInsight."
    code = "InvalidInsightSelectorsException"
    refusal = AWSError("cloudtrail:PutInsightSelectors", "eu-central-1", code, words, 400)
    wanted = desired(FULL, insights=frozenset({("ApiCalRateInsight", "Management"), ("ApiErrorRateInsight", "Data")}))
    failure = asyncio.run(diagnosis.explain(refusal, wanted))
    assert failure.message.startswith(f"cloudtrail:PutInsightSelectors: {words}")
    assert re.search(r"spec\.insightSelectors has ApiCalRateInsight, ApiErrorRateInsight$", failure.message)
