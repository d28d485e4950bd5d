"""The laws of plans, on an emulation of what AWS documents that the writes do, as small as can be."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import ARN, MINIMAL, OWNER, desired, observed
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.actions import Action
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.diff import differences
from trail_operator.domain.plan import plan
from trail_operator.domain.selector_conversion import read_aggregations, read_insights, read_selectors
from trail_operator.domain.selectors import DEFAULT, AdvancedSelector, BasicSelector, FieldCondition, Selectors
from trail_operator.domain.trail import DesiredTrail, ObservedTrail

Event = tuple[str, str, str, bool]
"""Where it happens, in whose account, what it is, whether the trail's own delivery caused it."""

S3 = "AWS::S3::Object"
CALL_RATE, ERROR_RATE = "ApiCallRateInsight", "ApiErrorRateInsight"


def _advanced(category: str, **conditions: str) -> AdvancedSelector:
    entries = [FieldCondition("eventCategory", equals=(category,))]
    entries += [FieldCondition(field.replace("_", "."), equals=(value,)) for field, value in conditions.items()]
    return AdvancedSelector("", tuple(sorted(entries, key=lambda entry: entry.field)))


# Selectors, and the kinds of events that they record.
KINDS: dict[Selectors, frozenset[str]] = {
    DEFAULT: frozenset({"reads", "writes"}),
    (BasicSelector(read_write_type="ReadOnly"),): frozenset({"reads"}),
    (BasicSelector(read_write_type="WriteOnly"),): frozenset({"writes"}),
    (BasicSelector(data_resources=((S3, ("arn:aws:s3",)),)),): frozenset({"reads", "writes", "objects"}),
    (BasicSelector(include_management_events=False, data_resources=((S3, ("arn:aws:s3",)),)),): frozenset({"objects"}),
    (_advanced("Management"),): frozenset({"reads", "writes"}),
    (_advanced("Management", readOnly="false"),): frozenset({"writes"}),
    (_advanced("Management", readOnly="true"), _advanced("Data", resources_type=S3)): frozenset({"reads", "objects"}),
    (_advanced("Data", resources_type="AWS::Lambda::Function"),): frozenset({"functions"}),
    (_advanced("NetworkActivity", eventSource="ec2.amazonaws.com"),): frozenset({"network"}),
}
NEEDS: dict[tuple[str, str], set[str]] = {
    (CALL_RATE, "Management"): {"writes"},
    (ERROR_RATE, "Management"): {"reads", "writes"},
    (CALL_RATE, "Data"): {"objects", "functions"},
    (ERROR_RATE, "Data"): {"objects", "functions"},
    ("Data", "API_ACTIVITY"): {"objects", "functions"},
    ("Data", "USER_ACTIONS"): {"objects", "functions"},
}
_INSIGHTS = [need for need in NEEDS if "Insight" in need[0]]
_AGGREGATIONS = [need for need in NEEDS if "Insight" not in need[0]]
_PARAMETER_OF = {
    "s3_bucket_name": "S3BucketName",
    "s3_key_prefix": "S3KeyPrefix",
    "sns_topic_name": "SnsTopicName",
    "cloud_watch_logs_log_group_arn": "CloudWatchLogsLogGroupArn",
    "cloud_watch_logs_role_arn": "CloudWatchLogsRoleArn",
    "kms_key_id": "KmsKeyId",
    "is_multi_region_trail": "IsMultiRegionTrail",
    "include_global_service_events": "IncludeGlobalServiceEvents",
    "enable_log_file_validation": "EnableLogFileValidation",
    "is_organization_trail": "IsOrganizationTrail",
    "recursive_logging": "RecursiveLogging",
}

_texts = st.none() | st.sampled_from(["a", "b"])
_configurations = st.builds(
    Configuration,
    s3_bucket_name=st.sampled_from(["bucket-1", "bucket-2"]),
    s3_key_prefix=_texts,
    sns_topic_name=_texts,
    cloud_watch_logs_log_group_arn=_texts,
    cloud_watch_logs_role_arn=_texts,
    kms_key_id=_texts,
    is_multi_region_trail=st.booleans(),
    include_global_service_events=st.booleans(),
    enable_log_file_validation=st.booleans(),
    is_organization_trail=st.booleans(),
    recursive_logging=st.booleans(),
).filter(lambda entry: entry.include_global_service_events or not entry.is_multi_region_trail)


def _in_force(choice: frozenset[tuple[str, str]], selectors: Selectors) -> frozenset[tuple[str, str]]:
    return frozenset(one for one in choice if NEEDS[one] & KINDS[selectors])


@st.composite
def _parts(draw: st.DrawFn) -> dict[str, Any]:
    """What desired and observed trails have in common; insights and aggregation with the selectors they need."""
    selectors = draw(st.sampled_from(list(KINDS)))
    return {
        "configuration": draw(_configurations),
        "is_logging": draw(st.booleans()),
        "event_selectors": selectors,
        "insights": _in_force(draw(st.frozensets(st.sampled_from(_INSIGHTS))), selectors),
        "aggregations": _in_force(draw(st.frozensets(st.sampled_from(_AGGREGATIONS))), selectors),
    }


@st.composite
def _desired(draw: st.DrawFn) -> DesiredTrail:
    tags = draw(st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "1", "2"])))
    return desired(**draw(_parts()), tags=tags, ignored_tags=("kept",))


@st.composite
def _existing(draw: st.DrawFn) -> ObservedTrail:
    parts = draw(_parts())
    tags = draw(st.dictionaries(st.sampled_from(["a", "b", "aws:c", "kept"]), st.sampled_from(["", "1", "2"])))
    tags |= {f"many-{at}": "" for at in range(draw(st.sampled_from([0, 0, 0, 46, 48])))}
    owner = draw(st.sampled_from([OWNER, OWNER, "elsewhere/default/audit", None]))
    tags |= {} if owner is None else {OWNER_TAG: owner}
    trail = observed(**parts, ever_logged=parts["is_logging"] or draw(st.booleans()))
    return replace(trail, tags=tags)


_observed = st.none() | _existing()


def _merged(configuration: Configuration, parameters: Any) -> Configuration:
    changes = {}
    for entry in fields(Configuration):
        if _PARAMETER_OF[entry.name] in parameters:
            value = parameters[_PARAMETER_OF[entry.name]]
            if isinstance(value, str):
                value = value.removesuffix(":*") or None
            changes[entry.name] = value
    return replace(configuration, **changes)


def _after(trail: ObservedTrail | None, action: Action) -> ObservedTrail:
    parameters = action.parameters
    if action.operation == "CreateTrail":
        assert trail is None
        tags = {tag["Key"]: tag.get("Value", "") for tag in parameters["TagsList"]}
        created = observed(
            _merged(replace(MINIMAL, s3_bucket_name="?"), parameters), is_logging=False, ever_logged=False
        )
        return replace(created, tags=tags)
    assert trail is not None
    assert ARN in (parameters.get("Name"), parameters.get("TrailName"), parameters.get("ResourceId"))
    match action.operation:
        case "UpdateTrail":
            configuration = _merged(trail.configuration, parameters)
            assert configuration.include_global_service_events or not configuration.is_multi_region_trail
            return replace(trail, configuration=configuration)
        case "StartLogging" | "StopLogging":
            is_logging = action.operation == "StartLogging"
            return replace(trail, is_logging=is_logging, ever_logged=trail.ever_logged or is_logging)
        case "AddTags":
            added = {tag["Key"]: tag.get("Value", "") for tag in parameters["TagsList"]}
            return replace(trail, tags={**trail.tags, **added})
        case "RemoveTags":
            gone = {tag["Key"] for tag in parameters["TagsList"]}
            return replace(trail, tags={key: value for key, value in trail.tags.items() if key not in gone})
        case "PutEventSelectors":
            return replace(trail, event_selectors=read_selectors(parameters))
        case "PutInsightSelectors":
            return replace(trail, insights=read_insights(parameters))
        case "PutEventConfiguration":
            return replace(trail, aggregations=read_aggregations(parameters))
    raise AssertionError(action.operation)


def _asked_for(configuration: Configuration, selectors: Selectors) -> frozenset[Event]:
    """The events that a trail so configured records while it logs."""
    places = {"home"}
    places |= {"other regions"} if configuration.is_multi_region_trail else set()
    places |= {"global services"} if configuration.include_global_service_events else set()
    accounts = {"own", "other accounts"} if configuration.is_organization_trail else {"own"}
    recursion = {False, True} if configuration.recursive_logging else {False}
    return frozenset(product(places, accounts, KINDS[selectors], recursion))


def _recorded(trail: ObservedTrail | None) -> frozenset[Event]:
    if trail is None or not trail.is_logging:
        return frozenset()
    return _asked_for(trail.configuration, trail.event_selectors)


def _steps(
    wanted: DesiredTrail, found: ObservedTrail | None, fails: Callable[[int], bool] = lambda at: False
) -> Iterator[tuple[ObservedTrail | None, Action]]:
    """Each write that is done and the trail after it. What needs a write that fails is left out."""
    trail, failed = found, set[str]()
    for at, action in enumerate(plan(wanted, found)):
        if action.operation in failed or action.requires & failed or fails(at):
            failed.add(action.operation)
            continue
        trail = _after(trail, action)
        yield trail, action


def _achieved(wanted: DesiredTrail, found: ObservedTrail | None) -> ObservedTrail:
    *_, trail = [found, *(trail for trail, _ in _steps(wanted, found))]
    assert trail is not None
    return trail


@given(_desired(), _observed)
def test_a_plan_achieves_the_spec_and_planning_again_gives_nothing(
    wanted: DesiredTrail, found: ObservedTrail | None
) -> None:
    trail = _achieved(wanted, found)
    assert trail.configuration == wanted.configuration
    assert trail.is_logging == wanted.is_logging
    assert trail.event_selectors == wanted.event_selectors
    assert trail.insights == wanted.insights
    assert trail.aggregations == wanted.aggregations
    assert trail.owner == wanted.owner
    assert plan(wanted, trail) == ()
    assert differences(wanted, trail) == ()
    untouched = {key: value for key, value in (found.tags if found else {}).items() if not wanted.governs(key)}
    assert untouched.items() <= trail.tags.items()


@given(_desired(), _observed)
def test_there_is_a_plan_exactly_where_there_is_a_difference(wanted: DesiredTrail, found: ObservedTrail | None) -> None:
    assert bool(plan(wanted, found)) == bool(differences(wanted, found))


@given(_desired(), _existing())
def test_every_difference_is_some_write_s_to_remove(wanted: DesiredTrail, found: ObservedTrail) -> None:
    told = {entry for action in plan(wanted, found) for entry in _hashable(action)}
    assert told == {(entry.path, entry.desired, entry.observed) for entry in differences(wanted, found)}


def _hashable(action: Action) -> list[tuple[str, str, str]]:
    return [(entry.path, entry.desired, entry.observed) for entry in action.differences]


@given(_desired(), _observed)
def test_only_what_needs_two_writes_is_written_twice(wanted: DesiredTrail, found: ObservedTrail | None) -> None:
    names = [action.operation for action in plan(wanted, found)]
    twice = {name for name in names if names.count(name) > 1}
    if found and found.owner != wanted.owner and len(found.tags.keys() | wanted.tags.keys()) > 50:
        twice -= {"AddTags"}  # our tag alone comes first: all of them have no room yet
    assert all(names.count(name) == 2 and "PutEventSelectors" in names for name in twice)
    assert twice <= {"UpdateTrail", "PutInsightSelectors", "PutEventConfiguration"}


@settings(max_examples=300)
@given(_desired(), _observed, st.frozensets(st.integers(0, 9)))
def test_nothing_is_recorded_that_neither_asks_for_and_nothing_lost_that_both_ask_for(
    wanted: DesiredTrail, found: ObservedTrail | None, refused: frozenset[int]
) -> None:
    """At each moment, and whatever is refused."""
    new = _asked_for(wanted.configuration, wanted.event_selectors) if wanted.is_logging else frozenset()
    old = frozenset[Event]()
    if found and (found.is_logging or (found.ever_logged and wanted.is_logging)):
        old = _asked_for(found.configuration, found.event_selectors)
    both = _recorded(found) & new
    for trail, action in _steps(wanted, found, refused.__contains__):
        recorded = _recorded(trail)
        assert recorded <= old | new, action.operation
        assert recorded >= both, action.operation


@settings(max_examples=300)
@given(_desired(), _observed, st.frozensets(st.integers(0, 9)))
def test_insights_and_aggregation_are_never_in_force_without_what_they_look_at(
    wanted: DesiredTrail, found: ObservedTrail | None, refused: frozenset[int]
) -> None:
    for trail, action in _steps(wanted, found, refused.__contains__):
        assert trail is not None
        for one in trail.insights | trail.aggregations:
            assert NEEDS[one] & KINDS[trail.event_selectors], action.operation


@given(_desired(), _existing(), st.sampled_from(list(KINDS)))
def test_insights_that_lost_their_selectors_are_not_asked_for_until_these_are_back(
    wanted: DesiredTrail, found: ObservedTrail, by_hand: Selectors
) -> None:
    for trail, action in _steps(wanted, replace(found, event_selectors=by_hand)):
        assert trail is not None
        if action.operation in ("PutInsightSelectors", "PutEventConfiguration"):
            put = trail.insights if action.operation == "PutInsightSelectors" else trail.aggregations
            assert all(NEEDS[one] & KINDS[trail.event_selectors] for one in put)


@given(_desired(), _existing().filter(lambda found: found.owner != OWNER), st.frozensets(st.integers(0, 9)))
def test_a_trail_that_is_taken_over_is_only_written_to_under_our_tag(
    wanted: DesiredTrail, found: ObservedTrail, refused: frozenset[int]
) -> None:
    before = found
    for trail, action in _steps(wanted, found, refused.__contains__):
        if before.owner != OWNER and action.operation != "AddTags":
            assert action.operation == "RemoveTags"
            assert len(found.tags.keys() | {OWNER_TAG}) > 50
        assert trail is not None
        before = trail


@given(_desired(), _existing())
def test_a_trail_that_ever_logged_is_started_whatever_else_is_refused(
    wanted: DesiredTrail, found: ObservedTrail
) -> None:
    """Silence is the worst failure."""
    wanted = replace(wanted, is_logging=True)
    found = replace(found, tags={**found.tags, OWNER_TAG: OWNER}, ever_logged=True)
    actions = plan(wanted, found)
    refused = {at for at, action in enumerate(actions) if action.operation != "StartLogging"}
    *_, trail = [found, *(trail for trail, _ in _steps(wanted, found, refused.__contains__))]
    assert trail is not None
    assert trail.is_logging


@given(_desired(), _existing())
def test_a_trail_is_always_within_the_limit_of_tags(wanted: DesiredTrail, found: ObservedTrail) -> None:
    limit = max(50, len(found.tags), len(_achieved(wanted, found).tags))
    assert all(trail is not None and len(trail.tags) <= limit for trail, _ in _steps(wanted, found))
