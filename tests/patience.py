"""How tests wait: for a condition, with a bound that only a failing test meets.

Every bound is written in seconds of a machine at rest and scaled by one factor, the environment variable
TEST_PATIENCE; without it the factor follows the machine's load when the run starts. A test that gives up says what it
saw: each fixture that knows something of use registers it as evidence.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

VARIABLE = "TEST_PATIENCE"
_SHORTEST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5
_AT_REST = 2.0
"""The factor on an idle machine: parallel tests keep it busy, and a bound costs a passing test nothing."""
_MOST = 6.0


def decide() -> float:
    """Choose the factor for this process and those that it starts, unless the environment has it already."""
    if not os.environ.get(VARIABLE):
        load_a_core = os.getloadavg()[0] / (os.cpu_count() or 1)
        os.environ[VARIABLE] = f"{min(_AT_REST * (1 + load_a_core), _MOST):.1f}"
    return patience()


def patience() -> float:
    """The factor of this run."""
    return float(os.environ.get(VARIABLE) or _AT_REST)


def seconds(at_rest: float) -> float:
    """A bound in real seconds."""
    return at_rest * patience()


def timeout(at_rest: float) -> str:
    """A bound as a flag of kubectl and helm."""
    return f"--timeout={round(seconds(at_rest))}s"


def resync(at_rest: float) -> str:
    """A value of --resync for operators in tests.

    It grows with the factor: Ready turns Unknown when nothing was read for three resyncs, which a process that gets
    little CPU must not run into.
    """
    return f"{at_rest * patience() / _AT_REST:.2f}s"


_evidence: list[Callable[[], str]] = []


@contextmanager
def evidence(describe: Callable[[], str]) -> Iterator[None]:
    """While this is open, a wait that gives up quotes what `describe` returns."""
    _evidence.append(describe)
    try:
        yield
    finally:
        _evidence.remove(describe)


def eventually(what: str, check: Callable[[], Any], at_rest: float = 30) -> Any:
    """Return the first true answer of `check`; fail with `what`, the last answer and the evidence after the bound."""
    bound = seconds(at_rest)
    begin = time.monotonic()
    while True:
        answer = check()
        if answer:
            return answer
        waited = time.monotonic() - begin
        if waited > bound:
            raise AssertionError(f"not within {bound:.0f} s: {what}; last: {answer!r}{_gathered()}")
        # A fifth more at most, so that many waiting tests do not keep the API server and AWS busy with questions.
        time.sleep(min(max(waited / 5, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS))


def _gathered() -> str:
    return "".join(f"\n{_described(describe)}" for describe in _evidence)


def _described(describe: Callable[[], Any]) -> str:
    try:
        return str(describe())
    except Exception as error:  # noqa: BLE001 - what a failing test shows must not hide why it fails
        return f"(no evidence: {error!r})"


if __name__ == "__main__":  # `make` asks once, before the tests themselves make the load
    print(decide())
