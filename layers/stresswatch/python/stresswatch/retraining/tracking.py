"""Where MLflow records training runs."""

from __future__ import annotations

from stresswatch.task.definition import TASK

TRACKING_ADDRESS = "MLFLOW_TRACKING_URI"
"""MLflow's own variable; if it is missing or empty, nothing is recorded."""
EXPERIMENT = f"{TASK.name}-model"
"""MLflow's experiment by default."""
