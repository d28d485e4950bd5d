"""The commands of the Makefile: each is listed, and one that this machine cannot run says so before it builds."""

import os
import re
import subprocess
from pathlib import Path

import pytest

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
