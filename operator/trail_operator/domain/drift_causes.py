"""The table of CloudTrail calls that can produce a difference, by the path of the difference.

It knows names only: `attribution.py` decides which of these calls it was.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import reduce

from trail_operator.api.trail_status import Difference
from trail_operator.domain.attributes import ATTRIBUTES
from trail_operator.domain.diff import field_of


@dataclass(frozen=True)
class Causes:
    """The calls that may explain a drift, by their event names."""

    producing: frozenset[str]
    """Calls that alone can have produced all of it."""
    undoing: frozenset[str]
    """Other calls that can have produced a part of it, or undone it.

    A call whose effect was undone is not the cause. So if such a call was made as well, the cause is unknown.
    """

    @classmethod
    def of(cls, producing: str, undoing: str = "") -> "Causes":
        """Return causes of event names that are separated by spaces."""
        return cls(frozenset(producing.split()), frozenset(undoing.split()))

    @property
    def all(self) -> frozenset[str]:
        """All calls that are candidates."""
        return self.producing | self.undoing

    def __and__(self, other: "Causes") -> "Causes":
        """Return the causes of both differences together."""
        producing = self.producing & other.producing
        return Causes(producing, (self.all | other.all) - producing)


# A trail that is deleted and created again may differ in everything, and is not logging.
_STOPPED = Causes.of("StopLogging CreateTrail", "StartLogging")
_STARTED = Causes.of("StartLogging", "StopLogging CreateTrail")
_BY_FIELD = {
    "trail": Causes.of("DeleteTrail", "CreateTrail"),
    **{attribute.spec: Causes.of("UpdateTrail CreateTrail") for attribute in ATTRIBUTES.values()},
    **dict.fromkeys(("eventSelectors", "advancedEventSelectors"), Causes.of("PutEventSelectors CreateTrail")),
    "insightSelectors": Causes.of("PutInsightSelectors CreateTrail"),
    "aggregationConfigurations": Causes.of("PutEventConfiguration CreateTrail"),
    "tags": Causes.of("AddTags RemoveTags CreateTrail"),
}


def causes_of(differences: Iterable[Difference], *, by_alias: bool = False) -> Causes | None:
    """Return the calls that can have produced the differences together; None if other calls can, too.

    `by_alias`: whether the spec names the trail's key by an alias, which a call to KMS can move to another key.
    """
    rows = [_row_of(entry, by_alias=by_alias) for entry in differences]
    known = [row for row in rows if row is not None]
    return together(known) if len(known) == len(rows) else None


def together(rows: Collection[Causes]) -> Causes | None:
    """Return the causes of several differences together; None if there are none."""
    return reduce(Causes.__and__, rows) if rows else None


def _row_of(entry: Difference, *, by_alias: bool) -> Causes | None:
    field = field_of(entry)
    if field == "isLogging":
        return _STARTED if entry.observed == "true" else _STOPPED
    if field == "kmsKeyID" and by_alias and "absent" not in (entry.desired, entry.observed):
        return None
    return _BY_FIELD.get(field)
