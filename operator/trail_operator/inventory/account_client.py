"""The clients of accounts: credentials, API calls and rate limits of each."""

import re
from collections import defaultdict
from dataclasses import dataclass

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.alarms import Alarms
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.cloudtrail import CloudTrail
from trail_operator.aws.connection import Connection
from trail_operator.aws.credentials import CredentialSource, Role
from trail_operator.aws.dependency_reads import DependencyCache
from trail_operator.aws.diagnosis import Diagnosis
from trail_operator.aws.event_history import EventHistory
from trail_operator.aws.executor import CallExecutor
from trail_operator.aws.metric_filters import MetricFilters
from trail_operator.aws.own_requests import OwnRequests
from trail_operator.aws.rate_limit import RateLimiter
from trail_operator.aws.regions import leading_region, partition_of
from trail_operator.aws.trail_lister import TrailLister
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_SESSION_NAME_LENGTH = 64
_CLUSTER_LENGTH = _SESSION_NAME_LENGTH - len("trail-operator@") - len("@123456789012")


@dataclass(frozen=True)
class AccountClient:
    """All API calls to one account. `name` and `spec` are None for the operator's own identity."""

    name: str | None
    spec: AWSAccountSpec | None
    aws: AWSClient
    cloudtrail: CloudTrail
    filters: MetricFilters
    alarms: Alarms
    diagnosis: Diagnosis
    lister: TrailLister
    history: EventHistory
    dependencies: DependencyCache
    allowed_adoption: AdoptionPolicy
    """Which existing trails may be adopted."""

    @property
    def default_region(self) -> str | None:
        """The region of trails whose spec names none."""
        return self.aws.default_region

    @property
    def sts_region(self) -> str:
        """The region whose STS endpoint is called."""
        return self.default_region or leading_region(self.spec.role_arn if self.spec else "")


class AccountClients:
    """Creates clients. AWS counts calls by account, so all clients of one account share its rate limits."""

    def __init__(
        self, pool: ClientPool, cluster: str, allowed_adoption: AdoptionPolicy, clock: Clock, metrics: Metrics
    ) -> None:
        """`allowed_adoption`: which existing trails the operator's own identity may adopt."""
        self._pool = pool
        self._cluster = cluster
        self._allowed_adoption = allowed_adoption
        self._clock = clock
        self._metrics = metrics
        self._executor = CallExecutor()
        self.own_requests = OwnRequests()
        """The writes of this process, in all accounts."""
        self._limiters = defaultdict[str, RateLimiter](lambda: RateLimiter(clock, metrics.record_wait))

    def create(self, name: str | None, spec: AWSAccountSpec | None) -> AccountClient:
        """Return the client of an AWSAccount, for None that of the operator's own identity."""
        region = (spec.region if spec else "") or self._pool.default_region
        aws = self._client(
            Connection(
                self._pool,
                self._credentials(spec, region),
                self._executor,
                self.limiter_for,
                self.own_requests,
                self._clock,
                self._metrics.record_call,
                default_region=region,
                named_regions=frozenset(spec.allowed_regions if spec else ()),
                endpoint_url=self._endpoint_url(spec),
            )
        )
        allowed = spec.allowed_adoption if spec else self._allowed_adoption
        dependencies = DependencyCache(aws, self.limiter_for, self._clock)
        return AccountClient(name, spec, aws, *_parts(aws), dependencies, allowed)

    def limiter_for(self, account: str) -> RateLimiter:
        """Return the rate limits of an account number."""
        return self._limiters[account]

    async def close(self, seconds: float) -> bool:
        """Start no further calls; those under way get some seconds to end. Return whether all have ended."""
        return await self._executor.close(seconds)

    def session_name(self, account: str) -> str:
        """Return the name of role sessions in an account."""
        return session_name(self._cluster, account)

    def _client(self, connection: Connection) -> AWSClient:
        return AWSClient(connection)

    def _endpoint_url(self, spec: AWSAccountSpec | None) -> str | None:
        return (spec.endpoint_url if spec else "") or None

    def _credentials(self, spec: AWSAccountSpec | None, region: str | None) -> CredentialSource:
        if spec is None or not spec.role_arn:
            return self._pool.own
        role = Role(spec.role_arn, spec.external_id, self.session_name(spec.account_id))
        return self._pool.assuming(role, region or leading_region(spec.role_arn), self._endpoint_url(spec))


def session_name(cluster: str, account: str) -> str:
    """Return the name of role sessions, which shows cluster and account in CloudTrail's records.

    Only letters, digits and +=,.@_- are allowed. A cluster's UID fits, a longer name is truncated.
    """
    cluster = re.sub(r"[^\w+=,.@-]", "-", cluster[:_CLUSTER_LENGTH], flags=re.ASCII)
    return f"trail-operator@{cluster}@{account}"


def connection_settings(spec: AWSAccountSpec) -> tuple[str, ...]:
    """Return everything in a spec that decides where calls go, including regions that only the AWSAccount names."""
    own_regions = (region for region in spec.allowed_regions if partition_of(region) is None)
    return spec.account_id, spec.role_arn, spec.external_id, spec.region, spec.endpoint_url, *own_regions


def reopened(client: AccountClient, spec: AWSAccountSpec) -> AccountClient:
    """Return the client for a changed spec. Closes the earlier one, so that what it has not sent is decided again."""
    aws = client.aws.reopened()
    return AccountClient(client.name, spec, aws, *_parts(aws), client.dependencies.reopened(aws), spec.allowed_adoption)


def _parts(aws: AWSClient) -> tuple[CloudTrail, MetricFilters, Alarms, Diagnosis, TrailLister, EventHistory]:
    return CloudTrail(aws), MetricFilters(aws), Alarms(aws), Diagnosis(aws), TrailLister(aws), EventHistory(aws)
