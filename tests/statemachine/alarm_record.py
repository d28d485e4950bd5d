"""What must hold of filters and alarms at every moment, judged from what AWS and the API server saw."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.statemachine.alarm_expectation import alarm_form, filter_form, unlike, wanted
from tests.statemachine.alarm_world import AlarmPlace, FilterPlace, Present
from tests.statemachine.aws import Aws, Call
from tests.statemachine.expectation import OWNER
from tests.statemachine.kubernetes import ApiServer, Manifest
from tests.statemachine.operator_life import WRITING, Pass
from tests.statemachine.rest import PAUSED
from tests.statemachine.specs import TRAILS

# How long after AWS answered a read something else may have happened that the operator could not know: one pass.
_WATCH = 1.0


@dataclass
class AlarmRecord:
    """The judge of all moments. What it finds is raised at the next step."""

    time: Callable[[], float]
    aws: Aws
    sets: ApiServer
    problems: list[str]
    stale_until: Callable[[], tuple[float, float]]
    """Until when reads were stale, and by how much at most."""
    writes: list[Call] = field(default_factory=list)
    """All writes of the operator that took effect."""
    meddled: dict[AlarmPlace | FilterPlace, float] = field(default_factory=dict)
    """When somebody else last changed a filter or an alarm, or whose it is."""
    given: set[tuple[AlarmPlace, str]] = field(default_factory=set)
    """Alarms and owners that somebody else put on them."""

    def took_effect(self, call: Call, before: Present) -> None:
        """Judge a write of the operator."""
        self.writes.append(call)
        this = call.by
        if not isinstance(this, Pass):
            self._problem(call, "is a write of no pass")
            return
        body = next((one for one in self.sets.objects.values() if one["metadata"]["uid"] == this.uid), None)
        body = body or this.body
        if this.body["metadata"].get("annotations", {}).get(PAUSED) == "true":
            self._problem(call, "was made while the set was paused")
        if this.body["spec"].get("managementPolicy") == "Observe" and "deletionTimestamp" not in body["metadata"]:
            self._problem(call, "was made for a set that only observes")
        if call.service == "logs":
            self._judge_filter(call, this, body)
        else:
            for name in _alarms_of(call):
                self._judge_alarm(call, this, (call.region, name), before)

    def _judge_filter(self, call: Call, this: Pass, body: Manifest) -> None:
        given = call.parameters
        pinned = {(one["logGroup"], one["name"]) for one in body.get("status", {}).get("filters", ())}
        if (given["logGroupName"], given["filterName"]) not in pinned:
            self._problem(call, f"is about a filter that status does not record: {sorted(pinned)}")
        if not given["filterName"].startswith(tuple(f"{cluster}/{this.key}/" for cluster in this.clusters)):
            self._problem(call, "is about a filter with a name of others")
        if call.operation == "PutMetricFilter" and not self._has_read_group(call, this):
            self._problem(call, "is in a log group that AWS did not show for the trail in this pass")

    def _has_read_group(self, call: Call, this: Pass) -> bool:
        group = f":log-group:{call.parameters['logGroupName']}:*"
        return any(
            one.operation == "GetTrail"
            and one.answer is not None
            and str(one.answer["Trail"].get("CloudWatchLogsLogGroupArn")).endswith(group)
            for one in this.calls
        )

    def _judge_alarm(self, call: Call, this: Pass, place: AlarmPlace, before: Present) -> None:
        old = before.alarms.get(place)
        if old is None:
            tags = {tag["Key"]: tag["Value"] for tag in call.parameters.get("Tags", ())}
            if call.operation == "PutMetricAlarm" and tags.get(OWNER) != this.owner and not self._is_new(place, call):
                self._problem(call, "creates an alarm without its owner tag")
            return
        owner = old["Tags"].get(OWNER)
        read = max((one.begun for one in this.calls if self._shows_owner(one, place, call)), default=None)
        if read is None:
            read = max((one.begun for one in this.calls if one.operation == "DescribeAlarms"), default=this.begun)
            is_unseen = call.operation == "PutMetricAlarm" and "Tags" in call.parameters
            if not is_unseen:
                self._problem(call, "was made to an alarm without having read its tags")
        mine = {f"{cluster}/{this.key}" for cluster in this.clusters}
        if owner in mine and "AlarmRule" not in old:
            return
        until, by = self.stale_until()
        stale = by if read <= until + by else 0.0
        if self.meddled.get(place, -1.0) < read - stale:
            self._problem(call, f"was made to an alarm of owner {owner}: {old}")

    def _is_new(self, place: AlarmPlace, call: Call) -> bool:
        """Whether somebody deleted the alarm while the write was on its way."""
        return self.meddled.get(place, -1.0) >= call.begun - _WATCH

    def _shows_owner(self, one: Call, place: AlarmPlace, call: Call) -> bool:
        if one is call or one.begun > self.time() or one.answer is None:
            return False
        arn = self.aws.alarms.arn(*place)
        return one.operation == "ListTagsForResource" and one.parameters["ResourceARN"] == arn

    def wrote_status(self, before: Manifest, body: Manifest) -> None:
        """Judge a status that newly says Ready."""
        status = body["status"]
        if any(one["reason"] == "InternalError" for one in status.get("conditions", ())):
            self.problems.append(f"an internal error at {self.time():.2f} s: {status}")
        ready = _ready(body)
        this = WRITING[-1]
        if ready is None or ready["status"] != "True" or this is None or ready == _ready(before):
            return
        generation = status["observedGeneration"]
        what = f"set {this.key} at {self.time():.2f} s is said to be Ready for generation {generation}"
        if ready["observedGeneration"] != generation:
            self.problems.append(f"{what}, its condition is about {ready['observedGeneration']}")
        last_write = max((one.ended or self.time() for one in this.calls if one.is_write), default=this.begun)
        answered = [one for one in this.calls if one.answer is not None and one.begun >= last_write]
        filters = [one for one in answered if one.operation == "DescribeMetricFilters"]
        alarms = [one for one in answered if one.operation == "DescribeAlarms"]
        if not filters or not alarms:
            self.problems.append(f"{what}, but filters and alarms were not both read after the last write")
            return
        spec = self.sets.specs[this.uid, generation]
        if told := self._unlike(spec, this.key, status.get("namePrefix"), answered):
            self.problems.append(f"{what}, but AWS answered otherwise: {told}")

    def _unlike(self, spec: Manifest, key: str, prefix: str | None, answered: list[Call]) -> str:
        filters: dict[str, Any] = {}
        alarms: dict[str, Any] = {}
        for call in answered:
            assert call.answer is not None
            if call.operation == "DescribeMetricFilters":
                for one in call.answer["metricFilters"]:
                    filters.setdefault(one["filterName"], []).append(filter_form(one))
            if call.operation == "DescribeAlarms":
                alarms |= {one["AlarmName"]: alarm_form(one) for one in call.answer["MetricAlarms"]}
        found = sorted(alarms | filters)
        prefix = prefix or (found[0].rpartition("/")[0] + "/" if found else "")
        namespace, _, name = key.partition("/")
        trail = TRAILS[f"{namespace}/{spec['trailRef']['name']}"].get("name", spec["trailRef"]["name"])
        problems = []
        for alarm_name, (filter_wanted, alarm_wanted) in wanted(spec, trail, name).items():
            full = f"{prefix}{alarm_name}"
            if filter_wanted not in filters.get(full, []):
                problems.append(f"filter {full} is {filters.get(full)}, not {filter_wanted}")
            alarm = alarms.get(full)
            if alarm is None:
                problems.append(f"there is no alarm {full}")
            elif words := unlike(alarm_wanted | {"tags": alarm["tags"]}, alarm):
                problems.append(f"alarm {full}: {words}")
        return "; ".join(problems)

    def _problem(self, call: Call, what: str) -> None:
        by = call.by.key if isinstance(call.by, Pass) else "?"
        self.problems.append(f"{call.operation} of set {by} at {self.time():.2f} s {what}: {dict(call.parameters)}")


def _alarms_of(call: Call) -> list[str]:
    given: Mapping[str, Any] = call.parameters
    if "AlarmNames" in given:
        return list(given["AlarmNames"])
    return [given.get("AlarmName") or given["ResourceARN"].partition(":alarm:")[2]]


def _ready(body: Manifest) -> Manifest | None:
    conditions = body.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == "Ready"), None)
