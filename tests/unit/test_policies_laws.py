"""Laws of the policy judge, over generated buckets, prefixes, trails, patterns and documents."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trail_operator.domain.arns import Arn
from trail_operator.domain.iam_policy import judge, prescribed
from trail_operator.domain.iam_policy.matching import Target, matches, text_matches, tokens
from trail_operator.domain.iam_policy.ternary import Truth
from trail_operator.domain.iam_policy.verdict import Answer, Verdict

Statement = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A dependency of a trail: what AWS prescribes for it, and how its policy is judged."""

    statements: tuple[Statement, ...]
    judged: Callable[[str], Verdict]


PARTITIONS = st.sampled_from(
    [("aws", "us-east-1"), ("aws", "ap-southeast-4"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
TRAIL_NAMES = st.from_regex(r"[A-Za-z0-9]{1,30}([._-][A-Za-z0-9]{1,30}){1,3}", fullmatch=True)
BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)
PREFIXES = st.none() | st.from_regex(r"[A-Za-z0-9!_.*'()-]{1,60}(/[A-Za-z0-9!_.*'()-]{1,60}){0,2}", fullmatch=True)
RESOURCE_NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,200}", fullmatch=True)


@st.composite
def trail_arns(draw: st.DrawFn) -> str:
    partition, region = draw(PARTITIONS)
    return f"arn:{partition}:cloudtrail:{region}:{draw(ACCOUNTS)}:trail/{draw(TRAIL_NAMES)}"


@st.composite
def bucket_cases(draw: st.DrawFn) -> Case:
    bucket, prefix, trail = draw(BUCKETS), draw(PREFIXES), draw(trail_arns())
    return Case(
        tuple(prescribed.bucket_statements(bucket, prefix, trail)),
        lambda text: judge.judge_bucket_policy(text, bucket=bucket, prefix=prefix, trail_arn=trail),
    )


@st.composite
def topic_cases(draw: st.DrawFn) -> Case:
    trail = draw(trail_arns())
    topic = f"arn:aws:sns:eu-west-1:{draw(ACCOUNTS)}:{draw(RESOURCE_NAMES)}"
    return Case(
        (prescribed.topic_statement(topic, trail),),
        lambda text: judge.judge_topic_policy(text, topic_arn=topic, trail_arn=trail),
    )


@st.composite
def key_cases(draw: st.DrawFn) -> Case:
    trail = draw(trail_arns())
    key = f"arn:aws:kms:eu-west-1:{draw(ACCOUNTS)}:key/{draw(st.uuids())}"
    return Case(
        tuple(prescribed.key_statements(trail)),
        lambda text: judge.judge_key_policy(text, key_arn=key, trail_arn=trail),
    )


@st.composite
def trust_cases(draw: st.DrawFn) -> Case:
    role = f"arn:aws:iam::{draw(ACCOUNTS)}:role/{draw(RESOURCE_NAMES)[:64]}"
    return Case((prescribed.role_trust_statement(),), lambda text: judge.judge_role_trust(text, role_arn=role))


RESOURCE_POLICIES = st.one_of(bucket_cases(), topic_cases(), key_cases(), trust_cases())


def document(*statements: Statement) -> str:
    return prescribed.policy_document(statements)


def pasted(statements: list[Statement], verdict: Verdict) -> str:
    return document(*statements, *json.loads(f"[{verdict.remedy}]"))


PERTURBATIONS: dict[str, Statement] = {
    "other service": {"Principal": {"Service": "config.amazonaws.com"}},
    "an account": {"Principal": {"AWS": "arn:aws:iam::000000000000:root"}},
    "other action": {"Action": "s3:ListBucket"},
    "other resource": {"Resource": "arn:aws:s3:::elsewhere/*"},
    "other trail": {"Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudtrail:x:1:trail/x"}}},
    "other organization": {"Condition": {"StringEquals": {"aws:SourceOrgID": "o-0000000000"}}},
    "unencrypted transport": {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
}


@given(RESOURCE_POLICIES)
def test_what_is_prescribed_is_allowed(case: Case) -> None:
    verdict = case.judged(document(*case.statements))
    assert verdict.allowed, verdict.message
    assert verdict.findings == ()


@given(RESOURCE_POLICIES, st.data())
def test_any_one_statement_is_needed_and_its_remedy_heals(case: Case, data: st.DataObject) -> None:
    left = list(case.statements)
    left.remove(data.draw(st.sampled_from(case.statements)))
    verdict = case.judged(document(*left))
    assert verdict.answer is Answer.REFUSED
    assert len(json.loads(f"[{verdict.remedy}]")) == 1
    assert case.judged(pasted(left, verdict)).allowed


@given(RESOURCE_POLICIES, st.data())
def test_any_change_for_the_worse_is_seen_and_its_remedy_heals(case: Case, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(case.statements) - 1))
    kinds = [kind for kind, change in PERTURBATIONS.items() if _can_change(case.statements[at], change)]
    changed = list(case.statements)
    changed[at] = changed[at] | PERTURBATIONS[data.draw(st.sampled_from(kinds))]
    verdict = case.judged(document(*changed))
    assert not verdict.allowed
    assert case.judged(pasted(changed, verdict)).allowed


def _can_change(statement: Statement, change: Statement) -> bool:
    """A trust policy has no Resource, whatever one writes there."""
    return "Resource" not in change or "Resource" in statement


@given(RESOURCE_POLICIES, st.sampled_from(["*", {"AWS": "*"}, {"Service": "cloudtrail.amazonaws.com"}]))
def test_a_deny_wins_and_is_named(case: Case, principal: Any) -> None:
    deny = {"Sid": "No", "Effect": "Deny", "Principal": principal, "Action": "*", "Resource": "*"}
    verdict = case.judged(document(*case.statements, deny))
    assert verdict.answer is Answer.REFUSED
    assert {finding.statement for finding in verdict.findings} == {"statement 'No'"}
    exempted = deny | {"Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}}}
    assert case.judged(document(*case.statements, exempted)).allowed


@given(RESOURCE_POLICIES, st.sampled_from(["", "x" * 300]), st.data())
def test_a_message_stays_short(case: Case, more: str, data: st.DataObject) -> None:
    perturbation = st.sampled_from(list(PERTURBATIONS.values()))
    changed = [statement | data.draw(perturbation) | {"Sid": f"S{more}"} for statement in case.statements]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    verdict = case.judged(document(*changed, deny))
    assert len(verdict.message) < 2600
    assert verdict.message.count("{") == verdict.message.count("}")


@given(trail_arns(), RESOURCE_NAMES, st.booleans())
def test_the_role_needs_both_its_permissions(trail: str, group: str, star: bool) -> None:
    parts = Arn.parse(trail)
    group_arn = f"arn:{parts.partition}:logs:{parts.region}:{parts.account}:log-group:{group}{':*' if star else ''}"
    role = f"arn:{parts.partition}:iam::{parts.account}:role/logs"

    def judged(*statements: Statement) -> Verdict:
        return judge.judge_role_permissions(
            [("logs", document(*statements))], role_arn=role, log_group_arn=group_arn, trail_arn=trail
        )

    create, put = prescribed.role_permission_statements(group_arn, trail)
    assert judged(create, put).allowed
    for left in (create, put):
        verdict = judged(left)
        assert verdict.answer is Answer.REFUSED
        assert judged(left, *json.loads(verdict.remedy)["Statement"]).allowed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["*", "Allow", "Deny", "s3:*", "a${b}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "Condition", "AWS"]
            ),
            inner,
            max_size=7,
        )
    ),
    max_leaves=20,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": JSON}, optional={"Principal": JSON, "Condition": JSON}
)


@given(JSON | st.lists(STATEMENTS, max_size=3).map(lambda statements: {"Statement": statements}))
def test_no_document_makes_the_judge_fail(value: Any) -> None:
    trail = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
    verdict = judge.judge_bucket_policy(json.dumps(value), bucket="audit", prefix=None, trail_arn=trail)
    assert verdict.allowed is (verdict.findings == ())


LETTERS = st.text(alphabet="ab", max_size=5)
PATTERNS = st.text(alphabet="ab*?", max_size=6)
CONTINUATIONS = ["", *"ab", *(first + second for first in "ab" for second in "ab"), "aaaaaa", "bbbbbb", "abbaab"]


def matches_as_text(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(character, character) for character in pattern)
    return re.fullmatch(expression, text) is not None


@given(PATTERNS, LETTERS)
def test_a_pattern_matches_a_text_as_a_regular_expression_does(pattern: str, text: str) -> None:
    assert matches(tokens(pattern), Target(text)) is Truth.of(matches_as_text(pattern, text))


@given(PATTERNS, LETTERS)
def test_a_claim_about_an_open_end_holds_for_every_continuation(pattern: str, text: str) -> None:
    claim = matches(tokens(pattern), Target(text, open_ended=True))
    matched = {matches_as_text(pattern, text + continuation) for continuation in CONTINUATIONS}
    if claim is not Truth.UNKNOWN:
        assert matched == {claim is Truth.TRUE}


@given(LETTERS)
def test_an_open_end_is_known_to_be_covered_where_the_pattern_ends_in_a_star(text: str) -> None:
    assert matches(tokens(f"{text}*"), Target(text, open_ended=True)) is Truth.TRUE
    assert matches(tokens(f"c{text}*"), Target(f"b{text}", open_ended=True)) is Truth.FALSE
    assert matches(tokens(f"{text}c"), Target(text, open_ended=True)) is Truth.UNKNOWN


def wide(values: list[str]) -> Statement:
    """A statement that may be about any of these resources."""
    return {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": values}


def with_condition(operator: str, value: str | list[str]) -> Statement:
    return wide(["*"]) | {"Condition": {operator: {"aws:SourceArn": value}}}


# Each as large as AWS stores one, 20 KB: https://docs.aws.amazon.com/general/latest/gr/s3.html
HUGE: dict[str, Statement] = {
    "one variable again and again": wide(["arn:aws:s3:::audit/" + "${s3:TlsVersion}" * 1200]),
    "stars side by side": wide(["*" * 20_000]),
    "stars between letters": wide(["*a" * 10_000]),
    "a long near miss after a star": wide([f"*{'a' * 100}b" for _ in range(180)]),
    "a long near miss with a question mark": wide([f"*?{'a' * 100}b{number}" for number in range(180)]),
    "many short patterns": wide([f"*?{number}*" for number in range(2000)]),
    "a variable of spaces without an end": wide(["${" + " " * 20_000]),
    "variables that do not end": wide(["${a" * 6500]),
    "defaults that do not end": wide(["${a, '" * 3300]),
    "an ARN of colons": with_condition("ArnLike", ":" * 20_000),
    "an ARN of colons before a brace": with_condition("ArnLike", ":" * 20_000 + "}"),
    "many values": with_condition("StringNotEqualsIgnoreCase", [str(number) for number in range(3000)]),
    "an operator without an end": with_condition("IfExists" * 2500, "x"),
}


@pytest.mark.parametrize("statement", HUGE.values(), ids=HUGE)
def test_no_policy_takes_long(statement: Statement) -> None:
    """Whoever can name a bucket has its policy judged, and all Trails wait meanwhile: that this ends at all, tells."""
    trail = f"arn:aws:cloudtrail:eu-west-1:123456789012:trail/{'a' * 128}"
    for effect in ("Allow", "Deny"):
        text = document(statement | {"Effect": effect})
        verdict = judge.judge_bucket_policy(text, bucket="a" * 63, prefix="a" * 200, trail_arn=trail)
        assert verdict.message


def test_a_policy_nested_beyond_all_measure_is_malformed() -> None:
    trail = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
    verdict = judge.judge_bucket_policy("[" * 20_000, bucket="audit", prefix=None, trail_arn=trail)
    assert "is malformed" in verdict.message


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("${k}/${k}", "1/1", Truth.UNKNOWN),
        ("${k}/${k}", "1/2", Truth.FALSE),
        ("${k}/${K}", "2/1", Truth.FALSE),
        ("${k}/${other}", "1/x", Truth.UNKNOWN),
        ("${k}/${other}", "3/x", Truth.FALSE),
        ("${k,'a'}/${ k , 'b' }", "1/2", Truth.FALSE),
        ("${absent,'a'}/${absent, 'b'}", "a/b", Truth.TRUE),
        ("${absent,'a'}/${absent}", "a/a", Truth.FALSE),
        ("${*}${?}${$}", "*?$", Truth.TRUE),
    ],
)
def test_a_variable_has_one_value_however_often_it_is_named(text: str, target: str, expected: Truth) -> None:
    context = {"k": ("1", "2"), "other": ("x", "y"), "absent": (None,)}
    assert text_matches(text, Target(target), context, variables=True) is expected


@pytest.mark.parametrize("text", ["${", "*${k", "${${k}}", "${}", "${k, 1}", "${k,'1}"])
def test_half_a_variable_is_not_guessed_at(text: str) -> None:
    assert text_matches(text, Target("1"), {"k": ("1",)}, variables=True) is Truth.UNKNOWN
    assert text_matches(text, Target("1"), {"k": ("1",)}, variables=False) is Truth.FALSE


def test_too_many_cases_are_not_counted_through() -> None:
    context = {f"k{number}": ("a", "b") for number in range(60)}
    text = "".join(f"${{{key}}}" for key in context)
    assert text_matches(text, Target("c"), context, variables=True) is Truth.UNKNOWN
    assert text_matches("${k0}${k1}", Target("c"), context, variables=True) is Truth.FALSE
