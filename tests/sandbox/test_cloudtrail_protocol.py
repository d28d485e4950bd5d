"""The emulated CloudTrail over the wire: its messages for malformed input, its rate limits and its stale reads.

Facts about AWS: tests/conformance/test_protocol.py and test_quotas.py. Errors are as aws-sdk-go-v2's issue 1957 shows
them.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.aws import Account
from tests.outcomes import outcome
from tests.patience import eventually, seconds
from tests.sandbox.conftest import Refused, put_settings

TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"


def post(
    aws: Account, operation: str, body: Any, key: str | None = None, region: str = "us-east-1"
) -> requests.Response:
    credential = f"{key or aws.number}/20261123/{region}/cloudtrail/aws4_request"
    return requests.post(
        aws.endpoint,
        data=body if isinstance(body, str) else json.dumps(body),
        headers={
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "X-Amz-Target": f"{TARGET}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        },
        timeout=seconds(30),
    )


def error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["__type"]


def test_the_shape_of_an_error(aws: Account) -> None:
    answer = post(aws, "GetTrail", {"Name": "gone"})
    assert answer.status_code == 400
    assert answer.json() == {
        "__type": "TrailNotFoundException",
        "Message": f"Unknown trail: {aws.trail_arn('gone')} for the user: {aws.number}",
    }


INVALID: list[tuple[str, Any, str, str]] = [
    ("CreateTrail", {"Name": "trail"}, "ValidationException", "Value null at 's3BucketName'"),
    ("CreateTrail", {"Name": None, "S3BucketName": "b"}, "ValidationException", "Value null at 'name'"),
    ("CreateTrail", {}, "ValidationException", "2 validation errors detected"),
    ("CreateTrail", {"Name": 7, "S3BucketName": "b"}, "SerializationException", "NUMBER_VALUE"),
    ("CreateTrail", {"Name": True, "S3BucketName": "b"}, "SerializationException", "TRUE_VALUE"),
    ("CreateTrail", {"Name": {}, "S3BucketName": "b"}, "SerializationException", "Start of structure"),
    (
        "CreateTrail",
        {"Name": "n", "S3BucketName": "b", "IsMultiRegionTrail": "yes"},
        "SerializationException",
        "STRING",
    ),
    ("CreateTrail", {"Name": "n", "S3BucketName": "b", "TagsList": {}}, "SerializationException", "Start of structure"),
    ("CreateTrail", {"Name": "n", "S3BucketName": "b", "TagsList": ["x"]}, "SerializationException", "Unexpected"),
    (
        "CreateTrail",
        {"Name": "n", "S3BucketName": "b", "TagsList": [{}]},
        "ValidationException",
        "tagsList.1.member.key",
    ),
    ("AddTags", {"ResourceId": "x", "TagsList": [{"Key": "k", "Value": ""}]}, "ValidationException", "greater than"),
    (
        "AddTags",
        {"ResourceId": "x", "TagsList": [{"Key": "k"}] * 201},
        "ValidationException",
        "less than or equal to 200",
    ),
    ("GetTrail", [], "SerializationException", ""),
]


@pytest.mark.parametrize(("operation", "body", "code", "words"), INVALID)
def test_input_that_does_not_fit_the_model(aws: Account, operation: str, body: Any, code: str, words: str) -> None:
    answer = post(aws, operation, body)
    assert error(answer) == (400, code)
    assert words in answer.json()["Message"]


def test_nulls_are_ignored(aws: Account, bucket: str) -> None:
    body = {"Name": "trail", "S3BucketName": bucket, "S3KeyPrefix": None}
    assert post(aws, "CreateTrail", body).status_code == 200
    assert "S3KeyPrefix" not in aws.cloudtrail.get_trail(Name="trail")["Trail"]


def test_an_operation_that_the_emulator_lacks_is_unknown(aws: Account) -> None:
    assert error(post(aws, "CreateChannel", {})) == (400, "UnknownOperationException")


def test_a_region_that_does_not_exist_is_refused(aws: Account) -> None:
    assert error(post(aws, "ListTrails", {}, region="mars-north-1")) == (400, "InvalidSignatureException")


# Rates: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html


@pytest.fixture
def impatient(aws: Account, endpoint: str) -> Iterator[Account]:
    """An account that does not try again, with rates on."""
    put_settings(endpoint, rates=True)
    yield aws
    put_settings(endpoint, rates=False)


def client(aws: Account, region: str = "us-east-1") -> Any:
    return boto3.client(
        "cloudtrail",
        region_name=region,
        endpoint_url=aws.endpoint,
        aws_access_key_id=aws.number,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def until_throttled(call: Callable[[], object]) -> Counter[str]:
    """What calls in quick succession come to, several at once, until one is throttled."""

    def code(_: int) -> str:
        try:
            call()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    codes: Counter[str] = Counter()
    deadline = time.monotonic() + seconds(60)
    with ThreadPoolExecutor(8) as threads:
        while "ThrottlingException" not in codes:
            assert time.monotonic() < deadline, f"never throttled: {codes}"
            codes.update(threads.map(code, range(16)))
    return codes


# How many calls exactly is in test_cloudtrail_state, where the clock stands still.


def test_operations_and_accounts_have_rates_of_their_own(trail: str, impatient: Account, another: Account) -> None:
    cloudtrail, others = client(impatient), client(another)
    cloudtrail.start_logging(Name=trail)
    cloudtrail.stop_logging(Name=trail)
    with pytest.raises(ClientError, match="TrailNotFound"):
        others.stop_logging(Name="gone")


def test_patience_is_rewarded(trail: str, impatient: Account) -> None:
    cloudtrail = client(impatient)
    until_throttled(lambda: cloudtrail.stop_logging(Name=trail))
    eventually("let through again", lambda: outcome(cloudtrail.stop_logging, Name=trail) == "ok")


# Staleness.


@pytest.fixture
def stale(endpoint: str) -> Iterator[None]:
    """Reads answer from ten minutes ago."""
    put_settings(endpoint, stale_reads=600)
    yield
    put_settings(endpoint, stale_reads=0)


def test_a_new_trail_is_not_seen_at_once(
    aws: Account, trail: str, stale: None, endpoint: str, refused: Refused
) -> None:
    for read in (aws.cloudtrail.get_trail, aws.cloudtrail.get_trail_status):
        with refused("TrailNotFoundException", f"Unknown trail: {trail} for the user: {aws.number}"):
            read(Name="trail")
    with refused("TrailNotFoundException"):
        aws.cloudtrail.get_event_selectors(TrailName="trail")
    with refused("ResourceNotFoundException"):
        aws.cloudtrail.list_tags(ResourceIdList=[trail])
    assert aws.cloudtrail.describe_trails()["trailList"] == []
    assert aws.cloudtrail.list_trails()["Trails"] == []
    put_settings(endpoint, stale_reads=0)
    assert aws.trails() == [trail]


def test_writes_know_the_truth(aws: Account, bucket: str, trail: str, stale: None, refused: Refused) -> None:
    with refused("TrailAlreadyExistsException"):
        aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
    aws.cloudtrail.start_logging(Name=trail)
    aws.cloudtrail.delete_trail(Name=trail)
    with refused("TrailNotFoundException"):
        aws.cloudtrail.delete_trail(Name=trail)


def test_changes_are_seen_late_and_the_state_before_them_meanwhile(aws: Account, trail: str, endpoint: str) -> None:
    put_settings(endpoint, stale_reads=1)
    try:
        eventually("the trail is seen", lambda: aws.cloudtrail.list_trails()["Trails"])
        before = time.monotonic()
        aws.cloudtrail.update_trail(Name=trail, EnableLogFileValidation=True)
        aws.cloudtrail.start_logging(Name=trail)
        eventually("it logs", lambda: aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"])
        assert time.monotonic() - before > 0.9
        assert aws.cloudtrail.get_trail(Name=trail)["Trail"]["LogFileValidationEnabled"] is True
    finally:
        put_settings(endpoint, stale_reads=0)
