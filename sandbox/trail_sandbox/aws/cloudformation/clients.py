"""Clients with which CloudFormation calls other services, with the credentials of the stack's caller."""

import threading
from typing import Any

import boto3
from botocore.config import Config

_AGENT = "cloudformation.amazonaws.com"
_making = threading.Lock()


class Clients:
    """Clients of the emulated AWS in one region, with one caller's credentials. Signatures are not checked."""

    def __init__(self, endpoint: str, region: str, access_key_id: str, session_token: str | None) -> None:
        self.region = region
        self._endpoint = endpoint
        self._access_key_id = access_key_id
        self._session_token = session_token
        self._made: dict[str, Any] = {}

    def of(self, service: str) -> Any:
        """Return the client of a service."""
        if service not in self._made:
            # boto3's session of its own is not safe for threads while it makes a client.
            with _making:
                self._made[service] = boto3.client(  # type: ignore[call-overload]
                    service,
                    region_name=self.region,
                    endpoint_url=self._endpoint,
                    aws_access_key_id=self._access_key_id,
                    aws_secret_access_key="unchecked",  # noqa: S106 - not a secret: signatures are not checked
                    aws_session_token=self._session_token,
                    config=Config(user_agent=_AGENT, retries={"total_max_attempts": 1}),
                )
        return self._made[service]
