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
from trail_sandbox.aws.identity import Scope, caller_of, scope_of
from trail_sandbox.aws.models import UNKNOWN, Operation, identify, recordable
from trail_sandbox.aws.moto_app import environ_of
from trail_sandbox.aws.regions import is_region

_CLOUDTRAIL = "cloudtrail"


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
        """The caller's account."""
        return self.caller.account if self.caller else None


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
    return Arrival(request, environ, scope, caller_of(scope.access_key_id), operation, now, str(uuid.uuid4()))


def check_credentials(arrival: Arrival) -> None:
    """Refuse unsigned requests, keys that nobody has, and regions that are none, as the services do."""
    key, protocol = arrival.scope.access_key_id, arrival.operation.protocol
    if not key and arrival.operation.name.startswith("AssumeRoleWith"):
        return
    if not key:
        code = {"json": "MissingAuthenticationTokenException", "rest-xml": "AccessDenied"}.get(
            protocol, "MissingAuthenticationToken"
        )
        raise AwsError(code, "Request is missing Authentication Token", answers.status_of(code, protocol))
    if arrival.caller is None:
        message = "The security token included in the request is invalid."
        code = {"json": "UnrecognizedClientException", "rest-xml": "InvalidAccessKeyId"}.get(
            protocol, "InvalidClientTokenId"
        )
        raise AwsError(code, message, answers.status_of(code, protocol))
    if not is_region(arrival.scope.region):
        code = "InvalidSignatureException" if protocol == "json" else "SignatureDoesNotMatch"
        raise AwsError(code, "Credential should be scoped to a valid region.", answers.status_of(code, protocol))


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
