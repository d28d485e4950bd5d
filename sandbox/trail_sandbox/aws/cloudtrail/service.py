"""What happens to every CloudTrail call: rate limit, input, operation, output."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trail_sandbox.aws.cloudtrail.operations import OPERATIONS
from trail_sandbox.aws.cloudtrail.organizations import follow
from trail_sandbox.aws.cloudtrail.request import Allowed, Request
from trail_sandbox.aws.cloudtrail.shapes import parse_input, to_json
from trail_sandbox.aws.delivery import Delivery
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.rates import RateLimits
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.trails import TrailStore
from trail_sandbox.aws.world import World


@dataclass(frozen=True)
class Call:
    """A call as it came: by whom and where, and the body of the request as JSON was read."""

    operation: str
    account: str
    region: str
    body: object
    allowed: Allowed


class CloudTrail:
    """CloudTrail in all accounts and regions."""

    def __init__(
        self,
        trails: TrailStore,
        world: World,
        settings: Settings,
        delivery: Delivery,
        clock: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trails = trails
        self._world = world
        self._settings = settings
        self._delivery = delivery
        self._clock = clock
        self._rates = RateLimits(seconds)

    def answer(self, call: Call) -> Mapping[str, Any]:
        """Do what a call asks for and give its output, or raise AwsError."""
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise AwsError("UnknownOperationException", "")
        if self._settings.rates:
            self._rates.take("cloudtrail", call.operation, call.account, call.region)
        request = Request(
            account=call.account,
            region=call.region,
            input=parse_input(call.operation, call.body),
            now=self._clock(),
            trails=self._trails,
            world=self._world,
            settings=self._settings,
            delivery=self._delivery,
            allowed=call.allowed,
        )
        output: Mapping[str, Any] = to_json(operation(request))
        return output

    def follow_organizations(self) -> None:
        """Take over what has changed in Organizations."""
        follow(self._trails, self._world)

    def reset(self) -> None:
        """Forget all trails and all calls."""
        self._trails.clear()
        self._rates.clear()
