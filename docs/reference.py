"""Render the reference tables of `docs/` from the models. Knows nothing of the prose around them."""

from collections.abc import Iterable
from typing import Any

from trail_operator.api.alarm_set_explanations import ALARM_SET_CONDITION_MEANINGS, ALARM_SET_EXPLANATIONS
from trail_operator.api.crd import account_crd, alarm_set_crd, trail_crd
from trail_operator.api.explanations import CONDITION_MEANINGS, EVENT_EXPLANATIONS, EXPLANATIONS, Explanation
from trail_operator.api.reasons import ACCOUNT_REASONS, EVENTS_ARRIVING_REASONS, ConditionType, Reason
from trail_operator.api.trail_alarm_set import Preset
from trail_operator.domain.alarms.presets import PRESET_ALARMS, PresetAlarm, Standard, alarms_of
from trail_operator.settings import Settings, default_text, flag


def render() -> str:
    """Tables of a Trail's fields, conditions and reasons, and of every setting."""
    sections = [
        *_resource(trail_crd(), "Trail"),
        "## Conditions\n\n" + table(["condition", "meaning"], _trail_conditions()),
        "## Reasons\n\nThe set is closed: a condition never has another reason.\n\n" + _reasons(_trail_reasons()),
        "## Reasons of Events\n\nBeside those of conditions. The other Events are in operations.md.\n\n"
        + _explained(EVENT_EXPLANATIONS.items()),
        "## Settings of `trail-operator run`\n\n" + table(["flag", "variable", "default", "meaning"], _settings()),
    ]
    return "\n".join(sections)


def render_account() -> str:
    """Tables of an AWSAccount's fields and of the reasons of its condition."""
    sections = [
        *_resource(account_crd(), "AWSAccount"),
        "## Reasons of `Ready`\n\n" + _reasons(ACCOUNT_REASONS),
        f"## Reasons of `EventsArriving`\n\n{CONDITION_MEANINGS[ConditionType.EVENTS_ARRIVING]}\n\n"
        + _reasons(EVENTS_ARRIVING_REASONS),
    ]
    return "\n".join(sections)


def render_alarm_set() -> str:
    """Tables of the preset alarms, and of a TrailAlarmSet's fields, conditions and reasons."""
    standards = tuple(Standard)
    rows = ((f"`{alarm.name}`", *(alarm.controls.get(one, "") for one in standards)) for alarm in PRESET_ALARMS)
    presets = " and ".join(f"`{preset}` has the {len(alarms_of([preset]))}" for preset in Preset)
    sections = [
        f"## Preset alarms\n\n{presets} alarms that have a number in the column of Security Hub, or of v5.0:\n\n"
        + table(["alarm", *standards], rows),
        "### Filter patterns\n\n" + "\n".join(map(_preset_pattern, PRESET_ALARMS)),
        *_resource(alarm_set_crd(), "TrailAlarmSet"),
        "## Conditions\n\n" + table(["condition", "meaning"], ALARM_SET_CONDITION_MEANINGS.items()),
        "## Reasons\n\nThe set is closed: a condition never has another reason.\n\n"
        + _explained(ALARM_SET_EXPLANATIONS.items()),
    ]
    return "\n".join(sections)


def _preset_pattern(alarm: PresetAlarm) -> str:
    return f"`{alarm.name}`: {alarm.description}\n\n```text\n{alarm.pattern}\n```\n"


def _trail_conditions() -> Iterable[tuple[str, str]]:
    return ((kind, meaning) for kind, meaning in CONDITION_MEANINGS.items() if kind != ConditionType.EVENTS_ARRIVING)


def _trail_reasons() -> Iterable[Reason]:
    return (reason for reason in EXPLANATIONS if reason not in EVENTS_ARRIVING_REASONS)


def _resource(definition: dict[str, Any], kind: str) -> list[str]:
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return [
        "## Fields of `spec`\n\n" + _fields(schema["properties"]["spec"]),
        "## Rules\n\nThe API server refuses what breaks one of these, with the message given here.\n\n"
        + _rules(schema, kind),
        "## Fields of `status`\n\n" + _fields(schema["properties"]["status"]),
    ]


def _reasons(reasons: Iterable[Reason]) -> str:
    return _explained((reason, EXPLANATIONS[reason]) for reason in reasons)


def _explained(explained: Iterable[tuple[str, Explanation]]) -> str:
    return table(
        ["reason", "meaning", "what to do"], ((reason, entry.meaning, entry.remedy) for reason, entry in explained)
    )


def _fields(schema: dict[str, Any]) -> str:
    return table(["field", "type", "default", "meaning"], _field_rows(schema, ""))


def _field_rows(schema: dict[str, Any], prefix: str) -> Iterable[tuple[str, ...]]:
    for name, field in schema["properties"].items():
        required = "required" if name in schema.get("required", []) else ""
        default = f"`{str(field['default']).lower()}`" if "default" in field else required
        kind = " or ".join(f"`{value}`" for value in field["enum"]) if "enum" in field else field["type"]
        yield f"`{prefix}{name}`", kind, default, field.get("description", "")
        if field["type"] == "array" and "properties" in field["items"]:
            yield from _field_rows(field["items"], f"{prefix}{name}[].")
        if "properties" in field:
            yield from _field_rows(field, f"{prefix}{name}.")


def _rules(schema: dict[str, Any], kind: str) -> str:
    found: list[tuple[str, str]] = []

    def collect(node: dict[str, Any], path: str) -> None:
        found.extend((f"`{path}`", rule["message"]) for rule in node.get("x-kubernetes-validations", []))
        for name, child in node.get("properties", {}).items():
            collect(child, f"{path}.{name}".lstrip("."))
        if "items" in node:
            collect(node["items"], f"{path}[]")

    collect(schema, "")
    return table(["where", "message"], ((where.replace("``", f"the {kind}"), message) for where, message in found))


def _settings() -> Iterable[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        default = default_text(field)
        shown = f"`{default}`" if default else ""
        yield f"`{flag(name)}`", f"`TRAIL_OPERATOR_{name.upper()}`", shown, field.description or ""


def table(head: list[str], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
