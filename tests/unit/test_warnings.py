"""Warnings: each with a case that gives it and near misses that don't."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import ARN, MINIMAL, OWNER, desired
from tests.unit.test_selectors import LAMBDA, S3, advanced, basic, on_data, on_management
from trail_operator.api.reasons import Reason
from trail_operator.domain.arns import Location
from trail_operator.domain.inventory_snapshot import PeerTrail
from trail_operator.domain.selectors import Insights, Selectors
from trail_operator.domain.trail import DesiredTrail
from trail_operator.domain.warnings import advise

SINGLE = replace(MINIMAL, is_multi_region_trail=False)
LOCAL = replace(SINGLE, include_global_service_events=False)
QUIET = replace(MINIMAL, recursive_logging=False)
UNSIGNED = replace(MINIMAL, enable_log_file_validation=False)
UNSIGNED_LOCAL = replace(LOCAL, enable_log_file_validation=False)
ORGANIZATION = replace(MINIMAL, is_organization_trail=True)
READS, WRITES = basic({"readWriteType": "ReadOnly"}), basic({"readWriteType": "WriteOnly"})
LOGS = "arn:aws:s3:::bucket-1/"


def trail(
    configuration: Any = MINIMAL, region: str = "eu-central-1", partition: str = "aws", **more: Any
) -> DesiredTrail:
    return replace(desired(configuration, **more), location=Location(partition, "123456789012", region))


def other(home_region: str = "eu-central-1", **more: Any) -> PeerTrail:
    base = PeerTrail(
        arn=f"arn:aws:cloudtrail:{home_region}:123456789012:trail/other",
        home_region=home_region,
        is_multi_region_trail=True,
        include_global_service_events=True,
        is_organization_trail=False,
        management_events=frozenset({"Read", "Write"}),
    )
    return replace(base, **more)


def single(home_region: str, *, with_global: bool = True) -> PeerTrail:
    return other(home_region, is_multi_region_trail=False, include_global_service_events=with_global)


def reasons(wanted: DesiredTrail, *others: PeerTrail) -> list[str]:
    return [advice.reason.value for advice in advise(wanted, others)]


def test_a_trail_alone_is_warned_of_nothing() -> None:
    assert advise(trail(), []) == ()


def test_a_trail_is_no_neighbour_of_its_own() -> None:
    assert advise(trail(), [replace(other(), arn=ARN)]) == ()


@pytest.mark.parametrize(
    ("wanted", "neighbour", "duplicate", "copy"),
    [
        (trail(), other(), True, True),
        (trail(), other(is_organization_trail=True), True, True),
        (trail(), single("us-east-1"), True, True),
        (trail(), single("us-east-1", with_global=False), False, True),
        (trail(), single("eu-west-1"), False, True),
        (trail(), other(management_events=frozenset()), False, False),
        (trail(is_logging=False), other(), False, False),
        (trail(event_selectors=READS), other(management_events=frozenset({"Write"})), False, False),
        (trail(event_selectors=READS), other(management_events=frozenset({"Read"})), True, True),
        (trail(LOCAL), other(), False, True),
        (trail(LOCAL), single("eu-central-1"), False, True),
        (trail(LOCAL), single("us-east-1"), False, False),
        (trail(SINGLE, "us-east-1"), single("us-east-1"), True, True),
        (trail(SINGLE, "us-east-1"), other("eu-west-1"), True, True),
        (trail(LOCAL, "us-east-1"), other("eu-west-1"), False, True),
        (trail(LOCAL, "us-east-1"), single("us-east-1"), False, True),
        (trail(SINGLE, "us-gov-west-1", "aws-us-gov"), single("us-gov-west-1"), True, True),
        (trail(MINIMAL, "us-gov-east-1", "aws-us-gov"), single("us-east-1"), False, True),
        (trail(MINIMAL, "cn-northwest-1", "aws-cn"), single("cn-north-1"), True, True),
        (trail(MINIMAL, "cn-northwest-1", "aws-cn"), single("cn-northwest-1"), True, True),
        (trail(SINGLE, "cn-northwest-1", "aws-cn"), single("cn-north-1"), False, False),
        (trail(SINGLE, "cn-northwest-1", "aws-cn"), single("cn-northwest-1"), True, True),
        (trail(LOCAL, "us-iso-east-1", "aws-iso"), single("us-iso-east-1"), False, True),
    ],
)
def test_what_is_recorded_more_than_once(
    wanted: DesiredTrail, neighbour: PeerTrail, duplicate: bool, copy: bool
) -> None:
    found = reasons(wanted, neighbour)
    assert (Reason.DUPLICATE_GLOBAL_EVENTS in found, Reason.DUPLICATE_MANAGEMENT_EVENTS in found) == (duplicate, copy)


def test_a_copy_names_the_others_and_says_which_are_the_organization_s() -> None:
    (_, copy) = advise(trail(), [other(), other("eu-west-1", is_organization_trail=True)])
    assert "eu-central-1:123456789012:trail/other, " in copy.message
    assert "eu-west-1:123456789012:trail/other (of the organization)" in copy.message


def test_of_a_trail_that_is_not_there_yet_only_what_will_be_is_said() -> None:
    copies = advise(trail(), [other()], exists=False)
    assert [advice.reason for advice in copies] == [Reason.DUPLICATE_GLOBAL_EVENTS, Reason.DUPLICATE_MANAGEMENT_EVENTS]
    for advice in copies:
        assert "will be recorded more than once" in advice.message
        assert "are recorded" not in advice.message
    unread = other(management_events=None)
    assert all("may be recorded more than once" in advice.message for advice in advise(trail(), [unread], exists=False))
    (circular,) = advise(trail(event_selectors=objects("arn:aws:s3")), [], exists=False)
    assert "The trail will record data events of its bucket" in circular.message


def test_several_others_take_and_one_takes() -> None:
    (twin, _) = advise(trail(), [other()])
    assert "trail/other records them too" in twin.message
    (_, copy) = advise(trail(), [other(), other("eu-west-1")])
    assert "trail/other record some of them too" in copy.message


def test_what_can_t_be_read_of_another_trail_is_not_said_to_be_so() -> None:
    unread = other("eu-west-1", management_events=None, is_organization_trail=True)
    for advice in advise(trail(), [unread]):
        assert "may be recorded more than once" in advice.message
        assert f"{unread.arn} (of the organization) may record" in advice.message
        assert "this account cannot read what is recorded there" in advice.message
    (twin, copy) = advise(trail(), [other(), unread])
    assert f"are recorded more than once: {other().arn} records them too, and {unread.arn}" in twin.message
    assert f"are recorded more than once: {other().arn} records some of them too, and {unread.arn}" in copy.message
    assert reasons(trail(is_logging=False), unread) == []


@pytest.mark.parametrize(
    ("configuration", "region", "partition", "inert"),
    [
        (SINGLE, "eu-central-1", "aws", True),
        (SINGLE, "us-gov-east-1", "aws-us-gov", True),
        (SINGLE, "cn-northwest-1", "aws-cn", False),
        (SINGLE, "cn-north-1", "aws-cn", False),
        (SINGLE, "us-east-1", "aws", False),
        (SINGLE, "us-gov-west-1", "aws-us-gov", False),
        (SINGLE, "us-iso-east-1", "aws-iso", False),
        (LOCAL, "eu-central-1", "aws", False),
        (MINIMAL, "eu-central-1", "aws", False),
    ],
)
def test_global_events_without_effect(configuration: Any, region: str, partition: str, inert: bool) -> None:
    assert (Reason.GLOBAL_EVENTS_IGNORED in reasons(trail(configuration, region, partition))) is inert


def objects(*values: str, **more: Any) -> Selectors:
    return basic({"dataResources": [{"type": S3, "values": list(values)}], **more})


def on_objects(**operators: list[str]) -> Selectors:
    return advanced(on_management(), on_data(resources_ARN=operators))


@pytest.mark.parametrize(
    ("configuration", "selectors", "circular"),
    [
        (MINIMAL, objects("arn:aws:s3"), True),
        (MINIMAL, objects(LOGS), True),
        (MINIMAL, objects(f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-central-1/"), True),
        (replace(MINIMAL, s3_key_prefix="p"), objects(f"{LOGS}p/"), True),
        (replace(MINIMAL, s3_key_prefix="p"), objects(f"{LOGS}AWSLogs/"), False),
        (replace(MINIMAL, s3_key_prefix="p"), advanced(on_management(), on_data()), True),
        (MINIMAL, objects(f"{LOGS}p/"), False),
        (MINIMAL, objects("arn:aws:s3:::bucket-10/"), False),
        (MINIMAL, objects("arn:aws:s3:::bucket-1-2/"), False),
        (MINIMAL, objects(LOGS, readWriteType="ReadOnly"), False),
        (MINIMAL, objects(LOGS, readWriteType="WriteOnly"), True),
        (MINIMAL, advanced(on_management(), on_data(resources_ARN={"notStartsWith": [LOGS]})), False),
        (MINIMAL, advanced(on_management(), on_data(resources_ARN={"endsWith": [".gz"]})), True),
        (MINIMAL, advanced(on_management(), on_data(resources_ARN={"notEndsWith": [".gz"]})), False),
        (MINIMAL, advanced(on_management(), on_data(LAMBDA)), False),
        (QUIET, objects(LOGS), False),
        # digest files, while they are written
        (MINIMAL, objects(f"{LOGS}AWSLogs/123456789012/CloudTrail-Digest/"), True),
        (UNSIGNED, objects(f"{LOGS}AWSLogs/123456789012/CloudTrail-Digest/"), False),
        (MINIMAL, on_objects(startsWith=[f"{LOGS}AWSLogs/123456789012/CloudTrail-"]), True),
        # of every region, or of the one that is recorded
        (MINIMAL, objects(f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-west-1/"), True),
        (MINIMAL, objects(f"{LOGS}AWSLogs/123456789012/CloudTrail-Digest/eu-west-1/2031/"), True),
        (LOCAL, on_objects(startsWith=[f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-west-1/"]), False),
        (LOCAL, on_objects(startsWith=[f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-central-1/2031/"]), True),
        (MINIMAL, on_objects(notStartsWith=[f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-central-1/"]), True),
        (UNSIGNED_LOCAL, on_objects(notStartsWith=[f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-central-1/"]), False),
        (MINIMAL, on_objects(startsWith=[LOGS], notStartsWith=[f"{LOGS}AWSLogs/"]), False),
        (
            MINIMAL,
            on_objects(
                startsWith=[f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-west-1/"],
                notStartsWith=[f"{LOGS}AWSLogs/123456789012/CloudTrail/eu-west-"],
            ),
            False,
        ),
        # of what is not the trail's
        (MINIMAL, objects(f"{LOGS}AWSLogs/123456789012/Config/"), False),
        (MINIMAL, objects(f"{LOGS}AWSLogs/999999999999/"), False),
        (MINIMAL, objects(f"{LOGS}AWSLogs/o-example/"), False),
        (MINIMAL, on_objects(equals=[f"{LOGS}data.csv"]), False),
        # of callers that CloudTrail is not: it has no ARN and no session of the console
        (MINIMAL, advanced(on_management(), on_data(userIdentity_arn={"startsWith": ["arn:aws:sts::1:"]})), False),
        (MINIMAL, advanced(on_management(), on_data(userIdentity_arn={"equals": ["arn:aws:iam::1:user/a"]})), False),
        (MINIMAL, advanced(on_management(), on_data(userIdentity_arn={"notStartsWith": ["arn:aws:sts::1:"]})), True),
        (MINIMAL, advanced(on_management(), on_data(sessionCredentialFromConsole={"equals": ["true"]})), False),
        (MINIMAL, advanced(on_management(), on_data(sessionCredentialFromConsole={"notEquals": ["true"]})), True),
        (MINIMAL, on_objects(endsWith=[".csv"]), False),
        (MINIMAL, on_objects(endsWith=["Z.json.gz"]), True),
        # of all accounts of an organization
        (ORGANIZATION, objects(f"{LOGS}AWSLogs/o-example/"), True),
        (ORGANIZATION, objects(f"{LOGS}AWSLogs/o-example/999999999999/CloudTrail/eu-west-1/"), True),
        (ORGANIZATION, objects(f"{LOGS}AWSLogs/"), True),
        (ORGANIZATION, objects(f"{LOGS}reports/"), False),
    ],
)
def test_a_trail_that_records_its_own_delivery(configuration: Any, selectors: Selectors, circular: bool) -> None:
    assert reasons(trail(configuration, event_selectors=selectors)) == ([Reason.LOGS_OWN_DELIVERY] if circular else [])


@pytest.mark.parametrize("insights", [frozenset(), frozenset({("ApiCallRateInsight", "Management")})])
def test_insights_are_delivered_too(insights: Insights) -> None:
    selectors = objects(f"{LOGS}AWSLogs/123456789012/CloudTrail-Insight/")
    found = reasons(trail(event_selectors=selectors, insights=insights))
    assert found == ([Reason.LOGS_OWN_DELIVERY] if insights else [])


def test_own_delivery_in_another_partition() -> None:
    wanted = trail(partition="aws-cn", region="cn-north-1", event_selectors=objects("arn:aws-cn:s3"))
    assert reasons(wanted) == [Reason.LOGS_OWN_DELIVERY]


@pytest.mark.parametrize(
    ("selectors", "none"),
    [
        (advanced(on_data(LAMBDA)), True),
        (basic({"includeManagementEvents": False, "dataResources": [{"type": LAMBDA, "values": ["f"]}]}), True),
        (advanced(on_data(LAMBDA), on_management(readOnly={"equals": ["true"]})), False),
        (WRITES, False),
    ],
)
def test_a_trail_without_management_events(selectors: Selectors, none: bool) -> None:
    assert reasons(trail(event_selectors=selectors)) == ([Reason.NO_MANAGEMENT_EVENTS] if none else [])


@pytest.mark.parametrize(
    ("selectors", "unknown"),
    [
        (advanced(on_management(ofTheFuture={"equals": ["x"]})), "field ofTheFuture"),
        (advanced(on_management(readonly={"equals": ["true"]})), "field readonly"),
        (advanced(on_management(), on_data("S3::Object")), "resource type S3::Object"),
        (advanced(on_management(), on_data("AWS::S3::")), "resource type AWS::S3::"),
        (basic({"dataResources": [{"type": "AWS:S3:Object", "values": ["a"]}]}), "resource type AWS:S3:Object"),
        (advanced(on_management(), on_data("AWS::QApps:QApp")), None),
        (advanced(on_management(), on_data("AWS::Of2030::TheFuture")), None),
        (
            advanced(on_management(), on_data(LAMBDA, eventName={"equals": ["x"]}, userIdentity_arn={"equals": ["x"]})),
            None,
        ),
    ],
)
def test_what_this_version_does_not_know(selectors: Selectors, unknown: str | None) -> None:
    found = advise(trail(event_selectors=selectors), [])
    if unknown is None:
        assert found == ()
        return
    (advice,) = found
    assert advice.reason == Reason.UNKNOWN_SELECTOR
    assert f": {unknown}. " in advice.message


def test_a_trail_of_the_same_owner_elsewhere() -> None:
    stray = other("eu-west-1", is_multi_region_trail=False, owner=OWNER)
    (advice,) = advise(trail(LOCAL), [stray])
    assert advice.reason == Reason.OWNED_ELSEWHERE
    for what in (stray.arn, "--region eu-west-1 --name other", "region: eu-west-1 and name: other"):
        assert what in advice.message
    assert reasons(trail(LOCAL), replace(stray, owner="cluster/default/another"), replace(stray, arn=ARN)) == []
    assert reasons(trail(), replace(other(), owner=OWNER))[0] == Reason.OWNED_ELSEWHERE
    former = replace(trail(LOCAL), former_owners=frozenset({"former/default/audit"}))
    assert reasons(former, replace(stray, owner="former/default/audit")) == [Reason.OWNED_ELSEWHERE]


def test_the_most_important_is_first() -> None:
    wanted = trail(event_selectors=advanced(on_management(), on_data("S3::Object"), on_data()))
    assert reasons(wanted, other()) == [
        Reason.LOGS_OWN_DELIVERY,
        Reason.DUPLICATE_GLOBAL_EVENTS,
        Reason.DUPLICATE_MANAGEMENT_EVENTS,
        Reason.UNKNOWN_SELECTOR,
    ]


def test_insight_types_that_this_version_does_not_know_are_warned_of_before_aws_refuses_them() -> None:
    (advice,) = advise(trail(insights=frozenset({("ApiCalRateInsight", "Management")})), [])
    assert advice.reason == Reason.UNKNOWN_SELECTOR
    assert "insight type ApiCalRateInsight" in advice.message
    known = frozenset({("ApiCallRateInsight", "Management"), ("ApiErrorRateInsight", "Data")})
    assert advise(trail(insights=known), []) == ()
