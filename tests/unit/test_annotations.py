"""Annotations of ACK and Crossplane on a Trail: what they do, and what is said of them."""

import pytest

from trail_operator.api.reasons import Reason
from trail_operator.api.trail import DeletionPolicy
from trail_operator.domain.annotations import ignored_annotations, of_other_controllers, unset_deletion_policy

DELETE, RETAIN = DeletionPolicy.DELETE, DeletionPolicy.RETAIN
ACK_POLICY = "services.k8s.aws/deletion-policy"


def said(annotations: dict[str, str], written: object = None, default: DeletionPolicy = DELETE) -> str:
    advice = ignored_annotations(annotations, written, default)
    if advice is None:
        return ""
    assert advice.reason is Reason.ANNOTATION_IGNORED
    return advice.message


@pytest.mark.parametrize("default", [DELETE, RETAIN])
@pytest.mark.parametrize("value", ["retain", "Retain", "orphan", "", "Delete", "delete "])
def test_what_ack_would_keep_is_kept(value: str, default: DeletionPolicy) -> None:
    assert unset_deletion_policy({ACK_POLICY: value}, default) is RETAIN


@pytest.mark.parametrize("default", [DELETE, RETAIN])
@pytest.mark.parametrize("annotations", [{}, {ACK_POLICY: "delete"}, {"other.example/deletion-policy": "retain"}])
def test_an_annotation_never_has_a_trail_deleted(annotations: dict[str, str], default: DeletionPolicy) -> None:
    assert unset_deletion_policy(annotations, default) is default


@pytest.mark.parametrize(
    ("value", "written", "default", "told"),
    [
        ("retain", None, DELETE, ""),
        ("retain", None, RETAIN, ""),
        ("retain", "", DELETE, ""),
        ("retain", "Retain", DELETE, ""),
        ("delete", None, DELETE, ""),
        ("delete", "Delete", RETAIN, ""),
        ("delete", None, RETAIN, "the operator's default keeps the trail: set spec.deletionPolicy: Delete"),
        ("retain", "Delete", DELETE, "because spec.deletionPolicy is Delete: remove the annotation, or set spec"),
        ("delete", "Retain", DELETE, "because spec.deletionPolicy is Retain: remove the annotation, or set spec"),
        ("Delete", None, DELETE, "is neither retain nor delete: the trail is kept"),
        ("reatin", None, RETAIN, "is neither retain nor delete: the trail is kept"),
        ("reatin", "Retain", DELETE, ""),
        # InvalidSpec says what is wrong there.
        ("retain", "Orphan", DELETE, ""),
        ("retain", {"a": 1}, DELETE, ""),
    ],
)
def test_acks_deletion_policy_is_warned_of_where_it_does_not_decide(
    value: str, written: object, default: DeletionPolicy, told: str
) -> None:
    message = said({ACK_POLICY: value}, written, default)
    assert told in message
    assert bool(message) is bool(told)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("services.k8s.aws/adopted", "spec.adoptionPolicy"),
        ("services.k8s.aws/adoption-policy", "spec.adoptionPolicy"),
        ("services.k8s.aws/adoption-fields", "spec.name"),
        ("services.k8s.aws/read-only", "spec.managementPolicy: Observe"),
        ("services.k8s.aws/region", "spec.region"),
        ("services.k8s.aws/default-region", "spec.region"),
        ("services.k8s.aws/owner-account-id", "spec.accountRef"),
        ("services.k8s.aws/team-id", "spec.accountRef"),
        ("services.k8s.aws/endpoint-url", "endpointURL of an AWSAccount"),
        ("services.k8s.aws/new-one", "Remove"),
        ("crossplane.io/paused", 'trail-operator.dev/paused: "true"'),
        ("crossplane.io/external-name", "spec.name"),
    ],
)
def test_an_annotation_without_effect_is_named_with_what_to_write_instead(name: str, instead: str) -> None:
    message = said({name: "true"})
    assert name in message
    assert instead in message


def test_annotations_of_others_are_no_matter_of_ours() -> None:
    others = {
        "trail-operator.dev/paused": "true",
        "crossplane.io/external-create-time": "now",
        "cloudtrail.services.k8s.aws/region": "eu-west-1",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    assert said(others) == ""
    assert of_other_controllers(others) == {}


def test_several_are_said_in_the_order_of_their_names_and_many_are_counted() -> None:
    many = {f"services.k8s.aws/x{number}": "" for number in range(9)}
    message = said({"services.k8s.aws/region": "", "crossplane.io/paused": "", **many})
    assert message.index("crossplane.io/paused") < message.index("services.k8s.aws/region")
    assert "services.k8s.aws/x4 and 4 more" in message
    assert len(message) < 1000
    assert ". " not in message, "what separates it from other warnings"
