"""One container: its process, its probes, its restarts.

Knows the container's part of the Pod's spec, and gets the rest as arguments; what it observes goes into its record.
"""

import asyncio
import contextlib
import datetime
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trail_sandbox.kubernetes.node import probes
from trail_sandbox.kubernetes.node.api import ApiError, Object
from trail_sandbox.kubernetes.node.environment import Command, ConfigError
from trail_sandbox.kubernetes.node.status import ContainerRecord

_LOG = logging.getLogger(__name__)

_START_ERROR = 128
_CONFIG_RETRY_SECONDS = 5.0
_BACKOFF_FIRST, _BACKOFF_LAST = 10.0, 300.0
_BACKOFF_FORGOTTEN_AFTER = 2 * _BACKOFF_LAST


class Backoff:
    """Kubelet's delays between restarts: none, 10 s, 20 s, ... 5 min; forgotten after ten quiet minutes."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, ran_for: float) -> float:
        """The delay after a life of that many seconds."""
        if ran_for > _BACKOFF_FORGOTTEN_AFTER:
            self._next = 0.0
        delay = self._next
        self._next = min(max(2 * delay, _BACKOFF_FIRST), _BACKOFF_LAST)
        return delay


@dataclass(frozen=True)
class Surroundings:
    """What a container has of its Pod and its node."""

    pod: str
    """namespace/name, for messages."""
    ip: str
    directory: Path
    log: Path
    grace: float
    command: Callable[[Object], Awaitable[Command]]
    """What the container is to execute now; raises ConfigError or ApiError."""
    changed: Callable[[], None]
    """To be called whenever the record has changed."""


def find_executable(name: str, directory: Path, path: str) -> str | None:
    """The executable that a container names; a path that is in the image only is looked for by its last segment."""
    if "/" in name and os.access(directory / name, os.X_OK):
        return str(directory / name)
    return shutil.which(Path(name).name, path=path)


class Container:
    """The life of one container, through all its restarts."""

    def __init__(self, spec: Object, restart_policy: str, record: ContainerRecord, surroundings: Surroundings) -> None:
        self.spec = spec
        self.record = record
        self.log_start = 0
        """Where in the log the present life begins."""
        self._policy = restart_policy
        self._around = surroundings
        self._process: asyncio.subprocess.Process | None = None
        self._environment: Mapping[str, str] = {}
        self._stopping = asyncio.Event()
        self.has_started = asyncio.Event()

    async def run(self) -> None:
        """Live until the restart policy or `stop` ends it."""
        backoff = Backoff()
        while not self._stopping.is_set():
            try:
                command = await self._around.command(self.spec)
            except (ConfigError, ApiError) as error:
                self._waits("CreateContainerConfigError", str(error))
                await self._sleep(_CONFIG_RETRY_SECONDS)
                continue
            ran_for = await self._live(command)
            if self._stopping.is_set() or not self._restarts():
                return
            await self._back_off(backoff.after(ran_for))
            if not self._stopping.is_set():
                self.record.restarts_now()

    async def stop(self, grace: float) -> None:
        """End it for good: the hook, SIGTERM, and SIGKILL when the time is over."""
        self._stopping.set()
        await self._end(grace)

    def kill(self) -> None:
        """End it for good, at once."""
        self._stopping.set()
        self._signal_all(signal.SIGKILL)

    def _restarts(self) -> bool:
        if self._policy == "OnFailure":
            return self.record.exit_code != 0
        return self._policy == "Always"

    async def _back_off(self, delay: float) -> None:
        if delay:
            message = f"back-off {delay:g}s restarting failed container={self.spec['name']}"
            self._waits("CrashLoopBackOff", message)
            await self._sleep(delay)

    def _waits(self, reason: str, message: str) -> None:
        _LOG.info("%s %s: %s: %s", self._around.pod, self.spec["name"], reason, message)
        self.record.waiting(reason, message)
        self._around.changed()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _live(self, command: Command) -> float:
        """One life of the process; the answer is how long it was."""
        begin = asyncio.get_running_loop().time()
        try:
            self._process = await self._spawn(command)
        except OSError as error:
            self.record.terminated(_START_ERROR, "StartError", str(error), _now())
            self._around.changed()
            return 0.0
        _LOG.info("%s %s: started pid %d", self._around.pod, self.spec["name"], self._process.pid)
        self.record.running(_now())
        self.record.started = "startupProbe" not in self.spec
        self.record.ready = self.record.started and "readinessProbe" not in self.spec
        self._around.changed()
        self.has_started.set()
        if self._stopping.is_set():  # `stop` came while the process was being made, and found none
            self._signal_all(signal.SIGKILL)
        watch = asyncio.create_task(self._probe())
        try:
            code = await self._process.wait()
        finally:
            watch.cancel()
            # When a container's first process ends the others do, too.
            self._signal_all(signal.SIGKILL)
        self._process = None
        exit_code = code if code >= 0 else 128 - code
        _LOG.info("%s %s: ended with %d", self._around.pod, self.spec["name"], exit_code)
        self.record.terminated(exit_code, "Error" if exit_code else "Completed", "", _now())
        self._around.changed()
        return asyncio.get_running_loop().time() - begin

    async def _spawn(self, command: Command) -> asyncio.subprocess.Process:
        self._environment = command.environment
        directory = self._around.directory
        executable = find_executable(command.executable, directory, command.environment.get("PATH", ""))
        if executable is None:
            raise FileNotFoundError(
                f"executable {command.executable!r} is not on PATH: {command.environment.get('PATH')}"
            )
        with self._around.log.open("ab") as log:
            self.log_start = log.tell()
            return await asyncio.create_subprocess_exec(
                executable,
                *command.arguments,
                env=command.environment,
                cwd=directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _signal_all(self, number: signal.Signals) -> None:
        """Signal every process of the container: they share the process group that its first one leads."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def _end(self, grace: float) -> None:
        process = self._process
        if process is None:
            return
        try:
            async with asyncio.timeout(grace):
                if hook := (self.spec.get("lifecycle") or {}).get("preStop"):
                    await self._act(hook, grace)
                # As kubelet: only the container's first process is asked.
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()
        except TimeoutError:
            self._signal_all(signal.SIGKILL)
            await process.wait()

    async def _probe(self) -> None:
        """Follow the probes of one life."""
        if probe := self.spec.get("startupProbe"):
            async for healthy in self._verdicts(probe):
                if healthy:
                    self.record.started = True
                    self.record.ready = "readinessProbe" not in self.spec
                    self._around.changed()
                    break
                await self._restart("startup", probe)
                return
        async with asyncio.TaskGroup() as group:
            if probe := self.spec.get("readinessProbe"):
                group.create_task(self._follow_readiness(probe))
            if probe := self.spec.get("livenessProbe"):
                group.create_task(self._follow_liveness(probe))

    async def _follow_readiness(self, probe: Object) -> None:
        async for healthy in self._verdicts(probe):
            if healthy != self.record.ready:
                self.record.ready = healthy
                self._around.changed()

    async def _follow_liveness(self, probe: Object) -> None:
        async for healthy in self._verdicts(probe):
            if not healthy:
                await self._restart("liveness", probe)
                return

    async def _restart(self, kind: str, probe: Object) -> None:
        _LOG.info("%s %s: %s probe failed: restarting", self._around.pod, self.spec["name"], kind)
        grace = probe.get("terminationGracePeriodSeconds")
        await self._end(self._around.grace if grace is None else grace)

    async def _verdicts(self, probe: Object) -> AsyncIterator[bool]:
        """Probe for ever; each answer that enough tries in a row agree on."""
        timing = probes.Timing.of(probe)
        streak = probes.Streak(timing)
        await asyncio.sleep(timing.initial_delay)
        while True:
            problem = await self._act(probe, timing.timeout)
            if problem:
                _LOG.info("%s %s: probe: %s", self._around.pod, self.spec["name"], problem)
            verdict = streak.count(problem is None)
            if verdict is not None:
                yield verdict
            await asyncio.sleep(timing.period)

    async def _act(self, action: Object, limit: float) -> str | None:
        return await probes.act(action, self.spec, self._around.ip, limit, self._execute)

    async def _execute(self, words: list[str]) -> str | None:
        """Run a probe's command as the container would; the answer is what went wrong."""
        executable = find_executable(words[0], self._around.directory, self._environment.get("PATH", ""))
        if executable is None:
            return f"executable {words[0]!r} not found"
        process = await asyncio.create_subprocess_exec(
            executable,
            *words[1:],
            env=self._environment,
            cwd=self._around.directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return f"command exited with {code}" if code else None


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
