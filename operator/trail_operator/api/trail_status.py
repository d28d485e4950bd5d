"""The status of a `Trail` as pydantic models: what the operator last found in AWS."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints

from trail_operator.api.conditions import Condition
from trail_operator.api.reasons import ConditionType
from trail_operator.api.schema import REGION_PATTERN, Resource, Status, matching
from trail_operator.api.trail_rules import ACCOUNT_PATTERN, TRAIL_ARN_PATTERN


class Difference(Resource):
    """One field in which AWS differs from the spec."""

    path: Annotated[str, Field(description="The field, as in spec.", json_schema_extra={"maxLength": 512})]
    desired: Annotated[str, Field(description="What the spec says.", json_schema_extra={"maxLength": 1100})]
    observed: Annotated[str, Field(description="What AWS says.", json_schema_extra={"maxLength": 1100})]


class Destination(StrEnum):
    """What AWS delivers to."""

    S3 = "S3"
    DIGEST = "Digest"
    SNS = "SNS"
    CLOUD_WATCH_LOGS = "CloudWatchLogs"


class DeliveryError(Resource):
    """A delivery error that AWS reports for one destination, in the home region."""

    # A plain text, so that a status written by a newer version is still read.
    destination: Annotated[
        str, Field(description="What AWS delivers to.", json_schema_extra={"enum": [*map(str, Destination)]})
    ]
    error: Annotated[str, Field(description="AWS's error code.", json_schema_extra={"maxLength": 256})]
    since: Annotated[datetime, Field(description="When the operator first saw it.")]


class Refusal(Resource):
    """A call that AWS refuses for good, as long as neither the spec nor what AWS judges the call by changes."""

    operation: Annotated[
        str, StringConstraints(max_length=64), Field(description="The call, such as PutEventSelectors.")
    ]
    message: Annotated[str, StringConstraints(max_length=1024), Field(description="What AWS answered.")]


class TrailStatus(Status):
    """What the operator last found in AWS."""

    arn: Annotated[str | None, matching(TRAIL_ARN_PATTERN), Field(description="The trail's ARN.")] = None
    account_id: Annotated[
        str | None,
        matching(ACCOUNT_PATTERN),
        Field(alias="accountID", description="The AWS account of the trail; pinned."),
    ] = None
    home_region: Annotated[
        str | None, matching(REGION_PATTERN), Field(description="The trail's home region; pinned.")
    ] = None
    owner_tag: Annotated[
        str | None,
        Field(max_length=256, description="The owner tag by which the trail was last seen to be this resource's."),
    ] = None
    is_logging: Annotated[StrictBool | None, Field(description="Whether AWS says that the trail is logging.")] = None
    is_multi_region_trail: Annotated[
        StrictBool | None, Field(description="Whether AWS says that the trail records all regions.")
    ] = None
    drift: Annotated[
        tuple[Difference, ...],
        Field(
            description="In what AWS differs from the spec, while it does; of selectors the first ten members.",
            json_schema_extra={"x-kubernetes-list-type": "atomic", "maxItems": 128},
        ),
    ] = ()
    delivery: Annotated[
        tuple[DeliveryError, ...],
        Field(
            description="The delivery errors that AWS reports.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["destination"],
                "maxItems": 4,
            },
        ),
    ] = ()
    refusals: Annotated[
        tuple[Refusal, ...],
        Field(
            max_length=16,
            description=(
                "The calls that AWS refuses for good for observedGeneration. Each is repeated an hour after the later of "
                "the operator's start and the last attempt, and at once when the trail has changed."
            ),
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["operation"],
            },
        ),
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description="Ready, Synced, Logging, Delivering; Reconciling and Stalled only while true.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "maxItems": 16,
            },
        ),
    ] = ()

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of that type, if present."""
        return next((entry for entry in self.conditions if entry.type == kind), None)
