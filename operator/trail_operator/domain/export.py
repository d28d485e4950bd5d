"""Which manifests describe existing trails, and what their importer must know. Pure.

Applied unchanged, a manifest changes nothing but the owner tag. So a trail is only observed if it has another owner, if
its owner is unknown, or if a part of it could not be read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trail_operator.api.constants import ACCOUNT_KIND, API_VERSION, KIND
from trail_operator.api.trail import AdoptionPolicy, DeletionPolicy, ManagementPolicy
from trail_operator.domain.arns import Arn
from trail_operator.domain.export_names import account_name, metadata_names, namespace_and_name
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.texts import ERROR, clean
from trail_operator.domain.trail import ObservedTrail
from trail_operator.domain.trail_manifest import has_room_for_owner_tag, spec_of, why_invalid

_CONTROL_TOWER = "aws-controltower-BaselineCloudTrail"
_OTHER_TOOLS = {"aws:cloudformation:stack-name": "CloudFormation stack", "services.k8s.aws/namespace": "ACK, namespace"}


@dataclass(frozen=True)
class ExportSettings:
    """What the export depends on besides the trails."""

    cluster: Cluster | None = None
    """None if the name of the cluster is unknown: then no trail with an owner tag counts as this cluster's."""
    ignored_tags: tuple[str, ...] = ()
    default_account: str | None = None
    """The AWSAccount of Trails that name none."""
    account_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that the operator requires of AWSAccounts."""
    observe: bool = False
    """Whether all trails are only observed."""


@dataclass(frozen=True)
class FoundTrail:
    """A trail, and the account with whose credentials it was read."""

    account: str
    observed: ObservedTrail


@dataclass(frozen=True)
class Document:
    """A manifest and the comments before it."""

    body: dict[str, Any]
    comments: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """All manifests, and what could not be read or exported: a line each."""

    documents: tuple[Document, ...]
    problems: tuple[str, ...]
    metadata: Mapping[str, dict[str, str]] = field(default_factory=dict)
    """Namespace, if it is known, and name of each manifest of a trail, by its ARN."""


def export(found: Sequence[FoundTrail], known: Mapping[str, str], settings: ExportSettings) -> Export:
    """Return the manifests of trails. `known`: the AWSAccount of each account in the cluster."""
    exporter = _Exporter(found, known, settings)
    trails = sorted(found, key=lambda one: (one.account, one.observed.home_region, one.observed.arn))
    problems = {one.observed.arn: why_invalid(exporter.body(one)["spec"]) for one in trails}
    valid = [one for one in trails if not problems[one.observed.arn]]
    accounts = [exporter.account(account) for account in sorted({one.account for one in valid} - known.keys())]
    unread = (one.observed for one in valid if one.observed.unreadable)
    return Export(
        (*accounts, *(Document(exporter.body(one), tuple(exporter.comments(one))) for one in valid)),
        (
            *(f"{arn} was not exported: {problem}" for arn, problem in problems.items() if problem),
            *(f"{one.arn} is only observed: {_unread(one)}" for one in unread),
        ),
        {one.observed.arn: exporter.body(one)["metadata"] for one in valid},
    )


class _Exporter:
    def __init__(self, found: Sequence[FoundTrail], known: Mapping[str, str], settings: ExportSettings) -> None:
        self._known = known
        self._settings = settings
        self._owners = Counter(one.observed.owner for one in found)
        homes: dict[str, Counter[str]] = {}
        for one in found:
            homes.setdefault(one.account, Counter())[one.observed.home_region] += 1
        # The most frequent home region, by name if there are several.
        self._regions = {account: min(some, key=lambda home: (-some[home], home)) for account, some in homes.items()}
        own = {one.observed.arn: resource for one in found if (resource := self._resource(one.observed))}
        self._resources = own
        self._names = metadata_names(
            (one.observed.arn for one in found if one.observed.arn not in own), {name for _, name in own.values()}
        )

    def account(self, account: str) -> Document:
        """Return the AWSAccount for an account that has none."""
        metadata: dict[str, Any] = {"name": account_name(account)}
        if self._settings.account_labels:
            metadata["labels"] = dict(self._settings.account_labels)
        comments = (
            f"AWSAccount for account {account}. Before Trails can use it, add allowedNamespaces and, unless the "
            "operator's own identity is in this account, roleARN.",
        )
        spec = {"accountID": account, "region": self._regions[account]}
        return Document(_manifest(ACCOUNT_KIND, metadata, spec), comments)

    def body(self, trail: FoundTrail) -> dict[str, Any]:
        """Return the manifest of a trail."""
        observed, metadata = trail.observed, {"name": self._name(trail)}
        if resource := self._resources.get(observed.arn):
            metadata["namespace"] = resource[0]
        spec: dict[str, Any] = {}
        if (name := Arn.parse(observed.arn).name) != metadata["name"]:
            spec["name"] = name
        # Also the default one: without it, another AWSAccount or operator would look for the trail in another region.
        spec["region"] = observed.home_region
        if (account := self._account_name(trail.account)) != self._settings.default_account:
            spec["accountRef"] = {"name": account}
        spec |= spec_of(observed, self._settings.ignored_tags)
        if self._only_observed(observed):
            spec["managementPolicy"] = str(ManagementPolicy.OBSERVE)
        else:
            spec |= {
                "deletionPolicy": str(DeletionPolicy.RETAIN),
                "adoptionPolicy": str(AdoptionPolicy.IF_UNOWNED),
            }
        return _manifest(KIND, metadata, spec)

    def comments(self, trail: FoundTrail) -> Iterator[str]:
        """Yield what the importer must know about a trail."""
        observed, account = trail.observed, self._account_name(trail.account)
        yield observed.arn
        if reason := self._only_observed(observed):
            yield f"Only observed: {reason}"
        elif observed.arn in self._resources:
            yield "Belongs to this Trail already: applying it writes nothing"
        else:
            yield (
                f"To let the operator adopt it, AWSAccount {account} needs allowedAdoption: IfUnowned until its tag is "
                "set"
            )
        if observed.configuration.is_organization_trail:
            yield f"An organization trail: AWSAccount {account} needs allowOrganizationTrails: true"
        if not observed.is_logging:
            yield "It is not logging"
        yield from _other_tools(observed)

    def _name(self, trail: FoundTrail) -> str:
        resource = self._resources.get(trail.observed.arn)
        return resource[1] if resource else self._names[trail.observed.arn]

    def _account_name(self, account: str) -> str:
        return self._known[account] if account in self._known else account_name(account)

    def _resource(self, observed: ObservedTrail) -> tuple[str, str] | None:
        """Return namespace and name of the Trail of this cluster that owns a trail."""
        cluster = self._settings.cluster
        if cluster is None or self._owners[observed.owner] > 1:
            return None
        return namespace_and_name(cluster.resource_of(observed.owner))

    def _only_observed(self, observed: ObservedTrail) -> str:
        """Return why a trail is only observed; empty if it may be managed."""
        if observed.unreadable:
            return f"{_unread(observed)}, so the spec is not complete"
        if observed.owner is not None and observed.arn not in self._resources:
            return self._foreign(observed.owner)
        if not has_room_for_owner_tag(observed):
            return "it has 50 tags, so there is no room for the owner tag, and spec.tags has none of them. Remove one"
        return "as --observe says" if self._settings.observe else ""

    def _foreign(self, owner: str) -> str:
        tag = f"Its owner tag is {clean(owner, ERROR)}"
        if self._owners[owner] > 1:
            return f"several trails have the same owner tag. {tag}"
        if self._settings.cluster is None:
            return f"its owner is unknown without --cluster-name. {tag}"
        return f"it belongs to another owner. {tag}. To take it over, set Always in adoptionPolicy and allowedAdoption"


def _unread(observed: ObservedTrail) -> str:
    return f"{', '.join(sorted(observed.unreadable))} could not be read"


def _other_tools(observed: ObservedTrail) -> Iterator[str]:
    for key, tool in _OTHER_TOOLS.items():
        if value := observed.tags.get(key):
            yield f"Managed by {tool} {clean(value, ERROR)}: remove it there first, without deleting the trail"
    if Arn.parse(observed.arn).name == _CONTROL_TOWER:
        yield "Managed by AWS Control Tower, which restores its own settings"


def _manifest(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
