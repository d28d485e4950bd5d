"""Completion, as the shells themselves carry it out."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest


@cache
def script(shell: str) -> str:
    command = [sys.executable, "-m", "trail_operator", "completion", shell]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def completed_by_bash(*words: str) -> set[str]:
    program = (
        f'{script("bash")}\nCOMP_WORDS=(trail-operator "$@"); COMP_CWORD=$#\n'
        "_trail_operator\nprintf '%s\\n' \"${COMPREPLY[@]}\""
    )
    return _lines("bash", "-c", program, "-", *words)


def completed_by_zsh(*words: str) -> set[str]:
    program = (
        "compdef() { :; }\ncompadd() { shift; print -l -- ${(M)@:#${words[CURRENT]}*}; }\n_files() { print -l -- *; }\n"
        f'{script("zsh")}\nwords=(trail-operator "$@"); CURRENT=$(($# + 1))\n_trail_operator'
    )
    return _lines("zsh", "-fc", program, "-", *words)


def completed_by_kubectl(*words: str) -> set[str]:
    found = _lines("bash", "-c", script("kubectl"), "-", *words)
    assert len(found & {":0", ":4"}) == 1
    return {word for word in found - {":0", ":4"} if word.startswith(words[-1])}


def _lines(*command: str) -> set[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(filter(None, done.stdout.splitlines()))


SHELLS = [
    completed_by_bash,
    pytest.param(completed_by_zsh, marks=pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")),
    completed_by_kubectl,
]


@pytest.mark.parametrize("completed", SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ex",), {"export"}),
        (("--v",), {"--version"}),
        (("export", "--obs"), {"--observe"}),
        (("export", "--observe", "--own-identity", ""), {"true", "false"}),
        (("policy", "bu"), {"bucket"}),
        (("policy", "bucket", "-o", "c"), {"cloudformation"}),
    ],
)
def test_words_are_completed(completed: object, words: tuple[str, ...], expected: set[str]) -> None:
    assert callable(completed)
    assert completed(*words) == expected


@pytest.mark.parametrize("completed", [completed_by_bash, *SHELLS[1:2]])
def test_files_are_completed(completed: object, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    Path("trails.yaml").touch()
    assert callable(completed)
    assert completed("policy", "bucket", "-f", "tr") == {"trails.yaml"}


def test_kubectl_completes_no_other_commands() -> None:
    assert not {"run", "crds", "completion"} & completed_by_kubectl("")
    assert "run" in completed_by_bash("")
