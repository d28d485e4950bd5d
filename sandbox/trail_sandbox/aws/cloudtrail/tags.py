"""Tags of a trail: https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html#tag-conventions."""

import re
from collections.abc import Mapping, Sequence

from trail_sandbox.aws.errors import AwsError

Tags = tuple[tuple[str, str | None], ...]

_MOST = 50
_TEXT = re.compile(r"\A[\w\s.:/=+\-@]*\Z")


def parse_tags(entries: Sequence[Mapping[str, str]]) -> Tags:
    """Read the tags of a call."""
    keys = [entry["Key"] for entry in entries]
    duplicate = next((key for key in keys if keys.count(key) > 1), None)
    if duplicate is not None:
        raise _invalid(f"Duplicate tag key: {duplicate}")
    for entry in entries:
        _check(entry["Key"], entry.get("Value"))
    return tuple((entry["Key"], entry.get("Value")) for entry in entries)


def add(old: Tags, new: Tags, arn: str) -> Tags:
    """Add tags, or give old ones new values."""
    merged = tuple((dict(old) | dict(new)).items())
    if len(merged) > _MOST:
        raise AwsError(
            "TagsLimitExceededException", f"The number of tags of {arn} would exceed the limit of {_MOST} tags."
        )
    return merged


def remove(old: Tags, unwanted: Tags) -> Tags:
    """Remove tags by their keys; those that are not there are no matter."""
    keys = {key for key, _ in unwanted}
    return tuple(tag for tag in old if tag[0] not in keys)


def _check(key: str, value: str | None) -> None:
    if key.lower().startswith("aws:"):
        raise _invalid(f"Tag keys that start with aws: are reserved for AWS: {key}")
    if not _TEXT.match(key):
        raise _invalid(f"Tag key has characters that are not allowed: {key}")
    if value is not None and not _TEXT.match(value):
        raise _invalid(f"Tag value has characters that are not allowed: {value}")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidTagParameterException", message)
