"""MLflow's address for training records, as an environment variable."""

from __future__ import annotations

TRACKING_ADDRESS = "MLFLOW_TRACKING_URI"
"""MLflow's own variable; if it is missing or empty, nothing is recorded."""
