"""CloudTrail's recording side: what happens in the emulated AWS becomes log files, digests, notifications and log events."""

from trail_sandbox.aws.delivery.event import ApiEvent

__all__ = ["ApiEvent"]
