"""The status: what each finding says, and that nothing new writes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import ARN, FULL, MINIMAL, OWNER, desired, observed
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.reasons import ConditionType, Reason
from trail_operator.api.trail_status import Destination, Difference, Refusal, TrailStatus
from trail_operator.domain.failure import Failure, FailureClass
from trail_operator.domain.sync_result import SyncResult, TrailIdentity
from trail_operator.domain.trail import ObservedTrail, Part
from trail_operator.domain.trail_status import compute_status, paused, pinned_status, transitions, with_warnings
from trail_operator.domain.warnings import Advice

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = TrailIdentity("123456789012", "eu-central-1", ARN)
LATER = NOW + timedelta(hours=1)
DRIFT = (Difference(path="isLogging", desired="true", observed="false"),)
TRANSIENT = Failure(FailureClass.TRANSIENT, Reason.THROTTLED, "AWS throttles")
DEPENDENCY = Failure(FailureClass.DEPENDENCY, Reason.BUCKET_NOT_FOUND, "no bucket")
TERMINAL = Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, "cannot be")
AUTHORITY = Failure(FailureClass.AUTHORITY, Reason.ACCESS_DENIED, "not allowed")
CONFLICT = Failure(FailureClass.TERMINAL, Reason.CONFLICT, "not ours")


def found(**more: object) -> SyncResult:
    base = SyncResult(generation=1, known=True, observed=observed(), identity=PLACE)
    return replace(base, **more)  # type: ignore[arg-type]


def status(findings: SyncResult, previous: TrailStatus | None = None) -> TrailStatus:
    return compute_status(previous or TrailStatus(), findings, NOW)


def shown(result: TrailStatus) -> dict[str, tuple[str, str]]:
    return {entry.type: (entry.status, entry.reason) for entry in result.conditions}


READY = status(found())


def test_a_trail_as_it_should_be_is_ready() -> None:
    assert shown(READY) == {
        "Ready": ("True", "Recording"),
        "Synced": ("True", "Recording"),
        "Logging": ("True", "Recording"),
        "Delivering": ("True", "Recording"),
    }
    assert READY.observed_generation == 1
    assert READY.is_logging is True
    assert READY.home_region == "eu-central-1"


def test_logging_off_as_asked_is_ready() -> None:
    assert shown(status(found(observed=observed(is_logging=False)))) == {
        "Ready": ("True", "LoggingOff"),
        "Synced": ("True", "LoggingOff"),
        "Logging": ("False", "LoggingOff"),
        "Delivering": ("False", "LoggingOff"),
    }


def test_a_delivery_error_of_a_configured_destination_ends_ready() -> None:
    errors = {Destination.S3: "AccessDenied", Destination.SNS: "NotFound"}
    result = status(found(observed=observed(MINIMAL, delivery_errors=errors), delivery_advice="Add this."))
    assert shown(result)["Ready"] == ("False", "DeliveryFailing")
    assert shown(result)["Delivering"] == ("False", "DeliveryFailing")
    assert shown(result)["Synced"] == ("True", "Recording")
    assert [(entry.destination, entry.error, entry.since) for entry in result.delivery] == [("S3", "AccessDenied", NOW)]
    ready = result.condition(ConditionType.READY)
    assert ready is not None
    assert ready.message == "AWS reports delivery errors: S3 AccessDenied. Add this."


def test_each_destination_counts_only_where_it_is_configured() -> None:
    errors = dict.fromkeys(Destination, "AccessDenied")
    assert observed(FULL, delivery_errors=errors).failing_destinations == errors
    bare = replace(MINIMAL, enable_log_file_validation=False)
    assert set(observed(bare, delivery_errors=errors).failing_destinations) == {Destination.S3}
    assert observed(FULL, is_logging=False, delivery_errors=errors).failing_destinations == {}


def test_a_delivery_error_keeps_the_time_it_was_first_seen() -> None:
    failing = found(observed=observed(delivery_errors={Destination.S3: "AccessDenied"}))
    first = status(failing)
    again = compute_status(first, failing, LATER)
    assert again == first
    other = compute_status(first, found(observed=observed(delivery_errors={Destination.S3: "NoSuchBucket"})), LATER)
    assert other.delivery[0].since == LATER
    assert compute_status(other, found(), LATER).delivery == ()


@pytest.mark.parametrize(
    "findings",
    [
        found(),
        found(failure=DEPENDENCY),
        found(failure=TERMINAL),
        found(known=False, observed=None, failure=AUTHORITY),
        found(known=False, observed=None, failure=TRANSIENT),
        found(observed=None, failure=CONFLICT),
        found(drift=DRIFT, failure=TRANSIENT),
    ],
)
def test_finding_the_same_again_changes_nothing(findings: SyncResult) -> None:
    once = status(findings)
    assert compute_status(once, findings, LATER) == once


# A pass in which AWS answered some reads only.

STOPPED = observed(is_logging=False, unreadable=frozenset({"eventSelectors"}))


def partly(seen: ObservedTrail, **more: object) -> SyncResult:
    return found(known=False, observed=seen, identity=None, failure=TRANSIENT, advice=None, **more)


def test_what_was_read_shows_though_not_all_was() -> None:
    result = status(partly(STOPPED, drift=DRIFT), READY)
    assert shown(result) == {
        "Ready": ("False", "Throttled"),
        "Synced": ("Unknown", "Throttled"),
        "Logging": ("False", "LoggingOff"),
        "Delivering": ("False", "LoggingOff"),
        "DependenciesReady": ("Unknown", "NotEvaluated"),
        "Reconciling": ("True", "Throttled"),
    }
    assert (result.is_logging, result.drift, result.arn) == (False, DRIFT, ARN)


def test_a_failing_destination_shows_though_not_all_was_read() -> None:
    errors = {Destination.S3: "AccessDenied"}
    seen = observed(delivery_errors=errors, unreadable=frozenset({"tags"}))
    result = status(partly(seen), READY)
    assert (shown(result)["Ready"][0], shown(result)["Delivering"]) == ("False", ("False", "DeliveryFailing"))
    assert [entry.error for entry in result.delivery] == ["AccessDenied"]


@pytest.mark.parametrize("part", ["trail", "isLogging"])
def test_what_was_not_read_is_no_contradiction(part: Part) -> None:
    seen = observed(is_logging=part != "isLogging", unreadable=frozenset({part}))
    assert status(partly(seen), READY) == READY
    silent = status(partly(seen, unreachable=True), READY)
    logging = ("Unknown", "AWSUnreachable") if part == "isLogging" else ("True", "Recording")
    assert (shown(silent)["Ready"], shown(silent)["Logging"]) == (("Unknown", "AWSUnreachable"), logging)
    assert silent.is_logging is True


def test_a_transient_error_leaves_a_failure_that_is_reported_already() -> None:
    failing = status(found(failure=DEPENDENCY, drift=DRIFT, observed=observed(is_logging=False)))
    assert status(partly(STOPPED, drift=DRIFT), failing) == failing
    more = (*DRIFT, Difference(path="kmsKeyID", desired="a", observed="b"))
    assert shown(status(partly(STOPPED, drift=more), failing))["Ready"] == ("False", "Throttled")


def test_after_a_write_ready_rests_on_reads_that_all_were_answered() -> None:
    assert status(partly(observed(unreadable=frozenset({"tags"})), has_written=True), READY) != READY
    unread = found(known=False, observed=None, identity=None, failure=TRANSIENT, has_written=True)
    assert shown(status(unread, READY))["Ready"] == ("False", "Throttled")


def test_a_dependency_failure() -> None:
    result = status(found(observed=None, failure=DEPENDENCY))
    assert shown(result) == {
        "Ready": ("False", "BucketNotFound"),
        "Synced": ("False", "BucketNotFound"),
        "Logging": ("False", "LoggingOff"),
        "Delivering": ("Unknown", "BucketNotFound"),
        "DependenciesReady": ("Unknown", "NotEvaluated"),
    }


def test_a_failed_update_of_a_trail_that_records_still_says_that_it_records() -> None:
    result = shown(status(found(failure=DEPENDENCY, drift=DRIFT)))
    assert result["Ready"] == ("False", "BucketNotFound")
    assert result["Logging"] == ("True", "Recording")
    assert result["Delivering"] == ("True", "Recording")


def test_a_terminal_failure_is_stalled_until_it_is_gone() -> None:
    stalled = status(found(failure=TERMINAL))
    assert shown(stalled)["Stalled"] == ("True", "InvalidSpec")
    assert "Stalled" not in shown(compute_status(stalled, found(generation=2), LATER))


def test_a_conflict_tells_nothing_of_the_other_trail() -> None:
    result = status(found(observed=None, identity=None, failure=CONFLICT))
    assert shown(result) == {
        "Ready": ("False", "Conflict"),
        "Synced": ("False", "Conflict"),
        "Logging": ("Unknown", "Conflict"),
        "Delivering": ("Unknown", "Conflict"),
        "DependenciesReady": ("Unknown", "NotEvaluated"),
        "Stalled": ("True", "Conflict"),
    }
    assert result.is_logging is None
    assert result.arn is None


def test_a_passing_fault_does_not_flap_ready() -> None:
    assert compute_status(READY, found(known=False, observed=None, failure=TRANSIENT), LATER) == READY


def test_a_passing_fault_of_a_new_spec_is_progress() -> None:
    result = compute_status(READY, found(generation=2, known=False, observed=None, failure=TRANSIENT), LATER)
    assert shown(result)["Ready"] == ("False", "Throttled")
    assert shown(result)["Reconciling"] == ("True", "Throttled")
    assert shown(result)["Logging"] == ("True", "Recording")
    assert result.observed_generation == 2


def test_a_passing_fault_never_hides_what_was_seen_to_differ() -> None:
    found_off = found(observed=observed(is_logging=False), drift=DRIFT, failure=TRANSIENT)
    result = compute_status(READY, found_off, LATER)
    assert shown(result)["Ready"] == ("False", "Throttled")
    assert shown(result)["Logging"] == ("False", "LoggingOff")
    assert result.drift == DRIFT


def test_what_was_written_but_does_not_show_yet_is_progress() -> None:
    assert shown(status(found(drift=DRIFT)))["Ready"] == ("False", "Progressing")
    assert shown(status(found(observed=None)))["Ready"] == ("False", "Progressing")


def test_a_status_that_another_version_wrote_is_carried_on() -> None:
    other = READY.model_copy(
        update={"conditions": tuple(entry.model_copy(update={"reason": "OfTheFuture"}) for entry in READY.conditions)}
    )
    result = compute_status(other, found(generation=2, known=False, observed=None, failure=TRANSIENT), LATER)
    assert shown(result)["Logging"] == ("True", "OfTheFuture")


def test_long_silence_makes_everything_unknown() -> None:
    silent = found(known=False, observed=None, failure=TRANSIENT, unreachable=True)
    result = compute_status(READY, silent, LATER)
    unreachable = dict.fromkeys(("Ready", "Synced", "Logging", "Delivering"), ("Unknown", "AWSUnreachable"))
    assert shown(result) == {**unreachable, "DependenciesReady": ("Unknown", "NotEvaluated")}
    assert compute_status(result, found(), LATER).condition(ConditionType.READY).status == "True"  # type: ignore[union-attr]


def test_missing_permission_ends_ready_at_once() -> None:
    result = compute_status(READY, found(known=False, observed=None, failure=AUTHORITY), LATER)
    assert shown(result)["Ready"] == ("False", "AccessDenied")
    assert shown(result)["Logging"] == ("Unknown", "AccessDenied")


def test_transition_times_change_with_the_status_only() -> None:
    other_message = compute_status(READY, found(generation=2), LATER)
    assert other_message.conditions[0].last_transition_time == NOW
    assert other_message.conditions[0].observed_generation == 2
    failed = compute_status(READY, found(failure=DEPENDENCY), LATER)
    assert failed.conditions[0].last_transition_time == LATER


def test_the_pin_is_on_record_before_anything_is_known() -> None:
    result = pinned_status(TrailStatus(), 1, desired(), None, NOW)
    assert (result.arn, result.account_id, result.home_region) == (None, "123456789012", "eu-central-1")
    assert result.observed_generation == -1
    assert shown(result) == {
        "Ready": ("False", "Progressing"),
        "Synced": ("False", "Progressing"),
        "Reconciling": ("True", "Progressing"),
    }
    assert "Reconciling" not in shown(compute_status(result, found(), NOW))


@pytest.mark.parametrize(
    ("found", "owner", "says"),
    [(False, OWNER, "created"), (True, OWNER, "updated"), (True, "former", "updated"), (True, "elsewhere", "adopted")],
)
def test_the_pin_says_what_is_under_way(found: bool, owner: str, says: str) -> None:
    trail = replace(observed(), tags={OWNER_TAG: owner}) if found else None
    result = pinned_status(TrailStatus(), 1, desired(former_owners=frozenset({"former"})), trail, NOW)
    ready = result.condition(ConditionType.READY)
    assert ready is not None
    assert ready.message == f"Trail is being {says}"


def test_what_is_ours_is_pinned_even_where_something_else_is_wrong() -> None:
    result = status(found(failure=DEPENDENCY))
    assert (result.arn, result.account_id, result.home_region) == (ARN, "123456789012", "eu-central-1")


def test_a_write_that_could_not_be_verified_ends_ready() -> None:
    result = compute_status(READY, found(known=False, observed=None, drift=DRIFT, failure=TRANSIENT), LATER)
    assert shown(result)["Ready"] == ("False", "Throttled")
    assert shown(result)["Synced"] == ("Unknown", "Throttled")


# -- a trail that is only looked at


def looked_at(**more: object) -> SyncResult:
    return found(observe_only=True, **more)


@pytest.mark.parametrize(
    ("findings", "ready", "synced"),
    [
        (looked_at(), ("True", "Observed"), ("True", "Observed")),
        (looked_at(observed=observed(is_logging=False)), ("True", "Observed"), ("True", "Observed")),
        (looked_at(drift=DRIFT), ("False", "Drifted"), ("False", "Drifted")),
        (looked_at(observed=None), ("False", "TrailNotFound"), ("False", "TrailNotFound")),
        (
            looked_at(observed=observed(unreadable=frozenset({"tags"}))),
            ("Unknown", "Observed"),
            ("Unknown", "Observed"),
        ),
        (
            looked_at(observed=observed(unreadable=frozenset({"tags"})), drift=DRIFT),
            ("False", "Drifted"),
            ("False", "Drifted"),
        ),
        (
            looked_at(observed=observed(delivery_errors={Destination.S3: "AccessDenied"})),
            ("False", "DeliveryFailing"),
            ("True", "Observed"),
        ),
        (
            looked_at(observed=observed(delivery_errors={Destination.S3: "AccessDenied"}), drift=DRIFT),
            ("False", "Drifted"),
            ("False", "Drifted"),
        ),
        (looked_at(failure=DEPENDENCY), ("False", "BucketNotFound"), ("False", "BucketNotFound")),
        (
            looked_at(known=False, observed=None, failure=AUTHORITY),
            ("False", "AccessDenied"),
            ("False", "AccessDenied"),
        ),
    ],
)
def test_a_trail_that_is_only_looked_at(findings: SyncResult, ready: tuple[str, str], synced: tuple[str, str]) -> None:
    result = status(findings)
    assert (shown(result)["Ready"], shown(result)["Synced"]) == (ready, synced)
    assert result.drift == findings.drift
    assert "Reconciling" not in shown(result)
    assert compute_status(result, findings, LATER) == result


def test_a_trail_that_is_not_there_is_named_with_its_account_and_region() -> None:
    not_found = "account 123456789012 has no trail audit visible in eu-central-1"
    result = status(looked_at(observed=None, not_found=not_found))
    ready = result.condition(ConditionType.READY)
    assert ready is not None
    assert ready.message.startswith(f"{not_found}: ")
    assert "spec.name" in ready.message


def test_what_differs_and_what_can_t_be_read_is_named() -> None:
    drifted = status(looked_at(drift=DRIFT)).condition(ConditionType.READY)
    unknown = status(looked_at(observed=observed(unreadable=frozenset({"tags", "eventSelectors"})))).condition(
        ConditionType.READY
    )
    assert drifted is not None
    assert unknown is not None
    assert "differs from the spec in isLogging" in drifted.message
    assert "read its eventSelectors, tags" in unknown.message
    assert "kmsKeyID" not in unknown.message


def test_an_alias_whose_key_is_not_told_is_named_with_what_would_help() -> None:
    seen = observed(unreadable=frozenset({"kmsKeyID", "tags"}))
    ready = status(looked_at(observed=seen)).condition(ConditionType.READY)
    assert ready is not None
    assert "read its tags. " in ready.message
    assert "allow kms:DescribeKey, or set kmsKeyID to the key's ARN" in ready.message


def test_a_trail_of_another_account_is_on_record_with_the_account_that_looks() -> None:
    arn = "arn:aws:cloudtrail:eu-central-1:999999999999:trail/audit"
    result = status(looked_at(observed=replace(observed(), arn=arn), identity=replace(PLACE, arn=arn)))
    assert (result.arn, result.account_id) == (arn, "123456789012")


# -- pausing


def test_a_paused_trail_is_unknown_until_it_goes_on() -> None:
    before = status(
        found(
            generation=1, drift=DRIFT, failure=TERMINAL, advice=(Advice(Reason.DUPLICATE_MANAGEMENT_EVENTS, "twice"),)
        )
    )
    result = paused(before, 2, LATER)
    kinds = ("Ready", "Synced", "Logging", "Delivering", "DependenciesReady")
    assert shown(result) == dict.fromkeys(kinds, ("Unknown", "Paused"))
    assert (result.drift, result.delivery, result.is_logging) == ((), (), None)
    assert (result.arn, result.account_id, result.home_region) == (before.arn, before.account_id, before.home_region)
    assert result.observed_generation == 2
    assert paused(result, 2, LATER + timedelta(hours=1)) == result
    resumed = shown(compute_status(result, found(generation=2), LATER))
    assert resumed == {**shown(READY), "DependenciesReady": ("Unknown", "NotEvaluated")}


def test_a_passing_fault_after_a_pause_is_told() -> None:
    """It may not leave the status as it is: that says that the trail is paused."""
    result = compute_status(paused(READY, 1, LATER), found(known=False, observed=None, failure=TRANSIENT), LATER)
    assert shown(result)["Ready"] == ("False", "Throttled")
    assert "Paused" not in {reason for _, reason in shown(result).values()}


# -- warnings


TWICE, INERT = (
    Advice(Reason.DUPLICATE_MANAGEMENT_EVENTS, "recorded twice"),
    Advice(Reason.GLOBAL_EVENTS_IGNORED, "no effect"),
)


def test_warnings_are_one_condition_with_the_first_reason() -> None:
    warned = status(found(advice=(TWICE, INERT)))
    assert shown(warned) == shown(READY) | {"Advisory": ("True", "DuplicateManagementEvents")}
    advisory = warned.condition(ConditionType.ADVISORY)
    assert advisory is not None
    assert advisory.message == "recorded twice. no effect"


def test_warnings_stay_while_nothing_new_is_known_and_go_when_there_are_none() -> None:
    warned = status(found(advice=(TWICE,)))
    assert compute_status(warned, found(advice=None), LATER) == warned
    assert (
        shown(compute_status(warned, found(generation=2, advice=None, failure=DEPENDENCY), LATER))["Advisory"][0]
        == "True"
    )
    assert "Advisory" not in shown(compute_status(warned, found(advice=()), LATER))
    assert "Advisory" not in shown(status(found(advice=None)))


def test_a_warning_that_changes_its_words_keeps_its_time() -> None:
    changed = compute_status(status(found(advice=(TWICE,))), found(advice=(INERT,)), LATER)
    advisory = changed.condition(ConditionType.ADVISORY)
    assert advisory is not None
    assert (advisory.reason, advisory.last_transition_time) == ("GlobalServiceEventsIgnored", NOW)


IGNORED = Advice(Reason.ANNOTATION_IGNORED, "Annotation a has no effect: set b; annotation c has no effect: set d")
LESS = replace(IGNORED, message="Annotation a has no effect: set b")


def advised(result: TrailStatus) -> tuple[str, str] | None:
    found = result.condition(ConditionType.ADVISORY)
    return (found.reason, found.message) if found else None


def test_ignored_annotations_are_said_before_other_warnings() -> None:
    warned = compute_status(TrailStatus(), found(advice=(TWICE,)), NOW, IGNORED)
    assert advised(warned) == ("AnnotationIgnored", f"{IGNORED.message}. recorded twice")
    assert shown(warned)["Ready"] == ("True", "Recording")


@pytest.mark.parametrize("failure", [None, CONFLICT, TERMINAL, AUTHORITY, DEPENDENCY])
@pytest.mark.parametrize("advice", [None, ()])
def test_ignored_annotations_are_said_whatever_else_is_known(failure: Failure | None, advice: tuple[()] | None) -> None:
    findings = found(known=failure is None, observed=None, failure=failure, advice=advice)
    assert advised(compute_status(TrailStatus(), findings, NOW, IGNORED)) == ("AnnotationIgnored", IGNORED.message)


def test_ignored_annotations_are_current_while_other_warnings_are_unknown() -> None:
    unknown = found(known=False, observed=None, failure=AUTHORITY, advice=None)
    warned = compute_status(TrailStatus(), found(advice=(TWICE,)), NOW, IGNORED)
    assert advised(compute_status(warned, unknown, LATER, IGNORED)) == advised(warned)
    assert advised(compute_status(warned, unknown, LATER, LESS)) == ("AnnotationIgnored", LESS.message)
    assert advised(compute_status(warned, unknown, LATER)) is None
    assert advised(compute_status(status(found(advice=(TWICE,))), unknown, LATER, LESS)) == (LESS.reason, LESS.message)


def test_how_ignored_annotations_are_worded_decides_nothing() -> None:
    """Other warnings stay while they are unknown, also where a message has what stands between two."""
    ignored = replace(IGNORED, message="Annotation a has no effect. Set b")
    warned = compute_status(TrailStatus(), found(advice=(TWICE,)), NOW, ignored)
    unknown = found(known=False, observed=None, failure=AUTHORITY, advice=None)
    assert advised(compute_status(warned, unknown, LATER, ignored)) == advised(warned)


# -- laws

_observations = st.builds(
    observed,
    is_logging=st.booleans(),
    delivery_errors=st.dictionaries(st.sampled_from(list(Destination)), st.just("AccessDenied")),
    unreadable=st.frozensets(st.sampled_from(["tags", "eventSelectors", "kmsKeyID"])),
)
_failures = st.sampled_from([None, TRANSIENT, DEPENDENCY, TERMINAL, AUTHORITY, CONFLICT])
_advice = st.sampled_from([None, (), (TWICE,), (INERT, TWICE)])


@st.composite
def _findings(draw: st.DrawFn) -> SyncResult:
    known = draw(st.booleans())
    failure = draw(_failures) if known else draw(_failures.filter(bool))
    observing = draw(st.booleans())
    seen = draw(st.none() | _observations) if known and failure is not CONFLICT else None
    if seen and not observing:
        seen = replace(seen, unreadable=frozenset())  # only who looks makes do with that
    return SyncResult(
        generation=draw(st.integers(1, 2)),
        known=known,
        observed=seen,
        drift=draw(st.sampled_from([(), DRIFT])),
        failure=failure,
        unreachable=failure is TRANSIENT and not known and draw(st.booleans()),
        identity=PLACE if seen else None,
        observe_only=observing,
        advice=draw(_advice),
    )


_histories = st.lists(_findings() | st.none(), max_size=4)
"""Passes; None is one that found the Trail paused."""


def _told(history: list[SyncResult | None]) -> TrailStatus:
    result = TrailStatus()
    for findings in history:
        result = paused(result, 1, NOW) if findings is None else compute_status(result, findings, NOW)
    return result


@given(_histories, _findings())
def test_ready_is_true_only_for_a_trail_that_was_seen_to_be_as_it_should(
    history: list[SyncResult | None], findings: SyncResult
) -> None:
    before = _told(history)
    result = compute_status(before, findings, LATER)
    if shown(result)["Ready"][0] != "True":
        return
    assert not findings.drift
    if findings.failure:  # one that passes, which says nothing about a trail that was Ready
        assert result == before
        assert findings.failure is TRANSIENT
        assert findings.generation == before.observed_generation
    else:
        assert findings.known
        assert findings.observed
        assert not findings.observed.failing_destinations
        assert not findings.observed.unreadable


@given(_histories, _findings(), st.sampled_from([None, IGNORED, LESS]))
def test_the_same_again_is_nothing_new(
    history: list[SyncResult | None], findings: SyncResult, ignored: Advice | None
) -> None:
    once = compute_status(_told(history), findings, NOW, ignored)
    assert compute_status(once, findings, LATER, ignored) == once


@given(_histories, _findings(), st.sampled_from([(), (TWICE,), (INERT, TWICE)]), st.sampled_from([None, IGNORED]))
def test_warnings_alone_are_written_as_a_reconcile_writes_them(
    history: list[SyncResult | None], result: SyncResult, advice: tuple[Advice, ...], ignored: Advice | None
) -> None:
    if result.failure is TRANSIENT:
        return  # a retry is due, which writes them
    before = compute_status(_told(history), result, NOW, ignored)
    after = with_warnings(before, advice, ignored, LATER)
    assert after == compute_status(before, replace(result, advice=advice), LATER, ignored)


@given(_histories, _findings())
def test_what_was_seen_is_told_whatever_was_before(history: list[SyncResult | None], findings: SyncResult) -> None:
    """The path to a status does not matter, where a pass could see the trail and knows what to warn of."""
    if not findings.known or findings.advice is None or (findings.failure is TRANSIENT and not findings.drift):
        return
    after, fresh = (compute_status(before, findings, NOW) for before in (_told(history), TrailStatus()))
    # DependenciesReady stays: it is evaluated afterwards.
    kind = ConditionType.DEPENDENCIES_READY
    assert [one for one in after.conditions if one.type != kind] == [
        one for one in fresh.conditions if one.type != kind
    ]
    assert (after.drift, after.delivery, after.is_logging) == (fresh.drift, fresh.delivery, fresh.is_logging)


@given(_histories, _findings())
def test_stalled_and_advisory_are_never_false(history: list[SyncResult | None], findings: SyncResult) -> None:
    for condition in compute_status(_told(history), findings, NOW).conditions:
        if condition.type in ("Stalled", "Reconciling", "Advisory"):
            assert condition.status == "True"
        assert condition.message


WITHOUT_LOGGING = found(observed=observed(is_logging=False), drift=DRIFT, failure=AUTHORITY)
FAILING = found(observed=observed(delivery_errors={Destination.S3: "AccessDenied"}))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        # Where all say the same, once.
        (TrailStatus(), READY, [("Ready", "True", "Recording")]),
        (READY, READY, []),
        (READY, status(FAILING, READY), [("Ready", "False", "DeliveryFailing")]),
        (status(FAILING), READY, [("Ready", "True", "Recording")]),
        (TrailStatus(), status(found(observed=None, failure=DEPENDENCY)), [("Ready", "False", "BucketNotFound")]),
        # What Ready does not tell of, because something else stands in the way already.
        (
            status(found(failure=AUTHORITY)),
            status(WITHOUT_LOGGING, status(found(failure=AUTHORITY))),
            [("Logging", "False", "LoggingOff")],
        ),
        (
            status(found(failure=AUTHORITY)),
            status(replace(FAILING, failure=AUTHORITY), status(found(failure=AUTHORITY))),
            [("Delivering", "False", "DeliveryFailing")],
        ),
        (
            status(WITHOUT_LOGGING),
            status(found(failure=AUTHORITY), status(WITHOUT_LOGGING)),
            [("Logging", "True", "Recording")],
        ),
        # Not known is not another state.
        (READY, paused(READY, 1, NOW), [("Ready", "Unknown", "Paused")]),
    ],
)
def test_every_turn_is_told_once(before: TrailStatus, after: TrailStatus, told: list[tuple[str, str, str]]) -> None:
    assert [(turn.type, turn.status, turn.reason) for turn in transitions(before, after)] == told


def test_a_new_warning_is_a_turn_and_its_end_is_none() -> None:
    warned = status(found(advice=(Advice(Reason.DUPLICATE_MANAGEMENT_EVENTS, "costs"),)), READY)
    assert [(turn.type, turn.reason) for turn in transitions(READY, warned)] == [
        ("Advisory", Reason.DUPLICATE_MANAGEMENT_EVENTS)
    ]
    assert transitions(warned, warned) == []
    assert transitions(warned, READY) == []


def test_forged_refusals_leave_room_for_those_of_aws() -> None:
    forged = tuple(Refusal(operation=f"Forged{number}", message="x") for number in range(15))
    kept = Refusal(operation="PutInsightSelectors", message="x")
    previous = READY.model_copy(update={"refusals": (*forged, kept)})
    result = compute_status(
        previous, found(known=False, observed=None, failure=TERMINAL, refused={"PutEventSelectors": TERMINAL}), LATER
    )
    assert [entry.operation for entry in result.refusals] == ["PutEventSelectors", "PutInsightSelectors"]
