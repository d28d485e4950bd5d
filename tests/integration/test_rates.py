"""Many trails or alarms at once: as fast as AWS's rates allow, without being throttled once."""

import json
import time
from datetime import datetime
from itertools import pairwise

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import AlarmSets, Trails, alarm_set, trail
from tests.patience import eventually
from trail_operator.domain.alarms.presets import PRESET_ALARMS

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


def test_two_sets_of_all_alarms(
    operator_process: OperatorFactory, account: Account, trails: Trails, alarm_sets: AlarmSets
) -> None:
    """AWS allows three PutMetricAlarm a second in an account and region; the operator leaves one to others."""
    group, bucket = account.log_group("events"), account.bucket(f"logs-{account.number}", "audit")
    role = account.role("one", group)
    trails.create(trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role))
    operator_process("--resync", "10m")
    trails.wait_ready("audit", 60)
    begin = time.monotonic()
    for name in ("one", "two"):
        alarm_sets.create(alarm_set(name, "audit", presets=["CIS"]))
    for name in ("one", "two"):
        alarm_sets.wait_ready(name, 120)
    took = time.monotonic() - begin
    calls = [call for call in account.calls() if call["service"] in ("logs", "monitoring", "tagging")]
    assert [call for call in calls if call["error"] == "ThrottlingException"] == []
    puts = sorted(datetime.fromisoformat(call["time"]) for call in calls if call["operation"] == "PutMetricAlarm")
    assert len(puts) == 2 * len(PRESET_ALARMS)
    # Each begins half a second after the one before has ended; both are noted when they arrive, in other processes.
    assert all((later - earlier).total_seconds() > 0.4 for earlier, later in pairwise(puts))
    print(f"{len(puts)} alarms in sync {took:.1f} s after the first was applied")
