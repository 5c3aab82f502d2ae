"""The predictions that labels meet: Athena joins them by the post's id, and gives few of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stresswatch.aws.athena import Athena
from stresswatch.monitoring import label_table
from stresswatch.settled.queries import IN_SPAN, PREDICTIONS_TABLE, span

_COLUMNS = "post_id, text_digest, text_length, model_version, probability, source, sample"
# Of a text that was predicted many times the first row says all that the joins in Python ask for.
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
    """Return the rows of labelled posts from `start` up to, not including, `end`, earliest first.

    Of each text the first row that each version made of it. Labels count as far as they are in the
    table of the newest labels.

    Raises
    ------
    stresswatch.aws.athena.QueryFailed
    """
    return athena.query(_SQL, span(start, end))
