"""What counts as an answer of the API server: a proxy, a balancer or a server that is starting answers other things.

An answer is used only if it is whole: a `Status` for an error, else the object or the list that was asked for. All else
is no answer, and is met like a lost connection: nothing is concluded from it.
"""

import json
from typing import Any

from aiohttp import ClientError
from kubernetes.aio.client.exceptions import ApiException


class OddAnswerError(ClientError):
    """An answer that is none."""

    def __init__(self, problem: str, status: int = 200) -> None:
        super().__init__(problem)
        self.status = status


def parsed(status: int, raw: bytes) -> dict[str, Any]:
    """The JSON object that was answered. Raises ApiException for an error that the API server itself tells of."""
    try:
        answer = json.loads(raw)
    except ValueError:  # also bytes that are no text
        answer = None
    is_success = 200 <= status < 300
    if not isinstance(answer, dict) or (not is_success and answer.get("kind") != "Status"):
        raise OddAnswerError(f"{status} with {_described(raw, answer)}, which is not the API server's", status)
    if not is_success:
        error = ApiException(status=status, reason=str(answer.get("message") or answer.get("reason") or ""))
        error.body = answer
        raise error
    return answer


def _described(raw: bytes, answer: object) -> str:
    """What was answered, in words. Never the answer itself: a proxy may echo the request, with its token."""
    if not raw.strip():
        return "no body"
    if answer is not None:
        return "JSON that is no object" if not isinstance(answer, dict) else "an object that is no Status"
    return f"{'a page of HTML or XML' if raw.lstrip().startswith(b'<') else 'a text'} of {len(raw)} bytes"


def is_not_found(error: ApiException, name: str) -> bool:
    """Whether the API server says that there is no object of that name; it also answers 404 for kinds that it has not.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    status = error.body if isinstance(error.body, dict) else {}
    return status.get("reason") == "NotFound" and _details(status).get("name") == name


def is_of_deleted_namespace(error: ApiException) -> bool:
    """Whether the API server says that nothing can be created in the namespace any more, as it is being deleted.

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
    """The object of that name that was answered."""
    if not is_whole(answer):
        raise OddAnswerError("200 with something that is no object")
    metadata = answer["metadata"]
    if metadata["name"] != name or metadata.get("namespace") != namespace:
        raise OddAnswerError(f"200 with another object than {name}")
    return answer


def whole_list(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of the list that was answered."""
    items, metadata = answer.get("items"), answer.get("metadata")
    if not isinstance(items, list) or not isinstance(metadata, dict) or not all(map(is_whole, items)):
        raise OddAnswerError("200 with something that is no list of objects")
    if not _is_version(metadata.get("resourceVersion")) or metadata.get("continue"):
        raise OddAnswerError("200 with a list that is not whole")
    return items


def is_whole(body: object) -> bool:
    """Whether this is an object as the API server holds it: its metadata are what they always are."""
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
