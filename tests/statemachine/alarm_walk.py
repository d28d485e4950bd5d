"""The walk with TrailAlarmSets beside Trails."""

from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.statemachine.alarm_specs import CHANGES, NAMES, NEVER, REFUSED, SETS, THEIR_ALARM, THEIR_FILTER, spec_of
from tests.statemachine.alarm_stage import AlarmStage
from tests.statemachine.expectation import OWNER
from tests.statemachine.machine import KEYS, MOMENTS, Changes
from tests.statemachine.operator_life import CLUSTER
from tests.statemachine.rest import FORCE, PAUSED, Rest
from tests.statemachine.specs import CHANGES as TRAIL_CHANGES
from tests.statemachine.walk import Machine

_TRAILS: dict[str, Changes] = {"team-a/alpha": [], "team-a/beta": []}
SET_KEYS = st.sampled_from([*("team-a/alarms", "team-a/more", "team-a/beta") * 2, "team-b/alarms"])
"""Most often those whose Trails have no older rival."""
_NAMES = st.sampled_from(NAMES)
_GROUPS = st.sampled_from(["one", "two"])
_OPERATIONS = st.sampled_from(
    [
        *("PutMetricFilter", "DeleteMetricFilter", "PutMetricAlarm", "DeleteAlarms", "TagResource", "UntagResource"),
        *("DescribeMetricFilters", "DescribeAlarms", "ListTagsForResource", "GetResources", "TestMetricFilter"),
        *("DescribeLogGroups", "GetTopicAttributes", "GetTrail", "ListTags", "*"),
    ]
)
# Of each class some; none that says that something is not there: that only a stale read may do.
_ERRORS = st.sampled_from(
    [
        *("ThrottlingException", "Throttling", "InternalFailure", "ServiceUnavailable", "OperationAbortedException"),
        *("ConcurrentModificationException", "LimitExceededException", "LimitExceededFault", "AccessDeniedException"),
        *("InvalidParameterException", "ValidationError", "InvalidOperationException", "ExpiredTokenException"),
        *("InvalidParameterValueException", "ResourceConflict"),
    ]
)
_OWNERS = st.sampled_from([None, "elsewhere/team/set", *(f"{CLUSTER}/{key}" for key in sorted(SETS))])


class AlarmMachine(Machine):
    """The walk, without what happens to trails only."""

    stage: AlarmStage
    meddle_with_fields = meddle_with_recording = meddle_with_tags = meddle_with_owner = None  # type: ignore[assignment]
    fail_delivery = point_alias = shut = None  # type: ignore[assignment]

    def make_stage(self, seed: int) -> AlarmStage:
        return AlarmStage(seed, drift_attribution="None")

    @initialize(
        seed=st.integers(0, 2**32),
        trails=st.dictionaries(KEYS, TRAIL_CHANGES, min_size=1),
        sets=st.dictionaries(SET_KEYS, CHANGES, min_size=2),
        moment=MOMENTS,
    )
    def open(self, seed: int, trails: dict[str, Changes], sets: dict[str, Changes], moment: float) -> None:
        """Everything is new but for some Trails and sets."""
        self.stage = self.make_stage(seed)
        self.chosen: dict[str, Changes] = {}
        self.chosen_sets: dict[str, Changes] = {}
        self.since_rest = 0
        for key, changes in (_TRAILS | trails).items():
            self._apply(key, changes)
        for key, changes in sets.items():
            self._apply_set(key, changes)
        self._pass("open", moment)

    # What users do.

    @rule(key=SET_KEYS, changes=CHANGES, moment=MOMENTS)
    def apply_set(self, key: str, changes: Changes, moment: float) -> None:
        """A set is created, or its whole spec is replaced."""
        self._apply_set(key, changes)
        self._pass("apply_set", moment)

    @rule(key=SET_KEYS, changes=CHANGES, moment=MOMENTS)
    def edit_set(self, key: str, changes: Changes, moment: float) -> None:
        """Some fields are changed."""
        if key in self.stage.sets.objects:
            self._apply_set(key, [*self.chosen_sets[key], *changes])
        self._pass("edit_set", moment)

    @rule(key=SET_KEYS, moment=MOMENTS)
    def delete_set(self, key: str, moment: float) -> None:
        """A set is deleted."""
        if key in self.stage.sets.objects:
            self.stage.sets.delete(key)
        self._pass("delete_set", moment)

    @rule(key=SET_KEYS, paused=st.booleans(), moment=MOMENTS)
    def pause_set(self, key: str, paused: bool, moment: float) -> None:
        """A set is paused, or resumed."""
        if key in self.stage.sets.objects:
            self.stage.sets.annotate(key, PAUSED, "true" if paused else None)
        self._pass("pause_set", moment)

    @rule(key=SET_KEYS, moment=MOMENTS)
    def force_set(self, key: str, moment: float) -> None:
        """Somebody requests a reconcile of a set."""
        if key in self.stage.sets.objects:
            self.stage.sets.annotate(key, FORCE, str(self.stage.time))
        self._pass("force_set", moment)

    @rule(key=KEYS, number=st.integers(0, 3), moment=MOMENTS)
    def move(self, key: str, number: int, moment: float) -> None:
        """A Trail gets another log group, or none."""
        if key in self.stage.objects:
            self._apply(key, [*self.chosen[key], ("logGroup", number)])
        self._pass("move", moment)

    # What people and others do in AWS.

    @rule(key=SET_KEYS, name=_NAMES, kind=st.sampled_from(["metric", "composite", "tagged"]), moment=MOMENTS)
    def make_alarm(self, key: str, name: str, kind: str, moment: float) -> None:
        """Somebody makes an alarm with a name of a set, or changes that alarm."""
        tags = [{"Key": "env", "Value": "theirs"}]
        given: dict[str, Any] = {"AlarmName": self._full(key, name), "Tags": tags}
        if kind == "tagged":
            tags.append({"Key": OWNER, "Value": "elsewhere/team/set"})
        if kind == "composite":
            self._by_hand_on(key, "PutCompositeAlarm", **given, AlarmRule="FALSE")
        else:
            self._by_hand_on(key, "PutMetricAlarm", **given, **THEIR_ALARM)
        self._pass("make_alarm", moment)

    @rule(
        key=SET_KEYS,
        name=_NAMES,
        changes=st.dictionaries(
            st.sampled_from(["Threshold", "Period", "ActionsEnabled", "AlarmActions", "TreatMissingData", "Unit"]),
            st.integers(0, 2),
            min_size=1,
        ),
        moment=MOMENTS,
    )
    def change_alarm(self, key: str, name: str, changes: dict[str, int], moment: float) -> None:
        """Somebody changes some settings of an alarm."""
        region = SETS[key][1]
        values: dict[str, list[Any]] = {
            "Threshold": [1.0, 7.0, 100.0],
            "Period": [60, 300, 600],
            "ActionsEnabled": [False, True, False],
            "AlarmActions": [[], [f"arn:aws:sns:{region}:123456789012:one"], ["arn:aws:automate:us-east-1:ec2:stop"]],
            "TreatMissingData": ["missing", "ignore", "breaching"],
            "Unit": ["Count", "None", "Seconds"],
        }
        old = self.stage.alarms.get((region, self._full(key, name)))
        if old is not None and "AlarmRule" not in old:
            kept = {field: value for field, value in old.items() if field not in ("Tags", "AlarmArn", "StateValue")}
            chosen = {field: values[field][number] for field, number in changes.items()}
            self._by_hand_on(key, "PutMetricAlarm", **{**kept, **chosen})
        self._pass("change_alarm", moment)

    @rule(key=SET_KEYS, name=_NAMES, moment=MOMENTS)
    def delete_alarm(self, key: str, name: str, moment: float) -> None:
        """Somebody deletes an alarm."""
        self._by_hand_on(key, "DeleteAlarms", AlarmNames=[self._full(key, name)])
        self._pass("delete_alarm", moment)

    @rule(key=SET_KEYS, name=_NAMES, owner=_OWNERS, moment=MOMENTS)
    def give_alarm(self, key: str, name: str, owner: str | None, moment: float) -> None:
        """Somebody says that an alarm is another's, or nobody's."""
        arn = self.stage.aws.alarms.arn(SETS[key][1], self._full(key, name))
        if owner:
            self._by_hand_on(key, "TagResource", ResourceARN=arn, Tags=[{"Key": OWNER, "Value": owner}])
        else:
            self._by_hand_on(key, "UntagResource", ResourceARN=arn, TagKeys=[OWNER])
        self._pass("give_alarm", moment)

    @rule(key=SET_KEYS, name=_NAMES, value=st.sampled_from(["z", None]), moment=MOMENTS)
    def tag_alarm(self, key: str, name: str, value: str | None, moment: float) -> None:
        """Somebody sets a tag of an alarm, or removes it."""
        arn = self.stage.aws.alarms.arn(SETS[key][1], self._full(key, name))
        if value:
            self._by_hand_on(key, "TagResource", ResourceARN=arn, Tags=[{"Key": "env", "Value": value}])
        else:
            self._by_hand_on(key, "UntagResource", ResourceARN=arn, TagKeys=["env"])
        self._pass("tag_alarm", moment)

    @rule(key=SET_KEYS, name=_NAMES, group=_GROUPS, changes=st.booleans(), moment=MOMENTS)
    def make_filter(self, key: str, name: str, group: str, changes: bool, moment: float) -> None:
        """Somebody makes a filter with a name of a set, or changes that filter, or deletes it."""
        given = {"logGroupName": group, "filterName": self._full(key, name)}
        if changes:
            self._by_hand_on(key, "PutMetricFilter", **given, **THEIR_FILTER)
        else:
            self._by_hand_on(key, "DeleteMetricFilter", **given)
        self._pass("make_filter", moment)

    @rule(key=SET_KEYS, group=_GROUPS, moment=MOMENTS)
    def delete_group(self, key: str, group: str, moment: float) -> None:
        """Somebody deletes a log group, which deletes its filters."""
        self.stage.delete_log_group(SETS[key][1], group)
        self._pass("delete_group", moment)

    # What goes wrong.

    @rule(
        operation=_OPERATIONS,
        error=_ERRORS,
        when=st.sampled_from(["before", "after"]),
        skip=st.integers(0, 3),
        count=st.sampled_from([1, 2, 5, None]),
        moment=MOMENTS,
    )
    def refuse_alarms(self, operation: str, error: str, when: str, skip: int, count: int | None, moment: float) -> None:
        """AWS answers an error, before or after the call took effect."""
        self.stage.fault(operation=operation, error=error, when=when, skip=skip, count=count)
        self._pass("refuse_alarms", moment)

    @rule(
        operation=_OPERATIONS,
        delay=st.sampled_from([0.0, 0.5, 30.0]),
        when=st.sampled_from(["before", "after"]),
        skip=st.integers(0, 3),
        count=st.sampled_from([1, 2, 5]),
        moment=MOMENTS,
    )
    def lose_alarms(self, operation: str, delay: float, when: str, skip: int, count: int, moment: float) -> None:
        """Answers of AWS are late, or lost."""
        self.stage.fault(operation=operation, delay=delay, drop=True, when=when, skip=skip, count=count)
        self._pass("lose_alarms", moment)

    @rule(seconds=st.sampled_from([0.0, 20.0]), moment=MOMENTS)
    def index_late(self, seconds: float, moment: float) -> None:
        """The index of tags is behind, or not."""
        self.stage.aws.alarms.index_delay = seconds
        self._pass("index_late", moment)

    # Within.

    def _apply(self, key: str, changes: Changes) -> None:
        """Most Trails have a log group, and a trail of their own."""
        kept = [(name, number) for name, number in changes if name != "managementPolicy" or number % 8 == 0]
        super()._apply(key, [("logGroup", 1), ("adoptionPolicy", 3), *kept])

    def _apply_set(self, key: str, changes: Changes) -> None:
        self.chosen_sets[key] = list(dict(changes).items())
        spec = spec_of(key, self.chosen_sets[key])
        note(f"{key}: {spec}")
        if key in self.stage.sets.objects:
            self.stage.sets.replace_spec(key, spec)
        else:
            self.stage.sets.create(key, spec)

    def _full(self, key: str, name: str) -> str:
        """What an alarm of a set is called in AWS."""
        prefix = self.stage.status(key).get("namePrefix") if key in self.stage.sets.objects else None
        return f"{prefix or f'{self.stage.clusters[0]}/{key}/'}{name}"

    def _by_hand_on(self, key: str, operation: str, **parameters: Any) -> None:
        self.stage.by_hand_on_alarms(SETS[key][1], operation, **parameters)

    def _judge(self, rest: Rest) -> list[str]:
        return [*rest.judge(), *self.stage.judge_sets(rest, {NEVER}, {REFUSED})]

    def _compare(self, rest: Rest) -> None:
        """Filters and alarms follow from the specs and from what others own."""

    def _state(self) -> object:
        sets = self.stage.sets.objects
        told = tuple(
            (key, "deletionTimestamp" in body["metadata"], _conditions(body)) for key, body in sorted(sets.items())
        )
        return super()._state(), told, len(self.stage.alarms), len(self.stage.filters)


def _conditions(body: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    found = body.get("status", {}).get("conditions", ())
    return tuple((one["type"], one["status"], one["reason"]) for one in found)
