"""Answers as they are on the wire, written by botocore's models, and read by the operator's parsers: botocore's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from xml.sax.saxutils import escape

import botocore.session
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from trail_operator.aws.response_parser import ResponseParsers
from trail_sandbox.aws.cloudtrail.shapes import to_json
from trail_sandbox.aws.errors import AwsError

# What the root of an XML answer is called where the model does not tell.
_ROOTS = {"GetBucketLocation": "LocationConstraint", "GetBucketRequestPayment": "RequestPaymentConfiguration"}


@dataclass(frozen=True)
class Raw:
    """What comes over the wire."""

    body: bytes
    status: int = 200
    request_id: str = ""


@cache
def model(service: str) -> ServiceModel:
    """The model of a service."""
    return botocore.session.get_session().get_service_model(service)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """The model of an operation."""
    return model(service).operation_model(operation)


def is_json(service: str) -> bool:
    """Whether a service speaks JSON; the others speak XML."""
    return model(service).resolved_protocol == "json"


def success(service: str, operation: str, answer: Mapping[str, Any]) -> Raw:
    """An answer as the service writes it."""
    shape = operation_model(service, operation).output_shape
    if is_json(service):
        return Raw(json.dumps(to_json(answer)).encode())
    assert isinstance(shape, StructureShape)
    if payload := shape.serialization.get("payload"):
        member = shape.members[payload]
        if isinstance(member, StructureShape):
            return Raw(f"<{member.name}>{_xml(member, answer[payload])}</{member.name}>".encode())
        return Raw(str(answer[payload]).encode())
    inner = _xml(shape, answer)
    wrapper = shape.serialization.get("resultWrapper")
    if wrapper:
        root = f"{wrapper.removesuffix('Result')}Response"
        return Raw(f"<{root}><{wrapper}>{inner}</{wrapper}></{root}>".encode())
    return Raw(f"<{_ROOTS[operation]}>{inner}</{_ROOTS[operation]}>".encode())


def failure(service: str, error: AwsError) -> Raw:
    """An error as the service writes it."""
    code, message = escape(error.code), escape(error.message)
    if is_json(service):
        body = json.dumps({"__type": error.code, "Message": error.message})
    elif service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    else:
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    return Raw(body.encode(), error.status)


def read(service: str, operation: str, raw: Raw) -> dict[str, Any]:
    """What a client of the operator makes of it. Raises ClientError and InvalidResponseError."""
    headers = {"x-amzn-requestid": raw.request_id} if raw.request_id else {}
    response = {"status_code": raw.status, "headers": headers, "body": raw.body, "context": {}}
    parser = ResponseParsers().create_parser(model(service).resolved_protocol)
    parsed = parser.parse(response, operation_model(service, operation).output_shape)
    if raw.status >= 300:
        raise ClientError(cast(Any, parsed), operation)
    return cast(dict[str, Any], parsed)


def _member(shape: Shape, name: str, value: Any) -> str:
    tag = shape.serialization.get("name", name)
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return "".join(f"<{tag}>{_xml(shape.member, one)}</{tag}>" for one in value)
    return f"<{tag}>{_xml(shape, value)}</{tag}>"


def _xml(shape: Shape, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return "".join(_member(shape.members[name], name, one) for name, one in value.items() if one is not None)
    if isinstance(shape, ListShape):
        return "".join(f"<member>{_xml(shape.member, one)}</member>" for one in value)
    if isinstance(shape, MapShape):
        return "".join(f"<entry><key>{key}</key><value>{escape(one)}</value></entry>" for key, one in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))
