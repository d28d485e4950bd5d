"""The plan: which writes, in which order, with which parameters; and its laws."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import ARN, FULL, MINIMAL, OWNER, desired, observed
from trail_operator.api.names import OWNER_TAG
from trail_operator.core.differences import differences
from trail_operator.core.plan import Action, deletion, disowning, plan
from trail_operator.core.trail import Configuration, DesiredTrail, ObservedTrail


def operations(actions: tuple[Action, ...]) -> list[str]:
    return [action.operation for action in actions]


def test_a_trail_that_is_as_it_should_be_needs_nothing() -> None:
    assert plan(desired(FULL), observed(FULL)) == ()
    assert differences(desired(FULL), observed(FULL)) == ()


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
    assert disowning(ARN, OWNER_TAG) == Action("RemoveTags", {"ResourceId": ARN, "TagsList": [{"Key": OWNER_TAG}]})


# -- laws: an emulation of what AWS documents that the writes do, as small as can be

_texts = st.one_of(st.none(), st.sampled_from(["a", "b"]))
_configurations = st.builds(
    Configuration,
    s3_bucket_name=st.sampled_from(["bucket-1", "bucket-2"]),
    s3_key_prefix=_texts,
    sns_topic_name=_texts,
    cloud_watch_logs_log_group_arn=_texts,
    cloud_watch_logs_role_arn=_texts,
    kms_key_id=_texts,
    is_multi_region_trail=st.booleans(),
    include_global_service_events=st.booleans(),
    enable_log_file_validation=st.booleans(),
)
_tags = st.dictionaries(st.sampled_from(["a", "b", "aws:c", "kept"]), st.sampled_from(["", "1", "2"]))
_own_tags = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "1", "2"]))
_desired = st.builds(
    lambda configuration, is_logging, tags: desired(
        configuration, is_logging=is_logging, tags=tags, ignored_tags=("kept",)
    ),
    _configurations,
    st.booleans(),
    _own_tags,
)
_observed = st.none() | st.builds(
    lambda configuration, is_logging, tags: observed(configuration, is_logging=is_logging, tags=tags),
    _configurations,
    st.booleans(),
    _tags,
)
_PARAMETER_OF = {
    "s3_bucket_name": "S3BucketName",
    "s3_key_prefix": "S3KeyPrefix",
    "sns_topic_name": "SnsTopicName",
    "cloud_watch_logs_log_group_arn": "CloudWatchLogsLogGroupArn",
    "cloud_watch_logs_role_arn": "CloudWatchLogsRoleArn",
    "kms_key_id": "KmsKeyId",
    "is_multi_region_trail": "IsMultiRegionTrail",
    "include_global_service_events": "IncludeGlobalServiceEvents",
    "enable_log_file_validation": "EnableLogFileValidation",
    "is_organization_trail": "IsOrganizationTrail",
    "recursive_logging": "RecursiveLogging",
}


def _merged(configuration: Configuration, parameters: Any) -> Configuration:
    changes = {}
    for entry in fields(Configuration):
        if _PARAMETER_OF[entry.name] in parameters:
            value = parameters[_PARAMETER_OF[entry.name]]
            if isinstance(value, str):
                value = value.removesuffix(":*") or None
            changes[entry.name] = value
    return replace(configuration, **changes)


def _after(trail: ObservedTrail | None, action: Action) -> ObservedTrail:
    parameters = action.parameters
    if action.operation == "CreateTrail":
        assert trail is None
        tags = {tag["Key"]: tag.get("Value", "") for tag in parameters["TagsList"]}
        created = observed(_merged(Configuration("?"), parameters), is_logging=False)
        return replace(created, tags=tags)
    assert trail is not None
    match action.operation:
        case "UpdateTrail":
            return replace(trail, configuration=_merged(trail.configuration, parameters))
        case "StartLogging" | "StopLogging":
            return replace(trail, is_logging=action.operation == "StartLogging")
        case "AddTags":
            added = {tag["Key"]: tag.get("Value", "") for tag in parameters["TagsList"]}
            return replace(trail, tags={**trail.tags, **added})
        case "RemoveTags":
            gone = {tag["Key"] for tag in parameters["TagsList"]}
            return replace(trail, tags={key: value for key, value in trail.tags.items() if key not in gone})
    raise AssertionError(action.operation)


@given(_desired, _observed)
def test_a_plan_achieves_the_spec_and_planning_again_gives_nothing(
    wanted: DesiredTrail, found: ObservedTrail | None
) -> None:
    trail = found
    for action in plan(wanted, found):
        trail = _after(trail, action)
    assert trail is not None
    assert trail.configuration == wanted.configuration
    assert trail.is_logging == wanted.is_logging
    assert plan(wanted, trail) == ()
    assert differences(wanted, trail) == ()
    untouched = {key: value for key, value in (found.tags if found else {}).items() if not wanted.governs(key)}
    assert untouched.items() <= trail.tags.items()


@given(_desired, _observed)
def test_there_is_a_plan_exactly_where_there_is_a_difference(wanted: DesiredTrail, found: ObservedTrail | None) -> None:
    assert bool(plan(wanted, found)) == bool(differences(wanted, found))


@given(_desired, _observed)
def test_a_write_is_never_planned_twice(wanted: DesiredTrail, found: ObservedTrail | None) -> None:
    names = operations(plan(wanted, found))
    assert len(names) == len(set(names))
