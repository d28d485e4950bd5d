"""One sandbox with a real Argo CD, into which Argo CD installs the chart from a git repository."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from tests.gitops.argocd import IN_CLUSTER, ArgoCD, Repository
from tests.integration.aws import Account
from trail_sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gitops.md"


def snippet(kind: str, name: str) -> dict[str, Any]:
    """The manifest of that kind and name in the documentation, as it stands there."""
    for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        body: dict[str, Any] = yaml.safe_load(text)
        if (body["kind"], body["metadata"]["name"]) == (kind, name):
            return body
    raise LookupError(f"docs/gitops.md has no {kind} {name}")


@pytest.fixture(scope="session")
def account(sandbox: Sandbox) -> Account:
    """The AWS account of the operator's own identity."""
    return Account(sandbox.aws_endpoint, "111122223333")


@pytest.fixture(scope="session")
def api(sandbox: Sandbox) -> client.ApiClient:
    """The administrator's API client."""
    return config.new_client_from_config(str(sandbox.kubeconfig))


@pytest.fixture(scope="session")
def argocd(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgoCD]:
    """Argo CD, with the health checks of the documentation."""
    result = ArgoCD(sandbox, tmp_path_factory.mktemp("argocd"), snippet("ConfigMap", "argocd-cm"))
    try:
        result.start()
        yield result
    finally:
        result.stop()


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The team's git repository."""
    return Repository(tmp_path_factory.mktemp("git") / "repository")


@pytest.fixture(scope="session")
def operator(argocd: ArgoCD, repository: Repository, account: Account) -> str:
    """The operator, installed by Argo CD from a copy of the chart in git; the Application's name."""
    repository.copy("The operator's chart", ROOT / "charts" / "trail-operator", "charts/trail-operator")
    application = snippet("Application", "trail-operator")
    source = application["spec"]["source"]
    source["repoURL"] = repository.url
    source["helm"]["valuesObject"] |= {
        "extraEnv": [{"name": name, "value": value} for name, value in account.environment.items()],
        "resync": "5s",
    }
    assert application["spec"]["destination"]["server"] == IN_CLUSTER
    name = argocd.apply(application)
    argocd.wait(name, "Synced", "Healthy", 90)
    return name
