"""Building the image from the Dockerfile as it stands, with Debian's buildah, which needs no engine and no registry.

The base images are made by debootstrap: Debian with its Python, and for the build stage with what makes virtual
environments. They stay in buildah's storage under the cache directory, named after what they are made of.
"""

import configparser
import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
PACKAGES = {"build": "python3,python3-venv", "run": "python3"}
_PIP_FILES = (Path("/etc/pip.conf"), Path("~/.pip/pip.conf").expanduser(), Path("~/.config/pip/pip.conf").expanduser())
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES = Path("/etc/ssl/certs")


def missing() -> str:
    """What this machine lacks for building images; nothing where it can."""
    if os.geteuid() != 0:
        return (
            "the image is built in a chroot, which needs root: run make test-image as root, or in a container as root"
        )
    absent = " ".join(tool for tool in ("buildah", "debootstrap") if shutil.which(tool) is None)
    return absent and f"not installed: {absent}. Run apt-get install --no-install-recommends {absent}"


class Buildah:
    """Debian's buildah with a storage of our own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def _run(self, *arguments: str | Path) -> str:
        options = [f"--root={self._directory}/storage", f"--runroot={self._directory}/run", "--storage-driver=vfs"]
        done = subprocess.run(["buildah", *options, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"buildah {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def base(self, stage: str) -> str:
        """The name of a stage's base image, which is made where it is not there."""
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES[stage]}", SUITE]
        name = f"localhost/base-{stage}:{hashlib.sha256(' '.join(command).encode()).hexdigest()[:16]}"
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if name not in self._run("images", "--format={{.Name}}:{{.Tag}}").splitlines():
                with self._container("scratch") as (container, tree):
                    done = subprocess.run([*command, str(tree)], capture_output=True, text=True, check=False)
                    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr}"
                    for directory in ("var/lib/apt/lists", "var/cache/apt"):
                        shutil.rmtree(tree / directory)
                    self._run("config", f"--env=PATH={_PATH}", container)
                    self._run("commit", "--quiet", container, name)
        return name

    @contextmanager
    def image(self, settings: Path) -> Iterator[tuple[dict[str, Any], Path]]:
        """The image's configuration and its file tree, built for as long as this lasts."""
        settings.write_text(_pip_settings())
        identifier = self._run(
            *("bud", "--isolation=chroot", "--quiet", f"--secret=id=pip,src={settings}"),
            *((f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro",) if _CERTIFICATES.exists() else ()),
            *(f"--build-arg={stage.upper()}_IMAGE={self.base(stage)}" for stage in PACKAGES),
            ROOT,
        ).splitlines()[-1]
        try:
            inspected = json.loads(self._run("inspect", "--type=image", identifier))
            with self._container(identifier) as (_, tree):
                yield inspected["OCIv1"]["config"], tree
        finally:
            self._run("rmi", identifier)

    @contextmanager
    def _container(self, image: str) -> Iterator[tuple[str, Path]]:
        container = self._run("from", "--pull-never", image)
        try:
            yield container, Path(self._run("mount", container))
        finally:
            self._run("rm", container)


def _pip_settings() -> str:
    """This machine's settings of pip, as a file: which index, behind which proxy."""
    settings = configparser.RawConfigParser()
    settings.read(_PIP_FILES)
    variables = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    settings.read_dict({"global": {name[4:].lower().replace("_", "-"): value for name, value in variables.items()}})
    written = io.StringIO()
    settings.write(written)
    return written.getvalue()
