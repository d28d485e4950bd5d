"""Credentials that end, are renewed or become another account's: the operator's own calls, without a cluster."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.integration.aws import REGION, Account
from tests.patience import seconds
from tests.sandbox.conftest import endpoint  # noqa: F401 - a fixture
from tests.sandbox.identities import allow, assume, role, trusting
from tests.unit.aws_clients import connection
from tests.unit.test_event_consumer import body
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.error_codes import EXPIRED
from trail_operator.aws.errors import AWSError, is_assume_role_denied
from trail_operator.aws.operations import Read, Write
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.failure import FailureClass, FailureError
from trail_operator.domain.queue_address import QueueAddress
from trail_operator.events.consumer import EventConsumer
from trail_operator.events.queue import EventQueue
from trail_operator.inventory.account_client import AccountClients, session_name
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock

TOKEN = "eyJ.secret.token"


@pytest.fixture
def own(endpoint: str, number: str) -> Account:  # noqa: F811
    """The operator's own account, with a role for it and a trail."""
    return made(Account(endpoint, number))


@pytest.fixture
def team(own: Account) -> Account:
    """A team's account, whose role trusts the operator's; with a trail of the same name."""
    return made(Account(own.endpoint, f"7{own.number[1:]}"), own)


def made(*accounts: Account) -> Account:
    """The first, with a role that trusts all of them, and a trail."""
    account, principals = accounts[0], [each.number for each in accounts]
    role(account, allow("*"), trust=trusting("") | {"Principal": {"AWS": principals}}, name="operator")
    account.open_bucket(f"logs-{account.number}")
    account.cloudtrail.create_trail(Name="trail", S3BucketName=f"logs-{account.number}")
    return account


def role_of(account: Account) -> str:
    return f"arn:aws:iam::{account.number}:role/operator"


@pytest.fixture
def environment(own: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The variables of an operator that has no credentials yet."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", own.endpoint)
    yield monkeypatch
    own.no_faults()


class KeyFile:
    """The credentials file of the operator."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def hold(self, account: Account) -> None:
        """Put the keys of a new session in, of the account's role."""
        keys = assume(account.client("sts"), role_of(account))
        names = {
            "aws_access_key_id": "AccessKeyId",
            "aws_secret_access_key": "SecretAccessKey",
            "aws_session_token": "SessionToken",
        }
        self._path.write_text("\n".join(["[default]", *(f"{name} = {keys[key]}" for name, key in names.items())]))


@pytest.fixture
def key_file(environment: pytest.MonkeyPatch, own: Account, tmp_path: Path) -> KeyFile:
    """The file with good keys of the own account."""
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    result = KeyFile(tmp_path / "credentials")
    result.hold(own)
    return result


def known_accounts(clock: Clock | None = None) -> AccountRegistry:
    clock = clock or Clock()
    clients = AccountClients(
        ClientPool(REGION, clock.monotonic, lambda: None), "test", AdoptionPolicy.NEVER, clock, Metrics()
    )
    return AccountRegistry(clients, default=None, own_identity=True, clock=clock)


def way_into(known: AccountRegistry, account: Account, arn: str | None = None) -> AWSClient:
    """The way into an account by an AWSAccount, with a role if one is given."""
    spec = {"accountID": account.number, **({"roleARN": arn} if arn else {})}
    seen = known.upsert({"metadata": {"name": f"a{account.number}"}, "spec": spec})
    assert seen is not None
    return seen.client.aws


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def answers(account: Account, operation: str) -> list[str | None]:
    """What the operator's calls of an operation came to."""
    return [
        call["error"]
        for call in account.calls()
        if call["operation"] == operation and not str(call["caller"]).endswith(":root")
    ]


def logs(account: Account, name: str = "trail") -> bool:
    return account.cloudtrail.get_trail_status(Name=name)["IsLogging"]


# Credentials that end before their time.


def test_an_account_is_entered_after_the_operators_own_session_has_ended(
    key_file: KeyFile, own: Account, team: Account
) -> None:
    """Every pass begins by asking who we are: so that renews what it is asked with, too."""

    async def scenario() -> None:
        known = known_accounts()
        await known.own.aws.identity(REGION)
        own.end_sessions()
        key_file.hold(own)
        assert (await way_into(known, team, role_of(team)).identity(REGION)).account == team.number

    run(scenario())
    assert answers(own, "AssumeRole") == ["ExpiredToken", None]


def test_a_roles_session_and_the_operators_own_end_at_once(key_file: KeyFile, own: Account, team: Account) -> None:
    async def scenario() -> None:
        into = way_into(known_accounts(), team, role_of(team))
        await into.identity(REGION)
        own.end_sessions()
        team.end_sessions()
        key_file.hold(own)
        await into.call(Read.ListTrails, REGION)

    run(scenario())
    assert answers(team, "ListTrails") == ["ExpiredTokenException", None]
    assert answers(own, "AssumeRole") == [None, "ExpiredToken", None]


def test_writes_that_have_waited_while_sessions_came_and_went(key_file: KeyFile, own: Account, team: Account) -> None:
    """While each waits for its turn the session ends, a read has it renewed, and that one ends as well."""
    names = ["trail", *(f"trail-{number}" for number in range(4))]
    for name in names[1:]:
        team.cloudtrail.create_trail(Name=name, S3BucketName=f"logs-{team.number}")
    writes = 0

    async def sleep(_: float) -> None:
        nonlocal writes
        writes += 1
        if writes % 2:  # a repetition waits as well, and is let alone
            team.end_sessions()
            await into.call(Read.GetCallerIdentity, REGION)
            team.end_sessions()

    into = way_into(known_accounts(Clock(sleep=sleep)), team, role_of(team))

    async def scenario() -> None:
        await into.identity(REGION)
        await asyncio.gather(*(into.write(Write.StartLogging, team.number, REGION, Name=name) for name in names))

    run(scenario())
    assert [logs(team, name) for name in names] == [True] * len(names)


def test_calls_under_way_when_a_session_ends_share_the_next(key_file: KeyFile, own: Account, team: Account) -> None:
    async def scenario() -> None:
        into = way_into(known_accounts(), team, role_of(team))
        await into.identity(REGION)
        team.end_sessions()
        await asyncio.gather(*(into.call(Read.GetRole, REGION, RoleName="operator") for _ in range(5)))

    run(scenario())
    assert answers(own, "AssumeRole") == [None, None]


# Credentials that become another account's.


def test_a_write_is_not_repeated_in_another_account(key_file: KeyFile, own: Account, team: Account) -> None:
    async def scenario() -> None:
        aws = known_accounts().own.aws
        await aws.identity(REGION)
        own.end_sessions()
        key_file.hold(team)
        for _ in range(2):
            with pytest.raises(FailureError) as caught:
                await aws.write(Write.StartLogging, own.number, REGION, Name="trail")
            assert caught.value.failure.reason is Reason.IDENTITY_MISMATCH

    run(scenario())
    assert answers(own, "StartLogging") == ["ExpiredTokenException"]
    assert answers(team, "StartLogging") == []
    assert not logs(team)


def test_a_write_that_has_waited_is_not_made_in_another_account(key_file: KeyFile, own: Account, team: Account) -> None:
    async def sleep(_: float) -> None:
        own.end_sessions()
        key_file.hold(team)
        await aws.call(Read.GetCallerIdentity, REGION)

    aws = known_accounts(Clock(sleep=sleep)).own.aws

    async def scenario() -> None:
        await aws.identity(REGION)
        await aws.write(Write.StartLogging, own.number, REGION, Name="trail")
        with pytest.raises(FailureError) as caught:
            await aws.write(Write.StartLogging, own.number, REGION, Name="trail")
        assert caught.value.failure.reason is Reason.IDENTITY_MISMATCH

    run(scenario())
    assert answers(team, "StartLogging") == []


def test_all_ways_into_an_account_share_its_rates(key_file: KeyFile, own: Account) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def scenario() -> None:
        known = known_accounts(Clock(sleep=sleep))
        for way in (known.own.aws, way_into(known, own)):
            await way.identity(REGION)
            await way.write(Write.StartLogging, own.number, REGION, Name="trail")

    run(scenario())
    assert len(waited) == 1, "the second write waits until a second after the first"


# What AWS refuses of the operator's own identity is not about the role of any account.


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("AccessDenied", FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE),
        ("InvalidIdentityToken", FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE),
        ("ExpiredTokenException", FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE),
        ("IDPCommunicationError", FailureClass.TRANSIENT, Reason.PROGRESSING),
        ("InternalFailure", FailureClass.TRANSIENT, Reason.PROGRESSING),
        ("Throttling", FailureClass.TRANSIENT, Reason.THROTTLED),
    ],
)
@pytest.mark.parametrize("by_role", [True, False], ids=["an account's role", "itself"])
def test_a_web_identity_that_is_refused(
    code: str,
    kind: FailureClass,
    reason: Reason,
    by_role: bool,
    environment: pytest.MonkeyPatch,
    own: Account,
    team: Account,
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    environment.setenv("AWS_MAX_ATTEMPTS", "1")
    environment.setenv("AWS_ROLE_ARN", role_of(own))
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    own.fault(service="sts", operation="AssumeRoleWithWebIdentity", error=code, message=f"not {TOKEN}")

    async def scenario() -> None:
        known = known_accounts()
        with pytest.raises(AWSError) as caught:
            await (way_into(known, team, role_of(team)) if by_role else known.own.aws).identity(REGION)
        assert not is_assume_role_denied(caught.value)
        failure = caught.value.failure
        assert (failure.kind, failure.reason) == (kind, reason)
        if kind is FailureClass.AUTHORITY:
            for what in (
                "AssumeRoleWithWebIdentity",
                "eks.amazonaws.com/role-arn",
                "OIDC",
                "trust policy",
                "sub",
                "aud",
            ):
                assert what in failure.message
            assert TOKEN not in failure.message

    run(scenario())


def test_a_web_identity_whose_token_is_not_there(environment: pytest.MonkeyPatch, own: Account, tmp_path: Path) -> None:
    environment.setenv("AWS_ROLE_ARN", role_of(own))
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))

    async def scenario() -> None:
        with pytest.raises(FailureError) as caught:
            await known_accounts().own.aws.identity(REGION)
        assert caught.value.failure.reason is Reason.CREDENTIALS_UNAVAILABLE

    run(scenario())


def test_the_role_of_the_operators_profile_is_its_own(
    environment: pytest.MonkeyPatch, own: Account, team: Account, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        f"[profile keys]\naws_access_key_id = {own.number}\naws_secret_access_key = secret\n"
        f"[profile operator]\nrole_arn = {role_of(own)}-missing\nsource_profile = keys\n"
    )
    environment.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    environment.setenv("AWS_PROFILE", "operator")

    async def scenario() -> None:
        with pytest.raises(AWSError) as caught:
            await way_into(known_accounts(), team, role_of(team)).identity(REGION)
        assert not is_assume_role_denied(caught.value)
        assert caught.value.failure.reason is Reason.CREDENTIALS_UNAVAILABLE

    run(scenario())


# The event queue, which is polled with the operator's own identity for as long as the operator runs.


class Consumed:
    """A queue of the own account, and a consumer of it."""

    def __init__(self, own: Account) -> None:
        self.delivered: list[CloudTrailEvent] = []
        self.metrics = Metrics()
        self._own, self._sqs = own, own.client("sqs")
        self._url = self._sqs.create_queue(QueueName="events")["QueueUrl"]
        pool = ClientPool(REGION, time.monotonic, lambda: None)
        self.queue = EventQueue(QueueAddress(REGION, "", "events"), connection(pool))
        self._consumer = EventConsumer(self.queue, self.delivered.append, self.metrics, Clock())

    def send(self, name: str) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body(name))

    async def arrives(self, name: str) -> None:
        """Send an event, and wait until the consumer has delivered and deleted it."""
        self.send(name)
        await self.until(lambda: self.names()[-1:] == [name] and self.is_empty())

    def names(self) -> list[str]:
        return [next(iter(event.resources)).name for event in self.delivered]

    def is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return not any(int(value) for value in found.values())

    def is_up(self) -> bool:
        return self.metrics.registry.get_sample_value("trail_operator_event_queue_up") == 1

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(seconds(60)):
            while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)

    def run(self, scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a scenario while the consumer consumes."""

        async def main() -> None:
            self._consumer.start()
            try:
                await scenario()
            finally:
                await self._consumer.stop(seconds(10))

        asyncio.run(main())


def test_the_event_queue_is_read_on_when_a_session_of_the_credentials_file_ends(
    key_file: KeyFile, own: Account
) -> None:
    consumed = Consumed(own)

    async def scenario() -> None:
        await consumed.arrives("first")
        for name in ("second", "third"):
            own.end_sessions()
            key_file.hold(own)
            await consumed.arrives(name)
            assert consumed.is_up()

    consumed.run(scenario)
    assert consumed.names() == ["first", "second", "third"]
    assert answers(own, "GetQueueUrl") == [None]
    assert sum(error in EXPIRED for error in answers(own, "ReceiveMessage") + answers(own, "DeleteMessageBatch")) == 2


def test_the_event_queue_is_read_on_when_a_session_of_a_web_identity_ends(
    environment: pytest.MonkeyPatch, own: Account, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    environment.setenv("AWS_ROLE_ARN", role_of(own))
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    consumed = Consumed(own)

    async def scenario() -> None:
        await consumed.arrives("first")
        own.end_sessions()
        await consumed.arrives("second")
        assert consumed.is_up()

    consumed.run(scenario)
    assert answers(own, "AssumeRoleWithWebIdentity") == [None, None]


def test_messages_are_deleted_although_the_session_has_ended_since(key_file: KeyFile, own: Account) -> None:
    consumed = Consumed(own)
    consumed.send("audit")

    async def scenario() -> None:
        messages = await consumed.queue.receive()
        own.end_sessions()
        key_file.hold(own)
        await consumed.queue.delete(messages)

    run(scenario())
    assert consumed.is_empty()
    assert answers(own, "DeleteMessageBatch") == ["ExpiredTokenException", None]


@pytest.mark.waits
def test_the_event_queue_is_read_again_once_expired_credentials_are_replaced(
    key_file: KeyFile, own: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """Until then it is tried again, and the log says what is wrong."""
    caplog.set_level("INFO", "trail_operator")
    consumed = Consumed(own)

    def failures() -> int:
        return sum(error in EXPIRED for error in answers(own, "ReceiveMessage") + answers(own, "GetQueueUrl"))

    async def scenario() -> None:
        await consumed.arrives("first")
        own.end_sessions()
        consumed.send("second")
        await consumed.until(lambda: not consumed.is_up())
        await consumed.until(lambda: failures() >= 2)
        key_file.hold(own)
        consumed.send("third")
        await consumed.until(lambda: "third" in consumed.names() and consumed.is_up())

    consumed.run(scenario)
    *problems, last = [record.getMessage() for record in caplog.records if "event queue" in record.getMessage()]
    assert problems
    assert all("AWS does not accept the operator's credentials in us-east-1 (Expired" in one for one in problems)
    assert last == "the event queue works again"


# Where STS is asked, and under which name.


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_sts_is_asked_in_the_region_whatever_the_environment_says(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text(TOKEN)
    for name, value in {
        variable: "eu-west-1",
        "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/operator",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_MAX_ATTEMPTS": "1",
        "HTTPS_PROXY": "http://127.0.0.1:9",  # where nobody answers
    }.items():
        monkeypatch.setenv(name, value)
    sessions = ClientPool(None, time.monotonic, lambda: None)
    client: Any = sessions.client("sts", "eu-west-1", None)
    assert client.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"
    asked: list[str] = []
    session = sessions._session
    monkeypatch.setattr(sessions, "_session", lambda: _noting(session(), asked))
    with pytest.raises(BotoCoreError):
        sessions.own.credentials()
    assert asked == ["https://sts.eu-west-1.amazonaws.com/"]


def _noting(session: Any, asked: list[str]) -> Any:
    session.get_component("event_emitter").register("before-send.sts", lambda request, **_: asked.append(request.url))
    return session


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        ("prod", "prod"),
        ("9d0fa2a2-4c3f-4f0e-9a8e-2a5d8c1b7e63", "9d0fa2a2-4c3f-4f0e-9a8e-2a5d8c1b7e63"),
        ("c" * 60, "c" * 36),
        ("eu/prod é", "eu-prod--"),
    ],
)
def test_the_name_of_a_session_tells_cluster_and_account(cluster: str, told: str) -> None:
    name = session_name(cluster, "444455556666")
    assert name == f"trail-operator@{told}@444455556666"
    assert len(name) <= 64
