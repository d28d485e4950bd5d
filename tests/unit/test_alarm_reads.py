"""What is read of metric filters and alarms: in pages, in normal form, with all that the operator never sets."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

import pytest

from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import Reason
from trail_operator.aws.alarms import Alarms
from trail_operator.aws.caller import CallerIdentity
from trail_operator.aws.client import AWSClient
from trail_operator.aws.errors import AWSError
from trail_operator.aws.metric_filters import MetricFilters
from trail_operator.aws.operations import Read, Write
from trail_operator.domain.alarms.actions import AlarmAction
from trail_operator.domain.alarms.alarm import AlarmSettings, FilterKey, FilterSettings
from trail_operator.domain.arns import Location
from trail_operator.domain.failure import FailureClass, FailureError

REGION, ACCOUNT, PREFIX, GROUP = "eu-west-1", "123456789012", "prod/team/audit/", "trails"
ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{PREFIX}"
METRIC = {"metricName": "RootUsage", "metricNamespace": "CloudTrail/audit/audit", "metricValue": "1"}
OWNER = "prod/team/audit"
T = TypeVar("T")


class Answers:
    """A client whose calls are answered in turn; records what was asked."""

    def __init__(self, *answers: dict[str, Any] | FailureError) -> None:
        self.asked: list[tuple[Read | Write, dict[str, Any]]] = []
        self._answers = list(answers)

    async def call(self, operation: Read, _: str, **parameters: Any) -> dict[str, Any]:
        self.asked.append((operation, parameters))
        answer = self._answers.pop(0)
        if isinstance(answer, FailureError):
            raise answer
        return answer

    async def write(self, operation: Write, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        assert (account, region) == (ACCOUNT, REGION)
        await parameters.pop("precondition")()
        return await self.call(cast(Read, operation), region, **parameters)

    async def identity(self, _: str) -> CallerIdentity:
        return CallerIdentity(ACCOUNT, "aws", f"arn:aws:iam::{ACCOUNT}:user/operator")

    @property
    def filters(self) -> MetricFilters:
        return MetricFilters(cast(AWSClient, self))

    @property
    def alarms(self) -> Alarms:
        return Alarms(cast(AWSClient, self))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def error(operation: Read, code: str, message: str = "In AWS's words.") -> AWSError:
    return AWSError(str(operation), REGION, code, message, 400)


def described_filter(name: str, more: dict[str, Any] | None = None, **transformation: Any) -> dict[str, Any]:
    return {
        "filterName": PREFIX + name,
        "filterPattern": "{$.a=1}",
        "metricTransformations": [METRIC | transformation],
        "creationTime": 1469336277360,
        "logGroupName": GROUP,
        "applyOnTransformedLogs": False,
        **(more or {}),
    }


def read_filter(described: dict[str, Any]) -> FilterSettings:
    found = run(Answers({"metricFilters": [described]}).filters.observe(GROUP, PREFIX, REGION))
    (settings,) = found.values()
    return settings


def test_filters_are_read_page_by_page() -> None:
    aws = Answers(
        {"metricFilters": [described_filter("a")], "nextToken": "more"}, {"metricFilters": [described_filter("b")]}
    )
    found = run(aws.filters.observe(GROUP, PREFIX, REGION))
    assert found.keys() == {FilterKey(GROUP, f"{PREFIX}a"), FilterKey(GROUP, f"{PREFIX}b")}
    asked = {"logGroupName": GROUP, "filterNamePrefix": PREFIX}
    assert aws.asked == [
        (Read.DescribeMetricFilters, asked),
        (Read.DescribeMetricFilters, asked | {"nextToken": "more"}),
    ]


@pytest.mark.parametrize(
    ("described", "others"),
    [
        (described_filter("a"), {}),
        (described_filter("a", unit="None", dimensions={}), {}),
        (described_filter("a", defaultValue=0.0), {"defaultValue": "0.0"}),
        (described_filter("a", unit="Count"), {"unit": "Count"}),
        (described_filter("a", dimensions={"who": "$.a"}), {"dimensions": '{"who": "$.a"}'}),
        (described_filter("a", {"applyOnTransformedLogs": True}), {"applyOnTransformedLogs": "true"}),
        (
            described_filter("a", {"fieldSelectionCriteria": "x", "emitSystemFieldDimensions": ["@aws.account"]}),
            {"fieldSelectionCriteria": "x", "emitSystemFieldDimensions": '["@aws.account"]'},
        ),
    ],
)
def test_settings_of_a_filter_that_the_operator_never_makes_are_kept(
    described: dict[str, Any], others: dict[str, str]
) -> None:
    assert read_filter(described) == FilterSettings("{$.a=1}", "RootUsage", "CloudTrail/audit/audit", "1", others)


def test_a_filter_may_match_everything() -> None:
    assert read_filter(described_filter("a", {"filterPattern": ""})).pattern == ""
    assert read_filter(described_filter("a", {"filterPattern": None})).pattern == ""


def test_a_log_group_that_does_not_exist_is_a_dependency() -> None:
    aws = Answers(error(Read.DescribeMetricFilters, "ResourceNotFoundException"))
    with pytest.raises(FailureError) as raised:
        run(aws.filters.observe(GROUP, PREFIX, REGION))
    failure = raised.value.failure
    assert (failure.kind, failure.reason) == (FailureClass.DEPENDENCY, Reason.LOG_GROUP_NOT_FOUND)
    assert f"Log group {GROUP} does not exist in {REGION}" in failure.message


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([], None),
        ([{"logGroupName": f"{GROUP}-2"}], None),
        ([{"logGroupName": GROUP}, {"logGroupName": f"{GROUP}-2", "logGroupClass": "DELIVERY"}], "STANDARD"),
        ([{"logGroupName": GROUP, "logGroupClass": "INFREQUENT_ACCESS"}], "INFREQUENT_ACCESS"),
    ],
)
def test_the_class_of_a_log_group(groups: list[dict[str, Any]], expected: str | None) -> None:
    assert run(Answers({"logGroups": groups}).filters.log_group_class(GROUP, REGION)) == expected


def test_a_pattern_is_tested_by_aws() -> None:
    aws = Answers({"matches": []}, error(Read.TestMetricFilter, "InvalidParameterException", "Invalid pattern"))
    assert run(aws.filters.test_pattern("{$.a=1}", REGION)) is None
    assert run(aws.filters.test_pattern("{", REGION)) == "Invalid pattern"
    [(operation, parameters), _] = aws.asked
    assert (operation, parameters["filterPattern"]) == (Read.TestMetricFilter, "{$.a=1}")
    assert len(parameters["logEventMessages"]) == 1


def test_a_pattern_that_cannot_be_tested_is_not_invalid() -> None:
    with pytest.raises(AWSError):
        run(Answers(error(Read.TestMetricFilter, "AccessDeniedException")).filters.test_pattern("{", REGION))


def described_alarm(name: str = "RootUsage", **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": PREFIX + name,
        "AlarmArn": ARN + name,
        "AlarmConfigurationUpdatedTimestamp": 1469336277.0,
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "StateValue": "OK",
        "StateReason": "Unchecked",
        "StateUpdatedTimestamp": 1469336277.0,
        "StateTransitionedTimestamp": 1469336277.0,
        "MetricName": "RootUsage",
        "Namespace": "CloudTrail/audit/audit",
        "Statistic": "Sum",
        "Dimensions": [],
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        **more,
    }


def read_alarm(**more: Any) -> AlarmSettings:
    answer = {"MetricAlarms": [described_alarm(**more)], "CompositeAlarms": []}
    (alarm,) = run(Answers(answer).alarms.observe(PREFIX, REGION)).values()
    assert alarm.settings is not None
    return alarm.settings


def test_alarms_of_both_kinds_are_read_page_by_page() -> None:
    composite = {"AlarmName": f"{PREFIX}c", "AlarmArn": f"{ARN}c", "AlarmRule": "TRUE", "StateValue": "OK"}
    aws = Answers(
        {"MetricAlarms": [described_alarm("a")], "CompositeAlarms": [], "NextToken": "more"},
        {"MetricAlarms": [described_alarm("b")], "CompositeAlarms": [composite]},
    )
    found = run(aws.alarms.observe(PREFIX, REGION))
    assert {name: (alarm.arn, alarm.settings is None, alarm.state) for name, alarm in found.items()} == {
        f"{PREFIX}a": (f"{ARN}a", False, "OK"),
        f"{PREFIX}b": (f"{ARN}b", False, "OK"),
        f"{PREFIX}c": (f"{ARN}c", True, ""),
    }
    asked = {"AlarmNamePrefix": PREFIX, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100}
    assert aws.asked == [(Read.DescribeAlarms, asked), (Read.DescribeAlarms, asked | {"NextToken": "more"})]


def test_an_alarm_is_read_in_normal_form() -> None:
    topics = ["arn:aws:sns:eu-west-1:123456789012:b", "arn:aws:sns:eu-west-1:123456789012:a"]
    settings = read_alarm(AlarmActions=topics, OKActions=topics)
    assert settings == AlarmSettings(
        description="",
        metric_name="RootUsage",
        metric_namespace="CloudTrail/audit/audit",
        statistic="Sum",
        period=300,
        evaluation_periods=1,
        datapoints_to_alarm=None,
        threshold=1.0,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="missing",
        actions_enabled=True,
        alarm_actions=tuple(sorted(topics)),
        ok_actions=tuple(sorted(topics)),
        insufficient_data_actions=(),
    )
    assert read_alarm(AlarmActions=topics[::-1], OKActions=topics) == settings
    assert read_alarm(Threshold=1).threshold == 1.0
    assert read_alarm(TreatMissingData="ignore").treat_missing_data == "ignore"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Unit", "None", "None"),
        ("Dimensions", [{"Name": "a", "Value": "b"}], '[{"Name": "a", "Value": "b"}]'),
        ("ExtendedStatistic", "p99", "p99"),
        ("EvaluateLowSampleCountPercentile", "ignore", "ignore"),
        ("Metrics", [{"Id": "m1"}], '[{"Id": "m1"}]'),
        ("ThresholdMetricId", "ad1", "ad1"),
        ("EvaluationInterval", 60, "60"),
    ],
)
def test_settings_of_an_alarm_that_the_operator_never_makes_are_kept(name: str, value: Any, text: str) -> None:
    assert read_alarm(**{name: value}).others == {name: text}


def test_every_setting_of_an_alarm_is_compared_or_kept() -> None:
    """A setting that a later model of CloudWatch has is not overlooked."""
    assert read_alarm(AnythingNew={"a": 1}).others == {"AnythingNew": '{"a": 1}'}


def test_alarms_of_another_account_are_not_believed() -> None:
    other = described_alarm(AlarmArn=ARN.replace(ACCOUNT, "999999999999") + "RootUsage")
    with pytest.raises(FailureError, match="alarms of another account"):
        run(Answers({"MetricAlarms": [other]}).alarms.observe(PREFIX, REGION))


@pytest.mark.parametrize(
    "other",
    [
        {"AlarmArn": f"{ARN}Another"},
        {"AlarmName": "elsewhere", "AlarmArn": ARN.removesuffix(PREFIX) + "elsewhere"},
    ],
    ids=["the ARN of another alarm", "another prefix"],
)
def test_alarms_that_were_not_asked_for_are_not_believed(other: dict[str, str]) -> None:
    """Their tags would decide whether another alarm is written."""
    with pytest.raises(FailureError, match="alarms that were not asked for"):
        run(Answers({"MetricAlarms": [described_alarm(**other)]}).alarms.observe(PREFIX, REGION))


def test_the_tags_of_an_alarm() -> None:
    aws = Answers(
        {"Tags": [{"Key": OWNER_TAG, "Value": OWNER}, {"Key": "empty"}]},
        error(Read.ListTagsForResource, "ResourceNotFoundException"),
    )
    assert run(aws.alarms.tags(f"{ARN}a", REGION)) == {OWNER_TAG: OWNER, "empty": ""}
    assert run(aws.alarms.tags(f"{ARN}a", REGION)) is None
    assert aws.asked[0] == (Read.ListTagsForResource, {"ResourceARN": f"{ARN}a"})


def test_the_tags_of_all_alarms_of_an_owner() -> None:
    def mapping(name: str) -> dict[str, Any]:
        return {"ResourceARN": ARN + name, "Tags": [{"Key": OWNER_TAG, "Value": OWNER}]}

    aws = Answers(
        {"ResourceTagMappingList": [mapping("a")], "PaginationToken": "more"},
        {"ResourceTagMappingList": [mapping("b")], "PaginationToken": ""},
    )
    found = run(aws.alarms.tags_of_owner({OWNER, "former/team/audit"}, REGION))
    assert found == {f"{ARN}a": {OWNER_TAG: OWNER}, f"{ARN}b": {OWNER_TAG: OWNER}}
    assert aws.asked[0][1]["TagFilters"] == [{"Key": OWNER_TAG, "Values": ["former/team/audit", OWNER]}]
    assert aws.asked[1][1]["PaginationToken"] == "more"


def test_aws_takes_20_values_of_a_tag_at_once() -> None:
    aws = Answers({"ResourceTagMappingList": []}, {"ResourceTagMappingList": []})
    run(aws.alarms.tags_of_owner([f"{number}/team/audit" for number in range(21)], REGION))
    assert [len(parameters["TagFilters"][0]["Values"]) for _, parameters in aws.asked] == [20, 1]


def test_without_permission_the_tags_of_an_owner_are_no_empty_list() -> None:
    with pytest.raises(AWSError):
        run(Answers(error(Read.GetResources, "AccessDeniedException")).alarms.tags_of_owner([OWNER], REGION))


def test_an_action_is_carried_out_once_its_precondition_holds() -> None:
    checked: list[str] = []

    async def precondition() -> None:
        checked.append("checked")

    aws = Answers({"ResponseMetadata": {"RequestId": "abc"}})
    action = AlarmAction("DeleteMetricFilter", {"logGroupName": GROUP, "filterName": "a"}, ("a",))
    assert run(aws.alarms.apply(action, Location("aws", ACCOUNT, REGION), precondition)) == "abc"
    assert aws.asked == [(Write.DeleteMetricFilter, {"logGroupName": GROUP, "filterName": "a"})]
    assert checked == ["checked"]


def test_a_list_that_does_not_end_is_not_believed() -> None:
    page = {"MetricAlarms": [], "NextToken": "more"}
    with pytest.raises(FailureError, match="returns more than 100 pages"):
        run(Answers(*[page] * 101).alarms.observe(PREFIX, REGION))
