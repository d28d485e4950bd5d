"""Prints latency, AWS calls, CPU and memory of the operator, and the throughput of the emulator: `make benchmarks`.

The operator is measured from outside, as one process of the installed command. Trails are spread over regions, because
CloudTrail allows one CreateTrail a second in each.
"""

import statistics
import time

from benchmarks import accounts, emulator
from benchmarks.stage import REGIONS, Bench, Operator, new_sandbox, until

MANY = 200


def latency(bench: Bench) -> None:
    """Print the seconds from creating a Trail until a watch shows it Ready."""
    warm = [bench.create(number) for number in range(len(REGIONS))]  # a client is created on first use of a region
    bench.wait_ready(warm)
    time.sleep(1.1)  # so that the rate of CreateTrail in a region delays none of them
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
    """Print the AWS calls for each event in a trail's life, without the operator's first GetCallerIdentity."""
    warm = bench.create(1)
    bench.wait_ready([warm])
    bench.delete([warm])
    bench.calls()
    name = bench.create(2)
    bench.wait_ready([name])
    _show("create", bench.calls())
    until(lambda: "cloudtrail:GetTrailStatus" in bench.peek(), "a resync")
    time.sleep(0.5)  # its reads are sent together
    _show("no-op", bench.calls())
    bench.change(name, s3KeyPrefix="logs")
    bench.wait_ready([name])
    _show("update", bench.calls())
    bench.delete([name])
    _show("delete", bench.calls())


def footprint(bench: Bench, operator: Operator) -> None:
    """Print the CPU time for each created trail, and the memory with 1 and with many trails."""
    bench.wait_ready([bench.create(0)])
    one, before = operator.rss(), operator.cpu()
    begin = time.monotonic()
    names = [bench.create(number) for number in range(1, MANY + 1)]
    bench.wait_ready(names)
    seconds, cpu = time.monotonic() - begin, operator.cpu() - before
    print(f"{MANY} trails at once: all Ready after {seconds:.1f} s, {cpu / MANY * 1000:.1f} ms of CPU for each")
    print(f"memory (RSS): {one:.0f} MB at 1 trail, {operator.rss():.0f} MB at {MANY + 1}")
    bench.delete(["trail-000", *names])


def burst(bench: Bench) -> None:
    """Print how long fifty trails at once take under AWS's rates and quotas, five in each of ten regions.

    AWS allows one CreateTrail a second in a region, so the fifth can start four seconds after the first at best.
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
        f"allow at best; {throttled} calls throttled"
    )
    bench.delete(names)
    bench.settings(quotas=False, rates=False)


def main() -> None:
    """Measure everything on a new sandbox."""
    emulator.throughput()
    with new_sandbox("benchmarks") as bench:
        with Operator(bench.sandbox):
            latency(bench)
        with Operator(bench.sandbox, "--resync", "4s"):
            calls(bench)
        with Operator(bench.sandbox):
            burst(bench)
        with Operator(bench.sandbox) as operator:
            footprint(bench, operator)
        accounts.measure(bench.sandbox)


def _show(what: str, made: list[str]) -> None:
    print(f"AWS calls, {what}: {len(made)} ({', '.join(made)})")


if __name__ == "__main__":
    main()
