"""AWSAccounts: the way into other accounts, who may use them, and which trails they have."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory, calls_of, kubectl
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually, resync
from tests.sandbox import identities
from trail_sandbox.sandbox import Sandbox

ROLE = "trail-operator"
_NOTHING_SET = {"InsightNotEnabledException", "ServerSideEncryptionConfigurationNotFoundError"}
_EXPIRED = {"ExpiredTokenException", "ExpiredToken"}  # as CloudTrail and as STS say it
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def trusting(account: Account, external_id: str | None = None) -> dict[str, Any]:
    """A trust policy that lets an account in."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account.number}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(into: Account, trust: dict[str, Any]) -> str:
    """A role that may do everything in an account; its ARN."""
    iam = into.client("iam")
    arn: str = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    return arn


def allowed(trails: Trails) -> dict[str, Any]:
    return {"names": [trails.namespace]}


def test_a_trail_in_another_account(
    operator: Operator, account: Account, other: Account, trails: Trails, accounts: Accounts
) -> None:
    arn = role(other, trusting(account, "id-1"))
    name = accounts.create(
        "team", other.number, roleARN=arn, externalID="id-1", region=REGION, allowedNamespaces=allowed(trails)
    )
    assert accounts.wait_reason(name, "IdentityVerified")["status"] == "True"
    trails.create(trail("audit", f"logs-{other.number}", accountRef={"name": name}))
    body = trails.wait_ready("audit")
    assert body["status"]["accountID"] == other.number
    assert body["status"]["arn"] == other.trail_arn("audit")
    callers = {call["caller"] for call in other.calls() if call["operation"] == "CreateTrail"}
    assert callers == {f"arn:aws:sts::{other.number}:assumed-role/{ROLE}/trail-operator@test@{other.number}"}
    assert account.trails() == []
    trails.delete("audit")
    trails.wait_gone("audit")
    assert other.trails() == []


@pytest.mark.parametrize(
    ("trust", "given"),
    [("id-1", "id-2"), ("id-1", ""), (None, None)],
    ids=["wrong external id", "missing external id", "no such role"],
)
def test_a_role_that_cannot_be_assumed(
    trust: str | None,
    given: str | None,
    operator: Operator,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
) -> None:
    arn = f"arn:aws:iam::{other.number}:role/{ROLE}"
    if trust:
        role(other, trusting(account, trust))
    spec: dict[str, Any] = {
        "roleARN": arn,
        "allowedNamespaces": allowed(trails),
        **({"externalID": given} if given else {}),
    }
    name = accounts.create("team", other.number, **spec)
    trails.create(trail("audit", f"logs-{other.number}", accountRef={"name": name}))
    told = accounts.wait_reason(name, "AssumeRoleDenied")
    for what in ("the role does not exist", "trust policy", "externalID", arn, account.number):
        assert what in told["message"]
    (event,) = eventually("an Event", lambda: accounts.events(name, "AssumeRoleDenied"))
    assert (event.type, event.message) == ("Warning", "see the conditions of the AWSAccount")
    denied = trails.wait_reason("audit", "AssumeRoleDenied")
    assert denied["status"] == "False"
    assert other.number not in denied["message"]
    assert [call for call in other.calls() if call["service"] == "cloudtrail" and "Trail" in call["operation"]] == []

    if trust:
        accounts.change(name, externalID=trust)
    else:
        role(other, trusting(account))
        accounts.change(name, externalID="any")
    accounts.wait_reason(name, "IdentityVerified")
    trails.wait_ready("audit")


def test_an_account_that_is_another(operator: Operator, account: Account, trails: Trails, accounts: Accounts) -> None:
    name = accounts.create("wrong", "999999999999", allowedNamespaces=allowed(trails))
    trails.create(trail("audit", "some-bucket", accountRef={"name": name}))
    told = accounts.wait_reason(name, "IdentityMismatch")
    assert account.number in told["message"]
    mismatch = trails.wait_reason("audit", "IdentityMismatch")
    assert f"account {account.number}" not in mismatch["message"]
    assert account.writes() == []


def test_an_account_that_is_not_there(operator: Operator, account: Account, trails: Trails, accounts: Accounts) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    trails.create(trail("audit", bucket, accountRef={"name": f"{accounts.prefix}-late"}))
    trails.wait_reason("audit", "AccountNotFound")
    assert account.calls() == [call for call in account.calls() if call["service"] != "cloudtrail"]
    accounts.create("late", account.number, allowedNamespaces=allowed(trails))
    trails.wait_ready("audit")


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "namespace": ({"allowedNamespaces": {"names": ["another"]}}, {}, "NamespaceNotAllowed"),
    "no namespace": ({"allowedNamespaces": None}, {}, "NamespaceNotAllowed"),
    "region": ({"allowedRegions": ["eu-west-1"]}, {}, "RegionNotAllowed"),
    "bucket": ({"allowedBuckets": ["company-*"]}, {}, "BucketNotAllowed"),
    "no bucket": ({"allowedBuckets": []}, {}, "BucketNotAllowed"),
    "organization trail": ({}, {"isOrganizationTrail": True}, "OrganizationTrailNotAllowed"),
    "log role": (
        {"allowedLogRoleARNs": ["arn:aws:iam::*:role/logs-*"]},
        {
            "cloudWatchLogsLogGroupARN": "arn:aws:logs:us-east-1:123456789012:log-group:g",
            "cloudWatchLogsRoleARN": "arn:aws:iam::123456789012:role/other",
        },
        "LogRoleNotAllowed",
    ),
    "trail name": ({"allowedTrailNames": ["team-*"]}, {}, "TrailNameNotAllowed"),
    "topic": ({"allowedTopicARNs": ["arn:aws:sns:*:*:team-*"]}, {"snsTopicName": "other"}, "ResourceNotAllowed"),
    "key": ({"allowedKeyARNs": ["*"]}, {"kmsKeyID": "alias/other"}, "ResourceNotAllowed"),
}


@pytest.mark.sampled
@pytest.mark.parametrize("case", REFUSED)
def test_what_an_account_does_not_allow(
    case: str, operator: Operator, account: Account, trails: Trails, accounts: Accounts
) -> None:
    limits, spec, reason = REFUSED[case]
    name = accounts.create("team", account.number, **{"allowedNamespaces": allowed(trails), **limits})
    accounts.wait_reason(name, "IdentityVerified")
    bucket = account.bucket(f"logs-{account.number}", "audit")
    mark = len(account.calls())
    trails.create(trail("audit", bucket, accountRef={"name": name}, **spec))
    refused = trails.wait_reason("audit", reason)
    assert refused["status"] == "False"
    about = [call for call in account.calls()[mark:] if "audit" in json.dumps(call["parameters"])]
    assert about == [], "no call to AWS about the trail"
    everything = {
        "allowedNamespaces": allowed(trails),
        "allowedRegions": None,
        "allowedBuckets": None,
        "allowedLogRoleARNs": None,
        "allowedTrailNames": None,
    }
    accounts.change(name, **everything)
    if not spec:
        trails.wait_ready("audit")


def test_a_label_opens_and_closes_an_account(
    operator_process: OperatorFactory, account: Account, trails: Trails, accounts: Accounts
) -> None:
    operator_process("--resync", "1h")  # so that nothing but the change makes it look again
    selector = {
        "matchLabels": {"team": f"t{account.number}"},
        "matchExpressions": [{"key": "off", "operator": "DoesNotExist"}],
    }
    name = accounts.create("labelled", account.number, allowedNamespaces={"selector": selector})
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit"), accountRef={"name": name}))
    trails.wait_reason("audit", "NamespaceNotAllowed")

    def label(labels: dict[str, str | None]) -> None:
        trails.core.patch_namespace(trails.namespace, {"metadata": {"labels": labels}})

    label({"team": f"t{account.number}"})
    trails.wait_ready("audit")
    label({"off": "yes"})
    trails.wait_reason("audit", "NamespaceNotAllowed")


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"allowedNamespaces": {"names": ["another"]}}, "NamespaceNotAllowed"),
        ({"allowedRegions": ["eu-west-1"]}, "RegionNotAllowed"),
        ({"roleARN": None, "externalID": None}, "IdentityMismatch"),
        ({"externalID": "another"}, "AssumeRoleDenied"),
    ],
    ids=["namespaces", "regions", "role", "external id"],
)
def test_a_change_of_an_account_shows_without_a_resync(
    change: dict[str, Any],
    reason: str,
    operator_process: OperatorFactory,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
) -> None:
    operator_process("--resync", "1h")
    arn = role(other, trusting(account, "id-1"))
    name = accounts.create("team", other.number, roleARN=arn, externalID="id-1", allowedNamespaces=allowed(trails))
    trails.create(trail("audit", f"logs-{other.number}", accountRef={"name": name}))
    trails.wait_ready("audit")
    accounts.change(name, **change)
    assert trails.wait_reason("audit", reason)["status"] == "False"
    accounts.change(name, roleARN=arn, externalID="id-1", allowedNamespaces=allowed(trails), allowedRegions=None)
    trails.wait_ready("audit")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"allowedNamespaces": {"names": ["another"]}}, "NamespaceNotAllowed"),
        ({"externalID": "another"}, "AssumeRoleDenied"),
    ],
    ids=["namespaces", "external id"],
)
def test_a_change_of_an_account_shows_while_its_trails_wait_for_aws(
    change: dict[str, Any],
    reason: str,
    operator: Operator,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
) -> None:
    arn = role(other, trusting(account, "id-1"))
    name = accounts.create("team", other.number, roleARN=arn, externalID="id-1", allowedNamespaces=allowed(trails))
    accounts.wait_reason(name, "IdentityVerified")
    other.fault(service="cloudtrail", operation="*", delay=600)
    trails.create(trail("audit", f"logs-{other.number}", accountRef={"name": name}))
    eventually("it waits", lambda: any(call["operation"] == "GetTrail" for call in other.calls()))
    accounts.change(name, **change)
    trails.wait_reason("audit", reason)
    assert "No answer from AWS" not in operator.log.read_text(), "it waits still"
    other.no_faults()
    accounts.change(name, externalID="id-1", allowedNamespaces=allowed(trails))
    trails.wait_ready("audit")


def test_a_write_that_waits_for_its_turn_does_not_go_out_once_the_namespace_lost_the_account(
    operator: Operator, account: Account, trails: Trails, accounts: Accounts
) -> None:
    name = accounts.create("team", account.number, allowedNamespaces=allowed(trails))
    accounts.wait_reason(name, "IdentityVerified")
    account.open_bucket(f"logs-{account.number}")
    names = [f"audit-{index}" for index in range(5)]  # as many as AWS allows in a region
    account.fault(service="cloudtrail", operation="CreateTrail", delay=600, count=1)
    for each in names:  # of which one at a time may be made
        trails.create(trail(each, f"logs-{account.number}", accountRef={"name": name}, isMultiRegionTrail=False))
    eventually("the first is being made", lambda: calls_of(account, "CreateTrail"))
    accounts.change(name, allowedNamespaces={"names": ["another"]})
    accounts.wait_reason(name, "IdentityVerified")  # the operator knows of the change
    account.no_faults()
    for each in names:
        trails.wait_reason(each, "NamespaceNotAllowed")
    assert len(calls_of(account, "CreateTrail")) == 1
    accounts.change(name, allowedNamespaces=allowed(trails))
    for each in names:
        trails.wait_ready(each, 60)
    assert len(account.trails()) == len(names)


def test_a_role_withdrawn_and_given_back(
    operator: Operator, account: Account, other: Account, trails: Trails, accounts: Accounts
) -> None:
    arn = role(other, trusting(account))
    name = accounts.create("team", other.number, roleARN=arn, allowedNamespaces=allowed(trails))
    trails.create(trail("audit", f"logs-{other.number}", accountRef={"name": name}))
    trails.wait_ready("audit")
    other.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="all")
    denied = trails.wait_reason("audit", "AccessDenied")
    assert "cloudtrail:" in denied["message"]
    other.client("iam").put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    trails.wait_ready("audit", 60)


@pytest.mark.long
@pytest.mark.waits
def test_sessions_that_end_early_are_renewed_unnoticed(
    operator_process: OperatorFactory, account: Account, other: Account, trails: Trails, accounts: Accounts
) -> None:
    """All sessions in two accounts end again and again, before the time that STS gave.

    Each costs one AssumeRole, each call that meets its end is repeated once, and no condition changes.
    """
    operator_process("--resync", resync(1))
    third = Account(account.endpoint, f"8{account.number[1:]}")
    third.open_bucket(f"logs-{third.number}")
    names = {
        team: accounts.create(
            f"team-{team.number[0]}",
            team.number,
            roleARN=role(team, trusting(account)),
            allowedNamespaces=allowed(trails),
        )
        for team in (other, third)
    }
    made = [f"audit-{team.number[0]}-{region}" for team in names for region in (REGION, "eu-west-1", "us-west-2")]
    alone = {"isMultiRegionTrail": False, "includeGlobalServiceEvents": False}  # nothing to advise of
    for team, name in names.items():
        for each in (each for each in made if each[6] == team.number[0]):
            bucket = f"logs-{team.number}"
            trails.create(trail(each, bucket, region=each[8:], accountRef={"name": name}, **alone))
    for each in made:
        trails.wait_ready(each)
        trails.wait_evaluated(each)

    def listed() -> list[bool]:
        bodies = [accounts.get(name) or {} for name in names.values()]
        return [entry["isLogging"] for body in bodies for entry in body["status"].get("trails", [])]

    eventually("all are listed", lambda: listed() == [True] * len(made))

    def conditions() -> dict[str, Any]:
        told = {name: trails.get(name) for name in made} | {name: accounts.get(name) for name in names.values()}
        return {name: (body or {})["status"]["conditions"] for name, body in told.items()}

    before = conditions()
    marks = {team: len(team.calls()) for team in (account, *names)}

    def renewed(team: Account) -> int:
        """How many sessions the operator has begun in an account since."""
        asked = [call for call in account.calls()[marks[account] :] if call["operation"] == "AssumeRole"]
        return sum(
            call["parameters"]["RoleArn"] == f"arn:aws:iam::{team.number}:role/{ROLE}" and call["error"] is None
            for call in asked
        )

    def made_since(team: Account) -> list[dict[str, Any]]:
        return [call for call in team.calls()[marks[team] :] if call["caller"].endswith(f"@{team.number}")]

    def is_over(ended: int) -> bool:
        """Whether the end of the sessions is: a call is repeated once, so it must not meet the next end as well."""
        return all(renewed(team) >= ended and _all_repeated(made_since(team)) for team in names)

    for ended in range(1, 16):
        for team in names:
            team.end_sessions()
        for each in made:  # a pass of each, now
            trails.annotate(each, {"trail-operator.dev/reconcile-at": str(ended)})
        eventually("new sessions, and what was refused is repeated", lambda ended=ended: is_over(ended))  # type: ignore[misc]
        assert conditions() == before
    assert [event.reason for each in made for event in trails.events(each) if event.type == "Warning"] == []
    for team in names:
        errors = {call["error"] for call in made_since(team)}
        assert errors & _EXPIRED
        assert errors <= {None, *_NOTHING_SET, *_EXPIRED}
        assert renewed(team) == ended, "one session for all calls that met the end of the one before"


def _all_repeated(calls: list[dict[str, Any]]) -> bool:
    """Whether each call that met the end of its session was made again, once each."""
    for refused in [call for call in calls if call["error"] in _EXPIRED]:
        again = _again(refused, calls)
        if again is None:
            return False
        calls.remove(again)
    return True


def _again(refused: dict[str, Any], calls: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The call that repeats one that was refused."""
    same = ("service", "operation", "parameters", "region")
    return next(
        (
            call
            for call in calls
            if call["sequence"] > refused["sequence"]
            and call["error"] not in _EXPIRED
            and all(call[name] == refused[name] for name in same)
        ),
        None,
    )


def test_keys_of_the_operator_that_are_exchanged_in_time_are_taken_up(
    operator_process: OperatorFactory,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
    tmp_path: Path,
) -> None:
    """A credentials file with the keys of a session, which ends; good keys lie in the file by then."""
    own = identities.role(account, identities.allow("*"), name="operator")
    keys = tmp_path / "credentials"

    def exchange() -> None:
        new = identities.assume(account.client("sts"), own)
        text = "[default]\naws_access_key_id = {AccessKeyId}\naws_secret_access_key = {SecretAccessKey}\n"
        keys.write_text((text + "aws_session_token = {SessionToken}\n").format(**new))

    exchange()
    operator_process(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SHARED_CREDENTIALS_FILE=str(keys))
    first = accounts.create("first", other.number, roleARN=role(other, trusting(account)))
    accounts.wait_reason(first, "IdentityVerified")
    account.end_sessions()
    exchange()
    late = Account(account.endpoint, f"8{account.number[1:]}")
    late.open_bucket(f"logs-{late.number}")
    arn = role(late, trusting(account))
    name = accounts.create("late", late.number, roleARN=arn, allowedNamespaces=allowed(trails))
    trails.create(trail("audit", f"logs-{late.number}", accountRef={"name": name}))
    trails.wait_ready("audit")
    assert accounts.ready(name)["reason"] == "IdentityVerified"
    into = [call for call in account.calls() if call["operation"] == "AssumeRole" and arn in str(call["parameters"])]
    *refused, last = [call["error"] for call in into]
    # The check of the AWSAccount and the Trail's reconcile may both meet the end of the own session.
    assert set(refused) == {"ExpiredToken"}
    assert last is None


@pytest.mark.parametrize("by_account", [True, False], ids=["of an AWSAccount", "of its own"])
def test_a_web_identity_that_is_refused_is_not_said_of_the_role_of_an_account(
    by_account: bool,
    operator_process: OperatorFactory,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
    tmp_path: Path,
) -> None:
    """IRSA as it fails where the role is missing or does not trust the cluster's OIDC provider."""
    (tmp_path / "token").write_text("eyJ.secret.token")
    operation = "AssumeRoleWithWebIdentity"
    account.fault(
        service="sts", operation=operation, error="AccessDenied", message=f"Not authorized to perform sts:{operation}"
    )
    operator_process(
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        AWS_ROLE_ARN=f"arn:aws:iam::{account.number}:role/operator",
        AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
    )
    reference: dict[str, Any] = {}
    messages = []
    if by_account:
        arn = role(other, trusting(account))
        name = accounts.create("team", other.number, roleARN=arn, allowedNamespaces=allowed(trails))
        messages.append(accounts.wait_reason(name, "CredentialsUnavailable")["message"])
        reference = {"accountRef": {"name": name}}
    trails.create(trail("audit", f"logs-{other.number}", **reference))
    messages.append(trails.wait_reason("audit", "CredentialsUnavailable")["message"])
    for message in messages:
        for what in ("AssumeRoleWithWebIdentity", "eks.amazonaws.com/role-arn", "OIDC provider", "trust policy"):
            assert what in message
        assert ROLE not in message


def test_without_any_region_the_trust_policy_still_names_the_operator(
    operator_process: OperatorFactory, account: Account, other: Account, accounts: Accounts
) -> None:
    operator_process(AWS_DEFAULT_REGION="")
    name = accounts.create("team", other.number, roleARN=f"arn:aws:iam::{other.number}:role/{ROLE}")
    message = accounts.wait_reason(name, "AssumeRoleDenied")["message"]
    assert f'"Principal": {{"AWS": "arn:aws:iam::{account.number}:root"}}' in message


def test_an_account_in_use_is_held(operator: Operator, account: Account, trails: Trails, accounts: Accounts) -> None:
    name = accounts.create("team", account.number, allowedNamespaces=allowed(trails))
    bucket = account.bucket(f"logs-{account.number}", "audit")
    trails.create(trail("audit", bucket, accountRef={"name": name}))
    trails.wait_ready("audit")
    accounts.delete(name)
    assert "1 Trail still uses it" in accounts.wait_reason(name, "InUse")["message"]
    assert accounts.get(name) is not None
    trails.delete("audit")
    trails.wait_gone("audit")
    eventually("the account goes", lambda: accounts.get(name) is None)
    assert account.trails() == []


def test_what_trails_an_account_has(
    cluster: Sandbox, operator: Operator, account: Account, trails: Trails, accounts: Accounts
) -> None:
    """Two single-region and two multi-region trails homed in us-west-1 and one multi-region trail homed elsewhere."""
    bucket = f"logs-{account.number}"
    account.client("s3").create_bucket(Bucket=bucket)
    document = account.bucket_document(bucket, "any")
    for statement in document["Statement"]:
        del statement["Condition"]["StringEquals"]["aws:SourceArn"]
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    west, south = account.client("cloudtrail", "us-west-1"), account.client("cloudtrail", "ap-southeast-2")
    for each, multi in (("one", False), ("three", True)):
        west.create_trail(Name=each, S3BucketName=bucket, IsMultiRegionTrail=multi)
    south.create_trail(
        Name="four",
        S3BucketName=bucket,
        IsMultiRegionTrail=True,
        TagsList=[{"Key": "trail-operator.dev/owner", "Value": "elsewhere/default/four"}],
    )
    name = accounts.create("team", account.number, allowedNamespaces=allowed(trails))
    for each, multi in (("two", False), ("five", True)):
        trails.create(trail(each, bucket, region="us-west-1", isMultiRegionTrail=multi, accountRef={"name": name}))
    for each in ("two", "five"):
        trails.wait_ready(each)

    def listed() -> dict[str, tuple[str, str, bool, bool]]:
        found = (accounts.get(name) or {}).get("status", {}).get("trails", [])
        return {
            entry["name"]: (entry["owner"], entry["homeRegion"], entry["isMultiRegionTrail"], entry["isLogging"])
            for entry in found
        }

    eventually("all five are listed", lambda: len(listed()) == 5 and listed()["five"][3])
    assert listed() == {
        "four": ("elsewhere/default/four", "ap-southeast-2", True, False),
        "five": (f"{trails.namespace}/five", "us-west-1", True, True),
        "one": ("Unmanaged", "us-west-1", False, False),
        "three": ("Unmanaged", "us-west-1", True, False),
        "two": (f"{trails.namespace}/two", "us-west-1", False, True),
    }
    status = (accounts.get(name) or {})["status"]
    assert (status["trailCount"], status["unmanagedCount"]) == (5, 2)
    arns = [entry["arn"] for entry in status["trails"]]
    assert arns == sorted(arns)
    columns, row = (line.split() for line in kubectl(cluster, "get", "awsacc", name).splitlines())
    assert columns == ["NAME", "READY", "REASON", "ACCOUNT", "TRAILS", "UNMANAGED", "AGE"]
    assert row[:6] == [name, "True", "IdentityVerified", account.number, "5", "2"]


@pytest.mark.parametrize(("policy", "owners"), [("Delete", {}), ("Retain", {"goes": "Unmanaged"})])
def test_a_trail_that_was_deleted_or_let_go_shows_without_a_resync(
    policy: str,
    owners: dict[str, str],
    operator_process: OperatorFactory,
    account: Account,
    trails: Trails,
    accounts: Accounts,
) -> None:
    operator_process("--resync", "1h")
    name = accounts.create("team", account.number, allowedNamespaces=allowed(trails))
    account.open_bucket(f"logs-{account.number}")
    for each in ("stays", "goes"):
        trails.create(
            trail(each, f"logs-{account.number}", accountRef={"name": name}, isLogging=False, deletionPolicy=policy)
        )

    def listed() -> dict[str, str]:
        found = (accounts.get(name) or {}).get("status", {}).get("trails", [])
        return {entry["name"]: entry["owner"] for entry in found}

    both = {each: f"{trails.namespace}/{each}" for each in ("stays", "goes")}
    eventually("both are listed", lambda: listed() == both)
    trails.delete("goes")
    eventually("one is", lambda: listed() == {"stays": both["stays"], **owners})


def test_a_warning_of_a_trail_that_was_deleted_goes_without_a_resync(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    operator_process("--resync", "1h")
    account.open_bucket(f"logs-{account.number}")
    for each in ("stays", "goes"):
        trails.create(trail(each, f"logs-{account.number}"))
    for each in ("stays", "goes"):
        eventually(f"{each} is warned of", lambda each=each: trails.condition(each, "Advisory"))  # type: ignore[misc]
    trails.delete("goes")
    eventually("nothing to warn of", lambda: not trails.condition("stays", "Advisory"))


def test_what_aws_does_not_show_of_an_account(
    operator: Operator, account: Account, trails: Trails, accounts: Accounts
) -> None:
    """What is refused in one region hides no trail of another, and where nothing can be read nothing is counted."""
    bucket = f"logs-{account.number}"
    account.open_bucket(bucket)
    account.cloudtrail.create_trail(Name="ours", S3BucketName=bucket)
    account.client("cloudtrail", "us-west-1").create_trail(Name="away", S3BucketName=bucket)
    denied = {"service": "cloudtrail", "error": "AccessDeniedException", "message": "no"}
    account.fault(**denied, operation="DescribeTrails")
    name = accounts.create("team", account.number, region=REGION)

    def status() -> dict[str, Any]:
        found: dict[str, Any] = (accounts.get(name) or {}).get("status", {})
        return found

    def message() -> str:
        return str(next((one["message"] for one in status().get("conditions", ())), ""))

    def counted() -> tuple[int | None, int | None, list[str]]:
        names = [entry["name"] for entry in status().get("trails", [])]
        return status().get("trailCount"), status().get("unmanagedCount"), names

    eventually("it says what can't be read", lambda: "can be read" in message())
    assert counted() == (None, None, [])
    assert status()["conditions"][0]["reason"] == "IdentityVerified"

    account.no_faults()
    eventually("all are listed", lambda: counted() == (2, 2, ["ours", "away"]))
    assert message() == "Identity verified: STS confirms this account"
    account.fault(**denied, operation="GetTrailStatus", region=REGION)
    account.fault(**denied, operation="ListTags", region=REGION)
    account.fault(**denied, operation="DescribeTrails", region="us-west-1")
    eventually("one is listed", lambda: counted() == (2, 0, ["ours"]))
    (ours,) = status()["trails"]
    assert (ours["owner"], "isLogging" in ours) == ("Unknown", False)
    for what in ("GetTrailStatus in us-east-1", "ListTags in us-east-1", "DescribeTrails in us-west-1"):
        assert f"not allowed to perform cloudtrail:{what}" in message()
    account.fault(**denied, operation="*")
    eventually("nothing can be read", lambda: "DescribeTrails in us-east-1" in message())
    assert counted() == (2, 0, ["ours"])
    account.no_faults()
    eventually("all are listed again", lambda: counted() == (2, 2, ["ours", "away"]))


def test_accounts_are_compulsory_where_the_own_identity_is_off(
    operator_process: Callable[..., Operator], account: Account, trails: Trails, accounts: Accounts
) -> None:
    operator_process("--own-identity=false")
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit")))
    assert "accountRef" in trails.wait_reason("audit", "AccountNotFound")["message"]
    assert [call for call in account.calls() if call["operation"] == "CreateTrail" and call["error"] is None] == []


def test_the_default_account(
    operator_process: OperatorFactory, account: Account, other: Account, trails: Trails, accounts: Accounts
) -> None:
    arn = role(other, trusting(account))
    name = accounts.create("default", other.number, roleARN=arn, allowedNamespaces=allowed(trails))
    operator_process("--default-account", name)
    trails.create(trail("audit", f"logs-{other.number}"))
    assert trails.wait_ready("audit")["status"]["accountID"] == other.number


@pytest.mark.parametrize(
    "keys",
    [
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"},
    ],
    ids=["no credentials", "unknown credentials"],
)
def test_credentials_of_the_operator_that_are_none_are_not_the_role_s_fault(
    keys: dict[str, str],
    operator_process: OperatorFactory,
    account: Account,
    other: Account,
    trails: Trails,
    accounts: Accounts,
) -> None:
    operator_process(**keys)
    name = accounts.create(
        "team", other.number, roleARN=role(other, trusting(account)), allowedNamespaces=allowed(trails)
    )
    trails.create(trail("audit", f"logs-{other.number}", accountRef={"name": name}))
    assert accounts.wait_reason(name, "CredentialsUnavailable")["status"] == "False"
    assert trails.wait_reason("audit", "CredentialsUnavailable")["status"] == "False"
