"""Argument parsing that all commands share."""

import argparse
from typing import Any, NoReturn, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """Reports a usage error in one line, with status 1. Flags cannot be abbreviated."""

    def __init__(self, **more: Any) -> None:
        style = argparse.RawDescriptionHelpFormatter
        super().__init__(**more, add_help=False, allow_abbrev=False, formatter_class=style)
        self.flags = self.add_argument_group("flags")
        self.flags.add_argument("-h", "--help", action="help", help="Show this help and exit.")

    def error(self, message: str) -> NoReturn:
        """End the process with the message."""
        self.exit(1, f"{self.prog}: {message}; see {self.prog} --help\n")
