"""PutEventSelectors and GetEventSelectors: what may be selected, and what replaces what."""

from typing import Any

import pytest

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, GUIDE, MEASURED_SELECTORS, case, fact, refused, unverified

PUT = f"{API}/API_PutEventSelectors.html"
BASIC = f"{API}/API_EventSelector.html"
RESOURCE = f"{API}/API_DataResource.html"
ADVANCED = f"{API}/API_AdvancedEventSelector.html"
FIELD = f"{API}/API_AdvancedFieldSelector.html"
DATA = f"{GUIDE}/filtering-data-events.html"
MANAGEMENT = f"{GUIDE}/logging-management-events-with-cloudtrail.html"
NETWORK = f"{GUIDE}/logging-network-events-with-cloudtrail.html"
QUOTAS = f"{GUIDE}/WhatIsCloudTrail-Limits.html"
STAR = "https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/513"
WILDCARD = "https://github.com/aws-samples/aws-security-reference-architecture-examples/issues/335"
BUCKET_ARN = "https://github.com/hashicorp/terraform-provider-aws/issues/4043"
NEITHER = "https://github.com/aws/aws-cdk/issues/15488"
PREFLIGHT = "https://github.com/badmintoncryer/cdk-preflight"
MOST = "https://github.com/aws-solutions/aws-crr-monitor/issues/7"

DEFAULT = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
INVALID = "InvalidEventSelectorsException"

Selector = dict[str, Any]


def put_selectors(aws: Account, trail: Trail, **selectors: Any) -> dict[str, Any]:
    answer: dict[str, Any] = aws.cloudtrail.put_event_selectors(TrailName=trail.name, **selectors)
    return answer


def got(aws: Account, trail: Trail, kind: str, expected: list[Selector]) -> None:
    """Wait until a trail has these selectors of a kind, and none of the other."""
    other = {"EventSelectors": "AdvancedEventSelectors"}.get(kind, "EventSelectors")
    aws.eventually(
        lambda: aws.cloudtrail.get_event_selectors(TrailName=trail.name),
        lambda found: found.get(kind) == expected and not found.get(other),
    )


def objects(*values: str) -> list[dict[str, Any]]:
    return [{"Type": "AWS::S3::Object", "Values": list(values)}]


def selector(*fields: dict[str, Any], **members: Any) -> Selector:
    return {**members, "FieldSelectors": list(fields)}


def field(name: str, *values: str, **operators: list[str]) -> dict[str, Any]:
    return {"Field": name, **({"Equals": list(values)} if values else {}), **operators}


CATEGORY = field("eventCategory", "Management")
DATA_CATEGORY = field("eventCategory", "Data")
NETWORK_CATEGORY = field("eventCategory", "NetworkActivity")
S3 = field("resources.type", "AWS::S3::Object")
KMS = field("eventSource", "kms.amazonaws.com")


# The default, and what replaces what.


@fact(PUT)
def test_a_new_trail_selects_all_management_events(aws: Account, trail: Trail) -> None:
    got(aws, trail, "EventSelectors", [DEFAULT])


@fact(PUT)
def test_the_answer_names_the_trail_and_what_was_put(aws: Account, trail: Trail) -> None:
    answer = put_selectors(aws, trail, EventSelectors=[DEFAULT])
    assert (answer["TrailARN"], answer["EventSelectors"]) == (trail.arn, [DEFAULT])


@fact(BASIC)
def test_what_a_selector_leaves_out_has_its_default(aws: Account, trail: Trail) -> None:
    put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    got(aws, trail, "EventSelectors", [DEFAULT | {"ReadWriteType": "WriteOnly"}])


@fact(PUT)
def test_selectors_replace_those_before(aws: Account, trail: Trail) -> None:
    put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "WriteOnly"}, {"ReadWriteType": "ReadOnly"}])
    put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "ReadOnly"}])
    got(aws, trail, "EventSelectors", [DEFAULT | {"ReadWriteType": "ReadOnly"}])


@fact(PUT)
def test_advanced_selectors_replace_basic_ones(aws: Account, trail: Trail) -> None:
    wanted = selector(CATEGORY, field("readOnly", "false"), Name="writes")
    put_selectors(aws, trail, AdvancedEventSelectors=[wanted])
    got(aws, trail, "AdvancedEventSelectors", [wanted])


@fact(f"{GUIDE}/logging-data-events-with-cloudtrail.html")
def test_basic_selectors_replace_advanced_ones(aws: Account, trail: Trail) -> None:
    put_selectors(aws, trail, AdvancedEventSelectors=[selector(CATEGORY)])
    put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    got(aws, trail, "EventSelectors", [DEFAULT | {"ReadWriteType": "WriteOnly"}])


@fact(MEASURED_SELECTORS)
def test_the_default_selector_resets_a_trail(aws: Account, trail: Trail) -> None:
    put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    put_selectors(
        aws, trail, EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
    )
    got(aws, trail, "EventSelectors", [DEFAULT])


@fact(PUT)
def test_selectors_are_put_by_arn(aws: Account, trail: Trail) -> None:
    aws.cloudtrail.put_event_selectors(TrailName=trail.arn, EventSelectors=[{"ReadWriteType": "ReadOnly"}])
    got(aws, trail, "EventSelectors", [DEFAULT | {"ReadWriteType": "ReadOnly"}])


@fact(f"{API}/API_Trail.html")
def test_a_trail_tells_that_it_has_selectors_of_its_own(aws: Account, trail: Trail) -> None:
    put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    aws.eventually(lambda: aws.cloudtrail.get_trail(Name=trail.name)["Trail"]["HasCustomEventSelectors"], bool)


@fact(PUT)
def test_selectors_of_an_unknown_trail_cannot_be_put(aws: Account) -> None:
    with refused("TrailNotFoundException"):
        aws.cloudtrail.put_event_selectors(TrailName=aws.name("none"), EventSelectors=[{"ReadWriteType": "All"}])


@fact(PUT)
def test_refused_selectors_change_nothing(aws: Account, trail: Trail) -> None:
    with refused(INVALID):
        put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "WriteOnly"}, {"ReadWriteType": "Both"}])
    got(aws, trail, "EventSelectors", [DEFAULT])


# Basic selectors.


@pytest.mark.parametrize(
    "given",
    [
        case("all objects of S3", RESOURCE, {"DataResources": objects("arn:aws:s3")}),
        case("all objects of S3, spelt otherwise", RESOURCE, {"DataResources": objects("arn:aws:s3:::")}),
        case("the objects of a bucket", RESOURCE, {"DataResources": objects("arn:aws:s3:::my-bucket/")}),
        case("objects by prefix", RESOURCE, {"DataResources": objects("arn:aws:s3:::my-bucket/images")}),
        case(
            "all functions of Lambda",
            RESOURCE,
            {"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]},
        ),
        case(
            "a function",
            RESOURCE,
            {
                "DataResources": [
                    {
                        "Type": "AWS::Lambda::Function",
                        "Values": ["arn:aws:lambda:us-west-2:111111111111:function:helloworld"],
                    }
                ]
            },
        ),
        case(
            "all tables of DynamoDB",
            RESOURCE,
            {"DataResources": [{"Type": "AWS::DynamoDB::Table", "Values": ["arn:aws:dynamodb"]}]},
        ),
        case("no events of KMS", BASIC, {"ExcludeManagementEventSources": ["kms.amazonaws.com"]}),
        case("no events of the RDS Data API", BASIC, {"ExcludeManagementEventSources": ["rdsdata.amazonaws.com"]}),
        case(
            "no management events",
            BASIC,
            {"IncludeManagementEvents": False, "DataResources": objects("arn:aws:s3:::my-bucket/")},
        ),
        case("250 resources", QUOTAS, {"DataResources": objects(*(f"arn:aws:s3:::b-{n}/" for n in range(250)))}),
    ],
)
def test_a_basic_selector_of(aws: Account, trail: Trail, given: Selector) -> None:
    put_selectors(aws, trail, EventSelectors=[given])
    got(aws, trail, "EventSelectors", [DEFAULT | given])


@pytest.mark.parametrize(
    ("selectors", "message"),
    [
        case("none", MEASURED_SELECTORS, [], "Specify a valid number of selectors (1 to 5) for your trail"),
        case("six", PUT, [{"ReadWriteType": "All"}] * 6, "Specify a valid number of selectors (1 to 5) for your trail"),
        case("of a kind of access that is none", PUT, [{"ReadWriteType": "read-only"}], None),
        case(
            "of all objects by a wildcard",
            WILDCARD,
            [{"DataResources": objects("arn:aws:s3:::*")}],
            "Value arn:aws:s3:::* for DataResources.Values is invalid.",
        ),
        case(
            "of all functions by a wildcard",
            WILDCARD,
            [{"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda:*"]}]}],
            "Value arn:aws:lambda:* for DataResources.Values is invalid.",
        ),
        case(
            "of a bucket without the slash",
            BUCKET_ARN,
            [{"DataResources": objects("arn:aws:s3:::data-bucket")}],
            "Value arn:aws:s3:::data-bucket for DataResources.Values is invalid.",
        ),
        case(
            "of a type that needs advanced selectors",
            RESOURCE,
            [{"DataResources": [{"Type": "AWS::SNS::Topic", "Values": ["arn:aws:sns"]}]}],
            None,
        ),
        case(
            "of nothing",
            NEITHER,
            [{"IncludeManagementEvents": False, "DataResources": []}],
            "Invalid combination of parameters in EventSelectors. When includeManagementEvents is false, DataResources "
            "must not be empty",
        ),
        case(
            "without events of a service that may not be left out",
            BASIC,
            [{"ExcludeManagementEventSources": ["s3.amazonaws.com"]}],
            None,
        ),
        case(
            "of 251 resources",
            MOST,
            [{"DataResources": objects(*(f"arn:aws:s3:::b-{number}/" for number in range(251)))}],
            "Specify a valid number of DataResources.Values (0 to 250) for all your selectors",
        ),
        case(
            "of 251 resources in two",
            QUOTAS,
            [
                {"DataResources": objects(*(f"arn:aws:s3:::b-{number}/" for number in range(200)))},
                {"DataResources": objects(*(f"arn:aws:s3:::c-{number}/" for number in range(51)))},
            ],
            None,
        ),
    ],
)
def test_basic_selectors_are_refused(
    aws: Account, trail: Trail, selectors: list[Selector], message: str | None
) -> None:
    with pytest.raises(aws.cloudtrail.exceptions.InvalidEventSelectorsException) as caught:
        put_selectors(aws, trail, EventSelectors=selectors)
    # Reported with a full stop at the end and without one.
    told = caught.value.response["Error"]["Message"]
    assert message is None or told.rstrip(".") == message.rstrip("."), told


@fact(PUT)
def test_there_may_be_five_basic_selectors(aws: Account, trail: Trail) -> None:
    put_selectors(aws, trail, EventSelectors=[{"ReadWriteType": "All"}] * 5)
    got(aws, trail, "EventSelectors", [DEFAULT] * 5)


@fact(PREFLIGHT)
def test_both_kinds_at_once_are_refused(aws: Account, trail: Trail) -> None:
    with refused(
        INVALID, "You can select events by using either EventSelectors or AdvancedEventSelectors, but not both"
    ):
        put_selectors(aws, trail, EventSelectors=[DEFAULT], AdvancedEventSelectors=[selector(CATEGORY)])


@unverified("documented by ministack only, which copies AWS")
@fact("https://github.com/ministackorg/ministack")
def test_neither_kind_is_refused(aws: Account, trail: Trail) -> None:
    with refused(INVALID):
        put_selectors(aws, trail)


@unverified("documented by ministack only, which copies AWS")
@fact("https://github.com/ministackorg/ministack")
def test_no_advanced_selectors_are_refused(aws: Account, trail: Trail) -> None:
    with refused(INVALID):
        put_selectors(aws, trail, AdvancedEventSelectors=[])


# Advanced selectors.


@pytest.mark.parametrize(
    "given",
    [
        case("management events", FIELD, selector(CATEGORY)),
        case("management events that write", FIELD, selector(CATEGORY, field("readOnly", "false"))),
        case(
            "management events but KMS's",
            FIELD,
            selector(CATEGORY, field("eventSource", NotEquals=["kms.amazonaws.com"])),
        ),
        case(
            "management events but KMS's and the RDS Data API's",
            FIELD,
            selector(CATEGORY, field("eventSource", NotEquals=["kms.amazonaws.com", "rdsdata.amazonaws.com"])),
        ),
        case("data events of a type", FIELD, selector(DATA_CATEGORY, S3)),
        case("data events of topics", FIELD, selector(DATA_CATEGORY, field("resources.type", "AWS::SNS::Topic"))),
        case("data events by names", FIELD, selector(DATA_CATEGORY, S3, field("eventName", "PutObject", "GetObject"))),
        case("data events by a part", FIELD, selector(DATA_CATEGORY, S3, field("eventName", StartsWith=["Put"]))),
        case("data events but a name", FIELD, selector(DATA_CATEGORY, S3, field("eventName", NotEquals=["GetObject"]))),
        case("data events that read", FIELD, selector(DATA_CATEGORY, S3, field("readOnly", "true"))),
        case(
            "data events of a bucket",
            DATA,
            selector(DATA_CATEGORY, S3, field("resources.ARN", StartsWith=["arn:aws:s3:::my-bucket/"])),
        ),
        case(
            "data events but of a bucket",
            DATA,
            selector(DATA_CATEGORY, S3, field("resources.ARN", NotStartsWith=["arn:aws:s3:::my-bucket/"])),
        ),
        case(
            "data events of an object",
            DATA,
            selector(DATA_CATEGORY, S3, field("resources.ARN", "arn:aws:s3:::my-bucket/my-object")),
        ),
        case(
            "data events but a user's",
            FIELD,
            selector(DATA_CATEGORY, S3, field("userIdentity.arn", NotEquals=["arn:aws:iam::111122223333:user/x"])),
        ),
        case(
            "data events by their kind",
            "https://github.com/hashicorp/terraform-provider-aws/issues/43065",
            selector(DATA_CATEGORY, S3, field("eventType", "AwsApiCall")),
        ),
        case(
            "data events of the console",
            FIELD,
            selector(DATA_CATEGORY, S3, field("sessionCredentialFromConsole", "true")),
        ),
        case(
            "data events by several operators",
            FIELD,
            selector(DATA_CATEGORY, S3, field("eventName", StartsWith=["Put"], NotEquals=["PutObjectAcl"])),
        ),
        case(
            "data events but of an ARN with a star, which stands for itself",
            STAR,
            selector(DATA_CATEGORY, S3, field("resources.ARN", NotEquals=["arn:aws:s3:::my-bucket/*"])),
        ),
        case("network events", NETWORK, selector(NETWORK_CATEGORY, KMS)),
        case(
            "network events that were refused",
            NETWORK,
            selector(NETWORK_CATEGORY, KMS, field("errorCode", "VpceAccessDenied")),
        ),
        case(
            "network events of an endpoint",
            NETWORK,
            selector(NETWORK_CATEGORY, KMS, field("vpcEndpointId", "vpce-0123456789abcdef0")),
        ),
        case("a name of 1000 characters", ADVANCED, selector(CATEGORY, Name="n" * 1000)),
    ],
)
def test_an_advanced_selector_of(aws: Account, trail: Trail, given: Selector) -> None:
    put_selectors(aws, trail, AdvancedEventSelectors=[given])
    aws.eventually(
        lambda: aws.cloudtrail.get_event_selectors(TrailName=trail.name).get("AdvancedEventSelectors"),
        lambda found: found == [given],
    )


@pytest.mark.parametrize(
    "given",
    [
        case("without a category", FIELD, [selector(field("readOnly", "true"))]),
        case("of a category that is none", FIELD, [selector(field("eventCategory", "Everything"))]),
        case("of a category by another operator", FIELD, [selector(field("eventCategory", StartsWith=["Man"]))]),
        case("of a category of event data stores", FIELD, [selector(field("eventCategory", "ConfigurationItem"))]),
        case("of data events without a type", FIELD, [selector(DATA_CATEGORY)]),
        case(
            "of data events of two types in one",
            FIELD,
            [selector(DATA_CATEGORY, field("resources.type", "AWS::S3::Object", "AWS::Lambda::Function"))],
        ),
        case(
            "of a type by another operator",
            FIELD,
            [selector(DATA_CATEGORY, field("resources.type", StartsWith=["AWS::S3"]))],
        ),
        case("of a field that is none", FIELD, [selector(CATEGORY, field("noSuchField", "x"))]),
        case("that read, by another operator", FIELD, [selector(CATEGORY, field("readOnly", NotEquals=["true"]))]),
        case("that read, perhaps", FIELD, [selector(CATEGORY, field("readOnly", "maybe"))]),
        case(
            "of management events of one source",
            FIELD,
            [selector(CATEGORY, field("eventSource", "kms.amazonaws.com"))],
        ),
        case(
            "of management events but S3's",
            FIELD,
            [selector(CATEGORY, field("eventSource", NotEquals=["s3.amazonaws.com"]))],
        ),
        case("of network events without a source", NETWORK, [selector(NETWORK_CATEGORY)]),
        case(
            "of network events with another error",
            NETWORK,
            [selector(NETWORK_CATEGORY, KMS, field("errorCode", "AccessDenied"))],
        ),
        case("of a field without an operator", FIELD, [selector(CATEGORY, {"Field": "readOnly"})]),
        case(
            "of 501 values in two",
            QUOTAS,
            [
                selector(CATEGORY),
                selector(DATA_CATEGORY, S3, field("eventName", *(f"Get{number}" for number in range(498)))),
            ],
        ),
    ],
)
def test_advanced_selectors_are_refused(aws: Account, trail: Trail, given: list[Selector]) -> None:
    with refused(INVALID):
        put_selectors(aws, trail, AdvancedEventSelectors=given)


@pytest.mark.parametrize(
    ("category", "given"),
    [
        case("management events by name", PREFLIGHT, "Management", [CATEGORY, field("eventName", "RunInstances")]),
        case("management events of a type", PREFLIGHT, "Management", [CATEGORY, S3]),
        case(
            "network events that read",
            PREFLIGHT,
            "NetworkActivity",
            [NETWORK_CATEGORY, KMS, field("readOnly", "true")],
        ),
    ],
)
def test_a_category_lacks_a_field(aws: Account, trail: Trail, category: str, given: list[Selector]) -> None:
    name = given[-1]["Field"]
    message = f"The following field is not allowed when the eventCategory field value equals {category}: {name}."
    with refused(INVALID, message):
        put_selectors(aws, trail, AdvancedEventSelectors=[selector(*given)])


@fact(QUOTAS)
def test_all_conditions_together_have_at_most_500_values(aws: Account, trail: Trail) -> None:
    names = field("eventName", *(f"Get{number}" for number in range(498)))
    put_selectors(aws, trail, AdvancedEventSelectors=[selector(DATA_CATEGORY, S3, names)])


@fact(PUT)
def test_there_may_be_more_than_five_advanced_selectors(aws: Account, trail: Trail) -> None:
    types = ["AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::SNS::Topic", "AWS::SQS::Queue"]
    selectors = [selector(DATA_CATEGORY, field("resources.type", one)) for one in types]
    put_selectors(aws, trail, AdvancedEventSelectors=[selector(CATEGORY), *selectors])


# Shadows.


@pytest.fixture
def multi(aws: Account) -> Trail:
    """A multi-region trail at home in the fact's region."""
    return aws.trail(IsMultiRegionTrail=True)


@fact(f"{API}/API_PutEventSelectors.html")
def test_the_selectors_of_a_shadow_are_put_at_home_only(aws: Account, multi: Trail, elsewhere: str) -> None:
    abroad = aws.client("cloudtrail", elsewhere)
    aws.eventually(lambda: abroad.get_trail(Name=multi.arn))
    with refused("InvalidHomeRegionException"):
        abroad.put_event_selectors(TrailName=multi.arn, EventSelectors=[{"ReadWriteType": "All"}])


@fact(f"{API}/API_PutInsightSelectors.html")
def test_the_insights_of_a_shadow_are_put_at_home_only(aws: Account, multi: Trail, elsewhere: str) -> None:
    abroad = aws.client("cloudtrail", elsewhere)
    aws.eventually(lambda: abroad.get_trail(Name=multi.arn))
    with refused("InvalidHomeRegionException"):
        abroad.put_insight_selectors(TrailName=multi.arn, InsightSelectors=[{"InsightType": "ApiCallRateInsight"}])
