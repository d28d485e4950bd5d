"""The AWS CLI's own check of what was delivered: `aws cloudtrail validate-logs`.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-cli.html
"""

import gzip
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.aws import REGION, Account

ABROAD = "eu-central-1"


def validate(aws: Account, region: str = REGION) -> tuple[int, str]:
    """Have the AWS CLI check the trail of the name `trail` from its beginning; its return code, and what it says."""
    command = [
        *(str(Path(sys.executable).parent / "aws"), "cloudtrail", "validate-logs", "--verbose", "--region", region),
        *("--trail-arn", aws.trail_arn("trail")),
        *("--start-time", f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"),
        *("--end-time", f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"),
    ]
    environment = {"PATH": os.environ["PATH"], **aws.environment}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def counted(text: str, kind: str) -> tuple[int, int]:
    """How many files of a kind are valid, and of how many."""
    found = re.search(rf"(\d+)/(\d+) {kind} files valid", text)
    assert found, text
    return int(found[1]), int(found[2])


def is_valid(text: str, kind: str) -> bool:
    valid, all_of_them = counted(text, kind)
    return valid == all_of_them


def deliver_some(aws: Account, times: int = 3, region: str = REGION) -> None:
    for _ in range(times):
        aws.client("kms", region).list_keys()
        aws.deliver()


def start(aws: Account, bucket: str, **members: Any) -> None:
    aws.client("cloudtrail").create_trail(Name="trail", S3BucketName=bucket, EnableLogFileValidation=True, **members)
    aws.cloudtrail.start_logging(Name="trail")


def keys(aws: Account, bucket: str, kind: str) -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    return [one["Key"] for one in listed if f"/{kind}/" in one["Key"]]


def test_what_a_trail_has_delivered_is_valid(aws: Account, bucket: str) -> None:
    start(aws, bucket)
    deliver_some(aws)
    delivered = keys(aws, bucket, "CloudTrail") + keys(aws, bucket, "CloudTrail-Digest")
    code, text = validate(aws)
    assert code == 0, text
    assert counted(text, "digest")[0] >= 3, text
    assert counted(text, "log")[0] >= 3, text
    assert is_valid(text, "digest")
    assert is_valid(text, "log")
    assert all(f"s3://{bucket}/{key}\tvalid" in text for key in delivered), text


def test_files_below_a_prefix_that_a_key_encrypts_are_valid_too(aws: Account, bucket: str) -> None:
    aws.bucket_policy(bucket, "trail", "audit/2026")
    start(aws, bucket, S3KeyPrefix="audit/2026", KmsKeyId=aws.key("trail"))
    deliver_some(aws)
    code, text = validate(aws)
    assert code == 0, text
    assert counted(text, "log")[0] >= 3, text
    assert is_valid(text, "log")


def test_one_changed_byte_in_one_log_file_is_found(aws: Account, bucket: str) -> None:
    start(aws, bucket)
    deliver_some(aws)
    s3 = aws.client("s3")
    key = keys(aws, bucket, "CloudTrail")[0]
    content = gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    at = content.index(b"127.0.0.1")
    s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(content[:at] + b"7" + content[at + 1 :]))
    code, text = validate(aws)
    assert code == 1, text
    valid, logs = counted(text, "log")
    assert valid == logs - 1
    assert f"1/{logs} log files INVALID" in text
    assert f"s3://{bucket}/{key}\tINVALID: hash value doesn't match" in text
    assert is_valid(text, "digest")


def test_a_missing_log_file_and_a_changed_digest_are_found(aws: Account, bucket: str) -> None:
    start(aws, bucket)
    deliver_some(aws)
    s3 = aws.client("s3")
    digest, *others = sorted(keys(aws, bucket, "CloudTrail-Digest"))
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in others]
    log = [file["s3Object"] for body in bodies for file in json.loads(gzip.decompress(body))["logFiles"]][-1]
    s3.delete_object(Bucket=bucket, Key=log)
    stored = s3.get_object(Bucket=bucket, Key=digest)
    changed = gzip.compress(gzip.decompress(stored["Body"].read()).replace(b"Time", b"time", 1))
    s3.put_object(Bucket=bucket, Key=digest, Body=changed, Metadata=stored["Metadata"])
    code, text = validate(aws)
    assert code == 1, text
    assert f"s3://{bucket}/{log}\tINVALID: not found" in text
    assert f"Digest file\ts3://{bucket}/{digest}\tINVALID" in text


def test_every_region_of_a_multi_region_trail_has_a_valid_chain_of_its_own(aws: Account, bucket: str) -> None:
    start(aws, bucket, IsMultiRegionTrail=True)
    deliver_some(aws, region=ABROAD)
    code, text = validate(aws, ABROAD)
    assert code == 0, text
    assert counted(text, "log")[0] >= 3
    assert is_valid(text, "log")
    assert f"/CloudTrail-Digest/{ABROAD}/" in text
    assert validate(aws)[0] == 0


def test_stopping_and_starting_begins_a_new_chain_and_both_are_valid(aws: Account, bucket: str) -> None:
    start(aws, bucket)
    deliver_some(aws)
    aws.cloudtrail.stop_logging(Name="trail")
    aws.deliver()
    aws.cloudtrail.start_logging(Name="trail")
    deliver_some(aws)
    delivered = keys(aws, bucket, "CloudTrail")
    code, text = validate(aws)
    assert code == 0, text
    assert is_valid(text, "digest")
    assert all(f"s3://{bucket}/{key}\tvalid" in text for key in delivered), text
    assert "No log files were delivered by CloudTrail between" in text


def test_a_trail_that_is_deleted_and_made_again_begins_a_new_chain(aws: Account, bucket: str) -> None:
    start(aws, bucket)
    deliver_some(aws)
    aws.cloudtrail.delete_trail(Name="trail")
    start(aws, bucket)
    deliver_some(aws)
    delivered = keys(aws, bucket, "CloudTrail")
    code, text = validate(aws)
    assert code == 0, text
    assert is_valid(text, "digest")
    assert all(f"s3://{bucket}/{key}\tvalid" in text for key in delivered), text
    assert "No log files were delivered by CloudTrail between" in text
