"""A plan of several Trails with what it rests on: the input of all formats."""

from dataclasses import dataclass

from trail_operator.aws.caller import CallerIdentity
from trail_operator.domain.object_plan import Outcome, summary
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.settings import flag


@dataclass(frozen=True)
class PlanReport:
    """Everything that a plan says."""

    plans: tuple[TrailPlan, ...]
    settings: OperatorSettings
    identities: tuple[CallerIdentity, ...] = ()
    """As whom AWS was read."""
    notes: tuple[str, ...] = ()
    """What was not read or is ignored, for users."""

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
    """Return how many Trails have each outcome."""
    counts = summary(report.plans)
    return ", ".join(f"{counts[outcome]} {text}" for outcome, text in _SUMMARY.items())
