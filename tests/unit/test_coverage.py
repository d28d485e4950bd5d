"""What a trail no longer records after a change, in words; and nothing where nothing is lost."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import MINIMAL, observed
from tests.unit.test_selectors import LAMBDA, S3, advanced, basic, on_data, on_management
from trail_operator.domain.coverage import coverage_losses
from trail_operator.domain.selectors import DEFAULT, AdvancedSelector, Selectors
from trail_operator.domain.trail import ObservedTrail

KMS = "kms.amazonaws.com"
B1, B2 = "arn:aws:s3:::bucket-1/", "arn:aws:s3:::bucket-2/"
SINGLE = replace(MINIMAL, is_multi_region_trail=False)
LOCAL = replace(SINGLE, include_global_service_events=False)


def objects(*values: str, **more: Any) -> dict[str, Any]:
    return {"includeManagementEvents": False, "dataResources": [{"type": S3, "values": list(values)}], **more}


def lost(before: Selectors, after: Selectors) -> tuple[str, ...]:
    return coverage_losses(observed(event_selectors=before), observed(event_selectors=after))


def in_region(trail: ObservedTrail, region: str, partition: str = "aws") -> ObservedTrail:
    arn = f"arn:{partition}:cloudtrail:{region}:123456789012:trail/audit"
    return replace(trail, arn=arn, home_region=region)


def test_a_trail_that_goes_silent() -> None:
    silent = observed(LOCAL, is_logging=False, event_selectors=basic({"readWriteType": "ReadOnly"}))
    assert coverage_losses(observed(), silent) == ("no events are recorded: logging is off",)


def test_a_trail_that_was_silent_loses_nothing() -> None:
    assert coverage_losses(observed(is_logging=False), observed(LOCAL, is_logging=False)) == ()
    assert coverage_losses(observed(is_logging=False), observed(LOCAL)) == ()


OTHER_REGIONS = "events of regions other than {} are no longer recorded"
GLOBAL = "events of global services (IAM, CloudFront, ...) are no longer recorded"


@pytest.mark.parametrize(
    ("before", "after", "region", "partition", "told"),
    [
        (MINIMAL, SINGLE, "us-east-1", "aws", [OTHER_REGIONS]),
        (MINIMAL, SINGLE, "eu-central-1", "aws", [OTHER_REGIONS, GLOBAL]),
        (MINIMAL, LOCAL, "us-east-1", "aws", [OTHER_REGIONS, GLOBAL]),
        (SINGLE, LOCAL, "us-east-1", "aws", [GLOBAL]),
        (SINGLE, LOCAL, "eu-central-1", "aws", []),
        (SINGLE, LOCAL, "us-gov-west-1", "aws-us-gov", [GLOBAL]),
        (SINGLE, LOCAL, "us-gov-east-1", "aws-us-gov", []),
        (SINGLE, LOCAL, "us-iso-east-1", "aws-iso", [GLOBAL]),
        (SINGLE, MINIMAL, "eu-central-1", "aws", []),
        (LOCAL, MINIMAL, "us-east-1", "aws", []),
    ],
)
def test_regions_and_global_services(before: Any, after: Any, region: str, partition: str, told: list[str]) -> None:
    old, new = (in_region(observed(entry), region, partition) for entry in (before, after))
    assert coverage_losses(old, new) == tuple(entry.format(region) for entry in told)


@pytest.mark.parametrize(
    ("field", "words"),
    [("is_organization_trail", "the organization's other accounts"), ("enable_log_file_validation", "digest files")],
)
def test_what_a_field_says(field: str, words: str) -> None:
    on: dict[str, Any] = {field: True}
    off: dict[str, Any] = {field: False}
    (told,) = coverage_losses(observed(replace(MINIMAL, **on)), observed(replace(MINIMAL, **off)))
    assert words in told
    assert coverage_losses(observed(replace(MINIMAL, **off)), observed(replace(MINIMAL, **on))) == ()


def test_data_events_of_the_own_delivery_are_lost_only_where_data_events_are_recorded() -> None:
    quiet = replace(MINIMAL, recursive_logging=False)
    data = basic(objects("arn:aws:s3"))
    (told,) = coverage_losses(observed(event_selectors=data), observed(quiet, event_selectors=data))
    assert "own delivery" in told
    assert coverage_losses(observed(), observed(quiet)) == ()


def test_what_is_no_part_of_recording_is_no_loss() -> None:
    other = replace(MINIMAL, s3_bucket_name="bucket-2", s3_key_prefix="p", kms_key_id="k")
    assert coverage_losses(observed(tags={"a": "1"}), observed(other)) == ()


def test_insights_and_summaries() -> None:
    data = basic(objects("arn:aws:s3"))
    before = observed(
        event_selectors=data,
        insights=frozenset({("ApiCallRateInsight", "Data"), ("ApiErrorRateInsight", "Data")}),
        aggregations=frozenset({("Data", "API_ACTIVITY"), ("Data", "USER_ACTIONS")}),
    )
    after = replace(
        before,
        insights=frozenset({("ApiErrorRateInsight", "Data")}),
        aggregations=frozenset({("Data", "USER_ACTIONS")}),
    )
    assert coverage_losses(before, after) == (
        "ApiCallRateInsight on Data events is no longer detected",
        "aggregated events (API_ACTIVITY) are no longer written",
    )
    assert coverage_losses(after, before) == ()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (DEFAULT, basic({"readWriteType": "WriteOnly"}), "management events (read)"),
        (DEFAULT, basic({"readWriteType": "ReadOnly"}), "management events (write)"),
        (DEFAULT, basic(objects("arn:aws:s3")), "management events (read, write)"),
        (DEFAULT, advanced(on_management(readOnly={"equals": ["false"]})), "management events (read)"),
        (advanced(on_management()), basic({"readWriteType": "ReadOnly"}), "management events (write)"),
        (DEFAULT, basic({"excludeManagementEventSources": [KMS]}), f"management events of {KMS}"),
        (DEFAULT, advanced(on_management(eventSource={"notEquals": [KMS]})), f"management events of {KMS}"),
        (
            DEFAULT,
            basic(
                {"readWriteType": "ReadOnly", "excludeManagementEventSources": [KMS]}, {"readWriteType": "WriteOnly"}
            ),
            f"management events of {KMS}",
        ),
        (DEFAULT, advanced(on_management(ofTheFuture={"equals": ["x"]})), "management events of some services"),
        (basic(objects(B1, B2)), basic(objects(B1)), f"data events of {S3} {B2}"),
        (basic(objects("arn:aws:s3")), basic(objects(B1)), f"data events of {S3}"),
        (basic(objects(B1)), basic(objects(B1, readWriteType="WriteOnly")), f"data events of {S3} {B1} (read)"),
        (basic(objects(B1)), basic(objects(f"{B1}logs/")), f"data events of {S3} {B1}"),
        (
            basic({"dataResources": [{"type": LAMBDA, "values": ["arn:aws:lambda:r:1:function:f"]}]}),
            basic({"dataResources": [{"type": LAMBDA, "values": ["arn:aws:lambda:r:1:function:f2"]}]}),
            f"data events of {LAMBDA} arn:aws:lambda:r:1:function:f",
        ),
        (
            advanced(on_management(), on_data()),
            advanced(on_management(), on_data(resources_ARN={"notStartsWith": [B1]})),
            f"data events of {S3}",
        ),
        (
            advanced(on_data(resources_ARN={"equals": ["a"], "startsWith": [B1]})),
            advanced(on_data(resources_ARN={"equals": ["a"]})),
            f"data events of {S3} {B1}",
        ),
        (
            advanced(on_data(eventName={"equals": ["a"], "startsWith": ["b"]})),
            advanced(on_data(eventName={"equals": ["a"]})),
            f"data events of {S3}",
        ),
        (
            advanced(
                on_management(), {"eventCategory": {"equals": ["NetworkActivity"]}, "eventSource": {"equals": [KMS]}}
            ),
            advanced(on_management()),
            f"NetworkActivity events of {KMS}",
        ),
    ],
)
def test_selectors_that_record_less(before: Selectors, after: Selectors, words: str) -> None:
    assert lost(before, after) == (f"{words} are no longer recorded",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DEFAULT, advanced(on_management())),
        (advanced(on_management()), DEFAULT),
        (basic({"readWriteType": "ReadOnly"}), DEFAULT),
        (DEFAULT, basic({"readWriteType": "ReadOnly"}, {"readWriteType": "WriteOnly"})),
        (basic({"excludeManagementEventSources": [KMS]}), DEFAULT),
        (
            basic({"excludeManagementEventSources": [KMS, "rdsdata.amazonaws.com"]}),
            advanced(on_management(eventSource={"notEquals": [KMS]})),
        ),
        (basic(objects(B1)), basic(objects("arn:aws:s3"))),
        (basic(objects(f"{B1}logs/")), basic(objects(B1))),
        (basic(objects(B1, B2)), basic(objects(B1), objects(B2))),
        (basic(objects(B1), objects(B2)), basic(objects(B1, B2))),
        (
            basic(objects(B1)),
            basic(objects(B1, readWriteType="ReadOnly"), objects(B1, readWriteType="WriteOnly")),
        ),
        (basic(objects(B1, B2)), advanced(on_data(resources_ARN={"startsWith": [B1, B2]}))),
        (basic(objects(B1, B2)), advanced(on_data(resources_ARN={"startsWith": ["arn:aws:s3:::bucket-"]}))),
        (
            advanced(on_data(resources_ARN={"startsWith": [B1, B2]})),
            advanced(on_data(resources_ARN={"startsWith": [B1]}), on_data(resources_ARN={"startsWith": [B2]})),
        ),
        (
            advanced(on_data(resources_ARN={"notStartsWith": [B1, B2]})),
            advanced(on_data(resources_ARN={"notStartsWith": [B1]})),
        ),
        (
            advanced(on_data(eventName={"notEquals": ["a", "b"]})),
            advanced(on_data(eventName={"notEquals": ["a"]})),
        ),
        (
            advanced(on_data(eventName={"startsWith": ["Put"]})),
            advanced(on_data(eventName={"notEquals": ["GetObject"]})),
        ),
        (advanced(on_data(eventName={"equals": ["PutObject"]})), advanced(on_data(eventName={"startsWith": ["Put"]}))),
        (
            basic({"dataResources": [{"type": LAMBDA, "values": ["arn:aws:lambda:r:1:function:f"]}]}),
            advanced(on_management(), on_data(LAMBDA, resources_ARN={"equals": ["arn:aws:lambda:r:1:function:f"]})),
        ),
    ],
)
def test_selectors_that_record_as_much_or_more(before: Selectors, after: Selectors) -> None:
    assert lost(before, after) == ()


def test_many_losses_are_told_shortly() -> None:
    many = basic(objects(*(f"arn:aws:s3:::bucket-{at:03}/" for at in range(250))))
    (told,) = lost(many, DEFAULT)
    assert told.endswith("arn:aws:s3:::bucket-004/ and 245 more are no longer recorded")


_names = st.sampled_from(["a", "b", "ab", "ba", "aab"])
_conditions = st.dictionaries(
    st.sampled_from(["equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith"]),
    st.lists(_names, min_size=1, max_size=2),
    min_size=1,
    max_size=3,
)
_selectors = st.lists(
    st.builds(
        lambda arn, reads: (
            on_data() | ({"resources.ARN": arn} if arn else {}) | ({"readOnly": {"equals": [reads]}} if reads else {})
        ),
        st.none() | _conditions,
        st.sampled_from([None, "true", "false"]),
    ),
    min_size=1,
    max_size=3,
).map(lambda entries: advanced(*entries))


def _records(selectors: Selectors, arn: str) -> bool:
    """Whether the writing of an object is recorded."""
    event = {"readOnly": "false", "resources.ARN": arn}
    return any(isinstance(entry, AdvancedSelector) and entry.records(event) for entry in selectors)


@given(_selectors, _selectors, st.text("ab", max_size=4))
def test_no_loss_is_kept_quiet(before: Selectors, after: Selectors, arn: str) -> None:
    if _records(before, arn) and not _records(after, arn):
        assert lost(before, after)


@given(_selectors)
def test_nothing_is_lost_by_order_or_by_recording_more(selectors: Selectors) -> None:
    assert lost(selectors, (*selectors[::-1], *advanced(on_management()))) == ()
