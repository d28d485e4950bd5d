"""`trail-operator export`: print manifests for existing trails."""

import argparse
import asyncio
import logging
import sys

from trail_operator.cli.access_flags import add_access_flags, read_access
from trail_operator.cli.internal_errors import without_traceback
from trail_operator.cli.parser import Commands, Parser
from trail_operator.cli.setting_flags import add_operator_flags, read_settings
from trail_operator.preview.export_request import ExportRequest

_PURPOSE = "Print manifests for existing trails, so that the operator can adopt them."
_DESCRIPTION = f"""{_PURPOSE}

It reads AWS with the credentials of the caller, and writes nothing. A manifest has only fields that
differ from the defaults. Applied unchanged, it changes nothing but the owner tag. Trails of other
owners are only observed.

Settings of the operator that no flag or variable gives are those that it publishes with leader election.

Exit status: 0 if all was exported, 3 if something could not be read or exported, 1 if nothing was."""


def add_to(commands: Commands) -> None:
    """Define the command and its flags."""
    parser = commands.add_parser(
        "export", help=_PURPOSE, description=_DESCRIPTION, usage="%(prog)s [flags] [NAME|ARN]..."
    )
    parser.flags.add_argument("names", metavar="NAME|ARN", nargs="*", help="Export only these trails. (default: all)")
    parser.flags.add_argument(
        "--account",
        metavar="ACCOUNT",
        action="append",
        default=[],
        help="Export the trails of this account, by its number; can be repeated. (default: the accounts for which "
        "--assume-role or --role-arn name a role, else the caller's)",
    )
    parser.flags.add_argument(
        "--regions",
        metavar="REGION,...|all",
        default="",
        help="Export the trails that these regions show; a trail of several regions is exported in its home region. "
        "(default: the region of the account, else of the AWS environment)",
    )
    parser.flags.add_argument("--observe", action="store_true", help="Set managementPolicy: Observe in all manifests.")
    parser.flags.add_argument(
        "--alarms",
        action="store_true",
        help="Also print, as comments, a TrailAlarmSet for the metric filters on the log group of each trail.",
    )
    add_access_flags(parser)
    add_operator_flags(parser)
    parser.set_defaults(command=lambda arguments: _run(parser, arguments))


def _run(parser: Parser, arguments: argparse.Namespace) -> None:
    given = read_settings(arguments, parser.prog)
    access = read_access(parser, arguments, given.region)
    try:
        request = ExportRequest.of(arguments.names, arguments.account, arguments.regions)
    except ValueError as error:
        parser.error(str(error))
    from trail_operator.preview.export import ExportCommand, run_export  # imports what --help does not need

    logging.getLogger().addHandler(logging.NullHandler())  # what libraries log is in the notes, if it matters
    with without_traceback(parser.prog):
        result = asyncio.run(
            run_export(
                ExportCommand(request, given, arguments.operator_namespace, access, arguments.observe, arguments.alarms)
            )
        )
    print(result.text, end="")
    for note in result.notes:
        print(f"{parser.prog}: {note}", file=sys.stderr)
    sys.exit(result.status)
