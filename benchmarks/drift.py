"""Prints how soon an operator with an event queue corrects changes made by others: `make benchmarks-drift`.

Single-region trails in several accounts and regions are changed, at least three seconds apart in one account and
region; then all trails of one region at once, and the policies of buckets, until DependenciesReady of all their Trails
is False. AWS's request rates apply, its quotas do not. The resync is an hour away, so that nothing but an event can
cause a correction. Measured from outside: by AWS's record of calls, a second queue that gets the same events, and a
watch of the Trails.

Fails if a change is not corrected, if more than one correction in twenty takes longer than 2 seconds, or if the
operator reads a trail with more than 6 calls before it writes. The burst has no such limits.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any

from benchmarks import changes
from benchmarks.corrections import Change, Correction, correction, problems, summary
from benchmarks.event_queue import EventQueue
from benchmarks.soak import HOMES, Regional
from benchmarks.stage import Bench, Operator, Watcher, aws_client, bucket_policy, new_sandbox, until

TRAILS, ACCOUNTS, TIMES = 200, 8, 20
OPERATIONS = ("StopLogging", "UpdateTrail", "PutEventSelectors", "DeleteTrail")
BURST, BURST_REGION = (*OPERATIONS, "AddTags"), HOMES[1]
# Seconds between two changes, and between two in one account and region.
INTERVAL, APART = 0.5, 3.0
# Seconds after which the operator has read a trail once more after its last write.
SETTLE = 15.0
# The operator reads a bucket once in so many seconds.
AGAIN = 10.0
LONGEST = 120.0
# One correction in twenty may take longer than so many seconds.
GOAL = 2.0
MOST_READS = 6
_POLL = 1.0


class Others:
    """Who changes the trails and buckets of a fleet behind the operator's back."""

    def __init__(self, fleet: Regional) -> None:
        self._fleet = fleet
        self._client = cache(self._new_client)
        self._last: dict[tuple[str, str], float] = {}
        """By account and region: when the last change was made."""

    def change(self, operation: str, index: int) -> Change:
        """Change a trail."""
        arn = self._fleet.arn(index)
        at = time.time()
        request = changes.change(self._client("cloudtrail", *_place(arn)), arn, operation)
        self._last[_place(arn)] = time.monotonic()
        return Change(operation, self._fleet.name(index), request, at)

    def wait(self, index: int) -> None:
        """Wait until the next change of a trail is far enough from the last in its account and region."""
        time.sleep(INTERVAL)
        last = self._last.get(_place(self._fleet.arn(index)), float("-inf"))
        time.sleep(max(0.0, last + APART - time.monotonic()))

    def warm_up(self) -> None:
        """Create all clients, so that none is created while something is measured."""
        for index in range(self._fleet.trails):
            self._client("cloudtrail", *_place(self._fleet.arn(index))).get_trail(Name=self._fleet.arn(index))

    def break_bucket(self, number: int) -> str:
        """Delete the policy of an account's bucket; return AWS's id of the request."""
        answer = self._client("s3", str(number), HOMES[0]).delete_bucket_policy(Bucket=f"logs-{number}")
        return str(answer["ResponseMetadata"]["RequestId"])

    def repair_bucket(self, number: int) -> None:
        """Restore the policy of an account's bucket."""
        policy = json.dumps(bucket_policy(f"logs-{number}", str(number)))
        self._client("s3", str(number), HOMES[0]).put_bucket_policy(Bucket=f"logs-{number}", Policy=policy)

    def _new_client(self, service: str, account: str, region: str) -> Any:
        return aws_client(self._fleet.sandbox.aws_endpoint, service, region, account)


class DriftBench:
    """A fleet of Trails, an operator with an event queue, and what is measured on them."""

    def __init__(self, bench: Bench, fleet: Regional, queue: EventQueue) -> None:
        self._bench = bench
        self._fleet = fleet
        self._queue = queue
        self._others = Others(fleet)

    def prepare(self) -> None:
        """Create all Trails, and wait until the operator and the queue are at rest."""
        self._fleet.apply_accounts(self._fleet.numbers)
        self._fleet.apply_trails()
        until(lambda: not self._fleet.unready(), "all Trails Ready", 600, every=_POLL)
        self._others.warm_up()
        time.sleep(SETTLE)
        until(self._queue.is_empty, "the operator has received all events", LONGEST, every=_POLL)
        self._forget()

    def apart(self, times: int) -> dict[str, list[Correction | None]]:
        """Change as many trails by each operation; return how each change was corrected, by operation."""
        made = []
        for index in range(times * len(OPERATIONS)):
            self._others.wait(index)
            made.append(self._others.change(OPERATIONS[index % len(OPERATIONS)], index))
        corrected = self._corrected(made)
        return {
            operation: [one for change, one in zip(made, corrected, strict=True) if change.operation == operation]
            for operation in OPERATIONS
        }

    def burst(self) -> list[Correction | None]:
        """Change all trails of one region at once, in each account each by another operation."""
        indices = [index for index in range(self._fleet.trails) if self._fleet.region(index) == BURST_REGION]
        operations = [BURST[number // self._fleet.accounts % len(BURST)] for number in range(len(indices))]
        with ThreadPoolExecutor(self._fleet.accounts) as pool:
            made = list(pool.map(self._others.change, operations, indices))
        return self._corrected(made)

    def buckets(self, times: int) -> list[float | None]:
        """Break the policies of buckets; return the seconds until all Trails with the bucket say so, for each."""
        found: list[float | None] = []
        with DependenciesWatcher(self._bench) as seen:
            until(lambda: seen.are(self._names(self._fleet.numbers), "True"), "DependenciesReady of all Trails")
            while len(found) < times:
                found += self._break(self._fleet.numbers[: times - len(found)], seen)
                time.sleep(AGAIN)
        return found

    def _break(self, numbers: Sequence[int], seen: "DependenciesWatcher") -> list[float | None]:
        """Break and repair the buckets of accounts."""
        requests = []
        for number in numbers:
            requests.append(self._others.break_bucket(number))
            time.sleep(APART)  # each concerns all Trails of an account
        with suppress(TimeoutError):
            until(lambda: seen.are(self._names(numbers), "False"), "all broken", LONGEST)
        ends = [seen.last(self._names([number]), "False") for number in numbers]
        for number in numbers:
            self._others.repair_bucket(number)
        until(lambda: seen.are(self._names(numbers), "True"), "DependenciesReady after the repair", LONGEST)
        arrivals = self._queue.arrivals()
        return [
            end - arrivals[request] if end is not None and request in arrivals else None
            for end, request in zip(ends, requests, strict=True)
        ]

    def _corrected(self, made: Sequence[Change]) -> list[Correction | None]:
        """Wait until all changes are corrected; return how."""
        arrivals: dict[str, float] = {}
        found: list[Correction | None] = []

        def are_corrected() -> bool:
            arrivals.update(self._queue.arrivals())
            calls = self._bench.recorded()
            found[:] = [correction(change, arrivals, calls) for change in made]
            return None not in found

        time.sleep(_POLL)  # looking takes processor time
        with suppress(TimeoutError):
            until(are_corrected, "all changes corrected", LONGEST, every=_POLL)
        time.sleep(SETTLE)
        self._forget()
        return found

    def _names(self, numbers: Iterable[int]) -> list[str]:
        """The Trails of accounts."""
        wanted = {self._fleet.numbers.index(number) for number in numbers}
        return [self._fleet.name(i) for i in range(self._fleet.trails) if i % self._fleet.accounts in wanted]

    def _forget(self) -> None:
        self._queue.arrivals()
        self._bench.calls()


class DependenciesWatcher(Watcher):
    """Records when each Trail's condition DependenciesReady was first seen as it is now."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench, self._record, seconds=10)
        self._seen: dict[str, tuple[str, float]] = {}

    def are(self, names: Iterable[str], status: str) -> bool:
        """Whether all these Trails have this status."""
        return all(self._seen.get(name, ("", 0.0))[0] == status for name in names)

    def last(self, names: Iterable[str], status: str) -> float | None:
        """Return when the last of these Trails got this status; None if one has not."""
        found = [self._seen.get(name, ("", 0.0)) for name in names]
        return max(at for _, at in found) if all(one == status for one, _ in found) else None

    def _record(self, body: dict[str, Any]) -> None:
        conditions = body.get("status", {}).get("conditions", ())
        status = next((str(one["status"]) for one in conditions if one["type"] == "DependenciesReady"), "")
        name = body["metadata"]["name"]
        if self._seen.get(name, ("", 0.0))[0] != status:
            self._seen[name] = (status, time.time())


def measure(trails: int, accounts: int, times: int) -> list[str]:
    """Print all figures, on a new sandbox; return what is wrong."""
    with new_sandbox("benchmarks-drift") as bench:
        # Deliveries would use the same processors, and AWS would report the broken buckets itself.
        bench.settings(quotas=False, rates=True, background=False)
        fleet = Regional(bench.sandbox, trails, accounts, actions=("cloudtrail:*", "s3:Get*", "sts:GetCallerIdentity"))
        fleet.prepare()
        queue = EventQueue(bench.sandbox.aws_endpoint)
        queue.create([str(number) for number in fleet.numbers], HOMES)
        with Operator(bench.sandbox, "--resync", "1h", "--event-queue", queue.arn):
            drift = DriftBench(bench, fleet, queue)
            drift.prepare()
            _show(f"{trails} Trails in {accounts} accounts and {len(HOMES)} regions; load {os.getloadavg()[0]:.1f}")
            _show(f"{'change':20}{'times':>6}{'median':>12}{'95 %':>12}{'worst':>12}   reads before the first write")
            wrong = [problem for row in drift.apart(times).items() for problem in _print_corrections(*row)]
            burst = drift.burst()
            wrong += _print_corrections(f"burst of {len(burst)}", burst, goal=math.inf)
            try:
                wrong += _print_row("bucket policy", drift.buckets(times), "-")
            except TimeoutError as error:
                wrong.append(f"bucket policy: {error}")
    return wrong


def _print_corrections(what: str, found: Sequence[Correction | None], goal: float = GOAL) -> list[str]:
    """Print a row; return what is wrong."""
    most = max((one.reads for one in found if one), default=0)
    wrong = _print_row(what, [one.seconds if one else None for one in found], f"at most {most}", goal)
    if most > MOST_READS and goal == GOAL:
        wrong.append(f"{what}: {most} reads before the first write, more than {MOST_READS}")
    return wrong


def _print_row(what: str, found: Sequence[float | None], reads: str, goal: float = GOAL) -> list[str]:
    """Print a row; return what is wrong."""
    if seconds := [one for one in found if one is not None]:
        _show(f"{what:20}{len(seconds):6}{summary(seconds)}   {reads}")
    return [f"{what}: {problem}" for problem in problems(found, goal)]


def _place(arn: str) -> tuple[str, str]:
    """Return the account and region of a trail."""
    _, _, _, region, account, _ = arn.split(":")
    return account, region


def _show(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Measure with the given numbers."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trails", type=int, default=TRAILS, help="number of Trails (default: %(default)s)")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="number of accounts (default: %(default)s)")
    parser.add_argument("--times", type=int, default=TIMES, help="changes of each kind (default: %(default)s)")
    wanted = parser.parse_args()
    if wanted.times * len(OPERATIONS) > wanted.trails:
        parser.error(f"--trails must be at least {len(OPERATIONS)} for each of --times")
    sys.exit("; ".join(measure(wanted.trails, wanted.accounts, wanted.times)) or 0)


if __name__ == "__main__":
    main()
