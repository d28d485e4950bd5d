"""Official release files: fetched, checked against the checksum pinned for them, unpacked.

Knows nothing of the cache: it leaves a checked, executable file where it is told, or raises and leaves nothing.
"""

import hashlib
import http.client
import shutil
import tarfile
import urllib.parse
import urllib.request
from pathlib import Path

from trail_sandbox.binaries.programs import Release

_BLOCK = 1 << 20
_SECONDS_OF_SILENCE = 20


class DownloadError(Exception):
    """The release file can't be had, or is not the one it should be."""


def download(release: Release, target: Path, mirror: str | None = None) -> None:
    """Put the release's program at `target`; `mirror` replaces the scheme and host of its URL."""
    url = _at_mirror(release.url, mirror) if mirror else release.url
    archive = target.with_name(target.name + ".download")
    try:
        _fetch(url, archive)
        _check(archive, release.sha256, url)
        if release.member is None:
            archive.replace(target)
        else:
            _unpack(archive, release.member, target)
        target.chmod(0o755)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        archive.unlink(missing_ok=True)


def _at_mirror(url: str, mirror: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{mirror.rstrip('/')}{parts.path}"


def _check(file: Path, expected: str, url: str) -> None:
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    if sha256 != expected:
        raise DownloadError(f"{url} has the SHA-256 {sha256}, not {expected}: refused")


def _open(url: str) -> http.client.HTTPResponse:
    # The scheme is that of a pinned URL or of the mirror that the caller named.
    answer: http.client.HTTPResponse = urllib.request.urlopen(url, timeout=_SECONDS_OF_SILENCE)  # noqa: S310
    return answer


def _fetch(url: str, target: Path) -> None:
    """Write the URL's content to a file."""
    try:
        with _open(url) as answer, target.open("wb") as file:
            expected = int(answer.headers.get("Content-Length") or 0)
            shutil.copyfileobj(answer, file, _BLOCK)
            if expected and file.tell() != expected:
                raise DownloadError(f"{url}: the connection ended after {file.tell()} of {expected} bytes")
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{url}: {error}") from error


def _unpack(archive: Path, member: str, target: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            source = tar.extractfile(member)
            if source is None:
                raise DownloadError(f"{archive.name}: {member} is not a file")
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file, _BLOCK)
    except (tarfile.TarError, KeyError) as error:
        raise DownloadError(f"{archive.name}: {error}") from error
