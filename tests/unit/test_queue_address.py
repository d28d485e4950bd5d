"""What --event-queue accepts, and what it says about everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trail_operator.domain.queue_address import QueueAddress

ACCOUNT = "123456789012"
HERE = QueueAddress("eu-central-1", ACCOUNT, "events")
CHINA = QueueAddress("cn-north-1", ACCOUNT, "events")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("events", QueueAddress("", "", "events")),
        ("events.fifo", QueueAddress("", "", "events.fifo")),
        ("a" * 80, QueueAddress("", "", "a" * 80)),
        (f"arn:aws:sqs:eu-central-1:{ACCOUNT}:events", HERE),
        (f"arn:aws-cn:sqs:cn-north-1:{ACCOUNT}:events", CHINA),
        (f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/events", HERE),
        (f"https://sqs-fips.eu-central-1.amazonaws.com/{ACCOUNT}/events", HERE),
        (f"https://sqs.eu-central-1.api.aws/{ACCOUNT}/events", HERE),
        (f"https://vpce-0a1b-c2.sqs.eu-central-1.vpce.amazonaws.com/{ACCOUNT}/events", HERE),
        (f"https://eu-central-1.queue.amazonaws.com/{ACCOUNT}/events", HERE),
        (f"https://sqs.cn-north-1.amazonaws.com.cn/{ACCOUNT}/events", CHINA),
    ],
)
def test_a_queue_is_named_by_its_name_url_or_arn(text: str, address: QueueAddress) -> None:
    assert QueueAddress.parse(text) == address


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "does not name an SQS queue"),
        ("a" * 81, "does not name an SQS queue"),
        ("events queue", "does not name an SQS queue"),
        ("events.fifo.fifo", "does not name an SQS queue"),
        (f"arn:aws:sns:eu-central-1:{ACCOUNT}:events", "is not the ARN of an SQS queue"),
        ("arn:aws:sqs:eu-central-1::events", "is not the ARN of an SQS queue"),
        (f"arn:aws:sqs::{ACCOUNT}:events", "is not the ARN of an SQS queue"),
        ("arn:aws:sqs", "is not the ARN of an SQS queue"),
        (f"arn:aws:sqs:eu-central-1:{ACCOUNT}:a/b", "does not name an SQS queue"),
        (f"http://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/events", "is not the URL of an SQS queue"),
        (f"https://sqs.eu-central-1.example.com/{ACCOUNT}/events", "is not the URL of an SQS queue"),
        (f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/", "does not name an SQS queue"),
        ("https://sqs.eu-central-1.amazonaws.com/events", "is not the URL of an SQS queue"),
        (f"https://sqs.nowhere.amazonaws.com/{ACCOUNT}/events", "is not the URL of an SQS queue"),
        ("https://[", "is not the URL of an SQS queue"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        QueueAddress.parse(text)
    assert "set --event-queue to the name, the URL or the ARN of an SQS queue" in str(refused.value)


@given(st.text() | st.text().map("arn:aws:sqs:{}".format) | st.text().map("https://{}".format))
def test_no_text_causes_another_error(text: str) -> None:
    try:
        address = QueueAddress.parse(text)
    except ValueError:
        return
    assert address.name in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("events", "events"),
        (f"arn:aws:sqs:eu-central-1:{ACCOUNT}:events", f"events in eu-central-1 of account {ACCOUNT}"),
    ],
)
def test_an_address_says_where_the_queue_is(text: str, shown: str) -> None:
    assert str(QueueAddress.parse(text)) == shown
