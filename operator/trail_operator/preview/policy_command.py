"""The command `policy`: reads trails, composes what their policies need, and renders it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from trail_operator.aws.regions import partition_of
from trail_operator.domain.arns import Arn
from trail_operator.preview.manifests import Manifests, read_manifests
from trail_operator.preview.options import AccessOptions
from trail_operator.preview.policy_drafts import DRAFTS, Choice
from trail_operator.preview.policy_output import Output, completed_policy, statements_to_add, whole_policies
from trail_operator.preview.policy_subjects import Subjects
from trail_operator.preview.policy_trails import Given, TrailReader


@dataclass(frozen=True)
class PolicyRequest:
    """What the command is asked for."""

    kind: str
    filenames: Sequence[str] = ()
    arns: Sequence[str] = ()
    given: Given = field(default_factory=Given)
    choice: Choice = field(default_factory=Choice)
    part: str | None = None
    existing: str | None = None
    """The policy to complete."""
    whole: bool = False
    output_format: str = "json"


async def compose(request: PolicyRequest, access: AccessOptions) -> Output:
    """Return what to print. Raises ManifestError, PolicyError or MalformedPolicyError."""
    manifests = read_manifests(request.filenames) if request.filenames else Manifests((), ())
    reader = TrailReader(access, request.given)
    subjects = await reader.read(manifests, request.arns)
    choice = replace(
        request.choice,
        account_roles=tuple(_account_roles(manifests)),
        partition=partition_of(access.region or "") or "aws",
    )
    drafts = DRAFTS[request.kind](subjects, choice)
    if request.part:
        drafts = [draft for draft in drafts if (draft.attribute == "PolicyDocument") is (request.part == "permissions")]
    if request.existing is not None:
        output = completed_policy(request.existing, drafts[0], request.output_format)
    elif request.whole:
        output = whole_policies(drafts, request.output_format)
    else:
        output = statements_to_add(drafts, request.output_format)
    left_out = _left_out(choice, subjects) if request.kind == "operator" else ()
    output.remarks += [*left_out, *reader.notes]
    return output


def _account_roles(manifests: Manifests) -> Iterator[str]:
    for manifest in manifests.accounts:
        role = manifest.spec.get("roleARN")
        if isinstance(role, str) and Arn.try_parse(role):
            yield role


def _left_out(choice: Choice, subjects: Subjects) -> Iterator[str]:
    """Yield what a policy with all features lacks, as nothing says what it is for."""
    everything = not choice.features
    if everything and not choice.account_roles:
        yield "Left out: accounts, as no manifest of an AWSAccount has a roleARN (-f)"
    if everything and not choice.queue and not choice.read_only:
        yield "Left out: events, as --event-queue is not given"
    if choice.features and "alarms" not in choice.features and subjects.alarms:
        yield "Left out: alarms, which the TrailAlarmSets need (--features)"
    if not subjects.trails and not choice.read_only:
        yield "Left out: iam:PassRole for the roles of log groups, as no manifest of a Trail names one (-f)"
