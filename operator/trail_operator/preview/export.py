"""`trail-operator export`: manifests for the trails that exist in AWS."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.regions import partition_of
from trail_operator.domain.export import Document, ExportSettings, export
from trail_operator.domain.failure import FailureError
from trail_operator.inventory.account_client import AccountClient
from trail_operator.preview.access import CallerClients, explain
from trail_operator.preview.alarm_proposals import alarm_proposals
from trail_operator.preview.cluster import ClusterError, open_cluster
from trail_operator.preview.export_request import ALL_REGIONS, ExportRequest
from trail_operator.preview.options import AccessOptions
from trail_operator.preview.published_settings import find_settings
from trail_operator.preview.trail_search import TrailSearch
from trail_operator.preview.yaml_output import document
from trail_operator.runtime.clock import Clock
from trail_operator.settings import Settings

DONE, FAILED, INCOMPLETE = 0, 1, 3
"""The exit status. It is 1 if nothing is printed, 3 if something could not be read or exported."""
_OTHER_TOOLS = (
    "If another tool manages a trail, such as Terraform, remove the trail from it without deleting it before the "
    "operator adopts it"
)


@dataclass(frozen=True)
class Result:
    """What the command prints: manifests on stdout, the notes on stderr."""

    text: str
    notes: tuple[str, ...]
    status: int


@dataclass(frozen=True)
class ExportCommand:
    """What the flags ask for."""

    request: ExportRequest
    given: Settings
    """The settings of the operator, as far as flags and variables give them."""
    operator_namespace: str
    access: AccessOptions
    observe: bool
    alarms: bool = False
    """Whether to propose TrailAlarmSets."""


@dataclass(frozen=True)
class _Cluster:
    """What the cluster says. `notes`: what of it was not read."""

    settings: ExportSettings
    region: str | None
    accounts: Mapping[str, tuple[str, AWSAccountSpec]]
    """The AWSAccount of each account, by its number."""
    are_accounts_read: bool
    notes: tuple[str, ...]
    settings_notes: tuple[str, ...]


async def run_export(command: ExportCommand) -> Result:
    """Read the trails and return their manifests. Writes nothing."""
    cluster = await _read_cluster(command)
    if command.access.assume_role and not cluster.are_accounts_read:
        return Result("", cluster.notes, FAILED)
    access = replace(command.access, region=cluster.region)
    clients = CallerClients("export", access, AdoptionPolicy.NEVER, Clock())
    try:
        if problem := _region_problem(command.request, clients):
            return Result("", (problem,), FAILED)
        caller = await clients.identify_caller()
        return await _export(command, cluster, clients, caller.account)
    except FailureError as error:
        return Result("", (*cluster.notes, explain(error)), FAILED)
    finally:
        await clients.close(0.0)


async def _export(command: ExportCommand, cluster: _Cluster, clients: CallerClients, caller: str) -> Result:
    request, known = command.request, cluster.accounts
    wanted = request.accounts or _accessible(command.access, known, caller)
    accounts = {account: _client(clients, account, known) for account in wanted}
    notes = [*cluster.notes, *_ignored_endpoints(clients, known, wanted)]
    found = await TrailSearch(clients, accounts, request).run()
    if any(trail.observed.owner is not None for trail in found.trails):
        notes += cluster.settings_notes
    exported = export(found.trails, {account: name for account, (name, _) in known.items()}, cluster.settings)
    problems = (*found.problems, *(f"No trail {name} was found" for name in found.missing), *exported.problems)
    if found.missing or (problems and not exported.documents):
        return Result("", (*notes, *problems), FAILED)
    if not exported.documents:
        hint = "" if request.in_all_regions else f": --regions {ALL_REGIONS} searches all regions"
        notes.append(f"No trails were found in account {', '.join(sorted(accounts))}{hint}")
    text = _render(exported.documents, clients)
    if command.alarms:
        proposals, unread = await alarm_proposals(found.trails, accounts, exported.metadata)
        text, problems = text + proposals, (*problems, *unread)
    return Result(text, (*notes, *problems), INCOMPLETE if problems else DONE)


async def _read_cluster(command: ExportCommand) -> _Cluster:
    notes: list[str] = []
    bodies: Mapping[str, Any] | None = None
    async with open_cluster() as (cluster, problem):
        settings, settings_notes = await find_settings(command.given, cluster, command.operator_namespace)
        try:
            bodies = await cluster.accounts() if cluster else None
        except ClusterError as error:
            problem = str(error)
    if bodies is None:
        notes.append(f"The AWSAccounts of the cluster were not read: {problem}")
    values = settings.values
    labels = dict(entry.split("=", 1) for entry in values.account_selector.split(",") if entry)
    return _Cluster(
        ExportSettings(
            cluster=settings.cluster if values.cluster_name else None,
            ignored_tags=tuple(values.ignore_tags),
            default_account=values.default_account,
            account_labels=labels,
            observe=command.observe,
        ),
        values.region,
        _by_account(bodies or {}, labels, values.default_account),
        bodies is not None,
        tuple(notes),
        tuple(settings_notes),
    )


def _region_problem(request: ExportRequest, clients: CallerClients) -> str:
    """Return why the regions cannot be searched; empty if they can."""
    default = clients.own.default_region
    if request.needs_list and not request.regions and default is None:
        return "no region is known: use --regions, or set AWS_REGION"
    if request.in_all_regions:
        return ""
    unknown = sorted(region for region in request.regions if region != default and partition_of(region) is None)
    return f"--regions: {', '.join(unknown)} is not a region that this version knows" if unknown else ""


def _by_account(
    bodies: Mapping[str, Any], labels: Mapping[str, str], default: str | None
) -> dict[str, tuple[str, AWSAccountSpec]]:
    """Return the AWSAccount with these labels of each account: the default one, else the first by name."""
    known: dict[str, tuple[str, AWSAccountSpec]] = {}
    for name, body in sorted(bodies.items(), key=lambda entry: (entry[0] != default, entry[0])):
        if labels.items() <= (body["metadata"].get("labels") or {}).items():
            with suppress(ValidationError):  # the operator reports it in its status
                spec = AWSAccountSpec.model_validate(body.get("spec"))
                known.setdefault(spec.account_id, (name, spec))
    return known


def _accessible(
    options: AccessOptions, known: Mapping[str, tuple[str, AWSAccountSpec]], caller: str
) -> tuple[str, ...]:
    """Return the accounts that flags give access to; without such flags, the caller's."""
    accounts = set(options.role_arns)
    if options.assume_role:
        accounts |= {account for account, (_, spec) in known.items() if spec.role_arn or account == caller}
    return tuple(sorted(accounts or {caller}))


def _client(clients: CallerClients, account: str, known: Mapping[str, tuple[str, AWSAccountSpec]]) -> AccountClient:
    return clients.create(*known[account]) if account in known else clients.of_account(account)


def _ignored_endpoints(
    clients: CallerClients, known: Mapping[str, tuple[str, AWSAccountSpec]], accounts: tuple[str, ...]
) -> list[str]:
    return [
        f"endpointURL of AWSAccount {name} is ignored; to use it, give it as --endpoint-url"
        for name, spec in (known[account] for account in accounts if account in known)
        if clients.ignored_endpoint(spec)
    ]


def _render(documents: tuple[Document, ...], clients: CallerClients) -> str:
    read = (f"Read account {identity.account} as {identity.arn}" for identity in clients.identities())
    head = ("Exported by trail-operator export", *read, "The operator's own permissions were not checked", _OTHER_TOOLS)
    texts = [
        document(one.body, ((*head, "") if number == 0 else ()) + one.comments) for number, one in enumerate(documents)
    ]
    return "---\n".join(texts)
