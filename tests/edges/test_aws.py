"""Answers of AWS that are none, over HTTP: no false Ready, no write that is not needed, no fault, and it heals."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import product

import pytest

from tests.edges.proxy import Proxy, Request, Rule, Twist
from tests.edges.world import RESYNC, World
from tests.integration.aws import WRITES, Account
from tests.integration.conftest import OperatorFactory
from tests.integration.process import Operator
from tests.patience import eventually

HTML = Twist(200, b"<html>welcome</html>", "text/html", done=False)
NOTHING = Twist(200, b"", done=False)
HALF = Twist(body=lambda body: body[: len(body) // 2])
# Every answer comes whole in the end: by then nobody should wait for it any more.
DRIPS = Twist(seconds_a_byte=4.0)

READS: dict[str, Twist] = {
    "html": HTML,
    "empty object": replace(HTML, body=b"{}", content_type="application/x-amz-json-1.1"),
    "list": replace(HTML, body=b"[]", content_type="application/x-amz-json-1.1"),
    "nothing": NOTHING,
    "half": HALF,
    "drips": DRIPS,
}
OF_READS = (
    "GetTrail",
    "GetTrailStatus",
    "ListTags",
    "GetEventSelectors",
    "GetInsightSelectors",
    "GetEventConfiguration",
)
OF_WRITES: dict[str, Twist] = {
    "html, not done": HTML,
    "html, done": replace(HTML, done=True),
    "nothing, not done": NOTHING,
    "half, done": replace(HALF, body=lambda body: body[: len(body) // 2] or b"{"),
}
CHANGES: dict[str, dict[str, object]] = {
    "UpdateTrail": {"enableLogFileValidation": False},
    "PutEventSelectors": {"eventSelectors": [{"readWriteType": "WriteOnly", "includeManagementEvents": True}]},
    "AddTags": {"tags": [{"key": "changed", "value": "yes"}]},
}

# What is to be written in all, the hand's StopLogging among it; of others nothing but the operation itself.
NEEDED = {"CreateTrail": ["CreateTrail", "StartLogging"], "StartLogging": ["StartLogging", "StopLogging"]}


def about(operation: str, name: str) -> Callable[[Request], bool]:
    """A call of an operation about a trail, by its name or ARN."""
    marker = re.compile(rb'["/]' + name.encode() + rb'"')
    return lambda request: request.target == operation and marker.search(request.body) is not None


def named(operations: Iterable[str], twists: Mapping[str, Twist]) -> dict[str, tuple[str, str]]:
    """Operation and case by the name of the Trail that they are tried with."""
    return {f"t-{number}": case for number, case in enumerate(product(operations, twists))}


def arrived(account: Account) -> int:
    """How many calls AWS has counted by now."""
    return max((call["sequence"] + 1 for call in account.calls()), default=0)


def writes(account: Account, since: int) -> dict[str, list[str]]:
    """The writes to each trail that reached AWS since then, refused ones too, by its name."""
    found: dict[str, list[str]] = {}
    for call in account.calls(since):
        if call["service"] == "cloudtrail" and call["operation"] in WRITES:
            # Once, though a creation names the trail in its owner tag, too.
            for name in set(re.findall(r'["/](t-\d+)"', json.dumps(call["parameters"]))):
                found.setdefault(name, []).append(call["operation"])
    return found


@pytest.fixture
def operator(operator_process: OperatorFactory, aws_proxy: Proxy) -> Operator:
    return operator_process(AWS_ENDPOINT_URL=aws_proxy.url)


def has_no_fault(operator: Operator) -> None:
    log = operator.log.read_text()
    assert "Traceback" not in log
    assert "InternalError" not in log


@pytest.mark.parametrize("operations", [OF_READS[:3], OF_READS[3:]], ids=",".join)
def test_reads_that_are_not_answered(
    operations: tuple[str, ...], world: World, operator: Operator, aws_proxy: Proxy, tally: Callable[[int], None]
) -> None:
    """As long as one of its reads is not answered, a trail that was stopped in AWS is not Ready for long."""
    cases = named(operations, READS)
    world.create(*cases)
    begun = arrived(world.account)
    rules = {name: aws_proxy.twist(about(operation, name), READS[twist]) for name, (operation, twist) in cases.items()}
    for name in cases:
        world.stop(name)
    eventually(
        "none Ready after three resyncs", lambda: world.not_ready(*cases) == cases.keys(), 3 * RESYNC + 1.2 * RESYNC
    )
    hits = {name: rule.hits for name, rule in rules.items() if rule.twist is not DRIPS}
    eventually("each is read again", lambda: all(rules[name].hits > count for name, count in hits.items()), 60)
    assert world.not_ready(*cases) == cases.keys()
    for rule in rules.values():
        assert rule.hits
        aws_proxy.end(rule)
    eventually("all Ready again", lambda: not world.not_ready(*cases), 90)
    assert not world.silent(*cases)
    for name, written in writes(world.account, begun).items():
        assert sorted(written) == ["StartLogging", "StopLogging"], cases[name]
    has_no_fault(operator)
    world.heals(*cases)
    tally(len(cases))


def test_writes_that_are_not_answered(
    world: World, operator: Operator, aws_proxy: Proxy, tally: Callable[[int], None]
) -> None:
    """Each reaches AWS once, whether it was the answer that was lost or the request."""
    cases = named(("CreateTrail", "DeleteTrail", "StartLogging", *CHANGES), OF_WRITES)
    there = [name for name, (operation, _) in cases.items() if operation != "CreateTrail"]
    world.create(*there)
    begun = arrived(world.account)
    rules: dict[str, Rule] = {
        name: aws_proxy.twist(about(operation, name), OF_WRITES[twist], count=1)
        for name, (operation, twist) in cases.items()
    }
    deleted = [name for name, (operation, _) in cases.items() if operation == "DeleteTrail"]
    for name, (operation, _) in cases.items():
        if operation == "CreateTrail":
            world.create(name, wait=False)
        elif operation == "DeleteTrail":
            world.trails.delete(name)
        elif operation == "StartLogging":
            world.stop(name)
        else:
            world.trails.change(name, **CHANGES[operation])
    eventually("all twisted", lambda: all(rule.hits for rule in rules.values()), 60)

    def are_released() -> bool:
        gone = set(deleted) - world.there(*deleted)
        assert not gone & world.in_aws(), "a Trail was released and its trail is still there"
        return gone == set(deleted)

    kept = [name for name in cases if name not in deleted]
    eventually("the deleted released", are_released, 90)
    eventually("all Ready", lambda: not world.not_ready(*kept), 90)
    assert not world.silent(*kept)
    written = writes(world.account, begun)
    for name, (operation, twist) in cases.items():
        assert sorted(written[name]) == NEEDED.get(operation, [operation]), (operation, twist)
    has_no_fault(operator)
    world.heals(*kept)
    tally(len(cases))
