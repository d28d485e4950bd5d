"""Ready of an AWSAccount, and what is counted of its trails."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError, ParamValidationError, ReadTimeoutError
from botocore.session import get_session

from tests.statemachine.error_table import GENERIC
from trail_operator.api.aws_account import AWSAccountStatus
from trail_operator.api.reasons import ACCOUNT_REASONS, ConditionType, Reason
from trail_operator.aws.errors import ASSUME_ROLE, AWSError, is_assume_role_denied
from trail_operator.aws.unanswered import failure_without_answer
from trail_operator.domain.account_status import (
    account_status,
    deletion_blocked,
    events_arriving_status,
    finalizers,
)
from trail_operator.domain.conditions import State
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.inventory_snapshot import InventorySnapshot, PeerTrail
from trail_operator.domain.ownership import Cluster

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PASSING = Failure(FailureClass.TRANSIENT, Reason.PROGRESSING, "no answer")
LASTING = Failure(FailureClass.AUTHORITY, Reason.ASSUME_ROLE_DENIED, "no")


def status(
    previous: AWSAccountStatus,
    failure: Failure | None = None,
    *,
    silent: bool = False,
    generation: int = 1,
    later: int = 0,
    snapshot: InventorySnapshot = InventorySnapshot(),  # noqa: B008 - it never changes
) -> AWSAccountStatus:
    return account_status(
        previous,
        generation=generation,
        failure=failure,
        unreachable=silent,
        snapshot=snapshot,
        cluster=Cluster("test", frozenset({"old"})),
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


def test_however_many_trails_there_are_they_fit_into_a_status() -> None:
    """An object has 1.5 MB at most; each trail is also named in what Kubernetes keeps of who wrote which field."""
    trails = [
        PeerTrail(
            arn=f"arn:aws-us-gov:cloudtrail:us-gov-west-1:123456789012:trail/{at:04d}{'a' * 124}",
            home_region="us-gov-west-1",
            owner=f"{'c' * 60}/{'n' * 63}/{'t' * 128}",
            is_multi_region_trail=False,
            include_global_service_events=False,
            management_events=frozenset(),
            is_organization_trail=False,
            is_logging=False,
        )
        for at in range(1200)
    ]
    result = account_status(
        AWSAccountStatus(),
        generation=1,
        failure=replace(LASTING, message="m" * 40_000),
        unreachable=False,
        snapshot=InventorySnapshot(tuple(trails), len(trails)),
        cluster=Cluster("test", frozenset({"old"})),
        now=NOW,
    )
    assert (len(result.trails), result.trail_count) == (1000, 1200)
    fields = [f'"f:{name}":{{}},' for name in result.trails[0].model_dump(by_alias=True)]
    managed = sum(
        len(f'"k:{{\\"arn\\":\\"{trail.arn}\\"}}":{{".":{{}},{"".join(fields)}}},') for trail in result.trails
    )
    assert len(result.model_dump_json(by_alias=True)) + managed < 1.4e6


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
    assert is_assume_role_denied(AWSError(ASSUME_ROLE, "us-east-1", code, message, 403)) is expected


NEW = AWSAccountStatus.parse(None)
DENIED = "The operator is not allowed to perform cloudtrail:DescribeTrails in eu-west-1: no"


def found(name: str, **more: Any) -> PeerTrail:
    return PeerTrail(
        arn=f"arn:aws:cloudtrail:us-east-1:123456789012:trail/{name}",
        home_region="us-east-1",
        is_multi_region_trail=False,
        include_global_service_events=True,
        is_organization_trail=False,
        management_events=frozenset(),
        **more,
    )


def counts(status: AWSAccountStatus) -> tuple[int | None, int | None, int]:
    return status.trail_count, status.unmanaged_count, len(status.trails)


def test_what_can_be_read_is_listed_and_ready_says_what_can_t() -> None:
    told = status(
        NEW,
        snapshot=InventorySnapshot((found("seen"), found("dark", is_logging=None, is_owner_known=False)), 3, (DENIED,)),
    )
    assert counts(told) == (3, 1, 2)
    assert [(trail.name, trail.owner, trail.is_logging) for trail in told.trails] == [
        ("dark", "Unknown", None),
        ("seen", "Unmanaged", False),
    ]
    (ready,) = told.conditions
    assert (ready.status, ready.reason) == ("True", "IdentityVerified")
    assert f"Not all of its trails can be read: {DENIED}." in ready.message
    assert "docs/iam.md" in ready.message


def test_what_may_not_be_all_is_not_counted() -> None:
    assert counts(status(NEW, snapshot=InventorySnapshot((), None, (DENIED,)))) == (None, None, 0)
    assert counts(status(NEW, snapshot=InventorySnapshot((found("one"),), None, (DENIED,)))) == (None, None, 1)


def test_where_nothing_can_be_read_nothing_is_counted_and_what_was_known_stays() -> None:
    assert counts(status(NEW, snapshot=InventorySnapshot(access_errors=(DENIED,)))) == (None, None, 0)
    known = status(NEW, snapshot=InventorySnapshot((found("one"),), 1))
    after = status(known, snapshot=InventorySnapshot(access_errors=(DENIED,)))
    assert counts(after) == counts(known) == (1, 1, 1)
    assert DENIED in after.conditions[0].message


def test_what_was_said_of_the_trails_stays_until_they_are_read_again() -> None:
    """A restart is no reason to write."""
    told = status(NEW, snapshot=InventorySnapshot((found("one"),), 1, (DENIED,)))
    assert status(told, later=9) == told
    assert DENIED not in status(told, snapshot=InventorySnapshot((found("one"),), 1)).conditions[0].message


def test_of_many_refusals_some_are_told() -> None:
    (ready,) = status(
        NEW, snapshot=InventorySnapshot((), 0, tuple(f"refusal {number}" for number in range(9)))
    ).conditions
    assert "refusal 4 and 4 more." in ready.message


def sts_errors() -> set[str]:
    """What STS answers to the two calls by which an account is entered, by its model and by what all services have."""
    operations = map(get_session().get_service_model("sts").operation_model, ("GetCallerIdentity", "AssumeRole"))
    modelled = {str(shape.name) for operation in operations for shape in operation.error_shapes}
    common = {error.code for error, meeting in GENERIC if error.code}
    return modelled | common | {"InvalidIdentityToken", "IDPCommunicationError", "AccessDenied"}


@pytest.mark.parametrize("code", sorted(sts_errors()))
def test_ready_has_no_reason_but_those_that_are_listed(code: str) -> None:
    for message in ("words", "with an explicit deny in a service control policy"):
        assert AWSError("sts:AssumeRole", "us-east-1", code, message, 400).failure.reason in ACCOUNT_REASONS


@pytest.mark.parametrize(
    "error", [NoCredentialsError(), ReadTimeoutError(endpoint_url="u"), ParamValidationError(report="r"), OSError()]
)
def test_nor_where_sts_does_not_answer(error: Exception) -> None:
    failure = failure_without_answer(error, "sts:GetCallerIdentity", "us-east-1")
    assert failure is not None
    assert failure.reason in ACCOUNT_REASONS


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
    ("users", "present", "told"),
    [
        (["a"], [A], "1 Trail still uses it: "),
        (["a", "a"], [A, FOREIGN], "2 Trails still use it: "),
        (["a", "a"], [B, A], "Trails of the namespaces a, b still use it: "),
        (["b"], [A, B], "Trails of the namespaces a, b still use it: "),
    ],
)
def test_all_operators_report_the_same_users(users: list[str], present: list[str], told: str) -> None:
    (ready,) = deletion_blocked(AWSAccountStatus.parse(None), 1, users=users, present=present, now=NOW).conditions
    assert (ready.reason, ready.message.startswith(told)) == ("InUse", True)


ARRIVING = State(True, Reason.EVENTS_RECEIVED, "Events arrived")
MISSING = State(False, Reason.EVENTS_MISSING, "Events are missing")


def conditions(status: AWSAccountStatus) -> list[tuple[str, str]]:
    return [(entry.type, entry.status) for entry in status.conditions]


def test_events_arriving_follows_ready_and_stays_when_ready_changes() -> None:
    found = events_arriving_status(status(AWSAccountStatus.parse(None)), ARRIVING, NOW)
    assert conditions(found) == [("Ready", "True"), ("EventsArriving", "True")]
    assert conditions(status(found, LASTING)) == [("Ready", "False"), ("EventsArriving", "True")]
    blocked = deletion_blocked(found, 1, users=["team"], present=(), now=NOW)
    assert conditions(blocked) == [("Ready", "False"), ("EventsArriving", "True")]


def test_events_arriving_says_since_when_and_goes_with_the_queue() -> None:
    first = events_arriving_status(status(AWSAccountStatus.parse(None)), ARRIVING, NOW)
    later = NOW + timedelta(hours=1)
    assert events_arriving_status(first, ARRIVING, later) == first
    changed = events_arriving_status(first, MISSING, later).condition(ConditionType.EVENTS_ARRIVING)
    assert changed is not None
    assert (changed.status, changed.reason, changed.last_transition_time) == ("False", "EventsMissing", later)
    assert conditions(events_arriving_status(first, None, later)) == [("Ready", "True")]
