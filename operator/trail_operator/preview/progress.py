"""Progress of a command on standard error, for people who wait for more than a second."""

import asyncio
from collections.abc import Callable
from typing import TextIO

_DELAY = 1.0
_TICK = 0.2
# Seconds between two lines where lines cannot be replaced, as in the log of a pipeline.
_BETWEEN_LINES = 10.0


class Progress:
    """Says how far the command has come."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._next = clock() + _DELAY
        self._text = ""
        self._has_line = False

    def set(self, text: str) -> None:
        """Show the text from now on."""
        self._text = text

    async def keep_showing(self) -> None:
        """Show the present text from time to time, until this is cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            self._show()

    def _show(self) -> None:
        now = self._clock()
        if now < self._next or not self._text:
            return
        self._next = now + (0.0 if self._is_terminal else _BETWEEN_LINES)
        self._stream.write(f"\r\033[K{self._text}" if self._is_terminal else f"{self._text}\n")
        self._stream.flush()
        self._has_line = self._is_terminal

    def end(self) -> None:
        """Remove the last line from the terminal."""
        if self._has_line:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._has_line = False
