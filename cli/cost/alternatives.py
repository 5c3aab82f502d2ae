"""The cheapest settings for a load, and what else could carry it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cli.cost.estimate import batch, bill, largest_batch, predictor_seconds, total
from cli.cost.items import HOURS, Item, Load
from cli.cost.measured import Measured
from cli.cost.prices import PRICES
from cli.cost.template import PricedStage

_WINDOWS = (0, 1, 2, 5, 10, 20, 30, 60, 120, 180, 240, 300)
_SIZES = (100, 500, 1_000, 2_000, 5_000, 10_000)
_DAY_HOURS = 24
"""The shortest that a stream keeps a record, which costs nothing by itself."""
_SHARE_OF_TIMEOUT = 1 / 6
"""Of the predictor's timeout that a full batch may take, so that a slow call does not end it."""

_USED_SHARE = 0.7
"""Of a server that is always on, what is planned for at the peak."""
_LEAST_SERVERS = 2
_ENDPOINT_VCPU = 2
_CONTAINER_GB = 2
PREDICTING = ("predictor, time", "predictor, invocations", "traces")
"""Lines that go when a server does the predictor's work."""


@dataclass(frozen=True)
class Alternative:
    """Something that is always on in the predictor's place; all else stays."""

    name: str
    servers: int
    predicting: float
    rest: float

    @property
    def dollars(self) -> float:
        return self.predicting + self.rest


def cheapest(
    load: Load, deployment: PricedStage, measured: Measured, longest_wait: float
) -> PricedStage:
    """Choose batch size, window, shards, kind and retention of streams for the least money.

    Parameters
    ----------
    longest_wait
        Seconds that a post may wait for the others of its batch.
    """
    candidates = [
        replace(
            deployment,
            batch_size=size,
            batch_window_seconds=window,
            shards=1,
            is_on_demand=is_on_demand,
            posts_retention_hours=_DAY_HOURS,
            predictions_retention_hours=_DAY_HOURS,
        )
        for size in {*_SIZES, deployment.batch_size}
        for window in {*(w for w in _WINDOWS if w <= longest_wait), 0}
        for is_on_demand in (False, True)
    ]
    fitting = [
        each
        for each in candidates
        if predictor_seconds(largest_batch(each, measured), measured)
        <= _SHARE_OF_TIMEOUT * each.predictor.timeout
    ]
    # Of equally cheap ones, that in which a post waits least.
    return min(
        fitting or [deployment],
        key=lambda each: (
            round(total(bill(load, each, measured)), 2),
            each.batch_window_seconds,
            each.batch_size,
        ),
    )


def alternatives(
    load: Load, deployment: PricedStage, measured: Measured
) -> tuple[Alternative, Alternative, Alternative]:
    """Price this stack, a SageMaker real-time endpoint and a container that is always on.

    The endpoint answers a post a request, the container reads batches as the predictor does; each
    vCPU is as fast as the predictor's. Both run on two servers at least, so that one may fail.
    """
    lines = bill(load, deployment, measured)
    ours = _sum(lines, PREDICTING)
    rest = total(lines) - ours
    size = batch(load, deployment, measured)
    return (
        Alternative("this stack", 0, ours, rest),
        _servers(
            "SageMaker endpoint", load, 1 / measured.predictor.at(1) * _ENDPOINT_VCPU,
            {"endpoint hour": 1}, rest,
        ),
        _servers(
            "always-on container", load, size / measured.predictor.at(size),
            {"container vCPU-hour": 1, "container GB-hour": _CONTAINER_GB}, rest,
        ),
    )  # fmt: skip


def _servers(
    name: str, load: Load, posts_a_second: float, prices: Mapping[str, float], rest: float
) -> Alternative:
    servers = max(_LEAST_SERVERS, math.ceil(load.peak_a_second / (posts_a_second * _USED_SHARE)))
    hourly = sum(PRICES[price].dollars * units for price, units in prices.items())
    return Alternative(name, servers, servers * hourly * HOURS, rest)


def _sum(lines: list[Item], names: tuple[str, ...]) -> float:
    return sum(line.dollars for line in lines if line.what in names)
