"""The report at the end of a run: how many facts hold, and which do not."""

import re
from collections import Counter

import pytest

from tests.conformance.endpoints import MOTO

_FOLDER = "tests/conformance/"


class Report:
    """Gathers what comes of each fact, in the process that pytest was started in."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._outcomes: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        self._properties: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of one phase of a fact."""
        if not report.nodeid.startswith(_FOLDER):
            return
        fact = report.nodeid.removeprefix(_FOLDER)
        self._properties[fact] = dict(report.user_properties)
        if report.when == "call" or report.outcome != "passed":
            # A fact that held stays so where only what it made could not be deleted: pytest tells that as an error.
            if report.when == "teardown":
                return
            self._outcomes[fact] = report.outcome
            if not report.passed:
                self._reasons[fact] = _reason(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the report."""
        if not self._outcomes:
            return
        write = terminalreporter.write_line
        doubtful = [fact for fact in self._of("passed", "failed", "skipped") if self._doubt(fact)]
        terminalreporter.section(f"facts about AWS, checked against {self._endpoint}")
        for name, facts in (
            ("facts", self._outcomes),
            ("passed", self._of("passed")),
            ("failed", self._of("failed")),
            ("skipped", self._of("skipped")),
            ("unverified", doubtful),
        ):
            write(f"{name:<12}{len(facts):>5}")
        for why, count in Counter(self._reasons[fact] for fact in self._of("skipped")).items():
            write(f"skipped: {count} facts, {why}")
        if doubtful:
            write("\nunverified: no source proves these")
        for fact in doubtful:
            write(f"  {fact}: {self._outcomes[fact]}; {self._doubt(fact)}")
        if self._of("failed"):
            write(f"\nwrong on {self._endpoint}")
        for fact in self._of("failed"):
            write(f"  {fact}: {self._reasons[fact]}")
            write(f"      {self._properties[fact]['source']}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a run against moto end well: that facts fail there is what it is to tell."""
        if self._endpoint == MOTO and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            session.exitstatus = pytest.ExitCode.OK

    def _of(self, *outcomes: str) -> list[str]:
        return sorted(fact for fact, outcome in self._outcomes.items() if outcome in outcomes)

    def _doubt(self, fact: str) -> object:
        return self._properties[fact].get("unverified")


def _reason(report: pytest.TestReport) -> str:
    """Say in one line why a fact failed or was skipped."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).strip().splitlines()
    reason = re.sub(r"\A[\w.]+(Error|Exception): ", "", lines[0])
    return reason if len(reason) < 160 else f"{reason[:160]}…"
