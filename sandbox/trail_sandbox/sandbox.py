"""One sandbox: a Kubernetes control plane, a node and an emulated AWS on loopback ports, in the background.

Tests, the demo and benchmarks need only `Sandbox(name)`; the command line is a thin layer over it. This module decides
when processes start and stop. `components` knows what they are, `processes` how to find them again.
"""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trail_sandbox import components, ports, processes
from trail_sandbox.binaries import programs
from trail_sandbox.binaries.cache import Cache, default_directory
from trail_sandbox.components import ACCOUNT_ID, REGION, Component, Plan
from trail_sandbox.kubernetes import kubeconfig, pki
from trail_sandbox.ports import LOOPBACK
from trail_sandbox.state import State

__all__ = ["ACCOUNT_ID", "REGION", "ComponentStatus", "Sandbox", "SandboxError"]

_READY_WITHIN_SECONDS = 300.0
"""For a busy machine. A process that exits is noticed at once."""
_POLL_SECONDS = 0.05
_LOG_LINES_SHOWN = 15


class SandboxError(Exception):
    """A command of the sandbox failed; the message says why."""


@dataclass(frozen=True)
class ComponentStatus:
    """What `sandbox status` shows of a component."""

    name: str
    pid: int | None
    address: str
    log: Path


class Sandbox:
    """A sandbox by name; nothing runs before `up`."""

    def __init__(self, name: str = "default", root: Path | None = None, cache: Path | None = None) -> None:
        self.name = name
        self.state = State.of(name, root)
        self._cache = Cache(cache or default_directory())

    def up(self, *, background: bool = True) -> None:
        """Start what is not running and wait until everything answers.

        Without `background`, an AWS that this starts delivers log files only on request.
        """
        if sys.platform != "linux":
            raise SandboxError("the sandbox runs only on Linux, because it needs /proc and all of 127.0.0.0/8")
        self._cache.obtain_all(programs.PROGRAMS, self._process_environment())
        with self.state.locked():
            self.state.create()
            pki.Pki(self.state.pki).create()
            self._choose_ports()
            self._write_kubeconfigs()
            for stage in self._plan().stages(background=background):
                for component in stage:
                    self._start(component)
                for component in stage:
                    self._wait_for(component)

    def down(self) -> None:
        """Stop all processes and remove all files, also those of a command that was killed."""
        if not self.state.directory.exists():
            self._end_everything()
            return
        with self.state.locked():
            self._end_everything()
            self.state.remove()

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables that a program needs; PATH is prepended to that of `base` (default: this process's)."""
        directories = [str(self._cache.path(p).parent) for p in (programs.KUBECTL, programs.HELM)]
        inherited = (os.environ if base is None else base).get("PATH", os.defpath).split(os.pathsep)
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": os.pathsep.join([*directories, *(d for d in inherited if d not in directories)]),
            **self._plan().aws_variables,
        }

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state.kubeconfig(pki.ADMINISTRATOR.name)

    @property
    def kubernetes_endpoint(self) -> str:
        """URL of the API server."""
        return self._plan().kubernetes_endpoint

    @property
    def aws_endpoint(self) -> str:
        """URL of the emulated AWS."""
        return self._plan().aws_endpoint

    def status(self) -> list[ComponentStatus]:
        """Return every component, running or not."""
        known = self.state.read_ports()
        result = []
        for name in components.NAMES:
            process = processes.read_pid_file(self._pid_file(name))
            address = f"{LOOPBACK}:{known[name]}" if name in known else "-"
            result.append(ComponentStatus(name, process.pid if process else None, address, self._log(name)))
        return result

    def log_files(self) -> dict[str, Path]:
        """Return the logs of all components, and of all containers as `<namespace>_<pod>_<container>`."""
        return {p.stem: p for d in (self.state.logs, self.state.pods) for p in sorted(d.glob("*.log"))}

    def _plan(self) -> Plan:
        known = self.state.read_ports()
        if not known:
            raise SandboxError(f"the sandbox {self.name!r} is not running: run `sandbox up --name {self.name}`")
        return Plan(self.state, known, self._cache.path)

    def _choose_ports(self) -> None:
        """Keep the ports of an earlier `up`; choose others if another program uses one of them now."""
        known = self.state.read_ports()
        stopped = [name for name in components.NAMES if not self._runs(name)]
        if known and all(ports.is_free(known[name]) for name in stopped):
            return
        self._end_everything()
        self.state.write_ports(ports.choose(components.NAMES))

    def _write_kubeconfigs(self) -> None:
        certificates = pki.Pki(self.state.pki)
        for client in (pki.ADMINISTRATOR, pki.CONTROLLER_MANAGER, pki.NODE):
            content = kubeconfig.for_certificate(
                self.kubernetes_endpoint,
                certificates.authority.certificate,
                client.user,
                certificates.client(client),
            )
            kubeconfig.write(self.state.kubeconfig(client.name), content)

    def _start(self, component: Component) -> None:
        if not self._runs(component.name):
            processes.start(
                component.command,
                {**self._process_environment(), **component.variables},
                self._log(component.name),
                self._pid_file(component.name),
                self.state.directory,
            )

    def _wait_for(self, component: Component) -> None:
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not component.answers():
            if not self._runs(component.name):
                raise SandboxError(f"{component.name} exited while starting; {self._end_of_log(component.name)}")
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{component.name} did not answer within {_READY_WITHIN_SECONDS:.0f} s; "
                    f"{self._end_of_log(component.name)}"
                )
            time.sleep(_POLL_SECONDS)

    def _end_everything(self) -> None:
        """Kill all processes of this sandbox; none has anything to save."""
        processes.kill_marked(str(self.state.directory))

    def _process_environment(self) -> dict[str, str]:
        """Return this process's environment without AWS_* variables, with the marker that `down` looks for."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**own, processes.MARKER: str(self.state.directory)}

    def _runs(self, component: str) -> bool:
        return processes.read_pid_file(self._pid_file(component)) is not None

    def _pid_file(self, component: str) -> Path:
        return self.state.pids / f"{component}.pid"

    def _log(self, component: str) -> Path:
        return self.state.logs / f"{component}.log"

    def _end_of_log(self, component: str) -> str:
        lines = self._log(component).read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
        return "the end of its log:\n" + "\n".join(f"  {line}" for line in lines)
