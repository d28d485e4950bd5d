"""Prints the operator's figures, and the emulator's: `make benchmarks`.

The operator is measured from outside, as one process of the installed command.

Trails are spread over regions, since CloudTrail (and so the operator) makes one trail a second in each.
"""

import statistics
import time

from benchmarks import accounts, emulator
from benchmarks.stage import REGIONS, Bench, Operator, until
from trail_sandbox.sandbox import Sandbox

MANY = 200


def latency(bench: Bench) -> None:
    """Seconds from the API server's answer to a created Trail until a watch shows it Ready."""
    warm = [bench.create(number) for number in range(len(REGIONS))]  # a client is made on first use of a region
    bench.wait_ready(warm)
    time.sleep(1.1)  # the rate of one CreateTrail a second in each region is not what is measured here
    seconds = []
    for number in range(20, 40):
        begin = time.monotonic()
        bench.wait_ready([bench.create(number)])
        seconds.append(time.monotonic() - begin)
    print(
        f"apply to Ready, 20 trails one after the other: median {statistics.median(seconds) * 1000:.0f} ms, "
        f"min {min(seconds) * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms"
    )
    bench.delete([*warm, *(f"trail-{number:03d}" for number in range(20, 40))])


def calls(bench: Bench) -> None:
    """AWS requests for each thing that can happen to a trail; the operator's first question to STS is not counted."""
    warm = bench.create(1)
    bench.wait_ready([warm])
    bench.delete([warm])
    bench.calls()
    name = bench.create(2)
    bench.wait_ready([name])
    _show("create", bench.calls())
    until(lambda: "cloudtrail:GetTrailStatus" in bench.peek(), "a resync")
    time.sleep(0.5)  # its reads come together
    _show("no-op", bench.calls())
    bench.change(name, s3KeyPrefix="logs")
    bench.wait_ready([name])
    _show("update", bench.calls())
    bench.delete([name])
    _show("delete", bench.calls())


def footprint(bench: Bench, operator: Operator) -> None:
    """CPU for each created trail, and memory with 1 and with many trails."""
    bench.wait_ready([bench.create(0)])
    one, before = operator.rss(), operator.cpu()
    begin = time.monotonic()
    names = [bench.create(number) for number in range(1, MANY + 1)]
    bench.wait_ready(names)
    seconds, cpu = time.monotonic() - begin, operator.cpu() - before
    print(f"{MANY} trails at once: all Ready after {seconds:.1f} s, {cpu / MANY * 1000:.1f} ms CPU a trail")
    print(f"memory (RSS): {one:.0f} MB at 1 trail, {operator.rss():.0f} MB at {MANY + 1}")
    bench.delete(["trail-000", *names])


def burst(bench: Bench) -> None:
    """Fifty trails at once under AWS's rates and quotas, five in each of ten regions.

    AWS allows one CreateTrail a second in a region: the fifth may begin four seconds after the first, and it is started
    after that. Nothing can be faster than that.
    """
    bench.settings(quotas=True, rates=True)
    bench.calls()
    regions, each = REGIONS[:10], 5
    begin = time.monotonic()
    names = [bench.create(number, region=region) for number, region in enumerate(regions * each)]
    applied = time.monotonic() - begin
    bench.wait_ready(names)
    seconds, best = time.monotonic() - begin, float(each - 1)
    throttled = sum(call["error"] == "ThrottlingException" for call in bench.recorded())
    print(
        f"{len(names)} trails in {len(regions)} regions under AWS's rates: all Ready after {seconds:.1f} s "
        f"(the last applied after {applied:.1f} s), {seconds / best:.2f} times the {best:.0f} s that the rates "
        f"allow at best; {throttled} throttled"
    )
    bench.delete(names)
    bench.settings(quotas=False, rates=False)


def main() -> None:
    """All figures, on a sandbox of their own."""
    emulator.throughput()
    sandbox = Sandbox("benchmarks")
    sandbox.down()  # whatever an earlier run has left
    try:
        sandbox.up()
        bench = Bench(sandbox)
        bench.prepare()
        with Operator(sandbox):
            latency(bench)
        with Operator(sandbox, "--resync", "4s"):
            calls(bench)
        with Operator(sandbox):
            burst(bench)
        with Operator(sandbox) as operator:
            footprint(bench, operator)
        accounts.measure(sandbox)
    finally:
        sandbox.down()


def _show(what: str, made: list[str]) -> None:
    print(f"AWS calls, {what}: {len(made)} ({', '.join(made)})")


if __name__ == "__main__":
    main()
