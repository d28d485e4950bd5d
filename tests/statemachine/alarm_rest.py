"""What must hold of TrailAlarmSets when everything stands still: each has its filters and alarms, or says why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.statemachine.alarm_expectation import Form, alarm_form, filter_form, names, unlike, wanted
from tests.statemachine.alarm_world import AlarmPlace, Present
from tests.statemachine.expectation import OWNER
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.record import arn_of
from tests.statemachine.rest import PAUSED, condition_of


@dataclass
class AlarmRest:
    """All sets as they stand, with their Trails and all that is in AWS."""

    sets: Mapping[str, Manifest]
    trails: Mapping[str, Manifest]
    forms: Mapping[str, Form]
    """All trails in AWS, by their ARNs."""
    present: Present
    gone: Mapping[str, Manifest]
    """Each set that has gone, as it was last."""
    given: set[tuple[AlarmPlace, str]]
    """Alarms and owners that somebody else put on them."""
    invalid: frozenset[str]
    """Names of alarms that no spec can have."""
    refused: frozenset[str]
    """Names of alarms whose patterns AWS refuses."""
    clusters: tuple[str, ...]
    kept: set[str] = field(default_factory=set)
    """Sets of which an Event says that owner tags were not removed."""
    problems: list[str] = field(default_factory=list)

    def judge(self) -> list[str]:
        """All that is not as it must be."""
        for key, body in self.sets.items():
            try:
                self._judge(key, body)
            except AssertionError as error:
                self.problems.append(f"set {key}: {error}; spec {body['spec']}; status {body.get('status')}")
        for key, body in self.gone.items():
            if key not in self.sets:
                self._judge_gone(key, body)
        return self.problems

    def _judge(self, key: str, body: Manifest) -> None:
        spec, status = body["spec"], body.get("status", {})
        if body["metadata"].get("annotations", {}).get(PAUSED) == "true":
            _is(condition_of(body, "Ready"), ("Unknown", "Paused"), "Ready")
            return
        assert "deletionTimestamp" not in body["metadata"], "it is still there"
        _is(status.get("observedGeneration"), body["metadata"]["generation"], "observedGeneration")
        place, reason = self._place(key, spec)
        if place is None:
            _is(condition_of(body, "Ready"), reason, "Ready")
            return
        region, group, trail = place
        prefix = status.get("namePrefix") or f"{self.clusters[0]}/{key}/"
        assert prefix.endswith(f"/{key}/"), f"namePrefix is {prefix}"
        observed = _Observed(self, key, body, (region, group, trail), prefix)
        if spec.get("managementPolicy") == "Observe":
            told = observed.differences()
            _is(condition_of(body, "Ready"), ("False", "Drifted") if told else ("True", "Observed"), f"Ready ({told})")
            return
        told = observed.differences()
        assert not told, f"AWS is not as the spec says: {told}"
        _is(condition_of(body, "Ready"), ("False", "Conflict") if observed.conflicts else ("True", "InSync"), "Ready")
        _is(condition_of(body, "Reconciling"), None, "Reconciling")
        _is(bool(condition_of(body, "Stalled")), bool(observed.conflicts), "Stalled")
        _is(status.get("alarmCount"), len(observed.own), "alarmCount")
        if not observed.conflicts:
            _is(status.get("drift", []), [], "drift")
            assert "correctionTime" in status.get("lastDrift", {"correctionTime": None}), "no correctionTime"
            pinned = {(one["logGroup"], one["name"]) for one in status.get("filters", ())}
            _is(pinned, {(group, f"{prefix}{name}") for name in names(spec)}, "filters")
        if observed.own or status.get("filters"):  # else nothing was ever written
            _is(status.get("accountID"), "123456789012", "accountID")
            _is(status.get("region"), region, "region")

    def _place(self, key: str, spec: Manifest) -> tuple[tuple[str, str, str] | None, tuple[str, str]]:
        """Where the filters and alarms are: region, log group, name of the trail; or what Ready says."""
        if self.invalid & {one["name"] for one in (*spec.get("alarms", ()), *spec.get("overrides", ()))}:
            return None, ("False", "InvalidSpec")
        trail_key = f"{key.partition('/')[0]}/{spec['trailRef']['name']}"
        trail = self.trails.get(trail_key)
        if trail is None or "deletionTimestamp" in trail["metadata"]:
            return None, ("False", "TrailNotFound")
        if trail["metadata"].get("annotations", {}).get(PAUSED) == "true":
            return None, ("Unknown", "Paused")
        told = trail.get("status", {}).get("arn")
        observes = trail["spec"].get("managementPolicy") == "Observe"
        arn = told if observes and told in self.forms else arn_of(trail_key, trail["spec"])
        form = self.forms.get(arn)
        if form is None or form["Owner"] not in {f"{cluster}/{trail_key}" for cluster in self.clusters}:
            return None, ("False", "TrailNotManaged")
        group = form["CloudWatchLogsLogGroupArn"]
        if not group:
            return None, ("False", "LogGroupNotConfigured")
        if any(arn.endswith(":three") for state in spec.get("actions", {}).values() for arn in state):
            return None, ("False", "ActionNotAllowed")
        if self.refused & set(names(spec)) and spec.get("managementPolicy") != "Observe":
            return None, ("False", "InvalidSpec")
        return (arn.split(":")[3], group.removesuffix(":*").rpartition(":")[2], arn.rpartition("/")[2]), ("", "")

    def _judge_gone(self, key: str, body: Manifest) -> None:
        status = body.get("status", {})
        prefix = status.get("namePrefix")
        if prefix is None or body["spec"].get("managementPolicy") == "Observe":
            return
        owners = {f"{cluster}/{key}" for cluster in self.clusters}
        left = [
            place
            for place, one in self.present.alarms.items()
            if one["Tags"].get(OWNER) in owners
            and place[1].startswith(prefix)
            and "AlarmRule" not in one
            and (place, one["Tags"][OWNER]) not in self.given
        ]
        if left and key not in self.kept:
            self.problems.append(f"set {key} is gone and has left {left} with its tag; last spec {body['spec']}")
        if body["spec"].get("deletionPolicy") == "Retain":
            return
        pinned = {(status["region"], one["logGroup"], one["name"]) for one in status.get("filters", ())}
        of_others = {
            name for (_, name), one in self.present.alarms.items() if one["Tags"].get(OWNER, "") not in {"", *owners}
        }
        if kept := {place for place in pinned & self.present.filters.keys() if place[-1] not in of_others}:
            self.problems.append(f"set {key} is gone and has left {sorted(kept)}")


class _Observed:
    """What is in AWS of one set."""

    def __init__(self, rest: AlarmRest, key: str, body: Manifest, place: tuple[str, str, str], prefix: str) -> None:
        self._region, self._group, trail = place
        self._prefix = prefix
        self._wanted = wanted(body["spec"], trail, key.partition("/")[2])
        self._owner = f"{rest.clusters[0]}/{key}"
        owners = {f"{cluster}/{key}" for cluster in rest.clusters}
        if body["spec"].get("managementPolicy") != "Observe" and body["status"].get("ownerTag") == self._owner:
            owners = {self._owner}
        self._pinned = {(one["logGroup"], one["name"]) for one in body["status"].get("filters", ())}
        region = self._region
        self._filters = {(p[1], p[2]): one for p, one in rest.present.filters.items() if p[0] == region}
        self._alarms = {
            p[1]: one for p, one in rest.present.alarms.items() if p[0] == region and p[1].startswith(prefix)
        }
        self.own = {
            name: one
            for name, one in self._alarms.items()
            if one["Tags"].get(OWNER) in owners and "AlarmRule" not in one
        }
        self._observes = body["spec"].get("managementPolicy") == "Observe"
        self.conflicts = [] if self._observes else self._find_conflicts()

    def differences(self) -> list[str]:
        """What is not as the spec says; of what others own, nothing."""
        found = [problem for name in self._wanted for problem in self._different(name)]
        wanted_names = {f"{self._prefix}{name}" for name in self._wanted}
        found += [f"alarm {name} is too many" for name in self.own if name not in wanted_names]
        for group, name in sorted(self._pinned & self._filters.keys()):
            is_needed = (group == self._group and name in wanted_names) or self._has_conflict(name)
            if not is_needed:
                found.append(f"filter {name} in {group} is too many")
        if not self._observes:
            found += [
                f"alarm {name} has a former tag" for name, one in self.own.items() if one["Tags"][OWNER] != self._owner
            ]
        return found

    def _different(self, name: str) -> list[str]:
        full = f"{self._prefix}{name}"
        filter_wanted, alarm_wanted = self._wanted[name]
        filter_found, alarm_found = self._filters.get((self._group, full)), self._alarms.get(full)
        has_conflict = self._has_conflict(full)
        found: list[str] = []
        if f"filter {full}" not in self.conflicts:
            if filter_found is not None:
                words = unlike(filter_wanted, filter_form(filter_found))
                found += [f"filter {name}: {words}"] if words else []
            elif not has_conflict:
                found.append(f"there is no filter {name}")
        if f"alarm {full}" not in self.conflicts:
            if alarm_found is not None:
                words = unlike(alarm_wanted, alarm_form(alarm_found))
                words = "composite" if "AlarmRule" in alarm_found else words
                found += [f"alarm {name}: {words}"] if words else []
            elif not has_conflict:
                found.append(f"there is no alarm {name}")
        return found

    def _has_conflict(self, full: str) -> bool:
        """Whether others have the filter or the alarm: then what is still in a former log group stays there."""
        return f"filter {full}" in self.conflicts or f"alarm {full}" in self.conflicts

    def _find_conflicts(self) -> list[str]:
        conflicts = []
        for name in self._wanted:
            full = f"{self._prefix}{name}"
            if (self._group, full) in self._filters and (self._group, full) not in self._pinned:
                conflicts.append(f"filter {full}")
            if full in self._alarms and full not in self.own:
                conflicts.append(f"alarm {full}")
        return conflicts


def _is(found: Any, want: Any, what: str) -> None:
    assert found == want, f"{what} is {found!r}, not {want!r}"
