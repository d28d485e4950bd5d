"""What counts as an answer of AWS: the members that each operation's must have, and how it must fit the request.

`response_parser.py` checks the members of each response, `check_subject` that it fits the request.

What CloudTrail's answers must have is what every recorded answer of AWS has. No answers were recorded of GetTrail,
GetInsightSelectors, GetEventConfiguration, ListTags and ListTrails, nor of the other services: what these must have is
unverified, and is what the operator needs and their reference has in every example.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trail_operator.aws.operations import Internal, Operation, Read, Write
from trail_operator.domain.arns import Arn, is_arn


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


class InvalidResponseError(Exception):
    """What came is no answer of AWS. `problem` quotes nothing of it."""

    def __init__(self, operation: str, problem: str) -> None:
        super().__init__(f"{operation}: {problem}")
        self.operation = operation
        self.problem = problem


def check_subject(operation: Operation, region: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Raise InvalidResponseError where an answer is about something else than what was asked, or contradicts itself."""
    for path, name in ANSWERS[operation].subject:
        asked = str(parameters.get(name, ""))
        if path.lower().endswith("arn") and not is_arn(asked):
            continue
        if any(found not in (None, asked) for found in members(answer, path)):
            raise InvalidResponseError(operation.name, f"{path} is not what was asked for")
    if not ANSWERS[operation].is_consistent(region, parameters, answer):
        problem = "it is about something else than what was asked for, or contradicts itself"
        raise InvalidResponseError(operation.name, problem)


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
BY_NAME = {operation.name: answer for operation, answer in ANSWERS.items()}


def members(value: Any, path: str) -> Iterator[Any]:
    """What a path leads to; None where it leads to nothing."""
    name, _, rest = path.partition(".")
    each = name.endswith("[]")
    found = value.get(name.removesuffix("[]"))
    for one in (found or ()) if each else (found,):
        if rest and one is not None:
            yield from members(one, rest)
        else:
            yield one
