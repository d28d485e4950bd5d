"""The processes of a sandbox: how to start each, and how to check whether it answers.

Does not know when they start and stop, or which are running.
"""

import ssl
import sys
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trail_sandbox.binaries import programs
from trail_sandbox.binaries.programs import Program
from trail_sandbox.kubernetes import control_plane, pki
from trail_sandbox.kubernetes.pki import Pki
from trail_sandbox.ports import LOOPBACK
from trail_sandbox.state import State

ETCD = "etcd"
KUBE_APISERVER = "kube-apiserver"
KUBE_CONTROLLER_MANAGER = "kube-controller-manager"
NODE = "node"
AWS = "aws"
NAMES = (ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, NODE, AWS)
"""Each listens on one port."""

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Component:
    """One process."""

    name: str
    command: list[str]
    answers: Callable[[], bool]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables that it needs in its environment."""


@dataclass(frozen=True)
class Plan:
    """The components of a sandbox with known ports."""

    state: State
    ports: Mapping[str, int]
    program: Callable[[Program], Path]
    """Returns the path of a program."""

    @property
    def kubernetes_endpoint(self) -> str:
        """URL of the API server."""
        return f"https://{LOOPBACK}:{self.ports[KUBE_APISERVER]}"

    @property
    def aws_endpoint(self) -> str:
        """URL of the emulated AWS."""
        return f"http://{LOOPBACK}:{self.ports[AWS]}"

    @property
    def aws_variables(self) -> dict[str, str]:
        """Variables that an AWS client needs."""
        return {
            "AWS_ENDPOINT_URL": self.aws_endpoint,
            # The emulator accepts the number of any account as the access key of its administrator.
            "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": REGION,
        }

    def stages(self, *, background: bool = True) -> list[list[Component]]:
        """Return the components in the order in which they start; those of one stage start together."""
        return [
            [self._etcd()],
            [self._kube_apiserver(), self._aws(background)],
            [self._controller_manager(), self._node()],
        ]

    def _etcd(self) -> Component:
        command = control_plane.etcd(self.program(programs.ETCD), self.state.etcd_data, self.ports[ETCD])
        return Component(ETCD, command, lambda: _answers(f"http://{LOOPBACK}:{self.ports[ETCD]}/health"))

    def _kube_apiserver(self) -> Component:
        command = control_plane.kube_apiserver(
            self.program(programs.KUBE_APISERVER), self._pki, self.ports[KUBE_APISERVER], self.ports[ETCD]
        )
        return Component(KUBE_APISERVER, command, lambda: self._answers(KUBE_APISERVER, "/readyz"))

    def _controller_manager(self) -> Component:
        command = control_plane.kube_controller_manager(
            self.program(programs.KUBE_CONTROLLER_MANAGER),
            self._pki,
            self.state.kubeconfig(pki.CONTROLLER_MANAGER.name),
            self.ports[KUBE_CONTROLLER_MANAGER],
        )
        # The result of its first work; without it no Pod can be created in the namespace.
        first_work = "/api/v1/namespaces/default/serviceaccounts/default"

        def answers() -> bool:
            healthy = self._answers(KUBE_CONTROLLER_MANAGER, "/healthz")
            return healthy and self._answers(KUBE_APISERVER, first_work)

        return Component(KUBE_CONTROLLER_MANAGER, command, answers)

    def _node(self) -> Component:
        server = self._pki.server
        command = [
            *(sys.executable, "-m", "trail_sandbox.kubernetes.node"),
            f"--kubeconfig={self.state.kubeconfig(pki.NODE.name)}",
            f"--directory={self.state.pods}",
            f"--port={self.ports[NODE]}",
            f"--authority={self._pki.authority.certificate}",
            f"--certificate={server.certificate}",
            f"--key={server.key}",
        ]
        return Component(NODE, command, lambda: self._answers(NODE, "/healthz"), self.aws_variables)

    def _aws(self, background: bool) -> Component:
        module = (sys.executable, "-m", "trail_sandbox.aws")
        command = [*module, "--host", LOOPBACK, "--port", str(self.ports[AWS])]
        if not background:
            command.append("--no-background")
        return Component(AWS, command, lambda: _answers(f"{self.aws_endpoint}/_sandbox/health"))

    @property
    def _pki(self) -> Pki:
        return Pki(self.state.pki)

    def _answers(self, component: str, path: str) -> bool:
        """Whether a component that authenticates its clients answers the administrator with 200."""
        context = ssl.create_default_context(cafile=str(self._pki.authority.certificate))
        administrator = self._pki.client(pki.ADMINISTRATOR)
        context.load_cert_chain(administrator.certificate, administrator.key)
        return _answers(f"https://{LOOPBACK}:{self.ports[component]}{path}", context)


def _answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    # A proxy of the environment would not reach loopback addresses.
    without_proxy = urllib.request.ProxyHandler({})
    opener = urllib.request.build_opener(without_proxy, urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
