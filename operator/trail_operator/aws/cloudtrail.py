"""CloudTrail as the core sees it: reading a trail into its normal form, and carrying out the actions of a plan."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, cast

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
from trail_operator.domain.failure import Failure, FailureClass, FailureError, passing
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


# Where AWS does not offer insights or aggregation, there are none.
_NOT_OFFERED = ("UnknownOperationException", "UnsupportedOperationException")


# What may stay unknown of a trail that is only looked at.
_PARTS: tuple[Part, ...] = ("tags", "eventSelectors", "insightSelectors", "aggregationConfigurations")


class PartlyReadError(FailureError):
    """Raised where AWS answered some reads of a trail but not all: `observed` is what the answered ones show."""

    def __init__(self, failure: Failure, observed: ObservedTrail) -> None:
        super().__init__(failure)
        self.observed = observed


class NotShownError(FailureError):
    """Raised where AWS did not answer GetTrail, and every other answer is that there is no such trail."""


class CloudTrail:
    """The CloudTrail API of one set of credentials."""

    def __init__(self, aws: AWSClient) -> None:
        self._aws = aws

    async def observe(self, arn: str, region: str, *, expected: bool, read_only: bool = False) -> ObservedTrail | None:
        """Everything about a trail, or None if there is none. Always read by ARN, in its home region.

        `expected`: whether the trail is believed to exist; its parts are then read at the same time.
        `only_looking`: whether parts that AWS does not let us read may stay unknown: those of another account's trail.
        Raises FailureError; PartlyReadError or NotShownError where the reads that were answered show what is amiss.
        """
        trail = self._trail(arn, region)
        if not expected:
            there = await trail
            if there is None:
                return None
            trail = _known(there)
        reads: dict[Part, Awaitable[Any]] = {
            "trail": trail,
            "isLogging": self._read(Read.GetTrailStatus, region, Name=arn),
            "tags": self.tags(arn, region),
            "eventSelectors": self._read(Read.GetEventSelectors, region, TrailName=arn),
            "insightSelectors": self._insights(arn, region),
            "aggregationConfigurations": self._event_configuration(arn, region),
        }
        # Whatever fails, the other reads end, too.
        read = dict(zip(reads, await asyncio.gather(*reads.values(), return_exceptions=True), strict=True))
        unread = {part: result for part, result in read.items() if isinstance(result, BaseException)}
        may_stay = {part for part, error in unread.items() if read_only and part in _PARTS and _is_lasting(error)}
        failures = [error for part, error in unread.items() if part not in may_stay]
        faults = [error for error in failures if not isinstance(error, FailureError)]
        if faults or unread.keys() == read.keys():
            raise faults[0] if faults else min(failures, key=_is_passing)
        found = {part: {} if part in unread else result for part, result in read.items()}
        if found["trail"] is None:
            return None
        failure = cast(FailureError, min(failures, key=_is_passing)).failure if failures else None
        if failure and all(result is None for part, result in read.items() if part not in unread):
            raise NotShownError(failure)
        if any(result is None for result in found.values()):
            raise FailureError(failure or passing("AWS does not show the whole trail yet"))
        observed = _observed(arn, found, frozenset(unread))
        if failure:
            raise PartlyReadError(failure, observed)
        return observed

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
        """The trail's tags, or None if there is no such trail."""
        answer = await self._read(Read.ListTags, region, ResourceIdList=[arn])
        if answer is None:
            return None
        lists = (entry.get("TagsList", []) for entry in answer["ResourceTagList"] if entry["ResourceId"] == arn)
        return {tag["Key"]: tag.get("Value", "") for tags in lists for tag in tags}

    async def exists(self, arn: str, region: str) -> bool:
        """Whether there is a trail of that ARN."""
        return await self._trail(arn, region) is not None

    async def home_of(self, name: str, region: str) -> str | None:
        """The ARN of the trail that holds a name in a region, be it a shadow of one homed elsewhere."""
        trails = await self.trails(region)
        return next((trail["TrailARN"] for trail in trails if trail["Name"] == name), None)

    async def list_arns(self, region: str) -> list[str]:
        """Return the ARNs of all trails of the account, in every region. `region`: the one to ask."""
        return [trail["TrailARN"] for trail in await list_trails(self._aws, region)]

    async def trails(self, region: str) -> list[dict[str, Any]]:
        """All trails that are in a region, shadows included, as DescribeTrails tells of them."""
        answer = await self._aws.call(Read.DescribeTrails, region, includeShadowTrails=True)
        return list(answer["trailList"])

    async def key_arn(self, key: str, location: Location, *, verified: bool = False) -> str:
        """The ARN of a KMS key given by id, alias or ARN.

        An alias may come to point to another key, so it is asked again in every pass. `verified`: whether AWS is to
        say so of an id, too, where it is not known by its form alone.
        """
        arn = location.key_arn(key)
        parts = Arn.parse(arn)
        if parts.resource_type != "alias" and (arn == key or not verified):
            return arn
        try:  # by ARN: a bare alias would mean one of the account that asks
            answer = await self._aws.call(Read.DescribeKey, parts.region, KeyId=arn)
        except AWSError as error:
            raise FailureError(_unresolved(key, arn, error)) from None
        return str(answer["KeyMetadata"]["Arn"])

    async def apply(self, action: Action, account: str, region: str, precondition: Precondition) -> str:
        """Carry out one action, if we still are in the account, and return AWS's name of the request.

        Raises FailureError: AWSError where AWS refuses, NotSentError where nothing was sent; any other where no answer
        came, so that it may have taken effect.
        """
        operation = Write[action.operation]
        answer = await self._aws.write(operation, account, region, precondition=precondition, **action.parameters)
        return str(answer.get("ResponseMetadata", {}).get("RequestId", ""))

    async def _trail(self, arn: str, region: str) -> dict[str, Any] | None:
        answer = await self._read(Read.GetTrail, region, Name=arn)
        return None if answer is None else answer["Trail"]

    async def _read(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any] | None:
        try:
            return await self._aws.call(operation, region, **parameters)
        except AWSError as error:
            return _absent(error, ())


async def list_trails(aws: AWSClient, region: str) -> list[dict[str, Any]]:
    """ARN, name and home region of all trails of the account: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTrails.html."""
    return await list_all(aws, Read.ListTrails, region, "Trails")


def _unresolved(key: str, arn: str, error: AWSError) -> Failure:
    """Why a key's ARN is not known. The name alone tells a key that AWS manages, and nobody can create such an alias.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
    """
    failure, is_missing = error.failure, error.code == "NotFoundException"
    if is_managed_alias(arn) and (is_missing or failure.kind is not FailureClass.TRANSIENT):
        message = f"KMS key {key} is managed by AWS and cannot be used as kmsKeyID: name a customer managed key"
        return Failure(FailureClass.DEPENDENCY, Reason.KEY_NOT_USABLE, message)
    if is_missing:
        region = Arn.parse(arn).region
        message = f"KMS key {key} does not exist in {region}: create the alias there, or correct kmsKeyID"
        return Failure(FailureClass.DEPENDENCY, Reason.KEY_NOT_FOUND, message)
    return failure


def _absent(error: AWSError, absences: Collection[str]) -> dict[str, Any] | None:
    """What an error means that is no failure: there is no such trail (None), or nothing is set."""
    if error.code in NOT_FOUND:
        return None
    if error.code in absences:
        return {}
    raise error


async def _known(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def _is_passing(error: BaseException) -> bool:
    """Whether AWS may tell in a moment."""
    return isinstance(error, FailureError) and error.failure.kind is FailureClass.TRANSIENT


def _is_lasting(error: BaseException) -> bool:
    return not _is_passing(error)


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
        delivery_errors={place: clean(status[name], ERROR) for place, name in _ERRORS.items() if status.get(name)},
        delivered={place: _seconds(status[name]) for place, name in _TIMES.items() if status.get(name)},
        ever_logged="StartLoggingTime" in status,
        unreadable=unread,
    )


def _seconds(moment: datetime) -> float:
    """Seconds since 1970. A text that names no zone is in UTC: by the local one, not every year has a value."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
