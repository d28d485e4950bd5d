"""The operations, each a function of a request: `OPERATIONS` lists them by name.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html
"""

from collections.abc import Callable

from trail_sandbox.aws.cloudtrail.operations import (
    aggregation,
    events,
    insights,
    logging,
    organizations,
    selectors,
    tags,
    trails,
)
from trail_sandbox.aws.cloudtrail.request import Output, Request

OPERATIONS: dict[str, Callable[[Request], Output]] = {
    "CreateTrail": trails.create_trail,
    "UpdateTrail": trails.update_trail,
    "DeleteTrail": trails.delete_trail,
    "StartLogging": logging.start_logging,
    "StopLogging": logging.stop_logging,
    "AddTags": tags.add_tags,
    "RemoveTags": tags.remove_tags,
    "GetTrail": trails.get_trail,
    "DescribeTrails": trails.describe_trails,
    "ListTrails": trails.list_trails,
    "GetTrailStatus": logging.get_trail_status,
    "ListTags": tags.list_tags,
    "LookupEvents": events.lookup_events,
    "ListPublicKeys": events.list_public_keys,
    "PutEventSelectors": selectors.put_event_selectors,
    "GetEventSelectors": selectors.get_event_selectors,
    "PutInsightSelectors": insights.put_insight_selectors,
    "GetInsightSelectors": insights.get_insight_selectors,
    "PutEventConfiguration": aggregation.put_event_configuration,
    "GetEventConfiguration": aggregation.get_event_configuration,
    "RegisterOrganizationDelegatedAdmin": organizations.register_organization_delegated_admin,
    "DeregisterOrganizationDelegatedAdmin": organizations.deregister_organization_delegated_admin,
}
