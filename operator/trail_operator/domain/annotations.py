"""Annotations of ACK and Crossplane on a Trail: one has an effect here too, the others only cause a warning.

Without it, users who copy a manifest from there would assume that the trail is retained, paused or adopted.
"""

from collections.abc import Mapping

from trail_operator.api.constants import PAUSED
from trail_operator.api.reasons import Reason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.domain.texts import capitalized, listed
from trail_operator.domain.warnings import Advice

# https://github.com/aws-controllers-k8s/runtime/blob/main/apis/core/v1alpha1/annotations.go
_ACK = "services.k8s.aws/"
_ACK_DELETION_POLICY = f"{_ACK}deletion-policy"
# https://docs.crossplane.io/latest/managed-resources/managed-resources/#annotations
_CROSSPLANE = frozenset({"crossplane.io/paused", "crossplane.io/external-name"})

_INSTEAD = {
    f"{_ACK}adopted": "set spec.adoptionPolicy",
    f"{_ACK}adoption-fields": "set spec.name and spec.region",
    f"{_ACK}adoption-policy": "set spec.adoptionPolicy",
    f"{_ACK}default-region": "set spec.region",
    f"{_ACK}endpoint-url": "set endpointURL of an AWSAccount, and spec.accountRef",
    f"{_ACK}owner-account-id": "set spec.accountRef to an AWSAccount",
    f"{_ACK}read-only": "set spec.managementPolicy: Observe",
    f"{_ACK}region": "set spec.region",
    f"{_ACK}team-id": "set spec.accountRef to an AWSAccount",
    "crossplane.io/external-name": "set spec.name",
    "crossplane.io/paused": f'set the annotation {PAUSED}: "true"',
}


def of_other_controllers(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the annotations that are instructions to ACK or Crossplane, ordered by name."""
    return {name: annotations[name] for name in sorted(annotations) if name.startswith(_ACK) or name in _CROSSPLANE}


def unset_deletion_policy(annotations: Mapping[str, str], default: DeletionPolicy) -> DeletionPolicy:
    """Return the deletion policy of a Trail whose spec sets none. `default`: the operator's.

    An annotation can retain a trail but never delete it: that needs spec.deletionPolicy.
    """
    return DeletionPolicy.RETAIN if _ack_policy(annotations) is DeletionPolicy.RETAIN else default


def ignored_annotations(annotations: Mapping[str, str], written: object, default: DeletionPolicy) -> Advice | None:
    """Return the warning about annotations without effect, and what to set instead. `written`: spec.deletionPolicy."""
    found = of_other_controllers(annotations)
    problems = [_deletion_policy_problem(found, written, default)]
    problems += [f"annotation {name} has no effect: {_INSTEAD[name]}" for name in found if name in _INSTEAD]
    unknown = [name for name in found if name not in _INSTEAD and name != _ACK_DELETION_POLICY]
    problems += [f"remove annotations without effect: {listed(unknown)}"] if unknown else []
    # One sentence: what follows it in the condition begins after a full stop.
    message = capitalized("; ".join(problem for problem in problems if problem))
    return Advice(Reason.ANNOTATION_IGNORED, message) if message else None


def _deletion_policy_problem(annotations: Mapping[str, str], written: object, default: DeletionPolicy) -> str:
    value, meant = annotations.get(_ACK_DELETION_POLICY), _ack_policy(annotations)
    if written:
        if meant in (None, written) or written not in [*DeletionPolicy]:
            return ""
        return (
            f"annotation {_ACK_DELETION_POLICY} has no effect, because spec.deletionPolicy is {written}: remove the "
            f"annotation, or set spec.deletionPolicy: {meant}"
        )
    if meant is DeletionPolicy.DELETE and default is DeletionPolicy.RETAIN:
        return (
            f"annotation {_ACK_DELETION_POLICY}: delete has no effect, and the operator's default keeps the trail: set "
            "spec.deletionPolicy: Delete"
        )
    if meant is DeletionPolicy.RETAIN and value != "retain":
        return (
            f"annotation {_ACK_DELETION_POLICY} is neither retain nor delete: the trail is kept, as ACK would keep it, "
            "until you set spec.deletionPolicy: Retain or Delete"
        )
    return ""


def _ack_policy(annotations: Mapping[str, str]) -> DeletionPolicy | None:
    """Return what the annotation means to ACK, which deletes on exactly `delete` and retains on anything else.

    https://github.com/aws-controllers-k8s/runtime/blob/main/pkg/runtime/reconciler.go (getDeletionPolicy)
    """
    value = annotations.get(_ACK_DELETION_POLICY)
    if value is None:
        return None
    return DeletionPolicy.DELETE if value == "delete" else DeletionPolicy.RETAIN
