"""What reaches the bucket, the topic and the log group of a trail that logs."""

import base64
import gzip
import hashlib
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.conformance.account import Account, Trail
from tests.conformance.documents import bucket_policy, log_permissions, trust
from tests.conformance.facts import API, COSTS, GUIDE, SLOW, fact

pytestmark = [COSTS, SLOW]

NAMES = f"{GUIDE}/get-and-view-cloudtrail-log-files.html"
FILES = f"{GUIDE}/cloudtrail-log-file-examples.html"
RECORD = f"{GUIDE}/cloudtrail-event-reference-record-contents.html"
DIGESTS = f"{GUIDE}/cloudtrail-log-file-validation-digest-file-structure.html"
SIGNATURES = f"{GUIDE}/cloudtrail-log-file-custom-validation.html"
STATUS = f"{API}/API_GetTrailStatus.html"
NOTIFICATIONS = f"{GUIDE}/configure-sns-notifications-for-cloudtrail.html"
STREAMS = f"{GUIDE}/send-cloudtrail-events-to-cloudwatch-logs.html"


def logging(aws: Account, region: str | None = None, **parameters: Any) -> Trail:
    """A trail that logs."""
    trail = aws.trail(region, **parameters)
    aws.client("cloudtrail", region).start_logging(Name=trail.arn)
    return trail


def keys(aws: Account, trail: Trail, kind: str) -> list[str]:
    """The names of the delivered files of a kind, oldest first."""
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=trail.bucket)
    found = [one for page in pages for one in page.get("Contents", []) if f"/{kind}/" in one["Key"]]
    return [str(one["Key"]) for one in sorted(found, key=lambda one: (one["LastModified"], one["Key"]))]


def opened(aws: Account, trail: Trail, key: str) -> dict[str, Any]:
    """What a delivered file says."""
    body = aws.client("s3").get_object(Bucket=trail.bucket, Key=key)["Body"].read()
    content: dict[str, Any] = json.loads(gzip.decompress(body))
    return content


def records(aws: Account, trail: Trail) -> list[dict[str, Any]]:
    """All records that were delivered."""
    return [record for key in keys(aws, trail, "CloudTrail") for record in opened(aws, trail, key)["Records"]]


def recorded(aws: Account, trail: Trail, name: str, about: str) -> dict[str, Any]:
    """The record of a call, once it was delivered."""
    return aws.delivered(
        lambda: [one for one in records(aws, trail) if one["eventName"] == name and about in json.dumps(one)]
    )[0]


def marked(aws: Account, trail: Trail) -> dict[str, Any]:
    """The record of a call that is made now."""
    name = aws.name("mark")
    aws.client("sns").create_topic(Name=name)
    return recorded(aws, trail, "CreateTopic", name)


# Log files.


@fact(NAMES)
def test_log_files_are_named_by_account_region_and_time(aws: Account) -> None:
    trail = logging(aws)
    name = (
        rf"AWSLogs/{aws.number}/CloudTrail/{aws.region}/\d{{4}}/\d\d/\d\d/"
        rf"{aws.number}_CloudTrail_{aws.region}_\d{{8}}T\d{{4}}Z_[A-Za-z0-9]{{16}}\.json\.gz"
    )
    assert all(re.fullmatch(name, key) for key in aws.delivered(lambda: keys(aws, trail, "CloudTrail")))


@fact(NAMES)
def test_log_files_are_below_the_prefix(aws: Account) -> None:
    trail = logging(aws, S3KeyPrefix="audit/logs")
    assert aws.delivered(lambda: keys(aws, trail, "CloudTrail"))[0].startswith("audit/logs/AWSLogs/")


@fact(RECORD)
def test_a_record_has_all_members_of_its_version(aws: Account) -> None:
    record = marked(aws, logging(aws))
    assert {
        *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress"),
        *("userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "eventType"),
        *("managementEvent", "recipientAccountId", "eventCategory"),
    } <= set(record)


@fact(RECORD)
def test_a_record_tells_what_was_called_where(aws: Account) -> None:
    record = marked(aws, logging(aws))
    assert (record["eventSource"], record["awsRegion"], record["recipientAccountId"], record["eventType"]) == (
        "sns.amazonaws.com",
        aws.region,
        aws.number,
        "AwsApiCall",
    )
    assert (record["readOnly"], record["managementEvent"], record["eventCategory"]) == (False, True, "Management")


@fact(f"{GUIDE}/cloudtrail-event-reference-user-identity.html")
def test_a_record_tells_who_called(aws: Account) -> None:
    trail = logging(aws)
    arn = aws.client("sts").get_caller_identity()["Arn"]
    assert marked(aws, trail)["userIdentity"]["arn"] == arn


@fact(RECORD)
def test_members_begin_with_a_small_letter(aws: Account) -> None:
    trail = logging(aws)
    aws.cloudtrail.update_trail(Name=trail.name, EnableLogFileValidation=True)
    record = recorded(aws, trail, "UpdateTrail", trail.name)
    assert record["requestParameters"] == {"name": trail.name, "enableLogFileValidation": True}
    assert record["responseElements"]["trailARN"] == trail.arn


@fact(RECORD)
def test_a_refused_call_is_recorded_with_its_error(aws: Account) -> None:
    trail, name = logging(aws), aws.name("none")
    with pytest.raises(aws.cloudtrail.exceptions.TrailNotFoundException):
        aws.cloudtrail.get_trail(Name=name)
    record = recorded(aws, trail, "GetTrail", name)
    assert record["errorCode"] == "TrailNotFoundException"
    assert record["errorMessage"].startswith("Unknown trail: ")


@fact(RECORD)
def test_a_read_has_no_response_elements(aws: Account) -> None:
    trail = logging(aws)
    aws.cloudtrail.get_trail(Name=trail.name)
    assert recorded(aws, trail, "GetTrail", trail.name)["responseElements"] is None


@fact(f"{GUIDE}/encrypting-cloudtrail-log-files-with-aws-kms.html")
def test_log_files_are_encrypted_by_s3_by_default(aws: Account) -> None:
    trail = logging(aws)
    key = aws.delivered(lambda: keys(aws, trail, "CloudTrail"))[0]
    assert aws.client("s3").head_object(Bucket=trail.bucket, Key=key)["ServerSideEncryption"] == "AES256"


@fact(f"{GUIDE}/encrypting-cloudtrail-log-files-with-aws-kms.html")
def test_log_files_are_encrypted_with_the_trails_key(aws: Account) -> None:
    name = aws.name("trail")
    kms_key = aws.key(aws.trail_arn(name))
    trail = logging(aws, Name=name, KmsKeyId=kms_key)
    key = aws.delivered(lambda: keys(aws, trail, "CloudTrail"))[0]
    head = aws.client("s3").head_object(Bucket=trail.bucket, Key=key)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", kms_key)


@fact(f"{API}/API_StopLogging.html")
def test_what_happens_while_a_trail_is_stopped_is_not_delivered(aws: Account) -> None:
    trail, name = logging(aws), aws.name("unseen")
    aws.cloudtrail.stop_logging(Name=trail.name)
    aws.eventually(lambda: aws.cloudtrail.get_trail_status(Name=trail.name), lambda status: not status["IsLogging"])
    aws.client("sns").create_topic(Name=name)
    aws.cloudtrail.start_logging(Name=trail.name)
    aws.eventually(lambda: aws.cloudtrail.get_trail_status(Name=trail.name), lambda status: status["IsLogging"])
    marked(aws, trail)
    assert name not in json.dumps(records(aws, trail))


# Status.


@fact(STATUS)
def test_the_status_tells_the_latest_delivery(aws: Account) -> None:
    trail = logging(aws)
    marked(aws, trail)
    status = aws.eventually(
        lambda: aws.cloudtrail.get_trail_status(Name=trail.name), lambda status: "LatestDeliveryTime" in status
    )
    assert not status.get("LatestDeliveryError")


@fact(STATUS)
def test_the_status_tells_the_error_of_s3_until_it_is_mended(aws: Account) -> None:
    trail = logging(aws)
    marked(aws, trail)
    denied = bucket_policy(trail.bucket, trail.arn)
    denied["Statement"].pop(1)
    aws.put_bucket_policy(trail.bucket, denied)
    status = aws.delivered(
        lambda: aws.cloudtrail.get_trail_status(Name=trail.name), lambda status: status.get("LatestDeliveryError")
    )
    assert status["LatestDeliveryError"] == "AccessDenied"
    assert "LatestDeliveryTime" in status
    aws.put_bucket_policy(trail.bucket, bucket_policy(trail.bucket, trail.arn))
    aws.delivered(
        lambda: aws.cloudtrail.get_trail_status(Name=trail.name), lambda status: not status.get("LatestDeliveryError")
    )


# Digests.


def digests(aws: Account, trail: Trail, count: int) -> list[str]:
    """The first digest files, once there are so many."""

    def read() -> list[str]:
        aws.client("sns").list_topics()  # something to deliver
        return keys(aws, trail, "CloudTrail-Digest")

    return aws.delivered(read, lambda found: len(found) >= count)[:count]


@fact(DIGESTS)
def test_digest_files_are_named_by_trail_and_home_region(aws: Account) -> None:
    trail = logging(aws, EnableLogFileValidation=True)
    name = (
        rf"AWSLogs/{aws.number}/CloudTrail-Digest/{aws.region}/\d{{4}}/\d\d/\d\d/"
        rf"{aws.number}_CloudTrail-Digest_{aws.region}_{trail.name}_{aws.region}_\d{{8}}T\d{{6}}Z\.json\.gz"
    )
    [key] = digests(aws, trail, 1)
    assert re.fullmatch(name, key)


@fact(DIGESTS)
def test_the_first_digest_begins_the_chain(aws: Account) -> None:
    trail = logging(aws, EnableLogFileValidation=True)
    digest = opened(aws, trail, digests(aws, trail, 1)[0])
    assert (digest["previousDigestS3Object"], digest["previousDigestSignature"]) == (None, None)


@fact(DIGESTS)
def test_a_digest_names_log_files_with_their_hashes(aws: Account) -> None:
    trail = logging(aws, EnableLogFileValidation=True)
    marked(aws, trail)

    def listed() -> list[dict[str, Any]]:
        return [one for key in keys(aws, trail, "CloudTrail-Digest") for one in opened(aws, trail, key)["logFiles"]]

    file = aws.delivered(listed)[0]
    body = aws.client("s3").get_object(Bucket=file["s3Bucket"], Key=file["s3Object"])["Body"].read()
    assert (file["hashAlgorithm"], file["hashValue"]) == ("SHA-256", hashlib.sha256(gzip.decompress(body)).hexdigest())


@fact(DIGESTS)
def test_each_digest_names_the_one_before_with_its_hash(aws: Account) -> None:
    trail = logging(aws, EnableLogFileValidation=True)
    first, second = digests(aws, trail, 2)
    body = aws.client("s3").get_object(Bucket=trail.bucket, Key=first)["Body"].read()
    digest = opened(aws, trail, second)
    assert digest["previousDigestS3Object"] == first
    assert digest["previousDigestHashValue"] == hashlib.sha256(gzip.decompress(body)).hexdigest()


@fact(SIGNATURES)
def test_a_digest_is_signed_with_a_public_key_of_the_region(aws: Account) -> None:
    trail = logging(aws, EnableLogFileValidation=True)
    [key] = digests(aws, trail, 1)
    answer = aws.client("s3").get_object(Bucket=trail.bucket, Key=key)
    body, signature = gzip.decompress(answer["Body"].read()), answer["Metadata"]["signature"]
    digest = json.loads(body)
    found = aws.cloudtrail.list_public_keys()["PublicKeyList"]
    [public] = [one for one in found if one["Fingerprint"] == digest["digestPublicKeyFingerprint"]]
    signed = "\n".join(
        [
            digest["digestEndTime"],
            f"{digest['digestS3Bucket']}/{digest['digestS3Object']}",
            hashlib.sha256(body).hexdigest(),
            digest["previousDigestSignature"] or "null",
        ]
    )
    rsa = load_der_public_key(_with_algorithm(public["Value"]))
    assert isinstance(rsa, RSAPublicKey)
    rsa.verify(bytes.fromhex(signature), signed.encode(), PKCS1v15(), SHA256())


def _with_algorithm(key: bytes) -> bytes:
    """Say of a bare PKCS #1 key that it is RSA's, as X.509 wants it."""
    algorithm = base64.b64decode("MA0GCSqGSIb3DQEBAQUA")
    bits = b"\x03\x82" + (len(key) + 1).to_bytes(2, "big") + b"\x00" + key
    return b"\x30\x82" + (len(algorithm) + len(bits)).to_bytes(2, "big") + algorithm + bits


@fact(STATUS)
def test_the_status_tells_the_latest_digest(aws: Account) -> None:
    trail = logging(aws, EnableLogFileValidation=True)
    digests(aws, trail, 1)
    aws.eventually(
        lambda: aws.cloudtrail.get_trail_status(Name=trail.name),
        lambda status: "LatestDigestDeliveryTime" in status and not status.get("LatestDigestDeliveryError"),
    )


# Notifications.


@fact(NOTIFICATIONS)
def test_a_topic_is_notified_of_new_files(aws: Account) -> None:
    name = aws.name("trail")
    topic, (queue, queue_arn) = aws.topic(aws.trail_arn(name)), aws.queue()
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    trail = logging(aws, Name=name, SnsTopicName=topic)
    notification = aws.delivered(lambda: aws.received(queue))[0]
    assert notification["TopicArn"] == topic
    told = json.loads(notification["Message"])
    assert told["s3Bucket"] == trail.bucket
    assert set(told["s3ObjectKey"]) <= set(keys(aws, trail, "CloudTrail"))


@fact(STATUS)
def test_the_status_tells_the_latest_notification(aws: Account) -> None:
    name = aws.name("trail")
    trail = logging(aws, Name=name, SnsTopicName=aws.topic(aws.trail_arn(name)))
    aws.delivered(
        lambda: aws.cloudtrail.get_trail_status(Name=trail.name), lambda status: "LatestNotificationTime" in status
    )


# Log events.


@fact(STREAMS)
def test_events_reach_the_log_group(aws: Account) -> None:
    name, group = aws.name("trail"), aws.log_group()
    role = aws.role(trust(), log_permissions(group, aws.trail_arn(name)))
    trail = logging(aws, Name=name, CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=role)
    record = marked(aws, trail)
    logs, group_name = aws.client("logs"), group.rpartition(":")[2]

    def events() -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group_name, logStreamNamePrefix=f"{aws.number}_CloudTrail_{aws.region}"
        )
        return [json.loads(event["message"])["eventID"] for page in pages for event in page["events"]]

    aws.delivered(events, lambda found: record["eventID"] in found)


@fact(STATUS)
def test_the_status_tells_the_latest_log_event(aws: Account) -> None:
    name, group = aws.name("trail"), aws.log_group()
    role = aws.role(trust(), log_permissions(group, aws.trail_arn(name)))
    trail = logging(aws, Name=name, CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=role)
    aws.delivered(
        lambda: aws.cloudtrail.get_trail_status(Name=trail.name),
        lambda status: "LatestCloudWatchLogsDeliveryTime" in status,
    )
