"""Several operators in one cluster: each lets alone what is another's, and nothing that they share flaps."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.test_accounts import allowed, role, trusting
from tests.patience import eventually

ROUNDS = 3


@pytest.fixture
def more(api: client.ApiClient, trails: Trails) -> Iterator[Trails]:
    """The Trails of another namespace."""
    result = Trails(api, f"{trails.namespace}-more")
    result.core.create_namespace({"metadata": {"name": result.namespace}})
    yield result
    for name in result.names():
        result.delete(name)
        result.release(name)
    result.core.delete_namespace(result.namespace)


def rounds(account: Account, operation: str = "GetTrailStatus") -> None:
    """Wait until what there is in an account was looked at some more times."""
    before = sum(call["operation"] == operation for call in account.calls())
    eventually(
        "some resyncs",
        lambda: sum(call["operation"] == operation for call in account.calls()) >= before + ROUNDS,
        60,
    )


def version(body: dict[str, Any] | None) -> str:
    return str((body or {})["metadata"]["resourceVersion"])


def test_operators_by_account_selector_let_alone_the_trails_of_each_others_accounts(
    operator_process: OperatorFactory, account: Account, other: Account, trails: Trails, accounts: Accounts
) -> None:
    first = operator_process()
    operator_process("--account-selector", f"test={account.number}-b")
    arn = role(other, trusting(account))
    account.open_bucket(f"logs-{account.number}")
    ours = accounts.create("ours", account.number, allowedNamespaces=allowed(trails))
    trails.create(trail("ours", f"logs-{account.number}", accountRef={"name": ours}))  # at once: in whatever order seen
    theirs = accounts.create("theirs", other.number, shard="-b", roleARN=arn, allowedNamespaces=allowed(trails))
    trails.create(trail("theirs", f"logs-{other.number}", accountRef={"name": theirs}))
    for name in ("ours", "theirs"):
        trails.wait_ready(name)
    for one in (account, other):
        rounds(one)
    versions = [version(trails.get(name)) for name in ("ours", "theirs")]
    for one in (account, other):
        rounds(one)
    assert [version(trails.get(name)) for name in ("ours", "theirs")] == versions
    assert [trails.events(name, "AccountNotFound") for name in ("ours", "theirs")] == [[], []]

    first.stop()
    trails.change("ours", tags=[{"key": "handed", "value": "over"}])
    accounts.hand_over(ours, "-b")
    trails.wait_ready("ours")
    trails.delete("ours")
    trails.wait_gone("ours")
    assert account.trails() == []


def test_a_trail_of_nobody_s_account_is_left_without_a_word(
    operator_process: OperatorFactory, account: Account, trails: Trails, accounts: Accounts
) -> None:
    operator_process()
    account.open_bucket(f"logs-{account.number}")
    name = accounts.create("nobody", account.number, shard="-b", allowedNamespaces=allowed(trails))
    trails.create(trail("audit", f"logs-{account.number}", accountRef={"name": name}))
    trails.create(trail("own", f"logs-{account.number}", name="audit"))  # a claim that is left alone stands in no way
    trails.wait_ready("own")
    left = trails.get("audit") or {}
    assert ("finalizers" in left["metadata"], left["status"]) == (False, {"observedGeneration": -1})
    accounts.hand_over(name, "")
    trails.wait_reason("audit", "Conflict")


def test_operators_by_namespace_share_an_account_and_hold_it_apart_from_each_other(
    operator_process: OperatorFactory, account: Account, trails: Trails, more: Trails, accounts: Accounts
) -> None:
    operator_process()
    operator_process(namespace=more.namespace)
    account.open_bucket(f"logs-{account.number}")
    names = [trails.namespace, more.namespace]
    shared = accounts.create("shared", account.number, allowedNamespaces={"names": names})
    for name, there in (("one", trails), ("two", more)):
        reference = {"name": shared}
        there.create(trail(name, f"logs-{account.number}", accountRef=reference, isMultiRegionTrail=False))
        there.wait_ready(name)

    def owners() -> list[str]:
        return [entry["owner"] for entry in (accounts.get(shared) or {}).get("status", {}).get("trails", [])]

    eventually("both are told of", lambda: owners() == [f"{names[0]}/one", f"{names[1]}/two"])
    holders = {f"namespace.trail-operator.dev/{name}" for name in names}
    assert set((accounts.get(shared) or {})["metadata"]["finalizers"]) == holders
    rounds(account, "ListTrails")
    before = version(accounts.get(shared))
    rounds(account, "ListTrails")
    assert version(accounts.get(shared)) == before

    accounts.delete(shared)
    told = accounts.wait_reason(shared, "InUse")["message"]
    assert f"Trails of the namespaces {', '.join(names)}" in told
    rounds(account)  # the other operator reports it as well, if it has not seen the first one's report
    before = version(accounts.get(shared))
    rounds(account)
    assert version(accounts.get(shared)) == before
    trails.delete("one")
    trails.wait_gone("one")
    eventually("one is left", lambda: "1 Trail still uses it" in accounts.wait_reason(shared, "InUse")["message"])
    assert more.condition("two")["status"] == "True"
    more.delete("two")
    more.wait_gone("two")
    eventually("the account goes", lambda: accounts.get(shared) is None)
    assert account.trails() == []
