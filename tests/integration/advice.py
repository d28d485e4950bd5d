"""Somebody who follows the operator's messages: every statement goes, word for word, into what the message names."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.integration.aws import Account
from tests.integration.kubernetes import Trails

Statement = dict[str, Any]
# What is done for a Trail with the statements, where the words before them match.
Put = Callable[[str, re.Match[str], list[Statement]], str]
_DECODER = json.JSONDecoder()
_COMMAND = r"\(trail-operator policy [a-z -]+ -f FILE\)"
_NAME = r"(?P<name>[^\s,;]*[^\s,;:.])"


class CannotFollowError(AssertionError):
    """A message that says nothing that somebody could do."""


class Reader:
    """Follows messages in one account and region, and says in a few words what it did.

    `other`: the account that the bucket is in, where it is not the trail's.
    """

    def __init__(
        self,
        account: Account,
        region: str,
        trails: Trails,
        other: Account | None = None,
    ) -> None:
        self._account = account
        self._region = region
        self._trails = trails
        self._other = other or account
        # What the words before statements end with, and what then is done with these.
        self._places: Sequence[tuple[str, Put]] = (
            (
                rf"Bucket {_NAME} does not exist. Create it with this policy {_COMMAND}: $",
                self._create_bucket,
            ),
            (
                rf"Topic {_NAME} does not exist. Create it with this statement in its policy {_COMMAND}: $",
                self._create_topic,
            ),
            (
                rf"Role {_NAME} does not exist. Create it with this trust policy {_COMMAND}: $",
                self._create_role,
            ),
            (
                rf"Role {_NAME} does not exist. .* and these permissions {_COMMAND}: $",
                self._add_to_role,
            ),
            (
                rf"(policies|policy \S+) of role {_NAME}.*Add this policy to the role {_COMMAND}: $",
                self._add_to_role,
            ),
            (
                rf"Set kmsKeyID to a [^:]*key with[^:]* in its policy {_COMMAND}: $",
                self._replace_key,
            ),
            (
                rf"Bucket {_NAME} encrypts .*encrypt the bucket by default with a [^:]*key with .*policy {_COMMAND}: $",
                self._replace_default,
            ),
            (
                rf"Topic {_NAME} is encrypted .*Encrypt the topic with a [^:]*key with .*policy {_COMMAND}: $",
                self._replace_topics,
            ),
            (
                rf"boundary {_NAME} of role (?P<role>\S+) .*boundary of your own that also.* {_COMMAND}: $",
                self._replace_boundary,
            ),
            (
                rf"boundary {_NAME} of role \S+ .*Add to its Statement list {_COMMAND}: $",
                self._add_to_boundary,
            ),
            (
                rf"trust policy of role {_NAME}.*Add to its Statement list {_COMMAND}: $",
                self._add_to_trust,
            ),
            (rf"Bucket {_NAME} has no policy. Add this policy {_COMMAND}: $", self._add_to_bucket),
            (
                rf"policy of bucket {_NAME}: .*the policy must contain {_COMMAND}: $",
                self._add_to_bucket,
            ),
            (
                rf"policy of bucket {_NAME}.*Add to its Statement list {_COMMAND}: $",
                self._add_to_bucket,
            ),
            (
                rf"policy of topic {_NAME}.*Add to its Statement list {_COMMAND}: $",
                self._add_to_topic,
            ),
            (rf"policy of key {_NAME}.*Add to its Statement list {_COMMAND}: $", self._add_to_key),
        )

    def follow(self, trail: str, message: str) -> str:
        """Do what the message about a Trail says; say what that was."""
        done = [
            *self._narrow(message),
            *self._run(message),
            *self._do(message),
            *self._paste(trail, message),
        ]
        if not done:
            raise CannotFollowError(f"{trail}: {message}")
        return "; ".join(done)

    def _paste(self, trail: str, message: str) -> Iterator[str]:
        for said, statements in _remedies(message):
            # A verdict ends with its statements: what is named after those before is meant, if anything is.
            found = self._place(said[-1]) or self._place("".join(said))
            if found is None:
                raise CannotFollowError(f"{trail}: nobody knows where to put {statements}: {message}")
            put, names = found
            yield put(trail, names, statements)

    def _place(self, said: str) -> tuple[Put, re.Match[str]] | None:
        matches = ((put, re.search(pattern, said, re.DOTALL)) for pattern, put in self._places)
        return next(((put, found) for put, found in matches if found), None)

    def _narrow(self, message: str) -> Iterator[str]:
        """`SID of the policy of bucket B denies … add to its Condition: "OPERATOR":{"KEY":"VALUE"}`."""
        words = rf"(?P<sid>\w+)\W* of the policy of (?P<kind>bucket|topic|key) {_NAME}[^{{]*? denies "
        for found in re.finditer(rf"{words}.*?[Aa]dd to its Condition: (?P<add>\"\w+\":\{{.*?\}})", message, re.DOTALL):
            read, write = {
                "bucket": (self._bucket_policy, self._put_bucket_policy),
                "topic": (self._topic_policy, self._put_topic_policy),
                "key": (self._key_policy, self._put_key_policy),
            }[found["kind"]]
            policy = read(found["name"])
            statement = next(one for one in policy["Statement"] if one.get("Sid") == found["sid"])
            condition = statement.setdefault("Condition", {})
            for operator, keys in json.loads(f"{{{found['add']}}}").items():
                assert operator not in condition, "a condition would be replaced"
                condition[operator] = keys
            write(found["name"], policy)
            yield f"narrow the Deny of the {found['kind']}'s policy"

    def _do(self, message: str) -> Iterator[str]:
        """What can be said without statements: enable a key, create a log group."""
        for found in re.finditer(r"KMS key (?P<key>arn:\S+?),?(?: which)? is Disabled. Enable it", message):
            self._client("kms").enable_key(KeyId=found["key"])
            yield "enable the key"
        for found in re.finditer(r"Log group (?P<group>\S+) does not exist in \S+ Create it", message):
            self._client("logs").create_log_group(logGroupName=found["group"])
            yield "create the log group"

    def _run(self, message: str) -> Iterator[str]:
        """Commands are those of AWS's command line."""
        for found in re.finditer(r"aws s3api put-bucket-request-payment [^.;]*", message):
            words = shlex.split(found[0])
            given = dict(zip(words[3::2], words[4::2], strict=True))
            payer = dict([given["--request-payment-configuration"].split("=")])
            bucket = given["--bucket"]
            self._client("s3").put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration=payer)
            yield "run put-bucket-request-payment"

    # Buckets.

    def _create_bucket(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        where = {"LocationConstraint": self._region}
        more = {} if self._region == "us-east-1" else {"CreateBucketConfiguration": where}
        self._client("s3").create_bucket(Bucket=found["name"], **more)
        self._put_bucket_policy(found["name"], _policy(statements))
        return "create the bucket with the policy"

    def _add_to_bucket(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        self._put_bucket_policy(found["name"], _added(self._bucket_policy(found["name"]), statements))
        return "add to the bucket's policy"

    def _bucket_policy(self, bucket: str) -> dict[str, Any]:
        s3 = self._other.client("s3", self._region)
        try:
            policy: dict[str, Any] = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        except s3.exceptions.from_code("NoSuchBucketPolicy"):
            return _policy([])
        return policy

    def _put_bucket_policy(self, bucket: str, policy: dict[str, Any]) -> None:
        self._other.client("s3", self._region).put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    # Topics.

    def _create_topic(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        arn = self._client("sns").create_topic(Name=found["name"].rpartition(":")[2])["TopicArn"]
        self._put_topic_policy(arn, _policy(statements))
        return "create the topic with the statement"

    def _add_to_topic(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        self._put_topic_policy(found["name"], _added(self._topic_policy(found["name"]), statements))
        return "add to the topic's policy"

    def _topic_policy(self, topic: str) -> dict[str, Any]:
        policy: dict[str, Any] = json.loads(
            self._client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
        )
        return policy

    def _put_topic_policy(self, topic: str, policy: dict[str, Any]) -> None:
        self._set_topic(topic, "Policy", json.dumps(policy))

    def _set_topic(self, arn: str, attribute: str, value: str) -> None:
        self._client("sns").set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=value)

    # Keys.

    def _add_to_key(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        self._put_key_policy(found["name"], _added(self._key_policy(found["name"]), statements))
        return "add to the key's policy"

    def _key_policy(self, key: str) -> dict[str, Any]:
        policy: dict[str, Any] = json.loads(
            self._client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        )
        return policy

    def _put_key_policy(self, key: str, policy: dict[str, Any]) -> None:
        self._client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))

    def _new_key(self, statements: list[Statement]) -> str:
        root = {"AWS": f"arn:aws:iam::{self._account.number}:root"}
        owner = {
            "Effect": "Allow",
            "Principal": root,
            "Action": "kms:*",
            "Resource": "*",
        }
        policy = json.dumps(_policy([owner, *statements]))
        arn: str = self._client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
        return arn

    def _replace_key(self, trail: str, _: re.Match[str], statements: list[Statement]) -> str:
        self._trails.change(trail, kmsKeyID=self._new_key(statements))
        return "set kmsKeyID to a new key with the statements"

    def _replace_default(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        by_default = {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": self._new_key(statements),
        }
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]}
        self._client("s3").put_bucket_encryption(Bucket=found["name"], ServerSideEncryptionConfiguration=rules)
        return "encrypt the bucket with a new key with the statement"

    def _replace_topics(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        self._set_topic(found["name"], "KmsMasterKeyId", self._new_key(statements))
        return "encrypt the topic with a new key with the statement"

    # Roles.

    def _create_role(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        trust = json.dumps(_policy(statements))
        self._client("iam").create_role(RoleName=_last(found["name"]), AssumeRolePolicyDocument=trust)
        return "create the role with the trust policy"

    def _add_to_role(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        document = json.dumps(_policy(statements))
        role = _last(found["name"])
        self._client("iam").put_role_policy(RoleName=role, PolicyName="added", PolicyDocument=document)
        return "add the policy to the role"

    def _add_to_trust(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        iam, role = self._client("iam"), _last(found["name"])
        trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(_added(trust, statements)))
        return "add to the role's trust policy"

    def _add_to_boundary(self, _: str, found: re.Match[str], statements: list[Statement]) -> str:
        document = json.dumps(_added(self._managed(found["name"]), statements))
        self._client("iam").create_policy_version(PolicyArn=found["name"], PolicyDocument=document, SetAsDefault=True)
        return "add to the permissions boundary"

    def _replace_boundary(self, trail: str, found: re.Match[str], statements: list[Statement]) -> str:
        iam = self._client("iam")
        document = json.dumps(_added(self._managed(found["name"]), statements))
        own = iam.create_policy(PolicyName=f"boundary-{trail}", PolicyDocument=document)["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName=_last(found["role"]), PermissionsBoundary=own)
        return "give the role a boundary of one's own that also allows the statements"

    def _managed(self, arn: str) -> dict[str, Any]:
        iam = self._client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document: dict[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        return document

    def _client(self, service: str) -> Any:
        return self._account.client(service, self._region)


def _remedies(message: str) -> Iterator[tuple[list[str], list[Statement]]]:
    """All statements of a message, those with commas between them together, and the words before each."""
    said: list[str] = []
    together: list[Statement] = []
    end_of_last = 0
    for start, end, value in _values(message):
        if together and message[end_of_last:start] == ",":
            together += [value]
        else:
            if together:
                yield said, together
            said = [*said, message[end_of_last:start]]
            together = list(value.get("Statement", [value]))
        end_of_last = end
    if together:
        yield said, together


def _values(message: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The statements and policies in a message, and where they are."""
    at = message.find("{")
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(message, at)
        except json.JSONDecodeError:
            end = at + 1
        else:
            if "Effect" in value or "Statement" in value:
                yield at, end, value
        at = message.find("{", end)


def _policy(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _added(policy: dict[str, Any], statements: Sequence[Statement]) -> dict[str, Any]:
    present = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return {**policy, "Statement": [*present, *statements]}


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
