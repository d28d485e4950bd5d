"""Aggregation of data events: what may be asked for, and what it needs the trail to record.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AggregationConfiguration.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/aggregating-data-events.html
AWS's messages are not known: these are the documentation's words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trail_sandbox.aws.cloudtrail.recorded import kinds_of
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail

_TEMPLATES = frozenset({"API_ACTIVITY", "RESOURCE_ACCESS", "USER_ACTIONS"})


def parse_aggregation(configurations: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Give configurations as they are, or refuse them; how many of all there may be the service's model says."""
    for configuration in configurations:
        if configuration["EventCategory"] != "Data":
            raise invalid_parameter("The valid value for EventCategory is Data.")
        if not _TEMPLATES.issuperset(configuration["Templates"]):
            raise invalid_parameter(
                "The valid values for Templates are API_ACTIVITY, RESOURCE_ACCESS and USER_ACTIONS."
            )
    return tuple(configurations)


def lacks_data_events(trail: Trail) -> bool:
    """Say whether a trail aggregates what it does not record."""
    return bool(trail.aggregation_configurations) and not {("Data", "Read"), ("Data", "Write")} & kinds_of(trail)


def invalid_parameter(message: str) -> AwsError:
    """Refuse a parameter."""
    return AwsError("InvalidParameterException", message)
