"""A plan of several objects with what it rests on: the input of all formats."""

from collections.abc import Iterable
from dataclasses import dataclass

from trail_operator.aws.caller import CallerIdentity
from trail_operator.domain.alarms.set_plan import AlarmSetPlan
from trail_operator.domain.object_plan import ObjectPlan, Outcome, summary
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.settings import flag


@dataclass(frozen=True)
class PlanReport:
    """Everything that a plan says."""

    trails: tuple[TrailPlan, ...]
    settings: OperatorSettings
    identities: tuple[CallerIdentity, ...] = ()
    """As whom AWS was read."""
    notes: tuple[str, ...] = ()
    """What was not read or is ignored, for users."""
    alarm_sets: tuple[AlarmSetPlan, ...] = ()

    @property
    def plans(self) -> tuple[TrailPlan | AlarmSetPlan, ...]:
        """The plans of all objects."""
        return (*self.trails, *self.alarm_sets)

    @property
    def settings_text(self) -> str:
        """Where the settings of the operator come from."""
        source = self.settings.source or "flags and variables"
        unknown = ", ".join(sorted(flag(name) for name in self.settings.unknown))
        return f"Settings of the operator: {source}" + (f"; unknown: {unknown}" if unknown else "")

    @property
    def identities_text(self) -> str:
        """As whom AWS was read."""
        read = ", ".join(f"{one.arn} (account {one.account})" for one in self.identities)
        return f"AWS was read as {read}" if read else "AWS was not read"


_SUMMARY = {
    Outcome.CREATE: "to create",
    Outcome.UPDATE: "to update",
    Outcome.DELETE: "to delete",
    Outcome.NOTHING: "unchanged",
    Outcome.BLOCKED: "blocked",
    Outcome.UNKNOWN: "unknown",
}


def summary_text(report: PlanReport) -> str:
    """Return how many Trails have each outcome, and how many TrailAlarmSets if there are any."""
    if not report.alarm_sets:
        return _counts(report.trails)
    of_sets = f"TrailAlarmSets: {_counts(report.alarm_sets)}"
    return f"Trails: {_counts(report.trails)}; {of_sets}" if report.trails else of_sets


def _counts(plans: Iterable[ObjectPlan]) -> str:
    counts = summary(plans)
    return ", ".join(f"{counts[outcome]} {text}" for outcome, text in _SUMMARY.items())
