"""Where the control plane's programs come from: the cache, a checked download, a build."""

import fcntl
import functools
import hashlib
import http.server
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.patience import seconds
from trail_sandbox.binaries import build, programs
from trail_sandbox.binaries.cache import Cache, ProgramUnavailableError
from trail_sandbox.binaries.programs import Program, Release, architecture

CONTENT = b"#!/bin/sh\necho released\n"
# A command of Go's own distribution: it builds in seconds and needs no module.
BUILDABLE = "cmd/gofmt"
UNBUILDABLE = "cmd/there-is-no-such-command"


class Server(http.server.ThreadingHTTPServer):
    """Files of a directory; the handler may cut answers short."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class CutShort(Quiet):
    """Promises a whole file and closes the connection in its middle."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:5])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "files" / "v1").mkdir(parents=True)
    return tmp_path / "files"


def serve(handler: type[http.server.SimpleHTTPRequestHandler], directory: Path) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), functools.partial(handler, directory=str(directory))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server(files: Path) -> Iterator[Server]:
    yield from serve(Quiet, files)


@pytest.fixture
def cutting_server(files: Path) -> Iterator[Server]:
    yield from serve(CutShort, files)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def program(
    content: bytes = CONTENT, package: str = UNBUILDABLE, path: str = "/v1/gofmt", member: str | None = None
) -> Program:
    """A program whose release is a file with that content."""
    release = Release(f"https://releases.example{path}", hashlib.sha256(content).hexdigest(), member)
    return Program("gofmt", "v1", package, releases={architecture(): release})


def left_behind(cache: Cache) -> list[str]:
    """Every file in the cache but the lock."""
    return [p.name for p in cache.directory.rglob("*") if p.is_file() and p.name != ".lock"]


def test_a_cached_program_needs_neither_network_nor_go(cache: Cache) -> None:
    cached = cache.path(program())
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cached")
    assert cache.obtain(program(), mirror="http://127.0.0.1:9").read_bytes() == b"cached"


def test_a_release_with_the_right_checksum_is_taken(
    cache: Cache, server: Server, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "v1" / "gofmt").write_bytes(CONTENT)
    path = cache.obtain(program(), mirror=server.url)
    assert subprocess.check_output([path], text=True) == "released\n"
    assert path == cache.directory / "gofmt" / "v1" / "gofmt"
    assert list(path.parent.iterdir()) == [path]
    assert re.search(r"downloading gofmt v1 .*\ndownloaded gofmt v1 in (\d+ min )?\d+ s", capsys.readouterr().err)


def test_the_program_is_taken_out_of_an_archive(cache: Cache, server: Server, files: Path) -> None:
    archive = files / "v1" / "gofmt.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo("linux-amd64/gofmt")
        entry.size = len(CONTENT)
        tar.addfile(entry, io.BytesIO(CONTENT))
    wanted = program(archive.read_bytes(), path="/v1/gofmt.tar.gz", member="linux-amd64/gofmt")
    assert cache.obtain(wanted, mirror=server.url).read_bytes() == CONTENT
    assert left_behind(cache) == ["gofmt"]


def test_an_archive_without_the_program_is_refused(cache: Cache, server: Server, files: Path) -> None:
    archive = files / "v1" / "gofmt.tar.gz"
    with tarfile.open(archive, "w:gz"):
        pass
    wanted = program(archive.read_bytes(), path="/v1/gofmt.tar.gz", member="linux-amd64/gofmt")
    with pytest.raises(ProgramUnavailableError, match="linux-amd64/gofmt"):
        cache.obtain(wanted, mirror=server.url)
    assert left_behind(cache) == []


def test_a_release_with_another_checksum_is_refused_and_nothing_is_left(
    cache: Cache, server: Server, files: Path
) -> None:
    (files / "v1" / "gofmt").write_bytes(CONTENT + b"rm -rf ~\n")
    with pytest.raises(ProgramUnavailableError, match=r"SHA-256 .* rejected"):
        cache.obtain(program(), mirror=server.url)
    assert left_behind(cache) == []


def test_a_download_that_ends_early_never_becomes_a_program(cache: Cache, cutting_server: Server) -> None:
    with pytest.raises(ProgramUnavailableError, match=f"after 5 of {len(CONTENT)} bytes"):
        cache.obtain(program(CONTENT[:5]), mirror=cutting_server.url)
    assert left_behind(cache) == []


def test_without_a_server_the_program_is_built(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    path = cache.obtain(program(package=BUILDABLE), mirror="http://127.0.0.1:9")
    assert subprocess.run([path], input=b"package  x", capture_output=True, check=True).stdout == b"package x\n"
    assert list(path.parent.iterdir()) == [path]
    told = capsys.readouterr().err
    assert "not downloaded: http://127.0.0.1:9/v1/gofmt: " in told
    assert re.search(r"building gofmt v1 from source .*\nbuilt gofmt v1 in (\d+ min )?\d+ s", told)


def test_a_host_that_cannot_be_reached_is_asked_and_reported_once(
    cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second"):
        cache.obtain(replace(program(package=BUILDABLE), name=name), mirror="http://127.0.0.1:9")
    told = capsys.readouterr().err
    assert (told.count("downloading"), told.count("not downloaded")) == (1, 1)
    assert "programs from 127.0.0.1:9 are built from source instead" in told


def test_missing_programs_are_announced_with_the_time_that_they_take(
    cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    unpinned = Program("gofmt", "v1", BUILDABLE, minutes=2)
    cache.obtain_all([unpinned])
    assert f"First run: getting gofmt into {cache.directory}. This takes about 2 min" in capsys.readouterr().err
    cache.obtain_all([unpinned])
    assert capsys.readouterr().err == ""


def test_without_a_pinned_checksum_nothing_is_downloaded(cache: Cache, server: Server, files: Path) -> None:
    (files / "v1" / "gofmt").write_bytes(CONTENT)
    unpinned = Program("gofmt", "v1", BUILDABLE)
    assert cache.obtain(unpinned, mirror=server.url).read_bytes() != CONTENT


def test_when_nothing_works_the_error_names_every_way(cache: Cache) -> None:
    with pytest.raises(ProgramUnavailableError) as caught:
        cache.obtain(program(), mirror="http://127.0.0.1:9")
    message = str(caught.value)
    assert "gofmt v1 is not available" in message
    assert str(cache.path(program())) in message
    assert "http://127.0.0.1:9/v1/gofmt" in message
    assert UNBUILDABLE in message


def test_what_a_killed_process_left_does_no_harm(cache: Cache, server: Server, files: Path) -> None:
    partial = cache.directory / "gofmt" / ".partial"
    partial.mkdir(parents=True)
    (partial / "gofmt").write_bytes(CONTENT[:3])
    (files / "v1" / "gofmt").write_bytes(CONTENT)
    assert cache.obtain(program(), mirror=server.url).read_bytes() == CONTENT
    assert not partial.exists()


def test_two_processes_do_not_make_the_same_program_twice(cache: Cache) -> None:
    """The second waits for the first, here played by the test, and takes what that one made."""
    target = cache.path(program())
    target.parent.mkdir(parents=True)
    code = (
        "import sys; from pathlib import Path; from trail_sandbox.binaries.cache import Cache;"
        "from trail_sandbox.binaries.programs import Program;"
        f"Cache(Path(sys.argv[1])).obtain(Program('gofmt', 'v1', {UNBUILDABLE!r}))"
    )
    with (cache.directory / "gofmt" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-c", code, cache.directory], stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert second.stderr.readline() == "another process is getting gofmt v1: waiting for it\n"
        target.write_bytes(CONTENT)
    rest = second.communicate(timeout=seconds(30))[1]
    assert second.returncode == 0, rest
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(("version", "from_pypi"), [("go1.27.1", False), ("go1.26.0", False), ("go1.25.9", True)])
def test_a_machines_go_is_used_if_it_is_new_enough(
    version: str, from_pypi: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = fake_go(tmp_path / "machine" / "go", version)
    toolchain = tmp_path / f"go-{programs.GO_PYPI_VERSION}"
    installed = fake_go(toolchain / "bin" / "go", "go1.26.6")
    (toolchain / "complete").touch()
    monkeypatch.setenv("PATH", f"{machines.parent}{os.pathsep}{os.environ['PATH']}")
    assert build.find_go(tmp_path, os.environ) == (installed if from_pypi else machines)


def fake_go(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def test_the_pinned_toolchain_is_new_enough() -> None:
    pinned = tuple(int(number) for number in programs.GO_PYPI_VERSION.split("."))
    assert pinned >= build.required_go_version()


@pytest.mark.parametrize("needed", [*programs.PROGRAMS, programs.PROMTOOL, programs.ARGOCD], ids=lambda p: p.name)
def test_programs_are_those_of_the_go_module(needed: Program) -> None:
    """The versions that the cache is keyed by are the ones that a build gives."""
    text = (needed.module / "go.mod").read_text()
    assert re.search(rf"^\t{re.escape(needed.package)}$", text, re.MULTILINE), "no tool directive"
    requirements = dict(re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE))
    modules = [module for module in requirements if f"{needed.package}/".startswith(f"{module}/")]
    assert requirements[max(modules, key=len)] == needed.version


@pytest.mark.parametrize("needed", programs.PROGRAMS, ids=lambda p: p.name)
def test_a_pinned_checksum_is_one(needed: Program) -> None:
    for release in needed.releases.values():
        assert re.fullmatch(r"[0-9a-f]{64}", release.sha256)
        assert release.url.startswith("https://")
        assert needed.version in release.url
