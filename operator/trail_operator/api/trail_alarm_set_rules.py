"""The CEL rules of a TrailAlarmSet, and the patterns that they share with the models.

The API server checks the rules. Each message says what to write instead.
"""

from trail_operator.api.schema import no_control_characters, rule, rules

ALARM_NAME_PATTERN = "^[A-Za-z0-9._-]+$"
TOPIC_ARN_PATTERN = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+([.]fifo)?$"
METRIC_VALUE_PATTERN = r"^([+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?|\$[.][!-~]+)$"

# On fields.

TRAIL_REF = rules(
    rule(
        "self.name == oldSelf.name",
        "trailRef is immutable: create a second TrailAlarmSet for the other Trail, then delete this one",
    ),
)
TRAIL_NAME = rules(no_control_characters("trailRef.name"))
ALARM_NAME = rules(
    rule(
        f"self.matches(r'{ALARM_NAME_PATTERN}')",
        "the name of an alarm may contain only letters, digits and . _ -: choose such a name",
    ),
)
DESCRIPTION = rules(no_control_characters("description"))
METRIC_VALUE = rules(
    rule(
        f"self.matches(r'{METRIC_VALUE_PATTERN}')",
        'metricValue must be a number in quotes, such as "1", or a field of the event, such as $.field',
    ),
)
FILTER_PATTERN = rules(
    rule(
        "self.trim() != ''",
        "filterPattern must not be empty, because an empty pattern matches every event: write a pattern such as "
        "{ $.eventName = DeleteTrail }",
    ),
    rule(
        no_control_characters("filterPattern")["rule"],
        "filterPattern must be one line without control characters: remove line breaks (in YAML, write >- and not |)",
    ),
)
PERIOD = rules(
    rule(
        "self in [10, 20, 30] || self % 60 == 0",
        "period must be 10, 20, 30 or a multiple of 60: it is in seconds",
    ),
)
TOPIC = rules(
    rule(
        f"self.matches(r'{TOPIC_ARN_PATTERN}')",
        "an action must be the ARN of an SNS topic: arn:aws:sns:REGION:ACCOUNT:NAME",
    ),
)

# On several fields.

_PERIOD = "(has(self.period) ? self.period : 300)"
_EVALUATION_PERIODS = "(has(self.evaluationPeriods) ? self.evaluationPeriods : 1)"
ALARM = rules(
    rule(
        f"!has(self.datapointsToAlarm) || self.datapointsToAlarm <= {_EVALUATION_PERIODS}",
        "datapointsToAlarm must be at most evaluationPeriods, which is 1 if omitted: lower it, or raise "
        "evaluationPeriods",
    ),
    rule(
        f"{_PERIOD} * {_EVALUATION_PERIODS} <= ({_PERIOD} < 3600 ? 86400 : 604800)",
        "period (300 if omitted) times evaluationPeriods must be at most a day (86400), or seven days (604800) if "
        "period is at least 3600: lower one of them",
    ),
)
SPEC_RULES = [
    rule(
        "(has(self.presets) && size(self.presets) > 0) || (has(self.alarms) && size(self.alarms) > 0)",
        "the spec asks for no alarm: set presets (SecurityHub or CIS) or alarms",
    ),
]
ROOT_RULES = [
    rule(
        "size(self.metadata.name) <= 63",
        "metadata.name must have at most 63 characters to fit into the names of the alarms in AWS: choose a shorter "
        "name",
    ),
]
