"""The examples of TrailAlarmSets: what they ask for, and that their AWSAccount allows it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.crd import alarm_set_crd
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.domain.account_policy import check_actions
from trail_operator.domain.alarms.desired import action_arns, alarm_problems, desired_alarms
from trail_operator.domain.alarms.presets import PRESET_ALARMS
from trail_operator.domain.arns import Location

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("alarms", "alarms-complete")
LOCATION = Location("aws", "123456789012", "us-east-1")


def manifest(name: str) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    return body


def spec(name: str) -> TrailAlarmSetSpec:
    return TrailAlarmSetSpec.model_validate(manifest(name)["spec"])


def alarm_names(name: str) -> list[str]:
    found = desired_alarms(spec(name), name_prefix="prod/security/alarms/", trail_name="audit", set_name="alarms")
    return [alarm.name for alarm in found]


def test_small_example_asks_for_the_alarms_of_security_hub() -> None:
    assert len((EXAMPLES / "alarms.yaml").read_text().splitlines()) <= 12
    assert alarm_names("alarms") == [alarm.name for alarm in PRESET_ALARMS if alarm.name != "OrganizationsChanges"]


def test_complete_example_asks_for_all_but_one_and_its_own() -> None:
    expected = {alarm.name for alarm in PRESET_ALARMS} - {"S3BucketPolicyChanges"} | {"SecretsDeleted"}
    assert set(alarm_names("alarms-complete")) == expected


@pytest.mark.parametrize("name", NAMES)
def test_example_is_valid_and_names_the_example_trail(name: str) -> None:
    assert alarm_problems(spec(name), LOCATION) == ""
    trail = yaml.safe_load((EXAMPLES / "complete.yaml").read_text())
    assert spec(name).trail_ref.name == trail["metadata"]["name"]
    assert trail["spec"]["cloudWatchLogsLogGroupARN"].startswith("arn:aws:logs:us-east-1:123456789012:")


@pytest.mark.parametrize("name", NAMES)
def test_topics_are_allowed_by_the_example_account(name: str) -> None:
    account = AWSAccountSpec.model_validate(yaml.safe_load((EXAMPLES / "awsaccount.yaml").read_text())["spec"])
    assert check_actions(action_arns(spec(name)), account.allowed_action_arns, "example-company") is None
    if name == "alarms":
        stated = (EXAMPLES / "alarms.yaml").read_text().split("# allowedActionARNs: ")[1].splitlines()[0]
        assert tuple(yaml.safe_load(stated)) == account.allowed_action_arns


def test_complete_example_has_every_field() -> None:
    schema = alarm_set_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    given = manifest("alarms-complete")["spec"]
    assert given.keys() == schema.keys()
    assert given["actions"].keys() == schema["actions"]["properties"].keys()
    assert given["alarms"][0].keys() == schema["alarms"]["items"]["properties"].keys()
