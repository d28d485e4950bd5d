"""`make demo`: installs the operator on a sandbox, and creates, breaks, repairs and deletes a trail.

Every step is checked in Kubernetes and AWS. The exit status is 0 only if all of them succeeded. Run from the root of
the repository. Knows the product only by its chart and its manifests.
"""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from trail_sandbox import bucket
from trail_sandbox.binaries.cache import ProgramUnavailableError
from trail_sandbox.bucket import BUCKET, TRAIL
from trail_sandbox.sandbox import Sandbox, SandboxError

_INTRODUCTION = """\
The demo starts a Kubernetes API server and an emulated AWS on this machine, installs the operator with its Helm chart,
creates, breaks, repairs and deletes a trail, and shows who broke it. It takes a minute or two, then removes everything.
AWS is not used.
"""
_NEXT_STEPS = """
Every step succeeded, and everything is removed.

Next:
  make run                 run the operator of this checkout, and create Trails of your own
  docs/tutorial.md         from an empty EKS cluster to a Trail that is Ready
  examples/                manifests and policies to copy"""
_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.2


class DemoError(Exception):
    """A step failed, or its result did not appear in time."""


class Demo:
    """The steps of the demo."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        environment = {**os.environ, **sandbox.environment()}
        # The AWS CLI of this checkout.
        self._environment = environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"}
        self._step = 0

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
        self.stop_logging_as_somebody()
        self.delete_trail()

    def make_bucket(self) -> None:
        """Create a bucket for the logs, with the policy that CloudTrail needs."""
        self._headline("Create a bucket with the policy of examples/bucket-policy.json")
        bucket.create(self._sandbox.aws_endpoint)
        print(f"the policy of the bucket {BUCKET} lets CloudTrail write the logs of the trail {TRAIL}")

    def install_operator(self) -> None:
        """Install the chart, as a user does."""
        self._headline("Install the operator with its Helm chart")
        self._run(
            "helm install trail-operator charts/trail-operator --namespace trail-operator --create-namespace "
            "--set resync=5s --wait --timeout 2m"
        )
        self._run("kubectl --namespace trail-operator get deployments,pods")

    def apply_trail(self) -> None:
        """Apply a Trail and wait until it is Ready."""
        self._headline("Create a Trail and wait until it is Ready")
        print(Path("examples/minimal.yaml").read_text())
        self._run("kubectl apply -f examples/minimal.yaml")
        self._run(f"kubectl wait --for=condition=Ready ctrail/{TRAIL} --timeout=60s")
        self._run("kubectl get ctrail -o wide")
        status = self._aws("cloudtrail").get_trail_status(Name=TRAIL)
        self._expect(status["IsLogging"], "AWS reports that the trail is logging")

    def show_log_files(self) -> None:
        """Show what the trail has delivered to the bucket."""
        self._headline("Read the log files that the trail delivers")
        keys = self._wait_for("log files and a digest file in the bucket", self._delivered)
        for key in keys:
            print(f"s3://{BUCKET}/{key}")
        log = next(key for key in keys if "/CloudTrail/" in key)
        body = self._aws("s3").get_object(Bucket=BUCKET, Key=log)["Body"].read()
        record = json.loads(gzip.decompress(body))["Records"][0]
        print(f"\nthe first event: {record['eventTime']} {record['eventSource']} {record['eventName']}")

    def stop_logging_by_hand(self) -> None:
        """Stop the trail in AWS; the operator restarts it and records an Event."""
        self._headline("Stop the trail in AWS, as an attacker would")
        self._aws("cloudtrail").stop_logging(Name=TRAIL)
        print("called StopLogging")
        self._wait_for(
            "the trail is logging again", lambda: self._aws("cloudtrail").get_trail_status(Name=TRAIL)["IsLogging"]
        )
        event = self._wait_for("the Event DriftCorrected", lambda: self._event("DriftCorrected"))
        self._run(f"kubectl get events --field-selector involvedObject.name={TRAIL},reason=DriftCorrected")
        self._expect("isLogging" in event, "the Event names the field that had changed")

    def break_bucket_policy(self) -> None:
        """Remove CloudTrail's permission to write; the condition says which statement is missing."""
        self._headline("Remove s3:PutObject from the bucket policy")
        policy = bucket.policy()
        policy["Statement"] = [entry for entry in policy["Statement"] if entry["Action"] != "s3:PutObject"]
        bucket.put_policy(self._sandbox.aws_endpoint, policy)
        condition = self._wait_for("Ready=False DeliveryFailing", lambda: self._ready("False", "DeliveryFailing"))
        self._run("kubectl get ctrail -o wide")
        print(f"\n{condition['message']}")
        self._expect("s3:PutObject" in condition["message"], "the message contains the missing statement")

    def repair_bucket_policy(self) -> None:
        """Restore the policy; the Trail becomes Ready again."""
        self._headline("Restore the bucket policy")
        bucket.put_policy(self._sandbox.aws_endpoint, bucket.policy())
        self._wait_for("Ready=True Recording", lambda: self._ready("True", "Recording"))
        self._run("kubectl get ctrail -o wide")

    def connect_event_queue(self) -> None:
        """Create an event queue with the templates of the examples, and have the operator use it."""
        self._headline("Create an event queue, and compare trails with AWS only every 10 minutes")
        deploy = "aws cloudformation deploy --template-file examples/cloudformation"
        self._run(f"{deploy}/events-hub.yaml --stack-name trail-operator-hub")
        outputs = self._outputs("trail-operator-hub")
        bus, queue = outputs["EventBusArn"], outputs["QueueArn"]
        self._run(
            f"{deploy}/events-member.yaml --stack-name trail-operator-events --capabilities CAPABILITY_IAM "
            f"--parameter-overrides EventBusArn={bus}"
        )
        since = len(self._calls())
        self._run(
            "helm upgrade trail-operator charts/trail-operator --namespace trail-operator "
            f"--set resync=10m --set eventQueue={queue} --set driftAttribution=Full --wait --timeout 2m"
        )
        begun = {"ReceiveMessage", "GetTrailStatus"}
        self._wait_for(
            "the new operator has read the trail and receives events",
            lambda: begun <= {call["operation"] for call in self._calls()[since:]},
        )

    def stop_logging_as_somebody(self) -> None:
        """Stop the trail as an IAM user; the operator restarts it at once and names the user."""
        self._headline("Stop the trail as another identity, and see who it was")
        user = self._stop_as("mallory")
        print(f"called StopLogging as {user}")
        self._wait_for(
            "the trail is logging again, long before the next comparison",
            lambda: self._aws("cloudtrail").get_trail_status(Name=TRAIL)["IsLogging"],
        )
        event = self._wait_for("an Event that names the user", lambda: self._event("DriftCorrected", user))
        print(f"\n{event}\n")
        self._expect("StopLogging was called by" in event, "the Event names the call")
        caller = self._wait_for("the user in status.lastDrift", lambda: self._changed_by(user))
        self._run(f"kubectl get ctrail {TRAIL} -o jsonpath={{.status.lastDrift}}")
        print()
        self._expect({"sourceIPAddress", "eventTime"} <= caller.keys(), "status.lastDrift has the address and the time")

    def delete_trail(self) -> None:
        """Delete the Trail, which deletes its trail in AWS."""
        self._headline("Delete the Trail")
        self._run("kubectl delete -f examples/minimal.yaml --timeout=60s")
        trails = self._aws("cloudtrail").describe_trails()["trailList"]
        self._expect(trails == [], "the trail is deleted in AWS, too")
        self._expect(bool(self._keys()), f"the bucket keeps its {len(self._keys())} files")

    def _headline(self, text: str) -> None:
        self._step += 1
        print(f"\n=== {self._step}. {text}\n", flush=True)

    def _run(self, command: str, variables: Mapping[str, str] | None = None) -> str:
        print(f"$ {command}", flush=True)
        environment = {**self._environment, **(variables or {})}
        done = subprocess.run(command.split(), env=environment, capture_output=True, text=True, check=False)
        print(done.stdout, end="", flush=True)
        if done.returncode != 0:
            raise DemoError(f"{command}: exit status {done.returncode}: {done.stderr}")
        return done.stdout

    def _expect(self, condition: Any, what: str) -> None:
        if not condition:
            raise DemoError(f"expected: {what}")
        print(what)

    def _wait_for(self, what: str, check: Callable[[], Any]) -> Any:
        begin = time.monotonic()
        while not (found := check()):
            if time.monotonic() - begin > _TIMEOUT_SECONDS:
                raise DemoError(f"expected within {_TIMEOUT_SECONDS:.0f} s: {what}")
            time.sleep(_POLL_SECONDS)
        print(f"after {time.monotonic() - begin:.1f} s: {what}", flush=True)
        return found

    def _aws(self, service: str) -> Any:
        return bucket.client(self._sandbox.aws_endpoint, service)

    def _stop_as(self, name: str) -> str:
        """Stop the trail as a new IAM user; return the user's ARN."""
        iam = self._aws("iam")
        arn: str = iam.create_user(UserName=name)["User"]["Arn"]
        statement = {"Effect": "Allow", "Action": "cloudtrail:StopLogging", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="stop", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        self._run(f"aws cloudtrail stop-logging --name {TRAIL}", credentials)
        return arn

    def _keys(self) -> list[str]:
        return [entry["Key"] for entry in self._aws("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def _delivered(self) -> list[str]:
        requests.post(f"{self._sandbox.aws_endpoint}/_sandbox/deliver", timeout=30).raise_for_status()
        keys = self._keys()
        both = any("/CloudTrail/" in key for key in keys) and any("/CloudTrail-Digest/" in key for key in keys)
        return keys if both else []

    def _get(self, *arguments: str) -> Any:
        done = subprocess.run(
            ["kubectl", "get", *arguments, "-o", "json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def _event(self, reason: str, text: str = "") -> str:
        events = self._get("events", "--field-selector", f"involvedObject.name={TRAIL},reason={reason}")["items"]
        return next((str(event["message"]) for event in events if text in event["message"]), "")

    def _changed_by(self, principal: str) -> dict[str, Any] | None:
        status = self._get("trails.trail-operator.dev", TRAIL).get("status", {})
        caller: dict[str, Any] = status.get("lastDrift", {}).get("changedBy", {})
        return caller if caller.get("principal") == principal else None

    def _outputs(self, stack: str) -> dict[str, str]:
        [found] = self._aws("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def _calls(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self._sandbox.aws_endpoint}/_sandbox/calls", timeout=30)
        answer.raise_for_status()
        return list(answer.json()["calls"])

    def _ready(self, status: str, reason: str) -> dict[str, Any] | None:
        conditions = self._get("trails.trail-operator.dev", TRAIL).get("status", {}).get("conditions", [])
        wanted = ("Ready", status, reason)
        found = (entry for entry in conditions if (entry["type"], entry["status"], entry["reason"]) == wanted)
        return next(found, None)


def main() -> int:
    """Run the demo on a new sandbox."""
    sandbox = Sandbox("demo")
    print(_INTRODUCTION, flush=True)
    try:
        sandbox.up()
        Demo(sandbox).run()
    except (DemoError, ProgramUnavailableError, SandboxError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    finally:
        sandbox.down()
    print(_NEXT_STEPS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
