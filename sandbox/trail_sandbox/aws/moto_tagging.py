"""The Resource Groups Tagging API as AWS has it where moto has it otherwise: GetResources of alarms.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
Other types of resources are left to moto. Unlike AWS's, the index of tags is never behind.
"""

import base64
from collections.abc import Callable, Iterator
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.responses import ActionResult
from moto.resourcegroupstaggingapi.exceptions import ResourceGroupsTaggingAPIError
from moto.resourcegroupstaggingapi.responses import ResourceGroupsTaggingAPIResponse

from trail_sandbox.aws.model_input import validation_error

_ALARMS = "cloudwatch:alarm"
_PAGE = 50
_MOST_IN_A_PAGE = 100
_NAMES = ("PaginationToken", "TagFilters", "ResourcesPerPage", "TagsPerPage", "ResourceTypeFilters", "ResourceARNList")

Given = dict[str, Any]
Method = Callable[[ResourceGroupsTaggingAPIResponse], ActionResult]


def correct() -> None:
    """Take out what moto decides otherwise than AWS."""
    method = _get_resources(ResourceGroupsTaggingAPIResponse.get_resources)
    ResourceGroupsTaggingAPIResponse.get_resources = method  # type: ignore[method-assign, assignment]


def _get_resources(method: Method) -> Method:
    def get_resources(response: ResourceGroupsTaggingAPIResponse) -> ActionResult:
        given = {name: response._get_param(name) for name in _NAMES}
        given = {name: value for name, value in given.items() if value is not None}
        message = validation_error("resourcegroupstaggingapi", "GetResources", given)
        if message:
            raise _invalid(message)
        if given.get("ResourceTypeFilters") != [_ALARMS]:
            return method(response)
        return ActionResult(_alarms(given, response.current_account, response.region))

    return get_resources


def _alarms(given: Given, account: str, region: str) -> dict[str, Any]:
    """Give the alarms that have a tag of each filter's, in the order of their ARNs.

    An alarm without tags is never listed; not verified: of one that has had tags, which AWS may list with none.
    """
    if "ResourceARNList" in given:
        raise _invalid("ResourceARNList must not be given together with other parameters.")
    size = given.get("ResourcesPerPage", _PAGE)
    if not 1 <= size <= _MOST_IN_A_PAGE:
        raise _invalid(f"ResourcesPerPage must be between 1 and {_MOST_IN_A_PAGE}.")
    after = _position(given.get("PaginationToken"))
    filters = given.get("TagFilters", [])
    found = sorted((arn, tags) for arn, tags in _tagged(account, region) if all(_has(tags, one) for one in filters))
    rest = [one for one in found if one[0] > after]
    page = rest[:size]
    return {
        "PaginationToken": base64.urlsafe_b64encode(page[-1][0].encode()).decode() if len(rest) > len(page) else "",
        "ResourceTagMappingList": [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for arn, tags in page
        ],
    }


def _tagged(account: str, region: str) -> Iterator[tuple[str, dict[str, str]]]:
    backend = cloudwatch_backends[account][region]
    for alarm in list(backend.alarms.values()):
        tags = dict(backend.tagger.get_tag_dict_for_resource(alarm.alarm_arn))
        if tags:
            yield alarm.alarm_arn, tags


def _has(tags: dict[str, str], wanted: dict[str, Any]) -> bool:
    """Say whether there is a tag of a key, with one of the values if any is given."""
    values = wanted.get("Values")
    return wanted["Key"] in tags and (not values or tags[wanted["Key"]] in values)


def _position(token: str | None) -> str:
    if not token:
        return ""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise _invalid("The pagination token is invalid.") from error


def _invalid(message: str) -> ResourceGroupsTaggingAPIError:
    return ResourceGroupsTaggingAPIError("InvalidParameterException", message)
