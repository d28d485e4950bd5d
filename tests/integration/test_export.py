"""`trail-operator export`: what it prints for trails that exist, and what applying it writes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory, kubectl
from tests.integration.kubernetes import Accounts, Trails
from tests.integration.whole import World, everything
from tests.patience import seconds
from tests.sandbox.identities import allow, role, trusting, user
from tests.sandbox.organizations import Organization
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail import TrailSpec
from trail_operator.aws.operations import Write
from trail_operator.domain.alarms.presets import PRESET_ALARMS
from trail_operator.domain.arns import Location
from trail_operator.domain.plan import plan
from trail_operator.domain.trail import desired_trail
from trail_sandbox.sandbox import Sandbox

Export = Callable[..., subprocess.CompletedProcess[str]]
EU = "eu-central-1"


@pytest.fixture
def export(cluster: Sandbox, account: Account) -> Export:
    """Runs the command as the administrator of the test's account; `aws` replaces variables."""

    def run(*arguments: str, status: int = 0, **aws: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **cluster.environment(), **account.environment, **aws}
        done = subprocess.run(
            [sys.executable, "-m", "trail_operator", "export", f"--account-selector=test={account.number}", *arguments],
            env={name: value for name, value in environment.items() if value},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds(60),
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def objects(text: str, kind: str = "Trail") -> dict[str, dict[str, Any]]:
    """The manifests of a kind, by name."""
    return {one["metadata"]["name"]: one for one in yaml.safe_load_all(text) if one and one["kind"] == kind}


def specs(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {name: one["spec"] for name, one in objects(done.stdout).items()}


def make(account: Account, name: str, spec: dict[str, Any], *, tags: dict[str, str] | None = None) -> None:
    """A trail as a spec says, made by somebody without an operator."""
    region = spec.get("region", REGION)
    parsed = TrailSpec.model_validate(spec)
    desired = desired_trail(
        parsed,
        name=name,
        location=Location("aws", account.number, region),
        owner="",
        kms_key_arn=parsed.kms_key_id or None,
        ignored_tags=(),
        management_account=None,
        former_owners=frozenset(),
    )
    client = account.client("cloudtrail", region)
    for action in plan(desired, None):
        parameters = {key: value for key, value in action.parameters.items() if key != "TagsList"}
        call = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in action.operation)
        getattr(client, call.strip("_"))(**parameters)
    wanted = {key: value for key, value in desired.tags.items() if key != OWNER_TAG} | (tags or {})
    if wanted:
        listed = [{"Key": key, "Value": value} if value else {"Key": key} for key, value in wanted.items()]
        client.add_tags(ResourceId=account.trail_arn(name, region), TagsList=listed)


def plain(account: Account, name: str, region: str = REGION, **spec: Any) -> None:
    """A trail of a single region unless told otherwise, with a bucket of the account."""
    bucket = f"plain-{account.number}"
    if bucket not in {one["Name"] for one in account.client("s3").list_buckets()["Buckets"]}:
        account.open_bucket(bucket)
    tags = spec.pop("owner", None)
    make(
        account,
        name,
        {"s3BucketName": bucket, "region": region, "isMultiRegionTrail": False, "isLogging": False} | spec,
        tags={OWNER_TAG: tags} if tags else None,
    )


def writes(account: Account, mark: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """The writes in an account since a mark."""
    names = {operation.name for operation in Write}
    return [(call["operation"], call["parameters"]) for call in account.calls()[mark:] if call["operation"] in names]


def grant(accounts: Accounts, text: str, namespace: str) -> None:
    """Apply the AWSAccounts of an export, with what the comments say that they need."""
    for body in objects(text, "AWSAccount").values():
        body["spec"] |= {"allowedAdoption": "IfUnowned", "allowedNamespaces": {"names": [namespace]}}
        accounts.add(body)


@pytest.mark.parametrize("which", ["basic", "advanced"])
def test_every_attribute_survives_the_round_trip(
    export: Export,
    cluster: Sandbox,
    account: Account,
    trails: Trails,
    accounts: Accounts,
    operator_process: OperatorFactory,
    world: World,
    which: str,
) -> None:
    spec = getattr(world, which)
    make(account, world.name, spec | ({"kmsKeyID": account.key(world.name)} if which == "advanced" else {}))
    before, mark = everything(account, world.name), len(account.calls())
    done = export()
    assert writes(account, mark) == []
    [body] = objects(done.stdout).values()
    assert body["spec"]["deletionPolicy"] == "Retain"
    assert body["spec"]["adoptionPolicy"] == "IfUnowned"
    grant(accounts, done.stdout, trails.namespace)
    operator_process()
    mark = len(account.calls())
    kubectl(cluster, "apply", f"--namespace={trails.namespace}", "--filename=-", text=done.stdout)
    trails.wait_ready(world.name)
    tag = {"Key": OWNER_TAG, "Value": f"test/{trails.namespace}/{world.name}"}
    assert [(name, given["TagsList"]) for name, given in writes(account, mark)] == [("AddTags", [tag])]
    after = everything(account, world.name)
    assert after["Tags"].pop(OWNER_TAG) == tag["Value"]
    assert after == before


def test_names_that_are_no_kubernetes_names_are_derived(export: Export, account: Account) -> None:
    plain(account, "Audit_Log.All")
    plain(account, "audit", EU)
    plain(account, "Audit")
    found = specs(export("--regions", f"{REGION},{EU}"))
    assert {name: spec.get("name") for name, spec in found.items()} == {
        "audit-log.all": "Audit_Log.All",
        f"audit-{EU}": "audit",
        f"audit-{REGION}": "Audit",
    }


def test_regions_are_those_that_show_a_trail(export: Export, account: Account) -> None:
    plain(account, "here")
    plain(account, "there", EU)
    plain(account, "everywhere", EU, isMultiRegionTrail=True)
    found = specs(export())
    assert set(found) == {"here", "everywhere"}
    assert {name: spec["region"] for name, spec in found.items()} == {"here": REGION, "everywhere": EU}
    assert set(specs(export("--regions", EU))) == {"there", "everywhere"}
    assert set(specs(export("--regions", "all"))) == {"here", "there", "everywhere"}
    [owner] = objects(export("--regions", "all").stdout, "AWSAccount").values()
    assert owner["spec"] == {"accountID": account.number, "region": EU}
    assert owner["metadata"]["labels"] == {"test": account.number}


def test_names_and_arns_select(export: Export, account: Account) -> None:
    plain(account, "one")
    plain(account, "two")
    plain(account, "three", EU)
    assert set(specs(export("one", account.trail_arn("three", EU)))) == {"one", "three"}
    missing = export("one", "four", account.trail_arn("five"), status=1)
    assert missing.stdout == ""
    assert "No trail four was found" in missing.stderr
    assert f"No trail {account.trail_arn('five')} was found" in missing.stderr


def test_trails_of_other_owners_are_only_observed(export: Export, account: Account) -> None:
    plain(account, "foreign", owner="elsewhere/team/audit")
    plain(account, "former", owner="old/team/former")
    plain(account, "own", owner="test/team/this-one")
    unknown = specs(export())
    assert {spec["managementPolicy"] for spec in unknown.values()} == {"Observe"}
    done = export("--cluster-name=test", "--former-cluster-names=old")
    found = specs(done)
    assert found["foreign"]["managementPolicy"] == "Observe"
    assert "adoptionPolicy" not in found["foreign"]
    assert "deletionPolicy" not in found["foreign"]
    assert found["this-one"]["adoptionPolicy"] == "IfUnowned"
    assert objects(done.stdout)["this-one"]["metadata"]["namespace"] == "team"
    assert objects(done.stdout)["former"]["metadata"]["namespace"] == "team"
    assert "# Only observed: it belongs to another owner. Its owner tag is elsewhere/team/audit" in done.stdout


def test_the_settings_that_the_operator_publishes_count(export: Export, account: Account, trails: Trails) -> None:
    plain(account, "own", owner="here/team/own", tags=[{"key": "cost:centre", "value": "1"}])
    name = {"name": "trail-operator-settings", "labels": {"trail-operator.dev/settings": "true"}}
    data = {"cluster-name": "here", "ignore-tags": '["cost:*"]'}
    trails.core.create_namespaced_config_map(trails.namespace, {"metadata": name, "data": data})
    found = specs(export(f"--operator-namespace={trails.namespace}"))
    assert found["own"]["adoptionPolicy"] == "IfUnowned"
    assert "tags" not in found["own"]
    given = specs(export(f"--operator-namespace={trails.namespace}", "--cluster-name=other"))
    assert given["own"]["managementPolicy"] == "Observe"
    unread = export("--operator-namespace=nowhere-at-all")
    assert "The operator's settings were not read: namespace nowhere-at-all has no ConfigMap" in unread.stderr


def test_a_copied_owner_tag_belongs_to_nobody(export: Export, account: Account) -> None:
    plain(account, "one", owner="test/team/one")
    plain(account, "two", owner="test/team/one")
    found = specs(export("--cluster-name=test"))
    assert {name: spec["managementPolicy"] for name, spec in found.items()} == {"one": "Observe", "two": "Observe"}


def test_observe_observes_all(export: Export, account: Account) -> None:
    plain(account, "one")
    [spec] = specs(export("--observe")).values()
    assert spec["managementPolicy"] == "Observe"
    assert not {"adoptionPolicy", "deletionPolicy"} & spec.keys()


def test_another_account_is_read_with_a_role(export: Export, account: Account, other: Account) -> None:
    plain(account, "mine")
    plain(other, "theirs")
    arn = role(other, allow("cloudtrail:*"), trust=trusting(account.number))
    done = export(f"--role-arn={other.number}={arn}", f"--account={account.number}", f"--account={other.number}")
    assert set(specs(done)) == {"mine", "theirs"}
    assert {one["spec"]["accountID"] for one in objects(done.stdout, "AWSAccount").values()} == {
        account.number,
        other.number,
    }
    assert specs(done)["theirs"]["accountRef"] == {"name": f"account-{other.number}"}
    assert f"# Read account {other.number} as arn:aws:sts::{other.number}:assumed-role/auditor/" in done.stdout
    refused = export(f"--account={account.number}", f"--account={other.number}", status=3)
    assert set(specs(refused)) == {"mine"}
    assert f"Account {other.number} was not read" in refused.stderr


def test_the_clusters_accounts_are_used(export: Export, account: Account, other: Account, accounts: Accounts) -> None:
    plain(other, "theirs")
    arn = role(
        other,
        allow("cloudtrail:*"),
        trust=trusting(account.number, Condition={"StringEquals": {"sts:ExternalId": "kept-secret"}}),
    )
    fields = {"endpointURL": "https://attacker.invalid", "region": REGION}
    name = accounts.create("prod", other.number, roleARN=arn, externalID="kept-secret", **fields)
    done = export("--assume-role")
    assert specs(done)["theirs"]["accountRef"] == {"name": name}
    assert objects(done.stdout, "AWSAccount") == {}
    assert f"AWSAccount {name} needs allowedAdoption: IfUnowned" in done.stdout
    assert f"endpointURL of AWSAccount {name} is ignored" in done.stderr
    assert "kept-secret" not in done.stdout + done.stderr
    assert "accountRef" not in specs(export("--assume-role", f"--default-account={name}"))["theirs"]


@pytest.mark.parametrize("by", ["management", "administrator", "member"])
def test_organization_trails(export: Export, account: Account, by: str) -> None:
    organization = Organization(account)
    organization.trail(name="everybody")
    caller = {
        "management": lambda: organization.management,
        "administrator": organization.administrator,
        "member": organization.member,
    }[by]()
    done = export(status=3 if by == "member" else 0, AWS_ACCESS_KEY_ID=caller.number)
    [spec] = specs(done).values()
    assert spec["isOrganizationTrail"] is True
    assert ("managementPolicy" in spec) is (by == "member")
    assert "needs allowOrganizationTrails: true" in done.stdout


def test_what_cannot_be_read_is_said(export: Export, account: Account) -> None:
    plain(account, "audit", eventSelectors=[{"readWriteType": "WriteOnly"}])
    reads = ["GetTrail", "GetTrailStatus", "ListTags", "GetInsightSelectors", "GetEventConfiguration", "DescribeTrails"]
    keys = user(account, allow(*(f"cloudtrail:{read}" for read in reads)))
    as_user = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
    done = export(status=3, **as_user)
    assert specs(done)["audit"]["managementPolicy"] == "Observe"
    assert "# Only observed: eventSelectors could not be read" in done.stdout
    assert "eventSelectors could not be read" in done.stderr
    nothing = export("--regions=all", status=1, **as_user)
    assert nothing.stdout == ""
    assert "cloudtrail:ListTrails is denied" in nothing.stderr


def test_a_trail_that_another_tool_manages_is_marked(export: Export, account: Account) -> None:
    plain(account, "audit", tags=[{"key": "services.k8s.aws/namespace", "value": "team"}])
    assert "# Managed by ACK, namespace team: remove it there first" in export().stdout


def test_without_trails_or_credentials_it_is_one_line(export: Export, account: Account) -> None:
    [line] = export().stderr.splitlines()
    assert f"No trails were found in account {account.number}: --regions all searches all regions" in line
    [line] = export(status=1, AWS_ACCESS_KEY_ID="", AWS_EC2_METADATA_DISABLED="true").stderr.splitlines()
    assert "No usable AWS credentials" in line
    [line] = export("--regions=nowhere-1", status=1).stderr.splitlines()
    assert "nowhere-1 is not a region" in line
    [line] = export("--account=prod", status=1).stderr.splitlines()
    assert "'prod' is not the number of an account" in line


def test_it_works_without_a_cluster(export: Export, account: Account, tmp_path: Path) -> None:
    plain(account, "audit")
    done = export(KUBECONFIG=str(tmp_path / "none"))
    assert set(specs(done)) == {"audit"}
    assert "The AWSAccounts of the cluster were not read" in done.stderr
    assert export("--assume-role", status=1, KUBECONFIG=str(tmp_path / "none")).stdout == ""


def test_kubectl_runs_and_completes_it(cluster: Sandbox, account: Account, tmp_path: Path) -> None:
    plain(account, "audit")
    programs = Path(sys.executable).parent
    (tmp_path / "kubectl-trail").symlink_to(programs / "kubectl-trail")
    completion = subprocess.run([programs / "trail-operator", "completion", "kubectl"], capture_output=True, check=True)
    (tmp_path / "kubectl_complete-trail").write_bytes(completion.stdout)
    (tmp_path / "kubectl_complete-trail").chmod(0o755)
    environment = {**os.environ, **cluster.environment(), **account.environment}
    environment["PATH"] = f"{tmp_path}{os.pathsep}{environment['PATH']}"

    def kubectl_says(*arguments: str) -> str:
        done = subprocess.run(
            ["kubectl", *arguments], env=environment, capture_output=True, text=True, check=True, timeout=seconds(60)
        )
        return done.stdout

    assert set(objects(kubectl_says("trail", "export", "audit"))) == {"audit"}
    assert "--observe" in kubectl_says("__complete", "trail", "export", "--").split()


def test_metric_filters_that_exist_are_proposed_as_a_comment(export: Export, account: Account) -> None:
    group = account.log_group("events")
    spec = {"s3BucketName": account.bucket(f"logs-{account.number}", "audit")}
    logs = {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": account.role("logs", group)}
    make(account, "audit", {**spec, **logs})
    topic = account.topic("alarms", "audit")
    patterns = {"RootUsage": PRESET_ALARMS[0].pattern, "Deletions": "{ $.eventName = DeleteBucket }"}
    for name, pattern in patterns.items():
        transformation = {"metricName": name, "metricNamespace": "CISBenchmark", "metricValue": "1"}
        account.client("logs").put_metric_filter(
            logGroupName="events", filterName=name, filterPattern=pattern, metricTransformations=[transformation]
        )
        account.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            MetricName=name,
            Namespace="CISBenchmark",
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
            AlarmActions=[topic],
        )
    assert "TrailAlarmSet" not in export().stdout
    text = export("--alarms").stdout
    assert list(objects(text)) == ["audit"]
    assert objects(text, "TrailAlarmSet") == {}, "it is a comment"
    proposal = yaml.safe_load(text[text.index("# apiVersion: trail-operator.dev/v1alpha1") :].replace("# ", ""))
    assert proposal["spec"]["trailRef"] == {"name": "audit"}
    assert proposal["spec"]["actions"] == {"alarm": [topic]}
    assert proposal["spec"]["presets"] == ["SecurityHub"]
    assert "RootUsage" not in proposal["spec"]["exclude"]
    assert proposal["spec"]["alarms"] == [{"name": "Deletions", "filterPattern": patterns["Deletions"]}]
    assert "while both exist, both notify" in text
    account.fault(service="logs", operation="DescribeMetricFilters", error="AccessDeniedException", count=None)
    done = export("--alarms", status=3)
    assert list(objects(done.stdout)) == ["audit"]
    assert "The metric filters of log group events were not read: logs:DescribeMetricFilters is denied" in done.stderr
