"""The desired and the observed state of a trail, as values in the same normal form.

The normal form removes differences in spelling, so that values compare by `==`: "" is absent, a topic is its ARN, a
log group's ARN has no suffix ':*', a key is its ARN if known, tags are a mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail import TrailSpec
from trail_operator.api.trail_status import Destination
from trail_operator.domain.arns import Location
from trail_operator.domain.attributes import Configuration, Resolved, desired_configuration
from trail_operator.domain.selector_conversion import wanted_aggregations, wanted_insights, wanted_selectors
from trail_operator.domain.selectors import Aggregations, Insights, Selectors
from trail_operator.domain.tags import is_governed

# Since 22 November 2021, only these regions have events of global services, by partition:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
# In China those of CloudFront are in Ningxia: https://docs.amazonaws.cn/en_us/aws/latest/userguide/cloudtrail.html
# That those of IAM are in Beijing, and which region of GovCloud has them, is unverified.
GLOBAL_REGIONS = {
    "aws": ("us-east-1",),
    "aws-us-gov": ("us-gov-west-1",),
    "aws-cn": ("cn-north-1", "cn-northwest-1"),
}


def has_global_events(partition: str, region: str) -> bool | None:
    """Return whether a region has events of global services; None for an unknown partition."""
    regions = GLOBAL_REGIONS.get(partition)
    return None if regions is None else region in regions


def records_global_events(configuration: Configuration, partition: str, region: str) -> bool | None:
    """Return whether a trail with that home region records events of global services.

    None if unknown: for a single-region trail that includes them, in an unknown partition. Warnings about recording
    them then assume that it does not, reports of their loss assume that it does.
    """
    if configuration.is_multi_region_trail:
        return True
    return configuration.include_global_service_events and has_global_events(partition, region)


@dataclass(frozen=True)
class DesiredTrail:
    """The desired state, in normal form."""

    name: str
    location: Location
    owner: str
    """The owner tag for the trail."""
    configuration: Configuration
    is_logging: bool
    tags: Mapping[str, str]
    event_selectors: Selectors
    insights: Insights
    aggregations: Aggregations
    ignored_tags: tuple[str, ...]
    management_account: str | None
    """Account of the trail, if that is not the location's account."""
    former_owners: frozenset[str]
    """Owner tags of this resource with former names of the cluster."""

    @property
    def arn(self) -> str:
        """The trail's ARN."""
        return self.location.trail_arn(self.name, self.management_account)

    def owns(self, owner: str | None) -> bool:
        """Return whether a trail with that owner tag belongs to this resource."""
        return owner == self.owner or owner in self.former_owners

    def governs(self, tag: str) -> bool:
        """Return whether the spec controls tags with that key. All others are ignored."""
        if tag == OWNER_TAG:
            return OWNER_TAG in self.tags
        return is_governed(tag, self.ignored_tags)


Part = Literal[
    "trail", "isLogging", "tags", "eventSelectors", "insightSelectors", "aggregationConfigurations", "kmsKeyID"
]
"""What needs a separate call to compare, by its name in the spec: a part of the trail, or the key of an alias.

`trail` is everything that the calls for the other parts do not return."""


@dataclass(frozen=True)
class ObservedTrail:
    """The observed state, in normal form."""

    arn: str
    home_region: str
    configuration: Configuration
    is_logging: bool
    tags: Mapping[str, str]
    event_selectors: Selectors
    insights: Insights
    aggregations: Aggregations
    delivery_errors: Mapping[Destination, str]
    delivered: Mapping[Destination, float] = field(compare=False)
    """When AWS last delivered, in seconds since 1970. Excluded from comparisons, as it always changes."""
    ever_logged: bool
    """Whether logging was ever started."""
    unreadable: frozenset[Part]
    """Parts that could not be read. They are unknown, never a difference."""

    @property
    def owner(self) -> str | None:
        """The owner tag."""
        return self.tags.get(OWNER_TAG)

    @property
    def failing_destinations(self) -> dict[Destination, str]:
        """Delivery errors of configured destinations, if the trail is logging.

        GetTrailStatus keeps reporting the last error of a removed destination and of a stopped trail.
        """
        if not self.is_logging:
            return {}
        configured = {
            Destination.S3: True,
            Destination.DIGEST: self.configuration.enable_log_file_validation,
            Destination.SNS: self.configuration.sns_topic_name is not None,
            Destination.CLOUD_WATCH_LOGS: self.configuration.cloud_watch_logs_log_group_arn is not None,
        }
        return {place: error for place, error in self.delivery_errors.items() if configured[place]}


def desired_trail(
    spec: TrailSpec,
    *,
    name: str,
    location: Location,
    owner: str,
    kms_key_arn: str | None,
    ignored_tags: tuple[str, ...],
    management_account: str | None,
    former_owners: frozenset[str],
) -> DesiredTrail:
    """Return the normal form of a spec. `kms_key_arn` is the ARN of spec.kmsKeyID, None if omitted."""
    return DesiredTrail(
        name=name,
        location=location,
        owner=owner,
        configuration=desired_configuration(Resolved(spec, location, kms_key_arn)),
        is_logging=spec.is_logging,
        tags={tag.key: tag.value for tag in spec.tags} | {OWNER_TAG: owner},
        event_selectors=wanted_selectors(spec.event_selectors, spec.advanced_event_selectors),
        insights=wanted_insights(spec.insight_selectors),
        aggregations=wanted_aggregations(spec.aggregation_configurations),
        ignored_tags=ignored_tags,
        management_account=management_account,
        former_owners=former_owners,
    )
