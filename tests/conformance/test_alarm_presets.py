"""Which events the patterns of preset alarms match, by TestMetricFilter: the same call judges them on AWS."""

import json

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import case, unverified
from tests.conformance.preset_records import CASES, Record, sign_in
from trail_operator.domain.alarms.presets import PRESET_ALARMS

SECURITY_HUB = "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html"
BENCHMARK = "https://www.cisecurity.org/benchmark/amazon_web_services"
NOT_EXISTS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html"

PATTERNS = {alarm.name: alarm.pattern for alarm in PRESET_ALARMS}
ALARMS = [case(name, SECURITY_HUB if "Organizations" not in name else BENCHMARK, name) for name in PATTERNS]


def matching(aws: Account, pattern: str, records: dict[str, Record]) -> set[str]:
    """Return which records match a pattern."""
    messages = {json.dumps(record): name for name, record in records.items()}
    assert len(messages) == len(records)
    answer = aws.client("logs").test_metric_filter(filterPattern=pattern, logEventMessages=list(messages))
    return {messages[one["eventMessage"]] for one in answer["matches"]}


@pytest.mark.parametrize("name", ALARMS)
def test_the_pattern_of_a_preset_matches(aws: Account, name: str) -> None:
    cases = CASES[name]
    assert len(cases.others) >= 3
    assert matching(aws, PATTERNS[name], cases.matching | cases.others) == set(cases.matching)


@pytest.mark.parametrize("name", [one for one in ALARMS if CASES[one.id].names])
def test_the_pattern_of_a_preset_matches_each_of_its_calls(aws: Account, name: str) -> None:
    cases = CASES[name]
    one = next(iter(cases.matching.values()))
    records = {call: one | {"eventName": call} for call in cases.names}
    assert matching(aws, PATTERNS[name], records) == set(cases.names)
    # None of the other presets' calls does, with the same event source.
    others = {call: one | {"eventName": call} for call in _calls() - set(cases.names)}
    for start in range(0, len(others), 50):
        some = dict(list(others.items())[start : start + 50])
        assert matching(aws, PATTERNS[name], some) == set()


def _calls() -> set[str]:
    """Return the names of calls of all preset alarms."""
    return {call for cases in CASES.values() for call in cases.names}


@unverified("what != means for a field that is missing is not documented")
@pytest.mark.parametrize(
    "record",
    [
        case("no data of the sign-in", NOT_EXISTS, sign_in(additionalEventData=None)),
        case("no word of MFA", NOT_EXISTS, sign_in(additionalEventData={"MobileVersion": "No"})),
    ],
)
def test_a_sign_in_of_which_mfa_is_unknown_does_not_match(aws: Account, record: Record) -> None:
    assert matching(aws, PATTERNS["ConsoleSignInWithoutMFA"], {"sign-in": record}) == set()
