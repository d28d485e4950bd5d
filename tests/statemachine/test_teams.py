"""What a team with an AWSAccount can and cannot do: a test for each row of the table in docs/accounts.md."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.integration import test_accounts_docs
from tests.statemachine import test_alarm_honesty
from tests.statemachine.alarm_stage import AlarmStage, until
from tests.statemachine.aws import ACCOUNT, ALIAS, KEYS, REGIONS, ROLE, group_arn, key_arn, topic_arn
from tests.statemachine.expectation import OWNER
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.specs import TRAILS
from tests.statemachine.stage import VirtualStage

TEAM, KEY = "team", "team-a/alpha"
SPEC = {"s3BucketName": "logs-one", "accountRef": {"name": TEAM}}
OWN = {"s3BucketName": "logs-one"}
ARN = f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha"
ELSEWHERE = "elsewhere/team-a/alpha"


@pytest.fixture
def stage(caplog: pytest.LogCaptureFixture) -> Iterator[VirtualStage]:
    """With the default of --allowed-adoption, and an AWSAccount that lets team-a in and says nothing else."""
    caplog.set_level(logging.CRITICAL, "trail_operator")
    result = VirtualStage(0, allowed_adoption="Never")
    result.wait(1.0)
    allow(result)
    yield result
    result.close()


def allow(stage: VirtualStage, **limits: Any) -> None:
    """What the AWSAccount of the team says from now on."""
    stage.put_account(TEAM, **{"allowedNamespaces": {"names": ["team-a"]}, **limits})


def theirs(stage: VirtualStage, owner: str | None = None) -> None:
    """The account's own trail alpha, which is logging; `owner`: its owner tag."""
    tags = {"TagsList": [{"Key": OWNER, "Value": owner}]} if owner else {}
    stage.by_hand(REGIONS[0], "CreateTrail", Name="alpha", S3BucketName="logs-two", **tags)
    stage.by_hand(REGIONS[0], "StartLogging", Name="alpha")


def ready(stage: VirtualStage, key: str = KEY) -> tuple[str, str, str]:
    conditions = stage.objects[key].get("status", {}).get("conditions", ())
    found: list[Manifest] = [one for one in conditions if one["type"] == "Ready"]
    return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")


def stalled(stage: VirtualStage, key: str = KEY) -> bool:
    return any(one["type"] == "Stalled" for one in stage.objects[key]["status"]["conditions"])


def writes(stage: VirtualStage) -> list[str]:
    """The operator's writes to AWS so far."""
    return [call.operation for call in stage.record.writes]


def refused(stage: VirtualStage, reason: str, *told: str, key: str = KEY) -> None:
    """The Trail says so and why, nothing is written, and it is not given up."""
    stage.wait(30.0)
    status, found, message = ready(stage, key)
    assert (status, found) == ("False", reason), message
    assert [word for word in told if word not in message] == []
    assert not stalled(stage, key)
    assert writes(stage) == []


def taken(stage: VirtualStage, seconds: float = 30.0) -> None:
    """The Trail is Ready, and the trail alpha is its own."""
    stage.wait(seconds)
    assert ready(stage)[:2] == ("True", "Recording"), ready(stage)
    trail = stage.aws.trails.get(ARN)
    assert trail is not None
    assert dict(trail.tags)[OWNER] == f"test/{KEY}"


_Test = TypeVar("_Test", bound=Callable[..., None])
ROWS: dict[str, Callable[..., None]] = {}
"""The test of each row of the table."""


def row(what: str) -> Callable[[_Test], _Test]:
    """Mark the test of a row, by its first cell."""

    def mark(test: _Test) -> _Test:
        ROWS[what] = test
        return test

    return mark


# Adoption.

ADOPTIONS = [
    (policy, allowed, owner)
    for policy in ("IfUnowned", "Always")
    for allowed in (None, "Never", "IfUnowned", "Always")
    for owner in (None, ELSEWHERE)
    if policy == "Always" or owner is None
]


@row("take over, change, stop or delete a trail without an owner tag")
@row("take over, change, stop or delete a trail of another owner")
@pytest.mark.parametrize(("policy", "allowed", "owner"), ADOPTIONS)
def test_what_an_account_lets_a_team_take_over(
    stage: VirtualStage, policy: str, allowed: str | None, owner: str | None
) -> None:
    theirs(stage, owner)
    allow(stage, **({"allowedAdoption": allowed} if allowed else {}))
    stage.create(KEY, SPEC | {"adoptionPolicy": policy, "isLogging": False, "deletionPolicy": "Delete"})
    needed = "Always" if owner else "IfUnowned"
    if allowed == "Always" or allowed == needed:
        stage.wait(30.0)
        assert ready(stage)[:2] == ("True", "LoggingOff")
        return
    refused(stage, "AdoptionNotAllowed", ARN, f"allowedAdoption of AWSAccount {TEAM} to {needed}", "administrator")
    assert not owner or owner not in ready(stage)[2]
    stage.delete(KEY)
    stage.wait(30.0)
    assert KEY not in stage.objects
    trail = stage.aws.trails.get(ARN)
    assert trail is not None
    assert (trail.is_logging, trail.s3_bucket_name) == (True, "logs-two")
    assert writes(stage) == []


@pytest.mark.parametrize(("owner", "needed"), [(None, "IfUnowned"), (ELSEWHERE, "Always")])
def test_what_the_own_identity_lets_anybody_take_over(stage: VirtualStage, owner: str | None, needed: str) -> None:
    theirs(stage, owner)
    stage.create(KEY, OWN | {"adoptionPolicy": "Always"})
    refused(stage, "AdoptionNotAllowed", ARN, f"--allowed-adoption to {needed}")


@pytest.mark.parametrize(("policy", "owner"), [("Never", None), ("Never", ELSEWHERE), ("IfUnowned", ELSEWHERE)])
def test_what_adoption_policy_does_not_take_is_a_conflict_whatever_is_allowed(
    stage: VirtualStage, policy: str, owner: str | None
) -> None:
    """adoptionPolicy is judged first."""
    theirs(stage, owner)
    for allowed in ("Never", "Always"):
        allow(stage, allowedAdoption=allowed)
        stage.create(KEY, SPEC | {"adoptionPolicy": policy})
        stage.wait(30.0)
        assert ready(stage)[:2] == ("False", "Conflict")
        assert stalled(stage)
        stage.delete(KEY)
        stage.wait(30.0)
    assert writes(stage) == []


def test_once_it_is_allowed_the_trail_is_taken_at_once_and_stays(stage: VirtualStage) -> None:
    """Only the taking is judged."""
    theirs(stage)
    stage.create(KEY, SPEC | {"adoptionPolicy": "IfUnowned"})
    refused(stage, "AdoptionNotAllowed")
    allow(stage, allowedAdoption="IfUnowned")
    taken(stage, 5.0)
    allow(stage)
    stage.by_hand(REGIONS[0], "StopLogging", Name="alpha")
    stage.wait(90.0)
    taken(stage)
    stage.stop()
    stage.restart()
    stage.by_hand(REGIONS[0], "StopLogging", Name="alpha")
    taken(stage, 90.0)


@pytest.mark.parametrize("made", [True, False], ids=["made", "taken over"])
def test_a_trail_on_record_that_has_lost_its_tag_is_taken_back(stage: VirtualStage, made: bool) -> None:
    if not made:
        theirs(stage)
        allow(stage, allowedAdoption="Always")
    stage.create(KEY, SPEC | {"adoptionPolicy": "IfUnowned"})
    taken(stage)
    allow(stage)
    stage.by_hand(REGIONS[0], "RemoveTags", ResourceId=ARN, TagsList=[{"Key": OWNER}])
    taken(stage, 90.0)


def test_a_trail_that_was_only_observed_is_not_on_record_as_ones_own(stage: VirtualStage) -> None:
    """Whoever may write Trails may also put our finalizer on one; the ARN that was observed is no claim."""
    theirs(stage)
    stage.create(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(5.0)
    stage.server.put_finalizer(KEY, "trail-operator.dev/finalizer")
    stage.wait(5.0)
    assert stage.objects[KEY]["status"]["arn"] == ARN
    stage.replace_spec(KEY, SPEC | {"adoptionPolicy": "IfUnowned", "isLogging": False})
    refused(stage, "AdoptionNotAllowed")


RIVAL = "team-b/older"


def allow_others(stage: VirtualStage, **limits: Any) -> None:
    """What the AWSAccount of another team says from now on, which is of the same account."""
    stage.put_account("of-others", allowedNamespaces={"names": ["team-b"]}, **limits)


def older(stage: VirtualStage, policy: str) -> None:
    """A Trail of that team, older than ours, which wants the trail alpha as well."""
    spec = {"s3BucketName": "logs-one", "name": "alpha", "accountRef": {"name": "of-others"}, "adoptionPolicy": policy}
    stage.create(RIVAL, spec)
    stage.wait(5.0)


@pytest.mark.parametrize(
    ("policy", "reason"), [("Never", "Conflict"), ("IfUnowned", "AdoptionNotAllowed"), ("Always", "AdoptionNotAllowed")]
)
def test_an_older_trail_that_may_not_take_a_trail_holds_up_none_that_may(
    stage: VirtualStage, policy: str, reason: str
) -> None:
    theirs(stage)
    allow_others(stage)
    older(stage, policy)
    assert ready(stage, RIVAL)[1] == reason
    allow(stage, allowedAdoption="IfUnowned")
    stage.create(KEY, SPEC | {"adoptionPolicy": "IfUnowned"})
    taken(stage)
    # Once it may: too late.
    allow_others(stage, allowedAdoption="Always")
    stage.replace_spec(RIVAL, stage.objects[RIVAL]["spec"] | {"adoptionPolicy": "Always"})
    stage.wait(80.0)
    assert ready(stage, RIVAL)[1] == "Conflict"
    taken(stage, 1.0)


def test_of_two_that_may_take_a_trail_the_older_has_it(stage: VirtualStage) -> None:
    theirs(stage)
    allow(stage, allowedAdoption="IfUnowned")
    allow_others(stage, allowedAdoption="IfUnowned")
    stage.stop()
    older(stage, "IfUnowned")
    stage.create(KEY, SPEC | {"adoptionPolicy": "IfUnowned"})
    stage.restart()
    stage.wait(80.0)
    assert ready(stage)[1] == "Conflict"
    trail = stage.aws.trails.get(ARN)
    assert trail is not None
    assert dict(trail.tags)[OWNER] == f"test/{RIVAL}"


def test_a_trail_that_lost_its_tag_is_not_taken_from_the_older_that_had_it(stage: VirtualStage) -> None:
    allow_others(stage)
    older(stage, "Never")
    assert ready(stage, RIVAL)[:2] == ("True", "Recording")
    allow(stage, allowedAdoption="Always")
    stage.create(KEY, SPEC | {"adoptionPolicy": "Always"})
    stage.wait(30.0)
    stage.by_hand(REGIONS[0], "RemoveTags", ResourceId=ARN, TagsList=[{"Key": OWNER}])
    stage.wait(150.0)
    assert [ready(stage, key)[1] for key in (RIVAL, KEY)] == ["Conflict", "Conflict"]
    trail = stage.aws.trails.get(ARN)
    assert trail is not None
    assert OWNER not in dict(trail.tags)


@pytest.mark.parametrize(
    ("policy", "owner", "is_taken"),
    [("Never", None, False), ("IfUnowned", None, True), ("Always", None, True), ("Always", ELSEWHERE, False)],
)
def test_a_trail_made_again_by_hand_is_judged_as_one_that_lost_its_tag(
    stage: VirtualStage, policy: str, owner: str | None, is_taken: bool
) -> None:
    """AWS tells a trail by its name. One with another owner's tag is never taken back, whatever is allowed."""
    allow(stage, **({"allowedAdoption": "Always"} if owner else {}))
    stage.create(KEY, SPEC | {"adoptionPolicy": policy})
    taken(stage)
    stage.by_hand(REGIONS[0], "DeleteTrail", Name="alpha")
    theirs(stage, owner)
    if is_taken:
        taken(stage, 90.0)
        return
    stage.wait(90.0)
    assert ready(stage)[:2] == ("False", "Conflict")
    trail = stage.aws.trails.get(ARN)
    assert trail is not None
    assert (dict(trail.tags).get(OWNER), trail.s3_bucket_name) == (owner, "logs-two")


# Names, topics, keys and log groups.

TOPIC, GROUP = topic_arn("one", REGIONS[0]), group_arn("one", REGIONS[0])
ALIAS_ARN = f"arn:aws:kms:{REGIONS[0]}:{ACCOUNT}:{ALIAS}"
LOGS = {"cloudWatchLogsLogGroupARN": GROUP, "cloudWatchLogsRoleARN": ROLE}


@pytest.mark.parametrize("managed", [True, False], ids=["Manage", "Observe"])
@pytest.mark.parametrize("named", [{}, {"name": "org-security"}])
def test_a_name_that_is_not_allowed(stage: VirtualStage, named: dict[str, str], managed: bool) -> None:
    """Nothing of a trail of that name is told, be there one or not, and nothing is asked about it."""
    theirs(stage)
    allow(stage, allowedTrailNames=["team-a-*"])
    stage.create(KEY, SPEC | named | {"managementPolicy": "Manage" if managed else "Observe"})
    refused(stage, "TrailNameNotAllowed", named.get("name", "alpha"), "team-a-*")
    assert [key for key in stage.objects[KEY]["status"] if key in ("arn", "isLogging", "drift")] == []
    allow(stage, allowedTrailNames=["team-a-*", named.get("name", "alpha")])
    stage.wait(10.0)
    assert ready(stage)[1] != "TrailNameNotAllowed"


RESOURCES: list[tuple[dict[str, Any], dict[str, list[str]], bool]] = [
    # The topic, by its name and by its ARN.
    ({"snsTopicName": "one"}, {"allowedTopicARNs": [TOPIC]}, True),
    ({"snsTopicName": TOPIC}, {"allowedTopicARNs": ["arn:aws:sns:*:*:o?e"]}, True),
    ({"snsTopicName": "one"}, {"allowedTopicARNs": ["one"]}, False),
    ({"snsTopicName": "one"}, {"allowedTopicARNs": [topic_arn("one", REGIONS[1])]}, False),
    ({"snsTopicName": topic_arn("one", REGIONS[1])}, {"allowedTopicARNs": [TOPIC]}, False),
    ({"snsTopicName": "one"}, {"allowedTopicARNs": []}, False),
    ({}, {"allowedTopicARNs": []}, True),
    # The key, by its id, its alias and the ARN of either.
    ({"kmsKeyID": KEYS[0]}, {"allowedKeyARNs": [key_arn(0)]}, True),
    ({"kmsKeyID": key_arn(0)}, {"allowedKeyARNs": [key_arn(0)]}, True),
    ({"kmsKeyID": ALIAS}, {"allowedKeyARNs": [key_arn(0)]}, True),
    ({"kmsKeyID": ALIAS_ARN}, {"allowedKeyARNs": [key_arn(0)]}, True),
    ({"kmsKeyID": ALIAS}, {"allowedKeyARNs": [ALIAS, ALIAS_ARN]}, False),
    ({"kmsKeyID": ALIAS}, {"allowedKeyARNs": [key_arn(1)]}, False),
    ({"kmsKeyID": key_arn(1)}, {"allowedKeyARNs": [key_arn(0)]}, False),
    ({"kmsKeyID": KEYS[1]}, {"allowedKeyARNs": []}, False),
    ({}, {"allowedKeyARNs": []}, True),
    # The log group, with and without the ending that the console shows.
    (LOGS, {"allowedLogGroupARNs": [GROUP]}, True),
    (LOGS | {"cloudWatchLogsLogGroupARN": f"{GROUP}:*"}, {"allowedLogGroupARNs": [GROUP]}, True),
    (LOGS, {"allowedLogGroupARNs": [f"{GROUP}:*"]}, True),
    (LOGS, {"allowedLogGroupARNs": [group_arn("two", "*")]}, False),
    ({}, {"allowedLogGroupARNs": []}, True),
]


@row("name any SNS topic, KMS key or log group")
@pytest.mark.parametrize(("names", "limits", "is_allowed"), RESOURCES)
def test_topics_keys_and_log_groups_are_compared_by_what_they_mean(
    stage: VirtualStage, names: dict[str, Any], limits: dict[str, list[str]], is_allowed: bool
) -> None:
    allow(stage, **limits)
    stage.create(KEY, SPEC | names)
    if is_allowed:
        taken(stage)
        return
    (field,) = (name for name in names if name != "cloudWatchLogsRoleARN")
    (limit,) = limits
    refused(stage, "ResourceNotAllowed", field, limit)


def test_a_key_that_means_nothing_is_not_allowed(stage: VirtualStage) -> None:
    allow(stage, allowedKeyARNs=["*"])
    stage.create(KEY, SPEC | {"kmsKeyID": "alias/nobody"})
    refused(stage, "ResourceNotAllowed", "kmsKeyID alias/nobody", "does not exist")


def test_a_key_that_may_not_be_resolved_is_not_allowed(stage: VirtualStage) -> None:
    allow(stage, allowedKeyARNs=["*"])
    stage.fault(operation="DescribeKey", error="AccessDeniedException", message="no")
    stage.create(KEY, SPEC | {"kmsKeyID": ALIAS})
    refused(stage, "ResourceNotAllowed", "kmsKeyID", "kms:DescribeKey")
    stage.heal()
    taken(stage, 60.0)


def test_while_a_key_is_not_known_for_a_moment_nothing_is_written_and_nothing_claimed(stage: VirtualStage) -> None:
    allow(stage, allowedKeyARNs=[key_arn(0)])
    stage.create(KEY, SPEC | {"kmsKeyID": ALIAS})
    taken(stage)
    before = writes(stage)
    stage.fault(operation="DescribeKey", error="ThrottlingException")
    stage.wait(90.0)
    assert ready(stage)[:2] == ("True", "Recording")
    assert writes(stage) == before


def test_an_alias_that_comes_to_mean_a_key_that_is_not_allowed(stage: VirtualStage) -> None:
    """The trail keeps the key that it has."""
    allow(stage, allowedKeyARNs=[key_arn(0)])
    stage.create(KEY, SPEC | {"kmsKeyID": ALIAS})
    taken(stage)
    stage.aws.world.aliased = 1
    stage.wait(90.0)
    assert ready(stage)[1] == "ResourceNotAllowed"
    trail = stage.aws.trails.get(ARN)
    assert trail is not None
    assert trail.kms_key_arn == key_arn(0)


def test_without_limits_an_id_of_a_key_is_asked_for_once_for_dependencies_ready(stage: VirtualStage) -> None:
    stage.create(KEY, SPEC | {"kmsKeyID": KEYS[0]})
    taken(stage)
    assert stage.aws.asked["DescribeKey"] == 1


@pytest.mark.parametrize("names", [{"snsTopicName": "one"}, {"kmsKeyID": ALIAS}, LOGS])
def test_limits_hold_for_what_is_only_observed_too(stage: VirtualStage, names: dict[str, Any]) -> None:
    theirs(stage)
    allow(stage, allowedTopicARNs=[], allowedKeyARNs=[], allowedLogGroupARNs=[])
    stage.create(KEY, SPEC | names | {"managementPolicy": "Observe"})
    refused(stage, "ResourceNotAllowed")
    allow(stage)
    stage.wait(10.0)
    assert ready(stage)[1] == "Drifted"


# What else the table says.

# A limit that excludes what the spec asks for, the reason, and the cell of the table.
LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "give a new trail any name that is free": ({"allowedTrailNames": ["other"]}, {}, "TrailNameNotAllowed"),
    "create a trail in any home region": ({"allowedRegions": [REGIONS[0]]}, {"region": REGIONS[1]}, "RegionNotAllowed"),
    "have its trail deliver to any bucket that allows CloudTrail": (
        {"allowedBuckets": ["logs-two"]},
        {},
        "BucketNotAllowed",
    ),
    "name any role for a log group": ({"allowedLogRoleARNs": []}, LOGS, "LogRoleNotAllowed"),
}


@pytest.mark.parametrize("what", LIMITS)
def test_a_team_may_choose_unless_there_is_a_limit(stage: VirtualStage, what: str) -> None:
    limit, spec, reason = LIMITS[what]
    allow(stage, **limit)
    stage.create(KEY, SPEC | spec)
    refused(stage, reason)
    allow(stage)
    stage.wait(20.0)
    assert ready(stage)[:2] == ("True", "Recording")


@row("create, change, stop and delete its own trails")
def test_a_team_has_trails_of_its_own(stage: VirtualStage) -> None:
    stage.create(KEY, SPEC)
    taken(stage)
    stage.replace_spec(KEY, SPEC | {"s3KeyPrefix": "a", "isLogging": False})
    stage.wait(30.0)
    trail = stage.aws.trails.get(ARN)
    assert trail is not None
    assert (trail.s3_key_prefix, trail.is_logging) == ("a", False)
    stage.delete(KEY)
    stage.wait(30.0)
    assert not stage.aws.trails.all()


@row("use an AWSAccount that does not allow its namespace")
def test_a_team_elsewhere(stage: VirtualStage) -> None:
    stage.create("team-b/beta", SPEC)
    refused(stage, "NamespaceNotAllowed", TEAM, key="team-b/beta")
    assert ACCOUNT not in json.dumps(stage.objects["team-b/beta"]["status"])


@row("learn whether there is an AWSAccount of some name")
def test_names_of_accounts_are_told(stage: VirtualStage) -> None:
    stage.create("team-b/beta", SPEC)
    refused(stage, "NamespaceNotAllowed", key="team-b/beta")
    stage.create("team-b/gamma", SPEC | {"accountRef": {"name": "nobody"}})
    refused(stage, "AccountNotFound", "nobody", key="team-b/gamma")


def test_who_names_the_missing_default_account_corrects_the_trail(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "trail_operator")
    stage = VirtualStage(0, default_account="nobody")
    stage.wait(1.0)
    stage.create(KEY, {name: value for name, value in SPEC.items() if name != "accountRef"})
    stage.create("team-b/beta", SPEC | {"accountRef": {"name": "nobody"}})
    refused(stage, "AccountNotFound", "correct --default-account")
    refused(stage, "AccountNotFound", "create it again with another spec.accountRef", key="team-b/beta")
    stage.close()


@row("record all accounts of the organization")
def test_organization_trails(stage: VirtualStage) -> None:
    stage.create(KEY, SPEC | {"isOrganizationTrail": True})
    refused(stage, "OrganizationTrailNotAllowed")


@row("take over the trail of a Trail that lives in this cluster")
def test_a_living_trail_keeps_its_trail(stage: VirtualStage) -> None:
    allow(stage, allowedAdoption="Always", allowedNamespaces={"names": ["team-a", "team-b"]})
    stage.create(KEY, SPEC)
    taken(stage)
    before = writes(stage)
    stage.create("team-b/beta", SPEC | {"name": "alpha", "adoptionPolicy": "Always"})
    stage.wait(30.0)
    assert ready(stage, "team-b/beta")[1] == "Conflict"
    assert KEY not in ready(stage, "team-b/beta")[2]
    assert writes(stage) == before
    assert ready(stage)[:2] == ("True", "Recording")


NOT_ADMITTED: list[dict[str, Any]] = [{"allowedNamespaces": {"names": ["team-c"]}}, {"allowedTrailNames": ["team-b-*"]}]


@row("claim a name that it may not use, and so block another team's Trail")
@pytest.mark.parametrize("limits", NOT_ADMITTED)
def test_a_name_that_may_not_be_used_is_held_by_nobody(stage: VirtualStage, limits: dict[str, Any]) -> None:
    """Of two that may use a name the older has it."""
    stage.put_account("of-others", **{"allowedNamespaces": {"names": ["team-b"]}, **limits})
    stage.create("team-b/squatter", SPEC | {"accountRef": {"name": "of-others"}, "name": "alpha"})
    stage.wait(5.0)
    stage.create(KEY, SPEC)
    taken(stage)
    # Once it may: too late.
    stage.put_account("of-others", allowedNamespaces={"names": ["team-b"]})
    stage.wait(80.0)
    assert ready(stage, "team-b/squatter")[1] == "Conflict"
    taken(stage, 1.0)


def test_who_may_no_longer_use_a_name_makes_way(stage: VirtualStage) -> None:
    """But a trail that it has is not taken from it."""
    allow(stage, allowedNamespaces={"names": ["team-a", "team-b"]})
    stage.shut("logs-two")
    stage.create("team-b/older", SPEC | {"name": "alpha", "s3BucketName": "logs-two"})
    stage.wait(5.0)
    stage.create(KEY, SPEC)
    stage.wait(5.0)
    assert ready(stage)[1] == "Conflict"
    allow(stage)
    taken(stage)


@row("see how any trail differs from a spec, and whether it logs (`managementPolicy: Observe`)")
def test_a_team_may_observe(stage: VirtualStage) -> None:
    theirs(stage, ELSEWHERE)
    stage.create(KEY, SPEC | {"managementPolicy": "Observe"})
    stage.wait(10.0)
    status = stage.objects[KEY]["status"]
    assert (status["isLogging"], status["arn"]) == (True, ARN)
    assert {"path": "s3BucketName", "desired": "logs-one", "observed": "logs-two"} in status["drift"]
    stage.delete(KEY)
    stage.wait(10.0)
    assert writes(stage) == []
    allow(stage, allowedTrailNames=[])
    stage.create(KEY, SPEC | {"managementPolicy": "Observe"})
    refused(stage, "TrailNameNotAllowed")


@row("use up the trails that a region may have, and learn which fill it")
def test_a_full_region(stage: VirtualStage) -> None:
    for number in range(6):
        stage.create(f"team-a/t-{number}", SPEC | {"isMultiRegionTrail": False})
    stage.wait(60.0)
    full = [key for key in stage.objects if ready(stage, key)[1] == "QuotaExceeded"]
    assert len(full) == 1
    message = ready(stage, full[0])[2]
    assert [key for key in stage.objects if key not in full and key.partition("/")[2] not in message] == []


@row("bypass all limits by naming no AWSAccount")
@pytest.mark.parametrize("settings", [{"own_identity": False}, {"own_identity": False, "default_account": TEAM}])
def test_a_trail_without_an_account(settings: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "trail_operator")
    stage = VirtualStage(0, allowed_adoption="Never", **settings)
    stage.wait(1.0)
    allow(stage, allowedBuckets=["logs-two"])
    stage.create(KEY, OWN)
    refused(stage, "BucketNotAllowed" if "default_account" in settings else "AccountNotFound")
    stage.close()


# Alarms.

SET, OTHER_SET = "team-a/alarms", "team-b/alarms"
ALARM = {"name": "A", "filterPattern": "{ $.eventName = Delete* }"}
SET_SPEC: Manifest = {"trailRef": {"name": "alpha"}, "alarms": [ALARM]}
OTHERS = {"s3BucketName": "logs-one", "accountRef": {"name": "of-others"}}


@pytest.fixture
def alarms(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlarmStage]:
    """With AWSAccounts of two teams that say nothing else, and a Trail of team-a that has a log group."""
    monkeypatch.setitem(TRAILS, "team-b/beta", {})
    caplog.set_level(logging.CRITICAL, "trail_operator")
    result = AlarmStage(0, allowed_adoption="Never", drift_attribution="None")
    result.wait(1.0)
    allow(result)
    allow_others(result)
    result.create(KEY, SPEC | LOGS)
    taken(result)
    yield result
    result.close()


def set_refused(stage: AlarmStage, key: str, reason: str, *told: str) -> None:
    """The TrailAlarmSet says so and why, and nothing is written for it."""
    stage.wait(30.0)
    assert stage.ready(key) == ("False", reason), stage.message(key)
    assert [word for word in told if word not in stage.message(key)] == []
    assert not any(name.startswith(f"test/{key}/") for *_, name in [*stage.filters, *stage.alarms])


@row("have alarms notify an SNS topic")
def test_topics_of_alarms(alarms: AlarmStage) -> None:
    """What the operator's own identity may use does not count."""
    alarms.sets.create(SET, SET_SPEC | {"actions": {"alarm": [TOPIC]}})
    set_refused(alarms, SET, "ActionNotAllowed", TOPIC, TEAM)
    allow(alarms, allowedActionARNs=[topic_arn("two", "*")])
    set_refused(alarms, SET, "ActionNotAllowed", TOPIC, TEAM)
    assert alarms.aws.asked["GetTopicAttributes"] == 0
    allow(alarms, allowedActionARNs=[topic_arn("one", "*")])
    until(alarms, lambda: alarms.ready(SET) == ("True", "InSync"))
    assert [one["AlarmActions"] for one in alarms.alarms.values()] == [[TOPIC]]


@row("create alarms with another team's Trail")
@pytest.mark.parametrize(
    ("policy", "reason"),
    [(None, "TrailNotFound"), ("Manage", "TrailNotManaged"), ("Observe", "TrailNotManaged")],
)
def test_a_set_needs_a_trail_of_its_namespace(alarms: AlarmStage, policy: str | None, reason: str) -> None:
    """`policy`: of a Trail of the same name there, if there is one."""
    if policy:
        alarms.create("team-b/alpha", OTHERS | LOGS | {"managementPolicy": policy})
    alarms.sets.create(OTHER_SET, SET_SPEC)
    set_refused(alarms, OTHER_SET, reason)
    assert "team-a" not in alarms.message(OTHER_SET)


@row("create alarms on what another team's trail records, if trails of both deliver to one log group")
def test_filters_see_what_all_trails_deliver_to_a_log_group(alarms: AlarmStage) -> None:
    allow_others(alarms, allowedLogGroupARNs=[group_arn("two", "*")])
    alarms.create("team-b/beta", OTHERS | LOGS)
    alarms.sets.create(OTHER_SET, SET_SPEC | {"trailRef": {"name": "beta"}})
    set_refused(alarms, OTHER_SET, "TrailNotManaged", "ResourceNotAllowed")
    allow_others(alarms)
    until(alarms, lambda: alarms.ready(OTHER_SET) == ("True", "InSync"))
    assert set(alarms.filters) == {(REGIONS[0], "one", f"test/{OTHER_SET}/A")}


@row("fill the 100 metric filters that a log group may have, if teams share one")
@pytest.mark.parametrize(("group", "expected"), [("one", ("False", "QuotaExceeded")), ("two", ("True", "InSync"))])
def test_a_full_log_group(alarms: AlarmStage, group: str, expected: tuple[str, str]) -> None:
    """`group`: of the other team, whose trail delivers to it."""
    logs = LOGS | {"cloudWatchLogsLogGroupARN": group_arn(group, REGIONS[0])}
    alarms.create("team-b/beta", OTHERS | logs)
    many = {"trailRef": {"name": "beta"}, "alarms": [ALARM | {"name": f"A{number}"} for number in range(50)]}
    for key in (OTHER_SET, "team-b/more"):
        alarms.sets.create(key, many)
    until(alarms, lambda: alarms.ready(OTHER_SET) == alarms.ready("team-b/more") == ("True", "InSync"))
    assert len(alarms.filters) == 100
    alarms.sets.create(SET, SET_SPEC)
    until(alarms, lambda: alarms.ready(SET) == expected)
    assert expected[0] == "True" or "at most 100 metric filters" in alarms.message(SET)


FILTERS = "have the operator change or delete a metric filter that the status of none of its TrailAlarmSets lists"
READING = "read AWSAccounts: numbers, roles, external ids, other teams' trails"


def test_each_row_of_the_table_has_a_test() -> None:
    page = (Path(__file__).parents[2] / "docs/accounts.md").read_text()
    section = page.split("### What a team can and cannot do\n")[1].split("\n\nWhat keeps teams apart")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    # By the roles of a real API server.
    roles = {READING: test_accounts_docs.test_a_team_may_write_trails_and_not_see_accounts}
    # By a test of TrailAlarmSets, which is the same without an AWSAccount.
    filters = {FILTERS: test_alarm_honesty.test_a_filter_that_is_not_recorded_is_others}
    assert {what for what, *_ in cells} == {*ROWS, *LIMITS, *roles, *filters}
    assert {can for _, can, _ in cells} == {"yes", "no"}
