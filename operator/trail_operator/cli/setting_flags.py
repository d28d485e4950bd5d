"""A flag for each setting of the operator, and the settings that flags and variables give."""

import argparse
import sys
from collections.abc import Collection
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from trail_operator.cli.parser import Parser
from trail_operator.settings import PLANNING, Settings, default_text, flag


def add_setting_flags(group: Any, names: Collection[str] = tuple(Settings.model_fields)) -> None:
    """Define the flags of these settings in a group of a parser."""
    for name in names:
        field = Settings.model_fields[name]
        default = default_text(field)
        meaning = f"{field.description} (default: {default})" if default else field.description or ""
        group.add_argument(
            flag(name), dest=name, default=argparse.SUPPRESS, help=meaning.replace("%", "%%"), **_values(name, field)
        )


def add_operator_flags(parser: Parser) -> None:
    """Define the flags by which a command that plans gets the settings of the operator."""
    parser.flags.add_argument(
        "--operator-namespace",
        metavar="NAMESPACE",
        default="trail-operator",
        help="Namespace in which the operator publishes its settings. (default: trail-operator)",
    )
    add_setting_flags(parser.add_argument_group("settings of the operator"), PLANNING)


def read_settings(arguments: argparse.Namespace, prog: str = "trail-operator run") -> Settings:
    """Return the settings, or end the process with what is wrong with them."""
    flags = {name: given for name, given in vars(arguments).items() if name in Settings.model_fields}
    lists = {name: ",".join(given) for name, given in flags.items() if isinstance(given, list)}
    try:
        return Settings(**{**flags, **lists})
    except ValidationError as error:
        sys.exit(f"{prog}: {'; '.join(map(_problem, error.errors()))}")


def _values(name: str, field: FieldInfo) -> dict[str, Any]:
    """Return what the flag takes, as arguments of `add_argument`. `Settings` validates the values."""
    if field.annotation is bool:
        return {"metavar": "true|false", "nargs": "?", "const": "true"}
    if get_origin(field.annotation) is Literal:
        return {"metavar": "|".join(get_args(field.annotation))}
    metavar = "DURATION" if name == "resync" else name.split("_")[-1].upper().removesuffix("S")
    return {"metavar": metavar, "action": "append" if get_origin(field.annotation) is list else "store"}


def _problem(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    return f"{flag(str(error['loc'][0]))}: {message}" if error["loc"] else message
