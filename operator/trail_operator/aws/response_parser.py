"""botocore's response parsers, wrapped so that only a valid response of AWS gets through.

botocore parses a body that it does not understand as an empty response, passes on wrong types, and quotes bodies in
its exceptions. So each response is checked before anything is read from it. An error message describes the problem in
the operator's own words and never quotes the body, which may contain credentials.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import ResponseParser, ResponseParserFactory

from trail_operator.aws.responses import BY_NAME, ExpectedResponse, InvalidResponseError, members

_FIRST_ERROR = 300  # HTTP status
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "blob": (str, bytes),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str, datetime),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


class ResponseParsers(ResponseParserFactory):
    """The component `response_parser_factory` of a session, whose parsers reject invalid responses."""

    def create_parser(self, protocol_name: str) -> Any:
        """Return the parser of a protocol."""
        return _Parser(super().create_parser(protocol_name), is_xml=protocol_name in ("query", "rest-xml"))


class _Parser:
    def __init__(self, parser: ResponseParser, *, is_xml: bool) -> None:
        self._parser = parser
        self._is_xml = is_xml

    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        """Parse a response as botocore does. Raises InvalidResponseError, and nothing else."""
        operation = re.sub("(Response|Output|Result)$", "", shape.name if shape else "")
        expected = BY_NAME.get(operation, ExpectedResponse())  # botocore calls others, too, such as those of SSO
        try:
            if shape is not None and shape.metadata.get("exception"):
                return self._parser.parse(response, shape)  # further members of an error that has been checked
            if response["status_code"] < _FIRST_ERROR and not self._is_xml and not _is_empty(response, shape):
                _check_json(operation, response["body"], shape)
            parsed = self._parser.parse(response, shape)
            if response["status_code"] < _FIRST_ERROR:
                if self._is_xml:
                    _check_root(operation, expected, response["body"], shape)
                    _check_types(operation, shape, parsed)
                _check_members(operation, expected, parsed)
            elif expected.has_body:
                _check_error(operation, parsed)
        except InvalidResponseError:
            raise
        except Exception as error:  # noqa: BLE001 - botocore's parsers raise anything, and quote the body
            raise InvalidResponseError(operation, f"it cannot be parsed: {type(error).__name__}") from None
        return parsed


def _check_root(operation: str, expected: ExpectedResponse, body: bytes, shape: Shape | None) -> None:
    """Check the root element of XML: another document, such as a page of a proxy, is parsed as an empty response."""
    wrapper = shape.serialization.get("resultWrapper", "") if shape else ""
    name = re.sub("Result$", "Response", wrapper) or expected.root
    if not name:
        return
    root = ElementTree.fromstring(body).tag.rpartition("}")[2]  # noqa: S314 - botocore has parsed it already
    if root != name:
        raise InvalidResponseError(operation, f"its root element is not {name}")


def _is_empty(response: Mapping[str, Any], shape: Shape | None) -> bool:
    """Whether AWS has sent an empty body, as it does if an operation has no output.

    https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
    """
    return shape is None and not response["body"] and "x-amzn-requestid" in response["headers"]


def _check_json(operation: str, body: bytes, shape: Shape | None) -> None:
    value = json.loads(body.decode())
    if not isinstance(value, dict):
        raise InvalidResponseError(operation, "it is not a JSON object")
    if "__type" in value:
        raise InvalidResponseError(operation, "it is an error with the HTTP status of a success")
    _check_types(operation, shape, value)


def _check_types(operation: str, shape: Shape | None, value: Any, path: str = "it") -> None:
    """Raise if a value does not match its model. Null is the same as absent; unknown members are ignored."""
    if shape is None or value is None:
        return
    is_type = isinstance(value, _PYTHON_TYPES.get(shape.type_name, (object,)))
    if not is_type or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise InvalidResponseError(operation, f"{path} is not of type {shape.type_name}")
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            _check_types(operation, member, value.get(member.serialization.get("name", name), value.get(name)), name)
    elif isinstance(shape, ListShape):
        for one in value:
            if one is None:
                raise InvalidResponseError(operation, f"{path} has a null element")
            _check_types(operation, shape.member, one, path)
    elif isinstance(shape, MapShape):
        for one in value.values():
            _check_types(operation, shape.value, one, path)


def _check_members(operation: str, expected: ExpectedResponse, response: Mapping[str, Any]) -> None:
    for path in expected.required:
        if any(one in (None, "") for one in members(response, path)):
            raise InvalidResponseError(operation, f"it lacks {path}")
    for name in expected.texts:
        if response.get(name) is None:
            raise InvalidResponseError(operation, f"it lacks {name}")
    if expected.one_of and not any(response.get(name) for name in expected.one_of):
        raise InvalidResponseError(operation, f"it has neither {' nor '.join(expected.one_of)}")
    if expected.document and not all(one is None or _is_document(one) for one in members(response, expected.document)):
        raise InvalidResponseError(operation, f"{expected.document} is not a policy")


def _is_document(text: str) -> bool:
    """Whether a text is a policy, plain or percent-encoded as IAM returns it."""
    try:
        policy = json.loads(unquote(text) if text.startswith("%") else text)
    except ValueError:
        return False
    return isinstance(policy, dict) and "Statement" in policy


def _check_error(operation: str, parsed: Mapping[str, Any]) -> None:
    """Check that an error has a code. botocore replaces a missing code with the HTTP status."""
    error = parsed.get("Error") or {}
    code = error.get("Code")
    if not isinstance(code, str) or not code or code.isdigit():
        status = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        raise InvalidResponseError(operation, f"it has HTTP status {status} without an error code of AWS")
    if not isinstance(error.get("Message", ""), str | None):
        raise InvalidResponseError(operation, "its message is not a text")
