"""What the diagnoses of all dependencies share: the trail, AWS's error if any, and how verdicts become a failure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.aws.client import Reads
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.dependencies import Judgement
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.iam_policy.command import printed_by
from trail_operator.domain.iam_policy.matching import Values
from trail_operator.domain.iam_policy.prescribed import Statement
from trail_operator.domain.iam_policy.verdict import Answer, Finding, Verdict
from trail_operator.domain.texts import capitalized, sentences
from trail_operator.domain.warnings import Advice

_IN_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"
_NOT_KNOWN: Values = ()
_IN_NONE: Values = (None,)


@dataclass(frozen=True)
class Case:
    """A trail for which AWS rejects a request or cannot deliver."""

    aws: Reads
    arn: str
    location: Location
    configuration: Configuration
    refusal: Failure | None = None

    def reason(self, otherwise: Reason) -> Reason:
        """Return the reason of AWS's own error, which stays if the cause is not certain."""
        return self.refusal.reason if self.refusal else otherwise

    def judged(self, *judgements: Judgement) -> Failure:
        """Return what denies, else what cannot be determined, else that everything readable allows it."""
        refused = [(reason, verdict) for reason, verdict in judgements if verdict.answer is Answer.REFUSED]
        undecided = [(reason, verdict) for reason, verdict in judgements if verdict.answer is Answer.UNDECIDABLE]
        if refused:
            return _failure_of(refused[0][0], [verdict for _, verdict in refused + undecided])
        if not undecided:
            return self._all_allow(judgements)
        failure = _failure_of(self.reason(undecided[0][0]), [verdict for _, verdict in undecided])
        return replace(failure, message=sentences([self.refusal.message, failure.message])) if self.refusal else failure

    def _all_allow(self, judgements: Sequence[Judgement]) -> Failure:
        subjects = " and ".join(verdict.subject.rstrip(",") for _, verdict in judgements)
        unreadable = "resource control policies of the organization"
        if any(reason is Reason.ROLE_POLICY_DENIES for reason, _ in judgements):
            unreadable += ", service control policies for the role"
        note = (
            f"All policies that the operator can read allow it ({subjects}). Something that it cannot read may deny "
            f"it: {unreadable}, or a change that has not reached CloudTrail yet"
        )
        if self.refusal is None:
            return dependency(judgements[0][0], note)
        return replace(self.refusal, message=sentences([self.refusal.message, note]))


class Dependency:
    """A resource in AWS that a trail depends on."""

    def __init__(self, case: Case) -> None:
        self._case = case

    async def _call(self, operation: Read, region: str | None = None, **parameters: Any) -> dict[str, Any]:
        return await self._case.aws.call(operation, region or self._case.location.region, **parameters)

    async def _organization(self) -> str | None:
        """Return the ID of the organization, for an organization trail."""
        if not self._case.configuration.is_organization_trail:
            return None
        return (await self._case.aws.organization(self._case.location.region)).id

    async def _source_organization(self, *documents: str | None) -> Values:
        """Return the organization of the trail's owner; read only if a policy depends on it."""
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
            raise_unless_denied(error)
            return _NOT_KNOWN


def certain(failure: Failure) -> Judgement:
    """Return the judgement on a problem that is certain, other than a policy that denies."""
    return failure.reason, Verdict("", Answer.REFUSED, (Finding(failure.message),))


def unverified(failure: Failure, *, permission: str = "") -> Judgement:
    """Return the judgement on what cannot be read, where AWS's refusal leaves no other cause.

    `permission`: the IAM action that the operator lacks; "" for a resource of another account.
    """
    reason, verdict = certain(failure)
    return reason, replace(verdict, unread=permission)


def _failure_of(reason: Reason, verdicts: Sequence[Verdict]) -> Failure:
    """Return the failure that these verdicts describe."""
    advice = tuple(one for verdict in verdicts for one in _legacy(verdict))
    return replace(dependency(reason, sentences(verdict.message for verdict in verdicts)), advice=advice)


def is_denied(error: AWSError) -> bool:
    """Return whether the operator lacks permission to read. MethodNotAllowed: the bucket is in another account."""
    denied = (Reason.ACCESS_DENIED, Reason.DENIED_BY_ORGANIZATION)
    return error.code == "MethodNotAllowed" or error.failure.reason in denied


def raise_unless_denied(error: AWSError) -> None:
    """Raise the error, unless it says that the operator lacks permission to read."""
    if not is_denied(error):
        raise error


def dependency(reason: Reason, message: str) -> Failure:
    """Return a failure of a dependency."""
    return Failure(FailureClass.DEPENDENCY, reason, message)


def printed(statements: Statement | Sequence[Statement]) -> str:
    """Return the command for statements, and the statements: as a policy, or a single one, as JSON on one line."""
    value = statements if isinstance(statements, dict) else {"Version": "2012-10-17", "Statement": list(statements)}
    return f"({printed_by(statements)}): {json.dumps(value, separators=(',', ':'))}"


def _legacy(verdict: Verdict) -> tuple[Advice, ...]:
    if not verdict.legacy_principal:
        return ()
    message = (
        f"{capitalized(verdict.subject)} allows CloudTrail only by accounts that it used before it had a service "
        "principal: name the service principal cloudtrail.amazonaws.com instead"
    )
    return (Advice(Reason.LEGACY_PRINCIPAL, message),)
