"""Metrics from functions' logs and from AWS services."""
