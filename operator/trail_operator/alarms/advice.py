"""Finds what to warn of: alarms that notify nobody, or whose events the trail does not record."""

from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.aws.topics import topic_state
from trail_operator.domain.alarms.advice import TopicState, alarm_advice
from trail_operator.domain.warnings import Advice


class AlarmAdvisor:
    """Warns. Reads only topics that the account allows, every `--dependency-resync`, and once for all sets."""

    def __init__(self, *, dependency_resync: float) -> None:
        """`dependency_resync`: seconds after which topics are read again."""
        self._ttl = dependency_resync

    async def advice(self, comparison: AlarmComparison) -> tuple[Advice, ...]:
        """Return the warnings."""
        topics = await self._topics(comparison)
        return alarm_advice(comparison.desired, comparison.resolved.observed_trail, topics)

    async def _topics(self, comparison: AlarmComparison) -> dict[str, TopicState]:
        """Return what is known of the topics in actions. The resolver has refused topics that are not allowed."""
        max_age = 0.0 if comparison.context.force else self._ttl
        reads = comparison.state.cache.topics = comparison.client.dependencies.reads(max_age)
        arns = dict.fromkeys(arn for alarm in comparison.desired.alarms for arn in alarm.alarm.actions)
        return {arn: await topic_state(reads, arn) for arn in arns}
