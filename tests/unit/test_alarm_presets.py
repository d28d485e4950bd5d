"""The patterns of preset alarms, letter by letter, and the numbers of their controls."""

from pathlib import Path

import pytest

from trail_operator.api.trail_alarm_set import Preset
from trail_operator.domain.alarms.presets import PRESET_ALARMS, PresetAlarm, Standard, alarms_of

BY_NAME = {alarm.name: alarm for alarm in PRESET_ALARMS}

# A line each: the name and the whole text as it is published, that of Organizations in the order of the benchmark.
PATTERNS = dict(
    line.split(" ", maxsplit=1) for line in (Path(__file__).parent / "alarm_patterns.txt").read_text().splitlines()
)


@pytest.mark.parametrize("alarm", PRESET_ALARMS, ids=lambda alarm: alarm.name)
def test_a_pattern_is_the_published_one(alarm: PresetAlarm) -> None:
    assert alarm.pattern == PATTERNS[alarm.name]
    assert len(alarm.pattern) <= 1024


def test_the_presets_share_one_table() -> None:
    assert [alarm.name for alarm in PRESET_ALARMS] == list(PATTERNS)
    assert [alarm.name for alarm in alarms_of([Preset.SECURITY_HUB])] == list(PATTERNS)[:14]
    assert alarms_of([Preset.CIS, Preset.SECURITY_HUB]) == alarms_of([Preset.CIS]) == list(PRESET_ALARMS)
    assert alarms_of([]) == []


@pytest.mark.parametrize("standard", Standard)
def test_each_standard_counts_its_controls_once(standard: Standard) -> None:
    numbers = [alarm.controls[standard] for alarm in PRESET_ALARMS if standard in alarm.controls]
    prefix = numbers[0].partition(".")[0]
    most = 15 if standard in (Standard.CIS_1_4, Standard.CIS_6) else 14
    assert sorted(numbers, key=lambda number: int(number.partition(".")[2])) == [
        f"{prefix}.{number}" for number in range(1, most + 1)
    ]


def test_what_a_trail_must_record() -> None:
    assert {name for name, alarm in BY_NAME.items() if alarm.needs_read_events} == {"RootUsage", "UnauthorizedAPICalls"}
    for alarm in PRESET_ALARMS:
        assert (f"($.eventSource={alarm.event_source})" in alarm.pattern) is (alarm.event_source is not None)
