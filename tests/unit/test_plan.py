"""The plan: which writes, in which order, with which parameters."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import ARN, FULL, MINIMAL, OWNER, desired, observed
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.actions import Action, deletion, owner_tag_removal
from trail_operator.domain.diff import differences
from trail_operator.domain.plan import plan, restart
from trail_operator.domain.selectors import CALL_RATE, DATA, MANAGEMENT, AdvancedSelector, BasicSelector, FieldCondition
from trail_operator.domain.trail import ObservedTrail

S3 = "AWS::S3::Object"
ERROR_RATE = "ApiErrorRateInsight"


def operations(actions: tuple[Action, ...]) -> list[str]:
    return [action.operation for action in actions]


def test_a_trail_that_is_as_it_should_be_needs_nothing() -> None:
    assert plan(desired(FULL), observed(FULL)) == ()
    assert differences(desired(FULL), observed(FULL)) == ()


UNREAD = frozenset({"trail", "eventSelectors", "insightSelectors", "aggregationConfigurations"})


@pytest.mark.parametrize(
    ("seen", "is_started"),
    [
        (observed(is_logging=False, unreadable=UNREAD), True),
        (observed(is_logging=True, unreadable=UNREAD), False),
        (observed(is_logging=False, unreadable=UNREAD | {"isLogging"}), False),
        (observed(is_logging=False, unreadable=UNREAD, ever_logged=False), False),
        (replace(observed(is_logging=False, unreadable=UNREAD | {"tags"}), tags={}), False),
        (replace(observed(is_logging=False, unreadable=UNREAD), tags={OWNER_TAG: "another"}), False),
    ],
    ids=["stopped", "logging", "not read whether", "never started", "owner not read", "another's"],
)
def test_a_trail_that_was_read_in_part_is_only_ever_started(seen: ObservedTrail, is_started: bool) -> None:
    assert operations(restart(desired(FULL, tags={"new": ""}), seen)) == ["StartLogging"] * is_started
    assert restart(desired(FULL, is_logging=False), seen) == ()


def test_creation_sends_every_value_and_starts_logging_last() -> None:
    create, start = plan(desired(FULL, tags={"team": "a", "flag": ""}), None)
    assert create.operation == "CreateTrail"
    assert create.parameters == {
        "Name": "audit",
        "S3BucketName": "bucket-1",
        "S3KeyPrefix": "logs",
        "SnsTopicName": "arn:aws:sns:eu-central-1:123456789012:topic",
        "CloudWatchLogsLogGroupArn": "arn:aws:logs:eu-central-1:123456789012:log-group:trail:*",
        "CloudWatchLogsRoleArn": "arn:aws:iam::123456789012:role/trail",
        "KmsKeyId": FULL.kms_key_id,
        "IsMultiRegionTrail": True,
        "IncludeGlobalServiceEvents": True,
        "EnableLogFileValidation": True,
        "IsOrganizationTrail": False,
        "RecursiveLogging": True,
        "TagsList": [{"Key": "flag"}, {"Key": "team", "Value": "a"}, {"Key": OWNER_TAG, "Value": OWNER}],
    }
    assert (start.operation, start.parameters) == ("StartLogging", {"Name": ARN})


def test_creation_leaves_out_what_is_absent_and_does_not_log_when_logging_is_off() -> None:
    (create,) = plan(desired(MINIMAL, is_logging=False), None)
    assert set(create.parameters) == {
        "Name",
        "S3BucketName",
        "IsMultiRegionTrail",
        "IncludeGlobalServiceEvents",
        "EnableLogFileValidation",
        "IsOrganizationTrail",
        "RecursiveLogging",
        "TagsList",
    }


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("s3_key_prefix", {"S3KeyPrefix": ""}),
        ("sns_topic_name", {"SnsTopicName": ""}),
        ("kms_key_id", {"KmsKeyId": ""}),
    ],
)
def test_taking_a_field_away_clears_it_and_nothing_else(field: str, sent: dict[str, str]) -> None:
    without: dict[str, Any] = {field: None}
    (update,) = plan(desired(replace(FULL, **without)), observed(FULL))
    assert update.operation == "UpdateTrail"
    assert update.parameters == {"Name": ARN, **sent}


def test_the_log_group_pair_is_cleared_together() -> None:
    wanted = replace(FULL, cloud_watch_logs_log_group_arn=None, cloud_watch_logs_role_arn=None)
    (update,) = plan(desired(wanted), observed(FULL))
    assert update.parameters == {"Name": ARN, "CloudWatchLogsLogGroupArn": "", "CloudWatchLogsRoleArn": ""}


def test_a_new_role_is_sent_with_its_log_group() -> None:
    role = "arn:aws:iam::123456789012:role/other"
    (update,) = plan(desired(replace(FULL, cloud_watch_logs_role_arn=role)), observed(FULL))
    assert update.parameters == {
        "Name": ARN,
        "CloudWatchLogsLogGroupArn": f"{FULL.cloud_watch_logs_log_group_arn}:*",
        "CloudWatchLogsRoleArn": role,
    }


def test_going_to_one_region_sends_both_booleans() -> None:
    (update,) = plan(desired(replace(MINIMAL, is_multi_region_trail=False)), observed(MINIMAL))
    assert update.parameters == {"Name": ARN, "IsMultiRegionTrail": False, "IncludeGlobalServiceEvents": True}


def test_logging_stops_first_and_starts_last() -> None:
    changed = replace(MINIMAL, s3_key_prefix="p")
    stop = plan(desired(changed, is_logging=False, tags={"a": "1"}), observed(MINIMAL))
    start = plan(desired(changed, tags={"a": "1"}), observed(MINIMAL, is_logging=False))
    assert operations(stop) == ["StopLogging", "AddTags", "UpdateTrail"]
    assert operations(start) == ["AddTags", "UpdateTrail", "StartLogging"]


def test_tags_are_taken_off_before_others_are_put_on() -> None:
    off, on = plan(desired(tags={"new": "1", "same": "x"}), observed(tags={"old": "1", "same": "x"}))
    assert off == Action("RemoveTags", {"ResourceId": ARN, "TagsList": [{"Key": "old"}]}, off.differences)
    assert on == Action("AddTags", {"ResourceId": ARN, "TagsList": [{"Key": "new", "Value": "1"}]}, on.differences)
    assert [entry.path for entry in off.differences] == ["tags[old]"]
    assert [entry.path for entry in on.differences] == ["tags[new]"]


def test_a_changed_tag_is_only_put_on() -> None:
    assert operations(plan(desired(tags={"a": "2"}), observed(tags={"a": "1"}))) == ["AddTags"]


@pytest.mark.parametrize("key", ["aws:cloudformation:stack", "AWS:x", "trail-operator.dev/other", "cost-center"])
def test_tags_that_are_not_ours_to_govern_stay(key: str) -> None:
    assert plan(desired(ignored_tags=("cost-*",)), observed(tags={key: "x"})) == ()


def test_differences_name_the_fields_as_the_spec_does() -> None:
    wanted = desired(replace(MINIMAL, s3_key_prefix="p"), tags={"a": "1"})
    shown = [(entry.path, entry.desired, entry.observed) for entry in differences(wanted, observed(is_logging=False))]
    assert shown == [
        ("s3KeyPrefix", "p", "absent"),
        ("isLogging", "true", "false"),
        ("tags[a]", "1", "absent"),
    ]


def test_deletion_and_disowning() -> None:
    assert deletion(ARN) == Action("DeleteTrail", {"Name": ARN})
    assert owner_tag_removal(ARN, OWNER_TAG) == Action(
        "RemoveTags", {"ResourceId": ARN, "TagsList": [{"Key": OWNER_TAG}]}
    )


# -- transitions: exactly which writes, in which order

MINIMAL_TRAIL: dict[str, Any] = {"configuration": MINIMAL}
MAXIMAL_TRAIL: dict[str, Any] = {
    "configuration": replace(FULL, enable_log_file_validation=False, is_organization_trail=True),
    "tags": {"team": "a"},
    "event_selectors": (BasicSelector(data_resources=((S3, ("arn:aws:s3",)),)),),
    "insights": frozenset({(CALL_RATE, MANAGEMENT), (ERROR_RATE, DATA)}),
    "aggregations": frozenset({(DATA, "API_ACTIVITY")}),
}
OTHER_TRAIL: dict[str, Any] = {
    "configuration": replace(
        FULL, is_multi_region_trail=False, s3_bucket_name="bucket-2", kms_key_id=None, sns_topic_name=None
    ),
    "tags": {"team": "b"},
    "event_selectors": (
        AdvancedSelector("", (FieldCondition("eventCategory", equals=(DATA,)),)),
        AdvancedSelector("", (FieldCondition("eventCategory", equals=(MANAGEMENT,)),)),
    ),
    "insights": frozenset({(ERROR_RATE, MANAGEMENT), (ERROR_RATE, DATA)}),
    "aggregations": frozenset({(DATA, "USER_ACTIONS")}),
}
OFF = {"is_logging": False}
ONE_REGION = {"configuration": replace(MINIMAL, is_multi_region_trail=False)}
ORGANIZATION = {"configuration": replace(MINIMAL, is_organization_trail=True)}
ORGANIZATION_ONE_REGION = {"configuration": replace(ONE_REGION["configuration"], is_organization_trail=True)}
NOT_OWN_DELIVERY = {"configuration": replace(MINIMAL, recursive_logging=False)}
READS: dict[str, Any] = {"event_selectors": (BasicSelector(read_write_type="ReadOnly"),)}
DATA_EVENTS: dict[str, Any] = {
    "event_selectors": (BasicSelector(include_management_events=False, data_resources=((S3, ("arn:aws:s3",)),)),)
}
ADVANCED: dict[str, Any] = {
    "event_selectors": (AdvancedSelector("", (FieldCondition("eventCategory", equals=(MANAGEMENT,)),)),)
}
ON_CALLS: dict[str, Any] = {"insights": frozenset({(CALL_RATE, MANAGEMENT)})}
ON_ERRORS: dict[str, Any] = {"insights": frozenset({(ERROR_RATE, MANAGEMENT)})}
ON_DATA: dict[str, Any] = {"insights": frozenset({(CALL_RATE, DATA)})}
ON_BOTH: dict[str, Any] = {"insights": ON_CALLS["insights"] | ON_DATA["insights"]}
SUMMED: dict[str, Any] = {"aggregations": frozenset({(DATA, "API_ACTIVITY")})}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, MINIMAL_TRAIL, "CreateTrail StartLogging"),
        (None, MINIMAL_TRAIL | OFF, "CreateTrail"),
        (None, MAXIMAL_TRAIL, "CreateTrail PutEventSelectors PutInsightSelectors PutEventConfiguration StartLogging"),
        (None, MAXIMAL_TRAIL | OFF, "CreateTrail PutEventSelectors PutInsightSelectors PutEventConfiguration"),
        (
            MINIMAL_TRAIL,
            MAXIMAL_TRAIL,
            "AddTags PutEventSelectors UpdateTrail PutInsightSelectors PutEventConfiguration",
        ),
        (
            MAXIMAL_TRAIL,
            MINIMAL_TRAIL,
            "RemoveTags UpdateTrail PutInsightSelectors PutEventConfiguration PutEventSelectors",
        ),
        (
            MAXIMAL_TRAIL,
            OTHER_TRAIL,
            "AddTags UpdateTrail PutEventSelectors PutInsightSelectors PutEventConfiguration",
        ),
        (
            OTHER_TRAIL,
            MAXIMAL_TRAIL,
            "AddTags PutEventSelectors UpdateTrail PutInsightSelectors PutEventConfiguration",
        ),
        (
            MINIMAL_TRAIL | OFF,
            MAXIMAL_TRAIL,
            "AddTags PutEventSelectors UpdateTrail PutInsightSelectors PutEventConfiguration StartLogging",
        ),
        (
            MAXIMAL_TRAIL,
            MINIMAL_TRAIL | OFF,
            "StopLogging RemoveTags UpdateTrail PutInsightSelectors PutEventConfiguration PutEventSelectors",
        ),
        # The kind of selectors.
        ({}, ADVANCED, "PutEventSelectors"),
        (ADVANCED, {}, "PutEventSelectors"),
        # What rests on selectors, alone.
        (ON_CALLS, ON_ERRORS, "PutInsightSelectors"),
        (ON_CALLS, {}, "PutInsightSelectors"),
        (DATA_EVENTS | SUMMED, DATA_EVENTS, "PutEventConfiguration"),
        # What rests on selectors, with them.
        (ON_CALLS, ON_CALLS | ADVANCED, "PutEventSelectors"),
        (ON_CALLS, ON_ERRORS | READS, "PutInsightSelectors PutEventSelectors"),
        (ON_ERRORS | READS, ON_CALLS, "PutEventSelectors PutInsightSelectors"),
        (ON_CALLS, READS, "PutInsightSelectors PutEventSelectors"),
        (READS, ON_CALLS, "PutEventSelectors PutInsightSelectors"),
        (ON_CALLS, DATA_EVENTS | ON_DATA, "PutInsightSelectors PutEventSelectors PutInsightSelectors"),
        (
            DATA_EVENTS | ON_DATA | SUMMED,
            ON_CALLS,
            "PutInsightSelectors PutEventConfiguration PutEventSelectors PutInsightSelectors",
        ),
        ({}, DATA_EVENTS | SUMMED, "PutEventSelectors PutEventConfiguration"),
        # What the selectors are applied to.
        ({}, ONE_REGION, "UpdateTrail"),
        (ONE_REGION, {}, "UpdateTrail"),
        (ONE_REGION, ORGANIZATION, "UpdateTrail"),
        ({}, ONE_REGION | READS, "UpdateTrail PutEventSelectors"),
        (ONE_REGION, READS, "PutEventSelectors UpdateTrail"),
        (ONE_REGION | OFF, READS, "PutEventSelectors UpdateTrail StartLogging"),
        (ONE_REGION, READS | OFF, "StopLogging UpdateTrail PutEventSelectors"),
        ({}, ORGANIZATION | READS, "PutEventSelectors UpdateTrail"),
        (ORGANIZATION, READS, "UpdateTrail PutEventSelectors"),
        (ORGANIZATION, ONE_REGION | READS, "UpdateTrail PutEventSelectors"),
        (ORGANIZATION_ONE_REGION, READS, "UpdateTrail PutEventSelectors UpdateTrail"),
        ({}, ORGANIZATION_ONE_REGION | READS, "UpdateTrail PutEventSelectors UpdateTrail"),
        ({}, ORGANIZATION_ONE_REGION | READS | OFF, "StopLogging UpdateTrail PutEventSelectors"),
        ({}, NOT_OWN_DELIVERY | DATA_EVENTS, "UpdateTrail PutEventSelectors"),
        (NOT_OWN_DELIVERY | DATA_EVENTS, {}, "PutEventSelectors UpdateTrail"),
    ],
)
def test_the_fewest_writes(before: dict[str, Any] | None, after: dict[str, Any], expected: str) -> None:
    found = None if before is None else observed(**before)
    actions = plan(desired(**after), found)
    assert operations(actions) == (expected.split())


def test_what_takes_two_updates_changes_each_field_once() -> None:
    wanted = replace(ORGANIZATION_ONE_REGION["configuration"], s3_key_prefix="p")
    narrowing, _, widening = plan(desired(wanted, **READS), observed())
    assert narrowing.parameters == {
        "Name": ARN,
        "S3KeyPrefix": "p",
        "IsMultiRegionTrail": False,
        "IncludeGlobalServiceEvents": True,
    }
    assert widening.parameters == {"Name": ARN, "IsOrganizationTrail": True}
    assert [entry.path for entry in narrowing.differences] == ["s3KeyPrefix", "isMultiRegionTrail"]
    assert [entry.path for entry in widening.differences] == ["isOrganizationTrail"]


def test_insights_that_both_specs_want_stay_in_force() -> None:
    on_errors_of_data: dict[str, Any] = {"insights": frozenset({(ERROR_RATE, MANAGEMENT), (CALL_RATE, DATA)})}
    reads_and_data = (replace(READS["event_selectors"][0], data_resources=((S3, ("arn:aws:s3",)),)),)
    found = observed(insights=ON_CALLS["insights"] | ON_ERRORS["insights"])
    before, _, after = plan(desired(event_selectors=reads_and_data, **on_errors_of_data), found)
    assert before.parameters["InsightSelectors"] == [{"InsightType": ERROR_RATE, "EventCategories": [MANAGEMENT]}]
    assert after.parameters["InsightSelectors"] == [
        {"InsightType": CALL_RATE, "EventCategories": [DATA]},
        {"InsightType": ERROR_RATE, "EventCategories": [MANAGEMENT]},
    ]


def test_insights_that_lost_their_selectors_by_hand_are_never_asked_for_before_these_are_back() -> None:
    network = (AdvancedSelector("", (FieldCondition("eventCategory", equals=("NetworkActivity",)),)),)
    before, selectors, _ = plan(desired(**ON_CALLS), observed(event_selectors=network, **ON_BOTH))
    assert before.parameters["InsightSelectors"] == []
    assert selectors.operation == "PutEventSelectors"


def test_a_refused_insight_does_not_stand_in_the_way_of_the_selectors_before_it() -> None:
    selectors, insights = plan(desired(**ON_CALLS), observed(**READS))
    assert (selectors.operation, insights.operation) == ("PutEventSelectors", "PutInsightSelectors")
    assert "PutInsightSelectors" not in selectors.requires


def test_a_refused_destination_does_not_stand_in_the_way_of_the_selectors() -> None:
    update, selectors = plan(desired(replace(MINIMAL, s3_bucket_name="bucket-2"), **READS), observed())
    assert (update.operation, selectors.operation) == ("UpdateTrail", "PutEventSelectors")
    assert not selectors.requires


# -- adoption


def test_a_trail_that_is_taken_over_first_gets_our_tag() -> None:
    found = replace(observed(FULL), tags={"old": "1", OWNER_TAG: "elsewhere/default/audit"})
    actions = plan(desired(MINIMAL, is_logging=False, tags={"new": "1"}), found)
    assert operations(actions) == ["AddTags", "RemoveTags", "StopLogging", "UpdateTrail"]
    assert {"Key": OWNER_TAG, "Value": OWNER} in actions[0].parameters["TagsList"]


def test_a_former_name_in_the_owner_tag_is_rewritten_and_nothing_waits_for_that() -> None:
    """The trail is this Trail's own: what else it needs is done also where the tag can't be written."""
    former = "former/default/audit"
    found = replace(observed(is_logging=False), tags={OWNER_TAG: former})
    rename, start = plan(desired(former_owners=frozenset({former})), found)
    assert operations((rename, start)) == ["AddTags", "StartLogging"]
    assert rename.parameters["TagsList"] == [{"Key": OWNER_TAG, "Value": OWNER}]
    assert "AddTags" not in start.requires
    assert (rename.is_renaming, rename.is_adoption) == (True, False)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [({}, True), ({OWNER_TAG: "elsewhere/default/audit"}, True), ({OWNER_TAG: OWNER, "old": "1"}, False)],
)
def test_only_putting_our_tag_on_is_an_adoption(tags: dict[str, str], expected: bool) -> None:
    actions = plan(desired(tags={"new": "1"}), replace(observed(), tags=tags))
    assert [action.operation for action in actions if action.is_adoption] == ["AddTags"] * expected
    assert not any(action.is_renaming for action in actions)


def test_a_trail_without_room_for_all_tags_first_gets_ours_alone() -> None:
    found = replace(observed(), tags={f"old-{at}": "1" for at in range(40)})
    mark, off, on = plan(desired(tags={f"new-{at}": "1" for at in range(20)}), found)
    assert operations((mark, off, on)) == ["AddTags", "RemoveTags", "AddTags"]
    assert mark.parameters["TagsList"] == [{"Key": OWNER_TAG, "Value": OWNER}]
    assert off.requires == {"AddTags"}
    assert on.requires == {"AddTags", "RemoveTags"}
    assert (len(off.parameters["TagsList"]), len(on.parameters["TagsList"])) == (40, 20)


def test_a_trail_without_room_for_our_tag_first_loses_others() -> None:
    found = replace(observed(), tags={f"old-{at}": "1" for at in range(50)})
    assert operations(plan(desired(is_logging=False), found)) == ["RemoveTags", "AddTags", "StopLogging"]


def test_a_trail_that_was_never_started_is_not_started_where_more_would_be_recorded_than_asked_for() -> None:
    found = observed(ORGANIZATION["configuration"], is_logging=False, ever_logged=False)
    start = plan(desired(), found)[-1]
    assert start.operation == "StartLogging"
    assert "UpdateTrail" in start.requires
