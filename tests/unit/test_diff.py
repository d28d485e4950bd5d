"""Differences: by the paths of the spec, in its spelling."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import FULL, MINIMAL, desired, observed
from tests.unit.test_selectors import S3, advanced, basic, on_data, on_management
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail_status import Difference
from trail_operator.domain.attributes import ATTRIBUTES
from trail_operator.domain.diff import FIELDS, differences, fields_of, not_read_again
from trail_operator.domain.plan import plan
from trail_operator.domain.selectors import DEFAULT, AdvancedSelector, FieldCondition, Selectors
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, Part

DEFAULT_SHOWN = "AWS's default, all management events"


def shown(wanted: DesiredTrail, found: ObservedTrail | None) -> list[tuple[str, str, str]]:
    return [(entry.path, entry.desired, entry.observed) for entry in differences(wanted, found)]


def of_selectors(wanted: Selectors, found: Selectors) -> list[tuple[str, str, str]]:
    return shown(desired(event_selectors=wanted), observed(event_selectors=found))


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        ("isLogging", {"isLogging"}),
        ("tags", {"tags"}),
        ("eventSelectors", {"eventSelectors", "advancedEventSelectors"}),
        ("insightSelectors", {"insightSelectors"}),
        ("aggregationConfigurations", {"aggregationConfigurations"}),
        ("trail", {"trail", "region", *(attribute.spec for attribute in ATTRIBUTES.values())}),
    ],
)
def test_each_difference_rests_on_one_read(part: Part, kept: set[str]) -> None:
    known = [Difference(path=f"{path}[0].x", desired="a", observed="b") for path in FIELDS]
    assert fields_of(not_read_again(known, {part})) == kept


def test_a_trail_that_is_not_there() -> None:
    assert shown(desired(), None) == [("trail", "present", "absent")]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({OWNER_TAG: "former/default/audit"}, []),
        ({OWNER_TAG: "former/default/audit", "old": "1"}, ["tags[old]"]),
        ({OWNER_TAG: "elsewhere/default/audit"}, [f"tags[{OWNER_TAG}]"]),
        ({}, [f"tags[{OWNER_TAG}]"]),
    ],
)
def test_a_former_name_in_the_owner_tag_is_no_difference_from_the_spec(
    tags: dict[str, str], expected: list[str]
) -> None:
    wanted = desired(former_owners=frozenset({"former/default/audit"}))
    assert [path for path, _, _ in shown(wanted, replace(observed(), tags=tags))] == expected


def test_every_field_is_compared() -> None:
    other = replace(
        MINIMAL,
        s3_bucket_name="bucket-2",
        is_multi_region_trail=False,
        include_global_service_events=False,
        enable_log_file_validation=False,
        is_organization_trail=True,
        recursive_logging=False,
    )
    found = shown(desired(FULL), observed(other))
    assert [path for path, _, _ in found] == [attribute.spec for attribute in ATTRIBUTES.values()]
    assert ("s3KeyPrefix", "logs", "absent") in found
    assert ("recursiveLogging", "true", "false") in found


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        (
            basic({"readWriteType": "ReadOnly"}),
            basic({"readWriteType": "WriteOnly"}),
            [("eventSelectors[0].readWriteType", "ReadOnly", "WriteOnly")],
        ),
        (
            basic({"dataResources": [{"type": S3, "values": ["b", "a"]}]}),
            basic({"includeManagementEvents": False, "dataResources": [{"type": S3, "values": ["a"]}]}),
            [
                (
                    "eventSelectors[0].dataResources",
                    f"[{{type: {S3}, values: [a, b]}}]",
                    f"[{{type: {S3}, values: [a]}}]",
                ),
                ("eventSelectors[0].includeManagementEvents", "true", "false"),
            ],
        ),
        (
            advanced(on_management(), on_data(resources_ARN={"startsWith": ["a"]})),
            advanced(on_management(), on_data(readOnly={"equals": ["true"]})),
            [
                ("advancedEventSelectors[1].fieldSelectors[readOnly]", "absent", "{equals: [true]}"),
                ("advancedEventSelectors[1].fieldSelectors[resources.ARN]", "{startsWith: [a]}", "absent"),
            ],
        ),
        (
            basic({"readWriteType": "ReadOnly"}),
            DEFAULT,
            [
                (
                    "eventSelectors",
                    "[{readWriteType: ReadOnly, includeManagementEvents: true, dataResources: [], "
                    "excludeManagementEventSources: []}]",
                    DEFAULT_SHOWN,
                )
            ],
        ),
        (
            DEFAULT,
            advanced(on_management()),
            [
                ("eventSelectors", DEFAULT_SHOWN, "absent"),
                (
                    "advancedEventSelectors",
                    "absent",
                    "[{fieldSelectors: [{field: eventCategory, equals: [Management]}]}]",
                ),
            ],
        ),
        (
            advanced(on_management()),
            advanced(on_management(), on_management()),
            [
                (
                    "advancedEventSelectors",
                    "[{fieldSelectors: [{field: eventCategory, equals: [Management]}]}]",
                    "[{fieldSelectors: [{field: eventCategory, equals: [Management]}]}, "
                    "{fieldSelectors: [{field: eventCategory, equals: [Management]}]}]",
                )
            ],
        ),
    ],
)
def test_selectors(wanted: Selectors, found: Selectors, expected: list[tuple[str, str, str]]) -> None:
    assert of_selectors(wanted, found) == expected
    assert of_selectors(found, found) == []


def test_a_selector_s_name_is_compared() -> None:
    (one,) = advanced(on_management())
    assert isinstance(one, AdvancedSelector)
    named = replace(one, name="all")
    assert of_selectors((named,), (one,)) == [("advancedEventSelectors[0].name", "all", "absent")]


def test_no_difference_hides_behind_a_field_that_aws_has_twice() -> None:
    category = FieldCondition("eventCategory", equals=("Management",))
    reads, writes = (FieldCondition("readOnly", equals=(value,)) for value in ("true", "false"))
    wanted = (AdvancedSelector("", (category, writes)),)
    found = (AdvancedSelector("", (category, reads, writes)),)
    ((path, _, _),) = of_selectors(wanted, found)
    assert path == "advancedEventSelectors"
    assert plan(desired(event_selectors=wanted), observed(event_selectors=found))


def test_insights_and_aggregation() -> None:
    wanted = desired(insights=frozenset({("ApiCallRateInsight", "Management")}))
    found = observed(aggregations=frozenset({("Data", "API_ACTIVITY")}))
    assert shown(wanted, found) == [
        ("insightSelectors", "[{insightType: ApiCallRateInsight, eventCategories: [Management]}]", "absent"),
        ("aggregationConfigurations", "absent", "[{eventCategory: Data, templates: [API_ACTIVITY]}]"),
    ]


def test_long_values_are_cut() -> None:
    many = basic({"dataResources": [{"type": S3, "values": [f"arn:aws:s3:::bucket-{at}/" for at in range(250)]}]})
    fewer = basic({"dataResources": [{"type": S3, "values": ["arn:aws:s3:::bucket-0/"]}]})
    ((_, wanted, found),) = of_selectors(many, fewer)
    assert len(wanted) < 1100
    assert wanted.endswith(" characters)")
    assert found == f"[{{type: {S3}, values: [arn:aws:s3:::bucket-0/]}}]"


def many_selectors(filler: str, count: int = 250) -> Selectors:
    """As many, and as large, as a trail may have."""
    on = (
        FieldCondition("eventCategory", equals=("Data",)),
        FieldCondition("resources.ARN", starts_with=(filler * 2000,)),
    )
    return tuple(AdvancedSelector(filler * 1000, on) for _ in range(count))


def test_of_many_members_the_first_are_told_and_how_many_more_there_are() -> None:
    found = of_selectors(many_selectors("a", 9), many_selectors("b", 9))
    assert len(found) == 11
    assert found[9][0] == "advancedEventSelectors[4].name"
    assert found[10] == ("advancedEventSelectors[...]", "as the spec has them", "8 more that differ")
    # An Event names all paths before anything else, and is cut off after a kilobyte.
    assert len(", ".join(path for path, _, _ in of_selectors(many_selectors("a"), many_selectors("b")))) < 800
    assert len(of_selectors(many_selectors("a", 5), many_selectors("b", 5))) == 10


def test_whatever_differs_fits_into_a_status() -> None:
    """An object has 1.5 MB at most, spec and managed fields included: https://etcd.io/docs/latest/dev-guide/limit/"""
    wanted = desired(
        replace(FULL, s3_key_prefix="p" * 200),
        tags={f"{at:03d}{'ä' * 125}": "ä" * 256 for at in range(49)},
        event_selectors=many_selectors("ä"),
    )
    other = replace(MINIMAL, s3_bucket_name="b" * 63, s3_key_prefix="q" * 200)
    there = observed(
        other, tags={f"x{at:02d}{'ä' * 125}": "ä" * 256 for at in range(49)}, event_selectors=many_selectors("ö")
    )
    drift = differences(wanted, there)
    assert {"tags", "advancedEventSelectors", "kmsKeyID"} <= fields_of(drift)
    assert len("".join(entry.model_dump_json() for entry in drift).encode()) < 256 * 1024
    assert plan(wanted, there)


@pytest.mark.parametrize(
    ("part", "differing"),
    [
        ("tags", {"tags": {"a": "1"}}),
        ("eventSelectors", {"event_selectors": basic({"readWriteType": "ReadOnly"})}),
        ("insightSelectors", {"insights": frozenset({("ApiCallRateInsight", "Management")})}),
        ("aggregationConfigurations", {"aggregations": frozenset({("Data", "API_ACTIVITY")})}),
        ("kmsKeyID", {"configuration": replace(MINIMAL, kms_key_id=FULL.kms_key_id)}),
    ],
)
def test_what_can_t_be_read_is_never_a_difference(part: str, differing: dict[str, Any]) -> None:
    found = observed(MINIMAL)
    assert shown(desired(**differing), found)
    assert shown(desired(**differing), replace(found, unreadable=frozenset({part}))) == []  # type: ignore[arg-type]
