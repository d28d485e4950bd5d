"""An account in another partition than `aws`, and what a trail there depends on: every ARN is of that partition."""

import json
from dataclasses import dataclass
from typing import Any

from tests.integration.aws import Account

SERVICE = {"Service": "cloudtrail.amazonaws.com"}


@dataclass(frozen=True)
class Partition:
    """A partition, a region of it for trails, and the one where events of global services are."""

    name: str
    home: str
    main: str


PARTITIONS = (
    Partition("aws-us-gov", "us-gov-east-1", "us-gov-west-1"),
    Partition("aws-cn", "cn-northwest-1", "cn-north-1"),
)


def _allow(action: Any, resource: Any, condition: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition} | members


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Place:
    """An account in a region, and what the trail of a name needs there."""

    def __init__(self, account: Account, partition: Partition, trail: str) -> None:
        self.account = account
        self.owner = account
        """Whose the bucket is."""
        self.partition = partition
        self.trail = trail
        self.bucket = f"{partition.name}-{trail}-{account.number}"
        self.topic = f"notify-{trail}"
        self.group = f"events-{trail}"
        self.role = f"deliver-{trail}"
        self.source = {"StringEquals": {"aws:SourceArn": self.arn("cloudtrail", f"trail/{trail}")}}

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """An ARN of the account in the partition."""
        where = self.partition.home if region is None else region
        return f"arn:{self.partition.name}:{service}:{where}:{self.account.number}:{resource}"

    def client(self, service: str) -> Any:
        """A client in the home region."""
        return self.account.client(service, self.partition.home)

    def make_bucket(self) -> str:
        """A bucket for the trail."""
        s3 = self.owner.client("s3", self.partition.home)
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.partition.home}}
        more = {} if self.partition.home == "us-east-1" else where
        s3.create_bucket(Bucket=self.bucket, **more)
        arn = f"arn:{self.partition.name}:s3:::{self.bucket}"
        files = f"{arn}/AWSLogs/{self.account.number}/*"
        document = _policy(
            _allow("s3:GetBucketAcl", arn, self.source, Principal=SERVICE),
            _allow("s3:PutObject", files, self.source, Principal=SERVICE),
        )
        s3.put_bucket_policy(Bucket=self.bucket, Policy=document)
        return self.bucket

    def make_key(self) -> str:
        """A key for the trail."""
        arn: str = self.client("kms").create_key()["KeyMetadata"]["Arn"]
        root = {"AWS": self.arn("iam", "root", "")}
        context = {
            "StringLike": {"kms:EncryptionContext:aws:cloudtrail:arn": self.arn("cloudtrail", "trail/*", "*")},
            **self.source,
        }
        document = _policy(
            _allow("kms:*", "*", {}, Principal=root),
            _allow("kms:GenerateDataKey*", "*", context, Principal=SERVICE),
            _allow("kms:DescribeKey", "*", self.source, Principal=SERVICE),
        )
        self.client("kms").put_key_policy(KeyId=arn, PolicyName="default", Policy=document)
        return arn

    def make_topic(self) -> str:
        """A topic for the trail."""
        arn: str = self.client("sns").create_topic(Name=self.topic)["TopicArn"]
        document = _policy(_allow("SNS:Publish", arn, self.source, Principal=SERVICE))
        self.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=document)
        return arn

    def make_log_group(self) -> str:
        """A log group; its ARN without the ending `:*`."""
        self.client("logs").create_log_group(logGroupName=self.group)
        return self.arn("logs", f"log-group:{self.group}")

    def make_role(self) -> str:
        """A role that may write to the log group."""
        trust = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
        role: str = self.client("iam").create_role(RoleName=self.role, AssumeRolePolicyDocument=_policy(trust))["Role"][
            "Arn"
        ]
        streams = self.arn("logs", f"log-group:{self.group}:log-stream:{self.account.number}_CloudTrail_*")
        document = _policy(_allow(["logs:CreateLogStream", "logs:PutLogEvents"], streams, {}))
        self.client("iam").put_role_policy(RoleName=self.role, PolicyName="logs", PolicyDocument=document)
        return role
