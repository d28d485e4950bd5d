"""Who caused a drift, as event history records it: every kind of change by every kind of caller, or unknown.

The operator asks event history a minute after it has found a drift: tests/statemachine has that, in virtual time. Here
the emulator's records are read as the operator reads them. The event queue names a caller at once.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.aws import REGION, Account
from tests.integration.conftest import OperatorFactory
from tests.integration.kubernetes import Trails, trail
from tests.patience import eventually
from tests.sandbox.buses import OF_CLOUDTRAIL, Bus
from tests.sandbox.identities import allow, client, role, trusting, user, written
from tests.sandbox.organizations import Organization
from tests.unit.aws_clients import connection
from tests.unit.test_metrics import state
from trail_operator.api.trail_status import ChangedBy, Difference
from trail_operator.aws.client import AWSClient
from trail_operator.aws.client_pool import ClientPool
from trail_operator.aws.event_history import EventHistory
from trail_operator.domain.attribution import AttributionMode, Attributor, DetectedDrift, trail_ref
from trail_operator.domain.cloudtrail_event import CloudTrailEvent
from trail_operator.domain.drift_causes import causes_of
from trail_operator.metrics import Metrics
from trail_operator.reconcile.history_lookups import HistoryLookups
from trail_operator.runtime.clock import Clock
from trail_operator.trail.state import TrailState

NAME = "audit"
DATA = [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::bucket-a/x"]}]}]
ADVANCED = [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
SERVICE = "cloudformation.amazonaws.com"


@dataclass(frozen=True)
class Change:
    """A call that somebody makes, and a path that then differs."""

    method: str
    parameters: dict[str, Any]
    path: str
    observed: str = "x"
    trail: str = "Name"
    """The parameter that names the trail."""


# The trail begins with AWS's defaults, and is logging.
CHANGES = {
    "logging stopped": Change("stop_logging", {}, "isLogging", "false"),
    "logging started": Change("start_logging", {}, "isLogging", "true"),
    "deleted": Change("delete_trail", {}, "trail", "absent"),
    "no global services": Change(
        "update_trail", {"IncludeGlobalServiceEvents": False}, "includeGlobalServiceEvents", "false"
    ),
    "multi-region": Change("update_trail", {"IsMultiRegionTrail": True}, "isMultiRegionTrail", "true"),
    "validation": Change("update_trail", {"EnableLogFileValidation": True}, "enableLogFileValidation", "true"),
    "selectors": Change("put_event_selectors", {"EventSelectors": DATA}, "eventSelectors[0].x", trail="TrailName"),
    "advanced selectors": Change(
        "put_event_selectors", {"AdvancedEventSelectors": ADVANCED}, "advancedEventSelectors", trail="TrailName"
    ),
    "insights": Change(
        "put_insight_selectors",
        {"InsightSelectors": [{"InsightType": "ApiCallRateInsight"}]},
        "insightSelectors",
        trail="TrailName",
    ),
    "aggregation off": Change(
        "put_event_configuration", {"AggregationConfigurations": []}, "aggregationConfigurations", trail="TrailName"
    ),
    "tag added": Change("add_tags", {"TagsList": [{"Key": "a", "Value": "b"}]}, "tags[a]", trail="ResourceId"),
    "tag removed": Change("remove_tags", {"TagsList": [{"Key": "a"}]}, "tags[a]", "absent", trail="ResourceId"),
}


@dataclass(frozen=True)
class Caller:
    """Somebody who changes the trail, and what is to be said of them."""

    client: Any
    principal: str
    source_identity: str | None = None
    address: str | None = None


def root(account: Account) -> Caller:
    return Caller(account.cloudtrail, f"arn:aws:iam::{account.number}:root")


def iam_user(account: Account) -> Caller:
    keys = user(account, allow("*"))
    return Caller(client(account, "cloudtrail", keys), f"arn:aws:iam::{account.number}:user/alice")


def session(account: Account, name: str = "auditor", session: str = "alice@example.com", **more: Any) -> Caller:
    trusted = trusting(account.number, "sts:AssumeRole", "sts:SetSourceIdentity")
    path = {"Path": more.pop("path")} if "path" in more else {}
    arn = role(account, allow("*"), trust=trusted, name=name, **path)
    sts = client(account, "sts", user(account, allow("*"), name="bob"))
    keys = sts.assume_role(RoleArn=arn, RoleSessionName=session, **more)["Credentials"]
    principal = f"arn:aws:sts::{account.number}:assumed-role/{name}/{session}"
    return Caller(client(account, "cloudtrail", keys), principal, more.get("SourceIdentity"))


def session_with_source_identity(account: Account) -> Caller:
    return session(account, SourceIdentity="alice")


def identity_center(account: Account) -> Caller:
    name = "AWSReservedSSO_Administrator_0123456789abcdef"
    return session(account, name, path="/aws-reserved/sso.amazonaws.com/")


def cloudformation(account: Account) -> Caller:
    caller = iam_user(account)

    def invoke(request: Any, **_: Any) -> None:
        request.headers["x-sandbox-invoked-by"] = SERVICE

    caller.client.meta.events.register("before-send", invoke)
    return replace(caller, address=SERVICE)


def own_role_elsewhere(account: Account) -> Caller:
    return session(account, "trail-operator", "trail-operator@test@1")


CALLERS: dict[str, Callable[[Account], Caller]] = {
    "root": root,
    "user": iam_user,
    "session": session,
    "session with source identity": session_with_source_identity,
    "Identity Center": identity_center,
    "CloudFormation": cloudformation,
    "own role elsewhere": own_role_elsewhere,
}


class Reader:
    """The operator's way to event history, with the credentials of an account."""

    def __init__(self, account: Account, keys: dict[str, str] | None = None) -> None:
        keys = keys or {"AccessKeyId": account.number, "SecretAccessKey": "secret"}
        with pytest.MonkeyPatch.context() as environment:
            for name, value in account.environment.items():
                environment.setenv(name, value)
            environment.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
            environment.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
            pool = ClientPool(REGION, time.monotonic, lambda: None)
            pool.own.credentials()
        self._connection = connection(pool, endpoint_url=account.endpoint)
        self.metrics = Metrics()

    def lookups(self, counted: str) -> float:
        value = self.metrics.registry.get_sample_value("trail_operator_drift_lookups_total", {"result": counted})
        return value or 0.0

    def attribute(self, drift: DetectedDrift, queued: Collection[CloudTrailEvent] = ()) -> ChangedBy | None:
        """Who is named as the cause of a drift. `queued`: events that the event queue has delivered."""
        return asyncio.run(self._attribute(drift, queued))

    async def _attribute(self, drift: DetectedDrift, queued: Collection[CloudTrailEvent]) -> ChangedBy | None:
        aws = AWSClient(self._connection)
        await aws.identity(REGION)
        history = EventHistory(aws)
        lookups = HistoryLookups[TrailState](lambda _: history, lambda _: False, self.metrics, Clock())
        attributor = Attributor(AttributionMode.FULL, lambda _: False)
        answer = await lookups.ask(state(), drift, final=True)
        return attributor.changed_by(attributor.attribute(drift, queued, answer))


def logging_trail(account: Account) -> str:
    """A trail with a tag and an aggregation, which is logging; its ARN."""
    bucket = account.bucket(f"logs-{account.number}", NAME)
    arn: str = account.cloudtrail.create_trail(Name=NAME, S3BucketName=bucket)["TrailARN"]
    account.cloudtrail.start_logging(Name=NAME)
    return arn


def changed(account: Account, arn: str, change: Change, by: Any) -> DetectedDrift:
    """Have somebody change the trail, after what made it: the drift that the operator then finds."""
    if change.method == "start_logging":
        account.cloudtrail.stop_logging(Name=arn)
        time.sleep(1.0)  # AWS allows one call of a kind a second, and the trail was just started
    if change.method == "remove_tags":
        account.cloudtrail.add_tags(ResourceId=arn, TagsList=change.parameters["TagsList"])
    # CloudTrail records whole seconds: what came before must not be in the same.
    time.sleep(1.0 - time.time() % 1.0)
    since = datetime.now(UTC).replace(microsecond=0)
    getattr(by, change.method)(**{change.trail: arn}, **change.parameters)
    difference = Difference(path=change.path, desired="y", observed=change.observed)
    detected = datetime.now(UTC).replace(microsecond=0)
    return DetectedDrift(frozenset({trail_ref(arn)}), (change.path,), causes_of([difference]), since, detected)


@pytest.mark.sampled("callers")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("change", CHANGES)
def test_each_caller_of_each_change_is_named(account: Account, change: str, caller: str) -> None:
    arn = logging_trail(account)
    if change == "aggregation off":
        account.client("cloudtrail").put_event_selectors(TrailName=arn, EventSelectors=DATA)
    who = CALLERS[caller](account)
    drift = changed(account, arn, CHANGES[change], who.client)
    named = Reader(account).attribute(drift)
    assert named is not None
    assert (named.principal, named.source_identity) == (who.principal, who.source_identity)
    assert named.event_name.lower() == CHANGES[change].method.replace("_", "")
    assert named.source == "EventHistory"
    assert who.address in (None, named.source_ip_address)
    assert drift.since is not None
    assert drift.since <= named.event_time <= drift.detected_at


def test_two_callers_of_one_kind_are_nobody(account: Account) -> None:
    arn = logging_trail(account)
    drift = changed(account, arn, CHANGES["validation"], iam_user(account).client)
    time.sleep(1.0)  # AWS allows one a second
    account.cloudtrail.update_trail(Name=NAME, EnableLogFileValidation=False)
    later = replace(drift, detected_at=drift.detected_at + timedelta(seconds=60))
    assert Reader(account).attribute(drift) is not None
    assert Reader(account).attribute(later) is None


@pytest.mark.parametrize("whose", ["management", "administrator"])
def test_a_delegated_administrator_is_named_where_its_events_are(account: Account, whose: str) -> None:
    """Event history has the calls that were made in an account: of others, it cannot be known."""
    organization = Organization(account)
    administrator = organization.administrator()
    arn = organization.trail(name=NAME)
    account.cloudtrail.start_logging(Name=arn)
    drift = changed(account, arn, CHANGES["logging stopped"], administrator.cloudtrail)
    named = Reader(account if whose == "management" else administrator).attribute(drift)
    if whose == "administrator":
        assert named is not None
        assert named.principal == f"arn:aws:iam::{administrator.number}:root"
    else:
        assert named is None


def test_without_its_permission_nobody_is_named_and_that_is_counted(account: Account) -> None:
    arn = logging_trail(account)
    drift = changed(account, arn, CHANGES["logging stopped"], account.cloudtrail)
    name = "operator"
    reader = Reader(account, user(account, allow("cloudtrail:GetTrail"), name=name))
    assert reader.attribute(drift) is None
    assert (reader.lookups("denied"), reader.lookups("complete")) == (1, 0)
    policy = {"PolicyName": "inline", "PolicyDocument": written(allow("cloudtrail:LookupEvents"))}
    account.client("iam").put_user_policy(UserName=name, **policy)
    assert reader.attribute(drift) is not None
    assert (reader.lookups("denied"), reader.lookups("complete")) == (1, 1)


# By the event queue, as the whole operator.


@pytest.mark.sampled("callers by queue")
@pytest.mark.parametrize("caller", CALLERS)
def test_the_event_of_the_correction_names_the_caller(
    operator_process: OperatorFactory, account: Account, trails: Trails, caller: str
) -> None:
    Bus(account).rule("events", OF_CLOUDTRAIL)
    operator_process("--resync", "10m", "--event-queue", "events", "--drift-attribution", "Full")
    trails.create(trail(NAME, account.bucket(f"logs-{account.number}", NAME)))
    trails.wait_ready(NAME)
    who = CALLERS[caller](account)
    who.client.stop_logging(Name=account.trail_arn(NAME))
    (corrected,) = eventually("the Event", lambda: trails.events(NAME, "DriftCorrected"))
    sentence = f"StopLogging was called by {who.principal} (event queue, not verified)."
    assert corrected.message == f"Corrected drift: isLogging false -> true (StartLogging). {sentence}"

    def last() -> dict[str, Any]:
        found: dict[str, Any] = (trails.get(NAME) or {})["status"].get("lastDrift", {})
        return found

    eventually("the correction is in status", lambda: "correctionTime" in last())
    named = last()["changedBy"]
    assert (named["principal"], named.get("sourceIdentity")) == (who.principal, who.source_identity)
    assert (named["eventName"], named["source"]) == ("StopLogging", "Queue")
    assert who.address in (None, named["sourceIPAddress"])
    assert last()["detectionTime"] <= last()["correctionTime"]
