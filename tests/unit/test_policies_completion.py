"""Policies from the wild, completed: nothing that was there changes, and trails deliver, or it is said why not."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import wild_policies
from tests.unit.builders import policy
from tests.unit.test_policies_combined import TRUST, many_trails, of_bucket, of_key, of_role, of_topic, only, trail
from trail_operator.domain.iam_policy import combined, size_limits
from trail_operator.domain.iam_policy.combined import Part, PolicyTrail
from trail_operator.domain.iam_policy.completion import complete
from trail_operator.domain.iam_policy.document import MalformedPolicyError
from trail_operator.domain.iam_policy.insertion import insert
from trail_operator.domain.iam_policy.size_limits import SizeLimit
from trail_sandbox.aws.policy import Decision, Principal, Request, evaluate
from trail_sandbox.aws.policy.validation import PolicyKind, validate, validate_bucket_policy

AUDIT = trail(
    sns_topic_name="arn:aws:sns:eu-west-1:111122223333:notify",
    kms_key_id="arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    cloud_watch_logs_log_group_arn="arn:aws:logs:eu-west-1:111122223333:log-group:audit",
    cloud_watch_logs_role_arn="arn:aws:iam::111122223333:role/logs",
)
NO_KEY = trail()
OTHER = trail("second", "444455556666", prefix="p")
BUCKET_OF = "the policy of bucket audit-logs"
Judge = Callable[[str, PolicyTrail], bool]


def of_trust(text: str, one: PolicyTrail) -> bool:
    permissions = policy(*(part.statement for part in combined.role_parts(one)))
    return of_role(text, permissions, one)


KINDS: Sequence[tuple[Mapping[str, str], Callable[[PolicyTrail], list[Part]], Judge, SizeLimit, PolicyKind]] = [
    (wild_policies.BUCKETS, combined.bucket_parts, of_bucket, size_limits.BUCKET, PolicyKind.RESOURCE),
    (wild_policies.TOPICS, combined.topic_parts, of_topic, size_limits.TOPIC, PolicyKind.RESOURCE),
    (
        wild_policies.KEYS,
        partial(combined.key_parts, bucket_key=True),
        partial(of_key, bucket_key=True),
        size_limits.KEY,
        PolicyKind.RESOURCE,
    ),
    (wild_policies.TRUST, combined.trust_parts, of_trust, size_limits.TRUST, PolicyKind.TRUST),
    (
        wild_policies.PERMISSIONS,
        combined.role_parts,
        lambda text, one: of_role(TRUST, text, one),
        size_limits.INLINE,
        PolicyKind.IDENTITY,
    ),
]
CASES = [
    pytest.param(text, *kind[1:], id=f"{kind[3].what}: {name}") for kind in KINDS for name, text in kind[0].items()
]


def statements(text: str) -> list[dict[str, Any]]:
    found = json.loads(text)["Statement"]
    return found if isinstance(found, list) else [found]


def assert_kept(before: str, after: str) -> None:
    """Nothing but what was added differs, not even a space."""
    present = statements(before)
    assert statements(after)[: len(present)] == present
    assert {name: value for name, value in json.loads(after).items() if name != "Statement"} == {
        name: value for name, value in json.loads(before).items() if name != "Statement"
    }
    characters = iter(after)
    assert all(one in characters for one in before), "the text that was there is not in the new one, in order"


def test_there_are_thirty_of_them() -> None:
    assert len(CASES) + len(wild_policies.DENYING) >= 30


@pytest.mark.parametrize(("text", "parts_of", "works", "limit", "kind"), CASES)
def test_nothing_changes_and_the_trail_delivers(
    text: str, parts_of: Callable[[PolicyTrail], list[Part]], works: Judge, limit: SizeLimit, kind: PolicyKind
) -> None:
    done = complete(text, parts_of(AUDIT), "the policy of it")
    assert (done.denied, done.unclear) == ((), ())
    assert_kept(text, done.policy)
    assert works(done.policy, AUDIT)
    assert works(text, AUDIT) or done.added
    validate(done.policy, kind)
    assert limit.excess(size_limits.compact(done.policy)) is None
    again = complete(done.policy, parts_of(AUDIT), "the policy of it")
    assert (again.policy, again.added) == (done.policy, ())


@pytest.mark.parametrize("name", [*wild_policies.BUCKETS, *wild_policies.DENYING])
def test_what_a_bucket_granted_stays_granted(name: str) -> None:
    text = (wild_policies.BUCKETS | wild_policies.DENYING)[name]
    done = complete(text, [*combined.bucket_parts(AUDIT), *combined.bucket_parts(OTHER)], BUCKET_OF)
    assert_kept(text, done.policy)
    validate_bucket_policy(done.policy, "audit-logs")
    for request in requests(text):
        before, after = evaluate(text, request), evaluate(done.policy, request)
        assert after is before or (
            before is Decision.NONE and request.principal.service_name == "cloudtrail.amazonaws.com"
        )


@given(text=st.sampled_from([*wild_policies.BUCKETS.values(), *wild_policies.DENYING.values()]), trails=many_trails())
@settings(max_examples=150, deadline=None)
def test_any_trails_deliver_unless_a_deny_is_named(text: str, trails: list[PolicyTrail]) -> None:
    # Judged without keys, so composed without: a bucket may accept only objects that are encrypted with one.
    trails = [only(one) for one in trails if one.location.partition == "aws"]
    done = complete(text, [part for one in trails for part in combined.bucket_parts(one)], BUCKET_OF)
    assert_kept(text, done.policy)
    assert all(of_bucket(done.policy, one) for one in trails) or done.denied
    sids = [one["Sid"] for one in statements(done.policy) if one.get("Sid")]
    assert len(sids) == len(set(sids))


def requests(text: str) -> list[Request]:
    """What the principals of a policy, and others, may ask of the bucket."""
    found = set(re.findall(r"arn:aws:iam::[0-9]{12}:[a-z]+/?[\w/-]*", text))
    services = set(re.findall(r"[a-z0-9.-]+\.amazonaws\.com", text)) | {"cloudtrail.amazonaws.com"}
    principals = [Principal.service(name) for name in sorted(services)]
    principals += [Principal.arn(arn) for arn in sorted(found)[:10]]
    context = {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": "111122223333"}
    sources = [
        "arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit",
        "arn:aws:cloudtrail:us-east-1:999988887777:trail/all",
        "arn:aws:config:eu-west-1:111122223333:x",
    ]
    keys = ["AWSLogs/111122223333/x", "AWSLogs/o-exampleorgid/x", "old/AWSLogs/111122223333/x", "access/x", "tmp"]
    actions = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ReplicateObject"]
    bucket = "arn:aws:s3:::audit-logs"
    asked = [(action, f"{bucket}/{key}") for action in actions for key in keys]
    asked += [("s3:GetBucketAcl", bucket), ("s3:ListBucket", bucket)]
    return [
        Request(principal, action, resource, context | {"aws:SourceArn": source})
        for principal in principals
        for action, resource in asked
        for source in sources
    ]


@pytest.mark.parametrize("name", wild_policies.DENYING)
def test_a_deny_is_named_that_adding_cannot_correct(name: str) -> None:
    text = wild_policies.DENYING[name]
    done = complete(text, combined.bucket_parts(NO_KEY), BUCKET_OF)
    [label] = [one["Sid"] for one in statements(text)]
    assert [message for message in done.denied if f"'{label}'" in message]
    assert_kept(text, done.policy)
    assert len(done.added) == 2
    assert not of_bucket(done.policy, NO_KEY)


def test_a_deny_that_depends_on_what_is_unknown_is_named_as_such() -> None:
    deny = {
        "Sid": "Home",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::audit-logs/*",
    }
    text = policy({**deny, "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}})
    done = complete(text, combined.bucket_parts(NO_KEY), BUCKET_OF)
    assert done.denied == ()
    assert "'Home'" in done.unclear[0]


def test_a_second_trail_is_added_beside_the_first() -> None:
    first = complete(policy(), combined.bucket_parts(AUDIT), BUCKET_OF).policy
    both = complete(first, [*combined.bucket_parts(AUDIT), *combined.bucket_parts(OTHER)], BUCKET_OF)
    assert_kept(first, both.policy)
    assert [one.statement["Sid"] for one in both.added] == [
        "AWSCloudTrailAclCheck201503192",
        "AWSCloudTrailWrite201503192",
    ]
    assert of_bucket(both.policy, AUDIT)
    assert of_bucket(both.policy, OTHER)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not valid JSON"),
        ("[]", "not an object with a Statement"),
        ("{}", "not an object with a Statement"),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', "Version occurs twice"),
        ('{"Statement":[{"Effect":"Allow","Effect":"Deny","Action":"*"}]}', "Effect occurs twice"),
        ('{"Statement":[1]}', "statement 1 is not an object"),
        ('{"Statement":' + "[" * 100_000, "not valid JSON"),
    ],
)
def test_what_is_no_policy_is_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedPolicyError, match=problem):
        complete(text, combined.bucket_parts(AUDIT), BUCKET_OF)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"Statement":[]}', '{"Statement":[{"Sid":"x"}]}'),
        ('{"Statement":{"a":1},"Id":"y"}', '{"Statement":[{"a":1},{"Sid":"x"}],"Id":"y"}'),
        (
            '{\n "Id": "Statement",\n "Statement": [\n  {"a": "]"}\n ]\n}\n',
            '{\n "Id": "Statement",\n "Statement": [\n  {"a": "]"},\n  {\n    "Sid": "x"\n  }\n ]\n}\n',
        ),
        ('{"Id":{"Statement":[]},"Statement":[ ]}', '{"Id":{"Statement":[]},"Statement":[{"Sid":"x"} ]}'),
    ],
)
def test_statements_are_inserted_into_the_text(text: str, expected: str) -> None:
    assert insert(text, [{"Sid": "x"}]) == expected


@pytest.mark.parametrize(
    ("limit", "size"),
    [(size_limits.BUCKET, 20_480), (size_limits.TOPIC, 30_720), (size_limits.KEY, 32_768), (size_limits.TRUST, 2048)],
)
def test_sizes_are_counted_in_bytes(limit: SizeLimit, size: int) -> None:
    rest = len(json.dumps({"Statement": ["", ""]}, separators=(",", ":"), ensure_ascii=False)) + len("é") * 2
    fits = json.dumps({"Statement": ["é", "x" * (size - rest)]}, separators=(",", ":"), ensure_ascii=False)
    assert limit.excess(fits) is None
    assert f"{size + 1:,} bytes" in str(limit.excess(fits.replace("x", "xx", 1)))
    assert (limit.excess(f"{fits} ") is None) is not limit.counts_spaces


def test_a_topic_has_a_hundred_statements_at_most() -> None:
    assert size_limits.TOPIC.excess(policy(*([{}] * 100))) is None
    assert "101 statements" in str(size_limits.TOPIC.excess(policy(*([{}] * 101))))
