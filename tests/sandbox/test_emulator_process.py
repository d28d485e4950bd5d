"""The emulated AWS as a process: it starts as AWS is, and ends when it is told to, whatever is under way."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.aws import Account
from tests.sandbox.conftest import started


def test_settings_at_the_start(tmp_path: Path) -> None:
    with started(tmp_path / "aws.log") as (url, _):
        settings = requests.get(f"{url}/_sandbox/settings", timeout=10).json()
    off = {"stale_reads": 0, "iam_propagation": 0, "session_seconds": None}
    assert settings.items() >= {"quotas": True, "rates": True, **off}.items()


def test_it_ends_while_calls_wait(tmp_path: Path) -> None:
    with started(tmp_path / "aws.log") as (url, process):
        aws = Account(url, "123456789012")
        aws.fault(service="cloudtrail", operation="ListTrails", delay=60)
        queue = aws.client("sqs").create_queue(QueueName="queue")["QueueUrl"]
        waiting = [
            waits(aws, "cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails", {}),
            waits(aws, "sqs", "AmazonSQS.ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 20}),
        ]
        while not {"ListTrails", "ReceiveMessage"} <= {call["operation"] for call in aws.calls()}:
            assert all(thread.is_alive() for thread in waiting)
        begin = time.monotonic()
        process.terminate()
        process.wait(timeout=15)
        assert time.monotonic() - begin < 15
    for thread in waiting:
        thread.join(timeout=15)
        assert not thread.is_alive()


def waits(aws: Account, service: str, target: str, body: dict[str, Any]) -> threading.Thread:
    """A thread with a call that the end of the emulator cuts short."""
    credential = f"{aws.number}/20261123/us-east-1/{service}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": target,
    }

    def call() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.post(aws.endpoint, json=body, headers=headers, timeout=90)

    thread = threading.Thread(target=call)
    thread.start()
    return thread
