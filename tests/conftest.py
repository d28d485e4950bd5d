"""One sandbox for a whole run of the tests, also of a parallel one: the first test that needs it brings it up."""

import os

import pytest

from trail_sandbox.sandbox import Sandbox

_NAME = "TRAIL_OPERATOR_TEST_SANDBOX"


def pytest_configure(config: pytest.Config) -> None:
    """Name the sandbox of this run; parallel workers inherit the name."""
    if not hasattr(config, "workerinput"):
        os.environ[_NAME] = f"test-{os.getpid()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the tests that mostly wait among those that work, so that no processor waits with them."""
    waiting = [item for item in items if item.get_closest_marker("waits")]
    others = [item for item in items if item not in waiting]
    space = len(others) // (2 * len(waiting) + 1)  # in the first half: none is still waited for at the end
    for number, item in enumerate(waiting):
        others.insert(1 + number * (space + 1), item)
    items[:] = others


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
