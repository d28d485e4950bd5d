"""Where a sandbox keeps what it needs to know of itself: one directory a sandbox, and nothing anywhere else.

The directory is all that `sandbox down` has to remove. This module knows paths and the lock, not what runs.
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
    """The directory that holds all sandboxes, after the XDG base directory specification."""
    state_home = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state_home.is_absolute():  # the specification has relative paths ignored
        state_home = Path("~/.local/state").expanduser()
    return state_home / "trail-operator" / "sandbox"


@dataclass(frozen=True)
class State:
    """The directory of one sandbox."""

    directory: Path

    @classmethod
    def of(cls, name: str, root: Path | None = None) -> "State":
        """The state of the sandbox of that name; raises ValueError for a name that can't be a directory's."""
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} can't name a sandbox: use at most 40 lower-case letters, digits and inner hyphens"
            )
        return cls((root or default_root()) / name)

    @property
    def pids(self) -> Path:
        """One pid file for each process."""
        return self.directory / "run"

    @property
    def logs(self) -> Path:
        """One log for each process."""
        return self.directory / "logs"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.directory / "pki"

    @property
    def pods(self) -> Path:
        """The node's directory: the containers' logs and files."""
        return self.directory / "pods"

    @property
    def etcd_data(self) -> Path:
        """What etcd stores."""
        return self.directory / "etcd"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one user of the API server."""
        return self.directory / f"{user}.kubeconfig"

    def create(self) -> None:
        """Make the directories; only the user may look into them, for they hold keys."""
        for directory in (self.directory, self.pids, self.logs, self.pki, self.pods):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self) -> None:
        """Remove everything that this sandbox ever wrote."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def read_ports(self) -> dict[str, int]:
        """The ports chosen by an earlier `up`; empty before the first."""
        try:
            ports: dict[str, int] = json.loads((self.directory / "ports.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return ports

    def write_ports(self, ports: Mapping[str, int]) -> None:
        """Remember the ports, in one step: a killed `up` leaves the old file or the new one."""
        write_atomically(self.directory / "ports.json", json.dumps(dict(ports)))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other `up` and `down` of this sandbox waiting."""
        lock = self.directory / "lock"
        while True:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # Whoever held the lock may have been `down`, which removes the file: then this is another lock.
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
    """Write a file so that a reader sees the old content or the new, never a part."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    partial.replace(path)
