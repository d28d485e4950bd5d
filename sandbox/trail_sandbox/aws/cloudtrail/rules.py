"""What the parameters of a trail may look like, each alone.

Names: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html, buckets:
…/cloudtrail-s3-bucket-naming-requirements.html, keys: …/cloudtrail-kms-key-alias-naming-requirements.html.
"""

import re

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.regions import partition_of

_NAME_LENGTHS = range(3, 129)
_NAME_CHARACTERS = re.compile(r"\A[A-Za-z0-9._-]+\Z")
_ADJACENT = re.compile(r"[._-]{2}")
_IPV4 = re.compile(r"\A\d+\.\d+\.\d+\.\d+\Z")

_BUCKET_LENGTHS = range(3, 64)
_PREFIX_LENGTH = 200
_TOPIC_LENGTH = 256
_TOPIC_NAME = re.compile(r"\A[A-Za-z0-9_-]+\Z")
_TOPIC_ARN = re.compile(r"\Aarn:(?P<partition>aws[a-z-]*):sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+\Z")
_KEY_ID = r"(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_ALIAS = r"alias/[A-Za-z0-9/_-]+"
_KEY = re.compile(
    rf"\A({_KEY_ID}|{_ALIAS}|arn:(?P<partition>aws[a-z-]*):kms:[a-z0-9-]+:[0-9]{{12}}:(key/{_KEY_ID}|{_ALIAS}))\Z"
)
_LOG_GROUP = re.compile(
    r"\Aarn:(?P<partition>aws[a-z-]*):logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9_./#-]{1,512}:\*\Z"
)
_ROLE = re.compile(r"\Aarn:(?P<partition>aws[a-z-]*):iam::[0-9]{12}:role/[\w+=,.@/-]+\Z")


def check_trail_name(name: str) -> None:
    """Hold a trail's name to AWS's rules."""
    if not name:
        raise _bad_name("Trail name cannot be blank!")
    if len(name) < _NAME_LENGTHS.start:
        raise _bad_name(
            "Trail name too short. Minimum allowed length: 3 characters. "
            f"Specified name length: {len(name)} characters."
        )
    if len(name) >= _NAME_LENGTHS.stop:
        raise _bad_name(
            "Trail name too long. Maximum allowed length: 128 characters. "
            f"Specified name length: {len(name)} characters."
        )
    if not _NAME_CHARACTERS.match(name):
        raise _bad_name(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), "
            "hyphens (-), and underscores (_)."
        )
    if not name[0].isalnum():
        raise _bad_name("Trail name must starts with a letter or number.")
    if not name[-1].isalnum():
        raise _bad_name("Trail name must ends with a letter or number.")
    if _ADJACENT.search(name):
        raise _bad_name("Trail name or ARN cannot have adjacent periods (.), hyphens (-), or underscores (_).")
    if _IPV4.match(name):
        raise _bad_name("Trail name must not be formatted as an IP address.")


def _bad_name(message: str) -> AwsError:
    return AwsError("InvalidTrailNameException", message)


def check_bucket_name(name: str) -> None:
    """Hold a bucket's name to S3's rules, in the words of the AWS SDK for Java, which CloudTrail answers with."""
    complaint = _bucket_name_complaint(name)
    if complaint:
        raise AwsError("InvalidS3BucketNameException", complaint)


def _bucket_name_complaint(name: str) -> str | None:
    if not name:
        return "Bucket name cannot be blank!"
    if len(name) not in _BUCKET_LENGTHS:
        return "Bucket name should be between 3 and 63 characters long"
    if _IPV4.match(name):
        return "Bucket name must not be formatted as an IP Address"
    if name.lower() != name:
        return "Bucket name should not contain uppercase characters"
    strange = re.search(r"[^a-z0-9.-]", name)
    if strange:
        return f"Bucket name should not contain '{strange[0]}'"
    if ".." in name:
        return "Bucket name should not contain two adjacent periods"
    if "-." in name or ".-" in name:
        return "Bucket name should not contain dashes next to periods"
    if not name[0].isalnum():
        return f"Bucket name should not begin with a '{name[0]}'"
    if not name[-1].isalnum():
        return "Bucket name should not end with '-' or '.'"
    return None


def check_prefix(prefix: str) -> None:
    """Hold a key prefix to CloudTrail's rules."""
    if len(prefix) > _PREFIX_LENGTH:
        raise AwsError("InvalidS3PrefixException", "S3 prefix is longer than 200 characters.")
    if "AWSLogs/" in prefix:
        raise AwsError("InvalidS3PrefixException", "S3 prefix must not contain AWSLogs/.")


def topic_arn(name_or_arn: str, account: str, region: str) -> str:
    """Give the ARN of a topic that is named by its ARN, or by its name in the trail's account and home region."""
    if len(name_or_arn) > _TOPIC_LENGTH:
        raise AwsError("InvalidSnsTopicNameException", "SNS topic name is longer than 256 characters.")
    if _is_arn(_TOPIC_ARN, name_or_arn, region):
        return name_or_arn
    if not _TOPIC_NAME.match(name_or_arn):
        raise AwsError(
            "InvalidSnsTopicNameException",
            f"{name_or_arn} is neither the name nor the ARN of an SNS topic: a name has letters, numbers, hyphens (-) "
            "and underscores (_).",
        )
    return f"arn:{partition_of(region)}:sns:{region}:{account}:{name_or_arn}"


def check_key_id(key_id: str, region: str) -> None:
    """Hold a key's name to the forms that CloudTrail knows in a region."""
    if not _is_arn(_KEY, key_id, region):
        raise AwsError(
            "InvalidKmsKeyIdException",
            f"KmsKeyId {key_id} is not valid: use a key ARN, a key ID, or an alias or alias ARN.",
        )


def check_log_group_pair(group: str | None, role: str | None, region: str) -> None:
    """Hold log group and role to their forms in a region, and to coming together."""
    if group and not role:
        raise AwsError("InvalidCloudWatchLogsRoleArnException", "You must specify a role ARN as well as a log group.")
    if role and not group:
        raise AwsError(
            "InvalidCloudWatchLogsLogGroupArnException", "You must specify a log group as well as a role ARN."
        )
    if group and not _is_arn(_LOG_GROUP, group, region):
        raise unknown_log_group()
    if role and not _is_arn(_ROLE, role, region):
        raise AwsError("InvalidCloudWatchLogsRoleArnException", f"{role} is not a valid role ARN.")


def _is_arn(form: re.Pattern[str], text: str, region: str) -> bool:
    """Say whether a text has a form; as an ARN it has to be of the region's partition."""
    match = form.match(text)
    return match is not None and match["partition"] in (None, partition_of(region))


def unknown_log_group() -> AwsError:
    """Refuse a log group that is not there or not spelt as CloudTrail wants it."""
    return AwsError(
        "InvalidCloudWatchLogsLogGroupArnException", "Check the log group ARN: CloudTrail can't validate it"
    )
