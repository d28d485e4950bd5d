"""Which calls can have produced a difference: a row for each field, and what several differences have in common."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trail_operator.api.trail_status import Difference
from trail_operator.domain.cloudtrail_calls import CALLS
from trail_operator.domain.diff import FIELDS
from trail_operator.domain.drift_causes import Causes, causes_of

# A trail in another home region is another trail.
WITHOUT_CALLS = {"region"}


def entry(path: str, desired: str = "a", observed: str = "b") -> Difference:
    return Difference(path=path, desired=desired, observed=observed)


@pytest.mark.parametrize(
    ("path", "observed", "producing", "undoing"),
    [
        ("isLogging", "false", {"StopLogging", "CreateTrail"}, {"StartLogging"}),
        ("isLogging", "true", {"StartLogging"}, {"StopLogging", "CreateTrail"}),
        ("trail", "absent", {"DeleteTrail"}, {"CreateTrail"}),
        ("s3BucketName", "b", {"UpdateTrail", "CreateTrail"}, set()),
        ("kmsKeyID", "b", {"UpdateTrail", "CreateTrail"}, set()),
        ("eventSelectors[1].readWriteType", "b", {"PutEventSelectors", "CreateTrail"}, set()),
        ("advancedEventSelectors", "absent", {"PutEventSelectors", "CreateTrail"}, set()),
        ("insightSelectors", "absent", {"PutInsightSelectors", "CreateTrail"}, set()),
        ("aggregationConfigurations", "absent", {"PutEventConfiguration", "CreateTrail"}, set()),
        ("tags[a.b[c]]", "b", {"AddTags", "RemoveTags", "CreateTrail"}, set()),
    ],
)
def test_calls_that_can_produce_a_difference(path: str, observed: str, producing: set[str], undoing: set[str]) -> None:
    causes = causes_of([entry(path, observed=observed)])
    assert causes == Causes(frozenset(producing), frozenset(undoing))


def test_every_field_that_can_differ_has_calls_of_cloudtrail() -> None:
    for field, observed in product(set(FIELDS) - WITHOUT_CALLS, ("true", "false")):
        causes = causes_of([entry(field, observed=observed)])
        assert causes is not None, field
        assert {("cloudtrail", name) for name in causes.all} <= CALLS.keys()
        assert causes.producing


@pytest.mark.parametrize("field", [*WITHOUT_CALLS, "fieldOfANewerVersion"])
def test_a_field_without_calls_makes_the_causes_unknown(field: str) -> None:
    assert causes_of([entry(field)]) is None
    assert causes_of([entry("isLogging"), entry(field)]) is None


@pytest.mark.parametrize(
    ("desired", "observed", "is_known"), [("a", "b", False), ("a", "absent", True), ("absent", "b", True)]
)
def test_an_alias_may_have_been_moved_to_another_key(desired: str, observed: str, is_known: bool) -> None:
    difference = entry("kmsKeyID", desired, observed)
    assert (causes_of([difference], by_alias=True) is not None) is is_known
    assert causes_of([difference], by_alias=False) is not None


def test_only_a_call_that_can_have_produced_all_differences_is_the_cause() -> None:
    both = causes_of([entry("isLogging", observed="false"), entry("s3BucketName")])
    assert both == Causes(frozenset({"CreateTrail"}), frozenset({"StopLogging", "StartLogging", "UpdateTrail"}))
    alike = causes_of([entry("s3BucketName"), entry("s3KeyPrefix")])
    assert alike == causes_of([entry("s3BucketName")])


@given(st.lists(st.sampled_from(FIELDS).map(entry), min_size=1))
def test_a_further_difference_never_adds_a_cause_and_never_loses_a_candidate(differences: list[Difference]) -> None:
    causes, fewer = causes_of(differences), causes_of(differences[:-1] or differences)
    if causes is not None:
        assert fewer is not None
        assert causes.producing <= fewer.producing
        assert causes.all >= fewer.all
        assert causes.producing.isdisjoint(causes.undoing)
