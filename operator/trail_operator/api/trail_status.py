"""The status of a `Trail` as pydantic models."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints

from trail_operator.api.conditions import Condition, StatusWithConditions
from trail_operator.api.schema import REGION_PATTERN, Resource, list_map, matching
from trail_operator.api.trail_rules import ACCOUNT_PATTERN, TRAIL_ARN_PATTERN


class Difference(Resource):
    """A field in which AWS differs from the spec."""

    path: Annotated[str, Field(description="Path of the field in the spec.", json_schema_extra={"maxLength": 512})]
    desired: Annotated[str, Field(description="Value in the spec.", json_schema_extra={"maxLength": 1100})]
    observed: Annotated[str, Field(description="Value in AWS.", json_schema_extra={"maxLength": 1100})]


class Destination(StrEnum):
    """A destination of AWS's delivery."""

    S3 = "S3"
    DIGEST = "Digest"
    SNS = "SNS"
    CLOUD_WATCH_LOGS = "CloudWatchLogs"


class DeliveryError(Resource):
    """A delivery error that AWS reports for a destination in the home region."""

    # A plain string, so that a status written by a newer version can be parsed.
    destination: Annotated[
        str, Field(description="A destination of AWS's delivery.", json_schema_extra={"enum": [*map(str, Destination)]})
    ]
    error: Annotated[str, Field(description="Error code of AWS.", json_schema_extra={"maxLength": 256})]
    since: Annotated[datetime, Field(description="When the operator first observed it.")]


class Refusal(Resource):
    """A call that AWS rejects as long as neither the spec nor the state that AWS checks changes."""

    operation: Annotated[
        str, StringConstraints(max_length=64), Field(description="Name of the call, such as PutEventSelectors.")
    ]
    message: Annotated[str, StringConstraints(max_length=1024), Field(description="Error message of AWS.")]


class AttributionSource(StrEnum):
    """Where the operator learned which call caused a drift."""

    EVENT_HISTORY = "EventHistory"
    QUEUE = "Queue"


class ChangedBy(Resource):
    """The call that caused a drift, and its caller, as CloudTrail recorded them."""

    principal: Annotated[str, Field(max_length=2048, description="ARN of the caller (`userIdentity.arn`).")]
    source_identity: Annotated[
        str | None, Field(max_length=256, description="Source identity of the caller's role session.")
    ] = None
    on_behalf_of: Annotated[
        str | None, Field(max_length=256, description="User ID in IAM Identity Center on whose behalf it was called.")
    ] = None
    source_ip_address: Annotated[
        str | None,
        Field(
            alias="sourceIPAddress",
            max_length=256,
            description="IP address, or name of the AWS service, that sent the request; only with `Full`.",
        ),
    ] = None
    user_agent: Annotated[
        str | None, Field(max_length=256, description="User agent of the request; only with `Full`.")
    ] = None
    event_name: Annotated[str, Field(max_length=128, description="Name of the call, such as StopLogging.")]
    event_time: Annotated[datetime, Field(description="When it was called.")]
    event_id: Annotated[str, Field(alias="eventID", max_length=128, description="ID of the event in CloudTrail.")]
    # A plain string, so that a status written by a newer version can be parsed.
    source: Annotated[
        str,
        Field(
            description=(
                "EventHistory: read with LookupEvents and the account's credentials. Queue: as delivered by the event "
                "queue, not verified."
            ),
            json_schema_extra={"enum": [*map(str, AttributionSource)]},
        ),
    ]


class LastDrift(Resource):
    """The last drift that the operator found."""

    detection_time: Annotated[datetime, Field(description="When the operator found it.")]
    correction_time: Annotated[
        datetime | None, Field(description="When the operator found no difference again; absent until then.")
    ] = None
    paths: Annotated[
        tuple[Annotated[str, StringConstraints(max_length=512)], ...],
        Field(
            max_length=32,
            description="Paths of the fields that differed, at most 32.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ]
    changed_by: Annotated[
        ChangedBy | None,
        Field(
            description=(
                "The call that caused it; absent if unknown, if several calls may have caused it, or with "
                "`driftAttribution: None`."
            )
        ),
    ] = None


class TrailStatus(StatusWithConditions):
    """The state that the operator last observed in AWS."""

    arn: Annotated[str | None, matching(TRAIL_ARN_PATTERN), Field(description="ARN of the trail.")] = None
    account_id: Annotated[
        str | None,
        matching(ACCOUNT_PATTERN),
        Field(alias="accountID", description="AWS account of the trail. Pinned."),
    ] = None
    home_region: Annotated[
        str | None, matching(REGION_PATTERN), Field(description="Home region of the trail. Pinned.")
    ] = None
    owner_tag: Annotated[
        str | None,
        Field(max_length=256, description="Owner tag with which the trail last belonged to this resource."),
    ] = None
    is_logging: Annotated[StrictBool | None, Field(description="Whether the trail is logging.")] = None
    is_multi_region_trail: Annotated[
        StrictBool | None, Field(description="Whether the trail records all regions, as AWS reports it.")
    ] = None
    drift: Annotated[
        tuple[Difference, ...],
        Field(
            description="Current differences between the trail and the spec; at most ten members of selectors.",
            json_schema_extra={"x-kubernetes-list-type": "atomic", "maxItems": 128},
        ),
    ] = ()
    last_drift: Annotated[LastDrift | None, Field(description="The last drift that the operator found.")] = None
    delivery: Annotated[
        tuple[DeliveryError, ...],
        Field(
            description="Delivery errors that AWS reports.",
            json_schema_extra=list_map("destination", 4),
        ),
    ] = ()
    refusals: Annotated[
        tuple[Refusal, ...],
        Field(
            max_length=16,
            description=(
                "Calls that AWS rejects for observedGeneration. Each is repeated immediately when the trail has "
                "changed, else an hour after the last attempt or the operator's start, whichever is later."
            ),
            json_schema_extra=list_map("operation"),
        ),
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description=(
                "Ready, Synced, Logging, Delivering and DependenciesReady; Reconciling, Stalled and Advisory only while "
                "true."
            ),
            json_schema_extra=list_map("type", 16),
        ),
    ] = ()
