"""Argument parsing that all commands share."""

import argparse
from typing import Any, NoReturn, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Formats help as Python 3.13 does, on every version of Python."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Return `-f, --filename FILE`: the value once, after the last spelling of the flag."""
        if not action.option_strings:
            return super()._format_action_invocation(action)
        default = self._get_default_metavar_for_optional(action)
        value = "" if action.nargs == 0 else f" {self._format_args(action, default)}"
        return f"{', '.join(action.option_strings)}{value}"

    def add_argument(self, action: argparse.Action) -> None:
        """Add an action. The column of the descriptions leaves room for the indentation of commands."""
        super().add_argument(action)
        if action.help is not argparse.SUPPRESS:
            for subaction in self._iter_indented_subactions(action):
                length = len(self._format_action_invocation(subaction)) + self._current_indent
                self._action_max_length = max(self._action_max_length, length)


class Parser(argparse.ArgumentParser):
    """Reports a usage error in one line, with status 1. Flags cannot be abbreviated."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more, add_help=False, allow_abbrev=False, formatter_class=_HelpFormatter)
        self.flags = self.add_argument_group("flags")
        self.flags.add_argument("-h", "--help", action="help", help="Show this help and exit.")

    def error(self, message: str) -> NoReturn:
        """End the process with the message."""
        self.exit(1, f"{self.prog}: {message}; see {self.prog} --help\n")
