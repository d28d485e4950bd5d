"""The address of the event queue: what `--event-queue` accepts.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from trail_operator.domain.arns import Arn, is_arn
from trail_operator.domain.cloudtrail_resources import is_account, is_region

# The name of a FIFO queue ends with .fifo, which counts as part of the 80 characters.
_NAME = re.compile(r"(?=.{1,80}$)[A-Za-z0-9_-]+(\.fifo)?", re.ASCII)
# Standard, FIPS, dual-stack and VPC endpoints, and the older REGION.queue.amazonaws.com:
# https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
_HOST = re.compile(
    r"(?:(?:[a-z0-9-]+\.)?sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)(?:\.vpce)?|(?P<legacy>[a-z0-9-]+)\.queue)"
    r"\.(?:amazonaws\.com(?:\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)"
)
_FORMS = "set --event-queue to the name, the URL or the ARN of an SQS queue"


@dataclass(frozen=True)
class QueueAddress:
    """A queue. Region and account are empty if they are the operator's own."""

    region: str
    account: str
    name: str

    @staticmethod
    def parse(text: str) -> "QueueAddress":
        """Parse a name, a URL or an ARN. Raises ValueError, whose message says what is wrong and what to write."""
        if is_arn(text):
            return _of_arn(text)
        if "://" in text:
            return _of_url(text)
        return QueueAddress("", "", _checked(text, text))

    def __str__(self) -> str:
        place = [f"in {self.region}"] if self.region else []
        place += [f"of account {self.account}"] if self.account else []
        return " ".join([self.name, *place])


def _of_arn(text: str) -> QueueAddress:
    arn = Arn.try_parse(text)
    if arn is None or arn.service != "sqs" or not is_region(arn.region) or not is_account(arn.account):
        raise ValueError(f"{text!r} is not the ARN of an SQS queue (arn:aws:sqs:REGION:ACCOUNT:NAME): {_FORMS}")
    return QueueAddress(arn.region, arn.account, _checked(arn.resource, text))


def _of_url(text: str) -> QueueAddress:
    problem = f"{text!r} is not the URL of an SQS queue (https://sqs.REGION.amazonaws.com/ACCOUNT/NAME): {_FORMS}"
    try:
        url = urlsplit(text)
        host = _HOST.fullmatch(url.hostname or "")
    except ValueError:
        raise ValueError(problem) from None
    region = (host["region"] or host["legacy"]) if host else ""
    parts = url.path.split("/")
    if url.scheme != "https" or url.query or len(parts) != 3 or not is_region(region) or not is_account(parts[1]):
        raise ValueError(problem)
    return QueueAddress(region, parts[1], _checked(parts[2], text))


def _checked(name: str, text: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{text!r} does not name an SQS queue, whose name has 1 to 80 letters, digits, hyphens and underscores: "
            f"{_FORMS}"
        )
    return name
