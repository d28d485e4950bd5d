"""Organization trails, delegated administrators and service control policies."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.account import Account, Trail
from tests.conformance.conftest import Place
from tests.conformance.documents import CLOUDTRAIL, Policy, allow, bucket_policy, permissions
from tests.conformance.facts import API, COSTS, GUIDE, SLOW, case, fact, refused

CREATE = f"{API}/API_CreateTrail.html"
CONCEPTS = f"{GUIDE}/creating-trail-organization.html"
PREPARE = f"{GUIDE}/creating-an-organizational-trail-prepare.html"
BUCKET = f"{GUIDE}/create-s3-bucket-policy-for-cloudtrail.html#org-trail-bucket-policy"
DELEGATED = f"{GUIDE}/cloudtrail-delegated-administrator.html"
REGISTER = f"{API}/API_RegisterOrganizationDelegatedAdmin.html"
DEREGISTER = f"{API}/API_DeregisterOrganizationDelegatedAdmin.html"
DESCRIBE = f"{API}/API_DescribeTrails.html"
SCP = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"

SERVICE = "cloudtrail.amazonaws.com"


@dataclass(frozen=True)
class Organization:
    """An organization of one member, where CloudTrail has trusted access."""

    id: str
    management: Account
    member: Account
    join: Callable[[], Account]
    """Makes another member."""

    def policy(self, bucket: str, trail: str) -> Policy:
        """What an organization trail of the management account needs of its bucket."""
        policy = bucket_policy(bucket, trail)
        condition = policy["Statement"][1]["Condition"]
        files = f"arn:aws:s3:::{bucket}/AWSLogs/{self.id}/*"
        policy["Statement"].append(allow(CLOUDTRAIL, "s3:PutObject", files, condition))
        return policy

    def trail(self, maker: Account | None = None, **parameters: Any) -> Trail:
        """Make an organization trail, by the management account if no other is named."""
        maker = maker or self.management
        name = self.management.name("trail")
        arn = self.management.trail_arn(name)
        bucket = maker.empty_bucket()
        maker.put_bucket_policy(bucket, self.policy(bucket, arn))
        maker.create_trail(Name=name, S3BucketName=bucket, IsOrganizationTrail=True, **parameters)
        return Trail(name, arn, bucket)


@pytest.fixture
def fresh(place: Place, aws: Account) -> Account:
    """An account of its own, in no organization."""
    if not place.endpoint.has_accounts:
        pytest.skip("needs an organization")
    return place.account(next(place.accounts), aws.region)


def make_organization(management: Account, features: str = "ALL") -> str:
    answer = management.client("organizations").create_organization(FeatureSet=features)
    return str(answer["Organization"]["Id"])


def make_member(place: Place, management: Account) -> Account:
    organizations = management.client("organizations")
    name = management.name("member")
    status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    status = management.eventually(
        lambda: organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])[
            "CreateAccountStatus"
        ],
        lambda status: status["State"] == "SUCCEEDED",
    )
    return place.account(status["AccountId"], management.region)


@pytest.fixture
def organization(place: Place, fresh: Account) -> Organization:
    """An organization in which CloudTrail has trusted access."""
    number = make_organization(fresh)
    fresh.client("organizations").enable_aws_service_access(ServicePrincipal=SERVICE)
    return Organization(number, fresh, make_member(place, fresh), lambda: make_member(place, fresh))


def create(aws: Account) -> None:
    name = aws.name("trail")
    aws.cloudtrail.create_trail(Name=name, S3BucketName=aws.bucket(aws.trail_arn(name)), IsOrganizationTrail=True)


# What an organization trail needs.


@fact(f"{CREATE}#API_CreateTrail_Errors")
def test_without_an_organization_there_is_no_organization_trail(fresh: Account) -> None:
    with refused("OrganizationsNotInUseException"):
        create(fresh)


@fact("https://github.com/nozaq/terraform-aws-secure-baseline/issues/258")
def test_an_organization_trail_needs_trusted_access(fresh: Account) -> None:
    make_organization(fresh)
    message = (
        "The request could not be processed because your organization hasn\u2019t enabled CloudTrail service access. "
        "Enable service access for CloudTrail, and then try again. You are signed in with the following AWS account "
        f"ID: {fresh.number}"
    )
    with refused("CloudTrailAccessNotEnabledException", message):
        create(fresh)


@fact(PREPARE)
def test_an_organization_trail_needs_all_features(fresh: Account) -> None:
    make_organization(fresh, "CONSOLIDATED_BILLING")
    with refused("OrganizationNotInAllFeaturesModeException"):
        create(fresh)


@fact("https://github.com/aws/aws-cdk/pull/21824")
def test_a_member_makes_no_organization_trail(organization: Organization) -> None:
    message = (
        "You cannot configure or manage trails for an organization because this action requires being signed in with "
        "the management account."
    )
    with refused("NotOrganizationMasterAccountException", message):
        create(organization.member)


@fact(BUCKET)
def test_the_bucket_must_be_open_to_the_organization(organization: Organization) -> None:
    with refused("InsufficientS3BucketPolicyException"):
        create(organization.management)


@fact("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html")
def test_a_bucket_may_be_open_to_the_organization_by_its_id(organization: Organization) -> None:
    aws = organization.management
    name, bucket = aws.name("trail"), aws.empty_bucket()
    source = {"aws:SourceOrgID": organization.id}
    aws.put_bucket_policy(bucket, bucket_policy(bucket, aws.trail_arn(name), source=source))
    aws.create_trail(Name=name, S3BucketName=bucket)


@fact(CREATE)
def test_the_management_account_makes_an_organization_trail(organization: Organization) -> None:
    trail, aws = organization.trail(), organization.management
    found = aws.eventually(lambda: aws.cloudtrail.get_trail(Name=trail.name)["Trail"])
    assert (found["TrailARN"], found["IsOrganizationTrail"]) == (trail.arn, True)


@fact(f"{GUIDE}/using-service-linked-roles-create-slr-for-org-trails.html")
def test_an_organization_trail_has_a_service_linked_role(organization: Organization) -> None:
    organization.trail()
    iam = organization.management.client("iam")
    role = organization.management.eventually(lambda: iam.get_role(RoleName="AWSServiceRoleForCloudTrail")["Role"])
    assert role["Path"] == "/aws-service-role/cloudtrail.amazonaws.com/"


@fact(f"{API}/API_UpdateTrail.html")
def test_a_trail_becomes_the_organizations(organization: Organization) -> None:
    aws = organization.management
    trail = aws.trail()
    aws.put_bucket_policy(trail.bucket, organization.policy(trail.bucket, trail.arn))
    aws.eventually(lambda: aws.cloudtrail.update_trail(Name=trail.name, IsOrganizationTrail=True))
    seen = organization.member.cloudtrail.describe_trails
    aws.eventually(lambda: [one["TrailARN"] for one in seen()["trailList"]], lambda arns: trail.arn in arns)


# What members see of it.


def shadow(organization: Organization, trail: Trail) -> dict[str, Any]:
    """The trail as a member sees it."""
    client = organization.member.cloudtrail
    found: list[dict[str, Any]] = organization.member.eventually(
        lambda: [one for one in client.describe_trails()["trailList"] if one["TrailARN"] == trail.arn], bool
    )
    return found[0]


@fact(CONCEPTS)
def test_a_member_sees_the_organizations_trail(organization: Organization) -> None:
    trail = organization.trail()
    assert shadow(organization, trail)["IsOrganizationTrail"] is True


@fact(DESCRIBE)
def test_a_member_can_leave_out_the_organizations_trail(organization: Organization) -> None:
    trail = organization.trail()
    shadow(organization, trail)
    assert organization.member.cloudtrail.describe_trails(includeShadowTrails=False)["trailList"] == []


@fact(CONCEPTS)
def test_a_single_region_organization_trail_is_seen_in_its_region_only(
    organization: Organization, elsewhere: str
) -> None:
    shadow(organization, organization.trail())
    assert organization.member.client("cloudtrail", elsewhere).describe_trails()["trailList"] == []


@fact(f"{API}/API_GetTrailStatus.html")
def test_a_member_asks_for_the_status_by_arn(organization: Organization) -> None:
    trail = organization.trail()
    shadow(organization, trail)
    cloudtrail = organization.member.cloudtrail
    assert cloudtrail.get_trail_status(Name=trail.arn)["IsLogging"] is False
    with refused("TrailNotFoundException"):
        cloudtrail.get_trail_status(Name=trail.name)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        case("change", CONCEPTS, "update_trail", {"EnableLogFileValidation": True}),
        case("delete", CONCEPTS, "delete_trail", {}),
        case("start", CONCEPTS, "start_logging", {}),
        case("stop", CONCEPTS, "stop_logging", {}),
    ],
)
def test_a_member_may_not(organization: Organization, operation: str, parameters: dict[str, Any]) -> None:
    trail = organization.trail()
    before = shadow(organization, trail)
    with pytest.raises(ClientError) as caught:
        getattr(organization.member.cloudtrail, operation)(Name=trail.arn, **parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert shadow(organization, trail) == before


@fact("https://github.com/prowler-cloud/prowler/pull/2025")
def test_a_member_may_not_list_the_tags(organization: Organization) -> None:
    trail, member = organization.trail(), organization.member
    shadow(organization, trail)
    message = f"AccountID in ARN is wrong, you can only access resources with AccountID {member.number}."
    with refused("CloudTrailARNInvalidException", message):
        member.cloudtrail.list_tags(ResourceIdList=[trail.arn])


@fact(f"{GUIDE}/WhatIsCloudTrail-Limits.html")
def test_a_members_quota_does_not_keep_out_the_organizations_trail(organization: Organization, place: Place) -> None:
    member = organization.member
    bucket = member.shared_bucket()
    for _ in range(5):
        member.trail(next(place.regions), S3BucketName=bucket, IsMultiRegionTrail=True)
    shadow(organization, organization.trail())
    assert len(member.cloudtrail.describe_trails()["trailList"]) == 6


@fact(CONCEPTS)
def test_a_deleted_organization_trail_is_gone_from_members(organization: Organization) -> None:
    trail = organization.trail()
    shadow(organization, trail)
    organization.management.cloudtrail.delete_trail(Name=trail.name)
    describe = organization.member.cloudtrail.describe_trails
    organization.member.eventually(lambda: describe()["trailList"], lambda trails: not trails)


@COSTS
@SLOW
@fact(f"{GUIDE}/get-and-view-cloudtrail-log-files.html")
def test_a_members_events_are_delivered_below_the_organizations_id(organization: Organization) -> None:
    trail, aws, member = organization.trail(), organization.management, organization.member
    aws.cloudtrail.start_logging(Name=trail.name)
    member.eventually(lambda: member.cloudtrail.get_trail_status(Name=trail.arn)["IsLogging"], bool)
    folder = f"AWSLogs/{organization.id}/{member.number}/CloudTrail/{member.region}/"

    def delivered() -> list[str]:
        member.cloudtrail.describe_trails()
        listed = aws.client("s3").list_objects_v2(Bucket=trail.bucket, Prefix=folder)
        return [one["Key"] for one in listed.get("Contents", [])]

    aws.delivered(delivered)


# Delegated administrators.


@pytest.fixture
def delegate(organization: Organization) -> Account:
    """A delegated administrator of CloudTrail."""
    cloudtrail = organization.management.cloudtrail
    cloudtrail.register_organization_delegated_admin(MemberAccountId=organization.member.number)
    return organization.member


@fact(REGISTER)
def test_a_delegated_administrator_is_known_to_the_organization(organization: Organization, delegate: Account) -> None:
    organizations = organization.management.client("organizations")
    listed = organizations.list_delegated_administrators(ServicePrincipal=SERVICE)["DelegatedAdministrators"]
    assert [one["Id"] for one in listed] == [delegate.number]


@fact(DELEGATED)
def test_a_trail_that_a_delegated_administrator_makes_is_the_management_accounts(
    organization: Organization, delegate: Account
) -> None:
    trail = organization.trail(delegate)
    assert trail.arn.split(":")[4] == organization.management.number
    found = organization.management.eventually(
        lambda: organization.management.cloudtrail.get_trail(Name=trail.name)["Trail"]
    )
    assert found["TrailARN"] == trail.arn


@fact("https://github.com/hashicorp/terraform-provider-aws/issues/30387")
def test_a_delegated_administrator_names_the_trail_by_its_arn(organization: Organization, delegate: Account) -> None:
    trail = organization.trail(delegate)
    with refused("TrailNotFoundException"):
        delegate.cloudtrail.start_logging(Name=trail.name)
    delegate.cloudtrail.update_trail(Name=trail.arn, EnableLogFileValidation=True)


@fact(DELEGATED)
def test_a_delegated_administrator_manages_all_organization_trails(
    organization: Organization, delegate: Account
) -> None:
    trail = organization.trail()
    delegate.eventually(lambda: delegate.cloudtrail.update_trail(Name=trail.arn, EnableLogFileValidation=True))


@fact(f"{API}/API_UpdateTrail.html")
def test_only_the_management_account_makes_an_organization_trail_an_accounts(
    organization: Organization, delegate: Account
) -> None:
    trail = organization.trail()
    with refused("NotOrganizationMasterAccountException"):
        delegate.cloudtrail.update_trail(Name=trail.arn, IsOrganizationTrail=False)
    organization.management.cloudtrail.update_trail(Name=trail.arn, IsOrganizationTrail=False)


@pytest.mark.parametrize(
    ("which", "code"),
    [
        case("twice", REGISTER, "delegate", "AccountRegisteredException"),
        case("that is not of the organization", REGISTER, "stranger", "AccountNotFoundException"),
        case("that is the management account", REGISTER, "management", "CannotDelegateManagementAccountException"),
    ],
)
def test_an_account_is_not_registered(organization: Organization, delegate: Account, which: str, code: str) -> None:
    number = {"delegate": delegate.number, "stranger": "999999999999", "management": organization.management.number}
    with refused(code):
        organization.management.cloudtrail.register_organization_delegated_admin(MemberAccountId=number[which])


@fact(REGISTER)
def test_only_the_management_account_registers(organization: Organization) -> None:
    member = organization.member
    with refused("NotOrganizationManagementAccountException"):
        member.cloudtrail.register_organization_delegated_admin(MemberAccountId=member.number)


@fact(f"{GUIDE}/WhatIsCloudTrail-Limits.html")
def test_there_are_at_most_three_delegated_administrators(organization: Organization, delegate: Account) -> None:
    cloudtrail = organization.management.cloudtrail
    for member in (organization.join(), organization.join()):
        cloudtrail.register_organization_delegated_admin(MemberAccountId=member.number)
    with refused("DelegatedAdminAccountLimitExceededException"):
        cloudtrail.register_organization_delegated_admin(MemberAccountId=organization.join().number)


@fact(DEREGISTER)
def test_a_delegated_administrator_is_deregistered(organization: Organization, delegate: Account) -> None:
    cloudtrail = organization.management.cloudtrail
    cloudtrail.deregister_organization_delegated_admin(DelegatedAdminAccountId=delegate.number)
    with refused("NotOrganizationMasterAccountException"):
        create(delegate)


@pytest.mark.parametrize(
    ("which", "code"),
    [
        case("that is no delegated administrator", DEREGISTER, "member", "AccountNotRegisteredException"),
        case("that is not of the organization", DEREGISTER, "stranger", "AccountNotFoundException"),
    ],
)
def test_an_account_is_not_deregistered(organization: Organization, which: str, code: str) -> None:
    cloudtrail = organization.management.cloudtrail
    number = {"member": organization.member.number, "stranger": "999999999999"}
    with refused(code):
        cloudtrail.deregister_organization_delegated_admin(DelegatedAdminAccountId=number[which])


@fact(DEREGISTER)
def test_only_the_management_account_deregisters(organization: Organization, delegate: Account) -> None:
    with refused("NotOrganizationManagementAccountException"):
        delegate.cloudtrail.deregister_organization_delegated_admin(DelegatedAdminAccountId=delegate.number)


@pytest.mark.parametrize(
    ("features", "code"),
    [
        case("without trusted access", REGISTER, "ALL", "CloudTrailAccessNotEnabledException"),
        case(
            "without all features",
            REGISTER,
            "CONSOLIDATED_BILLING",
            "OrganizationNotInAllFeaturesModeException",
        ),
    ],
)
def test_nobody_is_registered(place: Place, fresh: Account, features: str, code: str) -> None:
    make_organization(fresh, features)
    member = make_member(place, fresh)
    with refused(code):
        fresh.cloudtrail.register_organization_delegated_admin(MemberAccountId=member.number)


@fact(REGISTER)
def test_nobody_is_registered_without_an_organization(fresh: Account) -> None:
    with refused("OrganizationsNotInUseException"):
        fresh.cloudtrail.register_organization_delegated_admin(MemberAccountId="999999999999")


# Service control policies.


def deny(organization: Organization, *actions: str) -> None:
    """Deny actions to the member."""
    organizations = organization.management.client("organizations")
    [root] = organizations.list_roots()["Roots"]
    if not root["PolicyTypes"]:
        organizations.enable_policy_type(RootId=root["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    made = organizations.create_policy(
        Name=organization.management.name("scp"),
        Description="a fact's",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps(permissions(list(actions), effect="Deny")),
    )
    organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=organization.member.number)


@fact(SCP)
def test_a_service_control_policy_denies_to_members(organization: Organization) -> None:
    deny(organization, "cloudtrail:DescribeTrails")
    member = organization.member

    def code() -> str:
        try:
            member.cloudtrail.describe_trails()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    member.eventually(code, lambda found: found == "AccessDeniedException")
    member.cloudtrail.list_trails()


@fact(SCP)
def test_a_service_control_policy_denies_nothing_to_the_management_account(organization: Organization) -> None:
    organizations = organization.management.client("organizations")
    deny(organization, "cloudtrail:DescribeTrails")
    [policy] = [
        one
        for one in organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        if not one.get("AwsManaged")
    ]
    [root] = organizations.list_roots()["Roots"]
    organizations.attach_policy(PolicyId=policy["Id"], TargetId=root["Id"])
    organization.management.cloudtrail.describe_trails()
