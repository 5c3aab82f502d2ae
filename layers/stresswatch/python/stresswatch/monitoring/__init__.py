"""Monitoring: windows, drift, live quality, panels."""
