"""A plan as JSON. The format is documented in docs/plan.schema.json: a field changes its meaning only with VERSION."""

import json
from typing import Any

from trail_operator.domain.conditions import State
from trail_operator.domain.object_plan import exit_status, summary
from trail_operator.domain.trail_plan import TrailPlan
from trail_operator.preview.plan_report import PlanReport
from trail_operator.settings import flag

VERSION = "1"
_STATUSES = {True: "True", False: "False", None: "Unknown"}


def render_json(report: PlanReport) -> str:
    """Return the plan as a JSON object, with a line break at its end."""
    settings = report.settings
    document = {
        "formatVersion": VERSION,
        "callers": [{"account": one.account, "arn": one.arn} for one in report.identities],
        "settings": {
            "source": settings.source or None,
            "clusterName": settings.values.cluster_name,
            "unknown": sorted(flag(name).removeprefix("--") for name in settings.unknown),
        },
        "notes": list(report.notes),
        "trails": [_trail(plan) for plan in report.plans],
        "summary": summary(report.plans),
        "exitStatus": exit_status(report.plans),
    }
    return json.dumps(document, indent=2) + "\n"


def _trail(plan: TrailPlan) -> dict[str, Any]:
    return {
        "namespace": plan.namespace,
        "name": plan.name,
        "outcome": plan.outcome.value,
        "reason": plan.reason or None,
        "message": plan.message or None,
        "trail": {
            "name": plan.trail_name,
            "account": plan.account or None,
            "region": plan.region or None,
            "arn": plan.arn or None,
        },
        "differences": [
            {"path": one.path, "observed": one.observed, "desired": one.desired} for one in plan.differences
        ],
        "calls": [{"operation": one.operation, "parameters": dict(one.parameters)} for one in plan.actions],
        "dependencies": _dependencies(plan.dependencies),
        "warnings": [{"reason": str(one.reason), "message": one.message} for one in plan.warnings],
        "noLongerRecorded": list(plan.losses),
        "admission": (
            {"answer": plan.admission.answer.value, "message": plan.admission.message or None}
            if plan.admission
            else None
        ),
    }


def _dependencies(state: State | None) -> dict[str, str] | None:
    if state is None:
        return None
    return {"status": _STATUSES[state.status], "reason": str(state.reason), "message": state.message}
