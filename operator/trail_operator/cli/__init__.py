"""The command `trail-operator`: one module for each subcommand."""

import sys
from importlib.metadata import version

from trail_operator.cli import crds, export, policy, run
from trail_operator.cli.parser import Parser


def main() -> None:
    """Run the command that the arguments name. A usage error ends the process with status 1 and one line."""
    arguments = parser().parse_args(sys.argv[1:] or ["--help"])
    arguments.command(arguments)


def parser() -> Parser:
    """Return the parser of all commands."""
    root = Parser(
        prog="trail-operator",
        usage="trail-operator COMMAND [flags]",
        description="Manage AWS CloudTrail trails as Kubernetes resources.",
    )
    text = f"trail-operator {version('trail-operator')}"
    root.flags.add_argument("--version", action="version", version=text, help="Show the version and exit.")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True, prog="trail-operator")
    for command in (run, export, policy, crds):
        command.add_to(commands)
    return root
