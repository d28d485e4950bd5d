"""Prints how long a new Trail takes and how many AWS calls it causes: `make benchmarks-latency`.

All trails are single-region trails in one region of one account, and are created two seconds apart. AWS's request
rates apply, its quotas do not. Uses only the CLI, the Kubernetes API and the control API of the emulated AWS, so that
the same file measures older versions.
"""

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import requests

from benchmarks.stage import Bench, Operator, Watcher, is_ready, new_sandbox, until

REGION = "us-east-1"
INTERVAL = 2.0
DELAY = 0.1
DELAYED = 10
COUNTS = (1, 5, 50)
# AWS is at rest after so many seconds without a call.
QUIET = 4.0
LONGEST = 300.0
# A dependent call arrives this share of the delay after the call that it waited for, or later.
TOLERANCE = 0.9
_NAMED = "trail-"


def steps(calls: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Group calls, in order of arrival, by the steps in which they were made: calls of one step wait for no other."""
    found: list[list[str]] = []
    begin = float("-inf")
    for call in calls:
        if _arrival(call) >= begin + TOLERANCE * DELAY:
            begin = _arrival(call)
            found.append([])
        found[-1].append(call["operation"])
    return found


def create(bench: Bench, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Create Trails at intervals; return when each was created and when each was Ready, after all have settled."""
    created: dict[str, float] = {}
    ready: dict[str, float] = {}

    def see(body: dict[str, Any]) -> None:
        if is_ready(body):
            ready.setdefault(body["metadata"]["name"], time.time())

    with Watcher(bench, see, seconds=1):
        begin = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, begin + number * INTERVAL - time.monotonic()))
            now = time.time()
            created[bench.create(number, region=REGION)] = now
        until(lambda: ready.keys() >= created.keys(), "all Trails Ready", LONGEST)
        settle(bench)
        return created, dict(ready)


def settle(bench: Bench) -> None:
    """Wait until AWS is at rest."""
    deadline, before = time.monotonic() + LONGEST, -1
    while (count := len(bench.peek())) != before:
        if time.monotonic() > deadline:
            raise TimeoutError("AWS is still called")
        before = count
        time.sleep(QUIET)


@contextmanager
def delayed(bench: Bench) -> Iterator[None]:
    """Add a delay to every AWS call."""
    faults = f"{bench.sandbox.aws_endpoint}/_sandbox/faults"
    requests.post(faults, json={"service": "*", "operation": "*", "delay": DELAY}, timeout=10).raise_for_status()
    try:
        yield
    finally:
        requests.delete(faults, timeout=10).raise_for_status()


def latency(bench: Bench) -> None:
    """Print apply to Ready and the AWS steps in sequence, with a delay added to every AWS call."""
    bench.calls()
    with delayed(bench):
        created, ready = create(bench, DELAYED)
    calls = bench.recorded()
    seconds = [ready[name] - created[name] for name in created]
    made = [steps(_creation(calls, name, ready[name])) for name in created]
    counts = [len(one) for one in made]
    print(f"with {DELAY * 1000:.0f} ms added to every AWS call, {DELAYED} trails {INTERVAL:.0f} s apart:")
    _show("apply to Ready", f"median {statistics.median(seconds):.2f} s; each: {_listed(seconds)}")
    _show("AWS steps in sequence", f"median {statistics.median(counts):.0f}; each: {', '.join(map(str, counts))}")
    _show("steps of the first", "; ".join(" + ".join(step) for step in made[0]))
    _show("AWS calls for each trail made", f"{len(calls) / len(created):.1f}")
    bench.delete(created)


def calls_for_each(bench: Bench) -> None:
    """Print the AWS calls for each trail made, and apply to Ready, for accounts with more and more trails."""
    print(f"no delay, trails {INTERVAL:.0f} s apart in one account:")
    for count in COUNTS:
        bench.calls()
        created, ready = create(bench, count)
        calls, last = len(bench.recorded()), list(created)[-1]
        seconds = [ready[name] - created[name] for name in created]
        _show(
            f"{count} trail{'s' if count > 1 else ''}",
            f"{calls / count:.1f} AWS calls for each; apply to Ready: median {statistics.median(seconds):.2f} s, "
            f"first {seconds[0]:.2f} s, last {ready[last] - created[last]:.2f} s, longest {max(seconds):.2f} s",
        )
        bench.delete(created)
        settle(bench)


def main() -> None:
    """Measure on a new sandbox."""
    with new_sandbox("benchmarks-latency") as bench:
        bench.settings(quotas=False, rates=True)
        print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        with Operator(bench.sandbox):
            warm = bench.create(999, region=REGION)  # creates the AWS clients
            bench.wait_ready([warm])
            bench.delete([warm])
            settle(bench)
            latency(bench)
            calls_for_each(bench)
        print(f"load of the machine: {os.getloadavg()[0]:.1f}")


def _arrival(call: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(call["time"]).timestamp()


def _creation(calls: Sequence[Mapping[str, Any]], name: str, ready: float) -> list[Mapping[str, Any]]:
    """The calls that made a trail: those that name it until Ready, and until its creation also those that name none."""
    until_ready = [call for call in calls if _arrival(call) <= ready]
    own = [call for call in until_ready if name in str(call["parameters"])]
    begin = _arrival(own[0])
    end = max(_arrival(call) for call in own if call["operation"] == "CreateTrail")
    lists = [call for call in until_ready if _NAMED not in str(call["parameters"]) and begin <= _arrival(call) <= end]
    return sorted([*own, *lists], key=_arrival)


def _listed(seconds: Sequence[float]) -> str:
    return ", ".join(f"{one:.2f}" for one in seconds)


def _show(what: str, figures: str) -> None:
    print(f"  {what}: {figures}", flush=True)


if __name__ == "__main__":
    main()
