"""What the chart renders, by `helm template`: no cluster is needed."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import ROOT
from trail_operator.settings import Settings
from trail_sandbox.binaries.cache import Cache, default_directory
from trail_sandbox.binaries.programs import HELM

CHART = ROOT / "charts" / "trail-operator"
EVERY_SETTING = {
    "watchNamespaces": ["a", "b"],
    "clusterName": "prod",
    "region": "eu-central-1",
    "resync": "5m",
    "defaultDeletionPolicy": "Retain",
    "ignoreTags": ["cost-*"],
    "logFormat": "text",
    "logLevel": "debug",
    "healthPort": 9090,
}


@pytest.fixture(scope="session")
def helm() -> Path:
    return Cache(default_directory()).obtain(HELM)


def run(helm: Path, *arguments: str, **values: Any) -> subprocess.CompletedProcess[str]:
    sets = [f"--set-json={name}={json.dumps(value)}" for name, value in values.items()]
    return subprocess.run([helm, *arguments, str(CHART), *sets], capture_output=True, text=True, check=False)


def render(helm: Path, **values: Any) -> dict[str, list[dict[str, Any]]]:
    """The rendered objects by kind."""
    done = run(helm, "template", "release", **values)
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


def test_it_passes_helms_own_check(helm: Path) -> None:
    done = run(helm, "lint", "--strict")
    assert done.returncode == 0, done.stdout


def test_every_setting_of_the_operator_is_a_value(helm: Path) -> None:
    environment = {entry["name"] for entry in container(render(helm, **EVERY_SETTING))["env"]}
    assert environment == {f"TRAIL_OPERATOR_{name.upper()}" for name in Settings.model_fields}


def test_the_operator_reads_what_the_chart_sets(helm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in container(render(helm, **EVERY_SETTING))["env"]:
        monkeypatch.setenv(entry["name"], entry.get("value", "10.0.0.1"))
    settings = Settings()
    assert settings.namespace == ["a", "b"]
    assert settings.cluster_name == "prod"
    assert settings.ignore_tags == ["cost-*"]
    assert settings.resync.total_seconds() == 300
    assert (settings.health_host, settings.health_port) == ("10.0.0.1", 9090)


def schema_paths(node: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, child in node.get("properties", {}).items():
        found |= schema_paths(child, f"{prefix}{name}.") or {f"{prefix}{name}"}
    return found


def value_paths(node: dict[str, Any], known: set[str], prefix: str = "") -> set[str]:
    found = set()
    for name, child in node.items():
        path = f"{prefix}{name}"
        nested = isinstance(child, dict) and path not in known
        found |= value_paths(child, known, f"{path}.") if nested else {path}
    return found


def test_values_and_their_schema_are_in_step() -> None:
    known = schema_paths(json.loads((CHART / "values.schema.json").read_text())) - {"global"}
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert value_paths(values, known) == known


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resinc": "5m"}, "resinc"),
        ({"resync": "5 minutes"}, "resync"),
        ({"defaultDeletionPolicy": "Keep"}, "defaultDeletionPolicy"),
        ({"clusterName": "a/b"}, "clusterName"),
        ({"watchNamespaces": ["a"]}, "clusterName"),
        ({"image": {"repository": "r", "digest": "latest"}}, "digest"),
    ],
)
def test_wrong_values_are_refused(helm: Path, values: dict[str, Any], message: str) -> None:
    done = run(helm, "template", "release", **values)
    assert done.returncode != 0
    assert message in done.stderr


def test_for_all_namespaces_there_is_one_cluster_role(helm: Path) -> None:
    objects = render(helm)
    assert "Role" not in objects
    (role,) = objects["ClusterRole"]
    assert {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]} in role[
        "rules"
    ]
    (named,) = render(helm, clusterName="prod")["ClusterRole"]
    assert all(rule["apiGroups"] != [""] for rule in named["rules"])


def test_for_some_namespaces_there_are_only_roles(helm: Path) -> None:
    objects = render(helm, watchNamespaces=["a", "b"], clusterName="prod")
    assert "ClusterRole" not in objects
    assert [role["metadata"]["namespace"] for role in objects["Role"]] == ["a", "b"]
    assert [binding["metadata"]["namespace"] for binding in objects["RoleBinding"]] == ["a", "b"]


def test_no_rule_has_a_wildcard_or_deletes(helm: Path) -> None:
    for role in render(helm)["ClusterRole"]:
        for rule in role["rules"]:
            assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
            assert not {"delete", "deletecollection", "escalate", "bind"} & set(rule["verbs"])


def test_definitions_can_be_left_out_or_let_go(helm: Path) -> None:
    (kept,) = render(helm)["CustomResourceDefinition"]
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    committed = yaml.safe_load((ROOT / "crds" / "trail-operator.dev_trails.yaml").read_text())
    assert kept["spec"] == committed["spec"]
    (loose,) = render(helm, crds={"keep": False})["CustomResourceDefinition"]
    assert "annotations" not in loose["metadata"]
    assert "CustomResourceDefinition" not in render(helm, crds={"enabled": False})


def test_the_pod_is_restricted(helm: Path) -> None:
    """The rules of https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
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


def test_there_is_one_writer(helm: Path) -> None:
    (deployment,) = render(helm)["Deployment"]
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_image_by_tag_and_by_digest(helm: Path) -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert container(render(helm))["image"].endswith(f"/trail-operator:{version}")
    digest = f"sha256:{'0' * 64}"
    assert container(render(helm, image={"digest": digest}))["image"].endswith(f"/trail-operator@{digest}")
