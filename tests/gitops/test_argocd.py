"""Trails from git by a real Argo CD: made, refused, healed, put back, pruned, and never perpetually different."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from tests.gitops.argocd import ArgoCD, Repository
from tests.gitops.conftest import ROOT, snippet
from tests.integration.aws import Account
from tests.integration.kubernetes import Trails, eventually
from tests.integration.kubernetes import trail as manifest

TEAM = "team-blue"
COMPLETE = "complete"


@pytest.fixture(scope="module")
def trails(api: client.ApiClient) -> Trails:
    return Trails(api, TEAM)


@pytest.fixture(scope="module")
def bucket(account: Account) -> str:
    account.open_bucket("audit-logs")
    return "audit-logs"


@pytest.fixture(scope="module")
def app(operator: str, argocd: ArgoCD, repository: Repository, bucket: str) -> Iterator[str]:
    """The documentation's app of Trails, with one Trail in it, as it stands."""
    repository.commit("A trail", {"trails/audit.yaml": manifest("audit", bucket, isLogging=True)})
    application = snippet("Application", "audit")
    application["spec"]["source"]["repoURL"] = repository.url
    name = argocd.apply(application)
    argocd.wait(name, "Synced", "Healthy")
    yield name
    argocd.delete(name)


def test_the_operator_stays_as_it_was_installed(argocd: ArgoCD, operator: str, app: str) -> None:
    body = argocd.refresh(operator)
    assert body["status"]["sync"]["status"] == "Synced"
    assert [entry for entry in body["status"]["resources"] if entry.get("status") != "Synced"] == []


def test_a_trail_from_git_records(app: str, account: Account, argocd: ArgoCD) -> None:
    found = account.trail("audit")
    assert found is not None
    assert found["IsLogging"] is True
    health = argocd.health(app, "Trail", "audit")
    assert health["status"] == "Healthy"
    assert "recording" in health["message"]


def test_a_bad_commit_says_what_is_wrong_and_the_revert_heals(
    app: str, repository: Repository, argocd: ArgoCD, bucket: str
) -> None:
    repository.commit(
        "A bucket that is not there", {"trails/audit.yaml": manifest("audit", "not-there", isLogging=True)}
    )
    argocd.wait(app, "Synced", "Degraded")
    message = argocd.health(app, "Trail", "audit")["message"]
    assert message.startswith("BucketNotFound: ")
    assert "not-there" in message
    repository.revert()
    argocd.wait(app, "Synced", "Healthy")


def test_what_the_api_server_refuses_is_told_by_the_sync(
    app: str, repository: Repository, argocd: ArgoCD, bucket: str
) -> None:
    refused = manifest("audit", bucket, isLogging=True, s3KeyPrefix="/logs/")
    repository.commit("A prefix that cannot be", {"trails/audit.yaml": refused})

    def refusal() -> str:
        state = argocd.refresh(app)["status"].get("operationState", {})
        results = [entry.get("message", "") for entry in state.get("syncResult", {}).get("resources", [])]
        return next((text for text in (*results, state.get("message", "")) if "write logs, not /logs/" in text), "")

    assert eventually("the sync says what to write", refusal, 60)
    assert argocd.health(app, "Trail", "audit")["status"] == "Healthy", "the trail goes on as it was"
    repository.revert()
    argocd.wait(app, "Synced", "Healthy")


def test_a_change_by_hand_is_put_back(app: str, trails: Trails, account: Account, argocd: ArgoCD) -> None:
    trails.change("audit", isLogging=False)
    eventually("the spec is git's again", lambda: trails.get("audit")["spec"]["isLogging"], 60)  # type: ignore[index]
    argocd.wait(app, "Synced", "Healthy")
    assert account.trail("audit")["IsLogging"] is True  # type: ignore[index]


def test_a_change_in_aws_is_put_back_by_the_operator_and_none_of_argo_cds_business(
    app: str, account: Account, argocd: ArgoCD
) -> None:
    account.cloudtrail.stop_logging(Name="audit")
    eventually("logging again", lambda: account.cloudtrail.get_trail_status(Name="audit")["IsLogging"])
    assert argocd.wait(app, "Synced", "Healthy")


def test_a_paused_trail_is_suspended(app: str, repository: Repository, argocd: ArgoCD, bucket: str) -> None:
    paused = manifest("audit", bucket, isLogging=True)
    paused["metadata"]["annotations"] = {"trail-operator.dev/paused": "true"}
    repository.commit("Let it alone for a while", {"trails/audit.yaml": paused})
    argocd.wait(app, "Synced", "Suspended")
    repository.revert()
    argocd.wait(app, "Synced", "Healthy")


def adapted(path: Path, account: Account) -> dict[str, Any]:
    """An example, with all its fields, for what there is in this account."""
    body: dict[str, Any] = yaml.safe_load(path.read_text())
    body["metadata"] = {"name": COMPLETE}
    spec = body["spec"]
    group = account.log_group("trails")
    spec |= {
        "name": COMPLETE,
        "region": "us-east-1",
        "s3BucketName": account.bucket("complete-logs", COMPLETE, spec.get("s3KeyPrefix", "")),
        "snsTopicName": account.topic("trails", COMPLETE).rsplit(":", 1)[1],
        "cloudWatchLogsLogGroupARN": group,
        "cloudWatchLogsRoleARN": account.role("logs", group),
        "kmsKeyID": account.key(COMPLETE),
    }
    return body


@pytest.mark.parametrize("server_side", [False, True], ids=["client-side apply", "server-side apply"])
def test_nothing_is_ever_different_that_nobody_has_changed(
    operator: str,
    argocd: ArgoCD,
    repository: Repository,
    account: Account,
    bucket: str,
    api: client.ApiClient,
    server_side: bool,
) -> None:
    """Minimal, complete, and an AWSAccount: after everything stands still, compared five times."""
    folder = f"still-{'server' if server_side else 'client'}"
    name = f"{COMPLETE}-{folder}"
    number = account.number
    body = adapted(ROOT / "examples" / "complete.yaml", account) if not server_side else manifest(name, bucket)
    body["spec"]["accountRef"] = {"name": folder}
    team = {
        "apiVersion": "trail-operator.dev/v1beta1",
        "kind": "AWSAccount",
        "metadata": {"name": folder, "annotations": {"argocd.argoproj.io/sync-wave": "-1"}},
        "spec": {"accountID": number, "region": "us-east-1", "allowedNamespaces": {"names": [folder]}},
    }
    files = {f"{folder}/account.yaml": team, f"{folder}/trail.yaml": body}
    repository.commit("Everything", files)
    application = snippet("Application", "audit")
    application["metadata"]["name"] = folder
    application["spec"]["source"] |= {"repoURL": repository.url, "path": folder}
    application["spec"]["destination"]["namespace"] = folder
    if server_side:
        application["spec"]["syncPolicy"]["syncOptions"].append("ServerSideApply=true")
        application["metadata"]["annotations"] = {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}
    argocd.apply(application)
    before = argocd.wait(folder, "Synced", "Healthy")
    for _ in range(5):
        after = argocd.refresh(folder)
        assert after["status"]["sync"]["status"] == "Synced"
    assert after["status"]["operationState"]["startedAt"] == before["status"]["operationState"]["startedAt"], (
        "nothing was applied again"
    )
    argocd.delete(folder)
    made = Trails(api, folder)
    made.delete(body["metadata"]["name"])
    made.wait_gone(body["metadata"]["name"])


def test_what_git_no_longer_has_is_pruned_and_retained_where_that_is_asked_for(
    app: str, repository: Repository, trails: Trails, account: Account, argocd: ArgoCD, bucket: str
) -> None:
    kept = manifest("kept", bucket, isMultiRegionTrail=False, deletionPolicy="Retain")
    gone = manifest("gone", bucket, isMultiRegionTrail=False)
    repository.commit("Two more", {"trails/kept.yaml": kept, "trails/gone.yaml": gone})
    argocd.wait(app, "Synced", "Healthy")
    assert account.trail("kept") is not None
    assert account.trail("gone") is not None
    repository.commit("None of them", {"trails/kept.yaml": None, "trails/gone.yaml": None})
    argocd.wait(app, "Synced", "Healthy")
    trails.wait_gone("kept")
    trails.wait_gone("gone")
    assert account.trail("kept")["IsLogging"] is True  # type: ignore[index]
    assert account.trail("gone") is None
    assert trails.names() == ["audit"]
