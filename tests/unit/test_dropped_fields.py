"""Fields of a status that the API server drops: how they are found, said, and not sent again."""

from typing import Any

import pytest

from trail_operator.kube.dropped_fields import DroppedFields

KIND = "Trail"


class Known:
    """What is dropped, and what was said of it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.changes: list[tuple[str, bool]] = []
        self.fields = DroppedFields(lambda: self.now, lambda *change: self.changes.append(change))


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.mark.parametrize(
    ("sent", "stored", "paths"),
    [
        ({"arn": "a", "drift": None}, {"arn": "a"}, set()),
        ({"arn": "a", "ownerTag": "o"}, {"arn": "a"}, {"ownerTag"}),
        ({"last": {"paths": ["x"], "by": {"who": "e"}}}, {"last": {"paths": ["x"]}}, {"last.by"}),
        ({"last": {"paths": [], "by": None}}, {"last": {"paths": []}}, set()),
        (
            {"drift": [{"path": "a", "more": 1}, {"path": "b", "more": None}]},
            {"drift": [{"path": "a"}] * 2},
            {"drift[].more"},
        ),
        ({"drift": [{"path": "a"}]}, {}, {"drift"}),
        ({"arn": "a"}, None, set()),
    ],
)
def test_dropped_fields_are_found(known: Known, sent: dict[str, Any], stored: object, paths: set[str]) -> None:
    known.fields.learn(KIND, sent, stored)
    assert known.fields.of(KIND) == known.fields.known(KIND) == paths
    assert known.changes == [(KIND, bool(paths))]


def test_a_change_is_said_once(known: Known, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for stored in ({"arn": "a"}, {"arn": "a"}, {"arn": "a", "ownerTag": "o"}, {"arn": "a", "ownerTag": "o"}):
        known.fields.learn(KIND, {"arn": "a", "ownerTag": "o"}, stored)
    assert known.changes == [(KIND, True), (KIND, False)]
    first, second = [record.message for record in caplog.records]
    assert "the API server drops status.ownerTag. Apply the definitions of this version" in first
    assert "has all fields of the status now" in second


def test_a_write_without_a_field_says_nothing_about_it(known: Known) -> None:
    known.fields.learn(KIND, {"ownerTag": "o"}, {})
    known.fields.learn(KIND, {"arn": "a", "ownerTag": None}, {"arn": "a"})
    assert known.fields.of(KIND) == {"ownerTag"}
    assert known.fields.of("AWSAccount") == frozenset()


@pytest.mark.parametrize(
    ("patch", "stored", "is_all"),
    [
        ({"arn": "a", "ownerTag": "o"}, {"arn": "a"}, True),
        ({"arn": "b", "ownerTag": "o"}, {"arn": "a"}, False),
        ({"arn": None, "ownerTag": "o"}, {"arn": "a"}, False),
        ({"arn": None, "ownerTag": "o"}, {}, True),
        ({"drift": [{"path": "a", "more": 1, "no": None}]}, {"drift": [{"path": "a"}], "newer": 1}, True),
        ({"drift": [{"path": "b", "more": 1}]}, {"drift": [{"path": "a"}]}, False),
        ({"last": {"paths": ["x"], "by": {"who": "me"}}}, {"last": {"paths": ["x"]}}, True),
        ({"last": {"paths": ["y"], "by": {"who": "me"}}}, {"last": {"paths": ["x"]}}, False),
        ({"last": {"paths": ["x"], "by": {"who": "me"}}}, {}, False),
        ({"arn": "a"}, "x", False),
    ],
)
def test_a_write_that_changes_nothing_else_is_left_out(
    known: Known, patch: dict[str, Any], stored: object, is_all: bool
) -> None:
    assert not known.fields.is_all_of(KIND, patch, stored)
    sent = {"ownerTag": "o", "drift": [{"path": "a", "more": 1}], "last": {"paths": ["x"], "by": {"who": "me"}}}
    known.fields.learn(KIND, sent, {"drift": [{"path": "a"}], "last": {"paths": ["x"]}})
    assert known.fields.is_all_of(KIND, patch, stored) is is_all
    known.now = 600.0
    assert not known.fields.is_all_of(KIND, patch, stored), "it is sent, in case the definition was updated"
