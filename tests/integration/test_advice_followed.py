"""Whatever statements the operator prints, pasted word for word into what it names, lead to Ready.

A table of every dependency of a trail, in every state of its policies and its encryption that has a documented
behaviour. One operator has them all at once, on an AWS of the tests' own: quotas are off there, and settings change.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.advice import CannotFollowError, Reader
from tests.integration.aws import Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.integration.partitions import SERVICE, Partition, Place
from tests.patience import eventually, resync
from tests.sandbox.conftest import put_settings, started

Spec = dict[str, Any]
Change = Callable[[list[dict[str, Any]]], object]

_REGIONS = (
    *("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1"),
    *("ca-central-1", "eu-north-1", "us-east-2"),
)
_LEGACY = {"eu-west-1": "859597730677", "us-east-1": "086441151436"}
_STRANGERS = {"StringNotEquals": {"aws:PrincipalOrgID": "o-0123456789"}}
_HOME = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
_AWAY = {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}


# Policies that are not as they should be.


def _changed(policy: str, change: Change) -> str:
    document = json.loads(policy)
    change(document["Statement"])
    return json.dumps(document)


def of_bucket(place: Place, change: Change) -> None:
    s3 = place.client("s3")
    policy = s3.get_bucket_policy(Bucket=place.bucket)["Policy"]
    s3.put_bucket_policy(Bucket=place.bucket, Policy=_changed(policy, change))


def of_topic(place: Place, topic: str, change: Change) -> None:
    sns = place.client("sns")
    policy = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=_changed(policy, change))


def of_key(place: Place, key: str, change: Change) -> None:
    kms = place.client("kms")
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=_changed(policy, change))


def others(statements: list[dict[str, Any]]) -> None:
    """For another trail than this one."""
    for statement in statements:
        source = statement.get("Condition", {}).get("StringEquals", {})
        if "aws:SourceArn" in source:
            source["aws:SourceArn"] += "-of-others"


def owner_only(statements: list[dict[str, Any]]) -> None:
    """Of a key: for the account alone."""
    del statements[1:]


def without(action: str) -> Change:
    """Without the statement that allows an action."""

    def change(statements: list[dict[str, Any]]) -> None:
        statements[:] = [one for one in statements if one["Action"] != action]

    return change


def when(condition: Mapping[str, Any]) -> Change:
    """Under a condition more."""
    return lambda statements: [one.setdefault("Condition", {}).update(condition) for one in statements]


def denying(condition: Mapping[str, Any], resource: Any, action: Any) -> Change:
    """With a Deny for everybody under a condition."""
    deny = {"Sid": "Fence", "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    return lambda statements: statements.append({**deny, "Condition": dict(condition)})


# The bucket.


def bucket(place: Place) -> Spec:
    place.make_bucket()
    return {}


def missing_bucket(_: Place) -> Spec:
    return {}


def bucket_without_policy(place: Place) -> Spec:
    place.make_bucket()
    place.client("s3").delete_bucket_policy(Bucket=place.bucket)
    return {}


def bucket_with(change: Callable[[Place], Change]) -> Callable[[Place], Spec]:
    def make(place: Place) -> Spec:
        place.make_bucket()
        of_bucket(place, change(place))
        return {}

    return make


def fenced_bucket(condition: Mapping[str, Any]) -> Callable[[Place], Spec]:
    def fence(place: Place) -> Change:
        arn = f"arn:aws:s3:::{place.bucket}"
        # Not all that S3 has: the operator, which is in no organization either, is to read what the bucket is like.
        return denying(condition, [arn, f"{arn}/*"], ["s3:GetBucketAcl", "s3:PutObject"])

    return bucket_with(fence)


def legacy_bucket(place: Place) -> Spec:
    """It names the account that CloudTrail had in another region."""
    elsewhere = next(number for region, number in _LEGACY.items() if region != place.partition.home)

    def named(statements: list[dict[str, Any]]) -> None:
        for statement in statements:
            statement["Principal"] = {"AWS": f"arn:aws:iam::{elsewhere}:root"}

    return bucket_with(lambda _: named)(place)


def requester_pays(place: Place) -> Spec:
    place.make_bucket()
    configuration = {"Payer": "Requester"}
    place.client("s3").put_bucket_request_payment(Bucket=place.bucket, RequestPaymentConfiguration=configuration)
    return {}


def bucket_of_others(place: Place) -> Spec:
    """It is in another account, where the operator may not read its policy."""
    place.owner = Account(place.account.endpoint, f"9{place.account.number[1:]}")
    place.make_bucket()
    place.owner.client("s3", place.partition.home).delete_bucket_policy(Bucket=place.bucket)
    return {}


# The bucket's default key.


def key(place: Place, *actions: str) -> str:
    """A key of the account's, with which CloudTrail may do this."""
    arn = place.make_key()
    statement = {"Sid": "Some", "Effect": "Allow", "Principal": SERVICE, "Action": list(actions), "Resource": "*"}
    of_key(place, arn, owner_only)
    if actions:
        of_key(place, arn, lambda statements: statements.append(statement))
    return arn


def encrypt(place: Place, key_id: str | None, *, bucket_key: bool = False) -> None:
    by_default = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": key_id} if key_id else {})
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": bucket_key}
    configuration = {"Rules": [rule]}
    place.client("s3").put_bucket_encryption(Bucket=place.bucket, ServerSideEncryptionConfiguration=configuration)


def default_key(*actions: str, bucket_key: bool = False) -> Callable[[Place], Spec]:
    def make(place: Place) -> Spec:
        place.make_bucket()
        encrypt(place, key(place, *actions), bucket_key=bucket_key)
        return {}

    return make


def default_key_of_aws(place: Place) -> Spec:
    place.make_bucket()
    encrypt(place, None)
    return {}


def disabled_default_key(place: Place) -> Spec:
    place.make_bucket()
    arn = key(place, "kms:GenerateDataKey*", "kms:Decrypt")
    encrypt(place, arn)
    place.client("kms").disable_key(KeyId=arn)
    return {}


# The trail's key.


def key_with(change: Callable[[Place], Change]) -> Callable[[Place], Spec]:
    def make(place: Place) -> Spec:
        place.make_bucket()
        arn = place.make_key()
        of_key(place, arn, change(place))
        return {"kmsKeyID": arn}

    return make


def key_of_aws(place: Place) -> Spec:
    place.make_bucket()
    return {"kmsKeyID": "alias/aws/s3"}


def key_of_spec(spec: str, usage: str) -> Callable[[Place], Spec]:
    def make(place: Place) -> Spec:
        place.make_bucket()
        made = place.client("kms").create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]
        return {"kmsKeyID": made}

    return make


def multi_region_key(place: Place) -> Spec:
    place.make_bucket()
    return {"kmsKeyID": place.client("kms").create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]}


def disabled_key(place: Place) -> Spec:
    place.make_bucket()
    arn = place.make_key()
    place.client("kms").disable_key(KeyId=arn)
    return {"kmsKeyID": arn}


def key_beside_bucket_key(place: Place) -> Spec:
    """The bucket has an S3 Bucket Key: the trail's key has to allow Decrypt as well."""
    place.make_bucket()
    encrypt(place, key(place), bucket_key=True)
    return {"kmsKeyID": place.make_key()}


# The topic and its key.


def missing_topic(place: Place) -> Spec:
    place.make_bucket()
    return {"snsTopicName": place.topic}


def plain_topic(place: Place) -> Spec:
    place.make_bucket()
    return {"snsTopicName": place.client("sns").create_topic(Name=place.topic)["TopicArn"]}


def topic_with(change: Callable[[str], Change]) -> Callable[[Place], Spec]:
    def make(place: Place) -> Spec:
        place.make_bucket()
        arn = place.make_topic()
        of_topic(place, arn, change(arn))
        return {"snsTopicName": arn}

    return make


def topic_encrypted(encryption: Callable[[Place], str]) -> Callable[[Place], Spec]:
    def make(place: Place) -> Spec:
        place.make_bucket()
        arn = place.make_topic()
        place.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=encryption(place)
        )
        return {"snsTopicName": arn}

    return make


def disabled_topic_key(place: Place) -> str:
    arn = key(place, "kms:GenerateDataKey*", "kms:Decrypt")
    place.client("kms").disable_key(KeyId=arn)
    return arn


def good_topic_key(place: Place) -> str:
    return key(place, "kms:GenerateDataKey*", "kms:Decrypt")


def aliased(place: Place) -> str:
    """A key that the topic names by its alias."""
    alias = f"alias/{place.trail}"
    place.client("kms").create_alias(AliasName=alias, TargetKeyId=key(place))
    return alias


def of_aws(_: Place) -> str:
    return "alias/aws/sns"


# The log group and its role.


def logs(place: Place) -> Spec:
    place.make_bucket()
    return {"cloudWatchLogsLogGroupARN": place.make_log_group(), "cloudWatchLogsRoleARN": place.make_role()}


def missing_group(place: Place) -> Spec:
    spec = logs(place)
    place.client("logs").delete_log_group(logGroupName=place.group)
    return spec


def missing_role(place: Place) -> Spec:
    place.make_bucket()
    role = place.arn("iam", f"role/{place.role}", "")
    return {"cloudWatchLogsLogGroupARN": place.make_log_group(), "cloudWatchLogsRoleARN": role}


def trusting(**members: Any) -> Callable[[Place], Spec]:
    def make(place: Place) -> Spec:
        spec = logs(place)
        statement = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"} | members
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        place.client("iam").update_assume_role_policy(RoleName=place.role, PolicyDocument=document)
        return spec

    return make


def no_permissions(place: Place) -> Spec:
    spec = logs(place)
    place.client("iam").delete_role_policy(RoleName=place.role, PolicyName="logs")
    return spec


def wrong_permissions(place: Place) -> Spec:
    spec = logs(place)
    statement = {"Effect": "Allow", "Action": "logs:*", "Resource": place.arn("logs", "log-group:other:*")}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    place.client("iam").put_role_policy(RoleName=place.role, PolicyName="logs", PolicyDocument=document)
    return spec


def bounded(place: Place) -> Spec:
    """The boundary leaves out what the role's policies allow."""
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = place.client("iam")
    made = iam.create_policy(PolicyName=f"bound-{place.trail}", PolicyDocument=document)["Policy"]["Arn"]
    spec = logs(place)
    iam.put_role_permissions_boundary(RoleName=place.role, PermissionsBoundary=made)
    return spec


def bounded_by_aws(place: Place) -> Spec:
    spec = logs(place)
    boundary = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    place.client("iam").put_role_permissions_boundary(RoleName=place.role, PermissionsBoundary=boundary)
    return spec


def bounded_without_permissions(place: Place) -> Spec:
    spec = bounded(place)
    place.client("iam").delete_role_policy(RoleName=place.role, PolicyName="logs")
    return spec


# What changes once the trail delivers.


def topics_key_refuses(place: Place, spec: Spec) -> None:
    attributes = place.client("sns").get_topic_attributes(TopicArn=spec["snsTopicName"])["Attributes"]
    of_key(place, attributes["KmsMasterKeyId"], owner_only)


@dataclass(frozen=True)
class Case:
    """A dependency in a state, and the reason that Ready has at first."""

    dependency: str
    state: str
    reason: str
    make: Callable[[Place], Spec]
    later: Callable[[Place, Spec], object] | None = None
    """What happens to it once the trail is Ready."""


def case(dependency: str, state: str, reason: str, make: Callable[[Place], Spec], later: Any = None) -> Case:
    return Case(dependency, state, reason, make, later)


CASES = (
    case("bucket", "missing", "BucketNotFound", missing_bucket),
    case("bucket", "no policy", "BucketPolicyDenies", bucket_without_policy),
    case("bucket", "policy for another trail", "BucketPolicyDenies", bucket_with(lambda _: others)),
    case("bucket", "no s3:PutObject", "BucketPolicyDenies", bucket_with(lambda _: without("s3:PutObject"))),
    case("bucket", "no s3:GetBucketAcl", "BucketPolicyDenies", bucket_with(lambda _: without("s3:GetBucketAcl"))),
    case(
        "bucket",
        "Allow in an organization",
        "BucketPolicyDenies",
        bucket_with(lambda _: when({"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}})),
    ),
    case("bucket", "Allow by an unknown key", "BucketPolicyDenies", bucket_with(lambda _: when(_HOME))),
    case("bucket", "Deny outside an organization", "BucketPolicyDenies", fenced_bucket(_STRANGERS)),
    case("bucket", "Deny by an unknown key", "BucketPolicyDenies", fenced_bucket(_AWAY)),
    case("bucket", "CloudTrail's account of another region", "BucketPolicyDenies", legacy_bucket),
    case("bucket", "of another account, no policy", "BucketPolicyDenies", bucket_of_others),
    case("bucket", "Requester Pays", "BucketPolicyDenies", requester_pays),
    case("bucket", "policy lost later", "DeliveryFailing", bucket, lambda place, _: of_bucket(place, others)),
    case("bucket's default key", "for the account alone", "KeyPolicyDenies", default_key()),
    case("bucket's default key", "the same, S3 Bucket Key", "KeyPolicyDenies", default_key(bucket_key=True)),
    case(
        "bucket's default key",
        "no Decrypt, S3 Bucket Key",
        "KeyPolicyDenies",
        default_key("kms:GenerateDataKey*", bucket_key=True),
    ),
    case("bucket's default key", "managed by AWS", "KeyPolicyDenies", default_key_of_aws),
    case("bucket's default key", "disabled", "KeyDisabled", disabled_default_key),
    case("key", "for the account alone", "KeyPolicyDenies", key_with(lambda _: owner_only)),
    case("key", "for another trail", "KeyPolicyDenies", key_with(lambda _: others)),
    case("key", "no DescribeKey", "KeyPolicyDenies", key_with(lambda _: without("kms:DescribeKey"))),
    case("key", "no GenerateDataKey", "KeyPolicyDenies", key_with(lambda _: without("kms:GenerateDataKey*"))),
    case(
        "key",
        "Deny outside an organization",
        "KeyPolicyDenies",
        key_with(lambda _: denying(_STRANGERS, "*", "kms:GenerateDataKey*")),
    ),
    case("key", "no Decrypt, S3 Bucket Key", "KeyPolicyDenies", key_beside_bucket_key),
    case("key", "multi-region, for the account alone", "KeyPolicyDenies", multi_region_key),
    case("key", "managed by AWS", "KeyNotUsable", key_of_aws),
    case("key", "HMAC_256", "KeyNotUsable", key_of_spec("HMAC_256", "GENERATE_VERIFY_MAC")),
    case("key", "RSA_2048", "KeyNotUsable", key_of_spec("RSA_2048", "ENCRYPT_DECRYPT")),
    case("key", "disabled", "KeyDisabled", disabled_key),
    case(
        "key",
        "refuses later",
        "DeliveryFailing",
        lambda place: {**bucket(place), "kmsKeyID": place.make_key()},
        lambda place, spec: of_key(place, spec["kmsKeyID"], owner_only),
    ),
    case("topic", "missing", "TopicNotFound", missing_topic),
    case("topic", "policy as SNS makes it", "TopicPolicyDenies", plain_topic),
    case("topic", "policy for another trail", "TopicPolicyDenies", topic_with(lambda _: others)),
    case(
        "topic",
        "Deny outside an organization",
        "TopicPolicyDenies",
        topic_with(lambda arn: denying(_STRANGERS, arn, "SNS:Publish")),
    ),
    case(
        "topic",
        "policy lost later",
        "DeliveryFailing",
        topic_with(lambda _: lambda statements: None),
        lambda place, spec: of_topic(place, spec["snsTopicName"], others),
    ),
    case("topic's key", "for the account alone", "KeyPolicyDenies", topic_encrypted(key)),
    case("topic's key", "by its alias", "KeyPolicyDenies", topic_encrypted(aliased)),
    case(
        "topic's key",
        "no Decrypt",
        "KeyPolicyDenies",
        topic_encrypted(lambda place: key(place, "kms:GenerateDataKey*")),
    ),
    case("topic's key", "managed by AWS", "KeyNotUsable", topic_encrypted(of_aws)),
    case("topic's key", "disabled", "KeyDisabled", topic_encrypted(disabled_topic_key)),
    case("topic's key", "refuses later", "DeliveryFailing", topic_encrypted(good_topic_key), topics_key_refuses),
    case("log group", "missing", "LogGroupNotFound", missing_group),
    case("role", "missing", "RoleNotFound", missing_role),
    case(
        "role's trust", "of another service", "RoleNotTrusted", trusting(Principal={"Service": "config.amazonaws.com"})
    ),
    case(
        "role's trust",
        "asks for aws:SourceAccount",
        "RoleNotTrusted",
        trusting(Condition={"StringEquals": {"aws:SourceAccount": "111122223333"}}),
    ),
    case("role's permissions", "none", "RolePolicyDenies", no_permissions),
    case("role's permissions", "for another group", "RolePolicyDenies", wrong_permissions),
    case(
        "role's permissions",
        "lost later",
        "DeliveryFailing",
        logs,
        lambda place, _: place.client("iam").delete_role_policy(RoleName=place.role, PolicyName="logs"),
    ),
    case("role's boundary", "leaves logs: out", "RolePolicyDenies", bounded),
    case("role's boundary", "managed by AWS", "RolePolicyDenies", bounded_by_aws),
    case("role's boundary", "and no permissions", "RolePolicyDenies", bounded_without_permissions),
)
# Where the bucket's default key has to allow Decrypt as well: no source tells whether it has to.
DECRYPTING = (
    case("bucket's default key", "for the account alone", "KeyPolicyDenies", default_key()),
    case("bucket's default key", "no Decrypt", "KeyPolicyDenies", default_key("kms:GenerateDataKey*")),
    case("bucket's default key", "managed by AWS", "KeyPolicyDenies", default_key_of_aws),
    case("bucket's default key", "disabled", "KeyDisabled", disabled_default_key),
)


@dataclass
class Course:
    """What has come of one case so far."""

    case: Case
    place: Place
    reader: Reader
    spec: Spec
    waits: bool = False
    """Its trail is to be Ready before something happens."""
    reasons: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    is_ready: bool = False
    helpless: str = ""

    def go_on(self, trails: Trails) -> None:
        """Look at the Trail, and do what it says if that is new."""
        condition = trails.condition(self.place.trail)
        if condition.get("status") == "True":
            if self.waits and self.case.later:
                self.case.later(self.place, self.spec)
                self.waits = False
            elif not self.waits and (self.done or not self.case.later):
                self.is_ready = True
            return
        message = condition.get("message", "")
        if self.waits or not message or message in self.followed:
            return
        try:
            done = self.reader.follow(self.place.trail, message)
        except CannotFollowError as error:
            self.helpless = str(error)  # what comes next may say more
            return
        self.followed.append(message)
        self.reasons.append(condition["reason"])
        self.done.append(done)
        trails.annotate(self.place.trail, {"trail-operator.dev/reconcile-at": str(len(self.done))})

    def __str__(self) -> str:
        texts = (self.case.dependency, self.case.state, " → ".join(self.reasons), " → ".join(self.done))
        return f"| {' | '.join(texts)} | {'Ready' if self.is_ready else self.helpless or 'not Ready'} |"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulated AWS of these tests alone, without quotas and rates."""
    with started(tmp_path_factory.mktemp("aws") / "aws.log") as (url, _):
        put_settings(url, quotas=False, rates=False)
        yield url


@pytest.mark.long
@pytest.mark.parametrize(
    ("cases", "needs_decrypt"), [(CASES, False), (DECRYPTING, True)], ids=["everything", "default keys that decrypt"]
)
def test_advice_that_is_followed_leads_to_ready(
    operator_process: OperatorFactory,
    endpoint: str,
    number: str,
    trails: Trails,
    cases: tuple[Case, ...],
    needs_decrypt: bool,
) -> None:
    put_settings(endpoint, default_encryption_needs_decrypt=needs_decrypt)
    account = Account(endpoint, number)
    courses = []
    for at, one in enumerate(cases):
        region = _REGIONS[at % len(_REGIONS)]
        place = Place(account, Partition("aws", region, "us-east-1"), f"case-{at}")
        spec = one.make(place)
        reader = Reader(account, region, trails, place.owner)
        courses.append(Course(one, place, reader, spec, waits=one.later is not None))
        members = {"region": region, "isMultiRegionTrail": False, **spec}
        trails.create(trail(place.trail, place.bucket, **members))
    operator_process("--resync", resync(5), AWS_ENDPOINT_URL=endpoint)

    def all_ready() -> bool:
        for course in courses:
            if not course.is_ready:
                if course.case.later:
                    course.place.client("sqs").list_queues()  # an event to deliver
                course.go_on(trails)
        account.deliver()
        return all(course.is_ready for course in courses)

    try:
        eventually("every Trail is Ready", all_ready, 180)
    finally:
        print("\n".join(map(str, courses)))
    assert {str(course) for course in courses if course.reasons[0] != course.case.reason} == set()
