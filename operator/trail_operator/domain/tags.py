"""Which tags of a resource its spec controls."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from trail_operator.api.constants import RESERVED_TAG_PREFIX


def is_governed(key: str, ignored: Iterable[str]) -> bool:
    """Return whether a spec controls tags with that key. `ignored`: patterns of the keys that are left alone.

    Tags of AWS and of the operator never are: other rules apply to the owner tag.
    """
    if key.lower().startswith(("aws:", RESERVED_TAG_PREFIX)):
        return False
    return not any(fnmatchcase(key, pattern) for pattern in ignored)
