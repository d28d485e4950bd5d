"""Alarms of CloudWatch on one metric, as they are made of the metrics of metric filters."""

from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import case, fact, refused, unverified

API = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference"
PUT = f"{API}/API_PutMetricAlarm.html"
COMPOSITE = f"{API}/API_PutCompositeAlarm.html"
DESCRIBE = f"{API}/API_DescribeAlarms.html"
DELETE = f"{API}/API_DeleteAlarms.html"
TAG = f"{API}/API_TagResource.html"
LIST_TAGS = f"{API}/API_ListTagsForResource.html"
# What AWS answered to others.
DATAPOINTS = "https://github.com/hashicorp/terraform/issues/24070"
PARTITION = "https://github.com/aws-samples/amazon-cloudwatch-auto-alarms/issues/61"
DEPENDENTS = "https://github.com/cloud-custodian/cloud-custodian/issues/7763"
NO_CHILD = "https://github.com/awsdocs/aws-cloudformation-user-guide/issues/911"
BAD_ARN = "https://github.com/hashicorp/terraform/issues/19015"

INVALID = "ValidationError"
CODE = unverified("that it is refused is documented, with which code is not")
ALARM: dict[str, Any] = {
    "MetricName": "stops",
    "Namespace": "test",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}
TAGS = [{"Key": "owner", "Value": "me"}]


def put(aws: Account, name: str | None = None, **members: Any) -> str:
    """Put an alarm; its name."""
    name = name or aws.name("alarm")
    given = {key: value for key, value in (ALARM | members).items() if value is not None}
    aws.client("cloudwatch").put_metric_alarm(AlarmName=name, **given)
    return name


def topic(aws: Account, region: str | None = None, partition: str = "aws") -> str:
    return f"arn:{partition}:sns:{region or aws.region}:{aws.number}:no-such-topic"


def arn(aws: Account, name: str) -> str:
    return f"arn:aws:cloudwatch:{aws.region}:{aws.number}:alarm:{name}"


def alarm(aws: Account, name: str) -> dict[str, Any]:
    [found] = aws.eventually(lambda: alarms(aws, AlarmNames=[name]), bool)
    return found


def alarms(aws: Account, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.client("cloudwatch").describe_alarms(**parameters)["MetricAlarms"]
    return found


def tags(aws: Account, name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = aws.client("cloudwatch").list_tags_for_resource(ResourceARN=arn(aws, name))["Tags"]
    return found


def composite(aws: Account, name: str | None = None) -> str:
    """Put a composite alarm; its name."""
    name = name or aws.name("composite")
    aws.client("cloudwatch").put_composite_alarm(AlarmName=name, AlarmRule=f'ALARM("{put(aws)}")')
    return name


@fact(DESCRIBE)
def test_an_alarm_is_described_as_it_was_put(aws: Account) -> None:
    name = put(aws, AlarmDescription="told", AlarmActions=[topic(aws)], TreatMissingData="notBreaching")
    found = alarm(aws, name)
    assert {key: found[key] for key in ALARM} == ALARM
    assert found["AlarmArn"] == arn(aws, name)
    assert (found["AlarmDescription"], found["TreatMissingData"]) == ("told", "notBreaching")
    assert (found["AlarmActions"], found["OKActions"], found["ActionsEnabled"]) == ([topic(aws)], [], True)


@unverified("the model has them as optional; what AWS leaves out is not documented")
@fact(DESCRIBE)
def test_what_was_not_given_is_not_described(aws: Account) -> None:
    found = alarm(aws, put(aws))
    assert not {"TreatMissingData", "DatapointsToAlarm", "Unit", "AlarmDescription", "ExtendedStatistic"} & found.keys()


@fact(PUT)
def test_a_new_alarm_has_insufficient_data(aws: Account) -> None:
    assert alarm(aws, put(aws, TreatMissingData="ignore"))["StateValue"] == "INSUFFICIENT_DATA"


@fact(PUT)
def test_a_second_put_replaces_all_but_the_state(aws: Account) -> None:
    name = put(aws, AlarmActions=[topic(aws)], AlarmDescription="told", ActionsEnabled=False, TreatMissingData="ignore")
    aws.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    aws.eventually(lambda: alarm(aws, name), lambda found: found["StateValue"] == "ALARM")
    put(aws, name, Threshold=2.0, TreatMissingData="ignore")
    found = aws.eventually(lambda: alarm(aws, name), lambda found: found["Threshold"] == 2.0)
    assert (found["AlarmActions"], found["ActionsEnabled"], found.get("AlarmDescription")) == ([], True, None)
    assert found["StateValue"] == "ALARM"


@fact(PUT)
def test_tags_are_taken_on_creation_only(aws: Account) -> None:
    name = put(aws, Tags=TAGS)
    put(aws, name, Tags=[{"Key": "owner", "Value": "you"}, {"Key": "more", "Value": ""}])
    assert tags(aws, name) == TAGS


@fact(TAG)
def test_tags_are_changed_by_their_own_calls(aws: Account) -> None:
    name, cloudwatch = put(aws, Tags=TAGS), aws.client("cloudwatch")
    cloudwatch.tag_resource(ResourceARN=arn(aws, name), Tags=[{"Key": "owner", "Value": "you"}])
    assert tags(aws, name) == [{"Key": "owner", "Value": "you"}]
    cloudwatch.untag_resource(ResourceARN=arn(aws, name), TagKeys=["owner", "none"])
    assert tags(aws, name) == []


@fact(DELETE)
def test_tags_end_with_the_alarm(aws: Account) -> None:
    name = put(aws, Tags=TAGS)
    aws.client("cloudwatch").delete_alarms(AlarmNames=[name])
    put(aws, name)
    assert tags(aws, name) == []


@pytest.mark.parametrize(
    "operation", [case("tags", TAG, "tag"), case("no tags", TAG, "untag"), case("no list", LIST_TAGS, "list")]
)
def test_an_alarm_that_is_not_there_has(aws: Account, operation: str) -> None:
    cloudwatch, none = aws.client("cloudwatch"), arn(aws, aws.name("none"))
    with refused("ResourceNotFoundException", status=404):
        if operation == "tag":
            cloudwatch.tag_resource(ResourceARN=none, Tags=TAGS)
        elif operation == "untag":
            cloudwatch.untag_resource(ResourceARN=none, TagKeys=["owner"])
        else:
            cloudwatch.list_tags_for_resource(ResourceARN=none)


@CODE
@fact(PUT)
def test_an_alarm_has_at_most_50_tags(aws: Account) -> None:
    name = put(aws, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    with refused("InvalidParameterValue"):
        aws.client("cloudwatch").tag_resource(ResourceARN=arn(aws, name), Tags=TAGS)


@pytest.mark.parametrize(
    "members",
    [
        case("a period of 7 seconds", PUT, {"Period": 7}),
        case("a period of 90 seconds", PUT, {"Period": 90}),
        case("a day and more", PUT, {"Period": 300, "EvaluationPeriods": 289}),
        case("7 days and more", PUT, {"Period": 3600, "EvaluationPeriods": 169}),
        case("more data points than periods", DATAPOINTS, {"DatapointsToAlarm": 2}),
        case("another word for missing data", PUT, {"TreatMissingData": "breaks"}, marks=(CODE,)),
        case("no metric", PUT, {"MetricName": None}, marks=(CODE,)),
        case("no period", "https://github.com/sevenwestmedia-labs/pulumi-components/pull/33", {"Period": None}),
        case("no threshold", PUT, {"Threshold": None}, marks=(CODE,)),
        case("an unknown statistic", PUT, {"Statistic": "Median"}),
        case("an unknown operator", PUT, {"ComparisonOperator": "Equal"}),
        case("a namespace that begins with a colon", PUT, {"Namespace": ":a"}),
        case("a description of 1025 characters", PUT, {"AlarmDescription": "d" * 1025}),
        case("6 actions", PUT, {"AlarmActions": [f"arn:aws:sns:us-east-1:111122223333:t{one}" for one in range(6)]}),
        case("an action that is no ARN", BAD_ARN, {"AlarmActions": ["topic"]}),
    ],
)
def test_an_alarm_is_refused_with(aws: Account, members: dict[str, Any]) -> None:
    name = aws.name("alarm")
    with refused(INVALID):
        put(aws, name, **members)
    assert alarms(aws, AlarmNames=[name]) == []


@CODE
@pytest.mark.parametrize(
    "members",
    [
        case("without a statistic", PUT, {"Statistic": None}),
        case("with two statistics", PUT, {"ExtendedStatistic": "p90"}),
    ],
)
def test_an_alarm_is_refused(aws: Account, members: dict[str, Any]) -> None:
    with refused("InvalidParameterCombination"):
        put(aws, **members)


@fact(DATAPOINTS)
def test_how_more_data_points_than_periods_are_refused(aws: Account) -> None:
    with refused(INVALID, "DatapointsToAlarm must be less than or equal to EvaluationPeriods"):
        put(aws, DatapointsToAlarm=2)


@fact(PARTITION)
def test_an_action_of_another_partition_is_refused(aws: Account) -> None:
    with refused(INVALID, "Invalid partition aws-us-gov specified. Only aws is supported."):
        put(aws, AlarmActions=[topic(aws, partition="aws-us-gov")])


@unverified("no page says that a topic of another region is refused, only that alarms can't reach it")
@fact(PUT)
def test_a_topic_of_another_region_is_refused(aws: Account, elsewhere: str) -> None:
    with refused(INVALID):
        put(aws, OKActions=[topic(aws, elsewhere)])


@pytest.mark.parametrize(
    "members",
    [
        case("a period of 10 seconds", PUT, {"Period": 10}),
        case("a period of 20 seconds", PUT, {"Period": 20}),
        case("a day", PUT, {"Period": 300, "EvaluationPeriods": 288}),
        case("7 days", PUT, {"Period": 3600, "EvaluationPeriods": 168, "DatapointsToAlarm": 100}),
        case("a percentile", PUT, {"Statistic": None, "ExtendedStatistic": "p99.9"}),
    ],
)
def test_an_alarm_is_accepted_with(aws: Account, members: dict[str, Any]) -> None:
    found = alarm(aws, put(aws, **members))
    assert {key: found.get(key) for key in members} == members


@fact(PUT)
def test_an_action_need_not_be_there(aws: Account) -> None:
    missing = topic(aws)
    assert alarm(aws, put(aws, AlarmActions=[missing]))["AlarmActions"] == [missing]


@fact(DESCRIBE)
def test_alarms_are_found_by_names_prefix_state_and_action(aws: Account) -> None:
    prefix = aws.name("set")
    first, second = (
        put(aws, f"{prefix}/a", AlarmActions=[topic(aws)]),
        put(aws, f"{prefix}/b", TreatMissingData="ignore"),
    )
    aws.client("cloudwatch").set_alarm_state(AlarmName=second, StateValue="OK", StateReason="test")

    def found(**parameters: Any) -> list[str]:
        return [one["AlarmName"] for one in alarms(aws, **parameters)]

    assert found(AlarmNamePrefix=f"{prefix}/") == [first, second]
    assert found(AlarmNames=[second, aws.name("none")]) == [second]
    assert found(AlarmNamePrefix=prefix, StateValue="OK") == [second]
    assert found(AlarmNamePrefix=prefix, ActionPrefix="arn:aws:sns:") == [first]


@fact(DESCRIBE)
def test_alarms_are_described_in_pages(aws: Account) -> None:
    prefix = aws.name("page")
    made = [put(aws, f"{prefix}/{letter}") for letter in "cab"]
    paginator = aws.client("cloudwatch").get_paginator("describe_alarms")
    pages = list(paginator.paginate(AlarmNamePrefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]
    assert sorted(one["AlarmName"] for page in pages for one in page["MetricAlarms"]) == sorted(made)


@fact(DESCRIBE)
def test_a_page_has_at_most_100_alarms(aws: Account) -> None:
    with refused(INVALID):
        alarms(aws, MaxRecords=101)


@fact(DESCRIBE)
def test_composite_alarms_are_described_only_on_request(aws: Account) -> None:
    name, cloudwatch = composite(aws), aws.client("cloudwatch")
    answer = cloudwatch.describe_alarms(AlarmNames=[name])
    assert (answer["MetricAlarms"], answer["CompositeAlarms"]) == ([], [])
    answer = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm", "MetricAlarm"])
    assert [(one["AlarmName"], one["AlarmArn"]) for one in answer["CompositeAlarms"]] == [(name, arn(aws, name))]


@CODE
@fact(COMPOSITE)
def test_a_composite_alarm_has_its_name_alone(aws: Account) -> None:
    name = composite(aws)
    with refused(INVALID):
        put(aws, name)


@fact(DELETE)
def test_alarms_that_are_there_are_deleted_with_others_that_are_not(aws: Account) -> None:
    name = put(aws)
    aws.client("cloudwatch").delete_alarms(AlarmNames=[aws.name("none"), name])
    assert aws.eventually(lambda: alarms(aws, AlarmNames=[name]), lambda found: not found) == []


@unverified("the model has the code; no page says when it comes")
@fact(DELETE)
def test_an_alarm_that_is_not_there_is_not_deleted(aws: Account) -> None:
    with refused("ResourceNotFound", status=404):
        aws.client("cloudwatch").delete_alarms(AlarmNames=[aws.name("none")])


@fact(DELETE)
def test_one_composite_alarm_is_deleted_at_a_time(aws: Account) -> None:
    two = [composite(aws), composite(aws)]
    with refused(INVALID):
        aws.client("cloudwatch").delete_alarms(AlarmNames=two)


@fact(DEPENDENTS)
def test_an_alarm_on_which_a_composite_alarm_depends_is_not_deleted(aws: Account) -> None:
    name, other, cloudwatch = put(aws), put(aws), aws.client("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName=aws.name("composite"), AlarmRule=f"NOT OK({arn(aws, name)})")
    words = f"Cannot delete {name} as there are composite alarm(s) depending on it."
    with refused(INVALID, words):
        cloudwatch.delete_alarms(AlarmNames=[name])
    # That the others of the call stay: the same source.
    with refused(INVALID):
        cloudwatch.delete_alarms(AlarmNames=[other, name])
    assert {one["AlarmName"] for one in alarms(aws, AlarmNames=[name, other])} == {name, other}


@fact(DEPENDENTS)
def test_alarms_on_which_composite_alarms_depend_are_named_in_the_refusal(aws: Account) -> None:
    two, cloudwatch = [put(aws), put(aws)], aws.client("cloudwatch")
    rule = " OR ".join(f'ALARM("{name}")' for name in two)
    cloudwatch.put_composite_alarm(AlarmName=aws.name("composite"), AlarmRule=rule)
    words = f"Cannot delete {','.join(two)} as there are composite alarm(s) depending on them."
    with refused(INVALID, words):
        cloudwatch.delete_alarms(AlarmNames=two)


@fact(DELETE)
def test_composite_alarms_that_depend_on_each_other_are_not_deleted(aws: Account) -> None:
    cloudwatch, first = aws.client("cloudwatch"), composite(aws)
    second = aws.name("composite")
    cloudwatch.put_composite_alarm(AlarmName=second, AlarmRule=f'ALARM("{first}")')
    cloudwatch.put_composite_alarm(AlarmName=first, AlarmRule=f'ALARM("{second}")')
    for name in (first, second):
        with refused(INVALID):
            cloudwatch.delete_alarms(AlarmNames=[name])
    cloudwatch.put_composite_alarm(AlarmName=first, AlarmRule="FALSE")
    cloudwatch.delete_alarms(AlarmNames=[second])


@fact(NO_CHILD)
def test_a_composite_alarm_on_no_alarm_is_refused(aws: Account) -> None:
    with refused(INVALID):
        aws.client("cloudwatch").put_composite_alarm(
            AlarmName=aws.name("composite"), AlarmRule=f'ALARM("{aws.name("none")}")'
        )
