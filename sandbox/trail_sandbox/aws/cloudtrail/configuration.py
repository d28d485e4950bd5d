"""What CreateTrail and UpdateTrail make of a trail: each parameter by its rules, the whole by what it needs."""

from dataclasses import replace

from trail_sandbox.aws import dependencies
from trail_sandbox.aws.cloudtrail import rules
from trail_sandbox.aws.cloudtrail.organizations import check_organization_trail
from trail_sandbox.aws.cloudtrail.request import Request
from trail_sandbox.aws.dependencies import Problem
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail
from trail_sandbox.aws.world import World

_BAD_TOPIC = (
    "InsufficientSnsTopicPolicyException",
    "SNS Topic does not exist or the topic policy is incorrect!",
)


def changed(request: Request, trail: Trail) -> Trail:
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
    check_organization_trail(request, trail, changed)
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
    rules.check_log_group_pair(group, role, request.region)
    if group and group.split(":")[3] != request.region:
        raise AwsError(
            "InvalidCloudWatchLogsLogGroupArnException",
            "You must specify a log group that is in the current region.",
        )
    if group and group.split(":")[4] != request.account:
        # Also a delegated administrator's is its own:
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-an-organizational-trail-prepare.html
        raise rules.unknown_log_group()
    if group and request.region in request.settings.regions_without_log_delivery:
        raise AwsError(
            "CloudWatchLogsDeliveryUnavailableException", "Cannot set a CloudWatch Logs delivery for this Region."
        )
    return replace(trail, cloud_watch_logs_log_group_arn=group, cloud_watch_logs_role_arn=role)


def _with_key(request: Request, trail: Trail) -> Trail:
    given = request.input.get("KmsKeyId")
    if given is None:
        return trail
    if not given:
        return replace(trail, kms_key_arn=None)
    rules.check_key_id(given, request.region)
    key = request.world.key(given, request.account, request.region)
    return replace(trail, kms_key_arn=key.arn if key else given)


def check_dependencies(world: World, trail: Trail) -> None:
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


def check_insights_delivery(world: World, trail: Trail) -> None:
    """Refuse insights that could not be delivered; of missing keys the operation knows only as trouble with the key."""
    key = f"{dependencies.object_roots(world, trail)[-1]}/CloudTrail-Insight/{trail.home_region}/insights.json.gz"
    problem = dependencies.bucket_problem(world, trail, key) or dependencies.encryption_problem(world, trail)
    if problem is Problem.KEY_MISSING:
        problem = Problem.KEY_UNUSABLE
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
            Problem.TOPIC_KEY_UNUSABLE: _BAD_TOPIC,
            Problem.TOPIC_KEY_DENIES: _BAD_TOPIC,
            Problem.TOPIC_KEY_MISSING: (
                "KmsKeyNotFoundException",
                f"The KMS key of SNS topic {trail.sns_topic_arn} does not exist.",
            ),
            Problem.TOPIC_ACCOUNT_SUSPENDED: (
                "CloudTrailInvalidClientTokenIdException",
                f"A call results in the InvalidClientTokenId error code: SNS topic {trail.sns_topic_arn} is in a "
                "suspended account.",
            ),
            Problem.KEY_MISSING: (
                "KmsKeyNotFoundException",
                f"KMS key {key} does not exist, or is not in the same region as the S3 bucket {bucket}."
                if key
                else f"The default KMS key of S3 bucket {bucket} does not exist.",
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
