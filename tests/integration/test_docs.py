"""The manifests of the documentation, as the API server takes them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import ROOT, kubectl
from trail_sandbox.sandbox import Sandbox

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "charts").rglob("*.md")])


# Kubernetes' own kinds and ours; those of others are tried where they run.
_KNOWN = re.compile(r"(v1|apps/.*|batch/.*|.*\.k8s\.io/.*|trail-operator\.dev/.*)")


def manifests(page: Path) -> list[dict[str, Any]]:
    """The manifests of a page. What has a spec and no kind is a part of a Trail or TrailAlarmSet."""
    found = []
    for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for body in yaml.safe_load_all(block):
            if "spec" in body and "kind" not in body:
                version, kind = ("v1alpha1", "TrailAlarmSet") if "trailRef" in body["spec"] else ("v1beta1", "Trail")
                body |= {"apiVersion": f"trail-operator.dev/{version}", "kind": kind, "metadata": {"name": "a-part"}}
            if "kind" in body and _KNOWN.fullmatch(body["apiVersion"]):
                found.append(body)
    return found


SNIPPETS = [
    pytest.param(body, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, body in enumerate(manifests(page), 1)
]


def test_the_first_page_shows_a_trail() -> None:
    assert manifests(ROOT / "README.md")[0]["kind"] == "Trail"


@pytest.mark.sampled
@pytest.mark.parametrize("body", SNIPPETS)
def test_a_manifest_of_the_documentation_is_taken(cluster: Sandbox, body: dict[str, Any]) -> None:
    namespace = body["metadata"].get("namespace", "default")
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    kubectl(cluster, "apply", "--server-side", "-f", "-", text=yaml.safe_dump(space))
    take = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    kubectl(cluster, *take, text=yaml.safe_dump(body))
