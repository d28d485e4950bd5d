"""The commands `trail-operator` and `kubectl trail`: one module for each subcommand."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from types import ModuleType
from typing import NoReturn

from trail_operator.cli import completion, crds, export, plan, policy, run
from trail_operator.cli.parser import Parser

_PLUGIN = (plan, export, policy)
_COMMANDS = (run, *_PLUGIN, crds, completion)
_INTERRUPTED = 130


def main() -> None:
    """Run the command that the arguments name. A usage error ends the process with status 1 and one line."""
    _run(parser())


def kubectl_trail() -> None:
    """Run `kubectl trail`: kubectl starts `kubectl-trail` with the arguments after `trail`."""
    _run(parser("kubectl trail", _PLUGIN))


def parser(prog: str = "trail-operator", commands: Sequence[ModuleType] = _COMMANDS) -> Parser:
    """Return the parser of these commands."""
    root = Parser(
        prog=prog,
        usage=f"{prog} COMMAND [flags]",
        description="Manage AWS CloudTrail trails as Kubernetes resources.",
    )
    text = f"trail-operator {version('trail-operator')}"
    root.flags.add_argument("--version", action="version", version=text, help="Show the version and exit.")
    subparsers = root.add_subparsers(title="commands", metavar="COMMAND", required=True, prog=prog)
    for command in commands:
        command.add_to(subparsers)
    return root


def _run(root: Parser) -> None:
    try:
        arguments = root.parse_args(sys.argv[1:] or ["--help"])
        arguments.command(arguments)
    except BrokenPipeError as error:
        _end_without_output(error)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    finally:
        try:
            sys.stdout.flush()  # at the exit of the interpreter, an error would change the status
        except OSError as error:
            _end_without_output(error)


def _end_without_output(error: OSError) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    is_reader_gone = isinstance(error, BrokenPipeError)  # such as head
    sys.exit(1 if is_reader_gone else f"trail-operator: cannot write the output: {error.strerror}")
