"""Monitoring: drift, live quality, service alarms, dashboard."""
