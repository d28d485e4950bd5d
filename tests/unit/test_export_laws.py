"""The law of export: what it prints, applied unchanged, writes nothing but the owner tag, and has no needless field."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.statemachine.aws import ACCOUNT, key_arn
from tests.statemachine.specs import CHANGES, TRAILS, spec_of
from trail_operator.api.constants import OWNER_TAG
from trail_operator.api.trail import TrailSpec
from trail_operator.domain.arns import Location, is_arn
from trail_operator.domain.export import Document, ExportSettings, FoundTrail, export
from trail_operator.domain.plan import plan
from trail_operator.domain.trail import DesiredTrail, ObservedTrail, desired_trail
from trail_operator.preview.manifests import read_manifests
from trail_operator.preview.yaml_output import document

OWNER = "cluster/team-a/alpha"


def wanted(spec: dict[str, Any], region: str) -> DesiredTrail:
    parsed = TrailSpec.model_validate(spec)
    key = parsed.kms_key_id
    location = Location("aws", ACCOUNT, region)
    return desired_trail(
        parsed,
        name=parsed.name or "alpha",
        location=location,
        owner=OWNER,
        kms_key_arn=None if not key else key if is_arn(key) and ":key/" in key else key_arn(0),
        ignored_tags=(),
        management_account=None,
        former_owners=frozenset(),
    )


def in_aws(desired: DesiredTrail, foreign_tags: dict[str, str]) -> ObservedTrail:
    """A trail that is as desired, but has no owner."""
    return ObservedTrail(
        arn=desired.arn,
        home_region=desired.location.region,
        configuration=desired.configuration,
        is_logging=desired.is_logging,
        tags={key: value for key, value in desired.tags.items() if key != OWNER_TAG} | foreign_tags,
        event_selectors=desired.event_selectors,
        insights=desired.insights,
        aggregations=desired.aggregations,
        delivery_errors={},
        delivered={},
        ever_logged=desired.is_logging,
        unreadable=frozenset(),
    )


def exported(observed: ObservedTrail) -> Document:
    documents = export([FoundTrail(ACCOUNT, observed)], {}, ExportSettings()).documents
    [trail] = [one for one in documents if one.body["kind"] == "Trail"]
    return trail


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(TRAILS)),
    CHANGES,
    st.sampled_from([{}, {"aws:cloudformation:stack-name": "stack", "trail-operator.dev/x": "y"}]),
)
def test_an_exported_trail_is_adopted_without_a_change(
    key: str, changes: list[tuple[str, int]], foreign_tags: dict[str, str]
) -> None:
    region = TRAILS[key].get("region", "us-east-1")
    spec = spec_of(key, changes)
    observed = in_aws(wanted(spec, region), foreign_tags)
    body = exported(observed).body
    assert body["spec"]["deletionPolicy"] == "Retain"
    assert body["spec"]["adoptionPolicy"] == "IfUnowned"
    again = wanted({"name": observed.arn.rpartition("/")[2]} | body["spec"], region)
    actions = plan(again, observed)
    assert [(action.operation, action.parameters["TagsList"]) for action in actions] == [
        ("AddTags", [{"Key": OWNER_TAG, "Value": OWNER}])
    ]
    assert not plan(again, replace(observed, tags={**observed.tags, OWNER_TAG: OWNER}))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(TRAILS)), CHANGES)
def test_no_field_is_needless(key: str, changes: list[tuple[str, int]]) -> None:
    region = TRAILS[key].get("region", "us-east-1")
    desired = wanted(spec_of(key, changes), region)
    spec = exported(in_aws(desired, {})).body["spec"]
    of_the_operator = {"accountRef", "deletionPolicy", "adoptionPolicy", "s3BucketName", "name", "region"}
    pair = {"cloudWatchLogsLogGroupARN", "cloudWatchLogsRoleARN"}
    for field in spec.keys() - of_the_operator - pair:
        without = {name: value for name, value in spec.items() if name != field}
        assert wanted({"name": desired.name} | without, region) != desired, field


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(TRAILS)), CHANGES)
def test_the_text_is_read_as_the_same_manifest(key: str, changes: list[tuple[str, int]]) -> None:
    found = exported(in_aws(wanted(spec_of(key, changes), TRAILS[key].get("region", "us-east-1")), {}))
    text = document(found.body, found.comments)
    [manifest] = read_manifests(["-"], stdin=text.encode).trails
    assert manifest.spec == found.body["spec"]
