"""Decides what an event of the event queue causes. Pure: callers say what is known of accounts, Trails and requests.

An event is a reason to read AWS, and nothing else follows from it. EventBridge may deliver it late, twice, out of
order or never, and any sender chooses its contents. So an event causes a bounded number of reads.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-delivery-level.html
"""

from enum import StrEnum

from trail_operator.domain.cloudtrail_event import CloudTrailEvent

# A read that began up to so many seconds after a call may not show its effect: reads are eventually consistent, the
# times of events have whole seconds, and AWS's clock is not the operator's.
SECONDS_A_READ_MAY_MISS = 15.0


class Outcome(StrEnum):
    """What an event caused: a value of the label `outcome`, as those of `Rejection`."""

    WOKEN = "woken"
    """Trails or TrailAlarmSets are read."""
    INVENTORY = "inventory"
    """A call on a trail that no Trail manages: the account's trails are listed again."""
    DEPENDENCY = "dependency"
    """A call on something that trails depend on."""
    UNMANAGED = "unmanaged"
    """A call on metric filters or alarms of no TrailAlarmSet."""
    KNOWN = "known"
    """AWS has been read since the call, or the account's trails are listed soon anyway."""
    OWN = "own"
    """The operator made the call."""
    FAILED = "failed"
    """The call failed, so it changed nothing."""
    UNKNOWN_ACCOUNT = "unknown-account"
    """The operator has no credentials for the account."""
    INTERNAL = "internal"
    """A bug of the operator: the log has the error."""


def refusal(event: CloudTrailEvent, *, is_own: bool, is_known_account: bool) -> Outcome | None:
    """Return why an event causes no call to AWS at all, or None.

    `is_own`: whether this process has sent the request. Neither the caller's identity nor its address shows that:
    anybody who may use the operator's role has them, too. `is_known_account`: whether there are credentials for the
    account.
    """
    if is_own:
        return Outcome.OWN
    if event.error_code:
        return Outcome.FAILED
    if not is_known_account:
        return Outcome.UNKNOWN_ACCOUNT
    return None


def is_older(called_at: float, read_began: float | None) -> bool:
    """Whether an object has been read since a call, so that the read shows its effect. Both in seconds of one clock."""
    return read_began is not None and called_at + SECONDS_A_READ_MAY_MISS <= read_began
