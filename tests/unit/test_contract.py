"""What users rely on: names, settings, reasons, generated files."""

import json
import logging
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from docs import generate, reference
from pydantic import ValidationError

from trail_operator.api.alarm_set_explanations import ALARM_SET_EXPLANATIONS
from trail_operator.api.crd import alarm_set_crd, definitions, render, trail_crd
from trail_operator.api.explanations import CONDITION_MEANINGS, EVENT_EXPLANATIONS, EXPLANATIONS
from trail_operator.api.reasons import ALARM_SET_REASONS, ConditionType, EventReason, Reason
from trail_operator.runtime import logs
from trail_operator.settings import Settings

ROOT = Path(__file__).parents[2]


def test_every_reason_and_condition_is_explained() -> None:
    assert set(EXPLANATIONS) | set(ALARM_SET_EXPLANATIONS) == set(Reason)
    assert set(CONDITION_MEANINGS) == set(ConditionType)
    assert set(EVENT_EXPLANATIONS) == set(EventReason)


def test_reasons_in_the_code_of_alarm_sets_are_theirs() -> None:
    package = ROOT / "operator/trail_operator"
    modules = [*(package / "alarms").glob("*.py"), *(package / "domain/alarms").glob("*.py")]
    modules += [package / "aws" / name for name in ("alarms.py", "metric_filters.py", "topics.py")]
    used = {name for path in modules for name in re.findall(r"(?<!Event)Reason\.([A-Z_]+)", path.read_text())}
    assert {name for name in used if Reason[name] not in ALARM_SET_REASONS} == set()
    assert set(ALARM_SET_EXPLANATIONS) == set(ALARM_SET_REASONS)


@pytest.mark.parametrize("folder", ["crds", "charts/trail-operator/files/crds"])
@pytest.mark.parametrize("definition", definitions(), ids=lambda definition: definition["metadata"]["name"])
def test_the_committed_definitions_are_in_step(folder: str, definition: dict[str, Any]) -> None:
    plural = definition["spec"]["names"]["plural"]
    assert (ROOT / folder / f"trail-operator.dev_{plural}.yaml").read_text() == render(definition), "run `make crds`"


def test_the_committed_reference_is_in_step() -> None:
    assert reference.render() in (ROOT / "docs/trail.md").read_text(), "run `make docs`"
    assert reference.render_account() in (ROOT / "docs/accounts.md").read_text(), "run `make docs`"
    assert reference.render_alarm_set() in (ROOT / "docs/trail-alarm-set.md").read_text(), "run `make docs`"
    assert generate.helps() in (ROOT / "docs/commands.md").read_text(), "run `make docs`"


def test_reasons_that_were_renamed_are_nowhere() -> None:
    """In no alert, dashboard, runbook, health check, page or test: they were never released."""
    root = Path(__file__).parents[2]
    former = ("FurtherCopyOfManagementEvents", "GlobalServiceEventsInert", "RecordsLess", "OwnerTagStayed")
    for folder in ("operator", "charts", "crds", "docs", "examples", "tests", "benchmarks", "sandbox", "README.md"):
        for path in [root / folder] if folder.endswith(".md") else (root / folder).rglob("*"):
            if path.suffix in (".py", ".md", ".yaml", ".json", ".tpl") and path != Path(__file__):
                found = [name for name in former if name in path.read_text()]
                assert not found, f"{path.relative_to(root)}: {found}"


@pytest.mark.parametrize(
    ("definition", "booleans"), [(trail_crd(), 4), (alarm_set_crd(), 0)], ids=["Trail", "TrailAlarmSet"]
)
def test_only_true_and_the_unobserved_generation_are_defaults_in_the_schema(
    definition: dict[str, Any], booleans: int
) -> None:
    found: list[object] = []

    def collect(node: object) -> None:
        if isinstance(node, dict):
            if "default" in node:
                found.append(node["default"])
            for child in node.values():
                collect(child)

    collect(definition["spec"]["versions"][0]["schema"])
    assert sorted(map(str, found)) == sorted(map(str, [*[True] * booleans, -1, {"observedGeneration": -1}]))


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("1h30m", 5400), ("0.5s", 0.5), ("1.5h", 5400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert Settings(resync=text).resync == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["10", "ten", "10 m", "", "0s", "-1s"])
def test_bad_durations_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Settings(resync=text)


def test_nothing_is_taken_over_unless_somebody_says_so() -> None:
    assert Settings().allowed_adoption == "Never"
    with pytest.raises(ValidationError):
        Settings(allowed_adoption="Sometimes")


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAIL_OPERATOR_NAMESPACE", '["a", "b"]')
    monkeypatch.setenv("TRAIL_OPERATOR_CLUSTER_NAME", "prod-1")
    monkeypatch.setenv("TRAIL_OPERATOR_DEFAULT_DELETION_POLICY", "Retain")
    settings = Settings()
    assert settings.namespace == ["a", "b"]
    assert settings.cluster_name == "prod-1"
    assert settings.default_deletion_policy == "Retain"


@pytest.mark.parametrize("names", ['["a"', "[" * 100_000], ids=["unterminated", "nested"])
def test_names_that_are_no_json_list_are_refused(names: str) -> None:
    with pytest.raises(ValidationError, match="write names as a,b"):
        Settings(namespace=names)


@pytest.mark.parametrize("name", ["a" * 61, "with/slash", ""])
def test_bad_cluster_names_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Settings(cluster_name=name)


@pytest.mark.parametrize("names", ["a b", "a/b", "a" * 61, "-a", "old,a/b"])
def test_bad_former_cluster_names_are_refused(names: str) -> None:
    with pytest.raises(ValidationError):
        Settings(former_cluster_names=names)


def test_a_cluster_s_name_is_not_also_a_former_one() -> None:
    assert Settings(cluster_name="new", former_cluster_names="old,older").former_cluster_names == ["old", "older"]
    with pytest.raises(ValidationError, match="--cluster-name new is also listed in --former-cluster-names"):
        Settings(cluster_name="new", former_cluster_names="old,new")


def test_log_lines_carry_the_trail(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.logger.info("StartLogging", extra=logs.about("default/audit", operation="StartLogging"))
    logs.configure("text", "info")
    logs.logger.info("StartLogging", extra=logs.about("default/audit"))
    logging.getLogger().handlers.clear()
    first, second = capsys.readouterr().err.splitlines()
    line = json.loads(first)
    assert (line["trail"], line["operation"], line["level"]) == ("default/audit", "StartLogging", "info")
    assert second.endswith("INFO    default/audit StartLogging")
