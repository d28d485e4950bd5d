"""docs/how-to/import.md as it stands: a trail that Terraform made is exported and applied, and keeps recording."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from tests.integration.aws import Account
from tests.integration.conftest import ROOT, OperatorFactory
from tests.integration.kubernetes import Accounts, Trails
from tests.integration.test_export import objects, writes
from tests.integration.test_how_to_drift import Shell
from trail_operator.api.constants import OWNER_TAG
from trail_operator.aws.operations import Write
from trail_sandbox.sandbox import Sandbox

PAGE = (ROOT / "docs" / "how-to" / "import.md").read_text()
NAMES = {"s3_bucket_name": "S3BucketName", "s3_key_prefix": "S3KeyPrefix"}
SETTINGS = {
    "TRAIL_OPERATOR_CLUSTER_NAME": "test",
    "TRAIL_OPERATOR_FORMER_CLUSTER_NAMES": "",
    "TRAIL_OPERATOR_DEFAULT_ACCOUNT": "",
    "TRAIL_OPERATOR_OWN_IDENTITY": "true",
    "TRAIL_OPERATOR_ALLOWED_ADOPTION": "Never",
    "TRAIL_OPERATOR_DEFAULT_DELETION_POLICY": "Delete",
    "TRAIL_OPERATOR_IGNORE_TAGS": "",
    "TRAIL_OPERATOR_REGION": "eu-central-1",
}
"""The operator of the test has no Lease, so it does not publish them."""
SELECTOR = """
  event_selector {
    read_write_type           = "WriteOnly"
    include_management_events = true
    data_resource {
      type   = "AWS::S3::Object"
      values = ["arn:aws:s3:::example-payments/"]
    }
  }

  insight_selector {
    insight_type = "ApiCallRateInsight"
  }
"""


def blocks(kind: str, text: str = PAGE) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def apply_terraform(account: Account, region: str, bucket: str) -> str:
    """Create the trail of the page as the provider does; its name."""
    text = blocks("hcl")[0]
    assert SELECTOR in text
    attributes = {name: json.loads(value) for name, value in re.findall(r"^  (\w+) += (.+[^{])$", text, re.MULTILINE)}
    parameters = {
        NAMES.get(name, "".join(map(str.capitalize, name.split("_")))): attributes[name] for name in attributes
    }
    [tags] = re.findall(r"^  tags = \{\n(.*?)^  \}", text, re.DOTALL | re.MULTILINE)
    listed = [{"Key": key, "Value": json.loads(value)} for key, value in re.findall(r"(\w+) = (.+)", tags)]
    account.open_bucket(bucket)
    _open_prefix(account, bucket)
    cloudtrail = account.client("cloudtrail", region)
    cloudtrail.create_trail(**parameters | {"S3BucketName": bucket}, TagsList=listed)
    name: str = parameters["Name"]
    resources = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::example-payments/"]}]
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": resources}
    cloudtrail.put_event_selectors(TrailName=name, EventSelectors=[selector])
    cloudtrail.put_insight_selectors(TrailName=name, InsightSelectors=[{"InsightType": "ApiCallRateInsight"}])
    cloudtrail.start_logging(Name=name)
    return name


def _open_prefix(account: Account, bucket: str) -> None:
    s3 = account.client("s3")
    document = s3.get_bucket_policy(Bucket=bucket)["Policy"].replace("/AWSLogs/", "/trails/AWSLogs/")
    s3.put_bucket_policy(Bucket=bucket, Policy=document)


def shown(account: Account, region: str, name: str) -> dict[str, Any]:
    """All that AWS shows of the trail, without its tags."""
    cloudtrail = account.client("cloudtrail", region)
    selectors = cloudtrail.get_event_selectors(TrailName=name)
    insights = cloudtrail.get_insight_selectors(TrailName=name)
    return {
        "trail": cloudtrail.get_trail(Name=name)["Trail"],
        "logging": cloudtrail.get_trail_status(Name=name)["IsLogging"],
        "selectors": (selectors.get("EventSelectors"), selectors.get("AdvancedEventSelectors")),
        "insights": insights["InsightSelectors"],
    }


def test_nothing_changes_but_the_owner_tag(
    cluster: Sandbox,
    account: Account,
    trails: Trails,
    accounts: Accounts,
    operator_process: OperatorFactory,
    tmp_path: Path,
) -> None:
    region, bucket = "eu-central-1", f"example-audit-logs-{account.number}"
    name = apply_terraform(account, region, bucket)
    before, mark = shown(account, region, name), len(account.calls())
    operator_process(adoption=None)
    production = f"{accounts.prefix}-production"
    accounts._made.append(production)  # so that it is removed after the test
    here = {
        "123456789012": account.number,
        "example-audit-logs": bucket,
        "  name: production\nspec:\n  accountID": f"  name: production\n  labels: {{test: '{account.number}'}}\n"
        "spec:\n  accountID",
        "production": production,
        "namespace audit": f"namespace {trails.namespace}",
        "names: [audit]": f"names: [{trails.namespace}]",
    }
    page = PAGE
    for ours, theirs in here.items():
        assert ours in page
        page = page.replace(ours, theirs)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig.read_text())  # its context changes
    shell = Shell(
        tmp_path,
        cluster.environment(),
        account.environment,
        SETTINGS | {"KUBECONFIG": str(kubeconfig), "TRAIL_OPERATOR_ACCOUNT_SELECTOR": f"test={account.number}"},
    )
    context, allow, export, plan, apply, events, forbid = blocks("sh", page)
    shell.run(context)
    shell.run(allow)
    printed = shell.run(export)
    [expected] = [yaml.safe_load(block) for block in blocks("yaml", page)]
    assert objects(printed)["security-audit"] == expected
    planned = shell.run(plan)
    assert {operation.name for operation in Write if operation.name in planned} == {"AddTags"}
    shell.run(apply)
    assert "Only its owner tag changed" in shell.run(events)
    shell.run(forbid)
    assert [operation for operation, _ in writes(account, mark)] == ["AddTags"]
    assert shown(account, region, name) == before
    tags = account.client("cloudtrail", region).list_tags(ResourceIdList=[account.trail_arn(name, region)])
    found = {tag["Key"]: tag["Value"] for tag in tags["ResourceTagList"][0]["TagsList"]}
    assert found == {"team": "security", OWNER_TAG: f"test/{trails.namespace}/security-audit"}
