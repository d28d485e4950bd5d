"""What a request is, before anybody acts on it: who makes it, and which operation of which service is asked for."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trail_sandbox.aws import answers
from trail_sandbox.aws.cloudtrail.shapes import service_model
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.events import Caller
from trail_sandbox.aws.http import HttpRequest
from trail_sandbox.aws.identity import Lease, Scope, caller_of, lease_of, scope_of, session_token
from trail_sandbox.aws.models import UNKNOWN, Operation, identify, recordable
from trail_sandbox.aws.moto_app import environ_of
from trail_sandbox.aws.regions import is_region, partition_of

_CLOUDTRAIL = "cloudtrail"
_ARN_PARTS = 5
_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - a message


@dataclass(frozen=True)
class Arrival:
    """A request as far as it is understood before anybody acts on it."""

    request: HttpRequest
    environ: dict[str, Any] | None
    """As moto wants it; None for CloudTrail."""
    scope: Scope
    caller: Caller | None
    operation: Operation
    time: datetime
    id: str

    @property
    def account(self) -> str | None:
        """The caller's account; of a web identity, which has none, that of the role that it asks for."""
        if self.caller:
            return self.caller.account
        role = str(self.operation.parameters.get("RoleArn", "")).split(":")
        return role[4] if len(role) > _ARN_PARTS else None


def understand(request: HttpRequest, now: datetime) -> Arrival:
    """Read a request; what is wrong with it is for others to say."""
    scope = scope_of(request) or _unsigned_scope(request)
    environ = None
    if scope.service == _CLOUDTRAIL:
        operation = _cloudtrail_operation(request)
    else:
        environ = environ_of(request)
        operation = identify(scope.service, environ)
        environ["wsgi.input"].seek(0)
    return Arrival(
        request,
        environ,
        scope,
        caller_of(scope.access_key_id, partition_of(scope.region)),
        operation,
        now,
        str(uuid.uuid4()),
    )


def check_credentials(arrival: Arrival) -> None:
    """Refuse unsigned requests, keys that are nobody's or no longer valid, and regions that are none."""
    key, protocol = arrival.scope.access_key_id, arrival.operation.protocol
    if not key and arrival.operation.name.startswith("AssumeRoleWith"):
        return
    if not key:
        code = {"json": "MissingAuthenticationTokenException", "rest-xml": "AccessDenied"}.get(
            protocol, "MissingAuthenticationToken"
        )
        raise AwsError(code, "Request is missing Authentication Token", answers.status_of(code, protocol))
    lease = lease_of(arrival.caller) if arrival.caller else None
    token = session_token(arrival.request)
    if arrival.caller is None or (lease and token is None):
        code = {"json": "UnrecognizedClientException", "rest-xml": "InvalidAccessKeyId"}.get(
            protocol, "InvalidClientTokenId"
        )
        raise AwsError(code, _INVALID_TOKEN, answers.status_of(code, protocol))
    if lease:
        _check_lease(lease, token, arrival)
    if not is_region(arrival.scope.region):
        code = "InvalidSignatureException" if protocol == "json" else "SignatureDoesNotMatch"
        raise AwsError(code, "Credential should be scoped to a valid region.", answers.status_of(code, protocol))


def _check_lease(lease: Lease, token: str | None, arrival: Arrival) -> None:
    """Refuse a session whose token is another's, or that has ended.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (InvalidToken, ExpiredToken)
    https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (ExpiredTokenException is JSON's ExpiredToken)
    """
    protocol = arrival.operation.protocol
    is_s3 = protocol == "rest-xml"
    if token != lease.token:
        code = {"json": "UnrecognizedClientException", "rest-xml": "InvalidToken"}.get(protocol, "InvalidClientTokenId")
        message = "The provided token is malformed or otherwise invalid." if is_s3 else _INVALID_TOKEN
        raise AwsError(code, message, 403 if protocol == "query" else 400)
    if arrival.time >= lease.expiration:
        code = "ExpiredTokenException" if protocol == "json" else "ExpiredToken"
        message = (
            "The provided token has expired." if is_s3 else "The security token included in the request is expired"
        )
        raise AwsError(code, message, 403 if protocol == "query" else 400)


def read_json(request: HttpRequest) -> object:
    """Read the body of a request to a JSON service."""
    try:
        body: object = json.loads(request.body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", "The request body is not valid JSON.") from error
    return body


def _unsigned_scope(request: HttpRequest) -> Scope:
    """Take an unsigned request for one to STS, whose AssumeRoleWith… operations are, or else to S3 as moto does."""
    if request.headers.get("x-amz-target", "").startswith(service_model().metadata["targetPrefix"]):
        return Scope("", "us-east-1", _CLOUDTRAIL)
    unsigned = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return Scope("", "us-east-1", "sts" if unsigned and b"AssumeRoleWith" in request.body else "s3")


def _cloudtrail_operation(request: HttpRequest) -> Operation:
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if target not in service_model().operation_names:
        return Operation(target or UNKNOWN, "json")
    try:
        body = read_json(request)
    except AwsError:
        return Operation(target, "json")
    parameters: Mapping[str, Any] = recordable(service_model().operation_model(target).input_shape, body)
    return Operation(target, "json", parameters if isinstance(body, dict) else {})
