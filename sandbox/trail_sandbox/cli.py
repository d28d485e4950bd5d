"""The command `sandbox`: a Kubernetes and an AWS on this machine, brought up and taken down."""

import argparse
import shlex
import sys

from trail_sandbox.binaries.cache import ProgramUnavailableError
from trail_sandbox.sandbox import Sandbox, SandboxError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 1 where it could not be done."""
    options = _parser().parse_args(arguments)
    try:
        sandbox = Sandbox(options.name)
        return int(options.command(sandbox, options) or 0)
    except (ProgramUnavailableError, SandboxError, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default="default", help="which sandbox (default: %(default)s)")
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, purpose in (
        ("up", _up, "start what is not running and wait until all answers"),
        ("env", _env, 'print shell exports: eval "$(sandbox env)"'),
        ("down", _down, "end every process and remove every file"),
        ("status", _status, "tell what runs"),
    ):
        commands.add_parser(name, parents=[common], help=purpose).set_defaults(command=command)
    return parser


def _up(sandbox: Sandbox, _: argparse.Namespace) -> None:
    sandbox.up()


def _env(sandbox: Sandbox, _: argparse.Namespace) -> None:
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


if __name__ == "__main__":
    sys.exit(main())
