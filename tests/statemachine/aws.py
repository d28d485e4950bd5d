"""An AWS in the process: the emulator's CloudTrail, what its trails depend on, and the wire to its caller.

What is on the wire does not depend on the caller's life: a call that was sent takes effect whoever waits for it.
"""

import asyncio
import contextvars
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from botocore import xform_name
from botocore.client import BaseClient
from botocore.credentials import (
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError, ReadTimeoutError
from botocore.validate import ParamValidator

from tests.statemachine import alarm_world, raw
from tests.statemachine.alarm_world import AlarmWorld, Present
from tests.statemachine.event_bus import EventBus
from tests.statemachine.kubernetes import at
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.credentials import CredentialSource, Role
from trail_sandbox.aws.answers import status_of
from trail_sandbox.aws.cloudtrail import Call as CloudTrailCall
from trail_sandbox.aws.cloudtrail import CloudTrail
from trail_sandbox.aws.delivery import Delivery, Entry
from trail_sandbox.aws.delivery.history import History
from trail_sandbox.aws.errors import AwsError
from trail_sandbox.aws.events import ApiEvent, Caller
from trail_sandbox.aws.faults import Fault, Faults
from trail_sandbox.aws.organizations import Organization
from trail_sandbox.aws.roles import Role as LogRole
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.trails import Trail, TrailStore
from trail_sandbox.aws.world import Bucket, Key, LogGroup, Topic, World

ACCOUNT = "123456789012"
REGIONS = ("us-east-1", "eu-west-1")
BUCKETS = ("logs-one", "logs-two")
KEYS = tuple(f"{number}0000000-0000-4000-8000-000000000000" for number in (1, 2))
ALIAS = "alias/logs"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/cloudtrail-logs"
# Nobody waits longer for an answer: trail_operator.aws.client_pool.
_PATIENCE = 20.0
_OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/logs"
"""Attached to the log role."""
ISSUED = {
    "AccessKeyId": "ASIAISSUEDACCESSKEY1",
    "SecretAccessKey": "issuedSecretAccessKey",
    "SessionToken": "issuedSessionToken",
    "Expiration": "2099-01-01T00:00:00Z",
}
"""The credentials of every role."""
_ROLE_OPEN = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


OPERATOR = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/operator", "AIDAOPERATOR", "AKIAOPERATOR")
ALICE = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice", "AIDAALICE", "AKIAALICE")


def topic_arn(name: str, region: str) -> str:
    """The ARN of a topic: one and two are in every region."""
    return f"arn:aws:sns:{region}:{ACCOUNT}:{name}"


def group_arn(name: str, region: str) -> str:
    """The ARN of a log group, without its ending: one and two are in every region."""
    return f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}"


def key_arn(number: int) -> str:
    """The ARN of a key, 0 or 1: all keys are where the buckets are."""
    return f"arn:aws:kms:{REGIONS[0]}:{ACCOUNT}:key/{KEYS[number]}"


class Dependencies(World):
    """What trails depend on: all there and open to everybody, but for what is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.aliased = 0
        """Which key the alias means."""
        self.shut: set[str] = set()
        """Buckets and keys whose policies let nobody in."""
        self.subscribers = "1"
        """How many subscriptions each topic has."""
        self.bucket_policy = _OPEN
        """Of all other buckets."""

    def bucket(self, name: str) -> Bucket | None:
        if name not in BUCKETS:
            return None
        policy = None if name in self.shut else self.bucket_policy
        return Bucket(name, REGIONS[0], ACCOUNT, policy, kms_key=None, bucket_key_enabled=False)

    def topic(self, arn: str) -> Topic | None:
        return Topic(arn, ACCOUNT, arn.split(":")[3], _OPEN, None, lambda *_: None)

    def key(self, identifier: str, account: str, region: str) -> Key | None:  # noqa: ARG002 - there is one account
        if identifier.startswith("arn:"):
            region = identifier.split(":")[3]
        name = identifier.partition(":key/")[2] or identifier
        if region != REGIONS[0]:
            return None
        if name.endswith(ALIAS):
            name = KEYS[self.aliased]
        if name not in KEYS:
            return None
        arn = key_arn(KEYS.index(name))
        policy = json.dumps({"Statement": []}) if arn in self.shut else _OPEN
        return Key(arn, ACCOUNT, region, "Enabled", "SYMMETRIC_DEFAULT", policy)

    def log_group(self, arn: str) -> LogGroup | None:
        bare = arn.removesuffix(":*")
        return LogGroup(bare, bare.rpartition(":")[2], ACCOUNT, bare.split(":")[3])

    def role(self, arn: str) -> LogRole | None:
        return LogRole(arn, ACCOUNT, _OPEN, (_ROLE_OPEN,)) if arn == ROLE else None

    def organization(self, account: str) -> Organization | None:  # noqa: ARG002 - there is none
        return None

    def answer(self, service: str, operation: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What the other services answer to the operator, which only reads. Raises AwsError."""
        match service, operation:
            case "sts", "GetCallerIdentity":
                return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/operator", "UserId": "AIDA"}
            case "sts", "AssumeRole" | "AssumeRoleWithWebIdentity":
                user = {"AssumedRoleId": "AROA:session", "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/operator/session"}
                return {"Credentials": ISSUED, "AssumedRoleUser": user, "PackedPolicySize": 6}
            case "organizations", "DescribeOrganization":
                arn = f"arn:aws:organizations::{ACCOUNT}:organization/o-exampleorgid"
                return {"Organization": {"Id": "o-exampleorgid", "Arn": arn, "MasterAccountId": ACCOUNT}}
            case "s3", "GetBucketPolicy":
                bucket = self.bucket(parameters["Bucket"])
                if bucket is None or bucket.policy is None:
                    raise AwsError("NoSuchBucketPolicy" if bucket else "NoSuchBucket", "no", 404)
                return {"Policy": bucket.policy}
            case "s3", "GetBucketLocation":
                return {}
            case "s3", "GetBucketEncryption":
                rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
                return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
            case "s3", "GetBucketRequestPayment":
                return {"Payer": "BucketOwner"}
            case "sns", "GetTopicAttributes":
                attributes = {
                    "TopicArn": parameters["TopicArn"],
                    "Policy": _OPEN,
                    "SubscriptionsConfirmed": self.subscribers,
                }
                return {"Attributes": attributes}
            case "kms", "DescribeKey" | "GetKeyPolicy":
                key = self.key(parameters["KeyId"], ACCOUNT, region)
                if key is None:
                    raise AwsError("NotFoundException", "no such key")
                if operation == "GetKeyPolicy":
                    return {"Policy": key.policy}
                return {"KeyMetadata": {"Arn": key.arn, "KeyState": key.state}}
            case "iam", "GetRole":
                return {"Role": {"RoleName": parameters["RoleName"], "Arn": ROLE, "AssumeRolePolicyDocument": _OPEN}}
            case "iam", "ListRolePolicies":
                return {"PolicyNames": ["all"], "IsTruncated": False}
            case "iam", "GetRolePolicy":
                return {"RoleName": parameters["RoleName"], "PolicyName": "all", "PolicyDocument": _ROLE_OPEN}
            case "iam", "ListAttachedRolePolicies":
                attached = {"PolicyName": "logs", "PolicyArn": POLICY}
                return {"AttachedPolicies": [attached], "IsTruncated": False}
            case "iam", "GetPolicy":
                return {"Policy": {"PolicyName": "logs", "Arn": POLICY, "DefaultVersionId": "v1"}}
            case "iam", "GetPolicyVersion":
                return {"PolicyVersion": {"Document": _ROLE_OPEN, "VersionId": "v1", "IsDefaultVersion": True}}
        raise AssertionError(f"nobody answers {service}:{operation}")


def is_write(operation: str) -> bool:
    """Whether an operation is there to change something."""
    return not operation.startswith(("Get", "List", "Describe", "Lookup", "Test"))


@dataclass(eq=False)
class Call:
    """A call of the operator to AWS, with what the emulator saw of it."""

    service: str
    region: str
    operation: str
    parameters: Mapping[str, Any]
    begun: float
    by: object
    """The pass that it belongs to; None in the background."""
    request_id: str = ""
    """What AWS calls the request."""
    before: Trail | None = None
    """The trail that it means, as it was when the call took effect."""
    ended: float | None = None
    """When the caller got the answer, or what stood for one."""
    answer: Mapping[str, Any] | None = None
    error: str | None = None

    @property
    def is_write(self) -> bool:
        """Whether it is there to change something."""
        return is_write(self.operation)

    @property
    def arn(self) -> str | None:
        """The trail that it names."""
        given = self.parameters
        if "ResourceIdList" in given:
            return str(given["ResourceIdList"][0])
        name = given.get("Name") or given.get("TrailName") or given.get("ResourceId")
        if name is None or name.startswith("arn:"):
            return name
        return f"arn:aws:cloudtrail:{self.region}:{ACCOUNT}:trail/{name}"


@dataclass
class Aws:
    """All of AWS."""

    loop: asyncio.AbstractEventLoop
    random: random.Random
    took_effect: Callable[[Call], None]
    """Called when a write of the operator has taken effect."""
    world: Dependencies = field(default_factory=Dependencies)
    faults: Faults = field(default_factory=Faults)
    settings: Settings = field(default_factory=Settings)
    ignored: set[str] = field(default_factory=set)
    """Operations that are answered as if they were done, and are not."""
    calls: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """How often each operation was called."""
    """How many the operator has made."""
    garble: Callable[[Call, raw.Raw], raw.Raw | None] = lambda _, sent: sent
    """What becomes of an answer on its way; None is that it never ends."""
    swallows: Callable[[Call], bool] = lambda _: False
    """Whether a call is answered without having arrived."""
    has_web_identity: bool = False
    """Whether the operator's own identity is that of a role, by the token of its service account."""
    somebody: Caller = ALICE
    """The caller of the calls that `by_hand` makes."""
    bus: EventBus | None = None
    """Where events go, if anywhere."""
    last: dict[str, dict[str, Call]] = field(default_factory=dict)
    """The last call of each operation by a pass, by the ARN that it names."""
    changed_alarms: Callable[[Call, Present], None] = lambda *_: None
    """Called when a write to filters or alarms has taken effect, with what there was before."""

    def __post_init__(self) -> None:
        self.trails = TrailStore(lambda: at(self.loop.time()))
        self.history = History()
        self.alarms = AlarmWorld(ACCOUNT, self.loop.time, self.settings)
        self._cloudtrail = CloudTrail(
            self.trails,
            self.world,
            self.settings,
            cast(Delivery, SimpleNamespace(history=self.history)),  # LookupEvents needs no more of it
            lambda: at(self.loop.time()),
            self.loop.time,
        )

    def by_hand(self, region: str, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """What somebody else does: at once, seeing the present, without counting in the operator's rates."""
        stale, self.settings.stale_reads = self.settings.stale_reads, 0.0
        self.settings.rates = False
        try:
            return self._answer(self.somebody, str(uuid4()), region, operation, parameters)
        finally:
            self.settings.stale_reads, self.settings.rates = stale, True

    def by_hand_on_alarms(self, region: str, operation: str, **parameters: Any) -> None:
        """What somebody else does to filters and alarms."""
        self._answer_about_alarms(self.somebody, str(uuid4()), region, operation, parameters, fresh=True)

    async def request(self, call: Call, point: Callable[[], None]) -> Mapping[str, Any]:
        """Send a call, and wait for its answer. `point`: where the caller may die."""
        point()
        self.calls += call.service != "sqs"  # polls take place however few Trails there are
        self.asked[call.operation] += 1
        call.request_id = f"{self.calls:08d}-0000-4000-8000-000000000000"
        served = asyncio.get_running_loop().create_task(self._serve(call), context=contextvars.Context())
        try:
            return await asyncio.shield(served)
        finally:
            point()
            call.ended = self.loop.time()

    def request_at_once(self, call: Call) -> Mapping[str, Any]:
        """The same where the caller does not let others go on meanwhile, as botocore where it needs credentials."""
        self.calls += 1
        self.asked[call.operation] += 1
        sent = self.garble(call, raw.success(call.service, call.operation, self._act(call)))
        if sent is None:
            raise ReadTimeoutError(endpoint_url=f"https://{call.service}")
        return raw.read(call.service, call.operation, sent)

    async def _serve(self, call: Call) -> Mapping[str, Any]:
        if call.service == "sqs":
            return await self._serve_queue(call)
        await asyncio.sleep(self.random.uniform(0.001, 0.05))
        fault = self.faults.hit(call.service, call.operation, ACCOUNT, call.region)
        if call.arn and call.by is not None:
            self.last.setdefault(call.arn, {})[call.operation] = call
        if self.swallows(call):
            return await self._read(call, self.garble(call, raw.Raw(b"{}")))
        try:
            answer = self._act(call) if fault is None else await self._act_faultily(call, fault)
            sent = raw.success(call.service, call.operation, answer)
        except AwsError as error:
            sent = raw.failure(call.service, error)
        finally:
            await asyncio.sleep(self.random.uniform(0.001, 0.05))
        return await self._read(call, self.garble(call, replace(sent, request_id=call.request_id)))

    async def _serve_queue(self, call: Call) -> Mapping[str, Any]:
        """Without latencies by chance, which would change those of other calls."""
        assert self.bus is not None
        if fault := self.faults.hit(call.service, call.operation, ACCOUNT, call.region):
            await asyncio.sleep(min(fault.delay, _PATIENCE))
            error = AwsError(str(fault.error), fault.message, status_of(str(fault.error), "json"))
            return await self._read(call, raw.failure(call.service, error))
        answer = await self.bus.answer(call.operation, call.parameters)
        return await self._read(call, self.garble(call, raw.success(call.service, call.operation, answer)))

    async def _read(self, call: Call, sent: raw.Raw | None) -> Mapping[str, Any]:
        """What the caller makes of what is sent; of nothing, it waits for ever."""
        call.answer, call.error = None, "no answer"
        if sent is None:
            await asyncio.get_running_loop().create_future()
        assert sent is not None
        try:
            call.answer = raw.read(call.service, call.operation, sent)
        except ClientError as error:
            call.error = error.response["Error"]["Code"]
            raise
        call.error = None
        return call.answer

    async def _act_faultily(self, call: Call, fault: Fault) -> Mapping[str, Any]:
        if fault.when == "after":
            self._act(call)
        await asyncio.sleep(min(fault.delay, _PATIENCE))
        if fault.drop or fault.delay >= _PATIENCE:
            call.answer, call.error = None, "no answer"
            lost = ReadTimeoutError if fault.delay else EndpointConnectionError
            raise lost(endpoint_url=f"https://{call.service}")
        if fault.error:
            raise AwsError(fault.error, fault.message, status_of(fault.error, "json"))
        return call.answer if call.answer is not None else self._act(call)

    def _act(self, call: Call) -> Mapping[str, Any]:
        if call.service in alarm_world.SERVICES:
            before = self.alarms.present
            call.answer = self._answer_about_alarms(
                OPERATOR, call.request_id, call.region, call.operation, call.parameters
            )
            if self.alarms.present is not before:
                self.changed_alarms(call, before)
            return call.answer
        if call.service != "cloudtrail":
            call.answer = self.world.answer(call.service, call.operation, call.region, call.parameters)
            return call.answer
        if call.operation in self.ignored:
            call.answer = {}
            return call.answer
        call.before = self.trails.get(call.arn) if call.arn else None
        call.answer = self._answer(OPERATOR, call.request_id, call.region, call.operation, call.parameters)
        if call.is_write:
            self.took_effect(call)
        return call.answer

    def _answer(
        self, caller: Caller, request_id: str, region: str, operation: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What CloudTrail answers; event history has the writes, and the bus."""
        answer: Mapping[str, Any] | None = None
        error: str | None = None
        try:
            answer = self._cloudtrail.answer(self._call(region, operation, parameters))
        except AwsError as refusal:
            error = refusal.code
            raise
        else:
            return answer
        finally:
            if is_write(operation):
                who = caller, "203.0.113.7", "tests", request_id, error
                self._record("cloudtrail", region, operation, parameters, answer, *who)

    def _answer_about_alarms(
        self, caller: Caller, request_id: str, region: str, operation: str, parameters: Mapping[str, Any], **how: Any
    ) -> Mapping[str, Any]:
        """What CloudWatch and CloudWatch Logs answer, whose writes are recorded as well."""
        answer: Mapping[str, Any] | None = None
        error: str | None = None
        try:
            answer = self.alarms.answer(operation, region, parameters, **how)
        except AwsError as refusal:
            error = refusal.code
            raise
        else:
            return answer
        finally:
            if is_write(operation):
                service = "logs" if "Filter" in operation or "LogGroup" in operation else "monitoring"
                who = caller, "203.0.113.7", "tests", request_id, error
                self._record(service, region, operation, parameters, answer, *who)

    def _record(self, service: str, region: str, operation: str, *more: Any) -> None:
        """Event history has the call, and the bus."""
        entry = Entry(ApiEvent(at(self.loop.time()), region, service, operation, *more), ACCOUNT)
        self.history.add(entry)
        if self.bus:
            self.bus.send(entry.record)

    def _call(self, region: str, operation: str, parameters: Mapping[str, Any]) -> CloudTrailCall:
        body = {name: one.timestamp() if isinstance(one, datetime) else one for name, one in parameters.items()}
        return CloudTrailCall(operation, ACCOUNT, region, body, lambda *_: True)


Send = Callable[[str, str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class Session:
    """The operator's sessions: clients send their calls by a function of service, region, operation and parameters."""

    default_region = REGIONS[0]

    def __init__(self, aws: Aws, send: Send) -> None:
        self._aws = aws
        self._send = send
        self.own = CredentialSource(self._by_web_identity if aws.has_web_identity else _of_administrator, None)

    def assuming(self, role: Role, region: str, endpoint_url: str | None) -> CredentialSource:
        return ClientPool.assuming(cast(ClientPool, self), role, region, endpoint_url)

    def client(self, service: str, region: str, _: str | None) -> "Client":
        return Client(self._send, service, region) if service != "sts" else _Sts(self._aws, self._send, region)

    def _by_web_identity(self) -> Credentials:
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
            client_creator=lambda *_, **__: cast(BaseClient, self.client("sts", self.default_region, None)),
            web_identity_token_loader=lambda: "token",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/operator",
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, method="assume-role-with-web-identity")

    def acting_as(self, *_: object) -> AbstractContextManager[None]:
        return nullcontext()


class Client:
    """A boto3 client as far as the operator uses it: its methods hold their parameters to botocore's model."""

    def __init__(self, send: Send, service: str, region: str) -> None:
        self._send = send
        self._service = service
        self._region = region

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Mapping[str, Any]]]:
        operation = _operations(self._service)[method]
        shape = raw.operation_model(self._service, operation).input_shape

        def call(**parameters: Any) -> Awaitable[Mapping[str, Any]]:
            report = ParamValidator().validate(parameters, shape) if shape else None
            if report and report.has_errors():
                raise ParamValidationError(report=report.generate_report())
            return self._send(self._service, self._region, operation, parameters)

        return call


class _Sts(Client):
    """A client of STS, which answers a request for credentials at once."""

    def __init__(self, aws: Aws, send: Send, region: str) -> None:
        super().__init__(send, "sts", region)
        self._aws = aws

    def assume_role(self, **parameters: Any) -> Mapping[str, Any]:
        return self._issue("AssumeRole", parameters)

    def assume_role_with_web_identity(self, **parameters: Any) -> Mapping[str, Any]:
        return self._issue("AssumeRoleWithWebIdentity", parameters)

    def _issue(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        now = self._aws.loop.time()
        return self._aws.request_at_once(Call("sts", self._region, operation, parameters, now, None))


def _of_administrator() -> Credentials:
    return Credentials(ACCOUNT, "secret")


@cache
def _operations(service: str) -> dict[str, str]:
    return {xform_name(name): name for name in raw.model(service).operation_names}
