"""What a plan of alarms does not know of the operator or the cluster, where it matters: nothing is guessed."""

from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.state import AlarmSetState
from trail_operator.api.constants import OWNER_TAG
from trail_operator.domain.alarms.alarm import FilterKey
from trail_operator.domain.alarms.desired import action_arns
from trail_operator.domain.alarms.ownership import Standing, alarm_standing
from trail_operator.domain.object_plan import Outcome
from trail_operator.preview.cluster_objects import ClusterObjects
from trail_operator.preview.doubts import doubt
from trail_operator.preview.operator_settings import OperatorSettings
from trail_operator.preview.planned_trails import PlannedTrails


def alarm_doubts_before_reading(
    state: AlarmSetState, settings: OperatorSettings, cluster: ClusterObjects, trails: PlannedTrails
) -> list[str]:
    """Return why it is unknown what a set works on; empty if it is known."""
    if state.deleting:
        unknown = {
            "default_deletion_policy": ("whether the alarms are deleted", not state.manifest.get("deletionPolicy")),
            "cluster_name": ("whether alarms are this resource's", state.is_on_record),
        }
        return [doubt(name, what) for name, (what, matters) in unknown.items() if matters and name in settings.unknown]
    plan, name = trails.plan_of(state.trail_key), state.trail_name
    if plan is None:
        unread = f"Trail {name} is unknown: it is in no manifest, and the Trails of the cluster were not read"
        return [unread] if cluster.trails is None else []
    if plan.outcome is Outcome.UNKNOWN:
        return [f"What Trail {name} manages is unknown: {plan.message}"]
    return []


def alarm_doubts_of(
    comparison: AlarmComparison, settings: OperatorSettings, cluster: ClusterObjects, trails: PlannedTrails
) -> list[str]:
    """Return why a plan is not certain; empty if it is."""
    state, resolved, desired = comparison.state, comparison.resolved, comparison.desired
    is_own_identity = resolved.scope.client.spec is None
    owners = {(alarm.tags or {}).get(OWNER_TAG, "") for alarm in comparison.observed.alarms.values()}
    former = sorted(one for one in owners - resolved.scope.owners if one.endswith(f"/{state.key}"))
    matters = {
        "former_cluster_names": (f"whether the owner tag {', '.join(former)} is this resource's", bool(former)),
        "own_identity": ("whether Trails may do without an AWSAccount", is_own_identity),
        "allowed_action_arns": (
            "which topics alarms may notify",
            is_own_identity and any(action_arns(resolved.spec)),
        ),
        "ignore_tags": (
            "which tags are removed",
            any(action.operation == "UntagResource" for action in comparison.plan.actions),
        ),
    }
    found = [doubt(name, what) for name, (what, does) in matters.items() if does and name in settings.unknown]
    if cluster.alarm_sets is None:
        keys = {FilterKey(desired.log_group, alarm.full_name) for alarm in desired.alarms} - state.pinned_filters
        where = "of the former log group " if trails.moves(state.trail_key) else ""
        if where or not keys.isdisjoint(comparison.observed.filters):
            found.append(
                f"The TrailAlarmSet of the cluster was not read, whose status says which metric filters {where}are "
                "this resource's"
            )
    return found


def with_assumed_filters(comparison: AlarmComparison) -> AlarmComparison:
    """Return the comparison if filters beside alarms with the set's owner tag are the set's.

    Without the cluster, status is not known, which says that. The operator creates an alarm after its filter.
    """
    state, observed, desired = comparison.state, comparison.observed, comparison.desired
    own = {
        name
        for name, alarm in observed.alarms.items()
        if alarm_standing(alarm, comparison.resolved.scope.owns) is Standing.OWN
    }
    filters = [{"logGroup": key.log_group, "name": key.name} for key in sorted(observed.filters) if key.name in own]
    state.update({**state.body, "status": {"namePrefix": desired.name_prefix, "filters": filters}})
    return AlarmComparison(state, comparison.context, comparison.resolved, observed)
