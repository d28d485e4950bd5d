"""The sentences of a verdict: what is missing, what denies, what differs, what cannot be decided."""

import re
from collections.abc import Sequence

from trail_operator.domain.iam_policy.document import Condition, Principals, Statement, Texts
from trail_operator.domain.iam_policy.legacy import names_legacy
from trail_operator.domain.iam_policy.matching import possible_values
from trail_operator.domain.iam_policy.statements import CLOUDTRAIL, Caller, Check, Element, Match, Request
from trail_operator.domain.iam_policy.ternary import Truth

# Conditions that leave CloudTrail out of a Deny: a key, its value, and the operators that say so.
_NO_SERVICE = ("aws:PrincipalIsAWSService", "false", ("Bool", "BoolIfExists", "StringEquals", "StringEqualsIgnoreCase"))
_NOT_CLOUDTRAIL = (
    "aws:PrincipalServiceName",
    CLOUDTRAIL,
    ("StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "StringNotEqualsIfExists"),
)
_LOG_OBJECTS = re.compile(r"arn:[^:]*:s3:::(?P<bucket>[^/]*)/(?:(?P<prefix>.*)/)?AWSLogs/(?P<account>[^/]*)/")
_LONGEST_VALUE = 160
_MOST_VALUES = 3


def missing(subject: str, request: Request, asked: str) -> str:
    """Say that nothing allows what is asked."""
    if request.caller is Caller.ROLE:
        return f"no statement of {subject} allows {asked}"
    return f"no statement of {subject} lets {CLOUDTRAIL} do {asked}"


def near_miss(found: Match, request: Request, needed: str) -> str:
    """Say what keeps a statement from allowing what is asked."""
    reasons = (_mismatch(check, found, request, needed) for check in found.with_truth(Truth.FALSE))
    of_policy = f" of policy {found.statement.policy}" if found.statement.policy else ""
    return f"{found.statement.label}{of_policy} almost matches, but " + " and ".join(reasons)


def denied(subject: str, matched: Sequence[tuple[Match, Request, str]]) -> str:
    """Say which statement denies, what it denies, why it applies and how to change that."""
    match, request, _ = matched[0]
    reasons = _applied(matched)
    because = f" ({'; '.join(reasons)})" if reasons else ""
    narrow = _narrow(match.statement, request)
    # What hits because a key is absent was meant for others: the statement is right, and only too wide.
    too_wide = any(_hits_as_absent(found, request) for found, request, _ in matched)
    remedy = narrow if too_wide or match.statement.instead else f"remove it, or {narrow}"
    place = _place(match.statement, subject)
    return f"{match.statement.label} (Deny) of {place} matches {_all_asked(matched)}{because}: {remedy}"


def unclear(subject: str, cases: Sequence[tuple[Match, Request, str]]) -> str:
    """Say why it cannot be decided whether a statement allows or denies what is asked."""
    match, request, _ = cases[0]
    effect = "" if match.statement.allows else " (Deny)"
    label = f"{match.statement.label}{effect} of {_place(match.statement, subject)}"
    reasons = dict.fromkeys(
        _doubt(check, found, request) for found, request, _ in cases for check in found.with_truth(Truth.UNKNOWN)
    )
    verb = "allows" if match.statement.allows else "denies"
    doubt = f"whether {label} {verb} {_all_asked(cases)} cannot be decided, because {' and '.join(reasons)}"
    return doubt if match.statement.allows else f"{doubt}; if it does, {_narrow(match.statement, request)}"


def _all_asked(cases: Sequence[tuple[Match, Request, str]]) -> str:
    return " and ".join(asked for _, _, asked in cases)


def _place(statement: Statement, subject: str) -> str:
    """Say where a statement is found, which of several policies included."""
    return f"policy {statement.policy} among {subject}" if statement.policy else subject


def _narrow(statement: Statement, request: Request) -> str:
    """Say how a Deny leaves CloudTrail out: by a condition that takes the place of none that the statement has."""
    if statement.instead:
        return statement.instead
    if request.caller is Caller.ROLE:
        return f"narrow it so that it leaves out {request.action}"
    keys = {condition.key.lower() for condition in statement.conditions}
    key, value, operators = _NOT_CLOUDTRAIL if _NO_SERVICE[0].lower() in keys else _NO_SERVICE
    taken = {condition.operator for condition in statement.conditions}
    operator = next((one for one in operators if one not in taken), operators[0])
    return f'narrow it: add "{operator}":{{"{key}":"{value}"}} to its Condition'


def _hits_as_absent(found: Match, request: Request) -> bool:
    return any(_is_absent(check.condition.key, request) for check in found.checks if check.condition is not None)


def _is_absent(key: str, request: Request) -> bool:
    """Whether a request is known not to carry a condition key."""
    return possible_values(key, request.context) == (None,)


def _applied(matched: Sequence[tuple[Match, Request, str]]) -> list[str]:
    """Say why the conditions hold: what several requests have in common is said once, with all of their actions."""
    actions: dict[str, list[str]] = {}
    for found, request, _ in matched:
        for condition in (check.condition for check in found.checks if check.condition is not None):
            reason = f"{_condition(condition)} holds: {_sent(condition.key, request)}"
            told = actions.setdefault(reason, [])
            if _is_absent(condition.key, request) and request.action not in told:
                told.append(request.action)
    return [f"{reason} with {' and '.join(told)}" if told else reason for reason, told in actions.items()]


def _mismatch(check: Check, found: Match, request: Request, needed: str) -> str:
    if check.condition is not None:
        key = check.condition.key
        with_action = f" with {request.action}" if _is_absent(key, request) else ""
        return f"{_condition(check.condition)} does not hold: {_sent(key, request)}{with_action}"
    if check.element is Element.PRINCIPAL:
        return f"{_principal(found.statement.principals)} is not {CLOUDTRAIL}"
    resources = found.statement.resources
    if resources is None or resources.negated:
        return f"{_texts('Resource', resources)} leaves out {_shortened(needed)}"
    allowed = f"{_listed(resources.texts)}{_difference(resources.texts, needed)}"
    return f"it allows {allowed}, needed is {_shortened(needed)}"


def _doubt(check: Check, found: Match, request: Request) -> str:
    if check.condition is not None:
        return _condition_doubt(check.condition, request)
    principals, resources = found.statement.principals, found.statement.resources
    if check.element is Element.PRINCIPAL and names_legacy(principals):
        return (
            f"{_principal(principals)} is an account that CloudTrail once used in one region, and AWS does not "
            f"document whether it still does: name the service principal {CLOUDTRAIL} instead"
        )
    if check.element is Element.PRINCIPAL:
        return f"{_principal(principals)} is not known to mean {CLOUDTRAIL}"
    if check.element is Element.RESOURCE and resources and not any("${" in text for text in resources.texts):
        return f"{_texts('Resource', resources)} covers only a part of that"
    return f"its {check.element.value} depends on what is not known here"


def _condition_doubt(condition: Condition, request: Request) -> str:
    values = possible_values(condition.key, request.context)
    if not values:
        return (
            f"{_condition(condition)} depends on what {_sender(request)} sends as {condition.key}, which is not known"
        )
    if len(values) > 1:
        return f"{_condition(condition)} depends on which it is: {_sent(condition.key, request)}"
    return f"{_condition(condition)} cannot be evaluated here"


def _sender(request: Request) -> str:
    return "CloudTrail" if request.caller is Caller.CLOUDTRAIL else "the role"


def _difference(texts: Sequence[str], needed: str) -> str:
    """Name what of bucket, prefix and account is another one."""
    wanted = _LOG_OBJECTS.match(needed)
    found = _LOG_OBJECTS.match(texts[0]) if len(texts) == 1 else None
    if wanted is None or found is None:
        return ""
    others = [f"another {part}" for part, value in wanted.groupdict().items() if found[part] != value]
    return f" ({', '.join(others)})" if others else ""


def _condition(condition: Condition) -> str:
    values = _listed(condition.values, quote="'")
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
    names = _listed([f"{kind} {name}" for kind, name in principals.names])
    return f"its {'NotPrincipal' if principals.negated else 'Principal'} {names}"


def _texts(element: str, texts: Texts | None) -> str:
    if texts is None:
        return f"its missing {element}"
    return f"its {'Not' if texts.negated else ''}{element} {_listed(texts.texts)}"


def _listed(values: Sequence[str], quote: str = "") -> str:
    shown = [f"{quote}{_shortened(value)}{quote}" for value in values[:_MOST_VALUES]]
    left = len(values) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _shortened(text: str) -> str:
    """Leave out the middle of what is too long for a sentence; the remedy has it in full."""
    if len(text) <= _LONGEST_VALUE:
        return text
    half = _LONGEST_VALUE // 2
    return f"{text[:half]}…{text[-half:]}"
