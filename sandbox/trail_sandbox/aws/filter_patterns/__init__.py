"""The filter patterns of CloudWatch Logs, as far as they are for events in JSON.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from trail_sandbox.aws.filter_patterns.expressions import Expression
from trail_sandbox.aws.filter_patterns.grammar import PatternError, parse

__all__ = ["Expression", "PatternError", "parse"]
