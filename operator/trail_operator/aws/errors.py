"""Error responses of AWS as exceptions, each with its failure: class, reason and message for users.

`error_codes.py` and `alarm_error_codes.py` list the codes. Requests without a valid response are in `unanswered.py`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from botocore.exceptions import ClientError

from trail_operator.api.reasons import Reason
from trail_operator.aws.alarm_error_codes import meaning_of
from trail_operator.aws.error_codes import (
    ACCESS_DENIED,
    BUSY,
    CREDENTIALS,
    DEPENDENCIES,
    EXPIRED,
    IDENTITY_PROVIDER_UNREACHABLE,
    NOT_THE_MANAGEMENT_ACCOUNT,
    ONLY_MANAGEMENT_CONVERTS,
    ORGANIZATION_NOT_READY,
    TERMINAL,
    THROTTLED,
)
from trail_operator.aws.operations import Internal, Write, iam_action
from trail_operator.aws.service_account import service_account, service_account_text
from trail_operator.aws.unanswered import failure_without_answer
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.domain.texts import clean

ASSUME_ROLE = str(Internal.AssumeRole)
_SERVER_ERROR = 500
_LONGEST_CODE, _LONGEST_MESSAGE = 128, 800
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
_CHECK_WEB_IDENTITY = (
    "check that the annotation eks.amazonaws.com/role-arn of its service account names an existing role, that IAM has "
    "an OIDC provider for the cluster, and that the role's trust policy allows sts:AssumeRoleWithWebIdentity for "
    "sub system:serviceaccount:NAMESPACE:SERVICEACCOUNT and aud sts.amazonaws.com"
)


class OwnCredentialsError(ClientError):
    """Raised for an error response to a request for the operator's own credentials, such as those of IRSA."""


@dataclass
class AWSError(FailureError):
    """Raised for an error response. `action` is the call, such as `cloudtrail:CreateTrail`."""

    action: str
    region: str
    code: str
    message: str
    status: int
    request_id: str = ""
    """The ID by which AWS Support finds the request."""
    own: bool = False
    """Whether it is about the operator's own credentials, with which it assumes the roles of all accounts."""
    account: str = ""
    """The account of the credentials; "" if STS has not reported it."""

    @property
    def failure(self) -> Failure:
        """The class, the reason and the message."""
        failures = (classify(self) for classify in _CLASSIFIERS)
        return replace(next(failure for failure in failures if failure), request_id=self.request_id)

    @property
    def may_have_taken_effect(self) -> bool:
        """Whether AWS failed, so that it may have carried out the request, or may do so later."""
        return self.status >= _SERVER_ERROR

    def __str__(self) -> str:
        return f"{self.action} in {self.region}: {self.code}: {self.message}"


@contextmanager
def raise_failures(action: str, region: str, account: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Raise FailureError for each exception of botocore, AWSError for an error response. Others pass unchanged."""
    try:
        yield
    except ClientError as error:
        raise translate(error, action, region, account()) from None
    except Exception as error:
        failure = failure_without_answer(error, action, region)
        if failure is None:
            raise
        raise FailureError(failure) from None


def translate(error: ClientError, action: str, region: str, account: str = "") -> AWSError:
    """Return the error response behind an exception of boto3."""
    if is_from_assume_role(error):
        action = f"sts:{error.operation_name}"
    response, metadata = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    return AWSError(
        action=action,
        region=region,
        code=clean(str(response.get("Code", "")), _LONGEST_CODE),
        message=clean(str(response.get("Message", "")), _LONGEST_MESSAGE),
        status=int(metadata.get("HTTPStatusCode", 0)),
        request_id=str(metadata.get("RequestId", "")),
        own=isinstance(error, OwnCredentialsError),
        account=account,
    )


def is_expired(error: ClientError) -> bool:
    """Whether the credentials of the request have expired."""
    return error.response.get("Error", {}).get("Code") in EXPIRED


def is_from_assume_role(error: ClientError) -> bool:
    """Whether the error is from AssumeRole, which the first call with a role triggers."""
    return error.operation_name.startswith("AssumeRole")


def is_assume_role_denied(error: AWSError) -> bool:
    """Whether AWS denied AssumeRole, which it does without saying why."""
    return error.action == ASSUME_ROLE and not error.own and error.failure.reason is Reason.ACCESS_DENIED


def _about_alarms(error: AWSError) -> Failure | None:
    meaning = meaning_of(error.action, error.code, error.message)
    if meaning is None:
        return None
    message = f"{_quote(error)}: {meaning.remedy}" if meaning.remedy else _quote(error)
    return Failure(meaning.kind, meaning.reason, message)


def _throttled(error: AWSError) -> Failure | None:
    if error.code not in THROTTLED:
        return None
    message = f"AWS throttles {error.action} in {error.region}"
    return Failure(FailureClass.TRANSIENT, Reason.THROTTLED, message)


def _own_credentials(error: AWSError) -> Failure | None:
    if not error.own or error.status >= _SERVER_ERROR or error.code == IDENTITY_PROVIDER_UNREACHABLE:
        return None
    remedy = "check the role or profile that its AWS_* variables name"
    if error.action == str(Internal.AssumeRoleWithWebIdentity):
        known = service_account()
        remedy = _CHECK_WEB_IDENTITY
        remedy = remedy.replace("NAMESPACE:SERVICEACCOUNT", ":".join(known)) if known else remedy
    # The message of AWS is not repeated: it may quote the token.
    message = f"The operator cannot get its own credentials ({error.code} on {error.action}): {remedy}"
    return Failure(FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE, message)


def _credentials(error: AWSError) -> Failure | None:
    if error.code not in CREDENTIALS:
        return None
    account = f"account {error.account}" if error.account else "the account"
    # The message of AWS is not repeated: for an invalid signature, it quotes the request with the session token.
    message = (
        f"AWS does not accept the operator's credentials in {error.region} ({error.code} on {error.action}). If it "
        f"accepts them in other regions, enable {error.region} in {account} if it is an opt-in region, or correct "
        f"spec.region. Otherwise check the role of {service_account_text()}: its annotation eks.amazonaws.com/role-arn "
        "or its EKS Pod Identity association"
    )
    return Failure(FailureClass.AUTHORITY, Reason.CREDENTIALS_UNAVAILABLE, message)


def _dependency(error: AWSError) -> Failure | None:
    reason = DEPENDENCIES.get(error.code)
    if reason is None:
        return None
    if reason is Reason.LOG_GROUP_NOT_FOUND and error.message.startswith("Access denied"):
        reason = Reason.ROLE_POLICY_DENIES
    return Failure(FailureClass.DEPENDENCY, reason, _quote(error))


def _organization(error: AWSError) -> Failure | None:
    remedy = ORGANIZATION_NOT_READY.get(error.code)
    if remedy is None:
        return None
    if error.code in NOT_THE_MANAGEMENT_ACCOUNT and error.action == str(Write.UpdateTrail):
        remedy = ONLY_MANAGEMENT_CONVERTS
    return Failure(FailureClass.AUTHORITY, Reason.ORGANIZATION_NOT_READY, f"{_quote(error)}: {remedy}")


def _busy(error: AWSError) -> Failure | None:
    if error.code != BUSY:
        return None
    message = f"AWS is still changing the trail, and rejects {error.action} for now: {error.message} ({error.code})"
    return Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message, long_backoff=True)


def _terminal(error: AWSError) -> Failure | None:
    reason = TERMINAL.get(error.code)
    return Failure(FailureClass.TERMINAL, reason, _quote(error)) if reason else None


def _access_denied(error: AWSError) -> Failure | None:
    if error.code not in ACCESS_DENIED and error.status != 403:
        return None
    # "User: … is not authorized to perform: cloudtrail:CreateTrail on resource: … because no identity-based policy …".
    # It may be a dependent action such as iam:PassRole: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    named = re.search(r"perform: ([A-Za-z0-9-]+:[A-Za-z]+)", error.message)
    action = named.group(1) if named else iam_action(error.action)
    if "service control policy" in error.message.lower() or "resource control policy" in error.message.lower():
        message = f"A policy of the organization denies the operator {action} in {error.region}"
        return Failure(FailureClass.AUTHORITY, Reason.DENIED_BY_ORGANIZATION, message)
    message = f"The operator is not allowed to perform {action} in {error.region}: {error.message or error.code}"
    return Failure(FailureClass.AUTHORITY, Reason.ACCESS_DENIED, message)


def _unknown(error: AWSError) -> Failure:
    message = f"{error.action} failed in {error.region}: {error.code} {error.message}"
    return Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, message)


def _quote(error: AWSError) -> str:
    return f"{error.action}: {error.message} ({error.code})"


# The first that returns a failure decides.
_CLASSIFIERS: tuple[Callable[[AWSError], Failure | None], ...] = (
    _about_alarms,
    _throttled,
    _own_credentials,
    _credentials,
    _dependency,
    _organization,
    _busy,
    _terminal,
    _access_denied,
    _unknown,
)
