"""The settings of the emulated AWS that the control API can change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from trail_sandbox.aws.faults import BadRequest
from trail_sandbox.aws.regions import is_region
from trail_sandbox.aws.trails import MEMORY


@dataclass(frozen=True)
class EventDelivery:
    """What happens to EventBridge's messages on their way into queues. AWS promises neither arrival nor order."""

    drop: float = 0.0
    """The share of messages that are lost."""
    double: float = 0.0
    """The share of messages that arrive twice."""
    reorder: float = 0.0
    """The share of messages that arrive after the next one of their queue, or a second late."""
    delay: float = 0.0
    """How many seconds late messages arrive."""
    seed: int = 0
    """Which messages it hits: the same ones of each queue for the same seed."""


@dataclass
class Settings:
    """The defaults are as in AWS, except for stale reads, which AWS shows only sometimes."""

    background: bool = True
    """Deliver every few seconds; otherwise only on request."""
    quotas: bool = True
    """Five trails in a region."""
    rates: bool = True
    """Ten reads and one write a second, for each operation, account and region."""
    stale_reads: float = 0.0
    """For how many seconds after a write reads answer the state before it."""
    iam_propagation: float = 0.0
    """For how many seconds after a change of a role CloudTrail sees the role as it was before."""
    trail_loading: float = 0.0
    """For how many seconds after its creation a trail cannot be changed: ConflictException."""
    event_delivery: EventDelivery = EventDelivery()
    """What happens to EventBridge's messages."""
    lookup_lag: float = 0.0
    """For how many seconds after it happened LookupEvents does not show an event. In AWS it takes minutes."""
    alarm_period_seconds: float | None = None
    """How many seconds the periods of alarms last; None is as long as they say."""
    regions_without_log_delivery: Sequence[str] = ()
    """Where trails cannot deliver to CloudWatch Logs. In AWS they can everywhere at present."""
    regions_without_insights: Sequence[str] = ()
    """Where PutInsightSelectors is not supported."""
    default_encryption_needs_decrypt: bool = False
    """Whether the key of a bucket's default encryption must let CloudTrail Decrypt as well. No source tells."""
    session_seconds: float | None = None
    """How long sessions of AssumeRole last that are made from now on, at most; None is as long as was asked for."""


def parse_settings(body: object) -> dict[str, Any]:
    """Parse the body of PUT /_sandbox/settings: the values of those that are given."""
    names = [field.name for field in fields(Settings)]
    if not isinstance(body, dict):
        raise BadRequest("settings are a JSON object")
    for name in body:
        if name not in names:
            raise BadRequest(f"unknown: {name}; there are {', '.join(names)}")
    return {name: _PARSERS.get(name, _switch)(name, value) for name, value in body.items()}


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false, not {value!r}")
    return value


def _seconds(most: float, *, is_nullable: bool = False) -> Callable[[str, object], float | None]:
    def parse(name: str, value: object) -> float | None:
        if value is None and is_nullable:
            return None
        if not _is_number(value, most):
            null = ", or null" if is_nullable else ""
            raise BadRequest(f"{name} must be a number of seconds, at most {most:.0f}{null}, not {value!r}")
        return value  # type: ignore[return-value]

    return parse


def _period(name: str, value: object) -> float | None:
    if value is not None and (not _is_number(value, _LONGEST_PERIOD_SECONDS) or value == 0):
        raise BadRequest(f"{name} must be a number of seconds above 0, at most {_LONGEST_PERIOD_SECONDS}, or null")
    return value  # type: ignore[return-value]


def _regions(name: str, value: object) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and is_region(one) for one in value):
        raise BadRequest(f"{name} must be a list of regions, not {value!r}")
    return value


def _event_delivery(name: str, value: object) -> EventDelivery:
    """Parse all members at once: those left out are at their defaults, and null is all defaults."""
    known = [field.name for field in fields(EventDelivery)]
    given: Mapping[str, Any] = value if isinstance(value, dict) else {}
    if not isinstance(value, dict | None) or not given.keys() <= set(known):
        raise BadRequest(f"{name} must be an object of {', '.join(known)}, not {value!r}")
    for share in ("drop", "double", "reorder"):
        if not _is_number(given.get(share, 0), 1):
            raise BadRequest(f"{name}.{share} must be a share from 0 to 1, not {given[share]!r}")
    _seconds(_MOST_DELAY_SECONDS)(f"{name}.delay", given.get("delay", 0))
    seed = given.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise BadRequest(f"{name}.seed must be an integer, not {seed!r}")
    return EventDelivery(**given)


def _is_number(value: object, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


_MOST_DELAY_SECONDS = 60 * 60
_LONGEST_PERIOD_SECONDS = 24 * 60 * 60
_PARSERS: Mapping[str, Callable[[str, object], Any]] = {
    "stale_reads": _seconds(MEMORY.total_seconds()),
    "iam_propagation": _seconds(MEMORY.total_seconds()),
    "trail_loading": _seconds(MEMORY.total_seconds()),
    "lookup_lag": _seconds(_MOST_DELAY_SECONDS),
    "alarm_period_seconds": _period,
    "session_seconds": _seconds(12 * 60 * 60, is_nullable=True),
    "event_delivery": _event_delivery,
    "regions_without_log_delivery": _regions,
    "regions_without_insights": _regions,
}
