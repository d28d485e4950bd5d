"""The formats of `plan`."""

from trail_operator.preview.plan_json import render_json
from trail_operator.preview.plan_markdown import render_markdown
from trail_operator.preview.plan_report import PlanReport
from trail_operator.preview.plan_text import render_text


def rendered(report: PlanReport, output: str, *, colour: bool) -> str:
    """Return the report as `text`, `json` or `markdown`. `colour`: whether text has colours."""
    if output == "json":
        return render_json(report)
    return render_markdown(report) if output == "markdown" else render_text(report, colour=colour)
