"""Environments of the monitoring functions."""

from __future__ import annotations

from dataclasses import dataclass

from stresswatch.aws.environment import Environment
from stresswatch.monitoring.drift_rules import DriftRules


@dataclass(frozen=True, kw_only=True)
class DriftEnvironment(Environment):
    """Of ``lambdas/drift``."""

    archive_bucket: str
    champion_parameter: str
    minimum_window_posts: int
    maximum_window_posts: int
    drift_rules: DriftRules
    drift_share_threshold: float
    drift_windows_to_alarm: int
    drift_windows_evaluated: int
    notification_topic: str
    report_link_hours: int
    draws_posts: bool


@dataclass(frozen=True, kw_only=True)
class QualityEnvironment(Environment):
    """Of ``lambdas/quality``."""

    archive_bucket: str
    training_bucket: str
    champion_parameter: str
    identity_secret: str
    query_database: str
    query_workgroup: str
    quality_window_days: float
    minimum_labelled_posts: int
