"""Resource usage measured on the local stack by ``python -m benchmarks.cost``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli.errors import OperatorError

SHIPPED = Path(__file__).with_name("measured.json")
SCORERS = Path(__file__).with_name("measured_scorers.json")
"""Output of ``python -m benchmarks.predictor --scorers --json``."""
DEFAULT_PIPELINE = "linear"
"""The pipeline whose predictor `SHIPPED` measures."""


@dataclass(frozen=True)
class LinearTime:
    """Seconds that a function takes for n posts: ``seconds`` + n ``seconds_a_post``."""

    seconds: float
    seconds_a_post: float

    def at(self, posts: float) -> float:
        return self.seconds + posts * self.seconds_a_post


@dataclass(frozen=True)
class Measured:
    """Resources that a post, batch, part, monitor run and retraining use.

    A part is a shard's posts in one window, which are settled together.

    Attributes
    ----------
    origin : str
        Date, commit, machine and posts of the measurement.
    post_bytes, prediction_bytes : float
        Size of a record, with its partition key.
    archived_bytes, settled_bytes, queried_bytes : float
        Size of a post in the raw archive, in the settled one, and in the columns that queries read.
    part_bytes : float
        Size of a part's summary and of its full sample.
    predictor, settle, drift : LinearTime
        Time per batch, per part, and per tested sample.
    plan_seconds, quality_seconds, rate_seconds : float
        Time per run, independent of the number of posts.
    calls : mapping of str to float
        The predictor's calls per batch.
    log_bytes : float
        The predictor's log per batch.
    predictor_metrics, drift_metrics, quality_metrics : int
        Number of metrics, each with its dimensions, published without failures.
    report_bytes : int
        Size of a drift report.
    training_seconds, workflow_seconds : float
        Time of the training job, and of the functions around it.
    transitions, monitoring_transitions, part_transitions : int
        States that a retraining enters, a run of the monitoring workflow with one part, and what
        each further part adds to it.
    """

    origin: str
    post_bytes: float
    prediction_bytes: float
    archived_bytes: float
    settled_bytes: float
    queried_bytes: float
    part_bytes: float
    predictor: LinearTime
    settle: LinearTime
    drift: LinearTime
    plan_seconds: float
    quality_seconds: float
    rate_seconds: float
    calls: Mapping[str, float]
    log_bytes: float
    predictor_metrics: int
    drift_metrics: int
    quality_metrics: int
    report_bytes: int
    training_seconds: float
    workflow_seconds: float
    transitions: int
    monitoring_transitions: int
    part_transitions: int

    def scored_by(self, pipeline: str) -> Measured:
        """Return the usage with a predictor that serves a pipeline of the training job.

        Raises
        ------
        OperatorError
            When the pipeline was not measured.
        """
        pipelines = json.loads(SCORERS.read_text())["pipelines"]
        if pipeline not in pipelines:
            raise OperatorError(
                f"The stage trains the pipeline {pipeline}, whose scoring time is not measured. "
                f"Run: python -m benchmarks.predictor --scorers --json > cli/cost/{SCORERS.name}"
            )
        default, trained = _line(pipelines[DEFAULT_PIPELINE]), _line(pipelines[pipeline])
        predictor = LinearTime(
            self.predictor.seconds + (trained.seconds - default.seconds),
            self.predictor.seconds_a_post + (trained.seconds_a_post - default.seconds_a_post),
        )
        return replace(self, predictor=predictor)

    @classmethod
    def from_json(cls, text: str) -> Measured:
        measured: dict[str, Any] = json.loads(text)
        predictor, monitors = measured["predictor"], measured["monitors"]
        seconds: dict[str, float] = measured["retraining"]["seconds"]
        training = sum(each for name, each in seconds.items() if "train" in name.lower())
        return cls(
            origin=(
                f"{measured['measured_at']}, commit {measured['commit']}, {measured['machine']}, "
                f"{measured['data']}"
            ),
            post_bytes=measured["post_bytes"],
            prediction_bytes=measured["prediction_bytes"],
            archived_bytes=measured["archived_bytes"],
            settled_bytes=measured["settled_bytes"],
            queried_bytes=measured["queried_bytes"],
            part_bytes=measured["part_bytes"],
            predictor=LinearTime(predictor["seconds"], predictor["seconds_a_post"]),
            settle=LinearTime(**monitors["settle"]),
            drift=LinearTime(**monitors["drift"]),
            plan_seconds=monitors["plan"]["seconds"],
            quality_seconds=monitors["quality"]["seconds"],
            rate_seconds=monitors["rate"]["seconds"],
            calls=predictor["calls"],
            log_bytes=predictor["log_bytes"],
            predictor_metrics=predictor["metrics"],
            drift_metrics=measured["monitor_metrics"]["drift"],
            quality_metrics=measured["monitor_metrics"]["quality"],
            report_bytes=measured["report_bytes"],
            training_seconds=training,
            workflow_seconds=sum(seconds.values()) - training,
            transitions=measured["retraining"]["transitions"],
            monitoring_transitions=monitors["transitions"],
            part_transitions=monitors["part_transitions"],
        )


def _line(pipeline: Mapping[str, Any]) -> LinearTime:
    """Fit a line through the smallest and the largest timed batch."""
    batches = {int(size): each["median"] for size, each in pipeline["seconds_a_batch"].items()}
    least, most = min(batches), max(batches)
    seconds_a_post = (batches[most] - batches[least]) / (most - least)
    return LinearTime(batches[least] - least * seconds_a_post, seconds_a_post)


def shipped() -> Measured:
    """Read the measurements that ship with the command."""
    return Measured.from_json(SHIPPED.read_text())
