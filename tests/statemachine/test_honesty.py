"""What is told where AWS answers late, wrongly or not at all: no Event lost, no Ready that lies, no storm of calls."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest

from tests.statemachine.aws import ACCOUNT, ALIAS, REGIONS, Call, key_arn
from tests.statemachine.expectation import OWNER
from tests.statemachine.raw import Raw
from tests.statemachine.rest import condition_of
from tests.statemachine.stage import VirtualStage
from trail_sandbox.aws import organizations

KEY = "team-a/alpha"
SPEC = {"s3BucketName": "logs-one"}
ARN = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
READ_ONLY = {"eventSelectors": [{"readWriteType": "ReadOnly"}]}


@pytest.fixture
def stage(empty: VirtualStage) -> VirtualStage:
    """A world in which one Trail is Ready."""
    empty.create(KEY, SPEC)
    empty.wait(20.0)
    assert condition(empty) == ("True", "Recording")
    empty.server.events.clear()
    return empty


def full_condition(stage: VirtualStage, kind: str = "Ready") -> dict[str, str]:
    found = stage.objects[KEY].get("status", {}).get("conditions", ())
    return next((one for one in found if one["type"] == kind), {})


def condition(stage: VirtualStage, kind: str = "Ready") -> tuple[str, str] | None:
    return condition_of(stage.objects[KEY], kind)


# What is no longer recorded, and what was changed, is told whatever becomes of the answers.

REDUCTIONS: list[tuple[str, dict[str, Any]]] = [
    ("StopLogging", {"isLogging": False}),
    ("UpdateTrail", {"enableLogFileValidation": False}),
    ("UpdateTrail", {"isMultiRegionTrail": False}),
    ("PutEventSelectors", READ_ONLY),
]


@pytest.mark.parametrize(("operation", "change"), REDUCTIONS)
def test_a_reduction_is_told_though_the_answer_was_lost(
    stage: VirtualStage, operation: str, change: dict[str, Any]
) -> None:
    stage.fault(operation=operation, drop=True, when="after", count=1)
    stage.replace_spec(KEY, SPEC | change)
    stage.wait(100.0)
    assert len(stage.notes("CoverageReduced")) == 1
    assert [operation in note for note in stage.notes("Updated")] == [True]


@pytest.mark.parametrize("operation", ["GetTrail", "GetEventSelectors", "ListTags"])
def test_a_reduction_is_told_though_it_could_not_be_seen_at_once(stage: VirtualStage, operation: str) -> None:
    stage.fault(operation=operation, error="ThrottlingException", skip=1, count=1)
    stage.replace_spec(KEY, SPEC | {"isMultiRegionTrail": False})
    stage.wait(100.0)
    assert len(stage.notes("CoverageReduced")) == 1


def test_a_reduction_that_aws_refused_is_not_told(stage: VirtualStage) -> None:
    stage.fault(operation="PutEventSelectors", error="InvalidEventSelectorsException")
    stage.replace_spec(KEY, SPEC | READ_ONLY)
    stage.wait(100.0)
    assert condition(stage, "Stalled") == ("True", "InvalidSpec")
    assert stage.notes("CoverageReduced") == stage.notes("Updated") == []


def test_drift_is_told_field_by_field_though_the_answer_was_lost(stage: VirtualStage) -> None:
    stage.fault(operation="PutEventSelectors", drop=True, when="after", count=1)
    selectors = [{"ReadWriteType": "WriteOnly"}]
    stage.by_hand(REGIONS[0], "PutEventSelectors", TrailName=ARN, EventSelectors=selectors)
    stage.wait(150.0)
    assert condition(stage) == ("True", "Recording")
    (note,) = stage.notes("DriftCorrected")
    assert "eventSelectors" in note


# What one answer contradicts, no other that does not come keeps True.


@pytest.mark.parametrize("operation", ["GetTrail", "ListTags", "GetEventSelectors", "GetInsightSelectors"])
def test_a_trail_that_is_seen_to_be_stopped_is_not_ready_though_another_read_fails(
    stage: VirtualStage, operation: str
) -> None:
    stage.fault(operation=operation, error="InternalFailure")
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(80.0)
    assert condition(stage) == ("False", "Progressing")
    stage.heal()
    stage.wait(70.0)
    assert condition(stage) == ("True", "Recording")


# Of a pass that AWS answers in part what was read shows, and silence is ended.

NOT_NEEDED = ["GetTrail", "GetEventSelectors", "GetInsightSelectors", "GetEventConfiguration"]


@pytest.mark.parametrize("error", ["InternalFailure", "AccessDeniedException"])
@pytest.mark.parametrize("operation", NOT_NEEDED)
def test_a_stopped_trail_is_started_though_another_read_fails(stage: VirtualStage, operation: str, error: str) -> None:
    stage.fault(operation=operation, error=error)
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(80.0)
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]
    assert condition(stage, "Logging") == ("True", "Recording")
    assert (condition(stage) or ("",))[0] == "False", "not all was read after the write"
    assert ["isLogging" in note for note in stage.notes("DriftCorrected")] == [True]
    stage.heal()
    stage.wait(80.0)
    assert condition(stage) == ("True", "Recording")


def test_a_trail_is_started_again_and_again_while_another_read_fails_for_hours(stage: VirtualStage) -> None:
    stage.fault(operation="GetEventSelectors", error="InternalFailure")
    stage.wait(3600.0)
    assert condition(stage) == ("Unknown", "AWSUnreachable")
    assert condition(stage, "Logging") == ("True", "Recording")
    writes = len(stage.record.writes)
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(80.0)
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]
    assert [call.operation for call in stage.record.writes[writes:]] == ["StartLogging"]


def test_a_stopped_trail_whose_owner_is_not_known_is_shown_and_not_started(stage: VirtualStage) -> None:
    writes = len(stage.record.writes)
    stage.fault(operation="ListTags", error="InternalFailure")
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(80.0)
    assert stage.record.writes[writes:] == []
    assert condition(stage) == ("False", "Progressing")
    assert condition(stage, "Logging") == ("False", "LoggingOff")
    status = stage.objects[KEY]["status"]
    assert status["isLogging"] is False
    assert [entry["path"] for entry in status["drift"]] == ["isLogging"]
    stage.heal()
    stage.wait(80.0)
    assert condition(stage) == ("True", "Recording")
    assert len(stage.notes("DriftCorrected")) == 1


def test_a_trail_that_cannot_be_started_is_said_not_to_log_though_another_read_fails(stage: VirtualStage) -> None:
    stage.fault(operation="GetEventSelectors", error="InternalFailure")
    stage.fault(operation="StartLogging", error="AccessDeniedException")
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(150.0)
    assert condition(stage) == ("False", "AccessDenied")
    assert condition(stage, "Logging") == ("False", "LoggingOff")
    stage.heal()
    stage.wait(80.0)
    assert condition(stage) == ("True", "Recording")


@pytest.mark.parametrize("owner", [None, "abroad/team-b/alpha"])
def test_a_trail_that_is_no_longer_its_own_is_a_conflict_though_another_read_fails(
    stage: VirtualStage, owner: str | None
) -> None:
    stage.wait(30.0)
    writes = len(stage.record.writes)
    stage.fault(operation="GetEventSelectors", error="InternalFailure")
    if owner:
        stage.by_hand(REGIONS[0], "AddTags", ResourceId=ARN, TagsList=[{"Key": OWNER, "Value": owner}])
    else:
        stage.by_hand(REGIONS[0], "RemoveTags", ResourceId=ARN, TagsList=[{"Key": OWNER}])
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(80.0)
    assert condition(stage) == ("False", "Conflict")
    assert condition(stage, "Logging") == ("Unknown", "Conflict")
    stage.fault(operation="ListTags", error="InternalFailure")
    stage.wait(80.0)
    assert condition(stage) == ("False", "Conflict")
    assert stage.record.writes[writes:] == []


def test_a_trail_that_was_never_started_waits_for_its_selectors_to_be_read(stage: VirtualStage) -> None:
    other = "team-a/quiet"
    owner = {"Key": OWNER, "Value": f"test/{other}"}
    stage.by_hand(REGIONS[0], "CreateTrail", Name="quiet", S3BucketName="logs-one", TagsList=[owner])
    stage.fault(operation="GetEventSelectors", error="InternalFailure")
    stage.create(other, SPEC | READ_ONLY)
    stage.wait(80.0)
    started = {trail.name: trail.is_logging for trail in stage.aws.trails.all()}
    assert started == {"alpha": True, "quiet": False}
    stage.heal()
    stage.wait(80.0)
    assert all(trail.is_logging for trail in stage.aws.trails.all())


def test_drift_that_was_not_read_again_stays_on_record(stage: VirtualStage) -> None:
    stage.fault(operation="UpdateTrail", error="AccessDeniedException")
    stage.fault(operation="StartLogging", error="AccessDeniedException")
    stage.by_hand(REGIONS[0], "UpdateTrail", Name=ARN, S3BucketName="logs-two")
    stage.wait(80.0)
    stage.fault(operation="GetTrail", error="InternalFailure")
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(120.0)
    paths = {entry["path"] for entry in stage.objects[KEY]["status"]["drift"]}
    assert paths == {"s3BucketName", "isLogging"}


def test_a_delivery_error_shows_though_another_read_fails(stage: VirtualStage) -> None:
    stage.fault(operation="GetEventSelectors", error="InternalFailure")
    (trail,) = stage.aws.trails.all()
    trail.delivery(trail.home_region).latest_delivery_error = "AccessDenied"
    stage.wait(80.0)
    assert (condition(stage) or ("",))[0] == "False"
    assert condition(stage, "Delivering") == ("False", "DeliveryFailing")


@pytest.mark.parametrize("operation", ["GetTrailStatus", "GetEventSelectors", "ListTags"])
def test_a_trail_that_was_deleted_is_made_again_though_another_read_fails(stage: VirtualStage, operation: str) -> None:
    stage.wait(30.0)
    stage.fault(operation=operation, error="InternalFailure")
    stage.by_hand(REGIONS[0], "DeleteTrail", Name=ARN)
    stage.wait(80.0)
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]
    assert (condition(stage) or ("",))[0] == "False"
    stage.heal()
    stage.wait(80.0)
    assert condition(stage) == ("True", "Recording")


def test_a_trail_that_all_other_reads_miss_is_not_ready_though_get_trail_fails(stage: VirtualStage) -> None:
    stage.wait(30.0)
    stage.fault(operation="GetTrail", error="InternalFailure")
    stage.by_hand(REGIONS[0], "DeleteTrail", Name=ARN)
    stage.wait(80.0)
    assert condition(stage) == ("False", "Progressing")
    stage.heal()
    stage.wait(80.0)
    assert condition(stage) == ("True", "Recording")


def test_a_bucket_that_is_seen_to_be_another_is_told_though_the_status_is_not_answered(stage: VirtualStage) -> None:
    stage.fault(operation="GetTrailStatus", drop=True)
    stage.by_hand(REGIONS[0], "UpdateTrail", Name=ARN, S3BucketName="logs-two")
    stage.wait(80.0)
    assert condition(stage) == ("False", "Progressing")


def test_what_is_seen_of_an_observed_trail_is_told_though_another_read_fails(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(20.0)
    assert condition(stage) == ("True", "Observed")
    stage.fault(operation="ListTags", error="InternalFailure")
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(80.0)
    assert condition(stage) == ("False", "Progressing")
    assert condition(stage, "Logging") == ("False", "LoggingOff")
    stage.heal()
    stage.wait(70.0)
    assert condition(stage) == ("False", "Drifted")


def test_a_read_that_fails_alone_contradicts_nothing(stage: VirtualStage) -> None:
    stage.fault(operation="GetTrailStatus", error="InternalFailure", count=3)
    stage.wait(100.0)
    assert stage.notes("Progressing") == []
    assert condition(stage) == ("True", "Recording")


# Odd answers.


def test_an_odd_answer_to_who_we_are_does_not_hold(stage: VirtualStage) -> None:
    stage.kill(0)

    def garbled(call: Call, sent: Raw) -> Raw:
        is_first = call.operation == "GetCallerIdentity" and stage.aws.asked["GetCallerIdentity"] == asked + 1
        return Raw(sent.body.replace(ACCOUNT.encode(), b"999999999999")) if is_first else sent

    asked = stage.aws.asked["GetCallerIdentity"]
    stage.aws.garble = garbled
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.restart()
    stage.wait(10.0)
    assert condition(stage) == ("False", "IdentityMismatch")
    stage.wait(90.0)
    assert condition(stage) == ("True", "Recording")


def test_a_moment_that_names_no_time_zone_is_read(stage: VirtualStage) -> None:
    def garbled(call: Call, sent: Raw) -> Raw:
        odd = {"LatestDeliveryTime": "0001-01-01T00:00:00"}
        return Raw(json.dumps(json.loads(sent.body) | odd).encode()) if call.operation == "GetTrailStatus" else sent

    stage.aws.garble = garbled
    stage.wait(80.0)  # which fails where an internal error was told
    assert condition(stage) == ("True", "Recording")


# Ready does not lie.


def test_delivery_errors_show_though_an_alias_can_not_be_resolved(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"kmsKeyID": ALIAS})
    stage.wait(20.0)
    assert condition(stage) == ("True", "Recording")
    stage.fault(service="kms", operation="DescribeKey", error="ThrottlingException")
    (trail,) = stage.aws.trails.all()
    trail.delivery(trail.home_region).latest_delivery_error = "AccessDenied"
    stage.wait(150.0)
    ready = condition(stage)
    assert ready is not None
    assert ready[0] == "False"
    assert condition(stage, "Delivering") == ("False", "DeliveryFailing")


def test_a_stale_read_after_the_last_write_does_not_hold_for_a_resync(stage: VirtualStage) -> None:
    stage.wait(60.0)
    stage.stale(6.0)
    stage.replace_spec(KEY, SPEC | {"isLogging": False})
    stage.wait(1.5)
    stage.replace_spec(KEY, SPEC)
    stage.wait(20.0)
    (trail,) = stage.aws.trails.all()
    assert trail.is_logging
    assert condition(stage) == ("True", "Recording")


@pytest.mark.parametrize("operation", ["UpdateTrail", "AddTags", "PutEventSelectors"])
def test_a_trail_that_was_stopped_is_started_though_another_write_fails(stage: VirtualStage, operation: str) -> None:
    stage.fault(operation=operation, error="InternalFailure")
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.replace_spec(KEY, SPEC | READ_ONLY | {"s3KeyPrefix": "new", "tags": [{"key": "new"}]})
    stage.wait(30.0)
    (trail,) = stage.aws.trails.all()
    assert trail.is_logging


def test_a_refusal_is_told_though_what_is_behind_it_can_not_be_seen(stage: VirtualStage) -> None:
    stage.fault(service="s3", operation="*", drop=True)
    stage.fault(operation="UpdateTrail", error="InsufficientS3BucketPolicyException")
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.replace_spec(KEY, SPEC | {"s3KeyPrefix": "new"})
    stage.wait(100.0)
    assert condition(stage) == ("False", "BucketPolicyDenies")
    (trail,) = stage.aws.trails.all()
    assert trail.is_logging


def test_a_forced_pass_takes_no_explanation_from_before(stage: VirtualStage) -> None:
    stage.shut("logs-two")
    stage.fault(operation="UpdateTrail", error="InsufficientS3BucketPolicyException")
    stage.replace_spec(KEY, SPEC | {"s3BucketName": "logs-two"})
    stage.wait(5.0)
    assert "Bucket logs-two has no policy" in full_condition(stage)["message"]
    stage.aws.world.shut.clear()
    stage.annotate(KEY, "trail-operator.dev/reconcile-at", "now")
    stage.wait(5.0)
    assert "has no policy" not in full_condition(stage)["message"]
    assert "All policies that the operator can read allow it" in full_condition(stage)["message"]


def test_the_quota_is_told_though_the_trails_that_fill_it_can_not_be_seen(stage: VirtualStage) -> None:
    stage.fault(operation="CreateTrail", error="MaximumNumberOfTrailsExceededException")
    stage.fault(operation="DescribeTrails", error="AccessDeniedException", message="not allowed to look")
    stage.by_hand(REGIONS[0], "DeleteTrail", Name=ARN)
    stage.wait(150.0)
    assert condition(stage) == ("False", "QuotaExceeded")
    assert "cloudtrail:DescribeTrails" in full_condition(stage)["message"]


# No storm.


def test_what_never_shows_is_written_ever_more_slowly_and_named(stage: VirtualStage) -> None:
    answer = stage.aws._cloudtrail.answer

    def never_shown(call: Any) -> Mapping[str, Any]:
        found = json.loads(json.dumps(answer(call)))
        for selector in found.get("EventSelectors", ()) if call.operation == "GetEventSelectors" else ():
            selector["ExcludeManagementEventSources"] = ["kms.amazonaws.com"]
        return found  # type: ignore[no-any-return]

    object.__setattr__(stage.aws._cloudtrail, "answer", never_shown)
    stage.wait(120.0)
    before = stage.aws.asked.copy()
    stage.wait(600.0)
    asked = stage.aws.asked - before
    assert asked["PutEventSelectors"] <= 15
    assert asked["GetTrail"] <= 40
    ready = full_condition(stage)
    assert (ready["status"], ready["reason"]) == ("False", "Progressing")
    assert "eventSelectors" in ready["message"]


def test_each_of_two_refusals_is_told_and_not_asked_for_again(stage: VirtualStage) -> None:
    stage.fault(operation="AddTags", error="TagsLimitExceededException", message="too many")
    stage.fault(operation="PutEventSelectors", error="InvalidEventSelectorsException", message="nonsense")
    stage.replace_spec(KEY, SPEC | READ_ONLY | {"tags": [{"key": "new"}]})
    stage.wait(600.0)
    assert stage.aws.asked["AddTags"] == stage.aws.asked["PutEventSelectors"] == 1
    message = full_condition(stage, "Stalled")["message"]
    assert "too many" in message
    assert "nonsense" in message


def test_what_is_refused_for_good_is_not_asked_for_again_beside_what_may_be_mended(stage: VirtualStage) -> None:
    stage.fault(operation="UpdateTrail", error="InsufficientS3BucketPolicyException")
    stage.fault(operation="PutEventSelectors", error="InvalidEventSelectorsException", message="nonsense")
    stage.replace_spec(KEY, SPEC | READ_ONLY | {"s3KeyPrefix": "new"})
    stage.wait(600.0)
    assert stage.aws.asked["PutEventSelectors"] == 1
    assert stage.aws.asked["UpdateTrail"] > 5
    assert condition(stage) == ("False", "BucketPolicyDenies")
    assert "nonsense" in full_condition(stage)["message"]
    assert condition(stage, "Stalled") == ("True", "InvalidSpec")


# Whose it is, and where.


def test_an_adoption_that_failed_is_tried_again(stage: VirtualStage) -> None:
    other = "team-a/taken"
    owner = {"Key": OWNER, "Value": "abroad/team-b/taken"}
    stage.by_hand(REGIONS[0], "CreateTrail", Name="taken", S3BucketName="logs-two", TagsList=[owner])
    stage.fault(operation="AddTags", error="AccessDeniedException", count=1)
    stage.create(other, SPEC | {"adoptionPolicy": "Always"})
    stage.wait(60.0)
    found = {trail.name: dict(trail.tags)[OWNER] for trail in stage.aws.trails.all()}
    assert found["taken"] == f"test/{other}"


def test_a_trail_made_without_an_answer_is_not_left_behind_where_reads_are_stale(stage: VirtualStage) -> None:
    other = "team-a/lost"
    stage.shut("logs-two")
    stage.create(other, {"s3BucketName": "logs-two"})
    stage.wait(30.0)
    stage.heal()
    stage.fault(operation="CreateTrail", drop=True, when="after", count=1)
    while len(stage.aws.trails.all()) < 2:
        stage.wait(0.1)
    stage.stale(5.0)
    stage.delete(other)
    stage.wait(60.0)
    assert other not in stage.objects
    assert [trail.name for trail in stage.aws.trails.all()] == ["alpha"]


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_trail_of_ours_in_another_region_is_never_made_a_second_time(stage: VirtualStage, everywhere: bool) -> None:
    """As after a cluster was built anew with another region."""
    other = "team-a/moved"
    owner = {"Key": OWNER, "Value": f"test/{other}"}
    stage.by_hand(
        REGIONS[1],
        "CreateTrail",
        Name="moved",
        S3BucketName="logs-one",
        IsMultiRegionTrail=everywhere,
        TagsList=[owner],
    )
    stage.create(other, SPEC)
    stage.wait(100.0)
    ready = next(one for one in stage.objects[other]["status"]["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "WrongHomeRegion")
    assert f"set spec.region to {REGIONS[1]}" in ready["message"]
    assert "arn" not in stage.objects[other]["status"]
    stage.replace_spec(other, SPEC | {"region": REGIONS[1]})
    stage.wait(20.0)
    ready = next(one for one in stage.objects[other]["status"]["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Recording")
    assert len(stage.aws.trails.all()) == 2


def test_a_region_may_be_corrected_as_long_as_there_is_no_trail(stage: VirtualStage) -> None:
    other = "team-a/typo"
    stage.shut("logs-two")
    stage.create(other, {"s3BucketName": "logs-two", "region": REGIONS[1]})
    stage.wait(20.0)
    stage.heal()
    stage.fault(operation="CreateTrail", drop=True, when="after", count=1, region=REGIONS[1])
    while len(stage.aws.trails.all()) < 2:
        stage.wait(0.1)
    stage.stale(5.0)  # what was made without an answer does not show yet
    stage.replace_spec(other, {"s3BucketName": "logs-two", "region": REGIONS[0]})
    stage.wait(60.0)
    assert [trail.home_region for trail in stage.aws.trails.all() if trail.name == "typo"] == [REGIONS[1]]
    stage.by_hand(REGIONS[1], "DeleteTrail", Name="typo")
    stage.wait(100.0)
    assert [trail.home_region for trail in stage.aws.trails.all() if trail.name == "typo"] == [REGIONS[0]]


def test_fifty_trails_take_no_longer_than_half_as_long_again_as_the_rates_allow(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CreateTrail a second in each region: of five the last begins after four seconds at best."""
    monkeypatch.setattr("trail_operator.aws.sender.CALLS_AT_ONCE", 64)  # answers are slow here: no rate is at stake
    caplog.set_level(logging.CRITICAL, "trail_operator")
    stage = VirtualStage(0)
    regions = [f"{where}-{number}" for where in ("us-east", "us-west", "eu-west", "eu-south") for number in (1, 2)]
    keys = [f"team-a/{region}-{at}" for region in [*regions, "eu-west-3", "eu-central-1"] for at in range(5)]
    for key in keys:
        stage.create(key, SPEC | {"region": key[7:-2], "isMultiRegionTrail": False})
    stage.wait(1.5 * 4.0)
    ready = [
        one["status"] for key in keys for one in stage.objects[key]["status"]["conditions"] if one["type"] == "Ready"
    ]
    stage.close()
    assert ready == ["True"] * 50


def test_a_key_by_its_arn_needs_no_answer_of_kms(stage: VirtualStage) -> None:
    stage.fault(service="kms", operation="*", drop=True)
    stage.replace_spec(KEY, SPEC | {"kmsKeyID": key_arn(0)})
    stage.wait(20.0)
    assert condition(stage) == ("True", "Recording")


# Whoever waits for a turn to write asks once more when it has come.

MANY = [f"team-a/many-{number:02d}" for number in range(20)]


@pytest.fixture
def many(caplog: pytest.LogCaptureFixture) -> Iterator[VirtualStage]:
    """Twenty Trails in a region, all Ready."""
    caplog.set_level(logging.CRITICAL, "trail_operator")
    result = VirtualStage(0)
    result.aws.settings.quotas = False
    for key in MANY:
        result.create(key, SPEC)
    result.wait(150.0)
    yield result
    result.close()


def taken_over(stage: VirtualStage, arns: list[str]) -> None:
    for arn in arns:
        stage.by_hand(REGIONS[0], "AddTags", ResourceId=arn, TagsList=[{"Key": OWNER, "Value": "abroad/x/y"}])


def test_a_trail_that_was_taken_over_while_its_deletion_waited_is_not_deleted(many: VirtualStage) -> None:
    for key in MANY:
        many.delete(key)
    many.wait(3.0)
    left = [trail.arn for trail in many.aws.trails.all()]
    assert len(left) > 10
    taken_over(many, left)
    many.loop.run_for(60.0)
    assert len(many.aws.trails.all()) >= len(left) - 3  # those whose turn came within the time that a look holds
    assert not many.objects


def test_a_trail_that_was_taken_over_while_its_change_waited_is_not_written_to(many: VirtualStage) -> None:
    for key in MANY:
        many.replace_spec(key, SPEC | {"s3KeyPrefix": "new"})
    many.wait(4.0)
    left = [trail.arn for trail in many.aws.trails.all() if trail.s3_key_prefix is None]
    assert len(left) > 10
    taken_over(many, left)
    many.loop.run_for(60.0)
    written = [trail.arn for trail in many.aws.trails.all() if trail.arn in left and trail.s3_key_prefix]
    assert len(written) <= 3


def test_a_policy_that_changes_while_the_deletion_waits_is_heeded(many: VirtualStage) -> None:
    for key in MANY:
        many.delete(key)
    many.wait(3.0)
    left = list(many.objects)
    assert len(left) > 10
    for key in left:
        many.replace_spec(key, SPEC | {"deletionPolicy": "Retain"})
    many.wait(90.0)
    assert len(many.aws.trails.all()) >= len(left) - 2  # what was on its way, and a change that is still on its own
    assert not many.objects
    assert not [trail for trail in many.aws.trails.all() if OWNER in dict(trail.tags)]


@pytest.mark.parametrize("how", ["paused", "Observe"])
def test_a_trail_that_is_to_be_let_alone_while_its_change_waits_is_let_alone(many: VirtualStage, how: str) -> None:
    for key in MANY:
        many.replace_spec(key, SPEC | {"s3KeyPrefix": "new"})
    many.wait(3.0)
    left = [f"team-a/{trail.name}" for trail in many.aws.trails.all() if trail.s3_key_prefix is None]
    assert len(left) > 10
    for key in left:
        if how == "paused":
            many.annotate(key, "trail-operator.dev/paused", "true")
        else:
            many.replace_spec(key, SPEC | {"s3KeyPrefix": "new", "managementPolicy": "Observe"})
    many.loop.run_for(60.0)
    written = [trail for trail in many.aws.trails.all() if f"team-a/{trail.name}" in left and trail.s3_key_prefix]
    assert len(written) <= 2


def test_many_that_are_retained_at_once_all_lose_their_owner_tags(many: VirtualStage) -> None:
    for key in MANY:
        many.replace_spec(key, SPEC | {"deletionPolicy": "Retain"})
        many.delete(key)
    many.wait(60.0)
    assert not many.objects
    assert [trail for trail in many.aws.trails.all() if OWNER in dict(trail.tags)] == []
    assert many.notes("OwnerTagRemovalFailed") == []


# What comes between.


@pytest.mark.parametrize("seconds", [0.05 * step for step in range(1, 12)])
def test_who_only_looks_from_the_middle_of_a_pass_on_meets_no_fault(stage: VirtualStage, seconds: float) -> None:
    stage.replace_spec(KEY, SPEC | {"s3KeyPrefix": "new"})
    stage.wait(seconds)
    stage.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(3.0)
    assert "InternalError" not in dict(stage.server.events)


@pytest.mark.parametrize("error", ["ThrottlingException", "AccessDeniedException"])
def test_tags_for_which_there_is_no_room_yet_are_not_refused_for_good(stage: VirtualStage, error: str) -> None:
    stage.replace_spec(KEY, SPEC | {"tags": [{"key": f"old-{number}"} for number in range(40)]})
    stage.wait(60.0)
    stage.fault(operation="RemoveTags", error=error, count=1)
    stage.replace_spec(KEY, SPEC | {"tags": [{"key": f"new-{number}"} for number in range(40)]})
    stage.wait(120.0)
    assert condition(stage) == ("True", "Recording")


def test_a_reduction_beside_a_denial_is_told_though_its_answer_was_lost(stage: VirtualStage) -> None:
    stage.fault(operation="UpdateTrail", drop=True, when="after", count=1)
    stage.fault(operation="PutEventSelectors", error="AccessDeniedException", count=1)
    stage.replace_spec(KEY, SPEC | READ_ONLY | {"enableLogFileValidation": False})
    stage.wait(200.0)
    assert "digest files are no longer written" in "; ".join(stage.notes("CoverageReduced"))


@pytest.mark.parametrize(("when", "expected"), [("before", 0), ("after", 1)])
def test_a_write_without_an_answer_is_told_only_if_it_took_effect_also_if_the_spec_is_put_back(
    stage: VirtualStage, when: str, expected: int
) -> None:
    stage.fault(operation="StopLogging", drop=True, when=when, count=1)
    stage.replace_spec(KEY, SPEC | {"isLogging": False})
    while stage.ails:
        stage.wait(0.02)
    stage.wait(0.15)
    stage.replace_spec(KEY, SPEC)
    stage.wait(60.0)
    assert sum("StopLogging" in note for note in stage.notes("Updated")) == expected


def test_what_somebody_undoes_at_once_is_put_right_ever_later(stage: VirtualStage) -> None:
    stage.wait(30.0)
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    begun, seen = stage.time, len(stage.record.writes)
    while stage.time < begun + 1800.0:
        stage.loop.run_for(3.0)
        if len(stage.record.writes) > seen:
            seen = len(stage.record.writes)
            stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    assert stage.aws.asked["StartLogging"] <= 1800 // 48 + 5  # once a resync, and a few times at the beginning


def test_what_was_not_sent_does_not_count_as_written(stage: VirtualStage) -> None:
    other = "team-a/other"
    stage.create(other, SPEC | READ_ONLY)
    while len(stage.aws.trails.all()) < 2:
        stage.wait(0.002)
    stage.replace_spec(other, SPEC | READ_ONLY | {"tags": [{"key": "new"}]})
    stage.wait(2.0)
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True, True]


@contextmanager
def organization(master: str, administrators: frozenset[str] = frozenset()) -> Iterator[VirtualStage]:
    """A world in which the account belongs to an organization, and in which one Trail of it is Ready."""
    stage = VirtualStage(0)
    members = frozenset({master, ACCOUNT})
    services = frozenset({"cloudtrail.amazonaws.com"})
    whole = organizations.Organization("o-exampleorgid", master, True, services, members, administrators)
    answer = stage.aws.world.answer

    def answered(service: str, operation: str, region: str, parameters: Any) -> Any:
        if service == "organizations":
            return {"Organization": {"Id": "o-exampleorgid", "MasterAccountId": master}}
        return answer(service, operation, region, parameters)

    with ExitStack() as patched:
        for patch in (
            mock.patch.multiple(stage.aws.world, organization=lambda _: whole, answer=answered),
            mock.patch.object(organizations, "has_service_linked_role", return_value=True),
            mock.patch("trail_sandbox.aws.cloudtrail.resolve.management_account", return_value=master),
        ):
            patched.enter_context(patch)
        stage.create(KEY, SPEC | {"isOrganizationTrail": True})
        stage.loop.run_for(30.0)
        assert condition(stage) == ("True", "Recording")
        yield stage
        stage.record.problems.clear()  # the judge of all moments knows no other account
        stage.close()


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "trail_operator")


@pytest.mark.usefixtures("quiet")
def test_a_trail_that_is_gone_is_not_ready_though_the_organization_can_not_be_asked() -> None:
    with organization(ACCOUNT) as stage:
        stage.stop()
        stage.restart()
        stage.loop.run_for(30.0)
        stage.fault(service="organizations", operation="DescribeOrganization", drop=True)
        stage.by_hand(REGIONS[0], "DeleteTrail", Name=ARN)
        stage.loop.run_for(100.0)
        ready = condition(stage)
        assert stage.aws.trails.all() or (ready and ready[0] == "False")


@pytest.mark.usefixtures("quiet")
def test_a_trail_that_takes_the_place_of_an_organization_s_is_not_left_behind() -> None:
    with organization("210987654321", frozenset({ACCOUNT})) as stage:
        (trail,) = stage.aws.trails.all()
        stage.by_hand(REGIONS[0], "DeleteTrail", Name=trail.arn)
        writes = len(stage.record.writes)
        stage.replace_spec(KEY, SPEC)
        while len(stage.record.writes) == writes:
            stage.loop.run_for(0.01)
        stage.kill(0)
        stage.restart()
        stage.delete(KEY)
        stage.loop.run_for(60.0)
        assert not stage.objects
        assert not stage.aws.trails.all()
