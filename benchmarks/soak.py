"""Runs the operator for half an hour under random faults and drift: `make soak`.

200 Trails in 8 accounts and 5 regions are compared with AWS every 10 seconds. Answers of AWS are garbled, slow, cut off
or throttled, sessions end early, and trails drift from their specs. Fails if memory grows by a tenth or more after the
first third of the time, if a Trail is ever Ready falsely, if the operator exits or reports an internal error, or if not
all Trails are Ready, with matching trails, soon after the faults have ended.
"""

import argparse
import json
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
from botocore.config import Config
from kubernetes import watch

from benchmarks.changes import change
from benchmarks.honesty import READS, REMEDIES, Call, Judge, StatusChange
from benchmarks.scale import EVERYTHING, Fleet
from benchmarks.stage import (
    GROUP,
    NAMESPACE,
    PLURAL,
    REGIONS,
    VERSION,
    Operator,
    aws_client,
    is_ready,
    new_sandbox,
    until,
)
from trail_sandbox.sandbox import ACCOUNT_ID

TRAILS, ACCOUNTS, HOMES = 200, 8, REGIONS[:5]
RESYNC = 10.0
MOST_GROWTH = 0.10
# Seconds after the faults: the longest backoff, a resync, and one more observation.
HEALED = 180.0
_DRIFTS_AT_ONCE = 8
_TICK = 1.0
_SAMPLE = 5.0
_WATCH, _PAUSE = 30, 0.1
# Seconds after which a call without an answer gets none.
_LATEST = 15.0
BODIES = (
    *("", "<html><body>Please log in</body></html>", "{}", "null", "[]", '"ok"', '{"Trail": {"Name": "tr', "x" * 65536),
    *('{"__type": "InternalFailure"}', '{"IsLogging": 0}', '{"TrailARN": "arn:aws:cloudtrail:us-east-1:1:trail/x"}'),
)
CALLED = [
    *(("cloudtrail", operation) for operation in (*READS, "*", "DescribeTrails", "ListTrails")),
    *(("cloudtrail", operation) for operation in ("StartLogging", "UpdateTrail", "RemoveTags", "PutEventSelectors")),
    *(("sts", "AssumeRole"), ("sts", "GetCallerIdentity"), ("*", "*")),
]
# Each creates a fault. A slow answer arrives in time, or not at all.
KINDS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "garbled": lambda chance: {
        "status": chance.choice((200, 200, 200, 302, 403, 404, 502)),
        "contentType": chance.choice(("text/html", "application/x-amz-json-1.1", "text/plain")),
        "body": chance.choice(BODIES),
    },
    "slow": lambda chance: {"delay": chance.choice((1, 3, 8, 60))},
    "cut": lambda chance: {"drop": True, "when": chance.choice(("before", "after"))},
    "throttled": lambda _: {"error": "ThrottlingException", "message": "Rate exceeded"},
}


@dataclass
class Figures:
    """The results."""

    rss: list[float] = field(default_factory=list)
    """Resident memory in MB, by minute."""
    false_ready: list[str] = field(default_factory=list)
    internal_errors: set[str] = field(default_factory=set)
    """Trails whose status reported an internal error."""
    tracebacks: int = 0
    has_ended: bool = False
    unready: set[str] = field(default_factory=set)
    """Trails that were not Ready at the end."""
    unlike: set[str] = field(default_factory=set)
    """Trails that differed from their spec at the end."""

    @property
    def first(self) -> int:
        """The minute from which memory must not grow."""
        return max(len(self.rss) // 3, 1)

    @property
    def growth(self) -> float:
        """The share by which memory has grown since then."""
        if not self.rss:
            return 0.0
        return self.rss[-1] / self.rss[self.first - 1] - 1.0


def problems(figures: Figures) -> list[str]:
    """Return what is wrong, in words."""
    found = []
    if figures.growth >= MOST_GROWTH:
        found.append(f"memory has grown by {figures.growth:.1%} since minute {figures.first}")
    if figures.has_ended:
        found.append("the operator has exited")
    if figures.tracebacks:
        found.append(f"the log has {figures.tracebacks} tracebacks")
    for what, some in (
        ("false Ready", figures.false_ready),
        ("InternalError", figures.internal_errors),
        ("not Ready at the end", figures.unready),
        ("different from the spec at the end", figures.unlike),
    ):
        if some:
            found.append(f"{what}: {len(some)}, such as {min(some)}")
    return found


class Regional(Fleet):
    """A fleet with equally many trails in each region of each account."""

    def region(self, index: int) -> str:
        return HOMES[index // self.accounts % len(HOMES)]

    def arn(self, index: int) -> str:
        """Return the ARN of a trail."""
        account = self.numbers[index % self.accounts]
        return f"arn:aws:cloudtrail:{self.region(index)}:{account}:trail/{self.name(index)}"


class Meddler:
    """Injects faults, ends sessions and makes trails drift, at random."""

    def __init__(self, fleet: Regional, chance: random.Random) -> None:
        self._fleet = fleet
        self._chance = chance
        self._aws = fleet.sandbox.aws_endpoint
        self._clients = {
            (str(number), home): self._made(str(number), home) for number in fleet.numbers for home in HOMES
        }
        self._threads = ThreadPoolExecutor(_DRIFTS_AT_ONCE)  # faults delay their calls, too
        self._outages: dict[str, float] = {}
        """By account: when its outage ends."""
        self.faults: Counter[str] = Counter()

    def act(self, now: float) -> None:
        """Do what happens in one second."""
        for account, end in list(self._outages.items()):
            if now > end:
                del self._outages[account]
                requests.delete(f"{self._aws}/_sandbox/faults", params={"account": account}, timeout=10)
        if self._chance.random() < 0.6:
            self._fault(count=self._chance.randint(1, 30))
        if self._chance.random() < 0.02 and len(self._outages) < 2:
            self._outages[self._fault()] = now + self._chance.uniform(20.0, 90.0)
        if self._chance.random() < 0.02:
            requests.post(f"{self._aws}/_sandbox/sessions/end", params={"account": self._account()}, timeout=10)
        if self._chance.random() < 0.5:
            self._drift()

    def end(self) -> None:
        """End all faults and drift."""
        self._threads.shutdown(cancel_futures=True)
        requests.delete(f"{self._aws}/_sandbox/faults", timeout=60).raise_for_status()

    def _account(self) -> str:
        return str(self._chance.choice(self._fleet.numbers))

    def _fault(self, **more: Any) -> str:
        """Inject a fault; return its account."""
        kind = self._chance.choice(sorted(KINDS))
        service, operation = self._chance.choice(CALLED)
        # The operator assumes roles with its own account.
        account = ACCOUNT_ID if (service, operation) == ("sts", "AssumeRole") else self._account()
        fault = {"service": service, "operation": operation, "account": account, **KINDS[kind](self._chance), **more}
        requests.post(f"{self._aws}/_sandbox/faults", json=fault, timeout=10).raise_for_status()
        self.faults[kind] += 1
        return account

    def _drift(self) -> None:
        index = self._chance.randrange(self._fleet.trails)
        arn = self._fleet.arn(index)
        self._threads.submit(self._change, self.client(arn), arn, self._chance.choice(sorted(REMEDIES)))

    def _change(self, client: Any, arn: str, operation: str) -> None:
        with suppress(Exception):  # a fault may hit it; AWS's record shows whether it took effect
            change(client, arn, operation)

    def client(self, arn: str) -> Any:
        """Return a client of the administrator of a trail's account."""
        _, _, _, region, account, _ = arn.split(":")
        return self._clients[account, region]

    def _made(self, account: str, region: str) -> Any:
        once = Config(retries={"total_max_attempts": 1}, read_timeout=10)
        return aws_client(self._aws, "cloudtrail", region, account, config=once)


class Watcher:
    """Collects the statuses of the Trails from a watch."""

    def __init__(self, fleet: Regional) -> None:
        self._arns = {fleet.name(index): fleet.arn(index) for index in range(fleet.trails)}
        self._list = fleet.objects.list_namespaced_custom_object
        self._changes: list[StatusChange] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.internal_errors: set[str] = set()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        self._thread.join()

    def until(self, horizon: float) -> list[StatusChange]:
        """Return the changes before a time that were not returned yet."""
        with self._lock:
            taken = [change for change in self._changes if change.at < horizon]
            self._changes = self._changes[len(taken) :]
        return taken

    def _watch(self) -> None:
        while not self._closed.wait(_PAUSE):
            with suppress(Exception):  # a watch ends from time to time
                for event in watch.Watch().stream(
                    self._list, GROUP, VERSION, NAMESPACE, PLURAL, timeout_seconds=_WATCH
                ):
                    self._see(event["object"])

    def _see(self, body: dict[str, Any]) -> None:
        name = body["metadata"]["name"]
        conditions = body.get("status", {}).get("conditions", ())
        with self._lock:
            self._changes.append(StatusChange(time.time(), self._arns[name], is_ready(body)))
            if any(one["reason"] == "InternalError" for one in conditions):
                self.internal_errors.add(name)


class Recorder:
    """Collects the calls about trails that AWS recorded."""

    def __init__(self, fleet: Regional) -> None:
        self._url = f"{fleet.sandbox.aws_endpoint}/_sandbox/calls"
        self._next = 0
        self.hit: Counter[str] = Counter()
        """How many calls faults have hit, by effect."""
        self.count = 0

    def until(self, horizon: float) -> list[Call]:
        """Return the calls before a time that were not returned yet."""
        calls: list[Call] = []
        for entry in requests.get(self._url, params={"since": str(self._next)}, timeout=60).json()["calls"]:
            at = datetime.fromisoformat(entry["time"]).timestamp()
            if at >= horizon:
                break
            self._next = entry["sequence"] + 1
            self._count(entry)
            if arn := _named(entry["parameters"]):
                calls.append(_call(at, arn, entry))
        return calls

    def _count(self, entry: Mapping[str, Any]) -> None:
        self.count += 1
        if not entry["answered"]:
            self.hit["without an answer"] += 1
        elif entry["error"] == "Garbled":
            self.hit["garbled"] += 1
        elif entry["error"] == "ThrottlingException":
            self.hit["throttled"] += 1


def _call(at: float, arn: str, entry: Mapping[str, Any]) -> Call:
    is_whole = entry["answered"] and entry["error"] is None
    return Call(
        at,
        arn,
        entry["operation"],
        by_others=":assumed-role/" not in (entry["caller"] or ""),
        is_whole=is_whole,
        may_have_taken_effect=is_whole or not entry["answered"],
    )


def _named(parameters: Mapping[str, Any]) -> str | None:
    """Return the ARN of the one trail that a call names."""
    listed = parameters.get("ResourceIdList") or []
    given = listed[0] if len(listed) == 1 else None
    name = given or parameters.get("Name") or parameters.get("TrailName") or parameters.get("ResourceId") or ""
    return name if name.startswith("arn:") else None


def soak(minutes: int, seed: int, trails: int) -> list[str]:
    """Run everything on a new sandbox; return what is wrong, in words."""
    with new_sandbox("benchmarks-soak") as bench:
        fleet = Regional(bench.sandbox, trails, ACCOUNTS)
        fleet.prepare()
        os.environ["MALLOC_ARENA_MAX"] = "2"  # as the image sets it
        with Operator(bench.sandbox, "--resync", f"{RESYNC:.0f}s") as operator:
            fleet.apply_accounts(fleet.numbers)
            fleet.apply_trails()
            until(lambda: not fleet.unready(), "all Trails Ready", 600)
            _show(f"{trails} Trails in {ACCOUNTS} accounts and {len(HOMES)} regions are Ready; seed {seed}")
            figures = _endure(fleet, operator, minutes, random.Random(seed))  # noqa: S311 - nothing secret
    for minute in (figures.first, len(figures.rss)) if figures.rss else ():
        _show(f"memory (RSS) at minute {minute}: {figures.rss[minute - 1]:.1f} MB")
    _show(f"growth: {figures.growth:+.1%}; it must be less than {MOST_GROWTH:.0%}")
    found = problems(figures)
    _show("; ".join(found) or "nothing is wrong")
    return found


def _endure(fleet: Regional, operator: Operator, minutes: int, chance: random.Random) -> Figures:
    figures, judge = Figures(), Judge(RESYNC)
    meddler, watcher, recorder = Meddler(fleet, chance), Watcher(fleet), Recorder(fleet)
    fleet.forget_calls()

    def judged(horizon: float) -> None:
        events: list[Call | StatusChange] = [*watcher.until(horizon), *recorder.until(horizon)]
        for event in sorted(events, key=lambda event: event.at):
            judge.see(event)
        judge.tick(horizon)

    samples: list[float] = []
    begun = time.time()
    while len(figures.rss) < minutes and operator.running:
        meddler.act(time.time())
        if time.time() - begun > len(samples) * _SAMPLE + 60.0 * len(figures.rss):
            samples.append(operator.rss())
            judged(time.time() - _LATEST)
        if time.time() - begun >= 60.0 * (len(figures.rss) + 1):
            figures.rss.append(statistics.median(samples))
            samples = []
            _show(
                f"minute {len(figures.rss)}: RSS {figures.rss[-1]:.1f} MB, {recorder.count} AWS calls, "
                f"{judge.observations} complete observations, {judge.drifts} drifts, faults {_listed(meddler.faults)}, "
                f"calls hit {_listed(recorder.hit)}, false Ready {len(judge.false_ready)}"
            )
        time.sleep(_TICK)
    meddler.end()
    with suppress(TimeoutError):
        until(lambda: not fleet.unready() and not _unlike(fleet, meddler), "all Ready", HEALED)
    time.sleep(_LATEST)
    judged(time.time() - _LATEST)
    watcher.close()
    figures.unready, figures.unlike = fleet.unready(), _unlike(fleet, meddler)
    figures.false_ready, figures.internal_errors = judge.false_ready, watcher.internal_errors
    figures.has_ended, figures.tracebacks = not operator.running, operator.output().count(b"Traceback")
    return figures


def _unlike(fleet: Regional, meddler: Meddler) -> set[str]:
    """Return the trails that differ from their specs."""
    return {arn for arn in map(fleet.arn, range(fleet.trails)) if not _is_right(meddler.client(arn), arn)}


def _is_right(cloudtrail: Any, arn: str) -> bool:
    (tagged,) = cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    selectors = cloudtrail.get_event_selectors(TrailName=arn)["AdvancedEventSelectors"]
    return bool(
        cloudtrail.get_trail_status(Name=arn)["IsLogging"]
        and "S3KeyPrefix" not in cloudtrail.get_trail(Name=arn)["Trail"]
        and all(tag["Key"] != "drift" for tag in tagged["TagsList"])
        and len(selectors) == len(EVERYTHING["advancedEventSelectors"])
    )


def _listed(counter: Counter[str]) -> str:
    return json.dumps(dict(sorted(counter.items())))


def _show(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Run for the given time."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=30, help="duration, at least 3 (default: %(default)s)")
    parser.add_argument("--trails", type=int, default=TRAILS, help="number of Trails (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="repeats the same faults and changes (default: random)")
    wanted = parser.parse_args()
    if wanted.minutes < 3:
        parser.error("--minutes must be at least 3")
    seed = wanted.seed if wanted.seed is not None else random.SystemRandom().randrange(2**32)
    sys.exit(1 if soak(wanted.minutes, seed, wanted.trails) else 0)


if __name__ == "__main__":
    main()
