"""The panels as a Grafana dashboard."""
