"""DependenciesReady: when dependencies are read, for whom, and what is written."""

from datetime import timedelta
from typing import Any

import pytest

from tests.statemachine.aws import ACCOUNT, ALIAS, KEYS, REGIONS, ROLE, group_arn, key_arn, topic_arn
from tests.statemachine.rest import PAUSED, condition_of
from tests.statemachine.stage import DEPENDENCY_RESYNC, RESYNC, VirtualStage
from trail_operator.domain.cloudtrail_calls import Kind
from trail_operator.domain.cloudtrail_resources import ResourceRef

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}
FULL = SPEC | {
    "kmsKeyID": KEYS[0],
    "snsTopicName": "one",
    "cloudWatchLogsLogGroupARN": group_arn("one", REGIONS[0]),
    "cloudWatchLogsRoleARN": ROLE,
}
HOUR = 3600.0
BUCKET = ResourceRef(Kind.BUCKET, "", "", "logs-one")
RESOURCES = {
    "GetBucketPolicy": BUCKET,
    "GetKeyPolicy": ResourceRef(Kind.KEY, ACCOUNT, REGIONS[0], KEYS[0]),
    "GetTopicAttributes": ResourceRef(Kind.TOPIC, ACCOUNT, REGIONS[0], "one"),
    "DescribeLogGroups": ResourceRef(Kind.LOG_GROUP, ACCOUNT, REGIONS[0], "one"),
    "GetRole": ResourceRef(Kind.ROLE, ACCOUNT, "", "cloudtrail-logs"),
    "GetPolicyVersion": ResourceRef(Kind.POLICY, ACCOUNT, "", "logs"),
}
OF_DEPENDENCIES = (*RESOURCES, "GetBucketEncryption", "GetBucketRequestPayment", "GetBucketLocation")


@pytest.fixture
def hourly() -> Any:
    """A world in which dependencies are evaluated once an hour."""
    result = VirtualStage(0, dependency_resync=timedelta(seconds=HOUR))
    yield result
    result.close()


def said(stage: VirtualStage, key: str = KEY) -> tuple[str, str] | None:
    return condition_of(stage.objects[key], "DependenciesReady")


def message(stage: VirtualStage, key: str = KEY) -> str:
    conditions = stage.objects[key]["status"]["conditions"]
    return next(str(one["message"]) for one in conditions if one["type"] == "DependenciesReady")


def evaluated_generation(stage: VirtualStage, key: str = KEY) -> int:
    """The generation of the spec that the condition is about."""
    conditions = stage.objects[key]["status"]["conditions"]
    return next(int(one["observedGeneration"]) for one in conditions if one["type"] == "DependenciesReady")


def ready(stage: VirtualStage, key: str = KEY) -> tuple[str, str] | None:
    return condition_of(stage.objects[key], "Ready")


def asked(stage: VirtualStage) -> int:
    """How often dependencies were read."""
    return sum(stage.aws.asked[operation] for operation in OF_DEPENDENCIES)


def settled(stage: VirtualStage, spec: dict[str, Any] | None = None) -> None:
    """A Trail whose dependencies have been evaluated, and are allowed."""
    stage.create(KEY, spec or SPEC)
    stage.wait(30.0)
    assert said(stage) == ("True", "Allowed")


def test_a_bucket_that_refuses_is_noticed_within_the_interval_and_its_repair_too(stage: VirtualStage) -> None:
    settled(stage)
    stage.shut("logs-one")
    stage.wait(1.3 * DEPENDENCY_RESYNC)
    assert said(stage) == ("False", "BucketPolicyDenies")
    assert "AWSCloudTrailWrite20150319" in message(stage)
    assert ready(stage) == ("True", "Recording")
    assert len(stage.notes("BucketPolicyDenies")) == 1
    stage.heal()
    stage.wait(1.3 * RESYNC)
    assert said(stage) == ("True", "Allowed")
    assert len(stage.notes("Allowed")) == 1


def test_the_first_result_and_what_is_unknown_cause_no_event(stage: VirtualStage) -> None:
    settled(stage)
    stage.fault(operation="GetBucketPolicy", error="AccessDenied", count=None)
    stage.wait(2 * DEPENDENCY_RESYNC)
    assert said(stage) == ("Unknown", "ReadPermissionMissing")
    assert "s3:GetBucketPolicy" in message(stage)
    stage.heal()
    stage.wait(2 * DEPENDENCY_RESYNC)
    assert said(stage) == ("True", "Allowed")
    assert stage.notes("Allowed") == stage.notes("ReadPermissionMissing") == []


def test_a_change_is_noticed_at_once(hourly: VirtualStage) -> None:
    settled(hourly)
    hourly.shut("logs-one")
    hourly.tell_of_change(BUCKET)
    hourly.wait(2.0)
    assert said(hourly) == ("False", "BucketPolicyDenies")
    hourly.wait(10.0)
    hourly.aws.world.shut.clear()
    hourly.tell_of_change(BUCKET)
    hourly.wait(2.0)
    assert said(hourly) == ("True", "Allowed")


@pytest.mark.parametrize("operation", RESOURCES)
def test_a_change_reads_only_what_has_changed(hourly: VirtualStage, operation: str) -> None:
    settled(hourly, FULL)
    before = dict(hourly.aws.asked)
    hourly.tell_of_change(RESOURCES[operation])
    hourly.wait(2.0)
    again = {name for name in OF_DEPENDENCIES if hourly.aws.asked[name] > before.get(name, 0)}
    assert operation in again
    assert not (again & (RESOURCES.keys() - {operation}))


def test_a_change_wakes_no_trail_if_the_result_is_the_same(hourly: VirtualStage) -> None:
    settled(hourly)
    hourly.wait(RESYNC)
    reads = hourly.aws.asked["GetTrail"]
    while hourly.aws.asked["GetTrail"] == reads:  # the next resync is a while away
        hourly.wait(1.0)
    hourly.wait(1.0)
    reads, writes = hourly.aws.asked["GetTrail"], hourly.server.writes
    hourly.tell_of_change(BUCKET)
    hourly.wait(5.0)
    assert (hourly.aws.asked["GetTrail"], hourly.server.writes) == (reads, writes)
    hourly.wait(10.0)
    hourly.shut("logs-one")
    hourly.tell_of_change(BUCKET)
    hourly.wait(2.0)
    assert hourly.aws.asked["GetTrail"] > reads


def test_a_change_wakes_a_trail_that_waits_for_a_dependency(hourly: VirtualStage) -> None:
    hourly.shut("logs-one")
    hourly.create(KEY, SPEC)
    hourly.wait(200.0)
    assert ready(hourly) == ("False", "BucketPolicyDenies")
    hourly.aws.world.shut.clear()
    hourly.tell_of_change(BUCKET)
    hourly.wait(3.0)
    assert ready(hourly) == ("True", "Recording")


def test_a_flood_of_changes_reads_a_dependency_once_in_ten_seconds(hourly: VirtualStage) -> None:
    settled(hourly)
    before = hourly.aws.asked["GetBucketPolicy"]
    for _ in range(100):
        hourly.tell_of_change(BUCKET)
        hourly.wait(0.5)
    assert hourly.aws.asked["GetBucketPolicy"] - before <= 6


def test_changes_of_what_no_trail_uses_read_nothing(hourly: VirtualStage) -> None:
    settled(hourly)
    before = hourly.aws.calls
    hourly.tell_of_change(*(ResourceRef(Kind.BUCKET, "", "", f"bucket-{number}") for number in range(10_000)))
    hourly.wait(2.0)
    assert hourly.aws.calls == before


def test_another_target_of_the_alias_in_the_spec_is_noticed_at_once(hourly: VirtualStage) -> None:
    settled(hourly, SPEC | {"kmsKeyID": ALIAS})
    hourly.aws.world.aliased = 1
    hourly.tell_of_change(ResourceRef(Kind.ALIAS, ACCOUNT, REGIONS[0], ALIAS))
    hourly.wait(5.0)
    (trail,) = hourly.aws.trails.all()
    assert trail.kms_key_arn == key_arn(1)


def test_fifty_trails_of_one_bucket_read_it_once_per_interval() -> None:
    interval = 5 * RESYNC
    stage = VirtualStage(0, dependency_resync=timedelta(seconds=interval))
    stage.aws.settings.quotas = False
    for number in range(50):
        region = REGIONS[number % 2]
        stage.create(f"team-a/trail-{number}", SPEC | {"region": region, "isMultiRegionTrail": False})
    stage.wait(0.9 * interval)
    assert stage.aws.asked["GetBucketPolicy"] == 1
    stage.wait(2 * interval)
    assert stage.aws.asked["GetBucketPolicy"] == 3
    for body in stage.objects.values():
        assert condition_of(body, "DependenciesReady") == ("True", "Allowed")
    stage.close()


def test_an_unchanged_result_writes_nothing(stage: VirtualStage) -> None:
    settled(stage, FULL)
    stage.wait(60.0)
    writes, before = stage.server.writes, asked(stage)
    stage.wait(10 * DEPENDENCY_RESYNC)
    assert stage.server.writes == writes
    assert asked(stage) > before


def test_a_paused_trail_reads_nothing(stage: VirtualStage) -> None:
    settled(stage)
    stage.annotate(KEY, PAUSED, "true")
    stage.wait(2.0)
    assert said(stage) == ("Unknown", "Paused")
    before = asked(stage)
    stage.tell_of_change(BUCKET)
    stage.wait(3 * DEPENDENCY_RESYNC)
    assert asked(stage) == before
    stage.annotate(KEY, PAUSED, None)
    stage.wait(2.0)
    assert said(stage) == ("True", "Allowed")


def test_a_deleted_trail_reads_nothing(stage: VirtualStage) -> None:
    settled(stage)
    stage.delete(KEY)
    stage.wait(30.0)
    before = asked(stage)
    stage.wait(3 * DEPENDENCY_RESYNC)
    assert asked(stage) == before


def test_the_reads_begin_when_ready_has_been_written(stage: VirtualStage) -> None:
    stage.create(KEY, SPEC)
    while not asked(stage):
        stage.wait(0.005)
    assert ready(stage) == ("True", "Recording")


def test_an_observed_trail_is_judged_as_aws_has_it(stage: VirtualStage) -> None:
    stage.by_hand(REGIONS[0], "CreateTrail", Name="alpha", S3BucketName="logs-two", IsMultiRegionTrail=True)
    stage.by_hand(REGIONS[0], "StartLogging", Name="alpha")
    stage.shut("logs-one")
    stage.create(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(30.0)
    assert said(stage) == ("True", "Allowed")
    stage.shut("logs-two")
    stage.wait(2 * DEPENDENCY_RESYNC)
    assert said(stage) == ("False", "BucketPolicyDenies")
    assert "logs-two" in message(stage)


def test_without_a_trail_of_its_own_nothing_is_evaluated(stage: VirtualStage) -> None:
    stage.by_hand(REGIONS[0], "CreateTrail", Name="alpha", S3BucketName="logs-two")
    stage.create(KEY, SPEC)
    stage.wait(60.0)
    assert (ready(stage), said(stage)) == (("False", "Conflict"), ("Unknown", "NotEvaluated"))
    assert asked(stage) == 0


def test_another_spec_is_evaluated_at_once(hourly: VirtualStage) -> None:
    settled(hourly)
    hourly.shut("logs-two")
    hourly.replace_spec(KEY, SPEC | {"snsTopicName": "two"})
    hourly.wait(2.0)
    assert said(hourly) == ("True", "Allowed")
    assert hourly.aws.asked["GetTopicAttributes"] == 1
    hourly.replace_spec(KEY, {"s3BucketName": "logs-two"})
    hourly.wait(5.0)
    assert said(hourly) == ("False", "BucketPolicyDenies")


def test_another_spec_with_the_same_dependencies_costs_no_read_and_no_further_write(hourly: VirtualStage) -> None:
    settled(hourly)
    before = asked(hourly)
    hourly.replace_spec(KEY, SPEC | {"tags": [{"key": "team", "value": "a"}]})
    hourly.wait(30.0)
    assert asked(hourly) == before
    assert evaluated_generation(hourly) == hourly.objects[KEY]["metadata"]["generation"]


def test_a_read_without_an_answer_keeps_what_was_known(hourly: VirtualStage) -> None:
    settled(hourly)
    hourly.fault(service="s3", operation="*", error="SlowDown", count=None)
    hourly.tell_of_change(BUCKET)
    hourly.wait(2 * HOUR)
    assert said(hourly) == ("True", "Allowed")
    hourly.wait(2 * HOUR)
    assert said(hourly) == ("Unknown", "NotEvaluated")
    hourly.heal()
    hourly.wait(100.0)
    assert said(hourly) == ("True", "Allowed")


def test_what_was_never_answered_is_not_evaluated(hourly: VirtualStage) -> None:
    hourly.fault(service="s3", operation="GetBucketPolicy", error="SlowDown", count=None)
    hourly.create(KEY, SPEC)
    hourly.wait(60.0)
    assert (ready(hourly), said(hourly)) == (("True", "Recording"), ("Unknown", "NotEvaluated"))
    hourly.heal()
    hourly.wait(60.0)
    assert said(hourly) == ("True", "Allowed")


def test_a_failing_read_is_repeated_at_most_every_ten_seconds(hourly: VirtualStage) -> None:
    hourly.aws.settings.quotas = False
    hourly.fault(service="s3", operation="GetBucketPolicy", error="SlowDown", count=None)
    for number in range(20):
        hourly.create(f"team-a/trail-{number}", SPEC | {"region": REGIONS[0]})
    hourly.wait(100.0)
    before = hourly.aws.asked["GetBucketPolicy"]
    hourly.wait(600.0)
    assert hourly.aws.asked["GetBucketPolicy"] - before <= 61


def test_what_ready_reports_is_not_reported_twice(stage: VirtualStage) -> None:
    stage.shut("logs-one")
    stage.create(KEY, SPEC)
    stage.wait(20.0)
    assert (ready(stage), said(stage)) == (("False", "BucketPolicyDenies"), ("False", "BucketPolicyDenies"))
    assert len(stage.notes("BucketPolicyDenies")) == 1


def test_a_refusal_of_aws_renews_the_evaluation(hourly: VirtualStage) -> None:
    settled(hourly)
    hourly.wait(60.0)
    hourly.shut("logs-one")
    hourly.replace_spec(KEY, SPEC | {"enableLogFileValidation": False})
    hourly.wait(20.0)
    assert (ready(hourly), said(hourly)) == (("False", "BucketPolicyDenies"), ("False", "BucketPolicyDenies"))


def test_a_request_by_annotation_renews_the_evaluation(hourly: VirtualStage) -> None:
    settled(hourly)
    hourly.wait(60.0)
    hourly.shut("logs-one")
    hourly.annotate(KEY, "trail-operator.dev/reconcile-at", "now")
    hourly.wait(3.0)
    assert said(hourly) == ("False", "BucketPolicyDenies")


def test_what_a_topic_in_another_region_allows_is_read_there(stage: VirtualStage) -> None:
    settled(stage, SPEC | {"snsTopicName": topic_arn("one", REGIONS[0])})


def test_what_is_known_stays_while_kms_does_not_answer(stage: VirtualStage) -> None:
    settled(stage, SPEC | {"kmsKeyID": ALIAS})
    stage.fault(service="kms", operation="DescribeKey", error="ThrottlingException", count=None)
    stage.wait(2 * DEPENDENCY_RESYNC)
    assert said(stage) == ("True", "Allowed")
    stage.wait(3 * DEPENDENCY_RESYNC)
    assert said(stage) == ("Unknown", "NotEvaluated")
    assert "kms:DescribeKey" in message(stage)


def test_a_spec_whose_key_is_not_resolved_yet_is_not_said_to_be_evaluated(stage: VirtualStage) -> None:
    settled(stage)
    stage.fault(service="kms", operation="DescribeKey", error="ThrottlingException", count=None)
    stage.replace_spec(KEY, SPEC | {"kmsKeyID": ALIAS})
    stage.wait(2 * DEPENDENCY_RESYNC)
    assert evaluated_generation(stage) == 1
    stage.heal()
    stage.wait(2 * RESYNC)
    assert (said(stage), evaluated_generation(stage)) == (("True", "Allowed"), 2)


def test_changes_of_an_alias_cause_no_more_reconciles_than_events_of_the_trail(hourly: VirtualStage) -> None:
    settled(hourly, SPEC | {"kmsKeyID": ALIAS})
    before = hourly.aws.asked["GetTrail"]
    for _ in range(240):
        hourly.tell_of_change(ResourceRef(Kind.ALIAS, ACCOUNT, REGIONS[0], ALIAS))
        hourly.wait(0.25)
    assert hourly.aws.asked["GetTrail"] - before in range(13, 18)


def test_a_change_that_concerns_many_trails_uses_at_most_half_of_a_regions_reads(hourly: VirtualStage) -> None:
    hourly.aws.settings.quotas = False
    for number in range(30):
        hourly.create(f"team-a/trail-{number}", SPEC | {"kmsKeyID": ALIAS, "region": REGIONS[0]})
    hourly.wait(100.0)
    before = hourly.aws.asked["GetTrail"]
    hourly.tell_of_change(ResourceRef(Kind.ALIAS, ACCOUNT, REGIONS[0], ALIAS))
    hourly.wait(2.0)
    assert hourly.aws.asked["GetTrail"] - before <= 11
    hourly.wait(6.0)
    assert hourly.aws.asked["GetTrail"] - before == 30
