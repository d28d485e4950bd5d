"""Which events the filter patterns of CloudWatch Logs match, and which patterns are refused.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
"""

from typing import Any

import pytest

from trail_sandbox.aws.filter_patterns import PatternError, parse

EVENT: dict[str, Any] = {
    "eventName": "ConsoleLogin",
    "eventSource": "signin.amazonaws.com",
    "sourceIPAddress": "123.123.0.9",
    "errorCode": "Client.UnauthorizedOperation",
    "readOnly": False,
    "sessionCredentialFromConsole": True,
    "responseElements": None,
    "userIdentity": {"type": "Root", "sessionContext": {}},
    "additionalEventData": {"MFAUsed": "No", "size": 50, "say": 'a "b"'},
    "resources": [{"ARN": "arn:aws:s3:::logs"}, "text"],
    "a.b": "dotted",
}

MATCHING = [
    "",
    "  ",
    "{$.eventName=ConsoleLogin}",
    '{ $.eventName = "ConsoleLogin" }',
    "{\n  ($.eventName\t=ConsoleLogin)\n}",
    "{((($.eventName=ConsoleLogin)))}",
    "{$.eventSource=signin.amazonaws.com}",
    "{ $.sourceIPAddress = 123.123.* }",
    '{$.errorCode="*UnauthorizedOperation"}',
    '{$.errorCode="Client*"}',
    '{$.errorCode="C*.U*n"}',
    '{$.errorCode="*"}',
    '{$.userIdentity.type!="IAMUser"}',
    "{$.['a.b']=dotted}",
    "{$['a.b']=dotted}",
    '{$.resources[0].ARN="arn:aws:s3:::logs"}',
    "{$.resources[1]=text}",
    '{$.additionalEventData.say="a \\"b\\""}',
    "{$.additionalEventData.size=50}",
    "{$.additionalEventData.size!=51}",
    "{$.additionalEventData.size>49.5}",
    "{$.additionalEventData.size>=5e1}",
    "{$.additionalEventData.size<1E+2}",
    "{$.additionalEventData.size<=50}",
    "{$.readOnly IS FALSE}",
    "{$.sessionCredentialFromConsole IS TRUE}",
    "{$.responseElements IS NULL}",
    "{$.userIdentity.invokedBy NOT EXISTS}",
    "{$.eventName=%^Console%}",
    "{$.eventName=%Lo[a-z]in%}",
    "{$.eventName!=%logout%}",
    # && before ||: read from the left it would not match.
    "{$.eventName=ConsoleLogin || $.eventName=x && $.eventName=y}",
    "{$.eventName=x && $.eventName=y || $.eventName=ConsoleLogin}",
]
OTHERS = [
    "{$.eventName=consolelogin}",
    "{$.EventName=ConsoleLogin}",
    "{$.eventName=Console}",
    "{$.userIdentity.type!=Root}",
    "{$.userIdentity=*}",
    "{$.resources=*}",
    "{$.resources.ARN=*}",
    "{$.resources[7]=*}",
    "{$.eventName[0]=*}",
    "{$.eventName.first=*}",
    "{$.none=*}",
    "{$.none IS NULL}",
    "{$.none IS FALSE}",
    "{$.responseElements NOT EXISTS}",
    "{$.eventName IS TRUE}",
    "{$.readOnly IS TRUE}",
    "{$.eventName > 1}",
    "{$.additionalEventData.size>50}",
    "{($.eventName=ConsoleLogin || $.eventName=x) && $.eventName=y}",
    '{$.errorCode="Client.UnauthorizedOperatio."}',
    "{$.eventName=%^Login%}",
]
# What no source proves: a pattern should not depend on it.
UNVERIFIED = [
    "{$.none!=x}",
    "{$.none!=1}",
    "{$.readOnly=false}",
    '{$.additionalEventData.size="50"}',
    "{$.readOnly=0}",
    "{$.additionalEventData.MFAUsed!=1}",
]
INVALID = [
    "{}",
    "{",
    "{ $.a = 1",
    "{ $.a = 1 } x",
    "{ $.a = 1 }}",
    "{ ($.a = 1 }",
    "{ $.a = 1 && }",
    "{ && $.a = 1 }",
    "{ $.a = 1 & $.b = 1 }",
    "{ $.a = 1 and $.b = 1 }",
    "{ a = 1 }",
    "{ $ = 1 }",
    "{ $. = 1 }",
    "{ $.a }",
    "{ $.a = }",
    "{ $.a == 1 }",
    "{ $.a = two words }",
    '{ $.a = "x }',
    "{ $.a = 'x' }",
    "{ $.a < x }",
    '{ $.a >= "x" }',
    "{ $.a EXISTS }",
    "{ $.a IS NOT NULL }",
    "{ $.a IS }",
    "{ $.a is null }",
    "{ $.a NOT EXISTS x }",
    "{ !($.a = 1) }",
    "{ $.a[x] = 1 }",
    "{ $.a[*].b = 1 }",
    "{ $.a = %x! %}",
    "{ $.a = %(x)% }",
    "{ $.a = %[x% }",
    "{ $.a = %x% || $.a = %y% || $.a = %z% }",
]


@pytest.mark.parametrize("pattern", MATCHING)
def test_a_pattern_matches(pattern: str) -> None:
    assert parse(pattern).matches(EVENT)


@pytest.mark.parametrize("pattern", [*OTHERS, *UNVERIFIED])
def test_a_pattern_does_not_match(pattern: str) -> None:
    assert not parse(pattern).matches(EVENT)


@pytest.mark.parametrize("pattern", INVALID)
def test_a_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        parse(pattern)


@pytest.mark.parametrize("pattern", ["ERROR", "?ERROR -x", '"a phrase"', "[a, b]", "%x%"])
def test_a_pattern_that_is_not_for_json_is_not_known(pattern: str) -> None:
    with pytest.raises(NotImplementedError):
        parse(pattern)


def test_two_regular_expressions_are_counted() -> None:
    assert parse("{ $.a = %x% || ($.b = %y% && $.c = 1) }").regexes() == 2


def test_the_selectors_are_spelt_as_in_the_pattern() -> None:
    pattern = "{ $.a.b = 1 || ($.c[0] NOT EXISTS && $.['d.e'] = x) }"
    assert [one.text for one in parse(pattern).selectors()] == ["$.a.b", "$.c[0]", "$.['d.e']"]


@pytest.mark.parametrize("event", [None, 1, "text", []])
def test_an_event_that_is_no_object_matches_nothing(event: object) -> None:
    assert not parse("{ $.a = * }").matches(event)
