"""The flags by which commands reach AWS."""

import pytest

from trail_operator.cli.access_flags import add_access_flags, read_access
from trail_operator.cli.parser import Parser
from trail_operator.preview.access import reads_only
from trail_operator.preview.options import AccessOptions, role_arns

ROLE = "arn:aws:iam::111122223333:role/path/auditor"


def read(*arguments: str) -> AccessOptions:
    parser = Parser(prog="trail-operator export")
    add_access_flags(parser)
    return read_access(parser, parser.parse_args(arguments), "eu-central-1")


def test_without_flags_only_the_callers_own_credentials_are_used() -> None:
    assert read() == AccessOptions(region="eu-central-1")


def test_flags_are_read() -> None:
    assert read("--assume-role", f"--role-arn=111122223333={ROLE}", "--endpoint-url", "https://x") == AccessOptions(
        "eu-central-1", assume_role=True, role_arns={"111122223333": ROLE}, endpoint_url="https://x"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ROLE, "as ACCOUNT=ARN"),
        ("111122223333=", "as ACCOUNT=ARN"),
        ("111122223333=arn:aws:iam::111122223333:user/alice", "as ACCOUNT=ARN"),
        (f"444455556666={ROLE}", "is not a role in account 444455556666"),
    ],
)
def test_an_invalid_role_is_one_line_and_status_1(text: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read("--role-arn", text)
    assert ended.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    assert problem in line


def test_an_account_has_one_role() -> None:
    assert role_arns([f"111122223333={ROLE}"] * 2) == {"111122223333": ROLE}
    with pytest.raises(ValueError, match="account 111122223333 has two roles"):
        role_arns([f"111122223333={ROLE}", f"111122223333={ROLE}2"])


def test_the_session_policy_fits_into_a_request() -> None:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    assert len(reads_only()) <= 2048
