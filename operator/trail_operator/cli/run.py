"""`trail-operator run`: run the operator. Its flags are the fields of `Settings`."""

import argparse

from trail_operator.cli.parser import Commands
from trail_operator.cli.setting_flags import add_setting_flags, read_settings

_PURPOSE = "Run the operator until SIGTERM."
_DESCRIPTION = f"""{_PURPOSE}

Every flag can also be set by an environment variable, for example --cluster-name by
TRAIL_OPERATOR_CLUSTER_NAME. Flags win. In a variable, separate the items of a list by commas."""


def add_to(commands: Commands) -> None:
    """Define the command, with a flag for each setting."""
    parser = commands.add_parser("run", help=_PURPOSE, description=_DESCRIPTION, usage="%(prog)s [flags]")
    add_setting_flags(parser.flags)
    parser.set_defaults(command=_run)


def _run(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments)
    from trail_operator.cli import operator_process  # imports kopf, boto3 and kubernetes, which --help does not need

    operator_process.run(settings)
