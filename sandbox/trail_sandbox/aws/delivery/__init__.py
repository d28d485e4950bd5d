"""CloudTrail's recording side: requests to the emulated AWS become log files, digests, notifications, log events.

Read in this order: `service` (what the rest of the emulator sees), `recorder` (events until they are delivered),
`rounds` (one delivery), `batch` and `destinations` (what is delivered, and where to), and for the formats `record`,
`names`, `digest` and `signing`; `classification` tells kinds of events apart.
"""

from trail_sandbox.aws.delivery.service import Delivery
from trail_sandbox.aws.delivery.signing import PublicKey

__all__ = ["Delivery", "PublicKey"]
