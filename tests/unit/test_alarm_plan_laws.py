"""The laws of plans for filters and alarms, on an emulation of what AWS documents that the writes do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.alarm_builders import (
    GROUP,
    OLD_GROUP,
    OTHERS,
    OWNER,
    PREFIX,
    alarm_arn,
    alarm_settings,
    desired_alarm,
    desired_set,
    filter_settings,
)
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.alarm import (
    DesiredAlarmSet,
    FilterKey,
    FilterSettings,
    ObservedAlarm,
    ObservedAlarmSet,
)
from trail_operator.domain.alarms.diff import differences
from trail_operator.domain.alarms.plan import deletion_plan, plan, release_plan
from trail_operator.domain.alarms.result import filters_to_record

NAMES = ("A", "B", "C")
FORMER = "former/default/alarms"


@dataclass(frozen=True)
class World:
    """What is in AWS, and what status records."""

    observed: ObservedAlarmSet
    pinned: frozenset[FilterKey]


_filters = st.builds(
    filter_settings,
    pattern=st.sampled_from(["{a}", "{b}"]),
    metric_value=st.sampled_from(["1", "$.n"]),
    others=st.sampled_from([{}, {}, {"defaultValue": "0"}]),
)
_alarms = st.builds(
    alarm_settings,
    period=st.sampled_from([60, 300]),
    evaluation_periods=st.sampled_from([1, 2]),
    datapoints_to_alarm=st.sampled_from([None, 1]),
    threshold=st.sampled_from([1.0, 2.5]),
    actions_enabled=st.booleans(),
    alarm_actions=st.sampled_from([(), ("arn:aws:sns:eu-central-1:123456789012:topic",)]),
    others=st.sampled_from([{}, {}, {"Dimensions": "x"}]),
)
_tags = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "1"]))


@st.composite
def _desired(draw: st.DrawFn) -> DesiredAlarmSet:
    alarms = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        settings = replace(draw(_filters), others={}), replace(draw(_alarms), others={})
        alarms.append(desired_alarm(name, *settings))
    return desired_set(*alarms, tags=draw(_tags), former_owners=frozenset({FORMER}), ignored_tags=("kept",))


@st.composite
def _world(draw: st.DrawFn, *, foreign: bool = True, unread: bool = False) -> World:
    filters: dict[FilterKey, FilterSettings] = {}
    pinned = set()
    for group in (GROUP, OLD_GROUP):
        for name in NAMES:
            key = FilterKey(group, f"{PREFIX}{name}")
            exists, is_pinned = draw(st.booleans()), draw(st.booleans())
            if exists and (is_pinned or foreign):
                filters[key] = draw(_filters)
            pinned |= {key} if is_pinned else set()
    alarms = {}
    owners = [OWNER, OWNER, FORMER, *([OTHERS, None] if foreign else [])]
    for name in (f"{PREFIX}{one}" for one in NAMES):
        if not draw(st.booleans()):
            continue
        tags = draw(_tags) | draw(st.sampled_from([{}, {"kept": "1"}, {"aws:c": "2"}]))
        owner = draw(st.sampled_from(owners))
        tags = {**tags, **({OWNER_TAG: owner} if owner else {})}
        settings = None if foreign and draw(st.integers(0, 9)) == 0 else draw(_alarms)
        is_read = not unread or draw(st.booleans())
        alarms[name] = ObservedAlarm(name, alarm_arn(name), settings, tags if is_read else None)
    return World(ObservedAlarmSet(filters, alarms), frozenset(pinned))


def _after(world: World, action: AlarmAction) -> World:
    """Return what is in AWS after a write, and what status records before it."""
    filters, alarms = dict(world.observed.filters), dict(world.observed.alarms)
    pinned, sent = world.pinned, action.parameters
    match action.operation:
        case "PutMetricFilter":
            key = FilterKey(sent["logGroupName"], sent["filterName"])
            assert action.filter == key
            assert key in pinned or key not in filters, "a filter of others is replaced"
            (to,) = sent["metricTransformations"]
            filters[key] = FilterSettings(
                sent["filterPattern"], to["metricName"], to["metricNamespace"], to["metricValue"]
            )
            pinned |= {key}
        case "DeleteMetricFilter":
            key = FilterKey(sent["logGroupName"], sent["filterName"])
            assert key in pinned, "a filter of others is deleted"
            del filters[key]
            pinned -= {key}
        case "PutMetricAlarm":
            name = sent["AlarmName"]
            before = alarms.get(name)
            assert (before is None) == ("Tags" in sent) == (action.existing_alarms is None)
            tags = before.tags if before else {tag["Key"]: tag["Value"] for tag in sent["Tags"]}
            alarms[name] = ObservedAlarm(name, alarm_arn(name), _settings(sent), tags)
        case "DeleteAlarms":
            assert len(sent["AlarmNames"]) <= 100
            assert sorted(action.existing_alarms or ()) == sent["AlarmNames"]
            for name in sent["AlarmNames"]:
                del alarms[name]
        case "TagResource" | "UntagResource":
            ((name, arn),) = (action.existing_alarms or {}).items()
            assert sent["ResourceARN"] == arn
            tags = dict(alarms[name].tags or {})
            tags |= {tag["Key"]: tag["Value"] for tag in sent.get("Tags", ())}
            tags = {key: value for key, value in tags.items() if key not in sent.get("TagKeys", ())}
            alarms[name] = replace(alarms[name], tags=tags)
    return World(ObservedAlarmSet(filters, alarms), pinned)


def _settings(sent: Any) -> Any:
    return alarm_settings(
        description=sent["AlarmDescription"],
        metric_name=sent["MetricName"],
        metric_namespace=sent["Namespace"],
        statistic=sent["Statistic"],
        period=sent["Period"],
        evaluation_periods=sent["EvaluationPeriods"],
        datapoints_to_alarm=sent.get("DatapointsToAlarm"),
        threshold=sent["Threshold"],
        comparison_operator=sent["ComparisonOperator"],
        treat_missing_data=sent["TreatMissingData"],
        actions_enabled=sent["ActionsEnabled"],
        alarm_actions=tuple(sent["AlarmActions"]),
        ok_actions=tuple(sent["OKActions"]),
        insufficient_data_actions=tuple(sent["InsufficientDataActions"]),
    )


def _steps(
    world: World, actions: tuple[AlarmAction, ...], fails: Callable[[int], bool] = lambda at: False
) -> Iterator[tuple[World, AlarmAction]]:
    """Yield each write that is done, and the world after it. Writes that require a failed one are left out."""
    not_done = set[int]()
    for at, action in enumerate(actions):
        assert all(first < at for first in action.requires)
        if not_done.intersection(action.requires) or fails(at):
            not_done.add(at)
            continue
        world = _after(world, action)
        yield world, action


def _achieved(world: World, actions: tuple[AlarmAction, ...]) -> World:
    *_, last = [world, *(after for after, _ in _steps(world, actions))]
    return last


def _is_own(desired: DesiredAlarmSet, alarm: ObservedAlarm) -> bool:
    return alarm.settings is not None and alarm.tags is not None and desired.owns(alarm.tags)


@given(_desired(), _world(foreign=False))
def test_plan_achieves_the_spec_and_planning_again_gives_nothing(wanted: DesiredAlarmSet, world: World) -> None:
    first = plan(wanted, world.observed, world.pinned)
    assert first.conflicts == ()
    assert first.unread == ()
    after = _achieved(world, first.actions)
    assert plan(wanted, after.observed, after.pinned).actions == ()
    assert differences(wanted, after.observed, after.pinned) == ()
    keys = {FilterKey(GROUP, one.full_name): one.filter for one in wanted.alarms}
    assert after.observed.filters == keys
    assert set(after.observed.alarms) == {one.full_name for one in wanted.alarms}
    for one in after.observed.alarms.values():
        before = world.observed.alarms.get(one.name)
        tags = (before.tags if before else None) or {}
        kept = {key: value for key, value in tags.items() if key in ("kept", "aws:c")}
        assert one.tags == {**wanted.tags, OWNER_TAG: OWNER, **kept}


@given(_desired(), _world(foreign=False))
def test_differences_are_exactly_what_the_writes_remove(wanted: DesiredAlarmSet, world: World) -> None:
    found = differences(wanted, world.observed, world.pinned)
    made = plan(wanted, world.observed, world.pinned)
    assert set(made.differences) == set(found)
    assert len(set(found)) == len(found)
    for action in made.actions:
        assert action.differences or action.operation == "TagResource"  # a former owner tag is no difference


@given(_desired(), _world(unread=True), st.frozensets(st.integers(0, 20)))
def test_nothing_of_others_is_ever_written(wanted: DesiredAlarmSet, world: World, fails: frozenset[int]) -> None:
    made = plan(wanted, world.observed, world.pinned)
    own = {name for name, alarm in world.observed.alarms.items() if _is_own(wanted, alarm)}
    for action in made.actions:
        assert set(action.existing_alarms or ()) <= own
        for name, arn in (action.existing_alarms or {}).items():
            assert world.observed.alarms[name].arn == arn
    *_, last = [world, *(after for after, _ in _steps(world, made.actions, fails.__contains__))]
    for name, alarm in world.observed.alarms.items():
        if name not in own:
            assert last.observed.alarms[name] == alarm
    for key, settings in world.observed.filters.items():
        if key not in world.pinned:
            assert last.observed.filters[key] == settings


@given(_desired(), _world(unread=True))
def test_conflicts_do_not_stop_the_other_alarms(wanted: DesiredAlarmSet, world: World) -> None:
    made = plan(wanted, world.observed, world.pinned)
    after = _achieved(world, made.actions)
    for one in wanted.alarms:
        key, alarm = FilterKey(GROUP, one.full_name), world.observed.alarms.get(one.full_name)
        is_free = key in world.pinned or key not in world.observed.filters
        if is_free and (alarm is None or _is_own(wanted, alarm)):
            assert after.observed.filters[key] == one.filter
            assert _is_own(wanted, after.observed.alarms[one.full_name])


@given(_desired(), _world(), st.frozensets(st.integers(0, 20)))
def test_no_alarm_is_without_its_filter_and_no_filter_moves_before_its_successor(
    wanted: DesiredAlarmSet, world: World, fails: frozenset[int]
) -> None:
    """At each moment, whatever fails: an alarm that watched a filter still does, or is deleted."""
    before = world
    for after, action in _steps(world, plan(wanted, world.observed, world.pinned).actions, fails.__contains__):
        if action.operation == "PutMetricAlarm" and action.existing_alarms is None:
            assert FilterKey(GROUP, action.parameters["AlarmName"]) in after.observed.filters
        if action.operation == "DeleteMetricFilter":
            name = action.parameters["filterName"]
            alarm = before.observed.alarms.get(name)
            is_moved = FilterKey(GROUP, name) in before.observed.filters
            assert is_moved or alarm is None or not _is_own(wanted, alarm)
        before = after


@given(_desired(), _world(), st.frozensets(st.integers(0, 20)))
def test_every_filter_that_was_created_is_recorded_until_it_is_gone(
    wanted: DesiredAlarmSet, world: World, fails: frozenset[int]
) -> None:
    made = plan(wanted, world.observed, world.pinned)
    created = {action.filter for action in made.actions if action.operation == "PutMetricFilter" and action.filter}
    pinned = world.pinned | created
    *_, last = [world, *(after for after, _ in _steps(world, made.actions, fails.__contains__))]
    recorded = filters_to_record(pinned, wanted, last.observed, is_settled=True)
    assert recorded >= pinned & last.observed.filters.keys()
    wanted_keys = {FilterKey(GROUP, one.full_name) for one in wanted.alarms}
    assert recorded <= last.observed.filters.keys() | wanted_keys


@given(_desired(), _world(foreign=False))
def test_new_alarms_cost_two_writes_each(wanted: DesiredAlarmSet, world: World) -> None:
    made = plan(wanted, ObservedAlarmSet({}, {}), world.pinned)
    assert len(made.actions) == 2 * len(wanted.alarms)


@given(_world(unread=True))
def test_deletion_removes_all_that_is_owned_and_nothing_else(world: World) -> None:
    desired = desired_set(former_owners=frozenset({FORMER}))
    actions = deletion_plan(world.observed, world.pinned, desired.owns)
    after = _achieved(world, actions)
    kept = {name: alarm for name, alarm in world.observed.alarms.items() if not _is_own(desired, alarm)}
    assert after.observed.alarms == kept
    unread = {alarm.name for alarm in kept.values() if alarm.tags is None and alarm.settings is not None}
    others = {
        alarm.name for alarm in kept.values() if OWNER_TAG in (alarm.tags or {}) and not desired.owns(alarm.tags or {})
    }
    left = {key for key in world.observed.filters if key not in world.pinned or key.name in unread | others}
    assert set(after.observed.filters) == left
    assert deletion_plan(after.observed, after.pinned, desired.owns) == ()
    operations = [action.operation for action in actions]
    assert operations == sorted(operations)  # DeleteAlarms before DeleteMetricFilter


@given(_world())
def test_filter_stays_if_its_alarm_could_not_be_deleted(world: World) -> None:
    desired = desired_set(former_owners=frozenset({FORMER}))
    actions = deletion_plan(world.observed, world.pinned, desired.owns)
    refused = {at for at, action in enumerate(actions) if action.operation == "DeleteAlarms"}
    *_, last = [world, *(after for after, _ in _steps(world, actions, refused.__contains__))]
    for name, alarm in world.observed.alarms.items():
        if _is_own(desired, alarm):
            assert {key for key in last.observed.filters if key.name == name} == {
                key for key in world.observed.filters if key.name == name
            }


@given(_world())
def test_release_removes_exactly_the_owner_tag(world: World) -> None:
    desired = desired_set(former_owners=frozenset({FORMER}))
    after = _achieved(world, release_plan(world.observed, desired.owns))
    assert after.observed.filters == world.observed.filters
    for name, alarm in world.observed.alarms.items():
        tags = {key: value for key, value in (alarm.tags or {}).items() if key != OWNER_TAG}
        assert after.observed.alarms[name] == (replace(alarm, tags=tags) if _is_own(desired, alarm) else alarm)
