"""The operations, each a function of a request: `OPERATIONS` lists them by name.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from trail_sandbox.aws import dependencies
from trail_sandbox.aws.cloudtrail import references, rules, tags
from trail_sandbox.aws.cloudtrail.limits import check_quota
from trail_sandbox.aws.cloudtrail.organizations import check_organization
from trail_sandbox.aws.dependencies import Problem
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.trails import Trail, TrailStore
from trail_sandbox.aws.world import World

Output = Mapping[str, Any]

_RESOURCES_OF_LIST_TAGS = 20
# What a trail records until PutEventSelectors says otherwise.
_DEFAULT_SELECTOR = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}


@dataclass(frozen=True)
class Request:
    """A call that may go ahead, and all that its answer depends on."""

    account: str
    region: str
    input: Mapping[str, Any]
    now: datetime
    trails: TrailStore
    world: World
    settings: Settings

    @property
    def as_of(self) -> datetime | None:
        """The moment that reads answer from; None is now."""
        stale = self.settings.stale_reads
        return self.now - timedelta(seconds=stale) if stale else None


# Changes.


def create_trail(request: Request) -> Output:
    """Make a trail; it does not log yet."""
    name = request.input["Name"]
    rules.check_trail_name(name)
    new_tags = tags.parse_tags(request.input.get("TagsList", []))
    blank = Trail(name, request.account, request.region, request.input["S3BucketName"], created=request.now)
    trail = _changed(request, replace(blank, tags=tags.add((), new_tags, blank.arn)))
    others = request.trails.of_account(request.account)
    if any(other.name == name and other.is_visible_in(request.region) for other in others):
        raise AwsError("TrailAlreadyExistsException", f"Trail {name} already exists for customer: {request.account}")
    if request.settings.quotas:
        check_quota(request.account, request.region, others, multi_region=trail.is_multi_region_trail)
    _check_dependencies(request.world, trail)
    request.trails.put(trail)
    return _configuration(trail)


def update_trail(request: Request) -> Output:
    """Change what is given and keep all else; an empty string clears."""
    old = _trail_at_home(request, request.input["Name"])
    trail = _changed(request, old)
    if request.settings.quotas and trail.is_multi_region_trail and not old.is_multi_region_trail:
        others = [other for other in request.trails.of_account(request.account) if other.arn != old.arn]
        check_quota(request.account, request.region, others, multi_region=True)
    _check_dependencies(request.world, trail)
    request.trails.put(trail)
    return _configuration(trail)


def delete_trail(request: Request) -> Output:
    """Remove a trail; what it has delivered stays."""
    request.trails.delete(_trail_at_home(request, request.input["Name"]))
    return {}


def start_logging(request: Request) -> Output:
    """Let a trail log."""
    trail = _trail_at_home(request, request.input["Name"])
    if not trail.is_logging:
        request.trails.put(replace(trail, is_logging=True, start_logging_time=request.now))
    return {}


def stop_logging(request: Request) -> Output:
    """Let a trail log no more."""
    trail = _trail_at_home(request, request.input["Name"])
    if trail.is_logging:
        request.trails.put(replace(trail, is_logging=False, stop_logging_time=request.now))
    return {}


def add_tags(request: Request) -> Output:
    """Add tags to a trail."""
    trail = _tagged_trail(request, request.input["ResourceId"])
    new = tags.parse_tags(request.input["TagsList"])
    request.trails.put(replace(trail, tags=tags.add(trail.tags, new, trail.arn)))
    return {}


def remove_tags(request: Request) -> Output:
    """Remove tags from a trail."""
    trail = _tagged_trail(request, request.input["ResourceId"])
    unwanted = tags.parse_tags(request.input["TagsList"])
    request.trails.put(replace(trail, tags=tags.remove(trail.tags, unwanted)))
    return {}


# Reads.


def get_trail(request: Request) -> Output:
    """Tell of one trail."""
    return {"Trail": _description(_visible_trail(request, request.input["Name"]))}


def describe_trails(request: Request) -> Output:
    """Tell of the trails of a region with the shadows there, or of those that are named."""
    trails = request.trails.of_account(request.account, request.as_of)
    names = request.input.get("trailNameList")
    if names:
        meant = {references.parse_reference(name, request.account, request.region).arn for name in names}
        trails = [trail for trail in trails if trail.arn in meant]
    else:
        trails = [trail for trail in trails if trail.is_visible_in(request.region)]
    if not request.input.get("includeShadowTrails", True):
        trails = [trail for trail in trails if trail.home_region == request.region]
    return {"trailList": [_description(trail) for trail in _sorted(trails)]}


def list_trails(request: Request) -> Output:
    """Tell of all trails of the account, whatever their region."""
    return {
        "Trails": [
            {"TrailARN": trail.arn, "Name": trail.name, "HomeRegion": trail.home_region}
            for trail in _sorted(request.trails.of_account(request.account, request.as_of))
        ]
    }


def get_trail_status(request: Request) -> Output:
    """Tell whether a trail logs, and how delivery went in this region."""
    trail = _visible_trail(request, request.input["Name"])
    found = trail.delivery(request.region)
    return {
        "IsLogging": trail.is_logging,
        "StartLoggingTime": trail.start_logging_time,
        "StopLoggingTime": trail.stop_logging_time,
        "LatestDeliveryTime": found.latest_delivery_time,
        "LatestDeliveryError": found.latest_delivery_error,
        "LatestDigestDeliveryTime": found.latest_digest_delivery_time,
        "LatestDigestDeliveryError": found.latest_digest_delivery_error,
        "LatestNotificationTime": found.latest_notification_time,
        "LatestNotificationError": found.latest_notification_error,
        "LatestCloudWatchLogsDeliveryTime": found.latest_cloudwatch_logs_delivery_time,
        "LatestCloudWatchLogsDeliveryError": found.latest_cloudwatch_logs_delivery_error,
        # No longer in use, but still there.
        "LatestDeliveryAttemptTime": _text(found.latest_delivery_time),
        "LatestDeliveryAttemptSucceeded": _text(found.latest_delivery_time),
        "LatestNotificationAttemptTime": _text(found.latest_notification_time),
        "LatestNotificationAttemptSucceeded": _text(found.latest_notification_time),
        "TimeLoggingStarted": _text(trail.start_logging_time),
        "TimeLoggingStopped": _text(trail.stop_logging_time),
    }


def list_tags(request: Request) -> Output:
    """Tell of the tags of trails at home."""
    arns = request.input["ResourceIdList"]
    if len(arns) > _RESOURCES_OF_LIST_TAGS:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'resourceIdList' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_RESOURCES_OF_LIST_TAGS}",
        )
    trails = [_tagged_trail(request, arn, request.as_of) for arn in arns]
    return {
        "ResourceTagList": [
            {"ResourceId": trail.arn, "TagsList": [{"Key": key, "Value": value} for key, value in trail.tags]}
            for trail in trails
        ]
    }


def get_event_selectors(request: Request) -> Output:
    """Tell what a trail records."""
    trail = _visible_trail(request, request.input["TrailName"])
    return {"TrailARN": trail.arn, "EventSelectors": [_DEFAULT_SELECTOR]}


OPERATIONS: dict[str, Callable[[Request], Output]] = {
    "CreateTrail": create_trail,
    "UpdateTrail": update_trail,
    "DeleteTrail": delete_trail,
    "StartLogging": start_logging,
    "StopLogging": stop_logging,
    "AddTags": add_tags,
    "RemoveTags": remove_tags,
    "GetTrail": get_trail,
    "DescribeTrails": describe_trails,
    "ListTrails": list_trails,
    "GetTrailStatus": get_trail_status,
    "ListTags": list_tags,
    "GetEventSelectors": get_event_selectors,
}


# Which trail.


def _trail_at_home(request: Request, name: str) -> Trail:
    reference = references.parse_reference(name, request.account, request.region)
    trail = request.trails.get(reference.arn)
    if trail is None:
        raise references.unknown_trail(reference.arn, request.account)
    references.check_home_region(trail, request.region)
    return trail


def _visible_trail(request: Request, name: str) -> Trail:
    reference = references.parse_reference(name, request.account, request.region)
    trail = request.trails.get(reference.arn, request.as_of)
    if trail is None or not trail.is_visible_in(request.region):
        raise references.unknown_trail(reference.arn, request.account)
    return trail


def _tagged_trail(request: Request, arn: str, as_of: datetime | None = None) -> Trail:
    reference = references.parse_arn(arn)
    if reference.account != request.account:
        raise references.wrong_account(request.account)
    if reference.region != request.region:
        raise references.wrong_region(request.region)
    trail = request.trails.get(reference.arn, as_of)
    if trail is None:
        raise AwsError("ResourceNotFoundException", f"Unknown trail: {arn} for the user: {request.account}")
    return trail


def _sorted(trails: list[Trail]) -> list[Trail]:
    return sorted(trails, key=lambda trail: (trail.home_region, trail.name))


# What a trail becomes.


def _changed(request: Request, trail: Trail) -> Trail:
    """Give the trail with the request's parameters, each held to its rules."""
    trail = _with_flags(request, trail)
    trail = _with_bucket(request, trail)
    trail = _with_topic(request, trail)
    trail = _with_log_group(request, trail)
    return _with_key(request, trail)


def _with_flags(request: Request, trail: Trail) -> Trail:
    given = request.input
    changed = replace(
        trail,
        include_global_service_events=given.get("IncludeGlobalServiceEvents", trail.include_global_service_events),
        is_multi_region_trail=given.get("IsMultiRegionTrail", trail.is_multi_region_trail),
        log_file_validation_enabled=given.get("EnableLogFileValidation", trail.log_file_validation_enabled),
        is_organization_trail=given.get("IsOrganizationTrail", trail.is_organization_trail),
        recursive_logging=given.get("RecursiveLogging", trail.recursive_logging),
    )
    if changed.is_multi_region_trail and not changed.include_global_service_events:
        raise AwsError("InvalidParameterCombinationException", "Multi-Region trail must include global service events.")
    if changed.is_organization_trail != trail.is_organization_trail:
        check_organization(request.world, request.account)
    return changed


def _with_bucket(request: Request, trail: Trail) -> Trail:
    bucket = request.input.get("S3BucketName", trail.s3_bucket_name)
    rules.check_bucket_name(bucket)
    prefix = request.input.get("S3KeyPrefix", trail.s3_key_prefix) or None
    if prefix:
        rules.check_prefix(prefix)
    return replace(trail, s3_bucket_name=bucket, s3_key_prefix=prefix)


def _with_topic(request: Request, trail: Trail) -> Trail:
    given = request.input.get("SnsTopicName")
    if given is None:
        return trail
    arn = rules.topic_arn(given, request.account, request.region) if given else None
    return replace(trail, sns_topic_name=given or None, sns_topic_arn=arn)


def _with_log_group(request: Request, trail: Trail) -> Trail:
    if not {"CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn"} & request.input.keys():
        return trail
    # Both or neither, also in an update: one of them alone is not filled up from the trail.
    group = request.input.get("CloudWatchLogsLogGroupArn") or None
    role = request.input.get("CloudWatchLogsRoleArn") or None
    rules.check_log_group_pair(group, role)
    return replace(trail, cloud_watch_logs_log_group_arn=group, cloud_watch_logs_role_arn=role)


def _with_key(request: Request, trail: Trail) -> Trail:
    given = request.input.get("KmsKeyId")
    if given is None:
        return trail
    if not given:
        return replace(trail, kms_key_arn=None)
    rules.check_key_id(given)
    key = request.world.key(given, request.account, request.region)
    return replace(trail, kms_key_arn=key.arn if key else given)


def _check_dependencies(world: World, trail: Trail) -> None:
    """Refuse a trail that could not deliver."""
    for check in (
        dependencies.bucket_problem,
        dependencies.encryption_problem,
        dependencies.topic_problem,
        dependencies.log_group_problem,
    ):
        problem = check(world, trail)
        if problem is not None:
            raise _refusal(problem, trail)


def _refusal(problem: Problem, trail: Trail) -> AwsError:
    """Say what is wrong with what a trail depends on, in CloudTrail's words."""
    bucket, key = trail.s3_bucket_name, trail.kms_key_arn
    if problem is Problem.LOG_GROUP_MISSING:
        return rules.unknown_log_group()
    return AwsError(
        *{
            Problem.BUCKET_MISSING: ("S3BucketDoesNotExistException", f"S3 bucket {bucket} does not exist!"),
            Problem.BUCKET_DENIES: (
                "InsufficientS3BucketPolicyException",
                f"Incorrect S3 bucket policy is detected for bucket: {bucket}",
            ),
            Problem.TOPIC_MISSING: _BAD_TOPIC,
            Problem.TOPIC_DENIES: _BAD_TOPIC,
            Problem.KEY_MISSING: (
                "KmsKeyNotFoundException",
                f"KMS key {key} does not exist, or is not in the same region as the S3 bucket {bucket}.",
            ),
            Problem.KEY_UNUSABLE: ("KmsException", f"KMS key {key} is disabled, or cannot encrypt log files."),
            Problem.KEY_DENIES: (
                "InsufficientEncryptionPolicyException",
                f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key}",
            ),
            Problem.ROLE_NOT_TRUSTING: (
                "InvalidCloudWatchLogsRoleArnException",
                "Access denied. Check the trust relationships for your role.",
            ),
            Problem.ROLE_DENIED: (
                "InvalidCloudWatchLogsLogGroupArnException",
                "Access denied. Check the permissions for your role.",
            ),
        }[problem]
    )


_BAD_TOPIC = (
    "InsufficientSnsTopicPolicyException",
    "SNS Topic does not exist or the topic policy is incorrect!",
)


# What is told of a trail.


def _configuration(trail: Trail) -> dict[str, Any]:
    return {
        "Name": trail.name,
        "S3BucketName": trail.s3_bucket_name,
        "S3KeyPrefix": trail.s3_key_prefix,
        "SnsTopicName": trail.sns_topic_name,
        "SnsTopicARN": trail.sns_topic_arn,
        "IncludeGlobalServiceEvents": trail.include_global_service_events,
        "IsMultiRegionTrail": trail.is_multi_region_trail,
        "TrailARN": trail.arn,
        "LogFileValidationEnabled": trail.log_file_validation_enabled,
        "CloudWatchLogsLogGroupArn": trail.cloud_watch_logs_log_group_arn,
        "CloudWatchLogsRoleArn": trail.cloud_watch_logs_role_arn,
        "KmsKeyId": trail.kms_key_arn,
        "IsOrganizationTrail": trail.is_organization_trail,
        "RecursiveLogging": trail.recursive_logging,
    }


def _description(trail: Trail) -> dict[str, Any]:
    return _configuration(trail) | {
        "HomeRegion": trail.home_region,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
    }


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
