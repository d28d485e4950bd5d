"""The stage with TrailAlarmSets beside Trails."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tests.statemachine.alarm_record import AlarmRecord
from tests.statemachine.alarm_rest import AlarmRest
from tests.statemachine.aws import topic_arn
from tests.statemachine.expectation import OWNER
from tests.statemachine.kubernetes import ApiServer, Manifest, at
from tests.statemachine.rest import FORCE, Rest
from tests.statemachine.stage import VirtualStage
from trail_operator.api.constants import ALARM_SET_KIND, ALARM_SET_VERSION, ALARM_SETS
from trail_sandbox.aws.errors import AwsError

ALLOWED = [topic_arn("one", "*"), topic_arn("two", "*")]
"""The topics that alarms may notify."""
# The Trails come to rest first; then their sets.
_SETTLED = 150.0


class AlarmStage(VirtualStage):
    """A world with both kinds."""

    def __init__(self, seed: int, **settings: Any) -> None:
        super().__init__(seed, **{"allowed_action_arns": ALLOWED, **settings})

    def furnish(self) -> None:
        """Add the kind to the API server."""
        self.sets = ApiServer(
            lambda: at(self.loop.time()),
            ALARM_SET_KIND,
            ALARM_SET_VERSION,
            ALARM_SETS,
            numbers=self.server.numbers,
        )
        self.server.other = self.sets
        self.sets.watchers.append(self._tell_of_set)
        self.gone: dict[str, Manifest] = {}
        self._told_sets = 0.0
        self.of_alarms = AlarmRecord(
            self.loop.time,
            self.aws,
            self.sets,
            self.record.problems,
            lambda: (self.record.stale_until, self.record.stale_by),
        )
        self.aws.changed_alarms = self.of_alarms.took_effect
        self.sets.wrote_status = self.of_alarms.wrote_status

    # Sets.

    def status(self, key: str) -> Manifest:
        """The status of a set."""
        found: Manifest = self.sets.objects[key].get("status", {})
        return found

    def ready(self, key: str) -> tuple[str, str]:
        """Status and reason of a set's Ready."""
        conditions = self.status(key).get("conditions", ())
        return next(((one["status"], one["reason"]) for one in conditions if one["type"] == "Ready"), ("", ""))

    def message(self, key: str, kind: str = "Ready") -> str:
        """The message of a set's condition; "" if it has none of that type."""
        conditions = self.status(key).get("conditions", ())
        return next((str(one["message"]) for one in conditions if one["type"] == kind), "")

    @property
    def filters(self) -> Mapping[tuple[str, str, str], Manifest]:
        """All filters by region, log group and name."""
        return self.aws.alarms.present.filters

    @property
    def alarms(self) -> Mapping[tuple[str, str], Manifest]:
        """All alarms by region and name."""
        return self.aws.alarms.present.alarms

    # AWS, by hand.

    def by_hand_on_alarms(self, region: str, operation: str, **parameters: Any) -> bool:
        """What somebody else does to filters and alarms; whether AWS did it."""
        before = self.aws.alarms.present
        try:
            self.aws.by_hand_on_alarms(region, operation, **parameters)
        except AwsError:
            return False
        after = self.aws.alarms.present
        for place in before.filters.keys() | after.filters.keys():
            if before.filters.get(place) is not after.filters.get(place):
                self.of_alarms.meddled[place] = self.time
        for one in before.alarms.keys() | after.alarms.keys():
            if before.alarms.get(one) is not after.alarms.get(one):
                self.of_alarms.meddled[one] = self.time
                owner = after.alarms.get(one, {}).get("Tags", {}).get(OWNER)
                if owner and owner != before.alarms.get(one, {}).get("Tags", {}).get(OWNER):
                    self.of_alarms.given.add((one, owner))
        return True

    def delete_log_group(self, region: str, group: str) -> None:
        """Delete a log group. It is created again when all that is wrong ends."""
        before = self.aws.alarms.present.filters
        self.aws.alarms.delete_log_group(region, group)
        gone = before.keys() - self.aws.alarms.present.filters.keys()
        self.of_alarms.meddled |= dict.fromkeys(gone, self.time)

    @property
    def ails(self) -> bool:
        """Whether anything is wrong."""
        return super().ails or bool(self.aws.alarms.gone)

    # At rest.

    def rest(self) -> Rest:
        """Heal everything, and let everything come to rest."""
        self.heal()
        self.life.spare()
        if self.life.dead:
            self.restart()
        self.wait(0.5)
        for key in list(self.sets.objects):
            # A fault may have refused the spec for an hour.
            self.sets.annotate(key, FORCE, str(self.time))
        super().rest()
        self.wait(_SETTLED)
        return self._as_it_stands()

    def judge_sets(self, rest: Rest, invalid: Collection[str] = (), refused: Collection[str] = ()) -> list[str]:
        """All that is not as it must be of sets at rest.

        `invalid`: names of alarms that no spec can have; `refused`: those whose patterns AWS refuses.
        """
        notes = self.notes("OwnerTagRemovalFailed")
        kept = {key for key in self.gone if any("was not removed" in note for note in notes)}
        return AlarmRest(
            self.sets.objects,
            self.objects,
            rest.forms,
            self.aws.alarms.present,
            self.gone,
            self.of_alarms.given,
            frozenset(invalid),
            frozenset(refused),
            self.clusters,
            kept,
        ).judge()

    def further(self) -> tuple[int, int]:
        """Let three more resyncs pass; tell how many writes there were to AWS and to Kubernetes."""
        writes = len(self.of_alarms.writes)
        to_aws, to_kubernetes = super().further()
        return to_aws + len(self.of_alarms.writes) - writes, to_kubernetes

    @property
    def passes(self) -> int:
        """How many objects are reconciled."""
        return len(self.server.objects) + len(self.sets.objects)

    def heal(self) -> None:
        super().heal()
        self.aws.alarms.gone.clear()
        self.aws.alarms.classes.clear()

    # Within.

    def _tell_of_set(self, event: str, body: Manifest) -> None:
        key = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        if event == "DELETED":
            self.gone[key] = body
        if event == "ADDED":
            self.gone.pop(key, None)
        if self._missing and event != "ADDED":
            self._missing -= 1
            return
        self._told_sets = max(self._told_sets, self.loop.time() + self._random.uniform(0.001, 0.1))
        self.loop.call_at(self._told_sets, lambda: self.life.alarm_set_seen(event, body))


def until(stage: VirtualStage, is_so: Callable[[], bool], seconds: float = 300.0) -> None:
    """Let time pass until something is so."""
    end = stage.time + seconds
    while not is_so():
        assert stage.time < end, "it never came to that"
        stage.wait(0.05)
