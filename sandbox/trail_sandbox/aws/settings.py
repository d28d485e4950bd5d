"""What the control API can set: how the emulated AWS bears itself towards everybody."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Settings:
    """The start is AWS as it is, but for staleness, which AWS shows only now and then."""

    background: bool = True
    """Rounds of delivery run by themselves, every few seconds; else only those that are asked for."""
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
