"""The cache of programs: `<cache>/<name>/<version>/<name>`, one file in each directory, so that each can be on PATH.

A program comes from the cache, an official release or a build from source, in this order. It appears in the cache
atomically. If another process is getting the same program, this one waits for it.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trail_sandbox.binaries import build, download
from trail_sandbox.binaries.programs import Program, architecture
from trail_sandbox.binaries.progress import say, waiting_for


class ProgramUnavailableError(Exception):
    """A program could neither be downloaded nor built."""


def default_directory() -> Path:
    """Return the cache that all checkouts of a user share."""
    return Path("~/.cache/trail-operator").expanduser()


@dataclass(frozen=True)
class Cache:
    """A directory of programs."""

    directory: Path
    _unreachable: set[str] = field(default_factory=set, init=False, compare=False, repr=False)
    """Hosts that refused a download: no other download from them is tried."""

    def path(self, program: Program) -> Path:
        """Return the program's path, whether it exists or not."""
        return self.directory / program.name / program.version / program.name

    def obtain_all(self, programs: Sequence[Program], environment: Mapping[str, str] | None = None) -> None:
        """Download or build the programs that are missing, after saying which they are and how long it takes."""
        missing = [program for program in programs if not self.path(program).exists()]
        if missing:
            say(_announcement(missing, self.directory))
        for program in missing:
            self.obtain(program, environment)

    def obtain(self, program: Program, environment: Mapping[str, str] | None = None, mirror: str | None = None) -> Path:
        """Return the program's path, after a download or a build if it is missing.

        `environment` is for the processes of the build; `mirror` replaces the hosts of the release files.
        """
        path = self.path(program)
        if path.exists():
            return path
        with self._locked(program) as scratch:
            if not path.exists():
                self._fill(program, scratch, dict(environment or os.environ), mirror)
        return path

    def _fill(self, program: Program, scratch: Path, environment: Mapping[str, str], mirror: str | None) -> None:
        made = scratch / program.name
        failure = self._download(program, made, mirror)
        if failure:
            try:
                build.build(program, made, self.directory, environment)
            except build.BuildError as error:
                tried = "\n".join([f"cache: {self.path(program)}", f"release: {failure}", f"source: {error}"])
                raise ProgramUnavailableError(
                    f"{program.name} {program.version} is not available. Tried:\n{tried}"
                ) from error
        self.path(program).parent.mkdir(parents=True, exist_ok=True)
        made.replace(self.path(program))

    def _download(self, program: Program, target: Path, mirror: str | None) -> str:
        """Download a program's release; return why that failed, or nothing."""
        release = program.releases.get(architecture())
        if release is None:
            return f"no checksum is pinned for {architecture()}"
        host = download.host(release, mirror)
        if host in self._unreachable:
            return f"{host} refused an earlier download"
        try:
            with waiting_for(
                f"downloading {program.name} {program.version} from {release.url}",
                f"downloaded {program.name} {program.version}",
            ):
                download.download(release, target, mirror)
        except download.DownloadError as error:
            say(f"  not downloaded: {error}")
            if isinstance(error, download.UnreachableError):
                self._unreachable.add(host)
                say(f"  programs from {host} are built from source instead")
            return str(error)
        return ""

    @contextmanager
    def _locked(self, program: Program) -> Iterator[Path]:
        """Lock the program, with an empty scratch directory on the cache's file system."""
        parent = self.directory / program.name
        parent.mkdir(parents=True, exist_ok=True)
        scratch = parent / ".partial"
        with (parent / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another process is getting {program.name} {program.version}: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            # Files in it are from a process that was killed while it held the lock.
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)


def _announcement(missing: Sequence[Program], directory: Path) -> str:
    names = ", ".join(program.name for program in missing)
    built = sum(program.minutes for program in missing if architecture() not in program.releases)
    longest = sum(program.minutes for program in missing)
    duration = f"about {built} min, or {longest} min if they have to be built from source"
    if built == longest:
        duration = f"about {longest} min"
    return f"First run: getting {names} into {directory}. This takes {duration}. Later runs use the cache."
