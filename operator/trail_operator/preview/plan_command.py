"""The command `plan`: from files, cluster and AWS to a report. Writes nothing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trail_operator.api.aws_account import AWSAccountSpec
from trail_operator.api.constants import ALARM_SET_KIND, KIND
from trail_operator.api.trail import AdoptionPolicy
from trail_operator.domain.failure import FailureError
from trail_operator.domain.object_plan import Admission, Answer
from trail_operator.domain.texts import MESSAGE, clean
from trail_operator.preview.access import CallerClients, explain
from trail_operator.preview.cluster import RESOURCES, ClusterReader, context_namespace, open_cluster
from trail_operator.preview.cluster_objects import Bodies, ClusterObjects
from trail_operator.preview.manifests import Manifest, Manifests, read_manifests
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.options import AccessOptions
from trail_operator.preview.plan_all import Plans, plan_all
from trail_operator.preview.plan_report import PlanReport
from trail_operator.preview.published_settings import find_settings
from trail_operator.runtime.clock import Clock
from trail_operator.settings import Settings

OnProgress = Callable[[str], None]


class PlanError(Exception):
    """The command cannot plan anything; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message, MESSAGE))


@dataclass(frozen=True)
class PlanRequest:
    """What the flags ask for."""

    paths: Sequence[str]
    """Files and directories; empty for all of the cluster."""
    given: Settings
    """The settings of the operator, as far as flags and variables give them."""
    operator_namespace: str
    access: AccessOptions


async def plan_command(request: PlanRequest, on_progress: OnProgress) -> PlanReport:
    """Return the report. Raises PlanError and ManifestError."""
    manifests = Manifests((), ())
    if request.paths:
        manifests = read_manifests(request.paths, namespace=context_namespace())
    async with open_cluster() as (cluster, problem):
        if cluster is None and not request.paths:
            raise PlanError(f"Without --filename, the Trails of the cluster are planned, but {problem}")
        on_progress("Reading the cluster")
        settings, notes = await find_settings(request.given, cluster, request.operator_namespace)
        objects = ClusterObjects(unread=(f"The cluster was not read: {problem}",))
        if cluster:
            objects = await cluster.objects(manifests, filter(None, [settings.values.default_account]))
        if objects.trails is None and not request.paths:
            raise PlanError("; ".join(objects.unread))
        return await _report(
            request, _Input(manifests, cluster, objects, settings, (*objects.unread, *notes)), on_progress
        )


@dataclass(frozen=True)
class _Input:
    manifests: Manifests
    cluster: ClusterReader | None
    objects: ClusterObjects
    settings: OperatorSettings
    notes: tuple[str, ...]


async def _report(request: PlanRequest, found: _Input, on_progress: OnProgress) -> PlanReport:
    clock = Clock()
    policy = AdoptionPolicy(found.settings.values.allowed_adoption)
    clients = CallerClients("plan", replace(request.access, region=found.settings.values.region), policy, clock)
    try:
        on_progress("Asking AWS who the caller is")
        try:
            await clients.identify_caller()
        except FailureError as error:
            raise PlanError(explain(error)) from None
        plans = await plan_all(
            found.manifests,
            found.objects,
            found.settings,
            clients,
            clock,
            lambda done, count: on_progress(f"{done} of {count} resources planned"),
        )
        plans = await _with_admission(plans, found)
        notes = (*found.notes, *_left_out(plans, found), *_ignored(clients, found))
        return PlanReport(plans.trails, found.settings, tuple(clients.identities()), notes, plans.alarm_sets)
    finally:
        await clients.close(0.0)


async def _with_admission(plans: Plans, found: _Input) -> Plans:
    """Return the plans with what the API server says of the manifests, which have the same order."""
    manifests, objects = found.manifests, found.objects
    if not manifests:
        return plans
    answers = await _answers(manifests.trails, objects.trails, found.cluster)
    of_sets = await _answers(manifests.alarm_sets, objects.alarm_sets, found.cluster)
    trails = [plan.with_admission(answer) for plan, answer in zip(plans.trails, answers, strict=True)]
    rejected = {(plan.namespace, plan.name) for plan in trails if plan.is_rejected}
    alarm_sets = [
        plan.with_rejected_trail() if (plan.namespace, plan.trail) in rejected else plan for plan in plans.alarm_sets
    ]
    return Plans(
        tuple(trails),
        tuple(plan.with_admission(answer) for plan, answer in zip(alarm_sets, of_sets, strict=True)),
    )


async def _answers(
    manifests: Sequence[Manifest], live: Bodies | None, cluster: ClusterReader | None
) -> Sequence[Admission]:
    """Return what the API server says of manifests of one kind. `live`: the objects that it has."""

    async def admission(manifest: Manifest) -> Admission:
        if cluster is None:
            return Admission(Answer.UNCHECKED, "the cluster was not read")
        if live is None:
            plural = RESOURCES[manifest.kind].plural
            return Admission(Answer.UNCHECKED, f"the {plural} of the cluster were not read, see the notes")
        return await cluster.admission(manifest, live.get(f"{manifest.namespace}/{manifest.name}"))

    return await asyncio.gather(*map(admission, manifests))


def _left_out(plans: Plans, found: _Input) -> list[str]:
    """Return how many objects of the cluster were not planned, without manifests."""
    if found.manifests:
        return []
    counts = {
        KIND: len(found.objects.trails or ()) - len(plans.trails),
        ALARM_SET_KIND: len(found.objects.alarm_sets or ()) - len(plans.alarm_sets),
    }
    return [
        f"Not planned: {count} {kind}s of the cluster, which are left to another operator"
        for kind, count in counts.items()
        if count
    ]


def _ignored(clients: CallerClients, found: _Input) -> list[str]:
    """Return which endpointURLs are ignored."""
    bodies = {**(found.objects.accounts or {}), **{one.name: one.body for one in found.manifests.accounts}}
    urls = {name: str((body.get("spec") or {}).get("endpointURL") or "") for name, body in sorted(bodies.items())}
    return [
        f"The endpointURL of AWSAccount {name} is ignored: use --endpoint-url to have it used"
        for name, url in urls.items()
        if url and clients.ignored_endpoint(AWSAccountSpec.model_construct(account_id="", endpoint_url=url))
    ]
