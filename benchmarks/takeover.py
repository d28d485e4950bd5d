"""Prints how soon a standby corrects drift after its leader was killed or stopped: `make benchmarks-takeover`.

Fails if one takes longer than documented, or if anything is written twice.
"""

import itertools
import statistics
import sys
import time
from typing import Any

from kubernetes import client, config

from benchmarks.honesty import WRITES
from benchmarks.stage import Bench, Operator, aws_client, new_sandbox, until

TIMES = 20
# Seconds, as in docs/operations.md.
TAKE_OVER = 15.0
NAME = "trail-001"


class Pair:
    """Two operators and one Lease."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._cloudtrail = aws_client(bench.sandbox.aws_endpoint, "cloudtrail", "us-east-2")
        self._leases: Any = client.CoordinationV1Api(config.new_client_from_config(str(bench.sandbox.kubeconfig)))
        self._leader = self._operator()
        until(self._is_led, "an operator holds the Lease")
        self._other = self._operator()

    def seconds(self, *, clean: bool) -> float:
        """Stop the trail and the leader; return the seconds until the standby has restarted the trail."""
        time.sleep(3)  # so that the standby has seen the Lease renewed
        self._cloudtrail.stop_logging(Name=NAME)
        begin = time.monotonic()
        if clean:
            self._leader.stop()
        else:
            self._leader.kill()
        until(lambda: self._cloudtrail.get_trail_status(Name=NAME)["IsLogging"], "logging again", 60)
        seconds = time.monotonic() - begin
        self._leader, self._other = self._other, self._operator()
        return seconds

    def close(self) -> None:
        """Stop both."""
        for each in (self._other, self._leader):
            each.stop()

    def _operator(self) -> Operator:
        return Operator(
            self._bench.sandbox,
            *("--leader-election", "true", "--lease-namespace", "default", "--resync", "600s"),
        )

    def _is_led(self) -> bool:
        try:
            lease = self._leases.read_namespaced_lease("trail-operator", "default")
        except client.ApiException:  # not created yet
            return False
        return bool(lease.spec.holder_identity)


def measure() -> list[str]:
    """Print the takeover times and the writes to AWS; return what is wrong."""
    wrong = []
    with new_sandbox("benchmarks-takeover") as bench:
        pair = Pair(bench)
        try:
            bench.wait_ready([bench.create(1)])
            bench.calls()
            for what, clean in (("kill", False), ("clean stop", True)):
                taken = [pair.seconds(clean=clean) for _ in range(TIMES)]
                print(
                    f"drift corrected by the standby after a {what} of the leader, {TIMES} times: "
                    f"median {statistics.median(taken):.1f} s, worst {max(taken):.1f} s",
                    flush=True,
                )
                if max(taken) > TAKE_OVER:
                    wrong.append(f"after a {what} it took {max(taken):.1f} s, more than {TAKE_OVER:.0f} s")
            made = [call.split(":")[1] for call in bench.calls()]
            writes = {name: len(list(group)) for name, group in itertools.groupby(sorted(made)) if name in WRITES}
            print(f"writes to AWS by both replicas: {writes}; {2 * TIMES} drifts had to be corrected")
            if writes != {"StartLogging": 2 * TIMES}:
                wrong.append("not every drift was corrected by exactly one write")
        finally:
            pair.close()
    return wrong


if __name__ == "__main__":
    sys.exit("; ".join(measure()) or 0)
