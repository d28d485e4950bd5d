"""What must hold at every moment, judged from what AWS and the API server saw."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.statemachine.aws import ACCOUNT, REGIONS, Aws, Call
from tests.statemachine.expectation import OWNER, READS, difference, found, wanted
from tests.statemachine.kubernetes import ApiServer, Manifest
from tests.statemachine.operator_life import WRITING, Pass

# The watch is that slow at most.
_NEWS_TRAVELS = 1.0
# A read that answers this is answered, too.
_ANSWERS: dict[str, dict[str, Any]] = {"InsightNotEnabledException": {}}


@dataclass
class Record:
    """The judge of all moments. What it finds is raised at the next step."""

    time: Callable[[], float]
    aws: Aws = field(init=False)
    server: ApiServer = field(init=False)
    problems: list[str] = field(default_factory=list)
    writes: list[Call] = field(default_factory=list)
    """All writes of the operator that took effect."""
    oldest_read: float = float("inf")
    """How long ago a dependency may have been read that the status newly reports."""
    shut_since: dict[str, float] = field(default_factory=dict)
    """Since when buckets and keys have let nobody in."""
    stale_until: float = 0.0
    stale_by: float = 0.0
    meddled: dict[str, float] = field(default_factory=dict)
    """When somebody else last changed whose a trail is, or whether there is one, by its ARN."""
    given: set[tuple[str, str]] = field(default_factory=set)
    """ARNs and owners that somebody else put on them."""
    known_since: dict[str, float] = field(default_factory=dict)
    """Since when each Trail has claimed its trail without a break, as far as the watch told."""
    finalize: dict[str, Manifest] = field(default_factory=dict)
    """Each Trail that has gone, as it was last, by namespace/name."""

    def took_effect(self, call: Call) -> None:
        """Judge a write of the operator."""
        self.writes.append(call)
        this = call.by
        if not isinstance(this, Pass):
            self._problem(call, "is a write of no pass")
            return
        if this.body["metadata"].get("annotations", {}).get("trail-operator.dev/paused") == "true":
            self._problem(call, "was made while the Trail was paused")
        if this.body["spec"].get("managementPolicy") == "Observe":
            self._problem(call, "was made for a Trail that only looks")
        if call.operation == "CreateTrail":
            tags = {tag["Key"]: tag.get("Value") for tag in call.parameters.get("TagsList", ())}
            if tags.get(OWNER) != this.owner:
                self._problem(call, "makes a trail without its owner tag")
            if call.arn != arn_of(this.key, this.body["spec"]):
                self._problem(call, "makes a trail elsewhere than the spec says")
            self._judge_precedence(call, this)
            return
        if call.arn != arn_of(this.key, this.body["spec"]):
            self._problem(call, "is about another trail than the Trail's own")
        if call.operation == "RemoveTags" and any(tag["Key"] == OWNER for tag in call.parameters["TagsList"]):
            self.meddled[str(call.arn)] = self.time()  # a read may show it for a while: it may be taken off twice
        assert call.before is not None
        owner = dict(call.before.tags).get(OWNER)
        if owner != this.owner and not this.is_former(owner):
            self._judge_foreign(call, this, owner)

    def _judge_foreign(self, call: Call, this: Pass, owner: str | None) -> None:
        """A write to a trail that did not carry the owner tag: was it being adopted, or taken away a moment ago?"""
        known = max((one.begun for one in this.calls if _told_of_owner(one, call)), default=None)
        if known is None:
            self._problem(call, f"was made to a trail of owner {owner} without having looked whose it is")
            return
        stale = self.stale_by if known <= self.stale_until + self.stale_by else 0.0
        if self.meddled.get(call.arn or "", -1.0) >= known - stale:
            return  # it was another's for a moment only: nobody could know
        policies = {
            spec.get("adoptionPolicy", "Never") for (uid, _), spec in self.server.specs.items() if uid == this.uid
        }
        if not (policies & {"IfUnowned", "Always"} if owner is None else "Always" in policies):
            self._problem(call, f"was made to a trail of owner {owner}")
        elif owner is not None and _had(this.body, str(call.arn)):
            self._problem(call, f"takes the trail back from {owner}")
        elif owner is not None and self._is_known_to_live(resource_of(owner, this.clusters), this):
            self._problem(call, f"takes the trail from {owner}, which lives")
        elif call.operation != "AddTags" or {"Key": OWNER, "Value": this.owner} not in call.parameters["TagsList"]:
            self._problem(call, f"was made to a trail of owner {owner} before it was marked as taken over")

    def _is_known_to_live(self, key: str, this: Pass) -> bool:
        rival = self.server.objects.get(key)
        return rival is not None and rival["metadata"]["creationTimestamp"] < this.body["metadata"]["creationTimestamp"]

    def _is_admitted(self, key: str, spec: Manifest) -> bool:
        """Whether the AWSAccount that a Trail names, if it does, lets it have a trail of its name."""
        if "accountRef" not in spec:
            return True
        account = self.server.accounts[spec["accountRef"]["name"]]["spec"]
        namespace, _, name = key.partition("/")
        names = account.get("allowedTrailNames", ["*"])
        is_named = any(fnmatchcase(spec.get("name", name), pattern) for pattern in names)
        return is_named and namespace in account["allowedNamespaces"]["names"]

    def _judge_precedence(self, call: Call, this: Pass) -> None:
        """A trail was made: no older Trail claims it that the operator must have known of when the pass began."""
        for key, rival in self.server.objects.items():
            is_older = age(rival) < age(this.body)
            is_known = self.known_since.get(key, self.time()) < this.begun - _NEWS_TRAVELS
            wants_it = arn_of(key, rival["spec"]) == call.arn and self._is_admitted(key, rival["spec"])
            if key != this.key and is_older and is_known and wants_it:
                self._problem(call, f"was made though {key} is older")

    def wrote_status(self, before: Manifest, body: Manifest) -> None:
        """Judge a status that says Ready."""
        status = body["status"]
        if any(one["reason"] == "InternalError" for one in _conditions(body)):
            self.problems.append(f"an internal error at {self.time():.2f} s: {status}")
        self._judge_dependencies(before, body)
        ready = next((one for one in _conditions(body) if one["type"] == "Ready"), None)
        this = WRITING[-1]
        if ready is None or ready["status"] != "True" or this is None or ready in _conditions(before):
            return
        uid, generation = body["metadata"]["uid"], status["observedGeneration"]
        what = f"{this.key} at {self.time():.2f} s is said to be Ready for generation {generation}"
        if ready["observedGeneration"] != generation:
            self.problems.append(f"{what}, its condition is about {ready['observedGeneration']}")
        last_write = max((one.ended or self.time() for one in this.calls if one.is_write), default=this.begun)
        answers: dict[str, Any] = {}
        for one in this.calls:
            if one.arn == status["arn"] and one.operation in READS and one.begun >= last_write:
                answer = one.answer if one.error is None else _ANSWERS.get(one.error)
                if answer is not None:
                    answers[one.operation] = answer
        if missing := [name for name in READS if name not in answers]:
            self.problems.append(f"{what}, but {', '.join(missing)} was not answered after the last write")
            return
        spec = self.server.specs[uid, generation]
        form = found(answers)
        region = status["arn"].split(":")[3]
        want = wanted(spec, this.owner, region, ACCOUNT, self.key_arn)
        if spec.get("managementPolicy") == "Observe" or this.is_former(form["Owner"]):
            want["Owner"] = form["Owner"]
        if told := self._unlike(want, form, this):
            self.problems.append(f"{what}, but AWS answered otherwise: {told}")

    def _judge_dependencies(self, before: Manifest, body: Manifest) -> None:
        """Judge a status that newly says that the dependencies are right: reads of long ago do not count."""
        told = next((one for one in _conditions(body) if one["type"] == "DependenciesReady"), None)
        if told is None or told["status"] != "True" or told in _conditions(before):
            return
        spec = self.server.specs[body["metadata"]["uid"], told["observedGeneration"]]
        if spec.get("managementPolicy") == "Observe":
            return
        key = self.key_arn(spec["kmsKeyID"], spec.get("region", REGIONS[0])) if spec.get("kmsKeyID") else None
        for what in (spec["s3BucketName"], key):
            if what in self.aws.world.shut and self.time() - self.shut_since.get(what, self.time()) > self.oldest_read:
                self.problems.append(f"{body['metadata']['name']} at {self.time():.2f} s is said to be let into {what}")

    def key_arn(self, name: str, region: str) -> str | None:
        """What a key's name means now."""
        key = self.aws.world.key(name, ACCOUNT, region)
        return key.arn if key else None

    def _unlike(self, want: dict[str, Any], form: dict[str, Any], this: Pass) -> str:
        """In what a trail is not as it should be: an alias may have been moved since the pass asked for it."""
        told = {one.answer["KeyMetadata"]["Arn"] for one in this.calls if one.operation == "DescribeKey" and one.answer}
        if form["KmsKeyId"] in told:
            want = want | {"KmsKeyId": form["KmsKeyId"]}
        return difference(want, form)

    def _problem(self, call: Call, what: str) -> None:
        by = call.by.key if isinstance(call.by, Pass) else "?"
        self.problems.append(
            f"{call.operation} of {by} at {self.time():.2f} s {what}: {dict(call.parameters)}, "
            f"trail before: {call.before}"
        )


def _conditions(body: Manifest) -> list[dict[str, Any]]:
    status = body.get("status")
    conditions = status.get("conditions", ()) if isinstance(status, dict) else ()
    return list(conditions) if isinstance(conditions, list | tuple) else []


def _had(body: Manifest, arn: str) -> bool:
    """Whether a trail is on record as the Trail's: without our finalizer it was only looked at."""
    is_held = "trail-operator.dev/finalizer" in body["metadata"].get("finalizers", ())
    return is_held and body.get("status", {}).get("arn") == arn


def arn_of(key: str, spec: Manifest) -> str:
    """The ARN of the trail that a Trail means; that of an odd spec means none."""
    if not isinstance(spec, dict):
        return ""
    name = spec.get("name") or key.partition("/")[2]
    return f"arn:aws:cloudtrail:{spec.get('region', REGIONS[0])}:{ACCOUNT}:trail/{name}"


def resource_of(owner: str, clusters: tuple[str, ...]) -> str:
    """The Trail that an owner tag names, where it has one of these names of a cluster; else the tag as it is."""
    name, _, resource = owner.partition("/")
    return resource if name in clusters else owner


def age(body: Manifest) -> tuple[str, str]:
    """By which the older of two Trails comes first."""
    return body["metadata"]["creationTimestamp"], body["metadata"]["uid"]


def _told_of_owner(one: Call, call: Call) -> bool:
    """Whether a call told the caller whose the trail is: by reading it, by making it, by marking it."""
    if one is call or one.arn != call.arn or one.begun > call.begun or one.error is not None or one.answer is None:
        return False
    return one.operation in ("ListTags", "CreateTrail") or (
        one.operation == "AddTags" and any(tag["Key"] == OWNER for tag in one.parameters["TagsList"])
    )
