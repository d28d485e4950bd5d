"""The emulator's Insights: its messages, its region setting, and rules that no source confirms.

Facts about AWS: tests/conformance/test_insights.py.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused, put_settings

INVALID = "InvalidInsightSelectorsException"
RATE, ERRORS = "ApiCallRateInsight", "ApiErrorRateInsight"


def insight(kind: str, *categories: str) -> dict[str, Any]:
    return {"InsightType": kind, "EventCategories": list(categories)}


def put_insights(aws: Account, *selectors: dict[str, Any]) -> Any:
    return aws.client("cloudtrail").put_insight_selectors(TrailName="trail", InsightSelectors=selectors)


def get_insights(aws: Account) -> list[dict[str, Any]]:
    return list(aws.client("cloudtrail").get_insight_selectors(TrailName="trail")["InsightSelectors"])


def has_insights(aws: Account) -> bool:
    described = aws.cloudtrail.describe_trails()["trailList"][0]["HasInsightSelectors"]
    assert aws.cloudtrail.get_trail(Name="trail")["Trail"]["HasInsightSelectors"] is described
    return described


def record(aws: Account, *selectors: dict[str, Any]) -> None:
    """Let the trail record what basic or advanced selectors say."""
    kind = "AdvancedEventSelectors" if "FieldSelectors" in selectors[0] else "EventSelectors"
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", **{kind: selectors})


def advanced(category: str, **conditions: str) -> dict[str, Any]:
    kind = {"resources.type": "AWS::S3::Object"} if category == "Data" else {}
    given = {"eventCategory": category, **kind, **conditions}
    return {"FieldSelectors": [{"Field": field, "Equals": [value]} for field, value in given.items()]}


def test_off_in_aws_words(aws: Account, trail: str, refused: Refused) -> None:
    with refused(
        "InsightNotEnabledException",
        f"Trail {trail} does not have Insights enabled. Edit the trail settings to enable Insights, and then try the "
        "operation again.",
    ):
        aws.client("cloudtrail").get_insight_selectors(TrailName="trail")
    assert not has_insights(aws)


def test_management_events_by_default(aws: Account, trail: str) -> None:
    answer = put_insights(aws, {"InsightType": RATE}, {"InsightType": ERRORS})
    expected = [insight(RATE, "Management"), insight(ERRORS, "Management")]
    assert (answer["TrailARN"], answer["InsightSelectors"]) == (trail, expected)
    assert get_insights(aws) == expected
    assert has_insights(aws)


BASIC_DATA = {
    "IncludeManagementEvents": False,
    "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}],
}
READS, WRITES = {"ReadWriteType": "ReadOnly"}, {"ReadWriteType": "WriteOnly"}
NO_WRITES = "To log CloudTrail Insights on the API call rate, the trail must log write management events."
NO_MANAGEMENT = "To log CloudTrail Insights on the API error rate, the trail must log read or write management events."
NO_DATA = "To log CloudTrail Insights on the API call rate, the trail must log read or write data events."

NEEDS: list[tuple[dict[str, Any], dict[str, Any], str | None]] = [
    (READS, insight(RATE, "Management"), NO_WRITES),
    (advanced("Management", readOnly="false"), insight(RATE, "Management"), None),
    (advanced("Management", readOnly="true"), insight(RATE, "Management"), NO_WRITES),
    (advanced("Management", readOnly="true"), insight(ERRORS, "Management"), None),
    (BASIC_DATA, insight(ERRORS, "Management"), NO_MANAGEMENT),
    (BASIC_DATA, insight(RATE, "Management"), NO_WRITES),
    (advanced("Data"), insight(ERRORS, "Management"), NO_MANAGEMENT),
    ({}, insight(RATE, "Data"), NO_DATA),
    (advanced("Management"), insight(RATE, "Data"), NO_DATA),
    ({}, insight(RATE, "Management", "Data"), NO_DATA),
    (advanced("Data", readOnly="true"), insight(ERRORS, "Data"), None),
]


@pytest.mark.parametrize(("selector", "wanted", "message"), NEEDS)
def test_what_must_be_recorded(
    aws: Account, trail: str, refused: Refused, selector: dict[str, Any], wanted: dict[str, Any], message: str | None
) -> None:
    record(aws, selector)
    if message is None:
        put_insights(aws, wanted)
        assert get_insights(aws) == [wanted]
        return
    with refused(INVALID, message):
        put_insights(aws, wanted)
    assert not has_insights(aws)


def test_selectors_may_not_take_away_what_insights_rest_on(aws: Account, trail: str, refused: Refused) -> None:
    put_insights(aws, insight(RATE, "Management"))
    with refused("InvalidEventSelectorsException", NO_WRITES):
        record(aws, READS)
    record(aws, WRITES)
    put_insights(aws)
    record(aws, READS)


def test_an_insight_needs_a_type(aws: Account, trail: str, refused: Refused) -> None:
    with refused(INVALID):
        put_insights(aws, {"EventCategories": ["Management"]})


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "InvalidParameterCombinationException"),
        ({"TrailName": "trail", "EventDataStore": "some-store"}, "InvalidParameterCombinationException"),
        ({"EventDataStore": "some-store"}, "InvalidParameterException"),
        ({"TrailName": "other"}, "TrailNotFoundException"),
        ({"TrailName": "a--b"}, "InvalidTrailNameException"),
        ({"TrailName": "arn:aws:cloudtrail:us-east-1:1:trail/trail"}, "CloudTrailARNInvalidException"),
    ],
)
def test_of_what_insights_are(aws: Account, trail: str, refused: Refused, given: dict[str, Any], code: str) -> None:
    with refused(code):
        aws.client("cloudtrail").get_insight_selectors(**given)
    with refused(code):
        aws.client("cloudtrail").put_insight_selectors(InsightSelectors=[], **given)


def test_a_destination_is_for_event_data_stores(aws: Account, trail: str, refused: Refused) -> None:
    for given in ({"TrailName": "trail"}, {}):
        with refused("InvalidParameterCombinationException"):
            aws.client("cloudtrail").put_insight_selectors(
                InsightSelectors=[], InsightsDestination="some-store", **given
            )


def test_insights_are_returned_everywhere(aws: Account, bucket: str) -> None:
    arn = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, IsMultiRegionTrail=True)["TrailARN"]
    elsewhere = aws.client("cloudtrail", "eu-west-1")
    put_insights(aws, insight(RATE, "Management"))
    assert elsewhere.get_insight_selectors(TrailName=arn)["InsightSelectors"] == [insight(RATE, "Management")]


def test_a_bucket_that_takes_log_files_only(aws: Account, bucket: str, trail: str, refused: Refused) -> None:
    policy = aws.bucket_document(bucket, "trail")
    policy["Statement"][1]["Resource"] = f"arn:aws:s3:::{bucket}/AWSLogs/{aws.number}/CloudTrail/*"
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    with refused("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {bucket}"):
        put_insights(aws, insight(RATE, "Management"))
    put_insights(aws)
    aws.bucket_policy(bucket, "trail")
    put_insights(aws, insight(RATE, "Management"))


def test_a_bucket_that_is_gone(aws: Account, bucket: str, trail: str, refused: Refused) -> None:
    aws.client("s3").delete_bucket(Bucket=bucket)
    with refused("S3BucketDoesNotExistException"):
        put_insights(aws, insight(RATE, "Management"))


def test_a_key_that_denies_and_one_that_is_disabled(aws: Account, bucket: str, refused: Refused) -> None:
    key = aws.key("trail")
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, KmsKeyId=key)
    aws.key_policy(key, "trail", cloudtrail=False)
    with refused(
        "InsufficientEncryptionPolicyException",
        f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key}",
    ):
        put_insights(aws, insight(RATE, "Management"))
    aws.key_policy(key, "trail")
    aws.client("kms").disable_key(KeyId=key)
    with refused("KmsException"):
        put_insights(aws, insight(RATE, "Management"))


@pytest.fixture
def without_insights(endpoint: str) -> Iterator[None]:
    put_settings(endpoint, regions_without_insights=["us-east-1"])
    yield
    put_settings(endpoint, regions_without_insights=[])


def test_a_region_without_insights(aws: Account, trail: str, without_insights: None, refused: Refused) -> None:
    with refused("UnsupportedOperationException"):
        put_insights(aws, insight(RATE, "Management"))
