"""Environments of the settling functions."""

from __future__ import annotations

from dataclasses import dataclass

from stresswatch.aws.environment import Environment


@dataclass(frozen=True, kw_only=True)
class PlanEnvironment(Environment):
    """Of ``lambdas/plan``."""

    archive_bucket: str
    window_minutes: int
    quality_every_hours: int


@dataclass(frozen=True, kw_only=True)
class SettleEnvironment(Environment):
    """Of ``lambdas/settle``."""

    archive_bucket: str
    sample_posts: int
