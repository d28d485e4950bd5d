"""AWS failing in every class: what the Trail says meanwhile, what is called, and that it heals."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory, owner
from tests.integration.kubernetes import Trails, trail
from tests.integration.process import Operator
from tests.patience import eventually, resync, seconds

NAME = "faulty"


def bucket(account: Account) -> str:
    return account.bucket(f"logs-{account.number}", NAME)


def count(account: Account, operation: str) -> int:
    return sum(call["operation"] == operation for call in account.calls())


def versions(trails: Trails) -> str:
    body = trails.get(NAME)
    assert body is not None
    return str(body["metadata"]["resourceVersion"])


# -- what passes by itself


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ("ThrottlingException", 30),
        ("InternalFailure", 30),
        ("ServiceUnavailable", 30),
        ("ConflictException", 90),  # with which AWS asks for minutes
    ],
)
def test_a_passing_fault_does_not_touch_ready(
    operator_process: OperatorFactory, account: Account, trails: Trails, error: str, seconds: float
) -> None:
    operator_process("--resync", resync(5))  # after three without an answer Ready may rightly be Unknown
    trails.create(trail(NAME, bucket(account)))
    trails.wait_ready(NAME)
    trails.wait_evaluated(NAME)
    before = versions(trails)
    account.fault(service="cloudtrail", operation="GetTrailStatus", error=error, message="for now", count=2)
    eventually("two failures", lambda: sum(call.get("error") == error for call in account.calls()) == 2, seconds)
    seen = count(account, "GetTrailStatus")
    eventually("two good reads", lambda: count(account, "GetTrailStatus") >= seen + 2, seconds)
    assert versions(trails) == before


def test_throttling_of_a_creation_is_told_and_waited_out(operator: Operator, account: Account, trails: Trails) -> None:
    account.fault(service="cloudtrail", operation="CreateTrail", error="ThrottlingException", message="slow", count=2)
    trails.create(trail(NAME, bucket(account)))
    condition = trails.wait_reason(NAME, "Throttled")
    assert condition["status"] == "False"
    assert trails.condition(NAME, "Reconciling")["status"] == "True"
    trails.wait_ready(NAME)
    assert trails.condition(NAME, "Reconciling") == {}


def test_drift_that_cannot_be_healed_yet_ends_ready(operator: Operator, account: Account, trails: Trails) -> None:
    trails.create(trail(NAME, bucket(account)))
    trails.wait_ready(NAME)
    account.fault(service="cloudtrail", operation="StartLogging", error="ThrottlingException", message="slow")
    account.cloudtrail.stop_logging(Name=NAME)
    trails.wait_reason(NAME, "Throttled")
    assert trails.condition(NAME, "Logging")["status"] == "False"
    body = trails.get(NAME)
    assert body is not None
    assert body["status"]["drift"] == [{"path": "isLogging", "desired": "true", "observed": "false"}]
    account.no_faults()
    ready = trails.wait_ready(NAME)
    assert "drift" not in ready["status"]


def test_long_silence_is_unknown_and_ends(operator_process: OperatorFactory, account: Account, trails: Trails) -> None:
    operator_process("--resync", resync(1))
    trails.create(trail(NAME, bucket(account)))
    trails.wait_ready(NAME)
    account.fault(service="cloudtrail", operation="*", drop=True, when="before")
    condition = trails.wait_reason(NAME, "AWSUnreachable")
    assert condition["status"] == "Unknown"
    assert trails.condition(NAME, "Logging")["status"] == "Unknown"
    account.no_faults()
    trails.wait_ready(NAME, 60)


def test_a_lost_answer_to_each_write_is_no_harm(operator: Operator, account: Account, trails: Trails) -> None:
    for operation in ("CreateTrail", "StartLogging"):
        account.fault(service="cloudtrail", operation=operation, drop=True, when="after", count=1)
    trails.create(trail(NAME, bucket(account)))
    trails.wait_ready(NAME)
    assert account.trails() == [account.trail_arn(NAME)]


# -- what only the spec can mend


def test_what_aws_refuses_for_good_is_stalled_and_not_asked_again(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running = operator_process("--resync", resync(0.5))
    made = bucket(account)
    account.fault(
        service="cloudtrail", operation="CreateTrail", error="InvalidS3PrefixException", message="No such prefix."
    )
    trails.create(trail(NAME, made))
    condition = trails.wait_reason(NAME, "InvalidSpec")
    assert "No such prefix." in condition["message"]
    assert trails.condition(NAME, "Stalled")["status"] == "True"
    seen = count(account, "GetTrail")
    eventually("ten resyncs", lambda: count(account, "GetTrail") >= seen + 10)
    running.stop()
    running.start()
    seen = count(account, "GetTrail")
    eventually("five more", lambda: count(account, "GetTrail") >= seen + 5)
    assert count(account, "CreateTrail") == 1
    account.no_faults()
    trails.change(NAME, tags=[{"key": "a", "value": "1"}])
    trails.wait_ready(NAME)
    assert trails.condition(NAME, "Stalled") == {}


def test_a_refused_update_does_not_keep_a_trail_silent(operator: Operator, account: Account, trails: Trails) -> None:
    trails.create(trail(NAME, bucket(account)))
    trails.wait_ready(NAME)
    account.fault(service="cloudtrail", operation="UpdateTrail", error="InvalidS3PrefixException", message="No.")
    trails.change(NAME, s3KeyPrefix="wrong")
    trails.wait_reason(NAME, "InvalidSpec")
    account.cloudtrail.stop_logging(Name=NAME)
    eventually("logging again", lambda: account.cloudtrail.get_trail_status(Name=NAME)["IsLogging"])
    assert count(account, "UpdateTrail") == 1


def test_a_missing_dependency_does_not_keep_a_trail_silent(
    operator: Operator, account: Account, trails: Trails
) -> None:
    trails.create(trail(NAME, bucket(account), isLogging=False))
    trails.wait_reason(NAME, "LoggingOff")
    trails.change(NAME, isLogging=True, s3KeyPrefix="no/policy/for/this")
    trails.wait_reason(NAME, "BucketPolicyDenies")
    assert account.cloudtrail.get_trail_status(Name=NAME)["IsLogging"]
    assert trails.condition(NAME, "Logging")["status"] == "True"


# -- who may do what


def test_a_denied_call_names_the_permission(operator: Operator, account: Account, trails: Trails) -> None:
    told = (
        f"User: arn:aws:iam::{account.number}:user/u is not authorized to perform: iam:PassRole on resource: r because "
        "no identity-based policy allows the iam:PassRole action"
    )
    account.fault(service="cloudtrail", operation="CreateTrail", error="AccessDeniedException", message=told)
    trails.create(trail(NAME, bucket(account)))
    condition = trails.wait_reason(NAME, "AccessDenied")
    assert "not allowed to perform iam:PassRole" in condition["message"]
    account.no_faults()
    trails.wait_ready(NAME, 60)


def test_a_denial_by_the_organization_has_a_reason_of_its_own(
    operator: Operator, account: Account, trails: Trails
) -> None:
    told = "is not authorized to perform: cloudtrail:CreateTrail with an explicit deny in a service control policy"
    account.fault(service="cloudtrail", operation="CreateTrail", error="AccessDeniedException", message=told)
    trails.create(trail(NAME, bucket(account)))
    assert "cloudtrail:CreateTrail" in trails.wait_reason(NAME, "DeniedByOrganization")["message"]


def test_a_policy_that_may_not_be_read_is_printed_whole_and_called_unverified(
    operator: Operator, account: Account, trails: Trails
) -> None:
    account.fault(service="s3", operation="GetBucketPolicy", error="AccessDenied", message="Access Denied")
    name = f"logs-{account.number}"
    account.client("s3").create_bucket(Bucket=name)
    trails.create(trail(NAME, name))
    message = trails.wait_reason(NAME, "BucketPolicyDenies")["message"]
    assert "Cannot verify" in message
    assert "s3:GetBucketPolicy" in message
    assert "AWSCloudTrailWrite20150319" in message
    assert "AWSCloudTrailAclCheck20150319" in message


def test_another_accounts_credentials_write_nothing(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running = operator_process()
    trails.create(trail(NAME, bucket(account)))
    trails.wait_ready(NAME)
    running.stop()
    stranger = Account(account.endpoint, f"{int(account.number) + 500_000_000_000:012d}")
    other = operator_process(AWS_ACCESS_KEY_ID=stranger.number)
    condition = trails.wait_reason(NAME, "IdentityMismatch")
    assert account.number in condition["message"]
    assert stranger.number in condition["message"]
    trails.change(NAME, s3KeyPrefix="x")
    trails.wait_reason(NAME, "IdentityMismatch")
    assert {call["operation"] for call in stranger.calls()} == {"GetCallerIdentity"}
    other.stop()


# -- where the trail is


def test_another_region_makes_no_second_trail(
    operator_process: OperatorFactory, account: Account, trails: Trails
) -> None:
    running = operator_process()
    trails.create(trail(NAME, bucket(account), isMultiRegionTrail=False))
    trails.wait_ready(NAME)
    running.stop()
    running = operator_process("--region", "eu-west-1")
    condition = trails.wait_reason(NAME, "WrongHomeRegion")
    assert REGION in condition["message"]
    assert account.trails() == [account.trail_arn(NAME)]
    trails.change(NAME, region=REGION)
    trails.wait_ready(NAME)
    trails.delete(NAME)
    trails.wait_gone(NAME)


def test_a_name_held_by_a_shadow_is_a_conflict(operator: Operator, account: Account, trails: Trails) -> None:
    made = bucket(account)
    document = account.bucket_document(made, NAME)
    text = str(document).replace(f":{REGION}:", ":eu-west-1:").replace("'", '"')
    account.client("s3").put_bucket_policy(Bucket=made, Policy=text)
    account.client("cloudtrail", "eu-west-1").create_trail(Name=NAME, S3BucketName=made, IsMultiRegionTrail=True)
    account.bucket_policy(made, NAME)
    trails.create(trail(NAME, made))
    condition = trails.wait_reason(NAME, "Conflict")
    assert account.trail_arn(NAME, "eu-west-1") in condition["message"]
    assert account.trails() == [account.trail_arn(NAME, "eu-west-1")]


def test_a_full_region_is_told_and_creation_resumes(operator: Operator, account: Account, trails: Trails) -> None:
    made = bucket(account)
    for number in range(5):
        other = f"other-{number}"
        account.bucket_policy(made, other)
        account.cloudtrail.create_trail(Name=other, S3BucketName=made)
    account.bucket_policy(made, NAME)
    trails.create(trail(NAME, made))
    assert "AWS allows five" in trails.wait_reason(NAME, "QuotaExceeded")["message"]
    account.cloudtrail.delete_trail(Name="other-0")
    trails.wait_ready(NAME, 60)


# -- delivery


def test_delivery_that_breaks_is_told_with_the_missing_statement_and_heals(
    operator: Operator, account: Account, trails: Trails
) -> None:
    made = bucket(account)
    trails.create(trail(NAME, made))
    trails.wait_ready(NAME)
    account.deliver()
    account.client("s3").delete_bucket_policy(Bucket=made)
    account.deliver()
    condition = trails.wait_reason(NAME, "DeliveryFailing")
    assert "S3 AccessDenied" in condition["message"]
    assert "AWSCloudTrailWrite20150319" in condition["message"]
    body = trails.get(NAME)
    assert body is not None
    assert ("S3", "AccessDenied") in {(entry["destination"], entry["error"]) for entry in body["status"]["delivery"]}
    assert trails.condition(NAME, "Synced")["status"] == "True"
    assert trails.condition(NAME, "Delivering")["status"] == "False"
    account.bucket_policy(made, NAME)
    account.deliver()
    ready = trails.wait_ready(NAME, 60)
    assert "delivery" not in ready["status"]


# -- an AWS that answers late what it has already done


@pytest.fixture
def stale(tmp_path: Path, account: Account) -> Iterator[Account]:
    """The account in an AWS of its own, whose reads show a write only after three seconds."""
    log = (tmp_path / "aws.log").open("wb")
    port = str(_free_port())
    command = [sys.executable, "-m", "trail_sandbox.aws", "--no-background", "--host", "127.0.0.1", "--port", port]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    endpoint = f"http://127.0.0.1:{port}"

    def up() -> bool:
        try:
            return requests.get(f"{endpoint}/_sandbox/health", timeout=1).ok
        except requests.ConnectionError:
            return False

    eventually("AWS answers", up)
    settings = {"quotas": True, "rates": True, "stale_reads": 3}
    requests.put(f"{endpoint}/_sandbox/settings", json=settings, timeout=seconds(5)).raise_for_status()
    yield Account(endpoint, account.number)
    process.terminate()
    process.wait()
    log.close()


def test_stale_reads_cause_no_second_write_and_no_false_ready(
    operator_process: OperatorFactory, stale: Account, trails: Trails
) -> None:
    operator_process(AWS_ENDPOINT_URL=stale.endpoint)
    made = bucket(stale)
    trails.create(trail(NAME, made, tags=[{"key": "a", "value": "1"}]))
    trails.wait_ready(NAME, 60)
    found = stale.trail(NAME)
    assert found is not None
    assert found["IsLogging"]
    assert found["Tags"] == {"a": "1", **owner(trails, NAME)}
    stale.bucket_policy(made, NAME, "p")
    trails.change(NAME, s3KeyPrefix="p", tags=[{"key": "b", "value": "2"}])
    trails.wait_ready(NAME, 60)
    assert [call["operation"] for call in stale.writes()] == [
        "CreateTrail",
        "StartLogging",
        "RemoveTags",
        "AddTags",
        "UpdateTrail",
    ]
    trails.delete(NAME)
    trails.wait_gone(NAME, 60)
    eventually("no trail is left", lambda: stale.trails() == [])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
