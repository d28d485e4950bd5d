"""As whom CloudTrail asks: its service principal, and in the regions that had one before, an account of its own.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-troubleshooting.html (older policies, which name
accounts, hold for the regions of these alone). The accounts, as AWS's documentation listed them until 2023:
https://github.com/awsdocs/aws-cloudtrail-user-guide/blob/78deb3c/doc_source/cloudtrail-supported-regions.md
That of il-central-1, which is younger, is unverified: it is Terraform's, which differs from AWS in us-gov-east-1.
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/cloudtrail_service_account
"""

from trail_sandbox.aws.policy import Principal
from trail_sandbox.aws.regions import partition_of

SERVICE = "cloudtrail.amazonaws.com"
_ACCOUNTS = {
    "af-south-1": "525921808201",
    "ap-east-1": "119688915426",
    "ap-northeast-1": "216624486486",
    "ap-northeast-2": "492519147666",
    "ap-northeast-3": "765225791966",
    "ap-south-1": "977081816279",
    "ap-south-2": "582488909970",
    "ap-southeast-1": "903692715234",
    "ap-southeast-2": "284668455005",
    "ap-southeast-3": "069019280451",
    "ap-southeast-4": "187074758985",
    "ca-central-1": "819402241893",
    "cn-north-1": "193415116832",
    "cn-northwest-1": "681348832753",
    "eu-central-1": "035351147821",
    "eu-central-2": "453052556044",
    "eu-north-1": "829690693026",
    "eu-south-1": "669305197877",
    "eu-south-2": "757211635381",
    "eu-west-1": "859597730677",
    "eu-west-2": "282025262664",
    "eu-west-3": "262312530599",
    "il-central-1": "683224464357",
    "me-central-1": "585772288577",
    "me-south-1": "034638983726",
    "sa-east-1": "814480443879",
    "us-east-1": "086441151436",
    "us-east-2": "475085895292",
    "us-gov-east-1": "886388586500",
    "us-gov-west-1": "608710470296",
    "us-west-1": "388731089494",
    "us-west-2": "113285607260",
}


def cloudtrail_in(region: str) -> Principal:
    """CloudTrail as it delivers a region's events: policies know it by its service or by its account there."""
    account = _ACCOUNTS.get(region)
    roots = (f"arn:{partition_of(region)}:iam::{account}:root",) if account else ()
    return Principal.service(SERVICE, roots)
