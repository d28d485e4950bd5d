"""What becomes of a trail when its Trail is deleted, whatever AWS answers and whatever is in the status."""

import json
import logging
import re
from typing import Any

import pytest

from tests.statemachine.aws import ACCOUNT, REGIONS, Call
from tests.statemachine.expectation import OWNER
from tests.statemachine.raw import Raw
from tests.statemachine.stage import VirtualStage

KEY, OTHER = "team-a/alpha", "team-b/beta"
SPEC = {"s3BucketName": "logs-one"}
FOREIGN = "999999999999"
PAUSED = "trail-operator.dev/paused"
TWO_RESYNCS = 150.0


def arn_of(name: str, region: str = REGIONS[0], account: str = ACCOUNT) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


ARN = arn_of("alpha")


@pytest.fixture
def stage(empty: VirtualStage) -> VirtualStage:
    """A world in which one Trail is Ready, and its operator runs for a while."""
    empty.create(KEY, SPEC)
    empty.wait(30.0)
    assert ready(empty) == ("True", "Recording")
    empty.server.events.clear()
    return empty


def ready(stage: VirtualStage, key: str = KEY) -> tuple[str, str]:
    found = next(one for one in stage.objects[key]["status"]["conditions"] if one["type"] == "Ready")
    return found["status"], found["reason"]


def arns(stage: VirtualStage) -> list[str]:
    return [trail.arn for trail in stage.aws.trails.all()]


# DeleteTrail is believed only once AWS no longer shows the trail as ours.


def test_a_deletion_that_was_not_done_is_repeated_after_the_consistency_window(stage: VirtualStage) -> None:
    stage.ignore("DeleteTrail")
    stage.delete(KEY)
    stage.wait(9.0)
    assert stage.aws.asked["DeleteTrail"] == 1
    stage.wait(3.0)
    assert stage.aws.asked["DeleteTrail"] == 2
    assert KEY in stage.objects
    stage.heal()
    stage.wait(15.0)
    assert not stage.objects
    assert arns(stage) == []
    assert [ARN in note and "Deleted" in note for note in stage.notes("Released")] == [True]
    assert stage.notes("DeletionNotConfirmed") == []


def test_a_deletion_that_is_never_done_holds_the_trail_and_is_reported(stage: VirtualStage) -> None:
    stage.ignore("DeleteTrail")
    stage.delete(KEY)
    stage.wait(80.0)
    assert ready(stage) == ("False", "Progressing")
    assert [ARN in note for note in set(stage.notes("DeletionNotConfirmed"))] == [True]
    asked = stage.aws.asked["DeleteTrail"]
    stage.wait(600.0)
    assert 8 <= stage.aws.asked["DeleteTrail"] - asked <= 20, "the ordinary back-off: every minute, with its jitter"
    assert KEY in stage.objects
    assert stage.notes("Released") == []
    stage.heal()
    stage.wait(80.0)
    assert not stage.objects
    assert arns(stage) == []


def test_a_deletion_that_is_never_done_ends_with_retain(stage: VirtualStage) -> None:
    stage.ignore("DeleteTrail")
    stage.delete(KEY)
    stage.wait(100.0)
    stage.replace_spec(KEY, SPEC | {"deletionPolicy": "Retain"})
    stage.wait(3.0)
    assert not stage.objects
    (trail,) = stage.aws.trails.all()
    assert OWNER not in dict(trail.tags)


def test_an_operator_that_is_restarted_meanwhile_goes_on(stage: VirtualStage) -> None:
    stage.ignore("DeleteTrail")
    stage.delete(KEY)
    stage.wait(3.0)
    stage.kill(0)
    stage.restart()
    stage.heal()
    stage.wait(30.0)
    assert not stage.objects
    assert arns(stage) == []


def test_a_trail_that_reads_still_show_is_not_deleted_twice(stage: VirtualStage) -> None:
    stage.wait(40.0)
    stage.stale(6.0)
    stage.delete(KEY)
    stage.wait(20.0)
    assert stage.aws.asked["DeleteTrail"] == 1
    assert not stage.objects
    assert ["Deleted" in note for note in stage.notes("Released")] == [True]


@pytest.mark.parametrize(
    "entry", [{"ResourceId": ARN}, {"ResourceId": ARN, "TagsList": None}, {"ResourceId": ARN, "TagsList": []}], ids=str
)
def test_one_answer_without_tags_releases_no_trail(stage: VirtualStage, entry: dict[str, Any]) -> None:
    def garbled(call: Call, sent: Raw) -> Raw:
        is_first = call.operation == "ListTags" and stage.aws.asked["ListTags"] == asked + 1
        return Raw(json.dumps({"ResourceTagList": [entry]}).encode()) if is_first else sent

    stage.wait(40.0)  # until AWS may no longer lag behind the creation
    asked = stage.aws.asked["ListTags"]
    stage.aws.garble = garbled
    stage.delete(KEY)
    stage.wait(30.0)
    assert not stage.objects
    assert arns(stage) == []
    assert ["Deleted" in note for note in stage.notes("Released")] == [True]


@pytest.mark.parametrize("owner", [None, "abroad/team-b/alpha"])
def test_a_trail_that_was_made_again_by_somebody_else_counts_as_gone(stage: VirtualStage, owner: str | None) -> None:
    stage.ignore("DeleteTrail")
    stage.delete(KEY)
    stage.wait(3.0)
    stage.by_hand(REGIONS[0], "DeleteTrail", Name=ARN)
    tags = [{"Key": OWNER, "Value": owner}] if owner else []
    stage.by_hand(REGIONS[0], "CreateTrail", Name="alpha", S3BucketName="logs-two", TagsList=tags)
    stage.wait(20.0)
    assert not stage.objects
    assert arns(stage) == [ARN]
    assert ["it does not belong to this resource" in note for note in stage.notes("Released")] == [True]


def test_a_tag_that_was_not_removed_is_warned_of_and_the_resource_goes(stage: VirtualStage) -> None:
    stage.ignore("RemoveTags")
    stage.replace_spec(KEY, SPEC | {"deletionPolicy": "Retain"})
    stage.delete(KEY)
    stage.wait(5.0)
    assert not stage.objects
    (trail,) = stage.aws.trails.all()
    assert OWNER in dict(trail.tags)
    (note,) = stage.notes("OwnerTagRemovalFailed")
    assert "still exists" in note
    assert not any("removed its owner tag" in note for note in stage.notes("Released"))


def test_a_removed_tag_is_not_warned_of(stage: VirtualStage) -> None:
    stage.replace_spec(KEY, SPEC | {"deletionPolicy": "Retain"})
    stage.delete(KEY)
    stage.wait(5.0)
    assert stage.notes("OwnerTagRemovalFailed") == []
    assert [f"Kept trail {ARN} and removed its owner tag"] == stage.notes("Released")


# ACK's annotation is a deletion policy, where the spec gives none.

ACK_POLICY = "services.k8s.aws/deletion-policy"


def kept(stage: VirtualStage) -> list[bool]:
    """Of each trail in AWS, whether it was left without the owner tag."""
    return [OWNER not in dict(trail.tags) for trail in stage.aws.trails.all()]


@pytest.mark.parametrize(
    ("value", "spec", "outcome"),
    [
        ("retain", {}, [True]),
        ("reatin", {}, [True]),
        ("delete", {}, []),
        ("retain", {"deletionPolicy": "Delete"}, []),
        ("delete", {"deletionPolicy": "Retain"}, [True]),
    ],
)
def test_acks_deletion_policy_decides_where_the_spec_does_not(
    stage: VirtualStage, value: str, spec: dict[str, Any], outcome: list[bool]
) -> None:
    stage.annotate(KEY, ACK_POLICY, value)
    stage.replace_spec(KEY, SPEC | spec)
    stage.delete(KEY)
    stage.wait(20.0)
    assert not stage.objects
    assert kept(stage) == outcome


def test_acks_annotation_deletes_nothing_that_is_kept_by_default(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "trail_operator")
    stage = VirtualStage(0, default_deletion_policy="Retain")
    stage.create(KEY, SPEC)
    stage.annotate(KEY, ACK_POLICY, "delete")
    stage.wait(30.0)
    (advisory,) = (one for one in stage.objects[KEY]["status"]["conditions"] if one["type"] == "Advisory")
    assert advisory["reason"] == "AnnotationIgnored"
    assert "spec.deletionPolicy: Delete" in advisory["message"]
    stage.delete(KEY)
    stage.wait(20.0)
    assert not stage.objects
    assert kept(stage) == [True]
    stage.close()


def test_a_held_deletion_ends_at_once_with_acks_retain(stage: VirtualStage) -> None:
    """Annotations leave the generation as it is, and the next retry is a minute away."""
    stage.ignore("DeleteTrail")
    stage.delete(KEY)
    stage.wait(100.0)
    stage.annotate(KEY, ACK_POLICY, "retain")
    stage.wait(3.0)
    assert not stage.objects
    assert kept(stage) == [True]


# The status is a memory that AWS is asked about.

GONE = {"arn": None, "accountID": None, "homeRegion": None}
FORGED: dict[str, dict[str, Any]] = {
    "no arn": {"arn": None},
    "nothing": GONE,
    "no home region": {"homeRegion": None},
    "no ARN": {"arn": "x"},
    "no ARN and nothing else": GONE | {"arn": "x"},
    "an ARN of another service": {"arn": f"arn:aws:s3:::{ARN}"},
    "a number for an ARN": {"arn": 7},
    "another trail": {"arn": arn_of("beta")},
    "another trail elsewhere": {"arn": arn_of("beta", REGIONS[1])},
    "another region": {"arn": arn_of("alpha", REGIONS[1]), "homeRegion": REGIONS[1]},
    "another region beside the ARN": {"homeRegion": REGIONS[1]},
    "another region, no ARN": {"arn": None, "homeRegion": REGIONS[1]},
    "a text for a status": "x",  # type: ignore[dict-item]
    "no region": {"homeRegion": "nowhere", "arn": None},
    "no account": {"accountID": "me", "arn": None},
    "another account and nothing else": GONE | {"accountID": FOREIGN},
    "another account's trail": {"arn": arn_of("alpha", account=FOREIGN)},
    "another partition": {"arn": ARN.replace("arn:aws:", "arn:aws-cn:")},
}
NOWHERE = "xx-made-1"
# A deletion is held for it: AWS may have a region that this operator does not know.
ANYWHERE = FORGED | {"a region that AWS has not": {"arn": arn_of("alpha", NOWHERE), "homeRegion": NOWHERE}}


# As AWS answers in an account of its own.
IN_NO_ORGANIZATION = {"service": "organizations", "error": "AWSOrganizationsNotInUseException"}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_deletion_finds_the_trail_whatever_the_status_says(stage: VirtualStage, forged: Any) -> None:
    stage.fault(**IN_NO_ORGANIZATION)
    stage.create(OTHER, SPEC)
    stage.wait(30.0)
    stage.kill(0)
    stage.server.write_status(KEY, forged)
    stage.delete(KEY)
    stage.restart()
    stage.wait(40.0)
    assert KEY not in stage.objects
    assert arns(stage) == [arn_of("beta")]
    assert ["Deleted" in note for note in stage.notes("Released")] == [True]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("forged", ANYWHERE.values(), ids=ANYWHERE)
def test_a_trail_is_looked_after_whatever_the_status_says(stage: VirtualStage, forged: Any, restarted: bool) -> None:
    stage.fault(**IN_NO_ORGANIZATION)
    if restarted:
        stage.kill(0)
    stage.server.write_status(KEY, forged)
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    if restarted:
        stage.restart()
    stage.wait(TWO_RESYNCS)
    (trail,) = stage.aws.trails.all()
    assert trail.is_logging
    assert ready(stage) == ("True", "Recording")
    assert stage.objects[KEY]["status"]["arn"] == ARN
    assert stage.objects[KEY]["status"]["homeRegion"] == REGIONS[0]


# A record that nobody can look up: what is wrong is said, and the command that is printed is the way out.


def corrected(stage: VirtualStage, field: str) -> str:
    """Carry out the command that the message prints; the message."""
    message = str(stage.objects[KEY]["status"]["conditions"][0]["message"])
    command = re.search(
        r"kubectl patch ctrail alpha --namespace team-a --subresource status --type merge --patch '(\{[^']*\})'",
        message,
    )
    assert command, message
    patch = json.loads(command[1])["status"]
    assert f"status.{field}" in message
    assert field in patch
    assert "trails/status" in message
    stage.server.write_status(KEY, patch)
    return message


@pytest.mark.parametrize(
    ("field", "forged"),
    [("homeRegion", {"arn": None, "homeRegion": NOWHERE}), ("arn", {"arn": arn_of("alpha", NOWHERE)})],
)
def test_a_deletion_names_the_region_on_record_that_it_cannot_look_at(
    stage: VirtualStage, field: str, forged: dict[str, Any]
) -> None:
    stage.server.write_status(KEY, forged)
    stage.delete(KEY)
    stage.wait(30.0)
    assert ready(stage) == ("False", "WrongHomeRegion")
    assert arns(stage) == [ARN]
    message = corrected(stage, field)
    assert NOWHERE in message
    assert "spec.region" not in message
    stage.wait(90.0)
    assert not stage.objects
    assert arns(stage) == []


FORGED_ACCOUNTS = [{"accountID": FOREIGN}, {"accountID": FOREIGN, "arn": None}]


@pytest.mark.parametrize("forged", FORGED_ACCOUNTS, ids=["beside the ARN", "no ARN"])
def test_a_forged_account_says_how_to_take_it_off_the_record(stage: VirtualStage, forged: dict[str, Any]) -> None:
    writes = len(stage.record.writes)
    stage.server.write_status(KEY, forged)
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    stage.wait(TWO_RESYNCS)
    assert ready(stage) == ("False", "IdentityMismatch")
    assert stage.record.writes[writes:] == []
    message = corrected(stage, "accountID")
    assert FOREIGN in message
    assert ACCOUNT in message
    stage.wait(TWO_RESYNCS)
    assert ready(stage) == ("True", "Recording")
    assert [trail.is_logging for trail in stage.aws.trails.all()] == [True]


@pytest.mark.parametrize("forged", FORGED_ACCOUNTS, ids=["beside the ARN", "no ARN"])
@pytest.mark.parametrize("way_out", ["the record", "Retain"])
def test_a_deletion_is_held_by_a_forged_account_until_it_is_off_the_record(
    stage: VirtualStage, forged: dict[str, Any], way_out: str
) -> None:
    stage.server.write_status(KEY, forged)
    stage.delete(KEY)
    stage.wait(120.0)
    assert ready(stage) == ("False", "IdentityMismatch")
    assert "deletionPolicy: Retain" in stage.objects[KEY]["status"]["conditions"][0]["message"]
    assert arns(stage) == [ARN]
    if way_out == "Retain":
        stage.replace_spec(KEY, SPEC | {"deletionPolicy": "Retain"})
        stage.wait(10.0)
        assert arns(stage) == [ARN]
        assert len(stage.notes("OwnerTagRemovalFailed")) == 1
    else:
        corrected(stage, "accountID")
        stage.wait(90.0)
        assert arns(stage) == []
    assert not stage.objects


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_retain_finds_the_trail_whatever_the_status_says(stage: VirtualStage, policy: str) -> None:
    stage.server.write_status(KEY, GONE)
    stage.replace_spec(KEY, SPEC | {"deletionPolicy": policy})
    stage.delete(KEY)
    stage.wait(20.0)
    assert not stage.objects
    assert [OWNER in dict(trail.tags) for trail in stage.aws.trails.all()] == ([False] if policy == "Retain" else [])


# Where AWS cannot be asked.

DENIED = {"error": "AccessDeniedException"}
UNKNOWN = {"error": "UnrecognizedClientException"}


def unmade(stage: VirtualStage, **spec: Any) -> None:
    """A Trail of which nothing is on record, as AWS refuses to say who the operator is."""
    stage.fault(**UNKNOWN)
    stage.create(KEY, SPEC | spec)
    stage.wait(20.0)
    assert ready(stage) == ("False", "CredentialsUnavailable")
    assert "arn" not in stage.objects[KEY]["status"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_trail_of_which_nothing_is_on_record_is_held_for_a_minute(empty: VirtualStage, restarted: bool) -> None:
    unmade(empty)
    empty.delete(KEY)
    empty.wait(30.0)
    if restarted:
        empty.kill(0)
        empty.restart()
    empty.wait(28.0)
    assert KEY in empty.objects
    assert "deletionPolicy: Retain" in empty.objects[KEY]["status"]["conditions"][0]["message"]
    empty.wait(6.0)
    assert not empty.objects
    (note,) = empty.notes("ReleasedUnverified")
    assert "without checking AWS" in note
    assert empty.notes("Released") == []


def test_what_can_be_asked_within_the_minute_is_released_verified(empty: VirtualStage) -> None:
    unmade(empty)
    empty.delete(KEY)
    empty.wait(20.0)
    empty.heal()
    empty.wait(30.0)
    assert not empty.objects
    assert empty.notes("ReleasedUnverified") == []
    assert empty.notes("Released") == [f"Trail {ARN} does not exist"]


def test_a_trail_that_is_on_record_is_held_without_end(stage: VirtualStage) -> None:
    stage.fault(**UNKNOWN)
    stage.delete(KEY)
    stage.wait(600.0)
    assert ready(stage) == ("False", "CredentialsUnavailable")
    stage.heal()
    stage.wait(60.0)
    assert not stage.objects
    assert arns(stage) == []


@pytest.mark.parametrize("fault", [{"error": "ThrottlingException"}, {"drop": True}])
def test_an_outage_releases_nothing(stage: VirtualStage, fault: dict[str, Any]) -> None:
    stage.server.write_status(KEY, GONE)
    stage.fault(**fault)
    stage.delete(KEY)
    stage.wait(300.0)
    assert KEY in stage.objects
    stage.heal()
    stage.wait(90.0)
    assert not stage.objects
    assert arns(stage) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"accountRef": {"name": "nowhere"}},
        {"accountRef": "x"},
        {"name": {"a": 1}},
        {"region": ["eu-west-1"]},
        {"deletionPolicy": "Orphan"},
        {"isOrganizationTrail": "yes"},
    ],
)
def test_whom_to_ask_may_be_unknown(empty: VirtualStage, spec: dict[str, Any]) -> None:
    empty.create(KEY, SPEC | spec)
    empty.wait(20.0)
    empty.delete(KEY)
    empty.wait(55.0)
    assert KEY in empty.objects
    empty.wait(10.0)
    assert not empty.objects
    assert len(empty.notes("ReleasedUnverified")) == 1


def test_the_own_account_is_looked_at_though_the_organization_can_not_be(stage: VirtualStage) -> None:
    stage.kill(0)
    stage.server.write_status(KEY, GONE)
    stage.fault(service="organizations", **DENIED)
    stage.replace_spec(KEY, SPEC | {"isOrganizationTrail": True})
    stage.delete(KEY)
    stage.restart()
    stage.wait(20.0)
    assert arns(stage) == []


def test_a_record_of_another_account_is_held_while_the_organization_can_not_be_asked(stage: VirtualStage) -> None:
    """It may be of a trail that was made as the organization's: nothing is made or deleted in its place."""
    stage.fault(service="organizations", **DENIED)
    stage.server.write_status(KEY, {"arn": arn_of("alpha", account=FOREIGN)})
    stage.by_hand(REGIONS[0], "StopLogging", Name=ARN)
    since = len(stage.record.writes)
    stage.wait(TWO_RESYNCS)
    assert ready(stage) == ("False", "AccessDenied")
    message = stage.objects[KEY]["status"]["conditions"][0]["message"]
    assert f"Status records a trail of account {FOREIGN}" in message
    assert "organizations:DescribeOrganization" in message
    stage.delete(KEY)
    stage.wait(300.0)
    assert KEY in stage.objects
    assert not stage.record.writes[since:]
    stage.heal()
    stage.wait(90.0)
    assert not stage.objects
    assert arns(stage) == []


def test_retain_waits_no_minute(empty: VirtualStage) -> None:
    unmade(empty, deletionPolicy="Retain")
    empty.delete(KEY)
    empty.wait(7.0)
    assert not empty.objects
    assert len(empty.notes("ReleasedUnverified")) == 1


def test_a_trail_without_a_recorded_arn_stays_held_while_it_is_only_observed(empty: VirtualStage) -> None:
    """The account is recorded before CreateTrail: without the finalizer, nobody would see the deletion."""
    empty.fault(service="cloudtrail", operation="GetEventConfiguration", error="AccessDeniedException", count=100)
    empty.create(KEY, SPEC)
    empty.wait(30.0)
    assert arns(empty) == [ARN]
    assert empty.objects[KEY]["status"].get("arn") is None
    empty.replace_spec(KEY, SPEC | {"managementPolicy": "Observe"})
    empty.wait(30.0)
    empty.stop()
    empty.replace_spec(KEY, SPEC)
    empty.delete(KEY)
    empty.restart()
    empty.wait(30.0)
    assert (arns(empty), list(empty.objects)) == ([], [])


def test_observe_and_conflict_are_released_at_once(stage: VirtualStage) -> None:
    stage.create("team-a/watcher", SPEC | {"name": "alpha", "managementPolicy": "Observe"})
    stage.create("team-b/rival", SPEC | {"name": "alpha"})
    stage.wait(20.0)
    assert ready(stage, "team-b/rival") == ("False", "Conflict")
    stage.delete("team-a/watcher")
    stage.delete("team-b/rival")
    stage.wait(2.0)
    assert list(stage.objects) == [KEY]
    assert arns(stage) == [ARN]


def test_a_paused_trail_is_held(stage: VirtualStage) -> None:
    stage.server.write_status(KEY, GONE)
    stage.annotate(KEY, PAUSED, "true")
    stage.fault(**DENIED)
    stage.delete(KEY)
    stage.wait(300.0)
    assert KEY in stage.objects
    assert arns(stage) == [ARN]
