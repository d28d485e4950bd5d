"""Prints the operator's figures, and the emulator's: `make benchmarks`.

The operator is measured from outside, as one process of the installed command.

Trails are spread over regions, since CloudTrail (and so the operator) makes one trail a second in each.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
import requests
from kubernetes import client, config, watch

from benchmarks import emulator
from trail_sandbox.sandbox import ACCOUNT_ID, Sandbox

GROUP, VERSION, PLURAL, NAMESPACE = "trail-operator.dev", "v1beta1", "trails", "default"
ROOT = Path(__file__).parents[1]
REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-central-1", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1"),
    *("ap-northeast-2", "ap-northeast-3"),
]
BUCKET = "benchmark-logs"
MANY = 200
TICKS = os.sysconf("SC_CLK_TCK")


class Operator:
    """The operator as a process, with what the operating system says of it."""

    def __init__(self, sandbox: Sandbox, *arguments: str) -> None:
        command = [str(Path(sys.executable).parent / "trail-operator"), "run", "--health-port", "0", *arguments]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        environment = {**os.environ, **sandbox.environment()}
        self._process = subprocess.Popen(command, env=environment, stderr=self._log)
        _until(lambda: b"watching Trails" in self._output(), "the operator watches")

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss(self) -> float:
        """Resident memory in MB."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        """SIGTERM."""
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def _output(self) -> bytes:
        return os.pread(self._log.fileno(), 1 << 20, 0)


class Bench:
    """One sandbox, and the operations that are measured."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._objects = client.CustomObjectsApi(config.new_client_from_config(str(sandbox.kubeconfig)))

    def prepare(self) -> None:
        """Definitions, a bucket that takes the logs of every trail of the account, no rates and quotas in AWS."""
        environment = {**os.environ, **self.sandbox.environment()}
        subprocess.run(["kubectl", "apply", "-f", str(ROOT / "crds")], env=environment, check=True, capture_output=True)
        established = ["kubectl", "wait", "--for=condition=Established", "crd/trails.trail-operator.dev"]
        subprocess.run(established, env=environment, check=True, capture_output=True)
        self.settings(quotas=False, rates=False)
        s3 = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.sandbox.aws_endpoint,
            aws_access_key_id=ACCOUNT_ID,
            aws_secret_access_key="sandbox",  # noqa: S106 - the emulator asks for none
        )
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(_bucket_policy()))

    def settings(self, **settings: bool) -> None:
        """How AWS bears itself."""
        requests.put(f"{self.sandbox.aws_endpoint}/_sandbox/settings", json=settings, timeout=10).raise_for_status()

    def create(self, number: int, **spec: Any) -> str:
        """Create one Trail, in the region of its number."""
        name = f"trail-{number:03d}"
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Trail",
            "metadata": {"name": name},
            "spec": {
                "s3BucketName": BUCKET,
                "region": REGIONS[number % len(REGIONS)],
                "isMultiRegionTrail": False,
                **spec,
            },
        }
        self._objects.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, manifest)
        return name

    def change(self, name: str, **spec: Any) -> None:
        """Change a Trail's spec."""
        self._objects.patch_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name, {"spec": spec})

    def delete(self, names: Iterable[str]) -> None:
        """Delete Trails and wait until they are gone."""
        for name in names:
            self._objects.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name)
        _until(lambda: not self._list(), "all Trails gone", 300)

    def wait_ready(self, names: Iterable[str]) -> None:
        """Wait, by one watch, until all these Trails are Ready for their present spec."""
        waiting = set(names)
        listed = self._objects.list_namespaced_custom_object
        for event in watch.Watch().stream(listed, GROUP, VERSION, NAMESPACE, PLURAL, timeout_seconds=600):
            body = event["object"]
            if _is_ready(body):
                waiting.discard(body["metadata"]["name"])
            if not waiting:
                return
        raise TimeoutError(f"not Ready: {sorted(waiting)}")

    def peek(self) -> list[str]:
        """The AWS requests since they were last forgotten."""
        return [f"{call['service']}:{call['operation']}" for call in self.recorded()]

    def recorded(self) -> list[dict[str, Any]]:
        """All that is on record of them."""
        found: list[dict[str, Any]] = requests.get(f"{self.sandbox.aws_endpoint}/_sandbox/calls", timeout=10).json()[
            "calls"
        ]
        return found

    def calls(self) -> list[str]:
        """The AWS requests since they were last forgotten; forgets them."""
        found = self.peek()
        requests.delete(f"{self.sandbox.aws_endpoint}/_sandbox/calls", timeout=10).raise_for_status()
        return found

    def _list(self) -> list[Any]:
        answer = self._objects.list_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL)
        return list(answer["items"])


def latency(bench: Bench) -> None:
    """Seconds from the API server's answer to a created Trail until a watch shows it Ready."""
    operator = Operator(bench.sandbox)
    warm = [bench.create(number) for number in range(len(REGIONS))]  # a client is made on first use of a region
    bench.wait_ready(warm)
    time.sleep(1.1)  # the rate of one CreateTrail a second in each region is not what is measured here
    seconds = []
    for number in range(20, 40):
        begin = time.monotonic()
        bench.wait_ready([bench.create(number)])
        seconds.append(time.monotonic() - begin)
    print(
        f"apply to Ready, 20 trails one after the other: median {statistics.median(seconds) * 1000:.0f} ms, "
        f"min {min(seconds) * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms"
    )
    bench.delete([*warm, *(f"trail-{number:03d}" for number in range(20, 40))])
    operator.stop()


def calls(bench: Bench) -> None:
    """AWS requests for each thing that can happen to a trail; the operator's first question to STS is not counted."""
    operator = Operator(bench.sandbox, "--resync", "4s")
    warm = bench.create(1)
    bench.wait_ready([warm])
    bench.delete([warm])
    bench.calls()
    name = bench.create(2)
    bench.wait_ready([name])
    _show("create", bench.calls())
    _until(lambda: "cloudtrail:GetTrailStatus" in bench.peek(), "a resync")
    time.sleep(0.5)  # its reads come together
    _show("no-op", bench.calls())
    bench.change(name, s3KeyPrefix="logs")
    bench.wait_ready([name])
    _show("update", bench.calls())
    bench.delete([name])
    _show("delete", bench.calls())
    operator.stop()


def footprint(bench: Bench) -> None:
    """CPU for each created trail, and memory with 1 and with many trails."""
    operator = Operator(bench.sandbox)
    bench.wait_ready([bench.create(0)])
    one, before = operator.rss(), operator.cpu()
    begin = time.monotonic()
    names = [bench.create(number) for number in range(1, MANY + 1)]
    bench.wait_ready(names)
    seconds, cpu = time.monotonic() - begin, operator.cpu() - before
    print(f"{MANY} trails at once: all Ready after {seconds:.1f} s, {cpu / MANY * 1000:.1f} ms CPU a trail")
    print(f"memory (RSS): {one:.0f} MB at 1 trail, {operator.rss():.0f} MB at {MANY + 1}")
    bench.delete(["trail-000", *names])
    operator.stop()


def burst(bench: Bench) -> None:
    """Fifty trails at once under AWS's rates and quotas, five in each of ten regions.

    AWS allows one CreateTrail a second in a region: the fifth may begin four seconds after the first, and it is started
    after that. Nothing can be faster than that.
    """
    bench.settings(quotas=True, rates=True)
    operator = Operator(bench.sandbox)
    bench.calls()
    regions, each = REGIONS[:10], 5
    begin = time.monotonic()
    names = [bench.create(number, region=region) for number, region in enumerate(regions * each)]
    applied = time.monotonic() - begin
    bench.wait_ready(names)
    seconds, best = time.monotonic() - begin, float(each - 1)
    throttled = sum(call["error"] == "ThrottlingException" for call in bench.recorded())
    print(
        f"{len(names)} trails in {len(regions)} regions under AWS's rates: all Ready after {seconds:.1f} s "
        f"(the last applied after {applied:.1f} s), {seconds / best:.2f} times the {best:.0f} s that the rates "
        f"allow at best; {throttled} throttled"
    )
    bench.delete(names)
    operator.stop()
    bench.settings(quotas=False, rates=False)


def main() -> None:
    """All figures, on a sandbox of their own."""
    emulator.throughput()
    sandbox = Sandbox("benchmarks")
    try:
        sandbox.up()
        bench = Bench(sandbox)
        bench.prepare()
        latency(bench)
        calls(bench)
        burst(bench)
        footprint(bench)
    finally:
        sandbox.down()


def _show(what: str, made: list[str]) -> None:
    print(f"AWS calls, {what}: {len(made)} ({', '.join(made)})")


def _is_ready(body: dict[str, Any]) -> bool:
    status = body.get("status", {})
    if status.get("observedGeneration") != body["metadata"]["generation"]:
        return False
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions", []))


def _until(check: Callable[[], Any], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


def _bucket_policy() -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT_ID}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


if __name__ == "__main__":
    main()
