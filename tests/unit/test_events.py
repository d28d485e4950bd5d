"""Events: what happens again is counted on the one that there is, as long as it is there."""

import asyncio
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException

from tests.refusals import refused
from tests.unit.test_metrics import state
from trail_operator.api.conditions import Condition
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.actions import Action
from trail_operator.kube import events
from trail_operator.kube.events import EventRecorder


class Kubernetes:
    """The API server's Events."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.notes: list[tuple[str, str, str]] = []
        self.answers: ApiException | None = None

    async def write_event(self, _: dict[str, Any], kind: str, reason: str, __: str, note: str) -> str:
        if self.answers:
            raise self.answers
        path = f"event-{len(self.notes)}"
        self.counts[path] = 1
        self.notes.append((kind, reason, note))
        return path

    async def repeat_event(self, path: str, count: int) -> bool:
        if path in self.counts:
            self.counts[path] = count
        return path in self.counts


class Written:
    def __init__(self) -> None:
        self.now = 0.0
        self.server = Kubernetes()
        self.events = EventRecorder(self.server, lambda: self.now)  # type: ignore[arg-type]

    def write(self, note: str = "told", name: str = "audit") -> None:
        asyncio.run(self.events.record(state(name).body, "Warning", "Drifted", "Reconcile", note))


OWNER_PATH, TEAM_PATH = f"tags[{OWNER_TAG}]", "tags[team]"


def entry(path: str, desired: str, observed: str) -> Difference:
    return Difference(path=path, desired=desired, observed=observed)


RENAMED = entry(OWNER_PATH, "new/team/audit", "old/team/audit")
TAKEN = entry(OWNER_PATH, "new/team/audit", "elsewhere/other/theirs")
TAGGED, STARTED = entry(TEAM_PATH, "a", "b"), entry("isLogging", "true", "false")
START = Action("StartLogging", {}, (STARTED,))


@pytest.mark.parametrize(
    ("actions", "drift", "expected"),
    [
        (
            [Action("AddTags", {}, (RENAMED,), is_renaming=True)],
            True,
            ("Normal", "Updated", f"Updated trail: {OWNER_PATH} old/team/audit -> new/team/audit (AddTags)"),
        ),
        (
            [Action("AddTags", {}, (RENAMED, TAGGED), is_renaming=True), START],
            True,
            (
                "Warning",
                "DriftCorrected",
                "Corrected drift: tags[team] b -> a; isLogging false -> true (AddTags, StartLogging)",
            ),
        ),
        (
            [Action("AddTags", {}, (TAKEN, TAGGED), is_adoption=True), START],
            False,
            (
                "Normal",
                "Adopted",
                "Adopted trail (AddTags, StartLogging). tags[team] b -> a; isLogging false -> true",
            ),
        ),
        (
            [Action("AddTags", {}, (TAKEN,), is_adoption=True)],
            False,
            ("Normal", "Adopted", "Adopted trail (AddTags). Only its owner tag changed"),
        ),
        (
            [Action("AddTags", {}, (entry(OWNER_PATH, "new/team/audit", "absent"),), is_adoption=True)],
            True,
            (
                "Warning",
                "DriftCorrected",
                f"Corrected drift: {OWNER_PATH} absent -> new/team/audit (AddTags)",
            ),
        ),
        ([START], False, ("Normal", "Updated", "Updated trail: isLogging false -> true (StartLogging)")),
    ],
    ids=["renamed", "renamed and drifted", "adopted", "adopted as it is", "taken back", "updated"],
)
def test_why_something_was_written(actions: list[Action], drift: bool, expected: tuple[str, str, str]) -> None:
    written = Written()
    asyncio.run(written.events.record_applied(state().body, actions, drift=drift))
    assert written.server.notes == [expected]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([STARTED], "Detected drift: isLogging is false, not true"),
        ([STARTED, TAGGED], "Detected drift: isLogging is false, not true; tags[team] is b, not a"),
        (
            [STARTED, entry("eventSelectors", "s" * 1000, "{ReadOnly}")],
            "Detected drift: isLogging, eventSelectors. isLogging is false, not true; eventSelectors is {ReadOnly}, "
            + f"not {'s' * 1000}",
        ),
    ],
    ids=["one", "several", "too long for a note"],
)
def test_drift_that_is_not_corrected(found: list[Difference], expected: str) -> None:
    written = Written()
    asyncio.run(written.events.record_drift(state().body, found))
    assert written.server.notes == [("Warning", "DriftDetected", expected)]


def test_what_happens_again_is_counted_on_the_same_event() -> None:
    written = Written()
    for _ in range(3):
        written.write()
    assert written.server.counts == {"event-0": 3}


def test_other_words_or_another_trail_make_another_event() -> None:
    written = Written()
    written.write()
    written.write("other")
    written.write(name="other")
    assert written.server.counts == {"event-0": 1, "event-1": 1, "event-2": 1}


def test_an_event_that_has_gone_is_written_anew() -> None:
    written = Written()
    written.write()
    written.server.counts.clear()
    written.write()
    written.write()
    assert written.server.counts == {"event-1": 2}


def test_after_an_hour_a_series_is_over() -> None:
    written = Written()
    written.write()
    written.now = 3601.0
    written.write()
    assert written.server.counts == {"event-0": 1, "event-1": 1}


def test_no_more_than_some_are_remembered(monkeypatch: Any) -> None:
    monkeypatch.setattr(events, "_MOST_REMEMBERED", 2)
    written = Written()
    for note in ("a", "b", "c", "a", "c"):
        written.write(note)
    assert written.server.counts == {"event-0": 1, "event-1": 1, "event-2": 2, "event-3": 1}


def test_one_that_can_not_be_written_fails_nothing() -> None:
    written = Written()
    written.server.answers = ApiException(status=403, reason="forbidden")
    written.write()
    written.server.answers = None
    written.write()
    assert written.server.counts == {"event-0": 1}


@pytest.mark.parametrize(
    ("causes", "is_told"),
    [
        ([{"reason": "NamespaceTerminating", "message": "in any words", "field": "metadata.namespace"}], False),
        ([{"reason": "FieldValueInvalid"}], True),
        (None, True),
        ("odd", True),
    ],
)
def test_only_in_a_namespace_that_is_deleted_nobody_misses_an_event(
    causes: object, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    written = Written()
    written.server.answers = refused(403, "Forbidden", "namespace team is being terminated, or so it says")
    written.server.answers.body["details"] = {"causes": causes}
    written.write()
    assert ("failed to write Event" in caplog.text) is is_told


def test_every_turn_is_told_and_only_what_is_amiss_warns() -> None:
    written = Written()
    turns = [
        ("Ready", "True", "Recording"),
        ("Ready", "False", "BucketNotFound"),
        ("Ready", "False", "Progressing"),
        ("Ready", "Unknown", "Paused"),
        ("Logging", "False", "LoggingOff"),
        ("Advisory", "True", "DuplicateManagementEvents"),
    ]
    for kind, status, reason in turns:
        condition = Condition.model_validate(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": reason.lower(),
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "observedGeneration": 1,
            }
        )
        asyncio.run(written.events.record_transition(state().body, condition))
    assert written.server.notes == [
        ("Normal", "Recording", "recording"),
        ("Warning", "BucketNotFound", "bucketnotfound"),
        ("Normal", "Progressing", "progressing"),
        ("Normal", "Paused", "paused"),
        ("Warning", "LoggingOff", "loggingoff"),
        ("Warning", "DuplicateManagementEvents", "duplicatemanagementevents"),
    ]


def test_a_note_has_no_characters_that_cannot_be_written_or_would_mislead() -> None:
    """Texts of AWS may be within: names and ARNs of selectors, which JSON may give half a surrogate pair."""
    written = Written()
    written.write("no longer recorded: data events of \ud800\x1b[31m\nx")
    assert [note for _, _, note in written.server.notes] == ["no longer recorded: data events of   [31m x"]
