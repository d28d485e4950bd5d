"""The cluster's name in owner tags: set, changed, shared with another cluster, and what that is never to cost."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import GROUP, PLURAL, VERSION, Trails, trail
from tests.integration.process import Operator
from tests.integration.test_metrics import Scraped
from tests.integration.test_ownership import TAG, make, tags, two_more_looks
from tests.patience import eventually

NAME = "audit"
# What would tell of a rename as of something that is wrong, or that somebody else has done.
ALARMING = {"Conflict", "DriftCorrected", "Progressing", "AdoptionNotAllowed", "Created", "Adopted"}

Named = Callable[..., Operator]


@pytest.fixture
def named(operator_process: OperatorFactory) -> Named:
    """Starts an operator of a cluster of that name (None: it has no other than kube-system's UID)."""

    def start(name: str | None, *former: str, **more: Any) -> Operator:
        arguments = [word for one in former for word in ("--former-cluster-names", one)]
        return operator_process(*arguments, cluster_name=name, **more)

    return start


@pytest.fixture
def uid(api: client.ApiClient) -> str:
    """The UID of kube-system."""
    return str(client.CoreV1Api(api).read_namespace("kube-system").metadata.uid)


def owner_tag(trails: Trails, cluster: str, name: str = NAME) -> str:
    return f"{cluster}/{trails.namespace}/{name}"


def manage(account: Account, trails: Trails, **spec: Any) -> None:
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME), **spec))
    trails.wait_ready(NAME)


def put_owner_tag(account: Account, owner: str) -> None:
    """Put an owner tag on by hand."""
    account.cloudtrail.add_tags(ResourceId=account.trail_arn(NAME), TagsList=[{"Key": TAG, "Value": owner}])


def record(trails: Trails, owner: str | None) -> None:
    """What the status of another cluster's object of that name has on record."""
    client.CustomObjectsApi(trails.core.api_client).patch_namespaced_custom_object_status(
        *(GROUP, VERSION, trails.namespace, PLURAL, NAME),
        {"status": {"ownerTag": owner}},
        _content_type="application/merge-patch+json",
    )


def recorded(trails: Trails) -> str | None:
    status: dict[str, str] = (trails.get(NAME) or {}).get("status", {})
    return status.get("ownerTag")


def carries(account: Account, trails: Trails, cluster: str) -> None:
    """Wait until the trail carries the tag with that name of the cluster, and the status says so."""
    tag = owner_tag(trails, cluster)
    eventually(f"the tag {tag}", lambda: tags(account, NAME).get(TAG) == tag)
    eventually(f"{tag} on record", lambda: recorded(trails) == tag)


def since(trails: Trails) -> Any:
    """Since when Ready has had its status."""
    return trails.condition(NAME)["lastTransitionTime"]


def event_reasons(trails: Trails, *seen: str) -> set[str]:
    """The reasons of Events, but for those of these names."""
    return {event.reason for event in trails.events(NAME) if event.metadata.name not in seen}


def events(trails: Trails) -> list[str]:
    return [event.metadata.name for event in trails.events(NAME)]


@pytest.mark.sampled
@pytest.mark.parametrize("path", [[None, "prod"], ["a", "b"], ["prod", None], ["a", "b", "a"]], ids=str)
def test_a_renamed_cluster_keeps_its_trails(
    path: list[str | None], named: Named, account: Account, trails: Trails, uid: str
) -> None:
    """The tag is rewritten, Ready stays, and nobody is told of a drift. Back again, too."""
    operator = named(path[0])
    manage(account, trails)
    for before, name in itertools.pairwise(path):
        ready, seen, mark = since(trails), events(trails), len(account.writes())
        operator.stop()
        # That the cluster had no name needs no setting.
        operator = named(name, *([before] if before else []))
        carries(account, trails, name or uid)
        two_more_looks(account)
        assert since(trails) == ready
        assert {call["operation"] for call in account.writes()[mark:]} == {"AddTags"}
        assert not event_reasons(trails, *seen) & ALARMING
        assert "Updated" in event_reasons(trails, *seen)
        assert (trails.get(NAME) or {})["status"].get("drift", []) == []


def test_a_rebuilt_cluster_without_a_name_lists_the_uid_of_the_former_one(
    named: Named, account: Account, trails: Trails, uid: str
) -> None:
    former = "0d5b3a1e-7c1f-4f0e-9a55-4b7f1f0c2a11"
    make(account, NAME, owner_tag(trails, former))
    named(None, former)
    trails.create(trail(NAME, f"logs-{account.number}"))
    trails.wait_ready(NAME)
    carries(account, trails, uid)


@pytest.mark.parametrize(
    ("spec", "left"),
    [
        ({}, None),
        ({"deletionPolicy": "Retain"}, {}),
        ({"managementPolicy": "Observe"}, {TAG: "former"}),
    ],
    ids=["Delete", "Retain", "Observe"],
)
def test_a_trail_deleted_while_its_tag_has_a_former_name(
    spec: dict[str, str], left: dict[str, str] | None, named: Named, account: Account, trails: Trails
) -> None:
    operator = named("former")
    manage(account, trails)
    operator.stop()
    trails.change(NAME, **spec)
    trails.delete(NAME)
    named("present", "former")
    trails.wait_gone(NAME)
    if left is None:
        assert account.trails() == []
        return
    assert tags(account, NAME) == {key: owner_tag(trails, cluster) for key, cluster in left.items()}
    assert "OwnerTagRemovalFailed" not in event_reasons(trails)


def test_without_the_former_name_the_conflict_says_what_to_set(named: Named, account: Account, trails: Trails) -> None:
    operator = named("former", adoption=None)
    manage(account, trails)
    operator.stop()
    operator, mark = named("present", adoption=None), len(account.writes())
    message = trails.wait_reason(NAME, "Conflict")["message"]
    assert owner_tag(trails, "former") in message
    assert owner_tag(trails, "present") in message
    assert "add it to --former-cluster-names (chart value formerClusterNames)" in message
    assert "set managementPolicy: Observe" in message
    assert "set adoptionPolicy" not in message, "it would be refused"
    assert trails.condition(NAME, "Stalled")["status"] == "True"
    two_more_looks(account)
    assert account.writes()[mark:] == []
    operator.stop()
    named("present", "former", adoption=None)
    trails.wait_ready(NAME)
    carries(account, trails, "present")


def test_two_clusters_with_each_other_s_former_name_do_not_rewrite_a_tag_in_turns(
    named: Named, account: Account, trails: Trails
) -> None:
    """The other cluster has a Trail of the same namespace and name: here it is the same object with its status."""
    operator = named("one", "two")
    manage(account, trails)
    operator.stop()
    record(trails, None)
    operator = named("two", "one")
    carries(account, trails, "two")
    operator.stop()
    record(trails, owner_tag(trails, "one"))
    mark = len(account.writes())
    named("one", "two")
    message = trails.wait_reason(NAME, "Conflict")["message"]
    assert owner_tag(trails, "one") in message
    assert owner_tag(trails, "two") in message
    assert "find the operator that runs with cluster name two" in message
    two_more_looks(account)
    assert account.writes()[mark:] == []
    trails.delete(NAME)
    trails.wait_gone(NAME)
    assert tags(account, NAME)[TAG] == owner_tag(trails, "two"), "it is the other cluster's"


def test_a_former_tag_put_back_on_is_a_conflict(named: Named, account: Account, trails: Trails) -> None:
    operator = named("present", "former")
    manage(account, trails)
    put_owner_tag(account, owner_tag(trails, "former"))
    trails.wait_reason(NAME, "Conflict")
    mark = len(account.writes())
    account.cloudtrail.stop_logging(Name=NAME)
    two_more_looks(account)
    assert [call["operation"] for call in account.writes()[mark:]] == ["StopLogging"]
    # Whoever is to be told of a trail that does not record is told.
    scraped = Scraped(operator, trails.namespace)
    eventually("the metric", lambda: (scraped.of("logging"), scraped.of("logging_desired")) == (0, 1))
    assert scraped.of("delivery_failing", destination="S3") is None, "that is not this Trail's to tell"
    account.cloudtrail.start_logging(Name=NAME)
    eventually("it logs", lambda: scraped.of("logging") == 1)
    put_owner_tag(account, owner_tag(trails, "present"))
    trails.wait_ready(NAME)


def test_a_trail_is_not_taken_from_a_living_trail_whose_tag_has_a_former_name(
    named: Named, account: Account, trails: Trails
) -> None:
    bucket = account.bucket(f"logs-{account.number}", "shared")
    make(account, "shared", owner_tag(trails, "former", "holder"))
    # So the tag stays as it is.
    account.fault(service="cloudtrail", operation="AddTags", error="AccessDeniedException", count=1000)
    named("present", "former")
    trails.create(trail("holder", bucket, name="shared"))
    trails.wait_reason("holder", "AccessDenied")
    trails.create(trail("second", bucket, name="shared", adoptionPolicy="Always"))
    message = trails.wait_reason("second", "Conflict")["message"]
    assert "another Trail in this cluster" in message
    assert "holder" not in message
    assert "set adoptionPolicy" not in message


def test_a_trail_is_healed_also_where_its_tag_cannot_be_rewritten(
    named: Named, account: Account, trails: Trails
) -> None:
    """It is this Trail's own all the time, and an audit log that is off matters more than a name."""
    operator = named("former")
    manage(account, trails)
    operator.stop()
    account.cloudtrail.stop_logging(Name=NAME)
    account.fault(service="cloudtrail", operation="AddTags", error="AccessDeniedException", count=1000)
    named("present", "former")
    eventually("it logs", lambda: account.cloudtrail.get_trail_status(Name=NAME)["IsLogging"])
    assert "AddTags" in trails.wait_reason(NAME, "AccessDenied")["message"]
    assert recorded(trails) == owner_tag(trails, "former")
    account.no_faults()
    carries(account, trails, "present")
    trails.wait_ready(NAME)


def test_no_second_trail_is_made_where_one_with_a_former_name_is_elsewhere(
    named: Named, account: Account, trails: Trails
) -> None:
    """A cluster built anew with another name and another default region."""
    make(account, NAME, owner_tag(trails, "former"))
    named("present", "former", AWS_DEFAULT_REGION="eu-west-1")
    trails.create(trail(NAME, f"logs-{account.number}"))
    trails.wait_reason(NAME, "WrongHomeRegion")
    assert account.trails() == [account.trail_arn(NAME)]


@pytest.mark.parametrize("owner", [None, "elsewhere/team/theirs"])
def test_an_adoption_is_told_as_one(owner: str | None, named: Named, account: Account, trails: Trails) -> None:
    operator = named("test")
    make(account, NAME, owner)
    trails.create(trail(NAME, f"logs-{account.number}", adoptionPolicy="Always"))
    trails.wait_ready(NAME)
    (event,) = eventually("the Event", lambda: trails.events(NAME, "Adopted"))
    assert event.type == "Normal"
    assert "AddTags" in event.message
    assert "isLogging false -> true" in event.message
    assert "tags[team] theirs -> absent" in event.message
    messages = [entry.message for entry in trails.events(NAME)]
    assert not [message for message in messages if "elsewhere" in message or "being created" in message]
    assert [message for message in messages if "being adopted" in message]
    assert "being created" not in operator.log.read_text()
    assert "Created" not in event_reasons(trails)
    assert "elsewhere" not in str((trails.get(NAME) or {})["status"])


def test_the_uid_listed_as_former_while_it_is_the_present_name(named: Named, uid: str) -> None:
    operator = named(None, "old", uid, start=False)
    operator.start(wait=False)
    eventually("it ends", lambda: not operator.running)
    assert operator.process is not None
    assert operator.process.poll() == 1
    last = operator.log.read_text().strip().splitlines()[-1]
    assert last.startswith(f"trail-operator run: the UID of namespace kube-system, {uid}, is also listed in ")
    assert "--former-cluster-names" in last
