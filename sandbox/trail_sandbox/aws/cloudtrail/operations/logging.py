"""Logging: started, stopped, and how it goes."""

from dataclasses import replace
from datetime import UTC, datetime

from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import trail_at_home, visible_trail


def start_logging(request: Request) -> Output:
    """Let a trail log."""
    trail = trail_at_home(request, request.input["Name"])
    if not trail.is_logging:
        request.trails.put(replace(trail, is_logging=True, start_logging_time=request.now))
    return {}


def stop_logging(request: Request) -> Output:
    """Let a trail log no more."""
    trail = trail_at_home(request, request.input["Name"])
    if trail.is_logging:
        request.trails.put(replace(trail, is_logging=False, stop_logging_time=request.now))
    return {}


def get_trail_status(request: Request) -> Output:
    """Describe whether a trail is logging, and its delivery in this region."""
    trail = visible_trail(request, request.input["Name"])
    found = trail.delivery(request.region, request.account)
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


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
