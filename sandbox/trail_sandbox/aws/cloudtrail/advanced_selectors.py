"""Advanced event selectors, held to AWS's rules field by field.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedEventSelector.html (fields of each category)
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudtrail-trail-advancedfieldselector.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html (operators)
The message for a field that a category does not have is AWS's own, as badmintoncryer/cdk-preflight got it; the others
are formed after it and after the documentation.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trail_sandbox.aws.cloudtrail.event_selectors import invalid
from trail_sandbox.aws.cloudtrail.resource_types import DATA_TYPES, NETWORK_SOURCES
from trail_sandbox.aws.errors import AwsError

Selector = Mapping[str, Any]

_MOST_VALUES = 500
_ANY = ("Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith")
_EXACT = ("Equals", "NotEquals")
# ARNs without their beginning, arn:PARTITION.
_ARN = re.compile(r"[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}|aws)?:.+")
_EXACT_ARNS: Mapping[str, re.Pattern[str]] = {
    # A bucket's ARN with a slash is accepted: https://github.com/hashicorp/terraform-provider-aws/issues/28582
    "AWS::S3::Object": re.compile(r"s3:::[A-Za-z0-9._-]{3,255}/.*"),
    "AWS::Lambda::Function": re.compile(r"lambda:[a-z0-9-]+:[0-9]{12}:function:.+"),
    "AWS::DynamoDB::Table": re.compile(r"dynamodb:[a-z0-9-]+:[0-9]{12}:table/.+"),
}


def _anything(_: str) -> bool:
    return True


@dataclass(frozen=True)
class _Rule:
    """What a field of a category may say."""

    operators: Sequence[str] = _ANY
    accepts: Callable[[str], bool] = _anything
    single: bool = False
    required: bool = False
    stars: bool = False
    """Whether a value may have a star, which then stands for itself."""


_READ_ONLY = _Rule(("Equals",), {"true", "false"}.__contains__, single=True)
_FREE = _Rule()
# It matches nothing: https://github.com/aws-ia/terraform-aws-control_tower_account_factory/issues/513
_LITERAL = _Rule(stars=True)


def _category(name: str) -> _Rule:
    return _Rule(("Equals",), {name}.__contains__, single=True, required=True)


_CATEGORIES: Mapping[str, Mapping[str, _Rule]] = {
    "Management": {
        "eventCategory": _category("Management"),
        "eventSource": _Rule(("NotEquals",), {"kms.amazonaws.com", "rdsdata.amazonaws.com"}.__contains__),
        "readOnly": _READ_ONLY,
    },
    "Data": {
        "eventCategory": _category("Data"),
        "resources.type": _Rule(("Equals",), DATA_TYPES.__contains__, single=True, required=True),
        "resources.ARN": _LITERAL,
        "readOnly": _READ_ONLY,
        "eventName": _FREE,
        "eventSource": _FREE,
        "eventType": _FREE,
        "sessionCredentialFromConsole": _Rule(("Equals", "NotEquals"), {"true"}.__contains__),
        "userIdentity.arn": _FREE,
    },
    "NetworkActivity": {
        "eventCategory": _category("NetworkActivity"),
        "eventSource": _Rule(("Equals",), NETWORK_SOURCES.__contains__, single=True, required=True),
        "eventName": _FREE,
        "errorCode": _Rule(("Equals",), {"VpceAccessDenied"}.__contains__),
        "vpcEndpointId": _FREE,
        "userIdentity.arn": _FREE,
    },
}


def parse_advanced(selectors: Sequence[Selector], partition: str) -> tuple[Selector, ...]:
    """Give selectors as they are, or refuse them. How many there are is limited by their values alone."""
    values = [values for one in selectors for field in one["FieldSelectors"] for values in _conditions(field).values()]
    if sum(map(len, values)) > _MOST_VALUES:
        raise invalid("Specify up to 500 values for all conditions in all advanced event selectors for a trail.")
    for selector in selectors:
        _check(selector["FieldSelectors"], partition)
    return tuple(selectors)


def _check(fields: Sequence[Selector], partition: str) -> None:
    category = _category_of(fields)
    rules = _CATEGORIES[category]
    names = [field["Field"] for field in fields]
    for name in names:
        if name not in rules:
            raise invalid(
                f"The following field is not allowed when the eventCategory field value equals {category}: {name}."
            )
        if names.count(name) > 1:
            raise invalid(f"The following field can be used only once in an advanced event selector: {name}.")
    for name, rule in rules.items():
        if rule.required and name not in names:
            raise invalid(
                f"The following field is required when the eventCategory field value equals {category}: {name}."
            )
    for field in fields:
        _check_conditions(field, rules[field["Field"]])
    _check_arns(fields, partition)


def _category_of(fields: Sequence[Selector]) -> str:
    values = [value for field in fields if field["Field"] == "eventCategory" for value in field.get("Equals", ())]
    if not values:
        raise invalid("The following field is required in every advanced event selector: eventCategory.")
    # Insight, ConfigurationItem, Evidence and ActivityAuditLog are for event data stores alone.
    if values[0] not in _CATEGORIES:
        raise _invalid_value("eventCategory", values[0])
    return str(values[0])


def _check_conditions(field: Selector, rule: _Rule) -> None:
    name, conditions = field["Field"], _conditions(field)
    if not conditions:
        raise invalid(f"The following field needs at least one operator: {name}.")
    for operator, values in conditions.items():
        if operator not in rule.operators:
            raise invalid(f"The following field supports only the operators {', '.join(rule.operators)}: {name}.")
        if rule.single and len(values) != 1:
            raise invalid(f"The following field takes exactly one value: {name}.")
        for value in values:
            # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html: no wildcards.
            if ("*" in value and not rule.stars) or not rule.accepts(value):
                raise _invalid_value(name, value)


def _check_arns(fields: Sequence[Selector], partition: str) -> None:
    """Hold exact ARNs to the partition, and to the form of the selector's resource type."""
    by_name = {field["Field"]: field for field in fields}
    if "resources.ARN" not in by_name:
        return
    form = _EXACT_ARNS.get(by_name["resources.type"]["Equals"][0], _ARN)
    for operator in _EXACT:
        for value in by_name["resources.ARN"].get(operator, ()):
            beginning, _, rest = value.partition(f"arn:{partition}:")
            if beginning or not form.fullmatch(rest):
                raise _invalid_value("resources.ARN", value)


def _conditions(field: Selector) -> Mapping[str, Sequence[str]]:
    return {operator: field[operator] for operator in _ANY if operator in field}


def _invalid_value(field: str, value: str) -> AwsError:
    return invalid(f"Value {value} for {field} is invalid.")
