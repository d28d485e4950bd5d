"""A trail from its manifest to its end: the state of AWS and of Kubernetes after each step."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory, kubectl, owner
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually, timeout
from trail_sandbox.sandbox import Sandbox

BARE = {
    "IsMultiRegionTrail": True,
    "IncludeGlobalServiceEvents": True,
    "LogFileValidationEnabled": True,
    "IsLogging": True,
    "HomeRegion": REGION,
}


def everything(account: Account, name: str) -> dict[str, Any]:
    """A spec with every field, and all that it needs in AWS."""
    group = account.log_group("audit-events")
    return {
        "name": name,
        "region": REGION,
        "s3BucketName": account.bucket(f"logs-{account.number}", name, "team/logs"),
        "s3KeyPrefix": "team/logs",
        "snsTopicName": account.topic("audit-topic", name).rsplit(":", 1)[1],
        "cloudWatchLogsLogGroupARN": group,
        "cloudWatchLogsRoleARN": account.role("audit-role", group),
        "kmsKeyID": account.key(name),
        "isMultiRegionTrail": True,
        "includeGlobalServiceEvents": True,
        "enableLogFileValidation": True,
        "isLogging": True,
        "tags": [{"key": "team", "value": "security"}, {"key": "flag"}],
        "deletionPolicy": "Delete",
    }


def seen(account: Account, name: str) -> dict[str, Any]:
    """The trail in AWS without what identifies it."""
    found = account.trail(name)
    assert found is not None
    return {key: value for key, value in found.items() if key not in ("TrailARN", "Name", "SnsTopicName")}


def test_every_field_reaches_aws_and_taking_them_away_does_too(
    operator: Operator, account: Account, trails: Trails
) -> None:
    spec = everything(account, "every-field")
    trails.create({**trail("every", "unused-bucket"), "spec": spec})
    body = trails.wait_ready("every")
    assert seen(account, "every-field") == {
        **BARE,
        "S3BucketName": spec["s3BucketName"],
        "S3KeyPrefix": "team/logs",
        "SnsTopicARN": f"arn:aws:sns:{REGION}:{account.number}:audit-topic",
        "CloudWatchLogsLogGroupArn": f"{spec['cloudWatchLogsLogGroupARN']}:*",
        "CloudWatchLogsRoleArn": spec["cloudWatchLogsRoleARN"],
        "KmsKeyId": spec["kmsKeyID"],
        "IsOrganizationTrail": False,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "RecursiveLogging": True,
        "Tags": {"team": "security", "flag": "", **owner(trails, "every")},
    }
    assert body["status"]["arn"] == account.trail_arn("every-field")
    assert body["status"]["accountID"] == account.number
    assert body["status"]["homeRegion"] == REGION
    assert (body["status"]["isLogging"], body["status"]["isMultiRegionTrail"]) == (True, True)

    account.bucket_policy(spec["s3BucketName"], "every-field")
    trails.replace_spec("every", name="every-field", region=REGION, s3BucketName=spec["s3BucketName"])
    trails.wait_ready("every")
    assert seen(account, "every-field") == {
        **BARE,
        "S3BucketName": spec["s3BucketName"],
        "IsOrganizationTrail": False,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "RecursiveLogging": True,
        "Tags": owner(trails, "every"),
    }


def test_booleans_go_off_and_on(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "flags")
    trails.create(
        trail("flags", bucket, includeGlobalServiceEvents=False, enableLogFileValidation=False, isLogging=False)
    )
    ready = trails.wait_ready("flags")
    found = seen(account, "flags")
    assert (found["IsMultiRegionTrail"], found["IncludeGlobalServiceEvents"]) == (False, False)
    assert (found["LogFileValidationEnabled"], found["IsLogging"]) == (False, False)
    assert trails.condition("flags")["reason"] == "LoggingOff"
    assert trails.condition("flags", "Logging")["status"] == "False"
    assert (ready["status"]["isLogging"], ready["status"]["isMultiRegionTrail"]) == (False, False)

    trails.replace_spec("flags", s3BucketName=bucket)
    trails.wait_reason("flags", "Recording")
    found = seen(account, "flags")
    assert {key: found[key] for key in BARE} == BARE

    trails.change("flags", isLogging=False)
    trails.wait_reason("flags", "LoggingOff")
    assert seen(account, "flags")["IsLogging"] is False


SPELLINGS: dict[str, tuple[str, Callable[[Account, dict[str, Any]], Any]]] = {
    "key id": ("kmsKeyID", lambda account, spec: spec["kmsKeyID"].rsplit("/", 1)[1]),
    "key alias": ("kmsKeyID", lambda account, spec: "alias/audit"),
    "key alias ARN": ("kmsKeyID", lambda account, spec: f"arn:aws:kms:{REGION}:{account.number}:alias/audit"),
    "topic ARN": ("snsTopicName", lambda account, spec: f"arn:aws:sns:{REGION}:{account.number}:audit-topic"),
    "log group": ("cloudWatchLogsLogGroupARN", lambda account, spec: f"{spec['cloudWatchLogsLogGroupARN']}:*"),
    "tags": ("tags", lambda account, spec: [{"key": "flag", "value": ""}, {"key": "team", "value": "security"}]),
}


def test_another_spelling_is_no_change(operator: Operator, account: Account, trails: Trails) -> None:
    spec = everything(account, "spelling")
    account.client("kms").create_alias(AliasName="alias/audit", TargetKeyId=spec["kmsKeyID"])
    trails.create({**trail("spelling", "unused-bucket"), "spec": spec})
    trails.wait_ready("spelling")
    before = len(account.writes())
    for field, spell in SPELLINGS.values():
        trails.change("spelling", **{field: spell(account, spec)})
        trails.wait_ready("spelling")
    assert account.writes()[before:] == []


def test_empty_text_and_absence_are_one(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "empty")
    trails.create(trail("empty", bucket))
    trails.wait_ready("empty")
    before = len(account.writes())
    empty = dict.fromkeys(
        ("s3KeyPrefix", "snsTopicName", "cloudWatchLogsLogGroupARN", "cloudWatchLogsRoleARN", "kmsKeyID"), ""
    )
    trails.change("empty", **empty, tags=[])
    trails.wait_ready("empty")
    assert account.writes()[before:] == []


def test_an_alias_that_points_to_another_key_is_followed(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "aliased")
    first, second = account.key("aliased", alias="audit"), account.key("aliased")
    trails.create(trail("aliased", bucket, kmsKeyID="alias/audit"))
    trails.wait_ready("aliased")
    assert seen(account, "aliased")["KmsKeyId"] == first
    account.client("kms").update_alias(AliasName="alias/audit", TargetKeyId=second)
    eventually("the other key is used", lambda: seen(account, "aliased")["KmsKeyId"] == second)


def test_tags_that_are_ignored_stay(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    operator_process("--ignore-tags", "cost-*")
    bucket = account.bucket(f"logs-{account.number}", "tagged")
    trails.create(trail("tagged", bucket))
    trails.wait_ready("tagged")
    tags = [{"Key": "cost-center", "Value": "7"}, {"Key": "stray", "Value": "1"}]
    account.cloudtrail.add_tags(ResourceId=account.trail_arn("tagged"), TagsList=tags)  # type: ignore[arg-type]
    eventually("the stray tag is gone", lambda: "stray" not in seen(account, "tagged")["Tags"])
    assert seen(account, "tagged")["Tags"] == {"cost-center": "7", **owner(trails, "tagged")}


def test_a_spec_that_changes_during_a_pass_is_not_called_ready_before_it_is(
    operator: Operator, account: Account, trails: Trails
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "hasty", "*")
    trails.create(trail("hasty", bucket))
    trails.wait_ready("hasty")
    account.fault(service="cloudtrail", operation="UpdateTrail", delay=2, when="before", count=2)
    trails.change("hasty", s3KeyPrefix="first")
    eventually("UpdateTrail under way", lambda: any(c["operation"] == "UpdateTrail" for c in account.calls()))
    generation = trails.change("hasty", s3KeyPrefix="second")["metadata"]["generation"]
    # The second UpdateTrail is held too: a Ready that came before it is seen while AWS still has the first prefix.
    assert trails.wait_ready("hasty")["metadata"]["generation"] == generation
    assert seen(account, "hasty")["S3KeyPrefix"] == "second"


# -- whose trail it is


@pytest.mark.parametrize("tags", [[], [{"Key": "trail-operator.dev/owner", "Value": "elsewhere/ns/name"}]])
def test_a_trail_that_is_not_ours_is_never_written_to(
    operator: Operator, account: Account, trails: Trails, tags: list[Any]
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "taken")
    account.cloudtrail.create_trail(Name="taken", S3BucketName=bucket, TagsList=tags)
    before = len(account.writes())
    trails.create(trail("taken", bucket, s3KeyPrefix="mine"))
    condition = trails.wait_reason("taken", "Conflict")
    assert account.trail_arn("taken") in condition["message"]
    assert "elsewhere" not in condition["message"]
    assert trails.condition("taken", "Stalled")["status"] == "True"
    trails.delete("taken")
    trails.wait_gone("taken")
    assert account.writes()[before:] == []
    assert account.trail("taken") is not None


def test_of_two_trails_of_one_name_the_older_has_it_and_the_other_takes_over(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "shared")
    trails.create(trail("older", bucket, name="shared"))
    # The API server's creation times have whole seconds.
    created = trails.get("older")
    assert created is not None
    stamp = created["metadata"]["creationTimestamp"]

    def younger() -> bool:
        body = trails.create(trail("younger", bucket, name="shared"))
        if body["metadata"]["creationTimestamp"] > stamp:
            return True
        trails.delete("younger")
        return False

    eventually("a younger Trail", younger)
    operator_process()
    trails.wait_ready("older")
    trails.wait_reason("younger", "Conflict")
    assert seen(account, "shared")["Tags"] == owner(trails, "older")
    trails.delete("older")
    trails.wait_gone("older")
    trails.wait_ready("younger")
    assert seen(account, "shared")["Tags"] == owner(trails, "younger")
    assert account.trails() == [account.trail_arn("shared")]


def test_the_owner_tag_taken_off_by_hand_is_a_conflict_until_it_is_back(
    operator: Operator, account: Account, trails: Trails
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "disowned")
    trails.create(trail("disowned", bucket))
    trails.wait_ready("disowned")
    arn, tag = account.trail_arn("disowned"), "trail-operator.dev/owner"
    account.cloudtrail.remove_tags(ResourceId=arn, TagsList=[{"Key": tag}])
    condition = trails.wait_reason("disowned", "Conflict")
    value = owner(trails, "disowned")[tag]
    assert f"{tag}={value}" in condition["message"]
    account.cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": tag, "Value": value}])
    trails.wait_ready("disowned")


# -- the end of a trail


def test_deleting_deletes_and_the_log_files_stay(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "ending")
    trails.create(trail("ending", bucket))
    trails.wait_ready("ending")
    account.deliver()
    trails.delete("ending")
    trails.wait_gone("ending")
    assert account.trail("ending") is None
    assert account.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] > 0


def test_retain_leaves_the_trail_logging_and_unowned(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "kept")
    trails.create(trail("kept", bucket, deletionPolicy="Retain", tags=[{"key": "team", "value": "a"}]))
    trails.wait_ready("kept")
    trails.delete("kept")
    trails.wait_gone("kept")
    found = seen(account, "kept")
    assert found["IsLogging"] is True
    assert found["Tags"] == {"team": "a"}


def test_the_default_deletion_policy_is_a_setting(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    operator_process("--default-deletion-policy", "Retain")
    bucket = account.bucket(f"logs-{account.number}", "default")
    trails.create(trail("default", bucket))
    trails.wait_ready("default")
    trails.delete("default")
    trails.wait_gone("default")
    assert account.trail("default") is not None


def test_a_trail_already_gone_is_fine(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    running = operator_process()
    bucket = account.bucket(f"logs-{account.number}", "vanished")
    trails.create(trail("vanished", bucket))
    trails.wait_ready("vanished")
    running.stop()
    account.cloudtrail.delete_trail(Name="vanished")
    trails.delete("vanished")
    running.start()
    trails.wait_gone("vanished")
    assert account.trails() == []


def test_deleted_while_the_operator_was_down(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running = operator_process()
    bucket = account.bucket(f"logs-{account.number}", "meanwhile")
    trails.create(trail("meanwhile", bucket))
    trails.wait_ready("meanwhile")
    assert running.stop() == 0
    trails.delete("meanwhile")
    assert trails.get("meanwhile") is not None  # held by the finalizer
    running.start()
    trails.wait_gone("meanwhile")
    assert account.trails() == []


def test_deleted_in_the_foreground(operator: Operator, account: Account, trails: Trails) -> None:
    bucket = account.bucket(f"logs-{account.number}", "foreground")
    trails.create(trail("foreground", bucket))
    trails.wait_ready("foreground")
    trails.delete("foreground", propagation="Foreground")
    trails.wait_gone("foreground")
    assert account.trails() == []


def test_deleted_with_its_namespace(operator: Operator, account: Account, trails: Trails, cluster: Sandbox) -> None:
    bucket = account.bucket(f"logs-{account.number}", "homeless")
    trails.create(trail("homeless", bucket))
    trails.wait_ready("homeless")
    kubectl(cluster, "delete", "namespace", trails.namespace, timeout(30))
    assert account.trails() == []
    assert "not written" not in operator.log.read_text(), "no Event can be written there, and nobody misses one"


def test_broken_credentials_hold_a_deletion_until_retain_lets_it_go(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running = operator_process()
    bucket = account.bucket(f"logs-{account.number}", "locked")
    trails.create(trail("locked", bucket))
    trails.wait_ready("locked")
    account.fault(service="*", operation="*", error="UnrecognizedClientException", message="The token is invalid")
    trails.delete("locked")
    condition = trails.wait_reason("locked", "CredentialsUnavailable")
    assert "deletionPolicy: Retain" in condition["message"]
    trails.change("locked", deletionPolicy="Retain")
    trails.wait_gone("locked", seconds=8)
    (event,) = trails.events("locked", "OwnerTagRemovalFailed")
    assert "trail-operator.dev/owner" in event.message
    assert running.running


@pytest.mark.waits
def test_a_trail_that_was_never_made_goes_without_aws_after_a_minute(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    account.fault(service="*", operation="*", error="UnrecognizedClientException", message="The token is invalid")
    operator_process()
    trails.create(trail("unmade", "some-bucket"))
    trails.wait_reason("unmade", "CredentialsUnavailable")
    trails.delete("unmade")
    trails.wait_gone("unmade", 90)
    assert len(trails.events("unmade", "ReleasedUnverified")) == 1


def test_the_status_as_kubectl_shows_it(operator: Operator, account: Account, trails: Trails, cluster: Sandbox) -> None:
    bucket = account.bucket(f"logs-{account.number}", "shown")
    manifest = trail("shown", bucket)
    kubectl(cluster, "apply", "-n", trails.namespace, "-f", "-", text=json.dumps(manifest))
    kubectl(
        cluster,
        "wait",
        "-n",
        trails.namespace,
        "--for=condition=Ready",
        "ctrail/shown",
        timeout(30),
    )
    row = kubectl(cluster, "get", "ctrail", "-n", trails.namespace, "-o", "wide", "--no-headers").split()
    assert row[:6] == ["shown", "True", "True", "Recording", bucket, REGION]
    assert row[-3:] == ["true", account.trail_arn("shown"), account.number]
