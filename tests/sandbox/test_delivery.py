"""Delivery: records, names, digests and their signatures, and what reaches bucket, topic and log group."""

import gzip
import hashlib
import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from tests.sandbox.emulation import ABROAD, HOME, START, Emulated, caller, event, record
from trail_sandbox.aws.delivery.classification import is_management, is_read_only, region_of
from trail_sandbox.aws.delivery.entry import entries_of
from trail_sandbox.aws.delivery.names import Place
from trail_sandbox.aws.delivery.record import user_identity
from trail_sandbox.aws.delivery.selection import Selection
from trail_sandbox.aws.trails import Trail
from trail_sandbox.aws.world import Bucket, World


@pytest.fixture
def aws_state() -> Emulated:
    return Emulated()


# --- records -----------------------------------------------------------------------------------------------------


def test_a_record_has_the_members_of_version_1_11_in_their_order() -> None:
    written = record(event(parameters={"Name": "main", "S3BucketName": "b", "TagsList": [{"Key": "a"}]}))
    assert list(written) == [
        *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress"),
        *("userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "eventType"),
        *("managementEvent", "recipientAccountId", "eventCategory"),
    ]
    assert written | {"eventID": "", "userIdentity": {}} == {
        "eventVersion": "1.11",
        "userIdentity": {},
        "eventTime": "2026-03-04T05:06:07Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "UpdateTrail",
        "awsRegion": HOME,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "Boto3",
        "requestParameters": {"name": "main", "s3BucketName": "b", "tagsList": [{"key": "a"}]},
        "responseElements": None,
        "requestID": "6b0b2b3a-0000-4000-8000-000000000000",
        "eventID": "",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    }


def test_a_write_tells_its_response_and_a_read_does_not() -> None:
    assert record(event(response={"TrailARN": "arn"}))["responseElements"] == {"trailARN": "arn"}
    assert record(event(operation="GetTrail", response={"Trail": {}}))["responseElements"] is None


def test_an_error_is_told_by_code_and_message() -> None:
    failed = record(event(error_code="TrailNotFoundException", error_message="Unknown trail", response={"a": "b"}))
    assert failed["errorCode"] == "TrailNotFoundException"
    assert failed["errorMessage"] == "Unknown trail"
    assert failed["responseElements"] is None
    assert "errorCode" not in record(event())


def test_parameters_of_s3_say_bucket_name_and_blobs_are_hidden() -> None:
    put_policy = event(
        service="s3", operation="PutBucketTagging", parameters={"Bucket": "b", "Policy": "{}", "X": b"1"}
    )
    assert record(put_policy)["requestParameters"] == {
        "bucketName": "b",
        "policy": "{}",
        "x": "HIDDEN_DUE_TO_SECURITY_REASONS",
    }


def test_no_parameters_are_null() -> None:
    assert record(event(parameters={}))["requestParameters"] is None


def test_identity_of_the_account_itself() -> None:
    assert user_identity(caller(), START) == {
        "type": "Root",
        "principalId": "111122223333",
        "arn": "arn:aws:iam::111122223333:root",
        "accountId": "111122223333",
        "accessKeyId": "AKIAEXAMPLE",
    }


def test_identity_of_a_user() -> None:
    told = user_identity(caller(resource="user/team/alice", principal_id="AIDAX"), START)
    assert (told["type"], told["userName"], told["principalId"]) == ("IAMUser", "alice", "AIDAX")


def test_identity_of_a_role_session() -> None:
    told = user_identity(caller(resource="assumed-role/auditor/nightly", principal_id="AROAX:nightly"), START)
    assert told["type"] == "AssumedRole"
    assert told["principalId"] == "AROAX:nightly"
    assert told["sessionContext"] == {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAX",
            "arn": "arn:aws:iam::111122223333:role/auditor",
            "accountId": "111122223333",
            "userName": "auditor",
        },
        "attributes": {"creationDate": "2026-03-04T05:06:07Z", "mfaAuthenticated": "false"},
    }


# --- kinds of events ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "expected"),
    [
        ("cloudtrail", "GetTrail", True),
        ("cloudtrail", "DescribeTrails", True),
        ("cloudtrail", "ListTags", True),
        ("cloudtrail", "LookupEvents", True),
        ("cloudtrail", "CreateTrail", False),
        ("cloudtrail", "StopLogging", False),
        ("s3", "HeadObject", True),
        ("sts", "AssumeRole", True),
        ("sts", "GetCallerIdentity", True),
        ("kms", "GenerateDataKeyWithoutPlaintext", True),
        ("kms", "Decrypt", True),
        ("kms", "CreateKey", False),
        ("iam", "PutRolePolicy", False),
    ],
)
def test_reads_and_writes(service: str, operation: str, expected: bool) -> None:
    assert is_read_only(event(service=service, operation=operation)) is expected


@pytest.mark.parametrize(
    ("service", "operation", "expected"),
    [
        ("s3", "CreateBucket", True),
        ("s3", "PutBucketPolicy", True),
        ("s3", "GetBucketAcl", True),
        ("s3", "ListBuckets", True),
        ("s3", "PutObjectLockConfiguration", True),
        ("s3", "PutObject", False),
        ("s3", "GetObject", False),
        ("s3", "DeleteObjects", False),
        ("s3", "ListObjectsV2", False),
        ("s3", "CreateMultipartUpload", False),
        ("s3", "HeadBucket", False),
        ("sns", "CreateTopic", True),
        ("sns", "Publish", False),
        ("sqs", "ReceiveMessage", False),
        ("logs", "PutLogEvents", False),
        ("kms", "Decrypt", True),
    ],
)
def test_management_and_data_events(service: str, operation: str, expected: bool) -> None:
    assert is_management(event(service=service, operation=operation)) is expected


def test_global_services_log_in_one_region_and_sts_where_it_was_called() -> None:
    assert region_of(event(service="iam", region=HOME)) == "us-east-1"
    assert region_of(event(service="sts", region=HOME)) == HOME


@pytest.mark.parametrize(
    ("trail", "service", "region", "selected"),
    [
        ({}, "kms", HOME, True),
        ({}, "kms", ABROAD, False),
        ({}, "iam", HOME, False),
        ({"home_region": "us-east-1"}, "iam", "us-east-1", True),
        ({"home_region": "us-east-1", "include_global_service_events": False}, "iam", "us-east-1", False),
        ({"is_multi_region_trail": True}, "kms", ABROAD, True),
        ({"is_multi_region_trail": True}, "iam", "us-east-1", True),
    ],
)
def test_which_events_a_trail_delivers(trail: dict[str, Any], service: str, region: str, selected: bool) -> None:
    members: dict[str, Any] = {"home_region": HOME, **trail}
    of_trail = Selection.of(Trail("t", "111122223333", s3_bucket_name="b", created=START, **members))
    [entry] = entries_of(event(service=service, operation="CreateKey", region=region), World())
    assert of_trail.selects(entry) is selected


# --- names -------------------------------------------------------------------------------------------------------


def test_log_file_names() -> None:
    pattern = (
        r"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04/"
        r"111122223333_CloudTrail_eu-west-1_20260304T0506Z_[A-Za-z0-9]{16}\.json\.gz"
    )
    assert re.fullmatch(pattern, Place(None, "111122223333", HOME).log_file(START))
    assert re.fullmatch("a/b/" + pattern, Place("a/b", "111122223333", HOME).log_file(START))


def test_digest_file_names() -> None:
    assert Place("p", "111122223333", ABROAD).digest_file("main", HOME, START) == (
        "p/AWSLogs/111122223333/CloudTrail-Digest/ap-southeast-2/2026/03/04/"
        "111122223333_CloudTrail-Digest_ap-southeast-2_main_eu-west-1_20260304T050607Z.json.gz"
    )


# --- log files ---------------------------------------------------------------------------------------------------


def test_what_happens_while_a_trail_logs_is_delivered(aws_state: Emulated) -> None:
    aws_state.happens(operation="CreateTrail")
    trail = aws_state.start()
    aws_state.happens(service="kms", operation="CreateKey")
    aws_state.round()
    aws_state.happens(operation="GetTrailStatus")
    aws_state.stop(trail)
    aws_state.happens(operation="DescribeTrails")
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging", "CreateKey", "GetTrailStatus", "StopLogging"]


def test_stopping_and_starting_between_two_rounds_leaves_out_what_was_between(aws_state: Emulated) -> None:
    trail = aws_state.start()
    aws_state.stop(trail)
    aws_state.happens(service="kms", operation="CreateKey")
    aws_state.change(trail.arn, "StartLogging", is_logging=True)
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging", "StopLogging", "StartLogging"]


def test_log_files_are_gzip_of_json_below_the_prefix_and_belong_to_the_buckets_owner(aws_state: Emulated) -> None:
    trail = aws_state.start(s3_key_prefix="audit")
    aws_state.round()
    [(key, delivered)] = aws_state.objects().items()
    assert key.startswith(f"audit/AWSLogs/{aws_state.account}/CloudTrail/{HOME}/2026/03/04/")
    assert delivered.metadata["content-encoding"] == "gzip"
    assert delivered.metadata["content-type"] == "application/json"
    assert json.loads(gzip.decompress(delivered.value))["Records"][0]["requestParameters"] == {"name": trail.name}


def test_status_tells_the_time_of_delivery(aws_state: Emulated) -> None:
    trail = aws_state.start()
    assert aws_state.status(trail).latest_delivery_time is None
    aws_state.round()
    assert aws_state.status(trail).latest_delivery_time == START
    aws_state.round()
    assert aws_state.status(trail).latest_delivery_time == START, "nothing was delivered since"


def test_data_events_are_not_delivered(aws_state: Emulated) -> None:
    aws_state.start()
    aws_state.happens(service="s3", operation="PutObject")
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging"]


def test_delivery_makes_no_events_of_its_own(aws_state: Emulated) -> None:
    aws_state.start(log_file_validation_enabled=True)
    aws_state.round()
    delivered = len(aws_state.objects())
    aws_state.round()
    aws_state.round()
    assert len(aws_state.objects()) == delivered


def test_a_single_region_trail_delivers_its_home_region(aws_state: Emulated) -> None:
    trail = aws_state.start()
    aws_state.happens(service="kms", operation="CreateKey", region=ABROAD)
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging"]
    assert aws_state.status(trail, ABROAD).latest_delivery_time is None


def test_a_multi_region_trail_delivers_every_region_into_its_own_folder(aws_state: Emulated) -> None:
    trail = aws_state.start(is_multi_region_trail=True)
    aws_state.happens(service="kms", operation="CreateKey", region=ABROAD)
    aws_state.happens(service="iam", operation="CreateRole", region=HOME)
    aws_state.round()
    assert aws_state.recorded(region=HOME) == ["StartLogging"]
    assert aws_state.recorded(region=ABROAD) == ["CreateKey"]
    assert aws_state.recorded(region="us-east-1") == ["CreateRole"]
    assert aws_state.status(trail, ABROAD).latest_delivery_time == START


def test_two_trails_tell_one_event_by_one_id(aws_state: Emulated) -> None:
    other = aws_state.make_bucket(f"more-{aws_state.account}")
    aws_state.start("one")
    aws_state.start("two", s3_bucket_name=other)
    aws_state.happens(service="kms", operation="CreateKey")
    aws_state.round()
    [first] = aws_state.files("CloudTrail").values()
    [second] = aws_state.files("CloudTrail", other).values()
    assert [one["eventName"] for one in first["Records"]] == ["StartLogging", "StartLogging", "CreateKey"]
    assert second["Records"] == first["Records"][1:]


def test_accounts_do_not_see_each_other(aws_state: Emulated) -> None:
    aws_state.start()
    aws_state.happens(service="kms", operation="CreateKey", caller=caller("999999999999"))
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging"]


def test_a_trail_made_anew_does_not_get_the_old_ones_events(aws_state: Emulated) -> None:
    trail = aws_state.start()
    aws_state.trails.delete(trail)
    aws_state.happens(operation="DeleteTrail")
    aws_state.clock.move(seconds=1)
    aws_state.start()
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging"]


def test_nothing_is_kept_where_no_trail_logs(aws_state: Emulated) -> None:
    trail = aws_state.start()
    aws_state.stop(trail)
    aws_state.round()
    aws_state.happens(service="kms", operation="CreateKey")
    aws_state.change(trail.arn, "StartLogging", is_logging=True)
    aws_state.round()
    assert "CreateKey" not in aws_state.recorded()


def test_a_fault_with_one_trail_costs_no_other_its_events(caplog: pytest.LogCaptureFixture) -> None:
    class FaultyWorld(World):
        def bucket(self, name: str) -> Bucket | None:
            if name == "faulty":
                raise RuntimeError(name)
            return super().bucket(name)

    emulated = Emulated(FaultyWorld())
    emulated.start("first", s3_bucket_name="faulty")
    emulated.start("second")
    emulated.round()
    assert emulated.recorded() == ["StartLogging"]
    assert "trail/first failed" in caplog.text


def test_clearing_forgets_what_waits(aws_state: Emulated) -> None:
    aws_state.start()
    aws_state.delivery.clear()
    aws_state.trails.clear()
    aws_state.round()
    assert aws_state.objects() == {}


# --- refusals ----------------------------------------------------------------------------------------------------


def test_a_broken_bucket_policy_shows_and_clears_when_mended_and_no_event_is_lost(aws_state: Emulated) -> None:
    trail = aws_state.start()
    aws_state.round()
    aws_state.deny(aws_state.bucket)
    aws_state.happens(service="kms", operation="CreateKey")
    aws_state.round()
    assert aws_state.status(trail).latest_delivery_error == "AccessDenied"
    assert aws_state.status(trail).latest_delivery_time == START
    aws_state.happens(service="kms", operation="DisableKey")
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging"]
    aws_state.allow(aws_state.bucket)
    mended = aws_state.clock()
    aws_state.round()
    assert aws_state.status(trail).latest_delivery_error is None
    assert aws_state.status(trail).latest_delivery_time == mended
    assert aws_state.recorded() == ["StartLogging", "CreateKey", "DisableKey"]


def test_a_bucket_that_is_gone(aws_state: Emulated) -> None:
    trail = aws_state.start(s3_bucket_name="never-made")
    aws_state.round()
    assert aws_state.status(trail).latest_delivery_error == "NoSuchBucket"


def test_events_refused_by_one_bucket_go_to_the_next(aws_state: Emulated) -> None:
    trail = aws_state.start(s3_bucket_name="never-made")
    aws_state.round()
    changed = aws_state.change(trail.arn, s3_bucket_name=aws_state.bucket)
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging", "UpdateTrail"]
    assert aws_state.status(changed).latest_delivery_error is None


def test_one_refused_region_keeps_no_other_from_delivering(aws_state: Emulated) -> None:
    only_home = f"arn:aws:s3:::{aws_state.bucket}/AWSLogs/{aws_state.account}/CloudTrail/{HOME}/*"
    aws_state.allow(aws_state.bucket, Resource=[f"arn:aws:s3:::{aws_state.bucket}", only_home])
    trail = aws_state.start(is_multi_region_trail=True)
    aws_state.happens(service="kms", operation="CreateKey", region=ABROAD)
    aws_state.round()
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging"]
    assert aws_state.status(trail).latest_delivery_error is None
    assert aws_state.status(trail, ABROAD).latest_delivery_error == "AccessDenied"
    aws_state.allow(aws_state.bucket)
    aws_state.round()
    assert aws_state.recorded(region=ABROAD) == ["CreateKey"]


def test_a_stopped_trail_still_delivers_what_was_refused(aws_state: Emulated) -> None:
    aws_state.deny(aws_state.bucket)
    trail = aws_state.start()
    aws_state.round()
    aws_state.stop(trail)
    aws_state.round()
    aws_state.allow(aws_state.bucket)
    aws_state.round()
    assert aws_state.recorded() == ["StartLogging", "StopLogging"]


def key_policy(*actions: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": list(actions),
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_log_files_are_encrypted_by_the_trails_key_and_digests_are_not(aws_state: Emulated) -> None:
    policy = key_policy("kms:GenerateDataKey*", "kms:DescribeKey")
    key = kms_backends[aws_state.account][HOME].create_key(policy, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [])
    aws_state.start(kms_key_arn=key.arn, log_file_validation_enabled=True)
    aws_state.round()
    encryption = {name.split("/")[2]: one.kms_key_id for name, one in aws_state.objects().items()}
    assert encryption == {"CloudTrail": key.arn, "CloudTrail-Digest": None}


def test_the_key_is_asked_each_time(aws_state: Emulated) -> None:
    keys = kms_backends[aws_state.account][HOME]
    allowing = key_policy("kms:GenerateDataKey*", "kms:DescribeKey")
    key = keys.create_key(allowing, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [])
    trail = aws_state.start(kms_key_arn=key.arn)
    status = aws_state.status(trail)
    keys.disable_key(key.id)
    aws_state.round()
    assert status.latest_delivery_error == "KMS.DisabledException"
    keys.enable_key(key.id)
    keys.put_key_policy(key.id, key_policy("kms:DescribeKey"))
    aws_state.round()
    assert status.latest_delivery_error == "AccessDenied"
    keys.put_key_policy(key.id, allowing)
    aws_state.round()
    assert status.latest_delivery_error is None


# --- digests -----------------------------------------------------------------------------------------------------


def verify(aws_state: Emulated, key: str, region: str = HOME) -> dict[str, Any]:
    """Check a digest's signature as AWS documents it, and the hashes of its log files; give its content."""
    delivered = aws_state.objects()[key]
    content = gzip.decompress(delivered.value)
    told: dict[str, Any] = json.loads(content)
    [public_key] = aws_state.delivery.public_keys(region)
    assert told["digestPublicKeyFingerprint"] == public_key.fingerprint
    signed = "\n".join(
        [
            told["digestEndTime"],
            f"{told['digestS3Bucket']}/{told['digestS3Object']}",
            hashlib.sha256(content).hexdigest(),
            told["previousDigestSignature"] or "null",
        ]
    )
    verifier = load_der_public_key(public_key.value)
    assert isinstance(verifier, RSAPublicKey)
    signature = bytes.fromhex(delivered.metadata["x-amz-meta-signature"])
    assert delivered.metadata["x-amz-meta-signature-algorithm"] == told["digestSignatureAlgorithm"] == "SHA256withRSA"
    verifier.verify(signature, signed.encode(), PKCS1v15(), SHA256())
    for file in told["logFiles"]:
        log = aws_state.objects(file["s3Bucket"])[file["s3Object"]]
        assert hashlib.sha256(gzip.decompress(log.value)).hexdigest() == file["hashValue"]
    return told


def test_the_first_digest_begins_a_chain(aws_state: Emulated) -> None:
    aws_state.start(log_file_validation_enabled=True)
    aws_state.clock.move(minutes=1)
    aws_state.happens(operation="GetTrail")
    aws_state.round()
    [log] = aws_state.files("CloudTrail")
    [key] = aws_state.files("CloudTrail-Digest")
    told = verify(aws_state, key)
    [file] = told.pop("logFiles")
    del told["digestPublicKeyFingerprint"]
    assert told == {
        "awsAccountId": aws_state.account,
        "digestStartTime": "2026-03-04T05:06:07Z",
        "digestEndTime": "2026-03-04T05:07:07Z",
        "digestS3Bucket": aws_state.bucket,
        "digestS3Object": key,
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": "2026-03-04T05:07:07Z",
        "oldestEventTime": "2026-03-04T05:06:07Z",
        "previousDigestS3Bucket": None,
        "previousDigestS3Object": None,
        "previousDigestHashValue": None,
        "previousDigestHashAlgorithm": None,
        "previousDigestSignature": None,
    }
    assert file == file | {
        "s3Bucket": aws_state.bucket,
        "s3Object": log,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": "2026-03-04T05:07:07Z",
        "oldestEventTime": "2026-03-04T05:06:07Z",
    }


def test_each_digest_carries_hash_and_signature_of_the_one_before(aws_state: Emulated) -> None:
    trail = aws_state.start(log_file_validation_enabled=True)
    for _ in range(3):
        aws_state.happens(operation="GetTrail")
        aws_state.round()
    chain = [(key, verify(aws_state, key)) for key in aws_state.files("CloudTrail-Digest")]
    assert len(chain) == 3
    for (before, first), (_, second) in itertools.pairwise(chain):
        content = gzip.decompress(aws_state.objects()[before].value)
        assert second["previousDigestS3Object"] == before
        assert second["previousDigestHashValue"] == hashlib.sha256(content).hexdigest()
        assert second["previousDigestHashAlgorithm"] == "SHA-256"
        metadata = aws_state.objects()[before].metadata
        assert second["previousDigestSignature"] == metadata["x-amz-meta-signature"]
        assert second["digestStartTime"] == first["digestEndTime"]
    assert aws_state.status(trail).latest_digest_delivery_time == START + timedelta(seconds=10)


def test_a_changed_digest_does_not_verify(aws_state: Emulated) -> None:
    aws_state.start(log_file_validation_enabled=True)
    aws_state.round()
    [(key, told)] = aws_state.files("CloudTrail-Digest").items()
    changed = gzip.compress(json.dumps(told | {"awsAccountId": "999999999999"}).encode())
    before = aws_state.objects()[key].metadata
    s3 = s3_backends[aws_state.account]["aws"]
    s3.put_object(aws_state.bucket, key, changed).set_metadata(dict(before))
    with pytest.raises(InvalidSignature):
        verify(aws_state, key)


def test_rounds_within_one_second_make_digests_of_their_own(aws_state: Emulated) -> None:
    aws_state.start(log_file_validation_enabled=True)
    for _ in range(3):
        aws_state.happens(operation="GetTrail")
        aws_state.delivery.run_round()
    assert len([verify(aws_state, key) for key in aws_state.files("CloudTrail-Digest")]) == 3


def test_an_empty_digest_comes_after_an_hour_or_when_asked_for(aws_state: Emulated) -> None:
    aws_state.start(log_file_validation_enabled=True)
    aws_state.round()
    aws_state.round()
    assert len(aws_state.files("CloudTrail-Digest")) == 1
    aws_state.round(was_asked_for=True)
    assert len(aws_state.files("CloudTrail-Digest")) == 2
    aws_state.clock.move(hours=1)
    aws_state.round()
    digests = list(aws_state.files("CloudTrail-Digest"))
    assert len(digests) == 3
    told = verify(aws_state, digests[-1])
    assert (told["logFiles"], told["newestEventTime"], told["oldestEventTime"]) == ([], None, None)


def test_stopping_ends_the_chain_with_what_was_delivered_last(aws_state: Emulated) -> None:
    trail = aws_state.start(log_file_validation_enabled=True)
    aws_state.round()
    aws_state.stop(trail)
    aws_state.round()
    started = aws_state.clock()
    aws_state.change(trail.arn, "StartLogging", is_logging=True, start_logging_time=started)
    aws_state.round()
    first, last, anew = (verify(aws_state, key) for key in aws_state.files("CloudTrail-Digest"))
    assert last["previousDigestS3Object"] == first["digestS3Object"]
    assert len(last["logFiles"]) == 1
    assert anew["previousDigestS3Object"] is None
    assert anew["digestStartTime"] == started.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_stopping_and_starting_between_two_rounds_ends_the_chain_too(aws_state: Emulated) -> None:
    trail = aws_state.start(log_file_validation_enabled=True)
    aws_state.round()
    aws_state.stop(trail)
    aws_state.change(trail.arn, "StartLogging", is_logging=True, start_logging_time=aws_state.clock())
    aws_state.round()
    aws_state.happens(operation="GetTrail")
    aws_state.round()
    _, anew, last = (verify(aws_state, key) for key in aws_state.files("CloudTrail-Digest"))
    assert anew["previousDigestS3Object"] is None
    assert last["previousDigestS3Object"] == anew["digestS3Object"]


def test_switching_validation_off_ends_the_chain(aws_state: Emulated) -> None:
    trail = aws_state.start(log_file_validation_enabled=True)
    aws_state.round()
    aws_state.change(trail.arn, log_file_validation_enabled=False)
    aws_state.round()
    assert len(aws_state.files("CloudTrail-Digest")) == 1
    again = aws_state.clock()
    aws_state.change(trail.arn, log_file_validation_enabled=True)
    aws_state.round()
    told = verify(aws_state, list(aws_state.files("CloudTrail-Digest"))[-1])
    assert told["previousDigestS3Object"] is None
    assert told["digestStartTime"] < again.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_each_region_has_its_chain_and_its_key(aws_state: Emulated) -> None:
    aws_state.start(is_multi_region_trail=True, log_file_validation_enabled=True)
    aws_state.happens(service="kms", operation="CreateKey", region=ABROAD)
    aws_state.round()
    regions = {key.split("/")[3]: key for key in aws_state.files("CloudTrail-Digest")}
    assert set(regions) == {HOME, ABROAD}
    for region, key in regions.items():
        verify(aws_state, key, region)
    assert f"_{ABROAD}_main_{HOME}_" in regions[ABROAD]
    assert aws_state.delivery.public_keys(HOME) != aws_state.delivery.public_keys(ABROAD)


def test_digests_fail_on_their_own(aws_state: Emulated) -> None:
    logs_only = f"arn:aws:s3:::{aws_state.bucket}/AWSLogs/{aws_state.account}/CloudTrail/*"
    aws_state.allow(aws_state.bucket, Resource=[f"arn:aws:s3:::{aws_state.bucket}", logs_only])
    trail = aws_state.start(log_file_validation_enabled=True)
    aws_state.round()
    assert aws_state.status(trail).latest_delivery_error is None
    assert aws_state.status(trail).latest_digest_delivery_error == "AccessDenied"
    aws_state.allow(aws_state.bucket)
    aws_state.round()
    assert aws_state.status(trail).latest_digest_delivery_error is None
    [key] = aws_state.files("CloudTrail-Digest")
    assert len(verify(aws_state, key)["logFiles"]) == 1


# --- notifications and log events --------------------------------------------------------------------------------


def make_topic(aws_state: Emulated, principal: str = "cloudtrail.amazonaws.com") -> str:
    topic = sns_backends[aws_state.account][HOME].create_topic("trail-events")
    topic.policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": principal},
                    "Action": "SNS:Publish",
                    "Resource": topic.arn,
                }
            ],
        }
    )
    return str(topic.arn)


def test_a_notification_names_the_log_file(aws_state: Emulated) -> None:
    topic = make_topic(aws_state)
    queue = sqs_backends[aws_state.account][HOME].create_queue("watch")
    sns_backends[aws_state.account][HOME].subscribe(topic, queue.queue_arn, "sqs")
    trail = aws_state.start(sns_topic_arn=topic)
    aws_state.round()
    [message] = sqs_backends[aws_state.account][HOME].receive_message("watch", 10, 0, 0)
    [key] = aws_state.objects()
    assert json.loads(json.loads(message.body)["Message"]) == {"s3Bucket": aws_state.bucket, "s3ObjectKey": [key]}
    assert aws_state.status(trail).latest_notification_time == START
    assert aws_state.status(trail).latest_notification_error is None


def test_a_subscriber_that_is_gone_is_no_error_of_the_topic(aws_state: Emulated) -> None:
    topic = make_topic(aws_state)
    queue = sqs_backends[aws_state.account][HOME].create_queue("watch")
    sns_backends[aws_state.account][HOME].subscribe(topic, queue.queue_arn, "sqs")
    sqs_backends[aws_state.account][HOME].delete_queue("watch")
    trail = aws_state.start(sns_topic_arn=topic)
    aws_state.round()
    assert aws_state.status(trail).latest_notification_time == START
    assert aws_state.status(trail).latest_notification_error is None


def test_refused_notifications_keep_no_log_file_back(aws_state: Emulated) -> None:
    trail = aws_state.start(sns_topic_arn=make_topic(aws_state, "config.amazonaws.com"))
    aws_state.round()
    assert aws_state.status(trail).latest_notification_error == "AuthorizationError"
    assert aws_state.status(trail).latest_delivery_error is None
    assert aws_state.recorded() == ["StartLogging"]
    make_topic(aws_state)
    aws_state.happens(operation="GetTrail")
    aws_state.round()
    assert aws_state.status(trail).latest_notification_error is None


def test_a_missing_topic_and_one_taken_off(aws_state: Emulated) -> None:
    trail = aws_state.start(sns_topic_arn=f"arn:aws:sns:{HOME}:{aws_state.account}:gone")
    aws_state.round()
    assert aws_state.status(trail).latest_notification_error == "NotFound"
    changed = aws_state.change(trail.arn, sns_topic_arn=None)
    aws_state.round()
    assert aws_state.status(changed).latest_notification_error is None


def make_log_group(aws_state: Emulated) -> dict[str, str]:
    aws_state.clock.now = datetime.now(UTC)  # CloudWatch Logs refuses events older than 14 days
    group = f"arn:aws:logs:{HOME}:{aws_state.account}:log-group:trail"
    logs_backends[aws_state.account][HOME].create_log_group("trail", {})
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam_backends[aws_state.account]["aws"].create_role(
        "logs", json.dumps({"Version": "2012-10-17", "Statement": [trust]}), "/", None, "", [], "3600"
    )
    may_write(aws_state, "Allow")
    return {"cloud_watch_logs_log_group_arn": f"{group}:*", "cloud_watch_logs_role_arn": str(role.arn)}


def may_write(aws_state: Emulated, effect: str) -> None:
    write = {"Effect": effect, "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [write]})
    iam_backends[aws_state.account]["aws"].put_role_policy("logs", "write", document)


def log_events(aws_state: Emulated) -> list[dict[str, Any]]:
    streams = logs_backends[aws_state.account][HOME].groups["trail"].streams
    [stream] = streams.values()
    assert stream.log_stream_name == f"{aws_state.account}_CloudTrail_{HOME}"
    return [json.loads(one.message) for one in stream.events]


def test_events_reach_the_log_group_of_the_home_region(aws_state: Emulated) -> None:
    trail = aws_state.start(is_multi_region_trail=True, **make_log_group(aws_state))
    aws_state.happens(service="kms", operation="CreateKey", region=ABROAD)
    aws_state.round()
    assert {one["eventName"] for one in log_events(aws_state)} == {"StartLogging", "CreateKey"}
    assert aws_state.status(trail).latest_cloudwatch_logs_delivery_time == trail.start_logging_time
    assert log_events(aws_state)[0]["eventID"]


def test_log_group_and_bucket_fail_independently(aws_state: Emulated) -> None:
    trail = aws_state.start(**make_log_group(aws_state))
    may_write(aws_state, "Deny")
    aws_state.round()
    assert aws_state.status(trail).latest_cloudwatch_logs_delivery_error == "AccessDenied"
    assert aws_state.status(trail).latest_delivery_error is None
    may_write(aws_state, "Allow")
    aws_state.deny(aws_state.bucket)
    aws_state.happens(operation="GetTrail")
    aws_state.round()
    assert aws_state.status(trail).latest_cloudwatch_logs_delivery_error is None
    assert aws_state.status(trail).latest_delivery_error == "AccessDenied"
    assert [one["eventName"] for one in log_events(aws_state)] == ["StartLogging", "GetTrail"]
    assert aws_state.recorded() == ["StartLogging"]


def test_a_missing_log_group_and_one_taken_off(aws_state: Emulated) -> None:
    trail = aws_state.start(**make_log_group(aws_state))
    logs_backends[aws_state.account][HOME].delete_log_group("trail")
    aws_state.round()
    assert aws_state.status(trail).latest_cloudwatch_logs_delivery_error == "ResourceNotFoundException"
    changed = aws_state.change(trail.arn, cloud_watch_logs_log_group_arn=None, cloud_watch_logs_role_arn=None)
    aws_state.round()
    assert aws_state.status(changed).latest_cloudwatch_logs_delivery_error is None
