"""The emulated AWS as the tests use it: plain boto3 in one account, what a trail depends on, and the control API."""

import json
from typing import Any

import boto3
import requests
from botocore.config import Config
from mypy_boto3_cloudtrail import CloudTrailClient

from tests.patience import seconds
from trail_operator.aws.operations import Write

REGION = "us-east-1"
WRITES = {operation.name for operation in Write if operation.service == "cloudtrail"}


class Account:
    """An AWS account of its own: its administrator's clients, and the requests made in it."""

    def __init__(self, endpoint: str, number: str) -> None:
        self.number = number
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What the operator needs to work in this account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.number,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """A client of a service; made once."""
        if (service, region) not in self._clients:
            # The tests themselves wait out AWS's rates: one write a second.
            patient = Config(retries={"mode": "standard", "total_max_attempts": 10})
            # Of boto3's own session: one for each account would take longer to make than most calls.
            self._clients[service, region] = boto3.client(  # type: ignore[call-overload]  # the types know literal names only
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.number,
                aws_secret_access_key="secret",
                config=patient,
            )
        return self._clients[service, region]

    @property
    def cloudtrail(self) -> CloudTrailClient:
        """CloudTrail in the default region."""
        result: CloudTrailClient = self.client("cloudtrail")
        return result

    def trail_arn(self, name: str, region: str = REGION) -> str:
        """The ARN of a trail of this account."""
        return f"arn:aws:cloudtrail:{region}:{self.number}:trail/{name}"

    def trail(self, name: str) -> dict[str, Any] | None:
        """The trail as GetTrail tells it, with its tags and whether it logs; None if there is none."""
        cloudtrail = self.cloudtrail
        try:
            found: dict[str, Any] = dict(cloudtrail.get_trail(Name=name)["Trail"])
        except cloudtrail.exceptions.TrailNotFoundException:
            return None
        found["IsLogging"] = cloudtrail.get_trail_status(Name=name)["IsLogging"]
        tags = cloudtrail.list_tags(ResourceIdList=[found["TrailARN"]])["ResourceTagList"][0]["TagsList"]
        found["Tags"] = {tag["Key"]: tag.get("Value", "") for tag in tags}
        return found

    def recorded(self, name: str) -> dict[str, Any]:
        """What the trail records: its selectors, insights and aggregation, as AWS tells them."""
        cloudtrail = self.cloudtrail
        selectors = cloudtrail.get_event_selectors(TrailName=name)
        aggregations = cloudtrail.get_event_configuration(TrailName=name).get("AggregationConfigurations", [])
        try:
            insights = cloudtrail.get_insight_selectors(TrailName=name)["InsightSelectors"]
        except cloudtrail.exceptions.InsightNotEnabledException:
            insights = []
        return {
            "EventSelectors": selectors.get("EventSelectors", []),
            "AdvancedEventSelectors": selectors.get("AdvancedEventSelectors", []),
            "InsightSelectors": insights,
            "AggregationConfigurations": aggregations,
        }

    def trails(self) -> list[str]:
        """The ARNs of all trails of the account."""
        return [
            entry["TrailARN"]
            for page in self.cloudtrail.get_paginator("list_trails").paginate()
            for entry in page["Trails"]
        ]

    # -- what a trail depends on

    def bucket(self, name: str, trail: str, prefix: str = "", region: str = REGION) -> str:
        """A bucket with the policy that a trail needs."""
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.client("s3", region).create_bucket(Bucket=name, **where)
        self.bucket_policy(name, trail, prefix)
        return name

    def open_bucket(self, name: str) -> None:
        """A bucket for any trail of the account."""
        self.client("s3").create_bucket(Bucket=name)
        document = self.bucket_document(name, "any")
        for statement in document["Statement"]:
            del statement["Condition"]["StringEquals"]["aws:SourceArn"]
            statement["Condition"]["StringEquals"]["aws:SourceAccount"] = self.number
        self.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(document))

    def bucket_policy(self, name: str, trail: str, prefix: str = "") -> None:
        """Put the policy that a trail needs on a bucket."""
        self.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(self.bucket_document(name, trail, prefix)))

    def bucket_document(self, name: str, trail: str, prefix: str = "") -> dict[str, Any]:
        """The bucket policy that AWS prescribes; with the prefix "*" for any prefix."""
        service = {"Service": "cloudtrail.amazonaws.com"}
        source = {"aws:SourceArn": self.trail_arn(trail)}
        folder = f"{prefix}/" if prefix else ""
        files = "*" if prefix == "*" else f"{folder}AWSLogs/{self.number}/*"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AclCheck",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:GetBucketAcl",
                    "Resource": f"arn:aws:s3:::{name}",
                    "Condition": {"StringEquals": source},
                },
                {
                    "Sid": "Write",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{name}/{files}",
                    "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", **source}},
                },
            ],
        }

    def topic(self, name: str, trail: str) -> str:
        """An SNS topic with the policy that a trail needs."""
        arn: str = self.client("sns").create_topic(Name=name)["TopicArn"]
        self.topic_policy(arn, trail)
        return arn

    def topic_policy(self, arn: str, trail: str) -> None:
        """Put the policy that a trail needs on a topic."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": "SNS:Publish",
            "Resource": arn,
            "Condition": {"StringEquals": {"aws:SourceArn": self.trail_arn(trail)}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=document)

    def key(self, trail: str, alias: str | None = None, region: str = REGION) -> str:
        """A KMS key with the policy that a trail needs, and an alias."""
        kms = self.client("kms", region)
        arn: str = kms.create_key()["KeyMetadata"]["Arn"]
        self.key_policy(arn, trail)
        if alias:
            kms.create_alias(AliasName=f"alias/{alias}", TargetKeyId=arn)
        return arn

    def key_policy(self, arn: str, trail: str, *, cloudtrail: bool = True) -> None:
        """Put a policy on a key: the account's administration and, unless told otherwise, what a trail needs."""
        statements: list[dict[str, Any]] = [
            {
                "Sid": "Administration",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{self.number}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ]
        if cloudtrail:
            service = {"Service": "cloudtrail.amazonaws.com"}
            source = {"aws:SourceArn": self.trail_arn(trail)}
            context = {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{self.number}:trail/*"}
            statements += [
                {
                    "Sid": "Encrypt",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "kms:GenerateDataKey*",
                    "Resource": "*",
                    "Condition": {"StringEquals": source, "StringLike": context},
                },
                {
                    "Sid": "Describe",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "kms:DescribeKey",
                    "Resource": "*",
                    "Condition": {"StringEquals": source},
                },
            ]
        self.client("kms", arn.split(":")[3]).put_key_policy(
            KeyId=arn, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements})
        )

    def log_group(self, name: str) -> str:
        """A log group; its ARN without the ending `:*`."""
        self.client("logs").create_log_group(logGroupName=name)
        return f"arn:aws:logs:{REGION}:{self.number}:log-group:{name}"

    def alarms(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """The alarms whose names begin with a prefix, by name, with their tags."""
        cloudwatch = self.client("cloudwatch")
        described = cloudwatch.describe_alarms(AlarmNamePrefix=prefix) if prefix else cloudwatch.describe_alarms()
        found = {alarm["AlarmName"]: dict(alarm) for alarm in described["MetricAlarms"]}
        for alarm in found.values():
            tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
            alarm["Tags"] = {tag["Key"]: tag["Value"] for tag in tags}
        return found

    def filters(self, group: str) -> dict[str, dict[str, Any]]:
        """The metric filters of a log group, by name. `group`: its ARN or name."""
        name = group.removesuffix(":*").rpartition(":")[2]
        pages = self.client("logs").get_paginator("describe_metric_filters").paginate(logGroupName=name)
        return {one["filterName"]: dict(one) for page in pages for one in page["metricFilters"]}

    def role(self, name: str, group: str) -> str:
        """A role that CloudTrail may assume and that may write to a log group."""
        arn: str = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust()))["Role"][
            "Arn"
        ]
        self.role_permissions(name, group)
        return arn

    def role_permissions(self, name: str, group: str) -> None:
        """Let a role write to a log group."""
        statement = {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{group}:log-stream:{self.number}_CloudTrail_{REGION}*",
        }
        self.client("iam").put_role_policy(
            RoleName=name,
            PolicyName="logs",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    # -- the control API

    def fault(self, **fault: Any) -> None:
        """Make calls in this account fail, wait or lose their answer."""
        requests.post(
            f"{self.endpoint}/_sandbox/faults", json={"account": self.number, **fault}, timeout=seconds(30)
        ).raise_for_status()

    def no_faults(self) -> None:
        """End all faults of the account."""
        requests.delete(
            f"{self.endpoint}/_sandbox/faults", params={"account": self.number}, timeout=seconds(30)
        ).raise_for_status()

    def deliver(self) -> None:
        """One round of deliveries of what happened in this account and its organization, now."""
        requests.post(
            f"{self.endpoint}/_sandbox/deliver", params={"account": self.number}, timeout=seconds(60)
        ).raise_for_status()

    def end_sessions(self) -> None:
        """End all sessions of the account's roles, before the time that STS told."""
        requests.post(
            f"{self.endpoint}/_sandbox/sessions/end", params={"account": self.number}, timeout=seconds(30)
        ).raise_for_status()

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """All requests made in this account, in their order."""
        where: dict[str, str | int] = {"since": since, "account": self.number}
        answer = requests.get(f"{self.endpoint}/_sandbox/calls", params=where, timeout=seconds(30))
        answer.raise_for_status()
        calls: list[dict[str, Any]] = answer.json()["calls"]
        return calls

    def writes(self) -> list[dict[str, Any]]:
        """The writing requests to CloudTrail made in this account by others than the tests."""
        return [call for call in self.calls() if call["service"] == "cloudtrail" and call["operation"] in WRITES]


def trust(service: str = "cloudtrail.amazonaws.com") -> dict[str, Any]:
    """A trust policy for a service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
