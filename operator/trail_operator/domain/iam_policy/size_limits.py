"""How long policies may be."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class SizeLimit:
    """The limit of one kind of policy. `statements`: how many it may have; None if AWS names no limit."""

    what: str
    most: int
    counts_spaces: bool
    statements: int | None = None

    def size(self, policy: str) -> int:
        """Return the size of a policy as AWS counts it."""
        return len((policy if self.counts_spaces else compact(policy)).encode())

    def excess(self, policy: str) -> str | None:
        """Return why a policy is too long; None if it is not."""
        size, found = self.size(policy), json.loads(policy)["Statement"]
        if size > self.most:
            return f"{size:,} bytes, and AWS allows {self.what} {self.most:,}"
        if self.statements and isinstance(found, list) and len(found) > self.statements:
            return f"{len(found)} statements, and AWS allows {self.what} {self.statements}"
        return None


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html; whether spaces count is not documented.
BUCKET = SizeLimit("a bucket's policy", 20 * 1024, counts_spaces=True)
# https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
TOPIC = SizeLimit("a topic's policy", 30 * 1024, counts_spaces=True, statements=100)
# https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
KEY = SizeLimit("a key's policy", 32 * 1024, counts_spaces=True)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: the default quota of a trust policy, the
# limit of all inline policies of a role together, and that of a managed policy. Spaces do not count.
TRUST = SizeLimit("a trust policy", 2048, counts_spaces=False)
INLINE = SizeLimit("the inline policies of a role together", 10_240, counts_spaces=False)
MANAGED = SizeLimit("a managed policy", 6144, counts_spaces=False)


def compact(policy: str) -> str:
    """Return the same policy without spaces between its parts."""
    return json.dumps(json.loads(policy), separators=(",", ":"), ensure_ascii=False)
