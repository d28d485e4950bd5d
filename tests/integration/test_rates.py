"""Many trails at once: as fast as AWS's rates allow, without being throttled once."""

import json
import time

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.patience import eventually

REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1"),
    *("eu-west-2", "eu-central-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
]
IN_A_REGION = 5


def test_fifty_trails_in_ten_regions(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    """In each region five trails: AWS allows one CreateTrail a second there, so the fifth may begin after four."""
    bucket = f"logs-{account.number}"
    account.client("s3").create_bucket(Bucket=bucket)
    document = account.bucket_document(bucket, "any")
    for statement in document["Statement"]:
        del statement["Condition"]["StringEquals"]["aws:SourceArn"]
        statement["Condition"]["StringEquals"]["aws:SourceAccount"] = account.number
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    operator_process("--resync", "10m")
    names = [f"{region}-{number}" for region in REGIONS for number in range(IN_A_REGION)]
    begin = time.monotonic()
    for name in names:
        trails.create(trail(name, bucket, region=name.rsplit("-", 1)[0], isMultiRegionTrail=False))
    eventually("all Ready", lambda: all(trails.condition(name).get("status") == "True" for name in names), 60)
    took = time.monotonic() - begin
    calls = [call for call in account.calls() if call["service"] == "cloudtrail"]
    assert [call for call in calls if call["error"] == "ThrottlingException"] == []
    assert [call["operation"] for call in calls].count("CreateTrail") == len(names)
    created = sorted(
        call["time"] for call in calls if call["operation"] == "CreateTrail" and call["region"] == REGIONS[0]
    )
    assert len(created) == IN_A_REGION
    print(f"{len(names)} trails Ready {took:.1f} s after the first was applied")
