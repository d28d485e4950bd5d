"""Changes that others make to trails in AWS."""

from typing import Any

_MANAGEMENT = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}


def change(cloudtrail: Any, arn: str, operation: str) -> str:
    """Change a trail; return AWS's id of the request."""
    match operation:
        case "StopLogging":
            answer = cloudtrail.stop_logging(Name=arn)
        case "UpdateTrail":
            answer = cloudtrail.update_trail(Name=arn, S3KeyPrefix="drift")
        case "AddTags":
            answer = cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": "drift"}])
        case "PutEventSelectors":
            answer = cloudtrail.put_event_selectors(TrailName=arn, AdvancedEventSelectors=[_MANAGEMENT])
        case "DeleteTrail":
            answer = cloudtrail.delete_trail(Name=arn)
        case _:
            raise ValueError(operation)
    return str(answer["ResponseMetadata"]["RequestId"])
