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
_NAME_RULE = rule(
    f"self.matches(r'{ALARM_NAME_PATTERN}')",
    "the name of an alarm may contain only letters, digits and . _ -",
)
ALARM_NAME = rules(_NAME_RULE)
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
    no_control_characters("filterPattern"),
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
