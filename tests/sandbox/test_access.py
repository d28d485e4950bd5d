"""Callers with keys of IAM's and STS's are held to their policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html (the messages)
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.aws import Account
from tests.outcomes import outcome
from tests.sandbox.conftest import Refused
from tests.sandbox.identities import allow, assume, client, deny, role, trusting, user, written

TRAIL = "cloudtrail:*Trail"


def refusal(call: Any, **parameters: Any) -> tuple[str, int, str]:
    """Code, status and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


# CloudTrail.


def test_no_policy_allows(aws: Account, bucket: str) -> None:
    cloudtrail = client(aws, "cloudtrail", user(aws))
    assert refusal(cloudtrail.create_trail, Name="trail", S3BucketName=bucket) == (
        "AccessDeniedException",
        400,
        f"User: arn:aws:iam::{aws.number}:user/alice is not authorized to perform: cloudtrail:CreateTrail on resource: "
        f"{aws.trail_arn('trail')} because no identity-based policy allows the cloudtrail:CreateTrail action",
    )
    assert aws.trails() == []


def test_a_policy_denies(aws: Account, trail: str) -> None:
    cloudtrail = client(aws, "cloudtrail", user(aws, allow("cloudtrail:*"), deny("cloudtrail:StopLogging")))
    cloudtrail.start_logging(Name="trail")
    assert refusal(cloudtrail.stop_logging, Name=trail)[2].endswith(
        f"perform: cloudtrail:StopLogging on resource: {trail} with an explicit deny in an identity-based policy"
    )
    assert aws.cloudtrail.get_trail_status(Name="trail")["IsLogging"] is True


def test_trails_are_told_apart(aws: Account, trail: str) -> None:
    cloudtrail = client(aws, "cloudtrail", user(aws, allow(TRAIL, resource=aws.trail_arn("tr?il"))))
    assert cloudtrail.get_trail(Name="trail")["Trail"]["TrailARN"] == trail
    assert cloudtrail.get_trail(Name=trail)["Trail"]["TrailARN"] == trail
    assert outcome(cloudtrail.get_trail, Name="other") == "AccessDeniedException"
    assert outcome(cloudtrail.get_trail, Name=aws.trail_arn("trail", "eu-west-1")) == "AccessDeniedException"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("describe_trails", {}),
        ("list_trails", {}),
        ("lookup_events", {}),
        ("list_public_keys", {}),
    ],
)
def test_calls_about_all_trails_need_all_resources(aws: Account, operation: str, parameters: dict[str, Any]) -> None:
    narrow = client(aws, "cloudtrail", user(aws, allow("cloudtrail:*", resource=aws.trail_arn("*"))))
    wide = client(aws, "cloudtrail", user(aws, allow("cloudtrail:*"), name="bob"))
    code, _, message = refusal(getattr(narrow, operation), **parameters)
    assert (code, "on resource: * because no identity-based" in message) == ("AccessDeniedException", True)
    assert outcome(getattr(wide, operation), **parameters) == "ok"


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("update_trail", {"Name": "trail"}),
        ("delete_trail", {"Name": "trail"}),
        ("get_trail_status", {"Name": "trail"}),
        ("start_logging", {"Name": "trail"}),
        ("get_event_selectors", {"TrailName": "trail"}),
        ("put_event_selectors", {"TrailName": "trail", "EventSelectors": [{"ReadWriteType": "All"}]}),
        ("get_insight_selectors", {"TrailName": "trail"}),
        ("put_insight_selectors", {"TrailName": "trail", "InsightSelectors": []}),
        ("get_event_configuration", {"TrailName": "trail"}),
        ("put_event_configuration", {"TrailName": "trail", "AggregationConfigurations": []}),
        ("add_tags", {"ResourceId": "{arn}", "TagsList": [{"Key": "k"}]}),
        ("remove_tags", {"ResourceId": "{arn}", "TagsList": [{"Key": "k"}]}),
        ("list_tags", {"ResourceIdList": ["{arn}"]}),
    ],
)
def test_calls_about_a_trail_need_that_trail(
    aws: Account, trail: str, operation: str, parameters: dict[str, Any]
) -> None:
    filled = {
        name: [trail] if value == ["{arn}"] else trail if value == "{arn}" else value
        for name, value in parameters.items()
    }
    action = "cloudtrail:" + "".join(word.capitalize() for word in operation.split("_"))
    other = client(aws, "cloudtrail", user(aws, allow("cloudtrail:*", resource=aws.trail_arn("other"))))
    message = refusal(getattr(other, operation), **filled)[2]
    assert f"not authorized to perform: {action} on resource: {trail} because" in message
    allowed = client(aws, "cloudtrail", user(aws, allow(action, resource=trail), name="bob"))
    assert outcome(getattr(allowed, operation), **filled) != "AccessDeniedException"


def test_tags_at_creation_need_add_tags(aws: Account, bucket: str) -> None:
    cloudtrail = client(aws, "cloudtrail", user(aws, allow("cloudtrail:CreateTrail")))
    tags = [{"Key": "team", "Value": "audit"}]
    message = refusal(cloudtrail.create_trail, Name="trail", S3BucketName=bucket, TagsList=tags)[2]
    assert f"perform: cloudtrail:AddTags on resource: {aws.trail_arn('trail')} because" in message
    assert outcome(cloudtrail.create_trail, Name="trail", S3BucketName=bucket) == "ok"


def test_the_log_role_must_be_passed(aws: Account, bucket: str) -> None:
    group = aws.log_group("group")
    arn = aws.role("deliver", group)
    logs = {"CloudWatchLogsLogGroupArn": f"{group}:*", "CloudWatchLogsRoleArn": arn}
    passing = {"Condition": {"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}}}
    elsewhere = {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
    without = client(aws, "cloudtrail", user(aws, allow(TRAIL), allow("iam:PassRole", **elsewhere)))
    assert refusal(without.create_trail, Name="trail", S3BucketName=bucket, **logs) == (
        "AccessDeniedException",
        400,
        f"User: arn:aws:iam::{aws.number}:user/alice is not authorized to perform: iam:PassRole on resource: {arn} "
        "because no identity-based policy allows the iam:PassRole action",
    )
    with_it = client(
        aws, "cloudtrail", user(aws, allow(TRAIL), allow("iam:PassRole", resource=arn, **passing), name="bob")
    )
    with_it.create_trail(Name="trail", S3BucketName=bucket, **logs)
    assert outcome(without.update_trail, Name="trail", **logs) == "AccessDeniedException"
    assert outcome(without.update_trail, Name="trail", EnableLogFileValidation=True) == "ok"
    assert outcome(without.update_trail, Name="trail", CloudWatchLogsLogGroupArn="", CloudWatchLogsRoleArn="") == "ok"


def test_an_unknown_operation_is_unknown_to_everybody(aws: Account) -> None:
    cloudtrail = client(aws, "cloudtrail", user(aws))
    cloudtrail.meta.events.register(
        "before-call.cloudtrail.ListTrails",
        lambda params, **_: params["headers"].update({"X-Amz-Target": "CloudTrail_20131101.Nothing"}),
    )
    assert outcome(cloudtrail.list_trails) == "UnknownOperationException"


def test_a_denied_call_is_listed_with_its_caller(aws: Account) -> None:
    outcome(client(aws, "cloudtrail", user(aws)).list_trails)
    call = aws.calls()[-1]
    assert (call["error"], call["caller"]) == ("AccessDeniedException", f"arn:aws:iam::{aws.number}:user/alice")


# Condition keys.


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, "ok"),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, "AccessDeniedException"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "ok"),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, "ok"),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "AccessDeniedException"),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, "ok"),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, "AccessDeniedException"),
        ({"NumericGreaterThan": {"aws:EpochTime": "1577836800"}}, "ok"),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/alice"}}, "ok"),
        ({"StringEquals": {"aws:PrincipalAccount": "{account}"}}, "ok"),
        ({"StringEquals": {"aws:ResourceAccount": "{account}"}}, "ok"),
        ({"StringEquals": {"aws:username": "alice"}}, "ok"),
        ({"StringEquals": {"aws:username": "bob"}}, "AccessDeniedException"),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, "ok"),
        ({"StringEquals": {"aws:PrincipalTag/team": "audit"}}, "ok"),
        ({"StringEquals": {"aws:PrincipalTag/team": "sales"}}, "AccessDeniedException"),
        ({"StringLike": {"aws:UserAgent": "*Boto3/*"}}, "ok"),
        ({"Bool": {"aws:ViaAWSService": "false"}}, "ok"),
        ({"Null": {"aws:MultiFactorAuthPresent": "true"}}, "ok"),
        ({"Null": {"aws:PrincipalOrgID": "true"}}, "ok"),
    ],
)
def test_global_condition_keys(aws: Account, condition: dict[str, Any], expected: str) -> None:
    filled = {
        operator: {key: value.replace("{account}", aws.number) for key, value in keys.items()}
        for operator, keys in condition.items()
    }
    tags = [{"Key": "team", "Value": "audit"}]
    keys = user(aws, allow("cloudtrail:ListTrails", Condition=filled), Tags=tags)
    assert outcome(client(aws, "cloudtrail", keys).list_trails) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:RequestTag/team": "audit"}}, "ok"),
        ({"StringEquals": {"aws:RequestTag/team": "sales"}}, "AccessDeniedException"),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}, "ok"),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}}, "AccessDeniedException"),
    ],
)
def test_tags_that_are_given(aws: Account, bucket: str, condition: dict[str, Any], expected: str) -> None:
    keys = user(aws, allow("cloudtrail:CreateTrail", "cloudtrail:AddTags", Condition=condition))
    tags = [{"Key": "team", "Value": "audit"}]
    create = client(aws, "cloudtrail", keys).create_trail
    assert outcome(create, Name="trail", S3BucketName=bucket, TagsList=tags) == expected


def test_tags_that_a_trail_has(aws: Account, trail: str) -> None:
    owned = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}}
    keys = user(aws, allow("cloudtrail:DeleteTrail", **owned), Tags=[{"Key": "team", "Value": "audit"}])
    cloudtrail = client(aws, "cloudtrail", keys)
    assert outcome(cloudtrail.delete_trail, Name="trail") == "AccessDeniedException"
    aws.cloudtrail.add_tags(ResourceId=trail, TagsList=[{"Key": "team", "Value": "audit"}])
    assert outcome(cloudtrail.delete_trail, Name="trail") == "ok"


# Where policies come from.


def test_policies_of_groups_and_managed_policies(aws: Account) -> None:
    iam = aws.client("iam")
    cloudtrail = client(aws, "cloudtrail", user(aws))
    list_trails = written(allow("cloudtrail:ListTrails"))
    iam.create_group(GroupName="auditors")
    iam.put_group_policy(GroupName="auditors", PolicyName="list", PolicyDocument=list_trails)
    assert outcome(cloudtrail.list_trails) == "AccessDeniedException"
    iam.add_user_to_group(GroupName="auditors", UserName="alice")
    assert outcome(cloudtrail.list_trails) == "ok"
    iam.remove_user_from_group(GroupName="auditors", UserName="alice")
    assert outcome(cloudtrail.list_trails) == "AccessDeniedException"
    arn = iam.create_policy(PolicyName="list", PolicyDocument=list_trails)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    assert outcome(cloudtrail.list_trails) == "ok"
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=written(deny("cloudtrail:*")), SetAsDefault=True)
    assert outcome(cloudtrail.list_trails) == "AccessDeniedException"


def test_policies_of_awss_own(aws: Account) -> None:
    iam = aws.client("iam")
    cloudtrail = client(aws, "cloudtrail", user(aws))
    iam.attach_user_policy(UserName="alice", PolicyArn="arn:aws:iam::aws:policy/AWSCloudTrail_ReadOnlyAccess")
    assert outcome(cloudtrail.list_trails) == "ok"
    assert outcome(cloudtrail.start_logging, Name="trail") == "AccessDeniedException"
    iam.attach_user_policy(UserName="alice", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert outcome(cloudtrail.start_logging, Name="trail") == "TrailNotFoundException"
    missing = "arn:aws:iam::aws:policy/NoSuchAccess"
    assert outcome(iam.attach_user_policy, UserName="alice", PolicyArn=missing) == "NoSuchEntity"


def test_a_boundary_limits_a_role(aws: Account) -> None:
    iam = aws.client("iam")
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=written(allow("cloudtrail:List*")))
    arn = role(aws, allow("cloudtrail:*"), PermissionsBoundary=boundary["Policy"]["Arn"])
    cloudtrail = client(aws, "cloudtrail", assume(aws.client("sts"), arn))
    assert outcome(cloudtrail.list_trails) == "ok"
    assert refusal(cloudtrail.describe_trails)[2].endswith(
        "because no permissions boundary allows the cloudtrail:DescribeTrails action"
    )


def test_policies_that_a_session_was_given(aws: Account) -> None:
    listing = aws.client("iam").create_policy(PolicyName="list", PolicyDocument=written(allow("cloudtrail:List*")))
    arn = role(aws, allow("cloudtrail:ListTrails", "cloudtrail:DescribeTrails"))
    for given in (
        {"Policy": written(allow("cloudtrail:List*"))},
        {"PolicyArns": [{"arn": listing["Policy"]["Arn"]}]},
    ):
        cloudtrail = client(aws, "cloudtrail", assume(aws.client("sts"), arn, **given))
        assert outcome(cloudtrail.list_trails) == "ok"
        assert outcome(cloudtrail.list_public_keys) == "AccessDeniedException"
        assert refusal(cloudtrail.describe_trails)[2].endswith(
            "because no session policy allows the cloudtrail:DescribeTrails action"
        )


def test_a_role_that_is_gone_or_another_grants_nothing(aws: Account) -> None:
    iam = aws.client("iam")
    cloudtrail = client(aws, "cloudtrail", assume(aws.client("sts"), role(aws, allow("cloudtrail:*"))))
    assert outcome(cloudtrail.list_trails) == "ok"
    iam.delete_role_policy(RoleName="auditor", PolicyName="inline")
    iam.delete_role(RoleName="auditor")
    role(aws, allow("cloudtrail:*"))
    assert outcome(cloudtrail.list_trails) == "AccessDeniedException"


# The other services.


def test_get_caller_identity_needs_nothing(aws: Account) -> None:
    identity = client(aws, "sts", user(aws, deny("*"))).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{aws.number}:user/alice"


ERRORS = {
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "kms": ("AccessDeniedException", 400),
    "logs": ("AccessDeniedException", 400),
    "iam": ("AccessDenied", 403),
    "organizations": ("AccessDeniedException", 400),
    "events": ("AccessDeniedException", 400),
}
BUCKET = {"Bucket": "{bucket}"}
BLOCK: dict[str, Any] = {"PublicAccessBlockConfiguration": {}}
ROLE = {"RoleName": "r", "Path": "/a/", "AssumeRolePolicyDocument": "{}"}
REGIONAL = "us-east-1:{account}"
GROUP = f"arn:aws:logs:{REGIONAL}:log-group"
TOPIC = f"arn:aws:sns:{REGIONAL}:t"


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("call", "parameters", "action", "resource"),
    [
        ("s3.get_bucket_policy", BUCKET, "s3:GetBucketPolicy", '"arn:aws:s3:::{bucket}"'),
        ("s3.head_bucket", BUCKET, "s3:ListBucket", '"arn:aws:s3:::{bucket}"'),
        ("s3.put_public_access_block", BUCKET | BLOCK, "s3:PutBucketPublicAccessBlock", '"arn:aws:s3:::{bucket}"'),
        ("s3.get_bucket_encryption", BUCKET, "s3:GetEncryptionConfiguration", '"arn:aws:s3:::{bucket}"'),
        ("s3.get_bucket_lifecycle_configuration", BUCKET, "s3:GetLifecycleConfiguration", '"arn:aws:s3:::{bucket}"'),
        ("s3.get_object", BUCKET | {"Key": "a/b"}, "s3:GetObject", '"arn:aws:s3:::{bucket}/a/b"'),
        ("s3.list_buckets", {}, "s3:ListAllMyBuckets", '"*"'),
        ("sns.get_topic_attributes", {"TopicArn": TOPIC}, "SNS:GetTopicAttributes", TOPIC),
        ("sns.create_topic", {"Name": "t"}, "SNS:CreateTopic", TOPIC),
        ("sqs.create_queue", {"QueueName": "q"}, "sqs:CreateQueue", f"arn:aws:sqs:{REGIONAL}:q"),
        ("kms.describe_key", {"KeyId": "{key}"}, "kms:DescribeKey", "{key}"),
        ("kms.list_aliases", {}, "kms:ListAliases", "*"),
        ("logs.describe_log_groups", {}, "logs:DescribeLogGroups", f"{GROUP}::log-stream:"),
        ("logs.delete_log_group", {"logGroupName": "g"}, "logs:DeleteLogGroup", f"{GROUP}:g:log-stream:"),
        ("iam.get_role", {"RoleName": "r"}, "iam:GetRole", "arn:aws:iam::{account}:role/r"),
        ("iam.create_role", ROLE, "iam:CreateRole", "arn:aws:iam::{account}:role/a/r"),
        ("iam.get_user", {"UserName": "alice"}, "iam:GetUser", "arn:aws:iam::{account}:user/alice"),
        ("organizations.describe_organization", {}, "organizations:DescribeOrganization", "*"),
        ("events.delete_rule", {"Name": "r"}, "events:DeleteRule", f"arn:aws:events:{REGIONAL}:rule/r"),
    ],
)
def test_other_services(
    aws: Account, bucket: str, call: str, parameters: dict[str, Any], action: str, resource: str
) -> None:
    places = {"{bucket}": bucket, "{account}": aws.number, "{key}": aws.key("trail")}

    def filled(value: Any) -> Any:
        for place, text in places.items():
            value = value.replace(place, text) if isinstance(value, str) else value
        return value

    given = {name: filled(value) for name, value in parameters.items()}
    service, operation = call.split(".")
    code, status = ERRORS[service]
    denied = client(aws, service, user(aws, deny(action)))
    arn, named = f"arn:aws:iam::{aws.number}:user/alice", filled(resource)
    beginning = f"User: {arn} is not authorized to perform: {action} on resource: {named}"
    if operation == "head_bucket":  # an answer without a body
        assert outcome(getattr(denied, operation), **given) == "403"
    else:
        message = f"{beginning} with an explicit deny in an identity-based policy"
        assert refusal(getattr(denied, operation), **given) == (code, status, message)
    allowed = client(aws, service, user(aws, allow(action, resource=named.strip('"')), name="bob"))
    assert outcome(getattr(allowed, operation), **given) not in (code, "403")


def test_without_a_name_it_is_the_callers_own_user(aws: Account) -> None:
    own = client(aws, "iam", user(aws, allow("iam:GetUser", resource="arn:aws:iam::*:user/${aws:username}")))
    assert own.get_user()["User"]["UserName"] == "alice"
    assert outcome(own.get_user, UserName="bob") == "AccessDenied"


def test_copying_an_object_needs_its_source(aws: Account, bucket: str) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="from/a", Body=b"x")
    put = allow("s3:PutObject", resource=f"arn:aws:s3:::{bucket}/to/*")
    copy = {"Bucket": bucket, "Key": "to/a", "CopySource": {"Bucket": bucket, "Key": "from/a"}}
    assert outcome(client(aws, "s3", user(aws, put)).copy_object, **copy) == "AccessDenied"
    get = allow("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/from/*")
    assert outcome(client(aws, "s3", user(aws, put, get, name="bob")).copy_object, **copy) == "ok"


# Policies of resources, in their own account and in another.


def test_a_bucket_policy_grants_and_denies_in_its_own_account(aws: Account, bucket: str) -> None:
    objects, alice = f"arn:aws:s3:::{bucket}/*", f"arn:aws:iam::{aws.number}:user/alice"
    keys = user(aws, allow("s3:GetObject", resource=f"{objects}"))
    bob = client(aws, "s3", user(aws, name="bob"))
    s3, admin = client(aws, "s3", keys), aws.client("s3")
    admin.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert outcome(s3.get_object, Bucket=bucket, Key="k") == "ok"
    everybody = {"Effect": "Allow", "Principal": {"AWS": f"{alice[:-5]}bob"}, "Action": "s3:Get*", "Resource": objects}
    nobody = {"Effect": "Deny", "Principal": {"AWS": alice}, "Action": "s3:GetObject", "Resource": objects}
    admin.put_bucket_policy(Bucket=bucket, Policy=written(everybody, nobody))
    assert outcome(bob.get_object, Bucket=bucket, Key="k") == "ok"
    assert refusal(s3.get_object, Bucket=bucket, Key="k")[2].endswith(
        "with an explicit deny in a resource-based policy"
    )
    account = {"Effect": "Allow", "Principal": {"AWS": aws.number}, "Action": "s3:*", "Resource": objects}
    admin.put_bucket_policy(Bucket=bucket, Policy=written(account))
    # An account that is named leaves it to its own policies.
    assert outcome(bob.get_object, Bucket=bucket, Key="k") == "AccessDenied"


def test_another_account_needs_both_policies(aws: Account, another: Account, bucket: str) -> None:
    objects = f"arn:aws:s3:::{bucket}/*"
    share = {"Effect": "Allow", "Principal": {"AWS": another.number}, "Action": "s3:PutObject", "Resource": objects}
    allowed = client(another, "s3", user(another, allow("s3:PutObject")))
    without = client(another, "s3", user(another, name="bob"))
    put = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    assert refusal(allowed.put_object, **put) == ("AccessDenied", 403, "Access Denied")
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=written(share))
    assert outcome(allowed.put_object, **put) == "ok"
    assert outcome(without.put_object, **put) == "AccessDenied"


def test_nobody_gets_past_a_keys_policy(aws: Account) -> None:
    key = aws.key("trail")
    kms = client(aws, "kms", user(aws, allow("kms:*")))
    assert outcome(kms.describe_key, KeyId=key) == "ok"
    only_root = f"arn:aws:iam::{aws.number}:role/none"
    role(aws, name="none")
    statement = {"Effect": "Allow", "Principal": {"AWS": only_root}, "Action": "kms:*", "Resource": "*"}
    aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=written(statement))
    assert refusal(kms.describe_key, KeyId=key)[2].endswith(
        "because no resource-based policy allows the kms:DescribeKey action"
    )


def test_a_topic_of_another_account_needs_both_policies(aws: Account, another: Account) -> None:
    topic = aws.topic("notify", "trail")
    share = {"Effect": "Allow", "Principal": {"AWS": another.number}, "Action": "SNS:Get*", "Resource": topic}
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=written(share))
    allowed = client(another, "sns", user(another, allow("sns:GetTopicAttributes", resource=topic)))
    without = client(another, "sns", user(another, name="bob"))
    assert outcome(allowed.get_topic_attributes, TopicArn=topic) == "ok"
    assert outcome(without.get_topic_attributes, TopicArn=topic) == "AuthorizationError"


def test_a_deny_of_a_resource_binds_the_root_user_of_its_account(aws: Account, bucket: str) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    s3, sqs = aws.client("s3"), aws.client("sqs")
    closed = {**deny("s3:*", resource=[f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]), "Principal": "*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=written(closed))
    assert outcome(s3.put_object, Bucket=bucket, Key="k", Body=b"x") == "AccessDenied"
    assert outcome(s3.get_bucket_policy, Bucket=bucket) == "ok", "its policy is always root's to change"
    assert outcome(s3.delete_bucket_policy, Bucket=bucket) == "ok"
    assert outcome(s3.put_object, Bucket=bucket, Key="k", Body=b"x") == "ok"
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    foreign = {"Condition": {"StringNotEquals": {"aws:SourceAccount": aws.number}}}
    policy = written({**deny("sqs:SendMessage", **foreign), "Principal": "*"})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    assert outcome(sqs.send_message, QueueUrl=queue, MessageBody="forged") == "AccessDenied"
    assert outcome(sqs.receive_message, QueueUrl=queue) == "ok", "what is not denied needs no statement"


# Keys.


def test_a_key_that_was_switched_off(aws: Account, refused: Refused) -> None:
    keys = user(aws, allow("*"))
    aws.client("iam").update_access_key(UserName="alice", AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    with refused("UnrecognizedClientException"):
        client(aws, "cloudtrail", keys).list_trails()


def test_a_session_of_a_role_sees_its_roles_path(aws: Account) -> None:
    arn = f"arn:aws:iam::{aws.number}:role/audit/auditor"
    only = {"Condition": {"ArnEquals": {"aws:PrincipalArn": arn}}}
    role(aws, allow("cloudtrail:ListTrails", **only), Path="/audit/", trust=trusting(aws.number))
    cloudtrail = client(aws, "cloudtrail", assume(aws.client("sts"), arn))
    assert outcome(cloudtrail.list_trails) == "ok"
    assert refusal(cloudtrail.describe_trails)[2].startswith(
        f"User: arn:aws:sts::{aws.number}:assumed-role/auditor/tests is not authorized"
    )
