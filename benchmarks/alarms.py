"""Prints what a TrailAlarmSet with both presets costs: `make benchmarks-alarms`.

Each set is in another region, with a Trail, a log group and a topic, because AWS limits the writes of alarms in a
region. The operator is measured from outside, as one process of the installed command.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubernetes import client, config, watch

from benchmarks.stage import GROUP, NAMESPACE, REGIONS, Bench, Operator, aws_client, is_ready, new_sandbox, until
from trail_sandbox.sandbox import ACCOUNT_ID

VERSION, PLURAL = "v1alpha1", "trailalarmsets"
SETS = 10
ALARMS = 15
RESYNC = 10.0
WINDOW = 60.0
# AWS is at rest after so many seconds without a call.
QUIET = 4.0
LONGEST = 300.0
ROLE, TOPIC, LOG_GROUP = "benchmark-log-delivery", "benchmark-alarms", "benchmark-logs"
_SERVICES = ("logs", "monitoring", "tagging", "sns")


class Sets:
    """TrailAlarmSets, and Trails that deliver to log groups."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._objects = client.CustomObjectsApi(config.new_client_from_config(str(bench.sandbox.kubeconfig)))
        self._role = ""

    def prepare(self) -> None:
        """Create the role that writes to the log groups."""
        iam = aws_client(self._bench.sandbox.aws_endpoint, "iam", REGIONS[0])
        trust = _policy({"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"})
        self._role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        permissions = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
        iam.put_role_policy(RoleName=ROLE, PolicyName="logs", PolicyDocument=_policy(permissions))

    def create_trail(self, number: int) -> str:
        """Create a Trail in the region of its number, with a log group and a topic for alarms; return its name."""
        region, endpoint = REGIONS[number], self._bench.sandbox.aws_endpoint
        aws_client(endpoint, "logs", region).create_log_group(logGroupName=LOG_GROUP)
        sns, sqs = aws_client(endpoint, "sns", region), aws_client(endpoint, "sqs", region)
        topic = sns.create_topic(Name=TOPIC)["TopicArn"]
        sqs.create_queue(QueueName=TOPIC)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{region}:{ACCOUNT_ID}:{TOPIC}")
        group = f"arn:aws:logs:{region}:{ACCOUNT_ID}:log-group:{LOG_GROUP}"
        return self._bench.create(number, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=self._role)

    def create(self, number: int) -> str:
        """Create a set with both presets for the Trail of its number; return its name."""
        name = f"trail-{number:03d}"
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "TrailAlarmSet",
            "metadata": {"name": name},
            "spec": {
                "trailRef": {"name": name},
                "presets": ["SecurityHub", "CIS"],
                "actions": {"alarm": [f"arn:aws:sns:{REGIONS[number]}:{ACCOUNT_ID}:{TOPIC}"]},
            },
        }
        self._objects.create_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, manifest)
        return name

    def wait_ready(self, names: Iterable[str]) -> None:
        """Wait, with one watch, until all these sets are Ready."""
        waiting = set(names)
        listed = self._objects.list_namespaced_custom_object
        for event in watch.Watch().stream(listed, GROUP, VERSION, NAMESPACE, PLURAL, timeout_seconds=round(LONGEST)):
            body = event["object"]
            if is_ready(body):
                assert body["status"]["alarmCount"] == ALARMS, body["status"]
                waiting.discard(body["metadata"]["name"])
            if not waiting:
                return
        raise TimeoutError(f"not Ready: {sorted(waiting)}")


def creation(bench: Bench, operator: Operator, sets: Sets) -> None:
    """Print apply to Ready, the calls and the CPU: of one set, then of all others at once."""
    bench.calls()
    begin, before = time.monotonic(), operator.cpu()
    sets.wait_ready([sets.create(0)])
    seconds = time.monotonic() - begin
    until_ready = Counter(_operations(bench.recorded()))
    settle(bench)
    cpu = operator.cpu() - before
    made = Counter(_operations(bench.recorded()))
    print(f"one set of {ALARMS} alarms: apply to Ready {seconds:.1f} s, {cpu * 1000:.0f} ms of CPU")
    _show("AWS calls until Ready", until_ready)
    _show("with those that follow", made)
    bench.calls()
    begin, before = time.monotonic(), operator.cpu()
    names = [sets.create(number) for number in range(1, SETS)]
    sets.wait_ready(names)
    seconds, cpu = time.monotonic() - begin, operator.cpu() - before
    print(
        f"{len(names)} sets at once, each in another region: all Ready after {seconds:.1f} s, "
        f"{cpu / len(names) * 1000:.0f} ms of CPU for each"
    )
    settle(bench)


def at_rest(bench: Bench, operator: Operator) -> tuple[float, Counter[str]]:
    """Return the CPU time and the calls of a while in which nothing changes."""
    time.sleep(2 * RESYNC)  # the first pass after the start reads more
    bench.calls()
    before = operator.cpu()
    time.sleep(WINDOW)
    return operator.cpu() - before, Counter(_operations(bench.recorded()))


def resyncs(without: tuple[float, Counter[str]], both: tuple[float, Counter[str]]) -> None:
    """Print what one unchanged resync of a set costs: the difference that the sets make."""
    made = Counter({name: count for name, count in both[1].items() if _service(name) in _SERVICES})
    count = made["logs:DescribeMetricFilters"]
    cpu = (both[0] - without[0]) / count
    print(f"one unchanged resync of a set: {made.total() / count:.1f} AWS calls, {cpu * 1000:.1f} ms of CPU")
    _show(f"AWS calls of {count} resyncs", made)


def settle(bench: Bench) -> None:
    """Wait until AWS is at rest."""
    deadline, before = time.monotonic() + LONGEST, -1
    while (count := len(bench.peek())) != before:
        if time.monotonic() > deadline:
            raise TimeoutError("AWS is still called")
        before = count
        time.sleep(QUIET)


def main() -> None:
    """Measure on a new sandbox."""
    resync = ("--resync", f"{RESYNC:.0f}s", "--allowed-action-arns", f"arn:aws:sns:*:{ACCOUNT_ID}:{TOPIC}")
    with new_sandbox("benchmarks-alarms") as bench:
        print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        bench.settings(rates=True)
        sets = Sets(bench)
        sets.prepare()
        with Operator(bench.sandbox, *resync) as operator:
            bench.wait_ready([sets.create_trail(number) for number in range(SETS)])
            without = at_rest(bench, operator)
        bench.calls()
        with Operator(bench.sandbox, *resync[2:]) as operator:
            until(lambda: len(_trails_read(bench)) == SETS, "all trails read", LONGEST)
            settle(bench)
            creation(bench, operator, sets)
        with Operator(bench.sandbox, *resync) as operator:
            resyncs(without, at_rest(bench, operator))
        print(f"load of the machine: {os.getloadavg()[0]:.1f}")


def _trails_read(bench: Bench) -> set[str]:
    return {call["region"] for call in bench.recorded() if call["operation"] == "GetTrailStatus"}


def _operations(calls: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{call['service']}:{call['operation']}" for call in calls]


def _service(operation: str) -> str:
    return operation.partition(":")[0]


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _show(what: str, made: Counter[str]) -> None:
    each = ", ".join(f"{count} {name}" for name, count in made.most_common())
    print(f"  {what}: {made.total()} ({each})", flush=True)


if __name__ == "__main__":
    main()
