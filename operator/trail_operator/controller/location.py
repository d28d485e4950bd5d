"""Where a Trail's trail is and whose: the account by STS, the region by spec and settings, both held to their pins."""

from collections.abc import Callable

from trail_operator.api.reasons import Reason
from trail_operator.aws.client import AWS
from trail_operator.aws.errors import AWSError, failure_of
from trail_operator.controller.subject import Subject
from trail_operator.core.failure import Failure, FailureClass, FailureError
from trail_operator.core.trail import Location

# For so many seconds after a write AWS may go on answering the state before it.
_SETTLING = 10.0


class Locator:
    """Finds a Trail's place in AWS."""

    def __init__(self, aws: AWS, owner_prefix: str, clock: Callable[[], float]) -> None:
        self._aws = aws
        self._owner_prefix = owner_prefix
        self._clock = clock

    def owner(self, subject: Subject) -> str:
        """The value of the owner tag of this Trail's trail."""
        return f"{self._owner_prefix}/{subject.key}"

    def resource_of(self, owner: str | None) -> str | None:
        """The Trail of this cluster, as `namespace/name`, that an owner tag names; None if it names none."""
        prefix = f"{self._owner_prefix}/"
        return owner.removeprefix(prefix) if owner and owner.startswith(prefix) else None

    def region(self, subject: Subject, wanted: str | None) -> str:
        """The home region. Raises FailureError where none is known or it is not the one on record."""
        region = wanted or self._aws.default_region
        if region is None:
            raise FailureError(
                Failure(
                    FailureClass.AUTHORITY,  # mended by a setting, not by the spec alone: so never stalled
                    Reason.INVALID_SPEC,
                    "no home region is known: set spec.region, or give the operator --region",
                )
            )
        pinned = subject.status.home_region
        if pinned and pinned != region and not subject.observing:
            raise FailureError(
                Failure(
                    FailureClass.TERMINAL,
                    Reason.WRONG_HOME_REGION,
                    f"the trail lives in {pinned}, but spec and settings now lead to {region}: set "
                    f"spec.region to {pinned}",
                )
            )
        return region

    async def location(self, subject: Subject, region: str) -> Location:
        """The place, asked of STS. Raises FailureError where it is not known or not the one on record."""
        try:
            identity = await self._aws.identity(region)
        except AWSError as error:
            raise FailureError(failure_of(error)) from None
        pinned = subject.status.account_id
        if pinned and pinned != identity.account and not subject.observing:
            raise FailureError(
                Failure(
                    FailureClass.TERMINAL,
                    Reason.IDENTITY_MISMATCH,
                    f"the trail is in account {pinned}, but the operator's credentials are of account "
                    f"{identity.account}: nothing is written until they are of the right account again",
                )
            )
        return Location(identity.partition, identity.account, region)

    async def management_account(self, subject: Subject, name: str, location: Location) -> str | None:
        """Whose an organization trail is, if it is not the location's account: that of the management account.

        Raises FailureError where AWS does not tell.
        """
        known = subject.status.arn
        if known and known.endswith(f":trail/{name}"):
            account = known.split(":")[4]
        else:
            try:
                account = (await self._aws.organization(location.region)).management_account
            except AWSError as error:
                raise FailureError(failure_of(error)) from None
        return account if account != location.account else None

    def settling(self, subject: Subject) -> bool:
        """Whether AWS may still answer the state before our last write to this trail."""
        return subject.written is not None and self._clock() - subject.written < _SETTLING

    def may_lag(self, subject: Subject) -> bool:
        """The same of a write by the operator before this one: it may have ended just before this one began."""
        return self.settling(subject) or self._clock() - subject.started < _SETTLING
