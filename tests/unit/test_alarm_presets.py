"""The patterns of preset alarms, letter by letter, and the numbers of their controls."""

import pytest

from trail_operator.api.trail_alarm_set import Preset
from trail_operator.domain.alarms.presets import PRESET_ALARMS, PresetAlarm, Standard, alarms_of

BY_NAME = {alarm.name: alarm for alarm in PRESET_ALARMS}

# As Security Hub prints them: the length of each, and what it begins and ends with.
PATTERNS = {
    "RootUsage": (102, '{$.userIdentity.type="Root" && ', '$.eventType !="AwsServiceEvent"}'),
    "UnauthorizedAPICalls": (73, '{($.errorCode="*UnauthorizedOperation") || ', '($.errorCode="AccessDenied*")}'),
    "ConsoleSignInWithoutMFA": (164, '{ ($.eventName = "ConsoleLogin") && ', 'ConsoleLogin = "Success") }'),
    "IAMPolicyChanges": (574, "{($.eventSource=iam.amazonaws.com) && ((", "($.eventName=DetachGroupPolicy))}"),
    "CloudTrailChanges": (144, "{($.eventName=CreateTrail) || ", "($.eventName=StopLogging)}"),
    "ConsoleSignInFailures": (72, "{($.eventName=ConsoleLogin) && ", '($.errorMessage="Failed authentication")}'),
    "KMSKeyDisabledOrDeleted": (102, "{($.eventSource=kms.amazonaws.com) && ((", "($.eventName=ScheduleKeyDeletion))}"),
    "S3BucketPolicyChanges": (354, "{($.eventSource=s3.amazonaws.com) && ((", "=DeleteBucketReplication))}"),
    "ConfigChanges": (200, "{($.eventSource=config.amazonaws.com) && ((", "($.eventName=PutConfigurationRecorder))}"),
    "SecurityGroupChanges": (252, "{($.eventName=AuthorizeSecurityGroupIngress) || ", "=DeleteSecurityGroup)}"),
    "NetworkACLChanges": (230, "{($.eventName=CreateNetworkAcl) || ", "($.eventName=ReplaceNetworkAclAssociation)}"),
    "NetworkGatewayChanges": (232, "{($.eventName=CreateCustomerGateway) || ", "=DetachInternetGateway)}"),
    "RouteTableChanges": (279, "{($.eventSource=ec2.amazonaws.com) && ((", "($.eventName=DisassociateRouteTable))}"),
    "VPCChanges": (417, "{($.eventName=CreateVpc) || ", "($.eventName=EnableVpcClassicLink)}"),
    "OrganizationsChanges": (786, "{($.eventSource=organizations.amazonaws.com) && ((", "=EnableAllFeatures))}"),
}


@pytest.mark.parametrize("alarm", PRESET_ALARMS, ids=lambda alarm: alarm.name)
def test_a_pattern_is_the_published_one(alarm: PresetAlarm) -> None:
    length, beginning, end = PATTERNS[alarm.name]
    assert alarm.pattern.startswith(beginning)
    assert alarm.pattern.endswith(end)
    assert len(alarm.pattern) == length <= 1024


def test_the_presets_share_one_table() -> None:
    assert [alarm.name for alarm in PRESET_ALARMS] == list(PATTERNS)
    assert [alarm.name for alarm in alarms_of([Preset.SECURITY_HUB])] == list(PATTERNS)[:14]
    assert alarms_of([Preset.CIS, Preset.SECURITY_HUB]) == alarms_of([Preset.CIS]) == list(PRESET_ALARMS)
    assert alarms_of([]) == []


@pytest.mark.parametrize("standard", Standard)
def test_each_standard_counts_its_controls_once(standard: Standard) -> None:
    numbers = [alarm.controls[standard] for alarm in PRESET_ALARMS if standard in alarm.controls]
    prefix = numbers[0].partition(".")[0]
    most = 15 if standard in (Standard.CIS_1_4, Standard.CIS_6) else 14
    assert sorted(numbers, key=lambda number: int(number.partition(".")[2])) == [
        f"{prefix}.{number}" for number in range(1, most + 1)
    ]


def test_what_a_trail_must_record() -> None:
    assert {name for name, alarm in BY_NAME.items() if alarm.needs_read_events} == {"RootUsage", "UnauthorizedAPICalls"}
    for alarm in PRESET_ALARMS:
        assert (f"($.eventSource={alarm.event_source})" in alarm.pattern) is (alarm.event_source is not None)
