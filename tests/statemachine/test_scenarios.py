"""What the walk has found, each as the shortest way to it."""

import json
from typing import Any

import pytest

from tests.statemachine.aws import ACCOUNT, ALIAS, KEYS, REGIONS, ROLE, group_arn, key_arn, topic_arn
from tests.statemachine.expectation import OWNER
from tests.statemachine.rest import FORCE
from tests.statemachine.stage import VirtualStage

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}


def comes_to_rest(stage: VirtualStage) -> None:
    assert stage.rest().judge() == []
    assert stage.further() == (0, 0)


def theirs(stage: VirtualStage, region: str, **more: Any) -> str:
    """A trail of somebody else's, as SPEC says but for what more is given; its ARN."""
    given = {"S3BucketName": "logs-one", "IsMultiRegionTrail": True, "EnableLogFileValidation": True} | more
    stage.by_hand(region, "CreateTrail", Name="alpha", **given)
    stage.by_hand(region, "StartLogging", Name="alpha")
    return f"arn:aws:cloudtrail:{region}:{ACCOUNT}:trail/alpha"


def ready(stage: VirtualStage) -> dict[str, str]:
    """What is said of KEY as a whole."""
    conditions = stage.objects[KEY]["status"]["conditions"]
    found: dict[str, str] = next(one for one in conditions if one["type"] == "Ready")
    return found


def test_a_trail_made_just_before_a_kill_is_not_left_behind_where_reads_are_stale(stage: VirtualStage) -> None:
    stage.stale(8.0)
    stage.server.create(KEY, SPEC)
    while not stage.record.writes:
        stage.wait(0.01)
    stage.kill(0)
    stage.restart()
    stage.server.delete(KEY)
    stage.wait(30.0)
    assert not stage.server.objects
    assert not stage.aws.trails.all()


@pytest.mark.parametrize(
    "error", ["KmsException", "InsufficientEncryptionPolicyException", "InvalidCloudWatchLogsRoleArnException"]
)
def test_aws_may_refuse_for_what_the_spec_does_not_name(stage: VirtualStage, error: str) -> None:
    stage.fault(operation="CreateTrail", error=error, count=1)
    stage.server.create(KEY, SPEC)
    comes_to_rest(stage)


def test_a_trail_that_is_only_looked_at_is_looked_at_once_a_resync(stage: VirtualStage) -> None:
    stage.server.create(KEY, SPEC | {"managementPolicy": "Observe"})
    comes_to_rest(stage)
    stage.by_hand(REGIONS[0], "CreateTrail", Name="alpha", S3BucketName="logs-two")
    comes_to_rest(stage)


def test_a_topic_named_for_a_shadow_is_in_the_region_of_its_home(stage: VirtualStage) -> None:
    theirs(stage, REGIONS[1], SnsTopicName="two")
    stage.create(KEY, SPEC | {"managementPolicy": "Observe", "snsTopicName": "two"})
    comes_to_rest(stage)
    assert ready(stage)["reason"] == "Observed"
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe", "snsTopicName": topic_arn("two", REGIONS[0])})
    comes_to_rest(stage)
    assert ready(stage)["reason"] == "Drifted"


@pytest.mark.parametrize("key", [ALIAS, KEYS[0]])
def test_a_key_named_for_a_shadow_is_in_the_region_of_its_home(stage: VirtualStage, key: str) -> None:
    arn = theirs(stage, REGIONS[0], KmsKeyId=key_arn(0))
    stage.create(KEY, SPEC | {"managementPolicy": "Observe", "region": REGIONS[1], "kmsKeyID": key})
    comes_to_rest(stage)
    status = stage.objects[KEY]["status"]
    assert status["arn"] == arn
    assert [entry["path"] for entry in status["drift"]] == ["region"]


def test_an_alias_that_means_no_key_at_the_home_of_a_shadow(stage: VirtualStage) -> None:
    """AWS says so for certain: the trail can't be as the spec says. What else differs is told all the same."""
    theirs(stage, REGIONS[1], KmsKeyId=key_arn(0), S3KeyPrefix="theirs")
    stage.create(KEY, SPEC | {"managementPolicy": "Observe", "kmsKeyID": ALIAS})
    comes_to_rest(stage)
    assert (ready(stage)["status"], ready(stage)["reason"]) == ("False", "KeyNotFound")
    assert REGIONS[1] in ready(stage)["message"]


def test_which_key_an_alias_means_is_unknown_while_that_is_not_told(stage: VirtualStage) -> None:
    theirs(stage, REGIONS[0], KmsKeyId=key_arn(0))
    stage.fault(operation="DescribeKey", error="AccessDeniedException")
    stage.create(KEY, SPEC | {"managementPolicy": "Observe", "kmsKeyID": ALIAS})
    stage.wait(5.0)
    assert (ready(stage)["status"], ready(stage)["reason"]) == ("Unknown", "Observed")
    assert "allow kms:DescribeKey" in ready(stage)["message"]
    assert "drift" not in stage.objects[KEY]["status"]
    stage.by_hand(REGIONS[0], "StopLogging", Name="alpha")
    stage.wait(80.0)
    assert ready(stage)["reason"] == "Drifted"
    assert [entry["path"] for entry in stage.objects[KEY]["status"]["drift"]] == ["isLogging"]
    stage.by_hand(REGIONS[0], "StartLogging", Name="alpha")
    comes_to_rest(stage)
    assert (ready(stage)["status"], ready(stage)["reason"]) == ("True", "Observed")


def test_a_stopped_trail_is_told_of_though_its_key_s_alias_is_not_answered(stage: VirtualStage) -> None:
    theirs(stage, REGIONS[0], KmsKeyId=key_arn(0))
    stage.create(KEY, SPEC | {"managementPolicy": "Observe", "kmsKeyID": ALIAS})
    stage.wait(5.0)
    stage.fault(operation="DescribeKey", error="ThrottlingException")
    stage.wait(80.0)
    assert (ready(stage)["status"], ready(stage)["reason"]) == ("True", "Observed")
    stage.by_hand(REGIONS[0], "StopLogging", Name="alpha")
    stage.wait(80.0)
    assert (ready(stage)["status"], ready(stage)["reason"]) == ("False", "Drifted")
    stage.by_hand(REGIONS[0], "StartLogging", Name="alpha")
    comes_to_rest(stage)


def test_the_log_group_of_a_shadow_is_right_in_the_region_of_its_home(stage: VirtualStage) -> None:
    group = group_arn("one", REGIONS[1])
    arn = theirs(stage, REGIONS[1], CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=ROLE)
    logs = {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": ROLE}
    trail = stage.aws.trails.get(arn)
    assert trail is not None
    trail.delivery(REGIONS[1]).latest_cloudwatch_logs_delivery_error = "AccessDenied"
    stage.create(KEY, SPEC | logs | {"managementPolicy": "Observe"})
    comes_to_rest(stage)
    assert ready(stage)["reason"] == "DeliveryFailing"
    assert "cloudWatchLogsLogGroupARN" not in ready(stage)["message"]


def test_who_only_looks_is_warned_of_cloudtrails_accounts_of_old(stage: VirtualStage) -> None:
    trail = stage.aws.trails.get(theirs(stage, REGIONS[0]))
    assert trail is not None
    trail.delivery(REGIONS[0]).latest_delivery_error = "AccessDenied"
    old = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::086441151436:root"}, "Action": "*", "Resource": "*"}
    stage.aws.world.bucket_policy = json.dumps({"Statement": [old]})
    stage.create(KEY, SPEC | {"managementPolicy": "Observe"})
    (found,) = stage.rest().judge()
    assert "DependenciesReady is ('Unknown', 'Undecidable'), not ('True', 'Allowed')" in found  # that of an open policy
    assert stage.further() == (0, 0)
    assert ready(stage)["reason"] == "DeliveryFailing"
    advisory = next(one for one in stage.objects[KEY]["status"]["conditions"] if one["type"] == "Advisory")
    assert (advisory["status"], advisory["reason"]) == ("True", "LegacyPrincipal")


@pytest.mark.parametrize("error", ["", "AccessDeniedException"], ids=["no such alias", "may not look"])
def test_who_only_looks_is_told_of_a_key_that_aws_manages(stage: VirtualStage, error: str) -> None:
    theirs(stage, REGIONS[0])
    if error:
        stage.fault(operation="DescribeKey", error=error)
    stage.create(KEY, SPEC | {"managementPolicy": "Observe", "kmsKeyID": "alias/aws/s3"})
    stage.wait(5.0)
    assert (ready(stage)["status"], ready(stage)["reason"]) == ("False", "KeyNotUsable")
    assert "allow kms:DescribeKey" not in ready(stage)["message"]


def test_a_shadow_that_was_looked_at_pins_nothing(stage: VirtualStage) -> None:
    stage.by_hand(REGIONS[1], "CreateTrail", Name="alpha", S3BucketName="logs-two", IsMultiRegionTrail=True)
    stage.server.create(KEY, SPEC | {"managementPolicy": "Observe"})
    comes_to_rest(stage)
    stage.server.replace_spec(KEY, SPEC)
    stage.wait(5.0)
    stage.by_hand(REGIONS[1], "DeleteTrail", Name="alpha")
    comes_to_rest(stage)
    assert [trail.home_region for trail in stage.aws.trails.all()] == [REGIONS[0]]


def test_what_was_held_is_still_known_after_only_looking(stage: VirtualStage) -> None:
    stage.server.create(KEY, SPEC)
    comes_to_rest(stage)
    stage.server.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.by_hand(REGIONS[0], "DeleteTrail", Name="alpha")
    stage.by_hand(REGIONS[1], "CreateTrail", Name="alpha", S3BucketName="logs-two", IsMultiRegionTrail=True)
    comes_to_rest(stage)
    stage.by_hand(REGIONS[1], "DeleteTrail", Name="alpha")
    stage.server.replace_spec(KEY, SPEC)
    comes_to_rest(stage)
    assert [trail.home_region for trail in stage.aws.trails.all()] == [REGIONS[0]]


def test_the_older_makes_the_trail_though_it_has_looked_at_one_elsewhere(stage: VirtualStage) -> None:
    older, younger = "team-b/rival", KEY
    stage.by_hand(REGIONS[1], "CreateTrail", Name="alpha", S3BucketName="logs-two", IsMultiRegionTrail=True)
    stage.create(older, SPEC | {"name": "alpha", "managementPolicy": "Observe"})
    stage.create(younger, SPEC | {"managementPolicy": "Observe"})
    comes_to_rest(stage)
    stage.by_hand(REGIONS[1], "DeleteTrail", Name="alpha")
    stage.replace_spec(older, SPEC | {"name": "alpha"})
    stage.kubernetes_fault(1, 500, "before")  # the older is held up at its first step
    stage.wait(0.2)
    stage.replace_spec(younger, SPEC)
    stage.wait(0.6)
    comes_to_rest(stage)
    (trail,) = stage.aws.trails.all()
    assert dict(trail.tags)[OWNER] == f"test/{older}"


def test_what_was_only_looked_at_may_be_taken_over(stage: VirtualStage) -> None:
    owner = {"Key": OWNER, "Value": "abroad/team-b/alpha"}
    stage.by_hand(REGIONS[0], "CreateTrail", Name="alpha", S3BucketName="logs-two", TagsList=[owner])
    stage.create(KEY, SPEC | {"managementPolicy": "Observe"})
    comes_to_rest(stage)
    stage.replace_spec(KEY, SPEC | {"adoptionPolicy": "Always"})
    comes_to_rest(stage)
    (trail,) = stage.aws.trails.all()
    assert dict(trail.tags)[OWNER] == f"test/{KEY}"


def test_what_was_held_is_not_taken_back_after_only_looking(stage: VirtualStage) -> None:
    stage.create(KEY, SPEC)
    comes_to_rest(stage)
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    comes_to_rest(stage)
    arn = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
    owner = {"Key": OWNER, "Value": "abroad/team-b/alpha"}
    stage.by_hand(REGIONS[0], "AddTags", ResourceId=arn, TagsList=[owner])
    stage.replace_spec(KEY, SPEC | {"adoptionPolicy": "Always"})
    comes_to_rest(stage)
    (trail,) = stage.aws.trails.all()
    assert dict(trail.tags)[OWNER] == owner["Value"]


def test_a_trail_is_not_left_behind_where_a_stale_read_still_shows_another_of_its_name(stage: VirtualStage) -> None:
    owner = {"Key": OWNER, "Value": "abroad/team-b/alpha"}
    stage.by_hand(REGIONS[0], "CreateTrail", Name="alpha", S3BucketName="logs-two", TagsList=[owner])
    stage.create(KEY, SPEC)
    comes_to_rest(stage)
    stage.by_hand(REGIONS[0], "DeleteTrail", Name="alpha")
    stage.annotate(KEY, FORCE, "now")
    while not stage.record.writes:
        stage.wait(0.1)
    stage.stale(4.0)
    stage.delete(KEY)
    stage.wait(30.0)
    assert not stage.objects
    assert not stage.aws.trails.all()


def test_an_older_trail_that_only_looks_from_now_on_is_in_nobodys_way_though_the_watch_misses_it(
    stage: VirtualStage,
) -> None:
    older = "team-b/rival"
    stage.create(older, SPEC | {"name": "alpha"})
    comes_to_rest(stage)
    stage.miss(1)
    stage.replace_spec(older, SPEC | {"name": "alpha", "managementPolicy": "Observe"})
    stage.by_hand(REGIONS[0], "DeleteTrail", Name="alpha")
    stage.create(KEY, SPEC)
    comes_to_rest(stage)
    (trail,) = stage.aws.trails.all()
    assert dict(trail.tags)[OWNER] == f"test/{KEY}"


def test_who_waited_for_an_older_trail_goes_on_as_soon_as_that_only_looks(stage: VirtualStage) -> None:
    older = "team-b/rival"
    stage.shut("logs-one")
    stage.create(older, SPEC | {"name": "alpha"})
    stage.wait(1.0)
    stage.create(KEY, SPEC)
    stage.wait(1.0)
    stage.heal()
    stage.replace_spec(older, SPEC | {"name": "alpha", "managementPolicy": "Observe"})
    stage.wait(2.0)
    (trail,) = stage.aws.trails.all()
    assert dict(trail.tags)[OWNER] == f"test/{KEY}"


def test_younger_trail_adopts_as_soon_as_the_older_may_not(stage: VirtualStage) -> None:
    older = "team-b/rival"
    theirs(stage, REGIONS[0])
    stage.fault(operation="AddTags", error="AccessDeniedException")
    stage.create(older, SPEC | {"name": "alpha", "adoptionPolicy": "IfUnowned"})
    stage.wait(1.0)
    stage.create(KEY, SPEC | {"adoptionPolicy": "IfUnowned"})
    stage.wait(1.0)
    assert ready(stage)["reason"] == "Conflict"
    stage.heal()
    stage.replace_spec(older, SPEC | {"name": "alpha", "adoptionPolicy": "Never"})
    stage.wait(2.0)
    (trail,) = stage.aws.trails.all()
    assert dict(trail.tags)[OWNER] == f"test/{KEY}"
    comes_to_rest(stage)


def test_a_wish_to_ask_again_that_was_made_while_no_operator_ran_is_heeded(stage: VirtualStage) -> None:
    stage.fault(operation="CreateTrail", error="InvalidParameterCombinationException", count=1)
    stage.create(KEY, SPEC)
    stage.wait(5.0)
    assert not stage.aws.trails.all()
    stage.stop()
    stage.annotate(KEY, FORCE, "now")
    stage.restart()
    stage.wait(5.0)
    assert stage.aws.trails.all()


def test_a_refusal_for_what_the_trail_was_then_is_forgotten_when_it_is_another(stage: VirtualStage) -> None:
    stage.create(KEY, SPEC)
    comes_to_rest(stage)
    arn = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
    stage.stop()
    objects = [
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "eventCategory", "Equals": ["Data"]},
    ]
    stage.by_hand(
        REGIONS[0],
        "PutEventSelectors",
        TrailName=arn,
        AdvancedEventSelectors=[{"FieldSelectors": objects}],
    )
    stage.fault(operation="PutEventSelectors", error="InvalidEventSelectorsException", count=1)
    stage.restart()
    stage.wait(5.0)
    stage.wait(300.0)
    assert stage.objects[KEY]["status"]["conditions"][0]["reason"] == "InvalidSpec"
    aggregation = {"EventCategory": "Data", "Templates": ["API_ACTIVITY"]}
    stage.by_hand(REGIONS[0], "PutEventConfiguration", TrailName=arn, AggregationConfigurations=[aggregation])
    stage.wait(200.0)
    assert stage.objects[KEY]["status"]["conditions"][0]["status"] == "True"


def test_a_new_trail_is_not_misled_by_a_stale_read_of_its_predecessors_where_another_has_made_its_own(
    stage: VirtualStage,
) -> None:
    other = "team-b/rival"
    stage.create(KEY, SPEC)
    comes_to_rest(stage)
    stage.create(other, SPEC | {"name": "alpha"})
    comes_to_rest(stage)
    stage.delete(KEY)
    stage.wait(0.8)
    (trail,) = stage.aws.trails.all()
    assert dict(trail.tags)[OWNER] == f"test/{other}"
    stage.stale(4.0)
    stage.create(KEY, SPEC | {"s3BucketName": "logs-two"})
    stage.wait(30.0)
    comes_to_rest(stage)


def advisory(stage: VirtualStage) -> dict[str, str]:
    conditions = stage.server.objects[KEY]["status"]["conditions"]
    return next((one for one in conditions if one["type"] == "Advisory"), {})


def test_a_second_trail_with_its_owner_tag_is_told_of(stage: VirtualStage) -> None:
    spec = {"isMultiRegionTrail": False, "includeGlobalServiceEvents": False}
    stage.server.create(KEY, SPEC | spec)
    comes_to_rest(stage)
    owner = [{"Key": OWNER, "Value": f"test/{KEY}"}]
    stage.by_hand(REGIONS[1], "CreateTrail", Name="alpha", S3BucketName="logs-one", TagsList=owner)
    comes_to_rest(stage)
    assert advisory(stage)["reason"] == "OwnedElsewhere"
    assert f"arn:aws:cloudtrail:{REGIONS[1]}:{ACCOUNT}:trail/alpha" in advisory(stage)["message"]
    stage.by_hand(REGIONS[1], "DeleteTrail", Name="alpha")
    comes_to_rest(stage)
    assert advisory(stage) == {}


def test_a_refusal_in_one_region_leaves_the_warnings_of_the_others(stage: VirtualStage) -> None:
    for region, name in ((REGIONS[0], "near"), (REGIONS[1], "far")):
        stage.by_hand(region, "CreateTrail", Name=name, S3BucketName="logs-two")
        stage.by_hand(region, "StartLogging", Name=name)
    stage.fault(operation="DescribeTrails", error="AccessDeniedException", region=REGIONS[1])
    stage.server.create(KEY, SPEC)
    stage.wait(30.0)
    assert "trail/near" in advisory(stage)["message"]
    assert "trail/far" not in advisory(stage)["message"]
    stage.kill(0)
    stage.restart()
    stage.fault(operation="DescribeTrails", error="AccessDeniedException")
    stage.wait(200.0)
    assert "trail/near" in advisory(stage)["message"]
    stage.heal()
    stage.wait(200.0)
    assert "trail/far" in advisory(stage)["message"]


def test_a_status_that_a_newer_version_wrote_is_read_and_written_anew(stage: VirtualStage) -> None:
    stage.server.create(KEY, SPEC)
    comes_to_rest(stage)
    stage.stop()
    status = stage.server.objects[KEY]["status"]
    at = status["conditions"][0]["lastTransitionTime"]
    status["delivery"] = [{"destination": "EventBridge", "error": "Denied", "since": at}, {"destination": "Lake"}]
    status["drift"] = [{"path": "eventBridge"}]
    stage.restart()
    comes_to_rest(stage)
    assert len(stage.aws.trails.all()) == 1
    status = stage.server.objects[KEY]["status"]
    assert not status.get("delivery")
    assert not status.get("drift")


@pytest.mark.parametrize("fault", [{"error": "SlowDown"}, {"drop": True}])
def test_a_refusal_that_can_not_be_looked_into_stops_nothing_else(
    stage: VirtualStage, fault: dict[str, object]
) -> None:
    stage.server.create(KEY, SPEC)
    comes_to_rest(stage)
    stage.shut("logs-two")
    stage.fault(service="s3", **fault)
    stage.server.replace_spec(KEY, SPEC | {"s3BucketName": "logs-two"})
    stage.by_hand(REGIONS[0], "StopLogging", Name="alpha")
    stage.wait(60.0)
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]
    ready = stage.server.objects[KEY]["status"]["conditions"][0]
    assert ready["reason"] == "BucketPolicyDenies"
    assert "The cause is not known yet" in ready["message"]
    comes_to_rest(stage)
