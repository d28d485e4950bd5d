"""`trail-operator export`: print manifests for existing trails."""

import argparse
import asyncio
import sys

from trail_operator.cli.access_flags import add_access_flags, read_access
from trail_operator.cli.parser import Commands, Parser
from trail_operator.cli.setting_flags import add_setting_flags, read_settings
from trail_operator.domain.export import ExportSettings
from trail_operator.domain.ownership import Cluster
from trail_operator.preview.export_request import ExportRequest
from trail_operator.settings import PLANNING, Settings

_PURPOSE = "Print manifests for existing trails, so that the operator can adopt them."
_DESCRIPTION = f"""{_PURPOSE}

It reads AWS with the credentials of the caller, and writes nothing. A manifest has only fields that
differ from the defaults. Applied unchanged, it changes nothing but the owner tag. Trails of other
owners are only observed.

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
    add_access_flags(parser)
    settings = "The flags of `run` and their variables TRAIL_OPERATOR_*: give those that the operator has."
    add_setting_flags(parser.add_argument_group("settings of the operator", settings), PLANNING)
    parser.set_defaults(command=lambda arguments: _export(parser, arguments))


def _export(parser: Parser, arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments, parser.prog)
    options = read_access(parser, arguments, settings.region)
    try:
        request = ExportRequest.of(arguments.names, arguments.account, arguments.regions)
    except ValueError as error:
        parser.error(str(error))
    from trail_operator.preview.export import run_export  # imports boto3 and kubernetes, which --help does not need

    result = asyncio.run(run_export(request, _export_settings(settings, arguments), options))
    print(result.text, end="")
    for note in result.notes:
        print(f"{parser.prog}: {note}", file=sys.stderr)
    sys.exit(result.status)


def _export_settings(settings: Settings, arguments: argparse.Namespace) -> ExportSettings:
    name, former = settings.cluster_name, frozenset(settings.former_cluster_names)
    return ExportSettings(
        cluster=Cluster(name, former) if name else None,
        ignored_tags=tuple(settings.ignore_tags),
        default_account=settings.default_account,
        account_labels=dict(entry.split("=", 1) for entry in settings.account_selector.split(",") if entry),
        observe=arguments.observe,
    )
