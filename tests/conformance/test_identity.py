"""Who may do what: callers are held to their policies, and AssumeRole to the role's trust."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.account import Account, Trail
from tests.conformance.documents import Policy, log_permissions, permissions, policy, trust
from tests.conformance.facts import GUIDE, IAM, case, fact, refused

ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html"
DENIED = f"{IAM}/UserGuide/troubleshoot_access-denied.html"
LOGIC = f"{IAM}/UserGuide/reference_policies_evaluation-logic.html"
PASS_ROLE = f"{GUIDE}/security_iam_id-based-policy-examples.html"
ASSUME = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"
EXTERNAL_ID = f"{IAM}/UserGuide/id_roles_common-scenarios_third-party.html"
PRINCIPAL = f"{IAM}/UserGuide/reference_policies_elements_principal.html"
MAX_DURATION = "https://github.com/kreuzwerker/awsu/issues/27"

TRAILS = "arn:aws:cloudtrail:*:*:trail/*"


def may(call: Any) -> bool:
    """Whether a call is let through, however it ends then."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] != "AccessDeniedException"
    return True


# Identity-based policies.


@fact(DENIED)
def test_a_user_without_policies_may_do_nothing(aws: Account) -> None:
    user = aws.user()
    with refused("AccessDeniedException"):
        user.cloudtrail.describe_trails()


@fact(DENIED)
def test_a_denial_tells_who_may_not_do_what(aws: Account, trail: Trail) -> None:
    user = aws.user()
    arn = user.client("sts").get_caller_identity()["Arn"]
    with pytest.raises(ClientError) as caught:
        user.cloudtrail.get_trail(Name=trail.name)
    told = caught.value.response["Error"]["Message"]
    assert told.startswith(f"User: {arn} is not authorized to perform: cloudtrail:GetTrail on resource: {trail.arn}")


@fact("https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html")
def test_everybody_may_ask_who_they_are(aws: Account) -> None:
    identity = aws.user().client("sts").get_caller_identity()
    assert identity["Account"] == aws.number
    assert identity["Arn"].startswith(f"arn:aws:iam::{aws.number}:user/")


@pytest.mark.parametrize(
    ("document", "call", "is_allowed"),
    [
        case("all of CloudTrail", LOGIC, permissions("cloudtrail:*"), "describe_trails", True),
        case("one action", LOGIC, permissions("cloudtrail:DescribeTrails"), "describe_trails", True),
        case("another action", LOGIC, permissions("cloudtrail:GetTrail"), "describe_trails", False),
        case(
            "actions by a wildcard",
            f"{IAM}/UserGuide/reference_policies_elements_action.html",
            permissions("cloudtrail:Desc*"),
            "describe_trails",
            True,
        ),
        case(
            "all but an action",
            f"{IAM}/UserGuide/reference_policies_elements_notaction.html",
            policy({"Effect": "Allow", "NotAction": "cloudtrail:DescribeTrails", "Resource": "*"}),
            "describe_trails",
            False,
        ),
        case(
            "DescribeTrails of trails, for it is of no resource",
            ACTIONS,
            permissions("cloudtrail:DescribeTrails", TRAILS),
            "describe_trails",
            False,
        ),
        case("ListTrails of trails", ACTIONS, permissions("cloudtrail:ListTrails", TRAILS), "list_trails", False),
        case("LookupEvents of trails", ACTIONS, permissions("cloudtrail:LookupEvents", TRAILS), "lookup_events", False),
        case(
            "an allowance and a denial",
            LOGIC,
            policy(
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "cloudtrail:Describe*", "Resource": "*"},
            ),
            "describe_trails",
            False,
        ),
        case(
            "another region only",
            f"{IAM}/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion",
            permissions("*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
            "describe_trails",
            False,
        ),
        case(
            "all regions but one",
            f"{IAM}/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion",
            permissions("*", Condition={"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}),
            "describe_trails",
            True,
        ),
    ],
)
def test_a_user_with_a_policy_for(aws: Account, document: Policy, call: str, is_allowed: bool) -> None:
    user = aws.user(document)
    aws.eventually(lambda: may(getattr(user.cloudtrail, call)), lambda found: found is is_allowed)


@fact(ACTIONS)
def test_a_policy_for_one_trail_is_for_no_other(aws: Account, trail: Trail) -> None:
    other = aws.trail()
    user = aws.user(permissions("cloudtrail:GetTrail", trail.arn))
    aws.eventually(lambda: user.cloudtrail.get_trail(Name=trail.name))
    with refused("AccessDeniedException"):
        user.cloudtrail.get_trail(Name=other.name)


@fact(f"{IAM}/UserGuide/reference_policies_variables.html")
def test_a_policy_may_have_the_users_name_in_it(aws: Account) -> None:
    user = aws.user(permissions("cloudtrail:GetTrail", f"{TRAILS.removesuffix('*')}${{aws:username}}-x"))
    name = user.client("sts").get_caller_identity()["Arn"].rpartition("/")[2]
    aws.eventually(lambda: may(lambda: user.cloudtrail.get_trail(Name=f"{name}-x")), bool)
    with refused("AccessDeniedException"):
        user.cloudtrail.get_trail(Name=f"{name}-y")


@fact(f"{ACTIONS}#awscloudtrail-policy-keys")
def test_a_policy_may_ask_for_a_tag_of_the_trail(aws: Account) -> None:
    tagged = aws.trail(TagsList=[{"Key": "team", "Value": "security"}])
    other = aws.trail()
    user = aws.user(
        permissions("cloudtrail:GetTrailStatus", Condition={"StringEquals": {"aws:ResourceTag/team": "security"}})
    )
    aws.eventually(lambda: user.cloudtrail.get_trail_status(Name=tagged.arn))
    with refused("AccessDeniedException"):
        user.cloudtrail.get_trail_status(Name=other.arn)


@fact(ACTIONS)
def test_tags_at_creation_need_add_tags(aws: Account) -> None:
    name = aws.name("trail")
    bucket = aws.bucket(aws.trail_arn(name))
    user = aws.user(permissions("cloudtrail:CreateTrail"))
    aws.eventually(lambda: may(lambda: user.cloudtrail.create_trail(Name="-", S3BucketName=bucket)), bool)
    with refused("AccessDeniedException"):
        user.cloudtrail.create_trail(Name=name, S3BucketName=bucket, TagsList=[{"Key": "x"}])
    user.cloudtrail.create_trail(Name=name, S3BucketName=bucket)


@pytest.mark.parametrize(
    ("passing", "is_allowed"),
    [
        case("nothing", PASS_ROLE, None, False),
        case("PassRole", PASS_ROLE, permissions("iam:PassRole"), True),
        case("PassRole of another role", PASS_ROLE, permissions("iam:PassRole", "arn:aws:iam::*:role/other"), False),
        case(
            "PassRole to CloudTrail",
            f"{IAM}/UserGuide/reference_policies_iam-condition-keys.html#ck_PassedToService",
            permissions(
                "iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}}
            ),
            True,
        ),
        case(
            "PassRole to another service",
            f"{IAM}/UserGuide/reference_policies_iam-condition-keys.html#ck_PassedToService",
            permissions("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
            False,
        ),
    ],
)
def test_who_names_a_log_role_and_may_do(aws: Account, passing: Policy | None, is_allowed: bool) -> None:
    name, group = aws.name("trail"), aws.log_group()
    bucket = aws.bucket(aws.trail_arn(name))
    role = aws.role(trust(), log_permissions(group, aws.trail_arn(name)))
    both = permissions("cloudtrail:*")["Statement"] + (passing["Statement"] if passing else [])
    user = aws.user(policy(*both))
    given = {"CloudWatchLogsLogGroupArn": f"{group}:*", "CloudWatchLogsRoleArn": role}
    aws.eventually(lambda: may(user.cloudtrail.describe_trails), bool)
    if is_allowed:
        aws.eventually(lambda: user.cloudtrail.create_trail(Name=name, S3BucketName=bucket, **given))
    else:
        with refused("AccessDeniedException"):
            user.cloudtrail.create_trail(Name=name, S3BucketName=bucket, **given)


@fact(f"{IAM}/UserGuide/id_credentials_access-keys.html")
def test_a_deleted_access_key_is_good_for_nothing(aws: Account) -> None:
    user = aws.user(permissions("cloudtrail:*"))
    name = user.client("sts").get_caller_identity()["Arn"].rpartition("/")[2]
    aws.eventually(user.cloudtrail.describe_trails)
    iam = aws.client("iam")
    [key] = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])

    def code() -> str:
        try:
            user.cloudtrail.describe_trails()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    assert aws.eventually(code, bool) == "UnrecognizedClientException"


# AssumeRole.


def assume(user: Account, role: str, **parameters: Any) -> Account:
    """The account as a session of a role sees it."""
    sts = user.client("sts")
    answer = user.eventually(lambda: sts.assume_role(RoleArn=role, RoleSessionName="fact", **parameters))
    return user.signed_with(answer["Credentials"])


@pytest.fixture
def user(aws: Account) -> Account:
    """A user who may assume any role that lets them."""
    return aws.user(permissions("sts:AssumeRole"))


def arn_of(user: Account) -> str:
    arn: str = user.client("sts").get_caller_identity()["Arn"]
    return arn


def account_trust(aws: Account, **condition: Any) -> Policy:
    return trust({"AWS": f"arn:aws:iam::{aws.number}:root"}, condition)


@fact(ASSUME)
def test_a_role_is_assumed_by_whom_it_trusts(aws: Account, user: Account) -> None:
    role = aws.role(account_trust(aws))
    name = role.rpartition("/")[2]
    assert arn_of(assume(user, role)) == f"arn:aws:sts::{aws.number}:assumed-role/{name}/fact"


@pytest.mark.parametrize(
    "document",
    [
        case("that trusts CloudTrail only", ASSUME, trust()),
        case("that asks for an external ID", EXTERNAL_ID, {"StringEquals": {"sts:ExternalId": "right"}}),
        case("that is not there", f"{IAM}/UserGuide/troubleshoot_roles.html", None),
    ],
)
def test_a_role_cannot_be_assumed(aws: Account, user: Account, document: dict[str, Any] | None) -> None:
    """Whatever the cause, the answer is the same."""
    if document is None:
        role = f"arn:aws:iam::{aws.number}:role/{aws.name('none')}"
    else:
        role = aws.role(document if "Statement" in document else account_trust(aws, **document))
    message = f"User: {arn_of(user)} is not authorized to perform: sts:AssumeRole on resource: {role}"
    with refused("AccessDenied", message, status=403):
        user.client("sts").assume_role(RoleArn=role, RoleSessionName="fact")


@pytest.mark.parametrize(
    ("external_id", "is_allowed"),
    [case("the right one", EXTERNAL_ID, "right", True), case("a wrong one", EXTERNAL_ID, "wrong", False)],
)
def test_an_external_id(aws: Account, user: Account, external_id: str, is_allowed: bool) -> None:
    role = aws.role(account_trust(aws, StringEquals={"sts:ExternalId": "right"}))
    if is_allowed:
        assume(user, role, ExternalId=external_id)
    else:
        with refused("AccessDenied", status=403):
            user.client("sts").assume_role(RoleArn=role, RoleSessionName="fact", ExternalId=external_id)


@fact(PRINCIPAL)
def test_a_trust_in_the_account_needs_a_permission_too(aws: Account) -> None:
    user = aws.user()
    role = aws.role(account_trust(aws))
    with refused("AccessDenied", status=403):
        user.client("sts").assume_role(RoleArn=role, RoleSessionName="fact")


@fact(PRINCIPAL)
def test_a_trust_in_a_user_needs_no_permission(aws: Account) -> None:
    user = aws.user()
    role = aws.eventually(lambda: aws.role(trust({"AWS": arn_of(user)})))
    assume(user, role)


@fact(LOGIC)
def test_a_session_has_the_permissions_of_its_role(aws: Account, user: Account) -> None:
    role = aws.role(account_trust(aws), permissions("cloudtrail:DescribeTrails"))
    session = assume(user, role)
    aws.eventually(session.cloudtrail.describe_trails)
    with refused("AccessDeniedException"):
        session.cloudtrail.list_trails()


@fact(f"{IAM}/UserGuide/access_policies.html#policies_session")
def test_a_session_policy_narrows_the_permissions(aws: Account, user: Account) -> None:
    role = aws.role(account_trust(aws), permissions("cloudtrail:*"))
    session = assume(user, role, Policy=json.dumps(permissions("cloudtrail:ListTrails")))
    aws.eventually(session.cloudtrail.list_trails)
    with refused("AccessDeniedException"):
        session.cloudtrail.describe_trails()


@fact(ASSUME)
def test_a_session_is_an_hour_long_by_default(aws: Account, user: Account) -> None:
    role = aws.role(account_trust(aws))
    sts = user.client("sts")
    answer = aws.eventually(lambda: sts.assume_role(RoleArn=role, RoleSessionName="fact"))
    answered = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
    seconds = (answer["Credentials"]["Expiration"] - parsedate_to_datetime(answered)).total_seconds()
    assert 3300 <= seconds <= 3610, "the date is that of the answer, which may be a while after the session began"


@fact(MAX_DURATION)
def test_a_session_is_no_longer_than_the_role_allows(aws: Account, user: Account) -> None:
    role = aws.role(account_trust(aws))
    assume(user, role)
    with refused("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."):
        user.client("sts").assume_role(RoleArn=role, RoleSessionName="fact", DurationSeconds=7200)


@fact(f"{IAM}/UserGuide/id_roles.html#iam-term-role-chaining")
def test_a_session_from_a_session_is_at_most_an_hour_long(aws: Account, user: Account) -> None:
    role = aws.role(account_trust(aws), permissions("sts:AssumeRole"))
    aws.client("iam").update_role(RoleName=role.rpartition("/")[2], MaxSessionDuration=7200)
    session = assume(user, role)
    sts = session.client("sts")
    aws.eventually(lambda: sts.assume_role(RoleArn=role, RoleSessionName="again"))
    with refused("ValidationError"):
        sts.assume_role(RoleArn=role, RoleSessionName="again", DurationSeconds=7200)


@fact(f"{IAM}/UserGuide/tutorial_cross-account-with-roles.html")
def test_a_role_of_another_account_is_assumed(aws: Account, another: Account, user: Account) -> None:
    role = another.role(trust({"AWS": f"arn:aws:iam::{aws.number}:root"}))
    session = assume(user, role)
    assert session.client("sts").get_caller_identity()["Account"] == another.number


@fact(f"{IAM}/UserGuide/reference_policies_evaluation-logic-cross-account.html")
def test_a_role_of_another_account_needs_a_permission_too(aws: Account, another: Account) -> None:
    user = aws.user()
    role = another.role(trust({"AWS": arn_of(user)}))
    with refused("AccessDenied", status=403):
        user.client("sts").assume_role(RoleArn=role, RoleSessionName="fact")
