"""What makes a response valid: the members that it must have, and how it must match the request.

`response_parser.py` checks the members of each response, `check_subject` that it matches the request
(`response_checks.py`).

The required members of CloudTrail's responses are in every recorded response of AWS. There are no recorded responses of
GetTrail, GetInsightSelectors, GetEventConfiguration, ListTags and ListTrails, nor of other services: their required
members are unverified. They are what the operator needs and every example of the reference has.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trail_operator.aws import response_checks as checks
from trail_operator.aws.operations import Internal, Operation, Queue, Read, Write
from trail_operator.domain.arns import is_arn


@dataclass(frozen=True)
class ExpectedResponse:
    """What a response must have. In a path, `[]` stands for each element of a list."""

    required: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """Members that are always present, but may be empty."""
    one_of: tuple[str, ...] = ()
    document: str = ""
    """The path of a policy: if present, it must be a JSON object with a Statement, which the grammar requires.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    root: str = ""
    """The root element of an XML response, if botocore's model does not name it."""
    has_body: bool = True
    """Whether an error response has a body, with an error code."""
    subject: tuple[tuple[str, str], ...] = ()
    """Paths of members that repeat a parameter, each with the name of the parameter."""
    is_consistent: Callable[[str, Mapping[str, Any], Mapping[str, Any]], bool] = lambda *_: True
    """Whether the response matches region and parameters of the request, and does not contradict itself."""


class InvalidResponseError(Exception):
    """Raised for an invalid response. `problem` does not quote it: it may contain secrets."""

    def __init__(self, operation: str, problem: str) -> None:
        super().__init__(f"{operation}: {problem}")
        self.operation = operation
        self.problem = problem


def check_subject(
    operation: Operation, region: str, parameters: Mapping[str, Any], response: Mapping[str, Any]
) -> None:
    """Raise InvalidResponseError if a response does not match its request, or contradicts itself."""
    for path, name in RESPONSES[operation].subject:
        requested = str(parameters.get(name, ""))
        if path.lower().endswith("arn") and not is_arn(requested):
            continue
        if any(found not in (None, requested) for found in members(response, path)):
            raise InvalidResponseError(operation.name, f"{path} does not match the request")
    if not RESPONSES[operation].is_consistent(region, parameters, response):
        problem = "it does not match the request, or contradicts itself"
        raise InvalidResponseError(operation.name, problem)


_DESCRIBED = (
    *("TrailARN", "Name", "HomeRegion"),
    *("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "LogFileValidationEnabled"),
)
_WRITTEN = (
    *("TrailARN", "Name", "S3BucketName"),
    *("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "LogFileValidationEnabled"),
)
_SELECTORS = ExpectedResponse(
    required=(
        *("TrailARN", "EventSelectors[].DataResources[].Type"),
        *("AdvancedEventSelectors[].FieldSelectors", "AdvancedEventSelectors[].FieldSelectors[].Field"),
    ),
    one_of=("EventSelectors", "AdvancedEventSelectors"),
    subject=(("TrailARN", "TrailName"),),
)
_NOTHING = ExpectedResponse()


def _within(path: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{path}.{name}" for name in names)


_CREDENTIALS = ExpectedResponse(_within("Credentials", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"))
RESPONSES: Mapping[Operation, ExpectedResponse] = {
    Read.GetTrail: ExpectedResponse(
        _within("Trail", *_DESCRIBED, "S3BucketName"),
        subject=(("Trail.TrailARN", "Name"),),
        is_consistent=lambda _, __, response: checks.is_home(response["Trail"]),
    ),
    Read.GetTrailStatus: ExpectedResponse(
        ("IsLogging",),
        texts=(
            *("LatestDeliveryAttemptTime", "LatestDeliveryAttemptSucceeded"),
            *("LatestNotificationAttemptTime", "LatestNotificationAttemptSucceeded"),
            *("TimeLoggingStarted", "TimeLoggingStopped"),
        ),
    ),
    Read.GetEventSelectors: _SELECTORS,
    Read.GetInsightSelectors: ExpectedResponse(
        ("TrailARN", "InsightSelectors[].InsightType"), subject=(("TrailARN", "TrailName"),)
    ),
    Read.GetEventConfiguration: ExpectedResponse(
        ("TrailARN", "AggregationConfigurations[].EventCategory"), subject=(("TrailARN", "TrailName"),)
    ),
    Read.ListTags: ExpectedResponse(
        ("ResourceTagList", "ResourceTagList[].ResourceId", "ResourceTagList[].TagsList[].Key"),
        is_consistent=checks.are_all_tagged,
    ),
    Read.DescribeTrails: ExpectedResponse(
        ("trailList", *_within("trailList[]", *_DESCRIBED)),
        is_consistent=lambda _, __, response: all(map(checks.is_named, response["trailList"])),
    ),
    Read.ListTrails: ExpectedResponse(
        ("Trails", *_within("Trails[]", "TrailARN", "Name", "HomeRegion")),
        is_consistent=lambda _, __, response: all(map(checks.is_named, response["Trails"])),
    ),
    Read.LookupEvents: ExpectedResponse(
        ("Events", *_within("Events[]", "EventId", "EventName", "CloudTrailEvent")), is_consistent=checks.are_named
    ),
    Read.GetCallerIdentity: ExpectedResponse(("Account", "Arn"), is_consistent=checks.is_caller),
    Read.GetBucketPolicy: ExpectedResponse(("Policy",), document="Policy"),
    Read.GetBucketLocation: ExpectedResponse(root="LocationConstraint"),
    Read.GetBucketEncryption: ExpectedResponse(root="ServerSideEncryptionConfiguration"),
    Read.GetBucketRequestPayment: ExpectedResponse(root="RequestPaymentConfiguration"),
    Read.GetTopicAttributes: ExpectedResponse(
        ("Attributes.TopicArn",), document="Attributes.Policy", subject=(("Attributes.TopicArn", "TopicArn"),)
    ),
    Read.DescribeKey: ExpectedResponse(("KeyMetadata.Arn", "KeyMetadata.KeyState"), is_consistent=checks.is_key),
    Read.GetKeyPolicy: ExpectedResponse(("Policy",), document="Policy"),
    Read.DescribeLogGroups: ExpectedResponse(
        ("logGroups", "logGroups[].logGroupName"), is_consistent=checks.are_log_groups
    ),
    Read.GetRole: ExpectedResponse(
        ("Role.RoleName", "Role.Arn", "Role.AssumeRolePolicyDocument"),
        document="Role.AssumeRolePolicyDocument",
        subject=(("Role.RoleName", "RoleName"),),
    ),
    Read.ListRolePolicies: ExpectedResponse(("PolicyNames", "PolicyNames[]"), is_consistent=checks.has_marker),
    Read.GetRolePolicy: ExpectedResponse(
        ("RoleName", "PolicyName", "PolicyDocument"),
        document="PolicyDocument",
        subject=(("RoleName", "RoleName"), ("PolicyName", "PolicyName")),
    ),
    Read.ListAttachedRolePolicies: ExpectedResponse(
        ("AttachedPolicies", "AttachedPolicies[].PolicyArn"), is_consistent=checks.has_marker
    ),
    Read.GetPolicy: ExpectedResponse(("Policy.Arn", "Policy.DefaultVersionId"), subject=(("Policy.Arn", "PolicyArn"),)),
    Read.GetPolicyVersion: ExpectedResponse(
        ("PolicyVersion.VersionId", "PolicyVersion.Document"),
        document="PolicyVersion.Document",
        subject=(("PolicyVersion.VersionId", "VersionId"),),
    ),
    Read.DescribeOrganization: ExpectedResponse(
        ("Organization.Id", "Organization.MasterAccountId"), is_consistent=checks.is_organization
    ),
    Read.DescribeMetricFilters: ExpectedResponse(
        (
            *("metricFilters", "metricFilters[].filterName", "metricFilters[].logGroupName"),
            "metricFilters[].metricTransformations",
            *_within("metricFilters[].metricTransformations[]", "metricName", "metricNamespace", "metricValue"),
        ),
        subject=(("metricFilters[].logGroupName", "logGroupName"),),
        is_consistent=checks.are_filters,
    ),
    Read.TestMetricFilter: ExpectedResponse(("matches",)),
    Read.DescribeAlarms: ExpectedResponse(
        (
            *_within("MetricAlarms[]", "AlarmName", "AlarmArn", "ActionsEnabled", "StateValue"),
            *_within("CompositeAlarms[]", "AlarmName", "AlarmArn"),
        ),
        is_consistent=checks.are_alarms,
    ),
    Read.ListTagsForResource: ExpectedResponse(("Tags", "Tags[].Key")),
    Read.GetResources: ExpectedResponse(
        (
            *("ResourceTagMappingList", "ResourceTagMappingList[].ResourceARN"),
            *("ResourceTagMappingList[].Tags", "ResourceTagMappingList[].Tags[].Key"),
        ),
        is_consistent=checks.are_tagged_alarms,
    ),
    Write.CreateTrail: ExpectedResponse(
        _WRITTEN, subject=(("Name", "Name"), ("S3BucketName", "S3BucketName")), is_consistent=checks.is_created
    ),
    Write.UpdateTrail: ExpectedResponse(_WRITTEN, subject=(("TrailARN", "Name"),), is_consistent=checks.is_updated),
    Write.PutEventSelectors: _SELECTORS,
    Write.PutInsightSelectors: ExpectedResponse(("TrailARN",), subject=(("TrailARN", "TrailName"),)),
    Write.PutEventConfiguration: ExpectedResponse(("TrailARN",), subject=(("TrailARN", "TrailName"),)),
    Write.StartLogging: _NOTHING,
    Write.StopLogging: _NOTHING,
    Write.AddTags: _NOTHING,
    Write.RemoveTags: _NOTHING,
    Write.DeleteTrail: _NOTHING,
    Write.PutMetricFilter: _NOTHING,
    Write.DeleteMetricFilter: _NOTHING,
    Write.PutMetricAlarm: _NOTHING,
    Write.DeleteAlarms: _NOTHING,
    Write.TagResource: _NOTHING,
    Write.UntagResource: _NOTHING,
    Queue.GetQueueUrl: ExpectedResponse(("QueueUrl",), is_consistent=checks.is_queue),
    Queue.ReceiveMessage: ExpectedResponse(("Messages[].ReceiptHandle",), is_consistent=checks.are_asked_for),
    Queue.DeleteMessageBatch: ExpectedResponse(
        ("Successful[].Id", "Failed[].Id", "Failed[].Code"), is_consistent=checks.are_all_answered
    ),
    Internal.AssumeRole: _CREDENTIALS,
    Internal.AssumeRoleWithWebIdentity: _CREDENTIALS,
    Internal.HeadBucket: ExpectedResponse(has_body=False),
}
"""What a valid response to each operation must have."""
BY_NAME = {operation.name: expected for operation, expected in RESPONSES.items()}


def members(value: Any, path: str) -> Iterator[Any]:
    """Yield the members at a path; None for one that is absent."""
    name, _, rest = path.partition(".")
    each = name.endswith("[]")
    found = value.get(name.removesuffix("[]"))
    for one in (found or ()) if each else (found,):
        if rest and one is not None:
            yield from members(one, rest)
        else:
            yield one
