"""From bus to bus: across accounts and regions, by the policies of both sides, and one bus further at most.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html
"""

import json
from typing import Any

import pytest

from tests.integration.aws import REGION, Account, trust
from tests.sandbox.buses import OF_CLOUDTRAIL, OF_TESTS, Bus, logging_trail
from tests.sandbox.conftest import Refused
from tests.sandbox.identities import allow, client, deny, written
from tests.sandbox.organizations import Organization

HUB_REGION = "eu-west-1"
_KEY_FOR_EVENTBRIDGE = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
    "Resource": "*",
}


def role(aws: Account, *statements: dict[str, Any], service: str = "events.amazonaws.com") -> str:
    """A role that a service may assume; its ARN."""
    iam = aws.client("iam")
    document = json.dumps(trust(service))
    arn: str = iam.create_role(RoleName="forward", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = written(*(statements or [allow("events:PutEvents")]))
    iam.put_role_policy(RoleName="forward", PolicyName="forward", PolicyDocument=policy)
    return arn


def root(account: Account) -> dict[str, Any]:
    return {"Principal": {"AWS": f"arn:aws:iam::{account.number}:root"}}


def of_organization(organization_id: str) -> dict[str, Any]:
    return {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization_id}}}


def arrives(sender: Bus, hub: Bus, name: str = "all", **entry: Any) -> bool:
    """Say whether an event that is put on one bus gets into a queue of the other."""
    sender.put(**entry)
    assert sender.has_sent()
    return not hub.is_empty(name)


@pytest.fixture
def hub(another: Account) -> Bus:
    """A bus in another account and region, whose rule puts everything of tests and CloudTrail into a queue."""
    made = Bus(another, HUB_REGION, "hub")
    made.rule("all", {"source": ["test", "aws.cloudtrail", "aws.iam"]})
    return made


@pytest.fixture
def near(another: Account) -> Bus:
    """The same in the sender's region."""
    made = Bus(another, REGION, "hub")
    made.rule("all", OF_TESTS)
    return made


def test_an_event_of_cloudtrail_comes_from_another_account_and_region_with_its_origin(aws: Account, hub: Bus) -> None:
    hub.let_in(root(aws))
    sender = Bus(aws)
    sender.forward(
        hub, {"source": ["aws.cloudtrail", "aws.iam"]}, role(aws, allow("events:PutEvents", resource=hub.arn))
    )
    sender.rule("own", {"source": ["aws.cloudtrail", "aws.iam"]})
    logging_trail(aws, IsMultiRegionTrail=True)
    aws.client("iam", HUB_REGION).create_user(UserName="u")
    for expected in ("StartLogging", "CreateUser"):
        event = hub.next("all")
        assert event == sender.next("own"), "the hub gets it unchanged"
        assert (event["account"], event["region"], event["detail"]["eventName"]) == (aws.number, REGION, expected)


def test_a_rule_of_the_hub_may_ask_for_accounts_but_not_for_any(aws: Account, hub: Bus, another: Account) -> None:
    for name, account in (("sender", aws.number), ("itself", another.number), ("any", "*")):
        hub.rule(name, {"account": [account]})
    hub.let_in(root(aws))
    sender = Bus(aws)
    sender.forward(hub, role=role(aws))
    assert arrives(sender, hub, "sender")
    assert hub.is_empty("itself")
    assert hub.is_empty("any")


def test_an_organization_lets_its_accounts_in_by_a_role_alone(organization: Organization, hub: Bus, near: Bus) -> None:
    member = organization.member()
    sender = Bus(member)
    near.let_in(of_organization(organization.id))
    sender.forward(near)
    assert not arrives(sender, near), "without a role the account is not known to be of the organization"
    sender.forward(near, role=role(member))
    assert arrives(sender, near)
    hub.let_in(of_organization(organization.id))
    sender.forward(hub, role=f"arn:aws:iam::{member.number}:role/forward")
    assert arrives(sender, hub)


@pytest.mark.parametrize(
    ("statements", "with_role", "expected"),
    [
        ([], True, False),
        ([{"Principal": "*"}], True, True),
        ([of_organization("o-0123456789")], True, False),
        ([{"Principal": {"AWS": "ACCOUNT"}}], True, True),
        ([{"Principal": {"AWS": "ACCOUNT"}}], False, True),
        ([{"Principal": {"AWS": "arn:aws:iam::ACCOUNT:role/forward"}}], True, True),
        ([{"Principal": {"AWS": "arn:aws:iam::ACCOUNT:role/forward"}}], False, False),
        ([{"Principal": {"AWS": "111122223333"}}], True, False),
        ([{"Principal": "*"}, {"Principal": {"AWS": "ACCOUNT"}, "Effect": "Deny"}], True, False),
        ([{"Principal": "*", "Action": "events:PutRule"}], True, False),
        ([{"Principal": "*", "Condition": {"StringEquals": {"events:source": "test"}}}], True, True),
        ([{"Principal": "*", "Condition": {"StringLike": {"events:source": "aws.*"}}}], True, False),
    ],
)
def test_the_policy_of_a_bus_decides(
    aws: Account, near: Bus, statements: list[dict[str, Any]], with_role: bool, expected: bool
) -> None:
    given = json.loads(json.dumps(statements).replace("ACCOUNT", aws.number))
    if given:
        near.let_in(*given)
    sender = Bus(aws)
    sender.forward(near, role=role(aws) if with_role else None)
    assert arrives(sender, near) is expected


@pytest.mark.parametrize(
    ("statements", "service", "expected"),
    [
        ([allow("events:PutEvents", resource="BUS")], "events.amazonaws.com", True),
        ([allow("events:PutEvents", resource="arn:aws:events:*:*:event-bus/other")], "events.amazonaws.com", False),
        ([allow("events:PutRule")], "events.amazonaws.com", False),
        ([allow("events:*"), deny("events:PutEvents")], "events.amazonaws.com", False),
        ([allow("events:PutEvents")], "lambda.amazonaws.com", False),
    ],
)
def test_the_role_of_the_sender_must_be_allowed_and_trust_eventbridge(
    aws: Account, hub: Bus, statements: list[dict[str, Any]], service: str, expected: bool
) -> None:
    hub.let_in(root(aws))
    given = json.loads(json.dumps(statements).replace("BUS", hub.arn))
    sender = Bus(aws)
    sender.forward(hub, role=role(aws, *given, service=service))
    assert arrives(sender, hub) is expected


def test_another_region_needs_a_role_of_the_senders_account(aws: Account, another: Account, hub: Bus) -> None:
    hub.let_in(root(aws), root(another))
    sender = Bus(aws)
    sender.forward(hub)
    assert not arrives(sender, hub)
    sender.forward(hub, role=role(another))
    assert not arrives(sender, hub)


def test_an_event_goes_one_bus_further_and_no_more(aws: Account, another: Account, hub: Bus) -> None:
    third = Bus(another, HUB_REGION, "third")
    third.rule("last", OF_TESTS)
    hub.let_in(root(aws))
    hub.forward(third, role=role(another))
    sender = Bus(aws)
    sender.forward(hub, role=role(aws))
    assert arrives(sender, hub), "the hub's own queue gets it"
    assert third.is_empty("last")
    hub.put()
    assert third.next("last"), "what is put on the hub itself goes on"


def test_buses_of_one_account_need_a_role_but_no_policy(aws: Account) -> None:
    second = Bus(aws, REGION, "second")
    second.rule("all", OF_TESTS)
    sender = Bus(aws)
    sender.forward(second)
    assert not arrives(sender, second)
    sender.forward(second, role=role(aws))
    assert arrives(sender, second)


def test_a_bus_that_is_gone_costs_no_other_target_its_event(aws: Account, hub: Bus) -> None:
    sender = Bus(aws)
    sender.forward(hub, role=role(aws))
    sender.rule("own", OF_TESTS)
    hub._events.delete_event_bus(Name="hub")
    sender.put()
    assert sender.next("own")


# PutEvents and PutPermission.


def test_nobody_can_put_an_event_of_aws(aws: Account) -> None:
    bus = Bus(aws)
    bus.rule("calls", OF_CLOUDTRAIL | {"source": ["aws.cloudtrail", "aws-like"]})
    forged = {"DetailType": "AWS API Call via CloudTrail", "Detail": '{"eventName": "StopLogging"}'}
    entries = [{"Source": source, **forged} for source in ("aws.cloudtrail", "aws-like")]
    answer = aws.client("events").put_events(Entries=entries)
    refused, taken = answer["Entries"]
    assert answer["FailedEntryCount"] == 1
    assert refused == {
        "ErrorCode": "NotAuthorizedForSourceException",
        "ErrorMessage": "Not authorized for the source.",
    }
    event = bus.next("calls")
    assert (event["source"], event["id"]) == ("aws-like", taken["EventId"])
    assert bus.is_empty("calls")


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
    ],
)
def test_entries_that_are_none_are_refused_one_by_one(aws: Account, entry: dict[str, str], code: str) -> None:
    answer = Bus(aws).put(**entry)
    assert (answer["FailedEntryCount"], answer["Entries"][0]["ErrorCode"]) == (1, code)


def test_an_entry_keeps_its_time_and_its_resources(aws: Account) -> None:
    bus = Bus(aws)
    bus.rule("all", OF_TESTS)
    bus.put(Time=1_700_000_000, Resources=["arn:aws:s3:::b"])
    event = bus.next("all")
    assert (event["time"], event["resources"]) == ("2023-11-14T22:13:20Z", ["arn:aws:s3:::b"])


def test_a_bus_of_another_account_takes_entries_of_those_it_lets_in(
    aws: Account, another: Account, near: Bus, refused: Refused
) -> None:
    bus = Bus(aws)
    with refused("AccessDeniedException"):
        bus.put(EventBusName=near.arn)
    near.let_in(root(aws))
    bus.put(EventBusName=near.arn)
    event = near.next("all")
    assert (event["account"], event["region"]) == (aws.number, REGION), "the sender's"
    assert another.number in near.arn


def test_a_user_may_put_what_its_policy_allows(aws: Account, refused: Refused) -> None:
    iam, bus = aws.client("iam"), Bus(aws, REGION, "mine")
    iam.create_user(UserName="u")
    policy = written(allow("events:PutEvents", resource=bus.arn))
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=policy)
    events = client(aws, "events", iam.create_access_key(UserName="u")["AccessKey"])
    entry = {"Source": "test", "DetailType": "t", "Detail": "{}"}
    assert events.put_events(Entries=[entry | {"EventBusName": "mine"}])["FailedEntryCount"] == 0
    with refused("AccessDeniedException"):
        events.put_events(Entries=[entry | {"EventBusName": "mine"}, entry])


def test_a_policy_takes_the_place_of_the_former_one(aws: Account, near: Bus) -> None:
    near.let_in({"Principal": "*"})
    near.let_in({"Principal": {"AWS": "111122223333"}})
    sender = Bus(aws)
    sender.forward(near, role=role(aws))
    assert not arrives(sender, near)


def test_a_statement_can_let_an_organization_in(organization: Organization, near: Bus) -> None:
    condition = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": organization.id}
    near._events.put_permission(
        EventBusName="hub", StatementId="o", Principal="*", Action="events:PutEvents", Condition=condition
    )
    sender = Bus(organization.management)
    sender.forward(near, role=role(organization.management))
    assert arrives(sender, near)


def test_a_malformed_policy_of_a_bus_is_refused(aws: Account, refused: Refused) -> None:
    bus = Bus(aws, REGION, "mine")
    with refused("ValidationException"):
        bus.let_in({"Principal": "*", "Effect": "Perhaps"})


# Queues.


def test_a_queue_of_another_account_needs_a_role(aws: Account, another: Account) -> None:
    there = Bus(another)
    there.rule("inbox", {"source": ["nothing"]})
    sender = Bus(aws)
    arn = there.queue_arn("inbox")
    sender.rule("own", OF_TESTS)
    there.queue_policy("inbox", {**allow("sqs:SendMessage", resource=arn), **root(aws)})
    sender.target("own", "abroad", arn)
    assert not arrives(sender, there, "inbox")
    made = role(aws, allow("sqs:SendMessage", resource=arn))
    sender.target("own", "abroad", arn, RoleArn=made)
    assert arrives(sender, there, "inbox")
    there.queue_policy("inbox", {**allow("sqs:SendMessage", resource=arn), **root(another)})
    assert not arrives(sender, there, "inbox")


def test_a_queue_of_another_region_gets_nothing(aws: Account) -> None:
    abroad, sender = Bus(aws, HUB_REGION), Bus(aws)
    abroad.rule("inbox", {"source": ["nothing"]})
    abroad.queue_policy("inbox", {**allow("sqs:SendMessage", resource="*"), "Principal": "*"})
    sender.rule("own", OF_TESTS)
    sender.target("own", "abroad", abroad.queue_arn("inbox"))
    assert not arrives(sender, abroad, "inbox")


def test_an_encrypted_queue_needs_a_key_that_lets_eventbridge_in(aws: Account) -> None:
    bus, kms = Bus(aws), aws.client("kms")
    bus.rule("all", OF_TESTS)
    own = {**allow("kms:*"), **root(aws)}
    closed = kms.create_key(Policy=written(own))["KeyMetadata"]["Arn"]
    opened = kms.create_key(Policy=written(own, _KEY_FOR_EVENTBRIDGE))["KeyMetadata"]["Arn"]
    for key, expected in ((closed, False), (opened, True), ("alias/aws/sqs", False)):
        bus.encrypt("all", key)
        assert arrives(bus, bus) is expected, key
    kms.disable_key(KeyId=opened)
    bus.encrypt("all", opened)
    assert not arrives(bus, bus), "a disabled key"


def test_other_attributes_leave_the_policy_of_a_queue_alone(aws: Account) -> None:
    bus = Bus(aws)
    bus.rule("all", OF_TESTS)
    bus._sqs.set_queue_attributes(QueueUrl=bus._queues["all"], Attributes={"VisibilityTimeout": "7"})
    assert arrives(bus, bus)


def test_a_malformed_policy_of_a_queue_is_refused(aws: Account, refused: Refused) -> None:
    bus = Bus(aws)
    bus.rule("all", OF_TESTS)
    with refused("InvalidAttributeValue"):
        bus.queue_policy("all", {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"})
