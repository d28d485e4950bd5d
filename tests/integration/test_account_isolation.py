"""An account that does not answer delays no other's Trails."""

from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.process import Operator
from tests.integration.test_accounts import allowed, role, trusting

OTHERS = 19
IN_THE_SILENT_ONE = 5
HANG = 60.0
# Long before the silent account answers, whatever else this machine does.
SOON = 25.0

SILENCES: dict[str, dict[str, Any]] = {
    "all-hangs": {"service": "*", "operation": "*", "delay": HANG},
    "sts-hangs": {"service": "sts", "operation": "*", "delay": HANG},
    "cloudtrail-hangs": {"service": "cloudtrail", "operation": "*", "delay": HANG},
    "connections-are-cut": {"service": "*", "operation": "*", "drop": True},
}


def neighbour(account: Account, index: int) -> Account:
    """One more account, with a bucket for its trails."""
    result = Account(account.endpoint, f"6{index:02d}{account.number[3:]}")
    result.open_bucket(f"logs-{result.number}")
    return result


def enter(one: Account, account: Account, trails: Trails, accounts: Accounts) -> str:
    """An AWSAccount that leads into an account; its name."""
    arn = role(one, trusting(account))
    name = accounts.create(one.number, one.number, roleARN=arn, region=REGION, allowedNamespaces=allowed(trails))
    accounts.wait_reason(name, "IdentityVerified")
    return name


@pytest.mark.long
def test_one_of_twenty_accounts_does_not_answer(
    operator: Operator, account: Account, trails: Trails, accounts: Accounts
) -> None:
    silent, *others = (neighbour(account, index) for index in range(OTHERS + 1))
    names = {one.number: enter(one, account, trails, accounts) for one in (silent, *others)}
    for what, silence in SILENCES.items():
        silent.no_faults()
        silent.fault(**silence)
        if silence["service"] == "sts":  # who we are is asked again where the way in has changed
            accounts.change(names[silent.number], region="eu-west-1")
        for index in range(IN_THE_SILENT_ONE):
            reference = {"name": names[silent.number]}
            trails.create(trail(f"{what}-silent-{index}", f"logs-{silent.number}", region=REGION, accountRef=reference))
        for one in others:
            reference = {"name": names[one.number]}
            trails.create(trail(f"{what}-{one.number}", f"logs-{one.number}", accountRef=reference))
        for one in others:
            trails.wait_ready(f"{what}-{one.number}", seconds=SOON)
        for index in range(IN_THE_SILENT_ONE):
            assert trails.condition(f"{what}-silent-{index}").get("status") != "True"
