"""Pairs of two versions' predictions of the same post, joined and counted by Athena.

The query returns one row for all unlabelled posts, and one for each labelled text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stresswatch.aws.athena import Athena
from stresswatch.contracts.predictions import DECISION_THRESHOLD
from stresswatch.monitoring import label_table
from stresswatch.settled.queries import (
    IN_SPAN,
    PREDICTIONS_TABLE,
    SHADOW_TABLE,
    span,
    timestamp,
)
from stresswatch.settled.windows import Window
from stresswatch.versions.shadow import GRACE

_OF_POST = "prediction_id, post_id, text_digest, text_length, predicted_at"
_IS_LABELLED = "labelled.post_id IS NOT NULL"
_IS_PAIR = "WHERE by_challenger IS NOT NULL"
_ORDER = "row(predicted_at, prediction_id)"
# For a text that both scored several times, the first pair counts.
_COUNTED = f"""
labelled AS (SELECT DISTINCT post_id FROM {label_table.TABLE})
SELECT
    labelled.post_id AS post_id,
    CASE WHEN {_IS_LABELLED} THEN text_digest END AS text_digest,
    CASE WHEN {_IS_LABELLED} THEN text_length END AS text_length,
    min_by(by_champion, {_ORDER}) FILTER ({_IS_PAIR}) AS champion,
    min_by(by_challenger, {_ORDER}) FILTER ({_IS_PAIR}) AS challenger,
    count(*) AS posts,
    count(by_challenger) AS scored_by_both,
    count(*) FILTER (
        WHERE (by_champion >= {DECISION_THRESHOLD}) = (by_challenger >= {DECISION_THRESHOLD})
    ) AS agreeing
FROM pairs
LEFT JOIN labelled ON labelled.post_id = pairs.post_id
GROUP BY 1, 2, 3
ORDER BY min({_ORDER}) FILTER ({_IS_PAIR})
"""  # noqa: S608 - names of ours; values are parameters, here and below
_SHADOW = f"""
WITH answered AS (
    SELECT {_OF_POST}, probability FROM {PREDICTIONS_TABLE} WHERE {IN_SPAN} AND model_version = ?
),
shadowed AS (
    SELECT prediction_id, probability FROM {SHADOW_TABLE} WHERE {IN_SPAN} AND model_version = ?
),
pairs AS (
    SELECT answered.*, answered.probability AS by_champion, shadowed.probability AS by_challenger
    FROM answered
    LEFT JOIN shadowed ON shadowed.prediction_id = answered.prediction_id
),
{_COUNTED}
"""  # noqa: S608
_PROBATION = f"""
WITH shadowed AS (
    SELECT {_OF_POST}, probability FROM {SHADOW_TABLE} WHERE {IN_SPAN} AND model_version = ?
),
answered AS (
    SELECT prediction_id, predicted_at, model_version, probability
    FROM {PREDICTIONS_TABLE}
    WHERE {IN_SPAN}
),
pairs AS (
    SELECT
        shadowed.*,
        shadowed.probability AS by_champion,
        CASE WHEN answered.model_version = ? THEN answered.probability END AS by_challenger
    FROM shadowed
    LEFT JOIN answered ON answered.prediction_id = shadowed.prediction_id
    WHERE answered.predicted_at IS NULL OR answered.predicted_at >= cast(? AS timestamp)
),
{_COUNTED}
"""  # noqa: S608


def shadow_pairs(
    athena: Athena, window: Window, champion: str, challenger: str
) -> Iterator[dict[str, Any]]:
    """Return a champion's answers in a window, with the challenger's predictions.

    Raises
    ------
    stresswatch.aws.athena.QueryFailed
    """
    answered, shadowed = span(window.start, window.end), span(window.start, window.end + GRACE)
    return athena.query(_SHADOW, [*answered, champion, *shadowed, challenger])


def probation_pairs(
    athena: Athena, window: Window, previous: str, champion: str
) -> Iterator[dict[str, Any]]:
    """Return a previous champion's predictions in a window, with the new one's answers.

    Posts answered before the window, and shadowed in it, are left out.

    Raises
    ------
    stresswatch.aws.athena.QueryFailed
    """
    shadowed = span(window.start, window.end)
    answered = span(window.start - GRACE, window.end + GRACE)
    return athena.query(
        _PROBATION, [*shadowed, previous, *answered, champion, timestamp(window.start)]
    )
