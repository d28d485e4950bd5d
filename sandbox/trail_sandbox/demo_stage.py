"""What the chapters of the demo are made of: commands that are shown, and conditions that are awaited."""

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
from trail_sandbox.sandbox import Sandbox

_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.2


class DemoError(Exception):
    """A step failed, or its result did not appear in time."""


class Stage:
    """A sandbox, and what is shown and checked on it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.endpoint = sandbox.aws_endpoint
        environment = {**os.environ, **sandbox.environment()}
        # The AWS CLI of this checkout.
        self._environment = environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"}
        self._chapter = 0

    def headline(self, text: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        print(f"\n=== {self._chapter}. {text}\n", flush=True)

    def run(self, command: str, variables: Mapping[str, str] | None = None, text: str | None = None) -> str:
        """Run a command, and print it with its output. `text`: its standard input."""
        print(f"$ {command}", flush=True)
        environment = {**self._environment, **(variables or {})}
        done = subprocess.run(command.split(), env=environment, input=text, capture_output=True, text=True, check=False)
        print(done.stdout, end="", flush=True)
        if done.returncode != 0:
            raise DemoError(f"{command}: exit status {done.returncode}: {done.stderr}")
        return done.stdout

    def expect(self, condition: Any, what: str) -> None:
        """Fail unless a condition holds."""
        if not condition:
            raise DemoError(f"expected: {what}")
        print(what)

    def wait_for(self, what: str, check: Callable[[], Any]) -> Any:
        """Wait until a check finds something, and return that."""
        begin = time.monotonic()
        while not (found := check()):
            if time.monotonic() - begin > _TIMEOUT_SECONDS:
                raise DemoError(f"expected within {_TIMEOUT_SECONDS:.0f} s: {what}")
            time.sleep(_POLL_SECONDS)
        print(f"after {time.monotonic() - begin:.1f} s: {what}", flush=True)
        return found

    def aws(self, service: str) -> Any:
        """Return a client for the sandbox's AWS account."""
        return bucket.client(self.endpoint, service)

    def get(self, *arguments: str) -> Any:
        """Return what kubectl shows as JSON."""
        done = subprocess.run(
            ["kubectl", "get", *arguments, "-o", "json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    def deliver(self) -> None:
        """Have CloudTrail deliver what trails have recorded, and alarms evaluated: on AWS it takes minutes."""
        requests.post(f"{self.endpoint}/_sandbox/deliver", timeout=30).raise_for_status()

    def outputs(self, stack: str) -> dict[str, str]:
        """Return the outputs of a stack."""
        [found] = self.aws("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def calls(self) -> list[dict[str, Any]]:
        """Return the requests to AWS so far."""
        answer = requests.get(f"{self.endpoint}/_sandbox/calls", timeout=30)
        answer.raise_for_status()
        return list(answer.json()["calls"])
