"""The sentences of a verdict: what is missing, what denies, what differs, what could not be told."""

import re
from collections.abc import Sequence

from trail_operator.core.policies.document import Condition, Principals, Texts
from trail_operator.core.policies.patterns import Context
from trail_operator.core.policies.statements import CLOUDTRAIL, Caller, Check, Element, Match, Request
from trail_operator.core.policies.truth import Truth

_EXEMPTION = '"Bool":{"aws:PrincipalIsAWSService":"false"}'
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
    return f"{found.statement.label} comes near, but " + " and ".join(reasons)


def denied(subject: str, matched: Sequence[tuple[Match, Request, str]]) -> str:
    """Say which statement denies, what it denies, why it applies and how to be rid of it."""
    match, request, _ = matched[0]
    asked = " and ".join(asked for _, _, asked in matched)
    reasons = dict.fromkeys(reason for match, request, _ in matched for reason in _applied(match, request))
    because = f" ({'; '.join(reasons)})" if reasons else ""
    return f"{match.statement.label} (Deny) of {subject} matches {asked}{because}: {_remove_or_exempt(request)}"


def unclear(subject: str, found: Match, request: Request, asked: str) -> str:
    """Say why it can't be told whether a statement allows or denies what is asked."""
    label = found.statement.label
    reasons = " and ".join(_doubt(check, found) for check in found.with_truth(Truth.UNKNOWN))
    if found.statement.allows:
        return f"{label} of {subject} may allow {asked}, which cannot be judged: {reasons}"
    exempt = f"; if it does, {_remove_or_exempt(request)}"
    return f"{label} (Deny) of {subject} may refuse {asked}, which cannot be judged: {reasons}{exempt}"


def _remove_or_exempt(request: Request) -> str:
    if request.caller is Caller.ROLE:
        return "remove it"
    return f"remove it or exempt {CLOUDTRAIL}, e.g. with the condition {_EXEMPTION}"


def _applied(found: Match, request: Request) -> list[str]:
    return [
        f"{_condition(check.condition)} holds: {_sent(check.condition.key, request)}"
        for check in found.checks
        if check.condition is not None
    ]


def _mismatch(check: Check, found: Match, request: Request, needed: str) -> str:
    if check.condition is not None:
        return f"{_condition(check.condition)} does not hold: {_sent(check.condition.key, request)}"
    if check.element is Element.PRINCIPAL:
        return f"{_principal(found.statement.principals)} is not {CLOUDTRAIL}"
    resources = found.statement.resources
    if resources is None or resources.negated:
        return f"{_texts('Resource', resources)} leaves out {_shortened(needed)}"
    allowed = f"{_listed(resources.texts)}{_difference(resources.texts, needed)}"
    return f"it allows {allowed}, needed is {_shortened(needed)}"


def _doubt(check: Check, found: Match) -> str:
    if check.condition is not None:
        return f"{_condition(check.condition)} hangs on what is not known here"
    if check.element is Element.PRINCIPAL:
        return f"{_principal(found.statement.principals)} is not known to mean {CLOUDTRAIL}"
    resources = found.statement.resources
    if check.element is Element.RESOURCE and resources and not any("${" in text for text in resources.texts):
        return f"{_texts('Resource', resources)} meets only a part of that"
    return f"its {check.element.value} hangs on what is not known here"


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
    sender = "CloudTrail" if request.caller is Caller.CLOUDTRAIL else "the role"
    values = _possible(key, request.context)
    if values == (None,):
        return f"{sender} sends no {key} with {request.action}"
    sent = " or ".join("nothing" if value is None else f"'{_shortened(value)}'" for value in values)
    return f"{sender} sends {sent}"


def _possible(key: str, context: Context) -> tuple[str | None, ...]:
    return context[key.lower()]  # a condition that was judged has a key that is known


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
