"""`trail-operator policy` with the emulated AWS: trails deliver with what it prints, and it writes nothing."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.aws import REGION, Account
from tests.integration.kubernetes import Accounts
from tests.local_server import LocalServer
from tests.patience import seconds
from tests.sandbox.identities import allow, user
from tests.sandbox.organizations import Organization
from trail_sandbox.sandbox import Sandbox

BIN = Path(sys.executable).parent
Spec = dict[str, Any]


def run(account: Account, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "trail-operator", "policy", *arguments],
        env={**os.environ, **account.environment, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds(60),
    )


def printed(account: Account, *arguments: str, stdin: str = "") -> str:
    done = run(account, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def resource(kind: str, name: str, spec: Spec) -> dict[str, Any]:
    return {"apiVersion": "trail-operator.dev/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def manifests(*trails: tuple[str, Account, Spec]) -> str:
    """Trails, each with its AWSAccount."""
    objects = [resource("Trail", name, spec | {"accountRef": {"name": name}}) for name, _, spec in trails]
    accounts = [
        resource("AWSAccount", name, {"accountID": account.number, "region": REGION}) for name, account, _ in trails
    ]
    return yaml.safe_dump_all([*objects, *accounts])


def create(account: Account, name: str, spec: Spec) -> None:
    """The trail of a spec, as the operator creates it."""
    names = {
        "s3BucketName": "S3BucketName",
        "s3KeyPrefix": "S3KeyPrefix",
        "snsTopicName": "SnsTopicName",
        "kmsKeyID": "KmsKeyId",
        "cloudWatchLogsLogGroupARN": "CloudWatchLogsLogGroupArn",
        "cloudWatchLogsRoleARN": "CloudWatchLogsRoleArn",
    }
    given: dict[str, Any] = {names[field]: value for field, value in spec.items()}
    account.cloudtrail.create_trail(Name=name, **given)


def test_trails_of_two_accounts_deliver_everywhere(account: Account, other: Account) -> None:
    """With one bucket, topic and key for both, and a role of each."""
    bucket = f"shared-{account.number}"
    topic: str = account.client("sns").create_topic(Name="notify")["TopicArn"]
    key: str = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    account.client("s3").create_bucket(Bucket=bucket)

    def spec(of: Account, prefix: str) -> Spec:
        return {
            "s3BucketName": bucket,
            "s3KeyPrefix": prefix,
            "snsTopicName": topic,
            "kmsKeyID": key,
            "cloudWatchLogsLogGroupARN": f"{of.log_group('audit')}:*",
            "cloudWatchLogsRoleARN": f"arn:aws:iam::{of.number}:role/logs",
        }

    wanted = [("one", account, spec(account, "p")), ("two", other, spec(other, "q"))]
    text = manifests(*wanted)

    def whole(*arguments: str) -> str:
        return printed(account, *arguments, "-f", "-", "--complete", stdin=text)

    for _, of, its in wanted:
        role = ("role", "--resource", its["cloudWatchLogsRoleARN"], "--part")
        of.client("iam").create_role(RoleName="logs", AssumeRolePolicyDocument=whole(*role, "trust"))
        document = whole(*role, "permissions")
        of.client("iam").put_role_policy(RoleName="logs", PolicyName="logs", PolicyDocument=document)
    account.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=whole("topic"))
    account.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=whole("key"))
    s3 = account.client("s3")
    policy = json.loads(whole("bucket"))
    for statement in policy["Statement"]:
        rest = [one for one in policy["Statement"] if one is not statement]
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy | {"Statement": rest}))
        refused = [name for name, of, its in wanted if not creates(of, name, its)]
        assert refused, f"each was created without {statement['Sid']}"
        for name, of, _ in wanted:
            if name not in refused:
                of.cloudtrail.delete_trail(Name=name)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    for name, of, its in wanted:
        create(of, name, its)
        of.cloudtrail.start_logging(Name=name)
        of.client("ec2").describe_regions()
        of.deliver()
        status = of.cloudtrail.get_trail_status(Name=name)
        assert not {field: value for field, value in status.items() if field.endswith("Error") and value}
        assert status["LatestDeliveryTime"]
    found = {one["Key"].split("/CloudTrail/")[0] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert found >= {f"p/AWSLogs/{account.number}", f"q/AWSLogs/{other.number}"}


def creates(account: Account, name: str, spec: Spec) -> bool:
    try:
        create(account, name, spec)
    except account.cloudtrail.exceptions.InsufficientS3BucketPolicyException:
        return False
    return True


def test_a_trail_in_aws_of_an_organization(account: Account) -> None:
    organization = Organization(account)
    bucket = organization.bucket()
    arn = organization.trail(bucket=bucket)
    since = len(account.calls())
    done = run(account, "bucket", arn)
    assert done.returncode == 0, done.stderr
    assert [one["Resource"] for one in json.loads(done.stdout)] == [
        f"arn:aws:s3:::{bucket}",
        f"arn:aws:s3:::{bucket}/AWSLogs/{account.number}/*",
        f"arn:aws:s3:::{bucket}/AWSLogs/{organization.id}/*",
    ]
    unchecked = "The permissions of the operator itself were not checked"
    assert f"AWS was read as arn:aws:iam::{account.number}:root. {unchecked}" in done.stderr.splitlines()
    calls = {call["operation"] for call in account.calls()[since:]}
    assert calls == {"GetCallerIdentity", "GetTrail", "DescribeOrganization"}


def test_the_trail_of_a_delegated_administrator(account: Account) -> None:
    organization = Organization(account)
    member = organization.administrator()
    spec = {"s3BucketName": "audit", "isOrganizationTrail": True, "region": REGION}
    text = yaml.safe_dump(resource("Trail", "all", spec))
    statements = json.loads(printed(member, "bucket", "-f", "-", stdin=text))
    assert statements[0]["Condition"]["StringEquals"]["aws:SourceArn"] == account.trail_arn("all")
    assert statements[2]["Resource"] == f"arn:aws:s3:::audit/AWSLogs/{organization.id}/*"


def test_a_policy_that_aws_returns_is_completed(account: Account, tmp_path: Path) -> None:
    bucket = account.bucket(f"logs-{account.number}", "first")
    existing = account.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    (tmp_path / "policy.json").write_text(existing)
    text = yaml.safe_dump(resource("Trail", "second", {"s3BucketName": bucket, "region": REGION}))
    done = printed(account, "bucket", "-f", "-", "--merge", str(tmp_path / "policy.json"), stdin=text)
    assert json.loads(done)["Statement"][:2] == json.loads(existing)["Statement"]
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=done)
    for name in ("first", "second"):
        account.cloudtrail.create_trail(Name=name, S3BucketName=bucket)


class Counting(LocalServer):
    """Counts requests."""

    def __init__(self) -> None:
        self.requests = 0
        super().__init__()

    def respond(self, request: BaseHTTPRequestHandler, _body: bytes) -> None:
        self.requests += 1
        request.send_response(500)
        request.end_headers()


def test_the_account_of_a_trail_is_read_from_the_cluster(
    cluster: Sandbox, accounts: Accounts, account: Account, other: Account
) -> None:
    name = accounts.create("audit", other.number, region=REGION)
    trail = yaml.safe_dump(resource("Trail", "audit", {"s3BucketName": "logs", "accountRef": {"name": name}}))
    done = run(account, "bucket", "-f", "-", stdin=trail, **cluster.environment())
    assert done.returncode == 0, done.stderr
    assert f"arn:aws:s3:::logs/AWSLogs/{other.number}/*" in done.stdout
    assert f"AWSAccount {name} was read from the cluster" in done.stderr
    unknown = run(account, "bucket", "-f", "-", stdin=trail.replace(name, "unknown"), **cluster.environment())
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "AWSAccount unknown is not among the manifests, nor in the cluster: add it with -f" in unknown.stderr


def test_a_hostile_account_is_not_called(account: Account, other: Account) -> None:
    server = Counting()
    spec = {"accountID": other.number, "region": REGION, "endpointURL": server.url}
    spec["roleARN"] = f"arn:aws:iam::{other.number}:role/hostile"
    trail = {"s3BucketName": "audit", "isOrganizationTrail": True, "accountRef": {"name": "x"}}
    text = yaml.safe_dump_all([resource("Trail", "all", trail), resource("AWSAccount", "x", spec)])
    done = run(account, "bucket", "-f", "-", stdin=text)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert f"Trail default/all: Account {other.number} was not read" in line
    assert server.requests == 0
    assert "AssumeRole" not in {call["operation"] for call in account.calls()}
    server.close()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "No usable AWS credentials"),
        (
            {"AWS_SESSION_TOKEN": "expired", "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE"},
            "does not accept the credentials",
        ),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "No answer from AWS"),
        ({}, "TrailNotFound"),
    ],
)
def test_what_aws_does_not_say_is_one_line(account: Account, environment: dict[str, str], says: str) -> None:
    done = run(account, "bucket", account.trail_arn("none"), **environment)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"trail-operator policy: {account.trail_arn('none')}: ")
    assert says in line


def test_a_denied_read_is_one_line(account: Account) -> None:
    keys = user(account, allow("cloudtrail:ListTrails"))
    signed_in = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
    done = run(account, "bucket", account.trail_arn("none"), **signed_in)
    [line] = done.stderr.splitlines()
    assert done.returncode == 1
    assert "cloudtrail:GetTrail is denied in us-east-1" in line
