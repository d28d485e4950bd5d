"""When a drift can have arisen, by the reads that were in sync before."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest.mock import Mock

from tests.unit.builders import ARN, observed
from tests.unit.test_metrics import state
from trail_operator.api.trail_status import Difference
from trail_operator.domain.attribution import MARGIN
from trail_operator.domain.sync_result import SyncResult
from trail_operator.metrics import Metrics
from trail_operator.runtime.clock import Clock
from trail_operator.trail.drift import DriftRecorder

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def test_calls_during_a_long_read_that_was_in_sync_are_candidates() -> None:
    """What was read first does not show a call that was made before the last answer."""
    now = BEGAN
    attribution = Mock()
    recorder = DriftRecorder(cast(Any, None), Metrics(), attribution, Clock(now=lambda: now))
    trail = state()
    recorder.record_begin(trail)
    now = BEGAN + timedelta(seconds=100)
    recorder.record_result(trail, SyncResult(1, known=True, observed=observed()))
    now = BEGAN + timedelta(seconds=600)
    recorder.record_begin(trail)
    recorder.record_detected(trail, ARN, (Difference(path="isLogging", desired="true", observed="false"),))
    (_, drift), _ = attribution.begin.call_args
    assert drift.since == BEGAN - MARGIN
