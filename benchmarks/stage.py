"""The operator as a process, and the sandbox that it is measured on. Everything is measured from outside."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import boto3
import requests
from kubernetes import client, config, watch

from trail_sandbox import ports
from trail_sandbox.sandbox import ACCOUNT_ID, Sandbox

GROUP, VERSION, PLURAL, NAMESPACE = "trail-operator.dev", "v1beta1", "trails", "default"
ROOT = Path(__file__).parents[1]
REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-central-1", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1"),
    *("ap-northeast-2", "ap-northeast-3"),
]
BUCKET = "benchmark-logs"
TICKS = os.sysconf("SC_CLK_TCK")


class Operator:
    """The operator as a process, with its CPU time and memory."""

    def __init__(self, sandbox: Sandbox, *arguments: str) -> None:
        """Start it and wait until it reports that it is ready."""
        port = str(ports.choose(["health"])["health"])
        program = str(Path(sys.executable).parent / "trail-operator")
        command = [program, "run", "--health-host", ports.LOOPBACK, "--health-port", port, *arguments]
        self._ready = f"http://{ports.LOOPBACK}:{port}/readyz"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        environment = {**os.environ, **sandbox.environment()}
        self._process = subprocess.Popen(command, env=environment, stderr=self._log)
        until(self._is_ready, "the operator is ready")

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self._process.poll() is None

    def cpu(self) -> float:
        """Return the CPU time so far, in seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss(self) -> float:
        """Return the resident memory in MB."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def __enter__(self) -> "Operator":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it with SIGTERM."""
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        self.stop()

    def output(self) -> bytes:
        """Return its log."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0)

    def _is_ready(self) -> bool:
        try:
            return requests.get(self._ready, timeout=5).status_code == requests.codes.ok
        except requests.ConnectionError:
            return False


class Bench:
    """A sandbox, and the operations that are measured on it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._objects = client.CustomObjectsApi(config.new_client_from_config(str(sandbox.kubeconfig)))

    def prepare(self) -> None:
        """Apply the CRDs, create a bucket for all trails of the account, and turn off AWS's rates and quotas."""
        environment = {**os.environ, **self.sandbox.environment()}
        subprocess.run(["kubectl", "apply", "-f", str(ROOT / "crds")], env=environment, check=True, capture_output=True)
        established = ["kubectl", "wait", "--for=condition=Established", "crd", "--all"]
        until(
            lambda: subprocess.run(established, env=environment, check=False, capture_output=True).returncode == 0,
            "the definitions are established",
        )
        self.settings(quotas=False, rates=False)
        s3 = aws_client(self.sandbox.aws_endpoint, "s3", "us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket_policy(BUCKET, ACCOUNT_ID)))

    def settings(self, **settings: bool) -> None:
        """Change settings of the emulated AWS."""
        requests.put(f"{self.sandbox.aws_endpoint}/_sandbox/settings", json=settings, timeout=10).raise_for_status()

    def create(self, number: int, **spec: Any) -> str:
        """Create a Trail in the region of its number; return its name."""
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
        """Delete Trails and wait until none is left."""
        for name in names:
            self._objects.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, name)
        until(lambda: not self._list(), "all Trails gone", 300)

    def wait_ready(self, names: Iterable[str]) -> None:
        """Wait, with one watch, until all these Trails are Ready for their current spec."""
        waiting = set(names)
        for body in self.watch(seconds=600):
            if is_ready(body):
                waiting.discard(body["metadata"]["name"])
            if not waiting:
                return
        raise TimeoutError(f"not Ready: {sorted(waiting)}")

    def peek(self) -> list[str]:
        """Return the AWS calls since the last `calls`, as service:operation."""
        return [f"{call['service']}:{call['operation']}" for call in self.recorded()]

    def recorded(self) -> list[dict[str, Any]]:
        """Return the AWS calls since the last `calls`, as the emulator recorded them."""
        found: list[dict[str, Any]] = requests.get(f"{self.sandbox.aws_endpoint}/_sandbox/calls", timeout=10).json()[
            "calls"
        ]
        return found

    def calls(self) -> list[str]:
        """Return the AWS calls since the last `calls`, and forget them."""
        found = self.peek()
        requests.delete(f"{self.sandbox.aws_endpoint}/_sandbox/calls", timeout=10).raise_for_status()
        return found

    def watch(self, seconds: int) -> Iterator[dict[str, Any]]:
        """Yield the Trails, and then every change of one."""
        listed = self._objects.list_namespaced_custom_object
        for event in watch.Watch().stream(listed, GROUP, VERSION, NAMESPACE, PLURAL, timeout_seconds=seconds):
            yield event["object"]

    def _list(self) -> list[Any]:
        answer = self._objects.list_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL)
        return list(answer["items"])


class Watcher:
    """Passes each Trail, and then every change of one, to a function, from a thread."""

    def __init__(self, bench: Bench, see: Callable[[dict[str, Any]], None], *, seconds: int) -> None:
        """`seconds`: how long one watch lasts. Each lists all Trails again."""
        self._bench = bench
        self._see = see
        self._seconds = seconds
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.is_set():
            with suppress(client.ApiException):  # a busy API server may need longer to start the watch
                for body in self._bench.watch(self._seconds):
                    self._see(body)


@contextmanager
def new_sandbox(name: str) -> Iterator[Bench]:
    """Start a sandbox without what an interrupted run left, prepare it, and remove it afterwards."""
    sandbox = Sandbox(name)
    sandbox.down()
    try:
        sandbox.up()
        bench = Bench(sandbox)
        bench.prepare()
        yield bench
    finally:
        sandbox.down()


def aws_client(endpoint: str, service: str, region: str, account: str = ACCOUNT_ID, **options: Any) -> Any:
    """Return a boto3 client for an account of the emulated AWS. May be called in any thread."""
    # A session for each client: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading
    session: Any = boto3.Session(
        aws_access_key_id=account,
        aws_secret_access_key="sandbox",  # noqa: S106 - the emulator checks no secret
        region_name=region,
    )
    return session.client(service, endpoint_url=endpoint, **options)


def is_ready(body: dict[str, Any]) -> bool:
    """Whether a resource is Ready for its current spec."""
    status = body.get("status", {})
    if status.get("observedGeneration") != body["metadata"]["generation"]:
        return False
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions", []))


def until(check: Callable[[], Any], what: str, seconds: float = 60, *, every: float = 0.05) -> None:
    """Wait until a check is true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(every)


def bucket_policy(bucket: str, account: str) -> dict[str, Any]:
    """Return a policy that lets CloudTrail deliver to a bucket for an account."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
