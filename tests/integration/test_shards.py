"""Several operators in one cluster: each lets alone what is another's, and nothing that they share flaps."""

from typing import Any

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, Trails, eventually, trail
from tests.integration.test_accounts import allowed, role, trusting

ROUNDS = 3


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
