"""The alarms of the presets of a TrailAlarmSet, as data. Knows neither metric filters nor alarms in AWS.

The patterns are those that Security Hub prints, to the letter: it compares them so, spaces included.
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
For Organizations, which Security Hub does not cover, the pattern has the 18 calls of the CIS AWS Foundations Benchmark
and three that auditing tools look for besides. A changed pattern is a change that users notice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trail_operator.api.trail_alarm_set import Preset


class Standard(StrEnum):
    """A standard whose controls ask for alarms, in the versions whose numbers differ."""

    SECURITY_HUB = "Security Hub"
    CIS_1_2 = "CIS AWS Foundations Benchmark v1.2"
    CIS_1_4 = "CIS AWS Foundations Benchmark v1.4 to v5.0"
    CIS_6 = "CIS AWS Foundations Benchmark v6 and v7"


@dataclass(frozen=True)
class PresetAlarm:
    """An alarm of a preset."""

    name: str
    description: str
    pattern: str
    controls: dict[Standard, str]
    """The number of the control in each standard."""
    needs_read_events: bool = False
    """Whether calls that only read can match: a trail that records write events alone misses these."""
    event_source: str | None = None
    """The only service whose calls match: a trail that excludes its events matches none."""

    def is_in(self, preset: Preset) -> bool:
        """Whether the alarm is one of a preset."""
        standard = Standard.SECURITY_HUB if preset is Preset.SECURITY_HUB else Standard.CIS_1_4
        return standard in self.controls


def alarms_of(presets: Iterable[Preset]) -> list[PresetAlarm]:
    """Return the alarms of presets in the order of the table, each once."""
    wanted = set(presets)
    return [alarm for alarm in PRESET_ALARMS if any(alarm.is_in(preset) for preset in wanted)]


def _controls(number: int, cis: int | None = None) -> dict[Standard, str]:
    """Return the numbers of a control. `cis`: that of the benchmark, if it differs from Security Hub's."""
    return {
        Standard.SECURITY_HUB: f"CloudWatch.{number}",
        Standard.CIS_1_2: f"3.{cis or number}",
        Standard.CIS_1_4: f"4.{cis or number}",
        Standard.CIS_6: f"5.{cis or number}",
    }


def _any_of(*names: str) -> str:
    """Return the condition that a call is one of these."""
    return " || ".join(f"($.eventName={name})" for name in names)


_IAM = _any_of(
    "DeleteGroupPolicy",
    "DeleteRolePolicy",
    "DeleteUserPolicy",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
    "CreatePolicy",
    "DeletePolicy",
    "CreatePolicyVersion",
    "DeletePolicyVersion",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "AttachUserPolicy",
    "DetachUserPolicy",
    "AttachGroupPolicy",
    "DetachGroupPolicy",
)
_CLOUDTRAIL = _any_of("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging")
_KMS = _any_of("DisableKey", "ScheduleKeyDeletion")
_S3 = _any_of(
    "PutBucketAcl",
    "PutBucketPolicy",
    "PutBucketCors",
    "PutBucketLifecycle",
    "PutBucketReplication",
    "DeleteBucketPolicy",
    "DeleteBucketCors",
    "DeleteBucketLifecycle",
    "DeleteBucketReplication",
)
_CONFIG = _any_of(
    "StopConfigurationRecorder", "DeleteDeliveryChannel", "PutDeliveryChannel", "PutConfigurationRecorder"
)
_SECURITY_GROUPS = _any_of(
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "RevokeSecurityGroupEgress",
    "CreateSecurityGroup",
    "DeleteSecurityGroup",
)
_NETWORK_ACLS = _any_of(
    "CreateNetworkAcl",
    "CreateNetworkAclEntry",
    "DeleteNetworkAcl",
    "DeleteNetworkAclEntry",
    "ReplaceNetworkAclEntry",
    "ReplaceNetworkAclAssociation",
)
_GATEWAYS = _any_of(
    "CreateCustomerGateway",
    "DeleteCustomerGateway",
    "AttachInternetGateway",
    "CreateInternetGateway",
    "DeleteInternetGateway",
    "DetachInternetGateway",
)
_ROUTES = _any_of(
    "CreateRoute",
    "CreateRouteTable",
    "ReplaceRoute",
    "ReplaceRouteTableAssociation",
    "DeleteRouteTable",
    "DeleteRoute",
    "DisassociateRouteTable",
)
_VPCS = _any_of(
    "CreateVpc",
    "DeleteVpc",
    "ModifyVpcAttribute",
    "AcceptVpcPeeringConnection",
    "CreateVpcPeeringConnection",
    "DeleteVpcPeeringConnection",
    "RejectVpcPeeringConnection",
    "AttachClassicLinkVpc",
    "DetachClassicLinkVpc",
    "DisableVpcClassicLink",
    "EnableVpcClassicLink",
)
_ORGANIZATIONS = _any_of(
    "AcceptHandshake",
    "AttachPolicy",
    "CreateAccount",
    "CreateOrganizationalUnit",
    "CreatePolicy",
    "DeclineHandshake",
    "DeleteOrganization",
    "DeleteOrganizationalUnit",
    "DeletePolicy",
    "DetachPolicy",
    "DisablePolicyType",
    "EnablePolicyType",
    "InviteAccountToOrganization",
    "LeaveOrganization",
    "MoveAccount",
    "RemoveAccountFromOrganization",
    "UpdatePolicy",
    "UpdateOrganizationalUnit",
    "CancelHandshake",
    "CreateOrganization",
    "EnableAllFeatures",
)

PRESET_ALARMS: Final = (
    PresetAlarm(
        "RootUsage",
        "The root user was used.",
        '{$.userIdentity.type="Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType !="AwsServiceEvent"}',
        _controls(1, cis=3),
        needs_read_events=True,
    ),
    PresetAlarm(
        "UnauthorizedAPICalls",
        "A call was refused for lack of permission.",
        '{($.errorCode="*UnauthorizedOperation") || ($.errorCode="AccessDenied*")}',
        _controls(2, cis=1),
        needs_read_events=True,
    ),
    PresetAlarm(
        "ConsoleSignInWithoutMFA",
        "An IAM user signed in to the console without multi-factor authentication.",
        '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && '
        '($.userIdentity.type = "IAMUser") && ($.responseElements.ConsoleLogin = "Success") }',
        _controls(3, cis=2),
    ),
    PresetAlarm(
        "IAMPolicyChanges",
        "An IAM policy was changed, attached or detached.",
        f"{{($.eventSource=iam.amazonaws.com) && ({_IAM})}}",
        _controls(4),
        event_source="iam.amazonaws.com",
    ),
    PresetAlarm(
        "CloudTrailChanges",
        "A trail was created, changed, deleted, started or stopped.",
        f"{{{_CLOUDTRAIL}}}",
        _controls(5),
    ),
    PresetAlarm(
        "ConsoleSignInFailures",
        "A sign-in to the console failed.",
        '{($.eventName=ConsoleLogin) && ($.errorMessage="Failed authentication")}',
        _controls(6),
    ),
    PresetAlarm(
        "KMSKeyDisabledOrDeleted",
        "A KMS key was disabled, or its deletion was scheduled.",
        f"{{($.eventSource=kms.amazonaws.com) && ({_KMS})}}",
        _controls(7),
        event_source="kms.amazonaws.com",
    ),
    PresetAlarm(
        "S3BucketPolicyChanges",
        "The policy, ACL, CORS, lifecycle or replication of a bucket was changed.",
        f"{{($.eventSource=s3.amazonaws.com) && ({_S3})}}",
        _controls(8),
        event_source="s3.amazonaws.com",
    ),
    PresetAlarm(
        "ConfigChanges",
        "The recorder or delivery channel of AWS Config was changed or stopped.",
        f"{{($.eventSource=config.amazonaws.com) && ({_CONFIG})}}",
        _controls(9),
        event_source="config.amazonaws.com",
    ),
    PresetAlarm("SecurityGroupChanges", "A security group was changed.", f"{{{_SECURITY_GROUPS}}}", _controls(10)),
    PresetAlarm("NetworkACLChanges", "A network ACL was changed.", f"{{{_NETWORK_ACLS}}}", _controls(11)),
    PresetAlarm("NetworkGatewayChanges", "A gateway of a network was changed.", f"{{{_GATEWAYS}}}", _controls(12)),
    PresetAlarm(
        "RouteTableChanges",
        "A route table was changed.",
        f"{{($.eventSource=ec2.amazonaws.com) && ({_ROUTES})}}",
        _controls(13),
        event_source="ec2.amazonaws.com",
    ),
    PresetAlarm("VPCChanges", "A VPC or a connection of VPCs was changed.", f"{{{_VPCS}}}", _controls(14)),
    PresetAlarm(
        "OrganizationsChanges",
        "An organization, its accounts or its policies were changed.",
        f"{{($.eventSource=organizations.amazonaws.com) && ({_ORGANIZATIONS})}}",
        {Standard.CIS_1_4: "4.15", Standard.CIS_6: "5.15"},
        event_source="organizations.amazonaws.com",
    ),
)
"""In the order of Security Hub's controls. One table for all presets, so that two of them create each alarm once."""
