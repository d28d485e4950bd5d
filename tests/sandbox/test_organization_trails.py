"""Organization trails: whose they are, what members see of them and may do with them, and what they deliver.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
"""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws import REGION, Account, trust
from tests.sandbox.conftest import Refused
from tests.sandbox.organizations import SERVICE, Organization, invited, keys

ABROAD = "eu-central-1"


def seen(account: Account, region: str = REGION, **given: Any) -> list[str]:
    trails = account.client("cloudtrail", region).describe_trails(**given)["trailList"]
    return [trail["TrailARN"] for trail in trails]


def wrong_account(account: Account) -> str:
    return f"AccountID in ARN is wrong, you can only access resources with AccountID {account.number}."


# -- whose it is


def test_the_management_account_owns_what_a_delegated_administrator_makes(
    aws: Account, organization: Organization, refused: Refused
) -> None:
    # https://github.com/nozaq/terraform-aws-secure-baseline/issues/306
    administrator = organization.administrator()
    arn = organization.trail(administrator)
    assert arn == aws.trail_arn("trail")
    assert aws.trails() == administrator.trails() == [arn]
    with refused("TrailAlreadyExistsException", f"Trail trail already exists for customer: {aws.number}"):
        organization.trail(administrator)


def test_a_delegated_administrator_manages_it_by_its_arn(aws: Account, organization: Organization) -> None:
    administrator = organization.administrator()
    cloudtrail = administrator.cloudtrail
    arn = organization.trail()
    cloudtrail.start_logging(Name=arn)
    assert aws.cloudtrail.get_trail_status(Name="trail")["IsLogging"] is True
    cloudtrail.stop_logging(Name=arn)
    assert aws.cloudtrail.get_trail_status(Name="trail")["IsLogging"] is False
    assert cloudtrail.update_trail(Name=arn, EnableLogFileValidation=True)["TrailARN"] == arn
    selectors: list[Any] = [{"ReadWriteType": "WriteOnly"}]
    cloudtrail.put_event_selectors(TrailName=arn, EventSelectors=selectors)
    assert cloudtrail.get_event_selectors(TrailName=arn)["EventSelectors"][0]["ReadWriteType"] == "WriteOnly"
    cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": "team", "Value": "audit"}])
    assert cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"][0]["Key"] == "team"
    cloudtrail.delete_trail(Name=arn)
    assert aws.trails() == []


def test_a_name_means_the_callers_own_account(organization: Organization, refused: Refused) -> None:
    # https://github.com/hashicorp/terraform-provider-aws/issues/28440, https://github.com/elastic/cloudbeat/issues/1750
    administrator = organization.administrator()
    organization.trail(administrator)
    unknown = f"Unknown trail: {administrator.trail_arn('trail')} for the user: {administrator.number}"
    cloudtrail = administrator.cloudtrail
    with refused("TrailNotFoundException", unknown):
        cloudtrail.start_logging(Name="trail")
    with refused("TrailNotFoundException", unknown):
        cloudtrail.get_trail_status(Name="trail")
    with refused("TrailNotFoundException", unknown):
        cloudtrail.get_event_selectors(TrailName="trail")
    assert seen(administrator, trailNameList=["trail"]) == []


def test_who_is_delegated_administrator_no_more_is_a_member_like_others(
    aws: Account, organization: Organization, refused: Refused
) -> None:
    administrator = organization.administrator()
    arn = organization.trail(administrator)
    aws.cloudtrail.deregister_organization_delegated_admin(DelegatedAdminAccountId=administrator.number)
    with refused("OperationNotPermittedException"):
        administrator.cloudtrail.stop_logging(Name=arn)
    assert administrator.trails() == aws.trails() == [arn]


def test_without_the_service_linked_role_a_delegated_administrator_manages_nothing(
    aws: Account, organization: Organization, refused: Refused
) -> None:
    administrator = organization.administrator()
    arn = organization.trail()
    aws.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForCloudTrail")
    with refused("NoManagementAccountSLRExistsException"):
        administrator.cloudtrail.stop_logging(Name=arn)
    aws.cloudtrail.stop_logging(Name=arn)


def test_only_the_management_account_converts_trails(
    aws: Account, organization: Organization, refused: Refused
) -> None:
    administrator = organization.administrator()
    arn = organization.trail()
    with refused("NotOrganizationMasterAccountException"):
        administrator.cloudtrail.update_trail(Name=arn, IsOrganizationTrail=False)
    own = administrator.bucket(f"own-{administrator.number}", "own")
    administrator.cloudtrail.create_trail(Name="own", S3BucketName=own)
    with refused("NotOrganizationMasterAccountException"):
        administrator.cloudtrail.update_trail(Name="own", IsOrganizationTrail=True)
    aws.cloudtrail.update_trail(Name="trail", IsOrganizationTrail=False)
    assert administrator.trails() == [administrator.trail_arn("own")]
    aws.cloudtrail.update_trail(Name="trail", IsOrganizationTrail=True)
    assert arn in administrator.trails()


def log_group(account: Account, streams: str) -> dict[str, str]:
    """A log group of an account with a role that may write to such streams."""
    group = account.log_group("trail")
    iam = account.client("iam")
    role = iam.create_role(RoleName="logs", AssumeRolePolicyDocument=json.dumps(trust()))["Role"]["Arn"]
    statement = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{group}:log-stream:{streams}",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="logs", PolicyName="logs", PolicyDocument=policy)
    return {"CloudWatchLogsLogGroupArn": f"{group}:*", "CloudWatchLogsRoleArn": role}


def test_the_log_group_is_the_callers_and_takes_the_organizations_streams(
    aws: Account, organization: Organization, refused: Refused
) -> None:
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
    administrator = organization.administrator()
    own = log_group(administrator, f"{aws.number}_CloudTrail_{REGION}*")
    bucket = organization.bucket()
    with refused("InvalidCloudWatchLogsLogGroupArnException"):
        organization.trail(aws, bucket=bucket, **own)
    with refused("InvalidCloudWatchLogsLogGroupArnException", "Access denied. Check the permissions for your role."):
        organization.trail(administrator, bucket=bucket, **own)
    administrator.client("logs").delete_log_group(logGroupName="trail")
    administrator.client("iam").delete_role_policy(RoleName="logs", PolicyName="logs")
    administrator.client("iam").delete_role(RoleName="logs")
    arn = organization.trail(administrator, bucket=bucket, **log_group(administrator, f"{organization.id}_*"))
    aws.cloudtrail.start_logging(Name=arn)
    organization.member().client("kms").list_keys()
    aws.deliver()
    streams = administrator.client("logs").describe_log_streams(logGroupName="trail")["logStreams"]
    assert {one["logStreamName"].split("_")[0] for one in streams} == {organization.id}
    assert "LatestCloudWatchLogsDeliveryError" not in aws.cloudtrail.get_trail_status(Name=arn)


# -- what members see


def test_members_see_it_under_the_same_arn(organization: Organization) -> None:
    arn = organization.trail(IsMultiRegionTrail=True)
    member = organization.member()
    for region in (REGION, ABROAD):
        assert seen(member, region) == seen(member, region, trailNameList=[arn]) == [arn]
        cloudtrail = member.client("cloudtrail", region)
        assert cloudtrail.get_trail(Name=arn)["Trail"]["IsOrganizationTrail"] is True
        assert cloudtrail.get_trail_status(Name=arn)["IsLogging"] is False
        assert seen(member, region, includeShadowTrails=False) == []
    assert member.trails() == [arn]
    assert seen(organization.management, includeShadowTrails=False) == [arn]


def test_a_single_region_one_is_in_its_region_only(organization: Organization, refused: Refused) -> None:
    arn = organization.trail()
    member = organization.member()
    assert seen(member) == member.trails() == [arn]
    assert seen(member, ABROAD) == []
    with refused("TrailNotFoundException"):
        member.client("cloudtrail", ABROAD).get_trail(Name=arn)


_CHANGES: list[Callable[[Any, str], object]] = [
    lambda cloudtrail, arn: cloudtrail.update_trail(Name=arn, EnableLogFileValidation=True),
    lambda cloudtrail, arn: cloudtrail.start_logging(Name=arn),
    lambda cloudtrail, arn: cloudtrail.stop_logging(Name=arn),
    lambda cloudtrail, arn: cloudtrail.delete_trail(Name=arn),
    lambda cloudtrail, arn: cloudtrail.put_event_selectors(TrailName=arn, EventSelectors=[{}]),
    lambda cloudtrail, arn: cloudtrail.put_insight_selectors(TrailName=arn, InsightSelectors=[]),
    lambda cloudtrail, arn: cloudtrail.put_event_configuration(TrailName=arn, AggregationConfigurations=[]),
]
_HIDDEN: list[Callable[[Any, str], object]] = [
    lambda cloudtrail, arn: cloudtrail.get_event_selectors(TrailName=arn),
    lambda cloudtrail, arn: cloudtrail.get_insight_selectors(TrailName=arn),
    lambda cloudtrail, arn: cloudtrail.get_event_configuration(TrailName=arn),
    lambda cloudtrail, arn: cloudtrail.list_tags(ResourceIdList=[arn]),
    lambda cloudtrail, arn: cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": "a", "Value": "b"}]),
    lambda cloudtrail, arn: cloudtrail.remove_tags(ResourceId=arn, TagsList=[{"Key": "a"}]),
]


def test_members_may_change_nothing_of_it(aws: Account, organization: Organization, refused: Refused) -> None:
    arn = organization.trail()
    before = aws.trail("trail")
    member = organization.member()
    for change in _CHANGES:
        with refused("OperationNotPermittedException"):
            change(member.cloudtrail, arn)
    for hidden in _HIDDEN:
        with refused("CloudTrailARNInvalidException", wrong_account(member)):
            hidden(member.cloudtrail, arn)
    assert aws.trail("trail") == before


def test_strangers_see_nothing_of_it(organization: Organization, another: Account, refused: Refused) -> None:
    arn = organization.trail()
    assert seen(another) == another.trails() == []
    with refused("CloudTrailARNInvalidException", wrong_account(another)):
        another.cloudtrail.get_trail(Name=arn)
    with refused("CloudTrailARNInvalidException", wrong_account(another)):
        seen(another, trailNameList=[arn])


def test_account_trails_of_the_management_account_are_its_own(
    aws: Account, organization: Organization, refused: Refused
) -> None:
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=organization.bucket())
    arn = aws.trail_arn("trail")
    for account in (organization.member(), organization.administrator()):
        assert account.trails() == []
        with refused("TrailNotFoundException", f"Unknown trail: {arn} for the user: {account.number}"):
            account.cloudtrail.get_trail(Name=arn)


def test_a_member_may_have_a_trail_of_the_same_name(organization: Organization) -> None:
    arn = organization.trail()
    member = organization.member()
    bucket = member.bucket(f"own-{member.number}", "trail")
    own = member.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)["TrailARN"]
    assert sorted(seen(member)) == sorted([arn, own])
    assert member.cloudtrail.get_trail(Name="trail")["Trail"]["TrailARN"] == own


def fill(account: Account, number: int) -> None:
    bucket = account.bucket(f"full-{account.number}", "full*")
    policy = account.bucket_document(bucket, "full*")
    for statement in policy["Statement"]:
        statement["Condition"]["StringLike"] = {
            "aws:SourceArn": statement["Condition"]["StringEquals"].pop("aws:SourceArn")
        }
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    for at in range(number):
        account.cloudtrail.create_trail(Name=f"full-{at}", S3BucketName=bucket)


def test_members_get_it_beyond_their_quota_and_it_counts_there(organization: Organization, refused: Refused) -> None:
    full, nearly = organization.member(), organization.member()
    fill(full, 5)
    fill(nearly, 4)
    arn = organization.trail()
    assert arn in seen(full)
    assert len(seen(full)) == 6
    bucket = nearly.bucket(f"more-{nearly.number}", "more")
    message = f"User: {nearly.number} already has 5 trails in {REGION}."
    with refused("MaximumNumberOfTrailsExceededException", message):
        nearly.cloudtrail.create_trail(Name="more", S3BucketName=bucket)


@pytest.mark.parametrize("is_owner", [True, False])
def test_who_makes_it_has_room_for_it(organization: Organization, refused: Refused, is_owner: bool) -> None:
    administrator = organization.administrator()
    fill(organization.management if is_owner else administrator, 5)
    with refused("MaximumNumberOfTrailsExceededException"):
        organization.trail(administrator)


# -- accounts come and go


def test_who_joins_gets_it_and_who_leaves_loses_it(organization: Organization, another: Account) -> None:
    arn = organization.trail()
    invited(organization, another)
    assert another.trails() == [arn]
    organization.client.remove_account_from_organization(AccountId=another.number)
    assert another.trails() == []
    invited(organization, another)
    assert another.trails() == [arn]
    another.client("organizations").leave_organization()
    assert another.trails() == []


def test_without_trusted_access_it_becomes_an_account_trail(aws: Account, organization: Organization) -> None:
    # https://docs.aws.amazon.com/organizations/latest/userguide/services-that-can-integrate-cloudtrail.html
    arn = organization.trail()
    member = organization.member()
    organization.client.disable_aws_service_access(ServicePrincipal=SERVICE)
    assert aws.cloudtrail.get_trail(Name="trail")["Trail"]["IsOrganizationTrail"] is False
    assert member.trails() == []
    assert organization.has_role()
    organization.client.enable_aws_service_access(ServicePrincipal=SERVICE)
    assert member.trails() == []
    aws.cloudtrail.update_trail(Name="trail", IsOrganizationTrail=True)
    assert member.trails() == [arn]


def test_without_its_organization_it_becomes_an_account_trail(aws: Account, organization: Organization) -> None:
    organization.trail()
    organization.client.delete_organization()
    assert aws.cloudtrail.get_trail(Name="trail")["Trail"]["IsOrganizationTrail"] is False


# -- what it delivers


def events(account: Account, bucket: str) -> list[dict[str, Any]]:
    """All delivered events, each with the key of its file."""
    s3 = account.client("s3")
    found = []
    for key in keys(account, bucket):
        if "/CloudTrail/" in key:
            records = json.loads(gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))["Records"]
            found += [{**one, "key": key} for one in records]
    return found


def listed(account: Account, bucket: str) -> Counter[str]:
    """How often ListKeys was delivered of each account."""
    return Counter(one["recipientAccountId"] for one in events(account, bucket) if one["eventName"] == "ListKeys")


def test_each_accounts_events_are_delivered_once_under_the_organization(
    aws: Account, organization: Organization, another: Account
) -> None:
    before, bucket = organization.member(), organization.bucket()
    aws.cloudtrail.start_logging(Name=organization.trail(bucket=bucket))
    after = organization.member()
    invited(organization, another)
    accounts = [aws, before, after, another]
    for account in accounts:
        account.client("kms").list_keys()
    aws.deliver()
    aws.deliver()
    assert listed(aws, bucket) == {account.number: 1 for account in accounts}
    for event in events(aws, bucket):
        root = f"AWSLogs/{organization.id}/{event['recipientAccountId']}/CloudTrail/{REGION}/"
        assert event["key"].startswith(root)
        assert event["key"].rpartition("/")[2].startswith(f"{event['recipientAccountId']}_CloudTrail_{REGION}_")
    for account in accounts:
        status = account.cloudtrail.get_trail_status(Name=aws.trail_arn("trail"))
        assert status["IsLogging"] is True
        assert "LatestDeliveryTime" in status


def test_who_has_left_delivers_no_more(aws: Account, organization: Organization, another: Account) -> None:
    bucket = organization.bucket()
    invited(organization, another)
    aws.cloudtrail.start_logging(Name=organization.trail(bucket=bucket, EnableLogFileValidation=True))
    another.client("kms").list_keys()
    organization.client.remove_account_from_organization(AccountId=another.number)
    another.client("kms").list_keys()
    another.deliver()
    assert listed(aws, bucket) == {another.number: 1}
    theirs = [key for key in keys(aws, bucket) if f"/{another.number}/" in key]
    another.deliver()
    assert [key for key in keys(aws, bucket) if f"/{another.number}/" in key] == theirs
    assert {key.split("/")[3] for key in theirs} == {"CloudTrail", "CloudTrail-Digest"}


def test_stopped_by_an_administrator_it_delivers_no_members_events(aws: Account, organization: Organization) -> None:
    administrator, member, bucket = organization.administrator(), organization.member(), organization.bucket()
    arn = organization.trail(bucket=bucket)
    aws.cloudtrail.start_logging(Name=arn)
    administrator.cloudtrail.stop_logging(Name=arn)
    member.client("kms").list_keys()
    aws.deliver()
    assert listed(aws, bucket) == {}
    administrator.cloudtrail.start_logging(Name=arn)
    member.client("kms").list_keys()
    aws.deliver()
    assert listed(aws, bucket) == {member.number: 1}


def test_the_aws_cli_finds_a_members_logs_valid(aws: Account, organization: Organization) -> None:
    member, bucket = organization.member(), organization.bucket()
    arn = organization.trail(bucket=bucket, EnableLogFileValidation=True)
    aws.cloudtrail.start_logging(Name=arn)
    for _ in range(2):
        member.client("kms").list_keys()
        aws.deliver()
    root = f"AWSLogs/{organization.id}/{member.number}/CloudTrail-Digest/{REGION}/"
    assert len([key for key in keys(aws, bucket) if key.startswith(root)]) >= 2
    command = [
        *(str(Path(sys.executable).parent / "aws"), "cloudtrail", "validate-logs", "--verbose", "--region", REGION),
        *("--trail-arn", arn, "--account-id", member.number),
        *("--start-time", f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"),
        *("--end-time", f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"),
    ]
    environment = {"PATH": os.environ["PATH"], **aws.environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2/2 log files valid" in done.stdout, done.stdout
