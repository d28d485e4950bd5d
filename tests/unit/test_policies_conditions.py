"""Every condition operator against a key that is sent, one that is absent, one that may be either."""

import pytest

from trail_operator.domain.iam_policy.conditions import evaluate_condition
from trail_operator.domain.iam_policy.document import Condition
from trail_operator.domain.iam_policy.ternary import Truth

ARN = "arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit"
CONTEXT: dict[str, tuple[str | None, ...]] = {
    "aws:sourcearn": (ARN,),
    "aws:sourceaccount": ("123456789012",),
    "aws:securetransport": ("true",),
    "s3:tlsversion": ("1.2", "1.3"),
    "s3:x-amz-acl": (None,),
    "aws:principaltag/*": (None,),
    "s3:x-amz-server-side-encryption": ("AES256", None),
}
T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", "aws:SourceAccount", "123456789012", T),
        ("StringEquals", "aws:SourceAccount", "1*", F),
        ("StringEquals", "AWS:SOURCEACCOUNT", "123456789012", T),
        ("StringEquals", "s3:x-amz-acl", "x", F),
        ("StringEquals", "s3:x-amz-server-side-encryption", "AES256", U),
        ("StringEquals", "s3:x-amz-server-side-encryption", "aws:kms", F),
        ("StringNotEquals", "aws:SourceAccount", "123456789012", F),
        ("StringNotEquals", "s3:x-amz-acl", "x", T),
        ("StringNotEquals", "s3:x-amz-server-side-encryption", "aws:kms", T),
        ("StringEqualsIgnoreCase", "aws:SecureTransport", "TRUE", T),
        ("StringEqualsIgnoreCase", "aws:SourceArn", "ARN:aws:CloudTrail:eu-west-1:${AWS:SourceAccount}:trail/audit", T),
        ("StringEqualsIgnoreCase", "aws:SecureTransport", "TRU", F),
        ("StringNotEqualsIgnoreCase", "aws:SecureTransport", "TRUE", F),
        ("StringLike", "aws:SourceArn", "arn:*", T),
        ("StringLike", "aws:SourceArn", "arn:*:trail/audi", F),
        ("StringLike", "aws:SourceArn", "arn:*:${aws:SourceAccount}:*", T),
        ("StringLike", "aws:SourceArn", "${aws:SourceAccount}", F),
        ("StringLike", "aws:SourceArn", "arn:${*}", F),
        ("StringLike", "s3:tlsversion", "1.?", T),
        ("StringLike", "aws:SourceArn", "*${aws:PrincipalAccount}*", U),
        ("StringLike", "aws:SourceArn", "*${s3:x-amz-acl}*", F),
        ("StringLike", "aws:SourceArn", "*${s3:x-amz-acl, 'audit'}", T),
        ("StringNotLike", "aws:SourceArn", "arn:*", F),
        ("StringNotLike", "s3:x-amz-acl", "*", T),
        ("ArnEquals", "aws:SourceArn", "arn:aws:cloudtrail:*:123456789012:trail/*", T),
        ("ArnLike", "aws:SourceArn", "arn:aws:cloudtrail:*:${aws:SourceAccount}:trail/audit", T),
        ("ArnLike", "aws:SourceArn", "arn:aws:cloudtrail:*:trail/audit", U),
        ("ArnLike", "aws:SourceArn", "arn:aws:cloudtrail:*:x:trail/audit", F),
        ("ArnLike", "aws:SourceAccount", "arn:aws:iam::1:root", F),
        ("ArnNotEquals", "aws:SourceArn", ARN, F),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:s3:::*", T),
        ("Bool", "aws:SecureTransport", "True", T),
        ("Bool", "aws:SecureTransport", "false", F),
        ("Bool", "s3:x-amz-acl", "false", F),
        ("BoolIfExists", "s3:x-amz-acl", "false", T),
        ("BoolIfExists", "aws:SecureTransport", "false", F),
        ("Null", "s3:x-amz-acl", "true", T),
        ("Null", "s3:x-amz-acl", "false", F),
        ("Null", "aws:SourceArn", "true", F),
        ("Null", "aws:SourceArn", "false", T),
        ("Null", "aws:SourceArn", "maybe", U),
        ("Null", "s3:x-amz-server-side-encryption", "true", U),
        ("Null", "aws:PrincipalOrgID", "true", U),
        ("StringNotEqualsIfExists", "s3:x-amz-acl", "x", T),
        ("StringEqualsIfExists", "s3:x-amz-server-side-encryption", "AES256", T),
        ("ForAllValues:StringEquals", "s3:x-amz-acl", "x", T),
        ("ForAllValues:StringEquals", "aws:SourceAccount", "1", F),
        ("ForAllValues:StringNotEquals", "aws:SourceAccount", "1", T),
        ("ForAnyValue:StringEquals", "aws:SourceAccount", "123456789012", T),
        ("ForAnyValue:StringNotEquals", "s3:x-amz-acl", "x", F),
        ("ForAnyValue:StringEqualsIfExists", "s3:x-amz-acl", "x", U),
        ("NumericLessThan", "s3:TlsVersion", "1.2", F),
        ("NumericLessThan", "s3:TlsVersion", "1.3", U),
        ("NumericLessThanEquals", "s3:TlsVersion", "1.3", T),
        ("NumericGreaterThan", "s3:TlsVersion", "1.1", T),
        ("NumericGreaterThanEquals", "s3:TlsVersion", "1.2", T),
        ("NumericEquals", "s3:TlsVersion", "1.20", U),
        ("NumericNotEquals", "s3:TlsVersion", "1.1", T),
        ("NumericLessThan", "s3:TlsVersion", "new", U),
        ("IpAddress", "s3:x-amz-acl", "192.0.2.0/24", F),
        ("NotIpAddress", "s3:x-amz-acl", "192.0.2.0/24", T),
        ("DateLessThan", "s3:x-amz-acl", "2026-01-01T00:00:00Z", F),
        ("DateNotEquals", "aws:SourceAccount", "2026-01-01T00:00:00Z", U),
        ("StringNotEquals", "aws:PrincipalTag/Team", "x", T),
        ("StringLike", "aws:PrincipalTag/Team", "*", F),
        ("StringLike", "aws:SourceArn", "*${aws:PrincipalTag/Team, 'audit'}", T),
        ("IpAddress", "aws:SourceAccount", "192.0.2.0/24", U),
        ("stringequals", "aws:SourceAccount", "123456789012", U),
        ("ForSomeValues:StringEquals", "aws:SourceAccount", "123456789012", U),
        ("StringEquals", "aws:PrincipalOrgID", "o-1", U),
        ("StringEqualsIfExists", "aws:PrincipalOrgID", "o-1", U),
    ],
)
def test_condition(operator: str, key: str, value: str, expected: Truth) -> None:
    assert evaluate_condition(Condition(operator, key, (value,)), CONTEXT, variables=True) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("StringEquals", ("1", "123456789012"), T),
        ("StringNotEquals", ("1", "123456789012"), F),
        ("StringNotEquals", ("1", "2"), T),
        ("StringLike", ("9*", "1*"), T),
        ("StringEquals", (), F),
    ],
)
def test_one_of_several_values_is_enough(operator: str, values: tuple[str, ...], expected: Truth) -> None:
    assert evaluate_condition(Condition(operator, "aws:SourceAccount", values), CONTEXT, variables=True) is expected


def test_without_variables_their_text_is_compared() -> None:
    condition = Condition("StringEquals", "aws:SourceAccount", ("${aws:SourceAccount}",))
    assert evaluate_condition(condition, CONTEXT, variables=True) is T
    assert evaluate_condition(condition, CONTEXT, variables=False) is F
