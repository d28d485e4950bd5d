"""Reads lists that AWS returns in pages."""

from typing import Any

from trail_operator.aws.client import Reads
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import FailureError, transient

_MOST_PAGES = 100
# Every page except the last has the token of the next one, under one of these names.
_TOKENS = ("NextToken", "Marker")


async def list_all(aws: Reads, operation: Read, region: str, member: str, **parameters: Any) -> list[Any]:
    """Return all entries of a list. Raises FailureError if it has too many pages: a partial list would mislead."""
    entries: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        page = await aws.call(operation, region, **parameters, **token)
        entries += page[member]
        token = {name: page[name] for name in _TOKENS if page.get(name)}
        if not token:
            return entries
    raise FailureError(transient(f"{operation} in {region} returns more than {_MOST_PAGES} pages"))
