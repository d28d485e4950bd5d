"""Whether the dependencies of a trail allow CloudTrail to deliver, as the condition DependenciesReady says it.

Pure: the judgements come from `aws/diagnosis`. Knows nothing of when a dependency is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trail_operator.api.reasons import Reason
from trail_operator.domain.arns import Location
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.cloudtrail_calls import Kind, Named
from trail_operator.domain.cloudtrail_resources import ResourceRef, resources_of
from trail_operator.domain.conditions import State
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.iam_policy.verdict import Answer, Verdict
from trail_operator.domain.texts import sentences

Judgement = tuple[Reason, Verdict]
"""The verdict on a dependency of a trail, and the reason of the failure if it denies."""

DEPENDENCY_REASONS = frozenset(
    {
        Reason.BUCKET_NOT_FOUND,
        Reason.BUCKET_POLICY_DENIES,
        Reason.TOPIC_NOT_FOUND,
        Reason.TOPIC_POLICY_DENIES,
        Reason.KEY_NOT_FOUND,
        Reason.KEY_DISABLED,
        Reason.KEY_NOT_USABLE,
        Reason.KEY_POLICY_DENIES,
        Reason.LOG_GROUP_NOT_FOUND,
        Reason.ROLE_NOT_FOUND,
        Reason.ROLE_NOT_TRUSTED,
        Reason.ROLE_POLICY_DENIES,
        Reason.ORGANIZATION_NOT_READY,
    }
)
"""Reasons for which the repair of a dependency makes a trail Ready."""

# Where the parameters of the operator's own reads name a resource.
_PARAMETERS = (
    Named(Kind.BUCKET, ("Bucket",)),
    Named(Kind.KEY, ("KeyId",)),
    Named(Kind.ALIAS, ("KeyId",)),
    Named(Kind.TOPIC, ("TopicArn",)),
    Named(Kind.LOG_GROUP, ("logGroupNamePrefix",)),
    Named(Kind.ROLE, ("RoleName",)),
    Named(Kind.POLICY, ("PolicyArn",)),
)


@dataclass(frozen=True)
class DependentTrail:
    """A trail whose dependencies are judged: as its spec has it, with managementPolicy: Observe as AWS has it."""

    account: str | None
    """The AWSAccount whose credentials read the dependencies; None for the operator's own identity."""
    arn: str
    location: Location
    configuration: Configuration
    key_failure: Failure | None = None
    """Why spec.kmsKeyID could not be resolved."""

    @property
    def is_resolved(self) -> bool:
        """Whether it can be judged: a retry would not resolve its key."""
        return self.key_failure is None or self.key_failure.kind is not FailureClass.TRANSIENT


def resources_read(parameters: Mapping[str, Any], account: str, region: str) -> frozenset[ResourceRef]:
    """Return the resources that a read is about, in the form in which events name them."""
    return resources_of({"requestParameters": parameters}, _PARAMETERS, account, region)


def dependencies_state(
    trail: DependentTrail, judgements: Sequence[Judgement], unanswered: Sequence[Failure]
) -> State | None:
    """Return what the condition says; None if AWS did not answer, and what it answered does not decide.

    What certainly denies decides, then what is unknown. `unanswered`: why some dependencies could not be judged.
    """
    failure = trail.key_failure
    refused = [
        (reason, verdict.message)
        for reason, verdict in judgements
        if verdict.answer is Answer.REFUSED and verdict.unread is None
    ]
    if failure is not None and failure.reason in DEPENDENCY_REASONS:
        refused.insert(0, (failure.reason, failure.message))
    if refused:
        return State(False, refused[0][0], _joined(message for _, message in refused))
    if unanswered:
        return None
    return _unknown([verdict for _, verdict in judgements], failure) or _allowed(trail)


def not_evaluated(why: str) -> State:
    """Return the state of dependencies that are not judged."""
    return State(None, Reason.NOT_EVALUATED, f"Not evaluated: {why}")


def _unknown(verdicts: Sequence[Verdict], key_failure: Failure | None) -> State | None:
    """Return what cannot be determined, what a permission would show first."""
    lacking = [verdict.message for verdict in verdicts if verdict.unread]
    if key_failure is not None:  # of a permission: the others were handled before
        lacking.insert(0, key_failure.message)
    doubts = [verdict.message for verdict in verdicts if not verdict.unread and not verdict.allowed]
    if not lacking and not doubts:
        return None
    reason = Reason.READ_PERMISSION_MISSING if lacking else Reason.UNDECIDABLE
    return State(None, reason, _joined([*lacking, *doubts]))


def _allowed(trail: DependentTrail) -> State:
    unread = "resource control policies are not evaluated"
    if trail.configuration.cloud_watch_logs_role_arn:
        unread += ", nor are service control policies for the role"
    return State(True, Reason.ALLOWED, f"CloudTrail may deliver by the policies that can be read; {unread}")


def _joined(messages: Iterable[str]) -> str:
    return sentences(dict.fromkeys(messages))
