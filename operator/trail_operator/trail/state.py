"""A Trail as the controller holds it: the object as last seen, and what is remembered of it between passes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from trail_operator.api.constants import FINALIZER, PAUSED, RECONCILE_AT
from trail_operator.api.reasons import ConditionType
from trail_operator.api.schema import problems
from trail_operator.api.trail import Destination, Difference, ManagementPolicy, TrailSpec, TrailStatus
from trail_operator.domain.annotations import of_other_controllers
from trail_operator.domain.arns import Arn
from trail_operator.domain.attributes import Configuration
from trail_operator.domain.diff import not_read_again
from trail_operator.domain.failure import Failure
from trail_operator.domain.plan import Action
from trail_operator.domain.trail import DesiredTrail, ObservedTrail
from trail_operator.domain.warnings import Advice
from trail_operator.kube.client import Key
from trail_operator.runtime.logs import about
from trail_operator.runtime.rate_waits import Waits

# The fields of the spec that say which trail is meant.
_WHEREABOUTS = ("name", "region", "accountRef", "isOrganizationTrail")


@dataclass(frozen=True)
class Explanation:
    """What was found to be behind a refusal, and when."""

    refusal: tuple[str, str, Configuration]
    failure: Failure
    found: float


@dataclass
class Refused:
    """For which state of an object the API server refused a write, and until when that is taken to hold."""

    wanted: tuple[object, ...]
    until: float
    reported: bool
    unwritten_note: str = ""
    """The note of the Event about it, as long as that could not be written."""


@dataclass(frozen=True)
class SentDeletion:
    """A DeleteTrail that may have taken effect: when the first was sent, and when AWS last answered one."""

    first: float
    last: float


@dataclass
class Subject:
    """One Trail. Losing this memory costs nothing but a read: what matters is in Kubernetes and AWS."""

    body: dict[str, Any]
    started: float
    """When the operator first saw it; on the monotonic clock, like all times here."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    busy: bool = False
    """Whether a pass is under way."""
    due: float = 0.0
    """When the pass under way began, or when the next is to begin."""
    waits: Waits = field(default_factory=Waits)
    """Its passes' waits for rates."""
    is_told: bool = False
    """Whether the watch has told of it."""
    listings: int = 0
    """How many lists have shown it since the operator has known it."""
    acting_on: int = -1
    """The generation that the pass works towards: the spec may change under way, and the pass knows nothing of that."""
    forced: bool = False
    """Whether a user asks for a pass that takes nothing for granted."""
    forcing: bool = False
    """Whether the pass under way is such a one."""
    acting_for: tuple[object, ...] = ()
    """What users wanted when the pass began."""
    rewrites: int = 0
    """Passes in a row that have written to AWS."""
    failures: int = 0
    """Passes in a row that have failed."""
    last_seen: float | None = None
    """When AWS last answered what the trail is."""
    unsettled: tuple[Difference, ...] = ()
    """What AWS did not show yet after the last write."""
    before: ObservedTrail | None = None
    """What the trail was before writes whose effect was not seen yet."""
    written: float | None = None
    """When the last write to AWS ended."""
    explained: Explanation | None = None
    """The last refusal of AWS and what was found to be behind it."""
    account: str | None = None
    """The AWSAccount that was last used; None for the operator's own identity."""
    desired: DesiredTrail | None = None
    """What the trail was last seen to be meant to be."""
    exists: bool = False
    """Whether the trail was there when it was last looked for."""
    advice: tuple[Advice, ...] | None = None
    """What was last warned of."""
    delivered: Mapping[Destination, float] = field(default_factory=dict)
    """When AWS last delivered, as it last said."""
    found_logging: bool | None = None
    """Whether the trail that has the name is logging, where it is not this resource's."""
    drifts: int = 0
    """How often the trail was found changed in AWS."""
    nowhere_else: str | None = None
    """The ARN of the trail that is nowhere else, as was looked up before it was made."""
    unanswered: tuple[tuple[Action, DesiredTrail], ...] = ()
    """Writes that may have taken effect though AWS did not say so, and what they were to bring about."""
    attempts: dict[str, float] = field(default_factory=dict)
    """When AWS last answered each write that it refused, by operation."""
    refused: Refused | None = None
    """That the API server refuses to write the object."""
    deletions: dict[str, SentDeletion] = field(default_factory=dict)
    untagged: dict[str, float] = field(default_factory=dict)
    """Since when AWS has shown a trail without any owner tag, by ARN, while it is to be deleted."""
    """What was sent to delete trails, by ARN."""
    in_sync_at: int | None = None
    """The generation that AWS was last seen to be equal to: a difference from it arose in AWS."""
    _parsed: TrailStatus | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.body = _lean(self.body)
        # It may have been wished while no operator ran: heeding a wish twice costs a few calls.
        self.forced = RECONCILE_AT in self.annotations
        synced = self.status.condition(ConditionType.SYNCED)
        if synced is not None and synced.status == "True":
            self.in_sync_at = self.status.observed_generation

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.metadata["namespace"], self.metadata["name"])

    def about(self, **fields: Any) -> dict[str, Any]:
        """The `extra` of a log line about this Trail."""
        return about(str(self.key), generation=self.generation, **fields)

    @property
    def metadata(self) -> dict[str, Any]:
        """The object's metadata."""
        result: dict[str, Any] = self.body["metadata"]
        return result

    @property
    def uid(self) -> str:
        """The object's UID."""
        return str(self.metadata["uid"])

    @property
    def generation(self) -> int:
        """Which state of the spec this is."""
        return int(self.metadata["generation"])

    @property
    def created(self) -> datetime:
        """When the object was made."""
        return datetime.fromisoformat(self.metadata["creationTimestamp"])

    @property
    def deleting(self) -> bool:
        """Whether the object is to go."""
        return "deletionTimestamp" in self.metadata

    @property
    def deletion_requested(self) -> datetime | None:
        """When the object was asked to go."""
        requested = self.metadata.get("deletionTimestamp")
        return datetime.fromisoformat(requested) if requested else None

    @property
    def paused(self) -> bool:
        """Whether the trail is to be let alone."""
        return self.annotations.get(PAUSED) == "true"

    @property
    def observing(self) -> bool:
        """Whether the trail is only to be looked at. Not through the model: it holds whatever else is wrong."""
        return bool(self.manifest.get("managementPolicy") == ManagementPolicy.OBSERVE)

    @property
    def annotations(self) -> dict[str, str]:
        """The object's annotations."""
        return self.metadata.get("annotations") or {}

    @property
    def held(self) -> bool:
        """Whether our finalizer keeps the object."""
        return FINALIZER in self.finalizers

    @property
    def finalizers(self) -> list[str]:
        """All finalizers of the object, ours and others'."""
        return list(self.metadata.get("finalizers", []))

    @property
    def spec(self) -> TrailSpec:
        """The spec. Raises pydantic.ValidationError if the API server let something pass that the models don't."""
        return TrailSpec.model_validate(self.body.get("spec"))

    @property
    def manifest(self) -> dict[str, Any]:
        """The spec as it is written, which may be odd in each field; {} where it is no object."""
        spec = self.body.get("spec")
        return spec if isinstance(spec, dict) else {}

    def text(self, name: str) -> str | None:
        """A field of the spec that is a text; None where it is none, or empty."""
        value = self.manifest.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def trail_name(self) -> str:
        """The name that the trail has in AWS. Not through the model: it holds whatever else is wrong."""
        return self.text("name") or self.key.name

    @property
    def names_account(self) -> str | None:
        """The AWSAccount that the spec names."""
        reference = self.manifest.get("accountRef")
        name = reference.get("name") if isinstance(reference, dict) else None
        return name if name and isinstance(name, str) else None

    @property
    def misplaced(self) -> str | None:
        """What is wrong with the spec so that nobody can know which trail it means."""
        try:
            _ = self.spec
        except ValidationError as error:
            return problems(error, _WHEREABOUTS) or None
        return None

    @property
    def recorded_arn(self) -> str | None:
        """The ARN on record, if it can be that of the trail that the spec names: the name never changes."""
        arn = self.status.arn
        return arn if arn and Arn.parse(arn).name == self.trail_name else None

    @property
    def is_on_record(self) -> bool:
        """Whether the status says where the trail is, or was to be made."""
        status = self.status
        return status.arn is not None or (status.account_id is not None and status.home_region is not None)

    @property
    def status(self) -> TrailStatus:
        """The status as last seen."""
        if self._parsed is None:
            self._parsed = TrailStatus.parse(self.body.get("status"))
        return self._parsed

    def drift_not_read_again(self, observed: ObservedTrail) -> tuple[Difference, ...]:
        """The drift on record in parts of the trail that AWS did not answer this time."""
        if self.status.observed_generation != self.acting_on:
            return ()
        return not_read_again(self.status.drift, observed.unreadable)

    def replace(self, body: dict[str, Any]) -> bool:
        """Take a newer state of the object; return whether it asks for a pass at once."""
        if resource_version(body) < resource_version(self.body):
            return False  # an event that was overtaken by the answer to our own write
        before = self.wanted
        wish = self.annotations.get(RECONCILE_AT)
        self.body, self._parsed = _lean(body), None
        self.forced = self.forced or self.annotations.get(RECONCILE_AT) not in (None, wish)
        return before != self.wanted

    @property
    def wanted(self) -> tuple[object, ...]:
        """All by which users say what they want."""
        theirs = tuple(of_other_controllers(self.annotations).items())
        return self.generation, self.deleting, self.paused, self.annotations.get(RECONCILE_AT), theirs


def _lean(body: dict[str, Any]) -> dict[str, Any]:
    """The object without its managed fields: half of its size, and nothing that is looked at."""
    return body | {"metadata": {name: value for name, value in body["metadata"].items() if name != "managedFields"}}


def resource_version(body: dict[str, Any]) -> int:
    """Which state of an object it is: of two, the higher is the later."""
    # Comparable as integers: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    return int(body["metadata"]["resourceVersion"])
