"""Processes that outlive the command that starts them: started in a session of their own, found again, ended.

A pid alone does not name a process, since the kernel gives it to another one later: a pid file holds the start
time as well. And a `sandbox up` that is killed may have started a process and not yet written its pid file; so every
process carries its sandbox's directory in its environment (`MARKER`), from which `marked` finds all of them.
Needs Linux's /proc. Knows nothing of what the processes are.
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
"""Environment variable that every process of a sandbox and its children carry: the sandbox's directory."""

_PID_FILE_MARKER = "TRAIL_SANDBOX_PID_FILE"
_PROC = Path("/proc")
_STATE, _PARENT, _THREADS, _START_TIME = 0, 1, 17, 19
"""Places in what `_stat` returns."""
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Process:
    """One process, also when its pid belongs to another one by now."""

    pid: int
    start_time: int

    @property
    def running(self) -> bool:
        """Whether it lives still; a zombie does not."""
        return _start_time(self.pid) == self.start_time

    def send(self, number: signal.Signals) -> None:
        """Send a signal, to this process only and never to one that got its pid later."""
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
    """The process's state and what follows it in /proc/<pid>/stat; None where there is no such process.

    Before the state stands the program's name in brackets, which may itself hold brackets and spaces: proc(5).
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat[stat.rindex(")") + 2 :].split()


def _start_time(pid: int) -> int | None:
    """When the process started, in ticks since the machine did; None where it lives no more.

    A zombie lives no more; but one with other threads is still ending and has its files and ports open.
    """
    stat = _stat(pid)
    if stat is None or (stat[_STATE] in "ZX" and int(stat[_THREADS]) <= 1):
        return None
    return int(stat[_START_TIME])


def of_pid(pid: int) -> Process | None:
    """The process that has the pid now."""
    start_time = _start_time(pid)
    return None if start_time is None else Process(pid, start_time)


def read_pid_file(path: Path) -> Process | None:
    """The process that a pid file names, if it still runs."""
    try:
        pid, start_time = path.read_text().split()
        process = Process(int(pid), int(start_time))
    except (FileNotFoundError, ValueError):
        return None
    return process if process.running else None


def start(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, pid_file: Path, directory: Path
) -> Process:
    """Start a process in the background, in a session of its own, and write its pid file.

    One that was started for the same pid file, by a command that was killed before it wrote it, is ended first.
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
    """Every process of this user that carries the mark, and what those started, but not this process."""
    parents = dict(_all_parents())
    wanted = f"{variable}={value}".encode()
    found = {pid for pid in parents if wanted in _environment(pid)}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return [process for pid in found - {os.getpid()} if (process := of_pid(pid))]


def _all_parents() -> Iterator[tuple[int, int]]:
    """Each process's pid and its parent's."""
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
    """Kill every process that carries the mark; looked for again until none is left, for one may start another."""
    while found := marked(value, variable):
        for process in found:
            process.send(signal.SIGKILL)
        while any(process.running for process in found):
            time.sleep(_POLL_SECONDS)
