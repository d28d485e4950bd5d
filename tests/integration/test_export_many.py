"""Sixty trails as random people have made them: exported, planned and applied, no write but the owner tag."""

import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory, kubectl
from tests.integration.kubernetes import Accounts, Trails
from tests.integration.test_export import Export, export, grant, make, objects, writes
from tests.integration.test_plan_command import SETTINGS
from tests.patience import eventually, seconds
from tests.statemachine.specs import RECORDINGS
from trail_operator.api.constants import OWNER_TAG
from trail_sandbox.sandbox import Sandbox

__all__ = ["export"]

REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "me-south-1"),
    *("eu-central-1", "eu-central-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1"),
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
]
EACH = 3
"""In each region; two more of other regions may be in it, and AWS allows five."""


def generated(number: int, region: str, bucket: str, key: str) -> tuple[str, dict[str, Any]]:
    """The name and the spec of a trail."""
    separators = [random.choice("-_.") for _ in range(2)]
    name = f"{random.choice(['Audit', 'audit', 'x9'])}{separators[0]}{number}{separators[1]}Log"
    spec: dict[str, Any] = {"region": region, "s3BucketName": bucket, **random.choice(RECORDINGS)}
    spec["isMultiRegionTrail"] = number < 2
    spec["includeGlobalServiceEvents"] = number < 2 or random.random() < 0.5
    for field in ("enableLogFileValidation", "isLogging", "recursiveLogging"):
        spec[field] = random.random() < 0.7
    if random.random() < 0.5:
        spec["s3KeyPrefix"] = random.choice(["logs", "a/b", "on", "1e3"])
    if random.random() < 0.3:
        spec["kmsKeyID"] = key
    tags = random.sample(["cost centre", "env", "yes", "team:a", "0o7", "é"], random.randint(0, 4))
    spec["tags"] = [{"key": tag, "value": random.choice(["", "no", "1e3", "ü ü", "a=b"])} for tag in tags]
    return name, spec


def open_key(account: Account) -> str:
    """A key for any trail of the account."""
    arn = account.key("any")
    kms = account.client("kms")
    text = kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    document = json.loads(text)
    for statement in document["Statement"]:
        if "Condition" in statement:
            statement["Condition"]["StringEquals"] = {"aws:SourceAccount": account.number}
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(document))
    return arn


def open_bucket(account: Account) -> str:
    """A bucket for any trail and prefix of the account."""
    name = f"many-{account.number}"
    account.client("s3").create_bucket(Bucket=name)
    document = account.bucket_document(name, "any", "*")
    for statement in document["Statement"]:
        del statement["Condition"]["StringEquals"]["aws:SourceArn"]
        statement["Condition"]["StringEquals"]["aws:SourceAccount"] = account.number
    account.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    return name


def plan(cluster: Sandbox, account: Account, directory: Path, text: str, namespace: str) -> list[dict[str, Any]]:
    """What `trail-operator plan` says of manifests in a namespace."""
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig.read_text())
    environment = {**os.environ, **cluster.environment(), **account.environment, "KUBECONFIG": str(kubeconfig)}
    context = ["kubectl", "config", "set-context", "--current", f"--namespace={namespace}"]
    subprocess.run(context, env=environment, check=True, capture_output=True)
    settings = [*SETTINGS, f"--account-selector=test={account.number}"]
    done = subprocess.run(
        [sys.executable, "-m", "trail_operator", "plan", "--filename=-", "--output=json", *settings],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds(120),
    )
    assert done.returncode == 2, done.stdout + done.stderr
    trails: list[dict[str, Any]] = json.loads(done.stdout)["trails"]
    return trails


@pytest.mark.long
def test_sixty_trails_survive_the_round_trip(
    export: Export,
    cluster: Sandbox,
    account: Account,
    trails: Trails,
    accounts: Accounts,
    operator_process: OperatorFactory,
    tmp_path: Path,
) -> None:
    bucket, key = open_bucket(account), open_key(account)
    homes = REGIONS * EACH
    by_region: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for number, region in enumerate(homes):
        by_region.setdefault(region, []).append(generated(number, region, bucket, key))
        account.client("cloudtrail", region)  # created here: boto3's session is not for threads

    def make_all(region: str) -> None:
        for name, spec in by_region[region]:
            make(account, name, spec)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make_all, by_region))
    mark = len(account.calls())
    done = export("--regions=all")
    assert writes(account, mark) == []
    found = objects(done.stdout)
    assert len(found) == len(homes)
    grant(accounts, done.stdout, trails.namespace)
    text = export("--regions=all").stdout  # now of Trails only, because the cluster has the AWSAccount
    planned = plan(cluster, account, tmp_path, text, trails.namespace)
    calls = {one["name"]: [call["operation"] for call in one["calls"]] for one in planned}
    assert calls == {name: ["AddTags"] for name in found}
    operator_process("--resync", "10m")
    kubectl(cluster, "apply", f"--namespace={trails.namespace}", "--filename=-", text=text)
    eventually("all Ready", lambda: trails.ready() == set(found), 120)
    written = {(name, json.dumps(given["TagsList"])) for name, given in writes(account, mark)}
    tags = [[{"Key": OWNER_TAG, "Value": f"test/{trails.namespace}/{name}"}] for name in found]
    assert written == {("AddTags", json.dumps(tag)) for tag in tags}
    again = objects(export("--regions=all", "--cluster-name=test").stdout)
    [name] = [body["metadata"]["name"] for body in objects(done.stdout, "AWSAccount").values()]
    assert {body["spec"]["accountRef"]["name"] for body in again.values()} == {name}
    assert {body["metadata"]["namespace"] for body in again.values()} == {trails.namespace}
    assert {key: body["spec"] for key, body in again.items()} == {key: body["spec"] for key, body in found.items()}
