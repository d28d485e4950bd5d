"""The status of a `TrailAlarmSet` as pydantic models."""

from typing import Annotated

from pydantic import Field

from trail_operator.api.conditions import Condition, StatusWithConditions
from trail_operator.api.schema import REGION_PATTERN, Resource, list_map, matching
from trail_operator.api.trail_rules import ACCOUNT_PATTERN
from trail_operator.api.trail_status import Difference, LastDrift, Refusal

MAX_FILTERS = 512
"""Of one TrailAlarmSet: all of its present and of some former log groups."""
# Recorded values are used only if the operator can have written them.
_NAME_PREFIX_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]*/[a-z0-9-]+/[a-z0-9.-]+/$"
_FILTER_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]*/[a-z0-9-]+/[a-z0-9.-]+/[A-Za-z0-9._-]+$"
_LOG_GROUP_PATTERN = "^[A-Za-z0-9._/#-]+$"


class RecordedFilter(Resource):
    """A metric filter that the operator created or is about to create."""

    log_group: Annotated[
        str,
        matching(_LOG_GROUP_PATTERN),
        Field(max_length=512, description="Name of the log group."),
    ]
    name: Annotated[
        str,
        matching(_FILTER_NAME_PATTERN),
        Field(max_length=512, description="Name of the metric filter."),
    ]


class TrailAlarmSetStatus(StatusWithConditions):
    """The state that the operator last observed in AWS."""

    account_id: Annotated[
        str | None,
        matching(ACCOUNT_PATTERN),
        Field(alias="accountID", description="AWS account of the filters and alarms. Pinned."),
    ] = None
    account_name: Annotated[
        str | None,
        Field(
            max_length=253,
            description="AWSAccount with whose credentials they were created; absent for the operator's own identity.",
        ),
    ] = None
    region: Annotated[
        str | None, matching(REGION_PATTERN), Field(description="Region of the filters and alarms. Pinned.")
    ] = None
    name_prefix: Annotated[
        str | None,
        matching(_NAME_PREFIX_PATTERN),
        Field(
            max_length=192,
            description="What the names of the filters and alarms in AWS begin with: CLUSTER/NAMESPACE/NAME/. Pinned.",
        ),
    ] = None
    filters: Annotated[
        tuple[RecordedFilter, ...],
        Field(
            max_length=MAX_FILTERS,
            description="Metric filters that belong to this resource, recorded before they are created. No other filter is "
            "changed or deleted.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["logGroup", "name"]},
        ),
    ] = ()
    owner_tag: Annotated[
        str | None,
        Field(
            max_length=256,
            description="Owner tag with which the alarms last belonged to this resource; absent while it is rewritten.",
        ),
    ] = None
    alarm_count: Annotated[
        int | None, Field(description="Number of alarms in AWS that belong to this resource; absent if unknown.")
    ] = None
    drift: Annotated[
        tuple[Difference, ...],
        Field(
            description="Current differences between AWS and the spec.",
            json_schema_extra={"x-kubernetes-list-type": "atomic", "maxItems": 128},
        ),
    ] = ()
    last_drift: Annotated[LastDrift | None, Field(description="The last drift that the operator found.")] = None
    refusals: Annotated[
        tuple[Refusal, ...],
        Field(
            max_length=16,
            description=(
                "Calls that AWS rejects for observedGeneration. They are repeated an hour after the last attempt or the "
                "operator's start, whichever is later."
            ),
            json_schema_extra=list_map("operation"),
        ),
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description="Ready and Synced; Reconciling, Stalled and Advisory only while true.",
            json_schema_extra=list_map("type", 16),
        ),
    ] = ()
