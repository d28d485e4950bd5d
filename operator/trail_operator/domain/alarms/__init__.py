"""Pure decisions about the metric filters and alarms of a TrailAlarmSet."""
