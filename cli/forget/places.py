"""Every prefix of the stack's buckets: those with people's records, and why others have none.

A prefix that a role or an operator may write to must be in one of the two; a test compares them
with the template and the documented policies.
"""

from __future__ import annotations

from typing import NamedTuple

from cli.backfill.outputs import BACKFILLS_PREFIX
from cli.deployment.target import Target
from cli.forget.removal import Forget, failed_batch, posts_file, quarantined_record
from cli.forget.sweep import Place
from stresswatch.aws import stack_outputs
from stresswatch.monitoring import drift_history, label_table
from stresswatch.rates import rate_table
from stresswatch.rates.page import PAGE
from stresswatch.serving.batch_scoring import PREFIX as SCORING_PREFIX
from stresswatch.settled.places import PREDICTIONS, SHADOW
from stresswatch.storage import failed_batches, label_queue, prefixes, quarantine
from stresswatch.storage.training_sets import LABELS_PREFIX
from stresswatch.versions.model_version import MODELS_PREFIX


class _Kept(NamedTuple):
    """Prefixes with records, by the output that names the bucket, and how to remove some."""

    name: str
    bucket: str
    prefix: str
    forget: Forget


VISITED = (
    _Kept("quarantine", stack_outputs.QUARANTINE_BUCKET, quarantine.PREFIX, quarantined_record),
    _Kept("failed batches", stack_outputs.QUARANTINE_BUCKET, failed_batches.PREFIX, failed_batch),
    _Kept("label queue", stack_outputs.LABEL_QUEUE_BUCKET, label_queue.PREFIX, posts_file),
    _Kept("labels", stack_outputs.TRAINING_BUCKET, LABELS_PREFIX, posts_file),
    _Kept("newest labels", stack_outputs.TRAINING_BUCKET, label_table.PREFIX, posts_file),
    _Kept(
        "base data and training sets", stack_outputs.TRAINING_BUCKET, prefixes.DATA_SETS, posts_file
    ),
    _Kept("files to score and results", stack_outputs.TRAINING_BUCKET, SCORING_PREFIX, posts_file),
    _Kept("archive", stack_outputs.ARCHIVE_BUCKET, PREDICTIONS.raw, posts_file),
    _Kept("shadowing", stack_outputs.ARCHIVE_BUCKET, SHADOW.raw, posts_file),
    _Kept("settled archive", stack_outputs.ARCHIVE_BUCKET, PREDICTIONS.settled, posts_file),
    _Kept("drawn posts", stack_outputs.ARCHIVE_BUCKET, str(PREDICTIONS.drawn), posts_file),
    _Kept("settled shadowing", stack_outputs.ARCHIVE_BUCKET, SHADOW.settled, posts_file),
    _Kept("backfills", stack_outputs.ARCHIVE_BUCKET, BACKFILLS_PREFIX, posts_file),
)
"""Sources first, so that derived data is not made again."""
_FIGURES = "metrics of whole windows, without ids"
_RATES = "rates of whole days and weeks, without ids; those of few posts are suppressed"
NOT_VISITED = {
    (stack_outputs.ARCHIVE_BUCKET, PREDICTIONS.summaries): _FIGURES,
    (stack_outputs.ARCHIVE_BUCKET, SHADOW.summaries): _FIGURES,
    (stack_outputs.ARCHIVE_BUCKET, str(PREDICTIONS.samples)): (
        "numeric features of some posts, each under a hash of its stream position, which no "
        "remaining data joins to a post"
    ),
    (stack_outputs.ARCHIVE_BUCKET, drift_history.PREFIX): _FIGURES,
    (stack_outputs.ARCHIVE_BUCKET, drift_history.REPORTS): _FIGURES,
    (stack_outputs.ARCHIVE_BUCKET, prefixes.QUALITY): _FIGURES,
    (stack_outputs.ARCHIVE_BUCKET, rate_table.PREFIX): _RATES,
    (stack_outputs.ARCHIVE_BUCKET, PAGE): _RATES,
    (stack_outputs.ARCHIVE_BUCKET, prefixes.QUERY_RESULTS): (
        "can hold ids, and expires after `querying.results_days`"
    ),
    (stack_outputs.MODEL_BUCKET, MODELS_PREFIX): (
        "models and references, without ids; models are named at the end"
    ),
    (stack_outputs.TRAINING_BUCKET, prefixes.TRAINING_OUTPUT): (
        "the same files, as the training job writes them"
    ),
}
"""Prefixes that are not searched, with the reason, by bucket and prefix."""


def places_of(target: Target) -> list[Place]:
    """Return the places of a stack with people's records; a stack may have no label queue."""
    return [
        Place(kept.name, target.output(kept.bucket), kept.prefix, kept.forget)
        for kept in VISITED
        if kept.bucket in stack_outputs.BUCKETS or kept.bucket in target.outputs
    ]
