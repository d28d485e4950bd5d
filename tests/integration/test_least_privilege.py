"""The permissions of docs/iam.md are enough for everything, and each is needed for what the page says it is for.

Those for alarms are in test_alarm_privileges.py.
"""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws import REGION, WRITES, Account, trust
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.integration.test_metrics import Scraped
from tests.integration.whole import World
from tests.patience import eventually
from tests.sandbox.buses import OF_CLOUDTRAIL, Bus
from tests.sandbox.identities import allow, role, trusting
from tests.sandbox.organizations import Organization
from trail_operator.aws import grants
from trail_operator.aws.grants import When
from trail_operator.aws.operations import Read, Write

NAME = "whole"
USER = "trail-operator"
_PAGE = (Path(__file__).parents[2] / "docs" / "iam.md").read_text()
NEEDED, FOR_ORGANIZATIONS, FOR_MESSAGES, FOR_ATTRIBUTION, FOR_EVENTS, FOR_ALARMS = (
    json.loads(block)["Statement"] for block in re.findall(r"```json\n(.*?)```", _PAGE, re.DOTALL)
)
# Denied where only what is needed is granted.
_OPTIONAL = {
    read.name
    for read in Read
    if {one.when for one in read.permissions if one.grant not in grants.FOR_ALARMS} == {When.MESSAGES}
}
# What the operator meets in the ordinary course of things.
_NO_DENIALS = {None, "TrailNotFoundException", "ResourceNotFoundException", "InsightNotEnabledException"}


def document(account: Account, *statements: dict[str, Any]) -> str:
    """A policy of statements of the page, for an account and its queue."""
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    text = text.replace("sqs:REGION", f"sqs:{REGION}").replace(":QUEUE", ":events")
    text = text.replace("LOG_GROUP", "events").replace("CLUSTER", "test")
    return text.replace("ACCOUNT", account.number).replace("role/ROLE", "role/one")


class Identity:
    """The operator's identity: an IAM user with the statements of the page, for this account."""

    def __init__(self, account: Account, *statements: dict[str, Any]) -> None:
        self._iam = account.client("iam")
        self._account = account
        self._statements = list(statements)
        self.arn = f"arn:aws:iam::{account.number}:user/{USER}"
        self._iam.create_user(UserName=USER)
        self.put()
        keys = self._iam.create_access_key(UserName=USER)["AccessKey"]
        self.environment = {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        }

    def put(self, without: str = "") -> None:
        """Give it all statements, or all but for one action."""
        statements = copy.deepcopy(self._statements)
        for statement in statements:
            actions = statement["Action"]
            listed = [actions] if isinstance(actions, str) else actions
            statement["Action"] = [action for action in listed if action != without]
        statements = [statement for statement in statements if statement["Action"]]
        text = document(self._account, *statements)
        self._iam.put_user_policy(UserName=USER, PolicyName="documented", PolicyDocument=text)

    def calls(self) -> list[dict[str, Any]]:
        """The requests that the operator made."""
        return [call for call in self._account.calls() if call["caller"] == self.arn]


def actions_of(*statements: dict[str, Any]) -> list[str]:
    found = [statement["Action"] for statement in statements]
    return [action for entry in found for action in ([entry] if isinstance(entry, str) else entry)]


def first(world: World) -> dict[str, Any]:
    """A spec with everything that a trail can be."""
    return world.basic | {"kmsKeyID": "alias/two"}


def second(world: World) -> dict[str, Any]:
    """A spec to which every kind of write leads from the first."""
    return first(world) | {
        "s3KeyPrefix": "two",
        "isLogging": False,
        "tags": [{"key": "cost", "value": "1"}],
        **{
            name: world.advanced[name]
            for name in ("advancedEventSelectors", "insightSelectors", "aggregationConfigurations")
        },
        "eventSelectors": None,
    }


def begin(trails: Trails, spec: dict[str, Any]) -> None:
    trails.create({**trail(NAME, "-"), "spec": spec})


def test_the_documented_permissions_are_enough(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World
) -> None:
    identity = Identity(account, *NEEDED)
    operator_process(**identity.environment)
    begin(trails, first(world))
    trails.wait_ready(NAME, 60)
    trails.change(NAME, **second(world))
    trails.wait_ready(NAME, 60)
    eventually(
        "the other trails are read",
        lambda: {"ListTrails", "DescribeTrails"} <= {c["operation"] for c in identity.calls()},
    )
    trails.delete(NAME)
    trails.wait_gone(NAME)
    calls = [call for call in identity.calls() if call["operation"] not in _OPTIONAL]
    assert {call["error"] for call in calls} <= _NO_DENIALS
    made = {f"{call['service']}:{call['operation']}" for call in calls}
    assert {f"cloudtrail:{operation}" for operation in WRITES} <= made
    # Nothing is asked for that is not used, but for what AWS asks IAM for by itself.
    assert set(actions_of(*NEEDED)) - made == {"iam:PassRole"}


_FOR_WARNINGS = {one.action for read in Read for one in read.permissions if one.when is When.WARNINGS}
_FOR_CHANGES = {operation.action for operation in (Write.UpdateTrail, Write.StopLogging, Write.RemoveTags)}
_FOR_CREATION = sorted(set(actions_of(*NEEDED)) - _FOR_WARNINGS - _FOR_CHANGES - {Write.DeleteTrail.action})


def denied(trails: Trails, action: str) -> None:
    condition = trails.wait_reason(NAME, "AccessDenied", 60)
    assert condition["status"] == "False"
    assert f"not allowed to perform {action} in" in condition["message"]


def granted(trails: Trails, identity: Identity) -> None:
    identity.put()
    trails.annotate(NAME, {"trail-operator.dev/reconcile-at": "now"})
    trails.wait_ready(NAME, 60)


@pytest.mark.sampled
@pytest.mark.parametrize("action", _FOR_CREATION)
def test_an_action_that_is_missing_while_a_trail_is_made(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World, action: str
) -> None:
    identity = Identity(account, *NEEDED)
    identity.put(without=action)
    operator_process(**identity.environment)
    begin(trails, first(world))
    denied(trails, action)
    granted(trails, identity)


@pytest.mark.sampled
@pytest.mark.parametrize("action", sorted(_FOR_CHANGES))
def test_an_action_that_is_missing_while_a_trail_is_changed(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World, action: str
) -> None:
    identity = Identity(account, *NEEDED)
    operator_process(**identity.environment)
    begin(trails, first(world))
    trails.wait_ready(NAME, 60)
    identity.put(without=action)
    trails.change(NAME, **second(world))
    denied(trails, action)
    granted(trails, identity)


def test_without_the_permission_to_delete_a_trail_is_held_or_kept(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World
) -> None:
    identity = Identity(account, *NEEDED)
    identity.put(without="cloudtrail:DeleteTrail")
    operator_process(**identity.environment)
    begin(trails, first(world))
    trails.wait_ready(NAME, 60)
    trails.delete(NAME)
    denied(trails, "cloudtrail:DeleteTrail")
    assert "deletionPolicy: Retain" in trails.condition(NAME)["message"]
    trails.change(NAME, deletionPolicy="Retain")
    trails.wait_gone(NAME)
    assert account.trails() == [account.trail_arn(NAME)]


@pytest.mark.sampled
@pytest.mark.parametrize("action", sorted(_FOR_WARNINGS))
def test_without_looking_around_only_warnings_are_missing(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World, action: str
) -> None:
    identity = Identity(account, *NEEDED)
    identity.put(without=action)
    account.bucket_policy(world.bucket, "other")
    account.cloudtrail.create_trail(Name="other", S3BucketName=world.bucket, IsMultiRegionTrail=True)
    account.cloudtrail.start_logging(Name="other")
    account.bucket_policy(world.bucket, NAME)
    operator_process(**identity.environment)
    begin(trails, world.minimal)
    trails.wait_ready(NAME, 60)
    denials = "AccessDeniedException"
    eventually("the denial", lambda: any(call["error"] == denials for call in identity.calls()))
    assert trails.condition(NAME, "Advisory") == {}
    identity.put()
    eventually("the warning", lambda: trails.condition(NAME, "Advisory"))
    assert trails.condition(NAME)["status"] == "True"


def test_reads_are_enough_where_a_trail_is_only_looked_at(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World
) -> None:
    reads = copy.deepcopy(NEEDED)
    for statement in reads:
        listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        statement["Action"] = [one for one in listed if one in {read.action for read in Read}]
    identity = Identity(account, *reads)
    account.cloudtrail.create_trail(Name=NAME, S3BucketName=world.bucket)
    operator_process(**identity.environment)
    begin(trails, world.minimal | {"managementPolicy": "Observe", "isMultiRegionTrail": False, "isLogging": False})
    trails.wait_reason(NAME, "Drifted")  # validation is off
    trails.change(NAME, enableLogFileValidation=False)
    trails.wait_reason(NAME, "Observed")
    calls = [call for call in identity.calls() if call["operation"] not in _OPTIONAL]
    assert {call["error"] for call in calls} <= _NO_DENIALS


# -- organizations


@pytest.mark.parametrize("whose", ["management", "administrator"])
def test_the_documented_permissions_are_enough_for_an_organization(
    operator_process: OperatorFactory, account: Account, trails: Trails, whose: str
) -> None:
    organization = Organization(account)
    home = account if whose == "management" else organization.administrator()
    bucket = organization.bucket(trail=NAME)
    needed = copy.deepcopy(NEEDED)
    if home is not account:
        (trails_statement,) = (one for one in needed if one["Sid"] == "Trails")
        trails_statement["Resource"] = [trails_statement["Resource"], account.trail_arn("*", "*")]
    identity = Identity(home, *needed, *FOR_ORGANIZATIONS)
    operator_process(**identity.environment)
    begin(trails, {"s3BucketName": bucket, "isOrganizationTrail": True})
    body = trails.wait_ready(NAME, 60)
    assert body["status"]["arn"] == account.trail_arn(NAME)
    trails.change(NAME, enableLogFileValidation=False, tags=[{"key": "a", "value": "1"}])
    trails.wait_ready(NAME)
    trails.delete(NAME)
    trails.wait_gone(NAME)
    calls = [call for call in identity.calls() if call["operation"] not in _OPTIONAL]
    assert {call["error"] for call in calls} <= _NO_DENIALS


@pytest.mark.sampled
@pytest.mark.parametrize("action", actions_of(*FOR_ORGANIZATIONS))
def test_an_action_that_is_missing_for_an_organization(
    operator_process: OperatorFactory, account: Account, trails: Trails, action: str
) -> None:
    bucket = Organization(account).bucket(trail=NAME)
    identity = Identity(account, *NEEDED, *FOR_ORGANIZATIONS)
    identity.put(without=action)
    operator_process(**identity.environment)
    begin(trails, {"s3BucketName": bucket, "isOrganizationTrail": True})
    if action == "organizations:DescribeOrganization":  # the operator asks itself, for the rest CloudTrail does
        denied(trails, action)
    else:
        assert action in trails.wait_reason(NAME, "OrganizationNotReady")["message"]
    granted(trails, identity)


# -- the event queue


@pytest.mark.parametrize("action", actions_of(*FOR_EVENTS))
def test_an_action_that_is_missing_for_the_event_queue(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World, action: str
) -> None:
    """Nothing else is missing, and the log says which; with it, a change is corrected long before the resync."""
    Bus(account).rule("events", OF_CLOUDTRAIL)
    identity = Identity(account, *NEEDED, *FOR_EVENTS)
    identity.put(without=action)
    operator = operator_process("--resync", "10m", "--event-queue", "events", **identity.environment)
    begin(trails, world.minimal)
    trails.wait_ready(NAME, 60)
    lacks(operator, action)
    identity.put()
    works_again(operator)
    account.cloudtrail.stop_logging(Name=NAME)
    eventually("the trail logs", lambda: account.cloudtrail.get_trail_status(Name=NAME)["IsLogging"])


def lacks(operator: Operator, action: str) -> None:
    """Wait until the log says which action is missing."""
    problem = re.compile(rf"not allowed to perform {action} in {REGION}", re.IGNORECASE)
    eventually("the log says so", lambda: problem.search(operator.log.read_text()))


def works_again(operator: Operator) -> None:
    eventually("the queue works", lambda: "the event queue works again" in operator.log.read_text(), 90)


def test_the_key_of_an_encrypted_event_queue_is_needed_too(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    bus, action = Bus(account), "kms:Decrypt"
    bus.rule("events", OF_CLOUDTRAIL)
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    bus.encrypt("events", key)
    identity = Identity(account, *NEEDED, *FOR_EVENTS, allow(action, resource=key))
    identity.put(without=action)
    operator = operator_process("--event-queue", "events", **identity.environment)
    lacks(operator, action)
    assert Scraped(operator, trails.namespace).value("event_queue_up") == 0
    identity.put()
    works_again(operator)


@pytest.mark.parametrize("action", actions_of(*FOR_EVENTS))
def test_an_action_that_the_policy_of_anothers_event_queue_lacks(
    operator_process: OperatorFactory, account: Account, other: Account, action: str
) -> None:
    """The identity's own permissions are not enough where the queue belongs to another account."""
    queue = f"arn:aws:sqs:{REGION}:{other.number}:events"
    sqs = other.client("sqs")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="there is something to delete")

    def let_in(*actions: str) -> None:
        reader = {**allow(*actions, resource=queue), "Principal": {"AWS": account.number}}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(other, reader)})

    all_of_them = actions_of(*FOR_EVENTS)
    let_in(*(one for one in all_of_them if one != action))
    identity = Identity(account, *NEEDED, allow(*all_of_them, resource=queue))
    operator = operator_process("--event-queue", queue, **identity.environment)
    lacks(operator, action)
    let_in(*all_of_them)
    works_again(operator)


@pytest.mark.waits
def test_without_event_history_an_account_is_named_and_nothing_else_is_missing(
    operator_process: OperatorFactory, account: Account, other: Account, trails: Trails, accounts: Accounts
) -> None:
    """Of two accounts, the role of one may not read event history: a minute after a drift, the log says which."""
    third = Account(account.endpoint, f"8{account.number[1:]}")
    third.open_bucket(f"logs-{third.number}")
    operator = operator_process()
    roles = {other: NEEDED, third: [*NEEDED, *FOR_ATTRIBUTION]}
    for team, statements in roles.items():
        arn = role(team, trust=trusting(account.number), name="operator")
        policy = document(team, *statements)
        team.client("iam").put_role_policy(RoleName="operator", PolicyName="documented", PolicyDocument=policy)
        allowed = {"names": [trails.namespace]}
        name = accounts.create(f"a{team.number}", team.number, roleARN=arn, allowedNamespaces=allowed)
        trails.create(trail(f"a{team.number}", f"logs-{team.number}", accountRef={"name": name}))
    for team in roles:
        trails.wait_ready(f"a{team.number}")
        team.cloudtrail.stop_logging(Name=f"a{team.number}")

    def last_drift(team: Account) -> dict[str, Any]:
        found: dict[str, Any] = (trails.get(f"a{team.number}") or {})["status"].get("lastDrift", {})
        return found

    eventually("who did it is known", lambda: last_drift(third).get("changedBy"), 120)
    assert last_drift(third)["changedBy"]["principal"] == f"arn:aws:iam::{third.number}:root"
    message = f"cannot find out who caused drift in account {other.number}: The operator is not allowed to perform"
    eventually("the log says why not", lambda: f"{message} cloudtrail:LookupEvents" in operator.log.read_text())
    assert Scraped(operator, trails.namespace).value("drift_lookups_total", result="denied") == 1
    assert "changedBy" not in last_drift(other)
    assert "correctionTime" in last_drift(other)
    assert trails.wait_ready(f"a{other.number}")


# -- what is missing, in words


@dataclass(frozen=True)
class Refusal:
    """Something that AWS refuses, and the action by which the operator sees why."""

    action: str
    reason: str
    breaks: Callable[[Account, World], object]
    spec: Callable[[World], dict[str, Any]]


def _managed_permissions(account: Account) -> None:
    """The role's permissions as a managed policy that allows too little."""
    iam = account.client("iam")
    iam.delete_role_policy(RoleName="one", PolicyName="logs")
    statement = {"Effect": "Allow", "Action": "logs:CreateLogStream", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_policy(PolicyName=f"logs-{account.number}", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="one", PolicyArn=arn)


def _logs(world: World) -> dict[str, Any]:
    return {name: world.basic[name] for name in ("cloudWatchLogsLogGroupARN", "cloudWatchLogsRoleARN")}


def _default_key(account: Account, world: World) -> None:
    """A bucket that encrypts with a key by which CloudTrail may not."""
    key = account.key(NAME)
    account.key_policy(key, NAME, cloudtrail=False)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    account.client("s3").put_bucket_encryption(Bucket=world.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _key(world: World) -> dict[str, Any]:
    return {"kmsKeyID": world.basic["kmsKeyID"]}


REFUSALS = [
    Refusal(
        Read.GetBucketPolicy.action,
        "BucketPolicyDenies",
        lambda account, world: account.client("s3").delete_bucket_policy(Bucket=world.bucket),
        lambda _: {},
    ),
    Refusal(Read.GetBucketEncryption.action, "KeyPolicyDenies", _default_key, lambda _: {}),
    Refusal(
        Read.GetBucketRequestPayment.action,
        "BucketPolicyDenies",
        lambda account, world: account.client("s3").put_bucket_request_payment(
            Bucket=world.bucket, RequestPaymentConfiguration={"Payer": "Requester"}
        ),
        lambda _: {},
    ),
    Refusal(
        Read.GetTopicAttributes.action,
        "TopicPolicyDenies",
        lambda account, world: account.topic_policy(world.basic["snsTopicName"], "another"),
        lambda world: {"snsTopicName": world.basic["snsTopicName"]},
    ),
    Refusal(
        Read.GetKeyPolicy.action,
        "KeyPolicyDenies",
        lambda account, world: account.key_policy(world.basic["kmsKeyID"], NAME, cloudtrail=False),
        _key,
    ),
    Refusal(
        Read.GetRole.action,
        "RoleNotTrusted",
        lambda account, _: account.client("iam").update_assume_role_policy(
            RoleName="one", PolicyDocument=json.dumps(trust("ec2.amazonaws.com"))
        ),
        _logs,
    ),
    *(
        Refusal(action, "RolePolicyDenies", lambda account, _: _managed_permissions(account), _logs)
        for action in (
            *(Read.ListRolePolicies.action, Read.ListAttachedRolePolicies.action),
            *(Read.GetPolicy.action, Read.GetPolicyVersion.action),
        )
    ),
    Refusal(
        Read.GetRolePolicy.action,
        "RolePolicyDenies",
        lambda account, _: account.client("iam").put_role_policy(
            RoleName="one",
            PolicyName="logs",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "logs:CreateLogStream", "Resource": "*"}],
                }
            ),
        ),
        _logs,
    ),
]


# What a message does not miss: without these it is less exact.
_UNNOTICED = {
    *(Read.GetBucketLocation.action, Read.DescribeKey.action, Read.DescribeLogGroups.action),
    Read.DescribeOrganization.action,
}


def test_every_action_for_messages_is_looked_at() -> None:
    assert {refusal.action for refusal in REFUSALS} | _UNNOTICED == set(actions_of(*FOR_MESSAGES))


@pytest.mark.sampled
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.action)
def test_an_action_that_is_missing_for_a_message(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World, refusal: Refusal
) -> None:
    """With it the message says what is missing; without it, which permission it lacks and all that is required."""
    identity = Identity(account, *NEEDED, *FOR_MESSAGES)
    refusal.breaks(account, world)
    operator: Operator = operator_process(**identity.environment)
    begin(trails, world.minimal | refusal.spec(world))
    assert "Cannot verify" not in trails.wait_reason(NAME, refusal.reason)["message"]
    operator.stop()
    identity.put(without=refusal.action)
    operator.start()

    def says_what_is_missing() -> bool:
        message = trails.condition(NAME)["message"]
        return refusal.action in message and "Cannot verify" in message

    eventually("what is required", says_what_is_missing)
    assert trails.condition(NAME)["reason"] == refusal.reason


# -- DependenciesReady


def _managed(account: Account, world: World) -> None:
    """The role has its permissions by a managed policy as well."""
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    )
    iam = account.client("iam")
    arn = iam.create_policy(PolicyName=f"no-files-{account.number}", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=world.basic["cloudWatchLogsRoleARN"].rpartition("/")[2], PolicyArn=arn)


@pytest.mark.sampled
@pytest.mark.parametrize("action", sorted({*actions_of(*FOR_MESSAGES)} - {Read.DescribeOrganization.action}))
def test_without_an_action_that_reads_a_dependency_its_state_is_unknown(
    operator_process: OperatorFactory, account: Account, trails: Trails, world: World, action: str
) -> None:
    _managed(account, world)
    identity = Identity(account, *NEEDED, *FOR_MESSAGES)
    identity.put(without=action)
    operator_process(**identity.environment)
    key = {} if action == Read.GetBucketEncryption.action else _key(world)
    begin(trails, world.minimal | _logs(world) | key | {"snsTopicName": world.basic["snsTopicName"]})

    def said() -> tuple[str, str]:
        condition = trails.condition(NAME, "DependenciesReady")
        return condition.get("reason", ""), condition.get("message", "")

    eventually("which permission is missing", lambda: said()[0] == "ReadPermissionMissing", 60)
    assert action in said()[1]
    assert trails.condition(NAME, "DependenciesReady")["status"] == "Unknown"
    assert trails.condition(NAME)["status"] == "True"
    identity.put()
    trails.annotate(NAME, {"trail-operator.dev/reconcile-at": "now"})
    eventually("all can be read", lambda: said()[0] == "Allowed", 60)
