"""What an AWSAccount allows whom, and what is said instead."""

from typing import Any

import pytest

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.trail import AdoptionPolicy, TrailSpec
from trail_operator.domain.account_policy import (
    check_actions,
    check_adoption,
    check_namespace,
    check_resources,
    check_spec,
)
from trail_operator.domain.failure import FailureClass

ROLE = "arn:aws:iam::111111111111:role/logs"


def account(**fields: Any) -> AWSAccountSpec:
    return AWSAccountSpec.model_validate({"accountID": "111111111111", **fields})


def expressions(*entries: tuple[str, str, list[str]]) -> dict[str, Any]:
    listed = [{"key": key, "operator": operator, "values": values} for key, operator, values in entries]
    return {"selector": {"matchExpressions": listed}}


@pytest.mark.parametrize(
    ("allowed", "is_allowed"),
    [
        (None, False),
        ({}, False),
        ({"names": []}, False),
        ({"names": ["a", "team"]}, True),
        ({"names": ["tea", "team-b"]}, False),
        ({"selector": {}}, True),
        ({"selector": {"matchLabels": {"env": "prod"}}}, True),
        ({"selector": {"matchLabels": {"env": "prod", "tier": "1"}}}, False),
        ({"names": ["team"], "selector": {"matchLabels": {"env": "test"}}}, True),
        (expressions(("env", "In", ["prod", "test"])), True),
        (expressions(("env", "In", [])), False),
        (expressions(("env", "NotIn", ["test"])), True),
        (expressions(("tier", "NotIn", ["1"])), True),
        (expressions(("env", "NotIn", ["prod"])), False),
        (expressions(("env", "Exists", [])), True),
        (expressions(("tier", "Exists", [])), False),
        (expressions(("tier", "DoesNotExist", [])), True),
        (expressions(("env", "Exists", []), ("tier", "Exists", [])), False),
    ],
)
def test_namespaces(allowed: dict[str, Any] | None, is_allowed: bool) -> None:
    spec = account() if allowed is None else account(allowedNamespaces=allowed)
    refusal = check_namespace(spec, "prod", "team", {"env": "prod"})
    if is_allowed:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.reason == "NamespaceNotAllowed"
    assert "AWSAccount prod" in refusal.message
    assert "namespace team" in refusal.message


@pytest.mark.parametrize("selector", [{}, {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}])
def test_a_namespace_whose_labels_are_not_known_is_selected_by_none(selector: dict[str, Any]) -> None:
    spec = account(allowedNamespaces={"selector": selector})
    assert check_namespace(spec, "prod", "team", {}) is None
    assert check_namespace(spec, "prod", "team", None) is not None
    assert check_namespace(account(allowedNamespaces={"names": ["team"]}), "prod", "team", None) is None


def test_a_refused_namespace_learns_nothing_of_others() -> None:
    spec = account(allowedNamespaces={"names": ["secret"], "selector": {"matchLabels": {"hidden": "label"}}})
    refusal = check_namespace(spec, "prod", "team", {})
    assert refusal is not None
    assert not any(word in refusal.message for word in ("secret", "hidden", "label", "111111111111"))


@pytest.mark.parametrize("account", ["prod", None])
@pytest.mark.parametrize("allowed", AdoptionPolicy)
@pytest.mark.parametrize("needed", AdoptionPolicy)
def test_adoption(allowed: AdoptionPolicy, needed: AdoptionPolicy, account: str | None) -> None:
    order = list(AdoptionPolicy)
    refusal = check_adoption("arn:trail", needed, allowed, account)
    if order.index(needed) <= order.index(allowed):
        assert refusal is None
        return
    assert refusal is not None
    assert (refusal.kind, refusal.reason) == (FailureClass.AUTHORITY, "AdoptionNotAllowed")
    assert "arn:trail" in refusal.message
    setting = "allowedAdoption of AWSAccount prod" if account else "--allowed-adoption"
    assert f"{setting} to {needed}" in refusal.message
    assert "administrator" in refusal.message


@pytest.mark.parametrize(
    ("allows", "wants", "reason", "told"),
    [
        ({"allowedTrailNames": []}, {}, "TrailNameNotAllowed", "none"),
        ({"allowedTrailNames": ["team-*"]}, {}, "TrailNameNotAllowed", "team-*"),
        ({"allowedTrailNames": ["Audit"]}, {}, "TrailNameNotAllowed", "Audit"),
        ({"allowedTrailNames": ["team-*", "aud??"]}, {}, None, ""),
        ({}, {"isOrganizationTrail": True}, "OrganizationTrailNotAllowed", "isOrganizationTrail"),
        ({"allowOrganizationTrails": True}, {"isOrganizationTrail": True}, None, ""),
        ({"allowedRegions": []}, {}, None, ""),
        ({"allowedRegions": ["eu-west-1"]}, {}, None, ""),
        ({"allowedRegions": ["us-east-1", "eu-west-2"]}, {}, "RegionNotAllowed", "eu-west-2, us-east-1"),
        ({"allowedBuckets": ["logs-*"]}, {}, None, ""),
        ({"allowedBuckets": ["logs-?"]}, {}, None, ""),
        ({"allowedBuckets": ["logs-??", "audit"]}, {}, "BucketNotAllowed", "audit, logs-??"),
        ({"allowedBuckets": ["logs-[a]"]}, {}, "BucketNotAllowed", "logs-[a]"),
        ({"allowedBuckets": ["LOGS-A"]}, {}, "BucketNotAllowed", "LOGS-A"),
        ({"allowedBuckets": []}, {}, "BucketNotAllowed", "none"),
        ({"allowedLogRoleARNs": []}, {}, None, ""),
        ({"allowedLogRoleARNs": []}, {"cloudWatchLogsRoleARN": ROLE}, "LogRoleNotAllowed", "none"),
        ({"allowedLogRoleARNs": ["arn:*:role/logs"]}, {"cloudWatchLogsRoleARN": ROLE}, None, ""),
        ({"allowedLogRoleARNs": ["arn:*:role/log"]}, {"cloudWatchLogsRoleARN": ROLE}, "LogRoleNotAllowed", "role/log"),
    ],
)
def test_what_a_trail_may_be(allows: dict[str, Any], wants: dict[str, Any], reason: str | None, told: str) -> None:
    spec = TrailSpec.model_validate({"s3BucketName": "logs-a", **wants})
    refusal = check_spec(account(**allows), "prod", spec, "audit", "eu-west-1")
    if reason is None:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.reason == reason
    assert told in refusal.message


TOPIC = "arn:aws:sns:eu-west-1:111111111111:team-topic"
KEY = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"
GROUP = "arn:aws:logs:eu-west-1:111111111111:log-group:team/trail"


@pytest.mark.parametrize(
    ("allows", "refused"),
    [
        ({}, None),
        ({"allowedTopicARNs": [TOPIC], "allowedKeyARNs": [KEY], "allowedLogGroupARNs": [GROUP]}, None),
        ({"allowedTopicARNs": ["arn:aws:sns:*:111111111111:team-*"]}, None),
        ({"allowedTopicARNs": ["team-topic"]}, "snsTopicName"),
        ({"allowedTopicARNs": []}, "snsTopicName"),
        ({"allowedKeyARNs": ["arn:aws:kms:*:111111111111:key/*"]}, None),
        ({"allowedKeyARNs": ["alias/*", "arn:aws:kms:us-*"]}, "kmsKeyID"),
        ({"allowedLogGroupARNs": [f"{GROUP}:*"]}, None),
        ({"allowedLogGroupARNs": ["arn:aws:logs:*:*:log-group:team/*"]}, None),
        ({"allowedLogGroupARNs": ["arn:aws:logs:*:*:log-group:team"]}, "cloudWatchLogsLogGroupARN"),
        ({"allowedLogGroupARNs": [GROUP[:-1] + "?"]}, None),
    ],
)
def test_topic_key_and_log_group(allows: dict[str, Any], refused: str | None) -> None:
    spec = account(**allows)
    refusal = check_resources(spec, "prod", topic=TOPIC, key=KEY, log_group=GROUP)
    assert check_resources(spec, "prod", topic=None, key=None, log_group=None) is None  # it names none
    if refused is None:
        assert refusal is None
        return
    assert refusal is not None
    assert (refusal.kind, refusal.reason) == (FailureClass.AUTHORITY, "ResourceNotAllowed")
    (field,) = allows
    assert refusal.message.startswith(f"AWSAccount prod does not allow {refused} ")
    assert field in refusal.message
    assert all(pattern in refusal.message for pattern in allows[field])


TOPICS = "arn:aws:sns:us-east-1:111111111111:"


@pytest.mark.parametrize(
    ("arns", "allowed", "refused"),
    [
        ([], [], ""),
        ([f"{TOPICS}a"], [f"{TOPICS}a"], ""),
        ([f"{TOPICS}a", f"{TOPICS}b"], [f"{TOPICS}*"], ""),
        ([f"{TOPICS}a"], ["arn:aws:sns:*:111111111111:?"], ""),
        ([f"{TOPICS}a"], [], f"{TOPICS}a"),
        ([f"{TOPICS}a"], [f"{TOPICS}A"], f"{TOPICS}a"),
        ([f"{TOPICS}a"], [f"{TOPICS}[a]"], f"{TOPICS}a"),
        ([f"{TOPICS}b", f"{TOPICS}a", f"{TOPICS}b"], [f"{TOPICS}c"], f"{TOPICS}a, {TOPICS}b"),
    ],
)
def test_actions(arns: list[str], allowed: list[str], refused: str) -> None:
    failure = check_actions(arns, allowed, "prod")
    if not refused:
        assert failure is None
        return
    assert failure is not None
    assert (failure.reason, failure.kind) == ("ActionNotAllowed", FailureClass.AUTHORITY)
    assert f"may not notify {refused};" in failure.message


@pytest.mark.parametrize(
    ("account_name", "says"),
    [
        ("prod", "an administrator of AWSAccounts to add it to allowedActionARNs of AWSAccount prod"),
        (None, "an administrator of the operator to add it to --allowed-action-arns"),
    ],
)
def test_refused_action_names_who_can_allow_it(account_name: str | None, says: str) -> None:
    alone = check_actions([f"{TOPICS}a"], [], account_name)
    assert alone is not None
    assert alone.message.endswith(says)
    choice = check_actions([f"{TOPICS}a"], [f"{TOPICS}c", f"{TOPICS}b"], account_name)
    assert choice is not None
    assert choice.message.endswith(f"{says}, or use topics that match {TOPICS}b, {TOPICS}c")


def test_omitted_action_arns_allow_none() -> None:
    assert account().allowed_action_arns == ()
    assert account(allowedActionARNs=["*"]).allowed_action_arns == ("*",)
