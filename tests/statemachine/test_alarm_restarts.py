"""TrailAlarmSets whose operator, cluster name, status or Trail begins anew."""

import pytest

from tests.statemachine.alarm_scene import (
    PREFIX,
    REGION,
    SET,
    SPEC,
    TRAIL,
    TRAIL_SPEC,
    A,
    B,
    comes_to_rest,
    settled,
)
from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.expectation import OWNER
from tests.statemachine.specs import TRAILS


@pytest.fixture
def stage(alarm_stage: AlarmStage) -> AlarmStage:
    """A Trail with a log group, and no set."""
    return alarm_stage


def test_a_filter_that_was_created_before_a_kill_is_deleted_if_the_spec_drops_it(stage: AlarmStage) -> None:
    """The next process does not see it at first, and does not forget that it is the set's."""
    settled(stage)
    stage.stale(6.0)
    stage.sets.replace_spec(SET, SPEC | {"alarms": [A, B, A | {"name": "C"}]})
    until(stage, lambda: any(name == f"{PREFIX}C" for *_, name in stage.filters))
    stage.kill(0)
    stage.sets.replace_spec(SET, SPEC | {"alarms": [A, B]})
    stage.restart()
    stage.wait(60.0)
    comes_to_rest(stage)
    assert {name for *_, name in stage.filters} == {f"{PREFIX}A", f"{PREFIX}B"}


def test_a_set_that_was_moved_to_another_cluster_with_its_status_takes_nothing_along(stage: AlarmStage) -> None:
    """The other cluster has taken over the alarms, and records the same filters: here the set is deleted then."""
    settled(stage)
    for _, name in stage.alarms:
        arn, theirs = stage.aws.alarms.arn(REGION, name), {"Key": OWNER, "Value": f"another/{SET}"}
        stage.by_hand_on_alarms(REGION, "TagResource", ResourceARN=arn, Tags=[theirs])
    stage.sets.delete(SET)
    stage.wait(30.0)
    assert not stage.sets.objects
    assert {name for _, name in stage.alarms} == {name for *_, name in stage.filters} == {f"{PREFIX}A", f"{PREFIX}B"}


def test_alarms_of_a_set_whose_status_was_lost_are_deleted_with_it(stage: AlarmStage) -> None:
    """A backup of manifests was restored: the filters are a Conflict, the alarms are the set's by their tag."""
    settled(stage)
    stage.kill(0)
    del stage.sets.objects[SET]["status"]
    stage.restart()
    until(stage, lambda: stage.ready(SET) == ("False", "Conflict"))
    stage.sets.delete(SET)
    stage.wait(30.0)
    assert not stage.sets.objects
    assert not stage.alarms
    assert len(stage.filters) == 2


def test_a_cluster_that_is_renamed_and_back_while_owner_tags_are_rewritten_keeps_its_alarms(stage: AlarmStage) -> None:
    """One alarm has the tag with the one name by then, the other has the other."""
    settled(stage)
    stage.fault(operation="TagResource", error="AccessDeniedException", count=1)
    stage.rename_to("renamed")
    until(stage, lambda: len({one["Tags"][OWNER] for one in stage.alarms.values()}) == 2)
    stage.rename_to("test")
    comes_to_rest(stage)
    assert stage.ready(SET) == ("True", "InSync")
    assert {one["Tags"][OWNER] for one in stage.alarms.values()} == {f"test/{SET}"}
    assert stage.status(SET)["ownerTag"] == f"test/{SET}"


def test_a_set_of_an_identity_that_may_no_longer_be_used_says_what_to_create(stage: AlarmStage) -> None:
    settled(stage)
    stage.stop()
    stage._settings = stage._settings.model_copy(update={"own_identity": False})
    stage.restart()
    until(stage, lambda: stage.ready(SET) == ("False", "AccountNotFound"))
    assert stage.message(SET).startswith("Trail alpha: spec.accountRef is required")
    stage.sets.delete(SET)
    stage.wait(30.0)
    assert "--own-identity" in stage.message(SET)
    assert "create an AWSAccount for that account" in stage.message(SET)
    assert len(stage.alarms) == 2
    stage.put_account("account", allowedNamespaces={"names": ["team-a"]})
    stage.wait(60.0)
    assert not stage.sets.objects
    assert not stage.alarms


def test_a_trail_with_another_name_is_no_drift(stage: AlarmStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Trail was deleted and created again: the names of the metrics have that of its trail."""
    settled(stage)
    stage.delete(TRAIL)
    until(stage, lambda: stage.ready(SET) == ("False", "TrailNotFound"))
    monkeypatch.setitem(TRAILS, TRAIL, {"name": "other.name"})
    stage.create(TRAIL, TRAIL_SPEC | {"name": "other.name"})
    until(stage, lambda: stage.ready(SET) == ("True", "InSync"))
    stage.wait(15.0)
    assert {one["Namespace"] for one in stage.alarms.values()} == {"CloudTrail/other.name/alarms"}
    assert not stage.notes("DriftCorrected")
    assert len(stage.notes("Updated")) == 1
