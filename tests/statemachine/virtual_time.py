"""An event loop whose time jumps: when nothing is ready it is at once the time of the next timer."""

import asyncio
import selectors


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs whatever waits for time only. Its clock starts at 0 and stands still while anything runs."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def run_for(self, seconds: float) -> None:
        """Run everything that is due within so many seconds."""
        self.run_until_complete(asyncio.sleep(seconds))


class _Jump(selectors.SelectSelector):
    """Selects no file ever: there are none but the loop's own, which only other threads and signals use."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("all tasks wait for something that will never come")
        self._loop.jump(max(timeout, 0.0))
        return []
