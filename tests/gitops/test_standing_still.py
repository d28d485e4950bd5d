"""No perpetual difference: what git, the API server and the operator have made of a manifest, Argo CD leaves alone."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client

from tests.gitops.argocd import ArgoCD, Repository
from tests.gitops.conftest import snippet
from tests.integration.aws import Account
from tests.integration.kubernetes import Trails
from tests.integration.test_examples import EXAMPLES, Example
from tests.patience import eventually

NAMESPACE = "team-still"
WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    "client-side apply": ([], {}),
    "server-side apply": (["ServerSideApply=true"], {}),
    "server-side apply and diff": (
        ["ServerSideApply=true"],
        {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"},
    ),
}


@pytest.fixture(scope="module")
def trails(api: client.ApiClient) -> Trails:
    return Trails(api, NAMESPACE)


@pytest.fixture(scope="module")
def examples(repository: Repository, account: Account) -> None:
    """The least that can be said, and all that can: a Trail and its AWSAccount with every field there is."""
    complete = Example(account, EXAMPLES / "complete.yaml")
    complete.prepare()
    aws_account = complete.aws_account(NAMESPACE)
    aws_account["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "-1"}
    account.open_bucket("still-logs")
    minimal = yaml.safe_load((EXAMPLES / "minimal.yaml").read_text())
    minimal["metadata"]["name"] = "audit-minimal"
    minimal["spec"]["s3BucketName"] = "still-logs"
    files = {"account": aws_account, "complete": complete.manifest, "minimal": minimal}
    repository.commit("The examples", {f"still/{name}.yaml": body for name, body in files.items()})


@pytest.fixture(params=WAYS.values(), ids=list(WAYS))
def app(
    request: pytest.FixtureRequest,
    operator: str,
    argocd: ArgoCD,
    repository: Repository,
    examples: None,
    account: Account,
    trails: Trails,
) -> Iterator[str]:
    """The documentation's Application with the examples; deleted with all that it has applied."""
    options, annotations = request.param
    application = snippet("Application", "audit")
    application["metadata"] |= {"name": "still", "annotations": annotations}
    application["spec"]["source"] |= {"repoURL": repository.url, "path": "still"}
    application["spec"]["destination"]["namespace"] = NAMESPACE
    application["spec"]["syncPolicy"]["syncOptions"] += options
    name = argocd.apply(application)
    yield name
    argocd.delete(name, cascade=True)
    assert trails.names() == []
    assert account.trail("audit-minimal") is None
    assert account.trail("audit-complete") is None


def states(body: dict[str, Any], what: str) -> dict[str, str]:
    """For each resource of an Application, its sync status or health."""
    resources = body["status"]["resources"]
    values = {entry["name"]: entry["status"] if what == "sync" else entry["health"]["status"] for entry in resources}
    assert len(values) == 3
    return values


def test_what_nobody_changes_stays_in_sync(app: str, argocd: ArgoCD, account: Account, trails: Trails) -> None:
    first = argocd.wait(app, "Synced", "Healthy")
    # The operator writes the status, finalizers, Events: also for what it puts right in AWS.
    account.cloudtrail.stop_logging(Name="audit-complete")
    eventually("put right", lambda: trails.events("audit-complete", "DriftCorrected"))
    seen = {first["status"]["reconciledAt"]}

    def compared_by_itself() -> bool:
        body = argocd.application(app)
        assert set(states(body, "sync").values()) == {"Synced"}
        seen.add(body["status"]["reconciledAt"])
        return len(seen) == 4

    eventually("compared three times more, as often as it is set to", compared_by_itself, 180)
    last = argocd.wait(app, "Synced", "Healthy")
    assert set(states(last, "health").values()) == {"Healthy"}
    started = [body["status"]["operationState"]["startedAt"] for body in (first, last)]
    assert started[0] == started[1], "nothing was applied again"


def test_a_field_that_git_does_not_name_may_be_changed_by_hand_but_shows_in_the_health(
    app: str, argocd: ArgoCD, trails: Trails
) -> None:
    argocd.wait(app, "Synced", "Healthy")
    trails.change("audit-minimal", isLogging=False)
    after = argocd.wait(app, "Synced", "Suspended")
    assert states(after, "health")["audit-minimal"] == "Suspended"
    assert argocd.health(app, "Trail", "audit-minimal")["message"].startswith("LoggingOff: ")
