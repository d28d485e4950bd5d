"""The failures of requests that got no valid response: no credentials, no connection, or a response not from AWS."""

from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidRegionError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from trail_operator.api.reasons import Reason
from trail_operator.aws.connection_errors import explain_connection_error
from trail_operator.aws.executor import DEADLINE, DeadlineError
from trail_operator.aws.responses import InvalidResponseError
from trail_operator.aws.service_account import service_account_text
from trail_operator.domain.failure import Failure, FailureClass, transient

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    NoAuthTokenError,
    ProfileNotFound,
    SSOError,
    FileNotFoundError,  # the token of IRSA
    PermissionError,
)


class InvalidEndpointError(Exception):
    """Raised if botocore rejects the URL of an endpoint."""


def failure_without_answer(error: Exception, action: str, region: str) -> Failure | None:
    """Return the failure that an exception of botocore means; None if it is a bug of the operator."""
    match error:
        case InvalidResponseError():
            return transient(_invalid_response(error, action, region))
        case DeadlineError():
            return transient(f"No complete response from AWS to {action} in {region} within {DEADLINE:.0f} seconds")
        case CredentialRetrievalError() if _is_unreadable(error):
            return transient(
                "The response of the operator's credential source cannot be read: check the EKS Pod Identity Agent"
            )
        case ParamValidationError():
            return Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, f"{action}: {error}")
        case InvalidEndpointError():
            message = f"{action} cannot be sent: endpointURL of the AWSAccount is not a valid URL. Correct it"
            return Failure(FailureClass.AUTHORITY, Reason.INVALID_SPEC, message)
        case _ if isinstance(error, _NO_CREDENTIALS):
            message = (
                f"The operator has no AWS credentials ({type(error).__name__}): give {service_account_text()} a role "
                "(IRSA or EKS Pod Identity), or set AWS_* variables"
            )
            return Failure(FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE, message)
        case BotoCoreError() | OSError():
            return transient(_no_answer(error, action, region))
    return None


def _invalid_response(error: InvalidResponseError, action: str, region: str) -> str:
    if error.operation == "credentials":
        return f"The operator's credential source sent an invalid response: {error.problem}"
    if error.operation.startswith("AssumeRole"):  # sent by the call that needed the credentials first
        action = f"sts:{error.operation}"
    return (
        f"The response to {action} in {region} is not a valid response of AWS ({error.problem}): a proxy or gateway "
        "may have sent it"
    )


def _is_unreadable(error: BaseException | None) -> bool:
    """Whether the exception was raised because a response could not be parsed."""
    while error is not None:
        if isinstance(error, ValueError | HTTPClientError):
            return True
        error = error.__context__
    return False


def _no_answer(error: Exception, action: str, region: str) -> str:
    message = f"No answer from AWS to {action} in {region} ({type(error).__name__})"
    if explanation := explain_connection_error(error, "the file that AWS_CA_BUNDLE names"):
        return f"{message}: {explanation}"
    if isinstance(error, EndpointConnectionError | NoRegionError | InvalidRegionError):
        return f"{message}: {_check_endpoint(error, region)}"
    return message


def _check_endpoint(error: Exception, region: str) -> str:
    arguments: dict[str, object] = getattr(error, "kwargs", {})
    host = urlsplit(str(arguments.get("endpoint_url", ""))).hostname or ""
    if not host or ".amazonaws." in host or region in host:
        return f"check that {region} is an AWS region (spec.region) and that the network reaches it"
    return f"check that {host} is correct (endpointURL of the AWSAccount, or AWS_ENDPOINT_URL) and reachable"
