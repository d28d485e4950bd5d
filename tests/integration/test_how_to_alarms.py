"""docs/how-to/alarms.md: its commands as they stand, on an installed operator."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.integration.aws import REGION, Account
from tests.integration.conftest import ROOT
from tests.integration.kubernetes import AlarmSets, Trails, trail
from tests.integration.test_chart import Install, install
from tests.integration.test_how_to_drift import Shell
from tests.patience import eventually
from trail_sandbox.sandbox import Sandbox

__all__ = ["install"]

PAGE = (ROOT / "docs" / "how-to" / "alarms.md").read_text()
NAME = "security-hub"


def section(heading: str) -> str:
    """The text of a section."""
    [found] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def script(heading: str) -> str:
    """The commands of a section."""
    return "".join(re.findall(r"^```sh\n(.*?)^```", section(heading), re.DOTALL | re.MULTILINE))


def inbox(account: Account, topic: str) -> str:
    """Have a queue receive what is sent to a topic; its URL."""
    sns, sqs = account.client("sns", REGION), account.client("sqs", REGION)
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(document)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return str(queue)


def test_the_manifest_has_at_most_twelve_lines() -> None:
    manifest = script("3. Create the alarms").split("MANIFEST\n")[1]
    assert len(manifest.splitlines()) <= 12
    assert yaml.safe_load(manifest)["kind"] == "TrailAlarmSet"


@pytest.mark.long
def test_an_alarm_notifies_after_the_steps(
    install: Install,
    cluster: Sandbox,
    account: Account,
    trails: Trails,
    alarm_sets: AlarmSets,
    number: str,
    tmp_path: Path,
) -> None:
    namespace = install(watchNamespaces=[trails.namespace], clusterName="chart")
    group, bucket = account.log_group("events"), f"logs-{account.number}"
    account.open_bucket(bucket)
    spec = {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": account.role("logs", group)}
    trails.create(trail("audit", bucket, **spec))
    trails.wait_ready("audit")
    account.deliver()  # filters do not count what was delivered before them
    here = {
        "helm upgrade trail-operator ": f"helm upgrade chart-{number} ",
        "--namespace trail-operator ": f"--namespace {namespace} ",
        "--namespace security ": f"--namespace {trails.namespace} ",
        "--namespace security\n": f"--namespace {trails.namespace}\n",
    }
    steps = {heading: script(heading) for heading in re.findall(r"^## (.*)$", PAGE, re.MULTILINE)}
    for what, ours in here.items():
        steps = {heading: text.replace(what, ours) for heading, text in steps.items()}
    create, allow, apply = (steps[name] for name in steps if name[:1] in "123")
    shell = Shell(tmp_path, cluster.environment(), account.environment)
    shown = shell.run(f"{create}{allow}{apply}echo topic=$topic")
    assert re.search(rf"{NAME} +True +14 +InSync +audit", shown)
    [topic] = re.findall(r"^topic=(.*)$", shown, re.MULTILINE)
    assert alarm_sets.condition(NAME, "Advisory")["reason"] == "TopicWithoutSubscriber", "nobody has read the mail"
    sqs, queue = account.client("sqs", REGION), inbox(account, topic)
    shell.run(f"export AWS_REGION={REGION}\n{steps['4. Test the mail']}")
    name = (alarm_sets.get(NAME) or {})["status"]["namePrefix"] + "CloudTrailChanges"
    assert account.alarms(name)[name]["StateValue"] == "ALARM"
    account.deliver()  # alarms are evaluated, too
    assert account.alarms(name)[name]["StateValue"] == "OK"
    account.cloudtrail.stop_logging(Name="audit")

    def is_received() -> bool:
        account.deliver()
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return name in [json.loads(json.loads(one["Body"])["Message"])["AlarmName"] for one in received]

    eventually("a message of the alarm", is_received)
    shell.run(steps["An alarm of your own"])
    overrides = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", section("Too many mails"), re.DOTALL)[0])
    alarm_sets.change(NAME, **overrides)
    alarm_sets.wait_ready(NAME, 60)
    made = account.alarms((alarm_sets.get(NAME) or {})["status"]["namePrefix"])
    shown_as = {name.rsplit("/", 1)[1]: (alarm["Threshold"], alarm["ActionsEnabled"]) for name, alarm in made.items()}
    assert len(shown_as) == 15
    assert shown_as["UnauthorizedAPICalls"] == (25.0, True)
    assert shown_as["S3BucketPolicyChanges"] == (1.0, False)
