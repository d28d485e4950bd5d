"""Values to test with, each valid as it stands; a test names only what it is about."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail import TrailSpec
from trail_operator.domain.arns import Location
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.selectors import DEFAULT
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, desired_trail

LOCATION = Location("aws", "123456789012", "eu-central-1")
OWNER = "cluster/default/audit"
ARN = "arn:aws:cloudtrail:eu-central-1:123456789012:trail/audit"
MINIMAL = Configuration(
    s3_bucket_name="bucket-1",
    s3_key_prefix=None,
    sns_topic_name=None,
    cloud_watch_logs_log_group_arn=None,
    cloud_watch_logs_role_arn=None,
    kms_key_id=None,
    is_multi_region_trail=True,
    include_global_service_events=True,
    enable_log_file_validation=True,
    is_organization_trail=False,
    recursive_logging=True,
)
FULL = replace(
    MINIMAL,
    s3_key_prefix="logs",
    sns_topic_name="arn:aws:sns:eu-central-1:123456789012:topic",
    cloud_watch_logs_log_group_arn="arn:aws:logs:eu-central-1:123456789012:log-group:trail",
    cloud_watch_logs_role_arn="arn:aws:iam::123456789012:role/trail",
    kms_key_id="arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555",
)
_NOTHING_ELSE: dict[str, Any] = {
    "event_selectors": DEFAULT,
    "insights": frozenset(),
    "aggregations": frozenset(),
}


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> str:
    """A policy of these statements."""
    return json.dumps({"Version": version, "Statement": list(statements)})


def desired(
    configuration: Configuration = MINIMAL, *, is_logging: bool = True, tags: dict[str, str] | None = None, **more: Any
) -> DesiredTrail:
    """A desired trail, with its owner tag."""
    return DesiredTrail(
        name="audit",
        location=LOCATION,
        owner=OWNER,
        configuration=configuration,
        is_logging=is_logging,
        tags={**(tags or {}), OWNER_TAG: OWNER},
        **{**_NOTHING_ELSE, "ignored_tags": (), "management_account": None, "former_owners": frozenset(), **more},
    )


def desired_of(
    spec: TrailSpec, *, name: str = "audit", location: Location = LOCATION, kms_key_arn: str | None = None
) -> DesiredTrail:
    """What a spec asks for."""
    return desired_trail(
        spec,
        name=name,
        location=location,
        owner=OWNER,
        kms_key_arn=kms_key_arn,
        ignored_tags=(),
        management_account=None,
        former_owners=frozenset(),
    )


def observed(
    configuration: Configuration = MINIMAL, *, is_logging: bool = True, tags: dict[str, str] | None = None, **more: Any
) -> ObservedTrail:
    """An observed trail that is ours."""
    return ObservedTrail(
        arn=ARN,
        home_region="eu-central-1",
        configuration=configuration,
        is_logging=is_logging,
        tags={**(tags or {}), OWNER_TAG: OWNER},
        **{
            **_NOTHING_ELSE,
            "delivery_errors": {},
            "delivered": {},
            "ever_logged": True,
            "unreadable": frozenset(),
            **more,
        },
    )
