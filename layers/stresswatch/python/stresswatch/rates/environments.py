"""Environment of the rate function."""

from __future__ import annotations

from dataclasses import dataclass

from stresswatch.aws.environment import Environment


@dataclass(frozen=True, kw_only=True)
class RateEnvironment(Environment):
    """Of ``lambdas/rate``."""

    archive_bucket: str
    query_database: str
    query_workgroup: str
    rate_days: int
    minimum_cell_posts: int
