"""What can become of an answer of AWS on its way, and whether it is one still: by the reference, not by the operator.

Ways of transport are the same for every operation. The others are generated from botocore's model, for each member that
the answer has or could have: missing, null, of another type, of an unknown value.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from tests.statemachine.raw import Raw, is_json, operation_model
from trail_sandbox.aws.cloudtrail.shapes import fits

PAGE = b"<html><body>Please log in</body></html>"
DESCRIBED = ("Name", "TrailARN", "HomeRegion", "IncludeGlobalServiceEvents", "IsMultiRegionTrail")
WRITTEN = ("Name", "TrailARN", "S3BucketName", "IncludeGlobalServiceEvents", "IsMultiRegionTrail")
_ALARMS = ("MetricAlarms", "CompositeAlarms")
_TAGGED = ("ResourceARN", "Tags", "Tags.Key")
# What an answer must have, and what it must say of what was asked for; by the path of the member.
REQUIRED: dict[str, set[str]] = {
    "GetTrail": {"Trail", *(f"Trail.{name}" for name in (*DESCRIBED, "LogFileValidationEnabled", "S3BucketName"))},
    "GetTrailStatus": {
        "IsLogging",
        *("LatestDeliveryAttemptTime", "LatestDeliveryAttemptSucceeded", "LatestNotificationAttemptTime"),
        *("LatestNotificationAttemptSucceeded", "TimeLoggingStarted", "TimeLoggingStopped"),
    },
    "GetEventSelectors": {"TrailARN", "EventSelectors"},
    "GetInsightSelectors": {"TrailARN"},
    "GetEventConfiguration": {"TrailARN"},
    "ListTags": {"ResourceTagList", "ResourceTagList.ResourceId", "ResourceTagList.TagsList.Key"},
    "ListTrails": {"Trails", *(f"Trails.{name}" for name in ("Name", "TrailARN", "HomeRegion"))},
    "LookupEvents": {"Events", *(f"Events.{name}" for name in ("EventId", "EventName", "CloudTrailEvent"))},
    "DescribeTrails": {"trailList", *(f"trailList.{name}" for name in (*DESCRIBED, "LogFileValidationEnabled"))},
    "GetQueueUrl": {"QueueUrl"},
    "ReceiveMessage": {"Messages.ReceiptHandle"},
    "DeleteMessageBatch": {"Successful", "Successful.Id"},
    "DescribeMetricFilters": {
        "metricFilters",
        *(f"metricFilters.{name}" for name in ("filterName", "logGroupName", "metricTransformations")),
        *(f"metricFilters.metricTransformations.{name}" for name in ("metricName", "metricNamespace", "metricValue")),
    },
    "DescribeLogGroups": {"logGroups", "logGroups.logGroupName"},
    "TestMetricFilter": {"matches"},
    "DescribeAlarms": {
        *(f"MetricAlarms.{name}" for name in ("AlarmName", "AlarmArn", "ActionsEnabled", "StateValue")),
        *(f"CompositeAlarms.{name}" for name in ("AlarmName", "AlarmArn")),
    },
    "ListTagsForResource": {"Tags", "Tags.Key"},
    "GetResources": {"ResourceTagMappingList", *(f"ResourceTagMappingList.{name}" for name in _TAGGED)},
}
IDENTITY = {
    "GetTrail": {"Trail.Name", "Trail.TrailARN", "Trail.HomeRegion"},
    "GetEventSelectors": {"TrailARN"},
    "GetInsightSelectors": {"TrailARN"},
    "GetEventConfiguration": {"TrailARN"},
    "ListTags": {"ResourceTagList.ResourceId"},
    "ListTrails": {"Trails.Name", "Trails.TrailARN"},
    "DescribeTrails": {"trailList.Name", "trailList.TrailARN"},
    "LookupEvents": {"Events.EventName"},
    "GetQueueUrl": {"QueueUrl"},
    "DeleteMessageBatch": {"Successful.Id"},
    "DescribeMetricFilters": {"metricFilters.filterName", "metricFilters.logGroupName"},
    "DescribeLogGroups": {"logGroups.logGroupName"},
    "DescribeAlarms": {f"{kind}.{name}" for kind in _ALARMS for name in ("AlarmName", "AlarmArn")},
    "GetResources": {f"ResourceTagMappingList.{name}" for name in ("ResourceARN", "Tags.Key", "Tags.Value")},
    "DescribeOrganization": {f"Organization.{name}" for name in ("Id", "Arn", "MasterAccountId")},
}
# At least so many cases are made of an answer's members: of few, each is garbled in more ways.
MADE = 30
_FEWEST = 5
_VALUES: tuple[Any, ...] = (
    *("unknown", 7, True, [1], {"a": 1}, 1.5, [], {}, False, -1, "true", [{}], [None], "7", [[]], 0),
    *(10**30, {"": None}, ["a"], 1e300, [True], "[]", {"a": {}}, "\u20ac"),
    *([[[]]], -1.5, {"a": [None]}, [1.5], {"a": True}, [-1], {"": {"": ""}}, [["a"]]),
)
# Instead of <leaf>text</leaf>; {0} is the name of the leaf.
_MARKUP: dict[str, str] = {
    "missing": "",
    "empty": "<{0}/>",
    "with another within": "<{0}><{0}>x</{0}></{0}>",
    "twice": "<{0}>x</{0}><{0}>y</{0}>",
    "of an unknown value": "<{0}>unknown</{0}>",
    "of no text": "<{0}></{0}>",
    "of a comment": "<{0}><!-- x --></{0}>",
    "of another name": "<X{0}>x</X{0}>",
    "of another namespace": '<{0} xmlns="urn:x">x</{0}>',
    "with members within": "<{0}><member><a>1</a></member></{0}>",
    "as a list": "<member><{0}>x</{0}></member>",
    "as an attribute": '<{0} value="x"/>',
    "of CDATA": "<{0}><![CDATA[<x>]]></{0}>",
    **{
        f"of the text {text!r}": f"<{{0}}>{text}</{{0}}>"
        for text in (
            *("7", "-1", "1.5", "true", "null", " ", "[]", "{{}}", "&quot;x&quot;", "a&amp;b", "&lt;b&gt;", "a\nb"),
            *("\u20ac", "%7B%7D", "%", "x" * 5000, "arn:aws:iam::1:role/x", "2001-01-01T00:00:00Z"),
        )
    },
}
_STATEMENTS: tuple[Any, ...] = (None, 7, "x", True, {}, [], [None], [7], ["x"], [[]], [{}])
_IN_STATEMENTS: tuple[dict[str, Any], ...] = (
    *({"Effect": 7}, {"Effect": None}, {"Principal": 7}, {"Principal": {"AWS": None}}, {"Action": {}}),
    *({"Action": [7]}, {"Resource": None}, {"Condition": 7}, {"Condition": {"StringEquals": 7}}),
    {"Condition": {"Unheard": {"of": [None, {}]}}},
)
# Of S3, which answers a policy as it is.
_POLICIES: tuple[str, ...] = (
    *("{", "7", "true", '"x"', "[{}]", "{}", '{"a": 1}', " ", "null null", "{}{}", "%7B%7D", "<Policy>{}</Policy>"),
    *(json.dumps({"Version": "2012-10-17", "Statement": value}) for value in _STATEMENTS),
    *(
        json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"} | odd]})
        for odd in _IN_STATEMENTS
    ),
)


@dataclass(frozen=True)
class Case:
    """One way in which the answers to one operation are garbled."""

    service: str
    operation: str
    name: str
    garble: Callable[[Raw], Raw | None]
    is_none: bool
    """Whether what comes of it is certain to be no answer."""
    needs_answer: bool = False
    """Whether it is made of AWS's own answer."""
    kind: str = ""
    """Cases of one kind differ little, so that a sample has one in a few of them. Without a kind a case is alone."""

    def __str__(self) -> str:
        return f"{self.operation}: {self.name}"


def cases(service: str, operation: str, answer: Raw) -> list[Case]:
    """All ways for one operation, of which `answer` is AWS's answer."""
    ways = [Case(service, operation, name, way, is_none=True, kind="transport") for name, way in _WAYS.items()]
    assert len(ways) >= 12
    cuts = [
        Case(
            service, operation, f"cut after {tenths} tenths", _cut(tenths), is_none=True, needs_answer=True, kind="cut"
        )
        for tenths in range(1, 10)
    ]
    made = list(_made(service, operation, answer))
    shape = operation_model(service, operation).output_shape
    assert len(made) >= MADE or not (isinstance(shape, StructureShape) and shape.members), f"{operation}: {len(made)}"
    return [*ways, *cuts, *made]


def _made(service: str, operation: str, answer: Raw) -> Iterator[Case]:
    """The cases that are made of the answer's members."""
    if operation == "GetBucketPolicy":
        for text in _POLICIES:
            yield Case(
                service, operation, f"policy {text}", _sends(text.encode()), False, needs_answer=True, kind="policy"
            )
    elif is_json(service):
        yield from _of_json(service, operation, answer)
    else:
        yield from _of_xml(service, operation, answer)


def _cut(tenths: int) -> Callable[[Raw], Raw]:
    return lambda raw: Raw(raw.body[: max(len(raw.body) * tenths // 10, 1)][:-1], raw.status)


def _sends(body: bytes, status: int = 200) -> Callable[[Raw], Raw]:
    return lambda _: Raw(body, status)


_WAYS: dict[str, Callable[[Raw], Raw | None]] = {
    "a page": _sends(PAGE),
    "nothing": _sends(b""),
    "no content": _sends(b"", 204),
    "null": _sends(b"null"),
    "a list": _sends(b"[]"),
    "a text": _sends(b'"ok"'),
    "an error as a success": _sends(b'{"__type": "InternalFailure", "message": "no"}'),
    "too deep": _sends(b"[" * 100_000),
    "UTF-32": lambda raw: Raw(raw.body.decode().encode("utf-32"), raw.status),
    "compressed": lambda raw: Raw(gzip.compress(raw.body), raw.status),
    "a redirect": _sends(PAGE, 302),
    "a page that forbids": _sends(PAGE, 403),
    "a page that was not found": _sends(PAGE, 404),
    "an error without a code": _sends(b'{"message": "no"}', 400),
    "an error of a gateway": _sends(PAGE, 502),
    "drips": lambda _: None,
}


def _of_json(service: str, operation: str, answer: Raw) -> Iterator[Case]:
    shape = operation_model(service, operation).output_shape
    whole = json.loads(answer.body)
    assert shape is not None
    members = list(_members(shape, whole))
    for path, member in members:
        name = ".".join(str(part) for part in path if part != 0)
        is_needed = name in REQUIRED.get(operation, ())
        absent = f"{name} absent"
        yield _json_case(service, operation, f"{name} missing", path, _MISSING, is_needed, absent)
        yield _json_case(service, operation, f"{name} null", path, None, is_needed, absent)
        unfit = [value for value in _VALUES if not _fits(member, value)]
        for value in unfit[: _share(members) - 2]:
            yield _json_case(service, operation, f"{name} {json.dumps(value)}", path, value, True, f"{name} unfit")
        is_none = name in IDENTITY.get(operation, ())
        for kind, other in _OTHER.get(member.type_name, {}).items():
            yield _json_case(service, operation, f"{name} {kind}", path, other(_at(whole, path)), is_none)


# Values that fit, and are others than AWS's.
_SEVEN = {"of an unknown value": lambda _: 7}
_OTHER: dict[str, Mapping[str, Callable[[Any], Any]]] = {
    "string": {
        "of an unknown value": lambda _: "unknown",
        "of too many digits": lambda _: "9" * 5000,
        "of digits that no float has": lambda _: "9" * 400,
        "of a lone surrogate": lambda _: "\ud800",
    },
    "integer": _SEVEN,
    "long": _SEVEN,
    "timestamp": _SEVEN,
    "boolean": {"of an unknown value": lambda value: not value},
    "map": {"of unknown keys": lambda value: {f"{key}-x": one for key, one in (value or {}).items()}},
}


def _share(members: Sequence[object]) -> int:
    """In how many ways each of the members is garbled."""
    return max(_FEWEST + 2, -(-MADE // len(members)) + 1)


def _fits(shape: Shape, value: Any) -> bool:
    """Whether a value is of the type that a member has."""
    if isinstance(shape, ListShape) and isinstance(value, list):
        return all(_fits(shape.member, one) for one in value)
    if isinstance(shape, MapShape):
        return isinstance(value, dict) and all(one is None or _fits(shape.value, one) for one in value.values())
    if shape.type_name == "double":  # CloudTrail has none
        return isinstance(value, int | float) and not isinstance(value, bool)
    return fits(shape, value)


_MISSING = object()


def _json_case(
    service: str, operation: str, name: str, path: tuple[str | int, ...], value: object, is_none: bool, kind: str = ""
) -> Case:
    def garble(raw: Raw) -> Raw:
        if raw.status != 200:
            return raw
        result = deepcopy(json.loads(raw.body))
        _put(result, path, value)
        return Raw(json.dumps(result).encode())

    return Case(service, operation, name, garble, is_none, needs_answer=True, kind=kind)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else value[part]
    return value


def _put(target: Any, path: tuple[str | int, ...], value: object) -> None:
    for part in path[:-1]:
        try:
            target = target[part]
        except (KeyError, IndexError):
            return
    if value is _MISSING:
        target.pop(path[-1], None)
    else:
        target[path[-1]] = value


def _members(
    shape: Shape, value: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Shape]]:
    """The members of an answer: all that its structures could have, of maps the entries, of lists the first one's."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, member in shape.members.items():
            yield (*path, name), member
            yield from _members(member, value.get(name), (*path, name))
    elif isinstance(shape, MapShape) and value:
        for key, one in value.items():
            yield (*path, key), shape.value
            yield from _members(shape.value, one, (*path, key))
    elif isinstance(shape, ListShape) and value:
        yield from _members(shape.member, value[0], (*path, 0))


def _of_xml(service: str, operation: str, answer: Raw) -> Iterator[Case]:
    """Of each leaf other markup; whether what comes of it is an answer is not said."""
    leaves = list(dict.fromkeys(re.findall(r"<(\w+)>[^<]*</\1>", answer.body.decode())))
    for leaf in leaves:
        for name, markup in list(_MARKUP.items())[: _share(leaves)]:
            garble = _replace(leaf, markup.format(leaf))
            yield Case(service, operation, f"{leaf} {name}", garble, False, needs_answer=True, kind=f"{leaf} markup")


def _replace(leaf: str, text: str) -> Callable[[Raw], Raw]:
    def garble(raw: Raw) -> Raw:
        return Raw(re.sub(rf"<{leaf}>[^<]*</{leaf}>", lambda _: text, raw.body.decode()).encode(), raw.status)

    return garble
