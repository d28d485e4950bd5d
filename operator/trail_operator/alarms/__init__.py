"""The TrailAlarmSet controller: metric filters and alarms on what the trail of a Trail records."""
