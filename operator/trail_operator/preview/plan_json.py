"""A plan as JSON. The format is documented in docs/plan.schema.json: a field changes its meaning only with VERSION."""

import json
from typing import Any

from trail_operator.domain.alarms.set_plan import AlarmSetPlan
from trail_operator.domain.conditions import State
from trail_operator.domain.object_plan import ObjectPlan, exit_status, summary
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
        "trails": [_trail(plan) for plan in report.trails],
        "alarmSets": [_alarm_set(plan) for plan in report.alarm_sets],
        "summary": summary(report.trails),
        "alarmSetSummary": summary(report.alarm_sets),
        "exitStatus": exit_status(report.plans),
    }
    return json.dumps(document, indent=2) + "\n"


def _trail(plan: TrailPlan) -> dict[str, Any]:
    return {
        **_outcome(plan),
        "trail": {
            "name": plan.trail_name,
            "account": plan.account or None,
            "region": plan.region or None,
            "arn": plan.arn or None,
        },
        **_changes(plan),
        "dependencies": _dependencies(plan.dependencies),
        **_remarks(plan),
        "noLongerRecorded": list(plan.losses),
    }


def _alarm_set(plan: AlarmSetPlan) -> dict[str, Any]:
    return {
        **_outcome(plan),
        "trailRef": plan.trail,
        "account": plan.account or None,
        "region": plan.region or None,
        "logGroup": plan.log_group or None,
        "namePrefix": plan.name_prefix or None,
        "alarmCount": plan.alarm_count,
        **_changes(plan),
        **_remarks(plan),
        "notes": list(plan.notes),
    }


def _outcome(plan: ObjectPlan) -> dict[str, Any]:
    return {
        "namespace": plan.namespace,
        "name": plan.name,
        "outcome": plan.outcome.value,
        "reason": plan.reason or None,
        "message": plan.message or None,
    }


def _changes(plan: ObjectPlan) -> dict[str, Any]:
    return {
        "differences": [
            {"path": one.path, "observed": one.observed, "desired": one.desired} for one in plan.differences
        ],
        "calls": [{"operation": one.operation, "parameters": dict(one.parameters)} for one in plan.actions],
    }


def _remarks(plan: ObjectPlan) -> dict[str, Any]:
    return {
        "warnings": [{"reason": str(one.reason), "message": one.message} for one in plan.warnings],
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
