"""All that can happen, as rules of a state machine: hypothesis finds walks through them, and shortens them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.statemachine.aws import ACCOUNT, REGIONS, key_arn
from tests.statemachine.expectation import OWNER
from tests.statemachine.kubernetes import Manifest
from tests.statemachine.operator_life import CLUSTER
from tests.statemachine.rest import FORCE, PAUSED, Rest
from tests.statemachine.specs import CHANGES, RECORDINGS, TRAILS, sent, spec_of

KEYS = st.sampled_from(sorted(TRAILS))
# How long what was done is left to itself: often no time at all, so that much happens during one pass.
MOMENTS = st.sampled_from([0.0, 0.0, 0.02, 0.1, 0.3, 1.0, 3.0, 12.0])
ARNS = st.sampled_from(
    [
        f"arn:aws:cloudtrail:{REGIONS[0]}:{ACCOUNT}:trail/alpha",
        f"arn:aws:cloudtrail:{REGIONS[1]}:{ACCOUNT}:trail/alpha",
        f"arn:aws:cloudtrail:{REGIONS[1]}:{ACCOUNT}:trail/beta",
    ]
)
_OWNERS = st.sampled_from([None, "elsewhere/team/trail", *(f"{CLUSTER}/{key}" for key in sorted(TRAILS))])
_OPERATIONS = st.sampled_from(
    [
        *("CreateTrail", "UpdateTrail", "DeleteTrail", "StartLogging", "StopLogging", "AddTags", "RemoveTags"),
        *(
            "PutEventSelectors",
            "PutInsightSelectors",
            "PutEventConfiguration",
            "GetTrail",
            "GetTrailStatus",
            "ListTags",
        ),
        *("GetEventSelectors", "GetInsightSelectors", "GetEventConfiguration", "DescribeTrails", "ListTrails"),
        *("DescribeKey", "GetCallerIdentity", "*"),
    ]
)
# Of each class some; none that says of a trail that it is not there: that only a stale read may do.
_ERRORS = st.sampled_from(
    [
        *("ThrottlingException", "InternalFailure", "ServiceUnavailable", "ConflictException"),
        *("InsufficientS3BucketPolicyException", "S3BucketDoesNotExistException", "KmsException"),
        *("InsufficientSnsTopicPolicyException", "InvalidCloudWatchLogsRoleArnException"),
        *("InvalidParameterException", "InvalidEventSelectorsException", "OperationNotPermittedException"),
        *("AccessDeniedException", "ExpiredTokenException", "MaximumNumberOfTrailsExceededException"),
        *("InsufficientIAMAccessPermissionException", "NotOrganizationMasterAccountException"),
    ]
)

# Hypothesis' own way of choosing, without the variations of former walks that it tries by default: every walk is new.
AVAILABLE_PROVIDERS["fresh"] = "hypothesis.internal.conjecture.providers.HypothesisProvider"

# So many steps lie between two rests at least.
_APART = 10
Changes = list[tuple[str, int]]

steps: Counter[str] = Counter()
"""How often each rule was gone through, in the whole run."""
states: set[object] = set()
"""All states that were reached, as far as they differ in kind."""


class Stage(Protocol):
    """Where it happens."""

    @property
    def objects(self) -> Mapping[str, Manifest]:
        """All Trails."""

    @property
    def time(self) -> float:
        """The time, in seconds."""

    @property
    def is_dead(self) -> bool:
        """Whether the operator does not run."""

    @property
    def ails(self) -> bool:
        """Whether anything is wrong with AWS or Kubernetes."""

    def close(self) -> None:
        """End everything."""

    def create(self, key: str, spec: Manifest) -> None:
        """Create a Trail."""

    def replace_spec(self, key: str, spec: Manifest) -> None:
        """Put another spec in place of the whole spec."""

    def annotate(self, key: str, name: str, value: str | None) -> None:
        """Set an annotation, or take it away."""

    def delete(self, key: str) -> None:
        """Ask for deletion."""

    def by_hand(self, region: str, operation: str, **parameters: Any) -> bool:
        """What somebody else does in AWS; whether AWS did it."""

    def shut(self, what: str) -> None:
        """A bucket or key, by its ARN, lets nobody in any more."""

    def fault(self, **fault: Any) -> None:
        """A fault of AWS."""

    def stale(self, seconds: float) -> None:
        """AWS answers reads from so long ago."""

    def heal(self) -> None:
        """End all that is wrong."""

    def kill(self, points: int) -> None:
        """kill -9 after so many things more have been sent or answered."""

    def stop(self) -> None:
        """SIGTERM."""

    def restart(self) -> None:
        """Start another operator in place of the one that has ended."""

    def wait(self, seconds: float) -> None:
        """Let time pass, and fail with what must not have happened in it."""

    def rest(self) -> Rest:
        """Heal everything, let everything come to rest, and tell what there is."""

    def further(self) -> tuple[int, int]:
        """Let three more resyncs pass; tell how many writes there were to AWS and to Kubernetes."""

    def kinds(self) -> object:
        """What kinds of trails there are."""


class Walk(RuleBasedStateMachine):
    """A walk on any stage."""

    stage: Stage

    def make_stage(self, seed: int) -> Stage:
        """Where the walk takes place."""
        raise NotImplementedError

    @initialize(seed=st.integers(0, 2**32), trails=st.dictionaries(KEYS, CHANGES, min_size=1), moment=MOMENTS)
    def open(self, seed: int, trails: dict[str, Changes], moment: float) -> None:
        """Everything is new but for some Trails; latencies and jitter follow from the seed."""
        self.stage = self.make_stage(seed)
        self.chosen: dict[str, Changes] = {}
        self.since_rest = 0
        for key, changes in trails.items():
            self._apply(key, changes)
        self._pass("open", moment)

    def teardown(self) -> None:
        """The walk ends at rest."""
        try:
            self._rest()
        finally:
            self.stage.close()

    # What users do.

    @rule(key=KEYS, changes=CHANGES, moment=MOMENTS)
    def apply(self, key: str, changes: Changes, moment: float) -> None:
        """A Trail is created, or its whole spec is replaced."""
        self._apply(key, changes)
        self._pass("apply", moment)

    @rule(key=KEYS, changes=CHANGES, moment=MOMENTS)
    def edit(self, key: str, changes: Changes, moment: float) -> None:
        """Some fields are changed."""
        if key in self.stage.objects:
            self._apply(key, [*self.chosen[key], *changes])
        self._pass("edit", moment)

    @rule(key=KEYS, moment=MOMENTS)
    def delete(self, key: str, moment: float) -> None:
        """A Trail is deleted."""
        if key in self.stage.objects:
            self.stage.delete(key)
        self._pass("delete", moment)

    @rule(key=KEYS, paused=st.booleans(), moment=MOMENTS)
    def pause(self, key: str, paused: bool, moment: float) -> None:
        """A Trail is paused, or goes on."""
        self._annotate(key, PAUSED, "true" if paused else None)
        self._pass("pause", moment)

    @rule(key=KEYS, moment=MOMENTS)
    def force(self, key: str, moment: float) -> None:
        """Somebody wants a Trail looked at."""
        self._annotate(key, FORCE, str(self.stage.time))
        self._pass("force", moment)

    # What people and others do in AWS.

    @rule(arn=ARNS, operation=st.sampled_from(["StopLogging", "StartLogging", "DeleteTrail"]), moment=MOMENTS)
    def meddle(self, arn: str, operation: str, moment: float) -> None:
        """Somebody stops, starts or deletes a trail."""
        self._by_hand(arn, operation, Name=arn)
        self._pass(operation, moment)

    @rule(arn=ARNS, data=st.data(), moment=MOMENTS)
    def meddle_with_fields(self, arn: str, data: st.DataObject, moment: float) -> None:
        """Somebody changes what UpdateTrail can."""
        changes = {
            "S3BucketName": st.sampled_from(["logs-one", "logs-two"]),
            "S3KeyPrefix": st.sampled_from(["", "by-hand"]),
            "SnsTopicName": st.sampled_from(["", "two"]),
            "KmsKeyId": st.sampled_from(["", key_arn(0), key_arn(1)]),
            "EnableLogFileValidation": st.booleans(),
            "RecursiveLogging": st.booleans(),
            "IsMultiRegionTrail": st.booleans(),
            "IncludeGlobalServiceEvents": st.booleans(),
        }
        self._by_hand(arn, "UpdateTrail", Name=arn, **data.draw(st.fixed_dictionaries({}, optional=changes), "changes"))
        self._pass("meddle_with_fields", moment)

    @rule(arn=ARNS, recording=st.sampled_from(RECORDINGS), moment=MOMENTS)
    def meddle_with_recording(self, arn: str, recording: Manifest, moment: float) -> None:
        """Somebody changes what a trail records."""
        for operation, parameters in [
            ("PutInsightSelectors", {"InsightSelectors": []}),
            ("PutEventConfiguration", {"AggregationConfigurations": []}),
            *sent(recording),
        ]:
            self._by_hand(arn, operation, TrailName=arn, **parameters)
        self._pass("meddle_with_recording", moment)

    @rule(
        arn=ARNS,
        tags=st.dictionaries(st.sampled_from(["env", "extra"]), st.sampled_from(["z", None])),
        moment=MOMENTS,
    )
    def meddle_with_tags(self, arn: str, tags: dict[str, str | None], moment: float) -> None:
        """Somebody sets tags, or takes them off."""
        self._tag(arn, tags)
        self._pass("meddle_with_tags", moment)

    @rule(arn=ARNS, owner=_OWNERS, moment=MOMENTS)
    def meddle_with_owner(self, arn: str, owner: str | None, moment: float) -> None:
        """Somebody says that a trail is another's, or nobody's."""
        self._tag(arn, {OWNER: owner})
        self._pass("meddle_with_owner", moment)

    @rule(arn=ARNS, owner=_OWNERS, everywhere=st.booleans(), moment=MOMENTS)
    def make(self, arn: str, owner: str | None, everywhere: bool, moment: float) -> None:
        """Somebody else makes a trail of that name."""
        tags = [{"Key": OWNER, "Value": owner}] if owner else [{"Key": "env", "Value": "theirs"}]
        name = arn.partition(":trail/")[2]
        self._by_hand(
            arn, "CreateTrail", Name=name, S3BucketName="logs-two", IsMultiRegionTrail=everywhere, TagsList=tags
        )
        self._pass("make", moment)

    # What goes wrong.

    @rule(what=st.sampled_from(["logs-one", "logs-two", key_arn(0), key_arn(1)]), moment=MOMENTS)
    def shut(self, what: str, moment: float) -> None:
        """A bucket or a key lets nobody in any more."""
        self.stage.shut(what)
        self._pass("shut", moment)

    @rule(
        operation=_OPERATIONS,
        error=_ERRORS,
        when=st.sampled_from(["before", "after"]),
        skip=st.integers(0, 3),
        count=st.sampled_from([1, 2, 5, None]),
        moment=MOMENTS,
    )
    def refuse(self, operation: str, error: str, when: str, skip: int, count: int | None, moment: float) -> None:
        """AWS answers an error, before or after the call took effect."""
        self.stage.fault(operation=operation, error=error, when=when, skip=skip, count=count)
        self._pass("refuse", moment)

    @rule(
        operation=_OPERATIONS,
        delay=st.sampled_from([0.0, 0.5, 5.0, 30.0]),
        drop=st.booleans(),
        when=st.sampled_from(["before", "after"]),
        skip=st.integers(0, 3),
        count=st.sampled_from([1, 2, 5]),
        moment=MOMENTS,
    )
    def lose(self, operation: str, delay: float, drop: bool, when: str, skip: int, count: int, moment: float) -> None:
        """Answers of AWS are late, or lost."""
        if delay or drop:
            self.stage.fault(operation=operation, delay=delay, drop=drop, when=when, skip=skip, count=count)
        self._pass("lose", moment)

    @rule(seconds=st.sampled_from([0.0, 1.0, 4.0, 8.0]), moment=MOMENTS)
    def read_stale(self, seconds: float, moment: float) -> None:
        """AWS answers reads from a while ago."""
        self.stage.stale(seconds)
        self._pass("read_stale", moment)

    @rule(moment=MOMENTS)
    @precondition(lambda self: self.stage.ails)
    def heal(self, moment: float) -> None:
        """All that is wrong ends."""
        self.stage.heal()
        self._pass("heal", moment)

    @rule(points=st.integers(0, 30), down=st.sampled_from([0.0, 0.5, 15.0]), moment=MOMENTS)
    @precondition(lambda self: not self.stage.is_dead)
    def kill(self, points: int, down: float, moment: float) -> None:
        """The operator is killed, at once or at some point of what it does next, and started again."""
        self.stage.kill(points)
        self.stage.wait(moment)
        if self.stage.is_dead:
            self.stage.wait(down)
            self.stage.restart()
        self._pass("kill", moment)

    @rule(moment=MOMENTS)
    @precondition(lambda self: self.stage.is_dead)
    def restart(self, moment: float) -> None:
        """An operator that was killed is started again."""
        self.stage.restart()
        self._pass("restart", moment)

    @rule(moment=MOMENTS)
    @precondition(lambda self: not self.stage.is_dead)
    def stop(self, moment: float) -> None:
        """The operator is stopped as Kubernetes does it, and started again."""
        self.stage.stop()
        self.stage.restart()
        self._pass("stop", moment)

    # Time.

    @rule(seconds=st.sampled_from([5.0, 20.0, 70.0, 250.0]))
    def wait(self, seconds: float) -> None:
        """Nothing happens for a while."""
        self._pass("wait", seconds)

    @rule()
    @precondition(lambda self: self.since_rest > _APART)
    def stand_still(self) -> None:
        """Everything is mended and comes to rest."""
        self._rest()
        self._pass("stand_still", 0.0)

    # Within.

    def _apply(self, key: str, changes: Changes) -> None:
        self.chosen[key] = list(dict(changes).items())
        spec = spec_of(key, self.chosen[key])
        note(f"{key}: {spec}")
        if key in self.stage.objects:
            self.stage.replace_spec(key, spec)
        else:
            self.stage.create(key, spec)

    def _annotate(self, key: str, name: str, value: str | None) -> None:
        if key in self.stage.objects:
            self.stage.annotate(key, name, value)

    def _by_hand(self, arn: str, operation: str, **parameters: Any) -> None:
        self.stage.by_hand(arn.split(":")[3], operation, **parameters)

    def _tag(self, arn: str, tags: dict[str, str | None]) -> None:
        on = [{"Key": key, "Value": value} for key, value in tags.items() if value]
        off = [{"Key": key} for key, value in tags.items() if not value]
        if off:
            self._by_hand(arn, "RemoveTags", ResourceId=arn, TagsList=off)
        if on:
            self._by_hand(arn, "AddTags", ResourceId=arn, TagsList=on)

    def _pass(self, name: str, seconds: float) -> None:
        self.stage.wait(seconds)
        steps[name] += 1
        self.since_rest += 1
        states.add(self._state())

    def _rest(self) -> None:
        self.since_rest = 0
        rest = self.stage.rest()
        problems = self._judge(rest)
        assert not problems, "at rest:\n" + "\n".join(problems)
        to_aws, to_kubernetes = self.stage.further()
        assert (to_aws, to_kubernetes) == (0, 0), (
            f"at rest there are writes: {to_aws} to AWS, {to_kubernetes} to Kubernetes"
        )
        self._compare(rest)

    def _judge(self, rest: Rest) -> list[str]:
        """All that is not as it must be at rest."""
        return rest.judge()

    def _compare(self, rest: Rest) -> None:
        """What else there is to see at rest."""

    def _state(self) -> object:
        """The state, as far as it differs in kind from others."""
        stage = self.stage
        trails = tuple(
            (key, "deletionTimestamp" in body["metadata"], *_told(body)) for key, body in sorted(stage.objects.items())
        )
        return trails, stage.kinds(), stage.is_dead, stage.ails


def _told(body: Manifest) -> tuple[object, ...]:
    conditions = tuple(
        (one["type"], one["status"], one["reason"]) for one in body.get("status", {}).get("conditions", ())
    )
    return conditions, tuple(sorted(body["spec"])), body["spec"].get("managementPolicy")
