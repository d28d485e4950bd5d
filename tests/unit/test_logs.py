"""What a library failed with is found in its log, as one short line."""

import logging

from trail_operator.runtime.logs import LastFailure


def test_the_last_failure_of_a_library_is_one_short_line() -> None:
    failure = LastFailure("library.part")
    logger = logging.getLogger("library.part.module")
    logger.error("no exception")
    assert str(failure) == "no reason was logged"
    for text in ("first", "second\x1b[31m\nForged " + "x" * 1000):
        logger.error(f"Watcher has failed: {text}", exc_info=KeyError(text))
    assert str(failure).startswith("Watcher has failed: second\\x1b[31m\\nForged")
    assert str(failure).isprintable()
    assert len(str(failure)) < 600
