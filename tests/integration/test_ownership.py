"""Whose trail it is: adoption, two claims on one trail, and what becomes of an owner tag."""

from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory, owner
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually

TAG = "trail-operator.dev/owner"


def make(account: Account, name: str, owner_tag: str | None = None) -> str:
    """A trail that somebody else has made; its ARN."""
    bucket = account.bucket(f"logs-{account.number}", name)
    tags = [{"Key": "team", "Value": "theirs"}] + ([{"Key": TAG, "Value": owner_tag}] if owner_tag else [])
    arn: str = account.cloudtrail.create_trail(Name=name, S3BucketName=bucket, TagsList=tags)["TrailARN"]  # type: ignore[arg-type]
    return arn


def tags(account: Account, name: str) -> dict[str, str]:
    found = account.trail(name)
    assert found is not None
    result: dict[str, str] = found["Tags"]
    return result


def looks(account: Account) -> int:
    return sum(call["operation"] == "GetTrail" for call in account.calls())


def two_more_looks(account: Account) -> None:
    before = looks(account)
    eventually("two more looks", lambda: looks(account) >= before + 2)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("policy", "tag", "taken"),
    [
        ("Never", None, False),
        ("Never", "elsewhere/default/theirs", False),
        ("IfUnowned", None, True),
        ("IfUnowned", "elsewhere/default/theirs", False),
        ("Always", None, True),
        ("Always", "elsewhere/default/theirs", True),
    ],
)
def test_who_may_take_what(
    policy: str, tag: str | None, taken: bool, operator: Operator, account: Account, trails: Trails
) -> None:
    make(account, "theirs", tag)
    mark = len(account.writes())
    trails.create(trail("theirs", f"logs-{account.number}", adoptionPolicy=policy))
    if taken:
        trails.wait_ready("theirs")
        assert tags(account, "theirs") == owner(trails, "theirs")
        assert (account.trail("theirs") or {})["IsLogging"] is True
        writes = [call["operation"] for call in account.writes()[mark:]]
        assert writes[0] == "AddTags", "no other write before the trail is ours"
        return
    conflict = trails.wait_reason("theirs", "Conflict")
    assert "nothing was written to it" in conflict["message"]
    assert "elsewhere" not in conflict["message"], "whose it is, is not everybody's business"
    two_more_looks(account)
    assert account.writes()[mark:] == []
    assert trails.condition("theirs", "Stalled")["status"] == "True"
    trails.delete("theirs")
    trails.wait_gone("theirs")
    assert account.writes()[mark:] == []


@pytest.mark.parametrize("tag", [None, "elsewhere/default/theirs"])
def test_nobody_takes_over_what_an_account_does_not_allow(
    tag: str | None, operator: Operator, account: Account, trails: Trails, accounts: Accounts
) -> None:
    """By default an AWSAccount allows no adoption, also where the own identity's setting allows all of them."""
    make(account, "theirs", tag)
    name = accounts.create("team", account.number, allowedNamespaces={"names": [trails.namespace]})
    mark = len(account.writes())
    spec = {"accountRef": {"name": name}, "adoptionPolicy": "Always", "isLogging": False}
    trails.create(trail("theirs", f"logs-{account.number}", **spec))
    needed = "Always" if tag else "IfUnowned"
    said = trails.wait_reason("theirs", "AdoptionNotAllowed")["message"]
    assert f"allowedAdoption of AWSAccount {name} to {needed}" in said
    assert trails.condition("theirs", "Stalled") == {}
    assert account.writes()[mark:] == []
    accounts.change(name, allowedAdoption=needed)
    eventually("taken", lambda: tags(account, "theirs") == owner(trails, "theirs"))
    accounts.change(name, allowedAdoption=None)
    two_more_looks(account)
    assert trails.wait_reason("theirs", "LoggingOff")["status"] == "True"


@pytest.mark.parametrize("tag", [None, "elsewhere/default/theirs"])
def test_nobody_takes_over_what_the_operators_setting_does_not_allow(
    tag: str | None, operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    operator_process(adoption=None)  # the default
    make(account, "theirs", tag)
    mark = len(account.writes())
    trails.create(trail("theirs", f"logs-{account.number}", adoptionPolicy="Always", isLogging=False))
    said = trails.wait_reason("theirs", "AdoptionNotAllowed")["message"]
    assert f"--allowed-adoption to {'Always' if tag else 'IfUnowned'}" in said
    trails.delete("theirs")
    trails.wait_gone("theirs")
    assert account.writes()[mark:] == []


def test_a_trail_is_not_taken_from_a_living_trail_of_the_cluster(
    operator: Operator, account: Account, trails: Trails
) -> None:
    trails.create(trail("first", account.bucket(f"logs-{account.number}", "shared"), name="shared"))
    trails.wait_ready("first")
    mark = len(account.writes())
    trails.create(trail("second", f"logs-{account.number}", name="shared", adoptionPolicy="Always"))
    assert "another Trail in this cluster" in trails.wait_reason("second", "Conflict")["message"]
    two_more_looks(account)
    assert account.writes()[mark:] == []
    assert tags(account, "shared") == owner(trails, "first")

    trails.change("first", deletionPolicy="Retain")
    trails.delete("first")
    trails.wait_gone("first")
    trails.wait_ready("second")
    assert tags(account, "shared") == owner(trails, "second")


def test_two_clusters_do_not_play_ping_pong(operator: Operator, account: Account, trails: Trails) -> None:
    """A trail that another owner has taken is not taken back."""
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit"), adoptionPolicy="Always"))
    trails.wait_ready("audit")
    arn = account.trail_arn("audit")
    account.cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": TAG, "Value": "other-cluster/default/audit"}])
    trails.wait_reason("audit", "Conflict")
    mark = len(account.writes())
    two_more_looks(account)
    assert account.writes()[mark:] == []
    trails.delete("audit")
    trails.wait_gone("audit")
    assert tags(account, "audit")[TAG] == "other-cluster/default/audit"


@pytest.mark.sampled
@pytest.mark.parametrize(("policy", "taken"), [("Never", False), ("IfUnowned", True), ("Always", True)])
def test_the_owner_tag_taken_off_by_hand(
    policy: str, taken: bool, operator: Operator, account: Account, trails: Trails
) -> None:
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit"), adoptionPolicy=policy))
    trails.wait_ready("audit")
    account.cloudtrail.remove_tags(ResourceId=account.trail_arn("audit"), TagsList=[{"Key": TAG}])
    if taken:
        eventually("taken again", lambda: tags(account, "audit") == owner(trails, "audit"))
        trails.wait_ready("audit")
        return
    conflict = trails.wait_reason("audit", "Conflict")
    assert f"{TAG}=test/{trails.namespace}/audit" in conflict["message"]
    assert tags(account, "audit") == {}


@pytest.mark.parametrize("policy", ["Never", "Always"])
def test_a_name_that_was_freed_and_taken_again_is_not_ours(
    policy: str, operator: Operator, account: Account, trails: Trails
) -> None:
    trails.create(trail("audit", account.bucket(f"logs-{account.number}", "audit"), adoptionPolicy=policy))
    trails.wait_ready("audit")
    operator.stop()
    account.cloudtrail.delete_trail(Name="audit")
    account.cloudtrail.create_trail(
        Name="audit",
        S3BucketName=f"logs-{account.number}",
        TagsList=[{"Key": TAG, "Value": "other-cluster/default/audit"}],
    )
    mark = len(account.writes())
    operator.start()
    trails.wait_reason("audit", "Conflict")
    assert account.writes()[mark:] == []


def test_a_rebuilt_cluster_of_the_same_name_has_its_trails_again(
    operator: Operator, account: Account, trails: Trails
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "audit")
    trails.create(trail("audit", bucket))
    trails.wait_ready("audit")
    operator.kill()
    trails.delete("audit")
    trails.release("audit")  # the old cluster is lost, its objects with it
    trails.wait_gone("audit")
    mark = len(account.writes())
    trails.create(trail("audit", bucket))
    operator.start()
    trails.wait_ready("audit")
    assert account.writes()[mark:] == []
    assert account.trails() == [account.trail_arn("audit")]


def test_of_two_trails_that_may_both_take_a_trail_the_older_does(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    make(account, "theirs")
    for name in ("older", "younger"):
        trails.create(trail(name, f"logs-{account.number}", name="theirs", adoptionPolicy="IfUnowned"))

    def created(name: str) -> tuple[str, str]:
        metadata: dict[str, Any] = (trails.get(name) or {})["metadata"]
        return metadata["creationTimestamp"], metadata["uid"]

    first, second = sorted(("older", "younger"), key=created)
    operator_process()
    trails.wait_ready(first)
    trails.wait_reason(second, "Conflict")
    assert tags(account, "theirs") == owner(trails, first)
    assert [call["operation"] for call in account.writes()].count("AddTags") == 1
