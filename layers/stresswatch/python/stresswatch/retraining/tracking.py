"""Where a training is recorded, as MLflow is told of it."""

from __future__ import annotations

TRACKING_ADDRESS = "MLFLOW_TRACKING_URI"
"""MLflow's own variable; an empty one is no address, and nothing is recorded."""
