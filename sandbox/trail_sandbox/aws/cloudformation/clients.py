"""Clients with which CloudFormation calls other services, with the credentials of the stack's caller."""

import threading
from typing import Any

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from trail_sandbox.aws.http import INVOKED_BY

_SERVICE = "cloudformation.amazonaws.com"
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
                client = boto3.client(  # type: ignore[call-overload]
                    service,
                    region_name=self.region,
                    endpoint_url=self._endpoint,
                    aws_access_key_id=self._access_key_id,
                    aws_secret_access_key="unchecked",  # noqa: S106 - not a secret: signatures are not checked
                    aws_session_token=self._session_token,
                    config=Config(retries={"total_max_attempts": 1}),
                )
            client.meta.events.register("before-sign", _name_service)
            self._made[service] = client
        return self._made[service]


def _name_service(request: AWSRequest, **_: object) -> None:
    """Have the call recorded as CloudFormation's for the caller.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    request.headers[INVOKED_BY] = _SERVICE
