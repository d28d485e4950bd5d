"""Answers of the API server that are none: no Trail is forgotten, and a process that they end says so by its status."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from tests.edges.proxy import Proxy, Request, Rule, Twist
from tests.edges.world import RESTARTS, Supervised, World
from tests.integration.conftest import OperatorFactory
from tests.integration.service_account import ServiceAccount
from tests.patience import eventually

Behind = Callable[[], dict[str, str]]


def status(code: int, reason: str, **details: str) -> Twist:
    """A `Status`, which the API server did not answer."""
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": "odd", "details": details}
    return Twist(code, json.dumps(body).encode(), done=False)


def answered(body: bytes, code: int = 200, content_type: str = "application/json") -> Twist:
    return Twist(code, body, content_type, done=False)


HTML = Twist(200, b"<html>welcome</html>", "text/html", done=False)
NOT_FOUND_HTML = Twist(404, b"default backend - 404", "text/html", done=False)
NOT_FOUND_PLAIN = Twist(404, b"404 page not found\n", "text/plain", done=False)
EMPTY_OBJECT = answered(b"{}")
DRIPS = Twist(seconds_a_byte=0.2)
CUT = Twist(share=0.5)
OTHER = Twist(body=lambda body: body.replace(b'"name":"', b'"name":"other-'))

READS: dict[str, Twist] = {
    "404 html": NOT_FOUND_HTML,
    "404 plain": NOT_FOUND_PLAIN,
    "404 of a kind that is not served": status(404, "NotFound"),
    "404 of another object": status(404, "NotFound", name="another", kind="trails"),
    "410": status(410, "Gone"),
    "401": status(401, "Unauthorized"),
    "403 html": answered(b"<html>log in</html>", 403, "text/html"),
    "500 html": answered(b"<html>", 500, "text/html"),
    "503 with Retry-After": replace(answered(b"", 503), headers=(("Retry-After", "3600"),)),
    "200 html": HTML,
    "200 empty object": EMPTY_OBJECT,
    "200 null": answered(b"null"),
    "200 list": answered(b"[]"),
    "200 nothing": answered(b""),
    "200 half": Twist(body=lambda body: body[: len(body) // 2]),
    "200 another object": OTHER,
    "204": answered(b"", 204),
    "302 to itself": replace(answered(b"", 302), headers=(("Location", "/"),)),
    "cut": CUT,
    "dropped": Twist(drops=True),
    "drips": DRIPS,
}
WRITES: dict[str, Twist] = {
    "html, not done": HTML,
    "html, done": replace(HTML, done=True),
    "empty object, not done": EMPTY_OBJECT,
    "404 html, not done": NOT_FOUND_HTML,
    "404 html, done": replace(NOT_FOUND_HTML, done=True),
    "409 html": answered(b"<html>", 409, "text/html"),
    "another object, done": OTHER,
    "dropped, done": Twist(drops=True),
}
EVENTS: dict[str, Twist] = {
    "html": HTML,
    "empty object, done": replace(EMPTY_OBJECT, done=True),
    "404 html": NOT_FOUND_HTML,
    "500": status(500, "InternalError"),
    "dropped": Twist(drops=True),
}
WATCHES: dict[str, Twist] = {
    "401": status(401, "Unauthorized"),
    "404 html": NOT_FOUND_HTML,
    "404": status(404, "NotFound"),
    "410": status(410, "Expired"),
    "html": HTML,
    "empty object": answered(b"{}\n"),
    "broken": answered(b'{"type": "ADDED", "obj\n'),
    "ERROR 500": answered(b'{"type": "ERROR", "object": {"kind": "Status", "code": 500}}\n'),
    "ADDED without metadata": answered(b'{"type": "ADDED", "object": {"kind": "Trail"}}\n'),
    "MODIFIED without uid": answered(
        b'{"type": "MODIFIED", "object": {"metadata": {"name": "a", "namespace": "b"}}}\n'
    ),
    "dropped": Twist(drops=True),
}
LISTS: dict[str, Twist] = {
    "/trails": HTML,
    "/awsaccounts": NOT_FOUND_PLAIN,
    "/namespaces": answered(b'{"kind": "List", "metadata": {"resourceVersion": "1"}, "items": null}'),
}
LEASES: dict[str, tuple[str, Twist]] = {
    "get html": ("GET", HTML),
    "get empty object": ("GET", EMPTY_OBJECT),
    "get 404 html": ("GET", NOT_FOUND_HTML),
    "put html, done": ("PUT", replace(HTML, done=True)),
    "put empty object": ("PUT", EMPTY_OBJECT),
    "put 404 html": ("PUT", NOT_FOUND_HTML),
}


def names(kind: str, twists: Mapping[str, object]) -> dict[str, str]:
    """A Trail's name for each case."""
    return {f"{kind}-{number}": case for number, case in enumerate(twists)}


def of_trail(method: str, suffix: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method and request.path.endswith(suffix)


def about(name: str) -> Callable[[Request], bool]:
    """An Event about a Trail that is written."""
    marker = f'"name": "{name}"'.encode()
    return lambda request: request.method == "POST" and request.path.endswith("/events") and marker in request.body


def of_lease(method: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method and "/leases" in request.path


def listing(kind: str, agent: str) -> Callable[[Request], bool]:
    return lambda request: request.method == "GET" and request.path.endswith(kind) and request.agent.startswith(agent)


@pytest.fixture
def supervised(
    operator_process: OperatorFactory, behind: Behind, kubernetes_proxy: Proxy, service_account: ServiceAccount
) -> Callable[..., Supervised]:
    def make(*arguments: str) -> Supervised:
        return Supervised(operator_process(*arguments, start=False, **behind()), kubernetes_proxy)

    return make


def test_odd_answers_about_a_trail(
    world: World, supervised: Callable[..., Supervised], kubernetes_proxy: Proxy, tally: Callable[[int], None]
) -> None:
    """Reads before a pass, writes of status and of finalizers, and Events: each of its own Trail, all at once."""
    operator = supervised().start()
    reads, statuses, events = names("read", READS), names("status", WRITES), names("event", EVENTS)
    finalizers, deletions = names("finalizer", WRITES), names("deletion", WRITES)
    world.create(*reads, *statuses, *events, *deletions)
    rules: dict[str, Rule] = {}

    def twist(name: str, concerns: Callable[[Request], bool], twist: Twist) -> None:
        rules[name] = kubernetes_proxy.twist(concerns, twist, count=1)

    for name, case in reads.items():
        twist(name, of_trail("GET", f"/trails/{name}"), READS[case])
    for name, case in statuses.items():
        twist(name, of_trail("PATCH", f"/trails/{name}/status"), WRITES[case])
        world.trails.change(name, tags=[{"key": "changed", "value": "yes"}])
    for name, case in events.items():
        twist(name, about(name), EVENTS[case])
        world.stop(name)
    for name, case in finalizers.items():
        twist(name, of_trail("PATCH", f"/trails/{name}"), WRITES[case])
    world.create(*finalizers, wait=False)
    for name, case in deletions.items():
        twist(name, of_trail("PATCH", f"/trails/{name}"), WRITES[case])
        world.trails.delete(name)
    eventually("all answers twisted", lambda: not [name for name, rule in rules.items() if not rule.hits], 60)
    eventually(
        "all are read again",
        lambda: not [name for name in reads if kubernetes_proxy.last(rules[name].concerns) <= rules[name].last],
        60,
    )
    kept = [*reads, *statuses, *events, *finalizers]
    eventually("all Trails Ready", lambda: not world.not_ready(*kept), 60)
    eventually("the deleted gone", lambda: not world.there(*deletions), 60)
    assert not set(deletions) & world.in_aws(), "a Trail was released and its trail not deleted"
    world.heals(*kept)
    assert operator.exits == []
    assert operator.metric("trail_operator_unattended_trails") == 0
    tally(len(rules))


def test_odd_answers_to_a_watch(
    world: World, supervised: Callable[..., Supervised], kubernetes_proxy: Proxy, tally: Callable[[int], None]
) -> None:
    operator = supervised().start()
    world.create("watched")
    for case, twist in WATCHES.items():
        operator.twist_watch("/trails", twist, case)
        world.heals("watched", operator=operator)
        assert world.observes("watched", operator), case
    others = ("/awsaccounts", "/namespaces")
    for kind in others:
        operator.twist_watch(kind, NOT_FOUND_HTML, kind)
        world.heals("watched", operator=operator)
    tally(len(WATCHES) + len(others))


def test_odd_answers_to_lists_and_discovery(
    world: World, supervised: Callable[..., Supervised], kubernetes_proxy: Proxy, tally: Callable[[int], None]
) -> None:
    operator = supervised().start()
    world.create("listed")
    operator.stop()
    for kind, twist in LISTS.items():
        # Its own list before it begins, and then kopf's.
        own, of_kopf = (
            kubernetes_proxy.twist(listing(kind, agent), twist, count=1) for agent in ("trail-operator", "kopf")
        )
        operator.start()
        eventually(f"lists of {kind} twisted", lambda own=own, of_kopf=of_kopf: own.hits and of_kopf.hits)  # type: ignore[misc]
        eventually("all is well again", lambda: operator.tend() and not world.not_ready("listed"))
        world.heals("listed", operator=operator)
        operator.stop()
    tally(2 * len(LISTS))


def test_a_watch_that_never_begins_ends_the_process(
    world: World, supervised: Callable[..., Supervised], kubernetes_proxy: Proxy, tally: Callable[[int], None]
) -> None:
    operator = supervised()
    rule = kubernetes_proxy.twist(
        lambda request: request.path.endswith("/v1beta1") and request.agent.startswith("kopf"), NOT_FOUND_HTML, count=1
    )
    operator.start()
    eventually("twisted", lambda: rule.hits)
    world.create("unheard-of", wait=False)
    eventually("Ready", lambda: not world.not_ready("unheard-of"), 90)
    eventually("the process has ended", lambda: not operator.running, 90)
    operator.tend()
    assert "the watch of Trails does not run" in operator.exits[0]
    world.heals("unheard-of", operator=operator)
    tally(1)


def test_odd_answers_to_the_lease(
    world: World,
    supervised: Callable[..., Supervised],
    kubernetes_proxy: Proxy,
    service_account: ServiceAccount,
    tally: Callable[[int], None],
) -> None:
    """One does not cost the Lease; what goes on for the whole term ends the process, and the next one leads."""
    name = service_account.name
    operator = supervised("--leader-election", "true", "--lease-name", name, "--lease-namespace", name).start()
    world.create("led")
    for case, (method, twist) in LEASES.items():
        rule = kubernetes_proxy.twist(of_lease(method), twist, count=1)
        eventually(f"{case} twisted", lambda rule=rule: rule.hits)  # type: ignore[misc]
        world.heals("led")
        assert operator.running, case
    rule = kubernetes_proxy.twist(of_lease("PUT"), HTML)
    eventually("the process has ended", lambda: not operator.running)
    kubernetes_proxy.end(rule)
    world.heals("led", operator=operator)
    assert ["leader election lost" in line for line in operator.exits] == [True]
    tally(len(LEASES) + 1)


def test_a_balancer_that_answers_404_to_everything_for_a_while(
    world: World, supervised: Callable[..., Supervised], kubernetes_proxy: Proxy, tally: Callable[[int], None]
) -> None:
    operator = supervised().start()
    world.create("first", "second", "third")
    rule = kubernetes_proxy.twist(lambda _: True, NOT_FOUND_HTML)
    kubernetes_proxy.cut()
    begun = time.monotonic()
    for name in ("first", "second", "third"):
        world.stop(name)
    eventually("some seconds of it", lambda: operator.tend(wait=False) and time.monotonic() - begun > 12, 60)
    kubernetes_proxy.end(rule)
    eventually("all log again", lambda: operator.tend() and not world.silent("first", "second", "third"), RESTARTS)
    world.heals("first", "second", "third", operator=operator)
    tally(1)
