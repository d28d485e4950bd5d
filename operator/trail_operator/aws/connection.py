"""What a client is built from: how it reaches AWS, with which credentials, and within which limits."""

from collections.abc import Callable
from dataclasses import dataclass

from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.credentials import CredentialSource
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.aws.rate_limit import RateLimiter
from trail_operator.runtime.clock import Clock

OnCall = Callable[[str, str, str, float], None]
"""Called when a request has ended, with service, operation, error code (or OK, NO_ANSWER) and seconds."""


@dataclass(frozen=True)
class Connection:
    """One set of credentials with everything that a client needs to use it."""

    pool: ClientPool
    """The boto3 clients, which all accounts share."""
    credentials: CredentialSource
    executor: CallExecutor
    """The threads, which all accounts share."""
    limiter_for: Callable[[str], RateLimiter]
    """The rate limiter of an account number: AWS counts calls by account, whichever credentials they use."""
    own_requests: OwnRequests
    """The writes of this process, in all accounts."""
    clock: Clock
    on_call: OnCall
    default_region: str | None
    """The region of trails that name none."""
    named_regions: frozenset[str] = frozenset()
    """Regions that the operator's configuration names: used even if botocore does not list them."""
    endpoint_url: str | None = None
