"""The flags by which `plan`, `export` and `policy` reach AWS."""

import argparse

from trail_operator.cli.parser import Parser
from trail_operator.preview.options import AccessOptions, role_arns


def add_access_flags(parser: Parser) -> None:
    """Define the flags, in a group of their own."""
    group = parser.add_argument_group("access to AWS")
    group.add_argument(
        "--assume-role",
        action="store_true",
        help="Assume the roles of AWSAccounts (roleARN), with sessions that can only read. Without it, only accounts "
        "that the caller is in are read.",
    )
    group.add_argument(
        "--role-arn",
        metavar="ACCOUNT=ARN",
        action="append",
        default=[],
        help="Assume this role for an account, with a session that can only read; can be repeated.",
    )
    group.add_argument(
        "--endpoint-url",
        metavar="URL",
        default="",
        help="Use this endpoint for AWSAccounts with the same endpointURL. Any other endpointURL is ignored.",
    )


def read_access(parser: Parser, arguments: argparse.Namespace, region: str | None) -> AccessOptions:
    """Return what the flags say, or end the process with what is wrong with them."""
    try:
        roles = role_arns(arguments.role_arn)
    except ValueError as error:
        parser.error(f"--role-arn: {error}")
    return AccessOptions(region, arguments.assume_role, roles, arguments.endpoint_url)
