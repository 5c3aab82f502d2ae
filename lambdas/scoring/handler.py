"""Scoring: predicts the posts in one chunk of a file; the workflow calls it for each chunk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.model.scorer import ScorerKind
from stresswatch.serving.batch_scoring import Part, score_part
from stresswatch.serving.environments import ScoringEnvironment
from stresswatch.versions.champion import Pointer, ServedModel, load_model

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
    """Score a chunk with the model that the event points to; return counts.

    Raises
    ------
    DigestMismatch, CorruptArtefact, ScorerNotAllowed
        When the model file differs from the one that the event names.
    """
    environment = ScoringEnvironment.parse(os.environ)
    s3 = boto3.client("s3")
    model = _model(Pointer(event["version"], event["uri"], event["sha256"]), environment.scorer)
    part = Part(**event["part"])
    counts = score_part(s3, environment.training_bucket, part, event["results"], model)
    posts, invalid = counts.posts, counts.invalid.total()
    logger.info("part", number=part.number, posts=posts, invalid=invalid)
    return {"posts": posts, "invalid": invalid}


@lru_cache(maxsize=1)
def _model(pointer: Pointer, scorer: ScorerKind) -> ServedModel:
    """Load a model once per execution environment."""
    return load_model(boto3.client("s3"), pointer, scorer)
