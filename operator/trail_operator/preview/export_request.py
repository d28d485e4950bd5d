"""Which trails are to be exported. Pure: `--help` imports it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from trail_operator.api.trail_rules import ACCOUNT_PATTERN, TRAIL_ARN_PATTERN
from trail_operator.domain.arns import Arn, is_arn

ALL_REGIONS = "all"


@dataclass(frozen=True)
class ExportRequest:
    """Which trails are to be exported."""

    names: frozenset[str] = frozenset()
    """Names and ARNs. Empty: all trails."""
    accounts: tuple[str, ...] = ()
    """Account numbers. Empty: all accounts that the options give access to."""
    regions: frozenset[str] = frozenset()
    """Regions that show the trails, or ALL_REGIONS. Empty: the default region of each account."""

    @classmethod
    def of(cls, names: Iterable[str], accounts: Iterable[str], regions: str) -> "ExportRequest":
        """Return the request that arguments make. Raises ValueError if one is invalid."""
        names, accounts = frozenset(names), tuple(dict.fromkeys(accounts))
        for account in accounts:
            if not re.fullmatch(ACCOUNT_PATTERN, account):
                raise ValueError(f"--account: {account!r} is not the number of an account, which has 12 digits")
        for name in sorted(names):
            if is_arn(name) and not re.fullmatch(TRAIL_ARN_PATTERN, name):
                raise ValueError(f"{name!r} is not the ARN of a trail")
        return cls(names, accounts, frozenset(filter(None, map(str.strip, regions.split(",")))))

    @cached_property
    def arns(self) -> frozenset[str]:
        """Those given as ARNs."""
        return frozenset(filter(is_arn, self.names))

    @property
    def needs_list(self) -> bool:
        """Whether trails must be listed: ARNs say where trails are."""
        return not self.names or self.names != self.arns

    @property
    def in_all_regions(self) -> bool:
        """Whether the trails of all regions are exported."""
        return ALL_REGIONS in self.regions

    def includes(self, arn: str) -> bool:
        """Whether a listed trail is to be exported."""
        return not self.names or arn in self.names or Arn.parse(arn).name in self.names
