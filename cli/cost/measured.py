"""Figures of the local stack, as ``python -m benchmarks.cost`` wrote them down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class LinearTime:
    """Seconds that a function takes for n posts: ``seconds`` + n ``seconds_a_post``."""

    seconds: float
    seconds_a_post: float

    def at(self, posts: float) -> float:
        return self.seconds + posts * self.seconds_a_post


@dataclass(frozen=True)
class Measured:
    """What one post, one batch, one run of a monitor and one retraining use.

    Attributes
    ----------
    origin : str
        When, at which commit, on which machine and with which posts it was measured.
    post_bytes, prediction_bytes : float
        Of a record, data and partition key.
    archived_bytes : float
        Of a post's line in the archive, as it is compressed there.
    predictor, drift, quality : LinearTime
        Seconds of a batch, and of a window.
    calls : mapping of str to float
        What the predictor calls a batch.
    log_bytes : float
        What the predictor prints a batch.
    predictor_metrics, monitor_metrics : int
        Metrics, each with its dimensions, that are published where nothing fails.
    report_bytes : int
        Of a drift report.
    training_seconds, workflow_seconds : float
        Of the training job, and of the functions around it.
    transitions : int
        States that a retraining passes.
    """

    origin: str
    post_bytes: float
    prediction_bytes: float
    archived_bytes: float
    predictor: LinearTime
    drift: LinearTime
    quality: LinearTime
    calls: Mapping[str, float]
    log_bytes: float
    predictor_metrics: int
    monitor_metrics: int
    report_bytes: int
    training_seconds: float
    workflow_seconds: float
    transitions: int

    @classmethod
    def from_json(cls, text: str) -> Measured:
        figures: dict[str, Any] = json.loads(text)
        predictor, monitors = figures["predictor"], figures["monitors"]
        seconds: dict[str, float] = figures["retraining"]["seconds"]
        training = sum(each for name, each in seconds.items() if "train" in name.lower())
        return cls(
            origin=(
                f"{figures['measured_at']}, commit {figures['commit']}, {figures['machine']}, "
                f"{figures['data']}"
            ),
            post_bytes=figures["post_bytes"],
            prediction_bytes=figures["prediction_bytes"],
            archived_bytes=figures["archived_bytes"],
            predictor=LinearTime(predictor["seconds"], predictor["seconds_a_post"]),
            drift=LinearTime(**monitors["drift"]),
            quality=LinearTime(**monitors["quality"]),
            calls=predictor["calls"],
            log_bytes=predictor["log_bytes"],
            predictor_metrics=predictor["metrics"],
            monitor_metrics=sum(figures["monitor_metrics"].values()),
            report_bytes=figures["report_bytes"],
            training_seconds=training,
            workflow_seconds=sum(seconds.values()) - training,
            transitions=figures["retraining"]["transitions"],
        )


def shipped() -> Measured:
    """Read the figures that ship with the command."""
    return Measured.from_json(SHIPPED.read_text())
