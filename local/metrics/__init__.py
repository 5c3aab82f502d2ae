"""Metrics: those in functions' logs, and those that AWS's services publish."""
