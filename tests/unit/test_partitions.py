"""Partitions: the region decides in which one a trail and all that it names is."""

import asyncio
import time

import pytest

from tests.unit.answering import answering, identity
from tests.unit.aws_clients import aws_client
from tests.unit.builders import desired_of
from trail_operator.api.trail import TrailSpec
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.regions import leading_region
from trail_operator.domain.arns import Location
from trail_operator.domain.iam_policy import prescribed
from trail_operator.domain.trail import has_global_events

ACCOUNT = "111111111111"


def test_who_we_are_is_asked_in_each_partition_and_the_region_decides_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "key")
    asked: list[str] = []

    def sts(_: str, body: str) -> tuple[int, str]:
        asked.append(body)
        return 200, identity(ACCOUNT)

    async def main(endpoint: str) -> list[CallerIdentity]:
        sessions = ClientPool(None, time.monotonic, lambda: None)
        named = frozenset({"mars-north-1"})
        aws = aws_client(sessions, default_region=None, named_regions=named, endpoint_url=endpoint)
        regions = ("us-gov-west-1", "us-gov-east-1", "cn-north-1", "eu-west-1", "mars-north-1")
        return [await aws.identity(region) for region in regions]

    with answering(sts) as port:
        callers = asyncio.run(main(f"http://127.0.0.1:{port}"))
    assert [caller.partition for caller in callers] == ["aws-us-gov", "aws-us-gov", "aws-cn", "aws", "aws"]
    assert len(asked) == 4, "once in each, and for what botocore does not list"


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-west-1"), ("aws-us-gov", "us-gov-west-1"), ("aws-cn", "cn-northwest-1")]
)
def test_all_that_is_named_without_an_arn_is_in_the_trail_s_partition(partition: str, region: str) -> None:
    location = Location(partition, ACCOUNT, region)
    spec = TrailSpec(s3_bucket_name="logs", sns_topic_name="topic", kms_key_id="alias/key")
    key = location.key_arn(spec.kms_key_id)
    trail = desired_of(spec, location=location, kms_key_arn=key)
    assert trail.arn == f"arn:{partition}:cloudtrail:{region}:{ACCOUNT}:trail/audit"
    assert trail.configuration.sns_topic_name == f"arn:{partition}:sns:{region}:{ACCOUNT}:topic"
    assert key == f"arn:{partition}:kms:{region}:{ACCOUNT}:alias/key"
    assert f"arn:{partition}:s3:::logs" in str(prescribed.bucket_statements("logs", None, trail.arn, None))
    group = f"arn:{partition}:logs:{region}:{ACCOUNT}:log-group:g"
    assert f"arn:{partition}:logs:{region}" in str(prescribed.role_permission_statements(group, trail.arn, None))
    for statement in (prescribed.role_trust_statement(), *prescribed.key_statements(trail.arn)):
        assert "cloudtrail.amazonaws.com'" in str(statement)


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("", "us-east-1"),
        (f"arn:aws:iam::{ACCOUNT}:role/r", "us-east-1"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:role/r", "us-gov-west-1"),
        (f"arn:aws-cn:iam::{ACCOUNT}:role/r", "cn-northwest-1"),
        (f"arn:aws-made-up:iam::{ACCOUNT}:role/r", "us-east-1"),
    ],
)
def test_sts_is_asked_in_the_role_s_partition_where_no_region_is_known(arn: str, region: str) -> None:
    assert leading_region(arn) == region


@pytest.mark.parametrize(
    ("partition", "region", "has_them"),
    [
        ("aws", "us-east-1", True),
        ("aws", "us-east-2", False),
        ("aws-us-gov", "us-gov-west-1", True),
        ("aws-us-gov", "us-gov-east-1", False),
        ("aws-cn", "cn-north-1", True),
        ("aws-cn", "cn-northwest-1", True),
        ("aws-iso", "us-iso-east-1", None),
    ],
)
def test_where_events_of_global_services_are(partition: str, region: str, has_them: bool | None) -> None:
    assert has_global_events(partition, region) is has_them
