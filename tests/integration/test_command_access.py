"""With which credentials commands read AWS: those of the caller, and of roles only where a flag says so."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from tests.integration.aws import REGION, Account
from tests.outcomes import outcome
from tests.sandbox.identities import allow, client, role, trusting, user
from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.operations import Read, Write
from trail_operator.domain.failure import FailureError, NotSentError
from trail_operator.inventory.account_client import AccountClient
from trail_operator.preview.access import CallerClients, NotReadError, explain
from trail_operator.preview.options import AccessOptions
from trail_operator.runtime.clock import Clock

T = TypeVar("T")
EXTERNAL_ID = "kept-secret-3141"


@pytest.fixture
def as_administrator(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(monkeypatch, account.environment)


def sign_in(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def clients(options: AccessOptions = AccessOptions()) -> CallerClients:  # noqa: B008 - it is immutable
    return CallerClients("export", options, AdoptionPolicy.NEVER, Clock())


def spec(account: Account, **fields: Any) -> AWSAccountSpec:
    return AWSAccountSpec(accountID=account.number, **fields)


async def names(client: AccountClient) -> list[str]:
    return [trail["Name"] for trail in await client.cloudtrail.trails(REGION)]


def read_as(options: AccessOptions, account: AWSAccountSpec) -> tuple[list[str], list[str]]:
    """The names of the trails in an account, and the ARNs as which it was read."""

    async def read() -> tuple[list[str], list[str]]:
        access = clients(options)
        await access.identify_caller()
        client = access.create("it", account)
        await access.identify(client, REGION)
        return await names(client), [identity.arn for identity in access.identities()]

    return run(read())


def make_trail(account: Account, name: str) -> None:
    account.open_bucket(f"logs-{account.number}-x")
    account.cloudtrail.create_trail(Name=name, S3BucketName=f"logs-{account.number}-x")


def auditors_role(of: Account, caller: Account, *more: dict[str, Any]) -> str:
    condition = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    return role(of, allow("cloudtrail:*"), *more, trust=trusting(caller.number, Condition=condition))


def test_the_callers_own_account_is_read_as_the_caller(account: Account, as_administrator: None) -> None:
    make_trail(account, "audit")
    hostile = f"arn:aws:iam::{account.number}:role/hostile"
    found, identities = read_as(AccessOptions(), spec(account, roleARN=hostile))
    assert found == ["audit"]
    assert identities == [f"arn:aws:iam::{account.number}:root"]
    assert "AssumeRole" not in {call["operation"] for call in account.calls()}


def test_another_account_is_not_read_without_a_flag(account: Account, other: Account, as_administrator: None) -> None:
    theirs = spec(other, roleARN=auditors_role(other, account), externalID=EXTERNAL_ID)
    before = len(other.calls())
    with pytest.raises(NotReadError) as refused:
        read_as(AccessOptions(), theirs)
    assert f"Account {other.number} was not read" in explain(refused.value)
    assert f"--role-arn {other.number}=" in explain(refused.value)
    assert "AssumeRole" not in {call["operation"] for call in account.calls()}
    assert len(other.calls()) == before


def test_an_assumed_role_can_only_read(account: Account, other: Account, as_administrator: None) -> None:
    make_trail(other, "audit")
    theirs = spec(other, roleARN=auditors_role(other, account), externalID=EXTERNAL_ID)
    found, identities = read_as(AccessOptions(assume_role=True), theirs)
    assert found == ["audit"]
    assert f"arn:aws:sts::{other.number}:assumed-role/auditor/trail-operator@export@{other.number}" in identities

    async def keys() -> dict[str, str]:
        access = clients(AccessOptions(assume_role=True))
        await access.identify_caller()
        with pytest.raises(NotSentError):
            await access.create("it", theirs).aws.write(Write.StopLogging, other.number, REGION, Name="audit")
        found = await asyncio.to_thread(access._credentials(theirs, REGION).credentials)
        return {
            "AccessKeyId": str(found.access_key),
            "SecretAccessKey": str(found.secret_key),
            "SessionToken": str(found.token),
        }

    session = client(other, "cloudtrail", run(keys()))
    assert outcome(session.get_trail_status, Name="audit") == "ok"
    assert outcome(session.start_logging, Name="audit") == "AccessDeniedException"
    assert outcome(session.delete_trail, Name="audit") == "AccessDeniedException"


def test_a_named_role_is_assumed_instead(account: Account, other: Account, as_administrator: None) -> None:
    make_trail(other, "audit")
    arn = role(other, allow("cloudtrail:*"), trust=trusting(account.number), name="reader")
    options = AccessOptions(assume_role=True, role_arns={other.number: arn})
    hostile = f"arn:aws:iam::{other.number}:role/hostile"
    found, identities = read_as(options, spec(other, roleARN=hostile, externalID=EXTERNAL_ID))
    assert found == ["audit"]
    assert any("assumed-role/reader/" in identity for identity in identities)
    assumed = [call for call in account.calls() if call["operation"] == "AssumeRole"]
    assert EXTERNAL_ID not in json.dumps(assumed)


def test_a_role_of_another_account_is_not_assumed(account: Account, other: Account, as_administrator: None) -> None:
    hostile = spec(account, roleARN=f"arn:aws:iam::{other.number}:role/hostile")
    with pytest.raises(NotReadError, match="is not a role in this account"):
        read_as(AccessOptions(assume_role=True), hostile)
    assert "AssumeRole" not in {call["operation"] for call in account.calls()}


def test_an_endpoint_of_a_manifest_is_ignored(account: Account, as_administrator: None) -> None:
    make_trail(account, "audit")
    hostile = spec(account, endpointURL="https://attacker.invalid")
    assert clients().ignored_endpoint(hostile) == "https://attacker.invalid"
    assert read_as(AccessOptions(endpoint_url="https://example.com"), hostile)[0] == ["audit"]


def test_an_endpoint_that_the_caller_names_is_used(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(monkeypatch, account.environment)
    make_trail(account, "audit")
    local = spec(account, endpointURL="http://127.0.0.1:1")
    options = AccessOptions(endpoint_url="http://127.0.0.1:1")
    assert clients(options).ignored_endpoint(local) == ""
    with pytest.raises(FailureError, match="No answer from AWS"):
        read_as(options, local)


def test_an_external_id_is_not_in_messages(account: Account, other: Account, as_administrator: None) -> None:
    wrong = spec(other, roleARN=auditors_role(other, account), externalID="another-secret")
    with pytest.raises(FailureError) as refused:
        read_as(AccessOptions(assume_role=True), wrong)
    assert "sts:AssumeRole" in explain(refused.value)
    assert "another-secret" not in explain(refused.value)


def test_credentials_that_aws_refuses_are_one_line(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SESSION_TOKEN": "expired"}
    sign_in(monkeypatch, account.environment | invalid)
    with pytest.raises(FailureError) as refused:
        run(clients().identify_caller())
    assert explain(refused.value).startswith(f"AWS does not accept the credentials in {REGION} (InvalidClientTokenId")


def test_no_credentials_are_one_line(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in account.environment:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(FailureError) as refused:
        run(clients().identify_caller())
    assert explain(refused.value).startswith("No usable AWS credentials: set AWS_PROFILE")


def test_a_denied_read_names_the_action(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = user(account, allow("cloudtrail:ListTrails"))
    given = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
    sign_in(monkeypatch, account.environment | given)

    async def describe() -> None:
        await clients().own.aws.call(Read.DescribeTrails, REGION)

    with pytest.raises(FailureError) as refused:
        run(describe())
    assert f"cloudtrail:DescribeTrails is denied in {REGION}: User: arn:aws:iam::" in explain(refused.value)
