"""What docs/iam.md has of the table of AWS operations: the operator's IAM policies, and what each call is for."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from docs.reference import table

from trail_operator.aws.grants import Grant
from trail_operator.aws.operations import OPERATIONS, Operation, Queue, Write
from trail_operator.aws.permissions import statement


def policy(grants: Iterable[Grant]) -> str:
    """A policy of these statements, as a block of Markdown."""
    document = {"Version": "2012-10-17", "Statement": [statement(grant, [grant.resource]) for grant in grants]}
    return f"```json\n{json.dumps(document, indent=2)}\n```\n"


def operations() -> str:
    """Every operation, each with the actions that it needs, when and why."""
    return table(
        ["call", "kind", "IAM action", "needed", "why"], (row for operation in OPERATIONS for row in _rows(operation))
    )


def _rows(operation: Operation) -> Iterator[tuple[str, ...]]:
    """A row for the operation's own action, and one for all others that are needed for the same."""
    kinds: dict[type[Operation], str] = {Write: "write", Queue: "queue"}
    call = f"`{operation}`", kinds.get(type(operation), "read")
    if not operation.permissions:
        yield *call, "none", "", operation.why
    for why, needed in groupby(operation.permissions, lambda one: one.why):
        permissions = [*needed]
        actions = dict.fromkeys(f"`{one.action}`" for one in permissions)
        yield *call, ", ".join(actions), "; ".join(dict.fromkeys(one.when for one in permissions)), why
