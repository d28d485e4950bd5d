"""`trail-operator export`: manifests for the trails that exist in AWS."""

from collections.abc import Mapping
from dataclasses import dataclass

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.aws.regions import partition_of
from trail_operator.domain.export import Document, ExportSettings, export
from trail_operator.domain.failure import FailureError
from trail_operator.inventory.account_client import AccountClient
from trail_operator.preview.access import CallerClients, explain
from trail_operator.preview.cluster_accounts import ClusterAccounts, cluster_accounts
from trail_operator.preview.export_request import ALL_REGIONS, ExportRequest
from trail_operator.preview.options import AccessOptions
from trail_operator.preview.trail_search import TrailSearch
from trail_operator.preview.yaml_output import document
from trail_operator.runtime.clock import Clock

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


async def run_export(request: ExportRequest, settings: ExportSettings, options: AccessOptions) -> Result:
    """Read the trails and return their manifests. Writes nothing."""
    clients = CallerClients("export", options, AdoptionPolicy.NEVER, Clock())
    if problem := _region_problem(request, clients):
        return Result("", (problem,), FAILED)
    cluster = await cluster_accounts(settings.account_labels)
    notes = [f"The AWSAccounts of the cluster were not read: {cluster.problem}"] if cluster.problem else []
    if cluster.problem and options.assume_role:
        return Result("", tuple(notes), FAILED)
    try:
        caller = await clients.identify_caller()
    except FailureError as error:
        return Result("", (*notes, explain(error)), FAILED)
    known = _known(cluster, settings.default_account)
    wanted = request.accounts or _accessible(options, known, caller.account)
    accounts = {account: _client(clients, account, known) for account in wanted}
    notes += _ignored_endpoints(clients, known, wanted)
    found = await TrailSearch(clients, accounts, request).run()
    names = {account: name for account, (name, _) in known.items()}
    exported = export(found.trails, names, settings)
    problems = (*found.problems, *(f"No trail {name} was found" for name in found.missing), *exported.problems)
    if found.missing or (problems and not exported.documents):
        return Result("", (*notes, *problems), FAILED)
    if not exported.documents:
        hint = "" if request.in_all_regions else f": --regions {ALL_REGIONS} searches all regions"
        notes.append(f"No trails were found in account {', '.join(sorted(accounts))}{hint}")
    text = _render(exported.documents, clients)
    return Result(text, (*notes, *problems), INCOMPLETE if problems else DONE)


def _region_problem(request: ExportRequest, clients: CallerClients) -> str:
    """Return why the regions cannot be searched; empty if they can."""
    default = clients.own.default_region
    if request.needs_list and not request.regions and default is None:
        return "no region is known: use --regions, or set AWS_REGION"
    if request.in_all_regions:
        return ""
    unknown = sorted(region for region in request.regions if region != default and partition_of(region) is None)
    return f"--regions: {', '.join(unknown)} is not a region that this version knows" if unknown else ""


def _known(cluster: ClusterAccounts, default: str | None) -> dict[str, tuple[str, AWSAccountSpec]]:
    """Return the AWSAccount of each account: the default one, else the first by name."""
    known: dict[str, tuple[str, AWSAccountSpec]] = {}
    for name, spec in sorted(cluster.specs.items(), key=lambda entry: (entry[0] != default, entry[0])):
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
