"""The commands of the Makefile and the hooks of git: each is listed, and checks what it needs before it builds."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
REQUIRE = ROOT / ".ci" / "require"


def run(*command: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A directory for PATH with a shell and nothing else."""
    for program in ("bash", "env"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    return tmp_path


def test_make_lists_every_command() -> None:
    targets = {name for line in re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE) for name in line.split()}
    listed = re.findall(r"^make (\S+) +\S", run("make").stdout, re.MULTILINE)
    assert set(listed) == {name for name in targets if not name.startswith("require-")}
    assert len(listed) == len(set(listed)), "listed twice"


@pytest.mark.parametrize("target", ["test-image", "test-gitops"])
def test_programs_are_checked_before_anything_is_built(target: str) -> None:
    lines = run("make", "--dry-run", "--always-make", target).stdout.splitlines()
    assert lines[0].startswith(f'.ci/require "make {target}"')


def test_missing_programs_are_named_with_the_command_that_installs_them(bare: Path) -> None:
    (bare / "git").symlink_to("/usr/bin/true")
    done = run(str(REQUIRE), "make test-gitops", "redis-server", "git", "buildah", path=str(bare))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "make test-gitops needs redis-server, buildah: apt-get install --no-install-recommends redis-server buildah\n"
    )


@pytest.mark.parametrize("version_check", ["exit 1", None])
def test_an_old_or_missing_python_is_named(bare: Path, version_check: str | None) -> None:
    if version_check:
        (bare / "python3").write_text(f"#!/bin/bash\n{version_check}\n")
        (bare / "python3").chmod(0o755)
    done = run(str(REQUIRE), "make setup", "python", path=str(bare))
    assert done.returncode == 1
    assert done.stderr.startswith("make setup needs Python 3.11 or newer with venv: apt-get install")
    assert done.stderr.endswith("python3 python3-venv\n")


def test_nothing_is_said_if_nothing_is_missing() -> None:
    done = run(str(REQUIRE), "make setup", "python", "bash")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("subject", "problem"),
    [
        ("Add a field for aggregation", None),
        ("Address two reviews", None),
        ("fixup! Add a field", None),
        ("Added a field", "imperative"),
        ("Adds a field", "imperative"),
        ("Adding a field", "imperative"),
        ("add a field", "capital letter"),
        ("Emulator: add a field", None),
        ("Add a field.", "full stop"),
        (f"Add {'x' * 69}", "73 characters"),
        (f"Add {'x' * 68}", None),
    ],
)
def test_commit_subjects(tmp_path: Path, subject: str, problem: str | None) -> None:
    message = tmp_path / "message"
    message.write_text(f"# a comment\n{subject}\n\nWhy.\n")
    done = run(str(ROOT / ".ci" / "commit-subject"), str(message))
    assert (done.returncode == 0) is (problem is None)
    assert (problem or "") in done.stderr


def test_hooks_are_local_and_their_programs_exist() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    [repository] = config["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        program, *arguments = hook["entry"].split()
        if program == "make":
            assert re.search(rf"^{arguments[0]}:", MAKEFILE, re.MULTILINE)
        else:
            assert os.access(ROOT / program, os.X_OK)
