"""One sandbox for a whole run of the tests, also of a parallel one: the first test that needs it brings it up."""

import os

import pytest

from trail_sandbox.sandbox import Sandbox

_NAME = "TRAIL_OPERATOR_TEST_SANDBOX"


def pytest_configure(config: pytest.Config) -> None:
    """Name the sandbox of this run; parallel workers inherit the name."""
    if not hasattr(config, "workerinput"):
        os.environ[_NAME] = f"test-{os.getpid()}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take the sandbox down when the last test has ended."""
    if not hasattr(session.config, "workerinput"):
        Sandbox(os.environ[_NAME]).down()


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this run, up."""
    result = Sandbox(os.environ[_NAME])
    result.up()  # idempotent, and one at a time
    return result
