"""How answers describe a trail."""

from typing import Any

from trail_sandbox.aws.trails import DEFAULT_SELECTOR, Trail


def configuration(trail: Trail) -> dict[str, Any]:
    """Describe a trail as CreateTrail and UpdateTrail do."""
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


def description(trail: Trail) -> dict[str, Any]:
    """Describe a trail as GetTrail and DescribeTrails do."""
    return configuration(trail) | {
        "HomeRegion": trail.home_region,
        "HasCustomEventSelectors": trail.event_selectors != (DEFAULT_SELECTOR,),
        "HasInsightSelectors": bool(trail.insight_selectors),
    }
