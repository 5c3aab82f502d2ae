"""Input of the estimates: counts of all posts, and the labels of drawn ones.

Athena joins drawn posts with the newest labels. A label belongs to a post's id and text, as in
`live_quality.join`: the label of an edited text has no match, and the post counts as unlabelled.
Rows of drawn posts always have a digest, because drawing needs its key. Each prediction counts as
its own post, here and in the counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from stresswatch.aws.athena import Athena
from stresswatch.monitoring import label_table
from stresswatch.rates.estimation import LabelledDraw
from stresswatch.settled.places import PREDICTIONS, settled_parts
from stresswatch.settled.queries import DRAWN_TABLE
from stresswatch.settled.summaries import Counts, read_summaries

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# By the folder's day and hour instead of the prediction's time, like the summaries.
_SQL = f"""
SELECT
    drawn."date" AS day,
    drawn."hour" AS hour,
    drawn.source,
    drawn.post_id,
    newest.label,
    drawn.probability,
    drawn.inclusion_probability,
    newest.labelled_at < drawn.predicted_at AS was_labelled
FROM {DRAWN_TABLE} AS drawn
JOIN {label_table.TABLE} AS newest
    ON newest.post_id = drawn.post_id AND newest.text_digest = drawn.text_digest
WHERE drawn."date" >= ? AND drawn."date" < ?
"""  # noqa: S608 - names of ours; values are parameters


def labelled_draws(athena: Athena, start: date, end: date) -> list[LabelledDraw]:
    """Return the labelled posts drawn on the days from `start` up to, but excluding, `end`.

    Only labels in the table of newest labels count.

    Raises
    ------
    stresswatch.aws.athena.QueryFailed
    """
    rows = athena.query(_SQL, [start.isoformat(), end.isoformat()])
    return [_draw(**row) for row in rows]


def hourly_counts(
    s3: S3Client, bucket: str, start: date, end: date
) -> dict[datetime, list[Counts]]:
    """Count each hour's posts, from the day `start` up to, but excluding, `end`.

    A day's parts are read and added up before the next day's. A window longer than an hour counts
    for its first hour, where its rows are stored.
    """
    found = {}
    for day in (start + timedelta(days=number) for number in range((end - start).days)):
        begin = datetime.combine(day, time(), UTC)
        parts = settled_parts(s3, bucket, PREDICTIONS, begin, begin + timedelta(days=1))
        by_hour: dict[datetime, list[Counts]] = {}
        for summary in read_summaries(s3, bucket, PREDICTIONS, parts):
            hour = summary.part.window.start.astimezone(UTC).replace(minute=0, second=0)
            by_hour.setdefault(hour, []).extend(summary.counts)
        found.update({hour: _added_up(counts) for hour, counts in by_hour.items() if counts})
    return found


def _draw(day: str, hour: str, **row: Any) -> LabelledDraw:
    return LabelledDraw(datetime.fromisoformat(f"{day}T{hour}:00:00+00:00"), **row)


def _added_up(counts: Iterable[Counts]) -> list[Counts]:
    """Add up one version's predictions for one source."""
    totals: dict[tuple[str, str | None], Counts] = {}
    for one in counts:
        key = one.model_version, one.source
        totals[key] = _sum(totals[key], one) if key in totals else one
    return [totals[key] for key in sorted(totals, key=lambda key: (key[0], key[1] or ""))]


def _sum(one: Counts, other: Counts) -> Counts:
    return replace(
        one,
        posts=one.posts + other.posts,
        positive=one.positive + other.positive,
        probability_sum=one.probability_sum + other.probability_sum,
        probability_sum_squares=one.probability_sum_squares + other.probability_sum_squares,
        imputed=one.imputed + other.imputed,
        drawable=one.drawable + other.drawable,
        drawable_probability_sum=one.drawable_probability_sum + other.drawable_probability_sum,
        drawn=one.drawn + other.drawn,
    )
