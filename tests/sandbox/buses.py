"""Buses of the emulated EventBridge, with rules that each put what they match into a queue of their own."""

import json
from typing import Any

from tests.integration.aws import REGION, Account
from tests.patience import eventually

OF_CLOUDTRAIL = {"source": ["aws.cloudtrail"], "detail-type": ["AWS API Call via CloudTrail"]}
OF_TESTS = {"source": ["test"]}


class Bus:
    """A bus, the default one unless it is given a name."""

    def __init__(self, aws: Account, region: str = REGION, name: str = "default") -> None:
        self._aws = aws
        self._name = name
        self.arn = f"arn:aws:events:{region}:{aws.number}:event-bus/{name}"
        self._events = aws.client("events", region)
        self._sqs = aws.client("sqs", region)
        self._region = region
        self._queues: dict[str, str] = {}
        if name != "default":
            self._events.create_event_bus(Name=name)

    def rule(self, name: str, pattern: dict[str, Any] | None = None, state: str = "ENABLED", **target: Any) -> None:
        self._queues[name] = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.allow(name, "*")
        given = {"EventPattern": json.dumps(pattern)} if pattern else {"ScheduleExpression": "rate(1 day)"}
        self._events.put_rule(Name=name, EventBusName=self._name, State=state, **given)
        self.target(name, "queue", self.queue_arn(name), **target)

    def allow(self, queue: str, rule: str) -> None:
        """Let a rule put events into a queue, and no other."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.queue_arn(queue),
            "Condition": {"ArnLike": {"aws:SourceArn": self._rule_arn(rule)}},
        }
        self.queue_policy(queue, statement)

    def queue_policy(self, queue: str, *statements: dict[str, Any]) -> None:
        """Put a policy of these statements on a queue."""
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self._sqs.set_queue_attributes(QueueUrl=self._queues[queue], Attributes={"Policy": policy})

    def encrypt(self, queue: str, key: str) -> None:
        self._sqs.set_queue_attributes(QueueUrl=self._queues[queue], Attributes={"KmsMasterKeyId": key})

    def queue_arn(self, queue: str) -> str:
        return f"arn:aws:sqs:{self._region}:{self._aws.number}:{queue}"

    def _rule_arn(self, rule: str) -> str:
        bus = "" if self._name == "default" else f"{self._name}/"
        return f"arn:aws:events:{self._region}:{self._aws.number}:rule/{bus}{rule}"

    def target(self, rule: str, target_id: str, arn: str, **target: Any) -> None:
        given = {"Id": target_id, "Arn": arn, **target}
        self._events.put_targets(Rule=rule, EventBusName=self._name, Targets=[given])

    def forward(self, bus: "Bus", pattern: dict[str, Any] | None = None, role: str | None = None) -> None:
        """Send what a pattern matches to another bus, as a role if one is named."""
        name = f"to-{bus.arn.replace(':', '-').replace('/', '-')[-50:]}"
        self._events.put_rule(Name=name, EventBusName=self._name, EventPattern=json.dumps(pattern or OF_TESTS))
        self.target(name, "bus", bus.arn, **({"RoleArn": role} if role else {}))

    def let_in(self, *statements: dict[str, Any]) -> None:
        """Let others put events on the bus: by statements without what is the same in all of them."""
        rest = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": self.arn}
        policy = {"Version": "2012-10-17", "Statement": [rest | one for one in statements]}
        self._events.put_permission(EventBusName=self._name, Policy=json.dumps(policy))

    def put(self, **members: Any) -> dict[str, Any]:
        given = {} if self._name == "default" else {"EventBusName": self._name}
        entry = {"Source": "test", "DetailType": "test", "Detail": "{}", **given, **members}
        answer: dict[str, Any] = self._events.put_events(Entries=[entry])
        return answer

    def next(self, name: str) -> Any:
        """The next message of a rule's queue, as soon as it is there."""
        url = self._queues[name]
        [message] = eventually(
            f"a message in {name}",
            lambda: self._sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10).get("Messages"),
        )
        self._sqs.delete_message(QueueUrl=self._queues[name], ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    def names(self, name: str, last: str) -> list[str]:
        """The names of the events in a rule's queue, until one of this name."""
        found = [self.next(name)["detail"]["eventName"]]
        while found[-1] != last:
            found.append(self.next(name)["detail"]["eventName"])
        return found

    def has_sent(self) -> bool:
        """Wait until all that was put has been sent: events are sent one after the other."""
        if "witness" not in self._queues:
            self.rule("witness", {"source": ["witness"]})
        self.put(Source="witness")
        return bool(self.next("witness"))

    def receive(self, name: str, **members: Any) -> list[dict[str, Any]]:
        """The messages that a rule's queue gives to one call."""
        messages: list[dict[str, Any]] = self._sqs.receive_message(QueueUrl=self._queues[name], **members).get(
            "Messages", []
        )
        return messages

    def is_empty(self, name: str) -> bool:
        return not self.receive(name)


def logging_trail(aws: Account, name: str = "trail", **members: Any) -> None:
    bucket = aws.bucket(f"{name}-{aws.number}", name)
    aws.cloudtrail.create_trail(Name=name, S3BucketName=bucket, **members)
    aws.cloudtrail.start_logging(Name=name)
