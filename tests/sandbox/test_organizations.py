"""AWS Organizations as far as CloudTrail's trails are concerned: who may call, who comes, who goes.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

import boto3

from tests.integration.aws import REGION, Account
from tests.sandbox.conftest import Refused
from tests.sandbox.organizations import SERVICE, Organization, invited


def numbers(organization: Organization) -> set[str]:
    return {account["Id"] for account in organization.client.list_accounts()["Accounts"]}


def test_members_are_told_of_their_organization(aws: Account, organization: Organization) -> None:
    told = organization.member().client("organizations").describe_organization()["Organization"]
    assert (told["Id"], told["MasterAccountId"], told["FeatureSet"]) == (organization.id, aws.number, "ALL")


def test_members_may_not_ask_for_more(organization: Organization, refused: Refused) -> None:
    client = organization.member().client("organizations")
    for call in (client.list_accounts, client.list_aws_service_access_for_organization, client.list_roots):
        with refused("AccessDeniedException", "You don't have permissions to access this resource."):
            call()
    with refused("AccessDeniedException"):
        client.create_account(AccountName="more", Email="more@example.com")


def test_delegated_administrators_may_read(aws: Account, organization: Organization, refused: Refused) -> None:
    client = organization.administrator().client("organizations")
    assert {account["Id"] for account in client.list_accounts()["Accounts"]} == numbers(organization)
    trusted = client.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [service["ServicePrincipal"] for service in trusted] == [SERVICE]
    with refused("AccessDeniedException"):
        client.disable_aws_service_access(ServicePrincipal=SERVICE)


def test_who_is_in_no_organization_is_told_so(another: Account, refused: Refused) -> None:
    client = another.client("organizations")
    for call in (client.describe_organization, client.list_accounts, client.leave_organization):
        with refused("AWSOrganizationsNotInUseException"):
            call()


def test_a_delegated_administrator_needs_trusted_access(aws: Account, refused: Refused) -> None:
    organization = Organization(aws, trusts=False)
    member = organization.member()
    given = {"AccountId": member.number, "ServicePrincipal": SERVICE}
    with refused("ConstraintViolationException"):
        organization.client.register_delegated_administrator(**given)
    organization.client.enable_aws_service_access(ServicePrincipal=SERVICE)
    organization.client.register_delegated_administrator(**given)
    services = organization.client.list_delegated_services_for_account(AccountId=member.number)["DelegatedServices"]
    assert [service["ServicePrincipal"] for service in services] == [SERVICE]
    with refused("AccountAlreadyRegisteredException"):
        organization.client.register_delegated_administrator(**given)


def test_there_are_at_most_three_delegated_administrators(organization: Organization, refused: Refused) -> None:
    for _ in range(3):
        organization.administrator()
    with refused("ConstraintViolationException"):
        organization.client.register_delegated_administrator(
            AccountId=organization.member().number, ServicePrincipal=SERVICE
        )


def test_an_invited_account_joins(organization: Organization, another: Account, refused: Refused) -> None:
    target = {"Id": another.number, "Type": "ACCOUNT"}
    sent = organization.client.invite_account_to_organization(Target=target, Notes="come")["Handshake"]
    assert (sent["State"], sent["Action"]) == ("OPEN", "INVITE")
    with refused("DuplicateHandshakeException"):
        organization.client.invite_account_to_organization(Target=target)
    theirs = another.client("organizations")
    assert [one["Id"] for one in theirs.list_handshakes_for_account()["Handshakes"]] == [sent["Id"]]
    assert theirs.accept_handshake(HandshakeId=sent["Id"])["Handshake"]["State"] == "ACCEPTED"
    assert another.number in numbers(organization)
    account = organization.client.describe_account(AccountId=another.number)["Account"]
    assert (account["JoinedMethod"], account["Status"]) == ("INVITED", "ACTIVE")
    assert theirs.describe_organization()["Organization"]["Id"] == organization.id
    with refused("HandshakeConstraintViolationException"):
        organization.client.invite_account_to_organization(Target=target)


def test_an_invitation_is_declined_or_taken_back(
    organization: Organization, another: Account, refused: Refused
) -> None:
    target = {"Id": another.number, "Type": "ACCOUNT"}
    theirs = another.client("organizations")
    first = organization.client.invite_account_to_organization(Target=target)["Handshake"]["Id"]
    theirs.decline_handshake(HandshakeId=first)
    with refused("HandshakeAlreadyInStateException"):
        theirs.decline_handshake(HandshakeId=first)
    second = organization.client.invite_account_to_organization(Target=target)["Handshake"]["Id"]
    organization.client.cancel_handshake(HandshakeId=second)
    with refused("InvalidHandshakeTransitionException"):
        theirs.accept_handshake(HandshakeId=second)
    states = organization.client.list_handshakes_for_organization()["Handshakes"]
    assert [one["State"] for one in states] == ["DECLINED", "CANCELED"]
    assert organization.client.describe_handshake(HandshakeId=second)["Handshake"]["State"] == "CANCELED"
    assert another.number not in numbers(organization)


def test_an_invitation_is_for_one_account(organization: Organization, another: Account, refused: Refused) -> None:
    target = {"Id": another.number, "Type": "ACCOUNT"}
    sent = organization.client.invite_account_to_organization(Target=target)["Handshake"]["Id"]
    with refused("HandshakeNotFoundException"):
        organization.member().client("organizations").accept_handshake(HandshakeId=sent)


def test_who_may_leave(aws: Account, organization: Organization, another: Account, refused: Refused) -> None:
    administrator = organization.administrator()
    with refused("ConstraintViolationException"):
        organization.client.remove_account_from_organization(AccountId=administrator.number)
    with refused("MasterCannotLeaveOrganizationException"):
        organization.client.remove_account_from_organization(AccountId=aws.number)
    with refused("MasterCannotLeaveOrganizationException"):
        organization.client.leave_organization()
    with refused("AccountNotFoundException"):
        organization.client.remove_account_from_organization(AccountId=another.number)
    invited(organization, another)
    another.client("organizations").leave_organization()
    assert another.number not in numbers(organization)


def test_a_closed_account_is_suspended(aws: Account, organization: Organization, refused: Refused) -> None:
    member = organization.member()
    organization.client.close_account(AccountId=member.number)
    assert organization.client.describe_account(AccountId=member.number)["Account"]["Status"] == "SUSPENDED"
    with refused("AccountAlreadyClosedException"):
        organization.client.close_account(AccountId=member.number)
    with refused("ConstraintViolationException"):
        organization.client.close_account(AccountId=aws.number)


def test_closing_is_for_the_own_organizations_accounts(
    organization: Organization, another: Account, refused: Refused
) -> None:
    theirs = Organization(another).member()
    with refused("AccountNotFoundException"):
        organization.client.close_account(AccountId=theirs.number)
    assert theirs.client("organizations").describe_organization()["Organization"]["MasterAccountId"] == another.number


def test_accounts_move_between_units(organization: Organization) -> None:
    client, member = organization.client, organization.member()
    root = client.list_roots()["Roots"][0]["Id"]
    unit = client.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    client.move_account(AccountId=member.number, SourceParentId=root, DestinationParentId=unit)
    assert [one["Id"] for one in client.list_accounts_for_parent(ParentId=unit)["Accounts"]] == [member.number]


def test_the_management_account_administers_new_accounts_by_their_role(
    aws: Account, organization: Organization
) -> None:
    member = organization.member()
    iam = aws.client("iam")
    iam.create_user(UserName="user")
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}'
    )
    iam.put_user_policy(UserName="user", PolicyName="assume", PolicyDocument=policy)
    key = iam.create_access_key(UserName="user")["AccessKey"]
    user = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    role = f"arn:aws:iam::{member.number}:role/OrganizationAccountAccessRole"
    sts = user.client("sts", endpoint_url=aws.endpoint)
    given = sts.assume_role(RoleArn=role, RoleSessionName="admin")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION)
    session.client("s3", endpoint_url=aws.endpoint).create_bucket(Bucket=f"theirs-{member.number}")
    assert [one["Name"] for one in member.client("s3").list_buckets()["Buckets"]] == [f"theirs-{member.number}"]
