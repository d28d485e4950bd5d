"""Run a Kubernetes API server and an emulated AWS on this machine."""

import argparse
import contextlib
import os
import shlex
import shutil
import sys
import time

from trail_sandbox.binaries.cache import ProgramUnavailableError
from trail_sandbox.sandbox import Sandbox, SandboxError

_FOLLOW_SECONDS = 0.2
_INTERRUPTED = 130
_OTHER_CREDENTIALS = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
"""Variables that would select other credentials than the sandbox's."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 1 if it failed."""
    options = _parser().parse_args(arguments)
    try:
        with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
            return int(options.command(Sandbox(options.name), options) or 0)
    except (ProgramUnavailableError, SandboxError, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default="default", help="name of the sandbox (default: %(default)s)")
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, purpose in (
        ("up", _up, "start what is not running and wait until everything answers"),
        ("env", _env, 'print shell exports; use them with: eval "$(sandbox env)"'),
        ("down", _down, "stop all processes and remove all files"),
        ("status", _status, "show what is running; exit with 1 unless everything is"),
        ("logs", _logs, "print the log of a component or container; without LOG, list the logs"),
    ):
        command_parser = commands.add_parser(name, parents=[common], help=purpose)
        command_parser.set_defaults(command=command)
        if command is _up:
            command_parser.add_argument(
                "--no-background",
                dest="background",
                action="store_false",
                help="deliver log files only on request, not every few seconds",
            )
        if command is _logs:
            command_parser.add_argument("log", nargs="?", metavar="LOG")
            command_parser.add_argument(
                "--follow", "-f", action="store_true", help="also print new lines, until Ctrl-C"
            )
    return parser


def _up(sandbox: Sandbox, options: argparse.Namespace) -> None:
    sandbox.up(background=options.background)


def _env(sandbox: Sandbox, _: argparse.Namespace) -> None:
    for name in _OTHER_CREDENTIALS:
        if name in os.environ:
            print(f"unset {name}")
    for name, value in sandbox.environment().items():
        print(f"export {name}={shlex.quote(value)}")


def _down(sandbox: Sandbox, _: argparse.Namespace) -> None:
    sandbox.down()


def _status(sandbox: Sandbox, _: argparse.Namespace) -> int:
    components = sandbox.status()
    for component in components:
        state = f"running (pid {component.pid})" if component.pid else "not running"
        print(f"{component.name:<24} {state:<24} {component.address}")
    return 0 if all(component.pid for component in components) else 1


def _logs(sandbox: Sandbox, options: argparse.Namespace) -> None:
    files = sandbox.log_files()
    if options.log is None:
        for name, path in files.items():
            print(f"{name:<24} {path}")
        return
    if options.log not in files:
        raise SandboxError(f"there is no log {options.log!r}; the logs are: {', '.join(files) or 'none'}")
    with files[options.log].open(errors="replace") as log:
        shutil.copyfileobj(log, sys.stdout)
        while options.follow:
            sys.stdout.flush()
            time.sleep(_FOLLOW_SECONDS)
            shutil.copyfileobj(log, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
