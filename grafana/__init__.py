"""The panels as a dashboard of Grafana."""
