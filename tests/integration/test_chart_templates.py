"""What the chart renders, by `helm template`. A cluster is needed only to have the Pod judged."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs import generate

from tests.integration.conftest import ROOT, established, kubectl
from tests.patience import timeout
from trail_operator.settings import Settings
from trail_sandbox.binaries.cache import Cache, default_directory
from trail_sandbox.binaries.programs import HELM
from trail_sandbox.sandbox import Sandbox

CHART = ROOT / "charts" / "trail-operator"
EVERY_SETTING: dict[str, Any] = {
    "watchNamespaces": ["a", "b"],
    "clusterName": "prod",
    "formerClusterNames": ["test", "old"],
    "region": "eu-central-1",
    "defaultAccount": "security",
    "accountSelector": "shard=a,tier=",
    "ownIdentity": False,
    "allowedAdoption": "IfUnowned",
    "allowedActionARNs": ["arn:aws:sns:*:123456789012:alarms-*", "arn:aws:sns:eu-central-1:123456789012:security"],
    "resync": "5m",
    "eventQueue": "arn:aws:sqs:eu-central-1:123456789012:events",
    "dependencyResync": "2h",
    "defaultDeletionPolicy": "Retain",
    "driftAttribution": "Full",
    "ignoreTags": ["cost-*"],
    "leaderElection": False,
    "leaseName": "audit",
    "leaseNamespace": "chart-a",
    "logFormat": "text",
    "logLevel": "debug",
    "healthHost": "0.0.0.0",  # noqa: S104
    "healthPort": 9090,
}

# What is no value of the chart: a parent chart has the one, and by the other turns this one on and off.
OF_PARENTS = {"global", "enabled"}
KEPT = {
    "helm.sh/resource-policy": "keep",
    "argocd.argoproj.io/sync-options": "Prune=false",
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
}
VALUES = Path(__file__).parent / "chart" / "values"
# In place of the chart's own, whose contents are no matter of its templates.
ALERTS = """groups:
  - name: trails
    rules:
      - alert: TrailNotLogging
        expr: trails{logging="false"} > 0
        annotations:
          summary: "{{ $labels.name }} does not log"
"""
DASHBOARD = '{\n  "title": "{{ trails }}"\n}\n'


@pytest.fixture(scope="session")
def helm() -> Path:
    return Cache(default_directory()).obtain(HELM)


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with alerts and a dashboard of a few lines."""
    chart = tmp_path_factory.mktemp("packed") / "trail-operator"
    shutil.copytree(CHART, chart)
    (chart / "files" / "alerts.yaml").write_text(ALERTS)
    (chart / "files" / "dashboard.json").write_text(DASHBOARD)
    return chart


@pytest.fixture(scope="session")
def monitored(cluster: Sandbox) -> Sandbox:
    """The sandbox with the Prometheus operator's kinds, and the namespaces that the values name."""
    kubectl(cluster, "apply", "--server-side", "-f", str(VALUES.with_name("monitoring.yaml")))
    established(cluster, "podmonitors.monitoring.coreos.com")
    names = ("trail-operator", "chart-a", "chart-b")  # named in no other test, as one may delete its namespaces
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
    kubectl(cluster, "apply", "--server-side", "-f", "-", text=yaml.safe_dump_all(spaces))
    return cluster


def run(helm: Path, *arguments: str, chart: Path = CHART, **values: Any) -> subprocess.CompletedProcess[str]:
    sets = [f"--set-json={name}={json.dumps(value)}" for name, value in values.items()]
    return subprocess.run([helm, *arguments, str(chart), *sets], capture_output=True, text=True, check=False)


def render(helm: Path, chart: Path = CHART, **values: Any) -> dict[str, list[dict[str, Any]]]:
    """The rendered objects by kind."""
    done = run(helm, "template", "release", chart=chart, **values)
    assert done.returncode == 0, done.stderr
    objects: dict[str, list[dict[str, Any]]] = {}
    for body in yaml.safe_load_all(done.stdout):
        if body:
            objects.setdefault(body["kind"], []).append(body)
    return objects


def container(objects: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    (deployment,) = objects["Deployment"]
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    result: dict[str, Any] = found
    return result


@pytest.mark.parametrize("values", sorted(VALUES.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_passes_helms_own_check(helm: Path, packed: Path, values: Path) -> None:
    done = run(helm, "lint", "--strict", "--values", str(values), chart=packed)
    assert done.returncode == 0, done.stdout


def test_every_setting_of_the_operator_is_a_value(helm: Path) -> None:
    environment = {entry["name"] for entry in container(render(helm, **EVERY_SETTING))["env"]}
    assert environment == {f"TRAIL_OPERATOR_{name.upper()}" for name in Settings.model_fields}


def test_the_operator_reads_what_the_chart_sets(helm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in container(render(helm, **EVERY_SETTING))["env"]:
        monkeypatch.setenv(entry["name"], entry["value"])
    settings = Settings()
    assert settings.namespace == ["a", "b"]
    assert (settings.cluster_name, settings.former_cluster_names) == ("prod", ["test", "old"])
    assert settings.ignore_tags == ["cost-*"]
    assert settings.allowed_action_arns == EVERY_SETTING["allowedActionARNs"]
    assert (settings.default_account, settings.account_selector) == ("security", "shard=a,tier=")
    assert settings.own_identity is False
    assert settings.resync.total_seconds() == 300
    assert settings.dependency_resync.total_seconds() == 7200
    assert (settings.health_host, settings.health_port) == ("0.0.0.0", 9090)  # noqa: S104


# -- whole charts, as they are kept in chart/golden: `make golden` writes them anew


def whole(helm: Path, chart: Path, values: Path) -> str:
    """All that the chart makes of these values, without the definitions, which `crds/` has."""
    template = ("template", "release", str(chart), "--namespace", "trail-operator", "--values", str(values))
    done = subprocess.run([helm, *template], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("values", sorted(VALUES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_chart_makes_what_it_made(helm: Path, packed: Path, values: Path) -> None:
    bodies = [body for body in yaml.safe_load_all(whole(helm, packed, values)) if body]
    told = yaml.safe_dump_all(
        [body for body in bodies if body["kind"] != "CustomResourceDefinition"], width=120, sort_keys=False
    )
    golden = VALUES.parent / "golden" / values.name
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(told)
    assert told == golden.read_text(), "if that is meant: `make golden`"


def leaves(node: dict[str, Any], documented: set[str], prefix: str = "") -> dict[str, Any]:
    """Values by their documented paths."""
    found: dict[str, Any] = {}
    for name, child in node.items():
        path = f"{prefix}{name}"
        found |= {path: child} if path in documented else leaves(child, documented, f"{path}.")
    return found


def test_every_value_is_set_in_one_of_them() -> None:
    text = (CHART / "values.yaml").read_text()
    documented = set(generate.meanings(text))
    defaults = leaves(yaml.safe_load(text), documented)
    changed: set[str] = set()
    for path in VALUES.glob("*.yaml"):
        values = leaves(yaml.safe_load(path.read_text()), documented)
        changed |= {name for name, value in values.items() if value != defaults[name]}
    assert changed == documented


@pytest.mark.sampled
@pytest.mark.parametrize("values", sorted(VALUES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_api_server_takes_all_of_it(helm: Path, packed: Path, values: Path, monitored: Sandbox) -> None:
    take = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
    told = kubectl(monitored, *take, text=whole(helm, packed, values))
    assert told.count("serverside-applied (server dry run)") == len(told.splitlines()) > 5


def test_the_api_server_takes_the_charts_own_alerts_and_dashboard(helm: Path, monitored: Sandbox) -> None:
    metrics = {"prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
    objects = render(helm, metrics=metrics)
    bodies = [*objects["PrometheusRule"], *objects["ConfigMap"]]
    take = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    told = kubectl(monitored, *take, text=yaml.safe_dump_all(bodies))
    assert len(told.splitlines()) == 2
    assert json.loads(objects["ConfigMap"][0]["data"]["trail-operator.json"])["title"]


def test_alerts_and_dashboard_come_as_they_are(helm: Path, packed: Path) -> None:
    metrics = {"prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
    objects = render(helm, packed, metrics=metrics)
    assert objects["PrometheusRule"][0]["spec"] == yaml.safe_load(ALERTS)
    assert objects["ConfigMap"][0]["data"] == {"trail-operator.json": DASHBOARD}


@pytest.mark.parametrize("name", ["alerts.yaml", "dashboard.json"])
def test_what_is_not_packed_is_told(helm: Path, packed: Path, name: str) -> None:
    chart = packed.with_name("incomplete") / name
    shutil.copytree(packed, chart)
    (chart / "files" / name).unlink()
    metrics = {"prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
    done = run(helm, "template", "release", chart=chart, metrics=metrics)
    assert done.returncode != 0
    assert f"packed without files/{name}" in done.stderr


def test_whatever_selects_the_pod_selects_it(helm: Path, packed: Path) -> None:
    bodies = list(yaml.safe_load_all(whole(helm, packed, VALUES / "everywhere.yaml")))
    by_kind = {body["kind"]: body for body in bodies if body}
    pod = by_kind["Deployment"]["spec"]["template"]
    selectors = [
        by_kind["Deployment"]["spec"]["selector"]["matchLabels"],
        by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        by_kind["Service"]["spec"]["selector"],
        pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    assert [selector for selector in selectors if not selector.items() <= pod["metadata"]["labels"].items()] == []
    monitor = by_kind["ServiceMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= by_kind["Service"]["metadata"]["labels"].items()
    (port,) = by_kind["Service"]["spec"]["ports"]
    assert monitor["endpoints"][0]["port"] == port["name"]
    assert port["targetPort"] in [entry["name"] for entry in pod["spec"]["containers"][0]["ports"]]


@pytest.mark.parametrize("name", ["serviceMonitor", "podMonitor"])
def test_a_monitor_elsewhere_looks_where_the_pod_is(helm: Path, name: str) -> None:
    settings = {"enabled": True, "namespace": "monitoring", "annotations": {"note": "one"}}
    objects = render(helm, metrics={name: settings})
    (monitor,) = objects[name[0].upper() + name[1:]]
    assert (monitor["metadata"]["namespace"], monitor["metadata"]["annotations"]) == ("monitoring", {"note": "one"})
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["default"]}
    assert [body["metadata"]["namespace"] for body in objects.get("Service", [])] in ([], ["default"])


def test_samples_are_scraped_once(helm: Path) -> None:
    done = run(
        helm, "template", "release", metrics={name: {"enabled": True} for name in ("serviceMonitor", "podMonitor")}
    )
    assert done.returncode != 0
    assert "not both" in done.stderr


def test_guard_rails_need_a_server_that_has_them(helm: Path) -> None:
    done = run(helm, "template", "release", "--kube-version", "1.29.3", guardRails={"denyDeletion": True})
    assert done.returncode != 0
    assert "guardRails need Kubernetes 1.30 or newer, this is v1.29.3" in done.stderr
    assert run(helm, "template", "release", "--kube-version", "1.29.3").returncode == 0


def paths(node: dict[str, Any], documented: set[str], prefix: str = "") -> set[str]:
    """The paths of the leaves, where what is documented as a whole is a leaf."""
    found = set()
    for name, child in node.items():
        path = f"{prefix}{name}"
        nested = isinstance(child, dict) and path not in documented
        found |= paths(child, documented, f"{path}.") if nested else {path}
    return found


def properties(node: dict[str, Any]) -> dict[str, Any]:
    """The tree of names that a schema knows."""
    return {name: properties(child) for name, child in node.get("properties", {}).items()}


def test_every_value_is_documented_and_in_the_schema() -> None:
    text = (CHART / "values.yaml").read_text()
    documented = set(generate.meanings(text))
    assert paths(yaml.safe_load(text), documented) == documented
    schema = properties(json.loads((CHART / "values.schema.json").read_text()))
    assert paths(schema, documented) - OF_PARENTS == documented
    assert generate.values_table(text) in (CHART / "README.md").read_text(), "run `make docs`"


def strict(node: Any) -> bool:
    """Whether nothing that it does not name is let through where it names anything."""
    if isinstance(node, list):
        return all(strict(child) for child in node)
    if not isinstance(node, dict):
        return True
    open_ended = "properties" in node and node.get("type") == "object" and node.get("additionalProperties") is not False
    return not open_ended and all(strict(child) for child in node.values())


def test_the_schema_is_strict() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    # Volumes, mounts and constraints are Kubernetes' own: the API server knows their fields.
    for name in ("extraVolumes", "extraVolumeMounts", "topologySpreadConstraints"):
        del schema["properties"][name]
    assert strict(schema)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resinc": "5m"}, "resinc"),
        ({"resync": "5 minutes"}, "resync"),
        ({"dependencyResync": "hourly"}, "dependencyResync"),
        ({"defaultDeletionPolicy": "Keep"}, "defaultDeletionPolicy"),
        ({"driftAttribution": "Everything"}, "driftAttribution"),
        ({"allowedAdoption": "Sometimes"}, "allowedAdoption"),
        ({"eventQueue": "arn:aws:sns:eu-central-1:123456789012:events"}, "eventQueue"),
        ({"clusterName": "a/b"}, "clusterName"),
        ({"formerClusterNames": ["a/b"]}, "formerClusterNames"),
        ({"formerClusterNames": "a"}, "formerClusterNames"),
        (
            {"formerClusterNames": ["a", "b"], "clusterName": "b"},
            "formerClusterNames: b is also the current clusterName",
        ),
        ({"watchNamespaces": ["a"]}, "clusterName"),
        ({"watchNamespaces": ["Team_A"], "clusterName": "prod"}, "watchNamespaces"),
        ({"resync": "0s"}, "resync"),
        ({"defaultAccount": "Security"}, "defaultAccount"),
        ({"accountSelector": "shard"}, "accountSelector"),
        ({"accountSelector": "shard!=a"}, "accountSelector"),
        ({"ownIdentity": "no"}, "ownIdentity"),
        ({"image": {"repository": "r", "digest": "latest"}}, "digest"),
        ({"resources": {"limit": {}}}, "resources"),
        ({"extraEnv": [{"name": "A", "valu": "1"}]}, "extraEnv"),
        ({"extraEnv": [{"name": "TRAIL_OPERATOR_REGION", "value": "eu-west-1"}]}, "extraEnv"),
        ({"nameOverride": "Trails"}, "nameOverride"),
        ({"fullnameOverride": "my_trails"}, "fullnameOverride"),
        ({"serviceAccount": {"name": "Audit"}}, "serviceAccount"),
        ({"commonLabels": {"app.kubernetes.io/name": "trails"}}, "commonLabels"),
        ({"podLabels": {"app.kubernetes.io/instance": "one"}}, "podLabels"),
        ({"serviceAccount": {"labels": {"app.kubernetes.io/name": "trails"}}}, "labels"),
        ({"healthHost": "127.0.0.1"}, "probes come from outside the Pod and cannot reach 127.0.0.1"),
        ({"healthHost": "::1"}, "healthHost"),
        ({"healthHost": "localhost"}, "healthHost"),
    ],
)
def test_wrong_values_are_refused(helm: Path, values: dict[str, Any], message: str) -> None:
    done = run(helm, "template", "release", **values)
    assert done.returncode != 0
    assert message in done.stderr


def test_a_parent_chart_turns_it_on_and_off(helm: Path, tmp_path: Path) -> None:
    """https://helm.sh/docs/chart_best_practices/dependencies/#conditions-and-tags"""
    dependency = {"name": "trail-operator", "version": "*", "condition": "trail-operator.enabled"}
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [dependency]}
    shutil.copytree(CHART, tmp_path / "charts" / "trail-operator")
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(about))
    values = {"global": {"region": "everybody's"}, "trail-operator": {"enabled": True, "replicas": 2}}
    assert render(helm, tmp_path, **values)["Deployment"][0]["spec"]["replicas"] == 2
    assert render(helm, tmp_path, **{"trail-operator": {"enabled": False}}) == {}


def notes(helm: Path, **values: Any) -> str:
    """What is said after an installation."""
    done = run(helm, "install", "release", "--dry-run=client", "--namespace", "trail-operator", **values)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\nNOTES:\n")[1]


def test_the_notes_are_about_what_was_installed(helm: Path) -> None:
    kept = "keeps the CustomResourceDefinitions"
    told = notes(helm)
    assert "watches all namespaces" in told
    assert "namespace:" not in told
    assert "Set clusterName before you create the first Trail" in told
    assert kept in told
    told = notes(helm, watchNamespaces=["chart-a", "chart-b"], clusterName="prod", crds={"enabled": False})
    assert "watches chart-a, chart-b" in told
    assert "    name: audit\n    namespace: chart-a\n" in told
    assert "kubectl get ctrail --namespace chart-a -o wide --watch" in told
    assert kept not in told
    assert "name this cluster prod" in told
    assert kept not in notes(helm, crds={"keep": False})


def test_what_is_missing_is_said_with_the_reason(helm: Path) -> None:
    done = run(helm, "template", "release", watchNamespaces=["a"])
    assert "watchNamespaces needs clusterName: the cluster's name in owner tags" in done.stderr


def test_the_longest_name_of_a_release_will_do(helm: Path, monitored: Sandbox) -> None:
    """https://helm.sh/docs/chart_best_practices/conventions/ and the 63 characters of a Service's name."""
    values = ("--values", str(VALUES / "everywhere.yaml"), "--set=nameOverride=")
    template = ("template", "r" * 53, str(CHART), "--namespace", "trail-operator", *values)
    done = subprocess.run([helm, *template], capture_output=True, text=True, check=True)
    take = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
    kubectl(monitored, *take, text=done.stdout)


def test_labels_that_are_given_twice_stand_once(helm: Path) -> None:
    """For all and for one: that of the one counts."""
    metrics = {
        "serviceMonitor": {"enabled": True, "labels": {"team": "monitoring"}},
        "prometheusRule": {"enabled": True, "labels": {"team": "monitoring"}},
        "dashboard": {"enabled": True, "labels": {"team": "monitoring"}},
    }
    values: dict[str, Any] = {"commonLabels": {"team": "audit"}, "podLabels": {"team": "pods"}, "metrics": metrics}
    for labels in re.findall(
        r"^ *labels:\n((?: +\S+: .*\n)+)", run(helm, "template", "release", **values).stdout, re.M
    ):
        assert len(re.findall(r"^ +team:", labels, re.M)) <= 1
    objects = render(helm, **values)
    for kind in ("ServiceMonitor", "PrometheusRule", "ConfigMap"):
        assert objects[kind][0]["metadata"]["labels"]["team"] == "monitoring"
    assert objects["Deployment"][0]["spec"]["template"]["metadata"]["labels"]["team"] == "pods"
    assert objects["Service"][0]["metadata"]["labels"]["team"] == "audit"


IN_THE_CLUSTER = [
    {"apiGroups": ["trail-operator.dev"], "resources": ["awsaccounts"], "verbs": ["list", "watch", "patch"]},
    {"apiGroups": ["trail-operator.dev"], "resources": ["awsaccounts/status"], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]},
]
TO_NAME_THE_CLUSTER = {**IN_THE_CLUSTER[-1], "resourceNames": ["kube-system"], "verbs": ["get"]}


def in_one(helm: Path, namespace: str) -> list[dict[str, Any]]:
    """What the operator may do in a namespace that it watches."""
    roles = render(helm, watchNamespaces=[namespace], clusterName="prod", leaderElection=False)["Role"]
    (found,) = (role["rules"] for role in roles if role["metadata"]["namespace"] == namespace)
    return list(found)


def operators(objects: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The operator's own ClusterRole, among those for users."""
    (bound,) = (binding["roleRef"]["name"] for binding in objects["ClusterRoleBinding"])
    (found,) = (role for role in objects["ClusterRole"] if role["metadata"]["name"] == bound)
    return found


def test_for_all_namespaces_there_is_one_cluster_role(helm: Path) -> None:
    objects = render(helm)
    role = operators(objects)
    assert role["rules"][-4:] == [*IN_THE_CLUSTER, TO_NAME_THE_CLUSTER]
    assert role["rules"][:-4] == in_one(helm, "a")


def test_for_some_namespaces_trails_are_in_roles_only(helm: Path) -> None:
    objects = render(helm, watchNamespaces=["a", "b"], clusterName="prod", leaderElection=False)
    for kind in ("Role", "RoleBinding"):
        assert sorted(body["metadata"]["namespace"] for body in objects[kind]) == ["a", "b", "default"]
    (default,) = (role for role in objects["Role"] if role["metadata"]["namespace"] == "default")
    assert default["rules"] == [{"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}]
    role = operators(objects)
    assert role["rules"] == [*IN_THE_CLUSTER, TO_NAME_THE_CLUSTER]
    # Releases of one name in several namespaces do not share it.
    (binding,) = objects["ClusterRoleBinding"]
    assert role["metadata"]["name"] == binding["metadata"]["name"] == "default:release-trail-operator"


def test_no_rule_has_a_wildcard_or_deletes(helm: Path) -> None:
    some = render(helm, watchNamespaces=["a"], clusterName="prod")
    for role in [operators(render(helm)), operators(some), *some["Role"]]:
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
            assert not {"delete", "deletecollection", "escalate", "bind"} & set(rule["verbs"])


def test_definitions_can_be_left_out_or_let_go(helm: Path) -> None:
    committed = {path.stem: yaml.safe_load(path.read_text())["spec"] for path in (ROOT / "crds").glob("*.yaml")}
    kept = render(helm)["CustomResourceDefinition"]
    assert [body["metadata"]["annotations"] for body in kept] == [KEPT] * len(committed)
    names = [(body["spec"]["group"] + "_" + body["spec"]["names"]["plural"], body["spec"]) for body in kept]
    assert dict(names) == committed
    loose = render(helm, crds={"keep": False})["CustomResourceDefinition"]
    assert not [body for body in loose if "annotations" in body["metadata"]]
    assert "CustomResourceDefinition" not in render(helm, crds={"enabled": False})


def test_every_definition_comes_as_it_is(helm: Path, tmp_path: Path) -> None:
    """Annotations of its own stay, and a text with braces is no template."""
    chart = tmp_path / "trail-operator"
    shutil.copytree(CHART, chart)
    another = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "others.trail-operator.dev", "annotations": {"own": "stays"}},
        "spec": {"description": "written as {{ .Values.region }}", "maximum": 12345678},
    }
    (chart / "files" / "crds" / "others.yaml").write_text(yaml.safe_dump(another))
    by_name = {body["metadata"]["name"]: body for body in render(helm, chart)["CustomResourceDefinition"]}
    assert set(by_name) == {
        f"{name}.trail-operator.dev" for name in ("others", "trails", "awsaccounts", "trailalarmsets")
    }
    rendered = by_name["others.trail-operator.dev"]
    assert rendered["spec"] == another["spec"]
    assert rendered["metadata"]["annotations"] == {"own": "stays", **KEPT}
    assert rendered["metadata"]["labels"]["app.kubernetes.io/name"] == "trail-operator"


def test_the_service_account_made_and_given(helm: Path) -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/trails"}
    made = render(helm, serviceAccount={"name": "audit", "annotations": role, "labels": {"team": "audit"}})
    (account,) = made["ServiceAccount"]
    assert account["metadata"]["labels"]["team"] == "audit"
    assert (account["metadata"]["name"], account["metadata"]["annotations"]) == ("audit", role)
    given = render(helm, serviceAccount={"create": False, "name": "ours"})
    assert "ServiceAccount" not in given
    for objects, name in ((made, "audit"), (given, "ours")):
        assert objects["Deployment"][0]["spec"]["template"]["spec"]["serviceAccountName"] == name
        assert [subject["name"] for subject in objects["ClusterRoleBinding"][0]["subjects"]] == [name]


def test_what_is_set_for_the_pod_is_in_the_pod(helm: Path) -> None:
    values: dict[str, Any] = {
        "imagePullSecrets": [{"name": "pull"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "system", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "terminationGracePeriodSeconds": 20,
    }
    secret = {"name": "AWS_ACCESS_KEY_ID", "valueFrom": {"secretKeyRef": {"name": "aws", "key": "id"}}}
    resources = {"requests": {"cpu": "1"}}
    labels, annotations = {"team": "audit"}, {"note": "1"}
    objects = render(
        helm, **values, extraEnv=[secret], resources=resources, podLabels=labels, podAnnotations=annotations
    )
    template = objects["Deployment"][0]["spec"]["template"]
    assert {name: template["spec"][name] for name in values} == values
    assert template["metadata"]["annotations"] == annotations
    assert labels.items() <= template["metadata"]["labels"].items()
    assert secret in container(objects)["env"]
    assert container(objects)["resources"]["requests"]["cpu"] == "1"


def test_the_probes_ask_the_health_port(helm: Path) -> None:
    found = container(render(helm, healthPort=9090))
    assert found["ports"] == [{"name": "health", "containerPort": 9090}]
    asked = {name: found[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in asked.values()} == {"health"}
    assert [probe["path"] for probe in asked.values()] == ["/healthz", "/healthz", "/readyz"]


def test_the_pod_is_restricted(helm: Path) -> None:
    """The rules of https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and more."""
    (deployment,) = render(helm)["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    context = container(render(helm))["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"] is True
    assert {key for volume in pod["volumes"] for key in volume if key != "name"} <= {"emptyDir"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert pod["enableServiceLinks"] is False


def test_the_api_server_takes_the_pod_where_restricted_is_enforced(helm: Path, cluster: Sandbox) -> None:
    """Kubernetes' own judgement, https://kubernetes.io/docs/concepts/security/pod-security-admission/."""
    namespace = "restricted"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    kubectl(cluster, "apply", "-f", "-", text=json.dumps(body))
    kubectl(cluster, "wait", "--for=create", "serviceaccount/default", "-n", namespace, timeout(30))
    objects = render(helm, serviceAccount={"create": False})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "operator", "namespace": namespace},
        "spec": objects["Deployment"][0]["spec"]["template"]["spec"],
    }
    take = ("create", "--dry-run=server", "-f", "-")
    kubectl(cluster, *take, text=json.dumps(pod))
    del pod["spec"]["securityContext"]["seccompProfile"]
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        kubectl(cluster, *take, text=json.dumps(pod))


def test_there_is_one_writer(helm: Path) -> None:
    """By the Lease, which is the release's own; without it a Pod ends before the next one starts."""
    objects = render(helm, replicas=2)
    assert objects["Deployment"][0]["spec"]["replicas"] == 2
    assert objects["Deployment"][0]["spec"]["strategy"]["type"] == "RollingUpdate"
    assert objects["PodDisruptionBudget"][0]["spec"]["maxUnavailable"] == 1
    variables = {entry["name"]: entry.get("value") for entry in container(objects)["env"]}
    assert variables["TRAIL_OPERATOR_LEASE_NAME"] == "release-trail-operator"
    (role,) = objects["Role"]
    assert role["metadata"]["namespace"] == variables["TRAIL_OPERATOR_LEASE_NAMESPACE"] == "default"
    assert role["rules"][1]["resourceNames"] == ["release-trail-operator"]
    assert "PodDisruptionBudget" not in render(helm)
    alone = render(helm, leaderElection=False)
    assert alone["Deployment"][0]["spec"]["strategy"] == {"type": "Recreate"}
    assert "Role" not in alone
    done = run(helm, "template", "release", replicas=2, leaderElection=False)
    assert "several replicas need leaderElection" in done.stderr


def test_the_image_is_pinned_as_it_is_documented(helm: Path) -> None:
    (values,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "image.md").read_text(), re.DOTALL | re.MULTILINE)
    image = yaml.safe_load(values)["image"]
    assert container(render(helm, image=image))["image"] == f"{image['repository']}@{image['digest']}"


def test_the_image_by_tag_and_by_digest(helm: Path) -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert container(render(helm))["image"].endswith(f"/trail-operator:{version}")
    digest = f"sha256:{'0' * 64}"
    assert container(render(helm, image={"digest": digest}))["image"].endswith(f"/trail-operator@{digest}")
