"""Finds what to warn of: alarms that notify nobody, or whose events the trail does not record."""

from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.state import Cached
from trail_operator.aws.topics import topic_state
from trail_operator.domain.alarms.advice import TopicState, alarm_advice
from trail_operator.domain.warnings import Advice
from trail_operator.runtime.clock import Clock


class AlarmAdvisor:
    """Warns. Topics are read every `--dependency-resync`, and only topics that the account allows."""

    def __init__(self, clock: Clock, *, dependency_resync: float) -> None:
        """`dependency_resync`: seconds after which topics are read again."""
        self._clock = clock
        self._ttl = dependency_resync

    async def advice(self, comparison: AlarmComparison) -> tuple[Advice, ...]:
        """Return the warnings."""
        topics = await self._topics(comparison)
        return alarm_advice(comparison.desired, comparison.resolved.observed_trail, topics)

    async def _topics(self, comparison: AlarmComparison) -> dict[str, TopicState]:
        """Return what is known of the topics in actions. The resolver has refused topics that are not allowed."""
        state, now = comparison.state, self._clock.monotonic()
        known = {} if comparison.context.force else state.cache.topics
        arns = dict.fromkeys(arn for alarm in comparison.desired.alarms for arn in alarm.alarm.actions)
        state.cache.topics = {arn: known[arn] for arn in arns if arn in known and now - known[arn].read_at < self._ttl}
        for arn in arns:
            if arn not in state.cache.topics:
                state.cache.topics[arn] = Cached(await topic_state(comparison.client.aws, arn), now)
        return {arn: cached.value for arn, cached in state.cache.topics.items()}
