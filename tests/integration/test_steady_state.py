"""Nothing new costs nothing: no write to AWS, to Trails, to their status or to Events."""

import re

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory, kubectl
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually, resync
from trail_sandbox.sandbox import Sandbox


def kubernetes_writes(trails: Trails) -> list[str]:
    """What changes with every write to the namespace's Trails, their status or Events."""
    versions = [f"{name}@{(trails.get(name) or {})['metadata']['resourceVersion']}" for name in trails.names()]
    events = trails.core.list_namespaced_event(trails.namespace).items
    return sorted(versions + [f"{event.metadata.name}@{event.metadata.resource_version}" for event in events])


def request_totals(cluster: Sandbox) -> dict[str, int]:
    """The API server's own count of writing requests to Trails and Events that came from anybody."""
    metrics = kubectl(cluster, "get", "--raw", "/metrics")
    totals: dict[str, int] = {}
    for labels, value in re.findall(r"^apiserver_request_total\{(.*)\} (\S+)$", metrics, re.MULTILINE):
        found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if found["verb"] in ("POST", "PUT", "PATCH", "APPLY", "DELETE") and found["resource"] in ("trails", "events"):
            key = f"{found['verb']} {found['resource']}/{found['subresource']}"
            totals[key] = totals.get(key, 0) + int(float(value))
    return totals


def reads(account: Account) -> int:
    return sum(call["operation"] == "GetTrailStatus" for call in account.calls())


def test_resyncs_and_a_restart_write_nothing(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running = operator_process("--resync", resync(0.5))
    bucket = account.bucket(f"logs-{account.number}", "steady")
    trails.create(trail("steady", bucket, tags=[{"key": "team", "value": "a"}]))
    trails.create(trail("dark", bucket, name="steady-2", isLogging=False))
    account.cloudtrail.delete_trail  # noqa: B018 - the client is made before the calls are counted
    trails.wait_ready("steady")
    trails.wait_reason("dark", "BucketPolicyDenies")
    trails.wait_evaluated("steady")
    trails.wait_evaluated("dark")
    before, written, seen = kubernetes_writes(trails), account.writes(), reads(account)
    eventually("twenty resyncs", lambda: reads(account) >= seen + 20, 60)
    assert running.stop() == 0
    running.start()
    seen = reads(account)
    eventually("ten more resyncs", lambda: reads(account) >= seen + 10, 60)
    # A refused CreateTrail is asked again: it is the only write there may be.
    assert {call["operation"] for call in account.writes()[len(written) :]} <= {"CreateTrail"}
    assert kubernetes_writes(trails) == before


def test_the_api_server_counts_no_write(
    cluster: Sandbox, operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running = operator_process("--resync", resync(0.5))
    bucket = account.bucket(f"logs-{account.number}", "counted")
    trails.create(trail("counted", bucket))
    trails.wait_ready("counted")
    body = trails.wait_evaluated("counted")
    agents = _writers(body)
    seen = reads(account)
    eventually("twenty resyncs", lambda: reads(account) >= seen + 20, 60)
    running.stop()
    running.start()
    seen = reads(account)
    eventually("ten resyncs", lambda: reads(account) >= seen + 10, 60)
    after = trails.get("counted")
    assert after is not None
    assert _writers(after) == agents
    assert request_totals(cluster)["PATCH trails/status"] >= 2  # the count itself works


def _writers(body: dict[str, object]) -> list[tuple[str, str]]:
    """Who wrote the object last, and when: the API server's own record."""
    fields = body["metadata"]["managedFields"]  # type: ignore[index]
    return [(entry["manager"], entry["time"]) for entry in fields]


def test_sigterm_ends_it_soon_even_while_aws_hangs(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running: Operator = operator_process()
    bucket = account.bucket(f"logs-{account.number}", "hanging")
    account.fault(service="cloudtrail", operation="CreateTrail", delay=60, when="before", count=1)
    trails.create(trail("hanging", bucket))
    eventually("CreateTrail under way", lambda: any(c["operation"] == "CreateTrail" for c in account.calls()))
    assert running.stop() == 0  # within 10 s, or this raises
    account.no_faults()
    running.start()
    trails.wait_ready("hanging", 60)
    assert account.trails() == [account.trail_arn("hanging")]
