"""All policies that apply to a request, put together.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from trail_sandbox.aws.access.attached import Attached
from trail_sandbox.aws.access.grants import Grants
from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate


class Layer(Enum):
    """A kind of policy that can refuse, as AWS names it in its messages."""

    GUARDRAIL = "service control policy"
    RESOURCE = "resource-based policy"
    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"


@dataclass(frozen=True)
class Refusal:
    """Why a request may not go ahead: a Deny in a policy of that kind, or no Allow in any."""

    layer: Layer
    is_explicit: bool


@dataclass(frozen=True)
class Policies:
    """All that binds one caller in one request."""

    guardrails: Sequence[Sequence[str]]
    grants: Grants | None
    """None is the root user."""
    attached: Attached | None = None
    is_foreign: bool = False
    """The resource belongs to another account than the caller does."""


def judge(request: Request, policies: Policies) -> Refusal | None:
    """Say why a request is refused; None is that it may go ahead."""
    return _denial(request, policies) or _lack(request, policies)


def _denial(request: Request, policies: Policies) -> Refusal | None:
    attached, grants = policies.attached, policies.grants
    layers: list[tuple[Layer, Iterable[str]]] = [
        (Layer.GUARDRAIL, [policy for level in policies.guardrails for policy in level]),
        (Layer.RESOURCE, [attached.policy] if attached and attached.policy else []),
    ]
    if grants:
        layers += [
            (Layer.IDENTITY, grants.own),
            (Layer.BOUNDARY, [grants.boundary] if grants.boundary else []),
            (Layer.SESSION, grants.session),
        ]
    for layer, documents in layers:
        if any(evaluate(document, request) is Decision.DENY for document in documents):
            return Refusal(layer, is_explicit=True)
    return None


def _lack(request: Request, policies: Policies) -> Refusal | None:
    attached, grants = policies.attached, policies.grants
    if not all(_allows(level, request) for level in policies.guardrails):
        return Refusal(Layer.GUARDRAIL, is_explicit=False)
    document = [attached.policy] if attached and attached.policy else []
    if attached and (policies.is_foreign or attached.is_sole) and not _allows(document, request):
        return Refusal(Layer.RESOURCE, is_explicit=False)
    if grants is None:
        return None
    # In its own account, who is named by the resource's policy itself needs no other: an account's name is no one's.
    is_named = not policies.is_foreign and _allows(document, _asked_by(request.principal.without_account, request))
    if not is_named and not _allows(grants.own, request):
        return Refusal(Layer.IDENTITY, is_explicit=False)
    # What is granted to a user or to a session, not to its role, is cut down by nothing.
    if not policies.is_foreign and _allows(document, _asked_by(request.principal.alone, request)):
        return None
    if grants.boundary is not None and not _allows([grants.boundary], request):
        return Refusal(Layer.BOUNDARY, is_explicit=False)
    if grants.session and not _allows(grants.session, request):
        return Refusal(Layer.SESSION, is_explicit=False)
    return None


def _asked_by(principal: Principal, request: Request) -> Request:
    # The condition keys stay those of the whole principal: they do not depend on how a policy names it.
    return replace(request, principal=principal)


def _allows(documents: Iterable[str], request: Request) -> bool:
    return any(evaluate(document, request) is Decision.ALLOW for document in documents)
