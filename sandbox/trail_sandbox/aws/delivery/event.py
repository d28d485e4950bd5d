"""One finished API request, as the front of the emulator reports it to CloudTrail's recording side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class ApiEvent:
    """A request that was answered, or whose answer was lost after it took effect.

    `service` is the name in the service's endpoint (cloudtrail, s3, iam). `parameters` and `response` are the members
    of the operation's input and output as the SDKs spell them, without any secret; `response` may be left out.
    """

    time: float  # seconds since the epoch
    account: str
    region: str
    service: str
    operation: str
    caller_arn: str
    access_key_id: str
    parameters: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None
    error_code: str | None = None
    error_message: str | None = None
    source_ip: str = "127.0.0.1"
    user_agent: str = ""
    request_id: str = ""
