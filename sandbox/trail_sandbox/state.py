"""The directory of a sandbox, which has all of its files.

`sandbox down` removes nothing else. This module knows paths and the lock, not what is running.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


def default_root() -> Path:
    """Return the directory of all sandboxes, by the XDG base directory specification."""
    state_home = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state_home.is_absolute():  # the specification says to ignore relative paths
        state_home = Path("~/.local/state").expanduser()
    return state_home / "trail-operator" / "sandbox"


@dataclass(frozen=True)
class State:
    """The directory of one sandbox."""

    directory: Path

    @classmethod
    def of(cls, name: str, root: Path | None = None) -> "State":
        """Return the state of a sandbox. Raises ValueError if its name cannot be a directory's."""
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name for a sandbox: use at most 40 lower-case letters, digits and inner hyphens"
            )
        return cls((root or default_root()) / name)

    @property
    def pids(self) -> Path:
        """Directory of the pid files."""
        return self.directory / "run"

    @property
    def logs(self) -> Path:
        """Directory of the processes' logs."""
        return self.directory / "logs"

    @property
    def pki(self) -> Path:
        """Directory of certificates and keys."""
        return self.directory / "pki"

    @property
    def pods(self) -> Path:
        """The node's directory: logs and files of containers."""
        return self.directory / "pods"

    @property
    def etcd_data(self) -> Path:
        """etcd's data directory."""
        return self.directory / "etcd"

    def kubeconfig(self, user: str) -> Path:
        """Return the path of a user's kubeconfig."""
        return self.directory / f"{user}.kubeconfig"

    def create(self) -> None:
        """Create the directories; only the user can read them, because they contain keys."""
        for directory in (self.directory, self.pids, self.logs, self.pki, self.pods):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self) -> None:
        """Remove all files of this sandbox."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def read_ports(self) -> dict[str, int]:
        """Return the ports that an earlier `up` chose; empty before the first."""
        try:
            ports: dict[str, int] = json.loads((self.directory / "ports.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return ports

    def write_ports(self, ports: Mapping[str, int]) -> None:
        """Save the ports atomically."""
        write_atomically(self.directory / "ports.json", json.dumps(dict(ports)))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other `up` or `down` of this sandbox run meanwhile."""
        lock = self.directory / "lock"
        while True:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # If `down` held the lock, it has removed the file, and this lock is of no file any more.
                if _is_file(descriptor, lock):
                    yield
                    return
            finally:
                os.close(descriptor)


def _is_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def write_atomically(path: Path, content: str, mode: int = 0o600) -> None:
    """Write a file so that readers see the old content or the new, never a part."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    partial.replace(path)
