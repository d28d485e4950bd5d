"""What a command says of a bug: one line without a traceback, whose text may quote what must not be shown."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_traceback(prog: str) -> Iterator[None]:
    """End the process with status 1 and a line that names only the type of an unexpected error."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - no traceback for users
        sys.exit(f"{prog}: internal error ({type(error).__name__}): please report it")
