"""Matches a statement against a request, element by element, so that a near miss can be explained."""

from dataclasses import dataclass
from enum import Enum

from trail_operator.domain.iam_policy.conditions import evaluate_condition
from trail_operator.domain.iam_policy.document import Condition, Principals, Statement, Texts
from trail_operator.domain.iam_policy.legacy import is_legacy
from trail_operator.domain.iam_policy.matching import Context, Target, matches, text_matches, tokens
from trail_operator.domain.iam_policy.ternary import Truth, all_of, any_of

CLOUDTRAIL = "cloudtrail.amazonaws.com"
CLOUDWATCH = "cloudwatch.amazonaws.com"


class Caller(Enum):
    """Who makes a request: a service as itself, or a role under its own policies (which name no principal)."""

    CLOUDTRAIL = CLOUDTRAIL
    CLOUDWATCH = CLOUDWATCH
    ROLE = "role"


@dataclass(frozen=True)
class Request:
    """A request to AWS, with what is known of its context."""

    caller: Caller
    action: str
    resource: Target | None  # None for a role's trust policy, which names no resource
    context: Context


class Element(Enum):
    """The elements of a statement that decide whether it matches."""

    PRINCIPAL = "Principal"
    ACTION = "Action"
    RESOURCE = "Resource"
    CONDITION = "Condition"


@dataclass(frozen=True)
class Check:
    """Whether one element of a statement (for the Condition block: one condition) matches the request."""

    element: Element
    truth: Truth
    condition: Condition | None = None


@dataclass(frozen=True)
class Match:
    """A statement, and whether each of its elements matches a request."""

    statement: Statement
    checks: tuple[Check, ...]

    @property
    def truth(self) -> Truth:
        """Whether the statement matches as a whole."""
        return all_of(check.truth for check in self.checks)

    def with_truth(self, truth: Truth) -> tuple[Check, ...]:
        """Return the checks with this result."""
        return tuple(check for check in self.checks if check.truth is truth)


def match(statement: Statement, request: Request) -> Match:
    """Match a statement against a request."""
    conditions = (
        Check(Element.CONDITION, evaluate_condition(condition, request.context, statement.variables), condition)
        for condition in statement.conditions
    )
    return Match(
        statement,
        (
            Check(Element.PRINCIPAL, _principal(statement.principals, request)),
            Check(Element.ACTION, _action(statement.actions, request.action)),
            Check(Element.RESOURCE, _resource(statement, request)),
            *conditions,
        ),
    )


def _principal(principals: Principals | None, request: Request) -> Truth:
    if request.caller is Caller.ROLE:
        return Truth.of(principals is None)
    if principals is None:
        return Truth.UNKNOWN  # AWS does not store such a statement in a resource's policy
    named = any_of(_names_service(kind, name, request) for kind, name in principals.names)
    return named.negated() if principals.negated else named


def _names_service(kind: str, name: str, request: Request) -> Truth:
    service = request.caller.value
    if (kind, name) in (("AWS", "*"), ("Service", service)):
        return Truth.TRUE
    # Undocumented: a star as a service, and which services have the suffix of the China regions.
    if kind == "Service" and name in ("*", f"{service}.cn"):
        return Truth.UNKNOWN
    if request.caller is Caller.CLOUDTRAIL and is_legacy(kind, name) and request.action.startswith(("s3:", "sns:")):
        return Truth.UNKNOWN
    return Truth.FALSE


def _action(actions: Texts, action: str) -> Truth:
    """Compare actions case-insensitively, as AWS does."""
    named = any_of(matches(tokens(text.lower()), Target(action.lower())) for text in actions.texts)
    return named.negated() if actions.negated else named


def _resource(statement: Statement, request: Request) -> Truth:
    if request.resource is None:
        return Truth.TRUE
    if statement.resources is None:
        return Truth.UNKNOWN  # AWS stores such a statement only in trust policies
    named = any_of(
        text_matches(text, request.resource, request.context, variables=statement.variables)
        for text in statement.resources.texts
    )
    return named.negated() if statement.resources.negated else named
