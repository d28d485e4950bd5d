"""Log lines: none can be forged by what is in them, and none comes more often than its rate."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO

import pytest

from trail_operator.runtime import logs
from trail_operator.runtime.logs import RateLimit, about, logger

FORGED = "2026-01-01T00:00:00.000Z INFO    kube-system/other@1 Ready=True Recording: FORGED"
ODD = [
    f"logs\n{FORGED}",
    f"logs\r\n{FORGED}",
    f"logs\u2028{FORGED}",
    f"logs\x85{FORGED}",
    f"logs\x0b{FORGED}",
    "\x1b]0;title\x07\x1b[31mred",
    "\x9b31m",
    "nul\x00del\x7f",
    "\u202eright to left\u2066",
]

Lines = Callable[[], list[str]]


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What is written to standard error from then on, line by line."""
    stream, root = StringIO(), logging.getLogger()
    before, levels = root.handlers[:], (root.level, logger.level)
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(request.param, "info")
    yield lambda: stream.getvalue().split("\n")[:-1]
    root.handlers[:] = before
    root.setLevel(levels[0])
    logger.setLevel(levels[1])


def is_clean(text: str) -> bool:
    return all(character.isprintable() or character == " " for character in text)


@pytest.mark.parametrize("odd", ODD)
def test_no_control_character_is_written_raw(odd: str, written: Lines) -> None:
    logger.info(f"Ready=False InvalidSpec: {odd}", extra=about("team-a/audit", requestID=odd, arn=odd))
    logger.warning("of a library: %s", odd)
    lines = written()
    assert len(lines) == 2
    for line in lines:
        assert is_clean(line)
        if line.startswith("{"):  # nor by whoever shows what the JSON holds
            assert all(is_clean(str(value)) for value in json.loads(line).values())


@pytest.mark.parametrize("odd", ODD)
def test_no_line_of_a_traceback_passes_for_a_log_line(odd: str, written: Lines) -> None:
    logger.error("internal error", exc_info=ValueError(odd), extra=about("team-a/audit"))
    for line in written()[1:]:
        assert line.startswith("    ")
    for line in written():
        assert is_clean(line)
    if len(written()) == 1:
        assert "ValueError: " in json.loads(written()[0])["exception"]


def test_what_comes_too_often_is_left_out_and_counted(written: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    logging.getLogger().handlers[0].filters[:] = [RateLimit(lambda: now[0])]

    def fails(number: int) -> None:
        logging.getLogger("asyncio").error("socket.accept() out of system resource %d", number)

    for number in range(5000):
        fails(number)
    assert len(written()) == 20
    now[0] = 1.5
    fails(5000)
    fails(5001)
    assert len(written()) == 21
    assert "(4980 similar lines were dropped)" in written()[-1]


def test_lines_about_other_trails_are_not_left_out_for_it(written: Lines) -> None:
    for number in range(600):
        logger.info("Ready=True Recording", extra=about(f"team-a/trail-{number}"))
    assert len(written()) == 600


def test_all_lines_together_have_a_rate_too(written: Lines) -> None:
    logging.getLogger().handlers[0].filters[:] = [RateLimit(lambda: 0.0)]
    for number in range(10_000):
        logger.info("Ready=True Recording", extra=about(f"team-a/trail-{number}"))
    assert len(written()) == 5000


def test_a_line_is_cut_where_it_is_too_long(written: Lines) -> None:
    logger.info("x" * 500_000, extra=about("team-a/audit", requestID="r" * 500_000))
    assert len(written()[0]) < 100_000
    assert "characters)" in written()[0]
