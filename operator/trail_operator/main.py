"""The command `trail-operator`. Importing this module registers the kopf handlers, so `kopf run -m` works as well."""

import asyncio
import logging
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import kopf
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import CliApp, SettingsConfigDict, SettingsError

from trail_operator import watch  # noqa: F401 - registers the handlers
from trail_operator.cli import crds
from trail_operator.runtime import logs
from trail_operator.settings import Settings

_OPEN_FILES = 65_536


class Run(Settings):
    """Run the operator: keep AWS CloudTrail trails as the Trail resources of the cluster say.

    Every flag can be given as an environment variable instead: --cluster-name as TRAIL_OPERATOR_CLUSTER_NAME.
    """

    model_config = SettingsConfigDict(cli_prog_name="trail-operator run", cli_kebab_case=True)


class Crds(BaseModel):
    """Write the CustomResourceDefinitions."""

    model_config = ConfigDict(title="trail-operator crds")

    output: Annotated[
        list[Path], Field(description="A directory to write into; may be given several times. Default: crds.")
    ] = [Path("crds")]


def run(arguments: list[str]) -> None:
    """Run the operator until SIGTERM."""
    settings = _settings(arguments)
    _allow_open_files()
    logs.configure(settings.log_format, settings.log_level)
    stop, failure = asyncio.Event(), logs.LastFailure("kopf._core.reactor")

    def leave() -> NoReturn:
        failed = f"a watch of the Kubernetes API has failed: {failure}"
        _leave(memo.get("problem") or (None if stop.is_set() else failed))

    memo = kopf.Memo(settings=settings, leave=leave, stop=stop)
    try:
        kopf.run(
            memo=memo,
            stop_flag=stop,
            clusterwide=not settings.namespace,
            namespaces=settings.namespace,
            standalone=True,
        )
    except Exception:
        if "problem" not in memo:
            raise
    leave()


def _allow_open_files() -> None:
    """Allow as many connections at once as the system lets us have: the ordinary limit is often 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _leave(problem: str | None) -> NoReturn:
    """End the process at once, and say why if that was not asked for.

    An AWS call that is still hanging in its thread would hold an ordinary exit: it counts as a lost answer.
    """
    if problem:
        print(f"trail-operator run: {problem}", file=sys.stderr, flush=True)
    logging.shutdown()
    os._exit(1 if problem else 0)


def _settings(arguments: list[str]) -> Run:
    """The settings by flags and variables; ends with what to write instead where one of them is wrong."""
    try:
        return CliApp.run(Run, cli_args=arguments)
    except ValidationError as error:
        sys.exit(f"trail-operator run: {'; '.join(map(_problem, error.errors()))}")
    except SettingsError as error:
        sys.exit(f"trail-operator run: {error}")


def _problem(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    return f"--{str(error['loc'][0]).replace('_', '-')}: {message}" if error["loc"] else message


def write_crds(arguments: list[str]) -> None:
    """Write the CustomResourceDefinitions and say where."""
    for directory in CliApp.run(Crds, cli_args=arguments).output:
        print("\n".join(map(str, crds.write(directory))))


_COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "run": run,
    "crds": write_crds,
}


def main() -> None:
    """Carry out the command that the arguments name."""
    name, *arguments = sys.argv[1:] or ["--help"]
    command = _COMMANDS.get(name)
    if command is not None:
        command(arguments)
        return
    if name == "--version":
        print(f"trail-operator {version('trail-operator')}")
        return
    usage = "usage: trail-operator COMMAND | --version\n\n" + "".join(
        f"  {name:10} {function.__doc__}\n" for name, function in _COMMANDS.items()
    )
    if name in ("-h", "--help"):
        print(usage, end="")
        return
    sys.exit(f"trail-operator: there is no command {name!r}\n{usage}")


if __name__ == "__main__":
    main()
