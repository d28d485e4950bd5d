"""`trail-operator plan` as users run it: what it says before a change, and that it writes nothing."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory, calls_of, owner
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.integration.service_account import ServiceAccount
from tests.integration.test_shards import more
from tests.patience import eventually, seconds
from trail_sandbox.kubernetes import kubeconfig
from trail_sandbox.sandbox import Sandbox

__all__ = ["more"]

BIN = Path(sys.executable).parent
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "plan.schema.json").read_text())
Done = subprocess.CompletedProcess[str]
Plan = Callable[..., Done]


@pytest.fixture
def environment(cluster: Sandbox, account: Account) -> dict[str, str]:
    """What a user has set who may read the cluster and the account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TRAIL_OPERATOR_"))}
    return {**kept, **cluster.environment(), **account.environment}


@pytest.fixture
def plan(environment: dict[str, str], tmp_path: Path) -> Plan:
    """Runs the command; without a terminal, as in a pipeline."""

    def run(*arguments: str, stdin: str = "", **variables: str) -> Done:
        return subprocess.run(
            [BIN / "trail-operator", "plan", *arguments],
            env={**environment, **variables},
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds(120),
        )

    return run


SETTINGS = (
    *("--cluster-name", "test", "--former-cluster-names", "", "--region", "us-east-1", "--default-account", ""),
    *("--account-selector", "", "--own-identity", "--allowed-adoption", "Always", "--ignore-tags", ""),
    *("--allowed-action-arns", ""),
    *("--default-deletion-policy", "Delete", "--namespace", ""),
)
"""All that a plan needs to know, of an operator that publishes nothing."""


def manifests(*bodies: dict[str, Any], namespace: str = "") -> str:
    """The text of manifests, in a namespace if one is given."""
    placed = [
        {**body, "metadata": {**body["metadata"], **({"namespace": namespace} if namespace else {})}} for body in bodies
    ]
    return yaml.safe_dump_all(placed)


def planned(done: Done) -> dict[str, Any]:
    """The JSON of a plan, which has the documented schema."""
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    assert document["exitStatus"] == done.returncode
    return document


@pytest.fixture
def leader(operator_process: OperatorFactory, service_account: ServiceAccount, api: client.ApiClient) -> Operator:
    """An operator with leader election, once it has published its settings."""
    name = service_account.name
    core = client.CoreV1Api(api)
    for found in core.list_namespaced_config_map(name, label_selector="trail-operator.dev/settings=true").items:
        core.delete_namespaced_config_map(found.metadata.name, name)
    operator = operator_process("--leader-election", "true", "--lease-name", name, "--lease-namespace", name)
    eventually(
        "settings",
        lambda: core.list_namespaced_config_map(name, label_selector="trail-operator.dev/settings=true").items,
    )
    return operator


def test_what_is_planned_is_what_follows(
    leader: Operator,
    plan: Plan,
    service_account: ServiceAccount,
    account: Account,
    trails: Trails,
    more: Trails,
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    manifest = trail("audit", bucket, tags=[{"key": "env", "value": "prod"}], isMultiRegionTrail=False)
    where = ("--operator-namespace", service_account.name)

    def changed(text: str) -> list[str]:
        before = len(account.writes())
        found = planned(plan("-f", "-", "-o", "json", *where, stdin=text))
        assert len(account.writes()) == before
        [one] = found["trails"]
        assert one["admission"] == {"answer": "accepted", "message": None}
        return [call["operation"] for call in one["calls"]]

    first = manifests(manifest, namespace=trails.namespace)
    operations = changed(first)
    assert operations == ["CreateTrail", "StartLogging"]
    assert trails.names() == []
    trails.create(manifest)
    trails.wait_ready("audit")
    assert [call["operation"] for call in account.writes()] == operations
    assert changed(first) == []

    before = len(account.writes())
    manifest["spec"] |= {"s3BucketName": account.bucket(f"logs-{account.number}-2", "audit"), "tags": []}
    operations = changed(manifests(manifest, namespace=trails.namespace))
    assert operations == ["RemoveTags", "UpdateTrail"]
    trails.replace_spec("audit", **manifest["spec"])
    trails.wait_ready("audit")
    assert [call["operation"] for call in account.writes()][before:] == operations
    more.create(trail("audit", bucket))
    done = plan(*where)
    assert done.returncode == 0, done.stdout
    assert f"= none {trails.namespace}/audit: trail audit in us-east-1 of account {account.number}" in done.stdout
    assert f"{more.namespace}/audit" not in done.stdout
    assert "Trails of the cluster, which are left to another operator" in done.stdout


def test_published_settings_are_all_that_a_plan_needs(
    leader: Operator, plan: Plan, service_account: ServiceAccount, trails: Trails, account: Account
) -> None:
    text = manifests(trail("audit", account.bucket(f"logs-{account.number}", "audit")), namespace=trails.namespace)
    found = planned(plan("-f", "-", "-o", "json", "--operator-namespace", service_account.name, stdin=text))
    assert found["settings"] == {
        "source": f"published in namespace {service_account.name}",
        "clusterName": "test",
        "unknown": [],
    }
    assert found["notes"] == []
    assert found["callers"] == [{"account": account.number, "arn": f"arn:aws:iam::{account.number}:root"}]


def test_settings_that_nobody_gives_are_unknown(plan: Plan, trails: Trails, account: Account) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    account.cloudtrail.create_trail(Name="audit", S3BucketName=bucket)
    text = manifests(trail("audit", bucket, adoptionPolicy="Always", region="us-east-1"), namespace=trails.namespace)
    given = ("--own-identity", "--allowed-adoption", "Always", "--default-account", "")
    done = plan("-f", "-", "-o", "json", *given, "--operator-namespace", trails.namespace, stdin=text)
    [one] = planned(done)["trails"]
    assert done.returncode == 3
    assert (one["outcome"], one["calls"]) == ("unknown", [])
    assert "--cluster-name" in one["message"]
    assert f"namespace {trails.namespace} has no ConfigMap" in planned(done)["notes"][0]


def test_an_unowned_trail_is_adopted_only_if_allowed(plan: Plan, trails: Trails, account: Account) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    account.cloudtrail.create_trail(Name="audit", S3BucketName=bucket)
    refused = manifests(trail("audit", bucket), namespace=trails.namespace)
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=refused)
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"], one["reason"]) == (3, "blocked", "Conflict")
    adopted = manifests(trail("audit", bucket, adoptionPolicy="IfUnowned"), namespace=trails.namespace)
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=adopted)
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"]) == (2, "update")
    tag = {"Key": "trail-operator.dev/owner", "Value": owner(trails, "audit")["trail-operator.dev/owner"]}
    assert one["calls"][0] == {
        "operation": "AddTags",
        "parameters": {"ResourceId": account.trail_arn("audit"), "TagsList": [tag]},
    }


def test_a_missing_statement_is_reported_before_aws_refuses(plan: Plan, trails: Trails, account: Account) -> None:
    bucket = account.bucket(f"logs-{account.number}", "other")
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=manifests(trail("audit", bucket), namespace=trails.namespace))
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"]) == (3, "create")
    assert (one["dependencies"]["status"], one["dependencies"]["reason"]) == ("False", "BucketPolicyDenies")


def test_a_manifest_that_the_api_server_rejects(plan: Plan, trails: Trails, account: Account) -> None:
    text = manifests(trail("audit", "some-bucket", isMultiRegionTrail=True, includeGlobalServiceEvents=False))
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=text)
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"], one["calls"]) == (3, "blocked", [])
    assert one["admission"]["answer"] == "rejected"
    assert "includeGlobalServiceEvents" in one["message"]


def test_unknown_metadata_is_rejected(plan: Plan, trails: Trails, account: Account) -> None:
    body = trail("audit", account.bucket(f"logs-{account.number}", "audit"))
    body["metadata"] |= {"namespace": trails.namespace, "lables": {}}
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=manifests(body))
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"], one["admission"]["answer"]) == (3, "blocked", "rejected")
    assert 'unknown field "metadata.lables"' in one["message"]


def test_fields_that_are_null_are_absent(plan: Plan, trails: Trails, account: Account) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    body = trail("audit", bucket, isLogging=None, region=None, tags=None)
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=manifests(body, namespace=trails.namespace))
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"], one["admission"]) == (2, "create", {"answer": "accepted", "message": None})
    assert [call["operation"] for call in one["calls"]] == ["CreateTrail", "StartLogging"]


def test_a_namespace_that_does_not_exist_is_unchecked(plan: Plan, account: Account) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=manifests(trail("audit", bucket), namespace="not-there"))
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"]) == (2, "create")
    assert one["admission"]["answer"] == "unchecked"
    assert "not-there" in one["admission"]["message"]


def test_without_a_cluster_manifests_are_planned_unchecked(plan: Plan, account: Account) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    done = plan("-f", "-", *SETTINGS, stdin=manifests(trail("audit", bucket)), KUBECONFIG="/nonexistent")
    assert done.returncode == 2, done.stdout
    assert "+ create default/audit: trail audit in us-east-1" in done.stdout
    assert "Admission unchecked: the cluster was not read" in done.stdout
    assert "Note: The cluster was not read" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Plan: 1 to create, 0 to update")
    assert account.writes() == []


def test_only_the_account_of_the_caller_is_read(
    plan: Plan, trails: Trails, account: Account, other: Account, accounts: Accounts
) -> None:
    hostile = {
        "apiVersion": "trail-operator.dev/v1beta1",
        "kind": "AWSAccount",
        "metadata": {"name": "hostile"},
        "spec": {
            "accountID": other.number,
            "roleARN": f"arn:aws:iam::{other.number}:role/hostile",
            "externalID": "kept-secret",
            "endpointURL": "https://attacker.invalid",
            "allowedNamespaces": {"names": [trails.namespace]},
        },
    }
    manifest = trail("audit", "some-bucket", accountRef={"name": "hostile"}, region="us-east-1")
    text = manifests(hostile, {**manifest, "metadata": {"name": "audit", "namespace": trails.namespace}})
    before = len(other.calls())
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=text)
    found = planned(done)
    [one] = found["trails"]
    assert (done.returncode, one["outcome"], one["reason"]) == (3, "unknown", "CredentialsUnavailable")
    assert f"Account {other.number} was not read" in one["message"]
    assert any("endpointURL of AWSAccount hostile is ignored" in note for note in found["notes"])
    assert len(other.calls()) == before
    assert "AssumeRole" not in {call["operation"] for call in account.calls()}
    assert "kept-secret" not in done.stdout + done.stderr
    assert "attacker" not in done.stdout + done.stderr


BAD: dict[str, tuple[tuple[str, ...], str, dict[str, str], str]] = {
    "not YAML": (("-f", "-"), "a: [", {}, "standard input: not YAML"),
    "no Trail": (
        ("-f", "-"),
        "kind: ConfigMap\nmetadata: {name: x}\n",
        {},
        "no Trail or TrailAlarmSet of trail-operator.dev",
    ),
    "no such file": (("-f", "nothing.yaml"), "", {}, "nothing.yaml: No such file"),
    "an unknown field": (
        ("-f", "-"),
        manifests(trail("audit", "bucket", s3Bucketname="x")),
        {},
        "unknown field spec.s3Bucketname (did you mean s3BucketName?)",
    ),
    "two with one name": (("-f", "-"), manifests(*[trail("audit", "bucket")] * 2), {}, "is also in"),
    "no credentials": (
        ("-f", "-"),
        manifests(trail("audit", "bucket")),
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
        "No usable AWS credentials",
    ),
    "no cluster": ((), "", {"KUBECONFIG": "/nonexistent"}, "Without --filename, the Trails of the cluster are planned"),
    "a format": (("-o", "xml"), "", {}, "invalid choice: 'xml'"),
    "a setting": (("--allowed-adoption", "Sometimes"), "", {}, "--allowed-adoption"),
    "a role": (("--role-arn", "nonsense"), "", {}, "--role-arn"),
}


@pytest.mark.sampled
@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_in_one_line(case: str, plan: Plan) -> None:
    arguments, stdin, variables, says = BAD[case]
    done = plan(*arguments, stdin=stdin, **variables)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("trail-operator plan: ")
    assert says in line


def test_reads_that_are_denied_leave_the_plan_unknown(plan: Plan, trails: Trails, account: Account) -> None:
    account.fault(service="cloudtrail", operation="GetTrail", error="AccessDeniedException", count=None)
    text = manifests(trail("audit", account.bucket(f"logs-{account.number}", "audit")), namespace=trails.namespace)
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=text)
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"], one["reason"]) == (3, "unknown", "AccessDenied")
    assert "cloudtrail:GetTrail" in one["message"]


def test_a_session_that_has_expired(plan: Plan, account: Account) -> None:
    account.fault(service="sts", operation="GetCallerIdentity", error="ExpiredTokenException", count=None)
    done = plan("-f", "-", *SETTINGS, stdin=manifests(trail("audit", "bucket")), KUBECONFIG="/nonexistent")
    [line] = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert "the session has expired: sign in again" in line


def test_a_change_that_is_immutable(operator: Operator, plan: Plan, trails: Trails, account: Account) -> None:
    manifest = trail("audit", account.bucket(f"logs-{account.number}", "audit"), region="us-east-1")
    trails.create(manifest)
    trails.wait_ready("audit")
    manifest["spec"]["region"] = "eu-west-1"
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=manifests(manifest, namespace=trails.namespace))
    [one] = planned(done)["trails"]
    assert (done.returncode, one["outcome"], one["admission"]["answer"]) == (3, "blocked", "rejected")
    assert "region" in one["message"]


@pytest.fixture
def limited(cluster: Sandbox, api: client.ApiClient, trails: Trails, tmp_path: Path) -> str:
    """The kubeconfig of somebody who may only read the Trails of one namespace."""
    core, rbac, name = client.CoreV1Api(api), client.RbacAuthorizationV1Api(api), trails.namespace
    core.create_namespaced_service_account(name, {"metadata": {"name": "limited"}})
    rules = [{"apiGroups": ["trail-operator.dev"], "resources": ["trails"], "verbs": ["get", "list"]}]
    rbac.create_namespaced_role(name, {"metadata": {"name": "limited"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "limited", "namespace": name}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"}
    binding = {"metadata": {"name": "limited"}, "roleRef": reference, "subjects": [subject]}
    rbac.create_namespaced_role_binding(name, binding)
    token = core.create_namespaced_service_account_token("limited", name, {"spec": {}}).status.token
    (tmp_path / "token").write_text(token)
    server = kubeconfig.read(cluster.kubeconfig)["clusters"][0]["cluster"]
    authority, user = server["certificate-authority-data"], f"system:serviceaccount:{name}:limited"
    content = kubeconfig.for_token(server["server"], authority, user, token, tmp_path / "token", name)
    kubeconfig.write(tmp_path / "limited.kubeconfig", content)
    return str(tmp_path / "limited.kubeconfig")


def test_what_may_not_be_read_of_the_cluster_is_said(
    operator: Operator, limited: str, plan: Plan, trails: Trails, account: Account
) -> None:
    manifest = trail("audit", account.bucket(f"logs-{account.number}", "audit"))
    trails.create(manifest)
    trails.wait_ready("audit")
    manifest["spec"]["isLogging"] = False
    # Without a namespace in the manifest, it is that of the context.
    done = plan("-f", "-", "-o", "json", *SETTINGS, stdin=manifests(manifest), KUBECONFIG=limited)
    found = planned(done)
    [one] = found["trails"]
    assert (done.returncode, one["namespace"], one["outcome"]) == (2, trails.namespace, "update")
    assert [call["operation"] for call in one["calls"]] == ["StopLogging"]
    assert one["admission"]["answer"] == "unchecked"
    assert "403" in one["admission"]["message"]
    assert {re.sub(":.*", "", note) for note in found["notes"]} == {
        "Not all trails were read",
        "The awsaccounts of the cluster were not read",
        "Not all namespaces were read",
        "The namespaces of the cluster were not read",
        "The operator's settings were not read",
    }
    done = plan(*SETTINGS, KUBECONFIG=limited)
    assert done.returncode == 1
    assert "The trails of the cluster were not read" in done.stderr


def test_many_trails_are_planned_with_progress(plan: Plan, account: Account) -> None:
    bucket = f"logs-{account.number}"
    account.open_bucket(bucket)
    many = [trail(f"audit-{number}", bucket) for number in range(60)]
    done = plan("-f", "-", "-o", "markdown", *SETTINGS, stdin=manifests(*many), KUBECONFIG="/nonexistent")
    assert done.returncode == 2, done.stdout
    assert "60 to create" in done.stdout
    assert len(done.stdout) <= 65_000
    progress = r"Reading the cluster|Asking AWS who the caller is|\d+ of 60 resources planned"
    lines = done.stderr.splitlines()
    assert lines
    assert all(re.fullmatch(progress, line) for line in lines), lines
    assert len(calls_of(account, "GetTrail")) == 60
