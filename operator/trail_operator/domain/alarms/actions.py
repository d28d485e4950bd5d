"""Writes to metric filters and alarms as values: what each sends, and which differences it removes.

`plan.py` decides which writes are made, and in which order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trail_operator.api.trail_status import Difference
from trail_operator.domain.alarms.alarm import FilterKey

Operation = Literal[
    "PutMetricFilter", "DeleteMetricFilter", "PutMetricAlarm", "DeleteAlarms", "TagResource", "UntagResource"
]


@dataclass(frozen=True)
class AlarmAction:
    """An AWS write, and the differences that it removes."""

    operation: Operation
    parameters: Mapping[str, Any]
    alarms: tuple[str, ...]
    """The names in the spec of the alarms that it is about; those in AWS for alarms that the spec does not have."""
    differences: tuple[Difference, ...] = ()
    filter: FilterKey | None = None
    """The filter that it creates, replaces or deletes. One that it creates is recorded in status before."""
    existing_alarms: Mapping[str, str] | None = None
    """The alarms that it changes or deletes, as names and ARNs: their owner tags are read again before it is sent."""
    requires: tuple[int, ...] = ()
    """Positions in the plan of writes that must not have failed before it: without them it would do harm."""
