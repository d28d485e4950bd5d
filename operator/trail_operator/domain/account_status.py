"""Computes the status of an AWSAccount: a pure function of the previous status, the STS identity and its trails."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from trail_operator.api.aws_account import AccountTrail, AWSAccountStatus
from trail_operator.api.conditions import Condition
from trail_operator.api.constants import FINALIZER, NAMESPACE_FINALIZERS
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.domain.conditions import State, condition
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.inventory_snapshot import InventorySnapshot, PeerTrail
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.texts import ERROR, clean

UNMANAGED, UNKNOWN = "Unmanaged", "Unknown"
# More would not fit into an object. An account has five trails a region.
_MOST_TRAILS = 1000
_MOST_REFUSALS = 5
_NOT_READ = InventorySnapshot()


def account_status(
    previous: AWSAccountStatus,
    *,
    generation: int,
    failure: Failure | None,
    unreachable: bool,
    snapshot: InventorySnapshot,
    cluster: Cluster,
    now: datetime,
) -> AWSAccountStatus:
    """Return the status after a reconcile. If the trails could not be read, the earlier ones stay.

    A transient failure does not change Ready, unless AWS has not answered for too long.
    """
    if failure and failure.kind is FailureClass.TRANSIENT and unreachable:
        state = State(None, Reason.AWS_UNREACHABLE, failure.message)
        before = previous.condition(ConditionType.READY)
        ready = condition(ConditionType.READY, state, before, generation, now)
    else:
        ready = _ready(previous, generation, failure, now, snapshot)
    update: dict[str, object] = {"observed_generation": generation, "conditions": _with(previous, ready)}
    if snapshot.trails is not None:
        listed = tuple(_listed(trail, cluster) for trail in sorted(snapshot.trails, key=lambda trail: trail.arn))
        unmanaged = sum(trail.owner == UNMANAGED for trail in listed)
        update |= {
            "trails": listed[:_MOST_TRAILS],
            "trail_count": snapshot.count,
            "unmanaged_count": None if snapshot.count is None else unmanaged,
        }
    return previous.model_copy(update=update)


def events_arriving_status(status: AWSAccountStatus, state: State | None, now: datetime) -> AWSAccountStatus:
    """Return the status with the condition EventsArriving, or without it if there is no event queue (None)."""
    kind = ConditionType.EVENTS_ARRIVING
    if state is None:
        kept = tuple(entry for entry in status.conditions if entry.type != kind)
    else:
        found = condition(kind, state, status.condition(kind), status.observed_generation, now)
        kept = _with(status, found)
    return status.model_copy(update={"conditions": kept})


def finalizers(
    present: Sequence[str], *, watched: Collection[str], users: Collection[str], deleting: bool
) -> list[str]:
    """Return the finalizers that an AWSAccount should have. `users`: the namespaces of the Trails that use it.

    An operator of all namespaces has one finalizer, as it sees all Trails. One that watches some namespaces has one for
    each that uses the account, so that several operators are independent, and another can take over a namespace.
    """
    if not watched:
        if not deleting:
            return [*present, *{FINALIZER}.difference(present)]
        return list(present) if users else [name for name in present if not _is_own(name)]
    wanted = {NAMESPACE_FINALIZERS + namespace for namespace in users}
    unused = {NAMESPACE_FINALIZERS + namespace for namespace in watched} - wanted
    if deleting and not users:
        unused.add(FINALIZER)  # left by an earlier operator of all namespaces
    added = [] if deleting else sorted(wanted.difference(present))  # the API server refuses new ones then
    return [*(name for name in present if name not in unused), *added]


def _is_own(finalizer: str) -> bool:
    return finalizer == FINALIZER or finalizer.startswith(NAMESPACE_FINALIZERS)


def deletion_blocked(
    previous: AWSAccountStatus,
    generation: int,
    *,
    users: Collection[str],
    present: Iterable[str],
    now: datetime,
) -> AWSAccountStatus:
    """Return the status of an AWSAccount that is being deleted while Trails use it.

    `users`: the namespaces of the Trails that this operator knows; `present`: all finalizers. If those name other
    namespaces, all operators write the same message.
    """
    using = {name.removeprefix(NAMESPACE_FINALIZERS) for name in present if name.startswith(NAMESPACE_FINALIZERS)}
    number = "1 Trail still uses it" if len(users) == 1 else f"{len(users)} Trails still use it"
    if using - set(users):
        number = f"Trails of the namespaces {', '.join(sorted(using))} still use it"
    failure = Failure(
        FailureClass.AUTHORITY,
        Reason.IN_USE,
        f"{number}: delete them first, so that their trails in AWS can be deleted or released",
    )
    ready = _ready(previous, generation, failure, now)
    return previous.model_copy(update={"observed_generation": generation, "conditions": _with(previous, ready)})


def _with(status: AWSAccountStatus, changed: Condition) -> tuple[Condition, ...]:
    """Return the conditions with one of them replaced or added; Ready is the first."""
    by_type = {entry.type: entry for entry in status.conditions} | {changed.type: changed}
    return tuple(by_type[kind] for kind in ConditionType if kind in by_type)


def _ready(
    previous: AWSAccountStatus,
    generation: int,
    failure: Failure | None,
    now: datetime,
    snapshot: InventorySnapshot = _NOT_READ,
) -> Condition:
    before = previous.condition(ConditionType.READY)
    if failure is None:
        state = State(True, Reason.IDENTITY_VERIFIED, _verified(snapshot))
        if before is not None and before.reason == state.reason and snapshot == _NOT_READ:
            state = replace(state, message=before.message)  # what it says about the trails may still be true
    elif failure.kind is FailureClass.TRANSIENT and before is not None and previous.observed_generation == generation:
        return before
    else:
        state = State(False, failure.reason, failure.message)
    return condition(ConditionType.READY, state, before, generation, now)


def _verified(snapshot: InventorySnapshot) -> str:
    message = "Identity verified: STS confirms this account"
    if not snapshot.access_errors:
        return message
    shown, more = "; ".join(snapshot.access_errors[:_MOST_REFUSALS]), len(snapshot.access_errors) - _MOST_REFUSALS
    return (
        f"{message}. Not all of its trails can be read: {shown}{f' and {more} more' if more > 0 else ''}. The "
        "permissions that listing needs are in docs/iam.md"
    )


def _listed(trail: PeerTrail, cluster: Cluster) -> AccountTrail:
    return AccountTrail(
        arn=trail.arn,
        name=trail.name,
        home_region=trail.home_region,
        owner=_owner(trail, cluster),
        is_multi_region_trail=trail.is_multi_region_trail,
        is_organization_trail=trail.is_organization_trail,
        is_logging=trail.is_logging,
    )


def _owner(trail: PeerTrail, cluster: Cluster) -> str:
    if not trail.is_owner_known:
        return UNKNOWN
    if trail.owner is None:
        return UNMANAGED
    return clean(cluster.resource_of(trail.owner) or trail.owner, ERROR)
