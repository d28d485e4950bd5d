"""As whom CloudTrail asks: its service principal, and in the regions that had one before, an account of its own.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-troubleshooting.html (older policies, which name
accounts, hold for the regions of these alone). The accounts, as AWS's documentation once listed them:
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/cloudtrail_service_account
"""

from trail_sandbox.aws.policy import Principal
from trail_sandbox.aws.regions import partition_of

SERVICE = "cloudtrail.amazonaws.com"
_ACCOUNTS = {
    "ap-northeast-1": "216624486486",
    "ap-northeast-2": "492519147666",
    "ap-northeast-3": "765225791966",
    "ap-south-1": "977081816279",
    "ap-southeast-1": "903692715234",
    "ap-southeast-2": "284668455005",
    "ca-central-1": "819402241893",
    "cn-northwest-1": "681348832753",
    "eu-central-1": "035351147821",
    "eu-north-1": "829690693026",
    "eu-west-1": "859597730677",
    "eu-west-2": "282025262664",
    "eu-west-3": "262312530599",
    "sa-east-1": "814480443879",
    "us-east-1": "086441151436",
    "us-east-2": "475085895292",
    "us-gov-east-1": "608710470296",
    "us-gov-west-1": "608710470296",
    "us-west-1": "388731089494",
    "us-west-2": "113285607260",
}


def cloudtrail_in(region: str) -> Principal:
    """CloudTrail as it delivers a region's events: policies know it by its service or by its account there."""
    account = _ACCOUNTS.get(region)
    roots = (f"arn:{partition_of(region)}:iam::{account}:root",) if account else ()
    return Principal.service(SERVICE, roots)
