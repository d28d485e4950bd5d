"""A trail's attributes: none is left out anywhere, and each comes back from AWS as the spec has it."""

from dataclasses import MISSING, fields, replace
from typing import Any, get_args, get_type_hints

import pytest

from tests.unit.builders import MINIMAL, desired, desired_of, observed
from trail_operator.api.trail import TrailSpec
from trail_operator.domain.attributes import (
    ATTRIBUTES,
    SCOPE,
    Attribute,
    Configuration,
    NormalForm,
    Resolved,
    observed_configuration,
)
from trail_operator.domain.coverage import LOSSES, coverage_losses
from trail_operator.domain.diff import FIELDS
from trail_operator.domain.inventory_snapshot import PeerTrail
from trail_operator.domain.plan import plan
from trail_operator.domain.selectors import BasicSelector
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, Part
from trail_operator.domain.warnings import advise

# What else a spec says: which trail, whose, and what becomes of it.
NOT_OF_THE_TRAIL = {"name", "region", "accountRef", "deletionPolicy", "adoptionPolicy", "managementPolicy"}
# What has calls of its own. Which key an alias is, is an attribute, and the rest of the trail no field.
PARTS = {*get_args(Part), "advancedEventSelectors"} - {"trail", "kmsKeyID"}
S3 = "AWS::S3::Object"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:topic"
GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:trail"
ROLE = "arn:aws:iam::123456789012:role/trail"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
# Of each attribute a value as the spec, requests and answers have it, other than what it is where it is left out.
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "s3_bucket_name": ("bucket-2", "bucket-2", "bucket-2"),
    "s3_key_prefix": ("logs", "logs", "logs"),
    "sns_topic_name": ("topic", TOPIC, TOPIC),
    "cloud_watch_logs_log_group_arn": (GROUP, f"{GROUP}:*", f"{GROUP}:*"),
    "cloud_watch_logs_role_arn": (ROLE, ROLE, ROLE),
    "kms_key_id": (KEY, KEY, KEY),
    "is_multi_region_trail": (False, False, False),
    "include_global_service_events": (False, False, False),
    "enable_log_file_validation": (False, False, False),
    "is_organization_trail": (True, True, True),
    "recursive_logging": (False, False, False),
}
# What is warned of or not, depending on an attribute that is scope.
DATA_EVENTS = (BasicSelector(data_resources=((S3, ("arn:aws:s3",)),)),)
OBJECTS_OF_ORGANIZATIONS = (BasicSelector(data_resources=((S3, ("arn:aws:s3:::bucket-1/AWSLogs/o-",)),)),)
LOCAL = replace(MINIMAL, is_multi_region_trail=False)
ELSEWHERE = PeerTrail(
    arn="arn:aws:cloudtrail:eu-west-1:123456789012:trail/other",
    home_region="eu-west-1",
    is_multi_region_trail=False,
    include_global_service_events=False,
    is_organization_trail=False,
    management_events=frozenset({"Read", "Write"}),
)
WARNED: dict[str, DesiredTrail] = {
    "is_multi_region_trail": desired(),
    "include_global_service_events": desired(LOCAL),
    "is_organization_trail": desired(event_selectors=OBJECTS_OF_ORGANIZATIONS),
    "recursive_logging": desired(event_selectors=DATA_EVENTS),
}


def having(configuration: Configuration, name: str, value: Any) -> Configuration:
    return replace(configuration, **{name: value})


def names_in_the_spec() -> dict[str, str]:
    return {name: str(entry.alias) for name, entry in TrailSpec.model_fields.items()}


def test_every_field_of_the_spec_is_an_attribute_or_is_said_to_be_something_else() -> None:
    others = set(names_in_the_spec().values()) - PARTS - NOT_OF_THE_TRAIL
    assert others == {attribute.spec for attribute in ATTRIBUTES.values()}


def test_every_attribute_has_a_row_and_a_field_in_normal_form() -> None:
    assert [*ATTRIBUTES] == [entry.name for entry in fields(Configuration)]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_is_named_as_in_the_spec(name: str) -> None:
    assert ATTRIBUTES[name].spec == names_in_the_spec().get(name)


def test_aws_knows_every_attribute_and_there_is_no_other() -> None:
    """What a newer botocore has besides is to be made a row, or to be excepted here."""
    import botocore.session  # slow, and test_attributes_left_out.py runs the other tests often

    model: Any = botocore.session.get_session().get_service_model("cloudtrail")
    for operation in ("CreateTrail", "UpdateTrail"):
        parameters = model.operation_model(operation).input_shape.members
        assert {attribute.request for attribute in ATTRIBUTES.values()} == parameters.keys() - {"Name", "TagsList"}
    answers = [attribute.answer for attribute in ATTRIBUTES.values()]
    assert {*answers} <= model.shape_for("Trail").members.keys()
    assert len({*answers}) == len(answers)


@pytest.mark.parametrize("kind", [Configuration, DesiredTrail, ObservedTrail, Resolved, Attribute, NormalForm])
def test_nothing_in_normal_form_has_a_default(kind: Any) -> None:
    """With one, what is left out somewhere would be taken for what the trail is."""
    assert [entry.name for entry in fields(kind) if (entry.default, entry.default_factory) != (MISSING, MISSING)] == []


def test_each_attribute_has_a_value_to_test_with() -> None:
    assert VALUES.keys() == ATTRIBUTES.keys()


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_what_the_spec_says_is_sent_and_comes_back_as_no_difference(name: str) -> None:
    attribute, (in_spec, in_request, in_answer) = ATTRIBUTES[name], VALUES[name]
    spec = {"s3BucketName": "bucket-1", attribute.spec: in_spec}
    wanted = desired_of(TrailSpec.model_validate(spec), kms_key_arn=in_spec if attribute.spec == "kmsKeyID" else None)
    value = getattr(wanted.configuration, name)
    assert value != getattr(MINIMAL, name), "it makes a difference"
    assert isinstance(value, get_type_hints(Configuration)[name])
    assert plan(wanted, None)[0].parameters[attribute.request] == in_request
    found = observed_configuration({attribute.answer: in_answer})
    assert getattr(found, name) == value
    (update,) = plan(wanted, observed(having(wanted.configuration, name, getattr(MINIMAL, name))))
    assert update.parameters[attribute.request] == in_request
    assert [entry.path for entry in update.differences] == [attribute.spec]
    assert plan(wanted, observed(having(wanted.configuration, name, getattr(found, name)))) == ()


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_what_aws_leaves_out_is_in_normal_form_too(name: str) -> None:
    assert isinstance(getattr(observed_configuration({}), name), get_type_hints(Configuration)[name])


def test_every_field_that_can_differ_is_counted() -> None:
    assert set(FIELDS) == {"trail", "region", *PARTS, *(attribute.spec for attribute in ATTRIBUTES.values())}


@pytest.mark.parametrize("name", sorted(SCOPE))
def test_that_a_trail_records_less_is_told_whichever_attribute_it_is_by(name: str) -> None:
    assert get_type_hints(Configuration)[name] is bool, "false is less, true is more"
    assert name in LOSSES
    recording = replace(LOCAL, include_global_service_events=False, is_organization_trail=False)
    less, more = (
        replace(observed(having(recording, name, value), event_selectors=DATA_EVENTS), home_region="us-east-1")
        for value in (False, True)
    )
    assert len(coverage_losses(more, less)) == (2 if name == "is_multi_region_trail" else 1)
    assert coverage_losses(less, more) == ()


def test_of_each_attribute_that_is_scope_it_is_known_what_is_warned_of() -> None:
    assert WARNED.keys() == SCOPE


@pytest.mark.parametrize("name", sorted(SCOPE))
def test_what_is_warned_of_follows_each_attribute_that_is_scope(name: str) -> None:
    trail = WARNED[name]
    one, other = (
        advise(replace(trail, configuration=having(trail.configuration, name, value)), [ELSEWHERE])
        for value in (False, True)
    )
    assert one != other
