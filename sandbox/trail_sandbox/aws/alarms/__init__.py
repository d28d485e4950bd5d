"""What becomes of log events that metric filters match: metrics, the states of alarms, and messages to topics."""

from trail_sandbox.aws.alarms.service import Alarms

__all__ = ["Alarms"]
