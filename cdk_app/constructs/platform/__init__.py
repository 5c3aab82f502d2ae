"""What other constructs stand on: functions, buckets, streams, alarms, notifications."""
