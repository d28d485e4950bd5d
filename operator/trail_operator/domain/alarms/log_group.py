"""The log group in which a trail's events are counted, as AWS reports it."""

from trail_operator.api.reasons import Reason
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.trail import ObservedTrail

STANDARD = "STANDARD"
"""The only class of log groups with metric filters.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
"""


def trail_log_group(trail: str, observed: ObservedTrail, location: Location) -> str | Failure:
    """Return the name of the trail's log group, or why it has none that can be used. `trail`: the name of the Trail.

    `location`: of the credentials, in the home region of the trail.
    """
    text = observed.configuration.cloud_watch_logs_log_group_arn
    if not text:
        return Failure(
            FailureClass.DEPENDENCY,
            Reason.LOG_GROUP_NOT_CONFIGURED,
            f"The trail of Trail {trail} sends no events to CloudWatch Logs: set cloudWatchLogsLogGroupARN and "
            f"cloudWatchLogsRoleARN of Trail {trail}",
        )
    arn = Arn.try_parse(text.removesuffix(":*"))
    if arn is None or arn.resource_type != "log-group":
        return _elsewhere(f"AWS reports {text}, which is not the ARN of a log group")
    if arn.location != location:
        return _elsewhere(
            f"Log group {arn} is not in account {location.account} and region {location.region}, where the operator "
            f"works for Trail {trail}: choose a log group there"
        )
    return arn.resource_id


def check_log_group(log_group: str, log_class: str | None) -> Failure | None:
    """Check whether a log group can have metric filters. `log_class`: None if there is none of that name."""
    if log_class == STANDARD:
        return None
    if log_class is None:
        message = (
            f"Log group {log_group} does not exist: create it, or set another cloudWatchLogsLogGroupARN of the Trail"
        )
        return Failure(FailureClass.DEPENDENCY, Reason.LOG_GROUP_NOT_FOUND, message)
    message = (
        f"Log group {log_group} is of class {log_class}, which has no metric filters: use one of class {STANDARD}. The "
        "class of a log group cannot be changed"
    )
    return Failure(FailureClass.DEPENDENCY, Reason.LOG_GROUP_UNSUITABLE, message)


def _elsewhere(message: str) -> Failure:
    return Failure(FailureClass.DEPENDENCY, Reason.LOG_GROUP_ELSEWHERE, message)
