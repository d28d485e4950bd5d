"""`trail-operator reference`: what `docs/trail.md` is generated from. Knows the models, not the prose around them."""

from collections.abc import Iterable
from typing import Any

from trail_operator.api.crd import trail_crd
from trail_operator.api.reasons import CONDITION_MEANINGS, EXPLANATIONS
from trail_operator.settings import Settings


def render() -> str:
    """Tables of every field, condition, reason and setting."""
    schema = trail_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    sections = [
        "## Fields of `spec`\n\n" + _fields(schema["properties"]["spec"]),
        "## Rules\n\nThe API server refuses what breaks one of these, with the message given here.\n\n"
        + _rules(schema),
        "## Fields of `status`\n\n" + _fields(schema["properties"]["status"]),
        "## Conditions\n\n" + _table(["condition", "meaning"], CONDITION_MEANINGS.items()),
        "## Reasons\n\nThe set is closed: a condition never has another reason.\n\n"
        + _table(
            ["reason", "meaning", "what to do"],
            ((reason, entry.meaning, entry.remedy) for reason, entry in EXPLANATIONS.items()),
        ),
        "## Settings of `trail-operator run`\n\n" + _table(["flag", "variable", "default", "meaning"], _settings()),
    ]
    return "\n".join(sections)


def _fields(schema: dict[str, Any]) -> str:
    return _table(["field", "type", "default", "meaning"], _field_rows(schema, ""))


def _field_rows(schema: dict[str, Any], prefix: str) -> Iterable[tuple[str, ...]]:
    for name, field in schema["properties"].items():
        required = "required" if name in schema.get("required", []) else ""
        default = f"`{str(field['default']).lower()}`" if "default" in field else required
        kind = " or ".join(f"`{value}`" for value in field["enum"]) if "enum" in field else field["type"]
        yield f"`{prefix}{name}`", kind, default, field.get("description", "")
        if field["type"] == "array" and "properties" in field["items"]:
            yield from _field_rows(field["items"], f"{prefix}{name}[].")


def _rules(schema: dict[str, Any]) -> str:
    found: list[tuple[str, str]] = []

    def collect(node: dict[str, Any], path: str) -> None:
        found.extend((f"`{path}`", rule["message"]) for rule in node.get("x-kubernetes-validations", []))
        for name, child in node.get("properties", {}).items():
            collect(child, f"{path}.{name}".lstrip("."))
        if "items" in node:
            collect(node["items"], f"{path}[]")

    collect(schema, "")
    return _table(["where", "message"], ((where.replace("``", "the Trail"), message) for where, message in found))


def _settings() -> Iterable[tuple[str, ...]]:
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = {"resync": "`10m`"}.get(name, "" if default in (None, []) else f"`{default}`")
        flag = name.replace("_", "-")
        yield f"`--{flag}`", f"`TRAIL_OPERATOR_{name.upper()}`", shown, field.description or ""


def _table(head: list[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
