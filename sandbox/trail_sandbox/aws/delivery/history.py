"""Event history: the management events of each account and region, whether a trail logs or not.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
AWS remembers 90 days, which no process lives; here the newest events are remembered.
"""

from collections import deque
from collections.abc import Sequence
from threading import Lock

from trail_sandbox.aws.delivery.entry import Entry

REMEMBERED = 2_000

# The parameters that name resources.
_TYPES = {
    "cloudtrail": {
        **dict.fromkeys(("Name", "TrailName", "ResourceId"), "AWS::CloudTrail::Trail"),
        "S3BucketName": "AWS::S3::Bucket",
    },
    "iam": {
        "RoleName": "AWS::IAM::Role",
        "UserName": "AWS::IAM::User",
        "GroupName": "AWS::IAM::Group",
        "PolicyName": "AWS::IAM::Policy",
        "PolicyArn": "AWS::IAM::Policy",
    },
    "s3": {"Bucket": "AWS::S3::Bucket"},
    "sns": {"TopicArn": "AWS::SNS::Topic"},
    "sqs": {"QueueName": "AWS::SQS::Queue", "QueueUrl": "AWS::SQS::Queue"},
    "logs": {"logGroupName": "AWS::Logs::LogGroup"},
    "events": {"Name": "AWS::Events::Rule", "Rule": "AWS::Events::Rule"},
    "sts": {"RoleArn": "AWS::IAM::Role"},
    "kms": {"KeyId": "AWS::KMS::Key", "TargetKeyId": "AWS::KMS::Key", "AliasName": "AWS::KMS::Alias"},
}


def named_resources(entry: Entry) -> list[tuple[str, str]]:
    """Tell type and name of the resources that an event names."""
    types = _TYPES.get(entry.event.service, {})
    given = entry.event.parameters.items()
    return [(types[name], str(value)) for name, value in given if name in types and value]


class History:
    """The events that LookupEvents returns. Requests and delivery rounds may use it from different threads."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], deque[Entry]] = {}
        self._lock = Lock()

    def add(self, entry: Entry) -> None:
        """Remember an event, if it is a management event."""
        if not entry.is_management:
            return
        with self._lock:
            place = (entry.account, entry.region)
            if place not in self._entries:
                self._entries[place] = deque(maxlen=REMEMBERED)
            self._entries[place].append(entry)

    def newest_first(self, account: str, region: str) -> Sequence[Entry]:
        """Give the remembered events of an account in a region."""
        with self._lock:
            return list(reversed(self._entries.get((account, region), ())))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
