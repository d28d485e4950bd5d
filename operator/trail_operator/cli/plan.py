"""`trail-operator plan`: show what the operator would do."""

import argparse
import asyncio
import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from trail_operator.cli.access_flags import add_access_flags, read_access
from trail_operator.cli.internal_errors import without_traceback
from trail_operator.cli.parser import Commands, Parser
from trail_operator.cli.setting_flags import add_operator_flags, read_settings

if TYPE_CHECKING:
    from trail_operator.preview.plan_report import PlanReport

_PURPOSE = "Show what the operator would do about Trails and TrailAlarmSets. Writes nothing."
_DESCRIPTION = f"""{_PURPOSE}

It reads the manifests, the cluster of the kubeconfig if there is one, and AWS with your own credentials.
Settings of the operator that no flag or variable gives are those that it publishes with leader election,
else they are unknown.

Exit status: 0 if nothing changes, 2 if something does, 3 if something cannot be applied or is unknown, 1 for errors."""
_FORMATS = ("text", "json", "markdown")


def add_to(commands: Commands) -> None:
    """Define the command and its flags."""
    parser = commands.add_parser("plan", help=_PURPOSE, description=_DESCRIPTION, usage="%(prog)s [flags]")
    parser.flags.add_argument(
        "-f",
        "--filename",
        metavar="FILE|DIRECTORY|-",
        action="append",
        default=[],
        help="Manifests of Trails, TrailAlarmSets and AWSAccounts; can be repeated. Other kinds are ignored. "
        "Default: the Trails and TrailAlarmSets of the cluster.",
    )
    parser.flags.add_argument(
        "-o", "--output", metavar="|".join(_FORMATS), choices=_FORMATS, default="text", help="Format. (default: text)"
    )
    add_access_flags(parser)
    add_operator_flags(parser)
    parser.set_defaults(command=lambda arguments: _run(parser, arguments))


def _run(parser: Parser, arguments: argparse.Namespace) -> None:
    # Imports what --help does not need.
    from trail_operator.domain.object_plan import exit_status
    from trail_operator.preview.manifests import ManifestError
    from trail_operator.preview.plan_command import PlanError, PlanRequest, plan_command
    from trail_operator.preview.plan_output import rendered
    from trail_operator.preview.progress import Progress

    given = read_settings(arguments, parser.prog)
    access = read_access(parser, arguments, given.region)
    request = PlanRequest(arguments.filename, given, arguments.operator_namespace, access)
    progress = Progress(sys.stderr, time.monotonic)
    logging.getLogger().addHandler(logging.NullHandler())  # what libraries log is in the messages, if it matters

    async def plan() -> "PlanReport":
        showing = asyncio.create_task(progress.keep_showing())
        try:
            return await plan_command(request, progress.set)
        finally:
            showing.cancel()
            progress.end()

    with without_traceback(parser.prog):
        try:
            report = asyncio.run(plan())
        except ManifestError as error:
            sys.exit("\n".join(f"{parser.prog}: {problem}" for problem in error.problems))
        except PlanError as error:
            sys.exit(f"{parser.prog}: {error}")
    sys.stdout.write(rendered(report, arguments.output, colour=has_colour()))
    sys.exit(exit_status(report.plans))


def has_colour() -> bool:
    """Return whether standard output is a terminal that is to show colours: https://no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
