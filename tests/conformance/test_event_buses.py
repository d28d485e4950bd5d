"""EventBridge between the call and the queue: buses, rules, and whom their policies let in."""

import json
from typing import Any

import pytest

from tests.conformance import documents
from tests.conformance.account import Account
from tests.conformance.facts import COSTS, SLOW, fact, refused, unverified
from tests.conformance.test_delivery import logging

GUIDE = "https://docs.aws.amazon.com/eventbridge/latest/userguide"
BUS_TO_BUS = f"{GUIDE}/eb-bus-to-bus.html"
CROSS_ACCOUNT = f"{GUIDE}/eb-cross-account.html"
BUS_POLICY = f"{GUIDE}/eb-event-bus-perms.html"
QUEUE_POLICY = f"{GUIDE}/eb-use-resource-based.html"
PUT_PERMISSION = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html"
PUT_EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"
# What AWS answered: https://github.com/aws-samples/serverless-patterns/pull/3089
RESERVED_SOURCE = "https://github.com/aws-samples/serverless-patterns/pull/3089"
SERVICE = {"Service": "events.amazonaws.com"}


def bus(aws: Account, *statements: documents.Statement) -> str:
    """A bus with a policy, if there are statements; its ARN."""
    events, name = aws.client("events"), aws.name("bus")
    arn: str = events.create_event_bus(Name=name)["EventBusArn"]
    if statements:
        given = [one | {"Sid": f"S{number}", "Resource": arn} for number, one in enumerate(statements)]
        events.put_permission(EventBusName=name, Policy=json.dumps(documents.policy(*given)))
    return arn


def rule(
    aws: Account, target: str, on: str = "default", role: str | None = None, pattern: dict[str, Any] | None = None
) -> None:
    """A rule on a bus that sends what is of the source `test`, or of another pattern, to a target."""
    events, name = aws.client("events"), aws.name("rule")
    events.put_rule(Name=name, EventBusName=on, EventPattern=json.dumps(pattern or {"source": ["test"]}))
    by = {"RoleArn": role} if role else {}
    events.put_targets(Rule=name, EventBusName=on, Targets=[{"Id": "target", "Arn": target, **by}])


def name_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def role_for(aws: Account, target: str) -> str:
    return aws.role(documents.trust(SERVICE), documents.permissions("events:PutEvents", target))


def put(aws: Account, **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = aws.client("events").put_events(
        Entries=[{"Source": "test", "DetailType": "test", "Detail": "{}", **members}]
    )
    return answer


def received(sender: Account, receiver: Account, queue: str) -> list[dict[str, Any]]:
    """What a queue gets of events that are put until there is one: roles and policies take a while to be known."""

    def read() -> list[dict[str, Any]]:
        put(sender)
        return receiver.received(queue)

    return receiver.delivered(read)


# Custom events.


@fact(RESERVED_SOURCE)
def test_nobody_can_put_an_event_with_a_source_of_aws(aws: Account) -> None:
    answer = put(aws, Source="aws.cloudtrail", DetailType="AWS API Call via CloudTrail")
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


@fact(PUT_EVENTS)
def test_an_entry_that_is_refused_costs_no_other_its_way(aws: Account) -> None:
    good = {"Source": "test", "DetailType": "test", "Detail": "{}"}
    answer = aws.client("events").put_events(Entries=[good | {"Detail": "{"}, good])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "MalformedDetail"
    assert "EventId" in answer["Entries"][1]


@fact(BUS_POLICY)
def test_a_bus_of_another_account_that_does_not_say_so_takes_no_entry(aws: Account, another: Account) -> None:
    arn = bus(another)
    with refused("AccessDeniedException"):
        put(aws, EventBusName=arn)


# Queues.


@SLOW
@fact(QUEUE_POLICY)
def test_a_queue_whose_policy_does_not_say_so_gets_no_event(aws: Account) -> None:
    url: str = aws.client("sqs").create_queue(QueueName=aws.name("closed"))["QueueUrl"]
    closed = f"arn:aws:sqs:{aws.region}:{aws.number}:{url.rpartition('/')[2]}"
    queue, opened = aws.queue()
    rule(aws, closed)
    rule(aws, opened)
    assert received(aws, aws, queue)
    assert aws.received(url) == []


@SLOW
@fact(GUIDE + "/eb-events-structure.html")
def test_a_queue_gets_the_event_itself_as_its_message(aws: Account) -> None:
    queue, arn = aws.queue()
    rule(aws, arn)
    event = received(aws, aws, queue)[0]
    assert event.keys() >= {
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    }
    assert (event["version"], event["account"], event["region"]) == ("0", aws.number, aws.region)


# From bus to bus.


@SLOW
@fact(BUS_TO_BUS)
def test_a_bus_gets_events_of_another_bus_by_a_role(aws: Account) -> None:
    (queue, arn), second = aws.queue(), bus(aws)
    rule(aws, arn, name_of(second))
    rule(aws, second, role=role_for(aws, second))
    assert received(aws, aws, queue)


@SLOW
@fact(BUS_TO_BUS)
def test_an_event_goes_to_no_third_bus(aws: Account) -> None:
    (queue, arn), (last, last_arn) = aws.queue(), aws.queue()
    second, third = bus(aws), bus(aws)
    rule(aws, arn, name_of(second))
    rule(aws, last_arn, name_of(third))
    rule(aws, third, name_of(second), role_for(aws, third))
    rule(aws, second, role=role_for(aws, second))
    assert received(aws, aws, queue)
    assert aws.received(last) == []


@SLOW
@fact(CROSS_ACCOUNT)
def test_an_event_of_another_account_keeps_the_account_that_it_is_of(aws: Account, another: Account) -> None:
    queue, arn = another.queue()
    root = {"AWS": f"arn:aws:iam::{aws.number}:root"}
    hub = bus(another, documents.allow(root, "events:PutEvents", ""))
    rule(another, arn, name_of(hub))
    rule(aws, hub, role=role_for(aws, hub))
    event = received(aws, another, queue)[0]
    assert event["account"] == aws.number


@SLOW
@unverified("the guide says so of the account alone")
@fact(f"{GUIDE}/eb-cross-region.html")
def test_an_event_of_another_region_keeps_the_region_that_it_is_of(aws: Account, main_region: Account) -> None:
    (queue, arn), hub = aws.queue(), bus(aws)
    rule(aws, arn, name_of(hub))
    rule(main_region, hub, role=role_for(aws, hub))
    assert received(main_region, aws, queue)[0]["region"] == "us-east-1"


@SLOW
@fact(BUS_POLICY)
def test_a_bus_that_lets_another_account_in_gets_nothing_of_a_third(aws: Account, another: Account) -> None:
    (queue, arn), (witness, witness_arn) = another.queue(), aws.queue()
    hub = bus(another, documents.allow({"AWS": "arn:aws:iam::111122223333:root"}, "events:PutEvents", ""))
    rule(another, arn, name_of(hub))
    rule(aws, hub, role=role_for(aws, hub))
    rule(aws, witness_arn)
    assert received(aws, aws, witness)
    assert another.received(queue) == []


@SLOW
@fact(PUT_PERMISSION)
def test_an_organization_lets_nobody_in_without_a_role(aws: Account, another: Account) -> None:
    organizations = another.client("organizations")
    organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    try:
        (queue, arn), (witness, witness_arn) = aws.queue(), another.queue()
        condition = {"StringEquals": {"aws:PrincipalOrgID": organization}}
        hub = bus(aws, documents.allow("*", "events:PutEvents", "", condition))
        rule(aws, arn, name_of(hub))
        rule(another, witness_arn)
        rule(another, hub)
        assert received(another, another, witness)
        assert aws.received(queue) == []
        rule(another, hub, role=role_for(another, hub))
        assert received(another, aws, queue)
    finally:
        organizations.delete_organization()


# CloudTrail's events.


@COSTS
@SLOW
@unverified("nothing of AWS's says so; responses and records both call it the id of the request")
@fact("https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html")
@pytest.mark.parametrize("service", ["cloudtrail", "sns", "sqs", "logs"])
def test_the_request_id_of_a_record_is_that_of_the_answer(aws: Account, service: str) -> None:
    trail, (queue, arn) = logging(aws), aws.queue()
    rule(aws, arn, pattern={"detail-type": ["AWS API Call via CloudTrail"], "source": [f"aws.{service}"]})
    calls = {
        "cloudtrail": lambda: aws.cloudtrail.add_tags(ResourceId=trail.arn, TagsList=[{"Key": "team"}]),
        "sns": lambda: aws.client("sns").create_topic(Name=aws.name("topic")),
        "sqs": lambda: aws.client("sqs").create_queue(QueueName=aws.name("queue")),
        "logs": lambda: aws.client("logs").create_log_group(logGroupName=aws.name("group")),
    }
    answer = calls[service]()
    found: set[str] = set()

    def read() -> set[str]:
        found.update(event["detail"]["requestID"] for event in aws.received(queue))
        return found

    aws.delivered(read, lambda ids: answer["ResponseMetadata"]["RequestId"] in ids)


@COSTS
@SLOW
@unverified("samples that start logging again rest on it; AWS does not say that the event comes")
@fact(
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html"
)
def test_the_event_of_stopping_the_only_trail_comes(aws: Account) -> None:
    trail, (queue, arn) = logging(aws), aws.queue()
    rule(aws, arn, pattern={"source": ["aws.cloudtrail"], "detail": {"eventName": ["StopLogging"]}})
    aws.cloudtrail.stop_logging(Name=trail.name)
    event = aws.delivered(lambda: aws.received(queue))[0]
    assert event["detail"]["requestParameters"] == {"name": trail.name}
