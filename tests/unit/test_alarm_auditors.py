"""Which auditing tools accept the patterns of preset alarms: the rules that each publishes, in words of this test.

Security Hub wants its own text, without further terms:
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
prowler wants conditions in any order (root and refused calls: in its order), and accepts others beside them:
https://github.com/prowler-cloud/prowler/tree/3e000faa3109230b748e4418a13c11c9e59f5cfb/prowler/providers/aws/services/cloudwatch
turbot wants conditions in its order, texts in quotes (but not names of calls), and accepts others between them:
https://github.com/turbot/steampipe-mod-aws-compliance/blob/a1d0b446ef9b96ea64980859fc063d70da20778e/conformance_pack/cloudwatch.pp
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from trail_operator.domain.alarms.presets import PRESET_ALARMS

PUBLISHED = dict(
    line.split(" ", maxsplit=1) for line in (Path(__file__).parent / "alarm_patterns.txt").read_text().splitlines()
)
OURS = {alarm.name: alarm.pattern for alarm in PRESET_ALARMS}

# What a tool looks for: the event source, event names, and other conditions as field, operator and value.
ROOT = [
    ("userIdentity.type", "=", "Root"),
    ("userIdentity.invokedBy", "NOT EXISTS", ""),
    ("eventType", "!=", "AwsServiceEvent"),
]
REFUSED = [("errorCode", "=", "*UnauthorizedOperation"), ("errorCode", "=", "AccessDenied*")]
NO_MFA = [("eventName", "=", "ConsoleLogin"), ("additionalEventData.MFAUsed", "!=", "Yes")]
FAILED = [("eventName", "=", "ConsoleLogin"), ("errorMessage", "=", "Failed authentication")]


def calls(names: str, source: str = "") -> list[tuple[str, str, str]]:
    first = [("eventSource", "=", f"{source}.amazonaws.com")] if source else []
    return first + [("eventName", "=", name) for name in names.split()]


def quoted(conditions: "Conditions") -> "Conditions":
    return [(field, operator, f'"{value}"' if value else "") for field, operator, value in conditions]


IAM = calls(
    "DeleteGroupPolicy DeleteRolePolicy DeleteUserPolicy PutGroupPolicy PutRolePolicy PutUserPolicy CreatePolicy "
    "DeletePolicy CreatePolicyVersion DeletePolicyVersion AttachRolePolicy DetachRolePolicy AttachUserPolicy "
    "DetachUserPolicy AttachGroupPolicy DetachGroupPolicy"
)
CLOUDTRAIL = calls("CreateTrail UpdateTrail DeleteTrail StartLogging StopLogging")
KMS = calls("DisableKey ScheduleKeyDeletion", "kms")
S3 = calls(
    "PutBucketAcl PutBucketPolicy PutBucketCors PutBucketLifecycle PutBucketReplication DeleteBucketPolicy "
    "DeleteBucketCors DeleteBucketLifecycle DeleteBucketReplication",
    "s3",
)
CONFIG = calls("StopConfigurationRecorder DeleteDeliveryChannel PutDeliveryChannel PutConfigurationRecorder", "config")
SECURITY_GROUPS = calls(
    "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress "
    "RevokeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup"
)
NETWORK_ACLS = calls(
    "CreateNetworkAcl CreateNetworkAclEntry DeleteNetworkAcl DeleteNetworkAclEntry ReplaceNetworkAclEntry "
    "ReplaceNetworkAclAssociation"
)
GATEWAYS = calls(
    "CreateCustomerGateway DeleteCustomerGateway AttachInternetGateway CreateInternetGateway DeleteInternetGateway "
    "DetachInternetGateway"
)
ROUTES = (
    "CreateRoute CreateRouteTable ReplaceRoute ReplaceRouteTableAssociation DeleteRouteTable DeleteRoute "
    "DisassociateRouteTable"
)
VPCS = calls(
    "CreateVpc DeleteVpc ModifyVpcAttribute AcceptVpcPeeringConnection CreateVpcPeeringConnection "
    "DeleteVpcPeeringConnection RejectVpcPeeringConnection AttachClassicLinkVpc DetachClassicLinkVpc "
    "DisableVpcClassicLink EnableVpcClassicLink"
)
BENCHMARK_ORGANIZATIONS = (
    "AcceptHandshake AttachPolicy CreateAccount CreateOrganizationalUnit CreatePolicy DeclineHandshake "
    "DeleteOrganization DeleteOrganizationalUnit DeletePolicy DetachPolicy DisablePolicyType EnablePolicyType "
    "InviteAccountToOrganization LeaveOrganization MoveAccount RemoveAccountFromOrganization UpdatePolicy "
    "UpdateOrganizationalUnit"
)
PROWLER_ORGANIZATIONS = f"CancelHandshake CreateOrganization EnableAllFeatures {BENCHMARK_ORGANIZATIONS}"

Conditions = Sequence[tuple[str, str, str]]
_BOTH: dict[str, Conditions] = {
    "RootUsage": ROOT,
    "ConsoleSignInWithoutMFA": NO_MFA,
    "IAMPolicyChanges": IAM,
    "CloudTrailChanges": CLOUDTRAIL,
    "ConsoleSignInFailures": FAILED,
    "KMSKeyDisabledOrDeleted": KMS,
    "S3BucketPolicyChanges": S3,
    "ConfigChanges": CONFIG,
    "NetworkACLChanges": NETWORK_ACLS,
    "NetworkGatewayChanges": GATEWAYS,
    "VPCChanges": VPCS,
}
PROWLER: dict[str, Conditions] = _BOTH | {
    "UnauthorizedAPICalls": REFUSED,
    "SecurityGroupChanges": SECURITY_GROUPS,
    "RouteTableChanges": calls(ROUTES, "ec2"),
    "OrganizationsChanges": calls(PROWLER_ORGANIZATIONS, "organizations"),
}
PROWLER_IN_ORDER = {"RootUsage", "UnauthorizedAPICalls"}
TURBOT: dict[str, Conditions] = _BOTH | {
    "RootUsage": quoted(ROOT),
    "UnauthorizedAPICalls": [
        *quoted(REFUSED),
        *quoted([("sourceIPAddress", "!=", "delivery.logs.amazonaws.com"), ("eventName", "!=", "HeadBucket")]),
    ],
    "ConsoleSignInWithoutMFA": quoted(NO_MFA),
    "ConsoleSignInFailures": [FAILED[0], *quoted(FAILED[1:])],
    "SecurityGroupChanges": [*SECURITY_GROUPS, ("eventName", "=", "ModifySecurityGroupRules")],
    "RouteTableChanges": calls(ROUTES),
    "OrganizationsChanges": calls(BENCHMARK_ORGANIZATIONS, "organizations"),
}


def position(pattern: str, condition: tuple[str, str, str], start: int = 0, *, whole_names: bool) -> int | None:
    """Return where a condition ends; None if there is none from the start on. A text without quotes may have some."""
    field, operator, value = condition
    begin, end = "" if value.startswith('"') else '"?', r"\b" if whole_names and field == "eventName" else ""
    text = rf"\$\.{re.escape(field)}\s*{operator}" + (rf"\s*{begin}{re.escape(value)}{end}" if value else "")
    found = re.compile(text).search(pattern, start)
    return found and found.end()


def has_all(pattern: str, conditions: Conditions) -> bool:
    return all(position(pattern, condition, whole_names=True) for condition in conditions)


def has_in_order(pattern: str, conditions: Conditions) -> bool:
    start = 0
    for condition in conditions:
        end = position(pattern, condition, start, whole_names=False)
        if end is None:
            return False
        start = end
    return True


def is_accepted_by_security_hub(name: str, pattern: str) -> bool:
    return name != "OrganizationsChanges" and pattern == PUBLISHED[name]


def is_accepted_by_prowler(name: str, pattern: str) -> bool:
    return (has_in_order if name in PROWLER_IN_ORDER else has_all)(pattern, PROWLER[name])


def is_accepted_by_turbot(name: str, pattern: str) -> bool:
    # Of sign-ins, the two conditions must follow one another.
    follow = name != "ConsoleSignInWithoutMFA" or re.search(r'"ConsoleLogin"\)\s+&&\s+\(\s*\$\.add', pattern)
    return has_in_order(pattern, TURBOT[name]) and bool(follow)


# What each tool says of the patterns: Security Hub, prowler, turbot.
ALL = (True, True, True)
OF_PRESETS = dict.fromkeys(OURS, ALL) | {
    "UnauthorizedAPICalls": (True, True, False),
    "SecurityGroupChanges": (True, True, False),
    "OrganizationsChanges": (False, True, True),
}
# Patterns that others use for the same alarms. Security Hub printed those of 2023 until it added the event source.
OF_OTHERS = {
    "refused calls but those of log delivery": (
        "UnauthorizedAPICalls",
        '{(($.errorCode="*UnauthorizedOperation") || ($.errorCode="AccessDenied*")) && '
        '($.sourceIPAddress!="delivery.logs.amazonaws.com") && ($.eventName!="HeadBucket")}',
        (False, True, True),
    ),
    "security groups and their rules": (
        "SecurityGroupChanges",
        PUBLISHED["SecurityGroupChanges"].replace("}", " || ($.eventName=ModifySecurityGroupRules)}"),
        (False, True, True),
    ),
    "IAM policies in 2023": (
        "IAMPolicyChanges",
        PUBLISHED["IAMPolicyChanges"].replace("($.eventSource=iam.amazonaws.com) && (", "").replace("))}", ")}"),
        (False, True, True),
    ),
    "route tables in 2023": (
        "RouteTableChanges",
        PUBLISHED["RouteTableChanges"].replace("($.eventSource=ec2.amazonaws.com) && (", "").replace("))}", ")}"),
        (False, False, True),
    ),
    "security groups in another order": (
        "SecurityGroupChanges",
        "{" + " || ".join(reversed(PUBLISHED["SecurityGroupChanges"].strip("{}").split(" || "))) + "}",
        (False, True, False),
    ),
    "no security group deleted": (
        "SecurityGroupChanges",
        PUBLISHED["SecurityGroupChanges"].replace(" || ($.eventName=DeleteSecurityGroup)", ""),
        (False, False, False),
    ),
    "another space": ("CloudTrailChanges", PUBLISHED["CloudTrailChanges"].replace("=", " = "), (False, True, True)),
    "the root user without quotes": (
        "RootUsage",
        PUBLISHED["RootUsage"].replace('"', ""),
        (False, True, False),
    ),
    "sign-ins with and without MFA apart": (
        "ConsoleSignInWithoutMFA",
        '{($.eventName="ConsoleLogin") && ($.userIdentity.type="IAMUser") && ($.additionalEventData.MFAUsed!="Yes")}',
        (False, True, False),
    ),
    "organizations as the benchmark has them": (
        "OrganizationsChanges",
        PUBLISHED["OrganizationsChanges"].partition(" || ($.eventName=CancelHandshake)")[0] + ")}",
        (False, False, True),
    ),
}


def accepted(name: str, pattern: str) -> tuple[bool, bool, bool]:
    return (
        is_accepted_by_security_hub(name, pattern),
        is_accepted_by_prowler(name, pattern),
        is_accepted_by_turbot(name, pattern),
    )


@pytest.mark.parametrize("name", OURS)
def test_who_accepts_the_pattern_of_a_preset(name: str) -> None:
    assert accepted(name, OURS[name]) == OF_PRESETS[name]


@pytest.mark.parametrize("case", OF_OTHERS)
def test_who_accepts_another_pattern(case: str) -> None:
    name, pattern, expected = OF_OTHERS[case]
    assert accepted(name, pattern) == expected


def test_the_patterns_of_2023_have_their_length() -> None:
    assert len(OF_OTHERS["IAM policies in 2023"][1]) == 535
    assert len(OF_OTHERS["route tables in 2023"][1]) == 240
    assert len(OF_OTHERS["security groups and their rules"][1]) == 294
    assert len(OF_OTHERS["refused calls but those of log delivery"][1]) == 160
