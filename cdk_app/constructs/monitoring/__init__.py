"""What watches: drift, live quality, the service's own alarms, the dashboard."""
