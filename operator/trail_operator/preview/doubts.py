"""What a plan does not know of the operator, where it matters: nothing is guessed."""

from collections.abc import Iterable

from trail_operator.api.trail import AdoptionPolicy
from trail_operator.domain.actions import Action
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.preview.cluster_objects import ClusterObjects
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.settings import flag
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.state import TrailState


def doubts_before_reading(
    state: TrailState, settings: OperatorSettings, registry: AccountRegistry, cluster: ClusterObjects
) -> list[str]:
    """Return why it is unknown which trail a Trail means; empty if it is known."""
    if state.deleting and "default_deletion_policy" in settings.unknown and not state.manifest.get("deletionPolicy"):
        return [doubt("default_deletion_policy", "whether the trail is deleted")]
    if state.account_name is None and "default_account" in settings.unknown:
        return [doubt("default_account", "the account of Trails without spec.accountRef")]
    name, namespace = registry.name_for(state), state.key.namespace
    account = registry.get(name or "")
    if name and cluster.accounts is None and not registry.knows(name):
        return [f"AWSAccount {name} is unknown: it is in no manifest, and the cluster was not read"]
    if account and not account.problem and cluster.namespaces is None:
        allowed = account.spec.allowed_namespaces
        if allowed.selector is not None and not allowed.allows(namespace, None):
            return [f"The labels of namespace {namespace} were not read, by which AWSAccount {name} may allow it"]
    if "region" in settings.unknown and not state.text("region") and not (account and account.spec.region):
        return [doubt("region", "the home region of Trails without spec.region")]
    return []


def doubts_of(comparison: Comparison, actions: Iterable[Action], settings: OperatorSettings) -> list[str]:
    """Return why a plan is not certain; empty if it is."""
    observed, desired, client = comparison.observed, comparison.desired, comparison.client
    is_others = observed is not None and not desired.owns(observed.owner)
    owner = (observed.owner if observed else None) or ""
    adopts = comparison.resolved.spec.adoption_policy is not AdoptionPolicy.NEVER
    matters = {
        "cluster_name": ("whether a trail is this resource's", True),
        "former_cluster_names": (
            f"whether the owner tag {owner} is this resource's",
            is_others and owner.endswith(f"/{comparison.state.key}"),
        ),
        "own_identity": ("whether Trails may do without an AWSAccount", client.spec is None),
        "allowed_adoption": ("whether the trail may be adopted", is_others and adopts and client.spec is None),
        "ignore_tags": ("which tags are removed", any(action.operation == "RemoveTags" for action in actions)),
    }
    return [
        doubt(name, what) for name, (what, does_matter) in matters.items() if does_matter and name in settings.unknown
    ]


def doubt(name: str, what: str) -> str:
    """Return that a setting of the operator is unknown. `what`: what it decides."""
    return f"The operator's {flag(name)} is unknown, which decides {what}: set the flag to the operator's value"
