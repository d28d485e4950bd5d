"""Reads trails from CloudTrail into the types of the domain, and carries out the actions of a plan."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.api.trail_status import Destination
from trail_operator.aws.client import AWSClient
from trail_operator.aws.error_codes import INSIGHTS_OFF, NOT_FOUND
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read, Write
from trail_operator.aws.pages import list_all
from trail_operator.aws.rate_limit import Precondition
from trail_operator.domain.actions import Action
from trail_operator.domain.arns import Arn, Location, is_managed_alias
from trail_operator.domain.attributes import observed_configuration
from trail_operator.domain.failure import Failure, FailureClass, FailureError, transient
from trail_operator.domain.selector_conversion import read_aggregations, read_insights, read_selectors
from trail_operator.domain.texts import ERROR, clean
from trail_operator.domain.trail import ObservedTrail, Part

_ERRORS = {
    Destination.S3: "LatestDeliveryError",
    Destination.DIGEST: "LatestDigestDeliveryError",
    Destination.SNS: "LatestNotificationError",
    Destination.CLOUD_WATCH_LOGS: "LatestCloudWatchLogsDeliveryError",
}
_TIMES = {
    Destination.S3: "LatestDeliveryTime",
    Destination.DIGEST: "LatestDigestDeliveryTime",
    Destination.SNS: "LatestNotificationTime",
    Destination.CLOUD_WATCH_LOGS: "LatestCloudWatchLogsDeliveryTime",
}
# Some partitions and regions do not offer Insights or aggregation.
_NOT_OFFERED = ("UnknownOperationException", "UnsupportedOperationException")
# What may stay unread of a trail that the operator only observes.
_OPTIONAL_PARTS: tuple[Part, ...] = ("tags", "eventSelectors", "insightSelectors", "aggregationConfigurations")


class PartlyReadError(FailureError):
    """Raised if only some reads of a trail succeed: `observed` is what those show."""

    def __init__(self, failure: Failure, observed: ObservedTrail) -> None:
        super().__init__(failure)
        self.observed = observed


class NotShownError(FailureError):
    """Raised if GetTrail fails, and every read that succeeds reports that there is no such trail."""


@dataclass(frozen=True)
class LogDelivery:
    """What decides whether metric filters may be added to a log group for a trail."""

    owner: str | None
    """The owner tag of the trail."""
    log_group_arn: str | None


class CloudTrail:
    """The CloudTrail API of one set of credentials."""

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws

    async def observe(self, arn: str, region: str, *, expected: bool, read_only: bool = False) -> ObservedTrail | None:
        """Return everything about a trail, or None if there is none. `region`: the home region of the trail.

        `expected`: whether the trail is known to exist; all of it is then read at the same time.
        `read_only`: whether parts that AWS refuses to show may stay unread, as of a trail of another account.
        Raises FailureError: PartlyReadError or NotShownError if some responses allow a conclusion.
        """
        trail = self._trail(arn, region)
        if not expected:
            shown = await trail
            if shown is None:
                return None
            trail = _known(shown)
        reads: dict[Part, Awaitable[Any]] = {
            "trail": trail,
            "isLogging": self._read(Read.GetTrailStatus, region, Name=arn),
            "tags": self.tags(arn, region),
            "eventSelectors": self._read(Read.GetEventSelectors, region, TrailName=arn),
            "insightSelectors": self._insights(arn, region),
            "aggregationConfigurations": self._event_configuration(arn, region),
        }
        # If one fails, the others are still awaited.
        results = await asyncio.gather(*reads.values(), return_exceptions=True)
        return _evaluate(arn, dict(zip(reads, results, strict=True)), read_only=read_only)

    async def _insights(self, arn: str, region: str) -> dict[str, Any] | None:
        try:
            return await self._aws.call(Read.GetInsightSelectors, region, TrailName=arn)
        except AWSError as error:
            return _absent(error, (INSIGHTS_OFF, *_NOT_OFFERED))

    async def _event_configuration(self, arn: str, region: str) -> dict[str, Any] | None:
        try:
            return await self._aws.call(Read.GetEventConfiguration, region, TrailName=arn)
        except AWSError as error:
            return _absent(error, _NOT_OFFERED)

    async def tags(self, arn: str, region: str) -> dict[str, str] | None:
        """Return the trail's tags, or None if there is no such trail."""
        response = await self._read(Read.ListTags, region, ResourceIdList=[arn])
        if response is None:
            return None
        lists = (entry.get("TagsList", []) for entry in response["ResourceTagList"] if entry["ResourceId"] == arn)
        return {tag["Key"]: tag.get("Value", "") for tags in lists for tag in tags}

    async def log_delivery(self, arn: str, region: str) -> LogDelivery | None:
        """Return the owner of a trail and the log group that it delivers to, or None if there is no such trail."""
        trail, tags = await asyncio.gather(self._trail(arn, region), self.tags(arn, region))
        if trail is None or tags is None:
            return None
        return LogDelivery(tags.get(OWNER_TAG), observed_configuration(trail).cloud_watch_logs_log_group_arn)

    async def exists(self, arn: str, region: str) -> bool:
        """Return whether a trail with that ARN exists."""
        return await self._trail(arn, region) is not None

    async def home_of(self, name: str, region: str) -> str | None:
        """Return the ARN of the trail that uses a name in a region; it may be a shadow of a trail in another region."""
        trails = await self.trails(region)
        return next((trail["TrailARN"] for trail in trails if trail["Name"] == name), None)

    async def list_arns(self, region: str) -> list[str]:
        """Return the ARNs of all trails of the account, in every region. `region`: the one that is called."""
        return [trail["TrailARN"] for trail in await list_trails(self._aws, region)]

    async def trails(self, region: str) -> list[dict[str, Any]]:
        """Return all trails in a region, with shadow trails, as DescribeTrails describes them."""
        response = await self._aws.call(Read.DescribeTrails, region, includeShadowTrails=True)
        return list(response["trailList"])

    async def key_arn(self, key: str, location: Location, *, verified: bool = False) -> str:
        """Return the ARN of a KMS key given by ID, alias or ARN.

        An alias is resolved each time, as it may point to another key later. `verified`: whether AWS must confirm an
        ID, too; otherwise the ARN is derived from its form.
        """
        arn = location.key_arn(key)
        parts = Arn.parse(arn)
        if parts.resource_type != "alias" and (arn == key or not verified):
            return arn
        try:  # by ARN: an alias name alone would mean one of the caller's account
            response = await self._aws.call(Read.DescribeKey, parts.region, KeyId=arn)
        except AWSError as error:
            raise FailureError(_unresolved(key, arn, error)) from None
        return str(response["KeyMetadata"]["Arn"])

    async def apply(self, action: Action, account: str, region: str, precondition: Precondition) -> str:
        """Carry out one action, if the credentials still belong to the account, and return the request ID.

        Raises FailureError: AWSError for an error response, NotSentError if nothing was sent. Any other means that no
        response arrived, so that the action may have taken effect.
        """
        operation = Write[action.operation]
        response = await self._aws.write(operation, account, region, precondition=precondition, **action.parameters)
        return str(response.get("ResponseMetadata", {}).get("RequestId", ""))

    async def _trail(self, arn: str, region: str) -> dict[str, Any] | None:
        response = await self._read(Read.GetTrail, region, Name=arn)
        return None if response is None else response["Trail"]

    async def _read(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any] | None:
        try:
            return await self._aws.call(operation, region, **parameters)
        except AWSError as error:
            return _absent(error, ())


async def list_trails(aws: AWSClient, region: str) -> list[dict[str, Any]]:
    """Return ARN, name and home region of all trails of the account: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTrails.html."""
    return await list_all(aws, Read.ListTrails, region, "Trails")


def _unresolved(key: str, arn: str, error: AWSError) -> Failure:
    """Return why the ARN of a key is unknown. An AWS managed key is recognized by its alias, which is reserved.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
    """
    failure, is_missing = error.failure, error.code == "NotFoundException"
    if is_managed_alias(arn) and (is_missing or failure.kind is not FailureClass.TRANSIENT):
        message = f"KMS key {key} is managed by AWS and cannot be used as kmsKeyID: use a customer managed key"
        return Failure(FailureClass.DEPENDENCY, Reason.KEY_NOT_USABLE, message)
    if is_missing:
        region = Arn.parse(arn).region
        message = f"KMS key {key} does not exist in {region}: create the alias there, or correct kmsKeyID"
        return Failure(FailureClass.DEPENDENCY, Reason.KEY_NOT_FOUND, message)
    return failure


def _absent(error: AWSError, absences: Collection[str]) -> dict[str, Any] | None:
    """Return None if the error means that there is no such trail, {} if it means that nothing is set; else raise it."""
    if error.code in NOT_FOUND:
        return None
    if error.code in absences:
        return {}
    raise error


async def _known(response: dict[str, Any]) -> dict[str, Any]:
    return response


def _evaluate(arn: str, results: Mapping[Part, Any], *, read_only: bool) -> ObservedTrail | None:
    """Return the trail that the results of all reads show, or None. Raises what `CloudTrail.observe` does."""
    errors = {part: result for part, result in results.items() if isinstance(result, BaseException)}
    shown = {part: result for part, result in results.items() if part not in errors}
    may_stay_unread = {
        part for part, error in errors.items() if read_only and part in _OPTIONAL_PARTS and not _is_transient(error)
    }
    error = min((errors[part] for part in errors if part not in may_stay_unread), key=_priority, default=None)
    if error is not None and not isinstance(error, FailureError):
        raise error
    if error is not None and not shown:
        raise error
    if "trail" in shown and shown["trail"] is None:
        return None
    failure = error.failure if error else None
    if failure and all(result is None for result in shown.values()):
        raise NotShownError(failure)
    if any(result is None for result in shown.values()):
        raise FailureError(failure or transient("AWS does not show the whole trail yet"))
    observed = _observed(arn, {part: shown.get(part, {}) for part in results}, frozenset(errors))
    if failure:
        raise PartlyReadError(failure, observed)
    return observed


def _priority(error: BaseException) -> tuple[bool, bool]:
    """Order errors by which is reported first: bugs, then lasting failures, then transient ones."""
    return isinstance(error, FailureError), _is_transient(error)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, FailureError) and error.failure.kind is FailureClass.TRANSIENT


def _observed(arn: str, found: Mapping[Part, Any], unread: frozenset[Part]) -> ObservedTrail:
    trail, status = found["trail"], found["isLogging"]
    return ObservedTrail(
        arn=arn,
        home_region=trail.get("HomeRegion") or Arn.parse(arn).region,
        configuration=observed_configuration(trail),
        is_logging=status.get("IsLogging", False),
        tags=found["tags"],
        event_selectors=read_selectors(found["eventSelectors"]),
        insights=read_insights(found["insightSelectors"]),
        aggregations=read_aggregations(found["aggregationConfigurations"]),
        delivery_errors={
            destination: clean(status[name], ERROR) for destination, name in _ERRORS.items() if status.get(name)
        },
        delivered={destination: _seconds(status[name]) for destination, name in _TIMES.items() if status.get(name)},
        ever_logged="StartLoggingTime" in status,
        unreadable=unread,
    )


def _seconds(moment: datetime) -> float:
    """Return seconds since 1970. A time without a zone is in UTC: in a local zone, some times do not exist."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
