"""Errors as the API server answers them."""

from kubernetes.aio.client.exceptions import ApiException


def refused(code: int, reason: str, message: str = "", name: str = "") -> ApiException:
    """The error that a `Status` of that reason becomes; `name`: of the object that it is about."""
    error = ApiException(status=code, reason=message or reason)
    details = {"details": {"name": name}} if name else {}
    error.body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message, **details}
    return error


def not_found(name: str) -> ApiException:
    """There is no object of that name."""
    return refused(404, "NotFound", f'"{name}" not found', name)
