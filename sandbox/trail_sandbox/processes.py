"""Background processes: starts them in their own sessions, finds them again and stops them.

The kernel reuses pids, so pid files also contain the start time. A `sandbox up` that is killed may have started a
process without writing its pid file; therefore every process has its sandbox's directory in its environment
(`MARKER`), and `marked` finds all of them. Needs Linux's /proc. Does not know what the processes are.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trail_sandbox.state import write_atomically

MARKER = "TRAIL_SANDBOX_STATE"
"""Environment variable of all processes of a sandbox and their children: the sandbox's directory."""

_PID_FILE_MARKER = "TRAIL_SANDBOX_PID_FILE"
_PROC = Path("/proc")
_STATE, _PARENT, _THREADS, _START_TIME = 0, 1, 17, 19
"""Indices into the result of `_stat`."""
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Process:
    """A process, even if another one has its pid now."""

    pid: int
    start_time: int

    @property
    def running(self) -> bool:
        """Whether it is running; a zombie is not."""
        return _start_time(self.pid) == self.start_time

    def send(self, number: signal.Signals) -> None:
        """Send a signal, but never to a process that has got this pid since."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.running:
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/<pid>/stat from the state on; None if there is no such process.

    The field before is the program's name in parentheses, which may itself contain parentheses and spaces: proc(5).
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat[stat.rindex(")") + 2 :].split()


def _start_time(pid: int) -> int | None:
    """Return when the process started, in ticks since boot; None if it is not running.

    A zombie is not running, unless it has other threads: then it still has files and ports open.
    """
    stat = _stat(pid)
    if stat is None or (stat[_STATE] in "ZX" and int(stat[_THREADS]) <= 1):
        return None
    return int(stat[_START_TIME])


def of_pid(pid: int) -> Process | None:
    """Return the process that has the pid now."""
    start_time = _start_time(pid)
    return None if start_time is None else Process(pid, start_time)


def read_pid_file(path: Path) -> Process | None:
    """Return the process that a pid file names, if it is running."""
    try:
        pid, start_time = path.read_text().split()
        process = Process(int(pid), int(start_time))
    except (FileNotFoundError, ValueError):
        return None
    return process if process.running else None


def start(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, pid_file: Path, directory: Path
) -> Process:
    """Start a process in the background, in its own session, and write its pid file.

    First kills a process for the same pid file whose starter was killed before it wrote that file.
    """
    kill_marked(str(pid_file), _PID_FILE_MARKER)
    with log.open("ab") as output:
        child = subprocess.Popen(
            arguments,
            env={**environment, _PID_FILE_MARKER: str(pid_file)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            start_new_session=True,
        )
    process = Process(child.pid, _start_time(child.pid) or 0)
    write_atomically(pid_file, f"{process.pid} {process.start_time}\n")
    return process


def marked(value: str, variable: str = MARKER) -> list[Process]:
    """Return all processes of this user with the marker and their descendants, without this process."""
    parents = dict(_all_parents())
    wanted = f"{variable}={value}".encode()
    found = {pid for pid in parents if wanted in _environment(pid)}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return [process for pid in found - {os.getpid()} if (process := of_pid(pid))]


def _all_parents() -> Iterator[tuple[int, int]]:
    """Yield the pid of each process and of its parent."""
    for entry in _PROC.iterdir():
        stat = _stat(int(entry.name)) if entry.name.isdigit() else None
        if stat:
            yield int(entry.name), int(stat[_PARENT])


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def kill_marked(value: str, variable: str = MARKER) -> None:
    """Kill all processes with the marker, repeatedly until none is left, since they may start others."""
    while found := marked(value, variable):
        for process in found:
            process.send(signal.SIGKILL)
        while any(process.running for process in found):
            time.sleep(_POLL_SECONDS)
