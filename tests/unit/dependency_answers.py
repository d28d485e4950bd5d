"""AWS as the diagnosis of dependencies sees it: an account in which all is right, and what a test changes of it."""

from dataclasses import replace
from typing import Any

from tests.unit.builders import ARN, FULL, policy
from trail_operator.aws.caller import CallerIdentity, Organization
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.iam_policy import prescribed

ACCOUNT = "123456789012"
GROUP, ROLE = str(FULL.cloud_watch_logs_log_group_arn), str(FULL.cloud_watch_logs_role_arn)
TOPIC, KEY = str(FULL.sns_topic_name), str(FULL.kms_key_id)
PLAIN = replace(FULL, kms_key_id=None)
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}


def encrypted(key: str | None = KEY, *, bucket_key: bool = False) -> dict[str, Any]:
    default = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": key} if key else {})
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def metadata(**more: Any) -> dict[str, Any]:
    return {
        "KeyMetadata": {
            "Arn": KEY,
            "KeyState": "Enabled",
            "KeyManager": "CUSTOMER",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyUsage": "ENCRYPT_DECRYPT",
        }
        | more
    }


def role(**more: Any) -> dict[str, Any]:
    return {"Role": {"AssumeRolePolicyDocument": policy(prescribed.role_trust_statement())} | more}


BUCKET_POLICY = policy(*prescribed.bucket_statements(FULL.s3_bucket_name, FULL.s3_key_prefix, ARN))
KEY_POLICY = policy(ROOT, *prescribed.key_statements(ARN))
TOPIC_POLICY = policy(prescribed.topic_statement(TOPIC, ARN))
# An account in which all is right. What is an error code is answered as that error.
RIGHT: dict[str, Any] = {
    "GetBucketPolicy": {"Policy": BUCKET_POLICY},
    "GetBucketLocation": {"LocationConstraint": "eu-central-1"},
    "GetBucketEncryption": "ServerSideEncryptionConfigurationNotFoundError",
    "GetBucketRequestPayment": {"Payer": "BucketOwner"},
    "GetTopicAttributes": {"Attributes": {"Policy": TOPIC_POLICY}},
    "DescribeKey": metadata(),
    "GetKeyPolicy": {"Policy": KEY_POLICY},
    "DescribeLogGroups": {"logGroups": [{"logGroupName": "trail"}]},
    "GetRole": role(),
    "ListRolePolicies": {"PolicyNames": ["logs"]},
    "GetRolePolicy": {"PolicyDocument": policy(*prescribed.role_permission_statements(GROUP, ARN))},
    "ListAttachedRolePolicies": {"AttachedPolicies": []},
    "GetPolicy": {"Policy": {"DefaultVersionId": "v1"}},
    "GetPolicyVersion": {"PolicyVersion": {"Document": policy({"Effect": "Allow", "Action": "*", "Resource": "*"})}},
    "DescribeOrganization": "AWSOrganizationsNotInUseException",
}


class AWS:
    """AWS at the edge: each operation has one answer."""

    def __init__(self, **changes: Any) -> None:
        self._answers = RIGHT | changes
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        self.asked.append((operation.name, region, parameters))
        answer = self._answers[operation.name]
        if isinstance(answer, str):
            raise AWSError(str(operation), region, answer, "AWS's own words", 400)
        return dict(answer)

    async def identity(self, _: str) -> CallerIdentity:
        return CallerIdentity(ACCOUNT, "aws", f"arn:aws:iam::{ACCOUNT}:role/operator")

    async def organization(self, region: str) -> Organization:
        answer = await self.call(Read.DescribeOrganization, region)
        return Organization(answer["Id"], answer["MasterAccountId"])
