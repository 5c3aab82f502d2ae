"""Names of the dimensions of the metrics that functions write."""

from __future__ import annotations

CODE_VERSION = "version"
FEATURE = "Feature"
COMMUNITY = "Community"
MODEL_VERSION = "ModelVersion"
ROLE = "Role"
SERVICE = "service"
"""Powertools' name; it sets this dimension itself."""
STAGE = "Stage"
