"""Changes of an organization trail by a delegated administrator, whose events come from its bus through another.

The administrator calls in its own account, so only its event history and its bus have the call; the trail, and the
operator, are the management account's.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, Trails, trail
from tests.integration.test_attribution import CALLERS, CHANGES, DATA, NAME, Change, Reader, changed
from tests.patience import eventually
from tests.sandbox.buses import OF_CLOUDTRAIL, Bus, logging_trail
from tests.sandbox.identities import allow, role, trusting
from tests.sandbox.organizations import Organization
from trail_operator.domain.arns import Location
from trail_operator.domain.attribution import Attribution, AttributionMode, Attributor, DetectedDrift
from trail_operator.domain.cloudtrail_event import CloudTrailEvent, Rejection, parse_message

QUEUE = "events"


class Hub:
    """The management account with a bus and its queue, and an administrator whose events go there."""

    def __init__(self, management: Account) -> None:
        self.management = management
        self.organization = Organization(management)
        self._bus = Bus(management, REGION, "hub")
        self._bus.rule(QUEUE, {"source": [{"prefix": "aws."}]})
        self._senders: dict[str, Bus] = {}
        self.administrator = self.new_administrator()

    def new_administrator(self) -> Account:
        """A delegated administrator, with a trail that records its calls whatever becomes of the organization's."""
        made = self.organization.administrator()
        sender = Bus(made)
        self._senders[made.number] = sender
        self._bus.let_in({"Principal": {"AWS": list(self._senders)}})
        sender.forward(self._bus, OF_CLOUDTRAIL)
        logging_trail(made, "own")
        return made

    def trail(self, change: str) -> str:
        """The organization's trail, logging, as a change needs it; its ARN."""
        arn = self.organization.trail(name=NAME)
        self.management.cloudtrail.start_logging(Name=arn)
        if change == "aggregation off":
            self.management.client("cloudtrail").put_event_selectors(TrailName=arn, EventSelectors=DATA)
        return arn

    def bodies(self) -> list[str]:
        """The messages that have come to the queue."""
        assert all(sender.has_sent() for sender in self._senders.values())
        return [one["Body"] for one in self._bus.receive(QUEUE, MaxNumberOfMessages=10)]

    def events(self) -> list[CloudTrailEvent]:
        """What the operator reads in them."""
        found = [parse_message(body) for body in self.bodies()]
        return [event for event in found if isinstance(event, CloudTrailEvent)]


@pytest.fixture
def hub(account: Account) -> Hub:
    return Hub(account)


def attributed(drift: DetectedDrift, *events: CloudTrailEvent) -> Attribution | None:
    """Which call the events of the queue alone make the cause of a drift."""
    return Attributor(AttributionMode.FULL, lambda _: False).attribute(drift, events)


@pytest.mark.sampled("administrators")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("change", CHANGES)
def test_each_change_by_a_delegated_administrator_is_named(hub: Hub, change: str, caller: str) -> None:
    """By its event alone, beside the management account's event history, and by the administrator's own."""
    arn = hub.trail(change)
    who = CALLERS[caller](hub.administrator)
    drift = changed(hub.management, arn, CHANGES[change], who.client)
    events = hub.events()
    assert {event.account for event in events if drift.is_candidate(event)} == {hub.administrator.number}
    for account, source in ((hub.management, "Queue"), (hub.administrator, "EventHistory")):
        named = Reader(account).attribute(drift, events)
        assert named is not None
        assert (named.principal, named.source_identity) == (who.principal, who.source_identity)
        assert named.event_name.lower() == CHANGES[change].method.replace("_", "")
        assert named.source == source
        assert who.address in (None, named.source_ip_address)
    assert Reader(hub.management).attribute(drift) is None, "its event history has no call of another account"


STOPPED = "logging stopped"


def stopped(hub: Hub) -> DetectedDrift:
    return changed(hub.management, hub.trail(STOPPED), CHANGES[STOPPED], hub.administrator.cloudtrail)


def test_a_call_that_is_recorded_in_both_accounts_is_one_call(hub: Hub) -> None:
    """AWS may record it for the trail's owner as well, with another event ID."""
    drift = stopped(hub)
    (event,) = (one for one in hub.events() if drift.is_candidate(one))
    copy = replace(event, account=hub.management.number, event_id="of-the-owner")
    found = attributed(drift, event, copy)
    assert found is not None
    assert found.event.actor.principal == f"arn:aws:iam::{hub.administrator.number}:root"


def test_two_administrators_are_nobody(hub: Hub) -> None:
    second = hub.new_administrator()
    drift = stopped(hub)
    (trail,) = drift.resources
    arn = Location("aws", trail.account, trail.region).trail_arn(trail.name)
    hub.management.cloudtrail.start_logging(Name=arn)
    later = changed(hub.management, arn, Change("stop_logging", {}, "isLogging", "false"), second.cloudtrail)
    candidates = [event for event in hub.events() if replace(later, since=drift.since).is_candidate(event)]
    assert {event.account for event in candidates} == {hub.administrator.number, second.number}
    assert attributed(replace(later, since=drift.since), *candidates) is None
    found = attributed(later, *candidates)
    assert found is not None
    assert found.event.account == second.number, "the first was before the trail was last seen logging"


def test_an_event_that_names_the_hub_as_its_origin_names_nobody(hub: Hub) -> None:
    stopped(hub)
    body = next(one for one in hub.bodies() if "StopLogging" in one)
    assert isinstance(parse_message(body), CloudTrailEvent)
    assert parse_message(json.dumps(json.loads(body) | {"account": hub.management.number})) is Rejection.CONTRADICTORY


def test_a_call_of_an_administrator_that_fails_names_nobody(hub: Hub) -> None:
    drift = stopped(hub)
    (event,) = (one for one in hub.events() if drift.is_candidate(one))
    assert attributed(drift, replace(event, error_code="AccessDenied")) is None


@pytest.mark.parametrize("is_known", [True, False], ids=["known account", "unknown account"])
def test_the_operator_names_a_delegated_administrator(
    operator_process: OperatorFactory, hub: Hub, trails: Trails, accounts: Accounts, is_known: bool
) -> None:
    """With an AWSAccount of the administrator the event causes a read; without one the resync finds the drift."""
    administrator = hub.administrator
    if is_known:
        arn = role(administrator, allow("*"), trust=trusting(hub.management.number), name="operator")
        accounts.create("administrator", administrator.number, roleARN=arn, allowedNamespaces={"names": []})
    operator_process("--event-queue", QUEUE, *(["--resync", "10m"] if is_known else []))
    trails.create(trail(NAME, hub.organization.bucket(trail=NAME), isOrganizationTrail=True))
    trails.wait_ready(NAME, 60)
    administrator.cloudtrail.stop_logging(Name=hub.management.trail_arn(NAME))

    def last() -> dict[str, Any]:
        found: dict[str, Any] = (trails.get(NAME) or {})["status"].get("lastDrift", {})
        return found

    eventually("it is corrected and attributed", lambda: "correctionTime" in last() and "changedBy" in last())
    assert hub.management.cloudtrail.get_trail_status(Name=hub.management.trail_arn(NAME))["IsLogging"]
    named = last()["changedBy"]
    assert (named["principal"], named["eventName"]) == (f"arn:aws:iam::{administrator.number}:root", "StopLogging")
    assert named["source"] == "Queue"
