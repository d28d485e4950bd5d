"""The emulator's event selectors: messages that it forms after those of AWS, and rules that no source confirms.

Facts about AWS: tests/conformance/test_selectors.py.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.sandbox.conftest import Refused

DEFAULT = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
INVALID = "InvalidEventSelectorsException"


def put_basic(aws: Account, *selectors: dict[str, Any]) -> Any:
    return aws.client("cloudtrail").put_event_selectors(TrailName="trail", EventSelectors=selectors)


def put_advanced(aws: Account, *selectors: dict[str, Any]) -> Any:
    return aws.client("cloudtrail").put_event_selectors(TrailName="trail", AdvancedEventSelectors=selectors)


def get_selectors(aws: Account) -> dict[str, Any]:
    answer: dict[str, Any] = dict(aws.cloudtrail.get_event_selectors(TrailName="trail"))
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "TrailARN")}


def has_custom(aws: Account) -> bool:
    described = aws.cloudtrail.describe_trails()["trailList"][0]["HasCustomEventSelectors"]
    assert aws.cloudtrail.get_trail(Name="trail")["Trail"]["HasCustomEventSelectors"] is described
    return described


def data(*values: str, kind: str = "AWS::S3::Object", **members: Any) -> dict[str, Any]:
    return {"DataResources": [{"Type": kind, "Values": list(values)}], **members}


def fields(**conditions: Any) -> dict[str, Any]:
    """An advanced selector: `eventName__StartsWith=["Get"]`; resources_type is resources.type."""
    selector: dict[str, dict[str, Any]] = {}
    for name, values in conditions.items():
        field, _, operator = name.partition("__")
        field = field.replace("_", ".", 1)
        selector.setdefault(field, {"Field": field})[operator or "Equals"] = (
            [values] if isinstance(values, str) else values
        )
    return {"FieldSelectors": list(selector.values())}


def management(**conditions: Any) -> dict[str, Any]:
    return fields(eventCategory="Management", **conditions)


def objects(**conditions: Any) -> dict[str, Any]:
    return fields(**{"eventCategory": "Data", "resources_type": "AWS::S3::Object", **conditions})


def network(**conditions: Any) -> dict[str, Any]:
    return fields(**{"eventCategory": "NetworkActivity", "eventSource": "kms.amazonaws.com", **conditions})


# What is returned.


def test_the_default_selector_put_explicitly_is_still_no_custom_one(aws: Account, trail: str) -> None:
    put_basic(aws, {"ReadWriteType": "WriteOnly"})
    assert has_custom(aws)
    put_basic(aws, {})
    assert get_selectors(aws) == {"EventSelectors": [DEFAULT]}
    assert not has_custom(aws)


def test_every_member_is_returned_in_order(aws: Account, trail: str) -> None:
    answer = put_basic(
        aws,
        {"ReadWriteType": "WriteOnly", "ExcludeManagementEventSources": ["rdsdata.amazonaws.com", "kms.amazonaws.com"]},
        data("arn:aws:s3:::logs/", IncludeManagementEvents=False),
    )
    selectors = [
        {
            "ReadWriteType": "WriteOnly",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": ["rdsdata.amazonaws.com", "kms.amazonaws.com"],
        },
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": False,
            "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::logs/"]}],
            "ExcludeManagementEventSources": [],
        },
    ]
    assert (answer["TrailARN"], answer["EventSelectors"]) == (trail, selectors)
    assert get_selectors(aws) == {"EventSelectors": selectors}


# Basic selectors.

NO_MANAGEMENT = "Invalid combination of parameters in EventSelectors. When includeManagementEvents is false, "
FUNCTION = "arn:aws:lambda:us-west-2:111111111111:function:helloworld"
TABLE = "arn:aws:dynamodb:us-west-2:111111111111:table/things"

BAD_BASIC: list[tuple[dict[str, Any], str]] = [
    ({"ReadWriteType": "read-only"}, "Value read-only for ReadWriteType is invalid."),
    ({"IncludeManagementEvents": False}, f"{NO_MANAGEMENT}DataResources must not be empty"),
    (
        {
            **data("arn:aws:s3"),
            "IncludeManagementEvents": False,
            "ExcludeManagementEventSources": ["kms.amazonaws.com"],
        },
        f"{NO_MANAGEMENT}ExcludeManagementEventSources must be empty",
    ),
    (
        {"ExcludeManagementEventSources": ["s3.amazonaws.com"]},
        "Value s3.amazonaws.com for ExcludeManagementEventSources is invalid.",
    ),
    ({"DataResources": [{"Values": ["arn:aws:s3"]}]}, "Value null for DataResources.Type is invalid."),
    (data("arn:aws:sns", kind="AWS::SNS::Topic"), "Value AWS::SNS::Topic for DataResources.Type is invalid."),
]


@pytest.mark.parametrize(("selector", "message"), BAD_BASIC)
def test_bad_basic_selectors(
    aws: Account, trail: str, refused: Refused, selector: dict[str, Any], message: str
) -> None:
    with refused(INVALID, message):
        put_basic(aws, selector)
    assert get_selectors(aws) == {"EventSelectors": [DEFAULT]}


S3, LAMBDA, DYNAMODB = "AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"
BAD_VALUES = [
    (S3, "arn:aws:s3:::*/*"),
    (S3, "arn:aws:s3:::logs/*"),
    (S3, "arn:aws:s3:"),
    (S3, "arn:aws-cn:s3"),
    (S3, "logs/"),
    (S3, ""),
    (S3, "arn:aws:lambda"),
    (LAMBDA, "arn:aws:lambda:us-west-2:111111111111:function"),
    (LAMBDA, "helloworld"),
    (DYNAMODB, "arn:aws:dynamodb:us-west-2:111111111111:table/*"),
    (DYNAMODB, "arn:aws:dynamodb:us-west-2"),
]


@pytest.mark.parametrize(("kind", "value"), BAD_VALUES)
def test_bad_values_of_data_resources(aws: Account, trail: str, refused: Refused, kind: str, value: str) -> None:
    with refused(INVALID, f"Value {value} for DataResources.Values is invalid."):
        put_basic(aws, data(value, kind=kind))


GOOD_VALUES = [
    (S3, ("arn:aws:s3:::logs/", "arn:aws:s3:::my.logs-1/example images/2026")),
    (LAMBDA, ("arn:aws:lambda", FUNCTION)),
    (DYNAMODB, ("arn:aws:dynamodb", TABLE)),
    (S3, ()),
]


@pytest.mark.parametrize(("kind", "values"), GOOD_VALUES)
def test_good_values_of_data_resources(aws: Account, trail: str, kind: str, values: Sequence[str]) -> None:
    selectors = put_basic(aws, data(*values, kind=kind))["EventSelectors"]
    assert selectors[0]["DataResources"] == [{"Type": kind, "Values": list(values)}]


def test_all_of_a_type_does_not_count_among_the_250_data_resources(aws: Account, trail: str) -> None:
    halves = [data(*(f"arn:aws:s3:::logs/{half}-{at}" for at in range(125))) for half in "ab"]
    # All of a type is none: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
    put_basic(aws, *halves, data("arn:aws:lambda", kind=LAMBDA))


# Advanced selectors.

EVERY_OPERATOR = {
    operator: ["a"] for operator in ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")
}
GOOD_ADVANCED = {
    "every field of data events": objects(
        readOnly="true",
        eventName__StartsWith="Get",
        eventSource="s3.amazonaws.com",
        eventType__NotEquals="AwsServiceEvent",
        resources_ARN__StartsWith="arn:aws:s3:::logs",
        resources_ARN__Equals=["arn:aws:s3:::logs/", "arn:aws:s3:::logs/one"],
        sessionCredentialFromConsole__NotEquals="true",
        userIdentity_arn__NotStartsWith="arn:aws:sts::123456789012:assumed-role/scanner",
    ),
    "every operator": {
        "FieldSelectors": [*objects()["FieldSelectors"], {"Field": "eventName", **EVERY_OPERATOR}],
    },
    "a resource type with two colons missing": objects(resources_type="AWS::QApps:QApp"),
    "a young resource type": objects(resources_type="AWS::BedrockAgentCore::Memory"),
    "a function": objects(resources_type=LAMBDA, resources_ARN=FUNCTION),
    "a topic": objects(resources_type="AWS::SNS::Topic", resources_ARN="arn:aws:sns:us-east-1:111111111111:news"),
    "every field of network activity": network(
        eventName=["CreateKey", "ListKeys"],
        errorCode="VpceAccessDenied",
        vpcEndpointId__StartsWith="vpce-",
        userIdentity_arn__EndsWith="admin",
    ),
}


@pytest.mark.parametrize("selector", GOOD_ADVANCED.values(), ids=GOOD_ADVANCED)
def test_good_advanced_selectors_come_back_as_they_are(aws: Account, trail: str, selector: dict[str, Any]) -> None:
    put_advanced(aws, selector)
    assert get_selectors(aws) == {"AdvancedEventSelectors": [selector]}
    assert has_custom(aws)


def only(operator: str, field: str) -> str:
    return f"The following field supports only the operators {operator}: {field}."


def wrong(field: str, value: str) -> str:
    return f"Value {value} for {field} is invalid."


def not_of(category: str, field: str) -> str:
    """AWS's own words: badmintoncryer/cdk-preflight got them."""
    return f"The following field is not allowed when the eventCategory field value equals {category}: {field}."


BAD_ADVANCED = {
    "no category": (
        fields(readOnly="true"),
        "The following field is required in every advanced event selector: eventCategory.",
    ),
    "an unknown category": (fields(eventCategory="Everything"), wrong("eventCategory", "Everything")),
    **{
        f"{category}, which is for event data stores": (
            fields(eventCategory=category),
            wrong("eventCategory", category),
        )
        for category in ("Insight", "ConfigurationItem", "Evidence", "ActivityAuditLog")
    },
    "two categories": (
        fields(eventCategory=["Management", "Data"]),
        "The following field takes exactly one value: eventCategory.",
    ),
    "another operator on the category": (
        management(eventCategory__StartsWith="Man"),
        only("Equals", "eventCategory"),
    ),
    **{
        f"{field} of management events": (management(**{field.replace(".", "_"): "x"}), not_of("Management", field))
        for field in ("eventType", "userIdentity.arn", "sessionCredentialFromConsole")
    },
    "errorCode of data events": (objects(errorCode="VpceAccessDenied"), not_of("Data", "errorCode")),
    "an unknown field": (management(awsRegion="us-east-1"), not_of("Management", "awsRegion")),
    "management of one source only": (
        management(eventSource="kms.amazonaws.com"),
        only("NotEquals", "eventSource"),
    ),
    "management without S3": (
        management(eventSource__NotEquals="s3.amazonaws.com"),
        wrong("eventSource", "s3.amazonaws.com"),
    ),
    "readOnly maybe": (management(readOnly="maybe"), wrong("readOnly", "maybe")),
    "readOnly both": (
        management(readOnly=["true", "false"]),
        "The following field takes exactly one value: readOnly.",
    ),
    "readOnly not": (management(readOnly__NotEquals="true"), only("Equals", "readOnly")),
    "data without type": (
        fields(eventCategory="Data"),
        "The following field is required when the eventCategory field value equals Data: resources.type.",
    ),
    "two types": (
        objects(resources_type=[S3, LAMBDA]),
        "The following field takes exactly one value: resources.type.",
    ),
    "types by their beginning": (
        fields(eventCategory="Data", resources_type__StartsWith="AWS::S3"),
        only("Equals", "resources.type"),
    ),
    "an unknown type": (objects(resources_type="AWS::S3::Bucket"), wrong("resources.type", "AWS::S3::Bucket")),
    "a wildcard": (objects(eventName__StartsWith="Put*"), wrong("eventName", "Put*")),
    "a bucket instead of an object": (
        objects(resources_ARN="arn:aws:s3:::logs"),
        wrong("resources.ARN", "arn:aws:s3:::logs"),
    ),
    "an object's ARN for a function": (
        objects(resources_type=LAMBDA, resources_ARN__NotEquals="arn:aws:s3:::logs/"),
        wrong("resources.ARN", "arn:aws:s3:::logs/"),
    ),
    "no ARN": (objects(resources_type="AWS::SNS::Topic", resources_ARN="news"), wrong("resources.ARN", "news")),
    "the console by its beginning": (
        objects(sessionCredentialFromConsole__StartsWith="t"),
        only("Equals, NotEquals", "sessionCredentialFromConsole"),
    ),
    "network activity without source": (
        fields(eventCategory="NetworkActivity"),
        "The following field is required when the eventCategory field value equals NetworkActivity: eventSource.",
    ),
    "network activity of two sources": (
        network(eventSource=["kms.amazonaws.com", "s3.amazonaws.com"]),
        "The following field takes exactly one value: eventSource.",
    ),
    "network activity of an unknown source": (
        network(eventSource="mars.amazonaws.com"),
        wrong("eventSource", "mars.amazonaws.com"),
    ),
    "another error": (network(errorCode="AccessDenied"), wrong("errorCode", "AccessDenied")),
    "all errors but one": (network(errorCode__NotEquals="VpceAccessDenied"), only("Equals", "errorCode")),
    "a field twice": (
        {
            "FieldSelectors": [
                *management(readOnly="true")["FieldSelectors"],
                {"Field": "readOnly", "Equals": ["false"]},
            ]
        },
        "The following field can be used only once in an advanced event selector: readOnly.",
    ),
    "a field without operator": (
        {"FieldSelectors": [*management()["FieldSelectors"], {"Field": "readOnly"}]},
        "The following field needs at least one operator: readOnly.",
    ),
}


@pytest.mark.parametrize(("selector", "message"), BAD_ADVANCED.values(), ids=BAD_ADVANCED)
def test_bad_advanced_selectors(
    aws: Account, trail: str, refused: Refused, selector: dict[str, Any], message: str
) -> None:
    with refused(INVALID, message):
        put_advanced(aws, management(), selector)
    assert get_selectors(aws) == {"EventSelectors": [DEFAULT]}
