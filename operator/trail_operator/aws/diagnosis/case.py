"""What every look at a trail's dependencies shares: the trail, AWS's refusal if any, and how verdicts read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.aws.client import AWSClient
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.iam_policy.matching import Values
from trail_operator.domain.iam_policy.prescribed import Statement
from trail_operator.domain.iam_policy.verdict import Answer, Finding, Verdict
from trail_operator.domain.warnings import Advice

_IN_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"
_NOT_KNOWN: Values = ()
_IN_NONE: Values = (None,)

Judgement = tuple[Reason, Verdict]
"""The verdict on something that a trail depends on, and the reason that it is if it refuses."""


@dataclass(frozen=True)
class Case:
    """One trail that AWS refuses, or cannot deliver for."""

    aws: AWSClient
    arn: str
    location: Location
    configuration: Configuration
    refusal: Failure | None = None

    def reason(self, otherwise: Reason) -> Reason:
        """AWS's own reason, which stays where what stands in the way is not certain."""
        return self.refusal.reason if self.refusal else otherwise

    def judged(self, *judgements: Judgement) -> Failure:
        """What refuses; else what cannot be decided; else, where nothing is seen to refuse, what cannot be seen."""
        refused = [(reason, verdict) for reason, verdict in judgements if verdict.answer is Answer.REFUSED]
        undecided = [(reason, verdict) for reason, verdict in judgements if verdict.answer is Answer.UNDECIDABLE]
        if refused:
            return _told(refused[0][0], [verdict for _, verdict in refused + undecided])
        if not undecided:
            return self._all_allow(judgements)
        failure = _told(self.reason(undecided[0][0]), [verdict for _, verdict in undecided])
        return replace(failure, message=f"{self.refusal.message}; {failure.message}") if self.refusal else failure

    def _all_allow(self, judgements: Sequence[Judgement]) -> Failure:
        subjects = " and ".join(verdict.subject.rstrip(",") for _, verdict in judgements)
        hidden = "resource control policies of the organization"
        if any(reason is Reason.ROLE_POLICY_DENIES for reason, _ in judgements):
            hidden += " and service control policies for the role"
        note = (
            f"all that can be read allows it ({subjects}). What cannot be read may refuse it: {hidden}, or a change "
            "that has not reached CloudTrail yet"
        )
        if self.refusal is None:
            return dependency(judgements[0][0], note)
        return replace(self.refusal, message=f"{self.refusal.message}; {note}")


class Dependency:
    """Something that a trail depends on, as AWS has it now."""

    def __init__(self, case: Case) -> None:
        self._case = case

    async def _call(self, operation: Read, region: str | None = None, **parameters: Any) -> dict[str, Any]:
        return await self._case.aws.call(operation, region or self._case.location.region, **parameters)

    async def _organization(self) -> str | None:
        """The id of the organization whose trail it is."""
        if not self._case.configuration.is_organization_trail:
            return None
        return (await self._case.aws.organization(self._case.location.region)).id

    async def _source_organization(self, *documents: str | None) -> Values:
        """The organization of the trail's owner; asked for only where a policy depends on it."""
        text = " ".join(document.lower() for document in documents if document)
        if "aws:sourceorgid" not in text and "aws:principalorgid" not in text:
            return _NOT_KNOWN
        region = self._case.location.region
        is_own = Arn.parse(self._case.arn).account == (await self._case.aws.identity(region)).account
        if not is_own and not self._case.configuration.is_organization_trail:
            return _NOT_KNOWN
        try:
            return ((await self._case.aws.organization(region)).id,)
        except AWSError as error:
            if error.code == _IN_NO_ORGANIZATION:
                return _IN_NONE
            may_not_look(error)
            return _NOT_KNOWN


def certain(failure: Failure) -> Judgement:
    """What is seen to be wrong, beside what policies refuse."""
    return failure.reason, Verdict("", Answer.REFUSED, (Finding(failure.message),))


def _told(reason: Reason, verdicts: Sequence[Verdict]) -> Failure:
    """The failure that these verdicts amount to."""
    advice = tuple(one for verdict in verdicts for one in _legacy(verdict))
    return replace(dependency(reason, ". ".join(verdict.message for verdict in verdicts)), advice=advice)


def is_denied(error: AWSError) -> bool:
    """Whether an error says that the operator may not look. 405: only a bucket's own account may."""
    denied = (Reason.ACCESS_DENIED, Reason.DENIED_BY_ORGANIZATION)
    return error.code == "MethodNotAllowed" or error.failure.reason in denied


def may_not_look(error: AWSError) -> None:
    """Raise the error, unless it says that the operator may not look."""
    if not is_denied(error):
        raise error


def dependency(reason: Reason, message: str) -> Failure:
    """The failure of a dependency."""
    return Failure(FailureClass.DEPENDENCY, reason, message)


def compact(statements: Statement | Sequence[Statement]) -> str:
    """Statements as a whole policy, or one statement by itself, on one line."""
    value = statements if isinstance(statements, dict) else {"Version": "2012-10-17", "Statement": list(statements)}
    return json.dumps(value, separators=(",", ":"))


def _legacy(verdict: Verdict) -> tuple[Advice, ...]:
    if not verdict.legacy_principal:
        return ()
    message = (
        f"{verdict.subject} lets CloudTrail in only by the accounts that it once had in single regions: name the "
        "service principal cloudtrail.amazonaws.com instead"
    )
    return (Advice(Reason.LEGACY_PRINCIPAL, message),)
