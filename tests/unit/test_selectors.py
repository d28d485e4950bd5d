"""Selectors, insights and aggregation: their normal forms, and what follows from them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trail_operator.api.trail import TrailSpec
from trail_operator.domain.selector_conversion import (
    aggregation_parameters,
    insight_parameters,
    read_aggregations,
    read_insights,
    read_selectors,
    selector_parameters,
    wanted_aggregations,
    wanted_insights,
    wanted_selectors,
)
from trail_operator.domain.selectors import (
    DEFAULT,
    AdvancedSelector,
    BasicSelector,
    FieldCondition,
    Selectors,
    management_events,
    may_record_object_writes,
    records_data_events,
    supports_aggregation,
    supports_insight,
)

S3, LAMBDA = "AWS::S3::Object", "AWS::Lambda::Function"


def spec(**fields: Any) -> TrailSpec:
    return TrailSpec.model_validate({"s3BucketName": "bucket-1", **fields})


def basic(*entries: dict[str, Any]) -> Selectors:
    model = spec(eventSelectors=list(entries))
    return wanted_selectors(model.event_selectors, model.advanced_event_selectors)


def advanced(*selectors: dict[str, dict[str, list[str]]]) -> Selectors:
    """Advanced selectors, by field and operator."""
    entries = [
        {"fieldSelectors": [{"field": field, **operators} for field, operators in selector.items()]}
        for selector in selectors
    ]
    model = spec(advancedEventSelectors=entries)
    return wanted_selectors(model.event_selectors, model.advanced_event_selectors)


def on_data(kind: str = S3, **more: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    others = {field.replace("_", "."): operators for field, operators in more.items()}
    return {"eventCategory": {"equals": ["Data"]}, "resources.type": {"equals": [kind]}, **others}


def on_management(**more: dict[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    return {"eventCategory": {"equals": ["Management"]}, **more}


# -- normal forms


def test_what_is_left_out_is_aws_s_default() -> None:
    assert wanted_selectors(None, None) == DEFAULT
    assert basic({}) == DEFAULT
    assert read_selectors({"TrailARN": "a"}) == DEFAULT
    assert read_selectors({"EventSelectors": [], "AdvancedEventSelectors": []}) == DEFAULT
    told = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    }
    assert read_selectors({"EventSelectors": [told]}) == DEFAULT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"readWriteType": "All", "includeManagementEvents": True, "dataResources": []}),
        (
            {"dataResources": [{"type": S3, "values": ["arn:aws:s3"]}]},
            {"dataResources": [{"type": S3, "values": ["arn:aws:s3:::"]}]},
        ),
        (
            {"dataResources": [{"type": S3, "values": ["arn:aws-cn:s3"]}]},
            {"dataResources": [{"type": S3, "values": ["arn:aws-cn:s3:::", "arn:aws-cn:s3"]}]},
        ),
        (
            {"dataResources": [{"type": S3, "values": ["a", "b"]}]},
            {"dataResources": [{"type": S3, "values": ["b", "a", "b"]}]},
        ),
        (
            {"dataResources": [{"type": S3, "values": ["a", "b"]}]},
            {"dataResources": [{"type": S3, "values": ["b"]}, {"type": S3, "values": ["a"]}]},
        ),
        (
            {"dataResources": [{"type": LAMBDA, "values": ["f"]}, {"type": S3, "values": ["a"]}]},
            {"dataResources": [{"type": S3, "values": ["a"]}, {"type": LAMBDA, "values": ["f"]}]},
        ),
        (
            {"excludeManagementEventSources": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]},
            {"excludeManagementEventSources": ["rdsdata.amazonaws.com", "kms.amazonaws.com"]},
        ),
    ],
)
def test_two_spellings_of_a_basic_selector_are_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert basic(one) == basic(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"readWriteType": "WriteOnly"}),
        ({}, {"includeManagementEvents": False, "dataResources": [{"type": S3, "values": ["a"]}]}),
        (
            {"dataResources": [{"type": S3, "values": ["arn:aws:s3:::b"]}]},
            {"dataResources": [{"type": S3, "values": ["arn:aws:s3:::b/"]}]},
        ),
        (
            {"dataResources": [{"type": S3, "values": ["arn:aws:s3"]}]},
            {"dataResources": [{"type": S3, "values": ["arn:aws:s3:::b/"]}]},
        ),
    ],
)
def test_what_is_not_the_same_stays_different(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert basic(one) != basic(other)


def test_the_order_of_fields_and_values_makes_no_difference_in_an_advanced_selector_but_selectors_keep_theirs() -> None:
    one = advanced({"eventCategory": {"equals": ["Data"]}, "resources.type": {"equals": [S3]}})
    other = advanced({"resources.type": {"equals": [S3]}, "eventCategory": {"equals": ["Data", "Data"]}})
    assert one == other
    first, second = on_management(), on_data()
    assert advanced(first, second) != advanced(second, first)
    assert advanced(on_data(resources_ARN={"startsWith": ["a", "b"]})) == advanced(
        on_data(resources_ARN={"startsWith": ["b", "a", "b"]})
    )


def test_insights_look_at_management_events_unless_told_otherwise() -> None:
    told = spec(
        insightSelectors=[
            {"insightType": "ApiCallRateInsight"},
            {"insightType": "ApiErrorRateInsight", "eventCategories": ["Data", "Management"]},
        ]
    )
    expected = {
        ("ApiCallRateInsight", "Management"),
        ("ApiErrorRateInsight", "Data"),
        ("ApiErrorRateInsight", "Management"),
    }
    assert wanted_insights(told.insight_selectors) == expected
    answer = [
        {"InsightType": "ApiErrorRateInsight", "EventCategories": ["Management", "Data"]},
        {"InsightType": "ApiCallRateInsight"},
    ]
    assert read_insights({"InsightSelectors": answer}) == expected
    assert read_insights({}) == wanted_insights(()) == frozenset()


def test_aggregations() -> None:
    told = spec(aggregationConfigurations=[{"eventCategory": "Data", "templates": ["USER_ACTIONS", "API_ACTIVITY"]}])
    answer = [{"EventCategory": "Data", "Templates": ["API_ACTIVITY", "USER_ACTIONS"]}]
    assert wanted_aggregations(told.aggregation_configurations) == read_aggregations(
        {"AggregationConfigurations": answer}
    )
    assert read_aggregations({}) == frozenset()


_values = st.lists(
    st.sampled_from(["a", "b", "arn:aws:s3", "arn:aws:s3:::", "arn:aws:s3:::b/"]), min_size=1, max_size=5
)
_basic = st.fixed_dictionaries(
    {},
    optional={
        "readWriteType": st.sampled_from(["All", "ReadOnly", "WriteOnly"]),
        "includeManagementEvents": st.booleans(),
        "dataResources": st.lists(
            st.fixed_dictionaries({"type": st.sampled_from([S3, LAMBDA]), "values": _values}), max_size=4
        ),
        "excludeManagementEventSources": st.lists(
            st.sampled_from(["kms.amazonaws.com", "rdsdata.amazonaws.com"]), max_size=4
        ),
    },
)
_OPERATORS = ["equals", "startsWith", "endsWith", "notEquals", "notStartsWith", "notEndsWith"]
_condition = st.dictionaries(st.sampled_from(_OPERATORS), _values, min_size=1)
_advanced = st.builds(
    lambda name, conditions: {
        "name": name,
        "fieldSelectors": [{"field": field, **operators} for field, operators in conditions.items()],
    },
    st.sampled_from(["", "a selector"]),
    st.dictionaries(
        st.sampled_from(["eventCategory", "resources.ARN", "readOnly", "ofTheFuture"]), _condition, min_size=1
    ),
)
_specs = st.lists(_basic, min_size=1, max_size=5).map(lambda entries: {"eventSelectors": entries}) | st.lists(
    _advanced, min_size=1, max_size=5
).map(lambda entries: {"advancedEventSelectors": entries})


def _normal(fields: dict[str, Any]) -> Selectors:
    model = spec(**fields)
    return wanted_selectors(model.event_selectors, model.advanced_event_selectors)


@given(_specs)
def test_what_is_sent_reads_back_as_what_was_wanted(fields: dict[str, Any]) -> None:
    assert read_selectors(selector_parameters(_normal(fields))) == _normal(fields)


@given(_specs)
def test_what_the_spec_says_reads_the_same_from_aws(fields: dict[str, Any]) -> None:
    """The same words, spelt as AWS does and in the order in which they were given."""
    assert read_selectors(_capitalised(fields)) == _normal(fields)


def _capitalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: _capitalised(member) for name, member in value.items()}
    return [_capitalised(member) for member in value] if isinstance(value, list) else value


_pairs = st.frozensets(st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["Management", "Data", "Other"])))


@given(_pairs)
def test_insights_and_aggregations_read_back_as_they_were_sent(pairs: frozenset[tuple[str, str]]) -> None:
    assert read_insights(insight_parameters(pairs)) == pairs
    assert read_aggregations(aggregation_parameters(pairs)) == pairs


def test_nothing_is_sent_that_aws_refuses() -> None:
    """No empty lists of conditions, no empty names: botocore knows their least length."""
    sent = selector_parameters(advanced(on_data(resources_ARN={"notStartsWith": ["b"]})))
    assert sent == {
        "AdvancedEventSelectors": [
            {
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Data"]},
                    {"Field": "resources.ARN", "NotStartsWith": ["b"]},
                    {"Field": "resources.type", "Equals": [S3]},
                ]
            }
        ]
    }
    assert insight_parameters(frozenset()) == {"InsightSelectors": []}
    assert aggregation_parameters(frozenset()) == {"AggregationConfigurations": []}


# -- what follows


@pytest.mark.parametrize(
    ("condition", "value", "matches"),
    [
        ({"equals": ["a", "b"]}, "b", True),
        ({"equals": ["a", "b"]}, "ab", False),
        ({"starts_with": ["a"]}, "ab", True),
        ({"starts_with": ["a"]}, "ba", False),
        ({"ends_with": ["a"]}, "ba", True),
        ({"ends_with": ["a"]}, "ab", False),
        ({"equals": ["x"], "starts_with": ["a"], "ends_with": ["z"]}, "az", True),
        ({"equals": ["x"], "starts_with": ["a"], "ends_with": ["z"]}, "bz", True),
        ({"equals": ["x"], "starts_with": ["a"], "ends_with": ["z"]}, "by", False),
        ({"not_equals": ["a"]}, "a", False),
        ({"not_equals": ["a"]}, "b", True),
        ({"not_starts_with": ["a", "b"]}, "bc", False),
        ({"not_ends_with": ["a"]}, "ba", False),
        ({"not_ends_with": ["a"]}, "ab", True),
        ({"starts_with": ["a"], "not_starts_with": ["ab"]}, "ac", True),
        ({"starts_with": ["a"], "not_starts_with": ["ab"]}, "abc", False),
    ],
)
def test_conditions(condition: dict[str, list[str]], value: str, matches: bool) -> None:
    """Positive operators are alternatives, negative ones must all match.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html
    """
    entry = FieldCondition("resources.ARN", **{name: tuple(values) for name, values in condition.items()})
    assert entry.matches(value) is matches


@pytest.mark.parametrize(
    ("selectors", "recorded"),
    [
        (DEFAULT, {"Read", "Write"}),
        (basic({"readWriteType": "ReadOnly"}), {"Read"}),
        (basic({"readWriteType": "WriteOnly"}), {"Write"}),
        (basic({"readWriteType": "WriteOnly"}, {"readWriteType": "ReadOnly"}), {"Read", "Write"}),
        (basic({"includeManagementEvents": False, "dataResources": [{"type": S3, "values": ["a"]}]}), set()),
        (advanced(on_management()), {"Read", "Write"}),
        (advanced(on_management(readOnly={"equals": ["true"]})), {"Read"}),
        (advanced(on_management(readOnly={"equals": ["false"]})), {"Write"}),
        (advanced(on_management(readOnly={"equals": ["true", "false"]})), {"Read", "Write"}),
        (advanced(on_management(eventSource={"notEquals": ["kms.amazonaws.com"]})), {"Read", "Write"}),
        (advanced(on_data()), set()),
        (advanced(on_data(), on_management(readOnly={"equals": ["true"]})), {"Read"}),
        (advanced({"eventCategory": {"equals": ["NetworkActivity"]}}), set()),
    ],
)
def test_which_management_events_are_recorded(selectors: Selectors, recorded: set[str]) -> None:
    assert management_events(selectors) == recorded


LOG_FILES = ("arn:aws:s3:::logs/AWSLogs/1/CloudTrail/", ".json.gz")


@pytest.mark.parametrize(
    ("selectors", "recorded"),
    [
        (DEFAULT, False),
        (basic({"dataResources": [{"type": S3, "values": ["arn:aws:s3"]}]}), True),
        (basic({"dataResources": [{"type": S3, "values": ["arn:aws:s3:::"]}]}), True),
        (basic({"dataResources": [{"type": S3, "values": ["arn:aws:s3:::logs/"]}]}), True),
        (basic({"dataResources": [{"type": S3, "values": ["arn:aws:s3:::logs/AWSLogs"]}]}), True),
        (basic({"dataResources": [{"type": S3, "values": ["arn:aws:s3:::logs/else/"]}]}), False),
        (basic({"dataResources": [{"type": S3, "values": ["arn:aws:s3:::logs-2/"]}]}), False),
        (basic({"dataResources": [{"type": LAMBDA, "values": ["arn:aws:lambda"]}]}), False),
        (
            basic({"readWriteType": "ReadOnly", "dataResources": [{"type": S3, "values": ["arn:aws:s3"]}]}),
            False,
        ),
        (advanced(on_management()), False),
        (advanced(on_data()), True),
        (advanced(on_data(LAMBDA)), False),
        (advanced(on_data(readOnly={"equals": ["true"]})), False),
        (advanced(on_data(readOnly={"equals": ["false"]})), True),
        (advanced(on_data(eventName={"equals": ["DeleteObject"]})), False),
        (advanced(on_data(eventName={"startsWith": ["Put"]})), True),
        (advanced(on_data(resources_ARN={"startsWith": ["arn:aws:s3:::logs/"]})), True),
        (advanced(on_data(resources_ARN={"notStartsWith": ["arn:aws:s3:::logs/"]})), False),
        (advanced(on_data(resources_ARN={"notStartsWith": ["arn:aws:s3:::else/"]})), True),
        (advanced(on_data(resources_ARN={"endsWith": [".json.gz"]})), True),
        (advanced(on_data(resources_ARN={"endsWith": ["1.json.gz"]})), True),
        (advanced(on_data(resources_ARN={"notEndsWith": ["1.json.gz"]})), True),
        (advanced(on_data(resources_ARN={"notEndsWith": [".gz"]})), False),
        (advanced(on_data(resources_ARN={"equals": ["arn:aws:s3:::logs/AWSLogs/1/CloudTrail/x.json.gz"]})), True),
        (advanced(on_data(resources_ARN={"equals": ["arn:aws:s3:::logs/AWSLogs/1/CloudTrail/"]})), False),
        (advanced(on_data(resources_ARN={"equals": ["arn:aws:s3:::logs/x"], "endsWith": [".gz"]})), True),
        (advanced(on_data(ofTheFuture={"equals": ["x"]})), True),
        (advanced(on_management(), on_data()), True),
    ],
)
def test_whether_the_writing_of_log_files_is_recorded(selectors: Selectors, recorded: bool) -> None:
    assert may_record_object_writes(selectors, "aws", *LOG_FILES) is recorded


_texts = st.text("ab", max_size=3)
_some = st.frozensets(_texts.filter(bool), max_size=2).map(lambda values: tuple(sorted(values)))


@given(
    st.builds(
        FieldCondition,
        st.just("resources.ARN"),
        equals=_some,
        starts_with=_some,
        ends_with=_some,
        not_starts_with=_some,
        not_ends_with=_some,
    ),
    _texts,
    _texts,
    _texts,
)
def test_what_matches_may_match(condition: FieldCondition, beginning: str, middle: str, ending: str) -> None:
    """No value that is recorded is overlooked, however much of it is known."""
    if condition.matches(beginning + middle + ending):
        assert condition.may_match(beginning, ending)


READS, WRITES = basic({"readWriteType": "ReadOnly"}), basic({"readWriteType": "WriteOnly"})
DATA: Selectors = (BasicSelector(include_management_events=False, data_resources=((S3, ("a",)),)),)
NETWORK: Selectors = (AdvancedSelector("", (FieldCondition("eventCategory", equals=("NetworkActivity",)),)),)


@pytest.mark.parametrize(
    ("insight", "supporting", "others"),
    [
        (("ApiCallRateInsight", "Management"), [DEFAULT, WRITES], [READS, DATA, NETWORK]),
        (("ApiErrorRateInsight", "Management"), [DEFAULT, WRITES, READS], [DATA, NETWORK]),
        (("ApiCallRateInsight", "Data"), [DATA, advanced(on_data())], [DEFAULT, READS, WRITES, NETWORK]),
        (("ApiErrorRateInsight", "Data"), [DATA], [DEFAULT, READS, WRITES, NETWORK]),
    ],
)
def test_what_insights_need(insight: tuple[str, str], supporting: list[Selectors], others: list[Selectors]) -> None:
    assert all(supports_insight(selectors, insight) for selectors in supporting)
    assert not any(supports_insight(selectors, insight) for selectors in others)


def test_what_aggregation_needs() -> None:
    assert supports_aggregation(DATA, ("Data", "API_ACTIVITY"))
    assert not supports_aggregation(DEFAULT, ("Data", "API_ACTIVITY"))
    assert records_data_events(advanced(on_management(), on_data()))
    assert not records_data_events(NETWORK)
