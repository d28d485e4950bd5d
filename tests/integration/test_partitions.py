"""In the other partitions of AWS a trail with all that it can depend on is made, corrected and deleted."""

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.partitions import PARTITIONS, Partition, Place
from tests.patience import eventually


@pytest.mark.parametrize("partition", PARTITIONS, ids=[one.name for one in PARTITIONS])
def test_a_trail_with_everything(
    operator_process: OperatorFactory, account: Account, trails: Trails, partition: Partition
) -> None:
    place = Place(account, partition, "audit")
    cloudtrail, arn = place.client("cloudtrail"), place.arn("cloudtrail", "trail/audit")
    bucket, key, topic = place.make_bucket(), place.make_key(), place.make_topic()
    group, role = place.make_log_group(), place.make_role()
    operator_process(AWS_DEFAULT_REGION=partition.home)
    trails.create(
        trail(
            "audit",
            bucket,
            isMultiRegionTrail=False,
            kmsKeyID=key.rpartition("/")[2],
            snsTopicName=place.topic,
            cloudWatchLogsLogGroupARN=group,
            cloudWatchLogsRoleARN=role,
        )
    )
    assert trails.wait_ready("audit")["status"]["arn"] == arn
    made = cloudtrail.get_trail(Name=arn)["Trail"]
    assert (made["KmsKeyId"], made["SnsTopicARN"]) == (key, topic)
    assert (made["CloudWatchLogsLogGroupArn"], made["CloudWatchLogsRoleArn"]) == (f"{group}:*", role)

    if partition.name != "aws-cn":  # CloudFront's events of China are those of cn-northwest-1
        # Events of global services are elsewhere, and the warning says where.
        advice = eventually("a warning", lambda: trails.condition("audit", "Advisory"))
        assert advice["reason"] == "GlobalServiceEventsIgnored"
        assert partition.main in advice["message"]

    cloudtrail.stop_logging(Name=arn)
    eventually("it logs again", lambda: cloudtrail.get_trail_status(Name=arn)["IsLogging"])
    trails.change("audit", kmsKeyID=None, isMultiRegionTrail=True)
    eventually("the key is off", lambda: "KmsKeyId" not in cloudtrail.get_trail(Name=arn)["Trail"])
    trails.wait_ready("audit")
    abroad = account.client("cloudtrail", partition.main)
    assert [one["TrailARN"] for one in abroad.describe_trails()["trailList"]] == [arn]

    account.deliver()
    status = cloudtrail.get_trail_status(Name=arn)
    assert not [name for name in status if name.endswith("Error")]

    # What the operator prints is of the partition as well.
    policy = place.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    place.client("s3").delete_bucket_policy(Bucket=bucket)
    trails.change("audit", s3KeyPrefix="again")
    refused = trails.wait_reason("audit", "BucketPolicyDenies")
    assert f'"Resource":"arn:{partition.name}:s3:::{bucket}"' in refused["message"]
    place.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    trails.change("audit", s3KeyPrefix=None)
    trails.wait_ready("audit")

    trails.delete("audit")
    trails.wait_gone("audit")
    assert cloudtrail.list_trails()["Trails"] == []
