"""The accounts that CloudTrail delivered from before it had a service principal, one per region.

Policies of buckets and topics that name them may still allow CloudTrail, in these regions only. AWS recommends the
service principal instead, and does not document which regions still use these accounts.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html
AWS's documentation listed these accounts until 2023:
https://github.com/awsdocs/aws-cloudtrail-user-guide/blob/78deb3c/doc_source/cloudtrail-supported-regions.md
"""

import re

from trail_operator.domain.iam_policy.document import Principals

_ACCOUNTS = frozenset(
    {
        "034638983726",  # me-south-1
        "035351147821",  # eu-central-1
        "069019280451",  # ap-southeast-3
        "086441151436",  # us-east-1
        "113285607260",  # us-west-2
        "119688915426",  # ap-east-1
        "187074758985",  # ap-southeast-4
        "193415116832",  # cn-north-1
        "216624486486",  # ap-northeast-1
        "262312530599",  # eu-west-3
        "282025262664",  # eu-west-2
        "284668455005",  # ap-southeast-2
        "388731089494",  # us-west-1
        "453052556044",  # eu-central-2
        "475085895292",  # us-east-2
        "492519147666",  # ap-northeast-2
        "525921808201",  # af-south-1
        "582488909970",  # ap-south-2
        "585772288577",  # me-central-1
        "608710470296",  # us-gov-west-1
        "669305197877",  # eu-south-1
        "681348832753",  # cn-northwest-1
        "683224464357",  # il-central-1; unverified: only Terraform's aws_cloudtrail_service_account has it
        "757211635381",  # eu-south-2
        "765225791966",  # ap-northeast-3
        "814480443879",  # sa-east-1
        "819402241893",  # ca-central-1
        "829690693026",  # eu-north-1
        "859597730677",  # eu-west-1
        "886388586500",  # us-gov-east-1
        "903692715234",  # ap-southeast-1
        "977081816279",  # ap-south-1
    }
)
_ACCOUNT = re.compile(r"(?:arn:[a-z-]+:iam::)?([0-9]{12})(?::root)?\Z")


def is_legacy(kind: str, name: str) -> bool:
    """Return whether a principal is one of these accounts."""
    account = _ACCOUNT.match(name) if kind == "AWS" else None
    return account is not None and account[1] in _ACCOUNTS


def names_legacy(principals: Principals | None) -> bool:
    """Return whether a statement names one of these accounts."""
    return principals is not None and any(is_legacy(kind, name) for kind, name in principals.names)
