"""What counts as an answer of AWS: one that is whole, and about what was asked. Anything else is no answer.

botocore makes an empty answer of a body that it cannot parse, passes on wrong types, and quotes bodies in its
exceptions. So a session's parsers are wrapped here, before anything is read out of an answer. A problem is described in
our own words, never in those of the body: that may hold credentials.

What CloudTrail's answers must have is what every recorded answer of AWS has. No answers were recorded of GetTrail,
GetInsightSelectors, GetEventConfiguration, ListTags and ListTrails, nor of the other services: what these must have is
unverified, and is what the operator needs and their reference has in every example.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import ResponseParser, ResponseParserFactory

from trail_operator.core.arns import Arn, is_arn

_ERROR = 300  # the first HTTP status that is none of a success
_DESCRIBED = (
    *("TrailARN", "Name", "HomeRegion"),
    *("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "LogFileValidationEnabled"),
)
_WRITTEN = (
    *("TrailARN", "Name", "S3BucketName"),
    *("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "LogFileValidationEnabled"),
)
_SELECTOR_MEMBERS = (
    "EventSelectors[].DataResources[].Type",
    *("AdvancedEventSelectors[].FieldSelectors", "AdvancedEventSelectors[].FieldSelectors[].Field"),
)
_CREDENTIALS = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


def _within(path: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{path}.{name}" for name in names)


# `[]`: each member of a list.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "CreateTrail": _WRITTEN,
    "UpdateTrail": _WRITTEN,
    "GetTrail": _within("Trail", (*_DESCRIBED, "S3BucketName")),
    "DescribeTrails": ("trailList", *_within("trailList[]", _DESCRIBED)),
    "ListTrails": ("Trails", *_within("Trails[]", ("TrailARN", "Name", "HomeRegion"))),
    "GetTrailStatus": ("IsLogging",),
    "GetEventSelectors": ("TrailARN", *_SELECTOR_MEMBERS),
    "GetInsightSelectors": ("TrailARN", "InsightSelectors[].InsightType"),
    "GetEventConfiguration": ("TrailARN", "AggregationConfigurations[].EventCategory"),
    "PutEventSelectors": ("TrailARN", *_SELECTOR_MEMBERS),
    "PutInsightSelectors": ("TrailARN",),
    "PutEventConfiguration": ("TrailARN",),
    "ListTags": ("ResourceTagList", "ResourceTagList[].ResourceId", "ResourceTagList[].TagsList[].Key"),
    "GetCallerIdentity": ("Account", "Arn"),
    "AssumeRole": _within("Credentials", _CREDENTIALS),
    "AssumeRoleWithWebIdentity": _within("Credentials", _CREDENTIALS),
    "GetBucketPolicy": ("Policy",),
    "GetTopicAttributes": ("Attributes.TopicArn",),
    "DescribeKey": ("KeyMetadata.Arn", "KeyMetadata.KeyState"),
    "GetKeyPolicy": ("Policy",),
    "DescribeLogGroups": ("logGroups", "logGroups[].logGroupName"),
    "DescribeOrganization": ("Organization.Id", "Organization.MasterAccountId"),
    "GetRole": ("Role.RoleName", "Role.Arn", "Role.AssumeRolePolicyDocument"),
    "ListRolePolicies": ("PolicyNames", "PolicyNames[]"),
    "GetRolePolicy": ("RoleName", "PolicyName", "PolicyDocument"),
    "ListAttachedRolePolicies": ("AttachedPolicies", "AttachedPolicies[].PolicyArn"),
    "GetPolicy": ("Policy.Arn", "Policy.DefaultVersionId"),
    "GetPolicyVersion": ("PolicyVersion.VersionId", "PolicyVersion.Document"),
}
# Always there, and empty where there is nothing to tell.
_REQUIRED_TEXTS = {
    "GetTrailStatus": (
        *("LatestDeliveryAttemptTime", "LatestDeliveryAttemptSucceeded"),
        *("LatestNotificationAttemptTime", "LatestNotificationAttemptSucceeded"),
        *("TimeLoggingStarted", "TimeLoggingStopped"),
    ),
}
_SELECTORS = ("EventSelectors", "AdvancedEventSelectors")
_ONE_OF = {"GetEventSelectors": _SELECTORS, "PutEventSelectors": _SELECTORS}
# Policies: texts that must be JSON objects with a Statement, which their grammar requires, where they are there.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
_DOCUMENTS = {
    "GetBucketPolicy": "Policy",
    "GetTopicAttributes": "Attributes.Policy",
    "GetKeyPolicy": "Policy",
    "GetRole": "Role.AssumeRolePolicyDocument",
    "GetRolePolicy": "PolicyDocument",
    "GetPolicyVersion": "PolicyVersion.Document",
}
# What the root of an XML answer is called, where the model does not tell.
_ROOTS = {
    "GetBucketLocation": "LocationConstraint",
    "GetBucketEncryption": "ServerSideEncryptionConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
}
_WITHOUT_BODY = frozenset({"HeadBucket"})
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str, bytes),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str, datetime),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


class NotWholeError(Exception):
    """What came is no answer of AWS. `problem` quotes nothing of it."""

    def __init__(self, operation: str, problem: str) -> None:
        super().__init__(f"{operation}: {problem}")
        self.operation = operation
        self.problem = problem


class Parsers(ResponseParserFactory):
    """A session's parsers, which pass on nothing but whole answers; for its component `response_parser_factory`."""

    def create_parser(self, protocol_name: str) -> Any:
        """Make the parser of a protocol."""
        return _Parser(super().create_parser(protocol_name), is_xml=protocol_name in ("query", "rest-xml"))


class _Parser:
    def __init__(self, parser: ResponseParser, *, is_xml: bool) -> None:
        self._parser = parser
        self._is_xml = is_xml

    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        """As botocore's parsers; raises NotWholeError and nothing else."""
        operation = re.sub("(Response|Output|Result)$", "", shape.name if shape else "")
        try:
            if shape is not None and shape.metadata.get("exception"):
                return self._parser.parse(response, shape)  # further members of an error that was whole
            if response["status_code"] < _ERROR and not self._is_xml:
                _check_json(operation, response["body"], shape)
            parsed = self._parser.parse(response, shape)
            if response["status_code"] < _ERROR:
                if self._is_xml:
                    _check_root(operation, response["body"], shape)
                    _check_types(operation, shape, parsed)
                _check_members(operation, parsed)
            elif operation not in _WITHOUT_BODY:
                _check_error(operation, parsed)
        except NotWholeError:
            raise
        except Exception as error:  # noqa: BLE001 - botocore's parsers raise anything, and quote the body in it
            raise NotWholeError(operation, f"it cannot be parsed: {type(error).__name__}") from None
        return parsed


def check_subject(operation: str, region: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Raise NotWholeError where an answer is about something else than what was asked, or contradicts itself."""
    for path, name in _SUBJECTS.get(operation, ()):
        asked = str(parameters.get(name, ""))
        if path.lower().endswith("arn") and not is_arn(asked):
            continue
        if any(found not in (None, asked) for found in _members(answer, path)):
            raise NotWholeError(operation, f"{path} is not what was asked for")
    is_consistent = _JUDGES.get(operation)
    if is_consistent and not is_consistent(region, parameters, answer):
        raise NotWholeError(operation, "it is about something else than what was asked for, or contradicts itself")


# Members that repeat a parameter.
_SUBJECTS: dict[str, tuple[tuple[str, str], ...]] = {
    "CreateTrail": (("Name", "Name"), ("S3BucketName", "S3BucketName")),
    "GetTrail": (("Trail.TrailARN", "Name"),),
    "UpdateTrail": (("TrailARN", "Name"),),
    "GetEventSelectors": (("TrailARN", "TrailName"),),
    "GetInsightSelectors": (("TrailARN", "TrailName"),),
    "GetEventConfiguration": (("TrailARN", "TrailName"),),
    "PutEventSelectors": (("TrailARN", "TrailName"),),
    "PutInsightSelectors": (("TrailARN", "TrailName"),),
    "PutEventConfiguration": (("TrailARN", "TrailName"),),
    "GetTopicAttributes": (("Attributes.TopicArn", "TopicArn"),),
    "GetRole": (("Role.RoleName", "RoleName"),),
    "GetRolePolicy": (("RoleName", "RoleName"), ("PolicyName", "PolicyName")),
    "GetPolicy": (("Policy.Arn", "PolicyArn"),),
    "GetPolicyVersion": (("PolicyVersion.VersionId", "VersionId"),),
}


def _is_created(region: str, _: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    # An organization's trail is the management account's, whoever makes it: the account is not asked for.
    return _is_home({"HomeRegion": region} | dict(answer))


def _is_updated(_: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    return bool(answer["Name"] == Arn.parse(str(parameters["Name"])).name)


def _are_all_tagged(_: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    return {entry["ResourceId"] for entry in answer["ResourceTagList"]}.issuperset(parameters["ResourceIdList"])


def _is_caller(_: str, __: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    found = re.fullmatch(r"arn:[\w-]+:(?:iam|sts)::(\d{12}):\S+", answer["Arn"], re.ASCII)
    return found is not None and found[1] == answer["Account"]


def _is_key(_: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether it is a key's ARN: the one that was asked for, or one beside the alias that was."""
    asked, found = Arn.try_parse(str(parameters["KeyId"])), Arn.try_parse(answer["KeyMetadata"]["Arn"])
    if found is None or found.resource_type != "key":
        return False
    if asked is not None and asked.resource_type == "alias":
        asked = replace(asked, resource=found.resource)
    return asked in (None, found)


def _is_home(trail: Mapping[str, Any]) -> bool:
    """Whether a trail's home region is the one that its ARN has."""
    return _is_named(trail) and trail["HomeRegion"] == Arn.parse(trail["TrailARN"]).region


def _is_named(trail: Mapping[str, Any]) -> bool:
    """Whether a trail's ARN is one, and its name in it. One recorded answer has another home region than the ARN."""
    found = re.fullmatch(r"arn:[\w-]+:cloudtrail:[\w-]+:\d{12}:trail/([\w.-]{1,128})", trail["TrailARN"], re.ASCII)
    is_region = re.fullmatch(r"[\w-]{1,32}", trail["HomeRegion"], re.ASCII) is not None
    return found is not None and found[1] == trail["Name"] and is_region


def _has_its_next_page(_: str, __: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether a list of IAM that goes on says where: without that, what it holds would be taken for all."""
    return not answer.get("IsTruncated") or bool(answer.get("Marker"))


def _is_organization(_: str, __: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether an id and a management account are ones, and those that the organization's ARN has.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
    """
    organization = answer["Organization"]
    own = f"{organization['MasterAccountId']}:organization/{organization['Id']}"
    is_one = re.fullmatch(r"\d{12}:organization/o-[a-z0-9]{10,32}", own, re.ASCII) is not None
    return is_one and str(organization.get("Arn") or own).endswith(own)


_JUDGES: dict[str, Callable[[str, Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "CreateTrail": _is_created,
    "UpdateTrail": _is_updated,
    "GetTrail": lambda _, __, answer: _is_home(answer["Trail"]),
    "DescribeTrails": lambda _, __, answer: all(map(_is_named, answer["trailList"])),
    "ListTrails": lambda _, __, answer: all(map(_is_named, answer["Trails"])),
    "ListTags": _are_all_tagged,
    "GetCallerIdentity": _is_caller,
    "DescribeKey": _is_key,
    "DescribeOrganization": _is_organization,
    "ListRolePolicies": _has_its_next_page,
    "ListAttachedRolePolicies": _has_its_next_page,
}


def _check_root(operation: str, body: bytes, shape: Shape | None) -> None:
    """An XML answer is the operation's own: another, such as a page of a proxy, parses as an empty one."""
    wrapper = shape.serialization.get("resultWrapper", "") if shape else ""
    expected = re.sub("Result$", "Response", wrapper) or _ROOTS.get(operation)
    if expected is None:
        return
    root = ElementTree.fromstring(body).tag.rpartition("}")[2]  # noqa: S314 - botocore has parsed it, too
    if root != expected:
        raise NotWholeError(operation, f"it is no {expected}")


def _check_json(operation: str, body: bytes, shape: Shape | None) -> None:
    value = json.loads(body.decode())
    if not isinstance(value, dict):
        raise NotWholeError(operation, "it is no JSON object")
    if "__type" in value:
        raise NotWholeError(operation, "it is an error with the status of a success")
    _check_types(operation, shape, value)


def _check_types(operation: str, shape: Shape | None, value: Any, path: str = "it") -> None:
    """Raise where a value does not fit its model. What is null is not there; what the model does not know is let be."""
    if shape is None or value is None:
        return
    fits = isinstance(value, _KINDS.get(shape.type_name, (object,)))
    if not fits or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise NotWholeError(operation, f"{path} is no {shape.type_name}")
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            _check_types(operation, member, value.get(member.serialization.get("name", name), value.get(name)), name)
    elif isinstance(shape, ListShape):
        for one in value:
            if one is None:
                raise NotWholeError(operation, f"{path} has a member that is null")
            _check_types(operation, shape.member, one, path)
    elif isinstance(shape, MapShape):
        for one in value.values():
            _check_types(operation, shape.value, one, path)


def _check_members(operation: str, answer: Mapping[str, Any]) -> None:
    for path in _REQUIRED.get(operation, ()):
        if any(one in (None, "") for one in _members(answer, path)):
            raise NotWholeError(operation, f"it lacks {path}")
    for name in _REQUIRED_TEXTS.get(operation, ()):
        if answer.get(name) is None:
            raise NotWholeError(operation, f"it lacks {name}")
    if (names := _ONE_OF.get(operation)) and not any(answer.get(name) for name in names):
        raise NotWholeError(operation, f"it has neither {' nor '.join(names)}")
    document = _DOCUMENTS.get(operation)
    if document and not all(one is None or _is_document(one) for one in _members(answer, document)):
        raise NotWholeError(operation, f"{document} is no policy")


def _is_document(text: str) -> bool:
    """Whether a policy is one, plain or percent-encoded as IAM has them."""
    try:
        policy = json.loads(unquote(text) if text.startswith("%") else text)
    except ValueError:
        return False
    return isinstance(policy, dict) and "Statement" in policy


def _check_error(operation: str, parsed: Mapping[str, Any]) -> None:
    """An error of AWS has a code. botocore takes the HTTP status for one where there is none."""
    error = parsed.get("Error") or {}
    code = error.get("Code")
    if not isinstance(code, str) or not code or code.isdigit():
        status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        raise NotWholeError(operation, f"it has the HTTP status {status}, and no error code of AWS")
    if not isinstance(error.get("Message", ""), str | None):
        raise NotWholeError(operation, "its message is no text")


def _members(value: Any, path: str) -> Iterator[Any]:
    """What a path leads to; None where it leads to nothing."""
    name, _, rest = path.partition(".")
    each = name.endswith("[]")
    found = value.get(name.removesuffix("[]"))
    for one in (found or ()) if each else (found,):
        if rest and one is not None:
            yield from _members(one, rest)
        else:
            yield one
