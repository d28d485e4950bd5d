"""docs/how-to/correct-drift-within-seconds.md: its commands as they stand, on an installed operator."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import ROOT
from tests.integration.kubernetes import Trails, trail
from tests.integration.test_chart import Install, install
from tests.patience import eventually, seconds
from tests.sandbox.identities import assume, role
from tests.sandbox.organizations import Organization
from trail_sandbox.sandbox import Sandbox

__all__ = ["install"]

PAGE = ROOT / "docs" / "how-to" / "correct-drift-within-seconds.md"
REGION = "eu-central-1"  # as the page has it


def scripts(heading: str) -> list[str]:
    """The commands of a section, block by block."""
    [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


class Shell:
    """Runs commands in a clone of the repository, with the AWS CLI of this checkout."""

    def __init__(self, directory: Path, *environments: Mapping[str, str]) -> None:
        self._directory = directory
        for name in ("charts", "examples"):
            if not (directory / name).exists():
                (directory / name).symlink_to(ROOT / name)
        self._environment = dict(os.environ)
        for one in environments:
            self._environment |= one
        # Version 1 of the CLI, which this checkout has, does not know AWS_REGION.
        self._environment["AWS_DEFAULT_REGION"] = REGION
        self._environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{self._environment['PATH']}"

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", script],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds(120),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def operators_keys(account: Account) -> dict[str, str]:
    """The keys of a session of the role that the tutorial creates."""
    policy = json.loads((ROOT / "examples" / "operator-policy.json").read_text().replace("ACCOUNT", account.number))
    keys = assume(account.client("sts"), role(account, *policy["Statement"], name="trail-operator"))
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


@pytest.mark.long
def test_drift_is_corrected_after_the_steps_for_one_account(
    install: Install, cluster: Sandbox, account: Account, trails: Trails, number: str, tmp_path: Path
) -> None:
    environment = account.environment | operators_keys(account)
    namespace = install(
        watchNamespaces=[trails.namespace],
        clusterName="chart",
        resync="10m",
        region=REGION,
        extraEnv=[{"name": name, "value": value} for name, value in environment.items()],
    )
    bucket = f"logs-{account.number}"
    account.open_bucket(bucket)
    trails.create(trail("audit", bucket))
    trails.wait_ready("audit")
    here = {
        "helm upgrade trail-operator ": f"helm upgrade chart-{number} ",
        "--namespace trail-operator ": f"--namespace {namespace} ",
        "kubectl get ": f"kubectl --namespace {trails.namespace} get ",
        "--watch ": "",
    }
    shell = Shell(tmp_path, cluster.environment(), account.environment)
    prepare, watch = "".join(scripts("One account")), "".join(scripts("Try it"))
    for what, ours in here.items():
        prepare, watch = prepare.replace(what, ours), watch.replace(what, ours)
    shell.run(prepare)
    eventually("the operator receives", lambda: "ReceiveMessage" in {call["operation"] for call in account.calls()})
    stop, *show = watch.splitlines()
    shell.run(stop)
    eventually("the Event", lambda: trails.events("audit", "DriftCorrected"))
    shown = shell.run("\n".join(show))
    assert f"StopLogging was called by arn:aws:iam::{account.number}:root (event queue, not verified)" in shown
    caller = json.loads(shown.splitlines()[-1])["changedBy"]
    assert (caller["eventName"], caller["source"]) == ("StopLogging", "Queue")


def test_events_arrive_after_the_steps_for_an_organization(cluster: Sandbox, account: Account, tmp_path: Path) -> None:
    organization = Organization(account)
    operators = organization.member()
    hub, management, stack_sets = scripts("An organization")
    Shell(tmp_path, cluster.environment(), operators.environment).run(hub.replace("o-exampleorgid", organization.id))
    shell = Shell(tmp_path, cluster.environment(), account.environment)
    bus = management.replace("123456789012", operators.number)
    shell.run(bus)
    # The sandbox has no StackSets: the command line checks the parameters by AWS's model, and calls nothing.
    shell.run(f'aws() {{ command aws "$@" --generate-cli-skeleton output; }}\nbus=arn\n{stack_sets}')
    bucket = organization.bucket()
    cloudtrail = account.client("cloudtrail", REGION)
    document = json.dumps(organization.policy(bucket)).replace("us-east-1", REGION)
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=document)
    cloudtrail.create_trail(Name="trail", S3BucketName=bucket, IsOrganizationTrail=True)
    cloudtrail.start_logging(Name="trail")
    sqs = operators.client("sqs", REGION)
    url = sqs.get_queue_url(QueueName="trail-operator-events")["QueueUrl"]
    [message] = eventually("a message", lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"))
    event = json.loads(message["Body"])
    assert (event["account"], event["detail"]["eventName"]) == (account.number, "StartLogging")
