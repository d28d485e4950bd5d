"""The changes that benchmarks make are calls that AWS's service model accepts: a refused one would change nothing."""

import boto3
import pytest
from benchmarks.changes import change
from benchmarks.honesty import REMEDIES
from botocore import xform_name
from botocore.stub import Stubber

ARN = "arn:aws:cloudtrail:us-east-1:200000000000:trail/trail-00000"


@pytest.mark.parametrize("operation", sorted({*REMEDIES, "DeleteTrail"}))
def test_a_change_is_a_valid_call(operation: str) -> None:
    client = boto3.client("cloudtrail", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        stub.add_response(xform_name(operation), {"ResponseMetadata": {"RequestId": "1"}})
        assert change(client, ARN, operation) == "1"
