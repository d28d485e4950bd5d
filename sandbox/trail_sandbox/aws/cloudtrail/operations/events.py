"""Event history, and the public keys of digest files.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
The words of the errors are those of their descriptions there.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from trail_sandbox.aws.cloudtrail.request import Output, Request
from trail_sandbox.aws.delivery import Entry, named_resources
from trail_sandbox.aws.errors import AwsError

_AT_MOST = 50
_REMEMBERED = timedelta(days=90)
_INSIGHT_ATTRIBUTES = frozenset({"EventId", "EventName", "EventSource"})

_ATTRIBUTES: Mapping[str, Callable[[Entry], Sequence[str]]] = {
    "EventId": lambda entry: [entry.id],
    "EventName": lambda entry: [entry.name],
    "ReadOnly": lambda entry: [_read_only(entry)],
    "Username": lambda entry: [_user_name(entry)],
    "ResourceType": lambda entry: [kind for kind, _ in named_resources(entry)],
    "ResourceName": lambda entry: [name for _, name in named_resources(entry)],
    "EventSource": lambda entry: [entry.record["eventSource"]],
    "AccessKeyId": lambda entry: [entry.event.caller.access_key_id],
}


def lookup_events(request: Request) -> Output:
    """List the management events of an account and region, newest first, whatever its trails record."""
    given = request.input
    attribute = _attribute(given)
    start, end = _time_range(request, request.now - _REMEMBERED)
    most = given.get("MaxResults", _AT_MOST)
    if not 1 <= most <= _AT_MOST:
        raise AwsError("InvalidMaxResultsException", "This exception is thrown if the limit specified is not valid.")
    entries = _history(request)
    if "NextToken" in given:
        entries = _after(entries, given)
    found = [entry for entry in entries if start <= _second(entry) <= end and _matches(entry, attribute)]
    page = found[:most]
    more = _request_key(given) + page[-1].id if len(found) > most else None
    return {"Events": [_describe(entry) for entry in page], "NextToken": more}


def list_public_keys(request: Request) -> Output:
    """List the keys that sign the digest files of this region in a period, or the current one."""
    start, end = _time_range(request, request.now)
    keys = request.delivery.public_keys(request.region)
    return {
        "PublicKeyList": [
            {
                "Value": base64.b64encode(key.value).decode(),
                "ValidityStartTime": key.validity_start,
                "ValidityEndTime": key.validity_end,
                "Fingerprint": key.fingerprint,
            }
            for key in keys
            if key.validity_start <= end and start <= key.validity_end
        ]
    }


def _history(request: Request) -> Sequence[Entry]:
    """Give the events that are looked through: neither too old nor too new; of Insights events there are none."""
    category = request.input.get("EventCategory")
    if category is None:
        oldest, newest = request.now - _REMEMBERED, request.now - timedelta(seconds=request.settings.lookup_lag)
        entries = request.delivery.history.newest_first(request.account, request.region)
        return [entry for entry in entries if oldest <= entry.event.time <= newest]
    if category != "insight":
        raise AwsError(
            "InvalidEventCategoryException",
            "Occurs if an event category that is not valid is specified as a value of EventCategory.",
        )
    return ()


def _attribute(given: Mapping[str, Any]) -> tuple[str, str] | None:
    attributes = given.get("LookupAttributes") or []
    if not attributes:
        return None
    known = _INSIGHT_ATTRIBUTES if given.get("EventCategory") == "insight" else _ATTRIBUTES.keys()
    if len(attributes) > 1 or attributes[0]["AttributeKey"] not in known:
        raise AwsError(
            "InvalidLookupAttributesException", "Occurs when a lookup attribute is specified that is not valid."
        )
    return attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]


def _time_range(request: Request, earliest: datetime) -> tuple[datetime, datetime]:
    start, end = (request.input.get(name) for name in ("StartTime", "EndTime"))
    try:
        since = earliest if start is None else datetime.fromtimestamp(start, UTC)
        until = request.now if end is None else datetime.fromtimestamp(end, UTC)
    except (ValueError, OverflowError, OSError):
        since, until = request.now, earliest
    if since > until:
        raise AwsError(
            "InvalidTimeRangeException",
            "Occurs if the timestamp values are not valid. Either the start time occurs after the end time, or the "
            "time range is outside the range of possible values.",
        )
    return since, until


def _second(entry: Entry) -> datetime:
    return entry.event.time.replace(microsecond=0)


def _matches(entry: Entry, attribute: tuple[str, str] | None) -> bool:
    return attribute is None or attribute[1] in _ATTRIBUTES[attribute[0]](entry)


def _after(entries: Sequence[Entry], given: Mapping[str, Any]) -> Sequence[Entry]:
    """Give the events after the one that a token names."""
    key = _request_key(given)
    places = {key + entry.id: place for place, entry in enumerate(entries)}
    if given["NextToken"] not in places:
        raise AwsError(
            "InvalidNextTokenException",
            "A token that is not valid, or a token that was previously used in a request with different parameters. "
            "This exception is thrown if the token is not valid.",
        )
    return entries[places[given["NextToken"]] + 1 :]


def _request_key(given: Mapping[str, Any]) -> str:
    """Begin the tokens of requests with these parameters."""
    parameters = {name: value for name, value in given.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:16]


def _describe(entry: Entry) -> dict[str, Any]:
    return {
        "EventId": entry.id,
        "EventName": entry.name,
        "ReadOnly": _read_only(entry),
        "AccessKeyId": entry.event.caller.access_key_id or None,
        "EventTime": _second(entry),
        "EventSource": entry.record["eventSource"],
        "Username": _user_name(entry) or None,
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in named_resources(entry)],
        "CloudTrailEvent": entry.text,
    }


def _read_only(entry: Entry) -> str:
    return "true" if entry.record["readOnly"] else "false"


def _user_name(entry: Entry) -> str:
    """The user's name, the session's of a role, `root` of the account itself; nothing of other accounts'."""
    if entry.account != entry.event.caller.account:
        return ""
    return entry.event.caller.arn.rpartition("/")[2].rpartition(":")[2]
