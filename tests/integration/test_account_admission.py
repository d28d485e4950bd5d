"""What the API server itself does with AWSAccounts: for each rule and bound, what it accepts and what it refuses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.integration.admission.cases import NO_CONTROL, odd
from tests.integration.kubernetes import GROUP, VERSION
from trail_operator.api.crd import account_crd

Parts = dict[str, Any]
SCHEMA: Parts = account_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
NUMBER = "111111111111"
ROLE = f"arn:aws:iam::{NUMBER}:role/trails"
# These restrict nothing.
NO_BOUNDS = {"description", "default", "properties", "items", "type", "required", "additionalProperties"}


@dataclass(frozen=True)
class Case:
    """A rule (by its message) or a bound (by its keyword) at a path, with specs that keep and that break it."""

    path: str
    what: str
    accepted: list[Parts]
    refused: list[Parts]


def numbers(count: int, length: int = 4) -> list[str]:
    return [str(number).rjust(length, "x") for number in range(count)]


def expression(**fields: Any) -> Parts:
    return {"allowedNamespaces": {"selector": {"matchExpressions": [{"key": "team", "operator": "Exists", **fields}]}}}


def selector(**fields: Any) -> Parts:
    return {"allowedNamespaces": {"selector": fields}}


def names(*values: str) -> Parts:
    return {"allowedNamespaces": {"names": list(values)}}


CASES = [
    Case("accountID", "12 digits", [{}], [{"accountID": value} for value in ("", "11111111111", "1" * 13, "a" * 12)]),
    Case("accountID", "maxLength", [{}], [{"accountID": "1" * 65}]),
    Case(
        "roleARN",
        "a role ARN",
        [
            {"roleARN": value}
            for value in ("", ROLE, ROLE.replace("role/", "role/path/to/"), ROLE.replace("aws", "aws-us-gov"))
        ],
        [
            {"roleARN": value}
            for value in (
                *("trails", f"arn:aws:iam::{NUMBER}:user/trails", f"arn:aws:iam::{NUMBER}:role/", f"{ROLE} "),
                *odd(ROLE),
            )
        ],
    ),
    Case("roleARN", "maxLength", [{"roleARN": ROLE.ljust(700, "x")}], [{"roleARN": ROLE.ljust(701, "x")}]),
    Case(
        "externalID",
        "at least two characters",
        [{"roleARN": ROLE, "externalID": value} for value in ("", "ab", "A_b+=,.@:/-9", "x" * 1224)],
        [{"roleARN": ROLE, "externalID": value} for value in ("a", "a b", "ä1", "a!b", "a\nb")],
    ),
    Case(
        "externalID",
        "maxLength",
        [{"roleARN": ROLE, "externalID": "x" * 1224}],
        [{"roleARN": ROLE, "externalID": "x" * 1225}],
    ),
    Case(
        "region",
        "an AWS region code",
        [{"region": value} for value in ("", "eu-central-1", "us-gov-west-1", "ap-southeast-2")],
        [{"region": value} for value in ("Frankfurt", "eu_central_1", "EU-CENTRAL-1", "eu-central-1a")],
    ),
    Case("region", "maxLength", [{"region": "eu-central-1"}], [{"region": "eu-central-1".ljust(33, "1")}]),
    Case("allowedRegions", "maxItems", [{"allowedRegions": numbers(100)}], [{"allowedRegions": numbers(101)}]),
    Case(
        "allowedRegions",
        "x-kubernetes-list-type",
        [{"allowedRegions": ["eu-west-1", "eu-west-2"]}],
        [{"allowedRegions": ["eu-west-1", "eu-west-1"]}],
    ),
    Case(
        "allowedRegions[]",
        f"a region {NO_CONTROL}",
        [{"allowedRegions": ["eu-west-1"]}],
        [{"allowedRegions": [one]} for one in odd("eu")],
    ),
    Case("allowedRegions[]", "minLength", [{"allowedRegions": ["x"]}], [{"allowedRegions": [""]}]),
    Case("allowedRegions[]", "maxLength", [{"allowedRegions": ["x" * 32]}], [{"allowedRegions": ["x" * 33]}]),
    Case("allowedNamespaces.names", "maxItems", [names(*numbers(1000))], [names(*numbers(1001))]),
    Case("allowedNamespaces.names", "x-kubernetes-list-type", [names("a", "b")], [names("a", "a")]),
    Case("allowedNamespaces.names[]", "minLength", [names("a")], [names("")]),
    Case("allowedNamespaces.names[]", "maxLength", [names("a" * 253)], [names("a" * 254)]),
    Case("allowedNamespaces.names[]", f"a namespace {NO_CONTROL}", [names("team-a")], [names(one) for one in odd("a")]),
    Case(
        "allowedNamespaces.selector.matchLabels",
        "maxProperties",
        [selector(), selector(matchLabels=dict.fromkeys(numbers(100), "x"))],
        [selector(matchLabels=dict.fromkeys(numbers(101), "x"))],
    ),
    Case(
        "allowedNamespaces.selector.matchExpressions",
        "maxItems",
        [selector(matchExpressions=[{"key": "a", "operator": "Exists"}] * 100)],
        [selector(matchExpressions=[{"key": "a", "operator": "Exists"}] * 101)],
    ),
    Case(
        "allowedNamespaces.selector.matchExpressions[].operator",
        "enum",
        [expression(operator=value) for value in ("In", "NotIn", "Exists", "DoesNotExist")],
        [expression(operator=value) for value in ("in", "Equals", "")],
    ),
    Case("allowedNamespaces.selector.matchExpressions[].key", "minLength", [expression(key="a")], [expression(key="")]),
    Case(
        "allowedNamespaces.selector.matchExpressions[].key",
        "maxLength",
        [expression(key="a" * 317)],
        [expression(key="a" * 318)],
    ),
    Case(
        "allowedNamespaces.selector.matchExpressions[].values",
        "maxItems",
        [expression(operator="In", values=numbers(100))],
        [expression(operator="In", values=numbers(101))],
    ),
    Case(
        "allowedNamespaces.selector.matchExpressions[].values[]",
        "maxLength",
        [expression(operator="In", values=["a" * 63])],
        [expression(operator="In", values=["a" * 64])],
    ),
    Case(
        "allowedBuckets",
        "maxItems",
        [{"allowedBuckets": []}, {"allowedBuckets": numbers(1000)}],
        [{"allowedBuckets": numbers(1001)}],
    ),
    Case(
        "allowedBuckets",
        "x-kubernetes-list-type",
        [{"allowedBuckets": ["logs-*", "audit"]}],
        [{"allowedBuckets": ["logs-*", "logs-*"]}],
    ),
    Case(
        "allowedBuckets[]",
        f"a bucket {NO_CONTROL}",
        [{"allowedBuckets": ["logs-*"]}],
        [{"allowedBuckets": [one]} for one in odd("logs")],
    ),
    Case("allowedBuckets[]", "minLength", [{"allowedBuckets": ["*"]}], [{"allowedBuckets": [""]}]),
    Case("allowedBuckets[]", "maxLength", [{"allowedBuckets": ["x" * 63]}], [{"allowedBuckets": ["x" * 64]}]),
    *(
        case
        for name, longest in {
            "allowedLogRoleARNs": 700,
            "allowedTopicARNs": 700,
            "allowedKeyARNs": 700,
            "allowedLogGroupARNs": 700,
            "allowedActionARNs": 700,
            "allowedTrailNames": 128,
        }.items()
        for case in (
            Case(name, "maxItems", [{name: []}, {name: numbers(1000)}], [{name: numbers(1001)}]),
            Case(name, "x-kubernetes-list-type", [{name: [ROLE, "*"]}], [{name: [ROLE, ROLE]}]),
            Case(f"{name}[]", f"a pattern {NO_CONTROL}", [{name: ["a-*"]}], [{name: [one]} for one in odd("a")]),
            Case(f"{name}[]", "minLength", [{name: ["*"]}], [{name: [""]}]),
            Case(f"{name}[]", "maxLength", [{name: ["x" * longest]}], [{name: ["x" * (longest + 1)]}]),
        )
    ),
    Case(
        "allowedAdoption",
        "enum",
        [{"allowedAdoption": value} for value in ("Never", "IfUnowned", "Always")],
        [{"allowedAdoption": value} for value in ("never", "Manage", "")],
    ),
    Case(
        "endpointURL",
        "must start with https://",
        [
            {"endpointURL": value}
            for value in (
                "",
                "https://cloudtrail.eu-central-1.amazonaws.com",
                "https://proxy.example:8443/aws",
                "https://[2001:db8::1]:8443",
                "http://localhost:4566",
                "http://127.0.0.1",
                "http://[::1]:4566/x",
            )
        ],
        [
            {"endpointURL": value}
            for value in (
                "http://proxy.example",
                "http://localhost.example",
                "http://127.0.0.1.example",
                "http://localhost@proxy.example",
                "http://localhost:4566@proxy.example",
                "http://[::1].example",
                "https://user:secret@proxy.example",
                "https://",
                "https://my_host:8443",
                "https://-proxy.example",
                "https://proxy..example",
                "ftp://proxy.example",
                "proxy.example",
                "https://proxy.example/a b",
                "https://proxy.example\nhttp://other.example",
                *odd("https://proxy.example/x"),
            )
        ],
    ),
    Case(
        "endpointURL",
        "maxLength",
        [{"endpointURL": "https://x/".ljust(2048, "x")}],
        [{"endpointURL": "https://x/".ljust(2049, "x")}],
    ),
    Case(
        "",
        "a role in the account accountID",
        [{"roleARN": ROLE}],
        [{"roleARN": ROLE.replace(NUMBER, "222222222222")}],
    ),
    Case(
        "",
        "externalID requires roleARN",
        [{"roleARN": ROLE, "externalID": "id-1"}],
        [{"externalID": "id-1"}, {"externalID": "id-1", "roleARN": ""}],
    ),
    Case(
        "",
        "region must be one of allowedRegions",
        [
            {"region": "eu-west-1", "allowedRegions": ["eu-west-1"]},
            {"region": "eu-west-1", "allowedRegions": []},
            {"region": "", "allowedRegions": ["eu-west-1"]},
        ],
        [{"region": "eu-west-1", "allowedRegions": ["eu-west-2"]}],
    ),
]


class Server:
    """The API server, which is asked only."""

    def __init__(self, api: client.ApiClient) -> None:
        self._objects = client.CustomObjectsApi(api)

    def create(self, spec: Parts, *, stored: str | None = None) -> None:
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "AWSAccount",
            "metadata": {"name": stored or "asked"},
            "spec": {"accountID": NUMBER, **spec},
        }
        options = {} if stored else {"dry_run": "All"}
        self._objects.create_cluster_custom_object(
            GROUP, VERSION, "awsaccounts", manifest, field_validation="Strict", **options
        )

    def change(self, name: str, spec: Parts) -> None:
        self._objects.patch_cluster_custom_object(
            GROUP,
            VERSION,
            "awsaccounts",
            name,
            {"spec": spec},
            dry_run="All",
            _content_type="application/merge-patch+json",
        )

    def delete(self, name: str) -> None:
        self._objects.delete_cluster_custom_object(GROUP, VERSION, "awsaccounts", name)


@pytest.fixture
def server(api: client.ApiClient) -> Server:
    return Server(api)


def _params(kind: str) -> list[Any]:
    return [
        pytest.param(case, spec, id=f"{case.path}-{case.what}-{number}".replace(" ", "-"))
        for case in CASES
        for number, spec in enumerate(getattr(case, kind))
    ]


@pytest.mark.parametrize(("case", "spec"), _params("accepted"))
def test_accepted(server: Server, case: Case, spec: Parts) -> None:
    server.create(spec)


@pytest.mark.parametrize(("case", "spec"), _params("refused"))
def test_refused(server: Server, case: Case, spec: Parts) -> None:
    with pytest.raises(ApiException) as refusal:
        server.create(spec)
    assert refusal.value.status == 422
    told = refusal.value.body
    assert f"spec.{case.path}".removesuffix(".").removesuffix("[]").replace("[]", "[0]") in told
    if " " in case.what:
        assert case.what in told


def test_the_account_of_an_awsaccount_stays(server: Server, worker_id: str) -> None:
    name = f"stays-{worker_id}"
    server.create({}, stored=name)
    try:
        server.change(name, {"region": "eu-west-1"})
        with pytest.raises(ApiException, match="accountID is immutable"):
            server.change(name, {"accountID": "222222222222"})
        with pytest.raises(ApiException, match="Required"):
            server.change(name, {"accountID": None})
    finally:
        server.delete(name)


def _walk(schema: Parts, path: str = "") -> Iterator[tuple[str, Parts]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _walk(child, f"{path}.{name}".removeprefix("."))
    if "items" in schema:
        yield from _walk(schema["items"], f"{path}[]")


def _rules() -> Iterator[tuple[str, str]]:
    for path, schema in _walk(SCHEMA):
        for keyword in schema.keys() - NO_BOUNDS:
            if keyword == "x-kubernetes-validations":
                yield from ((path, rule["message"]) for rule in schema[keyword] if "oldSelf" not in rule["rule"])
            elif (keyword, schema[keyword]) != ("x-kubernetes-list-type", "atomic"):
                yield path, keyword


def test_every_rule_and_bound_has_a_case_that_shows_both_sides() -> None:
    assert [one for one in _rules() if not any(case.path == one[0] and case.what in one[1] for case in CASES)] == []
    assert [case for case in CASES if not (case.accepted and case.refused)] == []
    assert [
        case for case in CASES if sum(case.path == path and case.what in what for path, what in _rules()) != 1
    ] == []
