"""Normal forms: no difference ever arises from spelling."""

from typing import Any

import pytest

from tests.unit.builders import LOCATION, MINIMAL, OWNER, desired, desired_of
from trail_operator.api.trail import TrailSpec
from trail_operator.domain.arns import Arn
from trail_operator.domain.trail import DesiredTrail

TOPIC = "arn:aws:sns:eu-central-1:123456789012:topic"
GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:trail"


def normal(**spec: Any) -> DesiredTrail:
    model = TrailSpec.model_validate({"s3BucketName": "bucket-1", **spec})
    return desired_of(model)


def test_defaults() -> None:
    trail = normal()
    assert trail.configuration == MINIMAL
    assert trail.is_logging is True
    assert trail.tags == {"trail-operator.dev/owner": OWNER}
    assert trail.arn == "arn:aws:cloudtrail:eu-central-1:123456789012:trail/audit"


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("snsTopicName", "topic", TOPIC),
        ("cloudWatchLogsLogGroupARN", GROUP, f"{GROUP}:*"),
        ("s3KeyPrefix", "", None),
        ("snsTopicName", "", None),
        ("cloudWatchLogsLogGroupARN", "", None),
        ("cloudWatchLogsRoleARN", "", None),
        ("kmsKeyID", "", None),
        ("tags", [{"key": "a", "value": "1"}, {"key": "b"}], [{"key": "b", "value": ""}, {"key": "a", "value": "1"}]),
    ],
)
def test_two_spellings_are_one(field: str, one: object, other: object) -> None:
    assert normal(**{field: one}) == (normal() if other is None else normal(**{field: other}))


@pytest.mark.parametrize(
    ("key", "arn"),
    [
        ("1234", "arn:aws:kms:eu-central-1:123456789012:key/1234"),
        ("alias/logs", "arn:aws:kms:eu-central-1:123456789012:alias/logs"),
        ("arn:aws:kms:us-east-1:999999999999:key/1234", "arn:aws:kms:us-east-1:999999999999:key/1234"),
        ("arn:aws:kms:us-east-1:999999999999:alias/logs", "arn:aws:kms:us-east-1:999999999999:alias/logs"),
    ],
)
def test_a_key_is_where_the_trail_is_unless_its_arn_says_otherwise(key: str, arn: str) -> None:
    home = Arn.parse("arn:aws:cloudtrail:eu-central-1:123456789012:trail/audit").location
    assert home == LOCATION
    assert home.key_arn(key) == arn


@pytest.mark.parametrize(
    ("spec", "multi_region"),
    [
        ({}, True),
        ({"includeGlobalServiceEvents": False}, False),
        ({"isMultiRegionTrail": False}, False),
        ({"isMultiRegionTrail": True}, True),
    ],
)
def test_multi_region_follows_global_events_where_it_is_left_out(spec: dict[str, object], multi_region: bool) -> None:
    assert normal(**spec).configuration.is_multi_region_trail is multi_region


@pytest.mark.parametrize(
    ("key", "governed"),
    [
        ("team", True),
        ("trail-operator.dev/owner", True),
        ("trail-operator.dev/else", False),
        ("Trail-Operator.dev/else", False),
        ("aws:x", False),
        ("cost-1", False),
        ("kost-1", True),
    ],
)
def test_which_tags_the_spec_governs(key: str, governed: bool) -> None:
    assert desired(ignored_tags=("cost-*",)).governs(key) is governed
