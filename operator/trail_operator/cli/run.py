"""`trail-operator run`: run the operator. Its flags are the fields of `Settings`."""

import argparse
import asyncio
import logging
import os
import resource
import sys
from contextlib import suppress
from typing import Any, Literal, NoReturn, get_args, get_origin

import kopf
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from trail_operator import main  # noqa: F401 - importing it registers the handlers
from trail_operator.cli.parser import Commands
from trail_operator.runtime import logs
from trail_operator.settings import Settings, default_text, flag

_PURPOSE = "Run the operator until SIGTERM."
_DESCRIPTION = f"""{_PURPOSE}

Every flag can also be set by an environment variable, for example --cluster-name by
TRAIL_OPERATOR_CLUSTER_NAME. Flags win. In a variable, separate the items of a list by commas."""
_OPEN_FILES = 65_536


def add_to(commands: Commands) -> None:
    """Define the command, with a flag for each setting."""
    parser = commands.add_parser("run", help=_PURPOSE, description=_DESCRIPTION, usage="%(prog)s [flags]")
    for name, field in Settings.model_fields.items():
        default = default_text(field)
        meaning = f"{field.description} (default: {default})" if default else field.description or ""
        parser.flags.add_argument(
            flag(name), dest=name, default=argparse.SUPPRESS, help=meaning.replace("%", "%%"), **_values(name, field)
        )
    parser.set_defaults(command=_run)


def _values(name: str, field: FieldInfo) -> dict[str, Any]:
    """Return what the flag takes, as arguments of `add_argument`. `Settings` validates the values."""
    if field.annotation is bool:
        return {"metavar": "true|false", "nargs": "?", "const": "true"}
    if get_origin(field.annotation) is Literal:
        return {"metavar": "|".join(get_args(field.annotation))}
    metavar = "DURATION" if name == "resync" else name.split("_")[-1].upper().removesuffix("S")
    return {"metavar": metavar, "action": "append" if get_origin(field.annotation) is list else "store"}


def _run(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments)
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
    """Raise the limit of open files, which is often 1,024, as far as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def _leave(problem: str | None) -> NoReturn:
    """End the process at once, with the problem on stderr if it was not asked to stop.

    An ordinary exit would wait for AWS calls that hang in their threads. They count as lost answers.
    """
    if problem:
        print(f"trail-operator run: {problem}", file=sys.stderr, flush=True)
    logging.shutdown()
    os._exit(1 if problem else 0)


def read_settings(arguments: argparse.Namespace) -> Settings:
    """Return the settings, or end the process with what is wrong with them."""
    flags = {name: given for name, given in vars(arguments).items() if name in Settings.model_fields}
    lists = {name: ",".join(given) for name, given in flags.items() if isinstance(given, list)}
    try:
        return Settings(**{**flags, **lists})
    except ValidationError as error:
        sys.exit(f"trail-operator run: {'; '.join(map(_problem, error.errors()))}")


def _problem(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    return f"{flag(str(error['loc'][0]))}: {message}" if error["loc"] else message
