"""AWS clients to test with, connected to whatever a test names."""

from typing import Any

from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.connection import Connection
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.aws.rate_limit import RateLimiter
from trail_operator.runtime.clock import Clock


def connection(pool: ClientPool, **fields: Any) -> Connection:
    """A connection with the operator's own credentials, limits and threads of its own; `fields`: as it has them."""
    clock = Clock()
    limiter = RateLimiter(clock, lambda *_: None)
    defaults: dict[str, Any] = {
        "credentials": pool.own,
        "executor": CallExecutor(),
        "limiter_for": lambda _: limiter,
        "own_requests": OwnRequests(),
        "clock": clock,
        "on_call": lambda *_: None,
        "default_region": pool.default_region,
    }
    return Connection(pool, **(defaults | fields))


def aws_client(pool: ClientPool, **fields: Any) -> AWSClient:
    """A client with such a connection."""
    return AWSClient(connection(pool, **fields))
