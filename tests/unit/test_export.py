"""Which manifests describe trails, and what their comments say."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.builders import MINIMAL, observed
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.export import Export, ExportSettings, FoundTrail, export
from trail_operator.domain.export_names import metadata_names, namespace_and_name
from trail_operator.domain.ownership import Cluster
from trail_operator.domain.selectors import AdvancedSelector, FieldCondition
from trail_operator.preview.yaml_output import document

ACCOUNT = "123456789012"
OLD = Cluster("here", frozenset({"old"}))


def arn(name: str, region: str = "eu-central-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


def found(
    name: str = "audit", *, owner: str | None = None, tags: dict[str, str] | None = None, **more: Any
) -> FoundTrail:
    own = {OWNER_TAG: owner} if owner is not None else {}
    trail = observed(more.pop("configuration", MINIMAL), **more)
    return FoundTrail(ACCOUNT, replace(trail, arn=arn(name), tags=(tags or {}) | own))


def exported(*trails: FoundTrail, known: dict[str, str] | None = None, **settings: Any) -> Export:
    return export(trails, known or {}, ExportSettings(**settings))


def spec(*trails: FoundTrail, **settings: Any) -> dict[str, Any]:
    body: dict[str, Any] = exported(*trails, **settings).documents[-1].body
    return dict(body["spec"])


def comments(*trails: FoundTrail, **settings: Any) -> str:
    return "\n".join(exported(*trails, **settings).documents[-1].comments)


def test_a_plain_trail_has_few_fields() -> None:
    assert spec(found()) == {
        "region": "eu-central-1",
        "accountRef": {"name": f"account-{ACCOUNT}"},
        "s3BucketName": "bucket-1",
        "deletionPolicy": "Retain",
        "adoptionPolicy": "IfUnowned",
    }


def test_an_account_grants_nothing() -> None:
    account = exported(found()).documents[0].body
    assert account["kind"] == "AWSAccount"
    assert account["spec"] == {"accountID": ACCOUNT, "region": "eu-central-1"}


def test_an_account_of_the_cluster_is_used() -> None:
    result = exported(found(), known={ACCOUNT: "prod"})
    assert [one.body["kind"] for one in result.documents] == ["Trail"]
    assert result.documents[0].body["spec"]["accountRef"] == {"name": "prod"}
    assert "AWSAccount prod needs allowedAdoption: IfUnowned" in "\n".join(result.documents[0].comments)


def test_ignored_tags_are_left_out() -> None:
    trail = found(tags={"team": "a", "cost:centre": "1", "aws:x": "y"})
    assert spec(trail, ignored_tags=("cost:*",))["tags"] == [{"key": "team", "value": "a"}]


@pytest.mark.parametrize(
    ("trail", "settings", "comment"),
    [
        (found(owner="elsewhere/ns/audit"), {"cluster": Cluster("here")}, "it belongs to another owner"),
        (found(owner=""), {"cluster": Cluster("here")}, "it belongs to another owner"),
        (found(owner="here/ns/audit"), {}, "its owner is unknown without --cluster-name"),
        (found(owner="here/../audit"), {"cluster": Cluster("here")}, "it belongs to another owner"),
        (found(tags={f"tag-{number}": "" for number in range(50)}), {}, "it has 50 tags"),
        (found(unreadable=frozenset({"tags"})), {}, "tags could not be read"),
        (found(), {"observe": True}, "as --observe says"),
    ],
)
def test_what_must_not_be_managed_is_observed(trail: FoundTrail, settings: dict[str, Any], comment: str) -> None:
    written = spec(trail, **settings)
    assert written["managementPolicy"] == "Observe"
    assert not {"adoptionPolicy", "deletionPolicy"} & written.keys()
    assert f"Only observed: {comment}" in comments(trail, **settings)


def test_a_trail_of_this_cluster_keeps_its_resource() -> None:
    [document] = exported(found("Audit", owner="old/ns/audit"), known={ACCOUNT: "prod"}, cluster=OLD).documents
    assert document.body["metadata"] == {"name": "audit", "namespace": "ns"}
    assert document.body["spec"]["name"] == "Audit"
    assert document.body["spec"]["adoptionPolicy"] == "IfUnowned"


@pytest.mark.parametrize(
    ("configuration", "selectors", "problem"),
    [
        (replace(MINIMAL, s3_key_prefix="logs/"), None, "s3KeyPrefix"),
        (replace(MINIMAL, s3_bucket_name="Old_Bucket"), None, "s3BucketName"),
        (
            MINIMAL,
            (AdvancedSelector("", (FieldCondition("a", equals=("b",)), FieldCondition("a", starts_with=("c",)))),),
            "advancedEventSelectors",
        ),
    ],
)
def test_what_a_spec_cannot_express_is_not_exported(configuration: Any, selectors: Any, problem: str) -> None:
    more = {"event_selectors": selectors} if selectors else {}
    result = exported(found("old", configuration=configuration, **more), found("new"))
    assert [one.body["metadata"]["name"] for one in result.documents] == [f"account-{ACCOUNT}", "new"]
    [line] = result.problems
    assert line.startswith(f"{arn('old')} was not exported")
    assert problem in line


def test_other_tools_are_named() -> None:
    text = comments(found("aws-controltower-BaselineCloudTrail", tags={"aws:cloudformation:stack-name": "base"}))
    assert "Managed by CloudFormation stack base" in text
    assert "Managed by AWS Control Tower" in text


def test_a_comment_is_one_line() -> None:
    trail = found(owner="x\n---\nkind: Secret\r\u2028y")
    [_, one] = exported(trail).documents
    lines = document(one.body, one.comments).splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == len(document(one.body, ()).splitlines())


def test_names_are_unique() -> None:
    arns = [
        arn("Audit"),
        arn("audit"),
        arn("audit", "us-east-1"),
        arn("audit", "us-east-1", "210987654321"),
        arn("A_b.c-D"),
        arn("x" * 128),
        arn("X" * 128),
    ]
    names = metadata_names(arns)
    assert len(set(names.values())) == len(arns)
    assert names[arn("A_b.c-D")] == "a-b.c-d"
    assert all(len(name) <= 128 for name in names.values())
    assert metadata_names(reversed(arns)) == names


def test_names_in_use_are_not_derived() -> None:
    assert metadata_names([arn("audit")], {"audit"}) == {arn("audit"): "audit-eu-central-1"}


@pytest.mark.parametrize(
    ("resource", "parts"),
    [
        ("ns/a.b", ("ns", "a.b")),
        ("ns", None),
        ("ns/", None),
        ("n.s/a", None),
        ("ns/a/b", None),
        ("ns/A", None),
        (None, None),
    ],
)
def test_a_resource_in_an_owner_tag(resource: str | None, parts: tuple[str, str] | None) -> None:
    assert namespace_and_name(resource) == parts


def test_no_trails_are_no_documents() -> None:
    assert exported() == Export((), ())


def test_the_strings_of_yaml_are_those_of_kubectl() -> None:
    # Python's YAML reads these as strings, that of kubectl as numbers, booleans or nothing.
    values = ["1e3", "0o7", "y", "NO", "~", "null", "", "1:20", "0x1f", ".inf"]
    lines = document({"values": values}, ()).splitlines()
    assert lines[1:] == [f'  - "{value}"' for value in values]
