"""One sandbox: a Kubernetes control plane, a node and an AWS on loopback ports, in the background.

`Sandbox(name)` is all that tests, demos and benchmarks need; the command line is a thin layer over it. Knows which
processes there are, in which order they start and how each shows that it answers; how a process is started and found
again is `processes`, what it is told is in `kubernetes` and `aws`.
"""

import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trail_sandbox import ports, processes
from trail_sandbox.binaries import programs
from trail_sandbox.binaries.cache import Cache, default_directory
from trail_sandbox.binaries.programs import Program
from trail_sandbox.kubernetes import control_plane, kubeconfig, pki
from trail_sandbox.ports import LOOPBACK
from trail_sandbox.state import State

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"

_PORTS = ("etcd", "kube-apiserver", "kube-controller-manager", "node", "aws")
_READY_WITHIN_SECONDS = 90.0
_POLL_SECONDS = 0.05
_LOG_LINES_SHOWN = 15


class SandboxError(Exception):
    """The sandbox can't do what it was asked, and why."""


@dataclass(frozen=True)
class Component:
    """A process of the sandbox: how to start it and how to ask whether it answers."""

    name: str
    command: Callable[[], list[str]]
    answers: Callable[[], bool]
    variables: Callable[[], dict[str, str]] = dict
    """What it needs in its environment."""


@dataclass(frozen=True)
class ComponentStatus:
    """What `sandbox status` tells of a component."""

    name: str
    pid: int | None
    address: str
    log: Path


class Sandbox:
    """A sandbox by its name; nothing runs before `up`."""

    def __init__(self, name: str = "default", root: Path | None = None, cache: Path | None = None) -> None:
        self.name = name
        self.state = State.of(name, root)
        self._cache = Cache(cache or default_directory())
        self._pki = pki.Pki(self.state.pki)

    # What it is for.

    def up(self) -> None:
        """Start what is not running and wait until all of it answers."""
        if sys.platform != "linux":
            raise SandboxError("the sandbox runs on Linux only: it needs /proc and all of 127.0.0.0/8")
        for program in programs.PROGRAMS:
            self._cache.obtain(program, self._marked_environment())
        with self.state.locked():
            self.state.create()
            self._pki.create()
            self._choose_ports()
            self._write_kubeconfigs()
            for stage in self._stages():
                self._start(stage)

    def down(self) -> None:
        """End every process and remove every file, whatever state an earlier command left."""
        if not self.state.directory.exists():
            self._end_everything()
            return
        with self.state.locked():
            self._end_everything()
            self.state.remove()

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program needs to work in this sandbox; its PATH goes before that of `base` (this process's)."""
        directories = [str(self._path(p).parent) for p in (programs.KUBECTL, programs.HELM)]
        inherited = (os.environ if base is None else base).get("PATH", os.defpath).split(os.pathsep)
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": os.pathsep.join([*directories, *(d for d in inherited if d not in directories)]),
            **self._aws_environment(),
        }

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.state.kubeconfig(pki.ADMINISTRATOR.name)

    @property
    def kubernetes_endpoint(self) -> str:
        """The API server's URL."""
        return f"https://{LOOPBACK}:{self._port('kube-apiserver')}"

    @property
    def aws_endpoint(self) -> str:
        """The emulator's URL."""
        return f"http://{LOOPBACK}:{self._port('aws')}"

    def status(self) -> list[ComponentStatus]:
        """Every component, running or not."""
        known = self.state.read_ports()
        result = []
        for name in _PORTS:
            process = processes.read_pid_file(self._pid_file(name))
            address = f"{LOOPBACK}:{known[name]}" if name in known else "-"
            result.append(ComponentStatus(name, process.pid if process else None, address, self._log(name)))
        return result

    def log_files(self) -> dict[str, Path]:
        """The log of every component, and of every container by `<namespace>_<pod>_<container>`."""
        return {p.stem: p for d in (self.state.logs, self.state.pods) for p in sorted(d.glob("*.log"))}

    # How it is done.

    def _stages(self) -> list[list[Component]]:
        """The components, in groups that can start together."""
        etcd = Component(
            "etcd",
            lambda: control_plane.etcd(self._path(programs.ETCD), self.state.etcd_data, self._port("etcd")),
            lambda: self._answers(f"http://{LOOPBACK}:{self._port('etcd')}/health"),
        )
        apiserver = Component(
            "kube-apiserver",
            lambda: control_plane.kube_apiserver(
                self._path(programs.KUBE_APISERVER),
                self._pki,
                self._port("kube-apiserver"),
                self._port("etcd"),
            ),
            lambda: self._answers(f"{self.kubernetes_endpoint}/readyz"),
        )
        controller_manager = Component(
            "kube-controller-manager",
            lambda: control_plane.kube_controller_manager(
                self._path(programs.KUBE_CONTROLLER_MANAGER),
                self._pki,
                self.state.kubeconfig(pki.CONTROLLER_MANAGER.name),
                self._port("kube-controller-manager"),
            ),
            lambda: (
                self._answers(f"https://{LOOPBACK}:{self._port('kube-controller-manager')}/healthz")
                # Its first work: before it, no Pod can be made in the namespace.
                and self._answers(f"{self.kubernetes_endpoint}/api/v1/namespaces/default/serviceaccounts/default")
            ),
        )
        node = Component(
            "node",
            self._node_command,
            lambda: self._answers(f"https://{LOOPBACK}:{self._port('node')}/healthz"),
            self._aws_environment,
        )
        aws = Component(
            "aws",
            lambda: [
                *(sys.executable, "-m", "trail_sandbox.aws"),
                *("--host", LOOPBACK, "--port", str(self._port("aws"))),
            ],
            lambda: self._answers(f"{self.aws_endpoint}/_sandbox/health"),
        )
        import importlib.util

        if not importlib.util.find_spec("trail_sandbox.aws.__main__"):
            return [[etcd], [apiserver], [controller_manager, node]]
        return [[etcd], [apiserver, aws], [controller_manager, node]]

    def _node_command(self) -> list[str]:
        server = self._pki.server
        return [
            *(sys.executable, "-m", "trail_sandbox.kubernetes.node"),
            f"--kubeconfig={self.state.kubeconfig(pki.NODE.name)}",
            f"--directory={self.state.pods}",
            f"--port={self._port('node')}",
            f"--authority={self._pki.authority.certificate}",
            f"--certificate={server.certificate}",
            f"--key={server.key}",
        ]

    def _start(self, components: list[Component]) -> None:
        """Start those that don't run and wait until all answer."""
        for component in components:
            if processes.read_pid_file(self._pid_file(component.name)) is None:
                processes.start(
                    component.command(),
                    {**self._marked_environment(), **component.variables()},
                    self._log(component.name),
                    self._pid_file(component.name),
                    self.state.directory,
                )
        for component in components:
            self._wait(component)

    def _wait(self, component: Component) -> None:
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        while not component.answers():
            if processes.read_pid_file(self._pid_file(component.name)) is None:
                raise SandboxError(f"{component.name} ended at once; {self._end_of_log(component.name)}")
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{component.name} did not answer within {_READY_WITHIN_SECONDS:.0f} s; "
                    f"{self._end_of_log(component.name)}"
                )
            time.sleep(_POLL_SECONDS)

    def _answers(self, url: str) -> bool:
        context = None
        if url.startswith("https:"):
            context = ssl.create_default_context(cafile=str(self._pki.authority.certificate))
            pair = self._pki.client(pki.ADMINISTRATOR)
            context.load_cert_chain(pair.certificate, pair.key)
        # A proxy that the environment names would not reach loopback.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _end_everything(self) -> None:
        """Kill all processes of this sandbox: nothing that they could still save would be kept."""
        processes.kill_marked(str(self.state.directory))

    def _choose_ports(self) -> None:
        """Keep the ports of an earlier `up`; choose anew where another program has taken one of them since."""
        known = self.state.read_ports()
        stopped = [n for n in _PORTS if processes.read_pid_file(self._pid_file(n)) is None]
        if set(known) == set(_PORTS) and all(ports.is_free(known[name]) for name in stopped):
            return
        self._end_everything()
        self.state.write_ports(ports.choose(_PORTS))

    def _write_kubeconfigs(self) -> None:
        for client in (pki.ADMINISTRATOR, pki.CONTROLLER_MANAGER, pki.NODE):
            content = kubeconfig.for_certificate(
                self.kubernetes_endpoint,
                self._pki.authority.certificate,
                client.user,
                self._pki.client(client),
            )
            kubeconfig.write(self.state.kubeconfig(client.name), content)

    def _marked_environment(self) -> dict[str, str]:
        """This process's environment, but for credentials of a real AWS, with the mark by which all is found."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**own, processes.MARKER: str(self.state.directory)}

    def _aws_environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.aws_endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": REGION,
        }

    def _path(self, program: Program) -> Path:
        return self._cache.path(program)

    def _port(self, name: str) -> int:
        try:
            return self.state.read_ports()[name]
        except KeyError:
            raise SandboxError(f"the sandbox {self.name!r} is not up: run `sandbox up`") from None

    def _pid_file(self, component: str) -> Path:
        return self.state.pids / f"{component}.pid"

    def _log(self, component: str) -> Path:
        return self.state.logs / f"{component}.log"

    def _end_of_log(self, component: str) -> str:
        lines = self._log(component).read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
        return "its log ends so:\n" + "\n".join(f"  {line}" for line in lines)
