"""`make demo`: the whole story on one machine, from an empty cluster to a trail that logs, heals and tells the truth.

Every step is checked by looking at Kubernetes and AWS; the demo ends with exit status 0 only if all were seen to
happen. Run from the root of the repository. Knows the product by its chart and its manifests only.
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

import boto3
import requests

from trail_sandbox.sandbox import ACCOUNT_ID, REGION, Sandbox

TRAIL, BUCKET = "audit", "example-audit-logs"
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2


class DemoError(Exception):
    """A step that was not seen to happen."""


class Demo:
    """The story, step by step."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._environment = {**os.environ, **sandbox.environment()}
        self._step = 0

    def tell(self) -> None:
        """All of it, in order."""
        self.make_bucket()
        self.install_operator()
        self.apply_trail()
        self.show_log_files()
        self.stop_logging_by_hand()
        self.break_bucket_policy()
        self.mend_bucket_policy()
        self.delete_trail()

    def make_bucket(self) -> None:
        """A bucket for the logs, with the policy that CloudTrail needs."""
        self._headline("A bucket in AWS, with the bucket policy of examples/bucket-policy.json")
        self._aws("s3").create_bucket(Bucket=BUCKET)
        self._put_policy(self._policy())
        print(f"bucket {BUCKET} is there, and its policy lets CloudTrail write for the trail {TRAIL!r}")

    def install_operator(self) -> None:
        """The chart, as a user installs it."""
        self._headline("The operator, by its Helm chart")
        self._run(
            "helm install trail-operator charts/trail-operator --namespace trail-operator --create-namespace "
            "--set resync=5s --wait --timeout 2m"
        )
        self._run("kubectl --namespace trail-operator get deployments,pods")

    def apply_trail(self) -> None:
        """A Trail, from the manifest to Ready."""
        self._headline("A Trail: kubectl apply, until Ready")
        print(Path("examples/minimal.yaml").read_text())
        self._run("kubectl apply -f examples/minimal.yaml")
        self._run(f"kubectl wait --for=condition=Ready ctrail/{TRAIL} --timeout=60s")
        self._run("kubectl get ctrail -o wide")
        status = self._aws("cloudtrail").get_trail_status(Name=TRAIL)
        self._expect(status["IsLogging"], "AWS says that the trail is logging")

    def show_log_files(self) -> None:
        """What the trail has recorded, from the bucket."""
        self._headline("What the trail delivers")
        keys = self._seen("log files and a digest file in the bucket", self._delivered)
        for key in keys:
            print(f"s3://{BUCKET}/{key}")
        log = next(key for key in keys if "/CloudTrail/" in key)
        body = self._aws("s3").get_object(Bucket=BUCKET, Key=log)["Body"].read()
        record = json.loads(gzip.decompress(body))["Records"][0]
        print(f"\nits first event: {record['eventTime']} {record['eventSource']} {record['eventName']}")

    def stop_logging_by_hand(self) -> None:
        """Somebody silences the audit log; the operator notices and says so."""
        self._headline("Logging stopped behind the operator's back")
        self._aws("cloudtrail").stop_logging(Name=TRAIL)
        print("StopLogging was called in AWS, as an attacker would")
        self._seen("logging again", lambda: self._aws("cloudtrail").get_trail_status(Name=TRAIL)["IsLogging"])
        event = self._seen("the Event that tells of it", lambda: self._event("DriftCorrected"))
        self._run(f"kubectl get events --field-selector involvedObject.name={TRAIL},reason=DriftCorrected")
        self._expect("isLogging was false" in event, "the Event says what had changed")

    def break_bucket_policy(self) -> None:
        """A policy that no longer lets CloudTrail write: the condition says what is missing."""
        self._headline("A bucket policy that no longer lets CloudTrail write")
        policy = self._policy()
        policy["Statement"] = [entry for entry in policy["Statement"] if entry["Action"] != "s3:PutObject"]
        self._put_policy(policy)
        condition = self._seen("Ready=False DeliveryFailing", lambda: self._ready("False", "DeliveryFailing"))
        self._run("kubectl get ctrail -o wide")
        print(f"\n{condition['message']}")
        self._expect("s3:PutObject" in condition["message"], "the message prints the missing statement")

    def mend_bucket_policy(self) -> None:
        """The policy mended: Ready follows by itself."""
        self._headline("The bucket policy mended")
        self._put_policy(self._policy())
        self._seen("Ready=True Recording", lambda: self._ready("True", "Recording"))
        self._run("kubectl get ctrail -o wide")

    def delete_trail(self) -> None:
        """The Trail deleted, and its trail with it."""
        self._headline("The Trail deleted")
        self._run("kubectl delete -f examples/minimal.yaml --timeout=60s")
        trails = self._aws("cloudtrail").describe_trails()["trailList"]
        self._expect(trails == [], "AWS has no trail any more; the log files stay in the bucket")
        self._expect(bool(self._keys()), f"{len(self._keys())} files are in the bucket")

    # -- how

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

    def _expect(self, truth: Any, what: str) -> None:
        if not truth:
            raise DemoError(f"not seen: {what}")
        print(what)

    def _seen(self, what: str, look: Callable[[], Any]) -> Any:
        begin = time.monotonic()
        while not (found := look()):
            if time.monotonic() - begin > _PATIENCE_SECONDS:
                raise DemoError(f"not seen within {_PATIENCE_SECONDS:.0f} s: {what}")
            time.sleep(_POLL_SECONDS)
        print(f"seen after {time.monotonic() - begin:.1f} s: {what}", flush=True)
        return found

    def _aws(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=REGION,
            endpoint_url=self._sandbox.aws_endpoint,
            aws_access_key_id=ACCOUNT_ID,
            aws_secret_access_key="sandbox",  # noqa: S106 - the emulator asks for none
        )

    def _policy(self) -> dict[str, Any]:
        text = Path("examples/bucket-policy.json").read_text()
        for placeholder, value in {"ACCOUNT": ACCOUNT_ID, "REGION": REGION, "TRAIL": TRAIL, "BUCKET": BUCKET}.items():
            text = text.replace(placeholder, value)
        policy: dict[str, Any] = json.loads(text)
        return policy

    def _put_policy(self, policy: dict[str, Any]) -> None:
        self._aws("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

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
    """Bring a sandbox up, tell the story, take all down."""
    sandbox = Sandbox("demo")
    print("bringing up Kubernetes and AWS on this machine", flush=True)
    begin = time.monotonic()
    try:
        sandbox.up()
        print(f"both answer, after {time.monotonic() - begin:.1f} s")
        Demo(sandbox).tell()
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    finally:
        sandbox.down()
    print("\nAll of it was seen to happen, and everything is taken down again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
