"""STS AssumeRole: whom a role trusts, and how long a session lasts.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user_externalid.html
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.integration.aws import Account, trust
from tests.outcomes import outcome
from tests.patience import eventually
from tests.patience import seconds as bound
from tests.sandbox.conftest import Refused, put_settings
from tests.sandbox.identities import allow, assume, client, deny, role, trusting, user, written

EXTERNAL = {"Condition": {"StringEquals": {"sts:ExternalId": "secret"}}}


@pytest.fixture
def short_sessions(endpoint: str) -> Iterator[None]:
    """Sessions that last half a second."""
    put_settings(endpoint, session_seconds=0.5)
    yield
    put_settings(endpoint, session_seconds=None)


def refusal(caller: str, arn: str) -> str:
    return f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"


def test_who_is_not_trusted_is_told_as_if_there_were_no_role(aws: Account, another: Account, refused: Refused) -> None:
    sts = another.client("sts")
    caller = f"arn:aws:iam::{another.number}:root"
    missing = f"arn:aws:iam::{aws.number}:role/missing"
    with refused("AccessDenied", refusal(caller, missing)):
        assume(sts, missing)
    service = role(aws, trust=trust()["Statement"][0], name="service")
    with refused("AccessDenied", refusal(caller, service)):
        assume(sts, service)
    guarded = role(aws, trust=trusting(another.number, **EXTERNAL), name="guarded")
    for wrong in ({}, {"ExternalId": "guess"}):
        with refused("AccessDenied", refusal(caller, guarded)):
            assume(sts, guarded, **wrong)
    with pytest.raises(ClientError) as caught:
        assume(sts, missing)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert assume(sts, guarded, ExternalId="secret")["AccessKeyId"].startswith("ASIA")


def test_a_path_is_part_of_a_roles_name_for_callers(aws: Account, refused: Refused) -> None:
    arn = role(aws, Path="/audit/")
    bare = arn.replace("/audit/", "/")
    with refused("AccessDenied"):
        assume(aws.client("sts"), bare)
    answer = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{aws.number}:assumed-role/auditor/tests"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":tests")


@pytest.mark.parametrize(
    ("principal", "statements", "expected"),
    [
        # An account that is trusted leaves it to its own policies, a user who is named needs no other.
        ("{account}", [], "AccessDenied"),
        ("{account}", [allow("sts:AssumeRole")], "ok"),
        ("arn:aws:iam::{account}:root", [allow("sts:AssumeRole")], "ok"),
        ("arn:aws:iam::{account}:user/alice", [], "ok"),
        ("arn:aws:iam::{account}:user/alice", [deny("sts:AssumeRole")], "AccessDenied"),
        ("arn:aws:iam::{account}:user/bob", [allow("sts:AssumeRole")], "AccessDenied"),
        ("*", [], "ok"),
    ],
)
def test_trust_and_policies_in_one_account(
    aws: Account, principal: str, statements: list[dict[str, Any]], expected: str
) -> None:
    arn = role(aws, trust=trusting(principal.replace("{account}", aws.number)))
    sts = client(aws, "sts", user(aws, *statements))
    assert outcome(sts.assume_role, RoleArn=arn, RoleSessionName="tests") == expected


@pytest.mark.parametrize("principal", ["{account}", "arn:aws:iam::{account}:user/alice"])
def test_another_account_must_allow_as_well(aws: Account, another: Account, principal: str) -> None:
    arn = role(aws, trust=trusting(principal.replace("{account}", another.number)))
    without = client(another, "sts", user(another))
    assert outcome(without.assume_role, RoleArn=arn, RoleSessionName="tests") == "AccessDenied"
    policy = written(allow("sts:AssumeRole", resource=arn))
    another.client("iam").put_user_policy(UserName="alice", PolicyName="assume", PolicyDocument=policy)
    assert outcome(without.assume_role, RoleArn=arn, RoleSessionName="tests") == "ok"


def test_a_chain_of_roles(aws: Account, another: Account, refused: Refused) -> None:
    operator = role(another, allow("sts:AssumeRole"), name="operator", MaxSessionDuration=43200)
    arn = role(aws, allow("cloudtrail:List*"), trust=trusting(operator, **EXTERNAL), MaxSessionDuration=43200)
    first = client(another, "sts", assume(another.client("sts"), operator, DurationSeconds=43200))
    second = client(aws, "sts", assume(first, arn, ExternalId="secret"))
    assert second.get_caller_identity()["Arn"] == f"arn:aws:sts::{aws.number}:assumed-role/auditor/tests"
    with refused(
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    ):
        assume(first, arn, ExternalId="secret", DurationSeconds=3601)
    with refused("AccessDenied", refusal(f"arn:aws:sts::{another.number}:assumed-role/operator/tests", arn)):
        assume(first, arn)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"sts:RoleSessionName": "tests"}}, "ok"),
        ({"StringEquals": {"sts:RoleSessionName": "others"}}, "AccessDenied"),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::{account}:root"}}, "ok"),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::{account}:role/x"}}, "AccessDenied"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-none"}}, "AccessDenied"),
        ({"StringEquals": {"aws:ResourceTag/team": "audit"}}, "ok"),
        ({"StringEquals": {"iam:ResourceTag/team": "sales"}}, "AccessDenied"),
    ],
)
def test_conditions_of_trust(aws: Account, another: Account, condition: dict[str, Any], expected: str) -> None:
    filled = {
        operator: {key: value.replace("{account}", another.number) for key, value in keys.items()}
        for operator, keys in condition.items()
    }
    tags = [{"Key": "team", "Value": "audit"}]
    arn = role(aws, trust=trusting(another.number, Condition=filled), Tags=tags)
    assert outcome(another.client("sts").assume_role, RoleArn=arn, RoleSessionName="tests") == expected


def test_a_trust_policy_that_denies(aws: Account, another: Account, refused: Refused) -> None:
    others = {"Condition": {"StringNotEquals": {"sts:ExternalId": "secret"}}}
    arn = role(aws)
    statements = (trusting(another.number), trusting("*", **others) | {"Effect": "Deny"})
    aws.client("iam").update_assume_role_policy(RoleName="auditor", PolicyDocument=written(*statements))
    told = f"{refusal(f'arn:aws:iam::{another.number}:root', arn)} with an explicit deny in the role trust policy"
    with refused("AccessDenied", told):
        assume(another.client("sts"), arn)
    assert outcome(another.client("sts").assume_role, RoleArn=arn, RoleSessionName="tests", ExternalId="secret") == "ok"


def test_tags_of_a_session(aws: Account, refused: Refused) -> None:
    mine = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "audit"}}}
    untagged = role(aws, name="untagged")
    tags = {"Tags": [{"Key": "team", "Value": "audit"}], "TransitiveTagKeys": ["team"]}
    with refused(
        "AccessDenied",
        f"User: arn:aws:iam::{aws.number}:root is not authorized to perform: sts:TagSession on resource: {untagged}",
    ):
        assume(aws.client("sts"), untagged, **tags)
    both = trusting(aws.number, "sts:AssumeRole", "sts:TagSession")
    arn = role(aws, allow("cloudtrail:ListTrails", **mine), allow("sts:*"), trust=both)
    assert outcome(client(aws, "cloudtrail", assume(aws.client("sts"), arn)).list_trails) == "AccessDeniedException"
    tagged = assume(aws.client("sts"), arn, **tags)
    assert outcome(client(aws, "cloudtrail", tagged).list_trails) == "ok"
    inherited = assume(client(aws, "sts", tagged), arn)
    assert outcome(client(aws, "cloudtrail", inherited).list_trails) == "ok"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"DurationSeconds": 3601}, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
        (
            {"DurationSeconds": 43201},
            "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value less than or equal to 43200",
        ),
        (
            {"RoleSessionName": "a session"},
            "1 validation error detected: Value 'a session' at 'roleSessionName' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
    ],
)
def test_parameters_that_cannot_be(aws: Account, refused: Refused, parameters: dict[str, Any], message: str) -> None:
    arn = role(aws)
    with refused("ValidationError", message):
        aws.client("sts").assume_role(**{"RoleArn": arn, "RoleSessionName": "tests"} | parameters)


def test_a_malformed_session_policy(aws: Account, refused: Refused) -> None:
    with refused("MalformedPolicyDocument"):
        assume(aws.client("sts"), role(aws), Policy='{"Statement": [{}]}')


@pytest.mark.parametrize("seconds", [900, 3600])
def test_a_session_lasts_as_long_as_was_asked_for(aws: Account, seconds: int) -> None:
    arn, long = role(aws), timedelta(seconds=seconds)
    before = datetime.now(UTC).replace(microsecond=0)
    answer: Any = assume(aws.client("sts"), arn, DurationSeconds=seconds)
    assert before + long <= answer["Expiration"] <= datetime.now(UTC) + long


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("cloudtrail", "list_trails", "ExpiredTokenException", 400),
        ("kms", "list_keys", "ExpiredTokenException", 400),
        ("sts", "get_caller_identity", "ExpiredToken", 403),
        ("iam", "list_roles", "ExpiredToken", 403),
        ("s3", "list_buckets", "ExpiredToken", 400),
    ],
)
@pytest.mark.usefixtures("short_sessions")
def test_a_session_ends(aws: Account, service: str, operation: str, code: str, status: int) -> None:
    answer: Any = assume(aws.client("sts"), role(aws, allow("*")))
    assert answer["Expiration"] <= datetime.now(UTC) + timedelta(seconds=1)
    call = getattr(client(aws, service, answer), operation)
    eventually("the session has ended", lambda: outcome(call) != "ok")
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_sessions_that_end_before_the_time_that_was_told(aws: Account, another: Account, refused: Refused) -> None:
    everything = allow("*")
    mine: Any = assume(aws.client("sts"), role(aws, everything))
    others = assume(another.client("sts"), role(another, everything))
    aws.end_sessions()
    assert mine["Expiration"] > datetime.now(UTC) + timedelta(minutes=50)
    with refused("ExpiredTokenException", "The security token included in the request is expired"):
        client(aws, "cloudtrail", mine).list_trails()
    with refused("ExpiredToken"):
        client(aws, "sts", mine).get_caller_identity()
    assert outcome(client(another, "cloudtrail", others).list_trails) == "ok"
    arn = f"arn:aws:iam::{aws.number}:role/auditor"
    again = assume(aws.client("sts"), arn)
    assert outcome(client(aws, "cloudtrail", again).list_trails) == "ok"
    requests.post(f"{aws.endpoint}/_sandbox/sessions/end", timeout=bound(30)).raise_for_status()
    for account, keys in ((aws, again), (another, others)):
        assert outcome(client(account, "cloudtrail", keys).list_trails) == "ExpiredTokenException"


@pytest.mark.parametrize(
    ("service", "operation", "absent", "wrong"),
    [
        ("cloudtrail", "list_trails", "UnrecognizedClientException", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId", "InvalidToken"),
    ],
)
def test_a_sessions_token_must_come_with_its_key(
    aws: Account, service: str, operation: str, absent: str, wrong: str
) -> None:
    keys = assume(aws.client("sts"), role(aws, allow("*")))
    without = {name: keys[name] for name in ("AccessKeyId", "SecretAccessKey")}
    assert outcome(getattr(client(aws, service, keys), operation)) == "ok"
    assert outcome(getattr(client(aws, service, without), operation)) == absent
    assert outcome(getattr(client(aws, service, keys | {"SessionToken": "another"}), operation)) == wrong
