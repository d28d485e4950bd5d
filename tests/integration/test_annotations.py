"""Pausing, and looking at once."""

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually

PAUSED, RECONCILE_AT = "trail-operator.dev/paused", "trail-operator.dev/reconcile-at"


def looks(account: Account) -> int:
    return sum(call["operation"] == "GetTrail" for call in account.calls())


def test_a_paused_trail_is_let_alone_and_held(operator: Operator, account: Account, trails: Trails) -> None:
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit")))
    trails.create(trail("other", account.bucket(f"more-{account.number}", "other"), isMultiRegionTrail=False))
    trails.wait_ready("audit")
    trails.wait_ready("other")
    trails.annotate("audit", {PAUSED: "true"})
    paused = trails.wait_reason("audit", "Paused")
    assert paused["status"] == "Unknown"
    mark, writes = len(account.calls()), len(account.writes())
    account.cloudtrail.stop_logging(Name="audit")
    trails.change("audit", s3KeyPrefix="never")
    trails.wait_reason("audit", "Paused")
    trails.delete("audit")
    arn, other = account.trail_arn("audit"), account.trail_arn("other")

    def looks_at(what: str) -> int:
        calls = account.calls()[mark:]
        return sum(call["operation"] == "GetTrail" and call["parameters"] == {"Name": what} for call in calls)

    eventually("the other is looked at twice", lambda: looks_at(other) >= 2)
    assert looks_at(arn) == 0
    assert [call["operation"] for call in account.writes()[writes:]] == ["StopLogging"]
    assert trails.get("audit") is not None, "held"

    trails.annotate("audit", {PAUSED: None})
    trails.wait_gone("audit")
    assert account.trails() == [other]


def test_a_new_paused_trail_makes_nothing(operator: Operator, account: Account, trails: Trails) -> None:
    manifest = trail("audit", account.bucket(f"logs-{account.number}", "audit"))
    manifest["metadata"]["annotations"] = {PAUSED: "true"}
    trails.create(manifest)
    trails.wait_reason("audit", "Paused")
    assert account.writes() == []
    trails.annotate("audit", {PAUSED: "false"})
    trails.wait_ready("audit")


def test_a_look_on_demand(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    operator_process("--resync", "1h")
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit")))
    trails.wait_ready("audit")
    account.cloudtrail.stop_logging(Name="audit")
    trails.annotate("audit", {RECONCILE_AT: "1"})
    eventually("it logs again", lambda: (account.trail("audit") or {})["IsLogging"])
    before = looks(account)
    trails.annotate("audit", {RECONCILE_AT: "2"})
    eventually("another look", lambda: looks(account) > before)


def test_a_look_on_demand_asks_again_for_what_was_refused(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    operator_process("--resync", "1h")
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit")))
    trails.wait_ready("audit")
    account.fault(
        service="cloudtrail", operation="UpdateTrail", error="InvalidParameterException", message="not today", count=1
    )
    trails.change("audit", enableLogFileValidation=False)
    trails.wait_reason("audit", "InvalidSpec")
    trails.annotate("audit", {RECONCILE_AT: "now"})
    trails.wait_ready("audit")
