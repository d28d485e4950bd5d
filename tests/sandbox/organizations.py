"""An organization on the emulated AWS: its management account, its members, and a bucket for its trails."""

import itertools
import json
from typing import Any

from tests.integration.aws import REGION, Account

SERVICE = "cloudtrail.amazonaws.com"
ROLE = "AWSServiceRoleForCloudTrail"
_names = itertools.count()


class Organization:
    """One with all features, and with trusted access for CloudTrail unless told otherwise."""

    def __init__(self, management: Account, *, features: str = "ALL", trusts: bool = True) -> None:
        self.management = management
        self.client = management.client("organizations")
        self.id: str = self.client.create_organization(FeatureSet=features)["Organization"]["Id"]
        if trusts:
            self.client.enable_aws_service_access(ServicePrincipal=SERVICE)

    def member(self) -> Account:
        """A new member's administrator."""
        number = next(_names)
        status = self.client.create_account(AccountName=f"member-{number}", Email=f"{number}@example.com")
        return Account(self.management.endpoint, status["CreateAccountStatus"]["AccountId"])

    def administrator(self) -> Account:
        """A new member that is CloudTrail's delegated administrator."""
        member = self.member()
        self.management.cloudtrail.register_organization_delegated_admin(MemberAccountId=member.number)
        return member

    def policy(self, bucket: str, trail: str = "trail", prefix: str = "") -> dict[str, Any]:
        """The bucket policy that AWS prescribes for a trail of the organization."""
        document = self.management.bucket_document(bucket, trail, prefix)
        own = document["Statement"][-1]
        resource = own["Resource"].replace(f"AWSLogs/{self.management.number}/", f"AWSLogs/{self.id}/")
        document["Statement"].append({**own, "Sid": "OrganizationWrite", "Resource": resource})
        return document

    def bucket(self, account: Account | None = None, trail: str = "trail") -> str:
        """A bucket of an account, the management account's unless told otherwise, with that policy."""
        s3 = (account or self.management).client("s3")
        name = f"organization-{self.management.number}-{next(_names)}"
        s3.create_bucket(Bucket=name)
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(self.policy(name, trail)))
        return name

    def trail(self, account: Account | None = None, name: str = "trail", **members: Any) -> str:
        """A trail of the organization, made by the management account unless told otherwise; its ARN."""
        given: dict[str, Any] = {
            "S3BucketName": members.pop("bucket", None) or self.bucket(trail=name),
            "IsOrganizationTrail": True,
        }
        made = (account or self.management).cloudtrail.create_trail(Name=name, **given, **members)
        arn: str = made["TrailARN"]
        return arn

    def has_role(self) -> bool:
        """Say whether the management account has CloudTrail's service-linked role."""
        roles = self.management.client("iam").list_roles(PathPrefix=f"/aws-service-role/{SERVICE}/")["Roles"]
        return [role["RoleName"] for role in roles] == [ROLE]


def keys(account: Account, bucket: str) -> list[str]:
    """The keys in a bucket."""
    return [one["Key"] for one in account.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def invited(organization: Organization, account: Account) -> None:
    """Let an account that is in no organization join one."""
    handshake = organization.client.invite_account_to_organization(Target={"Id": account.number, "Type": "ACCOUNT"})
    account.client("organizations").accept_handshake(HandshakeId=handshake["Handshake"]["Id"])


def arn_of(account: Account, name: str) -> str:
    """The ARN that a trail of an account has."""
    return account.trail_arn(name, REGION)
