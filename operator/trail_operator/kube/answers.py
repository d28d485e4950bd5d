"""Validates the responses of the API server: a proxy, a load balancer or a starting server may send something else.

A response is used only if it is complete: a `Status` for an error, else the requested object or list. Anything else is
handled like a lost connection: nothing is concluded from it.
"""

import json
from typing import Any

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException

NO_ANSWER = (ClientError, TimeoutError, OSError)
"""What a request raises if the API server did not answer it, or something else did."""


class OddAnswerError(ClientError):
    """A response that the API server cannot have sent."""

    def __init__(self, problem: str, status: int = 200) -> None:
        super().__init__(problem)
        self.status = status


def parsed(status: int, raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a response. Raises ApiException for an error that the API server itself reports."""
    try:
        answer = json.loads(raw)
    except ValueError:  # also bytes that are not UTF-8
        answer = None
    is_success = 200 <= status < 300
    if not isinstance(answer, dict) or (not is_success and answer.get("kind") != "Status"):
        raise OddAnswerError(f"{status} with {_described(raw, answer)}, not from the API server", status)
    if not is_success:
        error = ApiException(status=status, reason=str(answer.get("message") or answer.get("reason") or ""))
        error.body = answer
        raise error
    return answer


def _described(raw: bytes, answer: object) -> str:
    """Describe the response without quoting it: a proxy may echo the request, with its token."""
    if not raw.strip():
        return "no body"
    if answer is not None:
        return "JSON that is not an object" if not isinstance(answer, dict) else "an object that is not a Status"
    return f"{'HTML or XML' if raw.lstrip().startswith(b'<') else 'text'} of {len(raw)} bytes"


def is_not_found(error: ApiException, name: str) -> bool:
    """Whether the API server says that the object does not exist. It also answers 404 for kinds that it does not know.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    status = error.body if isinstance(error.body, dict) else {}
    return status.get("reason") == "NotFound" and _details(status).get("name") == name


def is_of_deleted_namespace(error: ApiException) -> bool:
    """Whether the API server says that nothing can be created in the namespace, since it is being deleted.

    https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/namespace/lifecycle/admission.go
    """
    status = error.body if isinstance(error.body, dict) else {}
    causes = _details(status).get("causes")
    return isinstance(causes, list) and any(
        isinstance(cause, dict) and cause.get("reason") == "NamespaceTerminating" for cause in causes
    )


def _details(status: dict[str, Any]) -> dict[str, Any]:
    details = status.get("details")
    return details if isinstance(details, dict) else {}


def whole_object(answer: dict[str, Any], name: str, namespace: str | None = None) -> dict[str, Any]:
    """Return the response if it is the object of that name. Raises OddAnswerError."""
    if not is_whole(answer):
        raise OddAnswerError("200 with something that is not an object")
    metadata = answer["metadata"]
    if metadata["name"] != name or metadata.get("namespace") != namespace:
        raise OddAnswerError(f"200 with an object other than {name}")
    return answer


def whole_list(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of a complete list. Raises OddAnswerError."""
    items, metadata = answer.get("items"), answer.get("metadata")
    if not isinstance(items, list) or not isinstance(metadata, dict) or not all(map(is_whole, items)):
        raise OddAnswerError("200 with something that is not a list of objects")
    if not _is_version(metadata.get("resourceVersion")) or metadata.get("continue"):
        raise OddAnswerError("200 with an incomplete list")
    return items


def is_whole(body: object) -> bool:
    """Whether this is an object of the API server: its metadata are complete and of the right types."""
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict):
        return False
    return (
        all(metadata.get(field) and isinstance(metadata[field], str) for field in ("name", "uid", "creationTimestamp"))
        and _is_version(metadata.get("resourceVersion"))
        and isinstance(metadata.get("generation", 1), int)
        and all(isinstance(metadata.get(field) or {}, dict) for field in ("labels", "annotations"))
        and isinstance(metadata.get("finalizers") or [], list)
    )


def _is_version(value: object) -> bool:
    # Comparable as integers: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    return isinstance(value, str) and value.isascii() and value.isdigit()
