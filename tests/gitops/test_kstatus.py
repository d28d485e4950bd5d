"""What goes by kstatus, as Flux and `helm install --wait` do, waits for a Trail until it records."""

from pathlib import Path

import pytest
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.kubernetes import Trails, trail
from tests.integration.manifest_chart import ManifestChart
from tests.patience import eventually
from trail_sandbox.sandbox import Sandbox

TEAM = "team-green"


@pytest.fixture
def chart(sandbox: Sandbox, operator: str, tmp_path: Path) -> ManifestChart:
    return ManifestChart(sandbox, tmp_path, TEAM)


def test_helm_waits_for_a_trail_until_it_records(chart: ManifestChart, api: client.ApiClient, account: Account) -> None:
    trails = Trails(api, TEAM)
    chart.holds(trail("helm-audit", "helm-logs", isMultiRegionTrail=False))
    waiting = chart.helm("install", "--create-namespace", seconds=8)
    assert waiting.returncode != 0
    assert "Trail/team-green/helm-audit not ready. status: InProgress" in waiting.stderr, "there is no bucket yet"
    assert "deadline exceeded" in waiting.stderr
    account.open_bucket("helm-logs")
    trails.wait_ready("helm-audit", 60)
    done = chart.helm("upgrade")
    assert done.returncode == 0, done.stderr

    # What AWS refuses for good is Stalled, which kstatus calls Failed: nobody waits for it in vain.
    fields = [{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::No::Such"]}]
    selectors = [{"name": "unknown", "fieldSelectors": fields}]
    chart.holds(trail("helm-audit", "helm-logs", isMultiRegionTrail=False, advancedEventSelectors=selectors))
    refused = chart.helm("upgrade", seconds=60)
    assert refused.returncode != 0
    assert "Trail/team-green/helm-audit not ready. status: Failed" in refused.stderr
    assert trails.condition("helm-audit", "Stalled")["message"] in refused.stderr
    assert "deadline exceeded" not in refused.stderr
    chart.holds(trail("helm-audit", "helm-logs", isMultiRegionTrail=False))
    mended = chart.helm("upgrade")
    assert mended.returncode == 0, mended.stderr
    assert trails.condition("helm-audit")["status"] == "True", "it was Ready when helm returned"

    assert chart.helm("uninstall").returncode == 0
    eventually("the trail has gone", lambda: account.trail("helm-audit") is None)
