"""Environments of the functions that serve predictions."""

from __future__ import annotations

from dataclasses import dataclass

from stresswatch.aws.environment import Environment
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.scorer import ScorerKind


@dataclass(frozen=True, kw_only=True)
class PredictorEnvironment(Environment):
    """Environment of ``lambdas/predictor``.

    Attributes
    ----------
    scorer : ScorerKind
        The scorers that versions may use.
    label_queue_bucket : str or None
        None on a stage without a label queue.
    label_sample_share, uncertain_sample_share : float
        The fields of `stresswatch.contracts.sampling.SampleShares`.
    """

    predictions_stream: str
    archive_bucket: str
    quarantine_bucket: str
    champion_parameter: str
    shadow_parameter: str
    champion_ttl_seconds: float
    reasons: ReasonsPolicy
    scorer: ScorerKind
    identity_secret: str
    label_queue_bucket: str | None
    label_sample_share: float
    uncertain_sample_share: float


@dataclass(frozen=True, kw_only=True)
class ApiEnvironment(Environment):
    """Of ``lambdas/api``."""

    champion_parameter: str
    champion_ttl_seconds: float
    training_bucket: str
    reasons: ReasonsPolicy
    scorer: ScorerKind


@dataclass(frozen=True, kw_only=True)
class ScoringEnvironment(Environment):
    """Of ``lambdas/scoring``."""

    training_bucket: str
    scorer: ScorerKind
