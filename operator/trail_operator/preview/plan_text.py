"""A plan as text for people, with colours if the terminal is to show them."""

from collections.abc import Iterator

from trail_operator.domain.alarms.set_plan import AlarmSetPlan, calls_text
from trail_operator.domain.object_plan import Answer, Outcome
from trail_operator.domain.texts import MESSAGE, clean
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.preview.options import UNCHECKED
from trail_operator.preview.plan_report import PlanReport, summary_text

SYMBOLS = {
    Outcome.CREATE: "+",
    Outcome.UPDATE: "~",
    Outcome.DELETE: "-",
    Outcome.NOTHING: "=",
    Outcome.BLOCKED: "!",
    Outcome.UNKNOWN: "?",
}
_GREEN, _YELLOW, _RED, _MAGENTA, _BOLD = "32", "33", "31", "35", "1"
_COLOURS = {
    Outcome.CREATE: _GREEN,
    Outcome.UPDATE: _YELLOW,
    Outcome.DELETE: _RED,
    Outcome.NOTHING: "",
    Outcome.BLOCKED: _RED,
    Outcome.UNKNOWN: _MAGENTA,
}
_STATUSES = {True: "allowed", False: "refused", None: "unknown"}

_Line = tuple[str, str]
"""A colour, empty for none, and a text."""


def render_text(report: PlanReport, *, colour: bool) -> str:
    """Return the plan. What comes from manifests and AWS cannot control the terminal."""
    return "".join(f"{_painted(clean(text, MESSAGE), code if colour else '')}\n" for code, text in _lines(report))


def subject(plan: TrailPlan | AlarmSetPlan) -> str:
    """Return the object, and where what it has in AWS is."""
    account = f" of account {plan.account}" if plan.account else ""
    region = f" in {plan.region}" if plan.region else ""
    return f"{plan.namespace}/{plan.name}: {_in_aws(plan)}{region}{account}"


def _in_aws(plan: TrailPlan | AlarmSetPlan) -> str:
    if isinstance(plan, TrailPlan):
        return f"trail {plan.trail_name}"
    alarms = (
        "alarms" if plan.alarm_count is None else "1 alarm" if plan.alarm_count == 1 else f"{plan.alarm_count} alarms"
    )
    log_group = f", log group {plan.log_group}" if plan.log_group else ""
    return f"{alarms} on Trail {plan.trail}{log_group}"


def calls(plan: TrailPlan | AlarmSetPlan) -> str:
    """Return the writes, in order."""
    if isinstance(plan, AlarmSetPlan):
        return calls_text(plan.actions)
    return ", ".join(action.operation for action in plan.actions)


def remarks(plan: TrailPlan | AlarmSetPlan) -> Iterator[tuple[str, str]]:
    """Yield a kind and a text for everything that a plan says besides differences and calls."""
    if plan.message:
        yield plan.reason or plan.outcome.value, plan.message
    if plan.admission and plan.admission.answer is Answer.UNCHECKED:
        yield "Admission unchecked", plan.admission.message
    if isinstance(plan, AlarmSetPlan):
        for note in plan.notes:
            yield "Note", note
    else:
        yield from _of_trail(plan)
    for warning in plan.warnings:
        yield f"Warning {warning.reason}", warning.message


def _of_trail(plan: TrailPlan) -> Iterator[tuple[str, str]]:
    if plan.dependencies:
        yield f"Dependencies {_STATUSES[plan.dependencies.status]}", plan.dependencies.message
    for loss in plan.losses:
        yield "No longer recorded", loss


def _lines(report: PlanReport) -> Iterator[_Line]:
    for plan in report.plans:
        yield from _plan(plan)
    for note in report.notes:
        yield _YELLOW, f"Note: {note}"
    yield "", report.settings_text
    yield "", f"{report.identities_text}. {UNCHECKED}"
    yield _BOLD, f"Plan: {summary_text(report)}"


def _plan(plan: TrailPlan | AlarmSetPlan) -> Iterator[_Line]:
    yield _COLOURS[plan.outcome], f"{SYMBOLS[plan.outcome]} {plan.outcome.value} {subject(plan)}"
    for entry in plan.differences:
        value = entry.desired if plan.outcome is Outcome.CREATE else f"{entry.observed} -> {entry.desired}"
        yield "", f"    {entry.path}: {value}"
    if plan.actions:
        yield "", f"    Calls: {calls(plan)}"
    for kind, text in remarks(plan):
        yield "", f"    {kind}: {text}"
    yield "", ""


def _painted(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if code and text else text
