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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from trail_sandbox import bucket
from trail_sandbox.binaries.cache import ProgramUnavailableError
from trail_sandbox.bucket import BUCKET, TRAIL
from trail_sandbox.sandbox import Sandbox, SandboxError

_INTRODUCTION = """\
The demo starts a Kubernetes API server and an emulated AWS on this machine, installs the operator with its Helm chart,
and creates, breaks, repairs and deletes a trail. It takes about a minute, then removes everything. AWS is not used.
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
        self._environment = {**os.environ, **sandbox.environment()}
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

    def _run(self, command: str) -> str:
        print(f"$ {command}", flush=True)
        done = subprocess.run(command.split(), env=self._environment, capture_output=True, text=True, check=False)
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

    def _event(self, reason: str) -> str:
        events = self._get("events", "--field-selector", f"involvedObject.name={TRAIL},reason={reason}")["items"]
        return str(events[0]["message"]) if events else ""

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
