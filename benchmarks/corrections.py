"""Judges from AWS's recorded calls how soon changes made by others were corrected. Pure."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks import honesty

REMEDIES = {
    **honesty.REMEDIES,
    "DeleteTrail": "StartLogging",  # of the trail that is created for it: only then is it recorded again
}
SHARE = 0.95


@dataclass(frozen=True)
class Change:
    """A change of a trail by others."""

    operation: str
    name: str
    """The name of the Trail and of its trail."""
    request: str
    """AWS's id of the request."""
    at: float
    """When it was sent, in seconds."""


@dataclass(frozen=True)
class Correction:
    """The correction of a change by the operator."""

    seconds: float
    """From the arrival of the change's event to the call that corrects it."""
    reads: int
    """Calls about the trail from the change to the operator's first write."""


def correction(change: Change, arrivals: Mapping[str, float], calls: Iterable[Mapping[str, Any]]) -> Correction | None:
    """Return how a change was corrected; None if no event of it arrived, or if it is not corrected yet.

    `arrivals`: when events arrived, by the id of the request. `calls`: as AWS recorded them, in order.
    """
    own = [call for call in calls if _is_operators(call) and _names(call, change.name) and arrival(call) >= change.at]
    written = next((number for number, call in enumerate(own) if call["operation"] in honesty.WRITES), None)
    corrected = next((call for call in own if _corrects(call, change.operation)), None)
    if written is None or corrected is None or change.request not in arrivals:
        return None
    return Correction(arrival(corrected) - arrivals[change.request], written)


def arrival(call: Mapping[str, Any]) -> float:
    """Return when AWS got a call, in seconds."""
    return datetime.fromisoformat(call["time"]).timestamp()


def slow(seconds: Sequence[float]) -> float:
    """Return the 95th percentile: the least value that 95 % of all do not exceed."""
    return sorted(seconds)[math.ceil(SHARE * len(seconds)) - 1]


def summary(seconds: Sequence[float]) -> str:
    """Return median, 95th percentile and worst, in columns."""
    return "".join(f"{one:10.2f} s" for one in (statistics.median(seconds), slow(seconds), max(seconds)))


def problems(found: Sequence[float | None], goal: float) -> list[str]:
    """Return what is wrong with these times, in words. None is a change without any reaction."""
    seconds = [one for one in found if one is not None]
    wrong = [f"no reaction to {len(found) - len(seconds)} of {len(found)}"] if len(seconds) < len(found) else []
    if seconds and slow(seconds) > goal:
        wrong.append(f"the 95th percentile is {slow(seconds):.2f} s, more than {goal:.0f} s")
    return wrong


def _is_operators(call: Mapping[str, Any]) -> bool:
    return ":assumed-role/" in (call["caller"] or "")


def _names(call: Mapping[str, Any], name: str) -> bool:
    return name in str(call["parameters"])


def _corrects(call: Mapping[str, Any], operation: str) -> bool:
    return call["operation"] == REMEDIES[operation] and call["answered"] and call["error"] is None
