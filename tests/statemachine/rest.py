"""What must hold when everything stands still: each Trail has its trail and says so, or says truly why it has none."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.statemachine.aws import ACCOUNT
from tests.statemachine.expectation import Form, difference, drifted, found, wanted
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.operator_life import CLUSTER
from tests.statemachine.record import age, arn_of, resource_of

PAUSED, FORCE = "trail-operator.dev/paused", "trail-operator.dev/reconcile-at"
_DESTINATIONS: dict[str, Callable[[Form], bool]] = {
    "LatestDeliveryError": lambda _: True,
    "LatestDigestDeliveryError": lambda form: form["LogFileValidationEnabled"],
    "LatestNotificationError": lambda form: form["SnsTopicARN"] is not None,
    "LatestCloudWatchLogsDeliveryError": lambda form: form["CloudWatchLogsLogGroupArn"] is not None,
}


@dataclass
class Rest:
    """Everything as it stands: all Trails, and all trails by their ARNs with the answers to all reads."""

    objects: Mapping[str, Manifest]
    answers: Mapping[str, Mapping[str, Any]]
    key_arn: Callable[[str, str], str | None]
    finalize: Mapping[str, Manifest]
    """Each Trail that has gone, as it was last."""
    given: set[tuple[str, str]]
    """ARNs and owners that somebody else put on them."""
    clusters: tuple[str, ...] = (CLUSTER,)
    """The names of the operator's cluster, the present one first."""
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forms: dict[str, Form] = {arn: found(answers) for arn, answers in self.answers.items()}

    def judge(self) -> list[str]:
        """All that is not as it must be."""
        for key, body in self.objects.items():
            try:
                self._judge(key, body)
            except AssertionError as error:
                self.problems.append(f"{key}: {error}; spec {body['spec']}; status {body.get('status')}")
        for arn, form in self.forms.items():
            self._judge_owner(arn, form)
        return self.problems

    def in_quiet(self) -> bool:
        """Whether every Trail has a trail of its own, none in another's way: then all follows from the specs."""
        mine = {key: self.forms.get(arn_of(key, body["spec"])) for key, body in self.objects.items()}
        names = {arn.partition(":trail/")[2] for arn in self.forms}
        return len(mine) == len(self.forms) == len(names) and all(
            form is not None
            and form["Owner"] == self._owner(key)
            and self.objects[key]["spec"].get("managementPolicy") != "Observe"
            for key, form in mine.items()
        )

    def _judge(self, key: str, body: Manifest) -> None:
        spec, status = body["spec"], body.get("status", {})
        _is(status.get("observedGeneration"), body["metadata"]["generation"], "observedGeneration")
        if body["metadata"].get("annotations", {}).get(PAUSED) == "true":
            _is(_ready(body), ("Unknown", "Paused"), "Ready")
            _is(condition_of(body, "DependenciesReady"), ("Unknown", "Paused"), "DependenciesReady")
            return
        assert "deletionTimestamp" not in body["metadata"], "it is still there"
        if spec.get("managementPolicy") == "Observe":
            self._judge_observed(key, body)
            return
        arn = arn_of(key, spec)
        form = self.forms.get(arn)
        if form is None or form["Owner"] != self._owner(key):
            self._judge_conflict(key, body, form)
            return
        told = difference(self._wanted(key, spec, arn), form)
        assert not told, f"the trail is not as the spec says: {told}"
        self._judge_told(body, arn, form)
        _is(status.get("drift", []), [], "drift")
        assert "correctionTime" in status.get("lastDrift", {"correctionTime": None}), "the drift has no correctionTime"
        good = "Recording" if form["IsLogging"] else "LoggingOff"
        failing = self._failing(arn, form)
        _is(_ready(body), ("False", "DeliveryFailing") if failing else ("True", good), "Ready")
        _is(condition_of(body, "Synced"), ("True", good), "Synced")
        _is(condition_of(body, "DependenciesReady"), ("True", "Allowed"), "DependenciesReady")
        _is(condition_of(body, "Reconciling"), None, "Reconciling")
        _is(condition_of(body, "Stalled"), None, "Stalled")

    def _judge_told(self, body: Manifest, arn: str, form: Form) -> None:
        status = body["status"]
        _is(status.get("arn"), arn, "arn")
        _is(status.get("accountID"), ACCOUNT, "accountID")
        _is(status.get("homeRegion"), arn.split(":")[3], "homeRegion")
        _is(status.get("isLogging"), form["IsLogging"], "isLogging")
        logging = ("True", "Recording") if form["IsLogging"] else ("False", "LoggingOff")
        _is(condition_of(body, "Logging"), logging, "Logging")
        if self._failing(arn, form):
            delivering = ("False", "DeliveryFailing")
        else:
            delivering = ("True", "Recording") if form["IsLogging"] else ("False", "LoggingOff")
        _is(condition_of(body, "Delivering"), delivering, "Delivering")

    def _judge_observed(self, key: str, body: Manifest) -> None:
        spec = body["spec"]
        here = arn_of(key, spec)
        name = here.partition(":trail/")[2]
        has_held = bool(body["metadata"].get("finalizers"))
        seen = [
            arn
            for arn, form in self.forms.items()
            if arn == here or (arn.endswith(f":trail/{name}") and form["IsMultiRegionTrail"] and not has_held)
        ]
        told = body["status"].get("arn")
        if not seen:
            if told in self.forms:
                seen = [told]  # it was seen once, and is known by its ARN since
            else:
                _is(_ready(body), ("False", "TrailNotFound"), "Ready")
                _is(condition_of(body, "DependenciesReady"), ("Unknown", "NotEvaluated"), "DependenciesReady")
                return
        assert told in seen or told in self.forms, f"arn is {told}, there is {seen}"
        form = self.forms[told]
        want = self._wanted(key, spec, told) | {"Owner": form["Owner"]}
        drift = drifted(want, form) | ({"region"} if spec.get("region") not in (None, told.split(":")[3]) else set())
        self._judge_told(body, told, form)
        _is(condition_of(body, "DependenciesReady"), ("True", "Allowed"), "DependenciesReady")
        if str(want["KmsKeyId"]).startswith("alias/"):  # it means no key where the trail lives
            _is(_told_drift(body), drift - {"kmsKeyID"}, "drift")
            _is(_ready(body), ("False", "KeyNotFound"), "Ready")
            return
        _is(_told_drift(body), drift, "drift")
        if drift:
            _is(_ready(body), ("False", "Drifted"), "Ready")
            return
        _is(condition_of(body, "Synced"), ("True", "Observed"), "Synced")
        _is(_ready(body), ("False", "DeliveryFailing") if self._failing(told, form) else ("True", "Observed"), "Ready")

    def _judge_conflict(self, key: str, body: Manifest, form: Form | None) -> None:
        """It has no trail of its own: that is so only where it may not have one, and must be told."""
        spec = body["spec"]
        ready = _ready(body)
        reasons = {"Conflict"}
        has_held = body["status"].get("arn") == arn_of(key, spec)
        if form is None and not has_held and self._owned_elsewhere(key, spec):
            reasons = {"WrongHomeRegion"}
        elif form is None:
            shadow = self._shadow(key, spec)
            assert shadow or self._is_outranked(key, body), f"there is no trail, and Ready is {ready}"
        elif not self._is_outranked(key, body):
            policy = spec.get("adoptionPolicy", "Never")
            owner = form["Owner"]
            if owner is None:
                assert policy == "Never", f"the trail was not adopted, and Ready is {ready}"
            elif policy == "Always":
                has_held = body["status"].get("arn") == arn_of(key, spec)
                is_alive = resource_of(owner, self.clusters) in self.objects
                assert has_held or is_alive, f"the trail was not taken from {owner}, and Ready is {ready}"
        assert ready is not None
        assert ready[0] == "False", f"Ready is {ready}"
        assert ready[1] in reasons, f"Ready is {ready}"
        _is((condition_of(body, "Stalled") or ("absent",))[0], "True", "Stalled")
        _is(condition_of(body, "DependenciesReady"), ("Unknown", "NotEvaluated"), "DependenciesReady")

    def _owned_elsewhere(self, key: str, spec: Manifest) -> bool:
        """Whether a trail of that name elsewhere is the Trail's own."""
        here = arn_of(key, spec)
        name = here.partition(":trail/")[2]
        return any(
            arn != here and arn.endswith(f":trail/{name}") and resource_of(str(form["Owner"]), self.clusters) == key
            for arn, form in self.forms.items()
        )

    def _shadow(self, key: str, spec: Manifest) -> str | None:
        """A trail of that name homed elsewhere that is in the region, too."""
        here = arn_of(key, spec)
        name = here.partition(":trail/")[2]
        return next(
            (
                arn
                for arn, form in self.forms.items()
                if arn != here and arn.endswith(f":trail/{name}") and form["IsMultiRegionTrail"]
            ),
            None,
        )

    def _is_outranked(self, key: str, body: Manifest) -> bool:
        """Whether an older Trail claims the same trail."""
        arn = arn_of(key, body["spec"])
        return any(
            arn_of(other, rival["spec"]) == arn
            and rival["spec"].get("managementPolicy") != "Observe"
            and age(rival) < age(body)
            for other, rival in self.objects.items()
            if other != key
        )

    def _judge_owner(self, arn: str, form: Form) -> None:
        """A trail that says whose it is has that owner, or was left behind as that owner wished."""
        owner = str(form["Owner"])
        key = resource_of(owner, self.clusters)
        if key == owner or key in self.objects or (arn, owner) in self.given:
            return
        last = self.finalize.get(key)
        if last is None or "accountID" not in last.get("status", {}):
            return  # it was gone before it asked AWS for anything
        if last["spec"].get("managementPolicy") == "Observe" or last["spec"].get("deletionPolicy") == "Retain":
            return
        self.problems.append(f"{arn} is left behind by {key}, whose last spec was {last['spec']}")

    def _owner(self, key: str) -> str:
        return f"{self.clusters[0]}/{key}"

    def _wanted(self, key: str, spec: Manifest, arn: str) -> Form:
        return wanted(spec, self._owner(key), arn.split(":")[3], ACCOUNT, self.key_arn)

    def _failing(self, arn: str, form: Form) -> bool:
        return is_failing(self.answers[arn]["GetTrailStatus"], form)


def is_failing(status: Mapping[str, Any], form: Form) -> bool:
    """Whether a trail that logs has a destination to which AWS says that it cannot deliver."""
    return form["IsLogging"] and any(status.get(name) and counts(form) for name, counts in _DESTINATIONS.items())


def _is(found: object, wanted: object, what: str) -> None:
    assert found == wanted, f"{what} is {found!r}, not {wanted!r}"


def condition_of(body: Manifest, kind: str) -> tuple[str, str] | None:
    """Return the status and the reason of a Trail's condition; None if it has none of that type."""
    conditions = body.get("status", {}).get("conditions", [])
    return next(((one["status"], one["reason"]) for one in conditions if one["type"] == kind), None)


def _told_drift(body: Manifest) -> set[str]:
    """The fields of which the status says that they differ."""
    paths = {re.split(r"[.\[]", entry["path"])[0] for entry in body["status"].get("drift", ())}
    return {"eventSelectors" if path == "advancedEventSelectors" else path for path in paths}


def _ready(body: Manifest) -> tuple[str, str] | None:
    return condition_of(body, "Ready")
