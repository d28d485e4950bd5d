"""Helpers for texts in messages: on one line, without control characters, of limited length."""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate

# Maximum lengths in the CustomResourceDefinitions.
MESSAGE = 32768
ERROR = 256
# Control and format characters, halves of surrogate pairs, ends of lines and paragraphs.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str, longest: int) -> str:
    """Return the text without control characters, truncated to `longest` characters."""
    shown = text[: longest + 1]
    if not (shown.isascii() and shown.isprintable()):
        shown = "".join(" " if unicodedata.category(one) in _HIDDEN else one for one in shown)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def listed(values: Sequence[str], most: int = 5) -> str:
    """Return the first values, `most` at most, and how many more there are."""
    return ", ".join(values[:most]) + (f" and {len(values) - most} more" if len(values) > most else "")


def fitting(values: Sequence[str], longest: int) -> str:
    """Return as many of the first values as fit into `longest` bytes, and how many more there are."""
    if len(", ".join(values).encode()) <= longest:
        return ", ".join(values)
    sizes = accumulate(len(value.encode()) + len(", ") for value in values)
    room = longest - len(f" and {len(values)} more")
    return listed(values, max(1, sum(size - len(", ") <= room for size in sizes)))


def sentences(messages: Iterable[str]) -> str:
    """Join messages as sentences; the last one gets no full stop, like any message of a condition."""
    return ". ".join(message.removesuffix(".") for message in messages)


def capitalized(text: str) -> str:
    """Return the text with its first letter in upper case, to begin a sentence."""
    return text[:1].upper() + text[1:]
