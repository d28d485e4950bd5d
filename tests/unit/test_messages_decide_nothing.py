"""Messages are for people: whoever words one anew must not change what the operator does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import trail_operator

OPERATOR = Path(trail_operator.__file__).parent
TAKING_APART = {
    *("split", "rsplit", "partition", "rpartition", "splitlines", "find", "index", "count"),
    *("startswith", "endswith", "removeprefix", "removesuffix"),
}
ALLOWED = {
    "errors.py": "AWS's words, where one code has several causes",
    "advisory.py": "whether an Advisory says what is to be said now; nothing is taken out of it",
}


def _has_message(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr == "message" for part in ast.walk(node))


def messages_read(source: str) -> Iterator[int]:
    """The lines in which something is looked for in a message, or taken out of one."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(ops=ops, comparators=compared):
                if any(isinstance(op, ast.In | ast.NotIn) for op in ops) and any(map(_has_message, compared)):
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=arguments):
                if any(map(_has_message, arguments)):
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=value, attr=attr)):
                if attr in TAKING_APART and _has_message(value):
                    yield node.lineno


def test_no_decision_is_read_out_of_a_message() -> None:
    found = [
        f"{path.relative_to(OPERATOR)}:{line}"
        for path in sorted(OPERATOR.rglob("*.py"))
        if path.name not in ALLOWED
        for line in messages_read(path.read_text())
    ]
    assert found == [], "hand on a reason or a value of its own, beside the message"


@pytest.mark.parametrize(
    "code",
    [
        "if 'denied' in failure.message: pass",
        "re.split('; ', condition.message)",
        "condition.message.split('; ')",
        "if str(error.message).lower().startswith('no'): pass",
    ],
)
def test_what_reads_a_message_is_found(code: str) -> None:
    assert [*messages_read(code)] == [1]
