"""Answers as each of AWS's protocols writes them, and errors as it reads them."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.http import HttpAnswer

_STATUS = {
    **dict.fromkeys(("InternalFailure", "InternalError", "InternalServerError", "InternalServiceError"), 500),
    **dict.fromkeys(("ServiceUnavailable", "ServiceUnavailableException", "SlowDown"), 503),
    "BadGateway": 502,
    "GatewayTimeout": 504,
    "NotImplemented": 501,
}
# What JSON services refuse with 400, the others refuse with 403 or 404.
_STATUS_OF_XML = {
    **dict.fromkeys(("AccessDenied", "InvalidAccessKeyId", "InvalidClientTokenId", "MissingAuthenticationToken"), 403),
    **dict.fromkeys(("SignatureDoesNotMatch", "ExpiredToken", "UnrecognizedClientException"), 403),
    **dict.fromkeys(("NoSuchBucket", "NoSuchKey", "NoSuchBucketPolicy", "NoSuchEntity", "NotFound"), 404),
    "MethodNotAllowed": 405,
}
_REQUEST_IDS = ("x-amzn-requestid", "x-amz-request-id")
_QUERY_ERROR = "x-amzn-query-error"
_XML_REQUEST_ID = re.compile(rb"<RequestId>[^<]*</RequestId>")
_XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")
_XML_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")


def status_of(code: str, protocol: str) -> int:
    """The HTTP status that goes with an error's code."""
    xml = {} if protocol == "json" else _STATUS_OF_XML
    return (_STATUS | xml).get(code, 400)


def success(output: Mapping[str, Any], request_id: str) -> HttpAnswer:
    """Write a JSON service's output."""
    return _json(200, output, request_id)


def query_success(operation: str, output: Mapping[str, Any], request_id: str) -> HttpAnswer:
    """Write the output of an operation of a query service, such as STS."""
    result = _xml(
        {f"{operation}Response": {f"{operation}Result": output, "ResponseMetadata": {"RequestId": request_id}}}
    )
    headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)]
    return HttpAnswer(200, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{result}'.encode())


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(member)}</{name}>" for name, member in value.items())
    if isinstance(value, list | tuple):
        return "".join(f"<member>{_xml(member)}</member>" for member in value)
    return escape(value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else str(value))


def failure(protocol: str, error: AwsError, request_id: str) -> HttpAnswer:
    """Write an error; CloudTrail spells Message with a capital: https://github.com/aws/aws-sdk-go-v2/issues/1957."""
    if protocol == "json":
        return _json(error.status, {"__type": error.code, "Message": error.message}, request_id)
    code, message = escape(error.code), escape(error.message)
    inner = f"<Code>{code}</Code><Message>{message}</Message>"
    if protocol == "rest-xml":
        text = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    else:
        sender = "Receiver" if error.status >= 500 else "Sender"
        text = (
            f"<ErrorResponse><Error><Type>{sender}</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    headers = [("Content-Type", "application/xml"), ("x-amzn-RequestId", request_id), ("x-amz-request-id", request_id)]
    return HttpAnswer(error.status, headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())


def identified(answer: HttpAnswer, request_id: str, protocol: str) -> HttpAnswer:
    """Put the id of a request into an answer of moto's, which makes up others: CloudTrail's record names this one.

    SDKs read it from a header, or in query services and errors from the body; bodies of S3 are not AWS's own words.
    """
    headers = [(name, value) for name, value in answer.headers if name.lower() not in _REQUEST_IDS]
    headers += [(name, request_id) for name in _REQUEST_IDS]
    is_of_aws = protocol == "query" or (protocol == "rest-xml" and answer.status >= 400)
    element = f"<RequestId>{request_id}</RequestId>".encode()
    body = _XML_REQUEST_ID.sub(element, answer.body) if is_of_aws else answer.body
    return HttpAnswer(answer.status, headers, body)


def error_of(answer: HttpAnswer) -> tuple[str | None, str | None]:
    """Read code and message of an error out of an answer; of a success, nothing.

    Services that once spoke the query protocol add the code of that, which SDKs show. Not verified: that
    CloudTrail records it, too.
    """
    if answer.status < 400:
        return None, None
    code, message = _XML_CODE.search(answer.body), _XML_MESSAGE.search(answer.body)
    if code:
        return code[1].decode(), message[1].decode() if message else None
    try:
        body = json.loads(answer.body)
        of_query = next((value for name, value in answer.headers if name.lower() == _QUERY_ERROR), "").partition(";")[0]
        return of_query or str(body["__type"]).rpartition("#")[2], body.get("Message", body.get("message"))
    except (ValueError, KeyError, TypeError, AttributeError):
        # Answers to HEAD have no body: boto3 shows the status as the code.
        return str(answer.status), None


def _json(status: int, body: Mapping[str, Any], request_id: str) -> HttpAnswer:
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", request_id)]
    return HttpAnswer(status, headers, json.dumps(body).encode())
