"""Lists that AWS answers page by page."""

from typing import Any

from trail_operator.aws.client import AWSClient
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import FailureError, passing

_MOST_PAGES = 100
# A page that is not the last has the token of the next, by one of these names.
_TOKENS = ("NextToken", "Marker")


async def list_all(aws: AWSClient, operation: Read, region: str, member: str, **parameters: Any) -> list[Any]:
    """All entries of a list. Raises FailureError where it does not end: no part of it is taken for all of it."""
    entries: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        page = await aws.call(operation, region, **parameters, **token)
        entries += page[member]
        token = {name: page[name] for name in _TOKENS if page.get(name)}
        if not token:
            return entries
    raise FailureError(passing(f"AWS does not come to an end of {operation} in {region}"))
