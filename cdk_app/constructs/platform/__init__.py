"""Shared resources: functions, buckets, streams, alarms, notifications."""
