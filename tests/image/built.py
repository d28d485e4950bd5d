"""The built image as tests see it: what is in it, and programs started from it as the kubelet starts them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

APPLICATION = "opt/trail-operator"

# Nothing can be written but /tmp, as in the chart's Pod. The service account's files lie where the kubelet has them, in
# a file system of their own. No process can gain a capability, and the image's user has none.
_ENTER = """
set -eu
tree=$1 user=$2 secrets=$3; shift 3
mount --make-rprivate /
mount --bind "$tree" "$tree"
mount --bind /dev "$tree/dev"
mount -t proc proc "$tree/proc"
mount -t tmpfs -o mode=1777,size=16m tmpfs "$tree/tmp"
mount -t tmpfs tmpfs "$tree/run"
if [ "$secrets" ]; then
  mkdir -p "$tree/run/secrets/kubernetes.io/serviceaccount"
  mount --bind "$secrets" "$tree/run/secrets/kubernetes.io/serviceaccount"
fi
mount -o remount,bind,ro "$tree/run"
mount -o remount,bind,ro "$tree"
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$tree" "$@"
"""


@dataclass(frozen=True)
class Image:
    """A built image: its configuration, in OCI's words, and its file tree."""

    config: dict[str, Any]
    tree: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables that every program of it has."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])

    @property
    def site_packages(self) -> Path:
        """Where its Python packages are."""
        [found] = (self.tree / APPLICATION / "lib").glob("python3.*/site-packages")
        return found

    def command(self, program: list[str], secrets: Path | None = None, user: str | None = None) -> list[str]:
        """What starts a program of it as its user, or as another that the cluster chooses."""
        entered = [str(self.tree), user or self.config["User"], str(secrets or ""), *program]
        return ["unshare", "--mount", "sh", "-c", _ENTER, "sh", *entered]

    def run(self, *program: str) -> "subprocess.CompletedProcess[str]":
        """Run a program of it to its end."""
        return subprocess.run(
            self.command([*program]), env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )
