"""What kind of event a request is: read or write, management or data, of which region.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
"""

from trail_sandbox.aws.events import ApiEvent
from trail_sandbox.aws.regions import main_region

# Services without regions. STS is not among them: its regional endpoints log in their own regions, and the global one
# is us-east-1, which a request to one endpoint address for all cannot be told from the regional one.
_GLOBAL_SERVICES = frozenset({"iam", "organizations", "cloudfront", "route53"})

_READ_PREFIXES = (
    *("Get", "List", "Describe", "Head", "Lookup", "Search", "Query", "Scan", "BatchGet", "Simulate", "Validate"),
    *("TransactGet", "Check", "Test", "Filter", "Preview", "Select", "AssumeRole", "Decode"),
)
# Cryptographic operations change nothing: https://docs.aws.amazon.com/kms/latest/developerguide/understanding-kms-entries.html
_KMS_READS = ("Encrypt", "Decrypt", "GenerateDataKey", "GenerateMac", "GenerateRandom", "Sign", "Verify", "ReEncrypt")

_S3_DATA_SUFFIXES = (
    *("Object", "Objects", "ObjectsV2", "ObjectVersions", "ObjectAcl", "ObjectTagging", "ObjectAttributes"),
    *("ObjectLegalHold", "ObjectRetention", "ObjectTorrent", "ObjectContent", "MultipartUpload", "MultipartUploads"),
    *("UploadPart", "UploadPartCopy", "ListParts", "HeadBucket", "WriteGetObjectResponse"),
)
_DATA_OPERATIONS = {
    "sns": frozenset({"Publish", "PublishBatch"}),
    "sqs": frozenset(
        {
            *("SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch"),
            *("ChangeMessageVisibility", "ChangeMessageVisibilityBatch"),
        }
    ),
    "logs": frozenset({"PutLogEvents"}),
    "events": frozenset({"PutEvents"}),
    "cloudtrail": frozenset({"PutAuditEvents"}),
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    "dynamodb": frozenset(
        {
            *("BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement"),
            *("ExecuteTransaction", "GetItem", "PutItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems"),
            "UpdateItem",
        }
    ),
}


def is_read_only(event: ApiEvent) -> bool:
    """Say whether the request could change nothing."""
    if event.service == "kms" and event.operation.startswith(_KMS_READS):
        return True
    return event.operation.startswith(_READ_PREFIXES)


def is_management(event: ApiEvent) -> bool:
    """Say whether the request is about a resource rather than about the data in it."""
    if event.service == "s3":
        return not event.operation.endswith(_S3_DATA_SUFFIXES)
    return event.operation not in _DATA_OPERATIONS.get(event.service, ())


def is_global(event: ApiEvent) -> bool:
    """Say whether the request went to a service without regions."""
    return event.service in _GLOBAL_SERVICES


def region_of(event: ApiEvent) -> str:
    """Give the region that a request was made in; to services without regions, that of their events."""
    return main_region(event.region) if is_global(event) else event.region
