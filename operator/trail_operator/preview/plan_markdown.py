"""A plan as Markdown, for a comment on a pull request.

Manifests may come from anybody, so nothing in them is markup in the comment, mentions somebody or links anywhere.
"""

import html
import re
from collections.abc import Iterator

from trail_operator.domain.alarms.set_plan import AlarmSetPlan
from trail_operator.domain.object_plan import Outcome
from trail_operator.domain.texts import MESSAGE, clean
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.preview.options import UNCHECKED
from trail_operator.preview.plan_report import PlanReport, summary_text
from trail_operator.preview.plan_text import SYMBOLS, calls, remarks, subject

LONGEST = 65_000
"""Characters. GitHub accepts 65,536: https://github.com/orgs/community/discussions/27190."""
_LONGEST_VALUE = 2_000
# What is markup, or the beginning of a link.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:=^%\"'/])")
# GitHub and GitLab read these before a word as references to people, issues and labels, even if they are escaped.
_REFERENCE = re.compile(r"([@#!~%$])(?=\w)")
_ZERO_WIDTH = "\u200b"


def render_markdown(report: PlanReport) -> str:
    """Return the plan, without the objects that do not fit into a comment and those that stay as they are."""
    head = [f"### Plan of trail-operator: {summary_text(report)}", ""]
    foot = [
        *(f"- {escape(note)}" for note in report.notes),
        f"- {escape(report.settings_text)}",
        f"- {escape(report.identities_text)}. {UNCHECKED}.",
        "",
    ]
    shown = [plan for plan in report.plans if plan.outcome is not Outcome.NOTHING or plan.warnings]
    foot = _fitting(foot, LONGEST // 4)
    left = LONGEST - sum(len(line) + 1 for line in (*head, *foot)) - 100
    body: list[str] = []
    for number, plan in enumerate(shown):
        lines = list(_plan(plan))
        left -= sum(len(line) + 1 for line in lines)
        if left < 0:
            body += [f"{len(shown) - number} more resources are not shown here, for the length of a comment.", ""]
            break
        body += lines
    return "\n".join((*head, *body, *foot))


def escape(text: str) -> str:
    """Return the text such that Markdown shows it as it is, on one line, also in a cell of a table."""
    return _escape_html(_MARKUP.sub(r"\\\1", clean(text, _LONGEST_VALUE)))


def _escape_html(text: str) -> str:
    """Return the text for HTML, in which Markdown is no markup."""
    return html.escape(_REFERENCE.sub(rf"\1{_ZERO_WIDTH}", clean(text, _LONGEST_VALUE)), quote=False)


def _fitting(lines: list[str], longest: int) -> list[str]:
    """Return the first of the lines that together have no more characters."""
    kept: list[str] = []
    for line in lines:
        longest -= len(line) + 1
        if longest < 0:
            return [*kept, "- ...", ""]
        kept.append(line)
    return kept


def _plan(plan: TrailPlan | AlarmSetPlan) -> Iterator[str]:
    title = f"{SYMBOLS[plan.outcome]} {plan.outcome.value} {subject(plan)}"
    yield f"<details><summary>{_escape_html(title)}</summary>"
    yield ""
    if plan.differences:
        yield "| field | observed | desired |"
        yield "|---|---|---|"
        for entry in plan.differences:
            yield f"| {escape(entry.path)} | {escape(entry.observed)} | {escape(entry.desired)} |"
        yield ""
    if plan.actions:
        yield f"Calls: {escape(calls(plan))}"
        yield ""
    for kind, text in remarks(plan):
        yield f"- **{escape(kind)}**: {escape(clean(text, MESSAGE))}"
    yield ""
    yield "</details>"
    yield ""
