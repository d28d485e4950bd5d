"""`make demo`: installs the operator on a sandbox, and creates, breaks, repairs and deletes a trail.

Every step is checked in Kubernetes and AWS. The exit status is 0 only if all of them succeeded. Run from the root of
the repository. Knows the product only by its chart and its manifests.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from trail_sandbox import bucket
from trail_sandbox.binaries.cache import ProgramUnavailableError
from trail_sandbox.bucket import BUCKET, TRAIL
from trail_sandbox.demo_alarms import TOPIC_ARN, AlarmChapters
from trail_sandbox.demo_stage import DemoError, Stage
from trail_sandbox.sandbox import Sandbox, SandboxError

_INTRODUCTION = """\
The demo starts a Kubernetes API server and an emulated AWS on this machine, installs the operator with its Helm chart,
creates, breaks, repairs and deletes a trail, shows who broke it, and has an alarm say so. It takes a minute or two,
then removes everything. AWS is not used.
"""
_NEXT_STEPS = """
Every step succeeded, and everything is removed.

Next:
  make run                 run the operator of this checkout, and create Trails of your own
  docs/tutorial.md         from an empty EKS cluster to a Trail that is Ready
  examples/                manifests and policies to copy"""


class Demo:
    """The steps of the demo."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._alarms = AlarmChapters(stage)

    def run(self) -> None:
        """Run all steps."""
        self.make_bucket()
        self.install_operator()
        self.apply_trail()
        self.show_log_files()
        self.stop_logging_by_hand()
        self.break_bucket_policy()
        self.repair_bucket_policy()
        self.connect_event_queue()
        self._alarms.deliver_to_log_group()
        self._alarms.create()
        self.stop_logging_as_somebody()
        self._alarms.show_message()
        self._alarms.delete()
        self.delete_trail()

    def make_bucket(self) -> None:
        """Create a bucket for the logs, with the policy that CloudTrail needs."""
        self._stage.headline("Create a bucket with the policy of examples/bucket-policy.json")
        bucket.create(self._stage.endpoint)
        print(f"the policy of the bucket {BUCKET} lets CloudTrail write the logs of the trail {TRAIL}")

    def install_operator(self) -> None:
        """Install the chart, as a user does."""
        self._stage.headline("Install the operator with its Helm chart")
        self._stage.run(
            "helm install trail-operator charts/trail-operator --namespace trail-operator --create-namespace "
            "--set clusterName=demo --set resync=5s --wait --timeout 2m"
        )
        self._stage.run("kubectl --namespace trail-operator get deployments,pods")

    def apply_trail(self) -> None:
        """Apply a Trail and wait until it is Ready."""
        self._stage.headline("Create a Trail and wait until it is Ready")
        print(Path("examples/minimal.yaml").read_text())
        self._stage.run("kubectl apply -f examples/minimal.yaml")
        self._stage.run(f"kubectl wait --for=condition=Ready ctrail/{TRAIL} --timeout=60s")
        self._stage.run("kubectl get ctrail -o wide")
        status = self._stage.aws("cloudtrail").get_trail_status(Name=TRAIL)
        self._stage.expect(status["IsLogging"], "AWS reports that the trail is logging")

    def show_log_files(self) -> None:
        """Show what the trail has delivered to the bucket."""
        self._stage.headline("Read the log files that the trail delivers")
        keys = self._stage.wait_for("log files and a digest file in the bucket", self._delivered)
        for key in keys:
            print(f"s3://{BUCKET}/{key}")
        log = next(key for key in keys if "/CloudTrail/" in key)
        body = self._stage.aws("s3").get_object(Bucket=BUCKET, Key=log)["Body"].read()
        record = json.loads(gzip.decompress(body))["Records"][0]
        print(f"\nthe first event: {record['eventTime']} {record['eventSource']} {record['eventName']}")

    def stop_logging_by_hand(self) -> None:
        """Stop the trail in AWS; the operator restarts it and records an Event."""
        self._stage.headline("Stop the trail in AWS, as an attacker would")
        self._stage.aws("cloudtrail").stop_logging(Name=TRAIL)
        print("called StopLogging")
        self._stage.wait_for(
            "the trail is logging again",
            lambda: self._stage.aws("cloudtrail").get_trail_status(Name=TRAIL)["IsLogging"],
        )
        event = self._stage.wait_for("the Event DriftCorrected", lambda: self._event("DriftCorrected"))
        self._stage.run(f"kubectl get events --field-selector involvedObject.name={TRAIL},reason=DriftCorrected")
        self._stage.expect("isLogging" in event, "the Event names the field that had changed")

    def break_bucket_policy(self) -> None:
        """Remove CloudTrail's permission to write; the condition says which statement is missing."""
        self._stage.headline("Remove s3:PutObject from the bucket policy")
        policy = bucket.policy()
        policy["Statement"] = [entry for entry in policy["Statement"] if entry["Action"] != "s3:PutObject"]
        bucket.put_policy(self._stage.endpoint, policy)
        condition = self._stage.wait_for("Ready=False DeliveryFailing", lambda: self._ready("False", "DeliveryFailing"))
        self._stage.run("kubectl get ctrail -o wide")
        print(f"\n{condition['message']}")
        self._stage.expect("s3:PutObject" in condition["message"], "the message contains the missing statement")

    def repair_bucket_policy(self) -> None:
        """Restore the policy; the Trail becomes Ready again."""
        self._stage.headline("Restore the bucket policy")
        bucket.put_policy(self._stage.endpoint, bucket.policy())
        self._stage.wait_for("Ready=True Recording", lambda: self._ready("True", "Recording"))
        self._stage.run("kubectl get ctrail -o wide")

    def connect_event_queue(self) -> None:
        """Create an event queue with the templates of the examples, and have the operator use it."""
        self._stage.headline("Create an event queue, and compare trails with AWS only every 10 minutes")
        deploy = "aws cloudformation deploy --template-file examples/cloudformation"
        self._stage.run(f"{deploy}/events-hub.yaml --stack-name trail-operator-hub")
        outputs = self._stage.outputs("trail-operator-hub")
        bus, queue = outputs["EventBusArn"], outputs["QueueArn"]
        self._stage.run(
            f"{deploy}/events-member.yaml --stack-name trail-operator-events --capabilities CAPABILITY_IAM "
            f"--parameter-overrides EventBusArn={bus}"
        )
        since = len(self._stage.calls())
        self._stage.run(
            "helm upgrade trail-operator charts/trail-operator --namespace trail-operator "
            f"--set clusterName=demo --set resync=10m --set eventQueue={queue} --set driftAttribution=Full "
            f"--set allowedActionARNs[0]={TOPIC_ARN} --wait --timeout 2m"
        )
        begun = {"ReceiveMessage", "GetTrailStatus"}
        self._stage.wait_for(
            "the new operator has read the trail and receives events",
            lambda: begun <= {call["operation"] for call in self._stage.calls()[since:]},
        )

    def stop_logging_as_somebody(self) -> None:
        """Stop the trail as an IAM user; the operator restarts it at once and names the user."""
        self._stage.headline("Stop the trail as another identity, and see who it was")
        user = self._stop_as("mallory")
        print(f"called StopLogging as {user}")
        self._stage.wait_for(
            "the trail is logging again, long before the next comparison",
            lambda: self._stage.aws("cloudtrail").get_trail_status(Name=TRAIL)["IsLogging"],
        )
        event = self._stage.wait_for("an Event that names the user", lambda: self._event("DriftCorrected", user))
        print(f"\n{event}\n")
        self._stage.expect("StopLogging was called by" in event, "the Event names the call")
        caller = self._stage.wait_for("the user in status.lastDrift", lambda: self._changed_by(user))
        self._stage.run(f"kubectl get ctrail {TRAIL} -o jsonpath={{.status.lastDrift}}")
        print()
        self._stage.expect(
            {"sourceIPAddress", "eventTime"} <= caller.keys(), "status.lastDrift has the address and the time"
        )

    def delete_trail(self) -> None:
        """Delete the Trail, which deletes its trail in AWS."""
        self._stage.headline("Delete the Trail")
        self._stage.run("kubectl delete -f examples/minimal.yaml --timeout=60s")
        trails = self._stage.aws("cloudtrail").describe_trails()["trailList"]
        self._stage.expect(trails == [], "the trail is deleted in AWS, too")
        self._stage.expect(bool(self._keys()), f"the bucket keeps its {len(self._keys())} files")

    def _stop_as(self, name: str) -> str:
        """Stop the trail as a new IAM user; return the user's ARN."""
        iam = self._stage.aws("iam")
        arn: str = iam.create_user(UserName=name)["User"]["Arn"]
        statement = {"Effect": "Allow", "Action": "cloudtrail:StopLogging", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="stop", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        self._stage.run(f"aws cloudtrail stop-logging --name {TRAIL}", credentials)
        return arn

    def _keys(self) -> list[str]:
        return [entry["Key"] for entry in self._stage.aws("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def _delivered(self) -> list[str]:
        self._stage.deliver()
        keys = self._keys()
        both = any("/CloudTrail/" in key for key in keys) and any("/CloudTrail-Digest/" in key for key in keys)
        return keys if both else []

    def _event(self, reason: str, text: str = "") -> str:
        events = self._stage.get("events", "--field-selector", f"involvedObject.name={TRAIL},reason={reason}")["items"]
        return next((str(event["message"]) for event in events if text in event["message"]), "")

    def _changed_by(self, principal: str) -> dict[str, Any] | None:
        status = self._stage.get("trails.trail-operator.dev", TRAIL).get("status", {})
        caller: dict[str, Any] = status.get("lastDrift", {}).get("changedBy", {})
        return caller if caller.get("principal") == principal else None

    def _ready(self, status: str, reason: str) -> dict[str, Any] | None:
        conditions = self._stage.get("trails.trail-operator.dev", TRAIL).get("status", {}).get("conditions", [])
        wanted = ("Ready", status, reason)
        found = (entry for entry in conditions if (entry["type"], entry["status"], entry["reason"]) == wanted)
        return next(found, None)


def main() -> int:
    """Run the demo on a new sandbox."""
    sandbox = Sandbox("demo")
    print(_INTRODUCTION, flush=True)
    try:
        sandbox.up()
        Demo(Stage(sandbox)).run()
    except (DemoError, ProgramUnavailableError, SandboxError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    finally:
        sandbox.down()
    print(_NEXT_STEPS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
