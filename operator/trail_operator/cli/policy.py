"""`trail-operator policy`: print the policies that trails, and the operator itself, need."""

import argparse
import asyncio
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trail_operator.api.trail_rules import ACCOUNT_PATTERN
from trail_operator.aws.grants import FEATURES
from trail_operator.cli.access_flags import add_access_flags, read_access
from trail_operator.cli.internal_errors import without_traceback
from trail_operator.cli.parser import Commands, Parser
from trail_operator.domain.arns import Arn

if TYPE_CHECKING:
    from trail_operator.preview.policy_command import PolicyRequest

_PURPOSE = "Print the policies that trails, alarms, or the operator itself, need."
_DESCRIPTION = f"""{_PURPOSE}

Prints the statements to add to the policy of a bucket, topic, key or role, or to the policy of the
operator's own identity, for Trails and TrailAlarmSets in manifests and for trails in AWS. Says on
stderr of each statement whether it is required, and why. Writes nothing to AWS or to the cluster.

Exit status: 0 if the policy can be used as printed, 1 for an error, 3 with --merge if a statement in
the existing policy denies what adding cannot correct, and if a policy is too long for AWS."""
_KINDS = ("bucket", "topic", "key", "role", "operator")
_ORGANIZATION = r"o-[a-z0-9]{10,32}"


def add_to(commands: Commands) -> None:
    """Define the command and its flags."""
    usage = f"%(prog)s {'|'.join(_KINDS)} [flags] [TRAIL-ARN ...]"
    parser = commands.add_parser("policy", help=_PURPOSE, description=_DESCRIPTION, usage=usage)
    parser.add_argument("kind", choices=_KINDS, metavar="|".join(_KINDS), help="Whose policy.")
    parser.add_argument(
        "arns", nargs="*", default=[], metavar="TRAIL-ARN", help="A trail in AWS. Its settings are read from AWS."
    )
    _add_general_flags(parser)
    _add_trail_flags(parser)
    _add_special_flags(parser)
    add_access_flags(parser)
    parser.set_defaults(command=lambda arguments: _run(parser, arguments))


def _add_general_flags(parser: Parser) -> None:
    add = parser.flags.add_argument
    add(
        "-f",
        "--filename",
        metavar="FILE",
        action="append",
        default=[],
        help="A file or directory with manifests of Trails, TrailAlarmSets and AWSAccounts, - for standard input; can "
        "be repeated.",
    )
    add("-o", "--output", choices=("json", "cloudformation"), default="json", help="The output format. (default: json)")
    whole = parser.flags.add_mutually_exclusive_group()
    whole.add_argument(
        "--merge",
        metavar="FILE",
        help="Print the policy in this file with what it lacks added. Nothing that is there changes.",
    )
    whole.add_argument(
        "--complete",
        action="store_true",
        help="Print a whole policy for a new resource. It would replace an existing one.",
    )
    add("--resource", metavar="NAME", default="", help="The bucket, topic, key or role, if the Trails use several.")


def _add_trail_flags(parser: Parser) -> None:
    add = parser.add_argument_group("trails").add_argument
    add(
        "--account-id",
        metavar="ID",
        default="",
        help="The account of Trails for which no AWSAccount among the manifests says it. (default: that of the "
        "AWSAccount in the cluster; for Trails without one, the caller's)",
    )
    add("--region", metavar="REGION", help="The region of Trails that name none. (default: the caller's)")
    add(
        "--organization-id",
        metavar="ID",
        default="",
        help="The organization of organization trails. (default: read from AWS)",
    )
    add(
        "--management-account-id",
        metavar="ID",
        default="",
        help="With --organization-id, the organization's management account. (default: the Trail's account)",
    )


def _add_special_flags(parser: Parser) -> None:
    key = parser.add_argument_group("policy key").add_argument
    key(
        "--encrypts",
        choices=("trail", "topic", "bucket"),
        default="trail",
        help="What the key encrypts: log files (kmsKeyID), the topic, or the bucket by default. (default: trail)",
    )
    key("--bucket-key", action="store_true", help="The bucket has an S3 Bucket Key.")
    parser.add_argument_group("policy role").add_argument(
        "--part", choices=("trust", "permissions"), help="Only one of the role's policies; required with --merge."
    )
    operator = parser.add_argument_group("policy operator")
    features = operator.add_mutually_exclusive_group()
    names = ", ".join(FEATURES)
    features.add_argument(
        "--features", metavar="NAMES", help=f"Only these features, separated by commas: {names}. (default: all)"
    )
    features.add_argument("--read-only", action="store_true", help="Only what plan, export and Observe need.")
    operator.add_argument("--event-queue", metavar="ARN", default="", help="The ARN of the event queue.")
    operator.add_argument(
        "--cluster-name",
        metavar="NAME",
        default="",
        help="The name of the cluster, with which the names of alarms begin. (default: any)",
    )


def _run(parser: Parser, given: argparse.Namespace) -> None:
    _check(parser, given)
    access = read_access(parser, given, given.region or os.environ.get("TRAIL_OPERATOR_REGION") or None)
    existing = _read(parser, given.merge) if given.merge else None
    # Imported here: these import boto3, which --help does not need.
    from trail_operator.domain.iam_policy.document import MalformedPolicyError
    from trail_operator.preview.manifests import ManifestError
    from trail_operator.preview.policy_command import compose
    from trail_operator.preview.policy_subjects import PolicyError

    with without_traceback(parser.prog):
        try:
            output = asyncio.run(compose(_request(given, existing), access))
        except (ManifestError, PolicyError) as error:
            sys.exit("\n".join(f"{parser.prog}: {problem}" for problem in error.problems))
        except MalformedPolicyError as error:
            sys.exit(f"{parser.prog}: {given.merge}: {error}")
    sys.stdout.write(output.text)
    for remark in output.remarks:
        print(remark, file=sys.stderr)
    sys.exit(output.status)


def _request(given: argparse.Namespace, existing: str | None) -> "PolicyRequest":
    from trail_operator.preview.policy_command import PolicyRequest
    from trail_operator.preview.policy_drafts import Choice
    from trail_operator.preview.policy_trails import Given

    return PolicyRequest(
        given.kind,
        given.filename,
        given.arns,
        Given(given.account_id, given.organization_id, given.management_account_id),
        Choice(
            resource=given.resource,
            encrypts=given.encrypts,
            has_bucket_key=given.bucket_key,
            features=tuple(_features(given.features)),
            read_only=given.read_only,
            queue=given.event_queue,
            account=given.account_id,
            cluster=given.cluster_name,
        ),
        given.part,
        existing,
        given.complete,
        given.output,
    )


def _check(parser: Parser, arguments: argparse.Namespace) -> None:
    """End the process for flags that are invalid, or have no effect."""
    kind, given = arguments.kind, arguments
    of_kinds = {
        "key": given.encrypts != "trail" or given.bucket_key,
        "role": given.part,
        "operator": given.features or given.read_only or given.event_queue or given.cluster_name,
    }
    for of_kind, is_given in of_kinds.items():
        if is_given and of_kind != kind:
            parser.error(f"policy {kind} does not take the flags of policy {of_kind}")
    if kind == "role" and given.merge and not given.part:
        parser.error("--merge needs --part: a role has a trust policy and permissions")
    if kind != "operator" and not given.filename and not given.arns:
        parser.error("give manifests (-f) or ARNs of trails")
    if kind == "operator" and given.resource:
        parser.error("policy operator does not take --resource")
    if given.merge == "-" and "-" in given.filename:
        parser.error("standard input (-) can be given only once")
    for flag in ("account_id", "management_account_id"):
        if getattr(given, flag) and not re.fullmatch(ACCOUNT_PATTERN, getattr(given, flag)):
            parser.error(f"--{flag.replace('_', '-')} must be an account ID of 12 digits")
    if given.organization_id and not re.fullmatch(_ORGANIZATION, given.organization_id):
        parser.error("--organization-id must be the ID of an organization, such as o-a1b2c3d4e5")
    queue = Arn.try_parse(given.event_queue)
    if given.event_queue and (queue is None or queue.service != "sqs"):
        parser.error("--event-queue must be the ARN of a queue")
    unknown = [name for name in _features(given.features) if name not in FEATURES]
    if unknown:
        parser.error(f"--features: {', '.join(unknown)} is none of {', '.join(FEATURES)}")


def _features(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _read(parser: Parser, path: str) -> str:
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        parser.error(f"cannot read {path}: {error.strerror}")
    except UnicodeDecodeError:
        parser.error(f"cannot read {path}: it is not text in UTF-8")
