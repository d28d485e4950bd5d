"""The trails that policies are composed for: from manifests, and from AWS and the cluster for what these do not say.

AWS and the cluster are read only if a flag does not say it already: with all flags the command needs neither network
nor credentials.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from pydantic import ValidationError

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.schema import problems
from trail_operator.api.trail import AdoptionPolicy, TrailSpec
from trail_operator.api.trail_rules import ACCOUNT_PATTERN, BUCKET_PATTERN, TRAIL_ARN_PATTERN
from trail_operator.aws.caller import CallerIdentity, Organization
from trail_operator.aws.operations import Read
from trail_operator.aws.regions import partition_of
from trail_operator.domain.alarms.desired import action_arns
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.attributes import (
    Configuration,
    Resolved,
    desired_configuration,
    observed_configuration,
)
from trail_operator.domain.failure import FailureError
from trail_operator.domain.iam_policy.combined import PolicyTrail
from trail_operator.domain.iam_policy.of_alarms import PolicyAlarms
from trail_operator.inventory.account_client import AccountClient
from trail_operator.kube.client import Key
from trail_operator.preview.access import CallerClients, explain
from trail_operator.preview.cluster import ClusterError, open_cluster
from trail_operator.preview.cluster_objects import Bodies
from trail_operator.preview.manifests import Manifest, Manifests
from trail_operator.preview.options import UNCHECKED, AccessOptions
from trail_operator.preview.policy_subjects import (
    READ_AS_WILDCARDS,
    PolicyError,
    Subjects,
    alarm_set_spec,
    policy_alarms,
)
from trail_operator.runtime.clock import Clock

_SECONDS_TO_CLOSE = 1.0


class NoCallerError(PolicyError):
    """Nothing can be read from AWS, as it is not known who the caller is."""


@dataclass(frozen=True)
class Given:
    """What flags say of the trails."""

    account: str = ""
    """The account of Trails for which no manifest of an AWSAccount says it."""
    organization: str = ""
    management_account: str = ""


class TrailReader:
    """Reads trails."""

    def __init__(self, access: AccessOptions, given: Given) -> None:
        self._access = access
        self._given = given
        self._opened: CallerClients | None = None
        self._caller: CallerIdentity | None = None
        self._cluster_problem = ""
        self._locations: dict[Key, Location] = {}
        """Those of the Trails of manifests."""
        self.notes: dict[str, None] = {}
        """What the reader of the policy must know."""

    async def read(self, manifests: Manifests, arns: Iterable[str]) -> Subjects:
        """Return trails and alarms of manifests, and the trails with these ARNs. Raises PolicyError."""
        found: dict[str, PolicyTrail] = {}
        alarms: list[PolicyAlarms] = []
        wrong: list[str] = []

        async def add_trail(read: Callable[[], Awaitable[PolicyTrail]], key: Key | None = None) -> None:
            trail = await read()
            found.setdefault(trail.arn, trail)
            if key:
                self._locations[key] = trail.location

        async def add_alarms(manifest: Manifest) -> None:
            alarms.append(policy_alarms(manifest, await self._location(manifest)))

        try:
            accounts = dict(_account(manifest) for manifest in manifests.accounts)
            accounts |= await self._of_cluster(manifests.referenced_accounts - accounts.keys())
            reads: list[tuple[str, Callable[[], Awaitable[None]]]] = [
                (str(one), partial(add_trail, partial(self._of, one, accounts), Key(one.namespace or "", one.name)))
                for one in manifests.trails
            ]
            reads += [(arn, partial(add_trail, partial(self._of_arn, arn))) for arn in arns]
            reads += [(str(one), partial(add_alarms, one)) for one in manifests.alarm_sets]
            for what, read in reads:
                try:
                    await read()
                except FailureError as error:
                    wrong.append(f"{what}: {explain(error)}")
                except PolicyError as error:
                    wrong += [f"{what}: {problem}" for problem in error.problems]
                    if isinstance(error, NoCallerError):
                        break
        finally:
            await self._close()
        if wrong:
            raise PolicyError(*wrong)
        return Subjects(list(found.values()), alarms)

    async def _location(self, manifest: Manifest) -> Location:
        """Return where the alarms of a TrailAlarmSet are: with its Trail, else in a given account and its topics."""
        spec = alarm_set_spec(manifest)
        name = spec.trail_ref.name
        if known := self._locations.get(Key(manifest.namespace or "", name)):
            return known
        if not self._given.account:
            raise PolicyError(f"Trail {name} is not among the manifests: add it with -f, or give --account-id")
        topic = next((arn for text in action_arns(spec) if (arn := Arn.try_parse(text))), None)
        region = topic.region if topic else self._default_region()
        partition = partition_of(region)
        if partition is None:
            raise PolicyError(f"{region} is not a region of AWS")
        return Location(partition, self._given.account, region)

    async def _of_cluster(self, names: set[str]) -> dict[str, AWSAccountSpec]:
        """Return these AWSAccounts, as far as the cluster has them, unless a flag says the account anyway."""
        if not names or self._given.account:
            return {}
        found: Bodies = {}
        async with open_cluster() as (cluster, problem):
            try:
                found = await cluster.accounts() if cluster else {}
            except ClusterError as error:
                problem = str(error)
        self._cluster_problem = f"and the cluster was not read ({problem})" if problem else "nor in the cluster"
        wanted = [Manifest("the cluster", found[name]) for name in sorted(names & found.keys())]
        self.notes |= {f"{manifest} was read from the cluster": None for manifest in wanted}
        return dict(map(_account, wanted))

    async def _of(self, manifest: Manifest, accounts: dict[str, AWSAccountSpec]) -> PolicyTrail:
        spec = _spec(manifest)
        name = spec.account_ref.name if spec.account_ref else None
        account = accounts.get(name) if name else None
        if name and account is None and not self._given.account:
            where = f"{self._cluster_problem}: add it with -f, or give --account-id"
            raise PolicyError(f"AWSAccount {name} is not among the manifests, {where}")
        region = spec.region or (account.region if account else "") or self._default_region()
        partition = partition_of(region)
        if partition is None:
            raise PolicyError(f"{region} is not a region of AWS")
        number = account.account_id if account else self._given.account or (await self._identity()).account
        location = Location(partition, number, region)
        key = location.key_arn(spec.kms_key_id) if spec.kms_key_id else None
        configuration = desired_configuration(Resolved(spec, location, key))
        organization = await self._organization(number, region, name, account) if spec.is_organization_trail else None
        management = organization.management_account if organization else None
        arn = location.trail_arn(spec.name or manifest.name, management)
        return _checked(PolicyTrail(arn, location, configuration, organization.id if organization else None))

    async def _of_arn(self, arn: str) -> PolicyTrail:
        if not re.fullmatch(TRAIL_ARN_PATTERN, arn):
            raise PolicyError("not the ARN of a trail, such as arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME")
        location = Arn.parse(arn).location
        client = await self._client(location.account, None, None)
        answer = await client.aws.call(Read.GetTrail, location.region, Name=arn)
        configuration = observed_configuration(answer["Trail"])
        organization = None
        if configuration.is_organization_trail:
            organization = (await self._organization(location.account, location.region, None, None)).id
        return _checked(PolicyTrail(arn, location, configuration, organization))

    async def _organization(
        self, number: str, region: str, name: str | None, account: AWSAccountSpec | None
    ) -> Organization:
        given = self._given
        if given.organization:
            if not given.management_account:
                note = f"It is assumed that {number} is the management account; otherwise give --management-account-id"
                self.notes[note] = None
            return Organization(given.organization, given.management_account or number)
        client = await self._client(number, name, account)
        return await client.aws.organization(region)

    async def _client(self, number: str, name: str | None, account: AWSAccountSpec | None) -> AccountClient:
        await self._identity()
        clients = self._clients()
        return clients.create(name, account) if account else clients.of_account(number)

    async def _identity(self) -> CallerIdentity:
        if self._caller is None:
            try:
                self._caller = await self._clients().identify_caller()
            except FailureError as error:
                flags = "to do without credentials, give --account-id (and --organization-id for organization trails)"
                raise NoCallerError(f"{explain(error)}; {flags}") from None
        return self._caller

    def _default_region(self) -> str:
        region = self._access.region or self._clients().own.default_region
        if not region:
            raise PolicyError("its region is unknown: set spec.region, or give --region")
        return region

    def _clients(self) -> CallerClients:
        if self._opened is None:
            self._opened = CallerClients("policy", self._access, AdoptionPolicy.NEVER, Clock())
        return self._opened

    async def _close(self) -> None:
        if self._opened:
            readers = ", ".join(identity.arn for identity in self._opened.identities())
            if readers:
                self.notes[f"AWS was read as {readers}. {UNCHECKED}"] = None
            await self._opened.close(_SECONDS_TO_CLOSE)


def _account(manifest: Manifest) -> tuple[str, AWSAccountSpec]:
    try:
        spec = AWSAccountSpec.model_validate(manifest.spec)
    except ValidationError as error:
        raise PolicyError(f"{manifest}: {problems(error)}") from None
    if not re.fullmatch(ACCOUNT_PATTERN, spec.account_id):
        raise PolicyError(f"{manifest}: accountID must be an AWS account ID: 12 digits, in quotes")
    return manifest.name, spec


def _spec(manifest: Manifest) -> TrailSpec:
    try:
        return TrailSpec.model_validate(manifest.spec)
    except ValidationError as error:
        raise PolicyError(problems(error).replace("Value error, ", "")) from None


def _checked(trail: PolicyTrail) -> PolicyTrail:
    """Return the trail if its names mean themselves in a policy. Raises PolicyError."""
    configuration = trail.configuration
    if not re.fullmatch(BUCKET_PATTERN, configuration.s3_bucket_name):
        raise PolicyError(f"{configuration.s3_bucket_name!r} is not the name of a bucket")
    if bool(configuration.cloud_watch_logs_log_group_arn) != bool(configuration.cloud_watch_logs_role_arn):
        raise PolicyError("cloudWatchLogsLogGroupARN and cloudWatchLogsRoleARN require each other: set both or neither")
    for field, value in _names(configuration).items():
        if value and READ_AS_WILDCARDS.search(value):
            raise PolicyError(f"{field} contains *, ? or $, which have another meaning in a policy")
    return trail


def _names(configuration: Configuration) -> dict[str, str | None]:
    return {
        "s3KeyPrefix": configuration.s3_key_prefix,
        "snsTopicName": configuration.sns_topic_name,
        "kmsKeyID": configuration.kms_key_id,
        "cloudWatchLogsLogGroupARN": configuration.cloud_watch_logs_log_group_arn,
        "cloudWatchLogsRoleARN": configuration.cloud_watch_logs_role_arn,
    }
