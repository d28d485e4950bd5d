"""Downloads official release files, checks them against their pinned checksums and unpacks them.

Does not know the cache: it leaves a checked, executable file at the given path, or raises and leaves nothing.
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
_TIMEOUT_SECONDS = 20


class DownloadError(Exception):
    """The release file cannot be downloaded, or has another checksum."""


class UnreachableError(DownloadError):
    """The host cannot be reached, or does not have the file: other files of it will not be there either."""


def host(release: Release, mirror: str | None = None) -> str:
    """Return the host that a release is downloaded from."""
    return urllib.parse.urlsplit(mirror or release.url).netloc


def download(release: Release, target: Path, mirror: str | None = None) -> None:
    """Download the release's program to `target`; `mirror` replaces the scheme and host of its URL."""
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
        raise DownloadError(f"{url} has the SHA-256 {sha256}, not {expected}: rejected")


def _open(url: str) -> http.client.HTTPResponse:
    try:
        # The scheme is that of a pinned URL or of the mirror that the caller named.
        answer: http.client.HTTPResponse = urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS)  # noqa: S310
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{url}: {error}") from error
    return answer


def _fetch(url: str, target: Path) -> None:
    """Write the content of a URL to a file."""
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
