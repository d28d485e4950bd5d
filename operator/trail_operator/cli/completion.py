"""`trail-operator completion`: print the script by which a shell, or kubectl, completes commands, flags and values."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trail_operator.cli.parser import Commands

_PURPOSE = "Print the shell's completion script."
_DESCRIPTION = f"""{_PURPOSE}

  bash: source <(trail-operator completion bash)
  zsh:  source <(trail-operator completion zsh)

Add the line to ~/.bashrc, or to ~/.zshrc after compinit. For kubectl trail, save the script for kubectl
as kubectl_complete-trail, executable, in a directory of the PATH."""
_FILE = re.compile("FILE|DIR")
_CHOICES = re.compile(r"\w*[a-z]\w*(\|\w+)+")

_BASH = """\
_trail_operator() {{
  local word command= current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    [[ $word == -* ]] || {{ command=$word; break; }}
  done
  case "$command $previous" in
{values}
  esac
  case "$command" in
{words}
  esac
}}
complete -F _trail_operator trail-operator
"""
_ZSH = """\
_trail_operator() {{
  local word command= previous=${{words[CURRENT-1]}}
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    [[ $word == -* ]] || {{ command=$word; break; }}
  done
  case "$command $previous" in
{values}
  esac
  case "$command" in
{words}
  esac
}}
compdef _trail_operator trail-operator
"""
# https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/: one word a line, then how kubectl uses them.
_KUBECTL = """\
#!/usr/bin/env bash
for word in "${{@:1:$#-1}}"; do
  [[ $word == -* ]] || {{ command=$word; break; }}
done
(($# > 1)) && previous=${{@: -2:1}}
complete_trail() {{
  case "$command $previous" in
{values}
  esac
  case "$command" in
{words}
  esac
  echo :4
}}
complete_trail
"""


@dataclass(frozen=True)
class _Shell:
    script: str
    words: str
    """Completes one of some words; `{}` is replaced by them."""
    files: str
    """Completes the name of a file."""
    excluded: frozenset[str] = frozenset()
    """Commands that are not completed."""


_SHELLS = {
    "bash": _Shell(_BASH, 'COMPREPLY=($(compgen -W "{}" -- "$current"))', 'COMPREPLY=($(compgen -f -- "$current"))'),
    "zsh": _Shell(_ZSH, "compadd -- {}", "_files"),
    # :4 is no file completion, :0 is file completion.
    "kubectl": _Shell(_KUBECTL, "printf '%s\\n' {}", "echo :0", frozenset({"run", "crds", "completion"})),
}


def add_to(commands: Commands) -> None:
    """Define the command."""
    parser = commands.add_parser(
        "completion", help=_PURPOSE, description=_DESCRIPTION, usage=f"%(prog)s {'|'.join(_SHELLS)}"
    )
    parser.flags.add_argument("shell", choices=_SHELLS, metavar="|".join(_SHELLS), help="The shell.")
    parser.set_defaults(command=lambda arguments: print(script(arguments.shell, commands), end=""))


def script(shell: str, commands: Commands) -> str:
    """Return the completion script for the commands, as they are defined."""
    with_shell = _SHELLS[shell]
    names = [name for name in commands.choices if name not in with_shell.excluded]
    values: list[str] = []
    words = [_case("", with_shell.words.format(" ".join((*names, "--help", "--version"))))]
    for name in names:
        parser = commands.choices[name]
        offered: list[str] = []
        for action in parser._actions:  # argparse has no other list of what a parser takes
            choices = list(_choices(action))
            offered += action.option_strings or choices
            takes_value = action.option_strings and action.nargs != 0
            if takes_value and (choices or _FILE.match(str(action.metavar))):
                completed = with_shell.words.format(" ".join(choices)) if choices else with_shell.files
                end = "; echo :4; return" if shell == "kubectl" and choices else "; return"
                values += [_case(f"{name} {option}", completed + end) for option in action.option_strings]
        words.append(_case(name, with_shell.words.format(" ".join(offered))))
    return with_shell.script.format(values="\n".join(values), words="\n".join(words))


def _choices(action: argparse.Action) -> Iterator[str]:
    if action.choices:
        yield from map(str, action.choices)
    elif isinstance(action.metavar, str) and _CHOICES.fullmatch(action.metavar):
        yield from action.metavar.split("|")


def _case(pattern: str, command: str) -> str:
    return f'    "{pattern}") {command};;'
