"""docs/accounts.md as it stands: its policies and manifests lead to Trails that are Ready, and keep teams apart."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory, kubectl
from tests.integration.kubernetes import Accounts, Trails
from tests.patience import eventually
from tests.sandbox.identities import allow, assume, role, trusting, user
from tests.sandbox.identities import client as client_of
from trail_sandbox.sandbox import Sandbox

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "accounts.md").read_text()
MANIFESTS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
# What EKS Pod Identity tags its sessions with, among others.
TAGS = [{"Key": "eks-cluster-name", "Value": "prod"}, {"Key": "kubernetes-namespace", "Value": "trail-operator"}]


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)


class Page:
    """The page with the names and numbers of this test."""

    def __init__(self, own: Account, team: Account, trails: Trails, accounts: Accounts) -> None:
        self.own, self.team, self.trails, self.accounts = own, team, trails, accounts
        names = {
            "111122223333": own.number,
            "444455556666": team.number,
            "blue-production": f"{accounts.prefix}-blue",
            "shared-services": f"{accounts.prefix}-shared",
            "namespace: team-blue": f"namespace: {trails.namespace}",
            "names: [team-blue]": f"names: [{trails.namespace}]",
            "example-blue-logs": f"example-blue-{own.number}",
            "example-shared-logs": f"example-shared-{own.number}",
        }
        self._page = PAGE
        for name, value in names.items():
            assert name in self._page
            self._page = self._page.replace(name, value)
        self.assuming, self.trust = blocks(self._page, "json")
        self.manifests = [yaml.safe_load(block) for block in blocks(self._page, "yaml")]

    def manifest(self, kind: str, name: str) -> dict[str, Any]:
        """The manifest of that name; an AWSAccount's begins with the test's own."""
        names = {name, f"{self.accounts.prefix}-{name}"}
        (found,) = (one for one in self.manifests if one["kind"] == kind and one["metadata"]["name"] in names)
        return dict(found)

    def permissions(self, account: Account) -> list[dict[str, Any]]:
        """The policy of docs/iam.md for an account."""
        needed = blocks((DOCS / "iam.md").read_text(), "json")[0]
        statements: list[dict[str, Any]] = json.loads(needed.replace("ACCOUNT", account.number))["Statement"]
        return statements

    def identity(self, *statements: dict[str, Any], tags: bool = True) -> dict[str, str]:
        """The operator's role with these statements; the environment with a session such as EKS Pod Identity gives."""
        more = {"Tags": TAGS, "TransitiveTagKeys": [tag["Key"] for tag in TAGS]} if tags else {}
        pods = user(self.own, allow("sts:AssumeRole", "sts:TagSession"), name="pods")
        arn = f"arn:aws:iam::{self.own.number}:user/pods"
        trust = trusting(arn, "sts:AssumeRole", "sts:TagSession")
        own = role(self.own, *statements, trust=trust, name="trail-operator")
        keys = assume(client_of(self.own, "sts", pods), own, **more)
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def target(self) -> None:
        """The role of the team's account, with the page's trust policy."""
        iam = self.team.client("iam")
        iam.create_role(RoleName="trail-operator", AssumeRolePolicyDocument=self.trust)
        document = json.dumps({"Version": "2012-10-17", "Statement": self.permissions(self.team)})
        iam.put_role_policy(RoleName="trail-operator", PolicyName="trails", PolicyDocument=document)

    @property
    def may_assume(self) -> list[dict[str, Any]]:
        statements: list[dict[str, Any]] = json.loads(self.assuming)["Statement"]
        return statements


@pytest.fixture
def page(account: Account, other: Account, trails: Trails, accounts: Accounts) -> Page:
    return Page(account, other, trails, accounts)


def test_one_account(operator_process: OperatorFactory, page: Page) -> None:
    operator_process(**page.identity(*page.permissions(page.own)))
    account, trail = page.manifest("AWSAccount", "shared"), page.manifest("Trail", "shared-audit")
    page.own.bucket(trail["spec"]["s3BucketName"], "shared-audit")
    name = page.accounts.add(account)
    assert page.accounts.wait_reason(name, "IdentityVerified")["status"] == "True"
    page.trails.create(trail)
    assert page.trails.wait_ready("shared-audit")["status"]["accountID"] == page.own.number


def test_one_account_without_any_aws_account(operator_process: OperatorFactory, page: Page) -> None:
    operator_process(**page.identity(*page.permissions(page.own)))
    trail = page.manifest("Trail", "shared-audit")
    del trail["spec"]["accountRef"]
    page.own.bucket(trail["spec"]["s3BucketName"], "shared-audit")
    page.trails.create(trail)
    page.trails.wait_ready("shared-audit")


@pytest.mark.parametrize("tags", [True, False], ids=["EKS Pod Identity", "IRSA or keys"])
def test_many_accounts(operator_process: OperatorFactory, page: Page, tags: bool) -> None:
    page.target()
    operator_process("--own-identity=false", **page.identity(*page.may_assume, tags=tags))
    trail = page.manifest("Trail", "audit")
    page.team.bucket(trail["spec"]["s3BucketName"], "audit")
    name = page.accounts.add(page.manifest("AWSAccount", "blue"))
    page.trails.create(trail)
    body = page.trails.wait_ready("audit")
    assert body["status"]["arn"] == page.team.trail_arn("audit")
    callers = {call["caller"] for call in page.team.calls() if call["operation"] == "CreateTrail"}
    assert callers == {
        f"arn:aws:sts::{page.team.number}:assumed-role/trail-operator/trail-operator@test@{page.team.number}"
    }
    eventually(
        "it is listed",
        lambda: (
            [entry["owner"] for entry in (page.accounts.get(name) or {})["status"].get("trails", [])]
            == [f"{page.trails.namespace}/audit"]
        ),
    )


@pytest.mark.parametrize("missing", ["policy", "trust"])
def test_session_tags_must_be_allowed_on_both_sides(
    operator_process: OperatorFactory, page: Page, missing: str
) -> None:
    allowed, trust = page.may_assume, json.loads(page.trust)
    (statement,) = allowed if missing == "policy" else trust["Statement"]
    statement["Action"].remove("sts:TagSession")
    right, page.trust = page.trust, json.dumps(trust)
    page.target()
    operator_process(**page.identity(*allowed))
    name = page.accounts.add(page.manifest("AWSAccount", "blue"))
    assert "sts:TagSession" in page.accounts.wait_reason(name, "AssumeRoleDenied")["message"]
    page.team.client("iam").update_assume_role_policy(RoleName="trail-operator", PolicyDocument=right)
    page.own.client("iam").put_role_policy(RoleName="trail-operator", PolicyName="inline", PolicyDocument=page.assuming)
    page.accounts.wait_reason(name, "IdentityVerified")


def test_without_the_external_id_the_role_is_closed(operator_process: OperatorFactory, page: Page) -> None:
    page.target()
    operator_process(**page.identity(*page.may_assume))
    account = page.manifest("AWSAccount", "blue")
    external_id = account["spec"].pop("externalID")
    name = page.accounts.add(account)
    page.accounts.wait_reason(name, "AssumeRoleDenied")
    page.accounts.change(name, externalID=external_id)
    page.accounts.wait_reason(name, "IdentityVerified")


def test_the_trust_policy_that_the_condition_prints_is_that_of_the_page(
    operator_process: OperatorFactory, page: Page
) -> None:
    operator_process(**page.identity(*page.may_assume))
    name = page.accounts.add(page.manifest("AWSAccount", "blue"))
    message = page.accounts.wait_reason(name, "AssumeRoleDenied")["message"]
    printed, _ = json.JSONDecoder().raw_decode(message[message.index("{") :])
    (statement,) = json.loads(page.trust)["Statement"]
    assert printed == {key: value for key, value in statement.items() if key != "Sid"}


def test_a_team_elsewhere_is_told_nothing_of_the_account(operator_process: OperatorFactory, page: Page) -> None:
    page.target()
    operator_process("--own-identity=false", **page.identity(*page.may_assume))
    account, trail = page.manifest("AWSAccount", "blue"), page.manifest("Trail", "audit")
    account["spec"]["allowedNamespaces"]["names"] = ["another"]
    name = page.accounts.add(account)
    page.accounts.wait_reason(name, "IdentityVerified")
    page.trails.create(trail)
    page.trails.wait_reason("audit", "NamespaceNotAllowed")
    told = json.dumps((page.trails.get("audit") or {})["status"])
    for secret in (page.team.number, account["spec"]["externalID"], "another", account["spec"]["roleARN"]):
        assert secret not in told
    assert page.team.trails() == []

    page.team.bucket(trail["spec"]["s3BucketName"], "audit")
    labels = page.manifest("Namespace", "team-blue")["metadata"]["labels"]
    page.trails.core.patch_namespace(page.trails.namespace, {"metadata": {"labels": labels}})
    page.trails.wait_ready("audit")


def test_a_team_may_write_trails_and_not_see_accounts(cluster: Sandbox, api: client.ApiClient, page: Page) -> None:
    rbac = client.RbacAuthorizationV1Api(api)
    rbac.create_namespaced_role(page.trails.namespace, page.manifest("Role", "trails"))
    rbac.create_namespaced_role_binding(page.trails.namespace, page.manifest("RoleBinding", "trails"))

    def may(verb: str, resource: str, namespace: str) -> bool:
        review = {
            "spec": {
                "user": "ann",
                "groups": ["team-blue"],
                "resourceAttributes": {
                    "group": "trail-operator.dev",
                    "resource": resource,
                    "verb": verb,
                    "namespace": namespace,
                },
            }
        }
        answer = client.AuthorizationV1Api(api).create_subject_access_review(review)
        return bool(answer.status.allowed)

    eventually("the team may", lambda: may("create", "trails", page.trails.namespace))
    assert not may("list", "trails", "default")
    for verb in ("get", "list", "watch", "create", "update", "patch", "delete"):
        assert may(verb, "trails", page.trails.namespace)
        assert not may(verb, "awsaccounts", "")


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_the_api_server_takes_every_manifest(cluster: Sandbox, trails: Trails, manifest: dict[str, Any]) -> None:
    if "namespace" in manifest["metadata"]:
        manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": trails.namespace}}
    text = yaml.safe_dump(manifest)
    kubectl(cluster, "apply", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
