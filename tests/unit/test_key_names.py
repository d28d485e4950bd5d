"""What kmsKeyID means where AWS does not say: the message names what can be done."""

import asyncio
from typing import Any

import pytest

from tests.unit.builders import LOCATION
from trail_operator.api.reasons import Reason
from trail_operator.aws.cloudtrail import CloudTrail
from trail_operator.aws.errors import AWSError
from trail_operator.aws.operations import Read
from trail_operator.domain.failure import Failure, FailureClass, FailureError


class AWS:
    """An AWS that refuses to say which key an alias means."""

    def __init__(self, code: str) -> None:
        self._code = code

    async def call(self, operation: Read, region: str, **_: Any) -> dict[str, Any]:
        raise AWSError(str(operation), region, self._code, "AWS's own words", 400)


def failure(key: str, code: str) -> Failure:
    trails = CloudTrail(AWS(code))  # type: ignore[arg-type]
    with pytest.raises(FailureError) as raised:
        asyncio.run(trails.key_arn(key, LOCATION))
    return raised.value.failure


@pytest.mark.parametrize("code", ["NotFoundException", "AccessDeniedException"])
@pytest.mark.parametrize("key", ["alias/aws/s3", "arn:aws:kms:eu-central-1:123456789012:alias/aws/cloudtrail"])
def test_the_name_alone_tells_a_key_that_aws_manages(key: str, code: str) -> None:
    """Nobody can create such an alias, and with kms:DescribeKey the key would be refused all the same."""
    told = failure(key, code)
    assert (told.kind, told.reason) == (FailureClass.DEPENDENCY, Reason.KEY_NOT_USABLE)
    assert "managed by AWS and cannot be used as kmsKeyID: use a customer managed key" in told.message
    assert "create the alias" not in told.message


def test_other_aliases_can_be_created() -> None:
    told = failure("alias/logs", "NotFoundException")
    assert told.reason is Reason.KEY_NOT_FOUND
    assert "create the alias there, or correct kmsKeyID" in told.message
    assert failure("alias/logs", "AccessDeniedException").reason is Reason.ACCESS_DENIED


def test_an_error_that_passes_tells_nothing_of_the_key() -> None:
    assert failure("alias/aws/s3", "ThrottlingException").kind is FailureClass.TRANSIENT
