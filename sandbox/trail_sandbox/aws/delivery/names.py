"""The names of what CloudTrail delivers.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html#cloudtrail-log-filename-format
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime

_ALPHABET = string.ascii_letters + string.digits
_UNIQUE_LENGTH = 16


@dataclass(frozen=True)
class Place:
    """Where the files of one trail about one region go: below the trail's prefix, by account and region."""

    prefix: str | None
    account: str
    region: str
    organization: str | None = None
    """The id of the organization, for its trails."""

    def log_file(self, now: datetime) -> str:
        """Name a log file: its minute, and a random part that keeps files of one minute apart."""
        unique = "".join(secrets.choice(_ALPHABET) for _ in range(_UNIQUE_LENGTH))
        name = f"{self.account}_CloudTrail_{self.region}_{_utc(now):%Y%m%dT%H%MZ}_{unique}.json.gz"
        return f"{self._folder('CloudTrail', now)}/{name}"

    def digest_file(self, trail_name: str, home_region: str, end: datetime) -> str:
        """Name a digest file by the second its period ends."""
        name = f"{self.account}_CloudTrail-Digest_{self.region}_{trail_name}_{home_region}_{_utc(end):%Y%m%dT%H%M%SZ}"
        return f"{self._folder('CloudTrail-Digest', end)}/{name}.json.gz"

    def _folder(self, kind: str, moment: datetime) -> str:
        day = f"{_utc(moment):%Y/%m/%d}"
        parts = (self.prefix, "AWSLogs", self.organization, self.account, kind, self.region, day)
        return "/".join(part for part in parts if part)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
