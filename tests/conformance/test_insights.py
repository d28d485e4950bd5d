"""Insights (PutInsightSelectors) and aggregation (PutEventConfiguration) of a trail."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, COSTS, GUIDE, case, fact, refused, unverified

PUT = f"{API}/API_PutInsightSelectors.html"
GET = f"{API}/API_GetInsightSelectors.html"
SELECTOR = f"{API}/API_InsightSelector.html"
AGGREGATION = f"{API}/API_PutEventConfiguration.html"
GET_AGGREGATION = f"{API}/API_GetEventConfiguration.html"
MODEL_AGGREGATION = f"{API}/API_AggregationConfiguration.html"

pytestmark = COSTS

CALLS, ERRORS = {"InsightType": "ApiCallRateInsight"}, {"InsightType": "ApiErrorRateInsight"}


def put_insights(aws: Account, trail: Trail, *selectors: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = aws.cloudtrail.put_insight_selectors(
        TrailName=trail.name, InsightSelectors=list(selectors)
    )
    return answer


def types(aws: Account, trail: Trail) -> list[str]:
    found = aws.cloudtrail.get_insight_selectors(TrailName=trail.name)
    return sorted(one["InsightType"] for one in found["InsightSelectors"])


def select(aws: Account, trail: Trail, **selector: Any) -> None:
    aws.cloudtrail.put_event_selectors(TrailName=trail.name, EventSelectors=[selector])


DATA = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::my-bucket/"]}]


@fact(GET)
def test_insights_are_off_at_first(aws: Account, trail: Trail) -> None:
    with refused("InsightNotEnabledException"):
        aws.cloudtrail.get_insight_selectors(TrailName=trail.name)


@fact(PUT)
def test_insights_are_put(aws: Account, trail: Trail) -> None:
    put_insights(aws, trail, CALLS, ERRORS)
    aws.eventually(lambda: types(aws, trail), lambda found: found == ["ApiCallRateInsight", "ApiErrorRateInsight"])


@fact(GET)
def test_insights_are_told_with_the_trails_arn(aws: Account, trail: Trail) -> None:
    assert put_insights(aws, trail, CALLS)["TrailARN"] == trail.arn
    found = aws.eventually(lambda: aws.cloudtrail.get_insight_selectors(TrailName=trail.name))
    assert found["TrailARN"] == trail.arn


@fact(PUT)
def test_insights_replace_those_before(aws: Account, trail: Trail) -> None:
    put_insights(aws, trail, CALLS)
    put_insights(aws, trail, ERRORS)
    aws.eventually(lambda: types(aws, trail), lambda found: found == ["ApiErrorRateInsight"])


@fact(PUT)
def test_an_empty_list_turns_insights_off(aws: Account, trail: Trail) -> None:
    put_insights(aws, trail, CALLS)
    put_insights(aws, trail)

    def is_off() -> bool:
        try:
            aws.cloudtrail.get_insight_selectors(TrailName=trail.name)
        except aws.cloudtrail.exceptions.InsightNotEnabledException:
            return True
        return False

    aws.eventually(is_off, bool)


@fact(f"{API}/API_Trail.html")
def test_a_trail_tells_that_it_has_insights(aws: Account, trail: Trail) -> None:
    put_insights(aws, trail, CALLS)
    aws.eventually(lambda: aws.cloudtrail.get_trail(Name=trail.name)["Trail"]["HasInsightSelectors"], bool)


@fact(PUT)
def test_a_type_that_is_none_is_refused(aws: Account, trail: Trail) -> None:
    with refused("InvalidInsightSelectorsException"):
        put_insights(aws, trail, {"InsightType": "NoSuchInsight"})


@fact(SELECTOR)
def test_a_category_that_is_none_is_refused(aws: Account, trail: Trail) -> None:
    with refused("InvalidInsightSelectorsException"):
        put_insights(aws, trail, CALLS | {"EventCategories": ["NoSuchCategory"]})


@pytest.mark.parametrize(
    ("selected", "insight", "is_accepted"),
    [
        case("calls, of reads", PUT, {"ReadWriteType": "ReadOnly"}, CALLS, False),
        case("calls, of writes", PUT, {"ReadWriteType": "WriteOnly"}, CALLS, True),
        case("errors, of reads", PUT, {"ReadWriteType": "ReadOnly"}, ERRORS, True),
        case("errors, of writes", PUT, {"ReadWriteType": "WriteOnly"}, ERRORS, True),
        case(
            "errors, without management events",
            PUT,
            {"IncludeManagementEvents": False, "DataResources": DATA},
            ERRORS,
            False,
        ),
        case("data calls, without data events", PUT, {}, CALLS | {"EventCategories": ["Data"]}, False),
        case("data calls", PUT, {"DataResources": DATA}, CALLS | {"EventCategories": ["Data"]}, True),
        case(
            "data calls, of reads",
            PUT,
            {"ReadWriteType": "ReadOnly", "DataResources": DATA},
            CALLS | {"EventCategories": ["Data"]},
            True,
        ),
        case(
            "calls of both",
            PUT,
            {"DataResources": DATA},
            CALLS | {"EventCategories": ["Management", "Data"]},
            True,
        ),
    ],
)
def test_insights_on(
    aws: Account, trail: Trail, selected: dict[str, Any], insight: dict[str, Any], is_accepted: bool
) -> None:
    select(aws, trail, **({"ReadWriteType": "All"} | selected))
    if is_accepted:
        aws.eventually(lambda: put_insights(aws, trail, insight))
    else:
        with refused("InvalidInsightSelectorsException"):
            put_insights(aws, trail, insight)


@fact(SELECTOR)
def test_categories_are_stored(aws: Account, trail: Trail) -> None:
    select(aws, trail, DataResources=DATA)
    aws.eventually(lambda: put_insights(aws, trail, CALLS | {"EventCategories": ["Data"]}))
    found = aws.eventually(lambda: aws.cloudtrail.get_insight_selectors(TrailName=trail.name)["InsightSelectors"])
    assert found == [CALLS | {"EventCategories": ["Data"]}]


@fact(PUT)
def test_insights_of_an_unknown_trail_cannot_be_put(aws: Account) -> None:
    with refused("TrailNotFoundException"):
        aws.cloudtrail.put_insight_selectors(TrailName=aws.name("none"), InsightSelectors=[CALLS])


@fact(PUT)
def test_insights_of_a_trail_and_an_event_data_store_at_once_are_refused(aws: Account, trail: Trail) -> None:
    store = f"arn:aws:cloudtrail:{aws.region}:{aws.number}:eventdatastore/6a0e6f2f-3b1c-4f0e-9d56-2f9f1b0e1a11"
    with refused("InvalidParameterCombinationException"):
        aws.cloudtrail.put_insight_selectors(TrailName=trail.name, EventDataStore=store, InsightSelectors=[CALLS])


# Aggregation.


def aggregate(aws: Account, trail: Trail, *configurations: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = aws.cloudtrail.put_event_configuration(
        TrailName=trail.name, AggregationConfigurations=list(configurations)
    )
    return answer


def aggregated(aws: Account, trail: Trail) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.cloudtrail.get_event_configuration(TrailName=trail.name).get(
        "AggregationConfigurations", []
    )
    return found


ACTIVITY = {"Templates": ["API_ACTIVITY"], "EventCategory": "Data"}


@fact(GET_AGGREGATION)
def test_aggregation_is_off_at_first(aws: Account, trail: Trail) -> None:
    assert aggregated(aws, trail) == []


@fact(AGGREGATION)
def test_aggregation_of_data_events_is_put(aws: Account, trail: Trail) -> None:
    select(aws, trail, DataResources=DATA)
    answer = aws.eventually(lambda: aggregate(aws, trail, ACTIVITY))
    assert (answer["TrailARN"], answer["AggregationConfigurations"]) == (trail.arn, [ACTIVITY])
    aws.eventually(lambda: aggregated(aws, trail), lambda found: found == [ACTIVITY])


@pytest.mark.parametrize(
    "template",
    [case(name, MODEL_AGGREGATION, name) for name in ("API_ACTIVITY", "RESOURCE_ACCESS", "USER_ACTIONS")],
)
def test_a_template_of_aggregation(aws: Account, trail: Trail, template: str) -> None:
    select(aws, trail, DataResources=DATA)
    wanted = {"Templates": [template], "EventCategory": "Data"}
    aws.eventually(lambda: aggregate(aws, trail, wanted))
    aws.eventually(lambda: aggregated(aws, trail), lambda found: found == [wanted])


@fact(f"{GUIDE}/aggregating-data-events.html")
def test_aggregation_replaces_that_before(aws: Account, trail: Trail) -> None:
    select(aws, trail, DataResources=DATA)
    wanted = {"Templates": ["USER_ACTIONS"], "EventCategory": "Data"}
    aws.eventually(lambda: aggregate(aws, trail, ACTIVITY))
    aggregate(aws, trail, wanted)
    aws.eventually(lambda: aggregated(aws, trail), lambda found: found == [wanted])


@unverified("the shape allows an empty list, and nothing else could turn aggregation off")
@fact(AGGREGATION)
def test_an_empty_list_turns_aggregation_off(aws: Account, trail: Trail) -> None:
    select(aws, trail, DataResources=DATA)
    aws.eventually(lambda: aggregate(aws, trail, ACTIVITY))
    aggregate(aws, trail)
    aws.eventually(lambda: aggregated(aws, trail), lambda found: not found)


@unverified("that aggregation needs data events is documented; that it is refused without them is inferred")
@fact(f"{GUIDE}/aggregating-data-events.html")
def test_aggregation_without_data_events_is_refused(aws: Account, trail: Trail) -> None:
    """By which of the codes that the model has for it is not told."""
    parameter, combination = "InvalidParameterException", "InvalidParameterCombinationException"
    with pytest.raises(ClientError) as caught:
        aggregate(aws, trail, ACTIVITY)
    assert caught.value.response["Error"]["Code"] in (parameter, combination)


@pytest.mark.parametrize(
    "configuration",
    [
        case("of another category", MODEL_AGGREGATION, {"Templates": ["API_ACTIVITY"], "EventCategory": "Management"}),
        case("of a template that is none", MODEL_AGGREGATION, {"Templates": ["NO_SUCH"], "EventCategory": "Data"}),
    ],
)
def test_aggregation_is_refused(aws: Account, trail: Trail, configuration: dict[str, Any]) -> None:
    select(aws, trail, DataResources=DATA)
    with pytest.raises(ClientError) as caught:
        aggregate(aws, trail, configuration)
    assert caught.value.response["Error"]["Code"] in ("InvalidParameterException", "ValidationException")


@fact(AGGREGATION)
def test_aggregation_of_an_unknown_trail_cannot_be_put(aws: Account) -> None:
    with refused("TrailNotFoundException"):
        aws.cloudtrail.put_event_configuration(TrailName=aws.name("none"), AggregationConfigurations=[ACTIVITY])


@fact(AGGREGATION)
def test_the_size_of_events_is_not_for_trails(aws: Account, trail: Trail) -> None:
    with pytest.raises(ClientError) as caught:
        aws.cloudtrail.put_event_configuration(TrailName=trail.name, MaxEventSize="Large")
    assert caught.value.response["Error"]["Code"].startswith("InvalidParameter")
