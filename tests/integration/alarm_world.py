"""What the tests of TrailAlarmSets work in: a Trail with a log group, and all filters and alarms of the account."""

from dataclasses import dataclass
from typing import Any

from tests.integration.aws import Account
from tests.integration.kubernetes import Trails, trail
from tests.patience import eventually
from tests.sandbox.identities import allow, user
from trail_operator.api.constants import OWNER_TAG

TRAIL, SET, ROLE = "audit", "cis", "one"
_USER = "operator"
_WRITES = {
    *("PutMetricFilter", "DeleteMetricFilter", "PutMetricAlarm", "PutCompositeAlarm", "DeleteAlarms"),
    *("TagResource", "UntagResource", "DisableAlarmActions", "EnableAlarmActions", "SetAlarmState"),
}
# What nobody sets.
_STATE = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")
_TIMES = ("AlarmConfigurationUpdatedTimestamp", "creationTime")
_SETTINGS = (
    *("AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions", "MetricName"),
    *("Namespace", "Statistic", "Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold"),
    *("ComparisonOperator", "TreatMissingData"),
)


@dataclass(frozen=True)
class Snapshot:
    """All filters and alarms of an account, without states and times."""

    filters: dict[tuple[str, str], dict[str, Any]]
    alarms: dict[str, dict[str, Any]]


class AlarmWorld:
    """The account of a test, with a log group, and a Trail that delivers to it."""

    def __init__(self, account: Account, trails: Trails, bucket: str = "") -> None:
        """`bucket`: one that any trail may use; without it one is made."""
        self.account, self._trails = account, trails
        self.logs, self.cloudwatch = account.client("logs"), account.client("cloudwatch")
        self.group = account.log_group("events")
        self.bucket = bucket or account.bucket(f"logs-{account.number}", TRAIL)
        self.role = account.role(ROLE, self.group)
        self.prefix = f"test/{trails.namespace}/{SET}/"
        self.owner = self.prefix.removesuffix("/")
        self._keys: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of an operator that is an IAM user of its own, so that its calls are told from others'."""
        self._keys = self._keys or user(self.account, allow("*"), name=_USER)
        return {
            "AWS_ACCESS_KEY_ID": self._keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._keys["SecretAccessKey"],
        }

    def manifest(self, **spec: Any) -> dict[str, Any]:
        """The Trail."""
        logs = {"cloudWatchLogsLogGroupARN": self.group, "cloudWatchLogsRoleARN": self.role}
        return trail(TRAIL, self.bucket, **{**logs, **spec})

    def begin(self, **spec: Any) -> None:
        """Create the Trail."""
        self._trails.create(self.manifest(**spec))

    def other_group(self, name: str) -> str:
        """A further log group that the role may write to; its ARN."""
        arn = self.account.log_group(name)
        self.account.role_permissions(ROLE, f"arn:aws:logs:*:{self.account.number}:log-group:*")
        return arn

    def deliver_to(self, group: str) -> None:
        """Change the log group of the trail by hand. `group`: its ARN."""
        self.account.cloudtrail.update_trail(
            Name=TRAIL, CloudWatchLogsLogGroupArn=f"{group}:*", CloudWatchLogsRoleArn=self.role
        )

    def full(self, name: str) -> str:
        """The name in AWS of an alarm of the set."""
        return f"{self.prefix}{name}"

    def filter(self, name: str, group: str = "events") -> dict[str, Any]:
        """A filter of the set, {} if there is none."""
        return self.account.filters(group).get(self.full(name), {})

    def alarm(self, name: str) -> dict[str, Any]:
        """An alarm of the set with its tags, {} if there is none."""
        return self.account.alarms(self.prefix).get(self.full(name), {})

    def counts(self) -> tuple[int, int]:
        """How many filters and alarms there are in the account."""
        shown = self.snapshot()
        return len(shown.filters), len(shown.alarms)

    def snapshot(self, *names: str) -> Snapshot:
        """All filters and alarms; of alarms of the set only those of these names, if any are given."""
        groups = [one["logGroupName"] for one in self.logs.describe_log_groups()["logGroups"]]
        filters = {
            (group, name): {key: value for key, value in one.items() if key not in _TIMES}
            for group in groups
            for name, one in self.account.filters(group).items()
        }
        alarms = {}
        for page in self.cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        ):
            for one in (*page["MetricAlarms"], *page["CompositeAlarms"]):
                tags = self.cloudwatch.list_tags_for_resource(ResourceARN=one["AlarmArn"])["Tags"]
                shown = {key: value for key, value in one.items() if key not in (*_STATE, *_TIMES)}
                alarms[one["AlarmName"]] = {**shown, "Tags": {tag["Key"]: tag["Value"] for tag in tags}}
        wanted = {self.full(name) for name in names}
        return Snapshot(
            {key: one for key, one in filters.items() if not names or key[1] in wanted},
            {name: one for name, one in alarms.items() if not names or name in wanted},
        )

    # -- by hand

    def put_filter(self, full_name: str, group: str = "events", **changed: Any) -> None:
        """Put a filter; it is replaced as a whole."""
        one = {"metricName": "other", "metricNamespace": "other", "metricValue": "1"}
        self.logs.put_metric_filter(
            **{
                "logGroupName": group,
                "filterName": full_name,
                "filterPattern": "{$.eventName=Other}",
                "metricTransformations": [one],
                **changed,
            }
        )

    def put_alarm(self, full_name: str, **changed: Any) -> None:
        """Put an alarm; it is replaced as a whole. What is not given is as the present one has it."""
        present = self.account.alarms(full_name).get(full_name) or {}
        given = {
            "AlarmName": full_name,
            "MetricName": "other",
            "Namespace": "other",
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
            **{key: present[key] for key in _SETTINGS if key in present},
            **changed,
        }
        self.cloudwatch.put_metric_alarm(**{key: value for key, value in given.items() if value is not None})

    def put_composite(self, full_name: str) -> None:
        """A composite alarm on an alarm of others."""
        self.put_alarm("below")
        self.cloudwatch.put_composite_alarm(AlarmName=full_name, AlarmRule='ALARM("below")')

    def delete_alarm(self, name: str) -> None:
        """Delete an alarm of the set."""
        self.cloudwatch.delete_alarms(AlarmNames=[self.full(name)])

    def put_others(self) -> None:
        """Filters and alarms of others, whose names begin with other prefixes than the set's, or nearly with it."""
        for name in ("other", "test/other/cis/A", f"{self.owner}-2/A", f"other/{self.owner}/A"):
            self.put_filter(name)
            self.put_alarm(name, Tags=[{"Key": OWNER_TAG, "Value": "test/other/cis"}])

    # -- what the operator did

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The operator's calls."""
        caller = f"arn:aws:iam::{self.account.number}:user/{_USER}"
        return [call for call in self.account.calls(since) if call["caller"] == caller]

    def mark(self) -> int:
        """How many calls there have been in the account."""
        return len(self.account.calls())

    def writes(self, since: int = 0) -> list[str]:
        """The operations by which the operator wrote to filters and alarms, from a mark on."""
        calls = self.account.calls()[since:]
        caller = f"arn:aws:iam::{self.account.number}:user/{_USER}"
        services = ("logs", "monitoring", "cloudwatch")
        return [
            call["operation"]
            for call in calls
            if call["caller"] == caller and call["operation"] in _WRITES and call["service"] in services
        ]

    def two_more_reads(self) -> None:
        """Wait until the operator has read the alarms twice from now on."""
        mark = self.mark()
        eventually(
            "two more reads",
            lambda: sum(call["operation"] == "DescribeAlarms" for call in self.account.calls()[mark:]) >= 2,
        )
