"""Predictions of labelled posts: Athena joins them by post id, and returns few rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stresswatch.aws.athena import Athena
from stresswatch.monitoring import label_table
from stresswatch.settled.queries import IN_SPAN, PREDICTIONS_TABLE, span

_COLUMNS = "post_id, text_digest, text_length, model_version, probability, source, sample"
# Of a text predicted several times, the first row suffices for the joins in Python.
_SQL = f"""
SELECT {_COLUMNS}
FROM (
    SELECT
        {_COLUMNS},
        predicted_at,
        prediction_id,
        row_number() OVER (
            PARTITION BY model_version, post_id, text_digest, text_length
            ORDER BY predicted_at, prediction_id
        ) AS place
    FROM {PREDICTIONS_TABLE}
    WHERE {IN_SPAN}
    AND post_id IN (SELECT post_id FROM {label_table.TABLE})
)
WHERE place = 1
ORDER BY predicted_at, prediction_id
"""  # noqa: S608 - names of ours; values are parameters


def labelled_predictions(
    athena: Athena, start: datetime, end: datetime
) -> Iterator[dict[str, Any]]:
    """Return the rows of labelled posts from `start` up to, but excluding, `end`, earliest first.

    Each version's first row for a text is returned. Only labels in the table of newest labels
    count.

    Raises
    ------
    stresswatch.aws.athena.QueryFailed
    """
    return athena.query(_SQL, span(start, end))
