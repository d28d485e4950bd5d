"""What a trail of an organization needs before it can be made.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
"""

import json
from typing import Any

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused


def create(aws: Account, bucket: str) -> Any:
    return aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, IsOrganizationTrail=True)


def test_no_organization(aws: Account, bucket: str, refused: Refused) -> None:
    with refused("OrganizationsNotInUseException"):
        create(aws, bucket)


def test_trusted_access_comes_first(aws: Account, bucket: str, refused: Refused) -> None:
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    with refused("CloudTrailAccessNotEnabledException"):
        create(aws, bucket)
    organizations.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    assert create(aws, bucket)["IsOrganizationTrail"] is True


def test_all_features(aws: Account, bucket: str, refused: Refused) -> None:
    aws.client("organizations").create_organization(FeatureSet="CONSOLIDATED_BILLING")
    with refused("OrganizationNotInAllFeaturesModeException"):
        create(aws, bucket)


def test_a_member_may_not(aws: Account, refused: Refused) -> None:
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    status = organizations.create_account(AccountName="member", Email="member@example.com")["CreateAccountStatus"]
    member = Account(aws.endpoint, status["AccountId"])
    with refused("NotOrganizationMasterAccountException"):
        create(member, member.bucket(f"member-{member.number}", "trail"))


def test_policies_know_the_organization(aws: Account, bucket: str) -> None:
    organization = aws.client("organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]
    policy = aws.bucket_document(bucket, "trail")
    for statement in policy["Statement"]:
        statement["Condition"]["StringEquals"].pop("aws:SourceArn")
        statement["Condition"]["StringEquals"]["aws:SourceOrgID"] = organization
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
