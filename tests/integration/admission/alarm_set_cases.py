"""For each rule of a TrailAlarmSet's schema: what the API server accepts, what it refuses, and what it then says."""

from collections.abc import Callable
from typing import Any

from tests.integration.admission.bounds import Bounds
from tests.integration.admission.cases import (
    NO_CONTROL,
    POLICIES,
    STATUS,
    TAGS,
    Case,
    Parts,
    named,
    numbered,
    odd,
    spec,
    status,
)
from tests.integration.admission.trail_bounds import TRAIL_BOUNDS

MINIMAL: Parts = {
    "apiVersion": "trail-operator.dev/v1alpha1",
    "kind": "TrailAlarmSet",
    "metadata": {"name": "alarms"},
    "spec": {"trailRef": {"name": "audit"}, "presets": ["SecurityHub"]},
}
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
PATTERN = "{ $.eventName = DeleteTrail }"


def custom(**fields: Any) -> Parts:
    """A spec with one alarm of the user's own."""
    return spec(alarms=[{"name": "TrailDeleted", "filterPattern": PATTERN, **fields}])


def override(**fields: Any) -> Parts:
    """A spec with a change to one preset alarm."""
    return spec(overrides=[{"name": "RootUsage", **fields}])


def recorded(**fields: Any) -> Parts:
    """A status with one recorded filter."""
    return status(filters=[{"logGroup": "audit", "name": "prod/security/alarms/RootUsage", **fields}])


ALARMS: dict[str, Callable[..., Parts]] = {"spec.alarms[]": custom, "spec.overrides[]": override}
ACTIONS: dict[str, Callable[..., Parts]] = {"spec": spec, **ALARMS}
STATES = ("alarm", "ok", "insufficientData")

NAMES = [
    Case(
        "",
        "rule",
        accepted=[named("a" * 63), named("a.b-c")],
        refused=[named("a" * 64), named("a" * 253)],
        says="must have at most 63 characters to fit into the names of the alarms in AWS: choose a shorter name",
    ),
]

REFERENCES = [
    Case(
        "spec.trailRef",
        "rule",
        before={},
        accepted=[spec(trailRef={"name": "audit"}), spec(presets=["CIS"])],
        refused=[spec(trailRef={"name": "other"})],
        says="immutable: create a second TrailAlarmSet for the other Trail, then delete this one",
    ),
    Case(
        "spec.trailRef.name",
        "rule",
        accepted=[spec(trailRef={"name": "audit.logs-1"})],
        refused=[spec(trailRef={"name": name}) for name in odd("audit")],
        says=f"trailRef.name {NO_CONTROL}",
    ),
]

WHAT = [
    Case(
        "spec",
        "rule",
        accepted=[spec(presets=["CIS"]), {"spec": {"presets": None, **custom()["spec"]}}],
        refused=[
            spec(presets=None),
            spec(presets=[]),
            spec(presets=[], alarms=[]),
            {"spec": {**override()["spec"], "presets": None}},
        ],
        says="the spec asks for no alarm: set presets (SecurityHub or CIS) or alarms",
    ),
    Case(
        "spec.presets[]",
        "x-kubernetes-list-type",
        accepted=[spec(presets=["SecurityHub", "CIS"])],
        refused=[spec(presets=["CIS", "CIS"])],
        says="Duplicate value",
    ),
    Case(
        "spec.exclude[]",
        "x-kubernetes-list-type",
        accepted=[spec(exclude=["RootUsage", "VPCChanges"])],
        refused=[spec(exclude=["RootUsage", "RootUsage"])],
        says="Duplicate value",
    ),
    Case(
        "spec.exclude[]",
        "rule",
        accepted=[spec(exclude=["RootUsage"])],
        refused=[spec(exclude=[name]) for name in ("Root Usage", "Root/Usage", "*", "RootUsage\n")],
        says="may contain only letters, digits and . _ -: choose such a name",
    ),
]


def _of_alarms(path: str, alarm: Callable[..., Parts]) -> list[Case]:
    (name,) = alarm()["spec"]
    (entry,) = alarm()["spec"][name]
    return [
        Case(
            path,
            "x-kubernetes-list-map-keys",
            accepted=[spec(**{name: [entry, {**entry, "name": "VPCChanges"}]})],
            refused=[spec(**{name: [entry, {**entry, "threshold": 2}]})],
            says="Duplicate value",
        ),
        Case(
            f"{path}.name",
            "rule",
            accepted=[alarm(name="a.B_c-1"), alarm(name="-")],
            refused=[alarm(name=one) for one in ("a b", "a/b", "a:b", "a*", "ä", "a\n")],
            says="may contain only letters, digits and . _ -: choose such a name",
        ),
        Case(
            f"{path}.description",
            "rule",
            accepted=[alarm(description="The trail was deleted: see the runbook."), alarm(description="")],
            refused=[alarm(description=one) for one in odd("a")],
            says=f"description {NO_CONTROL}",
        ),
        Case(
            f"{path}.metricValue",
            "rule",
            accepted=[alarm(metricValue=one) for one in ("1", "0.5", "-2", "1e3", "$.requestParameters.count")],
            refused=[alarm(metricValue=one) for one in ("one", "1,5", "$", "$.", "1 ", "$.a b", "1\n")],
            says='must be a number in quotes, such as "1", or a field of the event, such as $.field',
        ),
        Case(
            f"{path}.period",
            "rule",
            accepted=[alarm(period=one) for one in (10, 20, 30, 60, 3600, 86400)],
            refused=[alarm(period=one) for one in (15, 31, 61, 90, 3601)],
            says="must be 10, 20, 30 or a multiple of 60: it is in seconds",
        ),
        Case(
            path,
            "rule",
            accepted=[
                alarm(datapointsToAlarm=1),
                alarm(datapointsToAlarm=2, evaluationPeriods=2),
                alarm(datapointsToAlarm=1, evaluationPeriods=3),
            ],
            refused=[alarm(datapointsToAlarm=2), alarm(datapointsToAlarm=4, evaluationPeriods=3)],
            says="must be at most evaluationPeriods, which is 1 if omitted: lower it, or raise evaluationPeriods",
        ),
        Case(
            path,
            "rule",
            accepted=[
                alarm(evaluationPeriods=288),
                alarm(period=60, evaluationPeriods=1440),
                alarm(period=3540, evaluationPeriods=24),
                alarm(period=3600, evaluationPeriods=168),
                alarm(period=604800),
            ],
            refused=[
                alarm(evaluationPeriods=289),
                alarm(period=60, evaluationPeriods=1441),
                alarm(period=3540, evaluationPeriods=25),
                alarm(period=3600, evaluationPeriods=169),
                alarm(period=604800, evaluationPeriods=2),
            ],
            says="must be at most a day (86400), or seven days (604800) if period is at least 3600: lower one of them",
        ),
    ]


def _of_actions(path: str, make: Callable[..., Parts]) -> list[Case]:
    return [
        case
        for state in STATES
        for case in (
            Case(
                f"{path}.actions.{state}[]",
                "x-kubernetes-list-type",
                accepted=[make(actions={state: [TOPIC, f"{TOPIC}-2"]}), make(actions={state: []}), make(actions={})],
                refused=[make(actions={state: [TOPIC, TOPIC]})],
                says="Duplicate value",
            ),
            Case(
                f"{path}.actions.{state}[]",
                "rule",
                accepted=[
                    make(actions={state: [one]})
                    for one in (TOPIC, f"{TOPIC}.fifo", TOPIC.replace("aws:", "aws-us-gov:"))
                ],
                refused=[
                    make(actions={state: [one]})
                    for one in (
                        "alarms",
                        "",
                        f"{TOPIC}\n",
                        f"{TOPIC}:subscription",
                        "arn:aws:sns:us-east-1:12345678901:alarms",
                        "arn:aws:lambda:us-east-1:123456789012:function:alarms",
                        "arn:aws:automate:us-east-1:ec2:stop",
                        "arn:aws:ssm:us-east-1:123456789012:opsitem:1",
                    )
                ],
                says="must be the ARN of an SNS topic: arn:aws:sns:REGION:ACCOUNT:NAME",
            ),
        )
    ]


CUSTOM = [
    Case(
        "spec.alarms[].filterPattern",
        "rule",
        accepted=[custom(filterPattern=PATTERN), custom(filterPattern="x")],
        refused=[custom(filterPattern=one) for one in ("", " ", "\t", "\n")],
        says="must not be empty, because an empty pattern matches every event: write a pattern such as "
        "{ $.eventName = DeleteTrail }",
    ),
    Case(
        "spec.alarms[].filterPattern",
        "rule",
        accepted=[custom(filterPattern='{ ($.errorCode = "*UnauthorizedOperation") && ($.a NOT EXISTS) }')],
        refused=[custom(filterPattern=one) for one in odd(PATTERN)],
        says="must be one line without control characters: remove line breaks (in YAML, write >- and not |)",
    ),
]

FILTERS = [
    Case(
        "status.filters[]",
        "x-kubernetes-list-map-keys",
        accepted=[
            status(filters=[{"logGroup": group, "name": name} for group in ("a", "b") for name in ("c", "d")]),
        ],
        refused=[status(filters=recorded()["status"]["filters"] * 2)],
        says="Duplicate value",
    ),
]

CASES = [
    *NAMES,
    *REFERENCES,
    *WHAT,
    *(case for path, alarm in ALARMS.items() for case in _of_alarms(path, alarm)),
    *(case for path, make in ACTIONS.items() for case in _of_actions(path, make)),
    *CUSTOM,
    *TAGS,
    *POLICIES,
    *FILTERS,
    *(case for case in STATUS if not case.path.startswith("status.delivery")),
]


def _sized_alarms(path: str, alarm: Callable[..., Parts]) -> dict[str, Callable[[int], Parts]]:
    (name,) = alarm()["spec"]
    (entry,) = alarm()["spec"][name]
    return {
        f"spec.{name}": lambda n: spec(**{name: [{**entry, "name": one} for one in numbered(n)]}),
        f"{path}.name": lambda n: alarm(name="a" * n),
        f"{path}.description": lambda n: alarm(description="é" * n),
        f"{path}.metricValue": lambda n: alarm(metricValue="1" * n),
        f"{path}.period": lambda n: alarm(period=n),
        f"{path}.evaluationPeriods": lambda n: alarm(evaluationPeriods=n, period=10),
        f"{path}.datapointsToAlarm": lambda n: alarm(datapointsToAlarm=n, evaluationPeriods=8640, period=10),
    }


def _sized_actions(path: str, make: Callable[..., Parts], state: str) -> dict[str, Callable[[int], Parts]]:
    return {
        f"{path}.actions.{state}": lambda n: make(actions={state: [f"{TOPIC}-{one}" for one in numbered(n)]}),
        f"{path}.actions.{state}[]": lambda n: make(actions={state: [TOPIC.ljust(n, "x")]}),
    }


def _chosen_alarms(path: str, alarm: Callable[..., Parts]) -> dict[str, Callable[[str], Parts]]:
    return {
        f"{path}.statistic": lambda name: alarm(statistic=name),
        f"{path}.comparisonOperator": lambda name: alarm(comparisonOperator=name),
        f"{path}.treatMissingData": lambda name: alarm(treatMissingData=name),
    }


BOUNDS = Bounds(
    sized={
        **{path: sized for path, sized in TRAIL_BOUNDS.sized.items() if path.startswith(("status.", "spec.tags"))},
        "spec.trailRef.name": lambda n: spec(trailRef={"name": "a" * n}),
        "spec.presets": lambda n: spec(presets=["SecurityHub", "CIS", "CIS"][:n]),
        "spec.exclude": lambda n: spec(exclude=numbered(n)),
        "spec.exclude[]": lambda n: spec(exclude=["a" * n]),
        **{path: sized for one, alarm in ALARMS.items() for path, sized in _sized_alarms(one, alarm).items()},
        "spec.alarms[].filterPattern": lambda n: custom(filterPattern="é" * n),
        **{
            path: sized
            for one, make in ACTIONS.items()
            for state in STATES
            for path, sized in _sized_actions(one, make, state).items()
        },
        "status.accountName": lambda n: status(accountName="a" * n),
        "status.namePrefix": lambda n: status(namePrefix="a" * n),
        "status.filters": lambda n: status(filters=[{"logGroup": "audit", "name": one} for one in numbered(n)]),
        "status.filters[].logGroup": lambda n: recorded(logGroup="a" * n),
        "status.filters[].name": lambda n: recorded(name="a" * n),
    },
    chosen={
        **{path: chosen for path, chosen in TRAIL_BOUNDS.chosen.items() if path.startswith("status.")},
        "spec.presets[]": lambda name: spec(presets=[name]),
        **{path: chosen for one, alarm in ALARMS.items() for path, chosen in _chosen_alarms(one, alarm).items()},
        "spec.managementPolicy": lambda name: spec(managementPolicy=name),
    },
    besides={
        "spec.presets": frozenset({"spec.presets[]"}),  # there are only so many
        **{
            f"{path}.{name}": frozenset({path})  # the rules about several fields
            for path in ALARMS
            for name in ("period", "evaluationPeriods", "datapointsToAlarm")
        },
    },
)
