"""CloudTrail's operations on trails, with AWS's rules, codes and messages.

Read in this order: `service` (what happens to every call), `operations` (each operation), `configuration`, `rules` and
`tags` (what may be asked for), `resolve` and `references` (which trail is meant), `organizations` (whose it is, and who
may manage it), `description` (how responses describe a trail), `limits`, `shapes` (input and output by botocore's
service model). Knows nothing of HTTP. Where AWS's message is not known, it uses the words of the documentation.
"""

from trail_sandbox.aws.cloudtrail.service import Call, CloudTrail

__all__ = ["Call", "CloudTrail"]
