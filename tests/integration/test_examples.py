"""What users copy works as it stands: the manifests and policies of examples/."""

import json
from typing import Any

import yaml

from tests.integration.aws import REGION, Account
from tests.integration.conftest import ROOT, Operator, kubectl
from tests.integration.kubernetes import Trails
from trail_sandbox.sandbox import Sandbox

EXAMPLES = ROOT / "examples"
NAME = "example-audit-logs"


def policy(account: Account, file: str, *, trail: str, prefix: str = "") -> str:
    """A policy of examples/ with its placeholders filled in, as the README there says."""
    text = (EXAMPLES / file).read_text()
    if prefix:
        text = text.replace("BUCKET/AWSLogs/", f"BUCKET/{prefix}/AWSLogs/")
    names = {"ACCOUNT": account.number, "REGION": REGION, "TRAIL": trail, "BUCKET": NAME, "TOPIC": NAME}
    for placeholder, value in {**names, "GROUP": NAME}.items():
        text = text.replace(placeholder, value)
    return text


def manifest(account: Account, file: str) -> dict[str, Any]:
    """A manifest of examples/, for the test's account."""
    body: dict[str, Any] = yaml.safe_load((EXAMPLES / file).read_text().replace("123456789012", account.number))
    return body


def apply(cluster: Sandbox, trails: Trails, body: dict[str, Any]) -> str:
    kubectl(cluster, "apply", "-n", trails.namespace, "-f", "-", text=json.dumps(body))
    return str(body["metadata"]["name"])


def test_minimal(operator: Operator, account: Account, trails: Trails, cluster: Sandbox) -> None:
    account.client("s3").create_bucket(Bucket=f"{NAME}-{account.number}")
    body = manifest(account, "minimal.yaml")
    name = body["metadata"]["name"]
    bucket = f"{NAME}-{account.number}"
    document = policy(account, "bucket-policy.json", trail=name).replace(NAME, bucket)
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=document)
    body["spec"]["s3BucketName"] = bucket  # a bucket's name is taken for all accounts, and so for all tests
    apply(cluster, trails, body)
    trails.wait_ready(name)


def test_complete_and_retain(operator: Operator, account: Account, trails: Trails, cluster: Sandbox) -> None:
    bucket = f"{NAME}-{account.number}"
    account.client("s3").create_bucket(Bucket=bucket)
    body = manifest(account, "complete.yaml")
    name, spec = body["metadata"]["name"], body["spec"]
    document = policy(account, "bucket-policy.json", trail=name, prefix=spec["s3KeyPrefix"])
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=document.replace(f":::{NAME}", f":::{bucket}"))
    sns = account.client("sns")
    topic = sns.create_topic(Name=spec["snsTopicName"])["TopicArn"]
    document = policy(account, "topic-policy.json", trail=name)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    kms = account.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(account, "key-policy.json", trail=name))
    kms.create_alias(AliasName=spec["kmsKeyID"], TargetKeyId=key)
    account.client("logs").create_log_group(logGroupName=NAME)
    iam = account.client("iam")
    trust = policy(account, "role-trust-policy.json", trail=name)
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=trust)
    allowed = policy(account, "role-policy.json", trail=name)
    iam.put_role_policy(RoleName=NAME, PolicyName="logs", PolicyDocument=allowed)
    spec["s3BucketName"] = bucket
    apply(cluster, trails, body)
    trails.wait_ready(name)

    body = manifest(account, "retain.yaml")
    body["spec"]["s3BucketName"] = bucket
    document = policy(account, "bucket-policy.json", trail=body["metadata"]["name"])
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=document.replace(f":::{NAME}", f":::{bucket}"))
    name = apply(cluster, trails, body)
    trails.wait_ready(name)
    trails.delete(name)
    trails.wait_gone(name)
    assert account.trail(body["spec"].get("name", name)) is not None
