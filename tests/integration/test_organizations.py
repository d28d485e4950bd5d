"""Organizations: trails of all accounts, who may manage and who may only see them, and what policies of theirs deny.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
"""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory, owner
from tests.integration.kubernetes import Trails, trail
from tests.patience import eventually
from tests.sandbox.organizations import SERVICE, Organization

NAME = "everybody"


@pytest.fixture
def organization(account: Account) -> Organization:
    """An organization whose management account is the test's."""
    return Organization(account)


def as_(account: Account) -> dict[str, str]:
    """The environment of an operator with an account's credentials."""
    return {"AWS_ACCESS_KEY_ID": account.number}


def arn(organization: Organization) -> str:
    return organization.management.trail_arn(NAME)


def log_group(account: Account, streams: str) -> dict[str, str]:
    """A log group of an account, and a role that may write streams of these names there."""
    group = account.log_group("everybody")
    role = account.role("everybody", group)
    permit(account, group, streams)
    return {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": role}


def permit(account: Account, group: str, *streams: str) -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [f"{group}:log-stream:{one}" for one in streams],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.client("iam").put_role_policy(RoleName="everybody", PolicyName="logs", PolicyDocument=document)


# -- trails of the organization


@pytest.mark.parametrize("by", ["management", "administrator"])
def test_from_creation_to_deletion(
    operator_process: OperatorFactory, organization: Organization, trails: Trails, by: str
) -> None:
    home = organization.management if by == "management" else organization.administrator()
    member = organization.member()
    bucket = organization.bucket(trail=NAME)
    operator_process(**as_(home))
    own = f"{organization.management.number}_CloudTrail_{REGION}*"
    logs = log_group(home, f"{organization.id}_*")
    permit(home, logs["cloudWatchLogsLogGroupARN"], f"{organization.id}_*", own)
    trails.create(trail(NAME, bucket, isOrganizationTrail=True, **logs))
    body = trails.wait_ready(NAME)
    assert body["status"]["arn"] == arn(organization)
    assert body["status"]["accountID"] == home.number
    assert member.trails() == home.trails() == [arn(organization)]
    found = organization.management.trail(NAME)
    assert found is not None
    assert (found["IsOrganizationTrail"], found["IsLogging"]) == (True, True)
    assert found["Tags"] == owner(trails, NAME)

    mark = len(home.writes())
    selectors = [{"readWriteType": "WriteOnly"}]
    trails.change(NAME, enableLogFileValidation=False, eventSelectors=selectors, tags=[{"key": "a", "value": "1"}])
    trails.wait_ready(NAME)
    assert [call["operation"] for call in home.writes()[mark:]] == ["AddTags", "UpdateTrail", "PutEventSelectors"]
    found = organization.management.trail(NAME)
    assert found is not None
    assert found["LogFileValidationEnabled"] is False
    # What the management account does to it is found as anybody's change.
    organization.management.cloudtrail.stop_logging(Name=NAME)
    eventually("logging again", lambda: organization.management.cloudtrail.get_trail_status(Name=NAME)["IsLogging"])
    trails.wait_ready(NAME)
    trails.delete(NAME)
    trails.wait_gone(NAME)
    assert member.trails() == []


def test_an_account_trail_becomes_the_organizations_and_back(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    member = organization.member()
    operator_process()
    trails.create(trail(NAME, organization.bucket(trail=NAME)))
    trails.wait_ready(NAME)
    trails.change(NAME, isOrganizationTrail=True)
    trails.wait_ready(NAME)
    assert member.trails() == [arn(organization)]
    trails.change(NAME, isOrganizationTrail=False)
    trails.wait_ready(NAME)
    assert member.trails() == []
    (told,) = eventually("a warning", lambda: trails.events(NAME, "CoverageReduced"))
    assert "organization" in told.message


@pytest.mark.parametrize("first", [True, False])
def test_an_administrator_can_not_convert_a_trail_and_makes_no_second_one(
    operator_process: OperatorFactory, organization: Organization, trails: Trails, first: bool
) -> None:
    """Only the management account may: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html."""
    administrator = organization.administrator()
    operator_process(**as_(administrator))
    bucket = organization.bucket(trail=NAME) if first else administrator.bucket("own", trail=NAME)
    trails.create(trail(NAME, bucket, isOrganizationTrail=first))
    before = trails.wait_ready(NAME)["status"]["arn"]
    trails.change(NAME, isOrganizationTrail=not first)
    message = trails.wait_reason(NAME, "OrganizationNotReady")["message"]
    assert "only the organization's management account may convert a trail" in message
    assert administrator.trails() == [before]
    assert (trails.get(NAME) or {})["status"]["arn"] == before
    assert [call["operation"] for call in administrator.writes()].count("CreateTrail") == 1
    trails.change(NAME, isOrganizationTrail=first)
    trails.wait_ready(NAME)
    trails.delete(NAME)
    trails.wait_gone(NAME)
    assert administrator.trails() == []


def test_a_member_that_manages_it_is_told_who_may_and_goes_on_once_it_may(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    member = organization.member()
    operator_process(**as_(member))
    trails.create(trail(NAME, organization.bucket(trail=NAME), isOrganizationTrail=True))
    message = trails.wait_reason(NAME, "OrganizationNotReady")["message"]
    assert "delegated administrator" in message
    assert member.trails() == []
    organization.management.cloudtrail.register_organization_delegated_admin(MemberAccountId=member.number)
    trails.wait_ready(NAME, 60)
    assert member.trails() == [arn(organization)]


def test_what_a_member_cannot_read_of_it_is_unknown(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    member = organization.member()
    bucket = organization.bucket(trail=NAME)
    organization.trail(name=NAME, bucket=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=True)
    organization.management.cloudtrail.start_logging(Name=NAME)
    operator_process(**as_(member))
    spec = {
        "managementPolicy": "Observe",
        "isOrganizationTrail": True,
        "eventSelectors": [{"readWriteType": "ReadOnly"}],
    }
    trails.create(trail(NAME, bucket, **spec))
    ready = trails.wait_reason(NAME, "Observed")
    assert ready["status"] == "Unknown"
    for part in ("tags", "eventSelectors", "insightSelectors", "aggregationConfigurations"):
        assert part in ready["message"]
    body = trails.get(NAME)
    assert body is not None
    assert body["status"]["arn"] == arn(organization)
    assert "drift" not in body["status"]
    assert trails.condition(NAME, "Logging")["status"] == "True"

    organization.management.cloudtrail.stop_logging(Name=NAME)
    drifted = trails.wait_reason(NAME, "Drifted")
    assert drifted["status"] == "False"
    assert "isLogging" in drifted["message"]
    trails.delete(NAME)
    trails.wait_gone(NAME)
    assert member.writes() == []
    assert member.trails() == [arn(organization)]


def theirs(organization: Organization, bucket: str, **more: Any) -> None:
    """A trail that the management account made and keeps."""
    more |= {"IsMultiRegionTrail": True, "EnableLogFileValidation": True}
    organization.trail(name=NAME, bucket=bucket, **more)
    organization.management.cloudtrail.start_logging(Name=NAME)


def test_what_a_member_names_of_it_is_the_management_accounts(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    home, member = organization.management, organization.member()
    bucket = organization.bucket(trail=NAME)
    home.topic("alerts", NAME)
    key = home.key(NAME, alias="logs")
    member.key(NAME, alias="logs")  # another key, of the same name
    theirs(organization, bucket, SnsTopicName="alerts", KmsKeyId=key)
    operator_process(**as_(member))
    spec: dict[str, Any] = {"managementPolicy": "Observe", "isOrganizationTrail": True, "snsTopicName": "alerts"}
    trails.create(trail(NAME, bucket, **spec, kmsKeyID=key.rsplit("/", 1)[1]))
    assert "kmsKeyID" not in trails.wait_reason(NAME, "Observed")["message"]
    assert "drift" not in (trails.get(NAME) or {})["status"]

    trails.change(NAME, kmsKeyID="alias/logs")
    eventually("the key is unknown", lambda: "resolve kmsKeyID" in trails.condition(NAME).get("message", ""))
    assert trails.condition(NAME)["status"] == "Unknown"
    assert "drift" not in (trails.get(NAME) or {})["status"]

    trails.change(NAME, snsTopicName="others")
    assert "snsTopicName;" in trails.wait_reason(NAME, "Drifted")["message"]


def test_what_a_delegated_administrator_names_of_it_is_its_own(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    administrator = organization.administrator()
    bucket = organization.bucket(trail=NAME)
    topic, key = administrator.topic("alerts", NAME), administrator.key(NAME, alias="logs")
    anything = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": ["sns:*", "kms:*"], "Resource": "*"}
    root = anything | {"Principal": {"AWS": f"arn:aws:iam::{administrator.number}:root"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, anything]})
    administrator.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    administrator.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    operator_process(**as_(administrator))
    trails.create(trail(NAME, bucket, isOrganizationTrail=True, snsTopicName="alerts", kmsKeyID="alias/logs"))
    trails.wait_ready(NAME)
    trails.change(NAME, managementPolicy="Observe")
    assert trails.wait_reason(NAME, "Observed")["status"] == "True"


def test_a_member_says_of_the_log_group_what_it_needs_and_that_it_could_not_look(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    home, member = organization.management, organization.member()
    bucket = organization.bucket(trail=NAME)
    logs = log_group(home, f"{organization.id}_*")
    group, role = logs["cloudWatchLogsLogGroupARN"], logs["cloudWatchLogsRoleARN"]
    permit(home, group, f"{organization.id}_*", f"{home.number}_CloudTrail_{REGION}*")
    theirs(organization, bucket, CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=role)
    home.client("iam").delete_role_policy(RoleName="everybody", PolicyName="logs")
    operator_process(**as_(member))
    trails.create(trail(NAME, bucket, managementPolicy="Observe", isOrganizationTrail=True, **logs))
    trails.wait_reason(NAME, "Observed")
    member.client("iam").create_user(UserName="somebody")
    member.deliver()
    message = trails.wait_reason(NAME, "DeliveryFailing")["message"]
    assert f"Cannot verify log group {group} and role {role}" in message
    assert f":log-stream:{organization.id}_*" in message


def test_an_own_trail_of_the_name_that_the_organization_uses(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    member = organization.member()
    organization.trail(name=NAME)
    operator_process(**as_(member))
    trails.create(trail(NAME, member.bucket(f"own-{member.number}", NAME)))
    body = trails.wait_ready(NAME)
    assert body["status"]["arn"] == member.trail_arn(NAME)
    trails.delete(NAME)
    trails.wait_gone(NAME)
    assert member.trails() == [arn(organization)]


def test_what_it_records_is_not_guessed_from_a_member(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    member = organization.member()
    organization.trail(name=NAME, IsMultiRegionTrail=True)
    organization.management.cloudtrail.start_logging(Name=NAME)
    operator_process(**as_(member))
    trails.create(trail("own", member.bucket(f"own-{member.number}", "own")))
    trails.wait_ready("own")
    advice = eventually("a warning", lambda: trails.condition("own", "Advisory"))
    assert advice["reason"] == "DuplicateGlobalServiceEvents"
    assert f"may be recorded more than once: {arn(organization)} (of the organization) may record" in advice["message"]


# -- what it needs


def test_no_organization(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    operator_process()
    trails.create(trail(NAME, account.bucket(f"own-{account.number}", NAME), isOrganizationTrail=True))
    assert "does not belong to an organization" in trails.wait_reason(NAME, "OrganizationNotReady")["message"]
    trails.change(NAME, isOrganizationTrail=False)
    trails.wait_ready(NAME)


def test_not_all_features(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    organization = Organization(account, features="CONSOLIDATED_BILLING", trusts=False)
    operator_process()
    trails.create(trail(NAME, organization.bucket(trail=NAME), isOrganizationTrail=True))
    assert "enable all features" in trails.wait_reason(NAME, "OrganizationNotReady")["message"]


def test_no_trusted_access(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    organization = Organization(account, trusts=False)
    operator_process()
    trails.create(trail(NAME, organization.bucket(trail=NAME), isOrganizationTrail=True))
    assert "enable-aws-service-access" in trails.wait_reason(NAME, "OrganizationNotReady")["message"]
    organization.client.enable_aws_service_access(ServicePrincipal=SERVICE)
    trails.wait_ready(NAME, 60)


def test_no_service_linked_role(operator_process: OperatorFactory, organization: Organization, trails: Trails) -> None:
    administrator = organization.member()
    organization.client.register_delegated_administrator(AccountId=administrator.number, ServicePrincipal=SERVICE)
    operator_process(**as_(administrator))
    trails.create(trail(NAME, organization.bucket(trail=NAME), isOrganizationTrail=True))
    assert "create-service-linked-role" in trails.wait_reason(NAME, "OrganizationNotReady")["message"]
    organization.management.client("iam").create_service_linked_role(AWSServiceName=SERVICE)
    trails.wait_ready(NAME, 60)


def test_the_bucket_lets_only_the_management_account_in(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    """The message has the statement for the organization's files; put into the policy, it is all that was missing."""
    bucket = organization.bucket(trail=NAME)
    own = organization.management.bucket_document(bucket, NAME)
    s3 = organization.management.client("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(own))
    operator_process()
    trails.create(trail(NAME, bucket, isOrganizationTrail=True))
    message = trails.wait_reason(NAME, "BucketPolicyDenies")["message"]
    assert f"AWSLogs/{organization.id}/*" in message
    remedy = message[message.index('{"Sid"') :]
    own["Statement"] += json.loads(f"[{remedy}]")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(own))
    trails.wait_ready(NAME, 60)


@pytest.mark.parametrize("by", ["management", "administrator"])
def test_a_missing_bucket_is_to_let_the_organization_in(
    operator_process: OperatorFactory, organization: Organization, trails: Trails, by: str
) -> None:
    """The policy names the trail by the management account's ARN, whoever makes it."""
    home = organization.management if by == "management" else organization.administrator()
    bucket = f"missing-{home.number}"
    operator_process(**as_(home))
    trails.create(trail(NAME, bucket, isOrganizationTrail=True))
    message = trails.wait_reason(NAME, "BucketNotFound")["message"]
    policy = message[message.index('{"Version"') :]
    sources = [one["Condition"]["StringEquals"]["aws:SourceArn"] for one in json.loads(policy)["Statement"]]
    assert sources == [arn(organization)] * 3
    s3 = home.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    trails.wait_ready(NAME, 60)


def test_the_role_may_not_write_the_organizations_streams(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    account = organization.management
    logs = log_group(account, f"{account.number}_CloudTrail_{REGION}*")
    operator_process()
    trails.create(trail(NAME, organization.bucket(trail=NAME), isOrganizationTrail=True, **logs))
    message = trails.wait_reason(NAME, "RolePolicyDenies")["message"]
    assert f":log-stream:{organization.id}_*" in message
    policy = message[message.index('{"Version"') :]
    account.client("iam").put_role_policy(RoleName="everybody", PolicyName="more", PolicyDocument=policy)
    trails.wait_ready(NAME, 60)


# -- service control policies


def deny(organization: Organization, member: Account, *actions: str) -> str:
    """Attach a policy that denies actions to a member; its id."""
    statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    policy: str = organization.client.create_policy(
        Name="guard",
        Description="-",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )["Policy"]["PolicySummary"]["Id"]
    organization.client.attach_policy(PolicyId=policy, TargetId=member.number)
    return policy


def asked(account: Account, operation: str) -> list[dict[str, Any]]:
    return [call for call in account.calls() if call["operation"] == operation]


@pytest.mark.long
@pytest.mark.parametrize("operation", ["CreateTrail", "StartLogging"])
def test_a_write_that_the_organization_denies(
    operator_process: OperatorFactory, organization: Organization, trails: Trails, operation: str
) -> None:
    member = organization.member()
    policy = deny(organization, member, f"cloudtrail:{operation}")
    operator_process(**as_(member))
    trails.create(trail(NAME, member.bucket(f"own-{member.number}", NAME)))
    condition = trails.wait_reason(NAME, "DeniedByOrganization")
    assert (condition["status"], trails.condition(NAME, "Stalled")) == ("False", {})
    assert f"denies the operator cloudtrail:{operation}" in condition["message"]
    eventually("it is asked again", lambda: len(asked(member, operation)) >= 3, 60)
    first, second, third = (datetime.fromisoformat(call["time"]) for call in asked(member, operation)[:3])
    assert (second - first).total_seconds() > 3, "not at once"
    assert (third - second).total_seconds() > 6, "and ever later"
    organization.client.detach_policy(PolicyId=policy, TargetId=member.number)
    trails.wait_ready(NAME, 60)


def test_a_read_that_the_organization_denies(
    operator_process: OperatorFactory, organization: Organization, trails: Trails
) -> None:
    member = organization.member()
    operator_process(**as_(member))
    trails.create(trail(NAME, member.bucket(f"own-{member.number}", NAME)))
    trails.wait_ready(NAME)
    policy = deny(organization, member, "cloudtrail:GetEventSelectors")
    condition = trails.wait_reason(NAME, "DeniedByOrganization")
    assert "cloudtrail:GetEventSelectors" in condition["message"]
    assert trails.condition(NAME, "Logging")["status"] == "True"  # GetTrailStatus was answered
    body = trails.get(NAME)
    assert body is not None
    assert "drift" not in body["status"]
    organization.client.detach_policy(PolicyId=policy, TargetId=member.number)
    trails.wait_ready(NAME, 60)
    assert [call["operation"] for call in member.writes()] == ["CreateTrail", "StartLogging"]
