"""Ready of an AWSAccount, and what is counted of its trails."""

from datetime import UTC, datetime, timedelta

import pytest

from trail_operator.api.account import AWSAccountStatus
from trail_operator.api.reasons import Reason
from trail_operator.aws.errors import ASSUME_ROLE, AWSError, is_shut_out
from trail_operator.core.account import account_status, finalizers, held_back
from trail_operator.core.failure import Failure, FailureClass

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PASSING = Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, "no answer")
LASTING = Failure(FailureClass.AUTHORITY, Reason.ASSUME_ROLE_DENIED, "no")


def status(
    previous: AWSAccountStatus, failure: Failure | None, *, silent: bool = False, generation: int = 1, later: int = 0
) -> AWSAccountStatus:
    return account_status(
        previous,
        generation=generation,
        failure=failure,
        silent_too_long=silent,
        trails=None,
        cluster="test",
        now=NOW + timedelta(seconds=later),
    )


@pytest.mark.parametrize(
    ("failure", "silent", "generation", "expected"),
    [
        (None, False, 1, ("True", "IdentityVerified", 0)),
        (PASSING, False, 1, ("True", "IdentityVerified", 0)),
        (PASSING, False, 2, ("False", "Progressing", 9)),
        (PASSING, True, 1, ("Unknown", "AWSUnreachable", 9)),
        (LASTING, False, 1, ("False", "AssumeRoleDenied", 9)),
        (LASTING, True, 1, ("False", "AssumeRoleDenied", 9)),
    ],
)
def test_what_becomes_of_an_account_that_was_ready(
    failure: Failure | None, silent: bool, generation: int, expected: tuple[str, str, int]
) -> None:
    was = status(AWSAccountStatus.parse(None), None)
    (ready,) = status(was, failure, silent=silent, generation=generation, later=9).conditions
    since, verdict = (ready.last_transition_time - NOW).seconds, (ready.status, ready.reason)
    assert (*verdict, since) == expected


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("AccessDenied", "User: u is not authorized to perform: sts:AssumeRole on resource: r", True),
        (
            "AccessDenied",
            "... with an explicit deny in a service control policy: arn:aws:organizations::1:policy",
            False,
        ),
        ("InvalidClientTokenId", "The security token included in the request is invalid.", False),
        ("Throttling", "Rate exceeded", False),
    ],
)
def test_only_where_aws_does_not_tell_why_is_a_role_said_to_be_shut(code: str, message: str, expected: bool) -> None:
    assert is_shut_out(AWSError(ASSUME_ROLE, "us-east-1", code, message, 403)) is expected


ALL, A, B, FOREIGN = (
    "trail-operator.dev/finalizer",
    "namespace.trail-operator.dev/a",
    "namespace.trail-operator.dev/b",
    "example.com/other",
)


@pytest.mark.parametrize(
    ("watched", "users", "deleting", "present", "expected"),
    [
        # An operator of all namespaces holds it in any case, and knows when nobody uses it any more.
        ((), (), False, [FOREIGN], [FOREIGN, ALL]),
        ((), (), False, [ALL], [ALL]),
        ((), ("a",), True, [ALL, A], [ALL, A]),
        ((), (), True, [ALL, FOREIGN, A, B], [FOREIGN]),
        # One of some namespaces holds it for those in which it is used, and lets others' be.
        (("a",), (), False, [FOREIGN, B], [FOREIGN, B]),
        (("a", "c"), ("a", "a"), False, [B], [B, A]),
        (("a",), (), False, [A, B], [B]),
        (("a",), (), True, [A, B], [B]),
        (("a",), ("a",), True, [A, B], [A, B]),
        (("a",), ("a",), True, [B], [B]),  # no finalizer may come when it is to go
        (("a",), (), False, [ALL, B], [ALL, B]),
        (("a",), (), True, [ALL, B], [B]),
    ],
)
def test_who_holds_an_account(
    watched: tuple[str, ...], users: tuple[str, ...], deleting: bool, present: list[str], expected: list[str]
) -> None:
    wanted = finalizers(present, watched=watched, users=users, deleting=deleting)
    assert wanted == expected
    assert finalizers(wanted, watched=watched, users=users, deleting=deleting) == expected


@pytest.mark.parametrize(
    ("users", "holders", "told"),
    [
        (["a"], [A], "1 Trail still uses it: "),
        (["a", "a"], [A, FOREIGN], "2 Trails still use it: "),
        (["a", "a"], [B, A], "Trails of the namespaces a, b still use it: "),
        (["b"], [A, B], "Trails of the namespaces a, b still use it: "),
    ],
)
def test_all_operators_say_the_same_of_who_holds_it(users: list[str], holders: list[str], told: str) -> None:
    (ready,) = held_back(AWSAccountStatus.parse(None), 1, users=users, holders=holders, now=NOW).conditions
    assert (ready.reason, ready.message.startswith(told)) == ("InUse", True)
