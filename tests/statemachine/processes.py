"""The stage of real processes: an API server, the emulated AWS, and `trail-operator run`, killed by kill -9."""

import json
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.integration.kubernetes import Trails
from tests.integration.process import Operator
from tests.patience import resync, seconds
from tests.statemachine.aws import ACCOUNT, ALIAS, BUCKETS, KEYS, REGIONS
from tests.statemachine.expectation import OWNER, READS
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.record import arn_of
from tests.statemachine.rest import FORCE, Rest
from tests.statemachine.specs import TRAILS

NAMESPACES = ("team-a", "team-b")
RESYNC = resync(1)
# Beyond these a test would only wait.
_LONGEST_WAIT = 3.0
_LONGEST_DELAY = 2.0
_AT_REST_WITHIN = seconds(45)
_POINT = 0.02
_QUIET = 3 * 1.2 * float(RESYNC.removesuffix("s")) + 1.0
_TRIES = 4
# Between a look at whose a trail is and the write that follows it.
_RACE = 10.0
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 10})
_ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "*"}


class Aws:
    """The emulated AWS of a process of its own, seen by its administrator."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.keys: list[str] = []
        """The ids of the keys, which are not ours to choose."""
        self._session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="secret")
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = REGIONS[0]) -> Any:
        """A client of a service."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._session.client(
                service,  # type: ignore[call-overload]
                region_name=region,
                endpoint_url=self.endpoint,
                config=_CONFIG,
            )
        return self._clients[service, region]

    def control(self, method: str, path: str, **more: Any) -> Any:
        """The control API."""
        answer = requests.request(method, f"{self.endpoint}/_sandbox/{path}", timeout=20, **more)
        answer.raise_for_status()
        return answer.json()

    def begin(self) -> dict[str, str]:
        """Begin anew, with all that trails depend on; return the credentials of the operator, a user of its own."""
        self.control("POST", "reset")
        self.keys = [self.client("kms").create_key()["KeyMetadata"]["KeyId"] for _ in KEYS]
        self.client("kms").create_alias(AliasName=ALIAS, TargetKeyId=self.keys[0])
        for bucket in BUCKETS:
            self.client("s3").create_bucket(Bucket=bucket)
        self.open()
        for region in REGIONS:
            for name in ("one", "two"):
                arn = self.client("sns", region).create_topic(Name=name)["TopicArn"]
                self.client("sns", region).set_topic_attributes(
                    TopicArn=arn, AttributeName="Policy", AttributeValue=_policy({**_ANYBODY, "Resource": arn})
                )
                self.client("logs", region).create_log_group(logGroupName=name)
        iam = self.client("iam")
        anything = _policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
        iam.create_role(
            RoleName="cloudtrail-logs", AssumeRolePolicyDocument=_policy({**_ANYBODY, "Action": "sts:AssumeRole"})
        )
        iam.put_role_policy(RoleName="cloudtrail-logs", PolicyName="all", PolicyDocument=anything)
        iam.create_user(UserName="operator")
        iam.put_user_policy(UserName="operator", PolicyName="all", PolicyDocument=anything)
        key = iam.create_access_key(UserName="operator")["AccessKey"]
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_DEFAULT_REGION": REGIONS[0],
        }

    def open(self) -> None:
        """Let everybody into all buckets and keys."""
        for bucket in BUCKETS:
            resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
            self.client("s3").put_bucket_policy(Bucket=bucket, Policy=_policy({**_ANYBODY, "Resource": resources}))
        for key in self.keys:
            self.client("kms").put_key_policy(
                KeyId=key, PolicyName="default", Policy=_policy({**_ANYBODY, "Resource": "*"})
            )

    def real(self, value: Any) -> Any:
        """A value with the real ids of keys."""
        return _replaced(value, dict(zip(KEYS, self.keys, strict=True)))

    def told(self, value: Any) -> Any:
        """A value with the ids of keys by which the walk knows them."""
        return _replaced(value, dict(zip(self.keys, KEYS, strict=True)))


class ProcessStage:
    """A world of its own, with one operator."""

    def __init__(self, api: client.ApiClient, environment: Mapping[str, str], aws: Aws, log: Path) -> None:
        self._trails = {name: Trails(api, name) for name in NAMESPACES}
        self._aws = aws
        self._last: dict[str, Manifest] = {}
        self._policies: dict[str, set[str]] = {}
        self._meddled: dict[str, float] = {}
        self._given: set[tuple[str, str]] = set()
        self._owners: dict[str, str | None] = {}
        self._seen = 0
        self.ails = False
        self._clear()
        credentials = aws.begin()
        self._seen = aws.control("GET", "calls")["next"]
        arguments = [*(f"--namespace={name}" for name in NAMESPACES), "--cluster-name=test", "--health-port=0"]
        arguments.append("--allowed-adoption=Always")
        arguments.append("--drift-attribution=None")  # what is learned minutes later is no rest
        arguments.append("--account-selector=test=none")  # the AWSAccounts of the cluster are other tests'
        self._operator = Operator(
            {**environment, **credentials}, log, [*arguments, f"--resync={RESYNC}", "--dependency-resync=5s"]
        ).start()

    def close(self) -> None:
        """End everything."""
        if self._operator.running:
            self._operator.kill()
        self._clear()

    # Trails.

    @property
    def objects(self) -> Mapping[str, Manifest]:
        """All Trails."""
        found = {}
        for namespace, trails in self._trails.items():
            for body in trails.all():
                found[f"{namespace}/{body['metadata']['name']}"] = self._aws.told(body)
        self._last |= found
        return found

    def create(self, key: str, spec: Manifest) -> None:
        """Create a Trail."""
        self._know(key, spec)
        trails, name = self._of(key)
        manifest = {"apiVersion": "trail-operator.dev/v1beta1", "kind": "Trail", "metadata": {"name": name}}
        trails.create({**manifest, "spec": self._aws.real(spec)})

    def replace_spec(self, key: str, spec: Manifest) -> None:
        """Put another spec in place of the whole spec."""
        trails, name = self._of(key)
        self._know(key, spec)
        _unless_gone(lambda: trails.replace_spec(name, **self._aws.real(spec)))

    def annotate(self, key: str, name: str, value: str | None) -> None:
        """Set an annotation, or take it away."""
        trails, trail = self._of(key)
        _unless_gone(lambda: trails.annotate(trail, {name: value}))

    def delete(self, key: str) -> None:
        """Ask for deletion."""
        trails, name = self._of(key)
        _unless_gone(lambda: trails.delete(name))

    # AWS.

    def by_hand(self, region: str, operation: str, **parameters: Any) -> bool:
        """What somebody else does in AWS; whether AWS did it."""
        cloudtrail = self._aws.client("cloudtrail", region)
        arn = parameters.get("ResourceId") or parameters.get("Name") or parameters["TrailName"]
        arn = arn if arn.startswith("arn:") else f"arn:aws:cloudtrail:{region}:{ACCOUNT}:trail/{arn}"
        try:
            getattr(cloudtrail, _snake(operation))(**self._aws.real(parameters))
        except ClientError:
            return False
        tags = {tag["Key"]: tag.get("Value") for tag in parameters.get("TagsList", ())}
        if operation in ("CreateTrail", "DeleteTrail") or OWNER in tags:
            self._meddled[arn] = self.time
            self._given.add((arn, str(tags.get(OWNER))))
        return True

    def shut(self, what: str) -> None:
        """A bucket or key lets nobody in any more."""
        self.ails = True
        if what in BUCKETS:
            self._aws.client("s3").delete_bucket_policy(Bucket=what)
        else:
            root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
            policy = _policy({"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"})
            self._aws.client("kms").put_key_policy(KeyId=self._aws.real(what), PolicyName="default", Policy=policy)

    def fault(self, **fault: Any) -> None:
        """A fault of AWS, which the administrator is spared."""
        self.ails = True
        fault["delay"] = min(fault.get("delay", 0.0), _LONGEST_DELAY)
        self._aws.control("POST", "faults", json={"service": "cloudtrail", **fault})

    def stale(self, seconds: float) -> None:
        """AWS answers reads from so long ago."""
        self.ails = True
        self._aws.control("PUT", "settings", json={"stale_reads": seconds})

    def heal(self) -> None:
        """End all that is wrong."""
        self._aws.control("DELETE", "faults")
        self._aws.control("PUT", "settings", json={"stale_reads": 0})
        self._aws.open()
        self.ails = False

    def kinds(self) -> object:
        """What kinds of trails there are: not asked for, it takes time."""
        return None

    # Time, and the operator's life.

    @property
    def time(self) -> float:
        """The time, in seconds."""
        return time.time()

    @property
    def is_dead(self) -> bool:
        """Whether the operator does not run."""
        return not self._operator.running

    def kill(self, points: int) -> None:
        """kill -9, after a moment."""
        time.sleep(points * _POINT)
        self._operator.kill()

    def stop(self) -> None:
        """SIGTERM."""
        status = self._operator.stop()
        assert status in (0, -signal.SIGTERM), f"the operator ended with {status}"  # the latter while it still started

    def restart(self) -> None:
        """Start another operator in place of the one that has ended."""
        self._operator.start(wait=False)

    def wait(self, seconds: float) -> None:
        """Let time pass, and fail with what must not have happened in it."""
        time.sleep(min(seconds, _LONGEST_WAIT))
        self._judge_calls()

    # At rest.

    def rest(self) -> Rest:
        """Heal everything, wait until everything has come to rest, and tell what there is."""
        self.heal()
        if self.is_dead:
            self.restart()
        deadline = self.time + _AT_REST_WITHIN
        forced = 0.0
        while True:
            if self.time - forced > _LONGEST_WAIT * 5:  # nobody wants to wait for a backoff
                forced = self.time
                for key in self.objects:
                    self.annotate(key, FORCE, str(forced))
            objects, answers = self.objects, self._answers()
            rest, judged = (Rest(objects, answers, self._key_arn, self._last, self._given) for _ in range(2))
            if self.time > deadline or not judged.judge():
                return rest
            time.sleep(0.5)

    def further(self) -> tuple[int, int]:
        """Let three more resyncs pass; tell how many writes there were to AWS and to Kubernetes."""
        for _ in range(_TRIES):
            writes = self._writes_of_a_while()
            if writes == (0, 0):
                break  # warnings come a little later than all else
        return writes

    def _writes_of_a_while(self) -> tuple[int, int]:
        since = self._aws.control("GET", "calls")["next"]
        before = {key: body["metadata"]["resourceVersion"] for key, body in self.objects.items()}
        time.sleep(_QUIET)
        self._judge_calls()
        after = {key: body["metadata"]["resourceVersion"] for key, body in self.objects.items()}
        writes = [call for call in self._calls(since) if _is_write(call) and call["error"] is None]
        return len(writes), sum(before.get(key) != version for key, version in after.items())

    # Within.

    def _of(self, key: str) -> tuple[Trails, str]:
        namespace, _, name = key.partition("/")
        return self._trails[namespace], name

    def _know(self, key: str, spec: Manifest) -> None:
        self._policies.setdefault(arn_of(key, spec), set()).add(spec.get("adoptionPolicy", "Never"))

    def _calls(self, since: int) -> list[dict[str, Any]]:
        """The operator's and others' calls to CloudTrail."""
        calls = self._aws.control("GET", "calls", params={"since": since})["calls"]
        return [call for call in calls if call["service"] == "cloudtrail"]

    def _judge_calls(self) -> None:
        """Whose a trail was when the operator wrote to it: told by all writes until then."""
        calls = self._calls(self._seen)
        for call in calls:
            if not call["answered"]:
                break  # how it ends is not known yet; the rest is judged the next time
            self._seen = call["sequence"] + 1
            if call["error"] is None and not call["operation"].startswith(("Get", "List", "Describe", "Lookup")):
                self._judge_write(call)

    def _judge_write(self, call: dict[str, Any]) -> None:
        given = call["parameters"]
        arn = given.get("ResourceId") or given.get("Name") or given["TrailName"]
        arn = arn if arn.startswith("arn:") else f"arn:aws:cloudtrail:{call['region']}:{ACCOUNT}:trail/{arn}"
        tags = {tag["Key"]: tag.get("Value") for tag in given.get("TagsList", ())}
        owner = self._owners.get(arn)
        mine = {f"test/{key}" for key, fixed in TRAILS.items() if arn_of(key, fixed) == arn}
        if str(call["caller"]).endswith(":user/operator"):
            if call["operation"] == "CreateTrail":
                assert tags.get(OWNER) in mine, f"a trail was made with the owner tag {tags.get(OWNER)}: {call}"
            elif owner not in mine and self.time - self._meddled.get(arn, 0.0) > _RACE:
                policies = self._policies.get(arn, set())
                may = policies & {"IfUnowned", "Always"} if owner is None else "Always" in policies
                assert may, f"a trail of {owner} was written to: {call}"
        if call["operation"] == "DeleteTrail":
            self._owners.pop(arn, None)
        elif call["operation"] == "RemoveTags" and OWNER in tags:
            self._owners[arn] = None
        elif OWNER in tags:
            self._owners[arn] = tags[OWNER]

    def _answers(self) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for trail in self._aws.client("cloudtrail").list_trails()["Trails"]:
            arn = trail["TrailARN"]
            cloudtrail = self._aws.client("cloudtrail", trail["HomeRegion"])
            answers: dict[str, Any] = {}
            for operation in READS:
                name = "Name" if operation in ("GetTrail", "GetTrailStatus") else "TrailName"
                parameters = {"ResourceIdList": [arn]} if operation == "ListTags" else {name: arn}
                try:
                    answers[operation] = self._aws.told(getattr(cloudtrail, _snake(operation))(**parameters))
                except ClientError as error:
                    if error.response["Error"]["Code"] != "InsightNotEnabledException":
                        return self._answers()  # a trail has gone meanwhile
                    answers[operation] = {}
            found[arn] = answers
        return found

    def _key_arn(self, name: str, region: str) -> str | None:
        if name.startswith("arn:") and ":key/" in name:
            return name
        if region != REGIONS[0] and not name.startswith("arn:"):
            return None
        key = KEYS[0] if name.endswith(ALIAS) else name
        return f"arn:aws:kms:{REGIONS[0]}:{ACCOUNT}:key/{key}"

    def _clear(self) -> None:
        """Take away all Trails that are left."""
        for trails in self._trails.values():
            for name in trails.names():
                _unless_gone(lambda trails=trails, name=name: trails.delete(name))
                _unless_gone(lambda trails=trails, name=name: trails.release(name))


def _is_write(call: dict[str, Any]) -> bool:
    return not call["operation"].startswith(("Get", "List", "Describe", "Lookup"))


def _unless_gone(act: Any) -> None:
    try:
        act()
    except ApiException as error:
        if error.status != 404:
            raise


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    text = json.dumps(value, default=str)
    for name, other in names.items():
        text = text.replace(name, other)
    return json.loads(text)


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
