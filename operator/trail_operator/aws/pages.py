"""Reads lists that AWS returns in pages."""

from collections.abc import Sequence
from typing import Any

from trail_operator.aws.client import Reads
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import FailureError, transient

_MOST_PAGES = 100
# Every page except the last has the token of the next one, under one of these names.
_TOKENS = ("NextToken", "nextToken", "Marker", "PaginationToken")


async def list_all(aws: Reads, operation: Read, region: str, member: str, **parameters: Any) -> list[Any]:
    """Return all entries of a list. Raises FailureError if it has too many pages: a partial list would mislead."""
    (entries,) = await list_all_of(aws, operation, region, (member,), **parameters)
    return entries


async def list_all_of(
    aws: Reads, operation: Read, region: str, members: Sequence[str], **parameters: Any
) -> list[list[Any]]:
    """Return all entries of several lists that share their pages; one that a page lacks is empty there."""
    entries: list[list[Any]] = [[] for _ in members]
    token: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        page = await aws.call(operation, region, **parameters, **token)
        for found, member in zip(entries, members, strict=True):
            found += page.get(member) or ()
        token = {name: page[name] for name in _TOKENS if page.get(name)}
        if not token:
            return entries
    raise FailureError(transient(f"{operation} in {region} returns more than {_MOST_PAGES} pages"))
