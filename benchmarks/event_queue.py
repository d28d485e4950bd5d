"""The operator's event queue, created by the stacks of examples/cloudformation."""

import json
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

from benchmarks.stage import ROOT, aws_client
from trail_sandbox.sandbox import ACCOUNT_ID

REGION = "us-east-1"
_TEMPLATES = ROOT / "examples" / "cloudformation"
_COPY = "benchmark-events"


class EventQueue:
    """The queue, and a copy that gets the same events and that only the benchmark reads: it says when they arrived."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._sqs = aws_client(endpoint, "sqs", REGION)
        self.arn = ""

    def create(self, accounts: Collection[str], regions: Collection[str]) -> None:
        """Create both, and the rules in all regions of all accounts."""
        members = {"MemberAccounts": ",".join(accounts), "SecondQueueName": _COPY}
        outputs = self._deploy("events-hub", ACCOUNT_ID, REGION, **members)
        self.arn = outputs["QueueArn"]

        def join(place: tuple[str, str]) -> None:
            self._deploy("events-member", *place, EventBusArn=outputs["EventBusArn"])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(join, product(accounts, regions)))

    def is_empty(self) -> bool:
        """Whether the operator has received and deleted all messages."""
        url = self._url(self.arn.rpartition(":")[2])
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return all(int(found[name]) == 0 for name in names)

    def arrivals(self) -> dict[str, float]:
        """Return when each event since the last time arrived, by the id of the request that it reports."""
        found, url = {}, self._url(_COPY)
        while messages := self._receive(url):
            for message in messages:
                request = json.loads(message["Body"])["detail"]["requestID"]
                found[request] = int(message["Attributes"]["SentTimestamp"]) / 1000
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return found

    def _receive(self, url: str) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["SentTimestamp"])
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def _url(self, name: str) -> str:
        return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def _deploy(self, template: str, account: str, region: str, **parameters: str) -> dict[str, str]:
        """Create a stack; return its outputs."""
        client = aws_client(self._endpoint, "cloudformation", region, account)
        client.create_stack(
            StackName=template,
            TemplateBody=(_TEMPLATES / f"{template}.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = client.describe_stacks(StackName=template)["Stacks"]
        if stack["StackStatus"] != "CREATE_COMPLETE":
            raise RuntimeError(f"the stack {template} in {account} and {region}: {stack['StackStatus']}")
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
