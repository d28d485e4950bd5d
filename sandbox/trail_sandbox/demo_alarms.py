"""The chapters of the demo about alarms: a TrailAlarmSet, and what an alarm sends when somebody stops the trail."""

import json
from pathlib import Path
from typing import Any

from trail_sandbox.bucket import TRAIL
from trail_sandbox.demo_stage import Stage
from trail_sandbox.sandbox import ACCOUNT_ID, REGION

TOPIC, QUEUE, GROUP, ROLE = "example-alarms", "on-call", "example-audit-logs", "example-audit-logs"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:{TOPIC}"
_ALARMS = 14
_SET = "security-hub"  # of examples/alarms.yaml
_SHOWN = ("AlarmName", "AlarmDescription", "OldStateValue", "NewStateValue", "NewStateReason", "StateChangeTime")


class AlarmChapters:
    """Creates alarms, shows what one of them sends, and deletes them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._queue_url = ""

    def deliver_to_log_group(self) -> None:
        """Have the trail deliver its events to a log group, too."""
        self._stage.headline("Deliver the trail's events to a log group, too")
        self._stage.aws("logs").create_log_group(logGroupName=GROUP)
        iam = self._stage.aws("iam")
        trust, permissions = _example("role-trust-policy.json"), _example("role-policy.json")
        role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(RoleName=ROLE, PolicyName="logs", PolicyDocument=permissions)
        print(f"the role {ROLE} with examples/role-policy.json lets CloudTrail write to the log group {GROUP}")
        group = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{GROUP}"
        spec = {"cloudWatchLogsLogGroupARN": group, "cloudWatchLogsRoleARN": role}
        patch = json.dumps({"spec": spec}, separators=(",", ":"))
        self._stage.run(f"kubectl patch ctrail {TRAIL} --type merge --patch {patch}")
        self._stage.wait_for("AWS reports the log group", self._has_log_group)
        self._stage.run(f"kubectl wait --for=condition=Ready ctrail/{TRAIL} --timeout=60s")

    def create(self) -> None:
        """Create the alarms that Security Hub requires."""
        self._stage.headline(f"Create the {_ALARMS} alarms that AWS Security Hub requires")
        self._subscribe_queue()
        # What happened until now is no alarm's: events count that come after a metric filter.
        self._stage.deliver()
        manifest = _manifest()
        print(manifest)
        self._stage.run("kubectl apply -f -", text=manifest)
        self._stage.run(f"kubectl wait --for=condition=Ready tas/{_SET} --timeout=60s")
        self._stage.run("kubectl get tas")
        found = self._alarms()
        self._stage.expect(len(found) == _ALARMS, f"AWS has {_ALARMS} alarms, such as {found[0]['AlarmName']}")
        self._stage.wait_for("the alarm CloudTrailChanges is OK", lambda: self._state() == "OK")

    def show_message(self) -> None:
        """Show what the alarm has sent to the topic."""
        self._stage.headline("Receive the alarm that somebody changed the trail")
        message = self._stage.wait_for(f"a message in the queue {QUEUE}", self._message)
        print()
        for name in _SHOWN:
            print(f"{name}: {message[name]}")
        self._stage.expect(self._state() == "ALARM", "\nthe alarm CloudTrailChanges is in ALARM")

    def delete(self) -> None:
        """Delete the set, which deletes its filters and alarms in AWS."""
        self._stage.headline("Delete the alarms")
        self._stage.run(f"kubectl delete tas {_SET} --timeout=60s")
        filters = self._stage.aws("logs").describe_metric_filters(logGroupName=GROUP)["metricFilters"]
        self._stage.expect((self._alarms(), filters) == ([], []), "alarms and metric filters are deleted in AWS, too")

    def _subscribe_queue(self) -> None:
        """Create a topic for alarms with a queue that receives what is sent to it."""
        sns, sqs = self._stage.aws("sns"), self._stage.aws("sqs")
        sns.create_topic(Name=TOPIC)
        self._queue_url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{QUEUE}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC_ARN}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self._queue_url, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=TOPIC_ARN, Protocol="sqs", Endpoint=arn)
        print(f"the queue {QUEUE} receives what is sent to the topic {TOPIC}, which the operator allows alarms to use")
        print(f"(--set allowedActionARNs[0]={TOPIC_ARN})\n")

    def _has_log_group(self) -> bool:
        trail = self._stage.aws("cloudtrail").get_trail(Name=TRAIL)["Trail"]
        return GROUP in trail.get("CloudWatchLogsLogGroupArn", "")

    def _alarms(self) -> list[dict[str, Any]]:
        return list(self._stage.aws("cloudwatch").describe_alarms()["MetricAlarms"])

    def _state(self) -> str:
        [found] = [one for one in self._alarms() if one["AlarmName"].endswith("/CloudTrailChanges")]
        return str(found["StateValue"])

    def _message(self) -> dict[str, Any] | None:
        """Return the message of the alarm; others may be in the queue, for example about IAM policies."""
        self._stage.deliver()
        received = self._stage.aws("sqs").receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)
        messages = [json.loads(json.loads(one["Body"])["Message"]) for one in received.get("Messages", [])]
        return next((one for one in messages if one["AlarmName"].endswith("/CloudTrailChanges")), None)


def _manifest() -> str:
    """Return the set of `examples/alarms.yaml`, without its comments, for the demo's trail."""
    lines = [line for line in Path("examples/alarms.yaml").read_text().splitlines() if not line.startswith("#")]
    return "\n".join(lines).replace("audit-complete", TRAIL) + "\n"


def _example(name: str) -> str:
    """Return a policy of `examples/`, filled in."""
    text = (Path("examples") / name).read_text()
    for placeholder, value in {"ACCOUNT": ACCOUNT_ID, "REGION": REGION, "GROUP": GROUP}.items():
        text = text.replace(placeholder, value)
    return text
