"""Reads what trails depend on: once for all trails that share a dependency, and within the account's rate limit.

A cache belongs to one client: what may be read depends on its credentials. It decides nothing, and does not know when
the dependencies of a trail are evaluated.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.aws.caller import CallerIdentity, Organization
from trail_operator.aws.client import Reads
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.aws.rate_limit import READS_PER_SECOND, RateLimiter
from trail_operator.domain.cloudtrail_resources import ResourceRef
from trail_operator.domain.dependencies import resources_read
from trail_operator.domain.failure import FailureError
from trail_operator.runtime.clock import Clock

SHORTEST_AGE = 10.0
"""Seconds for which no dependency is read again, unless it is known to have changed."""

Key = tuple[Any, ...]
_SERVER_ERROR = 500
# Of the credentials or the limits of the caller: another read may be answered.
_NOT_ABOUT_THE_RESOURCE = (Reason.THROTTLED, Reason.CREDENTIALS_UNAVAILABLE)


@dataclass(eq=False)
class _Entry:
    """One read: when it began, what it is about, and its answer as it arrives."""

    began: float
    resources: frozenset[ResourceRef]
    answer: asyncio.Task[dict[str, Any] | FailureError]

    @property
    def is_answered(self) -> bool:
        """Whether AWS has answered, or may still do so."""
        return not self.answer.done() or (not self.answer.cancelled() and _is_answer(self.answer.result()))

    def is_older(self, since: float, max_age: float) -> bool:
        """Whether it was older than that at a time. What AWS did not answer is soon too old."""
        age = since - self.began
        return age > 0.0 and age >= (max_age if self.is_answered else min(max_age, SHORTEST_AGE))


class DependencyCache:
    """What one client has read of dependencies."""

    def __init__(self, aws: Reads, limiter_for: Callable[[str], RateLimiter], clock: Clock) -> None:
        """`limiter_for`: the rate limiter of an account number."""
        self.aws = aws
        self._limiter_for = limiter_for
        self._clock = clock
        self._entries: dict[Key, _Entry] = {}  # the oldest first
        self._longest_age = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def reopened(self, aws: Reads) -> "DependencyCache":
        """Return an empty cache for the client that replaces this one's: it may be allowed to read other things."""
        return DependencyCache(aws, self._limiter_for, self._clock)

    def reads(self, max_age: float) -> "DependencyReads":
        """Return the reads of one evaluation, which takes answers less than that many seconds old at its start.

        With 0 it takes only those of reads that begin after that.
        """
        self._longest_age = max(self._longest_age, max_age)
        return DependencyReads(self, self._clock.monotonic(), max_age)

    def invalidate(self, resources: frozenset[ResourceRef]) -> None:
        """Read these resources again at the next request."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.resources.isdisjoint(resources)}

    def entry(
        self, account: str, operation: Read, region: str, parameters: dict[str, Any], since: float, max_age: float
    ) -> _Entry:
        """Return a read that was less than that old at the time `since`. It may still wait for its answer."""
        resources, now = resources_read(parameters, account, region), self._clock.monotonic()
        # Trails of several regions share a bucket or a role, which every region answers for.
        is_regional = any(resource.region for resource in resources)
        key = (account, operation, region if is_regional else "", *sorted(parameters.items()))
        entry = self._entries.get(key)
        if entry is None or entry.is_older(since, max_age):
            self._entries.pop(key, None)
            self._forget_old(now)
            answer = asyncio.create_task(self._read(account, operation, region, parameters))
            entry = self._entries[key] = _Entry(now, resources, answer)
        return entry

    async def _read(
        self, account: str, operation: Read, region: str, parameters: dict[str, Any]
    ) -> dict[str, Any] | FailureError:
        await self._limiter_for(account).read(("dependencies",), READS_PER_SECOND)
        try:
            return await self.aws.call(operation, region, **parameters)
        except FailureError as error:
            if isinstance(error, AWSError) and error.action != str(operation):
                return FailureError(error.failure)  # of getting credentials, which is no answer about the resource
            return error

    def _forget_old(self, now: float) -> None:
        while self._entries:
            oldest = next(iter(self._entries))
            if now - self._entries[oldest].began < self._longest_age:
                return
            del self._entries[oldest]


class DependencyReads:
    """The reads of one evaluation. Records what they are about, and when the oldest began."""

    def __init__(self, cache: DependencyCache, began: float, max_age: float) -> None:
        self.cache = cache
        self._began = began
        self._max_age = max_age
        self._account = ""
        self.resources: frozenset[ResourceRef] = frozenset()
        self.oldest = inf

    async def call(self, operation: Read, region: str, **parameters: Any) -> dict[str, Any]:
        """Return the response, perhaps of an earlier evaluation. Raises FailureError, as the client does."""
        self._account = self._account or (await self.identity(region)).account
        entry = self.cache.entry(self._account, operation, region, parameters, self._began, self._max_age)
        self.resources |= entry.resources
        self.oldest = min(self.oldest, entry.began)
        # Other evaluations wait for it as well.
        answer = await asyncio.shield(entry.answer)
        if isinstance(answer, FailureError):
            raise answer.with_traceback(None)
        return answer

    async def identity(self, region: str) -> CallerIdentity:
        """Return who the operator is."""
        return await self.cache.aws.identity(region)

    async def organization(self, region: str) -> Organization:
        """Return the organization that the account belongs to."""
        response = (await self.call(Read.DescribeOrganization, region))["Organization"]
        return Organization(response["Id"], response["MasterAccountId"])


def _is_answer(answer: dict[str, Any] | FailureError) -> bool:
    """Whether AWS has answered about the resource: there is no such resource, or the operator may not read it."""
    if not isinstance(answer, FailureError):
        return True
    is_error = isinstance(answer, AWSError) and answer.status < _SERVER_ERROR
    return is_error and answer.failure.reason not in _NOT_ABOUT_THE_RESOURCE
