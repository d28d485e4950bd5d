"""What the API server itself does with Trails: which it refuses and what it then says, what it adds, how it shows them.

The cases for rules stand in `admission/cases.py`; those for bounds are derived in `admission/bounds.py`.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.integration.admission.bounds import bounds
from tests.integration.admission.cases import (
    CASES,
    DATA,
    GROUP,
    KEY_ID,
    MANAGEMENT,
    OBJECTS,
    OPERATORS,
    PINNED,
    ROLE,
    Case,
    Parts,
    advanced,
    basic,
    condition,
    delivery,
    named,
    numbered,
    refusal,
    selector,
    spec,
    where,
)
from tests.integration.admission.server import (
    Admission,
    Schema,
    examples,
    in_namespace,
    nodes,
    of_another_type,
    required,
    transitions,
    with_value,
    without_case,
    without_change,
    without_one_rule,
)
from tests.integration.admission.trail_bounds import TRAIL_BOUNDS
from tests.integration.conftest import ROOT, kubectl
from tests.integration.kubernetes import GROUP as API_GROUP
from tests.integration.kubernetes import VERSION, trail
from tests.patience import eventually
from trail_operator.api.crd import trail_crd
from trail_sandbox.sandbox import Sandbox

SCHEMA: Schema = trail_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
DEFAULTS = {
    "includeGlobalServiceEvents": True,
    "enableLogFileValidation": True,
    "isLogging": True,
    "recursiveLogging": True,
}
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
COMPLETE: Parts = {
    "spec": {
        **yaml.safe_load((ROOT / "examples" / "complete.yaml").read_text())["spec"],
        "name": "audit",  # of the Trail that the tests change
        "advancedEventSelectors": [
            selector(
                {"field": "eventName", **{operator: ["Get"] for operator in OPERATORS}}, DATA, OBJECTS, name="reads"
            )
        ],
        "insightSelectors": [{"insightType": "ApiErrorRateInsight", "eventCategories": ["Data"]}],
    },
    "status": {
        "lastDrift": {
            "detectionTime": "2026-01-31T12:00:00Z",
            "correctionTime": "2026-01-31T12:00:01Z",
            "paths": ["isLogging"],
            "changedBy": {
                "principal": "arn:aws:sts::123456789012:assumed-role/admin/session",
                "sourceIdentity": "someone",
                "onBehalfOf": "user-id",
                "sourceIPAddress": "192.0.2.1",
                "userAgent": "aws-cli",
                "eventName": "StopLogging",
                "eventTime": "2026-01-31T11:59:59Z",
                "eventID": "event-id",
                "source": "EventHistory",
            },
        },
        "observedGeneration": 1,
        "arn": "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit",
        "accountID": "123456789012",
        "homeRegion": "us-east-1",
        "ownerTag": "prod/default/audit",
        "isLogging": True,
        "isMultiRegionTrail": True,
        "drift": [{"path": "isLogging", "desired": "true", "observed": "false"}],
        **delivery()["status"],
        **refusal("PutEventSelectors")["status"],
        **condition()["status"],
    },
}

BASIC = {
    "readWriteType": "All",
    "includeManagementEvents": True,
    "dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}],
    "excludeManagementEventSources": ["kms.amazonaws.com"],
}
# A trail has selectors of one kind only: this has every field there is, and is refused for having both.
EVERYTHING: Parts = {**COMPLETE, "spec": {**COMPLETE["spec"], "eventSelectors": [BASIC]}}


@pytest.fixture(scope="module")
def admission(api: client.ApiClient, worker_id: str) -> Iterator[Admission]:
    """A namespace for this module."""
    with in_namespace(api, f"admission-{worker_id}", trail_crd(), trail("audit", "example-audit-logs")) as found:
        yield found


# -- rules and bounds

NODES = nodes(SCHEMA)
ALL_CASES = [*CASES, *bounds(NODES, TRAIL_BOUNDS)]


@pytest.mark.parametrize(("case", "parts"), examples(ALL_CASES, "accepted"))
def test_accepted(admission: Admission, case: Case, parts: Parts) -> None:
    assert admission.causes(case.before, parts) == []


@pytest.mark.parametrize(("case", "parts"), examples(ALL_CASES, "refused"))
def test_refused(admission: Admission, case: Case, parts: Parts) -> None:
    causes = admission.causes(case.before, parts)
    assert [field for field, message in causes if field == case.path and case.says in message], causes
    # A field that cannot be a trail's name is refused as that, too.
    assert {field for field, _ in causes} <= {case.path, "", *case.besides}


def test_every_rule_and_bound_has_a_case() -> None:
    assert without_case(NODES, ALL_CASES) == []


def test_every_case_is_about_one_rule_or_bound_and_shows_both_sides() -> None:
    assert without_one_rule(NODES, ALL_CASES) == []
    assert [case for case in ALL_CASES if not (case.accepted and case.refused)] == []


def test_a_rule_about_change_has_a_case_about_change() -> None:
    assert transitions(NODES)
    assert without_change(NODES, ALL_CASES) == []


# -- types and required fields, of spec and status alike


def test_a_trail_with_every_field_is_accepted(admission: Admission) -> None:
    assert EVERYTHING["spec"].keys() == NODES["spec"]["properties"].keys()
    assert COMPLETE["status"].keys() == NODES["status"]["properties"].keys()
    assert admission.causes(None, {"spec": COMPLETE["spec"]}) == []
    assert admission.causes(None, {"spec": {**EVERYTHING["spec"], "advancedEventSelectors": None}}) == []
    assert admission.causes(None, {"status": COMPLETE["status"]}) == []


@pytest.mark.parametrize("path", [path for path in NODES if path not in ("", "spec", "status")])
def test_a_value_of_another_type_is_refused(admission: Admission, path: str) -> None:
    parts, says = of_another_type(NODES, EVERYTHING, path)
    causes = admission.causes(None, parts)
    assert [field for field, message in causes if field == path and says in message], causes


@pytest.mark.parametrize("path", required(NODES))
def test_a_required_field_is_required(admission: Admission, path: str) -> None:
    assert admission.causes(None, with_value(EVERYTHING, path, None)) == [(path, "Required value")]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"spec": None}, "spec: Required value"),
        ({"spec": {}}, "spec.s3BucketName: Required value"),
        ({"spec": "audit"}, "spec in body must be of type object"),
    ],
)
def test_a_trail_without_a_spec_is_refused(cluster: Sandbox, admission: Admission, changed: Parts, says: str) -> None:
    manifest = {**trail("audit", "example-audit-logs"), **changed}
    assert says in _refusal(cluster, admission, manifest)


# -- what is removed and added again


def test_a_name_cannot_be_changed_by_taking_it_away_first(admission: Admission) -> None:
    name = admission.store(named("audit", name="audit"))
    admission.change(name, spec(name=None), stored=True)  # the effective name stays
    with pytest.raises(ApiException, match="the trail name is immutable"):
        admission.change(name, spec(name="other"), stored=True)
    admission.change(name, spec(name="audit"), stored=True)
    admission.delete(name)


def test_a_region_can_be_corrected_until_the_trail_is_there(admission: Admission) -> None:
    name = admission.store(spec(region="eu-west-2"))
    admission.change(name, spec(region=None), stored=True)
    admission.change(name, {"status": {"homeRegion": PINNED["homeRegion"]}}, stored=True)  # the trail is being made
    admission.change(name, spec(region="eu-west-1"), stored=True)
    admission.change(name, {"status": PINNED}, stored=True)
    with pytest.raises(ApiException, match="region is immutable once the trail is created"):
        admission.change(name, spec(region="eu-west-2"), stored=True)
    admission.change(name, spec(region=None), stored=True)
    with pytest.raises(ApiException, match="region is immutable once the trail is created"):
        admission.change(name, spec(region="eu-west-2"), stored=True)
    admission.delete(name)


def test_a_trail_whose_region_differs_from_the_one_on_record_can_be_deleted(admission: Admission) -> None:
    held = {"metadata": {"name": "audit", "finalizers": ["example.com/held"]}}
    name = admission.store({**held, **spec(region="us-east-1"), "status": PINNED})
    admission.delete(name)
    admission.change(name, {"metadata": {"finalizers": None}}, stored=True)
    admission.wait_gone(name)


# -- what the API server writes itself, and what not


def test_it_writes_the_true_booleans_and_nothing_else(admission: Admission) -> None:
    body = admission.create({})
    assert body["spec"] == {"s3BucketName": "example-audit-logs", **DEFAULTS}
    assert body["status"] == {"observedGeneration": -1}


def test_it_leaves_alone_what_is_written(admission: Admission) -> None:
    off = dict.fromkeys(DEFAULTS, False)
    assert admission.create(spec(**off))["spec"] == {"s3BucketName": "example-audit-logs", **off}
    assert admission.create({"spec": COMPLETE["spec"]})["spec"] == COMPLETE["spec"]


def test_a_status_is_not_taken_from_a_manifest(admission: Admission) -> None:
    manifest = {**trail("audit", "example-audit-logs"), "status": {"homeRegion": "eu-west-1", "observedGeneration": 7}}
    body = admission.send(manifest)
    assert body["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize("field", [name for name in EVERYTHING["spec"] if name != "s3BucketName"])
def test_null_is_the_same_as_left_out(admission: Admission, field: str) -> None:
    assert admission.create(spec(**{field: None}))["spec"] == {"s3BucketName": "example-audit-logs", **DEFAULTS}


def test_a_null_value_of_a_tag_is_the_same_as_left_out(admission: Admission) -> None:
    assert admission.create(spec(tags=[{"key": "a", "value": None}]))["spec"]["tags"] == [{"key": "a"}]


def test_a_null_among_the_tags_is_refused(admission: Admission) -> None:
    assert [field for field, _ in admission.causes(None, spec(tags=[None]))] == ["spec.tags[]"]


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (spec(eventSelectors=[None]), "spec.eventSelectors[]"),
        (spec(advancedEventSelectors=[None]), "spec.advancedEventSelectors[]"),
        (spec(advancedEventSelectors=[{"fieldSelectors": [None]}]), "spec.advancedEventSelectors[].fieldSelectors[]"),
        (spec(insightSelectors=[None]), "spec.insightSelectors[]"),
    ],
)
def test_a_null_among_the_selectors_is_refused(admission: Admission, parts: Parts, path: str) -> None:
    assert {field for field, _ in admission.causes(None, parts)} == {path}


def test_names_may_be_generated(admission: Admission) -> None:
    body = admission.send({**trail("", "example-audit-logs"), "metadata": {"generateName": "audit-"}})
    assert re.fullmatch("audit-[a-z0-9]+", body["metadata"]["name"])


LONG = [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::bucket/".ljust(2048, "x")]}] * 250
ALL = [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}] * 250


@pytest.mark.parametrize(
    "selectors",
    [
        {"eventSelectors": [{"dataResources": LONG}, *[{"dataResources": ALL}] * 4]},
        {"advancedEventSelectors": [selector(DATA, OBJECTS, name="n" * 1000)] * 250},
        {"advancedEventSelectors": [selector(DATA, OBJECTS, where("eventName", *["v" * 2048] * 498))]},
    ],
    ids=["basic", "many advanced", "long advanced"],
)
def test_the_largest_trail_there_can_be_is_not_too_costly_to_judge(admission: Admission, selectors: Parts) -> None:
    largest = {
        "name": "a" * 128,
        "region": "us-" + "a" * 27 + "-1",
        "s3BucketName": "b" * 63,
        "s3KeyPrefix": "界" * 200,
        "snsTopicName": "t" * 256,
        "cloudWatchLogsLogGroupARN": GROUP.ljust(700, "x"),
        "cloudWatchLogsRoleARN": ROLE.ljust(700, "x"),
        "kmsKeyID": "alias/" + "k" * 344,
        "tags": [{"key": f"{number:02d}" + "界" * 126, "value": "界" * 256} for number in range(49)],
        **selectors,
        "insightSelectors": [
            {"insightType": f"New{number}".ljust(64, "x"), "eventCategories": [*numbered(7), "Data"]}
            for number in range(8)
        ],
        "aggregationConfigurations": [{"eventCategory": "Data", "templates": numbered(50)}],
    }
    name = admission.store(named("m" * 128, **largest))
    assert admission.change(name, spec(isLogging=False))["spec"] == {**largest, **DEFAULTS, "isLogging": False}
    admission.delete(name)


# -- what users send with kubectl, and see of it


def _dry_run(
    cluster: Sandbox, admission: Admission, manifest: Any, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["kubectl", "apply", "--dry-run=server", "-n", admission.namespace, "-f", "-", *arguments],
        env={**os.environ, **cluster.environment()},
        input=json.dumps(manifest),
        capture_output=True,
        text=True,
        check=False,
    )


def _refusal(cluster: Sandbox, admission: Admission, manifest: Any) -> str:
    """What kubectl says that the API server says."""
    done = _dry_run(cluster, admission, manifest)
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"s3bucketName": "example-audit-logs"}, 'unknown field "spec.s3bucketName"'),
        ({"kmsKeyId": KEY_ID}, 'unknown field "spec.kmsKeyId"'),
        ({"isOrganisationTrail": True}, 'unknown field "spec.isOrganisationTrail"'),
        ({"tags": [{"key": "a", "Value": "b"}]}, 'unknown field "spec.tags[0].Value"'),
        (
            advanced({**DATA, "Equals": ["Data"]}, OBJECTS)["spec"],
            'unknown field "spec.advancedEventSelectors[0].fieldSelectors[0].Equals"',
        ),
        (
            basic(dataResources=[{"type": "AWS::S3::Object", "values": ["arn:aws:s3"], "value": "arn:aws:s3"}])["spec"],
            'unknown field "spec.eventSelectors[0].dataResources[0].value"',
        ),
    ],
)
def test_kubectl_refuses_unknown_fields(cluster: Sandbox, admission: Admission, fields: Parts, says: str) -> None:
    assert says in _refusal(cluster, admission, trail("audit", "example-audit-logs", **fields))


def test_kubectl_shows_all_that_is_wrong_at_once(cluster: Sandbox, admission: Admission) -> None:
    wrong = trail(
        "a--b", "Example", s3KeyPrefix="/AWSLogs/", kmsKeyID="x", cloudWatchLogsRoleARN="x", region="Frankfurt"
    )
    said = _refusal(cluster, admission, wrong)
    for part in (
        "set spec.name to a valid name",
        "spec.s3BucketName: ",
        "so omit it",
        "write logs, not /logs/",
        "spec.kmsKeyID: ",
        "arn:aws:iam::ACCOUNT:role/NAME",
        "set both or neither",
        "such as eu-central-1",
    ):
        assert part in said


def test_a_trail_of_ack_with_our_api_version_is_accepted(cluster: Sandbox, admission: Admission) -> None:
    manifest = yaml.safe_load(f"""
        apiVersion: cloudtrail.services.k8s.aws/v1alpha1
        kind: Trail
        metadata:
          name: ack-trail
        spec:
          name: ack-trail
          s3BucketName: example-audit-logs
          s3KeyPrefix: logs
          snsTopicName: audit
          cloudWatchLogsLogGroupARN: {GROUP}:*
          cloudWatchLogsRoleARN: {ROLE}
          kmsKeyID: {KEY_ID}
          isMultiRegionTrail: true
          includeGlobalServiceEvents: true
          enableLogFileValidation: true
          isOrganizationTrail: false
          tags:
            - key: team
              value: security
    """)
    manifest["apiVersion"] = f"{API_GROUP}/{VERSION}"
    done = _dry_run(cluster, admission, manifest, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["spec"] == {**manifest["spec"], **DEFAULTS}


SERVER_SIDE = pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client-side", "server-side"])


def _applied(cluster: Sandbox, admission: Admission, fields: Parts, *how: str) -> Parts:
    """Apply a manifest as users do; what the spec then says, beside the defaults that the API server writes."""
    manifest = json.dumps(trail("audit", "example-audit-logs", **fields))
    kubectl(cluster, "apply", "-n", admission.namespace, "-f", "-", *how, text=manifest)
    written = admission.get("audit")
    assert written
    return {name: value for name, value in written["spec"].items() if value and name not in {"s3BucketName", *DEFAULTS}}


@SERVER_SIDE
def test_what_a_manifest_no_longer_says_is_gone(cluster: Sandbox, admission: Admission, how: tuple[str, ...]) -> None:
    more: Parts = {
        "advancedEventSelectors": [
            selector(MANAGEMENT, where("readOnly", "false"), name="writes"),
            selector(DATA, OBJECTS, where("eventName", "GetObject", "PutObject"), where("readOnly", "false")),
        ],
        "insightSelectors": [
            {"insightType": "ApiCallRateInsight"},
            {"insightType": "ApiErrorRateInsight", "eventCategories": ["Management", "Data"]},
        ],
        "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["API_ACTIVITY", "USER_ACTIONS"]}],
        "tags": [{"key": "team", "value": "security"}, {"key": "audited"}],
    }
    fewer: Parts = {
        "advancedEventSelectors": [
            selector(MANAGEMENT),
            selector(DATA, where("eventName", "PutObject"), OBJECTS),
        ],
        "insightSelectors": [{"insightType": "ApiErrorRateInsight", "eventCategories": ["Data"]}],
        "aggregationConfigurations": [{"eventCategory": "Data", "templates": ["USER_ACTIONS"]}],
        "tags": [{"key": "audited", "value": "2026"}],
    }
    other: Parts = {"eventSelectors": [{"readWriteType": "WriteOnly"}], "insightSelectors": [], "tags": []}
    for fields in (more, fewer, other, {}, more, {}):
        assert _applied(cluster, admission, fields, *how) == {name: value for name, value in fields.items() if value}
    admission.delete("audit")


def test_who_applies_some_tags_or_insights_leaves_those_of_others(cluster: Sandbox, admission: Admission) -> None:
    ours, theirs = ("--server-side", "--field-manager=ours"), ("--server-side", "--field-manager=theirs")
    rate, errors = {"insightType": "ApiCallRateInsight"}, {"insightType": "ApiErrorRateInsight"}
    _applied(cluster, admission, {"tags": [{"key": "a"}, {"key": "b"}], "insightSelectors": [rate]}, *ours)
    both = _applied(cluster, admission, {"tags": [{"key": "c"}], "insightSelectors": [errors]}, *theirs)
    assert both == {"tags": [{"key": "a"}, {"key": "b"}, {"key": "c"}], "insightSelectors": [rate, errors]}
    assert _applied(cluster, admission, {"tags": [{"key": "b"}]}, *ours) == {
        "tags": [{"key": "b"}, {"key": "c"}],
        "insightSelectors": [errors],
    }
    admission.delete("audit")


def test_kubectl_get_shows_what_matters(cluster: Sandbox, admission: Admission) -> None:
    conditions = [condition()["status"]["conditions"][0], condition(type="Logging")["status"]["conditions"][0]]
    name = admission.store({"spec": COMPLETE["spec"], "status": {**COMPLETE["status"], "conditions": conditions}})

    def table(*arguments: str) -> list[list[str]]:
        return [line.split() for line in kubectl(cluster, "get", "-n", admission.namespace, *arguments).splitlines()]

    head, (*row, age) = table("ctrail")
    assert head == ["NAME", "READY", "LOGGING", "REASON", "BUCKET", "REGION", "AGE"]
    assert row == ["audit", "True", "True", "Recording", "example-audit-logs", "us-east-1"]
    assert re.fullmatch(r"\d+s", age)

    head, row = table("ctrail", "-o", "wide")
    assert head == ["NAME", "READY", "LOGGING", "REASON", "BUCKET", "REGION", "AGE", "MULTI-REGION", "ARN", "ACCOUNT"]
    assert row[7:] == ["true", COMPLETE["status"]["arn"], "123456789012"]

    without_age = [line[:-1] for line in table("ctrail")]
    assert [line[:-1] for line in table("trails.trail-operator.dev")] == without_age
    assert ["trail.trail-operator.dev/audit"] in table("aws", "-o", "name"), "AWSAccounts are of this category too"
    admission.delete(name)


def test_kubectl_explain_tells_every_field(cluster: Sandbox) -> None:
    def explained() -> str:
        return kubectl(cluster, "explain", "ctrail.spec")

    # The API server publishes the schema shortly after it serves the resource.
    eventually("the schema is published", lambda: "s3BucketName" in explained())
    text = " ".join(explained().split())
    for path, schema in NODES.items():
        if re.fullmatch(r"spec\.[A-Za-z0-9]+", path):
            assert schema["description"] in text


@pytest.mark.parametrize(
    "path", [path for path, schema in NODES.items() if path[-1:] == "]" and "properties" in schema]
)
def test_kubectl_explain_tells_every_field_of_a_list(cluster: Sandbox, path: str) -> None:
    text = " ".join(kubectl(cluster, "explain", f"ctrail.{path.replace('[]', '')}").split())
    for name, schema in NODES[path]["properties"].items():
        assert f"{name} <" in text
        assert path.startswith("status") or schema["description"] in text


# -- examples


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_accepted(cluster: Sandbox, admission: Admission, path: Any) -> None:
    kubectl(cluster, "apply", "--dry-run=server", "--validate=strict", "-n", admission.namespace, "-f", str(path))


def test_there_are_examples_and_each_has_a_name_of_its_own() -> None:
    manifests = [manifest for path in EXAMPLES for manifest in yaml.safe_load_all(path.read_text())]
    assert {path.name for path in EXAMPLES} >= {"minimal.yaml", "complete.yaml", "retain.yaml"}
    assert len({manifest["metadata"]["name"] for manifest in manifests}) == len(manifests)
    assert not [manifest for manifest in manifests if "namespace" in manifest["metadata"]]
    buckets = [manifest["spec"]["s3BucketName"] for manifest in manifests if manifest["kind"] == "Trail"]
    assert not [bucket for bucket in buckets if not bucket.startswith("example-")]


def test_the_complete_example_has_every_field() -> None:
    manifest = yaml.safe_load((ROOT / "examples" / "complete.yaml").read_text())
    assert manifest["spec"].keys() | {"eventSelectors"} == NODES["spec"]["properties"].keys()
    assert manifest["spec"]["name"] == manifest["metadata"]["name"]
