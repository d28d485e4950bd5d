"""LookupEvents and ListPublicKeys."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, GUIDE, SLOW, case, fact, refused

LOOKUP = f"{API}/API_LookupEvents.html"
KEYS = f"{API}/API_ListPublicKeys.html"
NOW = datetime.now(UTC)


def found(aws: Account, region: str | None = None, **attribute: str) -> list[dict[str, Any]]:
    """The events of a region with an attribute."""
    [(key, value)] = attribute.items()
    pages = (
        aws.client("cloudtrail", region)
        .get_paginator("lookup_events")
        .paginate(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])
    )
    return [event for page in pages for event in page["Events"]]


def creation(aws: Account, trail: Trail) -> dict[str, Any]:
    """The event of a trail's creation."""
    events = aws.delivered(
        lambda: [one for one in found(aws, EventName="CreateTrail") if trail.name in one["CloudTrailEvent"]]
    )
    return events[-1]


@SLOW
@fact(LOOKUP)
def test_an_event_is_found_without_any_trail_that_logs(aws: Account, trail: Trail) -> None:
    event = creation(aws, trail)
    assert (event["EventName"], event["EventSource"]) == ("CreateTrail", "cloudtrail.amazonaws.com")


@SLOW
@fact(LOOKUP)
def test_an_event_is_told_with_its_record(aws: Account, trail: Trail) -> None:
    event = creation(aws, trail)
    record = json.loads(event["CloudTrailEvent"])
    assert record["eventID"] == event["EventId"]
    assert record["requestParameters"]["name"] == trail.name


@SLOW
@pytest.mark.parametrize(
    ("key", "member"),
    [
        case("by its ID", LOOKUP, "EventId", "EventId"),
        case("by its source", LOOKUP, "EventSource", "EventSource"),
        case("by whether it reads", LOOKUP, "ReadOnly", "ReadOnly"),
        case("by its access key", LOOKUP, "AccessKeyId", "AccessKeyId"),
    ],
)
def test_an_event_is_found(aws: Account, trail: Trail, key: str, member: str) -> None:
    event = creation(aws, trail)
    aws.delivered(lambda: event["EventId"] in [one["EventId"] for one in found(aws, **{key: event[member]})])


@SLOW
@fact(LOOKUP)
def test_an_event_that_writes_is_told_as_such(aws: Account, trail: Trail) -> None:
    assert creation(aws, trail)["ReadOnly"] == "false"


@SLOW
@fact(LOOKUP)
def test_an_event_is_found_in_its_region_only(aws: Account, trail: Trail, elsewhere: str) -> None:
    event = creation(aws, trail)
    assert found(aws, elsewhere, EventId=event["EventId"]) == []


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        case(
            "for an attribute that is none",
            LOOKUP,
            {"LookupAttributes": [{"AttributeKey": "NoSuchKey", "AttributeValue": "x"}]},
            "InvalidLookupAttributesException",
        ),
        case(
            "for a time that ends before it begins",
            LOOKUP,
            {"StartTime": NOW, "EndTime": NOW - timedelta(hours=1)},
            "InvalidTimeRangeException",
        ),
        case("with a token that is none", LOOKUP, {"NextToken": "no-such-token"}, "InvalidNextTokenException"),
        case("for a category that is none", LOOKUP, {"EventCategory": "data"}, "InvalidEventCategoryException"),
    ],
)
def test_a_lookup_is_refused(aws: Account, parameters: dict[str, Any], code: str) -> None:
    with refused(code):
        aws.cloudtrail.lookup_events(**parameters)


@fact(LOOKUP)
def test_a_lookup_tells_as_many_events_as_asked_for(aws: Account) -> None:
    aws.cloudtrail.describe_trails()
    assert len(aws.cloudtrail.lookup_events(MaxResults=1)["Events"]) <= 1


@fact(KEYS)
def test_public_keys_of_a_time_that_ends_before_it_begins_are_refused(aws: Account) -> None:
    with refused("InvalidTimeRangeException"):
        aws.cloudtrail.list_public_keys(StartTime=NOW, EndTime=NOW - timedelta(hours=1))


@fact(f"{GUIDE}/cloudtrail-log-file-validation-digest-file-structure.html")
def test_public_keys_have_a_time_and_a_fingerprint(aws: Account) -> None:
    """Where no digest was signed there are none."""
    for key in aws.cloudtrail.list_public_keys()["PublicKeyList"]:
        assert len(key["Fingerprint"]) == 32
        assert key["ValidityStartTime"] < key["ValidityEndTime"]
        assert key["Value"]
