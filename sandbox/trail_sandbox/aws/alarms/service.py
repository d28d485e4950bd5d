"""Evaluates alarms, and tells their topics when their states change.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock

from moto.cloudwatch.models import Alarm, CloudWatchBackend, cloudwatch_backends
from moto.core.exceptions import ServiceException

from trail_sandbox.aws.alarms.evaluation import can_evaluate, state_of
from trail_sandbox.aws.alarms.message import message_of, subject_of
from trail_sandbox.aws.alarms.permissions import may_publish
from trail_sandbox.aws.metric_filters import publish_defaults
from trail_sandbox.aws.settings import Settings
from trail_sandbox.aws.world import World

logger = logging.getLogger(__name__)


class Alarms:
    """The alarms of all accounts and regions."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world = world
        self._settings = settings
        self._one_at_a_time = Lock()

    def evaluate(self, account: str | None = None) -> None:
        """Bring all alarms to the states that their metrics have now, or those of one account."""
        with self._one_at_a_time:
            publish_defaults(datetime.now(UTC))
            for backend in _backends(account):
                for alarm in list(backend.alarms.values()):
                    if can_evaluate(alarm):
                        self._evaluate(backend, alarm)

    def _evaluate(self, backend: CloudWatchBackend, alarm: Alarm) -> None:
        now, old = datetime.now(UTC), str(alarm.state_value)
        new, reason = state_of(alarm, list(backend.metric_data), now, self._settings.alarm_period_seconds)
        if new == old:
            return
        alarm.update_state(reason, "{}", new)
        if not alarm.actions_enabled:
            return
        actions = {"ALARM": alarm.alarm_actions, "OK": alarm.ok_actions}.get(new, alarm.insufficient_data_actions)
        text = json.dumps(message_of(alarm, backend.account_id, old, now), separators=(",", ":"))
        for action in actions:
            self._publish(alarm, backend.account_id, action, text)

    def _publish(self, alarm: Alarm, account: str, action: str, text: str) -> None:
        topic = self._world.topic(action)
        if topic is None or not may_publish(self._world, alarm.alarm_arn, account, topic):
            logger.info("%s may not publish to %s", alarm.alarm_arn, action)
            return
        # SNS has accepted the message then: a subscriber out of reach is its own matter.
        with suppress(ServiceException):
            topic.publish(text, subject_of(alarm))


def _backends(account: str | None) -> Iterator[CloudWatchBackend]:
    for owner, regions in list(cloudwatch_backends.items()):
        if account in (None, owner):
            yield from list(regions.values())
