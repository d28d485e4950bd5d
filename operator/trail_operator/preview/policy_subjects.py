"""What policies are composed for, and why they cannot be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from trail_operator.api.schema import problems
from trail_operator.api.trail_alarm_set import TrailAlarmSetSpec
from trail_operator.domain.alarms.desired import alarm_problems, desired_alarms
from trail_operator.domain.arns import Arn, Location
from trail_operator.domain.iam_policy.combined import PolicyTrail
from trail_operator.domain.iam_policy.of_alarms import PolicyAlarms
from trail_operator.domain.texts import MESSAGE, clean
from trail_operator.preview.manifests import Manifest

READ_AS_WILDCARDS = re.compile(r"[*?$]")


class PolicyError(Exception):
    """The policy cannot be composed. `problems`: one line each."""

    def __init__(self, *found: str) -> None:
        self.problems = tuple(clean(problem, MESSAGE) for problem in found)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True)
class Subjects:
    """Trails, and the alarms of TrailAlarmSets."""

    trails: Sequence[PolicyTrail]
    alarms: Sequence[PolicyAlarms] = ()


def alarm_set_spec(manifest: Manifest) -> TrailAlarmSetSpec:
    """Return the spec of a TrailAlarmSet. Raises PolicyError."""
    try:
        return TrailAlarmSetSpec.model_validate(manifest.spec)
    except ValidationError as error:
        raise PolicyError(problems(error).replace("Value error, ", "")) from None


def policy_alarms(manifest: Manifest, location: Location) -> PolicyAlarms:
    """Return the alarms of a TrailAlarmSet whose log group is in that location. Raises PolicyError."""
    spec = alarm_set_spec(manifest)
    if problem := alarm_problems(spec, location):
        raise PolicyError(problem)
    # The name of the cluster, with which names begin, is not known.
    prefix = f"*/{manifest.namespace}/{manifest.name}/"
    topics: dict[str, list[str]] = {}
    for alarm in desired_alarms(spec, name_prefix=prefix, trail_name="", set_name=manifest.name):
        arn = Arn(location.partition, "cloudwatch", location.region, location.account, f"alarm:{alarm.full_name}")
        for topic in dict.fromkeys(alarm.alarm.actions):
            topics.setdefault(topic, []).append(str(arn))
    for topic in topics:
        if READ_AS_WILDCARDS.search(topic):
            raise PolicyError(f"topic {topic} contains *, ? or $, which have another meaning in a policy")
    return PolicyAlarms(location, {topic: tuple(arns) for topic, arns in topics.items()})
