"""What a fact is: a test with its source, which is where AWS or somebody who measured it says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

GUIDE = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide"
API = "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference"
IAM = "https://docs.aws.amazon.com/IAM/latest"
MODEL = "https://github.com/boto/botocore/blob/develop/botocore/data/cloudtrail/2013-11-01/service-2.json.gz"
# Measured on AWS by the cdkd project.
MEASURED_UPDATE = "https://github.com/go-to-k/cdkd/issues/1533"
MEASURED_SELECTORS = "https://github.com/go-to-k/cdkd/pull/1563"

COSTS = pytest.mark.costs
SLOW = pytest.mark.slow


def fact(source: str) -> pytest.MarkDecorator:
    """Mark a test as a fact that this source tells."""
    return pytest.mark.fact(source)


def unverified(why: str) -> pytest.MarkDecorator:
    """Mark a fact that its source does not prove."""
    return pytest.mark.unverified(why)


def case(name: str, source: str, *values: Any, marks: tuple[pytest.MarkDecorator, ...] = ()) -> Any:
    """Give a fact of a parametrized test: its name, its source and the values."""
    return pytest.param(*values, id=name, marks=(fact(source), *marks))


@contextmanager
def refused(code: str, message: str | None = None, status: int = 400) -> Iterator[None]:
    """Hold AWS to refusing what is called within, in these words."""
    try:
        yield
    except ClientError as error:
        answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
        told = " ".join(answer["Message"].split())[:80]
        assert answer["Code"] == code, f"refused with {answer['Code']} ({told}) instead of {code}"
        assert message is None or answer["Message"] == message, f"says {answer['Message']!r} instead of {message!r}"
        assert metadata["HTTPStatusCode"] == status, f"HTTP {metadata['HTTPStatusCode']} instead of {status}"
        return
    raise AssertionError(f"accepted instead of refused with {code}")
