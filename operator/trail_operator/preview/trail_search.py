"""Finds and reads existing trails, in several accounts and regions."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from trail_operator.domain.arns import Arn
from trail_operator.domain.export import FoundTrail
from trail_operator.domain.failure import FailureClass, FailureError
from trail_operator.inventory.account_client import AccountClient
from trail_operator.preview.access import CallerClients, explain
from trail_operator.preview.export_request import ExportRequest

_ATTEMPTS = 4
_SECONDS_BETWEEN_ATTEMPTS = 1.0

T = TypeVar("T")


@dataclass(frozen=True)
class SearchResult:
    """The trails that were read, and why others were not."""

    trails: tuple[FoundTrail, ...]
    problems: tuple[str, ...]
    missing: tuple[str, ...]
    """Names and ARNs that no trail has."""


class TrailSearch:
    """Searches in the accounts of some clients."""

    def __init__(self, clients: CallerClients, accounts: Mapping[str, AccountClient], request: ExportRequest) -> None:
        """`accounts`: the client of each account."""
        self._clients = clients
        self._accounts = accounts
        self._request = request
        self._problems: list[str] = []
        self._unread: set[str] = set()

    async def run(self) -> SearchResult:
        """Find and read the trails."""
        accounts = sorted(self._accounts)
        listed = await asyncio.gather(*map(self._list, accounts))
        readers: dict[str, str] = {}
        for account, arns in zip(accounts, listed, strict=True):
            for arn in arns:
                # Other accounts of an organization see its trails, but only the owner sees all about them.
                if arn not in readers or Arn.parse(arn).account == account:
                    readers[arn] = account
        results = await asyncio.gather(*(self._read(arn, account) for arn, account in sorted(readers.items())))
        trails = tuple(trail for trail in results if trail)
        known = {trail.observed.arn for trail in trails} | self._unread
        missing = self._request.names - known - {Arn.parse(arn).name for arn in known}
        return SearchResult(trails, tuple(self._problems), tuple(sorted(missing)))

    async def _list(self, account: str) -> set[str]:
        """Return the ARNs of the trails to read with the credentials of an account."""
        client = self._accounts[account]
        arns: set[str] = set()
        first = min(self._accounts)
        for arn in self._request.arns:
            owner = Arn.parse(arn).account
            if owner == account or (owner not in self._accounts and account == first):
                arns.add(arn)
        try:
            home = self._home(client, arns)
            await self._clients.identify(client, home)
            if self._request.needs_list:
                arns |= {arn for arn in await self._all(client, home) if self._request.includes(arn)}
        except FailureError as error:
            self._problems.append(f"Account {account}: {explain(error)}")
            self._unread |= arns
            return set()
        return arns

    def _home(self, client: AccountClient, arns: Collection[str]) -> str:
        """Return the region that is called first."""
        regions = [Arn.parse(arn).region for arn in arns]
        regions += [] if self._request.in_all_regions else self._request.regions
        return client.default_region or min(regions, default=client.sts_region)

    async def _all(self, client: AccountClient, home: str) -> set[str]:
        """Return the ARNs of the account's trails in the regions, and of those whose shadows are there."""
        cloudtrail = client.cloudtrail
        listed: set[str] = set()
        regions = set(self._request.regions) or {home}
        if self._request.in_all_regions:
            listed |= set(await _patiently(lambda: cloudtrail.list_arns(home)))
            regions = {home, *(Arn.parse(arn).region for arn in listed)}
        # Also where all are listed: organization trails of another account.
        described = await asyncio.gather(
            *(_patiently(partial(cloudtrail.trails, region)) for region in sorted(regions))
        )
        return listed | {str(trail["TrailARN"]) for trails in described for trail in trails}

    async def _read(self, arn: str, account: str) -> FoundTrail | None:
        client, home = self._accounts[account], Arn.parse(arn).region
        try:
            observed = await _patiently(lambda: client.cloudtrail.observe(arn, home, expected=True, read_only=True))
        except FailureError as error:
            self._problems.append(f"{arn} was not read: {explain(error)}")
            self._unread.add(arn)
            return None
        return FoundTrail(account, observed) if observed else None


async def _patiently(read: Callable[[], Awaitable[T]]) -> T:
    """Return the result of a read, which is repeated a few times if its failure is transient."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await read()
        except FailureError as error:
            if error.failure.kind is not FailureClass.TRANSIENT:
                raise
        await asyncio.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    return await read()
