"""Metric filters and alarms by the operator's own calls, against the emulated AWS, without a cluster.

What is written is read again as it was meant, and each permission of docs/iam.md is needed for what it is for.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.integration.aws import REGION, Account
from tests.sandbox.conftest import endpoint  # noqa: F401 - a fixture
from tests.sandbox.identities import user
from tests.unit.aws_clients import aws_client
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.aws.alarms import Alarms
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.errors import AWSError
from trail_operator.aws.metric_filters import MetricFilters
from trail_operator.aws.operations import Read
from trail_operator.aws.rate_limit import RateLimiter, no_precondition
from trail_operator.domain.alarms import parameters
from trail_operator.domain.alarms.actions import AlarmAction, Operation
from trail_operator.domain.alarms.alarm import AlarmSettings, FilterKey, FilterSettings
from trail_operator.domain.alarms.presets import PRESET_ALARMS
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import FailureError
from trail_operator.runtime.clock import Clock

CLUSTER, GROUP, OWNER = "prod", "trails", "prod/team/audit"
PREFIX = f"{OWNER}/"
KEY = FilterKey(GROUP, f"{PREFIX}RootUsage")
FILTER = FilterSettings(PRESET_ALARMS[0].pattern, "RootUsage", "CloudTrail/audit/audit", "1")
_PAGE = (Path(__file__).parents[2] / "docs" / "iam.md").read_text()
T = TypeVar("T")


async def _no_sleep(_: float) -> None:
    """The emulated AWS has no rates here, and time is precious."""


class Calls:
    """The calls of an operator that has keys of an account, or is its administrator."""

    def __init__(self, account: Account) -> None:
        clock = Clock()
        limiter = RateLimiter(Clock(clock.monotonic, sleep=_no_sleep), lambda *_: None)
        self.aws: AWSClient = aws_client(
            ClientPool(REGION, clock.monotonic, lambda: None), limiter_for=lambda _: limiter
        )
        self.filters, self.alarms = MetricFilters(self.aws), Alarms(self.aws)
        self._location = Location("aws", account.number, REGION)

    async def put(self, operation: Operation, given: dict[str, Any]) -> str:
        return await self.alarms.apply(AlarmAction(operation, given, ()), self._location, no_precondition)

    async def put_filter(self, key: FilterKey = KEY, settings: FilterSettings = FILTER) -> None:
        await self.put("PutMetricFilter", parameters.put_filter_parameters(key, settings))

    async def put_alarm(self, name: str, settings: AlarmSettings, tags: dict[str, str] | None = None) -> None:
        await self.put("PutMetricAlarm", parameters.put_alarm_parameters(name, settings, tags))


def settings_for(account: Account, **changes: Any) -> AlarmSettings:
    topic = f"arn:aws:sns:{REGION}:{account.number}:alarms"
    settings = AlarmSettings(
        description="The root user was used.",
        metric_name="RootUsage",
        metric_namespace="CloudTrail/audit/audit",
        statistic="Sum",
        period=300,
        evaluation_periods=1,
        datapoints_to_alarm=None,
        threshold=1.0,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        actions_enabled=True,
        alarm_actions=(topic,),
        ok_actions=(),
        insufficient_data_actions=(),
    )
    return replace(settings, **changes)


@pytest.fixture
def account(endpoint: str, number: str) -> Account:  # noqa: F811
    """An account with a log group."""
    account = Account(endpoint, number)
    account.client("logs").create_log_group(logGroupName=GROUP)
    return account


def act(account: Account, monkeypatch: pytest.MonkeyPatch, scenario: Callable[[Calls], Awaitable[T]], **keys: str) -> T:
    """Run a scenario as the administrator, or with keys."""
    names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
    for variable, value in account.environment.items():
        monkeypatch.setenv(variable, keys.get(names.get(variable, ""), value))

    async def run() -> T:
        return await scenario(Calls(account))

    return asyncio.run(run())


def test_a_filter_is_read_as_it_was_written(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(calls: Calls) -> None:
        assert await calls.filters.observe(GROUP, PREFIX, REGION) == {}
        await calls.put_filter()
        assert await calls.filters.observe(GROUP, PREFIX, REGION) == {KEY: FILTER}
        changed = replace(FILTER, pattern="{$.a=1}", metric_value="$.b")
        await calls.put_filter(settings=changed)
        assert await calls.filters.observe(GROUP, PREFIX, REGION) == {KEY: changed}
        await calls.put("DeleteMetricFilter", parameters.delete_filter_parameters(KEY))
        assert await calls.filters.observe(GROUP, PREFIX, REGION) == {}

    act(account, monkeypatch, scenario)


def test_filters_of_others_are_not_read(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(calls: Calls) -> None:
        await calls.put_filter(FilterKey(GROUP, "prod/team/audit-2/RootUsage"))
        assert await calls.filters.observe(GROUP, PREFIX, REGION) == {}
        for number in range(51):
            await calls.put_filter(FilterKey(GROUP, f"{PREFIX}{number}"))
        assert len(await calls.filters.observe(GROUP, PREFIX, REGION)) == 51

    act(account, monkeypatch, scenario)


def test_a_log_group_that_is_gone_is_said_so(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(calls: Calls) -> None:
        assert await calls.filters.log_group_class(GROUP, REGION) == "STANDARD"
        account.client("logs").delete_log_group(logGroupName=GROUP)
        account.client("logs").create_log_group(logGroupName=f"{GROUP}-2", logGroupClass="INFREQUENT_ACCESS")
        assert await calls.filters.log_group_class(GROUP, REGION) is None
        assert await calls.filters.log_group_class(f"{GROUP}-2", REGION) == "INFREQUENT_ACCESS"
        for call in (calls.filters.observe(GROUP, PREFIX, REGION), calls.put_filter()):
            with pytest.raises(FailureError) as raised:
                await call
            assert raised.value.failure.reason is Reason.LOG_GROUP_NOT_FOUND
        with pytest.raises(AWSError) as unsuitable:
            await calls.put_filter(FilterKey(f"{GROUP}-2", KEY.name))
        assert unsuitable.value.failure.reason is Reason.LOG_GROUP_UNSUITABLE

    act(account, monkeypatch, scenario)


def test_the_101st_filter_of_a_log_group_exceeds_a_quota(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(calls: Calls) -> None:
        for number in range(100):
            await calls.put_filter(FilterKey(GROUP, f"{PREFIX}{number}"))
        with pytest.raises(AWSError) as raised:
            await calls.put_filter()
        assert raised.value.failure.reason is Reason.QUOTA_EXCEEDED

    act(account, monkeypatch, scenario)


def test_patterns_are_valid_or_not(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(calls: Calls) -> None:
        for preset in PRESET_ALARMS:
            assert await calls.filters.test_pattern(preset.pattern, REGION) is None
        assert "Invalid metric filter pattern" in str(await calls.filters.test_pattern("{$.a=", REGION))

    act(account, monkeypatch, scenario)


def test_an_alarm_is_read_as_it_was_written(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    topics = tuple(f"arn:aws:sns:{REGION}:{account.number}:{name}" for name in "abc")

    async def scenario(calls: Calls) -> None:
        assert await calls.alarms.observe(PREFIX, REGION) == {}
        for changes in (
            {},
            {"alarm_actions": topics, "ok_actions": topics[:1], "insufficient_data_actions": topics[1:]},
            {"alarm_actions": (), "actions_enabled": False, "treat_missing_data": "missing", "description": ""},
            {"statistic": "Average", "period": 60, "evaluation_periods": 3, "datapoints_to_alarm": 2, "threshold": 0.5},
        ):
            settings = settings_for(account, **changes)
            await calls.put_alarm(KEY.name, settings)
            (found,) = (await calls.alarms.observe(PREFIX, REGION)).values()
            assert (found.name, found.settings, found.tags) == (KEY.name, settings, None)
            assert found.arn == f"arn:aws:cloudwatch:{REGION}:{account.number}:alarm:{KEY.name}"
            assert found.state == "INSUFFICIENT_DATA"

    act(account, monkeypatch, scenario)


def test_what_others_set_is_seen_and_removed_by_the_next_put(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(calls: Calls) -> None:
        given = parameters.put_alarm_parameters(KEY.name, settings_for(account))
        more = {"Unit": "Count", "Dimensions": [{"Name": "who", "Value": "me"}]}
        account.client("cloudwatch").put_metric_alarm(**given | more)
        (found,) = (await calls.alarms.observe(PREFIX, REGION)).values()
        assert found.settings is not None
        assert found.settings.others == {"Unit": "Count", "Dimensions": '[{"Name": "who", "Value": "me"}]'}
        await calls.put_alarm(KEY.name, settings_for(account))
        (found,) = (await calls.alarms.observe(PREFIX, REGION)).values()
        assert found.settings == settings_for(account)
        transformation = {"metricName": "a", "metricNamespace": "b", "metricValue": "1", "defaultValue": 0.0}
        account.client("logs").put_metric_filter(
            logGroupName=GROUP, filterName=KEY.name, filterPattern="", metricTransformations=[transformation]
        )
        assert (await calls.filters.observe(GROUP, PREFIX, REGION))[KEY].others == {"defaultValue": "0.0"}
        await calls.put_filter()
        assert await calls.filters.observe(GROUP, PREFIX, REGION) == {KEY: FILTER}

    act(account, monkeypatch, scenario)


def test_alarms_come_in_pages_and_composite_ones_with_them(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(calls: Calls) -> None:
        for number in range(101):
            await calls.put_alarm(f"{PREFIX}{number:03d}", settings_for(account))
        await calls.put_alarm("prod/team/audit-2/a", settings_for(account))
        rule = f'ALARM("{PREFIX}000")'
        account.client("cloudwatch").put_composite_alarm(AlarmName=f"{PREFIX}z", AlarmRule=rule)
        found = await calls.alarms.observe(PREFIX, REGION)
        assert len(found) == 102
        assert [name for name, alarm in found.items() if alarm.settings is None] == [f"{PREFIX}z"]
        with pytest.raises(AWSError) as raised:
            await calls.put("DeleteAlarms", parameters.delete_alarms_parameters([f"{PREFIX}000"]))
        assert raised.value.failure.reason is Reason.CONFLICT
        assert "composite" in raised.value.failure.message

    act(account, monkeypatch, scenario)


def test_tags_are_those_of_the_creation_until_they_are_changed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = f"arn:aws:cloudwatch:{REGION}:{account.number}:alarm:{KEY.name}"

    async def scenario(calls: Calls) -> None:
        assert await calls.alarms.tags(arn, REGION) is None
        await calls.put_alarm(KEY.name, settings_for(account), {OWNER_TAG: OWNER, "empty": ""})
        await calls.put_alarm(f"{PREFIX}b", settings_for(account), {OWNER_TAG: "prod/team/other"})
        assert await calls.alarms.tags(arn, REGION) == {OWNER_TAG: OWNER, "empty": ""}
        await calls.put("TagResource", parameters.tag_parameters(arn, {"more": "1", "empty": "2"}))
        await calls.put("UntagResource", parameters.untag_parameters(arn, ["more"]))
        tags = {OWNER_TAG: OWNER, "empty": "2"}
        assert await calls.alarms.tags(arn, REGION) == tags
        assert await calls.alarms.tags_of_owner({OWNER, "former/team/audit"}, REGION) == {arn: tags}
        await calls.put("DeleteAlarms", parameters.delete_alarms_parameters([KEY.name]))
        assert await calls.alarms.tags(arn, REGION) is None
        assert await calls.alarms.tags_of_owner({OWNER}, REGION) == {}

    act(account, monkeypatch, scenario)


# -- permissions


def statements(account: Account, without: str = "") -> list[dict[str, Any]]:
    """The statements of docs/iam.md for alarms, but for one action."""
    block = next(one for one in re.findall(r"```json\n(.*?)```", _PAGE, re.DOTALL) if '"Sid": "Alarms"' in one)
    text = block.replace("ACCOUNT", account.number).replace("LOG_GROUP", GROUP).replace("CLUSTER", CLUSTER)
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    for statement in found:
        statement["Action"] = [one for one in statement["Action"] if one != without]
    return [statement for statement in found if statement["Action"]]


async def everything(calls: Calls, account: Account) -> None:
    """Every call, in the order in which an alarm is made, changed and deleted."""
    arn = f"arn:aws:cloudwatch:{REGION}:{account.number}:alarm:{KEY.name}"
    await calls.filters.log_group_class(GROUP, REGION)
    await calls.filters.observe(GROUP, PREFIX, REGION)
    await calls.filters.test_pattern(FILTER.pattern, REGION)
    await calls.alarms.observe(PREFIX, REGION)
    await calls.alarms.tags_of_owner({OWNER}, REGION)
    await calls.put_filter()
    await calls.put_alarm(KEY.name, settings_for(account), {OWNER_TAG: OWNER})
    await calls.alarms.tags(arn, REGION)
    await calls.put("TagResource", parameters.tag_parameters(arn, {"more": "1"}))
    await calls.put("UntagResource", parameters.untag_parameters(arn, ["more"]))
    await calls.put("DeleteAlarms", parameters.delete_alarms_parameters([KEY.name]))
    await calls.put("DeleteMetricFilter", parameters.delete_filter_parameters(KEY))
    await calls.aws.call(Read.GetTopicAttributes, REGION, TopicArn=f"arn:aws:sns:{REGION}:{account.number}:alarms")


ACTIONS = sorted(
    action
    for block in re.findall(r"```json\n(.*?)```", _PAGE, re.DOTALL)
    if '"Sid": "Alarms"' in block
    for statement in json.loads(block)["Statement"]
    for action in statement["Action"]
)


def test_the_documented_permissions_are_enough(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.client("sns").create_topic(Name="alarms")
    keys = user(account, *statements(account))
    act(account, monkeypatch, lambda calls: everything(calls, account), **keys)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_that_is_missing_is_named(account: Account, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    account.client("sns").create_topic(Name="alarms")
    keys = user(account, *statements(account, without=action))
    with pytest.raises(AWSError) as raised:
        act(account, monkeypatch, lambda calls: everything(calls, account), **keys)
    failure = raised.value.failure
    assert failure.reason is Reason.ACCESS_DENIED
    assert f"not allowed to perform {action} in {REGION}".lower() in failure.message.lower()


def test_alarms_of_another_cluster_are_out_of_reach(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = user(account, *statements(account))
    name = "production/team/audit/RootUsage"
    account.client("cloudwatch").put_metric_alarm(
        **parameters.put_alarm_parameters(name, settings_for(account), {OWNER_TAG: OWNER})
    )

    async def scenario(calls: Calls) -> None:
        arn = f"arn:aws:cloudwatch:{REGION}:{account.number}:alarm:{name}"
        for call in (
            calls.put_alarm(name, settings_for(account)),
            calls.put("DeleteAlarms", parameters.delete_alarms_parameters([name])),
            calls.put("TagResource", parameters.tag_parameters(arn, {"a": "b"})),
            calls.alarms.tags(arn, REGION),
        ):
            with pytest.raises(AWSError) as raised:
                await call
            assert raised.value.failure.reason is Reason.ACCESS_DENIED

    act(account, monkeypatch, scenario, **keys)
