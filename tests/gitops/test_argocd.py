"""Trails from git by a real Argo CD: made, refused, healed, put back and pruned."""

from collections.abc import Iterator

import pytest
from kubernetes import client

from tests.gitops.argocd import ArgoCD, Repository
from tests.gitops.conftest import snippet
from tests.integration.aws import Account
from tests.integration.kubernetes import Trails
from tests.integration.kubernetes import trail as manifest
from tests.patience import eventually

TEAM = "team-blue"


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


@pytest.mark.parametrize("tracking", ["annotation", "label"])
def test_definitions_that_the_chart_no_longer_has_stay(
    app: str, operator: str, argocd: ArgoCD, api: client.ApiClient, trails: Trails, tracking: str
) -> None:
    """Those who track by label, as Argo CD 2 does, would lose them, and with them every Trail."""
    argocd.configure("application.resourceTrackingMethod", tracking)
    chart = argocd.application(operator)["spec"]["source"]["helm"]["valuesObject"]
    argocd.change(operator, {"spec": {"source": {"helm": {"valuesObject": {"crds": {"enabled": False}}}}}})
    try:
        argocd.wait(operator, "Synced", "Healthy")
        for definition in client.ApiextensionsV1Api(api).list_custom_resource_definition().items:
            assert definition.metadata.deletion_timestamp is None
        trail = trails.get("audit")
        assert trail is not None
        assert "deletionTimestamp" not in trail["metadata"]
    finally:
        argocd.configure("application.resourceTrackingMethod", None)
        argocd.change(operator, {"spec": {"source": {"helm": {"valuesObject": {"crds": None, **chart}}}}})
    argocd.wait(operator, "Synced", "Healthy")


def test_a_trail_from_git_records(app: str, account: Account, argocd: ArgoCD) -> None:
    found = account.trail("audit")
    assert found is not None
    assert found["IsLogging"] is True
    health = argocd.health(app, "Trail", "audit")
    assert health["status"] == "Healthy"
    assert "in sync and logging" in health["message"]


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


def test_all_is_never_pruned(app: str, repository: Repository, trails: Trails, argocd: ArgoCD) -> None:
    repository.commit("Nothing left", {"trails/audit.yaml": None, "trails/README.md": "Trails go here."})

    def refusal() -> bool:
        conditions = argocd.refresh(app)["status"].get("conditions", [])
        return any("auto-sync will wipe out all resources" in entry["message"] for entry in conditions)

    eventually("Argo CD refuses", refusal, 60)
    assert trails.condition("audit")["status"] == "True"
    repository.revert()
    argocd.wait(app, "Synced", "Healthy")


def test_the_guard_rail_holds_what_git_no_longer_has(
    operator: str, app: str, repository: Repository, trails: Trails, account: Account, argocd: ArgoCD, bucket: str
) -> None:
    held = manifest("held", bucket, isMultiRegionTrail=False)
    repository.commit("One to be kept", {"trails/held.yaml": held})
    argocd.wait(app, "Synced", "Healthy")

    def guard(value: bool | None) -> None:
        argocd.change(
            operator, {"spec": {"source": {"helm": {"valuesObject": {"guardRails": {"denyDeletion": value}}}}}}
        )
        argocd.wait(operator, "Synced", "Healthy")

    guard(True)
    eventually("the guard rail holds", lambda: refused(trails, "held"))
    repository.commit("A mistake", {"trails/held.yaml": None})

    def said() -> bool:
        state = argocd.refresh(app)["status"].get("operationState", {})
        return "trail-operator.dev/allow-deletion=true" in str(state.get("syncResult", {}).get("resources"))

    eventually("the sync says what to write", said, 60)
    assert account.trail("held") is not None
    repository.revert()
    argocd.wait(app, "Synced", "Healthy")
    held["metadata"]["annotations"] = {"trail-operator.dev/allow-deletion": "true"}
    repository.commit("It may go", {"trails/held.yaml": held})
    argocd.wait(app, "Synced", "Healthy")
    repository.commit("It goes", {"trails/held.yaml": None})
    argocd.wait(app, "Synced", "Healthy")
    trails.wait_gone("held")
    assert account.trail("held") is None
    guard(None)
    eventually("the guard rail is off", lambda: not refused(trails, "audit"))


def refused(trails: Trails, name: str) -> bool:
    """Whether the API server would refuse to delete the Trail."""
    try:
        trails.delete(name, dry_run=True)
    except client.ApiException as error:
        return bool(error.status == 422)
    return False
