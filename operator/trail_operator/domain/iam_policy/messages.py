"""The sentences of a verdict: what is missing, what denies, what differs, what cannot be determined."""

import re
from collections.abc import Sequence

from trail_operator.domain.iam_policy.document import Condition, Principals, Statement, Texts
from trail_operator.domain.iam_policy.legacy import names_legacy
from trail_operator.domain.iam_policy.matching import possible_values
from trail_operator.domain.iam_policy.statements import Caller, Check, Element, Match, Request
from trail_operator.domain.iam_policy.ternary import Truth
from trail_operator.domain.texts import capitalized, listed

# Conditions that exclude a service from a Deny statement: a key, its value, and the operators that compare them.
_NO_SERVICE = ("aws:PrincipalIsAWSService", "false", ("Bool", "BoolIfExists", "StringEquals", "StringEqualsIgnoreCase"))
_NOT_SERVICE = ("StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "StringNotEqualsIfExists")
"""Operators to compare aws:PrincipalServiceName with."""
_LOG_OBJECTS = re.compile(r"arn:[^:]*:s3:::(?P<bucket>[^/]*)/(?:(?P<prefix>.*)/)?AWSLogs/(?P<account>[^/]*)/")
_SENDERS = {Caller.CLOUDTRAIL: "CloudTrail", Caller.CLOUDWATCH: "CloudWatch", Caller.ROLE: "the role"}
_LONGEST_VALUE = 160
_MOST_VALUES = 3
_MOST_REQUESTS = 6


def missing(subject: str, request: Request, needed: str) -> str:
    """Say that nothing allows a request."""
    verb = "do not allow" if subject.startswith("the policies ") else "does not allow"
    if request.caller is Caller.ROLE:
        return f"{capitalized(subject)} {verb} {needed}"
    return f"{capitalized(subject)} {verb} {request.caller.value} to perform {needed}"


def near_miss(found: Match, request: Request, resource: str) -> str:
    """Say why a statement that was probably meant to allow a request does not."""
    reasons = (_mismatch(check, found, request, resource) for check in found.with_truth(Truth.FALSE))
    statement = found.statement
    of_policy = f" of {statement.policy}" if statement.policy else ""
    return f"{capitalized(statement.label)}{of_policy} almost matches, but {' and '.join(reasons)}"


def denied(subject: str, matched: Sequence[tuple[Match, Request, str]]) -> str:
    """Say which statement denies, what it denies, why it applies and how to change that."""
    statement = matched[0][0].statement
    reasons = _applied(matched)
    because = f" ({'; '.join(reasons)})" if reasons else ""
    exception = _exception(statement, [request for _, request, _ in matched])
    # A condition that matches because its key is absent was meant for others: the statement is right, but too broad.
    too_broad = any(_matches_as_absent(found, request) for found, request, _ in matched)
    remedy = exception if too_broad or statement.instead else f"remove the statement, or {exception}"
    return f"{_full_label(statement, subject)} denies {_all_needed(matched)}{because}. {capitalized(remedy)}"


def unclear(subject: str, cases: Sequence[tuple[Match, Request, str]]) -> str:
    """Say why it is unknown whether a statement allows or denies a request."""
    statement = cases[0][0].statement
    reasons = dict.fromkeys(
        _doubt(check, found, request) for found, request, _ in cases for check in found.with_truth(Truth.UNKNOWN)
    )
    verb = "allows" if statement.allows else "denies"
    label = f"{statement.label} of {statement.policy or subject}"
    doubt = f"Cannot determine whether {label} {verb} {_all_needed(cases)}: {' and '.join(reasons)}"
    if statement.allows:
        return doubt
    return f"{doubt}. If it does, {_exception(statement, [request for _, request, _ in cases])}"


def _all_needed(cases: Sequence[tuple[Match, Request, str]]) -> str:
    needed = list(dict.fromkeys(needed for _, _, needed in cases))
    more = [f"{len(needed) - _MOST_REQUESTS} more"] if len(needed) > _MOST_REQUESTS else []
    return " and ".join([*needed[:_MOST_REQUESTS], *more])


def _full_label(statement: Statement, subject: str) -> str:
    return f"{capitalized(statement.label)} of {statement.policy or subject}"


def _exception(statement: Statement, requests: Sequence[Request]) -> str:
    """Say how to exclude a service from a Deny statement: by a condition that replaces none that it has."""
    if statement.instead:
        return statement.instead
    if requests[0].caller is Caller.ROLE:
        return f"narrow it so that it excludes {' and '.join(dict.fromkeys(one.action for one in requests))}"
    keys = {condition.key.lower() for condition in statement.conditions}
    key, value, operators = _NO_SERVICE
    if key.lower() in keys:
        key, value, operators = "aws:PrincipalServiceName", requests[0].caller.value, _NOT_SERVICE
    used = {condition.operator for condition in statement.conditions}
    operator = next((one for one in operators if one not in used), operators[0])
    return f'add to its Condition: "{operator}":{{"{key}":"{value}"}}'


def _matches_as_absent(found: Match, request: Request) -> bool:
    return any(_is_absent(check.condition.key, request) for check in found.checks if check.condition is not None)


def _is_absent(key: str, request: Request) -> bool:
    """Return whether a request is known to lack a condition key."""
    return possible_values(key, request.context) == (None,)


def _applied(matched: Sequence[tuple[Match, Request, str]]) -> list[str]:
    """Say why the conditions are met; a reason that several requests share is named once, with their actions."""
    actions: dict[str, list[str]] = {}
    for found, request, _ in matched:
        for condition in (check.condition for check in found.checks if check.condition is not None):
            reason = f"{_condition(condition)} is met: {_sent(condition.key, request)}"
            named = actions.setdefault(reason, [])
            if _is_absent(condition.key, request) and request.action not in named:
                named.append(request.action)
    return [f"{reason} with {' and '.join(named)}" if named else reason for reason, named in actions.items()]


def _mismatch(check: Check, found: Match, request: Request, resource: str) -> str:
    if check.condition is not None:
        key = check.condition.key
        with_action = f" with {request.action}" if _is_absent(key, request) else ""
        return f"{_condition(check.condition)} is not met: {_sent(key, request)}{with_action}"
    if check.element is Element.PRINCIPAL:
        if request.caller is Caller.ROLE:
            return "it has a Principal, which policies of a role cannot have"
        return f"{_principal(found.statement.principals)} is not {request.caller.value}"
    resources = found.statement.resources
    if resources is None or resources.negated:
        return f"{_texts('Resource', resources)} excludes {_shortened(resource)}"
    return (
        f"{_texts('Resource', resources)}{_difference(resources.texts, resource)} does not match {_shortened(resource)}"
    )


def _doubt(check: Check, found: Match, request: Request) -> str:
    if check.condition is not None:
        return _condition_doubt(check.condition, request)
    principals, resources = found.statement.principals, found.statement.resources
    if check.element is Element.PRINCIPAL and request.caller is Caller.CLOUDTRAIL and names_legacy(principals):
        return (
            f"{_principal(principals)} is an account that CloudTrail once used in one region, and AWS does not "
            f"document whether it still does. Name the service principal {request.caller.value} instead"
        )
    if check.element is Element.PRINCIPAL:
        return f"AWS does not document whether {_principal(principals)} means {request.caller.value}"
    if check.element is Element.RESOURCE and resources and not any("${" in text for text in resources.texts):
        return f"{_texts('Resource', resources)} matches only a part of these resources"
    return f"its {check.element.value} depends on unknown values"


def _condition_doubt(condition: Condition, request: Request) -> str:
    values = possible_values(condition.key, request.context)
    if not values:
        return f"{_condition(condition)} depends on the {condition.key} that {_sender(request)} sends, which is unknown"
    if len(values) > 1:
        return f"{_condition(condition)} is met only for some values: {_sent(condition.key, request)}"
    return f"the operator cannot evaluate {_condition(condition)}"


def _sender(request: Request) -> str:
    return _SENDERS[request.caller]


def _difference(texts: Sequence[str], resource: str) -> str:
    """Say which of bucket, prefix and account differ."""
    wanted = _LOG_OBJECTS.match(resource)
    found = _LOG_OBJECTS.match(texts[0]) if len(texts) == 1 else None
    if wanted is None or found is None:
        return ""
    others = [f"another {part}" for part, value in wanted.groupdict().items() if found[part] != value]
    return f" ({', '.join(others)})" if others else ""


def _condition(condition: Condition) -> str:
    values = _abbreviated(condition.values, quote="'")
    return f"its condition {condition.operator} {condition.key} {values}"


def _sent(key: str, request: Request) -> str:
    if _is_absent(key, request):
        return f"{_sender(request)} sends no {key}"
    values = possible_values(key, request.context) or ()
    sent = " or ".join("nothing" if value is None else f"'{_shortened(value)}'" for value in values)
    return f"{_sender(request)} sends {sent}"


def _principal(principals: Principals | None) -> str:
    if principals is None:
        return "its missing Principal"
    names = _abbreviated([f"{kind} {name}" for kind, name in principals.names])
    return f"its {'NotPrincipal' if principals.negated else 'Principal'} {names}"


def _texts(element: str, texts: Texts | None) -> str:
    if texts is None:
        return f"its missing {element}"
    return f"its {'Not' if texts.negated else ''}{element} {_abbreviated(texts.texts)}"


def _abbreviated(values: Sequence[str], quote: str = "") -> str:
    return listed([f"{quote}{_shortened(value)}{quote}" for value in values], _MOST_VALUES)


def _shortened(text: str) -> str:
    """Replace the middle of a long text by an ellipsis; the remedy has it in full."""
    if len(text) <= _LONGEST_VALUE:
        return text
    half = _LONGEST_VALUE // 2
    return f"{text[:half]}…{text[-half:]}"
