"""`trail-operator run` as a process of its own.

Each is forked from a server that has imported `preloaded` once, as the imports would take most of the CPU of a test.
From there on it is the command itself, with its own environment, log and exit status.
Knows nothing of what the operator does.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.patience import eventually, seconds

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.integration.preloaded"])
_LINES_SHOWN = 60


def _run(environment: dict[str, str], output: str, arguments: list[str]) -> None:
    """What the forked process does: become the command."""
    # The server has imported them, pytest's process has not.
    from kubernetes.aio.config import kube_config as asynchronous
    from kubernetes.config import kube_config as synchronous

    from trail_operator.cli import main

    os.environ.clear()
    os.environ.update(environment)
    for module in (asynchronous, synchronous):  # the only ones that read a variable when they are imported
        module.KUBE_CONFIG_DEFAULT_LOCATION = environment.get("KUBECONFIG", "~/.kube/config")
    stream = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for standard in (1, 2):
        os.dup2(stream, standard)
    sys.argv = ["trail-operator", "run", *arguments]
    main()


class Process:
    """A running command; what the tests need of `subprocess.Popen`."""

    def __init__(self, environment: Mapping[str, str], output: str, arguments: list[str]) -> None:
        self._process = _SERVER.Process(target=_run, args=(dict(environment), output, arguments), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """The exit status, None while it runs; minus the signal's number where a signal ended it."""
        return self._process.exitcode

    def wait(self, at_rest: float = 30) -> int:
        """The exit status, once it has ended. Raises TimeoutExpired."""
        bound = seconds(at_rest)
        self._process.join(bound)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("trail-operator run", bound)
        return status

    def terminate(self) -> None:
        """SIGTERM."""
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Operator:
    """`trail-operator run`, which can be ended and started again."""

    def __init__(self, environment: dict[str, str], log: Path, arguments: list[str]) -> None:
        self._environment = environment
        self._arguments = arguments
        self.log = log
        self.process: Process | None = None

    def start(self, wait: bool = True, to: int | None = None) -> "Operator":
        """Start it, and wait until it watches. `to`: the file descriptor that it logs to instead of the file."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        output = str(self.log) if to is None else f"/proc/{os.getpid()}/fd/{to}"
        self.log.touch()
        self.process = Process(self._environment, output, self._arguments)
        if wait:
            eventually(
                "the operator watches, or has ended",
                lambda: b"watching Trails" in self._written()[offset:] or not self.running,
                90,
            )
            assert self.running, self.evidence()
        return self

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def evidence(self) -> str:
        """The end of its log."""
        status = "running" if self.running else f"ended with {self.process.poll() if self.process else None}"
        lines = self._written().decode(errors="replace").splitlines()[-_LINES_SHOWN:]
        return "\n".join([f"--- {self.log.name} ({status})", *lines])

    def _written(self) -> bytes:
        return self.log.read_bytes() if self.log.exists() else b""
