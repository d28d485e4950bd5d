"""How often an operation may be called in an account and region.

Not verified: that more than a second's calls are never let through at once, and the rates of Logs for metric filters.
https://docs.aws.amazon.com/general/latest/gr/ct.html#limits_cloudtrail
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""

from collections.abc import Callable, Mapping

from trail_sandbox.aws.errors import AwsError

_CLOUDTRAIL = "cloudtrail"
_CLOUDTRAIL_READS = ("Get", "Describe", "List")
_RATES: Mapping[tuple[str, str], float] = {
    (_CLOUDTRAIL, "LookupEvents"): 2.0,
    ("monitoring", "PutMetricAlarm"): 3.0,
    ("monitoring", "DeleteAlarms"): 3.0,
    ("monitoring", "DescribeAlarms"): 9.0,
    ("monitoring", "DescribeAlarmsForMetric"): 9.0,
    ("logs", "PutMetricFilter"): 5.0,
    ("logs", "DeleteMetricFilter"): 5.0,
    ("logs", "DescribeMetricFilters"): 5.0,
    ("logs", "TestMetricFilter"): 5.0,
}


class RateLimits:
    """A bucket of tokens for each operation, account and region, which holds what a second allows."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._buckets: dict[tuple[str, str, str, str], tuple[float, float]] = {}

    def take(self, service: str, operation: str, account: str, region: str) -> None:
        """Let a call through, or refuse it."""
        rate = _rate(service, operation)
        if rate is None:
            return
        key, now = (service, operation, account, region), self._seconds()
        tokens, since = self._buckets.get(key, (rate, now))
        tokens = min(rate, tokens + (now - since) * rate)
        if tokens < 1:
            raise AwsError("ThrottlingException", "Rate exceeded")
        self._buckets[key] = (tokens - 1, now)

    def clear(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()


def _rate(service: str, operation: str) -> float | None:
    """Give the calls a second; None is without a limit here."""
    rate = _RATES.get((service, operation))
    if rate is None and service == _CLOUDTRAIL:
        return 10.0 if operation.startswith(_CLOUDTRAIL_READS) else 1.0
    return rate
