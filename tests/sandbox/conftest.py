"""The emulated AWS, started once for a run of the tests, and an account of its own for each test."""

import itertools
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests
from botocore.exceptions import ClientError

from tests.integration.aws import Account
from tests.patience import seconds
from tests.sandbox.organizations import Organization
from trail_sandbox import ports

_accounts = itertools.count(700_000_000_000)


@contextmanager
def started(log: Path, *, background: bool = False) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """An emulated AWS that answers: its URL and its process, which must end well by SIGTERM.

    It delivers when it is asked to; with `background` also by itself, as is its default.
    """
    port = ports.choose(["aws"])["aws"]
    command = [sys.executable, "-m", "trail_sandbox.aws", "--host", ports.LOOPBACK, "--port", str(port)]
    if not background:
        command.append("--no-background")
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        url = f"http://{ports.LOOPBACK}:{port}"
        try:
            _await_answer(url, process)
            yield url, process
        finally:
            process.terminate()
    assert process.returncode == 0, log.read_text()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the emulated AWS of this run: it delivers when asked to, and rates are off but for tests of them."""
    with started(tmp_path_factory.mktemp("aws") / "aws.log") as (url, _):
        put_settings(url, rates=False)
        yield url


def _await_answer(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + seconds(60)
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_sandbox/health", timeout=seconds(30)):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the emulated AWS does not answer")


def put_settings(endpoint: str, **settings: Any) -> None:
    requests.put(f"{endpoint}/_sandbox/settings", json=settings, timeout=seconds(30)).raise_for_status()


def fresh(endpoint: str) -> Account:
    """The administrator of an account that nothing was done in."""
    return Account(endpoint, str(next(_accounts)))


@pytest.fixture
def aws(endpoint: str) -> Account:
    """A fresh account's administrator."""
    return fresh(endpoint)


@pytest.fixture
def another(endpoint: str) -> Account:
    """Another fresh account's administrator."""
    return fresh(endpoint)


@pytest.fixture
def bucket(aws: Account) -> str:
    """A bucket that the trail `trail` may deliver to."""
    return aws.bucket(f"logs-{aws.number}", "trail")


@pytest.fixture
def trail(aws: Account, bucket: str) -> str:
    """The ARN of a trail of the name `trail`, in us-east-1."""
    arn: str = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)["TrailARN"]
    return arn


@pytest.fixture
def organization(aws: Account) -> Organization:
    """An organization whose management account is the test's."""
    return Organization(aws)


def create(aws: Account, bucket: str, **parameters: Any) -> None:
    """Make the trail `trail`, in us-east-1."""
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, **parameters)


class Refused(Protocol):
    def __call__(self, code: str, message: str | None = None) -> AbstractContextManager[None]: ...


@pytest.fixture
def refused() -> Refused:
    """`with refused(code, message)`: what is called within is refused by AWS in these words."""

    @contextmanager
    def expectation(code: str, message: str | None = None) -> Iterator[None]:
        with pytest.raises(ClientError) as caught:
            yield
        error = caught.value.response["Error"]
        assert error["Code"] == code, error
        assert message is None or error["Message"] == message

    return expectation
