"""How filters and alarms end: with their set, Trail, namespace or AWSAccount, or in a cluster with another name."""

import itertools
from typing import Any

import pytest
from kubernetes import client

from tests.integration.alarm_world import SET, TRAIL, AlarmWorld
from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, AlarmSets, Trails, alarm_set, trail
from tests.integration.test_accounts import ROLE, allowed, role, trusting
from tests.patience import eventually
from trail_operator.api.constants import OWNER_TAG

ALARMS = [{"name": name, "filterPattern": f"{{$.eventName={name}*}}"} for name in ("Deletions", "Puts")]
NONE_LEFT = (0, 0)


def _namespaces(core: client.CoreV1Api) -> set[str]:
    return {one.metadata.name for one in core.list_namespace().items}


def ends_as(world: AlarmWorld, policy: str) -> None:
    """Check that filters and alarms are deleted, or kept without owner tags."""
    shown = world.snapshot()
    if policy == "Delete":
        assert (len(shown.filters), len(shown.alarms)) == NONE_LEFT
        return
    names = {world.full(entry["name"]) for entry in ALARMS}
    assert {name for _, name in shown.filters} == set(shown.alarms) == names
    assert all(OWNER_TAG not in alarm["Tags"] for alarm in shown.alarms.values())


def ready(world: AlarmWorld, alarm_sets: AlarmSets, **spec: Any) -> dict[str, Any]:
    """Create a Trail and a set; return the set once it is in sync."""
    world.begin()
    alarm_sets.create(alarm_set(SET, TRAIL, alarms=ALARMS, **spec))
    return alarm_sets.wait_ready(SET, 60)


POLICIES = list(itertools.product(("Delete", "Retain"), repeat=2))


@pytest.mark.sampled
@pytest.mark.parametrize("policies", POLICIES, ids=lambda policies: f"set-{policies[0]}-trail-{policies[1]}")
@pytest.mark.parametrize("order", ["set-first", "trail-first", "namespace"])
def test_trail_and_set_deleted_in_every_order(
    operator_process: OperatorFactory,
    trails: Trails,
    alarm_sets: AlarmSets,
    alarm_world: AlarmWorld,
    order: str,
    policies: tuple[str, str],
) -> None:
    operator_process(**alarm_world.environment)
    alarm_world.begin(deletionPolicy=policies[1])
    alarm_sets.create(alarm_set(SET, TRAIL, alarms=ALARMS, deletionPolicy=policies[0]))
    alarm_sets.wait_ready(SET, 60)
    if order == "namespace":
        alarm_sets.core.delete_namespace(alarm_sets.namespace)
    elif order == "set-first":
        alarm_sets.delete(SET)
        alarm_sets.wait_gone(SET)
        trails.delete(TRAIL)
    else:
        trails.delete(TRAIL)
        trails.wait_gone(TRAIL)
        condition = alarm_sets.wait_reason(SET, "TrailNotFound")
        assert f"Trail {TRAIL} does not exist in namespace {trails.namespace}: create it" in condition["message"]
        assert len(alarm_world.snapshot().alarms) == len(ALARMS), "they are kept meanwhile"
        alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET, 60)
    trails.wait_gone(TRAIL, 60)
    ends_as(alarm_world, policies[0])
    assert bool(alarm_world.account.trails()) == (policies[1] == "Retain")
    if order == "namespace":
        core = alarm_sets.core
        eventually("the namespace is gone", lambda: alarm_sets.namespace not in _namespaces(core), 60)


def test_a_set_that_never_had_a_trail_is_deleted(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    operator_process(**alarm_world.environment)
    alarm_sets.create(alarm_set(SET, "missing", alarms=ALARMS))
    alarm_sets.wait_reason(SET, "TrailNotFound")
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)
    assert alarm_world.writes() == []


def test_a_trail_that_comes_back_has_its_alarms_again(
    operator_process: OperatorFactory, trails: Trails, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets)
    before = alarm_world.snapshot()
    trails.delete(TRAIL)
    trails.wait_gone(TRAIL)
    alarm_sets.wait_reason(SET, "TrailNotFound")
    alarm_world.put_alarm(alarm_world.full("Puts"), Threshold=7.0)
    alarm_world.begin()
    alarm_sets.wait_ready(SET, 60)
    assert alarm_world.snapshot() == before


def test_a_set_of_a_renamed_cluster_keeps_its_names(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """Only owner tags are rewritten, also on alarms that are created later; and all is deleted under the new name."""
    operator = operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets)
    before = alarm_world.snapshot()
    operator.stop()
    mark = alarm_world.mark()
    operator_process(
        "--former-cluster-names", "test", "--dependency-resync", "1s", cluster_name="new", **alarm_world.environment
    )
    owner = f"new/{alarm_sets.namespace}/{SET}"

    def owners() -> set[str]:
        return {alarm["Tags"].get(OWNER_TAG) for alarm in alarm_world.snapshot().alarms.values()}

    eventually("the tags are rewritten", lambda: owners() == {owner})
    alarm_sets.wait_ready(SET)
    assert alarm_world.writes(mark) == ["TagResource"] * len(ALARMS)
    after = alarm_world.snapshot()
    assert after.filters == before.filters
    assert set(after.alarms) == set(before.alarms)
    eventually("the tag is recorded", lambda: (alarm_sets.get(SET) or {})["status"].get("ownerTag") == owner)
    assert alarm_sets.events(SET, "DriftCorrected") == []
    alarm_sets.change(SET, alarms=[*ALARMS, {"name": "Late", "filterPattern": "{$.eventName=A}"}])
    alarm_sets.wait_ready(SET)
    assert alarm_world.alarm("Late")["Tags"] == {OWNER_TAG: owner}
    assert alarm_world.filter("Late")
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)
    assert alarm_world.counts() == NONE_LEFT


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_a_set_deleted_after_the_cluster_was_renamed(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld, policy: str
) -> None:
    operator = operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets, deletionPolicy=policy)
    operator.stop()
    alarm_sets.delete(SET)
    operator_process("--former-cluster-names", "test", cluster_name="new", **alarm_world.environment)
    alarm_sets.wait_gone(SET)
    ends_as(alarm_world, policy)


def test_alarms_of_a_former_cluster_name_that_is_not_listed_are_a_conflict(
    operator_process: OperatorFactory, trails: Trails, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """As is the trail. Nothing is written."""
    operator = operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets)
    operator.stop()
    before, mark = alarm_world.snapshot(), alarm_world.mark()
    operator_process(cluster_name="new", adoption=None, **alarm_world.environment)
    trails.wait_reason(TRAIL, "Conflict")
    alarm_sets.wait_reason(SET, "TrailNotManaged")
    assert alarm_world.snapshot() == before
    assert alarm_world.writes(mark) == []


def test_a_deletion_policy_that_changes_while_tags_are_removed(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """The new one is applied to the alarms that still are the set's."""
    operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets, deletionPolicy="Retain")
    alarm_world.account.fault(service="monitoring", operation="UntagResource", delay=600, count=1)
    alarm_sets.delete(SET)
    eventually("a tag is being removed", lambda: "UntagResource" in alarm_world.writes())
    alarm_sets.change(SET, deletionPolicy="Delete")
    alarm_world.account.no_faults()
    alarm_sets.wait_gone(SET)
    assert not alarm_world.alarm("Puts")
    assert not alarm_world.filter("Puts")
    assert alarm_sets.events(SET, "OwnerTagRemovalFailed") == []


@pytest.mark.parametrize("operation", ["DescribeAlarms", "UntagResource"])
def test_a_set_that_retains_its_alarms_does_not_wait_for_aws(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld, operation: str
) -> None:
    """Nor for an answer about each of many alarms."""
    operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets, deletionPolicy="Retain")
    alarm_world.account.fault(service="monitoring", operation=operation, delay=3600, count=1000)
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)
    (event,) = eventually("the Event", lambda: alarm_sets.events(SET, "OwnerTagRemovalFailed"))
    assert f"The tag {OWNER_TAG} of their alarms was not removed" in event.message
    alarm_world.account.no_faults()
    assert alarm_world.counts() == (len(ALARMS), len(ALARMS))
    untagged = [call for call in alarm_world.calls() if call["operation"] == "UntagResource"]
    assert len({call["parameters"]["ResourceARN"] for call in untagged}) <= 1


def test_a_composite_alarm_of_others_holds_an_alarm(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """AWS refuses to delete an alarm that is in its rule: the set says so, and is deleted afterwards."""
    operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets)
    full_name = alarm_world.full("Puts")
    alarm_world.cloudwatch.put_composite_alarm(AlarmName="theirs", AlarmRule=f'ALARM("{full_name}")')
    alarm_sets.delete(SET)
    eventually("it says so", lambda: "Cannot delete alarms" in alarm_sets.condition(SET).get("message", ""))
    message = alarm_sets.condition(SET)["message"]
    assert full_name in message
    assert "composite alarm" in message
    assert len(alarm_world.snapshot().filters) == len(ALARMS), "no alarm is left without its filter"
    alarm_world.cloudwatch.delete_alarms(AlarmNames=["theirs"])
    alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
    alarm_sets.wait_gone(SET)
    assert alarm_world.counts() == NONE_LEFT


def test_a_set_that_only_observes_is_deleted_without_a_write(
    operator_process: OperatorFactory, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """Also one that has created its alarms before."""
    operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets, deletionPolicy="Delete")
    alarm_sets.change(SET, managementPolicy="Observe")
    alarm_sets.wait_reason(SET, "Observed")
    before, mark = alarm_world.snapshot(), alarm_world.mark()
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)
    assert alarm_world.snapshot() == before
    assert alarm_world.writes(mark) == []
    # They are a new set's as well, but for the filters, which carry no tag.
    alarm_sets.create(alarm_set(SET, TRAIL, alarms=ALARMS))
    assert "Metric filter" in alarm_sets.wait_reason(SET, "Conflict")["message"]
    assert alarm_world.snapshot() == before


def test_a_trail_that_comes_back_in_another_region(
    operator_process: OperatorFactory, trails: Trails, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    """Nothing is written there; the alarms are deleted where they are."""
    operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets)
    before = alarm_world.snapshot()
    trails.delete(TRAIL)
    trails.wait_gone(TRAIL)
    bucket = f"any-{alarm_world.account.number}"
    alarm_world.account.open_bucket(bucket)
    trails.create(trail(TRAIL, bucket, region="eu-west-1"))
    trails.wait_ready(TRAIL)
    message = alarm_sets.wait_reason(SET, "WrongHomeRegion")["message"]
    assert f"status.region records {REGION}, but the trail is in eu-west-1; nothing was written" in message
    assert alarm_world.snapshot() == before
    alarm_sets.delete(SET)
    alarm_sets.wait_gone(SET)
    assert alarm_world.counts() == NONE_LEFT


def test_credentials_for_another_account_delete_nothing(
    operator_process: OperatorFactory, other: Account, alarm_sets: AlarmSets, alarm_world: AlarmWorld
) -> None:
    operator = operator_process(**alarm_world.environment)
    ready(alarm_world, alarm_sets)
    operator.stop()
    wrong = operator_process(**other.environment)
    number = alarm_world.account.number
    assert number in alarm_sets.wait_reason(SET, "IdentityMismatch")["message"]
    alarm_sets.delete(SET)
    eventually("it says so", lambda: "Cannot delete alarms" in alarm_sets.condition(SET).get("message", ""))
    condition = alarm_sets.condition(SET)
    assert condition["reason"] == "IdentityMismatch"
    assert f"status.accountID records account {number}" in condition["message"]
    assert alarm_world.counts() == (len(ALARMS), len(ALARMS))
    wrong.stop()
    operator.start()
    alarm_sets.wait_gone(SET)
    assert alarm_world.counts() == NONE_LEFT


# -- AWSAccounts


class Team:
    """Another account, which the operator reaches by an AWSAccount, with a Trail and a set in it."""

    def __init__(
        self, account: Account, other: Account, trails: Trails, accounts: Accounts, alarm_sets: AlarmSets
    ) -> None:
        self.trails, self.accounts, self.alarm_sets, self.account = trails, accounts, alarm_sets, other
        self.world = AlarmWorld(other, trails, f"logs-{other.number}")
        role_arn = role(other, trusting(account))
        self.name = accounts.create(
            "team", other.number, roleARN=role_arn, region=REGION, allowedNamespaces=allowed(trails)
        )

    def ready(self, **spec: Any) -> dict[str, Any]:
        """Create Trail and set; return the set once it is in sync."""
        self.world.begin(accountRef={"name": self.name})
        self.alarm_sets.create(alarm_set(SET, TRAIL, alarms=ALARMS, **spec))
        return self.alarm_sets.wait_ready(SET, 60)

    def trail_is_deleted(self) -> None:
        """Delete the Trail."""
        self.trails.delete(TRAIL)
        self.trails.wait_gone(TRAIL)
        self.alarm_sets.wait_reason(SET, "TrailNotFound")

    @property
    def is_in_use(self) -> bool:
        """Whether the AWSAccount, which is being deleted, says that it is used."""
        conditions = (self.accounts.get(self.name) or {}).get("status", {}).get("conditions", ())
        return "InUse" in {one["reason"] for one in conditions if one["type"] == "Ready"}

    def blocked(self, reason: str) -> str:
        """The message of a set that cannot be deleted for that reason; nothing is deleted."""
        message: str = self.alarm_sets.wait_reason(SET, reason)["message"]
        assert message.startswith("Cannot delete alarms: ")
        assert message.endswith("To remove the resource and keep the alarms, set deletionPolicy: Retain")
        assert self.world.counts() == (len(ALARMS), len(ALARMS))
        return message


@pytest.fixture
def team(account: Account, other: Account, trails: Trails, accounts: Accounts, alarm_sets: AlarmSets) -> Team:
    return Team(account, other, trails, accounts, alarm_sets)


def test_an_account_is_held_while_a_set_has_pinned_it(operator_process: OperatorFactory, team: Team) -> None:
    operator_process()
    body = team.ready()
    assert body["status"]["accountID"] == team.account.number
    assert body["status"]["accountName"] == team.name
    team.trail_is_deleted()
    team.accounts.delete(team.name)
    held = team.accounts.get(team.name) or {}
    assert "deletionTimestamp" in held["metadata"]
    team.alarm_sets.delete(SET)
    team.alarm_sets.wait_gone(SET)
    assert team.world.counts() == NONE_LEFT
    eventually("the AWSAccount is gone", lambda: team.accounts.get(team.name) is None)


def test_an_account_is_held_by_an_operator_that_starts(operator_process: OperatorFactory, team: Team) -> None:
    """It learns of AWSAccounts before it learns of sets."""
    first = operator_process()
    team.ready()
    team.trail_is_deleted()
    first.stop()
    team.accounts.delete(team.name)
    operator_process()
    eventually("the AWSAccount says that it is in use", lambda: team.is_in_use)
    team.alarm_sets.delete(SET)
    team.alarm_sets.wait_gone(SET)
    assert team.world.counts() == NONE_LEFT
    eventually("the AWSAccount is gone", lambda: team.accounts.get(team.name) is None)


@pytest.mark.parametrize("is_trail_deleted", [False, True], ids=["with-trail", "without-trail"])
def test_a_set_whose_namespace_lost_its_account_says_so(
    operator_process: OperatorFactory, team: Team, is_trail_deleted: bool
) -> None:
    operator_process()
    team.ready()
    if is_trail_deleted:
        team.trail_is_deleted()
    team.accounts.change(team.name, allowedNamespaces={"names": ["another"]})
    if not is_trail_deleted:
        before = team.world.snapshot()
        message = team.alarm_sets.wait_reason(SET, "NamespaceNotAllowed")["message"]
        assert f"AWSAccount {team.name} does not allow" in message
        assert team.trails.namespace in message
        team.world.put_alarm(team.world.full("Puts"), Threshold=7.0)
        team.alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
        team.alarm_sets.wait_reason(SET, "NamespaceNotAllowed")
        assert team.world.alarm("Puts")["Threshold"] == 7.0
        team.accounts.change(team.name, allowedNamespaces=allowed(team.trails))
        team.alarm_sets.wait_ready(SET)
        assert team.world.snapshot() == before
        team.accounts.change(team.name, allowedNamespaces={"names": ["another"]})
        team.alarm_sets.wait_reason(SET, "NamespaceNotAllowed")
    team.alarm_sets.delete(SET)
    assert "allowedNamespaces" in team.blocked("NamespaceNotAllowed")
    team.accounts.change(team.name, allowedNamespaces=allowed(team.trails))
    team.alarm_sets.wait_gone(SET)
    assert team.world.counts() == NONE_LEFT


def test_a_set_whose_role_is_gone_is_held_or_released(operator_process: OperatorFactory, team: Team) -> None:
    operator_process()
    team.ready()
    iam = team.account.client("iam")
    iam.delete_role_policy(RoleName=ROLE, PolicyName="all")
    iam.delete_role(RoleName=ROLE)
    team.account.end_sessions()
    team.alarm_sets.wait_reason(SET, "AssumeRoleDenied", 60)
    team.alarm_sets.delete(SET)
    assert f"role/{ROLE}" not in team.blocked("AssumeRoleDenied"), "that is for those who may read AWSAccounts"
    team.alarm_sets.change(SET, deletionPolicy="Retain")
    team.alarm_sets.wait_gone(SET)
    (event,) = eventually("the Event", lambda: team.alarm_sets.events(SET, "OwnerTagRemovalFailed"))
    assert event.type == "Warning"
    assert f"The tag {OWNER_TAG} of their alarms was not removed" in event.message
    assert team.world.counts() == (len(ALARMS), len(ALARMS))


def test_a_set_is_deleted_by_another_account_object_of_the_same_account(
    operator_process: OperatorFactory, account: Account, team: Team
) -> None:
    """Somebody has taken the finalizer off the recorded AWSAccount."""
    operator_process()
    team.ready()
    team.trail_is_deleted()
    second = team.accounts.create(
        "second",
        team.account.number,
        roleARN=f"arn:aws:iam::{team.account.number}:role/{ROLE}",
        allowedNamespaces=allowed(team.trails),
    )
    team.accounts.wait_reason(second, "IdentityVerified")
    team.accounts.clean()
    team.alarm_sets.delete(SET)
    assert team.blocked("AccountNotFound")
    third = team.accounts.create(
        "third",
        team.account.number,
        roleARN=f"arn:aws:iam::{team.account.number}:role/{ROLE}",
        allowedNamespaces=allowed(team.trails),
    )
    team.accounts.wait_reason(third, "IdentityVerified")
    team.alarm_sets.wait_gone(SET, 60)
    assert team.world.counts() == NONE_LEFT


def test_what_an_operator_of_another_shard_has_pinned_is_left_to_it(
    operator_process: OperatorFactory, trails: Trails, alarm_sets: AlarmSets, account: Account, team: Team
) -> None:
    """Also once the Trail is gone: then only the status says whose the set is."""
    mine = operator_process()
    team.ready()
    team.trail_is_deleted()
    mine.stop()
    operator_process("--account-selector", f"test={account.number}elsewhere")
    ready_before = alarm_sets.condition(SET)
    alarm_sets.delete(SET)
    alarm_sets.annotate(SET, {"trail-operator.dev/reconcile-at": "now"})
    trails.create({**team.world.manifest(), "metadata": {"name": "own"}})
    eventually("the other operator works", lambda: trails.condition("own"))
    status = (alarm_sets.get(SET) or {})["status"]
    assert [one for one in status["conditions"] if one["type"] == "Ready"] == [ready_before]
    assert team.world.counts() == (len(ALARMS), len(ALARMS))
    mine.start()
    alarm_sets.wait_gone(SET, 60)
    assert team.world.counts() == NONE_LEFT
