"""The plan: which AWS writes turn an observed trail into the desired one, in which order and why.

A plan is a value. Planning again on what the plan achieved gives an empty plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from trail_operator.api.trail import Difference
from trail_operator.core.trail import Configuration, DesiredTrail, ObservedTrail

Operation = Literal["CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging", "AddTags", "RemoveTags"]

# How the spec and AWS spell each field:
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html
_SPELLINGS = {
    "s3_bucket_name": ("s3BucketName", "S3BucketName"),
    "s3_key_prefix": ("s3KeyPrefix", "S3KeyPrefix"),
    "sns_topic_name": ("snsTopicName", "SnsTopicName"),
    "cloud_watch_logs_log_group_arn": ("cloudWatchLogsLogGroupARN", "CloudWatchLogsLogGroupArn"),
    "cloud_watch_logs_role_arn": ("cloudWatchLogsRoleARN", "CloudWatchLogsRoleArn"),
    "kms_key_id": ("kmsKeyID", "KmsKeyId"),
    "is_multi_region_trail": ("isMultiRegionTrail", "IsMultiRegionTrail"),
    "include_global_service_events": ("includeGlobalServiceEvents", "IncludeGlobalServiceEvents"),
    "enable_log_file_validation": ("enableLogFileValidation", "EnableLogFileValidation"),
}

# AWS accepts these together only: half a pair is refused, or judged against the half that is still in force.
_TOGETHER = (
    {"cloud_watch_logs_log_group_arn", "cloud_watch_logs_role_arn"},
    {"is_multi_region_trail", "include_global_service_events"},
)


@dataclass(frozen=True)
class Action:
    """One AWS write, and the differences that it removes."""

    operation: Operation
    parameters: Mapping[str, Any]
    differences: tuple[Difference, ...] = ()


def differences(desired: DesiredTrail, observed: ObservedTrail | None) -> tuple[Difference, ...]:
    """Every field in which AWS differs from the spec, by its path in the spec."""
    if observed is None:
        return (Difference(path="trail", desired="present", observed="absent"),)
    return (
        *_configuration_differences(desired, observed),
        *_logging_differences(desired, observed),
        *_tag_differences(desired, observed),
    )


def plan(desired: DesiredTrail, observed: ObservedTrail | None) -> tuple[Action, ...]:
    """The writes that make AWS equal to the spec; empty when it already is.

    Logging starts last, so that no wrong event is ever recorded, and stops first. Tags are taken off before others are
    put on, so that the limit of 50 never stands in the way.
    """
    if observed is None:
        return _creation(desired)
    actions: list[Action] = []
    logging = _logging_differences(desired, observed)
    if logging and not desired.is_logging:
        actions.append(Action("StopLogging", {"Name": desired.arn}, logging))
    actions += _tag_actions(desired, observed)
    if changed := _configuration_differences(desired, observed):
        actions.append(Action("UpdateTrail", _update_parameters(desired, observed), changed))
    if logging and desired.is_logging:
        actions.append(Action("StartLogging", {"Name": desired.arn}, logging))
    return tuple(actions)


def deletion(arn: str) -> Action:
    """The write that removes a trail. Its log files stay in the bucket."""
    return Action("DeleteTrail", {"Name": arn})


def disowning(arn: str, tag: str) -> Action:
    """The write that takes the owner tag off a trail that is to live on without us."""
    return Action("RemoveTags", {"ResourceId": arn, "TagsList": [{"Key": tag}]})


def _creation(desired: DesiredTrail) -> tuple[Action, ...]:
    # The tags go with CreateTrail, so that a trail whose answer was lost is known to be ours.
    parameters: dict[str, Any] = {"Name": desired.name}
    for name, (_, parameter) in _SPELLINGS.items():
        value = getattr(desired.configuration, name)
        if value is not None:  # leave out, rather than send "": only UpdateTrail is known to accept that
            parameters[parameter] = _sent(name, value)
    parameters["TagsList"] = _tag_list(desired.tags)
    create = Action("CreateTrail", parameters, differences(desired, None))
    if not desired.is_logging:
        return (create,)
    # A trail made through the API does not log until it is told to.
    return create, Action("StartLogging", {"Name": desired.arn})


def _update_parameters(desired: DesiredTrail, observed: ObservedTrail) -> dict[str, Any]:
    changed = _changed_fields(desired.configuration, observed.configuration)
    for together in _TOGETHER:
        if changed & together:
            changed |= together
    parameters: dict[str, Any] = {"Name": desired.arn}
    for name, (_, parameter) in _SPELLINGS.items():
        if name in changed:
            value = getattr(desired.configuration, name)
            # UpdateTrail merges: a field left out is kept, an empty one is cleared.
            parameters[parameter] = "" if value is None else _sent(name, value)
    return parameters


def _sent(name: str, value: Any) -> Any:
    return f"{value}:*" if name == "cloud_watch_logs_log_group_arn" else value


def _changed_fields(desired: Configuration, observed: Configuration) -> set[str]:
    return {
        entry.name for entry in fields(Configuration) if getattr(desired, entry.name) != getattr(observed, entry.name)
    }


def _configuration_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    changed = _changed_fields(desired.configuration, observed.configuration)
    return tuple(
        Difference(
            path=path,
            desired=_shown(getattr(desired.configuration, name)),
            observed=_shown(getattr(observed.configuration, name)),
        )
        for name, (path, _) in _SPELLINGS.items()
        if name in changed
    )


def _logging_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    if desired.is_logging == observed.is_logging:
        return ()
    return (Difference(path="isLogging", desired=_shown(desired.is_logging), observed=_shown(observed.is_logging)),)


def _tag_differences(desired: DesiredTrail, observed: ObservedTrail) -> tuple[Difference, ...]:
    keys = sorted(desired.tags.keys() | {key for key in observed.tags if desired.governs(key)})
    return tuple(
        Difference(
            path=f"tags[{key}]",
            desired=_shown(desired.tags.get(key)),
            observed=_shown(observed.tags.get(key)),
        )
        for key in keys
        if desired.tags.get(key) != observed.tags.get(key)
    )


def _tag_actions(desired: DesiredTrail, observed: ObservedTrail) -> list[Action]:
    changed = _tag_differences(desired, observed)
    off = {key: "" for key in sorted(observed.tags) if desired.governs(key) and key not in desired.tags}
    on = {key: value for key, value in desired.tags.items() if observed.tags.get(key) != value}
    actions = []
    if off:
        actions.append(
            Action("RemoveTags", {"ResourceId": desired.arn, "TagsList": _tag_list(off)}, _about(changed, off))
        )
    if on:
        actions.append(Action("AddTags", {"ResourceId": desired.arn, "TagsList": _tag_list(on)}, _about(changed, on)))
    return actions


def _about(changed: tuple[Difference, ...], keys: Mapping[str, str]) -> tuple[Difference, ...]:
    return tuple(entry for entry in changed if entry.path in {f"tags[{key}]" for key in keys})


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    # AWS refuses an empty Value, but knows tags without one.
    return [{"Key": key, "Value": value} if value else {"Key": key} for key, value in sorted(tags.items())]


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    return str(value).lower() if isinstance(value, bool) else str(value)
