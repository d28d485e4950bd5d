"""The cache of programs: `<cache>/<name>/<version>/<name>`, one file a directory, so that each can go on a PATH.

A program comes from the cache, else from an official release, else from source. It appears in the cache in one
step; a process that finds another one at work on the same program waits for it.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trail_sandbox.binaries import build, download
from trail_sandbox.binaries.programs import Program, architecture
from trail_sandbox.binaries.progress import say, waiting_for


class ProgramUnavailableError(Exception):
    """Every way to get a program failed."""


def default_directory() -> Path:
    """The cache that all checkouts of a user share."""
    return Path("~/.cache/trail-operator").expanduser()


@dataclass(frozen=True)
class Cache:
    """A directory of programs."""

    directory: Path

    def path(self, program: Program) -> Path:
        """Where the program is, once it is there."""
        return self.directory / program.name / program.version / program.name

    def obtain(self, program: Program, environment: Mapping[str, str] | None = None, mirror: str | None = None) -> Path:
        """The program's file; fetched or built first where it is missing.

        `environment` is that of the build's processes; `mirror` takes the place of the release files' hosts.
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
        failures = []
        release = program.releases.get(architecture())
        if release is None:
            failures.append(f"release: no checksum is pinned for {architecture()}")
        else:
            try:
                with waiting_for(
                    f"downloading {program.name} {program.version} from {release.url}",
                    f"downloaded {program.name} {program.version}",
                ):
                    download.download(release, made, mirror)
            except download.DownloadError as error:
                say(f"  not downloaded: {error}")
                failures.append(f"release: {error}")
        if not made.exists():
            try:
                build.build(program, made, self.directory, environment)
            except build.BuildError as error:
                failures.append(f"source: {error}")
                tried = "\n".join(["cache: " + str(self.path(program)), *failures])
                raise ProgramUnavailableError(
                    f"{program.name} {program.version} can't be had. Tried:\n{tried}"
                ) from error
        self.path(program).parent.mkdir(parents=True, exist_ok=True)
        made.replace(self.path(program))

    @contextmanager
    def _locked(self, program: Program) -> Iterator[Path]:
        """Hold the program's lock and an empty scratch directory on the cache's file system."""
        parent = self.directory / program.name
        parent.mkdir(parents=True, exist_ok=True)
        scratch = parent / ".partial"
        with (parent / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another process is getting {program.name} {program.version}: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            # Whatever is there was left by a process that was killed: it held the lock that is ours now.
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            try:
                yield scratch
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
