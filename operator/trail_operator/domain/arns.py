"""ARNs: the only place where they are parsed and built.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

import re
from dataclasses import dataclass

_PARTS = 6
_TYPE = re.compile(r"[^/:]*(?=[/:])")


@dataclass(frozen=True)
class Arn:
    """`arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. Region and account are empty if the service has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @staticmethod
    def parse(text: str) -> "Arn":
        """Parse an ARN. Raises ValueError if the text is not an ARN."""
        arn = Arn.try_parse(text)
        if arn is None:
            raise ValueError(f"not an ARN: {text!r}")
        return arn

    @staticmethod
    def try_parse(text: str) -> "Arn | None":
        """Parse an ARN. Returns None if the text is not an ARN."""
        parts = text.split(":", _PARTS - 1)
        return Arn(*parts[1:]) if len(parts) == _PARTS and parts[0] == "arn" else None

    @property
    def resource_type(self) -> str:
        """Type of the resource, such as `trail` or `key`; empty if the ARN has none, as for a topic."""
        found = _TYPE.match(self.resource)
        return found[0] if found else ""

    @property
    def resource_id(self) -> str:
        """The resource without its type."""
        return self.resource[len(self.resource_type) + 1 :] if self.resource_type else self.resource

    @property
    def name(self) -> str:
        """The last part of the resource: the name of a trail, or of a role without its path."""
        return self.resource.rpartition("/")[2]

    @property
    def location(self) -> "Location":
        """Where the resource is."""
        return Location(self.partition, self.account, self.region)

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True)
class Location:
    """The location of a trail. With the name it is the trail's identity, which never changes."""

    partition: str
    account: str
    region: str

    def trail_arn(self, name: str, owner: str | None = None) -> str:
        """Return the ARN of the trail of that name. `owner`: its account, if that is another one.

        An organization trail belongs to the management account, also if a delegated administrator creates it:
        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
        """
        return str(Arn(self.partition, "cloudtrail", self.region, owner or self.account, f"trail/{name}"))

    def topic_arn(self, name_or_arn: str) -> str:
        """Return the ARN of a topic. A name means a topic in the trail's region and account."""
        if is_arn(name_or_arn):
            return name_or_arn
        return str(Arn(self.partition, "sns", self.region, self.account, name_or_arn))

    def alarm_arn(self, name: str) -> str:
        """Return the ARN of the CloudWatch alarm of that name."""
        return str(Arn(self.partition, "cloudwatch", self.region, self.account, f"alarm:{name}"))

    def key_arn(self, key: str) -> str:
        """Return the ARN of a key or alias. An ID or alias means one in the trail's region and account."""
        if is_arn(key):
            return key
        resource = key if key.startswith("alias/") else f"key/{key}"
        return str(Arn(self.partition, "kms", self.region, self.account, resource))


def is_arn(text: str) -> bool:
    """Return whether a text is an ARN rather than a name."""
    return text.startswith("arn:")


def is_managed_alias(key_arn: str) -> bool:
    """Return whether an ARN is an alias of an AWS managed key. Only AWS can create such aliases."""
    return Arn.parse(key_arn).resource.startswith("alias/aws/")


def topic_of(arn: str) -> str:
    """Return the ARN of the topic of a subscription; that of anything else is returned as it is."""
    return arn.rpartition(":")[0] if arn.count(":") == _PARTS else arn
