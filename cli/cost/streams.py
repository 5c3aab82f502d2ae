"""What the two streams cost."""

from __future__ import annotations

import math

from cli.cost.items import DAYS, HOURS, Item, Load
from cli.cost.measured import Measured
from cli.cost.template import PricedStage
from stresswatch.text.wording import counted

_PUT_UNIT_BYTES = 25 * 1024
_ON_DEMAND_UNIT_BYTES = 1024


def stream_items(
    load: Load, deployment: PricedStage, measured: Measured, n_shards: int
) -> list[Item]:
    """Return the items of the posts and the predictions stream; one consumer reads each."""
    days_longer = [
        max(0.0, hours / 24 - 1)
        for hours in (deployment.posts_retention_hours, deployment.predictions_retention_hours)
    ]
    sizes = (measured.post_bytes, measured.prediction_bytes)
    if deployment.is_on_demand:
        gbs = [load.posts * _rounded(each, _ON_DEMAND_UNIT_BYTES) / 1024**3 for each in sizes]
        kept = sum(gb / DAYS * days for gb, days in zip(gbs, days_longer, strict=True))
        return [
            Item("Kinesis", "two streams on demand", 2 * HOURS, "stream-hour"),
            Item("Kinesis", "written", sum(gbs), "GB into a stream"),
            Item("Kinesis", "read", sum(gbs), "GB out of a stream"),
            Item("Kinesis", "kept beyond a day", kept, "GB kept longer"),
        ]
    hours = n_shards * HOURS
    kept = hours * sum(days > 0 for days in days_longer)
    units = load.posts * sum(_rounded(each, _PUT_UNIT_BYTES) / _PUT_UNIT_BYTES for each in sizes)
    return [
        Item("Kinesis", f"two streams of {counted(n_shards, 'shard')}", 2 * hours, "shard-hour"),
        Item("Kinesis", "kept beyond a day", kept, "shard-hour kept longer"),
        Item("Kinesis", "records", units, "put unit"),
    ]


def _rounded(size: float, unit: int) -> float:
    return math.ceil(size / unit) * unit
