"""`trail-operator crds`: write the CustomResourceDefinitions."""

import argparse
import sys
from pathlib import Path

from trail_operator.api import crd
from trail_operator.cli.parser import Commands

_PURPOSE = "Write the CustomResourceDefinitions of Trail, TrailAlarmSet and AWSAccount as YAML files."


def add_to(commands: Commands) -> None:
    """Define the command and its flags."""
    parser = commands.add_parser("crds", help=_PURPOSE, description=_PURPOSE, usage="%(prog)s [flags]")
    parser.flags.add_argument(
        "--output",
        metavar="DIRECTORY",
        action="append",
        help="The existing directory to write to; can be repeated. (default: crds)",
    )
    parser.set_defaults(command=_write_all)


def _write_all(arguments: argparse.Namespace) -> None:
    try:
        for directory in arguments.output or ["crds"]:
            _write(Path(directory))
    except OSError as error:
        sys.exit(f"trail-operator crds: cannot write {error.filename}: {error.strerror}")


def _write(directory: Path) -> None:
    """Write one file for each CRD, and print its path."""
    for definition in crd.definitions():
        path = directory / f"{definition['spec']['group']}_{definition['spec']['names']['plural']}.yaml"
        path.write_text(crd.render(definition))
        print(path)
