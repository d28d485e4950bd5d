"""ARNs are taken apart in one place, and come together again as they were."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import trail_operator
from trail_operator.domain.arns import Arn, Location, is_managed_alias

OPERATOR = Path(trail_operator.__file__).parent
# Where a colon is no part of an ARN.
OTHER_COLONS = {
    "sender.py": "IAM's actions, such as cloudtrail:CreateTrail",
    "command.py": "IAM's actions",
    "policy_output.py": "resource types of CloudFormation, such as AWS::S3::BucketPolicy",
    "health.py": "headers of HTTP",
    "route.py": "hosts with their ports",
}


@pytest.mark.parametrize(
    ("text", "parts", "resource_type", "resource_id", "name"),
    [
        (
            "arn:aws:cloudtrail:eu-central-1:123456789012:trail/audit",
            ("aws", "cloudtrail", "eu-central-1", "123456789012"),
            *("trail", "audit", "audit"),
        ),
        (
            "arn:aws-us-gov:iam::123456789012:role/eks/prod/operator",
            ("aws-us-gov", "iam", "", "123456789012"),
            *("role", "eks/prod/operator", "operator"),
        ),
        (
            "arn:aws:sts::123456789012:assumed-role/operator/session",
            ("aws", "sts", "", "123456789012"),
            *("assumed-role", "operator/session", "session"),
        ),
        (
            "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/trail:one",
            ("aws", "logs", "eu-central-1", "123456789012"),
            *("log-group", "/aws/trail:one", "trail:one"),
        ),
        (
            "arn:aws:sns:eu-central-1:123456789012:topic",
            ("aws", "sns", "eu-central-1", "123456789012"),
            *("", "topic", "topic"),
        ),
        ("arn:aws-cn:s3:::bucket", ("aws-cn", "s3", "", ""), *("", "bucket", "bucket")),
    ],
)
def test_an_arn_and_its_parts(
    text: str, parts: tuple[str, ...], resource_type: str, resource_id: str, name: str
) -> None:
    arn = Arn.parse(text)
    assert (arn.partition, arn.service, arn.region, arn.account) == parts
    assert (arn.resource_type, arn.resource_id, arn.name) == (resource_type, resource_id, name)
    assert arn.location == Location(arn.partition, arn.account, arn.region)
    assert str(arn) == text


@pytest.mark.parametrize("text", ["", "audit", "alias/logs", "arn:aws:iam::123456789012", "arm:aws:s3:::bucket"])
def test_what_is_no_arn(text: str) -> None:
    assert Arn.try_parse(text) is None
    with pytest.raises(ValueError, match="not an ARN"):
        Arn.parse(text)


@pytest.mark.parametrize(
    ("resource", "is_managed"),
    [("alias/aws/s3", True), ("alias/logs", False), ("alias/awsome", False), ("key/1", False)],
)
def test_which_aliases_are_of_keys_that_aws_manages(resource: str, is_managed: bool) -> None:
    assert is_managed_alias(f"arn:aws:kms:eu-central-1:123456789012:{resource}") is is_managed


def splits_at_colons(source: str) -> Iterator[int]:
    """The lines in which a text is taken apart at colons."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="split" | "rsplit" | "partition" | "rpartition"),
                args=[ast.Constant(value=str(where)), *_],
            ) if ":" in where and " " not in where:
                yield node.lineno


def test_no_other_module_takes_arns_apart() -> None:
    found = [
        f"{path.relative_to(OPERATOR)}:{line}"
        for path in sorted(OPERATOR.rglob("*.py"))
        if path.name not in ("arns.py", *OTHER_COLONS)
        for line in splits_at_colons(path.read_text())
    ]
    assert found == [], "parse ARNs with Arn.parse of arns.py: a position in a list says nothing of what stands there"


@pytest.mark.parametrize("code", ["arn.split(':')[3]", "arn.rpartition(':trail/')[2]", "a, b = arn.split(':', 1)"])
def test_what_takes_a_text_apart_is_found(code: str) -> None:
    assert [*splits_at_colons(code)] == [1]
