"""The emulator's aggregation of data events: error codes and rules that no source confirms.

Facts about AWS: tests/conformance/test_insights.py.
"""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused

DATA = {
    "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]
}
MANAGEMENT = {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}


def aggregation(*templates: str, category: str = "Data") -> dict[str, Any]:
    return {"EventCategory": category, "Templates": list(templates)}


ALL = aggregation("API_ACTIVITY", "RESOURCE_ACCESS", "USER_ACTIONS")


def put_aggregations(aws: Account, *configurations: dict[str, Any], **given: Any) -> Any:
    return aws.client("cloudtrail").put_event_configuration(
        **{"TrailName": "trail", "AggregationConfigurations": configurations, **given}
    )


def get_aggregations(aws: Account) -> Any:
    return aws.client("cloudtrail").get_event_configuration(TrailName="trail")["AggregationConfigurations"]


@pytest.fixture
def with_data(aws: Account, trail: str) -> str:
    """The ARN of a trail that records data events."""
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", AdvancedEventSelectors=[MANAGEMENT, DATA])
    return trail


def test_data_events_must_be_recorded(aws: Account, trail: str, refused: Refused) -> None:
    with refused("InvalidParameterException"):
        put_aggregations(aws, ALL)
    put_aggregations(aws)


def test_selectors_may_not_take_away_what_is_aggregated(aws: Account, with_data: str, refused: Refused) -> None:
    put_aggregations(aws, ALL)
    with refused("InvalidEventSelectorsException"):
        aws.client("cloudtrail").put_event_selectors(TrailName="trail", AdvancedEventSelectors=[MANAGEMENT])
    put_aggregations(aws)
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", AdvancedEventSelectors=[MANAGEMENT])


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"AggregationConfigurations": [aggregation("EVERYTHING")]}, "InvalidParameterException"),
    ({"AggregationConfigurations": [aggregation("API_ACTIVITY", category="Management")]}, "InvalidParameterException"),
    ({"AggregationConfigurations": [ALL, ALL]}, "ValidationException"),
    ({"AggregationConfigurations": [aggregation(*["API_ACTIVITY"] * 51)]}, "ValidationException"),
    ({"MaxEventSize": "Large"}, "InvalidParameterCombinationException"),
    (
        {"ContextKeySelectors": [{"Type": "TagContext", "Equals": ["team"]}], "MaxEventSize": "Large"},
        "InvalidParameterCombinationException",
    ),
    ({"EventDataStore": "some-store"}, "InvalidParameterCombinationException"),
    ({"TrailName": "a--b"}, "InvalidTrailNameException"),
    ({"TrailName": "arn:aws:cloudtrail:us-east-1:1:trail/trail"}, "CloudTrailARNInvalidException"),
]


@pytest.mark.parametrize(("given", "code"), REFUSED)
def test_what_is_refused(aws: Account, with_data: str, refused: Refused, given: dict[str, Any], code: str) -> None:
    with refused(code):
        put_aggregations(aws, **given)
    assert get_aggregations(aws) == []


def test_a_trail_needs_aggregation_configurations(aws: Account, with_data: str, refused: Refused) -> None:
    with refused("InvalidParameterCombinationException"):
        aws.client("cloudtrail").put_event_configuration(TrailName="trail")


@pytest.mark.parametrize("operation", ["get_event_configuration", "put_event_configuration"])
def test_neither_trail_nor_data_store_and_a_data_store(
    aws: Account, trail: str, refused: Refused, operation: str
) -> None:
    call = getattr(aws.cloudtrail, operation)
    with refused("InvalidParameterCombinationException"):
        call()
    with refused("EventDataStoreNotFoundException"):
        call(EventDataStore="some-store")


def test_put_at_home_and_returned_everywhere(aws: Account, bucket: str, refused: Refused) -> None:
    arn = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, IsMultiRegionTrail=True)["TrailARN"]
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", AdvancedEventSelectors=[DATA])
    elsewhere = aws.client("cloudtrail", "eu-west-1")
    with refused("InvalidHomeRegionException"):
        elsewhere.put_event_configuration(TrailName=arn, AggregationConfigurations=[ALL])
    put_aggregations(aws, ALL)
    assert elsewhere.get_event_configuration(TrailName=arn)["AggregationConfigurations"] == [ALL]
