"""The emulator's organizations: permissions of callers, and when the service-linked role is created.

Facts about AWS: tests/conformance/test_organizations.py. Rules that no fact confirms follow
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_RegisterOrganizationDelegatedAdmin.html
"""

import json
from typing import Any

import boto3
import pytest

from tests.integration.aws import REGION, Account
from tests.sandbox.conftest import Refused
from tests.sandbox.organizations import SERVICE, Organization


def create(aws: Account, bucket: str) -> Any:
    return aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, IsOrganizationTrail=True)


def register(aws: Account, member: str) -> None:
    aws.cloudtrail.register_organization_delegated_admin(MemberAccountId=member)


def user(aws: Account, *actions: str) -> Any:
    """CloudTrail as a user sees it who may do no more than this."""
    iam = aws.client("iam")
    iam.create_user(UserName="user")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    iam.put_user_policy(UserName="user", PolicyName="some", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="user")["AccessKey"]
    return boto3.client(
        "cloudtrail",
        region_name=REGION,
        endpoint_url=aws.endpoint,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


# -- organization trails


def test_the_bucket_lets_the_account_in_beside_the_organization(aws: Account, refused: Refused) -> None:
    organization = Organization(aws)
    bucket = organization.bucket()
    policy = organization.policy(bucket)
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != "Write"]
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    with refused("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"):
        create(aws, bucket)


_TRAIL = ("cloudtrail:*", "organizations:DescribeOrganization", "organizations:ListAWSServiceAccessForOrganization")
_IAM = ("iam:GetRole", "iam:CreateServiceLinkedRole")


@pytest.mark.parametrize("missing", [*_TRAIL[1:], *_IAM])
def test_the_caller_may_do_what_cloudtrail_does_for_it(aws: Account, refused: Refused, missing: str) -> None:
    organization = Organization(aws)
    cloudtrail = user(aws, *(action for action in (*_TRAIL, *_IAM) if action != missing))
    message = (
        "AWS CloudTrail cannot create resources for your organization because access to one or more required APIs has "
        "been denied."
    )
    given = {"Name": "trail", "S3BucketName": organization.bucket(), "IsOrganizationTrail": True}
    with refused("InsufficientDependencyServiceAccessPermissionException", message):
        cloudtrail.create_trail(**given)
    assert not organization.has_role()


def test_the_role_need_not_be_made_twice(aws: Account) -> None:
    organization = Organization(aws)
    aws.client("iam").create_service_linked_role(AWSServiceName=SERVICE)
    cloudtrail = user(aws, *_TRAIL, "iam:GetRole")
    cloudtrail.create_trail(Name="trail", S3BucketName=organization.bucket(), IsOrganizationTrail=True)


def test_a_delegated_administrators_user_may_do_it_too(aws: Account, refused: Refused) -> None:
    organization = Organization(aws)
    administrator = organization.administrator()
    cloudtrail = user(administrator, *_TRAIL)
    given = {"Name": "trail", "S3BucketName": organization.bucket(), "IsOrganizationTrail": True}
    with refused("InsufficientDependencyServiceAccessPermissionException"):
        cloudtrail.create_trail(**given)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}]}
    administrator.client("iam").put_user_policy(UserName="user", PolicyName="more", PolicyDocument=json.dumps(policy))
    assert cloudtrail.create_trail(**given)["TrailARN"] == aws.trail_arn("trail")


# -- delegated administrators


def test_a_deregistered_administrator_is_none_in_organizations_either(aws: Account) -> None:
    organization = Organization(aws)
    member = organization.member()
    register(aws, member.number)
    assert organization.has_role()
    aws.cloudtrail.deregister_organization_delegated_admin(DelegatedAdminAccountId=member.number)
    assert organization.client.list_delegated_administrators()["DelegatedAdministrators"] == []


def test_one_registered_in_organizations_is_one_of_cloudtrail(aws: Account, refused: Refused) -> None:
    organization = Organization(aws)
    member = organization.member()
    organization.client.register_delegated_administrator(AccountId=member.number, ServicePrincipal=SERVICE)
    with refused("AccountRegisteredException"):
        register(aws, member.number)
    # Registered that way, the management account has no role yet, which only its own calls to CloudTrail make.
    assert not organization.has_role()
    with refused("NoManagementAccountSLRExistsException"):
        create(member, organization.bucket())
    aws.client("iam").create_service_linked_role(AWSServiceName=SERVICE)
    create(member, organization.bucket())


def test_an_administrator_is_registered_by_a_number(aws: Account, organization: Organization, refused: Refused) -> None:
    with refused("InvalidParameterException"):
        register(aws, "an-account-id")


def test_the_caller_that_registers_may_create_the_role(aws: Account, refused: Refused) -> None:
    organization = Organization(aws)
    member = organization.member()
    listed = "organizations:ListAWSServiceAccessForOrganization"
    cloudtrail = user(aws, "cloudtrail:*", listed, "organizations:RegisterDelegatedAdministrator")
    message = (
        "The task can't be completed because you are signed in with an account that lacks permissions to create a "
        "service-linked role in AWS CloudTrail. Sign in to an account with the required permissions and then try again."
    )
    with refused("InsufficientIAMAccessPermissionException", message):
        cloudtrail.register_organization_delegated_admin(MemberAccountId=member.number)
    register(aws, member.number)
    with refused("InsufficientDependencyServiceAccessPermissionException"):
        cloudtrail.deregister_organization_delegated_admin(DelegatedAdminAccountId=member.number)
