"""The bucket of `examples/`, with the policy of `examples/bucket-policy.json`: for the demo and for `make run`.

Run from the root of the repository.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import boto3

from trail_sandbox.sandbox import ACCOUNT_ID, REGION, Sandbox

TRAIL, BUCKET = "audit", "example-audit-logs"


def client(endpoint: str, service: str) -> Any:
    """Return a client for the sandbox's AWS account."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the types know literal names only
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ACCOUNT_ID,
        aws_secret_access_key="sandbox",  # noqa: S106 - the emulator checks no secret
    )


def policy() -> dict[str, Any]:
    """Return the policy that lets CloudTrail write the logs of the trail of `examples/minimal.yaml`."""
    text = Path("examples/bucket-policy.json").read_text()
    for placeholder, value in {"ACCOUNT": ACCOUNT_ID, "REGION": REGION, "TRAIL": TRAIL, "BUCKET": BUCKET}.items():
        text = text.replace(placeholder, value)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def create(endpoint: str) -> None:
    """Create the bucket, or only write its policy if it exists."""
    s3 = client(endpoint, "s3")
    s3.create_bucket(Bucket=BUCKET)
    put_policy(endpoint, policy())


def put_policy(endpoint: str, document: dict[str, Any]) -> None:
    """Replace the bucket's policy."""
    client(endpoint, "s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))


def main() -> int:
    """Create the bucket in a sandbox that is running."""
    parser = argparse.ArgumentParser(prog="python -m trail_sandbox.bucket", description=main.__doc__)
    parser.add_argument("--name", default="default", help="name of the sandbox (default: %(default)s)")
    create(Sandbox(parser.parse_args().name).aws_endpoint)
    print(f"created the bucket {BUCKET} with the policy of examples/bucket-policy.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
