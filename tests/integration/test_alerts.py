"""The alerts and the dashboard, judged by Prometheus's own promtool."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import generate_latest

from tests.integration.conftest import ROOT
from trail_operator.metric_families import FAMILIES
from trail_operator.metrics import Metrics
from trail_sandbox.binaries.cache import Cache, default_directory
from trail_sandbox.binaries.programs import PROMTOOL

pytestmark = pytest.mark.long  # where promtool must be built first

FILES = ROOT / "charts" / "trail-operator" / "files"
RUNBOOKS = ROOT / "docs" / "runbooks"
# Labels that Prometheus adds to what it scrapes, some by the relabelings that are usual.
ADDED = {"job", "instance", "pod", "node"}


@pytest.fixture(scope="session")
def promtool() -> Path:
    return Cache(default_directory()).obtain(PROMTOOL)


def run(promtool: Path, *arguments: str, text: str | None = None) -> str:
    done = subprocess.run([promtool, *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FILES / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    result: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text())
    return result


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Every query of alerts and dashboard, with values in place of Grafana's variables."""
    found = [rule["expr"] for rule in rules()]
    found += [target["expr"] for panel in panels() for target in panel["targets"]]
    return [query.replace("$__rate_interval", "5m").replace('"$', '"x') for query in found]


def metrics_in(query: str) -> set[str]:
    return set(re.findall(r"\b(?:trail_operator|process)_\w+", query))


def labels_in(query: str) -> set[str]:
    """All labels that a query names, in selectors and in its clauses."""
    selected = {name for block in re.findall(r"\{([^}]*)\}", query) for name in re.findall(r"(\w+)\s*(?:=|!)", block)}
    clauses = re.findall(r"\b(?:by|on|ignoring|without|group_left)\s*\(([^)]*)\)", query)
    return selected | {name for clause in clauses for name in re.findall(r"\w+", clause)}


def exposed() -> dict[str, set[str]]:
    """The labels of each metric by its name in queries."""
    result = {name: set[str]() for name in ("process_cpu_seconds_total", "process_resident_memory_bytes")}
    for family in FAMILIES:
        result[family.name] = set(family.labels)
        if family.kind == "histogram":
            result |= {f"{family.name}_bucket": {*family.labels, "le"}}
            result |= {f"{family.name}_{part}": set(family.labels) for part in ("sum", "count")}
    return result


def test_the_rules_are_valid(promtool: Path) -> None:
    assert f"{len(rules())} rules found" in run(promtool, "check", "rules", str(FILES / "alerts.yaml"))


def test_each_alert_fires_when_it_should_and_only_then(promtool: Path, tmp_path: Path) -> None:
    cases = Path(__file__).with_name("alerts_test.yaml")
    bare = yaml.safe_load((FILES / "alerts.yaml").read_text())
    for rule in bare["groups"][0]["rules"]:
        del rule["annotations"]  # texts, which promtool would have us repeat
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(bare))
    (tmp_path / cases.name).write_text(cases.read_text())
    run(promtool, "test", "rules", str(tmp_path / cases.name))
    tested = [test for case in yaml.safe_load(cases.read_text())["tests"] for test in case["alert_rule_test"]]
    for fires in (True, False):
        assert {test["alertname"] for test in tested if bool(test.get("exp_alerts")) is fires} == {
            rule["alert"] for rule in rules()
        }


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{rule['alert']}.md")
        assert {"summary", "description"} < rule["annotations"].keys()


@pytest.mark.parametrize("query", queries())
def test_every_query_asks_for_what_there_is(promtool: Path, query: str) -> None:
    run(promtool, "--experimental", "promql", "format", query)
    names = metrics_in(query)
    assert names
    assert names <= exposed().keys()
    assert labels_in(query) - {"__name__"} <= ADDED.union(*(exposed()[name] for name in names))


def test_the_checks_find_what_is_not_there() -> None:
    query = 'sum by (x) (rate(trail_operator_other{code="ok", result!~"a"}[5m])) / on (y) process_z'
    assert metrics_in(query) == {"trail_operator_other", "process_z"}
    assert labels_in(query) == {"x", "y", "code", "result"}


def test_the_exposition_passes_prometheus_own_check(promtool: Path) -> None:
    run(promtool, "check", "metrics", text=generate_latest(Metrics().registry).decode())


def test_the_dashboard_is_one() -> None:
    """What Grafana needs to import it: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/."""
    model = dashboard()
    everything = model["panels"]
    assert model["uid"]
    assert model["title"]
    assert model["schemaVersion"] >= 36
    assert "id" not in model, "it would overwrite another dashboard"
    assert len({panel["id"] for panel in everything}) == len(everything)
    variables = {entry["name"] for entry in model["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(everything))) - {"__rate_interval"}
    assert used <= variables
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
    for panel in panels():
        assert panel["type"] in {"stat", "table", "timeseries"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        if panel["type"] == "stat":  # where it says nothing of colours, Grafana makes it red from 80 on
            assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


def lost(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """What of our model is not, or another, in theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        missing = [f"{path}.{name}" for name in ours.keys() - theirs.keys()]
        return missing + [
            one for name in ours.keys() & theirs.keys() for one in lost(ours[name], theirs[name], f"{path}.{name}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            one for index, pair in enumerate(zip(ours, theirs, strict=True)) for one in lost(*pair, f"{path}[{index}]")
        ]
    return [] if ours == theirs else [path]


def through_grafana(model: dict[str, Any]) -> dict[str, Any]:
    """The model as types made of Grafana's own schemas read and write it, panels and queries by their plugins'.

    https://github.com/grafana/grafana-foundation-sdk
    """
    register_default_plugins()
    result: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(model)))
    return result


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    assert lost(dashboard(), through_grafana(dashboard())) == []


def test_what_grafana_does_not_know_is_found() -> None:
    model = dashboard()
    model["panels"][1]["options"]["colour"] = "red"
    model["panels"][1]["targets"][0]["promql"] = "up"
    found = lost(model, through_grafana(model))
    assert sorted(found) == [".panels[1].options.colour", ".panels[1].targets[0].promql"]


SHOWN = """
trail_operator_trail_ready{job="o", pod="a", trail_namespace="n", trail="good"} 1
trail_operator_trail_ready{job="o", pod="a", trail_namespace="n", trail="bad"} 0
trail_operator_trail_reason{job="o", pod="a", trail_namespace="n", trail="good", reason="Recording"} 1
trail_operator_trail_reason{job="o", pod="a", trail_namespace="n", trail="bad", reason="AccessDenied"} 1
trail_operator_trail_logging{job="o", pod="a", trail_namespace="n", trail="good"} 1
trail_operator_trail_logging{job="o", pod="a", trail_namespace="n", trail="bad"} 0
trail_operator_trail_logging_desired{job="o", pod="a", trail_namespace="n", trail="good"} 1
trail_operator_trail_logging_desired{job="o", pod="a", trail_namespace="n", trail="bad"} 1
trail_operator_trail_dependencies_ready{job="o", pod="a", trail_namespace="n", trail="good"} 1
trail_operator_trail_dependencies_ready{job="o", pod="a", trail_namespace="n", trail="bad"} 0
trail_operator_trail_delivery_failing{job="o", pod="a", trail_namespace="n", trail="good", destination="S3"} 0
trail_operator_trail_delivery_failing{job="o", pod="a", trail_namespace="n", trail="good", destination="SNS"} 1
trail_operator_trail_last_delivery_timestamp_seconds{pod="a", trail_namespace="n", trail="good", destination="S3"} 60
trail_operator_account_reason{job="o", pod="a", account="blue", reason="IdentityVerified"} 1
trail_operator_account_unmanaged_trails{job="o", pod="a", account="blue"} 2
trail_operator_account_unmanaged_trails{job="o", pod="a", account="red"} 1
trail_operator_alarm_set_ready{job="o", pod="a", alarm_set_namespace="n", alarm_set="good"} 1
trail_operator_alarm_set_ready{job="o", pod="a", alarm_set_namespace="n", alarm_set="bad"} 0
trail_operator_alarm_set_reason{job="o", pod="a", alarm_set_namespace="n", alarm_set="good", reason="InSync"} 1
trail_operator_alarm_set_reason{job="o", pod="a", alarm_set_namespace="n", alarm_set="bad", reason="Conflict"} 1
trail_operator_alarm_state{job="o", pod="a", alarm_set_namespace="n", alarm_set="good", alarm="Root", state="ALARM"} 1
trail_operator_alarm_state{job="o", pod="a", alarm_set_namespace="n", alarm_set="good", alarm="VPC", state="OK"} 1
trail_operator_leader{job="o", pod="a"} 1
trail_operator_leader{job="o", pod="b"} 0
trail_operator_event_queue_up{job="o", pod="a"} 1
trail_operator_event_queue_up{job="p", pod="a"} 0
trail_operator_events_arriving{job="o", pod="a"} 1
trail_operator_events_arriving{job="o", pod="a", account="blue"} 0
trail_operator_events_arriving{job="o", pod="b", account="blue"} 1
"""
SHOWS = {
    "Trails": {"{}": 2},
    "Trails whose dependencies refuse": {'{trail_namespace="n", trail="bad"}': 0},
    "Not Ready": {"{}": 1},
    "Not logging": {"{}": 1},
    "Deliveries failing": {"{}": 1},
    "Unmanaged trails": {"{}": 3},
    "Leaders": {"{}": 1},
    "Trails that are not Ready": {'{trail_namespace="n", trail="bad", reason="AccessDenied"}': 1},
    "Time since the last delivery": {'{trail_namespace="n", trail="good", destination="S3"}': 240},
    "TrailAlarmSets that are not Ready": {'{alarm_set_namespace="n", alarm_set="bad", reason="Conflict"}': 1},
    "Alarms that are not OK": {'{alarm_set_namespace="n", alarm_set="good", alarm="Root", state="ALARM"}': 1},
    "AWSAccounts": {'{account="blue", reason="IdentityVerified"}': 1},
    "Queue reachable": {"{}": 0},
    "Events arriving": {"{}": 1, '{account="blue"}': 0},
}


def test_the_dashboard_shows_what_there_is(promtool: Path, tmp_path: Path) -> None:
    """What is shown at one moment, by Prometheus itself: five minutes after 1970 began."""
    present = {panel["title"]: panel["targets"][0]["expr"] for panel in panels() if panel["type"] != "timeseries"}
    assert present.keys() == SHOWS.keys()
    series = [line.rsplit(" ", 1) for line in SHOWN.strip().splitlines()]
    expected = [
        {
            "expr": re.sub(r'"\$\w+"', '".*"', present[title]),
            "eval_time": "5m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        for title, samples in SHOWS.items()
    ]
    values = [{"series": name, "values": f"{value}x10"} for name, value in series]
    case = {"interval": "1m", "input_series": values, "promql_expr_test": expected}
    (tmp_path / "shown.yaml").write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}))
    run(promtool, "test", "rules", str(tmp_path / "shown.yaml"))


def test_the_variables_of_the_dashboard_ask_for_what_there_is() -> None:
    for variable in dashboard()["templating"]["list"][1:]:
        query = variable["query"]["query"]
        (name,) = metrics_in(query)
        label = re.search(r", (\w+)\)$", query)
        assert label is not None
        assert {label[1], *labels_in(query)} <= exposed()[name] | ADDED
