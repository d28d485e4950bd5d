"""One sandbox for a whole run of the tests, also of a parallel one: the first test that needs it brings it up."""

import gc
import os
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import patience, sampling
from trail_sandbox.sandbox import Sandbox

_NAME = "TRAIL_OPERATOR_TEST_SANDBOX"
_WORKERS_A_CORE = 4
# Tests that share something that takes longer to set up than to test, a sandbox or promtool: one worker runs them.
_OF_ONE_WORKER = ("tests/integration/test_chart_lifecycle.py", "tests/integration/test_alerts.py")

# Who changes the emulator runs all of these: `make conformance`, `make test WHOLE=1`.
_OF_THE_EMULATOR = ("tests/conformance/", "tests/sandbox/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flags of all tests."""
    sampling.add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Name the sandbox of this run and decide how patient its tests are; parallel workers inherit both."""
    if not hasattr(config, "workerinput"):
        os.environ[_NAME] = f"test-{os.getpid()}"
        # kube-apiserver, etcd, kubectl and helm: a fifth of their CPU is spared, for twice the memory.
        os.environ.setdefault("GOGC", "400")
        patience.decide()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many workers as there are cores; of tests that mostly wait for other processes (`-n auto`), more."""
    cores = len(os.sched_getaffinity(0))
    return cores if config.option.numprocesses == "logical" else _WORKERS_A_CORE * cores


class _OneTestAtATime(LoadScopeScheduling):
    """Give a free worker the next test, or the next module of those that one worker runs."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in _OF_ONE_WORKER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Schedule `--dist loadscope` test by test. (Groups of pytest-xdist 3.8 do not work with pytest 9.2.)"""
    return _OneTestAtATime(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest, and spread the tests that mostly wait among those that work; the rest is in random order.

    So no processor waits with them, and none is left alone with a long one at the end.
    """
    sampling.mark_modules(items, _OF_THE_EMULATOR)
    sampling.deselect(config, items)
    longest = [item for item in items if item.get_closest_marker("long")]
    waiting = [item for item in items if item.get_closest_marker("waits") and item not in longest]
    others = [item for item in items if item not in waiting and item not in longest]
    space = len(others) // (2 * len(waiting) + 1)  # in the first half: none is still waited for at the end
    for number, item in enumerate(waiting):
        others.insert(1 + number * (space + 1), item)
    items[:] = longest + others


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end: to look through it takes a seventh of the tests' CPU."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures that tests have recorded, and what makes the run the same again."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
    for what, number, seconds, problems in _cases(terminalreporter):
        terminalreporter.write_line(f"{what}: {number} cases in {seconds:.0f} s of CPU, {problems} failures found")
    load = " ".join(f"{average:.1f}" for average in os.getloadavg())
    terminalreporter.write_line(
        f"to repeat the order: --randomly-seed={sampling.seed_of(config)}; "
        f"TEST_PATIENCE={os.environ[patience.VARIABLE]}, load at the end {load}"
    )


def _cases(terminalreporter: pytest.TerminalReporter) -> Iterator[tuple[str, int, float, int]]:
    """The cases that tests have recorded: what of, how many, the seconds that they took, and the failures found."""
    recorded = [
        value
        for outcome in ("", "error")  # of what comes after the tests, where they are recorded
        for report in terminalreporter.getreports(outcome)
        for name, value in getattr(report, "user_properties", ())  # a module that cannot be collected has none
        if name == "cases" and report.when == "teardown"
    ]
    for kind in sorted({what for what, *_ in recorded}):
        numbers, seconds, problems = zip(*(figures for what, *figures in recorded if what == kind), strict=True)
        yield kind, sum(numbers), sum(seconds), sum(problems)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take the sandbox down when the last test has ended."""
    if not hasattr(session.config, "workerinput"):
        Sandbox(os.environ[_NAME]).down()


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The sandbox of this run, up."""
    result = Sandbox(os.environ[_NAME])
    # Idempotent, and one at a time. Deliveries happen when a test asks for them, in its account.
    result.up(background=False)
    return result
