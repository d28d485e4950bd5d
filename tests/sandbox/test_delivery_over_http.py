"""Delivery as a user of the emulated AWS sees it, through plain boto3: what arrives where, and what status tells."""

import gzip
import hashlib
import itertools
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.aws import REGION, Account

ABROAD = "eu-central-1"


def logging_trail(aws: Account, bucket: str, **members: Any) -> str:
    """Make a trail of the name `trail` that logs."""
    arn: str = aws.cloudtrail.create_trail(Name="trail", S3BucketName=bucket, **members)["TrailARN"]
    aws.cloudtrail.start_logging(Name="trail")
    return arn


def files(aws: Account, bucket: str, kind: str) -> dict[str, dict[str, Any]]:
    """The delivered files of a kind, oldest first, by key."""
    s3 = aws.client("s3")
    listed = sorted(s3.list_objects_v2(Bucket=bucket).get("Contents", []), key=lambda one: one["LastModified"])
    keys = [one["Key"] for one in listed if f"/{kind}/" in one["Key"]]
    bodies = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return {key: json.loads(gzip.decompress(body)) for key, body in bodies.items()}


def records(aws: Account, bucket: str) -> list[dict[str, Any]]:
    """All event records that were delivered."""
    return [record for log in files(aws, bucket, "CloudTrail").values() for record in log["Records"]]


def recorded(aws: Account, bucket: str, name: str) -> dict[str, Any]:
    """The one record of an event name."""
    [record] = [one for one in records(aws, bucket) if one["eventName"] == name]
    return record


def status(aws: Account, region: str = REGION) -> dict[str, Any]:
    """What GetTrailStatus tells of the trail in a region."""
    told: dict[str, Any] = aws.client("cloudtrail", region).get_trail_status(Name=aws.trail_arn("trail"))
    return told


def test_a_request_made_while_the_trail_logs_is_in_a_log_file(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    made = aws.cloudtrail.create_trail(Name="second", S3BucketName=aws.bucket(f"more-{aws.number}", "second"))
    aws.deliver()
    record = recorded(aws, bucket, "CreateTrail")
    assert record["eventSource"] == "cloudtrail.amazonaws.com"
    assert record["awsRegion"] == REGION
    assert record["userIdentity"]["arn"] == f"arn:aws:iam::{aws.number}:root"
    assert record["userIdentity"]["type"] == "Root"
    assert record["recipientAccountId"] == aws.number
    assert record["requestParameters"] == {"name": "second", "s3BucketName": f"more-{aws.number}"}
    assert record["responseElements"]["trailARN"] == made["TrailARN"]
    assert record["requestID"] == made["ResponseMetadata"]["RequestId"]
    assert "Boto3" in record["userAgent"]
    assert (record["readOnly"], record["managementEvent"], record["eventCategory"]) == (False, True, "Management")


def test_a_refused_request_is_recorded_with_its_error(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    with pytest.raises(ClientError):
        aws.cloudtrail.get_trail(Name="other")
    aws.deliver()
    record = recorded(aws, bucket, "GetTrail")
    assert record["errorCode"] == "TrailNotFoundException"
    assert record["errorMessage"].startswith("Unknown trail: ")


def test_what_happened_before_or_after_logging_is_not_delivered(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    aws.cloudtrail.stop_logging(Name="trail")
    aws.client("kms").list_keys()
    aws.deliver()
    assert [one["eventName"] for one in records(aws, bucket)] == ["StartLogging", "StopLogging"]


def test_names_of_log_files(aws: Account, bucket: str) -> None:
    aws.bucket_policy(bucket, "trail", "audit/2026")
    logging_trail(aws, bucket, S3KeyPrefix="audit/2026")
    aws.deliver()
    [key] = files(aws, bucket, "CloudTrail")
    name = rf"{aws.number}_CloudTrail_{REGION}_\d{{8}}T\d{{4}}Z_\w{{16}}\.json\.gz"
    assert re.fullmatch(rf"audit/2026/AWSLogs/{aws.number}/CloudTrail/{REGION}/\d{{4}}/\d\d/\d\d/{name}", key)


def test_requests_about_objects_are_not_delivered(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="x", Body=b"x")
    aws.client("s3").get_object(Bucket=bucket, Key="x")
    aws.client("s3").get_bucket_policy(Bucket=bucket)
    aws.deliver()
    assert {one["eventName"] for one in records(aws, bucket)} == {"StartLogging", "GetBucketPolicy"}


def test_a_multi_region_trail_collects_all_regions_and_global_services_once(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket, IsMultiRegionTrail=True)
    aws.client("kms", ABROAD).create_key()
    aws.client("iam", ABROAD).list_roles()
    aws.deliver()
    places = {record["eventName"]: record["awsRegion"] for record in records(aws, bucket)}
    assert places == {"StartLogging": REGION, "CreateKey": ABROAD, "ListRoles": "us-east-1"}
    assert status(aws, ABROAD)["LatestDeliveryTime"]


def test_a_single_region_trail_collects_its_own(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket, IncludeGlobalServiceEvents=False)
    aws.client("kms", ABROAD).create_key()
    aws.client("iam").list_roles()
    aws.deliver()
    assert [one["eventName"] for one in records(aws, bucket)] == ["StartLogging"]


def copies(aws: Account, buckets: list[str], name: str) -> list[tuple[int, set[str]]]:
    """For each bucket, how often an event was delivered into it, and into the folders of which regions."""
    found = []
    for bucket in buckets:
        logs = files(aws, bucket, "CloudTrail")
        keys = [key for key, log in logs.items() for one in log["Records"] if one["eventName"] == name]
        found.append((len(keys), {key.split("/")[3] for key in keys}))
    return found


def test_global_service_events_go_once_to_each_trail_that_includes_them(aws: Account) -> None:
    """Two such trails are two copies: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html."""
    trails: list[tuple[str, str, dict[str, bool]]] = [
        ("everywhere", ABROAD, {"IsMultiRegionTrail": True}),
        ("virginia", REGION, {}),
        ("virginia-without", REGION, {"IncludeGlobalServiceEvents": False}),
        ("abroad", ABROAD, {}),
    ]
    buckets = []
    for name, home, members in trails:
        bucket = f"{name}-{aws.number}"
        aws.client("s3").create_bucket(Bucket=bucket)
        document = json.dumps(aws.bucket_document(bucket, name)).replace(f":{REGION}:", f":{home}:")
        aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=document)
        client = aws.client("cloudtrail", home)
        client.create_trail(Name=name, S3BucketName=bucket, **members)
        client.start_logging(Name=name)
        buckets.append(bucket)
    aws.client("iam", "eu-west-1").list_roles()
    aws.deliver()
    once, never = (1, {REGION}), (0, set[str]())
    assert copies(aws, buckets, "ListRoles") == [once, once, never, never]


def test_sts_events_of_a_regional_endpoint_are_of_its_region(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    far = aws.bucket(f"far-{aws.number}", "far")
    document = json.dumps(aws.bucket_document(far, "far")).replace(f":{REGION}:", f":{ABROAD}:")
    aws.client("s3").put_bucket_policy(Bucket=far, Policy=document)
    abroad = aws.client("cloudtrail", ABROAD)
    abroad.create_trail(Name="far", S3BucketName=far)
    abroad.start_logging(Name="far")
    aws.client("sts", ABROAD).get_caller_identity()
    aws.deliver()
    assert copies(aws, [bucket, far], "GetCallerIdentity") == [(0, set()), (1, {ABROAD})]
    aws.client("sts").get_caller_identity()
    aws.deliver()
    assert copies(aws, [bucket, far], "GetCallerIdentity") == [(1, {REGION}), (1, {ABROAD})]


def test_no_delivery_no_times(aws: Account, trail: str) -> None:
    aws.deliver()
    told = status(aws)
    assert "LatestDeliveryTime" not in told
    assert not told.get("LatestDeliveryError")


def test_a_broken_bucket_policy_shows_and_clears_when_mended(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    aws.deliver()
    aws.client("s3").delete_bucket_policy(Bucket=bucket)
    aws.deliver()
    broken = status(aws)
    assert broken["LatestDeliveryError"] == "AccessDenied"
    assert broken["LatestDeliveryTime"], "the last success is told beside the error"
    aws.bucket_policy(bucket, "trail")
    aws.deliver()
    mended = status(aws)
    assert not mended.get("LatestDeliveryError")
    assert mended["LatestDeliveryTime"] > broken["LatestDeliveryTime"]
    assert recorded(aws, bucket, "DeleteBucketPolicy"), "what could not be delivered was delivered later"


def test_a_denial_for_insecure_transport_is_no_obstacle(aws: Account, bucket: str) -> None:
    document = aws.bucket_document(bucket, "trail")
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document["Statement"].append(denial)
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    logging_trail(aws, bucket)
    aws.deliver()
    assert not status(aws).get("LatestDeliveryError")
    assert records(aws, bucket)


def test_a_bucket_that_was_deleted(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    s3 = aws.client("s3")
    s3.delete_bucket_policy(Bucket=bucket)  # so that it stays empty
    for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    s3.delete_bucket(Bucket=bucket)
    aws.deliver()
    assert status(aws)["LatestDeliveryError"] == "NoSuchBucket"


def test_log_files_are_encrypted_by_the_trails_key_as_long_as_it_serves(aws: Account, bucket: str) -> None:
    key = aws.key("trail")
    logging_trail(aws, bucket, KmsKeyId=key)
    aws.deliver()
    [name] = files(aws, bucket, "CloudTrail")
    head = aws.client("s3").head_object(Bucket=bucket, Key=name)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    key_id = key.rpartition("/")[2]
    aws.client("kms").disable_key(KeyId=key_id)
    aws.deliver()
    assert status(aws)["LatestDeliveryError"] == "KMS.DisabledException"
    aws.client("kms").enable_key(KeyId=key_id)
    aws.deliver()
    assert not status(aws).get("LatestDeliveryError")


def test_digests_chain_the_log_files(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket, EnableLogFileValidation=True)
    for _ in range(3):
        aws.client("kms").list_keys()
        aws.deliver()
    s3 = aws.client("s3")
    logs = files(aws, bucket, "CloudTrail")
    digests = sorted(files(aws, bucket, "CloudTrail-Digest").items())
    assert {file["s3Object"] for _, digest in digests for file in digest["logFiles"]} == set(logs)
    for file in (file for _, digest in digests for file in digest["logFiles"]):
        body = s3.get_object(Bucket=bucket, Key=file["s3Object"])["Body"].read()
        assert hashlib.sha256(gzip.decompress(body)).hexdigest() == file["hashValue"]
    assert digests[0][1]["previousDigestSignature"] is None
    for (before, _), (key, digest) in itertools.pairwise(digests):
        stored = s3.get_object(Bucket=bucket, Key=before)
        content = gzip.decompress(stored["Body"].read())
        assert digest["digestS3Object"] == key
        assert digest["previousDigestS3Object"] == before
        assert digest["previousDigestHashValue"] == hashlib.sha256(content).hexdigest()
        assert digest["previousDigestSignature"] == stored["Metadata"]["signature"]
        assert stored["Metadata"]["signature-algorithm"] == "SHA256withRSA"
    assert status(aws)["LatestDigestDeliveryTime"]


def test_notifications_reach_a_queue_and_fail_on_their_own(aws: Account, bucket: str) -> None:
    topic = aws.topic("deliveries", "trail")
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="watch")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{aws.number}:watch"
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    logging_trail(aws, bucket, SnsTopicName="deliveries")
    aws.deliver()
    [key] = files(aws, bucket, "CloudTrail")
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(json.loads(message["Body"])["Message"]) == {"s3Bucket": bucket, "s3ObjectKey": [key]}
    assert status(aws)["LatestNotificationTime"]
    aws.topic_policy(topic, "another")
    aws.deliver()
    broken = status(aws)
    assert broken["LatestNotificationError"] == "AuthorizationError"
    assert not broken.get("LatestDeliveryError")
    aws.client("sns").delete_topic(TopicArn=topic)
    aws.deliver()
    assert status(aws)["LatestNotificationError"] == "NotFound"


def test_events_reach_the_log_group_and_fail_on_their_own(aws: Account, bucket: str) -> None:
    group = aws.log_group("trail-events")
    role = aws.role("trail-logs", group)
    logging_trail(aws, bucket, CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=role)
    aws.deliver()
    logs = aws.client("logs")
    stream = f"{aws.number}_CloudTrail_{REGION}"
    events = logs.get_log_events(logGroupName="trail-events", logStreamName=stream)["events"]
    assert [json.loads(one["message"])["eventName"] for one in events] == ["StartLogging"]
    assert status(aws)["LatestCloudWatchLogsDeliveryTime"]
    aws.client("iam").delete_role_policy(RoleName="trail-logs", PolicyName="logs")
    aws.deliver()
    broken = status(aws)
    assert broken["LatestCloudWatchLogsDeliveryError"] == "AccessDenied"
    assert not broken.get("LatestDeliveryError")
    aws.role_permissions("trail-logs", group)
    aws.deliver()
    assert not status(aws).get("LatestCloudWatchLogsDeliveryError")


# --- what is selected ---------------------------------------------------------------------------------------------


def select_objects(aws: Account, bucket: str, prefix: str = "", *, management: bool = False) -> None:
    """Let the trail `trail` record what happens to a bucket's objects."""
    objects = {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{bucket}/{prefix}"]}
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": management, "DataResources": [objects]}
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", EventSelectors=[selector])


def names(aws: Account, bucket: str) -> set[str]:
    return {one["eventName"] for one in records(aws, bucket)}


def test_events_of_objects_are_delivered_by_their_prefix(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    aws.deliver()
    photos = aws.bucket(f"photos-{aws.number}", "another")
    select_objects(aws, photos, "2026/")
    for key in ("2026/cat", "2025/cat"):
        aws.client("s3").put_object(Bucket=photos, Key=key, Body=b"x")
    aws.client("s3").get_object(Bucket=photos, Key="2026/cat")
    aws.client("kms").list_keys()
    aws.deliver()
    told = [one for one in records(aws, bucket) if one["eventCategory"] == "Data"]
    assert sorted((one["eventName"], one["requestParameters"]["key"]) for one in told) == [
        ("GetObject", "2026/cat"),
        ("PutObject", "2026/cat"),
    ]
    assert {one["managementEvent"] for one in told} == {False}
    assert "ListKeys" not in names(aws, bucket), "management events are not selected any more"


def test_advanced_selectors_decide_as_well(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    fields = {"eventCategory": ["Data"], "resources.type": ["AWS::S3::Object"], "eventName": ["DeleteObject"]}
    selectors = [{"FieldSelectors": [{"Field": name, "Equals": values} for name, values in fields.items()]}]
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", AdvancedEventSelectors=selectors)
    photos = aws.bucket(f"photos-{aws.number}", "another")
    aws.client("s3").put_object(Bucket=photos, Key="cat", Body=b"x")
    aws.client("s3").delete_object(Bucket=photos, Key="cat")
    aws.deliver()
    assert recorded(aws, bucket, "DeleteObject")["resources"][0]["ARN"] == f"arn:aws:s3:::{photos}/cat"
    assert not {"PutObject", "CreateBucket"} & names(aws, bucket)


def test_excluded_sources_are_not_delivered(aws: Account, bucket: str) -> None:
    logging_trail(aws, bucket)
    selector = {"ReadWriteType": "All", "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    aws.client("cloudtrail").put_event_selectors(TrailName="trail", EventSelectors=[selector])
    aws.client("kms").create_key()
    aws.client("sns").create_topic(Name="t")
    aws.deliver()
    assert "CreateTopic" in names(aws, bucket)
    assert "CreateKey" not in names(aws, bucket)


@pytest.mark.parametrize("recursive", [True, False])
def test_deliveries_are_recorded_as_recursive_logging_says(aws: Account, bucket: str, recursive: bool) -> None:
    logging_trail(aws, bucket, RecursiveLogging=recursive)
    select_objects(aws, bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="of-a-user", Body=b"x")
    for _ in range(3):
        aws.deliver()
    put = [one for one in records(aws, bucket) if one["eventName"] == "PutObject"]
    by_cloudtrail = [one for one in put if one["userIdentity"].get("invokedBy") == "cloudtrail.amazonaws.com"]
    assert bool(by_cloudtrail) is recursive
    assert len(put) - len(by_cloudtrail) == 1


def test_caller_and_owner_of_an_object_are_both_told(aws: Account, another: Account, bucket: str) -> None:
    shared = aws.bucket(f"shared-{aws.number}", "another")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{another.number}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{shared}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("s3").put_bucket_policy(Bucket=shared, Policy=policy)
    aws.client("s3").put_object(Bucket=shared, Key="k", Body=b"x")
    theirs = another.bucket(f"theirs-{another.number}", "trail")
    for account, destination in ((aws, bucket), (another, theirs)):
        logging_trail(account, destination)
        select_objects(account, shared)
    another.client("s3").get_object(Bucket=shared, Key="k")
    for account in (aws, another):
        account.deliver()
    owners, callers = recorded(aws, bucket, "GetObject"), recorded(another, theirs, "GetObject")
    assert owners["sharedEventID"] == callers["sharedEventID"]
    assert (owners["recipientAccountId"], callers["recipientAccountId"]) == (aws.number, another.number)
    assert owners["userIdentity"]["type"] == "AWSAccount"
    assert callers["userIdentity"]["arn"] == f"arn:aws:iam::{another.number}:root"
