"""Measures how many CloudTrail requests the emulated AWS answers on one core while a trail records all of them.

The client is a separate process that sends prepared requests and reads as little of the answers as possible, so that
it does not limit the result.
"""

import asyncio
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from trail_sandbox import ports

ACCOUNT, REGION, BUCKET, TRAIL = "123456789012", "us-east-1", "emulator-benchmark", "main"
CONNECTIONS = 8
SECONDS = 6.0
TICKS = os.sysconf("SC_CLK_TCK")

READS: list[tuple[str, dict[str, Any]]] = [
    ("GetTrail", {"Name": TRAIL}),
    ("GetTrailStatus", {"Name": TRAIL}),
    ("GetEventSelectors", {"TrailName": TRAIL}),
    ("DescribeTrails", {}),
    ("ListTags", {"ResourceIdList": [f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}"]}),
]
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("UpdateTrail", {"Name": TRAIL, "EnableLogFileValidation": True}),
    ("UpdateTrail", {"Name": TRAIL, "S3KeyPrefix": "logs"}),
    *(
        (operation, {"ResourceId": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}", "TagsList": [{"Key": "k"}]})
        for operation in ("AddTags", "RemoveTags")
    ),
    ("StartLogging", {"Name": TRAIL}),
]


def throughput() -> None:
    """Print how many reads and writes it answers in a second."""
    with _emulator() as (pid, port):
        for name, requests in (("reads", READS), ("writes", WRITES)):
            with multiprocessing.get_context("spawn").Pool(1) as client:
                answered, seconds, busy = client.apply(_flood, (pid, port, requests))
            print(
                f"emulator, CloudTrail {name}: {answered / seconds:.0f} a second, "
                f"{answered / busy:.0f} in each second of CPU time"
            )


@contextmanager
def _emulator() -> Iterator[tuple[int, int]]:
    """Start an emulated AWS on one core, with a trail that is logging."""
    port = ports.choose(["aws"])["aws"]
    command = [sys.executable, "-m", "trail_sandbox.aws", "--host", ports.LOOPBACK, "--port", str(port)]
    with subprocess.Popen(command) as process:
        try:
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
            _prepare(f"http://{ports.LOOPBACK}:{port}")
            yield process.pid, port
        finally:
            process.terminate()


def _prepare(endpoint: str) -> None:
    deadline = time.monotonic() + 60
    settings = urllib.request.Request(  # noqa: S310 - loopback
        f"{endpoint}/_sandbox/settings", json.dumps({"rates": False}).encode(), method="PUT"
    )
    while True:
        try:
            urllib.request.urlopen(settings, timeout=5).close()  # noqa: S310 - loopback
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    session = boto3.Session(ACCOUNT, "sandbox", region_name=REGION)
    s3 = session.client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(_bucket_policy()))
    cloudtrail = session.client("cloudtrail", endpoint_url=endpoint)
    cloudtrail.create_trail(Name=TRAIL, S3BucketName=BUCKET)
    cloudtrail.start_logging(Name=TRAIL)


def _bucket_policy() -> dict[str, Any]:
    """Return the policy that AWS prescribes."""
    service, source = {"Service": "cloudtrail.amazonaws.com"}, f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}"
    put = {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceArn": source}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:GetBucketAcl",
                "Resource": f"arn:aws:s3:::{BUCKET}",
                "Condition": {"StringEquals": {"aws:SourceArn": source}},
            },
            {
                "Effect": "Allow",
                "Principal": service,
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{BUCKET}/*",
                "Condition": {"StringEquals": put},
            },
        ],
    }


def _flood(pid: int, port: int, requests: list[tuple[str, dict[str, Any]]]) -> tuple[int, float, float]:
    """Send requests for some seconds; return the number of answers, the seconds, and the CPU seconds."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return asyncio.run(_over_all(pid, port, [_message(port, *request) for request in requests]))


async def _over_all(pid: int, port: int, messages: list[bytes]) -> tuple[int, float, float]:
    await _over_one(port, messages, time.monotonic() + 1)  # warm
    begin, busy = time.monotonic(), _cpu(pid)
    answered = await asyncio.gather(*(_over_one(port, messages, begin + SECONDS) for _ in range(CONNECTIONS)))
    return sum(answered), time.monotonic() - begin, _cpu(pid) - busy


async def _over_one(port: int, messages: list[bytes], end: float) -> int:
    reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
    answered = 0
    for message in itertools.cycle(messages):
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        _, _, length = head.lower().partition(b"content-length:")
        await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
        answered += 1
        if time.monotonic() > end:
            break
    writer.close()
    return answered


def _message(port: int, operation: str, parameters: dict[str, Any]) -> bytes:
    body = json.dumps(parameters)
    credential = f"{ACCOUNT}/20260101/{REGION}/cloudtrail/aws4_request"
    lines = [
        "POST / HTTP/1.1",
        f"Host: {ports.LOOPBACK}:{port}",
        f"X-Amz-Target: com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.{operation}",
        "Content-Type: application/x-amz-json-1.1",
        "User-Agent: Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux lang/python#3.11.7",
        "X-Amz-Date: 20260101T000000Z",
        f"Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _cpu(pid: int) -> float:
    """Return the CPU time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    throughput()
