"""The bounds of the Trail's schema: where in a Trail a value of a certain length stands."""

from collections.abc import Callable

from tests.integration.admission.bounds import Bounds
from tests.integration.admission.cases import (
    DATA,
    DATA_ONLY,
    DESTINATIONS,
    FIELDS,
    GROUP,
    MANAGEMENT,
    OBJECTS,
    OPERATORS,
    ROLE,
    Parts,
    advanced,
    aggregation,
    basic,
    changed_by,
    condition,
    delivery,
    difference,
    functions,
    group,
    insight,
    last_drift,
    numbered,
    refusal,
    resources,
    role,
    selector,
    several,
    spec,
    status,
    tag,
    where,
)

_FUNCTION = "AWS::Lambda::Function"
_EVENT_SELECTORS = "spec.eventSelectors"
_INSIGHTS = "spec.insightSelectors"
_AGGREGATIONS = "spec.aggregationConfigurations"


def _of_operator(operator: str) -> dict[str, Callable[[int], Parts]]:
    return {
        # One value less: all selectors of a trail have 500 at most, and one of them is the category.
        f"{FIELDS}[].{operator}": lambda n: advanced(MANAGEMENT, where("f", *numbered(n), operator=operator)),
        f"{FIELDS}[].{operator}[]": lambda n: advanced(MANAGEMENT, where("f", "v" * n, operator=operator)),
    }


# An é tells characters from bytes.
_SIZED: dict[str, Callable[[int], Parts]] = {
    "spec.name": lambda n: spec(name="a" * n),
    "spec.region": lambda n: spec(region=f"us-{'a' * (n - 5)}-1"),
    "spec.accountRef.name": lambda n: spec(accountRef={"name": "a" * n}),
    "spec.s3BucketName": lambda n: spec(s3BucketName="b" * n),
    "spec.s3KeyPrefix": lambda n: spec(s3KeyPrefix="é" * n),
    "spec.snsTopicName": lambda n: spec(snsTopicName="t" * n),
    "spec.cloudWatchLogsLogGroupARN": lambda n: group(GROUP.ljust(n, "x")),
    "spec.cloudWatchLogsRoleARN": lambda n: role(ROLE.ljust(n, "x")),
    "spec.kmsKeyID": lambda n: spec(kmsKeyID="alias/".ljust(n, "k")),
    "spec.tags": lambda n: spec(tags=[{"key": key} for key in numbered(n)]),
    "spec.tags[].key": lambda n: tag("é" * n),
    "spec.tags[].value": lambda n: tag("k", "é" * n),
    _EVENT_SELECTORS: lambda n: spec(eventSelectors=[{}] * n),
    f"{_EVENT_SELECTORS}[].dataResources": lambda n: basic(
        dataResources=[{"type": _FUNCTION, "values": [one]} for one in functions(n)]
    ),
    f"{_EVENT_SELECTORS}[].dataResources[].type": lambda n: resources("arn:aws:new", kind="A" * n),
    f"{_EVENT_SELECTORS}[].dataResources[].values": lambda n: resources(*functions(n), kind=_FUNCTION),
    f"{_EVENT_SELECTORS}[].dataResources[].values[]": lambda n: resources("a" * n),
    f"{_EVENT_SELECTORS}[].excludeManagementEventSources": lambda n: basic(excludeManagementEventSources=numbered(n)),
    f"{_EVENT_SELECTORS}[].excludeManagementEventSources[]": lambda n: basic(excludeManagementEventSources=["a" * n]),
    "spec.advancedEventSelectors": lambda n: spec(advancedEventSelectors=[selector(DATA, OBJECTS)] * n),
    "spec.advancedEventSelectors[].name": lambda n: advanced(MANAGEMENT, name="é" * n),
    FIELDS: lambda n: advanced(*[MANAGEMENT, *(where(field, "v") for field in numbered(n))][:n]),
    f"{FIELDS}[].field": lambda n: advanced(MANAGEMENT, where("f" * n, "v")),
    **{path: sized for operator in OPERATORS for path, sized in _of_operator(operator).items()},
    _INSIGHTS: lambda n: spec(insightSelectors=[{"insightType": kind} for kind in numbered(n)]),
    f"{_INSIGHTS}[].insightType": lambda n: insight("A" * n),
    f"{_INSIGHTS}[].eventCategories": lambda n: insight("New", *numbered(n)),
    f"{_INSIGHTS}[].eventCategories[]": lambda n: insight("New", "A" * n),
    _AGGREGATIONS: lambda n: spec(
        aggregationConfigurations=[{"eventCategory": one, "templates": ["A"]} for one in ("Data", "New")[:n]],
        **DATA_ONLY,
    ),
    f"{_AGGREGATIONS}[].eventCategory": lambda n: aggregation("A", category="D" * n),
    f"{_AGGREGATIONS}[].templates": lambda n: aggregation(*numbered(n)),
    f"{_AGGREGATIONS}[].templates[]": lambda n: aggregation("A" * n),
    "status.ownerTag": lambda n: status(ownerTag="x" * n),
    "status.conditions": lambda n: several(condition(), n, "type"),
    "status.conditions[].message": lambda n: condition(message="m" * n),
    "status.delivery": lambda n: several(delivery(), n, "destination", [*DESTINATIONS, "S3"][:n]),
    "status.delivery[].error": lambda n: delivery(error="e" * n),
    "status.drift": lambda n: several(difference(), n, "path"),
    "status.drift[].path": lambda n: difference(path="p" * n),
    "status.drift[].desired": lambda n: difference(desired="d" * n),
    "status.drift[].observed": lambda n: difference(observed="o" * n),
    "status.lastDrift.paths": lambda n: last_drift(paths=numbered(n)),
    "status.lastDrift.paths[]": lambda n: last_drift(paths=["p" * n]),
    "status.lastDrift.changedBy.principal": lambda n: changed_by(principal="p" * n),
    "status.lastDrift.changedBy.sourceIdentity": lambda n: changed_by(sourceIdentity="s" * n),
    "status.lastDrift.changedBy.onBehalfOf": lambda n: changed_by(onBehalfOf="o" * n),
    "status.lastDrift.changedBy.sourceIPAddress": lambda n: changed_by(sourceIPAddress="i" * n),
    "status.lastDrift.changedBy.userAgent": lambda n: changed_by(userAgent="u" * n),
    "status.lastDrift.changedBy.eventName": lambda n: changed_by(eventName="e" * n),
    "status.lastDrift.changedBy.eventID": lambda n: changed_by(eventID="e" * n),
    "status.refusals": lambda n: refusal(*numbered(n)),
    "status.refusals[].operation": lambda n: refusal("o" * n),
    "status.refusals[].message": lambda n: refusal("UpdateTrail", message="m" * n),
}

_CHOSEN: dict[str, Callable[[str], Parts]] = {
    f"{_EVENT_SELECTORS}[].readWriteType": lambda name: basic(readWriteType=name),
    "spec.adoptionPolicy": lambda name: spec(adoptionPolicy=name),
    "spec.managementPolicy": lambda name: spec(managementPolicy=name),
    "status.conditions[].status": lambda name: condition(status=name),
    "status.delivery[].destination": lambda name: delivery(destination=name),
    "status.lastDrift.changedBy.source": lambda name: changed_by(source=name),
}

TRAIL_BOUNDS = Bounds(
    _SIZED,
    _CHOSEN,
    # There are only so many destinations.
    besides={"status.delivery": frozenset({"status.delivery[]"})},
    one_less=frozenset(f"{FIELDS}[].{operator}" for operator in OPERATORS),
)
