"""Who the operator is in AWS: its identity and the organization of the account, as AWS last reported them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CallerIdentity:
    """The identity of the caller, as STS reports it."""

    account: str
    partition: str
    arn: str


@dataclass(frozen=True)
class Organization:
    """The organization that the caller's account belongs to."""

    id: str
    management_account: str


class CallerCache:
    """Keeps both until the credentials change: AWS is asked again for another access key, or in another partition."""

    def __init__(self) -> None:
        self._caller: tuple[str, CallerIdentity] | None = None
        self._is_valid = False
        self._organization: tuple[tuple[str, CallerIdentity] | None, Organization] | None = None

    @property
    def account(self) -> str:
        """The number of the account; "" until STS has reported it."""
        return self._caller[1].account if self._caller else ""

    def identity(self, key: str) -> CallerIdentity | None:
        """Return the identity that belongs to a key. `key`: access key and partition."""
        if self._caller is None or self._caller[0] != key or not self._is_valid:
            return None
        return self._caller[1]

    def put_identity(self, key: str, identity: CallerIdentity) -> None:
        """Keep what STS has just reported."""
        self._caller = (key, identity)
        self._is_valid = True

    def invalidate(self) -> None:
        """Have STS asked again. `account` stays: it chooses the rate limits until STS answers."""
        self._is_valid = False

    def organization(self) -> Organization | None:
        """Return the organization of the present identity."""
        if self._organization is None or self._organization[0] != self._caller:
            return None
        return self._organization[1]

    def put_organization(self, organization: Organization) -> None:
        """Keep what Organizations has just reported, for as long as the identity stays the same."""
        self._organization = (self._caller, organization)
