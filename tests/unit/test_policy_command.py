"""`trail-operator policy` without AWS: what it prints, its exit status, and a clear line for what is wrong."""

import io
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.unit import wild_policies
from tests.unit.emulated import Emulated
from tests.unit.test_policies_combined import AUDIT_ACCOUNT, of_bucket, only, trail
from trail_operator.aws.grants import FEATURES
from trail_operator.aws.operations import OPERATIONS, Read
from trail_operator.cli import main
from trail_operator.domain.iam_policy import judge, prescribed
from trail_operator.domain.iam_policy.verdict import not_read

ROOT = Path(__file__).parents[2]
ACCOUNT = AUDIT_ACCOUNT
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
FULL = {
    "s3BucketName": "audit-logs",
    "region": "eu-west-1",
    "snsTopicName": "notify",
    "kmsKeyID": KEY,
    "cloudWatchLogsLogGroupARN": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:audit:*",
    "cloudWatchLogsRoleARN": f"arn:aws:iam::{ACCOUNT}:role/logs",
}


class Printed(NamedTuple):
    status: int
    out: str
    err: list[str]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def manifest(name: str = "audit", **spec: Any) -> dict[str, Any]:
    body = {"s3BucketName": "audit-logs", "region": "eu-west-1", **spec}
    return {"apiVersion": "trail-operator.dev/v1beta1", "kind": "Trail", "metadata": {"name": name}, "spec": body}


def account(name: str, number: str, **spec: Any) -> dict[str, Any]:
    body = {"accountID": number, **spec}
    return {"apiVersion": "trail-operator.dev/v1beta1", "kind": "AWSAccount", "metadata": {"name": name}, "spec": body}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection to anywhere."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("TRAIL_OPERATOR_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def policy(*arguments: str, stdin: str | list[dict[str, Any]] = "") -> Printed:
        text = stdin if isinstance(stdin, str) else yaml.safe_dump_all(stdin)
        monkeypatch.setattr("sys.argv", ["trail-operator", "policy", *arguments])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        if isinstance(ended.value.code, str):
            return Printed(1, printed.out, ended.value.code.splitlines())
        return Printed(int(ended.value.code or 0), printed.out, printed.err.splitlines())

    return policy


OFFLINE = ("-f", "-", "--account-id", ACCOUNT)


def test_statements_go_to_stdout_and_their_reasons_to_stderr(run: Any) -> None:
    done = run("bucket", *OFFLINE, stdin=[manifest()])
    assert done.status == 0
    assert [one["Sid"] for one in done.json] == ["AWSCloudTrailAclCheck20150319", "AWSCloudTrailWrite20150319"]
    assert done.err == [
        "AWSCloudTrailAclCheck20150319: required: CloudTrail reads the bucket's ACL before it delivers",
        f"AWSCloudTrailWrite20150319: required: CloudTrail writes the log files of account {ACCOUNT}",
    ]


def test_accounts_and_regions_come_from_manifests(run: Any) -> None:
    cn = account("cn", "222233334444", region="cn-north-1")
    trails = [manifest(accountRef={"name": "cn"}, region=None), manifest("two", accountRef={"name": "cn"}, region=None)]
    done = run("bucket", "-f", "-", stdin=[*trails, cn])
    assert done.json[0]["Condition"]["StringEquals"]["aws:SourceArn"] == [
        "arn:aws-cn:cloudtrail:cn-north-1:222233334444:trail/audit",
        "arn:aws-cn:cloudtrail:cn-north-1:222233334444:trail/two",
    ]
    assert done.json[1]["Resource"] == "arn:aws-cn:s3:::audit-logs/AWSLogs/222233334444/*"


@pytest.mark.parametrize(
    ("flags", "owner"), [([], ACCOUNT), (["--management-account-id", "999988887777"], "999988887777")]
)
def test_an_organization_trail(run: Any, flags: list[str], owner: str) -> None:
    done = run(
        "bucket", *OFFLINE, "--organization-id", "o-a1b2c3d4e5", *flags, stdin=[manifest(isOrganizationTrail=True)]
    )
    assert [one["Resource"] for one in done.json[1:]] == [
        f"arn:aws:s3:::audit-logs/AWSLogs/{owner}/*",
        "arn:aws:s3:::audit-logs/AWSLogs/o-a1b2c3d4e5/*",
    ]
    assert any("--management-account-id" in line for line in done.err) is (not flags)


def test_whole_policies_deliver_and_say_what_they_replace(run: Any) -> None:
    def whole(*arguments: str) -> str:
        done = run(*arguments, *OFFLINE, "--complete", stdin=[manifest(**FULL)])
        assert (done.status, done.err[0].split(":")[0]) == (0, "This is the whole policy")
        return str(done.out)

    one = trail(
        sns_topic_name=f"arn:aws:sns:eu-west-1:{ACCOUNT}:notify",
        kms_key_id=KEY,
        cloud_watch_logs_log_group_arn=f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:audit",
        cloud_watch_logs_role_arn=f"arn:aws:iam::{ACCOUNT}:role/logs",
    )
    key, topic = json.loads(whole("key", "--bucket-key")), whole("topic")
    assert key["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert "__default_statement_ID" in topic
    roles = (whole("role", "--part", "trust"), whole("role", "--part", "permissions"))
    assert not Emulated(whole("bucket"), role_policies=roles).problems(only(one, cloud_watch_logs_log_group_arn=None))
    names = {
        problem.name
        for problem in Emulated(topic, role_policies=roles).problems(
            only(one, sns_topic_name=one.configuration.sns_topic_name)
        )
    }
    assert "TOPIC_DENIES" not in names
    of_key = only(one, kms_key_id=KEY)
    problems = Emulated(json.dumps(key), has_bucket_key=True, role_policies=roles).problems(of_key)
    assert "KEY_DENIES" not in {problem.name for problem in problems}
    group = only(one, cloud_watch_logs_log_group_arn=one.configuration.cloud_watch_logs_log_group_arn)
    assert not {problem.name for problem in Emulated(role_policies=roles).problems(group)} & {
        "ROLE_DENIED",
        "ROLE_NOT_TRUSTING",
    }


def test_the_bucket_key_makes_decrypt_required(run: Any) -> None:
    def of_decrypt(*flags: str) -> str:
        [line] = [one for one in run("key", *OFFLINE, *flags, stdin=[manifest(**FULL)]).err if "decrypt" in one]
        return str(line.split(": ")[1])

    assert (of_decrypt(), of_decrypt("--bucket-key")) == ("recommended", "required")


def test_merge_keeps_the_text_and_adds_what_is_missing(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "policy.json"
    existing.write_text(wild_policies.BUCKETS["of flow logs"])
    done = run("bucket", *OFFLINE, "--merge", str(existing), stdin=[manifest()])
    assert done.status == 0
    assert of_bucket(done.out, trail())
    assert done.out.startswith(existing.read_text().rstrip().removesuffix("]\n}").rstrip())
    assert [line.split(":")[0] for line in done.err] == ["added", "added"]
    existing.write_text(done.out)
    again = run("bucket", *OFFLINE, "--merge", str(existing), stdin=[manifest()])
    assert (again.status, again.out, again.err) == (0, done.out, ["Nothing is missing"])


def test_merge_exits_3_with_the_deny_that_adding_cannot_correct(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "policy.json"
    existing.write_text(wild_policies.DENYING["strangers to the organization"])
    done = run("bucket", *OFFLINE, "--merge", str(existing), stdin=[manifest()])
    assert done.status == 3
    assert len(done.json["Statement"]) == 3
    [line] = [line for line in done.err if "'OnlyOurOrganization'" in line]
    assert line.startswith("Adding statements cannot correct this: Statement 'OnlyOurOrganization'")


def test_merge_exits_3_above_the_size_limit_and_prints_nothing(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "policy.json"
    readers = {"Effect": "Allow", "Principal": {"AWS": [f"{number:012d}" for number in range(1345)]}}
    statement = {**readers, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::audit-logs/*"}
    existing.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":")))
    done = run("bucket", *OFFLINE, "--merge", str(existing), stdin=[manifest()])
    assert (done.status, done.out) == (3, "")
    assert re.search(r"too long: 20,[0-9]{3} bytes, and AWS allows a bucket's policy 20,480", "\n".join(done.err))


def test_merge_prints_without_spaces_what_would_be_too_long_with_them(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "policy.json"
    existing.write_text(wild_policies.BUCKETS["almost too long"] + " " * 4096)
    done = run("bucket", *OFFLINE, "--merge", str(existing), stdin=[manifest()])
    assert done.status == 0
    assert "\n" not in done.out.rstrip()
    assert of_bucket(done.out, trail())
    assert any("without spaces" in line for line in done.err)


def test_merge_of_a_role(run: Any, tmp_path: Path) -> None:
    existing = tmp_path / "policy.json"
    existing.write_text(wild_policies.TRUST["of another service"])
    done = run("role", *OFFLINE, "--part", "trust", "--merge", str(existing), stdin=[manifest(**FULL)])
    services = [one["Principal"]["Service"] for one in done.json["Statement"]]
    assert (done.status, services) == (0, ["vpc-flow-logs.amazonaws.com", "cloudtrail.amazonaws.com"])
    existing.write_text(wild_policies.PERMISSIONS["for all of the group"])
    done = run("role", *OFFLINE, "--part", "permissions", "--merge", str(existing), stdin=[manifest(**FULL)])
    assert (done.status, done.out.strip()) == (0, existing.read_text().strip())


@pytest.mark.parametrize("kind", ["bucket", "topic", "key", "role", "operator"])
@pytest.mark.parametrize("more", [[], ["--complete"]])
def test_cloudformation_has_the_same_statements(run: Any, kind: str, more: list[str]) -> None:
    arguments = (kind, *OFFLINE, *more)
    template = yaml.safe_load(run(*arguments, "-o", "cloudformation", stdin=[manifest(**FULL)]).out)
    printed = run(*arguments, stdin=[manifest(**FULL)]).json
    properties = next(iter(template["Resources"].values()))["Properties"] if more else template
    policies = [
        properties[name] for name in ("AssumeRolePolicyDocument", "KeyPolicy", "PolicyDocument") if name in properties
    ]
    policies += [one["PolicyDocument"] for one in properties.get("Policies", [])]
    expected = list(printed.values()) if kind == "role" else [printed]
    expected = [one["Statement"] if isinstance(one, dict) else one for one in expected]
    assert [one["Statement"] for one in policies] == expected


def test_a_key_is_a_resource_or_a_fragment(run: Any) -> None:
    def of(*flags: str) -> Any:
        return yaml.safe_load(run("key", *OFFLINE, "-o", "cloudformation", *flags, stdin=[manifest(**FULL)]).out)

    assert list(of()) == ["KeyPolicy"]
    [key] = of("--complete")["Resources"].values()
    assert (key["Type"], key["DeletionPolicy"]) == ("AWS::KMS::Key", "Retain")


def test_cfn_lint_finds_nothing_in_the_templates(run: Any, tmp_path: Path) -> None:
    for kind in ("bucket", "topic", "key", "role", "operator"):
        text = run(kind, *OFFLINE, "--complete", "-o", "cloudformation", stdin=[manifest(**FULL)]).out
        (tmp_path / f"{kind}.yaml").write_text(text)
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--", *map(str, tmp_path.glob("*.yaml"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


# The operator's own policy.


def actions(statements: list[dict[str, Any]]) -> set[str]:
    found = (one["Action"] for one in statements)
    return {each for one in found for each in (one if isinstance(one, list) else [one])}


def test_the_operators_policy_has_every_feature(run: Any) -> None:
    role = "arn:aws:iam::222233334444:role/trail-operator"
    manifests = [manifest(**FULL), account("other", "222233334444", roleARN=role)]
    queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:trail-events"
    done = run("operator", *OFFLINE, "--event-queue", queue, stdin=manifests)
    expected = {one.action for operation in OPERATIONS for one in operation.permissions}
    assert actions(done.json) == expected
    resources = {one["Sid"]: one["Resource"] for one in done.json}
    assert resources["Trails"] == f"arn:aws:cloudtrail:*:{ACCOUNT}:trail/*"
    assert resources["RolesForLogGroups"] == FULL["cloudWatchLogsRoleARN"]
    assert (resources["RolesOfTrailAccounts"], resources["EventQueue"]) == (role, queue)
    requirements = {line.split(": ")[0]: line.split(": ")[1] for line in done.err}
    assert requirements == {
        "Trails": "required",
        "OtherTrails": "required",
        "RolesForLogGroups": "required",
        "KeyAliases": "recommended",
        "RolesOfTrailAccounts": "required",
        "OrganizationTrails": "recommended",
        "OrganizationTrailsRole": "recommended",
        "WhatTrailsDependOn": "recommended",
        "EventQueue": "required",
        "EventHistory": "recommended",
        "MetricFilters": "recommended",
        "Alarms": "recommended",
        "AlarmReads": "recommended",
        "AlarmChecks": "recommended",
    }


def test_the_policy_for_alarms_is_about_their_names_and_the_log_groups_of_trails(run: Any) -> None:
    flags = ("--features", "alarms", "--cluster-name", "prod")
    done = run("operator", *OFFLINE, *flags, stdin=[manifest(**FULL)])
    resources = {one["Sid"]: one["Resource"] for one in done.json}
    group = FULL["cloudWatchLogsLogGroupARN"].removesuffix(":*")
    assert resources["MetricFilters"] == f"{group}:*"
    assert resources["Alarms"] == f"arn:aws:cloudwatch:*:{ACCOUNT}:alarm:prod/*"
    requirements = {line.split(": ")[0]: line.split(": ")[1] for line in done.err}
    assert [requirements[name] for name in ("MetricFilters", "Alarms", "AlarmReads")] == ["required"] * 3
    assert requirements["AlarmChecks"] == "recommended"


def test_the_policy_for_alarms_without_anything_known(run: Any) -> None:
    resources = {one["Sid"]: one["Resource"] for one in run("operator", "--features", "alarms").json}
    assert resources["MetricFilters"] == "arn:aws:logs:*:*:log-group:*"
    assert resources["Alarms"] == "arn:aws:cloudwatch:*:*:alarm:*/*"


def test_no_filter_is_made_in_a_log_group_of_another_account(run: Any) -> None:
    group = FULL["cloudWatchLogsLogGroupARN"].replace(ACCOUNT, "222233334444")
    done = run("operator", *OFFLINE, stdin=[manifest(**FULL | {"cloudWatchLogsLogGroupARN": group})])
    resources = {one["Sid"]: one["Resource"] for one in done.json}
    assert resources["MetricFilters"] == f"arn:aws:logs:*:{ACCOUNT}:log-group:*"


def test_the_operators_policy_is_that_of_the_documentation(run: Any) -> None:
    text = (ROOT / "docs" / "iam.md").read_text()
    text = text.replace("sqs:REGION:ACCOUNT:QUEUE", f"sqs:eu-west-1:{ACCOUNT}:events").replace("role/ROLE", "role/logs")
    text = text.replace("arn:aws:logs:*:ACCOUNT:log-group:LOG_GROUP", FULL["cloudWatchLogsLogGroupARN"][:-2])
    text = text.replace("alarm:CLUSTER/", "alarm:prod/")
    blocks = re.findall(r"```json\n(.*?)```", text.replace("ACCOUNT", ACCOUNT), re.DOTALL)
    documented = [statement for block in blocks for statement in json.loads(block)["Statement"]]
    queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:events"
    flags = ("--event-queue", queue, "--cluster-name", "prod")
    done = run("operator", *OFFLINE, *flags, stdin=[manifest(**FULL)])
    order = [one["Sid"] for one in documented]
    assert sorted(done.json, key=lambda one: order.index(one["Sid"])) == documented


def test_read_only_allows_no_write(run: Any) -> None:
    done = run("operator", "--read-only")
    reads = {one.action for operation in Read for one in operation.permissions}
    assert actions(done.json) == reads
    assert not [
        one for one in actions(done.json) if re.search(r":(Create|Update|Put|Start|Stop|Add|Remove|Delete|Pass)", one)
    ]


@pytest.mark.parametrize("feature", ["organizations", "dependencies", "attribution", "alarms"])
def test_features_are_chosen(run: Any, feature: str) -> None:
    done = run("operator", "--features", feature)
    needed = {"Trails", "OtherTrails", "KeyAliases"}
    assert {one["Sid"] for one in done.json} == needed | {grant.sid for grant in FEATURES[feature]}


def test_the_policy_of_the_documentation_is_complete(run: Any, tmp_path: Path) -> None:
    text = (ROOT / "examples" / "operator-policy.json").read_text()
    (tmp_path / "policy.json").write_text(text.replace("ACCOUNT", ACCOUNT).replace("role/ROLE", "role/logs"))
    flags = ("--features", "dependencies,attribution", "--merge", str(tmp_path / "policy.json"))
    done = run("operator", *OFFLINE, *flags, stdin=[manifest(**FULL)])
    assert (done.status, done.err[0]) == (0, "Nothing is missing")


def test_a_guard_against_deletion_is_named(run: Any, tmp_path: Path) -> None:
    guard = {"Sid": "Guard", "Effect": "Deny", "Action": "cloudtrail:DeleteTrail", "Resource": "*"}
    (tmp_path / "policy.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [guard]}))
    done = run("operator", *OFFLINE, "--merge", str(tmp_path / "policy.json"), stdin=[manifest(**FULL)])
    assert done.status == 3
    assert [line for line in done.err if "Statement 'Guard'" in line]
    assert [one["Sid"] for one in done.json["Statement"]][:2] == ["Guard", "Trails"]


# Messages name the command that prints what they print.

GROUP_ARN = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:audit"
TRAIL_ARN = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit"
TOPIC_ARN = f"arn:aws:sns:eu-west-1:{ACCOUNT}:notify"
ROLE_ARN = str(FULL["cloudWatchLogsRoleARN"])
VERDICTS = {
    "bucket": judge.judge_bucket_policy(None, bucket="audit-logs", prefix=None, trail_arn=TRAIL_ARN),
    "topic": judge.judge_topic_policy(None, topic_arn=TOPIC_ARN, trail_arn=TRAIL_ARN),
    "key": judge.judge_key_policy(None, key_arn=KEY, trail_arn=TRAIL_ARN, bucket_key=True),
    "key of a topic": judge.judge_topic_key_policy(None, key_arn=KEY, topic_arn=TOPIC_ARN, trail_arn=TRAIL_ARN),
    "key of a bucket": judge.judge_default_key_policy(None, key_arn=KEY, bucket="audit-logs", trail_arn=TRAIL_ARN),
    "trust": judge.judge_role_trust(None, role_arn=ROLE_ARN),
    "permissions": judge.judge_role_permissions([], role_arn=ROLE_ARN, log_group_arn=GROUP_ARN, trail_arn=TRAIL_ARN),
    "boundary": judge.judge_role_boundary(
        '{"Statement":[]}',
        boundary_arn="arn:aws:iam::aws:policy/ReadOnlyAccess",
        role_arn=ROLE_ARN,
        log_group_arn=GROUP_ARN,
        trail_arn=TRAIL_ARN,
    ),
    "unread": not_read(
        "the policy of topic", "sns:GetTopicAttributes", [prescribed.topic_statement(TOPIC_ARN, TRAIL_ARN)]
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_command_of_a_message_prints_its_statements(run: Any, name: str) -> None:
    verdict = VERDICTS[name]
    found = re.search(r" \(trail-operator policy ([^)]*) -f FILE\): (\{.*\})$", verdict.message)
    assert found
    spec = {**FULL, "kmsKeyID": ""} if name == "key of a bucket" else FULL
    printed = run(*found[1].split(), *OFFLINE, stdin=[manifest(**spec)]).json
    assert printed == json.loads(found[2])["Statement"]


# The documentation.

PAGES = (ROOT / "docs" / "policy.md", ROOT / "docs" / "how-to" / "policies.md")
COMMANDS = sorted(
    {
        line.removeprefix("$ ").split(" > ")[0]
        for page in PAGES
        for line in page.read_text().splitlines()
        if re.match(r"(\$ )?trail-operator policy [a-z]+ ", line)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_documentation_work(
    run: Any, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "trails/audit.yaml": manifest(accountRef={"name": "prod"}, **FULL),
        "trails/prod.yaml": account("prod", ACCOUNT),
        "accounts/test.yaml": account("test", "222233334444"),
        "organization.yaml": manifest(isOrganizationTrail=True),
        "existing.json": {"Version": "2012-10-17", "Statement": []},
        "bucket-policy.json": {"Version": "2012-10-17", "Statement": []},
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    done = run(*command.split()[2:])
    assert done.status == 0, done.err
    assert "AWS was read" not in " ".join(done.err)
    assert done.out


# What is wrong.


@pytest.mark.parametrize(
    ("arguments", "stdin", "problem"),
    [
        (["bucket"], "", "give manifests (-f) or ARNs of trails"),
        (["bucket", "--complete", "--merge", "x", *OFFLINE], "", "not allowed with argument"),
        (["walls"], "", "invalid choice: 'walls'"),
        (["bucket", "--features", "events", *OFFLINE], "", "does not take the flags of policy operator"),
        (["operator", "--bucket-key"], "", "does not take the flags of policy key"),
        (["operator", "--features", "alarm"], "", "alarm is none of"),
        (["operator", "--features", "events"], "", "needs --event-queue"),
        (["operator", "--features", "accounts"], "", "needs the manifests of AWSAccounts"),
        (["operator", "--features", "events", "--read-only"], "", "not allowed with argument"),
        (["role", "--merge", "x", *OFFLINE], "", "--merge needs --part"),
        (["bucket", "-f", "-", "--merge", "-"], "", "standard input (-) can be given only once"),
        (["bucket", "-f", "/nonexistent"], "", "/nonexistent: No such file or directory"),
        (["bucket", "--merge", "/nonexistent", *OFFLINE], "", "cannot read /nonexistent"),
        (["bucket", *OFFLINE], "a: b: c", "standard input: not YAML: line 1"),
        (["bucket", *OFFLINE], "", "no Trail or TrailAlarmSet of trail-operator.dev in -"),
        (["bucket", "-f", "-", "--account-id", "1"], "", "--account-id must be an account ID of 12 digits"),
        (["bucket", *OFFLINE, "--organization-id", "*"], "", "--organization-id must be the ID"),
        (["bucket", *OFFLINE], [manifest(region="xx-moon-1")], "Trail default/audit: xx-moon-1 is not a region of AWS"),
        (["bucket", *OFFLINE], [manifest(region=None)], "Trail default/audit: its region is unknown"),
        (["bucket", *OFFLINE], [manifest(s3BucketName="*")], "Trail default/audit: s3BucketName: "),
        (
            ["bucket", *OFFLINE],
            [manifest(s3BucketName="logs*")],
            "Trail default/audit: s3BucketName: does not match the format",
        ),
        (["bucket", *OFFLINE], [manifest(s3KeyPrefix="${aws:username}")], "s3KeyPrefix contains *, ? or $"),
        (
            ["bucket", "-f", "-"],
            [manifest(accountRef={"name": "x"})],
            "x is not among the manifests, and the cluster was not",
        ),
        (["bucket", "-f", "-"], [manifest(accountRef={"name": "x\x1b[2J\ny"})], "AWSAccount x [2J y is not among"),
        (["bucket", "-f", "-"], [manifest(), account("x", "12")], "AWSAccount x: accountID must be"),
        (["bucket", "-f", "-"], [manifest()], "No usable AWS credentials"),
        (["bucket", "-f", "-"], [manifest("a"), manifest("b")], "Trail default/a: No usable AWS credentials"),
        (
            ["role", *OFFLINE],
            [manifest(cloudWatchLogsRoleARN=FULL["cloudWatchLogsRoleARN"])],
            "Trail default/audit: cloudWatchLogsLogGroupARN and cloudWatchLogsRoleARN require each other",
        ),
        (["topic", *OFFLINE], [manifest()], "no Trail names a topic (snsTopicName)"),
        (
            ["bucket", *OFFLINE],
            [manifest(), manifest("b", s3BucketName="others")],
            "the Trails use 2 buckets: choose one with --resource: audit-logs, others",
        ),
        (["bucket", *OFFLINE, "--resource", "x"], [manifest()], "no Trail uses bucket x, but: audit-logs"),
        (["key", *OFFLINE, "--encrypts", "topic"], [manifest()], "no Trail names a topic"),
        (["bucket", "arn:aws:s3:::x"], "", "arn:aws:s3:::x: not the ARN of a trail"),
    ],
)
def test_a_clear_line_and_status_1(run: Any, arguments: list[str], stdin: Any, problem: str) -> None:
    done = run(*arguments, stdin=stdin)
    assert (done.status, done.out) == (1, "")
    assert len(done.err) == 1
    assert done.err[0].startswith("trail-operator policy: ")
    assert problem in done.err[0]


def test_a_thousand_trails_of_many_accounts(run: Any, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(wild_policies.DENYING["strangers to the organization"])
    trails = [manifest(f"t{number}", accountRef={"name": f"a{number % 300}"}) for number in range(1000)]
    accounts = [account(f"a{number}", f"{number:012d}") for number in range(300)]
    done = run("bucket", "-f", "-", "--merge", str(tmp_path / "policy.json"), stdin=[*trails, *accounts])
    assert (done.status, done.out) == (3, "")
    [denied] = [line for line in done.err if "OnlyOurOrganization" in line]
    assert "and 295 more" in denied


def test_an_error_in_the_program_is_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise KeyError("kept-secret")

    monkeypatch.setattr("trail_operator.preview.policy_command.compose", fail)
    done = run("bucket", *OFFLINE, stdin=[manifest()])
    assert (done.status, done.out) == (1, "")
    assert done.err == ["trail-operator policy: internal error (KeyError): please report it"]


def test_an_existing_policy_that_is_none(run: Any, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text("{}")
    done = run("bucket", *OFFLINE, "--merge", str(tmp_path / "policy.json"), stdin=[manifest()])
    assert (done.status, done.out) == (1, "")
    assert done.err == [f"trail-operator policy: {tmp_path}/policy.json: it is not an object with a Statement"]


def test_one_of_several_resources_is_chosen(run: Any) -> None:
    trails = [manifest(), manifest("b", s3BucketName="others", snsTopicName="notify")]
    assert run("bucket", *OFFLINE, "--resource", "others", stdin=trails).json[0]["Resource"] == "arn:aws:s3:::others"
    done = run("topic", *OFFLINE, "--resource", "notify", stdin=trails)
    assert done.json[0]["Condition"]["StringEquals"]["aws:SourceArn"].endswith("trail/b")
