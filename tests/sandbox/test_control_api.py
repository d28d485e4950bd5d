"""The control API: faults, calls, settings, delivery rounds, reset."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from tests.integration.aws import Account
from tests.outcomes import outcome as outcome_of
from tests.patience import eventually, seconds
from tests.sandbox.conftest import Refused, put_settings

OURS = "GetTrail"
SETTINGS = {
    "background": False,
    "quotas": True,
    "rates": True,
    "stale_reads": 0,
    "iam_propagation": 0,
    "trail_loading": 0,
    "event_delivery": {"drop": 0, "double": 0, "reorder": 0, "delay": 0, "seed": 0},
    "lookup_lag": 0,
    "alarm_period_seconds": None,
    "regions_without_log_delivery": [],
    "regions_without_insights": [],
    "session_seconds": None,
    "default_encryption_needs_decrypt": False,
}


@pytest.fixture(autouse=True)
def no_faults_left(endpoint: str) -> Iterator[None]:
    yield
    requests.delete(f"{endpoint}/_sandbox/faults", timeout=seconds(30)).raise_for_status()


def client(aws: Account, service: str, region: str = "us-east-1") -> Any:
    """A client that tries once."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the types know literal names only
        region_name=region,
        endpoint_url=aws.endpoint,
        aws_access_key_id=aws.number,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=200),
    )


def outcome(aws: Account, trail: str, call: str = "get_trail") -> str:
    """What a call about a trail comes to."""
    try:
        getattr(client(aws, "cloudtrail"), call)(Name=trail)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except HTTPClientError:
        return "no answer"
    return "ok"


# Faults.


def test_an_error_before(aws: Account, trail: str, refused: Refused) -> None:
    aws.fault(service="cloudtrail", operation="StartLogging", error="ThrottlingException", message="slow down", count=1)
    with refused("ThrottlingException", "slow down"):
        client(aws, "cloudtrail").start_logging(Name=trail)
    assert aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"] is False


def test_an_error_after(aws: Account, trail: str, refused: Refused) -> None:
    aws.fault(service="cloudtrail", operation="StartLogging", error="InternalFailure", when="after", count=1)
    with refused("InternalFailure"):
        client(aws, "cloudtrail").start_logging(Name=trail)
    assert aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"] is True


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_a_lost_answer(aws: Account, trail: str, when: str, took_effect: bool) -> None:
    aws.fault(service="cloudtrail", operation="StartLogging", drop=True, when=when, count=1)
    with pytest.raises(HTTPClientError):
        client(aws, "cloudtrail").start_logging(Name=trail)
    assert aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"] is took_effect


def test_a_delay_is_no_error(aws: Account, trail: str) -> None:
    aws.fault(service="cloudtrail", operation=OURS, delay=0.5, count=1)
    begin = time.monotonic()
    assert outcome(aws, trail) == "ok"
    assert time.monotonic() - begin >= 0.5


def while_it_waits(
    aws: Account, operation: str, call: Callable[[], object], look: Callable[[], Any], **fault: Any
) -> Any:
    """What `look` finds while a call is held up by a fault; where the call had ended by then, the next waits longer."""
    for delay in (1, 5, 25, 125):
        since = calls(aws.endpoint)["next"]
        aws.fault(service="cloudtrail", operation=operation, delay=delay, count=1, **fault)
        thread = threading.Thread(target=call)
        thread.start()
        eventually("the call has come", lambda: any(one["operation"] == operation for one in aws.calls(since)))  # noqa: B023
        found = look()
        was_in_time = thread.is_alive()
        thread.join()
        if was_in_time:
            return found
    raise AssertionError(f"{operation} never waited long enough to look")


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_a_delay_before_an_answer_is_lost(aws: Account, trail: str, when: str, took_effect: bool) -> None:
    answers: list[str] = []

    def start_logging() -> None:
        aws.cloudtrail.stop_logging(Name=trail)
        answers.append(outcome(aws, trail, call="start_logging"))

    def is_logging() -> bool:
        return bool(aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"])

    assert while_it_waits(aws, "StartLogging", start_logging, is_logging, drop=True, when=when) is took_effect
    assert set(answers) == {"no answer"}
    assert is_logging() is took_effect


def test_ending_a_fault_releases_what_it_holds(aws: Account, trail: str) -> None:
    aws.fault(service="cloudtrail", operation=OURS, delay=600, count=1)
    held = threading.Thread(target=outcome, args=(aws, trail))
    held.start()
    while not any(call["operation"] == OURS for call in aws.calls()):
        assert held.is_alive()
    aws.no_faults()
    held.join()
    assert [call["answered"] for call in aws.calls() if call["operation"] == OURS] == [True]


def test_skip_and_count(aws: Account, trail: str) -> None:
    aws.fault(service="cloudtrail", operation=OURS, error="InternalFailure", skip=2, count=2)
    assert [outcome(aws, trail) for _ in range(6)] == ["ok", "ok", "InternalFailure", "InternalFailure", "ok", "ok"]


def test_without_count_until_further_notice(aws: Account, trail: str) -> None:
    aws.fault(service="cloudtrail", operation=OURS, error="InternalFailure")
    assert [outcome(aws, trail) for _ in range(4)] == ["InternalFailure"] * 4
    aws.no_faults()
    assert outcome(aws, trail) == "ok"


def test_every_operation_of_a_service(aws: Account, trail: str, refused: Refused) -> None:
    aws.fault(service="cloudtrail", operation="*", error="ConflictException")
    cloudtrail = client(aws, "cloudtrail")
    for call in (cloudtrail.list_trails, lambda: cloudtrail.stop_logging(Name=trail)):
        with refused("ConflictException"):
            call()
    client(aws, "sts").get_caller_identity()


def test_every_service(aws: Account, refused: Refused) -> None:
    aws.fault(service="*", operation="*", error="UnrecognizedClientException")
    with refused("UnrecognizedClientException"):
        client(aws, "cloudtrail").list_trails()
    with refused("UnrecognizedClientException"):
        client(aws, "sts").get_caller_identity()


def test_other_accounts_and_regions_are_spared(aws: Account, another: Account, refused: Refused) -> None:
    aws.fault(service="cloudtrail", operation="ListTrails", error="InternalFailure", region="eu-west-1")
    client(aws, "cloudtrail").list_trails()
    client(another, "cloudtrail", "eu-west-1").list_trails()
    with refused("InternalFailure"):
        client(aws, "cloudtrail", "eu-west-1").list_trails()


def test_faults_of_one_account_can_be_ended(aws: Account, another: Account, refused: Refused) -> None:
    for account in (aws, another):
        account.fault(service="cloudtrail", operation="ListTrails", error="InternalFailure")
    aws.no_faults()
    client(aws, "cloudtrail").list_trails()
    with refused("InternalFailure"):
        client(another, "cloudtrail").list_trails()


def test_the_oldest_fault_hits_first(aws: Account, trail: str) -> None:
    aws.fault(service="cloudtrail", operation=OURS, error="ConflictException", count=1)
    aws.fault(service="cloudtrail", operation=OURS, error="InternalFailure", count=1)
    assert [outcome(aws, trail) for _ in range(3)] == ["ConflictException", "InternalFailure", "ok"]


ELSEWHERE: list[tuple[str, str, dict[str, Any], str, int]] = [
    ("s3", "GetBucketPolicy", {"Bucket": "some-bucket"}, "AccessDenied", 403),
    ("s3", "PutObject", {"Bucket": "some-bucket", "Key": "key", "Body": b"x"}, "SlowDown", 503),
    ("sts", "GetCallerIdentity", {}, "ExpiredToken", 403),
    ("iam", "GetRole", {"RoleName": "role"}, "ServiceUnavailable", 503),
    ("kms", "DescribeKey", {"KeyId": "key"}, "AccessDeniedException", 400),
    ("sns", "GetTopicAttributes", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t"}, "InternalError", 500),
    ("logs", "DescribeLogGroups", {}, "ThrottlingException", 400),
    ("sqs", "ListQueues", {}, "InternalFailure", 500),
    ("events", "ListRules", {}, "InternalException", 400),
    ("organizations", "DescribeOrganization", {}, "TooManyRequestsException", 400),
]


def test_a_web_identitys_call_is_one_of_its_roles_account(aws: Account, another: Account) -> None:
    aws.fault(service="sts", operation="AssumeRoleWithWebIdentity", error="AccessDenied")
    assert _assumes_with_web_identity(another) == "ok"
    assert _assumes_with_web_identity(aws) == "AccessDenied"
    assert aws.calls()[-1]["operation"] == "AssumeRoleWithWebIdentity"


def _assumes_with_web_identity(account: Account) -> str:
    arn = f"arn:aws:iam::{account.number}:role/operator"
    call = account.client("sts").assume_role_with_web_identity
    return outcome_of(call, RoleArn=arn, RoleSessionName="tests", WebIdentityToken="eyJ.a.token")


@pytest.mark.parametrize(("service", "operation", "parameters", "code", "status"), ELSEWHERE)
def test_faults_speak_every_protocol(
    aws: Account, service: str, operation: str, parameters: dict[str, Any], code: str, status: int
) -> None:
    aws.fault(service=service, operation=operation, error=code, message="for a test", count=1)
    one = client(aws, service)
    with pytest.raises(ClientError) as caught:
        one._make_api_call(operation, parameters)
    error = caught.value.response
    assert (error["Error"]["Code"], error["Error"]["Message"]) == (code, "for a test")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(("when", "took_effect"), [("before", False), ("after", True)])
def test_an_answer_that_is_none_of_aws(aws: Account, trail: str, when: str, took_effect: bool) -> None:
    page = "<html>Please log in</html>"
    fault = {"service": "cloudtrail", "operation": "StartLogging", "when": when, "count": 2}
    aws.fault(**fault, status=502, contentType="text/html; charset=utf-8", body=page)
    told: list[tuple[int, str, bytes]] = []

    def note(http_response: Any, **_: Any) -> None:
        told.append((http_response.status_code, http_response.headers["content-type"], http_response.content))

    one = client(aws, "cloudtrail")
    one.meta.events.register("after-call", note)
    with pytest.raises(ClientError):
        one.start_logging(Name=trail)
    assert told == [(502, "text/html; charset=utf-8", page.encode())]
    assert aws.cloudtrail.get_trail_status(Name=trail)["IsLogging"] is took_effect
    aws.no_faults()
    aws.fault(service="cloudtrail", operation="GetTrail", body="", count=1)
    assert "Trail" not in one.get_trail(Name=trail), "botocore makes an empty answer of nothing"
    assert told[1:] == [(200, "text/html", b"")]
    assert one.get_trail(Name=trail)["Trail"]["TrailARN"] == trail


def test_a_lost_answer_of_another_service(aws: Account) -> None:
    aws.fault(service="s3", operation="CreateBucket", drop=True, when="after", count=1)
    with pytest.raises(HTTPClientError):
        client(aws, "s3").create_bucket(Bucket=f"lost-{aws.number}")
    client(aws, "s3").head_bucket(Bucket=f"lost-{aws.number}")


BAD_FAULTS: list[tuple[Any, str]] = [
    ([], "a fault is a JSON object"),
    ({}, "service is missing"),
    ({"service": "s3"}, "needs an error, an answer (status, contentType, body), a delay or drop"),
    ({"service": "s3", "status": 200, "error": "X"}, "status and error exclude each other"),
    ({"service": "s3", "body": "", "drop": True}, "body and drop exclude each other"),
    ({"service": "s3", "status": 99}, "status must be an HTTP status from 200 to 599"),
    ({"service": "s3", "status": True}, "status must be an HTTP status"),
    ({"service": "s3", "contentType": "text/html\r\nX: y"}, "contentType must be a media type"),
    ({"service": "s3", "body": 1}, "body must be text"),
    ({"service": "s3", "eror": "X"}, "unknown: eror"),
    ({"service": "s3", "error": "X", "drop": True}, "exclude each other"),
    ({"service": "s3", "drop": "yes"}, "drop must be true or false"),
    ({"service": "s3", "drop": True, "when": "during"}, "when must be before or after"),
    ({"service": "s3", "delay": -1}, "delay must be a number of seconds"),
    ({"service": "s3", "drop": True, "count": 0}, "count must be a number of calls, at least 1"),
    ({"service": "s3", "drop": True, "skip": 1.5}, "skip must be a number of calls"),
    ({"service": "s3", "drop": True, "account": "12"}, "account must be 12 digits"),
]


@pytest.mark.parametrize(("body", "words"), BAD_FAULTS)
def test_bad_faults_are_told_why(endpoint: str, body: Any, words: str) -> None:
    answer = requests.post(f"{endpoint}/_sandbox/faults", json=body, timeout=seconds(30))
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_nulls_of_the_contract_are_defaults(aws: Account, trail: str) -> None:
    aws.fault(
        service="cloudtrail",
        operation=OURS,
        error=None,
        message=None,
        when="after",
        delay=0,
        drop=True,
        skip=0,
        count=1,
        region=None,
    )
    assert [outcome(aws, trail), outcome(aws, trail)] == ["no answer", "ok"]


# Calls.


def calls(endpoint: str, since: int = 0, **parameters: Any) -> dict[str, Any]:
    answer = requests.get(f"{endpoint}/_sandbox/calls", params={"since": since, **parameters}, timeout=seconds(30))
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def test_what_a_call_tells(aws: Account, trail: str) -> None:
    before = datetime.now(UTC)
    client(aws, "cloudtrail", "eu-west-1").list_trails()
    call = aws.calls()[-1]
    assert call.pop("sequence") >= 0
    assert before <= datetime.fromisoformat(call.pop("time")) <= datetime.now(UTC)
    assert call == {
        "account": aws.number,
        "region": "eu-west-1",
        "service": "cloudtrail",
        "operation": "ListTrails",
        "parameters": {},
        "error": None,
        "caller": f"arn:aws:iam::{aws.number}:root",
        "answered": True,
    }


def test_calls_of_all_services_in_their_order_with_parameters(aws: Account) -> None:
    bucket = f"calls-{aws.number}"
    aws.bucket(bucket, "trail")
    aws.client("s3").get_bucket_policy(Bucket=bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="a/b", Body=b"content")
    aws.client("sts").get_caller_identity()
    aws.topic("notify", "trail")
    aws.client("iam").list_roles(PathPrefix="/x/")
    made = [(call["service"], call["operation"]) for call in aws.calls()]
    assert made == [
        ("s3", "CreateBucket"),
        ("s3", "PutBucketPolicy"),
        ("s3", "GetBucketPolicy"),
        ("s3", "PutObject"),
        ("sts", "GetCallerIdentity"),
        ("sns", "CreateTopic"),
        ("sns", "SetTopicAttributes"),
        ("iam", "ListRoles"),
    ]
    parameters = {call["operation"]: call["parameters"] for call in aws.calls()}
    assert parameters["CreateTopic"] == {"Name": "notify"}
    assert parameters["ListRoles"] == {"PathPrefix": "/x/"}
    assert parameters["PutObject"]["Key"] == "a/b"


def test_errors_of_all_services_are_told(aws: Account) -> None:
    for service, operation, parameters in (
        ("cloudtrail", "get_trail", {"Name": "gone"}),
        ("s3", "get_bucket_policy", {"Bucket": f"none-{aws.number}"}),
        ("iam", "get_role", {"RoleName": "gone"}),
        ("kms", "describe_key", {"KeyId": "alias/gone"}),
        ("sns", "get_topic_attributes", {"TopicArn": aws.trail_arn("x").replace("cloudtrail", "sns")}),
    ):
        with pytest.raises(ClientError):
            getattr(client(aws, service), operation)(**parameters)
    assert [call["error"] for call in aws.calls()] == [
        "TrailNotFoundException",
        "NoSuchBucket",
        "NoSuchEntity",
        "NotFoundException",
        "NotFound",
    ]


def test_secrets_and_bodies_are_not_kept(aws: Account) -> None:
    secret = "correct-horse-battery"
    bucket = aws.bucket(f"secret-{aws.number}", "trail")
    aws.client("s3").put_object(
        Bucket=bucket, Key="k", Body=secret.encode(), SSECustomerKey="k" * 32, SSECustomerAlgorithm="AES256"
    )
    iam = aws.client("iam")
    iam.create_user(UserName="user")
    iam.create_login_profile(UserName="user", Password=secret)
    key = aws.key("trail")
    aws.client("kms").encrypt(KeyId=key, Plaintext=secret.encode())
    text = requests.get(f"{aws.endpoint}/_sandbox/calls", params={"account": aws.number}, timeout=seconds(30)).text
    assert "CreateLoginProfile" in text
    assert secret not in text
    assert "k" * 32 not in text
    assert "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5" not in text


def test_a_call_is_listed_from_its_arrival_on(aws: Account, trail: str) -> None:
    def answered() -> list[bool]:
        return [call["answered"] for call in aws.calls() if call["operation"] == OURS]

    *_, last = while_it_waits(aws, OURS, lambda: outcome(aws, trail), answered)
    assert last is False
    assert set(answered()) == {True}


def test_calls_since(aws: Account, endpoint: str) -> None:
    client(aws, "cloudtrail").list_trails()
    then = calls(endpoint)["next"]
    client(aws, "cloudtrail").describe_trails()
    new = calls(endpoint, since=then)
    assert [(call["sequence"], call["operation"]) for call in new["calls"]] == [(then, "DescribeTrails")]
    assert new["next"] == then + 1
    assert calls(endpoint, since=new["next"]) == {"calls": [], "next": then + 1}


def test_calls_of_one_account(aws: Account, another: Account, endpoint: str) -> None:
    client(aws, "cloudtrail").list_trails()
    client(another, "cloudtrail").describe_trails()
    assert [call["operation"] for call in calls(endpoint, account=another.number)["calls"]] == ["DescribeTrails"]


def test_emptying_the_list(aws: Account, endpoint: str) -> None:
    client(aws, "cloudtrail").list_trails()
    then = calls(endpoint)["next"]
    requests.delete(f"{endpoint}/_sandbox/calls", timeout=seconds(30)).raise_for_status()
    assert calls(endpoint) == {"calls": [], "next": then}
    client(aws, "cloudtrail").list_trails()
    assert [call["sequence"] for call in calls(endpoint)["calls"]] == [then]


def test_a_bad_since(endpoint: str) -> None:
    answer = requests.get(f"{endpoint}/_sandbox/calls", params={"since": "yesterday"}, timeout=seconds(30))
    assert (answer.status_code, "since must be a number" in answer.json()["error"]) == (400, True)


# Settings, rounds, reset.


def test_settings_are_set_one_by_one(endpoint: str) -> None:
    url = f"{endpoint}/_sandbox/settings"
    assert requests.get(url, timeout=seconds(30)).json() == SETTINGS | {"rates": False}
    put_settings(endpoint, stale_reads=0.5)
    assert requests.get(url, timeout=seconds(30)).json() == SETTINGS | {"rates": False, "stale_reads": 0.5}
    put_settings(endpoint, event_delivery={"drop": 0.5, "seed": 3}, stale_reads=0)
    changed = requests.get(url, timeout=seconds(30)).json()
    assert changed["event_delivery"] == {"drop": 0.5, "double": 0, "reorder": 0, "delay": 0, "seed": 3}
    put_settings(endpoint, event_delivery={"delay": 2}, quotas=True, rates=False)
    assert requests.get(url, timeout=seconds(30)).json()["event_delivery"]["drop"] == 0, "set as a whole"
    put_settings(endpoint, event_delivery=None)
    assert requests.get(url, timeout=seconds(30)).json() == SETTINGS | {"rates": False}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "settings are a JSON object"),
        ({"speed": 3}, "unknown: speed; there are background, quotas, rates, stale_reads"),
        ({"rates": 1}, "rates must be true or false"),
        ({"stale_reads": -1}, "stale_reads must be a number of seconds"),
        ({"stale_reads": True}, "stale_reads must be a number of seconds"),
        ({"alarm_period_seconds": 0}, "alarm_period_seconds must be a number of seconds above 0, at most 86400"),
        ({"alarm_period_seconds": "2"}, "alarm_period_seconds must be a number of seconds above 0"),
        ({"iam_propagation": None}, "iam_propagation must be a number of seconds"),
        ({"trail_loading": 601}, "trail_loading must be a number of seconds, at most 600"),
        ({"regions_without_insights": "eu-west-1"}, "regions_without_insights must be a list of regions"),
        ({"regions_without_log_delivery": ["mars"]}, "regions_without_log_delivery must be a list of regions"),
        ({"regions_without_log_delivery": [["eu-west-1"]]}, "regions_without_log_delivery must be a list of regions"),
        ({"default_encryption_needs_decrypt": 1}, "default_encryption_needs_decrypt must be true or false"),
        ({"event_delivery": 0.5}, "event_delivery must be an object of drop, double, reorder, delay, seed"),
        ({"event_delivery": []}, "event_delivery must be an object of drop, double, reorder, delay, seed"),
        ({"event_delivery": {"lose": 1}}, "event_delivery must be an object of drop, double, reorder, delay, seed"),
        ({"event_delivery": {"drop": 1.1}}, "event_delivery.drop must be a share from 0 to 1"),
        ({"event_delivery": {"reorder": True}}, "event_delivery.reorder must be a share from 0 to 1"),
        ({"event_delivery": {"delay": -1}}, "event_delivery.delay must be a number of seconds, at most 3600"),
        ({"event_delivery": {"seed": 0.5}}, "event_delivery.seed must be an integer"),
        ({"lookup_lag": -1}, "lookup_lag must be a number of seconds, at most 3600"),
        ({"session_seconds": -1}, "session_seconds must be a number of seconds, at most 43200, or null"),
    ],
)
def test_bad_settings_are_told_why(endpoint: str, body: Any, words: str) -> None:
    answer = requests.put(f"{endpoint}/_sandbox/settings", json=body, timeout=seconds(30))
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_a_delivery_round(aws: Account, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    aws.deliver()
    assert "LatestDeliveryTime" in aws.cloudtrail.get_trail_status(Name=trail)


def test_a_delivery_round_of_one_account_leaves_the_others_alone(aws: Account, another: Account, trail: str) -> None:
    aws.cloudtrail.start_logging(Name=trail)
    another.deliver()
    assert "LatestDeliveryTime" not in aws.cloudtrail.get_trail_status(Name=trail)
    requests.post(f"{aws.endpoint}/_sandbox/deliver", timeout=seconds(60)).raise_for_status()
    assert "LatestDeliveryTime" in aws.cloudtrail.get_trail_status(Name=trail), "without an account it is of all"


def test_what_is_not_there(endpoint: str) -> None:
    assert requests.get(f"{endpoint}/_sandbox/nothing", timeout=seconds(30)).status_code == 404
    assert requests.get(f"{endpoint}/_sandbox/faults", timeout=seconds(30)).status_code == 405
    assert requests.post(f"{endpoint}/_sandbox/faults", data="{", timeout=seconds(30)).status_code == 400


def test_reset_forgets_everything(aws: Account, bucket: str, trail: str, endpoint: str, refused: Refused) -> None:
    aws.fault(service="cloudtrail", operation="*", error="InternalFailure")
    put_settings(endpoint, background=True, quotas=False, stale_reads=7, iam_propagation=7, session_seconds=7)
    put_settings(endpoint, default_encryption_needs_decrypt=True, event_delivery={"drop": 1}, lookup_lag=7)
    put_settings(endpoint, alarm_period_seconds=7)
    requests.post(f"{endpoint}/_sandbox/reset", timeout=seconds(30)).raise_for_status()
    settings = requests.get(f"{endpoint}/_sandbox/settings", timeout=seconds(30)).json()
    put_settings(endpoint, rates=False)
    assert settings == SETTINGS
    assert calls(endpoint)["calls"] == []
    assert aws.trails() == []
    with refused("404"):
        aws.client("s3").head_bucket(Bucket=bucket)
    aws.bucket(bucket, "trail")
    aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket)
