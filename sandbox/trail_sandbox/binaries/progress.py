"""Progress messages on standard error."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EVERY_SECONDS = 30


def say(message: str) -> None:
    """Print one line."""
    print(message, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Format seconds: `12 s`, `8 min 27 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def waiting_for(doing: str, done: str) -> Iterator[None]:
    """Print what is being done, a line every 30 seconds, and at the end how long it took."""
    start = time.monotonic()
    finished = threading.Event()

    def repeat() -> None:
        while not finished.wait(_EVERY_SECONDS):
            say(f"  still {doing}: {duration(time.monotonic() - start)} so far")

    say(f"{doing} ...")
    reporter = threading.Thread(target=repeat, daemon=True)
    reporter.start()
    try:
        yield
        say(f"{done} in {duration(time.monotonic() - start)}")
    finally:
        finished.set()
        reporter.join()
