"""What `policy` prints: statements, a completed or a whole policy, as JSON or for CloudFormation, and remarks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from trail_operator.domain.arns import Arn
from trail_operator.domain.iam_policy.combined import AdvisedStatement, combine
from trail_operator.domain.iam_policy.completion import complete
from trail_operator.domain.iam_policy.prescribed import policy_document
from trail_operator.domain.iam_policy.size_limits import SizeLimit, compact
from trail_operator.preview.policy_drafts import Draft

NOT_CORRECTED = 3
"""Exit status: a Deny that adding statements cannot correct, or a policy that is too long for AWS."""


@dataclass
class Output:
    """What is printed, and the exit status."""

    text: str = ""
    remarks: list[str] = field(default_factory=list)
    status: int = 0


@dataclass(frozen=True)
class _Composed:
    """A draft with its statements. `policy`: the whole or completed policy; None for statements to add."""

    draft: Draft
    statements: tuple[AdvisedStatement, ...]
    policy: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The policy as a value; of statements to add, one with them alone."""
        text = self.policy or policy_document([one.statement for one in self.statements])
        document: dict[str, Any] = json.loads(text)
        return document


def statements_to_add(drafts: Sequence[Draft], output_format: str) -> Output:
    """Return the statements alone."""
    composed = [_Composed(draft, tuple(combine(draft.parts))) for draft in drafts]
    output = Output(remarks=[remark for one in composed for remark in _remarks(one.statements)])
    if output_format == "json":
        lists = {one.draft.attribute: [each.statement for each in one.statements] for one in composed}
        output.text = _json(lists if len(lists) > 1 else next(iter(lists.values())))
    else:
        output.text = _yaml(_attributes(composed))
    return output


def whole_policies(drafts: Sequence[Draft], output_format: str) -> Output:
    """Return policies for new resources."""
    composed = []
    output = Output()
    for draft in drafts:
        statements = (*draft.owner, *combine(draft.parts))
        policy = _fitting(policy_document([one.statement for one in statements]), draft, output)
        composed.append(_Composed(draft, statements, policy))
        output.remarks += [
            f"This is the whole policy: it replaces {draft.name}, if there is one",
            *_remarks(statements),
        ]
    if output.status == 0:
        output.text = _whole(composed) if output_format == "json" else _template(composed)
    return output


def completed_policy(existing: str, draft: Draft, output_format: str) -> Output:
    """Return an existing policy with what it lacks. Raises MalformedPolicyError."""
    output = Output()
    completion = complete(existing, draft.parts, draft.name)
    added = [f"added: {remark}" for remark in _remarks(completion.added)]
    output.remarks += added or ["Nothing is missing"]
    policy = _fitting(completion.policy, draft, output)
    if output.status == 0:
        composed = _Composed(draft, completion.added, policy)
        output.text = f"{policy.rstrip()}\n" if output_format == "json" else _yaml(_attributes([composed]))
    for message in (*completion.denied, *completion.unclear):
        output.remarks.append(f"Adding statements cannot correct this: {message}")
        output.status = NOT_CORRECTED
    return output


def _fitting(policy: str, draft: Draft, output: Output) -> str:
    """Return a policy that is short enough for AWS: without spaces if it must be. Else note it."""
    limit: SizeLimit = draft.limit
    if limit.excess(policy) is None:
        return policy
    shorter = compact(policy)
    excess = limit.excess(shorter)
    if excess is None:
        output.remarks.append("Printed without spaces, as it would be too long for AWS with them")
        return shorter
    output.remarks.append(f"Not printed, as it would be too long: {excess}")
    output.status = NOT_CORRECTED
    return policy


def _remarks(statements: Sequence[AdvisedStatement]) -> list[str]:
    """Return a line for each statement: its name, whether it is required, and why."""
    return [f"{_name(one)}: {one.requirement}: {one.reason}" for one in statements]


def _name(advised: AdvisedStatement) -> str:
    statement = advised.statement
    return str(statement.get("Sid") or statement["Action"])


def _whole(composed: Sequence[_Composed]) -> str:
    if len(composed) == 1:
        return f"{composed[0].policy}\n"
    return _json({one.draft.attribute: one.document for one in composed})


def _attributes(composed: Sequence[_Composed]) -> dict[str, Any]:
    """Return the attributes of a CloudFormation resource that have these policies."""
    found: dict[str, Any] = {one.draft.attribute: one.document for one in composed}
    if len(found) > 1:  # a role: its permissions are in a list of policies
        found["Policies"] = [{"PolicyName": "cloudtrail-log-group", "PolicyDocument": found.pop("PolicyDocument")}]
    return found


def _template(composed: Sequence[_Composed]) -> str:
    resource = _resource(composed[0].draft, _attributes(composed))
    name = resource["Type"].rpartition(":")[2]
    return _yaml({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {name: resource}})


def _resource(draft: Draft, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the resource of a template: for a key and a role the resource itself, else its policy."""
    if draft.attribute == "KeyPolicy":
        properties = {"Description": "Encrypts log files of CloudTrail", "EnableKeyRotation": True, **attributes}
        kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
        return {"Type": "AWS::KMS::Key", **kept, "Properties": properties}
    arn = Arn.try_parse(draft.resource)
    if arn is None:
        bucket = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": draft.resource, **attributes}}
        return bucket if draft.resource else {"Type": "AWS::IAM::ManagedPolicy", "Properties": attributes}
    if arn.service == "sns":
        return {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": [draft.resource], **attributes}}
    path = f"/{arn.resource_id.removesuffix(arn.name)}"
    return {"Type": "AWS::IAM::Role", "Properties": {"RoleName": arn.name, "Path": path, **attributes}}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _yaml(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_WithoutAliases, sort_keys=False, width=120)
    return text


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True
