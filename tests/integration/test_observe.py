"""managementPolicy: Observe: what differs is said, and nothing is written."""

import json
from typing import Any

from tests.integration.aws import REGION, Account
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually


def theirs(account: Account, name: str = "theirs", region: str = REGION, **more: Any) -> str:
    bucket = account.bucket(f"{name}-{account.number}", name, region=region)
    cloudtrail = account.client("cloudtrail", region)
    arn: str = cloudtrail.create_trail(
        Name=name, S3BucketName=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=True, **more
    )["TrailARN"]
    cloudtrail.start_logging(Name=name)
    return arn


def test_a_trail_as_the_spec_says_is_observed_and_left_alone(
    operator: Operator, account: Account, trails: Trails
) -> None:
    arn = theirs(account)
    mark = len(account.writes())
    trails.create(trail("theirs", f"theirs-{account.number}", managementPolicy="Observe"))
    body = trails.wait_ready("theirs")
    assert trails.condition("theirs")["reason"] == "Observed"
    assert body["status"]["arn"] == arn
    assert body["status"]["isLogging"] is True
    assert "finalizers" not in body["metadata"]

    account.cloudtrail.stop_logging(Name="theirs")
    account.cloudtrail.put_event_selectors(TrailName="theirs", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    drifted = trails.wait_reason("theirs", "Drifted")
    assert drifted["status"] == "False"

    def drift() -> dict[str, Any]:
        return {entry["path"]: entry for entry in (trails.get("theirs") or {})["status"].get("drift", [])}

    eventually("both differences", lambda: set(drift()) == {"isLogging", "eventSelectors"})
    assert (drift()["isLogging"]["desired"], drift()["isLogging"]["observed"]) == ("true", "false")
    assert trails.condition("theirs", "Logging")["status"] == "False"
    assert trails.condition("theirs", "Synced")["status"] == "False"

    account.cloudtrail.delete_trail(Name="theirs")
    gone = trails.wait_reason("theirs", "TrailNotFound")
    assert gone["status"] == "False"
    trails.delete("theirs")
    trails.wait_gone("theirs")
    hands = ["StopLogging", "PutEventSelectors", "DeleteTrail"]
    assert [call["operation"] for call in account.writes()[mark:]] == hands


def test_a_delivery_error_of_an_observed_trail(operator: Operator, account: Account, trails: Trails) -> None:
    theirs(account)
    trails.create(trail("theirs", f"theirs-{account.number}", managementPolicy="Observe"))
    trails.wait_ready("theirs")
    account.client("s3").delete_bucket_policy(Bucket=f"theirs-{account.number}")
    account.client("iam").create_user(UserName="somebody")
    account.deliver()
    trails.wait_reason("theirs", "DeliveryFailing")


def test_a_shadow_is_found_and_told_of_by_its_home(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"far-{account.number}", "far", region="eu-west-1")
    document = account.bucket_document(bucket, "far")
    for statement in document["Statement"]:
        statement["Condition"]["StringEquals"]["aws:SourceArn"] = account.trail_arn("far", "eu-west-1")
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    cloudtrail = account.client("cloudtrail", "eu-west-1")
    cloudtrail.create_trail(Name="far", S3BucketName=bucket, IsMultiRegionTrail=True, EnableLogFileValidation=True)
    cloudtrail.start_logging(Name="far")
    trails.create(trail("far", bucket, managementPolicy="Observe"))
    body = trails.wait_ready("far")
    assert body["status"]["homeRegion"] == "eu-west-1"


def test_from_observe_to_manage_and_back(operator: Operator, account: Account, trails: Trails) -> None:
    theirs(account)
    trails.create(trail("theirs", f"theirs-{account.number}", managementPolicy="Observe"))
    trails.wait_ready("theirs")
    trails.change("theirs", managementPolicy="Manage")
    trails.wait_reason("theirs", "Conflict")
    trails.change("theirs", adoptionPolicy="Always")
    trails.wait_ready("theirs")
    assert (account.trail("theirs") or {})["Tags"]
    trails.change("theirs", managementPolicy="Observe")
    mark = len(account.writes())
    trails.wait_reason("theirs", "Observed")
    trails.delete("theirs")
    trails.wait_gone("theirs")
    assert account.writes()[mark:] == []
    assert account.trails() == [account.trail_arn("theirs")]


def test_no_trail_to_observe(operator: Operator, account: Account, trails: Trails) -> None:
    trails.create(trail("nothing", "some-bucket", managementPolicy="Observe"))
    ready = trails.wait_reason("nothing", "TrailNotFound")
    assert ready["status"] == "False"
    assert f"Account {account.number} has no trail nothing visible in {REGION}" in ready["message"]
    assert account.writes() == []
