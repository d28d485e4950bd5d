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
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import ResponseParser, ResponseParserFactory

from trail_operator.aws.operations import Internal, Operation, Read, Write
from trail_operator.domain.arns import Arn, is_arn

_ERROR = 300  # the first HTTP status that is none of a success
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


@dataclass(frozen=True)
class Expected:
    """What an operation's answer must have. In a path, `[]` is each member of a list."""

    required: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """Always there, and empty where there is nothing to tell."""
    one_of: tuple[str, ...] = ()
    document: str = ""
    """A policy: a text that must be a JSON object with a Statement, which the grammar requires, where it is there.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    root: str = ""
    """What the root of an XML answer is called, where the model does not tell."""
    has_body: bool = True
    """Whether an error has a body, with a code of AWS."""
    subject: tuple[tuple[str, str], ...] = ()
    """Members that repeat a parameter: each with its name."""
    is_consistent: Callable[[str, Mapping[str, Any], Mapping[str, Any]], bool] = lambda *_: True
    """Whether it is about the region and the parameters that were asked for, and does not contradict itself."""


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
        expected = _BY_NAME.get(operation, Expected())  # botocore itself calls others, such as those of SSO
        try:
            if shape is not None and shape.metadata.get("exception"):
                return self._parser.parse(response, shape)  # further members of an error that was whole
            if response["status_code"] < _ERROR and not self._is_xml:
                _check_json(operation, response["body"], shape)
            parsed = self._parser.parse(response, shape)
            if response["status_code"] < _ERROR:
                if self._is_xml:
                    _check_root(operation, expected, response["body"], shape)
                    _check_types(operation, shape, parsed)
                _check_members(operation, expected, parsed)
            elif expected.has_body:
                _check_error(operation, parsed)
        except NotWholeError:
            raise
        except Exception as error:  # noqa: BLE001 - botocore's parsers raise anything, and quote the body in it
            raise NotWholeError(operation, f"it cannot be parsed: {type(error).__name__}") from None
        return parsed


def check_subject(operation: Operation, region: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Raise NotWholeError where an answer is about something else than what was asked, or contradicts itself."""
    for path, name in ANSWERS[operation].subject:
        asked = str(parameters.get(name, ""))
        if path.lower().endswith("arn") and not is_arn(asked):
            continue
        if any(found not in (None, asked) for found in _members(answer, path)):
            raise NotWholeError(operation.name, f"{path} is not what was asked for")
    if not ANSWERS[operation].is_consistent(region, parameters, answer):
        problem = "it is about something else than what was asked for, or contradicts itself"
        raise NotWholeError(operation.name, problem)


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


_DESCRIBED = (
    *("TrailARN", "Name", "HomeRegion"),
    *("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "LogFileValidationEnabled"),
)
_WRITTEN = (
    *("TrailARN", "Name", "S3BucketName"),
    *("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "LogFileValidationEnabled"),
)
_SELECTORS = Expected(
    required=(
        *("TrailARN", "EventSelectors[].DataResources[].Type"),
        *("AdvancedEventSelectors[].FieldSelectors", "AdvancedEventSelectors[].FieldSelectors[].Field"),
    ),
    one_of=("EventSelectors", "AdvancedEventSelectors"),
    subject=(("TrailARN", "TrailName"),),
)
_NOTHING = Expected()


def _within(path: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{path}.{name}" for name in names)


_CREDENTIALS = Expected(_within("Credentials", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"))
ANSWERS: Mapping[Operation, Expected] = {
    Read.GetTrail: Expected(
        _within("Trail", *_DESCRIBED, "S3BucketName"),
        subject=(("Trail.TrailARN", "Name"),),
        is_consistent=lambda _, __, answer: _is_home(answer["Trail"]),
    ),
    Read.GetTrailStatus: Expected(
        ("IsLogging",),
        texts=(
            *("LatestDeliveryAttemptTime", "LatestDeliveryAttemptSucceeded"),
            *("LatestNotificationAttemptTime", "LatestNotificationAttemptSucceeded"),
            *("TimeLoggingStarted", "TimeLoggingStopped"),
        ),
    ),
    Read.GetEventSelectors: _SELECTORS,
    Read.GetInsightSelectors: Expected(
        ("TrailARN", "InsightSelectors[].InsightType"), subject=(("TrailARN", "TrailName"),)
    ),
    Read.GetEventConfiguration: Expected(
        ("TrailARN", "AggregationConfigurations[].EventCategory"), subject=(("TrailARN", "TrailName"),)
    ),
    Read.ListTags: Expected(
        ("ResourceTagList", "ResourceTagList[].ResourceId", "ResourceTagList[].TagsList[].Key"),
        is_consistent=_are_all_tagged,
    ),
    Read.DescribeTrails: Expected(
        ("trailList", *_within("trailList[]", *_DESCRIBED)),
        is_consistent=lambda _, __, answer: all(map(_is_named, answer["trailList"])),
    ),
    Read.ListTrails: Expected(
        ("Trails", *_within("Trails[]", "TrailARN", "Name", "HomeRegion")),
        is_consistent=lambda _, __, answer: all(map(_is_named, answer["Trails"])),
    ),
    Read.GetCallerIdentity: Expected(("Account", "Arn"), is_consistent=_is_caller),
    Read.GetBucketPolicy: Expected(("Policy",), document="Policy"),
    Read.GetBucketLocation: Expected(root="LocationConstraint"),
    Read.GetBucketEncryption: Expected(root="ServerSideEncryptionConfiguration"),
    Read.GetBucketRequestPayment: Expected(root="RequestPaymentConfiguration"),
    Read.GetTopicAttributes: Expected(
        ("Attributes.TopicArn",), document="Attributes.Policy", subject=(("Attributes.TopicArn", "TopicArn"),)
    ),
    Read.DescribeKey: Expected(("KeyMetadata.Arn", "KeyMetadata.KeyState"), is_consistent=_is_key),
    Read.GetKeyPolicy: Expected(("Policy",), document="Policy"),
    Read.DescribeLogGroups: Expected(("logGroups", "logGroups[].logGroupName")),
    Read.GetRole: Expected(
        ("Role.RoleName", "Role.Arn", "Role.AssumeRolePolicyDocument"),
        document="Role.AssumeRolePolicyDocument",
        subject=(("Role.RoleName", "RoleName"),),
    ),
    Read.ListRolePolicies: Expected(("PolicyNames", "PolicyNames[]"), is_consistent=_has_its_next_page),
    Read.GetRolePolicy: Expected(
        ("RoleName", "PolicyName", "PolicyDocument"),
        document="PolicyDocument",
        subject=(("RoleName", "RoleName"), ("PolicyName", "PolicyName")),
    ),
    Read.ListAttachedRolePolicies: Expected(
        ("AttachedPolicies", "AttachedPolicies[].PolicyArn"), is_consistent=_has_its_next_page
    ),
    Read.GetPolicy: Expected(("Policy.Arn", "Policy.DefaultVersionId"), subject=(("Policy.Arn", "PolicyArn"),)),
    Read.GetPolicyVersion: Expected(
        ("PolicyVersion.VersionId", "PolicyVersion.Document"),
        document="PolicyVersion.Document",
        subject=(("PolicyVersion.VersionId", "VersionId"),),
    ),
    Read.DescribeOrganization: Expected(
        ("Organization.Id", "Organization.MasterAccountId"), is_consistent=_is_organization
    ),
    Write.CreateTrail: Expected(
        _WRITTEN, subject=(("Name", "Name"), ("S3BucketName", "S3BucketName")), is_consistent=_is_created
    ),
    Write.UpdateTrail: Expected(_WRITTEN, subject=(("TrailARN", "Name"),), is_consistent=_is_updated),
    Write.PutEventSelectors: _SELECTORS,
    Write.PutInsightSelectors: Expected(("TrailARN",), subject=(("TrailARN", "TrailName"),)),
    Write.PutEventConfiguration: Expected(("TrailARN",), subject=(("TrailARN", "TrailName"),)),
    Write.StartLogging: _NOTHING,
    Write.StopLogging: _NOTHING,
    Write.AddTags: _NOTHING,
    Write.RemoveTags: _NOTHING,
    Write.DeleteTrail: _NOTHING,
    Internal.AssumeRole: _CREDENTIALS,
    Internal.AssumeRoleWithWebIdentity: _CREDENTIALS,
    Internal.HeadBucket: Expected(has_body=False),
}
"""What an answer to each operation must have."""
_BY_NAME = {operation.name: answer for operation, answer in ANSWERS.items()}


def _check_root(operation: str, answer: Expected, body: bytes, shape: Shape | None) -> None:
    """An XML answer is the operation's own: another, such as a page of a proxy, parses as an empty one."""
    wrapper = shape.serialization.get("resultWrapper", "") if shape else ""
    expected = re.sub("Result$", "Response", wrapper) or answer.root
    if not expected:
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


def _check_members(operation: str, expected: Expected, answer: Mapping[str, Any]) -> None:
    for path in expected.required:
        if any(one in (None, "") for one in _members(answer, path)):
            raise NotWholeError(operation, f"it lacks {path}")
    for name in expected.texts:
        if answer.get(name) is None:
            raise NotWholeError(operation, f"it lacks {name}")
    if expected.one_of and not any(answer.get(name) for name in expected.one_of):
        raise NotWholeError(operation, f"it has neither {' nor '.join(expected.one_of)}")
    if expected.document and not all(one is None or _is_document(one) for one in _members(answer, expected.document)):
        raise NotWholeError(operation, f"{expected.document} is no policy")


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
