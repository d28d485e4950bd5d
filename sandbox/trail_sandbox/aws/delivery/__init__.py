"""CloudTrail's recording side: requests to the emulated AWS become log files, digests, notifications, log events.

Read in this order: `service` (what the rest of the emulator sees), `entry` (an event as one account's log shows it),
`history` and `recorder` (events for LookupEvents, and until they are delivered), `selection` (which a trail delivers),
`rounds` (one delivery), `batch` and `destinations` (what is delivered, and where to), and for the formats `record`,
`resources`, `names`, `digest` and `signing`; `classification` tells kinds of events apart.
"""

from trail_sandbox.aws.delivery.entry import Entry
from trail_sandbox.aws.delivery.history import named_resources
from trail_sandbox.aws.delivery.service import Delivery
from trail_sandbox.aws.delivery.signing import PublicKey

__all__ = ["Delivery", "Entry", "PublicKey", "named_resources"]
