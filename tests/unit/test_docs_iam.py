"""docs/iam.md lists exactly the permissions that the code uses."""

import json
import re
from pathlib import Path
from typing import get_args

from trail_operator.core.plan import Operation

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "operator" / "trail_operator").glob("**/*.py"))

# What AWS checks beside the call itself.
DEPENDENT = {"iam:PassRole", "iam:CreateServiceLinkedRole", "organizations:ListAWSServiceAccessForOrganization"}
# Calls whose permission has another name.
NAMES = {"s3:GetBucketEncryption": "s3:GetEncryptionConfiguration"}
# Needs no permission.
FREE = {"sts:GetCallerIdentity"}


def documents() -> list[dict[str, object]]:
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "iam.md").read_text(), re.DOTALL)
    return [json.loads(block) for block in blocks]


def documented() -> set[str]:
    found: set[str] = set()
    for document in documents():
        for statement in document["Statement"]:  # type: ignore[attr-defined]
            actions = statement["Action"]
            found |= {actions} if isinstance(actions, str) else set(actions)
    return found


def used() -> set[str]:
    """Every call in the code, by the four ways in which calls are written."""
    text = "\n".join(path.read_text() for path in SOURCES)
    call = r"(?:\b(?:_?aws|self)\.(?:call|_call)\(|\blist_all\(aws,)"
    direct = re.findall(call + r'\s*"(\w+)",\s*(?:\w+,\s*)?"(\w+)"', text)
    reads = re.findall(r'self\._read\(\w+, "(\w+)"', text)
    planned = get_args(Operation)
    return {f"{service}:{operation}" for service, operation in direct} | {
        f"cloudtrail:{operation}" for operation in (*reads, *planned)
    }


def test_the_documents_allow_what_the_code_calls_and_nothing_else() -> None:
    assert documented() - DEPENDENT == {NAMES.get(call, call) for call in used() - FREE}


def test_the_search_finds_calls_of_every_kind() -> None:
    assert used() >= {
        "sts:GetCallerIdentity",
        "cloudtrail:GetTrail",
        "cloudtrail:DescribeTrails",
        "iam:GetPolicyVersion",
        "iam:ListRolePolicies",
    }
