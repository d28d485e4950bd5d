"""ARNs: the one place where they are taken apart and put together.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

import re
from dataclasses import dataclass

_PARTS = 6
_TYPE = re.compile(r"[^/:]*(?=[/:])")


@dataclass(frozen=True)
class Arn:
    """`arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. Region and account are empty where a service has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @staticmethod
    def parse(text: str) -> "Arn":
        """Take an ARN apart. Raises ValueError for a text that is none."""
        arn = Arn.try_parse(text)
        if arn is None:
            raise ValueError(f"not an ARN: {text!r}")
        return arn

    @staticmethod
    def try_parse(text: str) -> "Arn | None":
        """Take an ARN apart; None for a text that is none."""
        parts = text.split(":", _PARTS - 1)
        return Arn(*parts[1:]) if len(parts) == _PARTS and parts[0] == "arn" else None

    @property
    def resource_type(self) -> str:
        """What kind of resource it is, such as `trail` or `key`; empty where the ARN does not say, as a topic's."""
        found = _TYPE.match(self.resource)
        return found[0] if found else ""

    @property
    def resource_id(self) -> str:
        """The resource without its type."""
        return self.resource[len(self.resource_type) + 1 :] if self.resource_type else self.resource

    @property
    def name(self) -> str:
        """What stands last in the resource: the name of a trail, or of a role without its path."""
        return self.resource.rpartition("/")[2]

    @property
    def location(self) -> "Location":
        """Where the resource is."""
        return Location(self.partition, self.account, self.region)

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True)
class Location:
    """Where a trail lives. Together with the name this is its identity; it never changes."""

    partition: str
    account: str
    region: str

    def trail_arn(self, name: str, owner: str | None = None) -> str:
        """The ARN of the trail of that name, known before the trail exists. `owner`: whose it is, if not the account's.

        An organization's trail is the management account's, whoever makes it:
        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-delegated-administrator.html
        """
        return str(Arn(self.partition, "cloudtrail", self.region, owner or self.account, f"trail/{name}"))

    def topic_arn(self, name_or_arn: str) -> str:
        """A topic given by name is in the trail's own region and account."""
        if is_arn(name_or_arn):
            return name_or_arn
        return str(Arn(self.partition, "sns", self.region, self.account, name_or_arn))

    def key_arn(self, key: str) -> str:
        """A key given by id or alias is in the trail's own region and account. An alias stays one: its ARN is given."""
        if is_arn(key):
            return key
        resource = key if key.startswith("alias/") else f"key/{key}"
        return str(Arn(self.partition, "kms", self.region, self.account, resource))


def is_arn(text: str) -> bool:
    """Whether a text is meant as an ARN, where a name would do as well."""
    return text.startswith("arn:")


def is_managed_alias(key_arn: str) -> bool:
    """Whether a key's ARN is an alias of a key that AWS manages; nobody else can make one."""
    return Arn.parse(key_arn).resource.startswith("alias/aws/")
