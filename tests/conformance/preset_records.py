"""Records of CloudTrail, as its guide prints them, that the patterns of preset alarms match, and near misses.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html
"""

from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]

USER: Record = {
    "type": "IAMUser",
    "principalId": "AIDACKCEVSQ6C2EXAMPLE",
    "arn": "arn:aws:iam::111122223333:user/mallory",
    "accountId": "111122223333",
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "userName": "mallory",
}
ROOT: Record = {
    "type": "Root",
    "principalId": "111122223333",
    "arn": "arn:aws:iam::111122223333:root",
    "accountId": "111122223333",
}
ROLE: Record = {
    "type": "AssumedRole",
    "principalId": "AROAIDPPEZS35WEXAMPLE:mallory",
    "arn": "arn:aws:sts::111122223333:assumed-role/admin/mallory",
    "accountId": "111122223333",
    "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "admin"}},
}
SERVICE: Record = {"accountId": "111122223333", "invokedBy": "kms.amazonaws.com"}


def call(service: str, name: str, **members: Any) -> Record:
    """Return the record of a call that changed something; members that are None are left out."""
    record: Record = {
        "eventVersion": "1.11",
        "userIdentity": USER,
        "eventTime": "2026-03-04T05:06:07Z",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "aws-cli/2.32.6",
        "requestParameters": {"name": "example"},
        "responseElements": None,
        "requestID": "5f2c1d1b-0000-4000-8000-000000000001",
        "eventID": "5f2c1d1b-0000-4000-8000-000000000002",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    }
    changed = record | members
    return {key: value for key, value in changed.items() if value is not None or record.get(key, 0) is None}


def sign_in(**members: Any) -> Record:
    """Return the record of a sign-in to the console, by a password alone."""
    return call(
        "signin",
        "ConsoleLogin",
        **{
            "eventType": "AwsConsoleSignIn",
            "requestParameters": None,
            "requestID": None,
            "responseElements": {"ConsoleLogin": "Success"},
            "additionalEventData": {
                "LoginTo": "https://console.aws.amazon.com/",
                "MobileVersion": "No",
                "MFAUsed": "No",
            },
        }
        | members,
    )


def refused(record: Record, code: str = "AccessDenied") -> Record:
    """Return the record of the same call, refused."""
    return record | {"errorCode": code, "errorMessage": "User: mallory is not authorized", "responseElements": None}


@dataclass(frozen=True)
class Cases:
    """Records by what distinguishes them."""

    matching: dict[str, Record]
    others: dict[str, Record]
    names: tuple[str, ...] = field(default=())
    """The names of all calls that match in place of that of the first matching record."""


WITH_MFA = {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": "Yes"}
FAILED_SIGN_IN = sign_in(errorMessage="Failed authentication", responseElements={"ConsoleLogin": "Failure"})
BUCKET = {"bucketName": "example-logs"}
KEY = {"keyId": "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
GROUP = {"groupId": "sg-0123456789abcdef0", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22}]}}
ACL = {"networkAclId": "acl-0123456789abcdef0", "ruleNumber": 100, "egress": False}
GATEWAY = {"internetGatewayId": "igw-0123456789abcdef0", "vpcId": "vpc-0123456789abcdef0"}
ROUTE = {"routeTableId": "rtb-0123456789abcdef0", "destinationCidrBlock": "0.0.0.0/0"}
VPC = {"vpcId": "vpc-0123456789abcdef0"}
ACCOUNT = {"accountId": "444455556666", "sourceParentId": "r-examplerootid1", "destinationParentId": "ou-examp-1"}

CASES: dict[str, Cases] = {
    "RootUsage": Cases(
        {
            "sign-in of the root user": sign_in(userIdentity=ROOT, additionalEventData=WITH_MFA),
            "read by the root user": call("iam", "GetAccountSummary", userIdentity=ROOT, readOnly=True),
            "refused call of the root user": refused(call("organizations", "LeaveOrganization", userIdentity=ROOT)),
        },
        {
            "IAM user": call("iam", "GetAccountSummary", readOnly=True),
            "role": call("iam", "GetAccountSummary", userIdentity=ROLE),
            "service for the root user": call(
                "s3", "GetBucketAcl", userIdentity=ROOT | {"invokedBy": "cloudtrail.amazonaws.com"}
            ),
            "event of a service": call("kms", "RotateKey", userIdentity=ROOT, eventType="AwsServiceEvent"),
            "another case": call("iam", "GetAccountSummary", userIdentity=ROOT | {"type": "root"}),
            "user named Root": call("iam", "GetAccountSummary", userIdentity=USER | {"userName": "Root"}),
            "no identity": call("iam", "GetAccountSummary", userIdentity=None),
        },
    ),
    "UnauthorizedAPICalls": Cases(
        {
            "code of EC2": refused(call("ec2", "StopInstances"), "Client.UnauthorizedOperation"),
            "code of most services": refused(call("cloudtrail", "StopLogging")),
            "code of JSON services": refused(call("kms", "ListKeys", readOnly=True), "AccessDeniedException"),
        },
        {
            "successful call": call("ec2", "StopInstances"),
            "throttled call": refused(call("ec2", "StopInstances"), "Client.RequestLimitExceeded"),
            "code that only begins so": refused(call("ec2", "StopInstances"), "UnauthorizedOperationException"),
            "another case": refused(call("ec2", "StopInstances"), "accessDenied"),
            "in the message only": call("s3", "GetBucketAcl", errorCode="NoSuchBucket", errorMessage="AccessDenied"),
        },
    ),
    "ConsoleSignInWithoutMFA": Cases(
        {"IAM user": sign_in(), "IAM user on a phone": sign_in(userAgent="AWS Console Mobile App")},
        {
            "MFA used": sign_in(additionalEventData=WITH_MFA),
            "single sign-on": sign_in(userIdentity=ROLE),
            "root user": sign_in(userIdentity=ROOT),
            "failed": FAILED_SIGN_IN,
            "another call": sign_in() | {"eventName": "SwitchRole"},
            "another case": sign_in() | {"eventName": "consoleLogin"},
            "no result": sign_in(responseElements=None),
        },
    ),
    "IAMPolicyChanges": Cases(
        {
            "attached": call("iam", "AttachRolePolicy", requestParameters={"roleName": "ci"}),
            "refused": refused(call("iam", "PutUserPolicy")),
        },
        {
            "policy of IoT": call("iot", "CreatePolicy", requestParameters={"policyName": "sensors"}),
            "policy of an organization": call("organizations", "DeletePolicy"),
            "trust policy": call("iam", "UpdateAssumeRolePolicy"),
            "read": call("iam", "ListAttachedRolePolicies", readOnly=True),
            "another case": call("iam", "attachRolePolicy"),
            "no source": call("iam", "AttachRolePolicy", eventSource=None),
        },
        (
            *("DeleteGroupPolicy", "DeleteRolePolicy", "DeleteUserPolicy", "PutGroupPolicy", "PutRolePolicy"),
            *("PutUserPolicy", "CreatePolicy", "DeletePolicy", "CreatePolicyVersion", "DeletePolicyVersion"),
            *("AttachRolePolicy", "DetachRolePolicy", "AttachUserPolicy", "DetachUserPolicy", "AttachGroupPolicy"),
            "DetachGroupPolicy",
        ),
    ),
    "CloudTrailChanges": Cases(
        {
            "stopped": call("cloudtrail", "StopLogging", requestParameters={"name": "audit"}),
            "refused": refused(call("cloudtrail", "DeleteTrail")),
        },
        {
            "other events": call("cloudtrail", "PutEventSelectors"),
            "read": call("cloudtrail", "GetTrailStatus", readOnly=True),
            "another case": call("cloudtrail", "stopLogging"),
            "in the parameters only": call("iam", "GetPolicy", requestParameters={"eventName": "StopLogging"}),
            "no name": call("cloudtrail", "StopLogging", eventName=None),
        },
        ("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging"),
    ),
    "ConsoleSignInFailures": Cases(
        {"wrong password": FAILED_SIGN_IN, "of the root user": FAILED_SIGN_IN | {"userIdentity": ROOT}},
        {
            "successful": sign_in(),
            "unknown user": FAILED_SIGN_IN | {"errorMessage": "No username found in supplied account"},
            "another case": FAILED_SIGN_IN | {"errorMessage": "Failed Authentication"},
            "another call": FAILED_SIGN_IN | {"eventName": "CheckMfa"},
            "as a code": sign_in(errorCode="Failed authentication"),
        },
    ),
    "KMSKeyDisabledOrDeleted": Cases(
        {
            "deletion scheduled": call(
                "kms", "ScheduleKeyDeletion", requestParameters=KEY | {"pendingWindowInDays": 7}
            ),
            "refused": refused(call("kms", "DisableKey", requestParameters=KEY), "AccessDeniedException"),
        },
        {
            "rotation disabled": call("kms", "DisableKeyRotation", requestParameters=KEY),
            "deletion cancelled": call("kms", "CancelKeyDeletion", requestParameters=KEY),
            "deletion by the service": call("kms", "DeleteKey", userIdentity=SERVICE, eventType="AwsServiceEvent"),
            "key of another service": call("payment-cryptography", "DisableKey"),
            "another case": call("kms", "disableKey"),
            "no source": call("kms", "DisableKey", eventSource=None),
        },
        ("DisableKey", "ScheduleKeyDeletion"),
    ),
    "S3BucketPolicyChanges": Cases(
        {
            "policy": call("s3", "PutBucketPolicy", requestParameters=BUCKET),
            "refused": refused(call("s3", "DeleteBucketPolicy", requestParameters=BUCKET)),
        },
        {
            "policy of Outposts": call("s3-outposts", "PutBucketPolicy", requestParameters=BUCKET),
            "versioning": call("s3", "PutBucketVersioning", requestParameters=BUCKET),
            "read": call("s3", "GetBucketPolicy", requestParameters=BUCKET, readOnly=True),
            "ACL of an object": call("s3", "PutObjectAcl", requestParameters=BUCKET, eventCategory="Data"),
            "another case": call("s3", "putBucketPolicy", requestParameters=BUCKET),
        },
        (
            *("PutBucketAcl", "PutBucketPolicy", "PutBucketCors", "PutBucketLifecycle", "PutBucketReplication"),
            *("DeleteBucketPolicy", "DeleteBucketCors", "DeleteBucketLifecycle", "DeleteBucketReplication"),
        ),
    ),
    "ConfigChanges": Cases(
        {
            "stopped": call("config", "StopConfigurationRecorder"),
            "refused": refused(call("config", "DeleteDeliveryChannel"), "AccessDeniedException"),
        },
        {
            "started": call("config", "StartConfigurationRecorder"),
            "rule": call("config", "PutConfigRule"),
            "read": call("config", "DescribeDeliveryChannels", readOnly=True),
            "another source": call("example", "StopConfigurationRecorder"),
            "another case": call("config", "stopConfigurationRecorder"),
        },
        ("StopConfigurationRecorder", "DeleteDeliveryChannel", "PutDeliveryChannel", "PutConfigurationRecorder"),
    ),
    "SecurityGroupChanges": Cases(
        {
            "opened": call("ec2", "AuthorizeSecurityGroupIngress", requestParameters=GROUP),
            "refused": refused(call("ec2", "DeleteSecurityGroup"), "Client.UnauthorizedOperation"),
        },
        {
            "rules changed in place": call("ec2", "ModifySecurityGroupRules", requestParameters=GROUP),
            "description": call("ec2", "UpdateSecurityGroupRuleDescriptionsIngress"),
            "read": call("ec2", "DescribeSecurityGroups", readOnly=True),
            "another case": call("ec2", "authorizeSecurityGroupIngress", requestParameters=GROUP),
            "of a cache": call("elasticache", "AuthorizeCacheSecurityGroupIngress"),
        },
        (
            *("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress"),
            *("RevokeSecurityGroupEgress", "CreateSecurityGroup", "DeleteSecurityGroup"),
        ),
    ),
    "NetworkACLChanges": Cases(
        {
            "entry deleted": call("ec2", "DeleteNetworkAclEntry", requestParameters=ACL),
            "refused": refused(call("ec2", "CreateNetworkAcl"), "Client.UnauthorizedOperation"),
        },
        {
            "read": call("ec2", "DescribeNetworkAcls", readOnly=True),
            "another case": call("ec2", "CreateNetworkACL"),
            "longer name": call("ec2", "CreateNetworkAclEntries"),
            "of a firewall": call("wafv2", "CreateWebACL"),
            "no name": call("ec2", "DeleteNetworkAclEntry", eventName=None),
        },
        (
            *("CreateNetworkAcl", "CreateNetworkAclEntry", "DeleteNetworkAcl", "DeleteNetworkAclEntry"),
            *("ReplaceNetworkAclEntry", "ReplaceNetworkAclAssociation"),
        ),
    ),
    "NetworkGatewayChanges": Cases(
        {
            "attached": call("ec2", "AttachInternetGateway", requestParameters=GATEWAY),
            "refused": refused(call("ec2", "DeleteCustomerGateway"), "Client.UnauthorizedOperation"),
        },
        {
            "NAT gateway": call("ec2", "CreateNatGateway"),
            "VPN gateway": call("ec2", "AttachVpnGateway"),
            "for IPv6 only": call("ec2", "CreateEgressOnlyInternetGateway"),
            "read": call("ec2", "DescribeInternetGateways", readOnly=True),
            "another case": call("ec2", "attachInternetGateway", requestParameters=GATEWAY),
        },
        (
            *("CreateCustomerGateway", "DeleteCustomerGateway", "AttachInternetGateway", "CreateInternetGateway"),
            *("DeleteInternetGateway", "DetachInternetGateway"),
        ),
    ),
    "RouteTableChanges": Cases(
        {
            "replaced": call("ec2", "ReplaceRoute", requestParameters=ROUTE),
            "refused": refused(call("ec2", "CreateRoute", requestParameters=ROUTE), "Client.UnauthorizedOperation"),
        },
        {
            "route of an API": call("apigateway", "CreateRoute", requestParameters={"apiId": "a1b2c3"}),
            "route of a mesh": call("appmesh", "DeleteRoute"),
            "associated": call("ec2", "AssociateRouteTable", requestParameters=ROUTE),
            "read": call("ec2", "DescribeRouteTables", readOnly=True),
            "another case": call("ec2", "replaceRoute", requestParameters=ROUTE),
            "no source": call("ec2", "ReplaceRoute", eventSource=None),
        },
        (
            *("CreateRoute", "CreateRouteTable", "ReplaceRoute", "ReplaceRouteTableAssociation", "DeleteRouteTable"),
            *("DeleteRoute", "DisassociateRouteTable"),
        ),
    ),
    "VPCChanges": Cases(
        {
            "created": call("ec2", "CreateVpc", requestParameters={"cidrBlock": "10.0.0.0/16"}),
            "refused": refused(call("ec2", "DeleteVpc", requestParameters=VPC), "Client.UnauthorizedOperation"),
        },
        {
            "endpoint": call("ec2", "CreateVpcEndpoint", requestParameters=VPC),
            "default VPC": call("ec2", "CreateDefaultVpc"),
            "read": call("ec2", "DescribeVpcs", readOnly=True),
            "another case": call("ec2", "CreateVPC"),
            "event of a service": call("ec2", "SharedSnapshotVolumeCreated", eventType="AwsServiceEvent"),
        },
        (
            *("CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "AcceptVpcPeeringConnection"),
            *("CreateVpcPeeringConnection", "DeleteVpcPeeringConnection", "RejectVpcPeeringConnection"),
            *("AttachClassicLinkVpc", "DetachClassicLinkVpc", "DisableVpcClassicLink", "EnableVpcClassicLink"),
        ),
    ),
    "OrganizationsChanges": Cases(
        {
            "account moved": call("organizations", "MoveAccount", requestParameters=ACCOUNT),
            "refused": refused(call("organizations", "LeaveOrganization"), "AccessDeniedException"),
        },
        {
            "policy of IAM": call("iam", "CreatePolicy"),
            "result of the service": call(
                "organizations", "CreateAccountResult", userIdentity=SERVICE, eventType="AwsServiceEvent"
            ),
            "account closed": call("organizations", "CloseAccount"),
            "read": call("organizations", "ListAccounts", readOnly=True),
            "another case": call("organizations", "moveAccount", requestParameters=ACCOUNT),
            "no source": call("organizations", "MoveAccount", eventSource=None),
        },
        (
            *("AcceptHandshake", "AttachPolicy", "CreateAccount", "CreateOrganizationalUnit", "CreatePolicy"),
            *("DeclineHandshake", "DeleteOrganization", "DeleteOrganizationalUnit", "DeletePolicy", "DetachPolicy"),
            *("DisablePolicyType", "EnablePolicyType", "InviteAccountToOrganization", "LeaveOrganization"),
            *("MoveAccount", "RemoveAccountFromOrganization", "UpdatePolicy", "UpdateOrganizationalUnit"),
            *("CancelHandshake", "CreateOrganization", "EnableAllFeatures"),
        ),
    ),
}
"""By the name of the preset alarm."""
