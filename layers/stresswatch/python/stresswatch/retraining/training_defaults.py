"""Default hyperparameters that a stage's settings and the training job share."""

from __future__ import annotations

SEED = 7
SEARCH_SECONDS = 120
"""Time limit for the search for a better number weight."""
