"""Texts of AWS forge no line, fit into a status, and can be written."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from tests.unit.builders import desired, observed
from trail_operator.api.trail_status import Destination, TrailStatus
from trail_operator.aws.errors import translate
from trail_operator.domain.diff import about_tags, differences
from trail_operator.domain.sync_result import SyncResult
from trail_operator.domain.texts import clean
from trail_operator.domain.trail_status import compute_status

ODD = "a\nReady=True\x1b[31m\u2028\u202eb\ud800\x00"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode 日本", "plain, ünïcode 日本"),
        ("a\r\nb\tc", "a  b c"),
        ("\x1b]0;title\x07", " ]0;title "),
        ("\u2028\u202e\u200b\ud800\x9b\x7f", "      "),
        ("x" * 21, "x" * 17 + "..."),
        ("x" * 20, "x" * 20),
        ("", ""),
    ],
)
def test_a_text_is_on_one_line_and_cut(text: str, shown: str) -> None:
    assert clean(text, 20) == shown


def test_a_status_holds_whatever_aws_says() -> None:
    trail = replace(
        observed(),
        tags={f"{ODD}{number}": ODD * 100_000 for number in range(1000)},
        delivery_errors={Destination.S3: clean(ODD * 100_000, 256)},
    )
    drift = differences(desired(), trail)
    status = compute_status(TrailStatus(), SyncResult(1, known=True, observed=trail, drift=drift), datetime.now(UTC))
    written = status.model_dump_json(by_alias=True)
    assert len(written) < 400_000
    assert all(text.isprintable() for text in _texts(json.loads(written)))
    assert len(status.drift) == 128
    assert about_tags(drift, [f"{ODD}7"]), "found by the key as AWS has it"


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


def test_an_error_s_code_and_message_are_clean_and_cut() -> None:
    error = ClientError({"Error": {"Code": ODD * 1000, "Message": ODD * 1000}}, "GetTrail")
    told = translate(error, "cloudtrail:GetTrail", "us-east-1")
    assert told.message.isprintable()
    assert len(told.message) <= 1000
    assert told.code.isprintable()
    assert len(told.code) <= 200
