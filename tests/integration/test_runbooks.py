"""The commands of the runbooks as they stand there: on an installed operator, with a Trail that has its troubles."""

import os
import re
import subprocess
from urllib.parse import urlsplit

import pytest
from kubernetes import client

from tests.integration.aws import REGION, Account
from tests.integration.conftest import ROOT
from tests.integration.kubernetes import Accounts, AlarmSets, Trails, alarm_set, trail
from tests.integration.test_chart import Install, install, pods
from tests.patience import eventually, seconds
from trail_sandbox.sandbox import Sandbox

__all__ = ["install"]

PAGES = [*sorted((ROOT / "docs" / "runbooks").glob("*.md")), ROOT / "docs" / "operations.md"]


def commands() -> list[str]:
    """All commands, each with the lines that continue it."""
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return "".join(blocks).replace("\\\n", "").strip().splitlines()


@pytest.mark.long
def test_every_command_of_the_runbooks_works(
    install: Install,
    cluster: Sandbox,
    account: Account,
    accounts: Accounts,
    trails: Trails,
    alarm_sets: AlarmSets,
    api: client.ApiClient,
) -> None:
    namespace = install(watchNamespaces=[trails.namespace], clusterName="chart")
    name = accounts.create("team", account.number)
    bucket = account.bucket(f"logs-{account.number}", "audit")
    group = account.log_group("events")
    role = account.role("logs", group)
    trails.create(trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role))
    alarm_sets.create(alarm_set("cis", "audit", presets=["CIS"]))
    arn = trails.wait_ready("audit")["status"]["arn"]
    account.cloudtrail.stop_logging(Name="audit")
    eventually("the Event", lambda: trails.events("audit", "DriftCorrected"))
    prefix = alarm_sets.wait_ready("cis", 60)["status"]["namePrefix"]
    account.client("cloudwatch").disable_alarm_actions(AlarmNames=[f"{prefix}RootUsage"])
    eventually("the Event", lambda: alarm_sets.events("cis", "DriftCorrected"))
    account.client("s3").delete_bucket_policy(Bucket=bucket)
    account.deliver()
    trails.wait_reason("audit", "DeliveryFailing")
    (pod,) = pods(api, namespace)
    emulator = urlsplit(cluster.aws_endpoint)
    here = {
        r"trail-operator(?= |$)(?<!name=trail-operator)": namespace,
        r"deployment/\S+": f"pod/{pod.metadata.name}",
        r"(?<=awsacc )NAME\b": name,
        r"\bNAMESPACE\b": trails.namespace,
        r"\bTRAIL\b": "audit",
        r"\bALARMSET\b": "cis",
        r"\bLOGGROUP\b": "events",
        r"\bARN\b": arn,
        # The sandbox's node knows no `exec`: what is to be executed is.
        r"kubectl exec .* -- ": "",
        r"'sts\.eu-central-1\.amazonaws\.com', 443": f"'{emulator.hostname}', {emulator.port}",
        # A search that finds nothing fails.
        r" \| grep .*": "",
    }
    environment = {**os.environ, **cluster.environment(), **account.environment, "AWS_REGION": REGION}
    found = commands()
    assert len(found) > 20
    for command in found:
        for what, ours in here.items():
            command = re.sub(what, ours, command)
        done = subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, text=True, check=False, timeout=seconds(60)
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert done.stdout.strip(), f"{command} told nothing"
