"""What must hold before anything is written: a log group that can have filters, and patterns that AWS accepts."""

from trail_operator.alarms.comparison import AlarmComparison
from trail_operator.alarms.state import Cached
from trail_operator.api.reasons import Reason
from trail_operator.domain.alarms.alarm import FilterKey
from trail_operator.domain.alarms.log_group import STANDARD, check_log_group
from trail_operator.domain.failure import Failure, FailureClass, FailureError
from trail_operator.runtime.clock import Clock


class AlarmChecks:
    """Checks with reads that are cached: AWS answers them the same until users change something."""

    def __init__(self, clock: Clock, *, dependency_resync: float) -> None:
        """`dependency_resync`: seconds after which the class of the log group is read again."""
        self._clock = clock
        self._ttl = dependency_resync

    async def evaluate(self, comparison: AlarmComparison) -> Failure | None:
        """Return why nothing may be written. Raises FailureError if AWS does not answer."""
        return await self._check_log_group(comparison) or await self._check_patterns(comparison)

    async def _check_log_group(self, comparison: AlarmComparison) -> Failure | None:
        state, log_group = comparison.state, comparison.desired.log_group
        known, now = state.cache.log_group, self._clock.monotonic()
        is_known = known is not None and known[0] == log_group and now - known[1].read_at < self._ttl
        if not known or not is_known or comparison.context.force:
            found = await self._read_class(comparison)
            known = state.cache.log_group = (log_group, Cached(found, now))
        return check_log_group(log_group, known[1].value)

    async def _read_class(self, comparison: AlarmComparison) -> str | None:
        """Return the class of the log group. The permission is optional: PutMetricFilter is refused as well."""
        desired = comparison.desired
        try:
            return await comparison.client.filters.log_group_class(desired.log_group, desired.location.region)
        except FailureError as error:
            if error.failure.reason in (Reason.ACCESS_DENIED, Reason.DENIED_BY_ORGANIZATION):
                return STANDARD
            raise

    async def _check_patterns(self, comparison: AlarmComparison) -> Failure | None:
        """Check custom patterns that no filter has: only AWS knows whether a pattern is valid."""
        desired, checked = comparison.desired, comparison.state.cache.patterns
        wanted = {alarm.filter.pattern for alarm in desired.alarms}
        for pattern in checked.keys() - wanted:
            del checked[pattern]
        problems = []
        for alarm in desired.alarms:
            observed = comparison.observed.filters.get(FilterKey(desired.log_group, alarm.full_name))
            pattern = alarm.filter.pattern
            if not alarm.is_custom or (observed is not None and observed.pattern == pattern):
                continue
            if pattern not in checked or comparison.context.force:
                region = desired.location.region
                checked[pattern] = await comparison.client.filters.test_pattern(pattern, region) or ""
            if checked[pattern]:
                problems.append(f"alarms[{alarm.name}].filterPattern: {checked[pattern]}")
        if not problems:
            return None
        message = f"AWS rejects filter patterns, so nothing was written: correct them. {'; '.join(problems)}"
        return Failure(FailureClass.TERMINAL, Reason.INVALID_SPEC, message)
