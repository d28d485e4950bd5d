"""An AWS account as facts see it: plain boto3 clients, and what a trail depends on.

Whatever a fact makes by these clients, however it makes it, is deleted when the fact has ended.
"""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from tests.conformance import documents
from tests.conformance.endpoints import Endpoint, Keys
from tests.conformance.undo import Undo

Value = TypeVar("Value")


@dataclass(frozen=True)
class Trail:
    """A trail that was made for a fact, and the bucket that was made for it."""

    name: str
    arn: str
    bucket: str


class Clients:
    """The clients of a run. Each is made once, for that takes longer than most facts, and what it makes is undone."""

    def __init__(self, endpoint: Endpoint, undo: Undo) -> None:
        self.endpoint = endpoint
        self._undo = undo
        self._made: dict[tuple[Keys, str, str, str, bool], Any] = {}

    def get(self, keys: Keys, account: str, service: str, region: str, *, patient: bool) -> Any:
        """Give a client."""
        key = (keys, account, service, region, patient)
        if key not in self._made:
            client = self._made[key] = self.endpoint.client(keys, account, service, region, patient=patient)
            administrator = self.endpoint.administrator(account)
            self._undo.watch(client, lambda: self.get(administrator, account, service, region, patient=True))
        return self._made[key]


class Account:
    """An account, whose administrator the facts are, and the region that a fact has for itself."""

    def __init__(self, clients: Clients, number: str, region: str, keys: Keys | None = None) -> None:
        self.number = number
        self.region = region
        self._clients = clients
        self._endpoint = clients.endpoint
        self._keys = keys or clients.endpoint.administrator(number)

    def client(self, service: str, region: str | None = None, *, patient: bool = True) -> Any:
        """Give a client of a service, in the fact's region if no other is named."""
        return self._clients.get(self._keys, self.number, service, region or self.region, patient=patient)

    @property
    def cloudtrail(self) -> Any:
        """CloudTrail in the fact's region."""
        return self.client("cloudtrail")

    def signed_with(self, access_key: dict[str, Any]) -> "Account":
        """Give the account as whoever has this access key sees it, of IAM's or STS's making."""
        keys = Keys(access_key["AccessKeyId"], access_key["SecretAccessKey"], access_key.get("SessionToken"))
        return Account(self._clients, self.number, self.region, keys)

    # Names.

    def name(self, what: str) -> str:
        """Give a name that nothing has."""
        return f"{self._endpoint.prefix}{what}-{uuid.uuid4().hex[:8]}"

    def trail_arn(self, name: str, region: str | None = None) -> str:
        """Give the ARN that a trail of this name has."""
        return f"arn:aws:cloudtrail:{region or self.region}:{self.number}:trail/{name}"

    # Waiting.

    def eventually(self, read: Callable[[], Value], holds: Callable[[Value], object] = lambda _: True) -> Value:
        """Read until it tells what was written a moment ago."""
        return self._await(read, holds, self._endpoint.settles, lambda: None)

    def delivered(self, read: Callable[[], Value], holds: Callable[[Value], object] = bool) -> Value:
        """Read until what happened was delivered."""
        return self._await(read, holds, self._endpoint.delivers, lambda: self._endpoint.hurry(self.number))

    def _await(
        self, read: Callable[[], Value], holds: Callable[[Value], object], seconds: float, hurry: Callable[[], None]
    ) -> Value:
        deadline = time.monotonic() + seconds
        pause = 0.1
        while True:
            try:
                value = read()
                if holds(value):
                    return value
                if time.monotonic() > deadline:
                    raise AssertionError(f"still {_short(value)}")
            except ClientError:
                if time.monotonic() > deadline:
                    raise
            hurry()
            time.sleep(pause)
            pause = min(2 * pause, 15, max(deadline - time.monotonic(), 0.1))

    # Trails and what they depend on.

    def create_trail(self, **parameters: Any) -> dict[str, Any]:
        """Create a trail, patient with what was made for it a moment ago and may not be known yet."""
        region = parameters.pop("region", None)
        client = self.client("cloudtrail", region)
        answer: dict[str, Any] = self.eventually(lambda: client.create_trail(**parameters))
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def trail(self, region: str | None = None, **parameters: Any) -> Trail:
        """Make a trail, and a bucket with the policy that AWS prescribes for it."""
        name = parameters.pop("Name", None) or self.name("trail")
        arn = self.trail_arn(name, region)
        bucket = parameters.pop("S3BucketName", None) or self.bucket(arn, parameters.get("S3KeyPrefix", ""))
        self.create_trail(region=region, Name=name, S3BucketName=bucket, **parameters)
        return Trail(name, arn, bucket)

    def quiet(self, region: str | None = None, **parameters: Any) -> Trail:
        """Make a trail that records nothing, so that it costs nothing while it logs."""
        trail = self.trail(region, **parameters)
        nothing = {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{trail.bucket}/nothing/"]}
        selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False, "DataResources": [nothing]}
        self.client("cloudtrail", region).put_event_selectors(TrailName=trail.arn, EventSelectors=[selector])
        return trail

    def empty_bucket(self, region: str | None = None) -> str:
        """Make a bucket without a policy."""
        name, region = self.name("logs"), region or self.region
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.client("s3", region).create_bucket(Bucket=name, **where)
        return name

    def bucket(self, trail: str, prefix: str = "", region: str | None = None) -> str:
        """Make a bucket for the trail of an ARN."""
        name = self.empty_bucket(region)
        self.put_bucket_policy(name, documents.bucket_policy(name, trail, prefix))
        return name

    def shared_bucket(self) -> str:
        """Make a bucket for all trails of the account."""
        name = self.empty_bucket()
        source = {"aws:SourceAccount": self.number}
        self.put_bucket_policy(name, documents.bucket_policy(name, self.trail_arn("any"), source=source))
        return name

    def put_bucket_policy(self, bucket: str, policy: documents.Policy) -> None:
        """Put a policy on a bucket."""
        self.eventually(lambda: self.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy)))

    def topic(self, trail: str) -> str:
        """Make a topic that the trail of an ARN may notify; its ARN."""
        arn: str = self.client("sns").create_topic(Name=self.name("notify"))["TopicArn"]
        self.put_topic_policy(arn, documents.topic_policy(arn, trail))
        return arn

    def put_topic_policy(self, topic: str, policy: documents.Policy) -> None:
        """Put a policy on a topic."""
        self.client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy)
        )

    def queue(self) -> tuple[str, str]:
        """Make a queue to which SNS and EventBridge may send; its URL and ARN."""
        sqs, name = self.client("sqs"), self.name("queue")
        arn = f"arn:aws:sqs:{self.region}:{self.number}:{name}"
        services = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
        policy = documents.policy(documents.allow(services, "sqs:SendMessage", arn))
        url: str = sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
        return url, arn

    def received(self, queue: str) -> list[dict[str, Any]]:
        """Take the messages that a queue has now."""
        messages = self.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    def key(self, trail: str, region: str | None = None) -> str:
        """Make a key with which the trail of an ARN may encrypt; its ARN."""
        kms = self.client("kms", region)
        arn: str = kms.create_key(Policy=json.dumps(documents.key_policy(trail)))["KeyMetadata"]["Arn"]
        return arn

    def put_key_policy(self, key: str, policy: documents.Policy) -> None:
        """Put a policy on a key."""
        self.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))

    def log_group(self) -> str:
        """Make a log group; its ARN without the ending `:*`."""
        name = self.name("events")
        self.client("logs").create_log_group(logGroupName=name)
        return f"arn:aws:logs:{self.region}:{self.number}:log-group:{name}"

    def role(self, trust: documents.Policy, permissions: documents.Policy | None = None) -> str:
        """Make a role; its ARN."""
        iam, name = self.client("iam"), self.name("role")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        if permissions:
            iam.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=json.dumps(permissions))
        return arn

    def user(self, permissions: documents.Policy | None = None) -> "Account":
        """Make a user with an access key; the account as it sees it."""
        iam, name = self.client("iam"), self.name("user")
        iam.create_user(UserName=name)
        if permissions:
            iam.put_user_policy(UserName=name, PolicyName="permissions", PolicyDocument=json.dumps(permissions))
        user = self.signed_with(iam.create_access_key(UserName=name)["AccessKey"])
        self.eventually(user.client("sts").get_caller_identity)
        return user


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"
