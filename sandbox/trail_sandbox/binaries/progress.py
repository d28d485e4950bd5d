"""What is being waited for, told on standard error."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_EVERY_SECONDS = 30


def say(message: str) -> None:
    """One line for whoever waits."""
    print(message, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them: `12 s`, `8 min 27 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def waiting_for(doing: str, done: str) -> Iterator[None]:
    """Say what is being done, every half minute that it still is, and at the end how long it took."""
    start = time.monotonic()
    finished = threading.Event()

    def tell() -> None:
        while not finished.wait(_EVERY_SECONDS):
            say(f"  still {doing}: {duration(time.monotonic() - start)} so far")

    say(f"{doing} ...")
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
        say(f"{done} in {duration(time.monotonic() - start)}")
    finally:
        finished.set()
        teller.join()
