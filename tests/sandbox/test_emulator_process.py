"""The emulated AWS as a process: it starts as AWS is, and ends when it is told to, whatever is under way."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.aws import Account
from tests.patience import eventually, seconds
from tests.sandbox.conftest import put_settings, started
from tests.sandbox.emulation import Emulated
from trail_sandbox.aws.server import deliver_for_ever
from trail_sandbox.aws.settings import Settings


@pytest.fixture
def aws_state() -> Emulated:
    return Emulated()


def test_settings_at_the_start(tmp_path: Path) -> None:
    with started(tmp_path / "aws.log", background=True) as (url, _):
        settings = requests.get(f"{url}/_sandbox/settings", timeout=seconds(30)).json()
    off = {"stale_reads": 0, "iam_propagation": 0, "session_seconds": None}
    assert settings.items() >= {"background": True, "quotas": True, "rates": True, **off}.items()


def test_rounds_of_delivery_come_by_themselves_unless_told_otherwise(tmp_path: Path) -> None:
    with started(tmp_path / "aws.log") as (url, _):
        assert requests.get(f"{url}/_sandbox/settings", timeout=seconds(30)).json()["background"] is False
        aws = Account(url, "123456789012")
        aws.bucket("logs", "trail")
        aws.cloudtrail.create_trail(Name="trail", S3BucketName="logs")
        aws.cloudtrail.start_logging(Name="trail")
        put_settings(url, background=True)
        eventually("a round", lambda: "LatestDeliveryTime" in aws.cloudtrail.get_trail_status(Name="trail"))


def test_no_round_of_delivery_comes_by_itself_without_background(aws_state: Emulated) -> None:
    """In the process, with hardly a pause between the rounds."""
    aws_state.start()
    settings = Settings(background=False)

    async def live() -> None:
        rounds = asyncio.create_task(deliver_for_ever(aws_state.delivery, settings, pause=0.001))
        await asyncio.sleep(0.2)
        assert aws_state.objects() == {}
        settings.background = True
        await asyncio.to_thread(eventually, "a round", aws_state.objects)
        rounds.cancel()

    asyncio.run(live())


def test_it_ends_while_calls_wait(tmp_path: Path) -> None:
    with started(tmp_path / "aws.log") as (url, process):
        aws = Account(url, "123456789012")
        aws.fault(service="cloudtrail", operation="ListTrails", delay=600)
        queue = aws.client("sqs").create_queue(QueueName="queue")["QueueUrl"]
        waiting = [
            waits(aws, "cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails", {}),
            waits(aws, "sqs", "AmazonSQS.ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 20}),
        ]
        both = {"ListTrails", "ReceiveMessage"}
        eventually("both wait", lambda: both <= {call["operation"] for call in aws.calls()})
        process.terminate()
        process.wait(timeout=seconds(60))
    assert [call.result(timeout=seconds(60)) for call in waiting] == ["cut short", "cut short"]


def waits(aws: Account, service: str, target: str, body: dict[str, Any]) -> "Future[str]":
    """How a call ends that is made in a thread of its own."""
    credential = f"{aws.number}/20261123/us-east-1/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": target,
    }

    def call() -> str:
        try:
            requests.post(aws.endpoint, json=body, headers=headers, timeout=900)
        except requests.ConnectionError:
            return "cut short"
        return "answered"

    return ThreadPoolExecutor(1).submit(call)
