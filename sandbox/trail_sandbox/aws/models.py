"""botocore's service models: the operation that a request is for, and its parameters fit to be recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, MapShape, Shape, StructureShape
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

UNKNOWN = "Unknown"
UNMODELLED = "Unmodelled"
"""Of a service that botocore knows by another name than its signatures do."""
# Of services whose signatures have another name than their model.
_MODELS = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
_REDACTED = "HIDDEN_DUE_TO_SECURITY_REASONS"  # CloudTrail's own word for it


@dataclass(frozen=True)
class Operation:
    """What a request asks of a service."""

    name: str
    protocol: str
    """json, query or rest-xml: how the service spells its errors."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Without secrets and bodies of objects; times are ISO 8601."""


def identify(service: str, environ: Mapping[str, Any]) -> Operation:
    """Name the operation of a WSGI request; UNKNOWN is one that the service's model does not have."""
    request = Request(dict(environ))
    service = _MODELS.get(service, service)
    try:
        model = get_service_model(service)
    except UnknownServiceError:
        return Operation(UNMODELLED, "json")
    try:
        protocol = determine_request_protocol(model, request.content_type)
        operation, uri_parameters = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError):
        return Operation(UNKNOWN, str(model.protocol))
    return Operation(operation.name, protocol, _parameters(operation, protocol, request, uri_parameters))


def _parameters(
    model: OperationModel, protocol: str, request: Request, uri_parameters: dict[str, Any]
) -> Mapping[str, Any]:
    parser = PROTOCOL_PARSERS[protocol](model)
    try:
        parsed = parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": uri_parameters,
            }
        )
    except Exception:  # noqa: BLE001 - whatever is wrong with a body is for its service to say
        return {}
    recorded: Mapping[str, Any] = recordable(model.input_shape, parsed)
    return recorded


def recordable(shape: Shape | None, value: Any) -> Any:
    """Give parameters without secrets and bytes."""
    if shape is None:
        return {}
    if shape.metadata.get("sensitive"):
        return _REDACTED
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = {name: shape.members[name] for name in value if name in shape.members}
        return {
            name: recordable(member, value[name])
            for name, member in members.items()
            if member.type_name != "blob" and value[name] is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [recordable(shape.member, one) for one in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {str(key): recordable(shape.value, one) for key, one in value.items()}
    if isinstance(value, bytes):
        return _REDACTED
    return value.isoformat() if isinstance(value, datetime) else value
