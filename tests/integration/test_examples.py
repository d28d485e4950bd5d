"""The examples as users use them: the policies put where `examples/README.md` says, the manifests applied, Ready."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.aws import REGION, Account
from tests.integration.conftest import ROOT, owner
from tests.integration.kubernetes import Accounts, Trails
from tests.integration.process import Operator
from tests.sandbox.identities import allow, role, trusting
from trail_operator.api.crd import account_crd
from trail_operator.api.trail import TrailSpec

EXAMPLES = ROOT / "examples"
# The examples' own account and name; each test has others, because a bucket's name is nobody else's.
EXAMPLE_ACCOUNT, EXAMPLE_NAME = "123456789012", "example-audit-logs"
AWS_ACCOUNT = "example-company"


class Example:
    """One manifest and the policies, with the test's account and names in place of the example's."""

    def __init__(self, account: Account, path: Path) -> None:
        self._account = account
        self.name = f"example-{account.number}"
        self._aws_account = f"a{account.number}-company"
        self.manifest = self._filled(path)
        self.trail: str = self.manifest["metadata"]["name"]
        self.spec = TrailSpec.model_validate(self.manifest["spec"])

    def _filled(self, path: Path) -> dict[str, Any]:
        text = path.read_text()
        values = {EXAMPLE_ACCOUNT: self._account.number, EXAMPLE_NAME: self.name, AWS_ACCOUNT: self._aws_account}
        for name, value in values.items():
            text = text.replace(name, value)
        manifest: dict[str, Any] = yaml.safe_load(text)
        return manifest

    def aws_account(self, namespace: str) -> dict[str, Any]:
        """The AWSAccount that the Trail names, for the Trails of a namespace; its role is made."""
        manifest = self._filled(EXAMPLES / "awsaccount.yaml")
        spec = manifest["spec"]
        spec["allowedNamespaces"]["names"] = [namespace]
        given = {"StringEquals": {"sts:ExternalId": spec["externalID"]}}
        trust = trusting(f"arn:aws:iam::{self._account.number}:root", Condition=given)
        role(self._account, allow("*"), trust=trust, name=spec["roleARN"].split("/")[1])
        return manifest

    def policy(self, file: str) -> str:
        """A policy with its placeholders filled in."""
        text = (EXAMPLES / file).read_text()
        values = {"ACCOUNT": self._account.number, "REGION": REGION, "TRAIL": self.trail}
        for placeholder, value in {**values, **dict.fromkeys(("BUCKET", "TOPIC", "GROUP"), self.name)}.items():
            text = text.replace(placeholder, value)
        return text

    def prepare(self) -> None:
        """Make what must be in AWS first."""
        client = self._account.client
        bucket_policy = self.policy("bucket-policy.json")
        if self.spec.s3_key_prefix:
            bucket_policy = bucket_policy.replace("/AWSLogs/", f"/{self.spec.s3_key_prefix}/AWSLogs/")
        client("s3").create_bucket(Bucket=self.name)
        client("s3").put_bucket_policy(Bucket=self.name, Policy=bucket_policy)
        if self.spec.sns_topic_name:
            topic = client("sns").create_topic(Name=self.name)["TopicArn"]
            client("sns").set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=self.policy("topic-policy.json")
            )
        if self.spec.kms_key_id:
            key = client("kms").create_key(Policy=self.policy("key-policy.json"))["KeyMetadata"]["KeyId"]
            client("kms").create_alias(AliasName=f"alias/{self.name}", TargetKeyId=key)
        if self.spec.cloud_watch_logs_role_arn:
            client("logs").create_log_group(logGroupName=self.name)
            client("iam").create_role(
                RoleName=self.name, AssumeRolePolicyDocument=self.policy("role-trust-policy.json")
            )
            client("iam").put_role_policy(
                RoleName=self.name, PolicyName="write-events", PolicyDocument=self.policy("role-policy.json")
            )


OTHERS = {EXAMPLES / f"{name}.yaml" for name in ("observe", "awsaccount", "alarms", "alarms-complete")}
MANAGED = sorted(set(EXAMPLES.glob("*.yaml")) - OTHERS)


def apply(example: Example, trails: Trails, accounts: Accounts) -> None:
    """Apply the manifest, and before it that of the AWSAccount which it names."""
    if example.spec.account_ref:
        accounts.add(example.aws_account(trails.namespace))
    trails.create(example.manifest)


@pytest.mark.parametrize("path", MANAGED, ids=lambda path: path.name)
def test_an_example_becomes_a_trail_that_logs(
    operator: Operator, account: Account, trails: Trails, accounts: Accounts, path: Path
) -> None:
    example = Example(account, path)
    example.prepare()
    apply(example, trails, accounts)
    trails.wait_ready(example.trail)
    made = account.trail(example.trail)
    assert made is not None
    assert made["IsLogging"]
    assert made["S3BucketName"] == example.name
    account.deliver()
    files = account.client("s3").list_objects_v2(Bucket=example.name).get("Contents", [])
    assert files
    told = account.cloudtrail.get_trail_status(Name=example.trail)
    assert {name: value for name, value in told.items() if name.endswith("Error") and value} == {}
    assert trails.condition(example.trail)["status"] == "True"


def test_every_field_of_the_complete_example_is_on_the_trail(
    operator: Operator, account: Account, trails: Trails, accounts: Accounts
) -> None:
    example = Example(account, EXAMPLES / "complete.yaml")
    example.prepare()
    apply(example, trails, accounts)
    trails.wait_ready(example.trail)
    made = account.trail(example.trail)
    assert made is not None
    spec = example.spec
    told = {
        "Name": spec.name,
        "HomeRegion": spec.region,
        "S3BucketName": spec.s3_bucket_name,
        "S3KeyPrefix": spec.s3_key_prefix,
        "SnsTopicARN": f"arn:aws:sns:{REGION}:{account.number}:{spec.sns_topic_name}",
        "CloudWatchLogsLogGroupArn": spec.cloud_watch_logs_log_group_arn,
        "CloudWatchLogsRoleArn": spec.cloud_watch_logs_role_arn,
        "KmsKeyId": account.client("kms").describe_key(KeyId=spec.kms_key_id)["KeyMetadata"]["Arn"],
        "IsMultiRegionTrail": spec.is_multi_region_trail,
        "IncludeGlobalServiceEvents": spec.include_global_service_events,
        "LogFileValidationEnabled": spec.enable_log_file_validation,
        "IsLogging": spec.is_logging,
        "IsOrganizationTrail": spec.is_organization_trail,
        "RecursiveLogging": spec.recursive_logging,
        "HasCustomEventSelectors": True,
        "HasInsightSelectors": True,
        "Tags": {**{tag.key: tag.value for tag in spec.tags}, **owner(trails, example.trail)},
    }
    assert {name: made.get(name) for name in told} == told
    recorded = account.recorded(example.trail)
    assert [entry["Name"] for entry in recorded["AdvancedEventSelectors"]] == [
        entry.name for entry in spec.advanced_event_selectors or ()
    ]
    assert {entry["InsightType"] for entry in recorded["InsightSelectors"]} == {
        entry.insight_type for entry in spec.insight_selectors
    }
    assert recorded["AggregationConfigurations"] == [{"EventCategory": "Data", "Templates": ["API_ACTIVITY"]}]


def test_the_observe_example_only_looks(operator: Operator, account: Account, trails: Trails) -> None:
    example = Example(account, EXAMPLES / "observe.yaml")
    trails.create(example.manifest)
    trails.wait_reason(example.trail, "TrailNotFound")
    bucket = account.bucket(str(example.spec.s3_bucket_name), str(example.spec.name))
    account.cloudtrail.create_trail(Name=str(example.spec.name), S3BucketName=bucket, IsMultiRegionTrail=True)
    trails.wait_reason(example.trail, "Drifted")
    drift = {entry["path"] for entry in (trails.get(example.trail) or {})["status"]["drift"]}
    assert drift == {"isOrganizationTrail", "enableLogFileValidation", "isLogging"}
    assert [call["operation"] for call in account.writes()] == ["CreateTrail"]


def test_the_trail_of_the_retain_example_outlives_its_resource(
    operator: Operator, account: Account, trails: Trails
) -> None:
    example = Example(account, EXAMPLES / "retain.yaml")
    example.prepare()
    trails.create(example.manifest)
    trails.wait_ready(example.trail)
    trails.delete(example.trail)
    trails.wait_gone(example.trail)
    left = account.trail(example.trail)
    assert left is not None
    assert left["IsLogging"]
    assert left["Tags"] == {}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_no_placeholder_is_left_in_a_policy(account: Account, path: Path) -> None:
    policy = Example(account, EXAMPLES / "minimal.yaml").policy(path.name)
    json.loads(policy)
    words = {"ACCOUNT", "REGION", "TRAIL", "BUCKET", "TOPIC", "GROUP"}
    assert not [word for word in words if word in policy]


def test_the_example_of_an_aws_account_has_every_field() -> None:
    spec = yaml.safe_load((EXAMPLES / "awsaccount.yaml").read_text())["spec"]
    fields = account_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert spec.keys() == fields.keys()
