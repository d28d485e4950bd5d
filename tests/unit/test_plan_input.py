"""What a plan is made of: a manifest with what is there already, and the settings of the operator, as far as known."""

import asyncio
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.unit.builders import LOCATION, desired, observed
from trail_operator.api.constants import FINALIZER, OWNER_TAG
from trail_operator.api.trail import AdoptionPolicy, TrailSpec
from trail_operator.domain.actions import Action
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.trail import ObservedTrail
from trail_operator.inventory.account_client import AccountClient, AccountClients
from trail_operator.inventory.registry import AccountRegistry
from trail_operator.kube.object_state import ReconcileContext
from trail_operator.preview.cluster_objects import ClusterObjects, fill_registry
from trail_operator.preview.doubts import doubts_before_reading, doubts_of
from trail_operator.preview.manifests import Manifest
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.progress import Progress
from trail_operator.preview.trail_input import forget_identity, planned_trail
from trail_operator.runtime.clock import Clock
from trail_operator.settings import PLANNING, Settings
from trail_operator.trail.comparison import Comparison
from trail_operator.trail.resolve import ResolvedSpec
from trail_operator.trail.state import TrailState

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
_NONE: Any = None
OWN = AccountClient(None, None, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, AdoptionPolicy.ALWAYS)
STATUS = {"arn": "arn:aws:cloudtrail:eu-central-1:123456789012:trail/audit", "accountID": "123456789012"}


def manifest(**spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "team-a", "name": "audit", "annotations": {"mine": "yes"}}
    return {"apiVersion": "x", "kind": "Trail", "metadata": metadata, "spec": {"s3BucketName": "logs", **spec}}


def live(body: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    server = {"uid": "1", "generation": 4, "resourceVersion": "9", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {**body, "metadata": {**body["metadata"], **server, **metadata}, "status": STATUS}


def planned(body: dict[str, Any], there: dict[str, Any] | None = None) -> TrailState:
    return planned_trail(Manifest("it", body), there, NOW, 3)


@pytest.mark.parametrize(
    "metadata",
    [
        {"creationTimestamp": None, "uid": "0", "resourceVersion": "x", "generation": "y"},
        {"annotations": ["a"], "labels": "b"},
        {"annotations": {"a": 1, "kept": "yes"}},
        {"finalizers": "x", "deletionTimestamp": "never"},
    ],
)
def test_metadata_of_a_manifest_is_not_that_of_the_server(metadata: dict[str, Any]) -> None:
    body = manifest()
    body["metadata"] = {"namespace": "team-a", "name": "audit", **metadata}
    for there in (None, live(manifest())):
        state = planned(body, there)
        assert not state.deleting
        assert state.annotations.keys() <= {"kept", "mine"}
        assert state.finalizers == [FINALIZER]
    account = Manifest("it", {"kind": "AWSAccount", "metadata": {"name": "prod", **metadata}, "spec": {"accountID": 1}})
    accounts = registry()
    fill_registry(accounts, KNOWN, [account], settings())
    found = accounts.get("prod")
    assert found is not None
    assert found.problem


def test_a_new_trail_is_younger_than_every_other() -> None:
    state = planned(manifest())
    assert (state.created, state.uid > "f" * 36, state.generation) == (NOW, True, 1)
    assert state.finalizers == [FINALIZER]
    assert state.spec == TrailSpec.model_validate({"s3BucketName": "logs"})


def test_a_manifest_replaces_the_spec_and_adds_annotations() -> None:
    there = live(manifest(), finalizers=[FINALIZER, "other"], annotations={"kept": "yes", "mine": "no"})
    state = planned(manifest(isLogging=False), there)
    assert (state.uid, state.generation, state.spec.is_logging) == ("1", 5, False)
    assert state.annotations == {"kept": "yes", "mine": "yes"}
    assert state.status.arn == STATUS["arn"]
    assert there["metadata"]["generation"] == 4, "the object that was read is not changed"


def test_defaults_of_the_schema_are_no_change() -> None:
    stored = manifest(isLogging=True, enableLogFileValidation=True, includeGlobalServiceEvents=True)
    stored["spec"] |= {"recursiveLogging": True}
    written = manifest()
    assert planned(written, live(stored, finalizers=[FINALIZER])).generation == 4
    assert planned(manifest(isLogging=False), live(stored, finalizers=[FINALIZER])).generation == 5


@pytest.mark.parametrize(
    ("policy", "finalizers", "status", "expected", "arn"),
    [
        ("Manage", [], STATUS, [FINALIZER], None),
        ("Manage", [FINALIZER], STATUS, [FINALIZER], STATUS["arn"]),
        ("Observe", [], STATUS, [], STATUS["arn"]),
        ("Observe", [FINALIZER], STATUS, [FINALIZER], STATUS["arn"]),
        ("Observe", [FINALIZER, "other"], {}, ["other"], None),
    ],
)
def test_finalizer_and_record_are_those_of_the_first_reconcile(
    policy: str, finalizers: list[str], status: dict[str, str], expected: list[str], arn: str | None
) -> None:
    body = manifest(managementPolicy=policy)
    state = planned(body, {**live(body, finalizers=finalizers), "status": status})
    assert (state.finalizers, state.status.arn) == (expected, arn)


def test_a_wrong_record_is_forgotten() -> None:
    state = planned(manifest(), live(manifest(), finalizers=[FINALIZER]))
    asyncio.run(forget_identity(state))
    assert (state.status.arn, state.status.account_id) == (None, None)


def settings(*unknown: str, **values: Any) -> OperatorSettings:
    return OperatorSettings(Settings(cluster_name="cluster", **values), frozenset(unknown))


class Clients:
    """Creates clients that are never used."""

    def create(self, *_: object) -> Any:
        aws = type("AWS", (), {"close": staticmethod(lambda: None)})
        return type("Client", (), {"default_region": "us-east-1", "aws": aws})


def registry(*accounts: dict[str, Any]) -> AccountRegistry:
    found = AccountRegistry(cast(AccountClients, Clients()), default=None, own_identity=True, clock=Clock())
    for number, spec in enumerate(accounts):
        metadata = {"name": f"account-{number}", "uid": "1", "generation": 1, "resourceVersion": "0"}
        found.upsert({"metadata": metadata, "spec": {"accountID": "123456789012", **spec}})
    return found


KNOWN = ClusterObjects({}, {}, {})


@pytest.mark.parametrize(
    ("spec", "unknown", "cluster", "says"),
    [
        ({}, (), KNOWN, None),
        ({}, ("default_account",), KNOWN, "--default-account"),
        ({"accountRef": {"name": "account-0"}, "region": "us-east-1"}, ("default_account",), KNOWN, None),
        ({}, ("region",), KNOWN, "--region"),
        ({"region": "us-east-1"}, ("region",), KNOWN, None),
        ({"accountRef": {"name": "account-1"}}, ("region",), KNOWN, None),
        ({"accountRef": {"name": "absent"}}, (), KNOWN, None),
        ({"accountRef": {"name": "absent"}}, (), ClusterObjects(), "AWSAccount absent is unknown"),
        ({"accountRef": {"name": "account-1"}}, (), ClusterObjects({}, {}, None), "labels of namespace team-a"),
        ({"accountRef": {"name": "account-0"}}, (), ClusterObjects({}, {}, None), None),
    ],
)
def test_what_must_be_known_before_anything_is_read(
    spec: dict[str, Any], unknown: tuple[str, ...], cluster: ClusterObjects, says: str | None
) -> None:
    accounts = registry(
        {"allowedNamespaces": {"names": ["team-a"]}},
        {"allowedNamespaces": {"selector": {"matchLabels": {"team": "a"}}}, "region": "us-east-1"},
    )
    found = doubts_before_reading(planned(manifest(**spec)), settings(*unknown), accounts, cluster)
    assert (says is None) is (found == [])
    assert says is None or says in found[0]


def comparison(found: ObservedTrail | None, **spec: Any) -> Comparison:
    state = planned(manifest(**spec))
    context = ReconcileContext(state.generation, state.requested_state)
    return Comparison(state, context, ResolvedSpec(OWN, state.spec, "audit", LOCATION), desired(), found)


OTHERS = replace(observed(), tags={OWNER_TAG: "old/team-a/audit"})


@pytest.mark.parametrize(
    ("unknown", "found", "spec", "operations", "doubts"),
    [
        ("cluster_name", None, {}, (), True),
        ("cluster_name", observed(), {}, (), True),
        ("former_cluster_names", observed(), {}, (), False),
        ("former_cluster_names", OTHERS, {}, (), True),
        ("former_cluster_names", replace(observed(), tags={OWNER_TAG: "old/team-b/other"}), {}, (), False),
        ("own_identity", observed(), {}, (), True),
        ("allowed_adoption", observed(), {"adoptionPolicy": "Always"}, (), False),
        ("allowed_adoption", OTHERS, {"adoptionPolicy": "Always"}, (), True),
        ("allowed_adoption", OTHERS, {}, (), False),
        ("ignore_tags", observed(), {}, ("AddTags",), False),
        ("ignore_tags", observed(), {}, ("RemoveTags",), True),
        ("account_selector", observed(), {}, ("RemoveTags",), False),
    ],
)
def test_what_is_unknown_matters_only_where_it_decides(
    unknown: str, found: ObservedTrail | None, spec: dict[str, Any], operations: tuple[Any, ...], doubts: bool
) -> None:
    actions = [Action(operation, {}) for operation in operations]
    assert bool(doubts_of(comparison(found, **spec), actions, settings(unknown))) is doubts
    assert doubts_of(comparison(found, **spec), actions, settings()) == []


def test_flags_win_over_published_settings_and_the_rest_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAIL_OPERATOR_CLUSTER_NAME", "by-variable")
    given = Settings(ignore_tags=["a"])
    found = OperatorSettings.resolve(given, {"ignore_tags": ["b"], "region": "eu-west-1", "default_account": ""})
    assert found.values.cluster_name == "by-variable"
    assert (found.values.ignore_tags, found.values.region, found.values.default_account) == (["a"], "eu-west-1", None)
    assert found.unknown == set(PLANNING) - {"cluster_name", "ignore_tags", "region", "default_account"}
    assert found.values.default_deletion_policy == "Delete"


def test_an_unknown_cluster_owns_nothing() -> None:
    cluster = OperatorSettings.resolve(Settings(), {}).cluster
    assert isinstance(cluster, Cluster)
    assert not cluster.owner_tags("team-a/audit", None) & {"", "/team-a/audit", "cluster/team-a/audit"}


class Terminal(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "shown"),
    [(True, "\r\x1b[K1 of 3\r\x1b[K2 of 3\r\x1b[K"), (False, "1 of 3\n")],
)
def test_progress_begins_after_a_second(is_terminal: bool, shown: str) -> None:
    stream, now = Terminal(is_terminal=is_terminal), [0.0]
    progress = Progress(stream, lambda: now[0])
    for seconds, text in ((0.9, "0 of 3"), (1.1, "1 of 3"), (2.0, "2 of 3")):
        now[0] = seconds
        progress.set(text)
        progress._show()
    progress.end()
    assert stream.getvalue() == shown
