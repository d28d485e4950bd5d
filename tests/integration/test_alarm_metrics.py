"""/metrics of a running operator about TrailAlarmSets and the state of their alarms."""

from functools import partial
from typing import Any

import pytest

from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Accounts, AlarmSets, Trails, alarm_set, trail
from tests.integration.test_alerts import promtool, run  # noqa: F401 - a fixture
from tests.integration.test_metrics import Scraped, becomes
from tests.patience import eventually

NAME = "cis"
DELETIONS = {"name": "Deletions", "filterPattern": "{$.eventName=Delete*}"}


class ScrapedAlarms:
    """What /metrics of an operator answers about one TrailAlarmSet."""

    def __init__(self, scraped: Scraped, alarm_sets: AlarmSets) -> None:
        self.all = scraped
        self._set = {"alarm_set_namespace": alarm_sets.namespace, "alarm_set": NAME}

    def of(self, name: str, /, **labels: str) -> float | None:
        """The value of a metric of the set."""
        return self.all.value(name, **self._set, **labels)

    def state(self, state: str) -> float | None:
        """Whether its alarm has a state."""
        return self.of("alarm_state", alarm="Deletions", state=state)


@pytest.fixture
def scraped(
    operator_process: OperatorFactory, account: Account, trails: Trails, alarm_sets: AlarmSets
) -> ScrapedAlarms:
    """The metrics of an operator that manages one TrailAlarmSet, which is Ready."""
    operator = operator_process()
    make(account, trails, alarm_sets)
    alarm_sets.wait_ready(NAME)
    return ScrapedAlarms(Scraped(operator, trails.namespace), alarm_sets)


def make(account: Account, trails: Trails, alarm_sets: AlarmSets) -> None:
    """Apply a Trail with a log group, and a TrailAlarmSet with one alarm."""
    group = account.log_group("events")
    bucket, role = account.bucket(f"logs-{account.number}", "audit"), account.role("logs", group)
    trails.create(trail("audit", bucket, cloudWatchLogsLogGroupARN=group, cloudWatchLogsRoleARN=role))
    alarm_sets.create(alarm_set(NAME, "audit", alarms=[DELETIONS]))


def test_a_set_that_is_ready(scraped: ScrapedAlarms, account: Account, promtool: Any) -> None:  # noqa: F811
    assert scraped.of("alarm_set_ready") == 1
    assert scraped.of("alarm_set_reason", reason="InSync") == 1
    assert scraped.of("alarm_set_alarms") == 1
    assert scraped.of("alarm_set_drift_total") == 0
    assert scraped.all.value("kind_available", kind="TrailAlarmSet") == 1
    assert scraped.all.value("unattended_alarm_sets") == 0
    assert scraped.all.value("unreportable_objects", kind="TrailAlarmSet") == 0
    eventually("it is counted", lambda: scraped.all.value("reconciles_total", kind="TrailAlarmSet", result="ok"))
    text = scraped.all.text()
    run(promtool, "check", "metrics", text=text)
    assert account.number not in text.replace(f"test-{account.number}", ""), "an account id in a label"
    assert "arn:aws" not in text


def test_the_state_of_an_alarm(scraped: ScrapedAlarms, account: Account, alarm_sets: AlarmSets) -> None:
    cloudwatch, name = account.client("cloudwatch"), f"test/{alarm_sets.namespace}/{NAME}/Deletions"
    for state, other in (("ALARM", "OK"), ("OK", "ALARM")):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
        becomes(state, partial(scraped.state, state), 1)
        assert scraped.state(other) is None
    assert scraped.of("alarm_set_ready") == 1
    assert scraped.of("alarm_set_drift_total") == 0


def test_a_changed_alarm_is_counted_as_drift(scraped: ScrapedAlarms, account: Account, alarm_sets: AlarmSets) -> None:
    name = f"test/{alarm_sets.namespace}/{NAME}/Deletions"
    account.client("cloudwatch").disable_alarm_actions(AlarmNames=[name])
    becomes("drift", lambda: scraped.of("alarm_set_drift_total"), 1)
    assert scraped.all.value("drift_total", kind="TrailAlarmSet", field="actionsEnabled") == 1
    assert scraped.all.value("drift_total", kind="Trail") == 0


def test_states_are_absent_while_nothing_is_read(scraped: ScrapedAlarms, trails: Trails, alarm_sets: AlarmSets) -> None:
    eventually("a state", lambda: scraped.of("alarm_state"))
    alarm_sets.annotate(NAME, {"trail-operator.dev/paused": "true"})
    becomes("the number of alarms", lambda: scraped.of("alarm_set_alarms"), None)
    assert scraped.of("alarm_set_reason", reason="Paused") == 1
    assert scraped.of("alarm_state") is None
    alarm_sets.annotate(NAME, {"trail-operator.dev/paused": None})
    eventually("a state again", lambda: scraped.of("alarm_state"))
    trails.delete("audit")
    becomes("the reason", lambda: scraped.of("alarm_set_reason", reason="TrailNotFound"), 1)
    assert scraped.of("alarm_state") is None
    assert scraped.of("alarm_set_alarms") == 1


def test_nothing_is_left_of_a_set_that_is_deleted(scraped: ScrapedAlarms, alarm_sets: AlarmSets) -> None:
    alarm_sets.delete(NAME)
    alarm_sets.wait_gone(NAME)
    becomes("ready", lambda: scraped.of("alarm_set_ready"), None)
    assert scraped.of("alarm_state") is None
    eventually("it is counted", lambda: scraped.all.value("reconciles_total", kind="TrailAlarmSet", result="gone"))


def test_sets_of_other_operators_are_left_out(
    operator_process: OperatorFactory, account: Account, trails: Trails, alarm_sets: AlarmSets, accounts: Accounts
) -> None:
    theirs = accounts.create("theirs", account.number, shard="-b")
    trails.create(trail("audit", f"logs-{account.number}", accountRef={"name": theirs}))
    alarm_sets.create(alarm_set(NAME, "audit", alarms=[DELETIONS]))
    alarm_sets.create(alarm_set("lost", "missing", alarms=[DELETIONS]))
    scraped = Scraped(operator_process(), trails.namespace)
    becomes("the other set", lambda: scraped.value("alarm_set_reason", alarm_set="lost", reason="TrailNotFound"), 1)
    assert scraped.value("alarm_set_ready", alarm_set="lost") == 0
    assert scraped.value("alarm_set_ready", alarm_set=NAME) is None
