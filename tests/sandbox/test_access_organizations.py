"""Service control policies bind the members of an organization.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

import json
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.outcomes import outcome
from tests.sandbox.conftest import Refused
from tests.sandbox.identities import allow, assume, client, deny, role, user, written

DENIED = "with an explicit deny in a service control policy"
FULL_ACCESS = "p-FullAWSAccess"


class Organization:
    """An organization with one member."""

    def __init__(self, management: Account) -> None:
        self.management = management
        self.api = management.client("organizations")
        self.api.create_organization(FeatureSet="ALL")
        self.root = self.api.list_roots()["Roots"][0]["Id"]
        made = self.api.create_account(AccountName="member", Email="member@example.com")
        self.member = Account(management.endpoint, made["CreateAccountStatus"]["AccountId"])

    def attach(self, target: str, *statements: dict[str, Any]) -> str:
        """Attach a new policy to the root, a unit or an account."""
        policy: str = self.api.create_policy(
            Name=f"policy-{target}",
            Description="-",
            Type="SERVICE_CONTROL_POLICY",
            Content=written(*statements),
        )["Policy"]["PolicySummary"]["Id"]
        self.api.attach_policy(PolicyId=policy, TargetId=target)
        return policy


@pytest.fixture
def organization(aws: Account) -> Organization:
    return Organization(aws)


def test_everything_is_allowed_at_first(organization: Organization) -> None:
    assert organization.member.cloudtrail.list_trails()["Trails"] == []


@pytest.mark.parametrize("where", ["root", "unit", "account"])
def test_a_policy_binds_all_below(organization: Organization, refused: Refused, where: str) -> None:
    member, api = organization.member, organization.api
    unit = api.create_organizational_unit(ParentId=organization.root, Name="unit")["OrganizationalUnit"]["Id"]
    api.move_account(AccountId=member.number, SourceParentId=organization.root, DestinationParentId=unit)
    target = {"root": organization.root, "unit": unit, "account": member.number}[where]
    policy = organization.attach(target, deny("cloudtrail:StopLogging"))
    arn = member.trail_arn("trail")
    caller = f"arn:aws:iam::{member.number}:root"
    with refused(
        "AccessDeniedException",
        f"User: {caller} is not authorized to perform: cloudtrail:StopLogging on resource: {arn} {DENIED}",
    ):
        member.cloudtrail.stop_logging(Name="trail")
    with refused("TrailNotFoundException"):
        member.cloudtrail.start_logging(Name="trail")
    # It never binds the management account.
    with refused("TrailNotFoundException"):
        organization.management.cloudtrail.stop_logging(Name="trail")
    api.detach_policy(PolicyId=policy, TargetId=target)
    with refused("TrailNotFoundException"):
        member.cloudtrail.stop_logging(Name="trail")


def test_users_and_roles_are_bound_as_well(organization: Organization) -> None:
    member = organization.member
    keys = user(member, allow("*"))
    session = assume(member.client("sts"), role(member, allow("*")))
    organization.attach(member.number, deny("cloudtrail:*", "s3:CreateBucket"))
    for each in (keys, session):
        assert outcome(client(member, "cloudtrail", each).list_trails) == "AccessDeniedException"
        assert outcome(client(member, "s3", each).create_bucket, Bucket=f"b-{member.number}") == "AccessDenied"
        assert outcome(client(member, "iam", each).list_roles) == "ok"


def test_each_level_has_to_allow(organization: Organization, refused: Refused) -> None:
    member, api = organization.member, organization.api
    organization.attach(member.number, allow("s3:*", "iam:*"))
    assert outcome(member.cloudtrail.list_trails) == "ok"
    api.detach_policy(PolicyId=FULL_ACCESS, TargetId=member.number)
    with refused(
        "AccessDeniedException",
        f"User: arn:aws:iam::{member.number}:root is not authorized to perform: cloudtrail:ListTrails on resource: * "
        "because no service control policy allows the cloudtrail:ListTrails action",
    ):
        member.cloudtrail.list_trails()
    assert outcome(member.client("iam").list_roles) == "ok"


def test_exceptions_by_the_callers_role(organization: Organization) -> None:
    member = organization.member
    exempt = {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/audit/operator"}}}
    operator = role(member, allow("cloudtrail:*"), name="operator", Path="/audit/")
    other = role(member, allow("cloudtrail:*"), name="other")
    keys = {arn: assume(member.client("sts"), arn) for arn in (operator, other)}
    organization.attach(organization.root, deny("cloudtrail:*", **exempt))
    assert outcome(client(member, "cloudtrail", keys[operator]).list_trails) == "ok"
    assert outcome(client(member, "cloudtrail", keys[other]).list_trails) == "AccessDeniedException"


def test_a_role_that_may_not_be_assumed(organization: Organization, refused: Refused) -> None:
    member = organization.member
    arn, caller = role(member), f"arn:aws:iam::{member.number}:root"
    organization.attach(organization.root, deny("sts:AssumeRole"))
    with refused(
        "AccessDenied",
        f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn} {DENIED}",
    ):
        assume(member.client("sts"), arn)


def test_the_organizations_own_role_lets_the_management_account_in(organization: Organization) -> None:
    arn = f"arn:aws:iam::{organization.member.number}:role/OrganizationAccountAccessRole"
    keys = assume(organization.management.client("sts"), arn)
    identity = client(organization.member, "sts", keys).get_caller_identity()
    assert identity["Account"] == organization.member.number


def test_trust_within_the_organization(organization: Organization, another: Account) -> None:
    member = organization.member
    id_ = organization.api.describe_organization()["Organization"]["Id"]
    inside = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": id_}}}
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", **inside}
    arn = role(member, trust=trust)
    for account, expected in ((organization.management, "ok"), (member, "ok"), (another, "AccessDenied")):
        assert outcome(account.client("sts").assume_role, RoleArn=arn, RoleSessionName="tests") == expected
    path = {"Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{id_}/{organization.root}/*"}}}
    document = json.loads(written(trust | path))
    member.client("iam").update_assume_role_policy(RoleName="auditor", PolicyDocument=json.dumps(document))
    assert outcome(member.client("sts").assume_role, RoleArn=arn, RoleSessionName="tests") == "ok"
    assert outcome(another.client("sts").assume_role, RoleArn=arn, RoleSessionName="tests") == "AccessDenied"
