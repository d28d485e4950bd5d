"""CloudTrail as a JSON 1.1 service: what it answers to what does not fit its model, and to whom it does not know.

boto3 itself refuses some of this, so its checks are off here, or the request is signed by botocore and sent as it is.
"""

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest

from tests.conformance.account import Account, Trail
from tests.conformance.facts import API, MODEL, case, fact, refused, unverified

JSON = "https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html"
COMMON = f"{API}/CommonErrors.html"
ELSEWHERE = unverified("AWS's other JSON services answer so; of CloudTrail no page tells it")
TARGET = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"


def post(aws: Account, operation: str, body: Any, **headers: str) -> Any:
    """Send a request that boto3 would not send."""
    client = aws.cloudtrail
    request = AWSRequest(
        "POST",
        client.meta.endpoint_url,
        data=body if isinstance(body, str) else json.dumps(body),
        headers={"X-Amz-Target": f"{TARGET}.{operation}", "Content-Type": "application/x-amz-json-1.1"} | headers,
    )
    signer = client._request_signer
    if "Authorization" not in headers:
        signer.sign(operation, request, region_name=aws.region)
    prepared = request.prepare()
    client.meta.events.emit("before-send.cloudtrail", request=prepared)
    return client._endpoint.http_session.send(prepared)


def error(answer: Any) -> str:
    """The code of an error, however it is spelt: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html."""
    told = json.loads(answer.content)
    return str(told["__type"]).rpartition("#")[2]


@fact(JSON)
def test_errors_are_json(aws: Account) -> None:
    answer = post(aws, "GetTrail", {"Name": aws.name("none")})
    assert (answer.status_code, error(answer)) == (400, "TrailNotFoundException")


@fact(JSON)
def test_answers_are_json_1_1(aws: Account) -> None:
    answer = post(aws, "DescribeTrails", {})
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"


@fact("https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/CommonErrors.html")
def test_every_answer_has_a_request_id(aws: Account) -> None:
    assert len(aws.cloudtrail.describe_trails()["ResponseMetadata"]["RequestId"]) == 36


@fact(JSON)
def test_times_are_seconds_since_the_epoch(aws: Account, quiet: Trail) -> None:
    aws.cloudtrail.start_logging(Name=quiet.arn)
    status = aws.eventually(
        lambda: json.loads(post(aws, "GetTrailStatus", {"Name": quiet.arn}).content),
        lambda status: "StartLoggingTime" in status,
    )
    assert isinstance(status["StartLoggingTime"], float)


@ELSEWHERE
@pytest.mark.parametrize(
    "operation", [case("that never was", COMMON, "NoSuchOperation"), case("without a name", COMMON, "")]
)
def test_an_unknown_operation_is_refused(aws: Account, operation: str) -> None:
    answer = post(aws, operation, {})
    assert (answer.status_code, error(answer)) == (400, "UnknownOperationException")


@ELSEWHERE
@pytest.mark.parametrize(
    ("body", "code"),
    [
        case("that is no JSON", JSON, "{", "SerializationException"),
        case("with a number for a string", JSON, {"Name": 7}, "SerializationException"),
        case("with a structure for a string", JSON, {"Name": {}}, "SerializationException"),
        case("without what is required", COMMON, {}, "ValidationException"),
        case("with null for what is required", JSON, {"Name": None}, "ValidationException"),
    ],
)
def test_a_body_is_refused(aws: Account, body: Any, code: str) -> None:
    answer = post(aws, "GetTrail", body)
    assert (answer.status_code, error(answer)) == (400, code)


@fact(JSON)
def test_unknown_members_are_ignored(aws: Account, trail: Trail) -> None:
    answer = aws.eventually(
        lambda: post(aws, "GetTrail", {"Name": trail.name, "NoSuchMember": [1]}), lambda one: one.status_code == 200
    )
    assert json.loads(answer.content)["Trail"]["TrailARN"] == trail.arn


@unverified("the lengths are the model's; the code of the refusal is what AWS's other JSON services answer")
@pytest.mark.parametrize(
    ("operation", "body"),
    [
        case("a tag's key", MODEL, "AddTags", {"TagsList": [{"Key": "k" * 129}]}),
        case("a tag's value", MODEL, "AddTags", {"TagsList": [{"Key": "k", "Value": "v" * 257}]}),
        case("an empty tag's value", MODEL, "AddTags", {"TagsList": [{"Key": "k", "Value": ""}]}),
        case("a list of tags", MODEL, "AddTags", {"TagsList": [{"Key": f"k{number}"} for number in range(201)]}),
    ],
)
def test_lengths_are_those_of_the_model(aws: Account, trail: Trail, operation: str, body: dict[str, Any]) -> None:
    answer = post(aws, operation, {"ResourceId": trail.arn} | body)
    assert (answer.status_code, error(answer)) == (400, "ValidationException")


@unverified("the page tells HTTP 403 and a shorter code; AWS's other JSON services answer so")
@fact(COMMON)
def test_a_request_without_a_signature_is_refused(aws: Account) -> None:
    answer = post(aws, "DescribeTrails", {}, Authorization="")
    assert (answer.status_code, error(answer)) == (400, "MissingAuthenticationTokenException")


@fact("https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html")
def test_a_signature_for_a_region_that_is_none_is_refused(aws: Account) -> None:
    scope = "AKIAIOSFODNN7EXAMPLE/20260101/mars-north-1/cloudtrail/aws4_request"
    answer = post(
        aws,
        "DescribeTrails",
        {},
        Authorization=f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
    )
    assert answer.status_code == 400
    assert error(answer) in ("InvalidSignatureException", "UnrecognizedClientException", "IncompleteSignatureException")


@fact("https://github.com/nccgroup/ScoutSuite/issues/411")
def test_an_access_key_that_nobody_has_is_refused(aws: Account) -> None:
    stranger = aws.signed_with({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "secret"})
    with refused("UnrecognizedClientException", "The security token included in the request is invalid."):
        stranger.cloudtrail.describe_trails()
