"""The settings of the emulated AWS that the control API can change."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Settings:
    """The defaults are as in AWS, except for stale reads, which AWS shows only sometimes."""

    background: bool = True
    """Deliver every few seconds; otherwise only on request."""
    quotas: bool = True
    """Five trails in a region."""
    rates: bool = True
    """Ten reads and one write a second, for each operation, account and region."""
    stale_reads: float = 0.0
    """For how many seconds after a write reads answer the state before it."""
    iam_propagation: float = 0.0
    """For how many seconds after a change of a role CloudTrail sees the role as it was before."""
    trail_loading: float = 0.0
    """For how many seconds after its creation a trail cannot be changed: ConflictException."""
    regions_without_log_delivery: Sequence[str] = ()
    """Where trails cannot deliver to CloudWatch Logs. In AWS they can everywhere at present."""
    regions_without_insights: Sequence[str] = ()
    """Where PutInsightSelectors is not supported."""
    default_encryption_needs_decrypt: bool = False
    """Whether the key of a bucket's default encryption must let CloudTrail Decrypt as well. No source tells."""
    session_seconds: float | None = None
    """How long sessions of AssumeRole last that are made from now on, at most; None is as long as was asked for."""
