"""Aggregation of data events: configured and described.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventConfiguration.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventConfiguration.html
"""

from dataclasses import replace

from trail_sandbox.aws.cloudtrail.aggregation import invalid_parameter, lacks_data_events, parse_aggregation
from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.cloudtrail.resolve import named_trail, readable_trail, trail_at_home
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.trails import Trail

_OF_DATA_STORES = ("MaxEventSize", "ContextKeySelectors")


def put_event_configuration(request: Request) -> Output:
    """Configure the aggregation of a trail; an empty list turns aggregation off (not verified: the model allows it)."""
    trail = trail_at_home(request, named_trail(request, _no_data_store()))
    if "AggregationConfigurations" not in request.input or any(name in request.input for name in _OF_DATA_STORES):
        raise AwsError(
            "InvalidParameterCombinationException",
            "Specify AggregationConfigurations for a trail; MaxEventSize and ContextKeySelectors are for event data "
            "stores.",
        )
    configurations = parse_aggregation(request.input["AggregationConfigurations"])
    changed = replace(trail, aggregation_configurations=configurations)
    if lacks_data_events(changed):
        raise invalid_parameter("Before you enable event aggregation, you must configure data events in the trail.")
    request.trails.put(changed)
    return _describe(changed)


def get_event_configuration(request: Request) -> Output:
    """Describe what a trail aggregates."""
    return _describe(readable_trail(request, named_trail(request, _no_data_store())))


def _no_data_store() -> AwsError:
    return AwsError("EventDataStoreNotFoundException", "The specified event data store was not found.")


def _describe(trail: Trail) -> Output:
    return {"TrailARN": trail.arn, "AggregationConfigurations": list(trail.aggregation_configurations)}
