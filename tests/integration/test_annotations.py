"""Pausing, looking at once, and annotations that ACK and Crossplane obey."""

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually

PAUSED, RECONCILE_AT = "trail-operator.dev/paused", "trail-operator.dev/reconcile-at"
ACK_POLICY = "services.k8s.aws/deletion-policy"
OWNER_TAG = "trail-operator.dev/owner"


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


def test_acks_retain_keeps_the_trail_and_other_annotations_are_warned_of(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    """Each is seen at once: the next resync is an hour away."""
    operator_process("--resync", "1h")
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit")))
    trails.wait_ready("audit")

    def is_advised(*texts: str) -> bool:
        advisory = trails.condition("audit", "Advisory")
        told = advisory.get("message", "")
        is_ready = trails.condition("audit").get("status") == "True"
        return is_ready and advisory.get("reason") == "AnnotationIgnored" and all(text in told for text in texts)

    trails.annotate("audit", {"services.k8s.aws/region": "eu-west-1", "crossplane.io/paused": "true"})
    eventually("both are named", lambda: is_advised("set spec.region", 'trail-operator.dev/paused: "true"'))
    eventually("an Event", lambda: trails.events("audit", "AnnotationIgnored"))
    trails.annotate("audit", {"services.k8s.aws/region": None, "crossplane.io/paused": None, ACK_POLICY: "retain"})
    eventually("nothing to warn of", lambda: not trails.condition("audit", "Advisory"))
    trails.change("audit", deletionPolicy="Delete")
    eventually("the field decides", lambda: is_advised("because spec.deletionPolicy is Delete"))
    trails.change("audit", deletionPolicy=None)
    trails.wait_ready("audit")
    assert not trails.condition("audit", "Advisory"), "the annotation decides"

    trails.delete("audit")
    trails.wait_gone("audit")
    arn = account.trail_arn("audit")
    assert account.trails() == [arn]
    (tags,) = account.cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    assert OWNER_TAG not in {tag["Key"] for tag in tags["TagsList"]}


def test_annotations_are_warned_of_where_the_trail_is_not_ours(
    operator: Operator, account: Account, trails: Trails
) -> None:
    """Who moves from ACK begins there, and the warning says how to go on."""
    account.bucket(f"logs-{account.number}", "audit")
    account.cloudtrail.create_trail(Name="audit", S3BucketName=f"logs-{account.number}")
    for name, policy in (("managing", "Manage"), ("watching", "Observe")):
        manifest = trail(name, f"logs-{account.number}", name="audit", managementPolicy=policy)
        manifest["metadata"]["annotations"] = {"services.k8s.aws/adoption-policy": "adopt"}
        trails.create(manifest)

    def advice(name: str) -> str:
        return str(trails.condition(name, "Advisory").get("message", ""))

    eventually("where it is managed", lambda: "set spec.adoptionPolicy" in advice("managing"))
    eventually("where it is observed", lambda: "set spec.adoptionPolicy" in advice("watching"))
    assert trails.condition("managing")["reason"] == "Conflict"
